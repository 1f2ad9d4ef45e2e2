//! The segments of a finding, as tcpdump prints them.

use std::net::SocketAddr;

use super::page::{Listed, UNBREAKABLE};
use crate::analyzer::{Connection, Finding, Part, Seen};
use crate::frame::FrameNo;
use crate::report::kept::{after, decides, part, reset_as_seen, unkept, with_reset};
use crate::report::palette::Ink;
use crate::report::time::Stamper;
use crate::report::words::{Speaker, visible};
use crate::report::{Style, amount};
use crate::tcp::SeqNum;

/// At most so many segments are shown unless all are asked for.
const AT_MOST: usize = 8;
/// Of these, so many from the beginning: a handshake.
const OPENING: usize = 3;
/// At most so many lines of a comment are shown.
const COMMENT_LINES: usize = 8;
/// A silence longer than this is shown, in nanoseconds.
const SILENCE: i64 = 1_000_000_000;

/// The rows of a finding's listing: the segments that decided (all that are kept with `-v`), and what lies between them.
pub fn rows(finding: &Finding, speaker: &Speaker<'_>, (style, stamper): (&Style, &mut Stamper)) -> Vec<Listed> {
    let segments = with_reset(finding);
    let shown = if style.verbose > 0 { (0..segments.len()).collect() } else { deciding(finding, &segments) };
    let widest = shown.iter().filter_map(|index| segments.get(*index)).map(|seen| number(seen.frame).len()).max();
    let lead_width = widest.unwrap_or(0);
    let unkept = unkept(finding, &segments);

    let mut rows: Vec<Listed> = Vec::new();
    let mut next = 0;
    for index in shown {
        let hidden = segments.get(next..index).unwrap_or_default();
        let before = next.checked_sub(1).and_then(|previous| segments.get(previous));
        let Some(seen) = segments.get(index) else { continue };
        let unkept = unkept.filter(|unkept| (next..=index).contains(&unkept.place)).map_or(0, |unkept| unkept.count);
        let hidden = Hidden { segments: hidden, unkept };
        rows.extend(between(before, &hidden, seen, style.frame_numbers).map(|text| gap(text, lead_width)));
        rows.push(row(finding, seen, speaker, (style, stamper, lead_width)));
        rows.extend(comment(speaker, seen.frame, lead_width + 3));
        next = index + 1;
    }
    let after = segments.get(next..).unwrap_or_default();
    let after = Hidden { segments: after, unkept: 0 };
    rows.extend(left_out(&after, style.frame_numbers).map(|text| gap(format!("{text} after it"), lead_width)));
    rows
}

/// What somebody wrote beside a frame, line by line under its row.
pub fn comment(speaker: &Speaker<'_>, frame: FrameNo, indent: usize) -> Vec<Listed> {
    let lines = speaker.comment(frame).into_iter().flat_map(str::lines);
    let body = |line: &str| format!("comment: {}", visible(line));
    let row = |line| Listed { lead: " ".repeat(indent), body: body(line), note: None, ink: Ink::Plain };
    lines.take(COMMENT_LINES).map(row).collect()
}

/// The row of the reset alone.
pub fn reset_row(finding: &Finding, speaker: &Speaker<'_>, (style, stamper): (&Style, &mut Stamper)) -> Listed {
    let seen = reset_as_seen(finding);
    let lead_width = number(seen.frame).len();
    row(finding, &seen, speaker, (style, stamper, lead_width))
}

fn row(finding: &Finding, seen: &Seen, speaker: &Speaker<'_>, how: (&Style, &mut Stamper, usize)) -> Listed {
    let (style, stamper, lead_width) = how;
    let part = part(finding, seen);
    let is_reset = part == Some(Part::Reset);
    let mark = if is_reset { ">" } else { " " };
    let stamp = stamper.stamp(seen.time);
    let separator = if stamp.is_empty() { "" } else { " " };
    let relative = bases(finding, seen).filter(|_| !style.absolute_numbers);
    let line = segment(&finding.connection, seen, relative.filter(|_| is_relative(seen)).unwrap_or_default());
    Listed {
        lead: format!("{mark} {:<lead_width$} ", number(seen.frame)),
        body: format!("{stamp}{separator}{line}"),
        note: note(finding, seen, (part, speaker, relative)),
        ink: if is_reset { Ink::Accent(finding.verdict.class) } else { Ink::Plain },
    }
}

/// One segment in tcpdump's words. Its numbers stay together where the line folds.
fn segment(connection: &Connection, seen: &Seen, bases: (SeqNum, SeqNum)) -> String {
    let tuple = if seen.from_client { connection.tuple } else { connection.tuple.reversed() };
    let ip = if tuple.src.is_ipv6() { "IP6" } else { "IP" };
    let (seq, flags) = (seen.seq.0.wrapping_sub(bases.0.0), seen.flags);
    let mut fields = vec![format!("Flags [{flags}]")];
    if seen.len > 0 {
        fields.push(format!("seq {seq}:{}", seq.wrapping_add(seen.len)));
    } else if flags.syn() || flags.fin() || flags.rst() {
        fields.push(format!("seq {seq}"));
    }
    if flags.ack() {
        fields.push(format!("ack {}", seen.ack_field.0.wrapping_sub(bases.1.0)));
    }
    fields.push(format!("win {}", seen.window));
    fields.push(format!("length {}", seen.len));
    let fields: Vec<String> = fields.iter().map(|field| field.replace(' ', &UNBREAKABLE.to_string())).collect();
    format!("{ip} {} > {}: {}", endpoint(tuple.src), endpoint(tuple.dst), fields.join(", "))
}

