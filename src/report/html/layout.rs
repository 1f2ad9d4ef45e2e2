//! The page: what stands where. All text goes through maud, which escapes it; nothing is fetched, and the policy in the head
//! lets nothing run but the script that is part of it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::counts::{Count, Counts};
use super::data::{Data, Kind};
use super::timeline::{self, Lane, Timeline};
use super::{Event, plain};
use crate::analyzer::Summary;
use crate::classify::{Certainty, Class};
use crate::frame::Timestamp;
use crate::report::time::Stamper;
use crate::report::{Context, Finished, amount, text, words};

const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

/// The columns of the table, in the order of the data.
const COLUMNS: [&str; 7] = ["Frame", "Time", "Sent by", "To", "Class", "Cause", "How sure"];
/// So many causes have a lane of their own in the timeline.
const LANES: usize = 12;
/// So many services are named beside a cause.
const SERVICES: usize = 3;
/// So many patterns are named.
const PATTERNS: usize = 8;

/// All that the page shows.
pub struct Page<'a> {
    /// The run.
    pub context: &'a Context,
    /// Its end.
    pub finished: &'a Finished<'a>,
    /// The zone of all times.
    pub zone: String,
    /// Writes times.
    pub stamper: &'a mut Stamper,
    /// The events of the table.
    pub data: &'a Data,
    /// The counts by cause.
    pub counts: &'a Counts,
    /// When they came.
    pub timeline: &'a Timeline,
    /// Those that are readable without a script.
    pub events: &'a [Event],
    /// Resets that are not in the table.
    pub unlisted: u64,
}

