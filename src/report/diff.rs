//! What changed between two outputs of `--json`.

use std::collections::BTreeMap;
use std::io::{self, BufRead};
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::palette::{Ink, Palette};
use super::{amount, words};
use crate::analyzer::Tally;
use crate::classify::{Cause, Class};

/// What one output holds, as far as it is compared.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Recorded {
    /// Where it comes from, for people.
    pub name: String,
    /// Its resets.
    tallies: BTreeMap<Key, Tally>,
    /// What its summary lines say in all; `None` without one.
    summary: Option<SummaryLine>,
    /// Lines that are none of rstscan's.
    pub malformed: u64,
    /// The first of them, from 1.
    pub first_malformed: Option<u64>,
}

/// Resets are compared by cause and by the port of the service.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Key {
    class: Class,
    cause: Cause,
    port: u16,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line {
    Reset(ResetLine),
    Pattern { schema: u32 },
    Summary(SummaryLine),
}

/// The keys of a reset that are compared.
#[derive(Deserialize)]
struct ResetLine {
    schema: u32,
    class: String,
    cause: String,
    follows: Option<u64>,
    service: SocketAddr,
}

/// The keys of a summary that say whether two runs can be compared.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
struct SummaryLine {
    #[serde(skip_serializing)]
    schema: u32,
    frames: u64,
    connections: u64,
    resets: u64,
    events: u64,
    /// As in the lines: text whose order is that of time.
    first: Option<String>,
    last: Option<String>,
}

/// The version of the lines that can be read.
const SCHEMA: u32 = super::json::SCHEMA;

impl Recorded {
    /// Reads an output; lines that are no JSON of this schema are counted.
    ///
    /// # Errors
    ///
    /// When the input cannot be read.
    pub fn read(name: String, mut input: impl BufRead) -> io::Result<Self> {
        let mut recorded = Self { name, ..Self::default() };
        let mut bytes = Vec::new();
        for number in 1.. {
            bytes.clear();
            if input.read_until(b'\n', &mut bytes)? == 0 {
                break;
            }
            if !bytes.trim_ascii().is_empty() && recorded.add(&bytes).is_none() {
                recorded.malformed += 1;
                recorded.first_malformed.get_or_insert(number);
            }
        }
        Ok(recorded)
    }

    /// Whether its run said that it came to its end.
    pub fn is_whole(&self) -> bool {
        self.summary.is_some()
    }

    fn add(&mut self, line: &[u8]) -> Option<()> {
        match serde_json::from_slice(line).ok()? {
            Line::Reset(reset) if reset.schema == SCHEMA => {
                let (class, cause) = (Class::from_id(&reset.class)?, Cause::from_id(&reset.cause)?);
                let tally = self.tallies.entry(Key { class, cause, port: reset.service.port() }).or_default();
                tally.resets += 1;
                tally.events += u64::from(reset.follows.is_none());
            }
            Line::Summary(summary) if summary.schema == SCHEMA => self.summary.get_or_insert_default().add(&summary),
            Line::Pattern { schema: SCHEMA } => {}
            _ => return None,
        }
        Some(())
    }

    /// The totals, for the head of a comparison.
    fn totals(&self) -> String {
        let Some(summary) = &self.summary else {
            let resets = self.tallies.values().map(|tally| tally.resets).sum();
            let events = self.tallies.values().map(|tally| tally.events).sum();
            return format!("{} in {}", amount::counted(resets, "reset"), amount::counted(events, "event"));
        };
        let (resets, events) = (amount::counted(summary.resets, "reset"), amount::counted(summary.events, "event"));
        let connections = amount::counted(summary.connections, "connection");
        format!("{resets} in {events}, {connections}{}", summary.span())
    }
}

impl SummaryLine {
    /// Adds those of another run, where outputs were put together.
    fn add(&mut self, other: &SummaryLine) {
        self.frames = self.frames.saturating_add(other.frames);
        self.connections = self.connections.saturating_add(other.connections);
        self.resets = self.resets.saturating_add(other.resets);
        self.events = self.events.saturating_add(other.events);
        self.first = self.first.take().into_iter().chain(other.first.clone()).min();
        self.last = self.last.take().into_iter().chain(other.last.clone()).max();
    }

