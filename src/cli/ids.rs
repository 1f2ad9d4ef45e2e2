//! Ids of the catalogue as arguments: what they name, and the nearest one to what was mistyped.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Command, error::ErrorKind};

use crate::classify::{Cause, Class};
use crate::report::Topic;

/// Which resets an option is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// All.
    Any,
    /// Those of a class.
    Class(Class),
    /// Those of a cause.
    Cause(Cause),
}

impl Wanted {
    /// The id of [`Wanted::Any`].
    const ANY: &'static str = "any";

    /// Whether a reset with this class and cause is one of them.
    pub fn matches(self, class: Class, cause: Cause) -> bool {
        match self {
            Wanted::Any => true,
            Wanted::Class(wanted) => wanted == class,
            Wanted::Cause(wanted) => wanted == cause,
        }
    }

    fn from_id(id: &str) -> Option<Self> {
        if id == Self::ANY {
            return Some(Wanted::Any);
        }
        Class::from_id(id).map(Wanted::Class).or_else(|| Cause::from_id(id).map(Wanted::Cause))
    }

    fn ids() -> impl Iterator<Item = &'static str> {
        let causes = Cause::ALL.iter().map(|cause| cause.id());
        std::iter::once(Self::ANY).chain(Class::ALL.iter().map(|class| class.id())).chain(causes)
    }
}

/// Ids of the catalogue.
#[derive(Clone, Copy, Debug)]
pub(super) struct TopicParser;

impl TypedValueParser for TopicParser {
    type Value = Topic;

    fn parse_ref(&self, _: &Command, _: Option<&Arg>, value: &OsStr) -> Result<Topic, clap::Error> {
        let id = value.to_string_lossy();
        Topic::from_id(&id).ok_or_else(|| unknown(&id, Topic::ids()))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Topic::ids().map(PossibleValue::new)))
    }
}

/// Ids of causes and classes.
#[derive(Clone, Copy, Debug)]
pub(super) struct WantedParser;

impl TypedValueParser for WantedParser {
    type Value = Wanted;

    fn parse_ref(&self, _: &Command, _: Option<&Arg>, value: &OsStr) -> Result<Wanted, clap::Error> {
        let id = value.to_string_lossy();
        Wanted::from_id(&id).ok_or_else(|| unknown(&id, Wanted::ids()))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Wanted::ids().map(PossibleValue::new)))
    }
}

/// In one line, with the known id that is most like this one.
fn unknown(id: &str, known: impl Iterator<Item = &'static str>) -> clap::Error {
    let likeness = |known: &&str| strsim::jaro_winkler(id, known);
    let nearest = known.max_by(|a, b| likeness(a).total_cmp(&likeness(b))).unwrap_or_default();
    let id = id.escape_debug();
    let text = format!("no cause or class has the id '{id}': perhaps '{nearest}'; --explain list shows all\n");
    clap::Error::raw(ErrorKind::InvalidValue, text)
}