impl Page<'_> {
    /// The whole page.
    pub fn into_html(mut self) -> String {
        let inputs: Vec<String> = self.context.inputs.iter().map(|input| words::visible(input)).collect();
        let title = format!("Connection resets: {}", shortened(&inputs));
        let has_events = !self.counts.by_events().is_empty();
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(policy());
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="referrer" content="no-referrer";
                    title { (title) }
                    link rel="icon" href="data:,";
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    header {
                        p.kind { "Report on connection resets" }
                        h1 { bdi { (shortened(&inputs)) } }
                        (self.facts())
                    }
                    main {
                        (self.summary())
                        @if has_events {
                            (self.timeline())
                            (self.patterns())
                            (self.table())
                            (without_script(self.events, self.data.len()))
                        }
                        (self.remarks(&inputs))
                    }
                    footer {
                        p { "Written by rstscan " (env!("CARGO_PKG_VERSION")) ". This page holds all its data; it loads nothing." }
                    }
                    script type="application/json" id="rows" { (PreEscaped(self.data.rows())) }
                    @for (index, block) in self.data.blocks().enumerate() {
                        script type="application/json" id={ "details-" (index) } { (PreEscaped(block)) }
                    }
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        };
        page.into_string()
    }

    /// What was looked at, and when it was.
    fn facts(&mut self) -> Markup {
        let Summary { frames, connections, first, last, .. } = *self.finished.summary;
        let span = first.zip(last).map(|(first, last)| {
            (self.stamper.stamp(first), self.stamper.stamp(last), amount::duration(last.since(first)))
        });
        html! {
            p.facts {
                @if let Some((first, last, span)) = span {
                    (first) " to " (last) " (" (self.zone) "), " (span) " · "
                }
                (counted(connections, "connection")) " in " (counted(frames, "frame"))
            }
        }
    }

    /// What happened, in plain words.
    fn summary(&mut self) -> Markup {
        let (events, benign) = self.counts.totals();
        let kinds = self.counts.by_events();
        let resets = self.finished.summary.resets;
        html! {
            section {
                h2 { "What happened" }
                p.lead {
                    @match (events, kinds.len()) {
                        (0, _) => "No connection was reset.",
                        (1, _) => { strong { "Once" } " a connection was reset." }
                        (_, 1) => {
                            strong { (counted(events, "time")) } " a connection was reset, each time for the same reason."
                        }
                        (_, reasons) => {
                            strong { (counted(events, "time")) } " a connection was reset, for " (reasons) " different reasons."
                        }
                    }
                    @if events > 0 && resets > events {
                        " That took " (counted(resets, "reset")) ": one event may draw several."
                    }
                    @if benign > 0 { " " (harmless(benign, events)) }
                }
                details.hint {
                    summary { "What is a reset?" }
                    p { (plain::RESET) }
                    p { "How sure each answer is, it says itself:" }
                    dl {
                        @for certainty in Certainty::ALL.iter().rev() {
                            dt { (certainty) } dd { (plain::certainty(*certainty)) }
                        }
                    }
                }
                div.cards { @for (kind, count) in &kinds { (self.card(*kind, count)) } }
            }
        }
    }

    /// What is said of a cause.
    fn card(&mut self, kind: Kind, count: &Count) -> Markup {
        let (services, others) = count.services(SERVICES);
        let (sentence, check) = &count.example;
        let (first, last) = (self.stamper.stamp(count.first), self.stamper.stamp(count.last));
        html! {
            article.card data-class=(kind.class) {
                h3 {
                    span.count { (grouped(count.events)) } " " (words::capitalized(words::class(kind.class))) " "
                    code title=(plain::means(kind)) { (kind.cause) }
                }
                p { (plain::class(kind.class)) }
                p.example { @if count.events > 1 { "For example: " } (sentence) }
                p.where {
                    "On " @for (index, (service, events)) in services.iter().enumerate() {
                        @if index > 0 { ", " } bdi { (service) } @if services.len() > 1 { " (" (events) ")" }
                    }
                    @if others > 0 { " and " (amount::counted(others as u64, "other")) }
                    @if count.events > 1 { ", first " (first) ", last " (last) } @else { ", " (first) }
                    @if count.benign > 0 { ". " (harmless(count.benign, count.events)) }
                }
                p.advice { strong { "What to check: " } (words::capitalized(check)) "." }
                @if let Some(place) = count.place {
                    p.show {
                        a href={ "#event-" (place) } data-cause={ (kind.class) "/" (kind.cause) } { "Show the evidence" }
                    }
                }
            }
        }
    }

    /// When it happened: a lane for each cause.
    fn timeline(&mut self) -> Markup {
        let Some(range) = self.timeline.range() else { return html! {} };
        let lanes = self.timeline.lanes();
        let others = lanes.len().saturating_sub(LANES);
        let (first, last) = (self.stamper.stamp(range.0), self.stamper.stamp(range.1));
        html! {
            section.timeline {
                h2 { "When it happened" }
                @for lane in lanes.iter().take(LANES) { (self.lane(lane, range)) }
                div.axis { span { (first) } span { (last) } }
                @if others > 0 { p.facts { (amount::counted(others as u64, "rarer cause")) " not drawn" } }
            }
        }
    }

    /// Bars: how many events of a cause there were in each stretch of time.
    fn lane(&mut self, lane: &Lane, range: (Timestamp, Timestamp)) -> Markup {
        let highest = lane.columns.iter().copied().max().unwrap_or(1).max(1);
        let total: u64 = lane.columns.iter().sum();
        let bars = lane.columns.iter().enumerate().filter(|(_, events)| **events > 0);
        let bars: Vec<(usize, u64, u64, String)> = bars
            .map(|(column, &events)| {
                let height = (events * 20).div_ceil(highest).max(4);
                let time = self.stamper.stamp(timeline::begin_of(column, range));
                (column, 20 - height.min(20), height, format!("{time}: {}", amount::counted(events, "event")))
            })
            .collect();
        html! {
            div.lane data-class=(lane.kind.class) {
                a href="#events" data-cause={ (lane.kind.class) "/" (lane.kind.cause) } title=(plain::means(lane.kind)) {
                    (lane.kind.cause)
                }
                svg viewBox={ "0 0 " (timeline::COLUMNS) " 20" } preserveAspectRatio="none" role="img"
                    aria-label={ (lane.kind.cause) ": " (amount::counted(total, "event")) } {
                    @for (column, y, height, words) in &bars {
                        rect x=(column) y=(y) width="1" height=(height) { title { (words) } }
                    }
                }
                span.total { (grouped(total)) }
            }
        }
    }

    /// What many of them have in common.
    fn patterns(&self) -> Markup {
        let patterns = self.context.patterns.all();
        html! {
            @if !patterns.is_empty() {
                section {
                    h2 { "What they have in common" }
                    ul.patterns {
                        @for pattern in patterns.iter().take(PATTERNS) {
                            li {
                                (words::capitalized(words::patterns::summary(&pattern.what)))
                                " (" (counted(pattern.members.resets, "reset")) ")."
                                br; span.advice { (words::capitalized(words::patterns::advice(&pattern.what))) "." }
                            }
                        }
                    }
                    @if patterns.len() > PATTERNS { p.facts { (patterns.len() - PATTERNS) " more are not listed." } }
                }
            }
        }
    }

    /// The place of the table; the script fills it.
    fn table(&self) -> Markup {
        html! {
            section #events hidden {
                h2 { "Every event" }
                form.filters role="search" {
                    label {
                        "Search "
                        input #search type="search" placeholder="address, port, cause, GET /path" autocomplete="off";
                    }
                    label { "Class " select #class { option value="" { "all" }
                        @for class in Class::ALL { option value=(class) { (words::class(*class)) } } } }
                    label { input #harmless type="checkbox"; " hide harmless ones" }
                    label { input #follows type="checkbox"; " also resets that follow from others" }
                    button #clear type="reset" { "Clear" }
                }
                p #shown role="status" {}
                div.scroll { table {
                    thead { tr {
                        @for (key, name) in COLUMNS.iter().enumerate() {
                            th scope="col" data-key=(key) aria-sort=(if key == 0 { "ascending" } else { "none" }) {
                                button type="button" { (name) }
                            }
                        }
                    } }
                    tbody #rows-shown {}
                } }
                p { button #more type="button" hidden {} }
                @if self.unlisted > 0 {
                    p.facts { (counted(self.unlisted, "more reset")) " came after these and are only counted." }
                }
            }
        }
    }

    /// What lowers the worth of all this, and the files.
    fn remarks(&self, inputs: &[String]) -> Markup {
        let remarks = text::remarks(self.finished, false);
        html! {
            @if !remarks.is_empty() {
                section { h2 { "Remarks" } ul { @for remark in &remarks { li { (remark) } } } }
            }
            @if inputs.len() > 1 {
                section { h2 { "Files" } ul { @for input in inputs { li { bdi { (input) } } } } }
            }
        }
    }
}

