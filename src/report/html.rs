//! The report: one page for somebody who never saw a packet, with all that it needs in it.
//!
//! Rust writes what can be read without a script: the summary, the timeline, the first events. The table of all events is
//! data in the page (`data.rs`), from which `report.js` builds the rows that are looked at.

mod counts;
mod data;
mod layout;
mod plain;
mod timeline;

use std::io::{self, Write};

use self::counts::Counts;
use self::data::{Data, Kind};
use self::timeline::Timeline;
use super::text;
use super::time::{Stamper, zone_name};
use super::words::{self, Speaker};
use super::{Context, Finished, Style, TimeStyle};
use crate::analyzer::Finding;
use crate::pattern::benign;

/// So many resets are listed; the others count.
const LISTED: usize = 20_000;
/// So many of them can be read with their evidence where scripts are off.
const STATIC: usize = 20;

/// Gathers findings for the report.
#[derive(Debug)]
pub struct Report {
    style: Style,
    stamper: Stamper,
    data: Data,
    counts: Counts,
    timeline: Timeline,
    /// The first events, to be read without a script.
    events: Vec<Event>,
    /// Resets that found no place in the list.
    unlisted: u64,
}

/// A reset as it can be read without a script.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Event {
    /// Frame, time, sender, receiver.
    fields: [String; 4],
    kind: Kind,
    sentence: String,
    /// What is said under a label.
    said: Vec<(&'static str, Vec<String>)>,
    ladder: String,
}

impl Report {
    /// Empty; of the style only what concerns times counts.
    pub fn new(style: &Style) -> Self {
        let style = Style { utc: style.utc, nano: style.nano, time: TimeStyle::DateTime, ..Style::default() };
        Self {
            stamper: Stamper::new(&style),
            style,
            data: Data::default(),
            counts: Counts::default(),
            timeline: Timeline::default(),
            events: Vec::new(),
            unlisted: 0,
        }
    }

    /// One more reset.
    pub fn finding(&mut self, context: &Context, finding: &Finding) {
        let kind = Kind::of(finding);
        let is_event = finding.verdict.follows.is_none();
        if is_event {
            self.timeline.add(kind, finding.reset.time);
        }
        let place = (self.data.len() < LISTED).then(|| self.data.len());
        let speaker = Speaker::new(context, finding);
        self.counts.add(finding, (&speaker, place));
        if place.is_none() {
            self.unlisted += 1;
            return;
        }
        let time = self.stamper.stamp(finding.reset.time);
        self.data.add(context, finding, (&speaker, &time));
        if is_event && self.events.len() < STATIC {
            self.events.push(Event::new((context, finding), &speaker, (&time, &self.style)));
        }
    }

    /// Writes the page.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&mut self, (context, finished): (&Context, &Finished<'_>), out: &mut dyn Write) -> io::Result<()> {
        let page = layout::Page {
            context,
            finished,
            zone: zone_name(&self.style),
            stamper: &mut self.stamper,
            data: &self.data,
            counts: &self.counts,
            timeline: &self.timeline,
            events: &self.events,
            unlisted: self.unlisted,
        };
        out.write_all(page.into_html().as_bytes())?;
        out.flush()
    }
}

impl Event {
    fn new((context, finding): (&Context, &Finding), speaker: &Speaker<'_>, (time, style): (&str, &Style)) -> Self {
        let tuple = finding.reset.tuple;
        let drawn = text::ladder(context, finding, style);
        Self {
            fields: [speaker.frame(finding.reset.frame), time.to_owned(), tuple.src.to_string(), tuple.dst.to_string()],
            kind: Kind::of(finding),
            sentence: speaker.sentence(),
            said: said((context, finding), speaker),
            ladder: drawn.lines().map(words::visible).collect::<Vec<_>>().join("\n"),
        }
    }
}

/// What a finding says, label by label; what it does not say has no label.
fn said((context, finding): (&Context, &Finding), speaker: &Speaker<'_>) -> Vec<(&'static str, Vec<String>)> {
    let verdict = &finding.verdict;
    let missing: Vec<&str> = verdict.missing.iter().map(|missing| missing.words()).collect();
    let harmless = (benign(finding) == Some(true)).then(|| "everything had been delivered both ways".to_owned());
    let comment = speaker.comment(finding.reset.frame).map(words::visible);
    let said = [
        ("What it did", vec![words::capitalized(speaker.effect())]),
        ("Harmless", harmless.into_iter().collect()),
        ("What to check", vec![words::capitalized(speaker.check())]),
        ("Why we think so", verdict.evidence.iter().map(|fact| speaker.fact(fact)).collect()),
        ("What else it could be", verdict.alternatives.iter().map(|other| speaker.alternative(other)).collect()),
        ("Missing from the recording", if missing.is_empty() { Vec::new() } else { vec![missing.join("; ")] }),
        ("The kernel of this host says", speaker.kernel()),
        ("At each capture point", speaker.points()),
        ("Who that is", context.names.sentence(finding).map(words::capitalized).into_iter().collect()),
        ("The programs said", speaker.heard()),
        ("The sender says", speaker.says()),
        ("Recorded in", recorded_in(context, finding).into_iter().collect()),
        ("Comment in the recording", comment.into_iter().collect()),
    ];
    said.into_iter().filter(|(_, lines)| !lines.is_empty()).collect()
}

/// The input that holds the reset, where there are several.
fn recorded_in(context: &Context, finding: &Finding) -> Option<String> {
    let name = words::short_input(context, finding.reset.frame).filter(|_| context.inputs.len() > 1);
    name.map(words::visible)
}