    fn span(&self) -> String {
        let parsed = |time: &Option<String>| time.as_deref()?.parse::<jiff::Timestamp>().ok();
        let Some((first, last)) = parsed(&self.first).zip(parsed(&self.last)) else { return String::new() };
        let nanos = last.as_nanosecond().saturating_sub(first.as_nanosecond());
        format!(", over {}", amount::duration(i64::try_from(nanos).unwrap_or(i64::MAX)))
    }
}

/// Two outputs side by side.
#[derive(Clone, PartialEq, Debug)]
pub struct Diff {
    before: Recorded,
    after: Recorded,
    changes: Vec<Change>,
}

/// How many resets of one cause a service port had.
#[derive(Clone, PartialEq, Debug)]
struct Change {
    key: Key,
    before: Tally,
    after: Tally,
}

/// What became of a cause on a port. The order is that of the text: what somebody has to look at comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Became {
    New,
    More,
    Fewer,
    Gone,
    Same,
}

impl Diff {
    /// Compares.
    pub fn new(before: Recorded, after: Recorded) -> Self {
        let keys: std::collections::BTreeSet<&Key> = before.tallies.keys().chain(after.tallies.keys()).collect();
        let of = |recorded: &Recorded, key: &Key| recorded.tallies.get(key).copied().unwrap_or_default();
        let change = |key: &Key| Change { key: key.clone(), before: of(&before, key), after: of(&after, key) };
        let mut changes: Vec<Change> = keys.into_iter().map(change).collect();
        changes.sort_by_key(|change| (change.became(), std::cmp::Reverse(change.distance())));
        Self { before, after, changes }
    }

    /// The causes that have more events than before, over all ports.
    pub fn risen(&self) -> Vec<(Class, Cause)> {
        let mut totals: BTreeMap<(Class, Cause), (u64, u64)> = BTreeMap::new();
        for change in &self.changes {
            let (before, after) = totals.entry((change.key.class, change.key.cause)).or_default();
            *before += change.before.events;
            *after += change.after.events;
        }
        totals.into_iter().filter(|(_, (before, after))| after > before).map(|(cause, _)| cause).collect()
    }

    /// For people: `keepalive-race on :8080: 41 -> 0`, under what became of it. Numbers are events: resets that follow from
    /// others are left out.
    pub fn text(&self, color: bool) -> String {
        let palette = Palette::new(color);
        let mut text = self.head();
        for became in [Became::New, Became::More, Became::Fewer, Became::Gone] {
            let changes: Vec<&Change> = self.events().filter(|change| change.became() == became).collect();
            if changes.is_empty() {
                continue;
            }
            text.push_str(&format!("\n{}\n", palette.paint(Ink::Strong, became.words())));
            for (class, line) in lines(&changes) {
                text.push_str(&format!("  {}\n", palette.paint(Ink::Accent(class), &line)));
            }
        }
        let same: Vec<&Change> = self.events().filter(|change| change.became() == Became::Same).collect();
        let events: u64 = same.iter().map(|change| change.after.events).sum();
        text.push_str(&match (same.len(), self.events().count()) {
            (_, 0) => "\nno reset in either\n".to_owned(),
            (0, _) => String::new(),
            (same, all) if same == all => "\nnothing changed\n".to_owned(),
            (same, _) => {
                let pairs = amount::counted(same as u64, "pair");
                format!("\nas before: {} ({pairs} of cause and port)\n", amount::counted(events, "event"))
            }
        });
        text
    }