/// What stands in for the table where no script runs.
fn without_script(events: &[Event], listed: usize) -> Markup {
    html! {
        noscript { section {
            h2 { "The first events" }
            p.facts {
                "Scripts are off: these are the first " (events.len()) " of " (amount::counted(listed as u64, "reset"))
                ". With scripts on, all of them can be sorted and searched."
            }
            div.scroll { table {
                thead { tr { @for name in COLUMNS.iter().take(6) { th scope="col" { (name) } } } }
                tbody { @for event in events { tr data-class=(event.kind.class) {
                    @for field in &event.fields { td { (field) } }
                    td { span.pill { (event.kind.class) } } td { (event.kind.cause) }
                } } }
            } }
            @for event in events { (without_script_one(event)) }
        } }
    }
}

fn without_script_one(event: &Event) -> Markup {
    html! {
        article.event data-class=(event.kind.class) {
            h3 { (event.fields[0]) ": " (event.kind.cause) }
            p.sentence { (event.sentence) }
            pre { (event.ladder) }
            dl { @for (label, lines) in &event.said { dt { (label) } @for line in lines { dd { bdi { (line) } } } } }
        }
    }
}

/// The policy of the page: its own style and its own script, by their hashes, and nothing else.
fn policy() -> String {
    let hash = |text: &str| format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)));
    let (script, style) = (hash(SCRIPT), hash(STYLE));
    format!(
        "default-src 'none'; script-src {script}; style-src {style}; img-src data:; base-uri 'none'; form-action 'none'"
    )
}

/// What was looked at, in few words.
fn shortened(inputs: &[String]) -> String {
    match inputs {
        [] => "nothing".to_owned(),
        [one] => words::file_name(one).to_owned(),
        [first, rest @ ..] => {
            format!("{} and {}", words::file_name(first), amount::counted(rest.len() as u64, "other file"))
        }
    }
}

/// A number and its noun.
fn counted(count: u64, noun: &str) -> String {
    format!("{} {}", grouped(count), amount::noun(count, noun))
}

/// A number with its thousands apart.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn harmless(benign: u64, events: u64) -> String {
    match (benign, events) {
        (1, 1) => "It did no harm: everything had been delivered.".to_owned(),
        (all, events) if all == events => "None of them did harm: everything had been delivered.".to_owned(),
        (some, _) => format!("{some} of them did no harm: everything had been delivered."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        let cases = [(0, "0"), (999, "999"), (1_000, "1,000"), (70_000, "70,000"), (1_234_567, "1,234,567")];
        for (count, words) in cases {
            assert_eq!(grouped(count), words);
        }
    }
}
