//! Words with a closed vocabulary on the command line: ids of the catalogue, and what resets are chosen by. What is nearly
//! one of them is told which.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Command, error::ErrorKind};

use crate::classify::{Cause, Class};
use crate::report::{Term, Topic};

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

/// What resets are chosen by: ids, and addresses with or without a port.
#[derive(Clone, Copy, Debug)]
pub(super) struct TermParser;

impl TypedValueParser for TermParser {
    type Value = Term;

    fn parse_ref(&self, _: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<Term, clap::Error> {
        let word = value.to_string_lossy();
        Term::parse(&word).ok_or_else(|| {
            let option = arg.and_then(Arg::get_long).unwrap_or_default();
            let escaped = word.escape_debug();
            wrong(if word.contains(['.', ':']) {
                format!(
                    "--{option}: '{escaped}' is no address: 192.0.2.7, 192.0.2.7:443, 2001:db8::7, [2001:db8::7]:443\n"
                )
            } else {
                let nearest = nearest(&word, Term::ids());
                format!("--{option}: no class, cause or certainty is '{escaped}': perhaps '{nearest}'\n")
            })
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Term::ids().map(PossibleValue::new)))
    }
}

fn wrong(text: String) -> clap::Error {
    clap::Error::raw(ErrorKind::InvalidValue, text)
}

/// The id that is most like what was typed.
fn nearest<'a>(word: &str, ids: impl Iterator<Item = &'a str>) -> &'a str {
    let likeness = |known: &&str| strsim::jaro_winkler(word, known);
    ids.max_by(|a, b| likeness(a).total_cmp(&likeness(b))).unwrap_or_default()
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
    let (nearest, id) = (nearest(id, known), id.escape_debug());
    wrong(format!("no cause or class has the id '{id}': perhaps '{nearest}'; --explain list shows all\n"))
}
