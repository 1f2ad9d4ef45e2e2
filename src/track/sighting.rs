//! When two frames show one segment: on several interfaces, on both sides of a router, inside and outside a tunnel,
//! on a mirror port, in two files.
//!
//! What a router changes (TTL, addresses of the link, checksums) and what the sending host leaves to its network card
//! (checksums, the cut into segments) says nothing; all other numbers are the same. A retransmission has another IP ID.
//! Where there is none (IPv6, or ID 0 as Linux gives to answers without a socket), time and place tell the two apart:
//! a host that sends again does so later, and at a point where it was seen before.

use crate::tcp::{Flags, Segment};

use super::{Past, Record, Side};

/// How far apart two sightings at one point may be, in nanoseconds, where an IP ID tells the segment from others.
const NAMED_NS: i64 = 10_000_000;
/// How far apart where nothing does: fast retransmissions come a round trip later, answers to the next segment at any time.
const NAMELESS_NS: i64 = 1_000_000;
/// How far apart two sightings at different points may be: queues and a wide area network between them, clocks that differ.
/// No retransmission timer is shorter (Linux: 200 ms).
pub const ELSEWHERE_NS: i64 = 100_000_000;
/// The shortest piece into which a network card cuts what it is given (RFC 9293 section 3.7.1: the default MSS).
const SHORTEST_PIECE: u32 = 536;

/// A RST as seen at one point.
#[derive(Clone, Copy, Debug)]
pub struct ResetSighting<'a> {
    /// The RST.
    pub reset: &'a Segment,
    /// Who sent it.
    pub side: Side,
    /// Where it was seen.
    pub point: u16,
    /// Whether segments of this connection are known to be seen twice at one point.
    pub doubled: bool,
}

/// Whether `record` and `segment`, both of one side, are two sightings of one segment. RSTs are asked for with [`first_of`].
pub fn is_sighted_again(record: &Record, segment: &Segment) -> bool {
    let near = is_near(record, segment, is_elsewhere(record, segment));
    near && (is_same(record, segment) || is_recut(record, segment))
}

/// Whether `segment`, equal to `record`, may have been sent anew by the same host if something provoked it: a pure ACK, and
/// neither an IP ID nor the point of capture tells the two apart.
pub fn may_be_repeated(record: &Record, segment: &Segment) -> bool {
    let nameless = segment.ip.id.unwrap_or(0) == 0;
    nameless && segment.seq_len() == 0 && !is_elsewhere(record, segment)
}

fn is_same(record: &Record, segment: &Segment) -> bool {
    record.seq() == segment.seq
        && record.ack_field() == segment.ack_field
        && record.flags() == segment.flags
        && record.payload_len() == segment.len
        && record.window() == segment.window
        && record.ip_id() == segment.ip.id
}

/// Whether one is a piece of the other: segmentation offload cuts what the host hands over, receive offload puts it together.
fn is_recut(record: &Record, segment: &Segment) -> bool {
    const OF_THE_LAST_PIECE: Flags = Flags::PSH.with(Flags::FIN);
    let with = |flags: Flags| flags.with(OF_THE_LAST_PIECE);
    let (recorded, sent) = (record.payload_len(), segment.len);
    let alike = record.ack_field() == segment.ack_field
        && record.window() == segment.window
        && with(record.flags()) == with(segment.flags)
        && !segment.flags.any_of(Flags::SYN.with(Flags::RST))
        && recorded != sent
        && recorded.min(sent) > 0;
    let here = segment.seq.since(record.seq());
    let (offset, whole, piece, ids) = match recorded > sent {
        true => (here, recorded, sent, (record.ip_id(), segment.ip.id)),
        false => (here.saturating_neg(), sent, recorded, (segment.ip.id, record.ip_id())),
    };
    let Ok(offset) = u32::try_from(offset) else { return false };
    let within = offset.saturating_add(piece) <= whole;
    let counts = match ids {
        (Some(whole), Some(piece_id)) => is_id_of_piece(piece_id.wrapping_sub(whole), offset, piece),
        (whole, piece) => whole == piece,
    };
    alike && within && counts
}

/// The IP IDs of the pieces count up from that of the whole, or are all the same. That of a retransmission comes after them.
fn is_id_of_piece(step: u16, offset: u32, len: u32) -> bool {
    let step = u32::from(step);
    step == 0 || offset.is_multiple_of(step) && offset / step >= len.max(SHORTEST_PIECE)
}

/// Whether the two were captured at different points, as far as the record shows.
pub fn is_elsewhere(record: &Record, segment: &Segment) -> bool {
    record.ttl() != segment.ip.ttl || record.input() != segment.frame.input()
}

fn is_near(record: &Record, segment: &Segment, elsewhere: bool) -> bool {
    let apart = segment.time.since(record.time()).saturating_abs();
    let limit = match segment.ip.id {
        _ if elsewhere => ELSEWHERE_NS,
        Some(id) if id != 0 => NAMED_NS,
        _ => NAMELESS_NS,
    };
    apart <= limit
}

