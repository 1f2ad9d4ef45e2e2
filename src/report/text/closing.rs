//! The summary at the end of a text output.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::folding::Folding;
use super::page::{Listed, Page};
use super::{alike, patterns};
use crate::analyzer::{Summary, Tally};
use crate::classify::Class;
use crate::report::palette::Ink;
use crate::report::{Context, Finished, Style, amount, words};

/// So many of the services most affected are named.
const SERVICES: usize = 5;

/// Writes the summary.
pub fn write(page: &mut Page, (context, finished): (&Context, &Finished<'_>), how: (&Folding, &Style)) {
    let summary = finished.summary;
    page.paragraph(0, Ink::Strong, &totals(summary, context.selection.hidden()));
    if summary.resets > 0 {
        page.blank();
        causes(page, summary);
        let (folding, _) = how;
        // Where all happened at one service, what is alike names it.
        if summary.by_service.len() > 1 || folding.groups().folded().is_empty() {
            services(page, context, summary);
        }
        alike::write(page, context, how);
        patterns::write(page, context, folding.folds());
        folded(page, how);
    }
    if let Some(shard) = context.shard {
        page.blank();
        page.paragraph(
            0,
            Ink::Plain,
            &format!(
                "only the resets of shard {shard} are decided here: rstscan --fold puts the rows of all shards together"
            ),
        );
    }
    let joint = words::points::joint(context);
    if !joint.is_empty() {
        page.blank();
        for line in joint {
            page.paragraph(0, Ink::Plain, &line);
        }
    }
    let remarks = remarks(finished, how.1.verbose > 0);
    if !remarks.is_empty() {
        page.blank();
        for remark in remarks {
            page.paragraph(0, Ink::Plain, &remark);
        }
    }
}

fn totals(summary: &Summary, hidden: Option<u64>) -> String {
    let (frames, segments) =
        (amount::counted(summary.frames, "frame"), amount::counted(summary.segments, "TCP segment"));
    let connections = amount::counted(summary.connections, "connection");
    let (resets, events) = (amount::counted(summary.resets, "reset"), amount::counted(summary.events, "event"));
    let span = summary.first.zip(summary.last).map(|(first, last)| amount::duration(last.since(first)));
    let span = span.map_or(String::new(), |span| format!(", over {span}"));
    let hidden = hidden.map_or(String::new(), |hidden| format!(" ({hidden} more hidden by --only or --not)"));
    format!("{frames}, {segments}, {connections}, {resets} in {events}{hidden}{span}")
}

/// How many resets were not shown, and what shows them.
fn folded(page: &mut Page, (folding, style): (&Folding, &Style)) {
    let count = folding.folded();
    if count == 0 {
        return;
    }
    let (resets, are) = (amount::counted(count, "reset"), if count == 1 { "is" } else { "are" });
    let text = match folding.limit_reached() {
        Some(limit) => format!("{resets} {are} not shown: --max-resets {limit}"),
        None => format!("{resets} {are} folded: {} shows each, --only those of a cause or host", style.unfolding()),
    };
    page.blank();
    page.paragraph(0, Ink::Plain, &text);
}

/// Resets and events by class and, under it, by cause; the most frequent class first.
fn causes(page: &mut Page, summary: &Summary) {
    let mut classes: BTreeMap<Class, (Tally, Vec<Row>)> = BTreeMap::new();
    for (&(class, cause), &tally) in &summary.by_cause {
        let (total, causes) = classes.entry(class).or_default();
        total.resets += tally.resets;
        total.events += tally.events;
        causes.push((tally, format!("  {cause}")));
    }
    let mut classes: Vec<_> = classes.into_iter().collect();
    classes.sort_by_key(|(_, (total, _))| std::cmp::Reverse((total.events, total.resets)));

    page.paragraph(0, Ink::Dim, "  resets  events");
    for (class, (total, mut causes)) in classes {
        table(page, Ink::Title(class), vec![(total, words::class(class).to_owned())]);
        sort(&mut causes);
        table(page, Ink::Plain, causes);
    }
}

/// A service by its numbers, and by its names where they are known.
fn named(context: &Context, service: SocketAddr) -> String {
    context.names.brief(service).map_or(service.to_string(), |names| format!("{service}  {names}"))
}

/// The server ends with most events.
fn services(page: &mut Page, context: &Context, summary: &Summary) {
    let mut services: Vec<Row> =
        summary.by_service.iter().map(|(service, tally)| (*tally, named(context, *service))).collect();
    let count = services.len();
    sort(&mut services);
    services.truncate(SERVICES);
    if services.is_empty() {
        return;
    }
    page.blank();
    let of = if count > SERVICES { format!(" of {count} services") } else { String::new() };
    page.paragraph(0, Ink::Dim, &format!("  resets  events  most affected{of}"));
    table(page, Ink::Plain, services);
}

/// A count and what it counts.
type Row = (Tally, String);

fn sort(rows: &mut [Row]) {
    rows.sort_by(|(a, a_name), (b, b_name)| (b.events, b.resets, a_name).cmp(&(a.events, a.resets, b_name)));
}

fn table(page: &mut Page, ink: Ink, rows: Vec<Row>) {
    let rows: Vec<Listed> = rows
        .into_iter()
        .map(|(tally, body)| Listed {
            lead: format!("{:>8}{:>8}  ", tally.resets, tally.events),
            body,
            note: None,
            ink,
        })
        .collect();
    page.listing(&rows);
}

/// What lowers the worth of the verdicts, or explains the counts.
pub fn remarks(finished: &Finished<'_>, verbose: bool) -> Vec<String> {
    let summary = finished.summary;
    let mut remarks = Vec::new();
    let skipped: u64 = summary.skipped.values().sum();
    if skipped > 0 {
        let reasons: Vec<String> =
            summary.skipped.iter().map(|(reason, count)| format!("{count} {}", skip_words(reason))).collect();
        remarks.push(format!(
            "{} without a usable TCP segment: {}",
            amount::counted(skipped, "frame"),
            reasons.join(", ")
        ));
    }
    remarks.extend(held(summary, verbose));
    if summary.brought > 0 {
        let resets = amount::counted(summary.brought, "reset");
        remarks.push(format!("{resets} of these waited in the state of the run before (--state-in)"));
    }
    if summary.carried > 0 {
        let resets = amount::counted(summary.carried, "reset");
        remarks.push(format!(
            "{resets} more for the next run: what follows decides them (--state-in with the file of --state-out)"
        ));
    }
    if summary.settled_early > 0 {
        let resets = amount::counted(summary.settled_early, "reset");
        remarks.push(format!("{resets} decided early, because too many were waiting for what follows them or the clock went back: they say so"));
    }
    if let Some(drops) = finished.kernel_drops.filter(|drops| *drops > 0) {
        let frames = amount::counted(drops, "frame");
        remarks.push(format!(
            "{frames} dropped by the kernel: verdicts that may lack them say so; a larger buffer (-B) helps"
        ));
    }
    if let Some(drops) = finished.queue_drops.filter(|drops| *drops > 0) {
        let frames = amount::counted(drops, "frame");
        remarks.push(format!(
            "{frames} dropped before analysis, as more came than could be analysed: verdicts that may lack them say so; a filter helps"
        ));
    }
    remarks
}

/// Whether the bound on memory mattered, and what it is.
fn held(summary: &Summary, verbose: bool) -> Option<String> {
    let (held, max) = (amount::counted(summary.tracked_max, "connection"), summary.max_connections);
    if summary.evictions == 0 {
        return verbose.then(|| format!("{held} held at a time, of at most {max} (--max-connections)"));
    }
    let gone = amount::counted(summary.evictions, "connection");
    Some(format!(
        "{gone} forgotten to stay within memory, at most {max} at a time (--max-connections): verdicts that lack them say so"
    ))
}

fn skip_words(reason: &str) -> &str {
    match reason {
        "not-ip" => "not IP",
        "not-tcp" => "IP but not TCP",
        "icmp" => "ICMP",
        "unknown-link-type" => "of a link type rstscan does not read",
        "fragment" => "IP fragments of incomplete packets",
        "fragment-overlap" => "IP fragments that overlap",
        "fragment-limit" => "IP fragments given up because too many waited",
        "truncated" => "cut short",
        "malformed" => "malformed",
        other => other,
    }
}
