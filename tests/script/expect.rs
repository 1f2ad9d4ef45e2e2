//! Expectations: what a script says of one reset.

use rstscan::classify::{Application, Cause, Certainty, Class, FactKind, Form, Missing, OnPeer};

use super::options::number;

/// What is expected of one reset.
#[derive(Clone, PartialEq, Debug)]
pub struct Expect {
    /// Its frame, counted in the script.
    pub frame: u64,
    /// The classes and causes allowed.
    pub verdict: Vec<Pattern>,
    /// The certainties allowed; none written allows all.
    pub certainty: Vec<Certainty>,
    /// What else must hold.
    pub details: Vec<Detail>,
}

/// A class, and a cause if it matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pattern {
    /// The class.
    pub class: Class,
    /// The cause.
    pub cause: Option<Cause>,
}

/// One indented line below an expectation.
#[derive(Clone, PartialEq, Debug)]
pub enum Detail {
    /// `answers #1 after 210us`: the trigger, and the time from it.
    Answers { frame: u64, after_ns: Option<i64> },
    /// `answers nothing`: there is no trigger.
    Unprovoked,
    /// `follows #3`: it merely follows from that reset.
    Follows(u64),
    /// `form active`.
    Form(Form),
    /// `effect accepted ECONNRESET`: what it did (alternatives between `|`), and what the application saw.
    Effect(Vec<OnPeer>, Option<Application>),
    /// `missing: the handshake`: a fact the capture lacks.
    Missing(Missing),
    /// `alternative abortive-close/data-after-close`: another reading that must be named.
    Alternative(Pattern),
    /// `evidence seq-equals-ack-of #1`: a fact that must be there.
    Evidence(FactKind, Option<u64>),
    /// `no evidence icmp-refused`: a fact that must not be there.
    Unsaid(FactKind),
    /// `bytes lost 3 to sender` or `to peer`.
    LostToSender(u32),
    /// `bytes lost 3 to peer`.
    LostToPeer(u32),
}

impl Expect {
    /// Reads the line after `=>`, without its details.
    pub fn parse(text: &str) -> Result<Expect, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (frame, verdict, certainty) = match words.as_slice() {
            [frame, verdict] => (frame, verdict, ""),
            [frame, verdict, certainty] => (frame, verdict, *certainty),
            _ => return Err("an expectation is `=> #frame class/cause certainty`, or `=> none`".into()),
        };
        let certainty = certainty.split('|').filter(|id| !id.is_empty());
        Ok(Expect {
            frame: frame_number(frame)?,
            verdict: patterns(verdict)?,
            certainty: certainty.map(|id| known(Certainty::from_id(id), id, "certainty")).collect::<Result<_, _>>()?,
            details: Vec::new(),
        })
    }
}

impl Detail {
    /// Reads one indented line.
    pub fn parse(text: &str) -> Result<Detail, String> {
        if let Some(words) = text.trim().strip_prefix("missing: ") {
            let found = Missing::ALL.iter().copied().find(|missing| missing.words() == words || missing.id() == words);
            return known(found, words, "missing fact").map(Detail::Missing);
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        Ok(match words.as_slice() {
            ["answers", "nothing"] => Detail::Unprovoked,
            ["answers", frame] => Detail::Answers { frame: frame_number(frame)?, after_ns: None },
            ["answers", frame, "after", time] => {
                Detail::Answers { frame: frame_number(frame)?, after_ns: Some(duration(time)?) }
            }
            ["follows", frame] => Detail::Follows(frame_number(frame)?),
            ["form", form] => Detail::Form(known(Form::from_id(form), form, "form")?),
            ["effect", on_peer] => Detail::Effect(effects(on_peer)?, None),
            ["effect", on_peer, saw] => {
                Detail::Effect(effects(on_peer)?, Some(known(Application::from_id(saw), saw, "error")?))
            }
            ["alternative", pattern] => match patterns(pattern)?.as_slice() {
                [pattern] => Detail::Alternative(*pattern),
                _ => return Err("one alternative a line".into()),
            },
            ["evidence", fact] => Detail::Evidence(known(FactKind::from_id(fact), fact, "fact")?, None),
            ["evidence", fact, frame] => {
                Detail::Evidence(known(FactKind::from_id(fact), fact, "fact")?, Some(frame_number(frame)?))
            }
            ["no", "evidence", fact] => Detail::Unsaid(known(FactKind::from_id(fact), fact, "fact")?),
            ["bytes", "lost", count, "to", "sender"] => Detail::LostToSender(number(count)?),
            ["bytes", "lost", count, "to", "peer"] => Detail::LostToPeer(number(count)?),
            _ => return Err(format!("`{}` is no detail of an expectation", text.trim())),
        })
    }
}

/// Reads `class`, `class/cause`, and alternatives between `|`: a bare cause belongs to the class before it.
fn patterns(text: &str) -> Result<Vec<Pattern>, String> {
    let mut patterns: Vec<Pattern> = Vec::new();
    for word in text.split('|') {
        let pattern = match word.split_once('/') {
            Some((class, cause)) => Pattern {
                class: known(Class::from_id(class), class, "class")?,
                cause: Some(known(Cause::from_id(cause), cause, "cause")?),
            },
            None => match (Class::from_id(word), patterns.last()) {
                (Some(class), _) => Pattern { class, cause: None },
                (None, Some(before)) => {
                    Pattern { class: before.class, cause: Some(known(Cause::from_id(word), word, "cause")?) }
                }
                (None, None) => return Err(format!("`{word}` is no class")),
            },
        };
        patterns.push(pattern);
    }
    Ok(patterns)
}

fn effects(text: &str) -> Result<Vec<OnPeer>, String> {
    text.split('|').map(|id| known(OnPeer::from_id(id), id, "effect")).collect()
}

fn frame_number(text: &str) -> Result<u64, String> {
    number(text.strip_prefix('#').ok_or_else(|| format!("a frame is written `#1`, not `{text}`"))?)
}

fn known<T>(value: Option<T>, id: &str, what: &str) -> Result<T, String> {
    value.ok_or_else(|| format!("`{id}` is no {what}"))
}

/// Reads `210us`, `1.5ms`, `-3s`.
fn duration(text: &str) -> Result<i64, String> {
    let units = [("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000)];
    let (value, unit) = units
        .iter()
        .find_map(|(suffix, unit)| Some((text.strip_suffix(suffix)?, *unit)))
        .ok_or_else(|| format!("`{text}` has no unit of time"))?;
    super::parse::decimal(value, unit)
}
