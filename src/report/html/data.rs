//! The events as data in the page: what the table shows of each, and, in blocks that are read when somebody looks, the rest.

use serde::Serialize;

use crate::analyzer::Finding;
use crate::classify::{Cause, Class};
use crate::pattern::benign;
use crate::report::Context;
use crate::report::ladder::{self, Ladder, Row as LadderRow};
use crate::report::time;
use crate::report::words::{Speaker, visible};

/// So many events share a block of details.
pub const BLOCK: usize = 64;

/// A class with its cause.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Kind {
    /// The class.
    pub class: Class,
    /// The cause.
    pub cause: Cause,
}

impl Kind {
    /// Of a finding.
    pub fn of(finding: &Finding) -> Self {
        Self { class: finding.verdict.class, cause: finding.verdict.cause }
    }
}

/// All events as text that can stand in a `script` element.
#[derive(Clone, Debug, Default)]
pub struct Data {
    /// The elements of an array, with commas between them.
    rows: String,
    /// The same, block by block.
    details: Vec<String>,
    count: usize,
}

/// What the table shows: frame, time, sender, receiver, class, cause, certainty, marks, and what else can be searched for.
#[derive(Serialize)]
struct Row<'a>(&'a str, &'a str, String, String, &'static str, &'static str, &'static str, u8, String);

/// It did no harm.
const BENIGN: u8 = 1;
/// It follows from another reset.
const FOLLOWS: u8 = 2;

/// What is shown of one event.
#[derive(Serialize)]
struct Detail {
    sentence: String,
    stream: u64,
    said: Vec<(&'static str, Vec<String>)>,
    ladder: Drawing,
}

/// A ladder, to be drawn by the page's script.
#[derive(Serialize)]
struct Drawing {
    ends: [String; 2],
    rows: Vec<Drawn>,
}

/// A row of it: a gap's words; or an arrow's frame, time, side, kind, label, note, states of client and server, and marks.
#[derive(Serialize)]
#[serde(untagged)]
enum Drawn {
    Gap(String),
    Arrow(String, String, ladder::Side, ladder::Kind, String, String, &'static str, &'static str, u8),
}

/// The verdict rests on it.
const DECIDES: u8 = 1;
/// Nobody acknowledged it.
const LOST: u8 = 2;
/// Neither end sent it.
const FOREIGN: u8 = 4;

impl Data {
    /// How many events there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// One more.
    pub fn add(&mut self, context: &Context, finding: &Finding, (speaker, time): (&Speaker<'_>, &str)) {
        let (reset, verdict) = (&finding.reset, &finding.verdict);
        let harmless = if benign(finding) == Some(true) { BENIGN } else { 0 };
        let follows = if verdict.follows.is_some() { FOLLOWS } else { 0 };
        let (class, cause, certainty) = (verdict.class.id(), verdict.cause.id(), verdict.certainty.id());
        let (src, dst) = (reset.tuple.src.to_string(), reset.tuple.dst.to_string());
        let frame = speaker.frame(reset.frame);
        let searched = speaker.heard().into_iter().chain(speaker.comment(reset.frame).map(visible));
        let searched = searched.chain(context.names.sentence(finding));
        let searched: Vec<String> = searched.chain(super::recorded_in(context, finding)).collect();
        let marks = harmless | follows;
        let row = Row(&frame, time, src, dst, class, cause, certainty, marks, searched.join(" "));
        let detail = Detail {
            sentence: speaker.sentence(),
            stream: finding.connection.stream,
            said: super::said((context, finding), speaker),
            ladder: Drawing::new(&Ladder::new(context, finding, false)),
        };
        if self.count.is_multiple_of(BLOCK) {
            self.details.push(String::new());
        }
        append(&mut self.rows, &row);
        if let Some(block) = self.details.last_mut() {
            append(block, &detail);
        }
        self.count += 1;
    }

    /// The rows of the table, as an array.
    pub fn rows(&self) -> String {
        format!("[{}]", self.rows)
    }

    /// The details, as arrays of [`BLOCK`] events each.
    pub fn blocks(&self) -> impl Iterator<Item = String> {
        self.details.iter().map(|block| format!("[{block}]"))
    }
}

impl Drawing {
    fn new(ladder: &Ladder) -> Self {
        let row = |row: &LadderRow| match row {
            LadderRow::Gap(text) => Drawn::Gap(text.clone()),
            LadderRow::Arrow(arrow) => Drawn::arrow(arrow),
        };
        Self { ends: ladder.names(), rows: ladder.rows.iter().map(row).collect() }
    }
}

impl Drawn {
    fn arrow(arrow: &ladder::Arrow) -> Self {
        let marks = [(arrow.decides, DECIDES), (arrow.is_lost, LOST), (arrow.is_foreign, FOREIGN)];
        let marks = marks.iter().filter(|(is_set, _)| *is_set).map(|(_, mark)| mark).sum();
        let (frame, time) = (arrow.frame.to_string(), time::offset(arrow.after_ns, false));
        let [client, server] = arrow.states.map(Option::unwrap_or_default);
        Self::Arrow(
            frame,
            time,
            arrow.side,
            arrow.kind,
            arrow.label.clone(),
            arrow.notes.join(", "),
            client,
            server,
            marks,
        )
    }
}

/// One more element of an array. What is written here has string keys only and no floats, so it cannot fail.
fn append(array: &mut String, element: &impl Serialize) {
    let Ok(json) = serde_json::to_string(element) else { return };
    if !array.is_empty() {
        array.push(',');
    }
    array.push_str(&inert(&json));
}

/// JSON without anything that means something to HTML, or ends a line in a script. All of these stand within its strings
/// only, where they can be written as escapes.
pub fn inert(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' => text.push_str("\\u003c"),
            '>' => text.push_str("\\u003e"),
            '&' => text.push_str("\\u0026"),
            '\u{2028}' => text.push_str("\\u2028"),
            '\u{2029}' => text.push_str("\\u2029"),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn json_cannot_leave_its_element() {
        let hostile = "</script><script>alert(1)</script> <!-- \u{2028} & \" '";
        let json = inert(&serde_json::to_string(hostile).unwrap());
        assert!(!json.contains(['<', '>', '&', '\u{2028}']), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), hostile);
    }

    proptest! {
        #[test]
        fn what_is_inert_says_the_same(text in any::<String>()) {
            let json = inert(&serde_json::to_string(&text).unwrap());
            let is_inert = !json.contains(['<', '>', '&', '\u{2028}', '\u{2029}']);
            prop_assert!(is_inert, "{}", json);
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}
