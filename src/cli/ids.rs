//! Words with a closed vocabulary on the command line: ids of the catalogue, and what resets are chosen by. What is nearly
//! one of them is told which.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Command, error::ErrorKind};

use crate::report::{Term, Topic};

/// Ids of the catalogue.
#[derive(Clone, Copy, Debug)]
pub(super) struct TopicParser;

impl TypedValueParser for TopicParser {
    type Value = Topic;

    fn parse_ref(&self, _: &Command, _: Option<&Arg>, value: &OsStr) -> Result<Topic, clap::Error> {
        let id = value.to_string_lossy();
        Topic::from_id(&id).ok_or_else(|| {
            let (id, nearest) = (id.escape_debug(), nearest(&id, Topic::ids()));
            wrong(format!("no cause or class has the id '{id}': perhaps '{nearest}'; --explain list shows all\n"))
        })
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