/// What the sequence and acknowledgment numbers of a segment count from, once both sides' numbers are known.
fn bases(finding: &Finding, seen: &Seen) -> Option<(SeqNum, SeqNum)> {
    let Connection { client_base, server_base, .. } = finding.connection;
    let opened = finding.segments.iter().find(|other| other.flags.syn() && other.flags.ack());
    let (client, server) = match opened {
        Some(opened) if seen.time < opened.time => return None,
        Some(opened) if opened.from_client => (opened.seq, server_base?),
        Some(opened) => (client_base?, opened.seq),
        None => (client_base?, server_base?),
    };
    Some(if seen.from_client { (client, server) } else { (server, client) })
}

/// Whether tcpdump would print the segment's numbers as relative: with ACK and without SYN. So the seq of a bare RST is as
/// on the wire, and so are the numbers of a RST that answers a SYN.
fn is_relative(seen: &Seen) -> bool {
    let answers_syn = seen.flags.rst() && seen.seq == SeqNum(0);
    seen.flags.ack() && !seen.flags.syn() && !answers_syn
}

fn endpoint(address: SocketAddr) -> String {
    format!("{}.{}", address.ip(), address.port())
}

fn number(frame: FrameNo) -> String {
    frame.to_string()
}

/// What is to be said of a segment beside it.
fn note(
    finding: &Finding,
    seen: &Seen,
    about: (Option<Part>, &Speaker<'_>, Option<(SeqNum, SeqNum)>),
) -> Option<String> {
    let (part, speaker, relative) = about;
    let trigger = finding.verdict.trigger;
    let said = match part {
        Some(Part::Reset) => trigger.map(|trigger| after(trigger.after_ns)),
        Some(Part::Trigger) => Some("provoked it".to_owned()),
        Some(Part::ChallengeAck) => Some("challenge ACK".to_owned()),
        Some(Part::OtherReset) => Some("another reset".to_owned()),
        None => None,
    };
    let seq = relative.filter(|_| part == Some(Part::Reset) && !seen.flags.ack());
    let seq = seq.map(|(base, _)| format!("relative seq {}", seen.seq.0.wrapping_sub(base.0)));
    let input = speaker.foreign_input(seen.frame).map(|name| format!("in {}", visible(name)));
    let notes: Vec<String> = [said, seq, input].into_iter().flatten().collect();
    (!notes.is_empty()).then(|| notes.join(", "))
}

/// The places of the segments worth showing: those that decided, and if these are too many, the reset, what provoked it,
/// the opening, and those nearest to the reset.
fn deciding(finding: &Finding, segments: &[Seen]) -> Vec<usize> {
    let reset = segments.iter().position(|seen| seen.frame == finding.reset.frame).unwrap_or(0);
    let mut ranked: Vec<(usize, usize)> = segments
        .iter()
        .enumerate()
        .filter(|(_, seen)| decides(finding, seen) || part(finding, seen).is_some())
        .map(|(index, _)| index)
        .enumerate()
        .map(|(order, index)| match segments.get(index).and_then(|seen| part(finding, seen)) {
            Some(Part::Reset | Part::Trigger) => (0, index),
            _ if order < OPENING => (0, index),
            _ => (index.abs_diff(reset), index),
        })
        .collect();
    ranked.sort_unstable();
    ranked.truncate(AT_MOST);
    let mut places: Vec<usize> = ranked.into_iter().map(|(_, index)| index).collect();
    places.sort_unstable();
    places
}

/// What is not shown between two rows.
struct Hidden<'a> {
    segments: &'a [Seen],
    /// How many more memory had no room for.
    unkept: u64,
}

/// What lies between two rows: segments left out, or silence.
fn between(before: Option<&Seen>, hidden: &Hidden<'_>, seen: &Seen, numbers: bool) -> Option<String> {
    let passed = before.map(|before| seen.time.since(before.time));
    match (left_out(hidden, numbers), passed) {
        (Some(text), Some(passed)) => Some(format!("{text}, {}", amount::duration(passed))),
        (None, Some(passed)) if passed >= SILENCE => Some(format!("... {} idle", amount::duration(passed))),
        (text, _) => text,
    }
}

fn left_out(hidden: &Hidden<'_>, numbers: bool) -> Option<String> {
    let Hidden { segments, unkept } = hidden;
    let unkept_words = format!("{unkept} {} not kept", amount::noun(*unkept, "segment"));
    let (Some(first), Some(last)) = (segments.first(), segments.last()) else {
        return (*unkept > 0).then(|| format!("... {unkept_words}"));
    };
    let bytes: u64 = segments.iter().map(|seen| u64::from(seen.len)).sum();
    let range = match numbers {
        true if segments.len() == 1 => format!(" ({})", first.frame),
        true => format!(" ({} to {})", first.frame, last.frame),
        false => String::new(),
    };
    let older = if *unkept > 0 { format!("{unkept_words}, then ") } else { String::new() };
    Some(format!("... {older}{}{range}, {}", amount::counted(segments.len() as u64, "segment"), amount::bytes(bytes)))
}

fn gap(text: String, lead_width: usize) -> Listed {
    Listed { lead: " ".repeat(lead_width + 3), body: text, note: None, ink: Ink::Dim }
}
