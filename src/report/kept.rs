//! The kept segments of a finding, and what part each of them plays in it.

use super::amount;
use crate::analyzer::{Finding, Part, Seen};
use crate::tcp::Flags;

/// Segments before the reset that memory had no room for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unkept {
    /// How many.
    pub count: u64,
    /// Before which of the kept segments they came, the first of them at the latest.
    pub place: usize,
}

/// What is not among the kept segments, the reset included: SYN, FIN and RST stay when others go, and of these the oldest
/// go first.
pub fn unkept(finding: &Finding, segments: &[Seen]) -> Option<Unkept> {
    const LANDMARKS: Flags = Flags::SYN.with(Flags::FIN).with(Flags::RST);
    let reset = segments.iter().position(|seen| seen.frame == finding.reset.frame)?;
    let count = finding.segments_before.checked_sub(reset as u64).filter(|count| *count > 0)?;
    let place = segments.get(..=reset)?.iter().position(|seen| !seen.flags.any_of(LANDMARKS)).unwrap_or(0);
    Some(Unkept { count, place })
}

/// The kept segments, the reset among them even where it was not kept.
pub fn with_reset(finding: &Finding) -> Vec<Seen> {
    let mut segments = finding.segments.clone();
    if !segments.iter().any(|seen| seen.frame == finding.reset.frame) {
        let place = segments.iter().position(|seen| seen.time > finding.reset.time).unwrap_or(segments.len());
        segments.insert(place, reset_as_seen(finding));
    }
    segments
}

/// The reset itself as one of the segments.
pub fn reset_as_seen(finding: &Finding) -> Seen {
    let reset = &finding.reset;
    Seen {
        frame: reset.frame,
        time: reset.time,
        from_client: reset.tuple.src == finding.connection.tuple.src,
        flags: reset.flags,
        seq: reset.seq,
        ack_field: reset.ack.unwrap_or_default(),
        window: reset.window,
        len: reset.len,
        ttl: reset.ip.ttl,
        ip_id: reset.ip.id,
        deciding: true,
        part: Some(Part::Reset),
    }
}

/// The part that a segment plays.
pub fn part(finding: &Finding, seen: &Seen) -> Option<Part> {
    if seen.frame == finding.reset.frame {
        return Some(Part::Reset);
    }
    match finding.verdict.trigger {
        Some(trigger) if trigger.frame == seen.frame => Some(Part::Trigger),
        _ => seen.part.filter(|part| !matches!(part, Part::Reset | Part::Trigger)),
    }
}

/// Whether the verdict rests on the segment, or its evidence names it. How a connection that survived the reset was closed
/// in the end has no part in it.
pub fn decides(finding: &Finding, seen: &Seen) -> bool {
    let is_later_close = seen.flags.fin() && seen.time > finding.reset.time;
    let is_evidence = finding.verdict.evidence.iter().any(|fact| fact.frame == Some(seen.frame));
    is_evidence || seen.deciding && !is_later_close
}

/// When the reset came, from the segment that provoked it on.
pub fn after(nanos: i64) -> String {
    let time = amount::duration(nanos);
    if nanos < 0 { format!("captured {time} too early") } else { format!("{time} later") }
}