    /// For programs: a line for each cause and port, and one for the whole.
    ///
    /// # Errors
    ///
    /// None that the data can cause.
    pub fn json(&self) -> serde_json::Result<String> {
        let mut text = String::new();
        for change in &self.changes {
            text.push_str(&serde_json::to_string(&ChangeLine::new(change))?);
            text.push('\n');
        }
        let [before, after] = [&self.before, &self.after].map(SideTwin::new);
        text.push_str(&serde_json::to_string(&DiffLine { r#type: "diff", schema: SCHEMA, before, after })?);
        text.push('\n');
        Ok(text)
    }

    /// The changes that are about events.
    fn events(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.before.events + change.after.events > 0)
    }

    fn head(&self) -> String {
        let names = [&self.before, &self.after].map(|recorded| words::visible(&recorded.name));
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
        let [before, after] = names;
        let (was, is) = (self.before.totals(), self.after.totals());
        format!("before  {before:<width$}  {was}\nafter   {after:<width$}  {is}\n")
    }
}

impl Change {
    /// What is compared: events, and of what only follows from others the resets.
    fn counts(&self) -> (u64, u64) {
        match self.before.events + self.after.events {
            0 => (self.before.resets, self.after.resets),
            _ => (self.before.events, self.after.events),
        }
    }

    fn became(&self) -> Became {
        match self.counts() {
            (0, _) => Became::New,
            (_, 0) => Became::Gone,
            (before, after) if after > before => Became::More,
            (before, after) if after < before => Became::Fewer,
            _ => Became::Same,
        }
    }

    fn distance(&self) -> u64 {
        let (before, after) = self.counts();
        before.abs_diff(after)
    }
}

impl Became {
    fn words(self) -> &'static str {
        match self {
            Became::New => "new",
            Became::More => "more than before",
            Became::Fewer => "fewer than before",
            Became::Gone => "gone",
            Became::Same => "as before",
        }
    }
}

/// So many ports of a cause have lines of their own.
const PORTS: usize = 8;

/// The lines of changes of one kind; where a cause has many ports, as after a scan, the rest is one line.
fn lines(changes: &[&Change]) -> Vec<(Class, String)> {
    let mut rows: Vec<(Class, String, (u64, u64))> = Vec::new();
    let mut seen: BTreeMap<Cause, usize> = BTreeMap::new();
    let mut rest: BTreeMap<(Class, Cause), (u64, u64, u64)> = BTreeMap::new();
    for change in changes {
        let Key { class, cause, port } = change.key;
        let (before, after) = change.counts();
        let count = seen.entry(cause).or_default();
        *count += 1;
        if *count <= PORTS {
            rows.push((class, format!("{cause} on :{port}:"), (before, after)));
        } else {
            let (ports, was, is) = rest.entry((class, cause)).or_default();
            (*ports, *was, *is) = (*ports + 1, *was + before, *is + after);
        }
    }
    for ((class, cause), (ports, before, after)) in rest {
        rows.push((class, format!("{cause} on {ports} more ports:"), (before, after)));
    }
    let names = rows.iter().map(|(_, name, _)| name.len()).max().unwrap_or_default();
    let digits = rows.iter().map(|(.., (before, _))| before.to_string().len()).max().unwrap_or_default();
    let line = |(class, name, (before, after))| (class, format!("{name:<names$} {before:>digits$} -> {after}"));
    rows.into_iter().map(line).collect()
}

#[derive(Serialize)]
struct ChangeLine {
    r#type: &'static str,
    schema: u32,
    class: &'static str,
    cause: &'static str,
    port: u16,
    became: Became,
    before: TallyTwin,
    after: TallyTwin,
}

impl ChangeLine {
    fn new(change: &Change) -> Self {
        let Change { key, before, after } = change;
        Self {
            r#type: "change",
            schema: SCHEMA,
            class: key.class.id(),
            cause: key.cause.id(),
            port: key.port,
            became: change.became(),
            before: TallyTwin::new(before),
            after: TallyTwin::new(after),
        }
    }
}

#[derive(Serialize)]
struct TallyTwin {
    resets: u64,
    events: u64,
}

impl TallyTwin {
    fn new(tally: &Tally) -> Self {
        Self { resets: tally.resets, events: tally.events }
    }
}

#[derive(Serialize)]
struct DiffLine<'a> {
    r#type: &'static str,
    schema: u32,
    before: SideTwin<'a>,
    after: SideTwin<'a>,
}

#[derive(Serialize)]
struct SideTwin<'a> {
    file: &'a str,
    malformed: u64,
    #[serde(flatten)]
    summary: Option<&'a SummaryLine>,
}