/// The RST of which this is another sighting; `before` are the segments before it, oldest first.
pub fn first_of(before: &[Past], sighting: &ResetSighting<'_>) -> Option<Past> {
    let ResetSighting { reset, side, point, doubled } = *sighting;
    let elsewhere = |past: &Past| is_elsewhere(past, reset) || past.point().is_some_and(|other| other != point);
    let resets = || before.iter().filter(|past| past.side() == side && past.flags().rst());
    let alike: Vec<&Past> =
        resets().filter(|past| is_same(past, reset) && is_near(past, reset, elsewhere(past))).collect();
    let newest = *alike.last()?;
    let first = alike.iter().find(|past| !past.is_seen_again()).copied().unwrap_or(newest);
    let named = reset.ip.id.is_some_and(|id| id != 0);
    // A host without a socket answers alike segments with RSTs that are alike to the last bit: seen twice at one point, there may be two.
    let expected = doubled && !first.is_seen_again();
    let may_be_next = !named && !expected && alike.iter().any(|past| !elsewhere(past));
    let answers = resets().count();
    let next = may_be_next && (is_followed(before, newest, side) || count_triggers(before, newest, reset) > answers);
    (!next).then_some(*first)
}

/// Whether the peer of `side` sent something after `reset`.
fn is_followed(before: &[Past], reset: &Past, side: Side) -> bool {
    before.iter().any(|past| past.side() != side && past.moment() > reset.moment())
}

/// How many segments before `earlier` may have drawn a RST like `reset` each. A pure ACK counts only where nothing else does:
/// mostly it just acknowledges what the RST's sender had sent.
fn count_triggers(before: &[Past], earlier: &Past, reset: &Segment) -> usize {
    let side = earlier.side();
    let spoke = |since: &Past| {
        before.iter().any(|own| own.side() == side && !own.flags().rst() && own.moment() > since.moment())
    };
    let draws = |past: &&Past| {
        let earlier = past.side() != side && !past.flags().rst() && past.moment() < earlier.moment();
        earlier && !reset.flags.ack() && past.ack() == Some(reset.seq) && !spoke(past)
    };
    let carrying = before.iter().filter(draws).filter(|past| past.seq_len() > 0 || past.is_probe()).count();
    if carrying > 0 { carrying } else { before.iter().filter(draws).count() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{FrameNo, Timestamp};
    use crate::tcp::{IpFields, SeqNum};
    use crate::track::Standing;

    const EMPTY: IpFields = Segment::EMPTY.ip;

    /// A segment of `len` bytes from `seq`, `after` nanoseconds from the beginning.
    fn data(seq: u32, len: u32, id: Option<u16>, after: i64) -> Segment {
        let ip = IpFields { ttl: 64, id, ..EMPTY };
        Segment { seq: SeqNum(seq), len, ip, flags: Flags::ACK, time: Timestamp::from_nanos(after), ..Segment::EMPTY }
    }

    fn are_one(first: &Segment, second: &Segment) -> bool {
        is_sighted_again(&Record::new(first, Side::Low, Standing::default()), second)
    }

    fn behind_router(segment: Segment) -> Segment {
        Segment { ip: IpFields { ttl: segment.ip.ttl - 1, ..segment.ip }, ..segment }
    }

    #[test]
    fn without_an_ip_id_time_and_place_decide() {
        let first = data(100, 10, None, 0);
        assert!(are_one(&first, &data(100, 10, None, 900_000)));
        assert!(!are_one(&first, &data(100, 10, None, 2_000_000)), "a fast retransmission");
        assert!(are_one(&first, &behind_router(data(100, 10, None, 30_000_000))));
        let elsewhere = Segment { frame: FrameNo::new(1, 1), ..data(100, 10, None, -30_000_000) };
        assert!(are_one(&first, &elsewhere));
        assert!(!are_one(&first, &behind_router(data(100, 10, None, 200_000_000))), "a retransmission by timer");
    }

    #[test]
    fn another_ip_id_is_another_sending() {
        let first = data(100, 10, Some(7), 0);
        assert!(are_one(&first, &data(100, 10, Some(7), 9_000_000)));
        assert!(!are_one(&first, &data(100, 10, Some(8), 3_000)));
        assert!(!are_one(&first, &behind_router(data(100, 10, Some(8), 3_000))));
    }

    #[test]
    fn offload_cuts_and_merges() {
        let whole = data(1000, 4000, Some(50), 0);
        let pieces = [(1000, 1460, 50), (2460, 1460, 51), (3920, 1080, 52)];
        for (seq, len, id) in pieces.map(|(seq, len, id)| (seq, len, Some(id))) {
            let piece = data(seq, len, id, 20_000);
            assert!(are_one(&whole, &piece) && are_one(&piece, &whole), "{seq}");
            assert!(are_one(&whole, &data(seq, len, Some(50), 20_000)), "{seq}, one ID for all");
            assert!(!are_one(&whole, &data(seq, len, Some(53), 20_000)), "{seq} retransmitted");
        }
        assert!(!are_one(&whole, &data(4900, 200, Some(52), 20_000)), "beyond the end");
        assert!(!are_one(&whole, &data(900, 200, Some(50), 20_000)), "before the beginning");
    }
}
