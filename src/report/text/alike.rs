//! Resets that are alike, in the text output: a line each, a note where they are only counted, a table at the end.

use super::folding::{Folding, Note};
use super::groups::{Ends, Group, Key, Kind, Place};
use super::page::{Listed, Page, UNBREAKABLE};
use super::patterns::named;
use super::rate::{MARKS, Rate};
use crate::analyzer::Finding;
use crate::classify::Role;
use crate::frame::FrameNo;
use crate::report::palette::Ink;
use crate::report::time::Stamper;
use crate::report::words::Speaker;
use crate::report::{Context, Style, amount};

/// So many groups are listed.
const LISTED: usize = 12;

/// A reset that is like another one: when, who, whom, and what is its own.
pub fn line(page: &mut Page, (speaker, finding): (&Speaker<'_>, &Finding), like: &str, stamper: &mut Stamper) {
    let (reset, stream) = (&finding.reset, finding.connection.stream);
    let stamp = stamper.stamp(reset.time);
    let separator = if stamp.is_empty() { "" } else { " " };
    page.listing(&[Listed {
        lead: format!("> {} ", reset.frame),
        body: format!("{stamp}{separator}{}", reset.tuple),
        note: Some(format!("{like} ({}, tcp.stream{UNBREAKABLE}eq{UNBREAKABLE}{stream})", speaker.certainty())),
        ink: Ink::Accent(finding.verdict.class),
    }]);
}

/// Says that some resets are only counted from here on.
pub fn note(page: &mut Page, (context, style): (&Context, &Style), note: Note) {
    let counted = |which: String| format!("further {which} are only counted ({} shows each)", style.unfolding());
    let text = match note {
        Note::Like(frame) => counted(format!("resets like {}", named(context, frame))),
        Note::Kind(kind) => counted(described(kind, " resets")),
        Note::Following(frame) => counted(format!("resets that follow from {}", named(context, frame))),
        Note::Limit(limit) => format!("--max-resets {limit}: further resets are only counted"),
        Note::SoFar(count, frame) => format!("{count} resets like {} so far", named(context, frame)),
    };
    page.paragraph(2, Ink::Dim, &text);
}

/// The groups of which some resets were not shown: how many, where, like which, from when to when, and how they spread over that time.
pub fn write(page: &mut Page, context: &Context, (folding, style): (&Folding, &Style)) {
    let groups = folding.groups().folded();
    if groups.is_empty() {
        return;
    }
    let stamper = Stamper::new(style);
    let of = if groups.len() > LISTED { format!(" of {} kinds", groups.len()) } else { String::new() };
    page.blank();
    page.paragraph(0, Ink::Dim, &format!("  resets  folded  alike{of}, from the first to the last"));
    for (key, group) in groups.iter().take(LISTED) {
        let lead = format!("{:>8}{:>8}  ", group.tally.resets, group.folded);
        let indent = lead.len();
        let body = described_at(*key, group);
        let like = if group.shown > 0 { format!("; like {}", named(context, group.example)) } else { String::new() };
        page.listing(&[Listed { lead, body: format!("{body}{like}"), note: None, ink: Ink::Plain }]);
        course(page, indent, (&group.rate, group.tally.events), (key.kind, style, &stamper));
    }
}

/// When they came: the first moment, a bar, the last moment, and how often.
fn course(page: &mut Page, indent: usize, (rate, events): (&Rate, u64), how: (Kind, &Style, &Stamper)) {
    let (kind, style, stamper) = how;
    let (first, last) = stamper.span(rate.first(), rate.last());
    let last = format!("{last},");
    let span = rate.last().since(rate.first());
    if span <= 0 {
        return page.pieces(indent, &[(Ink::Dim, &format!("all at {first}"))]);
    }
    let bar = rate.bar(page.room(indent).min(MARKS), style.ascii);
    let pieces: [(Ink, &str); 4] =
        [(Ink::Dim, &first), (Ink::Accent(kind.class), &bar), (Ink::Dim, &last), (Ink::Dim, &frequency(events, span))];
    page.pieces(indent, &pieces);
}

/// How often on average: `4.5 a second`, `one every 2.6 s`; and within which time where it was short.
fn frequency(events: u64, span: i64) -> String {
    let between = span.unsigned_abs() / events.saturating_sub(1).max(1);
    match between {
        _ if span < 1_000_000_000 => format!("within {}", amount::duration(span)),
        0..10_000_000 => format!("{} a second", 1_000_000_000 / between.max(1)),
        10_000_000..1_000_000_000 => {
            let tenths = 10_000_000_000 / between;
            format!("{}.{} a second", tenths / 10, tenths % 10)
        }
        _ => format!("one every {}", amount::duration(i64::try_from(between).unwrap_or(i64::MAX))),
    }
}

/// The cause, what is to be said behind it, and who sent the resets.
fn described(kind: Kind, noun: &str) -> String {
    let by = match kind.sender {
        Some(Role::Client) => " by the client",
        Some(Role::Server) => " by the server",
        None => "",
    };
    format!("{}/{}{noun}{by}", kind.class, kind.cause)
}

fn described_at(key: Key, group: &Group) -> String {
    let what = described(key.kind, "");
    let (clients, services) = (counted(&group.clients, "client"), counted(&group.services, "service"));
    match key.place {
        Place::Any => format!("{what} at {services}, {clients}"),
        Place::Service(service) => format!("{what} at {service}, {clients}"),
        Place::Pair(client, service) => format!("{what}, {client} with {service}"),
    }
}

fn counted<T: Ord>(ends: &Ends<T>, noun: &str) -> String {
    let more = if ends.has_more() { "more than " } else { "" };
    format!("{more}{}", amount::counted(ends.count(), noun))
}

/// That a reset is like another one, which is named with its input where that is not its own.
pub fn like(context: &Context, frame: FrameNo, own: FrameNo) -> String {
    let name = if frame.input() == own.input() { frame.to_string() } else { named(context, frame) };
    format!("like {name}")
}