impl<'a> SideTwin<'a> {
    fn new(recorded: &'a Recorded) -> Self {
        Self { file: &recorded.name, malformed: recorded.malformed, summary: recorded.summary.as_ref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of an output: so many events of a cause on a port, and what follows from them.
    fn output(resets: &[(&str, u16, u64)]) -> String {
        let mut text = String::new();
        for (cause, port, count) in resets {
            let (class, follows) = match *cause {
                "no-listener" => ("closed-port", "null"),
                "lost-state" => ("half-open-response", "null"),
                "echo-after-reset" => ("half-open-response", "1"),
                _ => ("abortive-close", "null"),
            };
            for _ in 0..*count {
                text.push_str(&format!(
                    "{{\"type\":\"reset\",\"schema\":1,\"class\":\"{class}\",\"cause\":\"{cause}\",\
                     \"follows\":{follows},\"service\":\"[2001:db8::1]:{port}\"}}\n"
                ));
            }
        }
        text + "{\"type\":\"pattern\",\"schema\":1}\n\
                {\"type\":\"summary\",\"schema\":1,\"frames\":9,\"connections\":3,\"resets\":2,\"events\":1,\
                \"first\":\"2026-11-22T07:00:00.000000000Z\",\"last\":\"2026-11-22T07:01:01.000000000Z\"}\n"
    }

    fn read(name: &str, text: &str) -> Recorded {
        Recorded::read(name.to_owned(), text.as_bytes()).unwrap()
    }

    fn diff(before: &[(&str, u16, u64)], after: &[(&str, u16, u64)]) -> Diff {
        Diff::new(read("a.json", &output(before)), read("later.json", &output(after)))
    }

    #[test]
    fn what_is_new_comes_first_and_the_largest_change_before_others() {
        let before = [("keepalive-race", 8080, 41), ("no-listener", 80, 5), ("abort", 25, 3), ("abort", 26, 2)];
        let after = [("lost-state", 5432, 12), ("no-listener", 80, 7), ("abort", 25, 1), ("abort", 26, 2)];
        let expected = "\
before  a.json      2 resets in 1 event, 3 connections, over 1 min 1 s
after   later.json  2 resets in 1 event, 3 connections, over 1 min 1 s

new
  lost-state on :5432: 0 -> 12

more than before
  no-listener on :80: 5 -> 7

fewer than before
  abort on :25: 3 -> 1

gone
  keepalive-race on :8080: 41 -> 0

as before: 2 events (1 pair of cause and port)
";
        assert_eq!(diff(&before, &after).text(false), expected);
        let colored = diff(&before, &after).text(true);
        assert!(colored.contains("mkeepalive-race on :8080: 41 -> 0\x1b[0m"), "{colored}");
    }

    #[test]
    fn what_follows_from_others_is_for_programs_only() {
        let both = diff(&[("lost-state", 80, 1), ("echo-after-reset", 80, 9)], &[("lost-state", 80, 1)]);
        assert!(both.text(false).ends_with("\n\nnothing changed\n"));
        let json = both.json().unwrap();
        assert!(
            json.contains(r#""cause":"echo-after-reset","port":80,"became":"gone","before":{"resets":9,"events":0}"#)
        );
        assert!(diff(&[], &[]).text(false).ends_with("\n\nno reset in either\n"));
    }

    #[test]
    fn many_ports_of_one_cause_are_folded() {
        let scan: Vec<(&str, u16, u64)> = (1..=20).map(|port| ("no-listener", port, 2)).collect();
        let text = diff(&[], &scan).text(false);
        assert_eq!(text.matches(" on :").count(), PORTS);
        assert!(text.contains("  no-listener on 12 more ports: 0 -> 24\n"), "{text}");
    }

    #[test]
    fn causes_that_have_risen_are_counted_over_all_ports() {
        let moved = diff(&[("no-listener", 80, 3)], &[("no-listener", 81, 3), ("abort", 25, 1)]);
        assert_eq!(moved.risen(), [(Class::AbortiveClose, Cause::Abort)]);
    }

    #[test]
    fn lines_of_others_are_counted_and_left_out() {
        let good = output(&[("abort", 25, 1)]);
        let wrong =
            ["", "junk", "{}", "[1]", "\u{7f}\u{0}", &good[..40], r#"{"type":"reset","schema":2}"#, &"[".repeat(9_000)];
        let text = format!("{}\n{good}", wrong.join("\n"));
        let recorded = read("a.json", &text);
        // The empty line is none.
        assert_eq!((recorded.malformed, recorded.first_malformed), (wrong.len() as u64 - 1, Some(2)));
        assert!(recorded.is_whole() && recorded.tallies.len() == 1);
        let cut = read("a.json", &good[..good.len() - 10]);
        assert_eq!((cut.malformed, cut.first_malformed, cut.is_whole()), (1, Some(3), false));
        assert!(Diff::new(cut, recorded).text(false).starts_with("before  a.json  1 reset in 1 event\n"));
        assert_eq!(Recorded::read(String::new(), &b"\xff\xfe\n"[..]).unwrap().malformed, 1);
    }
}
