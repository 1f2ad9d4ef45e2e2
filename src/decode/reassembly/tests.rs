//! Packets cut into fragments in every way, and what becomes of those.

use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{LIFETIME_NS, MAX_BYTES, MAX_PACKETS, Reassembler, Whole};
use crate::analyzer::{Analyzer, Options};
use crate::decode::testing::*;
use crate::decode::{Decoded, Skip, decode};
use crate::frame::{Frame, FrameNo, Layer, LinkType, Timestamp};

const UDP: u8 = 17;

/// The frames of a test, with their times in nanoseconds; raw IP.
type Sent = Vec<(i64, Vec<u8>)>;

/// A part of a packet's data as a fragment; an IPv6 packet gets identification 9.
fn fragment(packet: &[u8], part: Range<usize>, more: bool) -> Vec<u8> {
    let field = u16::try_from(part.start).unwrap();
    if packet[0] >> 4 == 4 {
        let headers = with(packet[..20].to_vec(), 2, &be16(20 + part.len()));
        let field = (u16::from(packet[6]) << 8) | (u16::from(more) << 13) | (field / 8);
        return [with(headers, 6, &field.to_be_bytes()).as_slice(), &packet[20..][part]].concat();
    }
    let headers = with(with(packet[..40].to_vec(), 4, &be16(8 + part.len())), 6, &[44]);
    let [hi, lo] = (field | u16::from(more)).to_be_bytes();
    [headers.as_slice(), &[packet[6], 0, hi, lo, 0, 0, 0, 9], &packet[40..][part]].concat()
}

/// All fragments of a packet that is cut at these multiples of eight bytes.
fn cut(packet: &[u8], at: &[usize]) -> Vec<Vec<u8>> {
    let len = packet.len() - if packet[0] >> 4 == 4 { 20 } else { 40 };
    let mut ends: Vec<usize> = at.iter().map(|eights| eights * 8).filter(|end| (1..len).contains(end)).collect();
    ends.push(len);
    ends.sort_unstable();
    ends.dedup();
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts.zip(&ends).map(|(start, end)| fragment(packet, start..*end, *end < len)).collect()
}

/// Every 24 bytes: in the middle of a TCP header with options.
fn cut_small(packet: &[u8]) -> Vec<Vec<u8>> {
    cut(packet, &(0..8192).step_by(3).collect::<Vec<_>>())
}

fn at_once(packets: impl IntoIterator<Item = Vec<u8>>) -> Sent {
    packets.into_iter().map(|packet| (0, packet)).collect()
}

/// What the frames give, by the number of the frame it came with, and what was counted.
fn add(sent: &Sent) -> (Vec<Whole>, Reassembler) {
    let mut reassembler = Reassembler::default();
    let mut wholes = Vec::new();
    for ((time, bytes), number) in sent.iter().zip(1..) {
        let (no, time) = (FrameNo::new(0, number), Timestamp::from_nanos(*time));
        let frame = Frame { no, time, ..frame(LinkType::RAW, bytes) };
        if decode(&frame) == Err(Skip::Fragment) {
            wholes.extend(reassembler.add(&frame));
        }
        assert!(reassembler.bytes <= MAX_BYTES && reassembler.packets.len() <= MAX_PACKETS);
        assert_eq!(reassembler.packets.len(), reassembler.order.len());
    }
    (wholes, reassembler)
}

/// The frame numbers of the segments that came.
fn whole_at(sent: &Sent) -> Vec<u64> {
    add(sent).0.iter().map(|whole| whole.segment.frame.number()).collect()
}

/// The reasons of fragments that gave no segment.
fn skipped(sent: &Sent) -> Vec<(Skip, u64)> {
    let (wholes, reassembler) = add(sent);
    assert_eq!(wholes, []);
    Skip::ALL.into_iter().map(|skip| (skip, reassembler.skipped(skip))).filter(|(_, count)| *count > 0).collect()
}

fn as_decoded(whole: &Whole) -> Decoded<'_> {
    Decoded { segment: whole.segment, payload: &whole.payload, encap: whole.encap }
}

fn vxlan(inner: &[u8]) -> Vec<u8> {
    let frame = ethernet(if inner[0] >> 4 == 4 { 0x0800 } else { 0x86dd }, inner);
    let header = [&[0xc0, 1], &4789_u16.to_be_bytes(), &be16(16 + frame.len()), [0, 0].as_slice()].concat();
    let packet = ipv4(UDP, &[], &[header.as_slice(), &[8, 0, 0, 0, 0, 0, 7, 0], &frame].concat());
    with(packet, 12, &[192, 0, 2, 1, 192, 0, 2, 2])
}

/// A RST of 20 + 20 + 20 bytes, in IPv4 and IPv6.
fn resets() -> [Vec<u8>; 2] {
    let body = segment(RST_ACK, &SYN_OPTIONS, &[7; 20]);
    [ipv4(TCP, &[], &body), ipv6(TCP, &body)]
}

fn packets() -> impl Strategy<Value = Vec<u8>> {
    let body = (any::<u8>(), 0..=2usize, vec(any::<u8>(), 0..1200))
        .prop_map(|(flags, options, payload)| segment(flags, &SYN_OPTIONS.repeat(options), &payload));
    (body, 0..4).prop_map(|(body, kind)| match kind {
        0 => ipv4(TCP, &[], &body),
        1 => ipv6(TCP, &body),
        2 => vxlan(&ipv4(TCP, &[], &body)),
        _ => vxlan(&ipv6(TCP, &body)),
    })
}

proptest! {
    #[test]
    fn any_fragments_in_any_order_are_the_whole(
        packet in packets(),
        at in vec(1..160usize, 1..20),
        keys in vec(any::<u16>(), 64),
        twice in vec(any::<bool>(), 32),
    ) {
        let fragments = cut(&packet, &at);
        prop_assume!(fragments.len() > 1);
        let doubled = fragments.iter().zip(&twice).filter(|(_, twice)| **twice).map(|(fragment, _)| fragment.clone());
        let mut keyed: Vec<_> = keys.iter().zip(fragments.iter().cloned().chain(doubled)).collect();
        keyed.sort();
        let sent: Vec<Vec<u8>> = keyed.into_iter().map(|(_, fragment)| fragment).collect();
        let last = fragments.iter().map(|fragment| sent.iter().position(|other| other == fragment).unwrap()).max();
        let (wholes, _) = add(&at_once(sent));
        let no = FrameNo::new(0, last.unwrap() as u64 + 1);
        let expected = Frame { no, time: Timestamp::from_nanos(0), ..frame(LinkType::RAW, &packet) };
        prop_assert_eq!(as_decoded(&wholes[0]), decode(&expected).unwrap());
    }

    #[test]
    fn with_one_missing_there_is_nothing(
        packet in packets(),
        at in vec(1..160usize, 1..20),
        which in any::<prop::sample::Index>(),
    ) {
        let mut fragments = cut(&packet, &at);
        prop_assume!(fragments.len() > 1);
        fragments.remove(which.index(fragments.len()));
        let left = fragments.len() as u64;
        prop_assert_eq!(skipped(&at_once(fragments)), [(Skip::Fragment, left)]);
    }

    /// Whatever the fields say, each frame is counted once.
    #[test]
    fn any_fields_are_taken(sent in vec(any_fragment(), 1..40)) {
        let (wholes, reassembler) = add(&sent);
        let frames = sent.len() as u64;
        let counted: u64 = Skip::ALL.iter().map(|skip| reassembler.skipped(*skip)).sum();
        prop_assert!(wholes.len() as u64 + counted <= frames);
        prop_assert!(!wholes.is_empty() || counted + not_fragments(&sent) == frames);
    }
}

/// A fragment of one of two packets, near its beginning or anywhere, with its time.
fn any_fragment() -> impl Strategy<Value = (i64, Vec<u8>)> {
    let offset = prop_oneof![0..6u16, 0..0x2000u16];
    (0..4i64, 0..2usize, offset, any::<bool>(), 0..40usize).prop_map(|(time, version, offset, more, len)| {
        let packet = &resets()[version];
        let (headers, at, field) = match version {
            0 => (20, 6, (u16::from(more) << 13) | offset),
            _ => (40, 42, (offset << 3) | u16::from(more)),
        };
        let bytes = with(fragment(&packet[..headers + len], 0..len, more), at, &field.to_be_bytes());
        (time * 20_000_000_000, bytes)
    })
}

fn not_fragments(frames: &Sent) -> u64 {
    frames.iter().filter(|(_, bytes)| decode(&frame(LinkType::RAW, bytes)) != Err(Skip::Fragment)).count() as u64
}

#[test]
fn a_segment_comes_with_its_last_fragment() {
    for packet in resets() {
        let [a, b, c]: [Vec<u8>; 3] = cut_small(&packet).try_into().unwrap();
        let orders = [[&a, &b, &c], [&c, &b, &a], [&b, &c, &a]];
        for order in orders {
            let (wholes, reassembler) = add(&at_once(order.map(Clone::clone)));
            assert_eq!((wholes[0].segment.frame.number(), wholes[0].segment.len), (3, 20));
            assert!(!reassembler.left_any());
        }
        assert_eq!(whole_at(&at_once([&a, &a, &b, &b, &c, &c].map(Clone::clone))), [5]);
        assert_eq!(whole_at(&at_once([&a, &b, &c, &a, &b, &c].map(Clone::clone))), [3, 6]);
    }
}

#[test]
fn fragments_that_overlap_are_refused() {
    for packet in resets() {
        let of = |part: Range<usize>, more: bool| fragment(&packet, part, more);
        let other = |part: Range<usize>, more: bool| {
            let mut bytes = of(part, more);
            *bytes.last_mut().unwrap() ^= 1;
            bytes
        };
        let contradictions = [
            vec![of(0..24, true), of(16..40, true), of(40..60, false)],
            vec![of(0..24, true), other(0..24, true), of(24..60, false)],
            vec![of(0..24, true), of(0..16, true), of(24..60, false)],
            vec![of(8..16, true), of(0..24, true), of(24..60, false)],
            vec![of(24..48, true), of(24..48, false), of(0..24, true)],
            // Data behind the end, and the end before data.
            vec![of(24..48, false), of(48..56, true), of(0..24, true)],
            vec![of(32..56, true), of(24..32, false), of(0..24, true)],
            vec![of(48..60, false), of(24..48, false), of(0..24, true)],
        ];
        for fragments in contradictions {
            let count = fragments.len() as u64;
            assert_eq!(skipped(&at_once(fragments.clone())), [(Skip::FragmentOverlap, count)], "{fragments:02x?}");
        }
        // What comes after the contradiction belongs to it, until its time is over.
        let [a, b] = [of(0..24, true), of(24..60, false)];
        let overlap = [of(0..24, true), of(16..40, true)];
        let mut sent = at_once(overlap.into_iter().chain([a.clone(), b.clone()]));
        assert_eq!(skipped(&sent), [(Skip::FragmentOverlap, 4)]);
        let later = 1 + LIFETIME_NS as i64;
        sent.extend([(later, a), (later, b)]);
        assert_eq!(whole_at(&sent), [6]);
    }
}

#[test]
fn fragments_of_no_use_are_left_out() {
    for packet in resets() {
        let [a, b, c]: [Vec<u8>; 3] = cut_small(&packet).try_into().unwrap();
        let unaligned = fragment(&packet, 24..31, true);
        let empty = fragment(&packet, 24..24, true);
        assert_eq!(skipped(&at_once([unaligned.clone(), empty.clone()])), [(Skip::Malformed, 2)]);
        assert_eq!(whole_at(&at_once([a, unaligned, b, empty, c])), [5]);
    }
}

#[test]
fn what_is_not_the_same_packet_is_kept_apart() {
    let [four, six] = resets();
    let changes: [(&[u8], usize, &[u8]); 6] = [
        (&four, 4, &[9, 9]),
        (&four, 9, &[UDP]),
        (&four, 15, &[77]),
        (&four, 19, &[77]),
        (&six, 23, &[77]),
        (&six, 39, &[77]),
    ];
    for (packet, at, other) in changes {
        let (a, b) = (fragment(packet, 0..24, true), fragment(packet, 24..60, false));
        assert_eq!(skipped(&at_once([a, with(b, at, other)])), [(Skip::Fragment, 2)], "{at}");
    }
    let (a, b) = (fragment(&six, 0..24, true), fragment(&six, 24..60, false));
    assert_eq!(skipped(&at_once([a.clone(), with(b.clone(), 47, &[8])])), [(Skip::Fragment, 2)]);
    // The first fragment alone says what an IPv6 packet carries (RFC 8200 section 4.5).
    assert_eq!(whole_at(&at_once([with(b, 40, &[UDP]), a])), [2]);
}

#[test]
fn each_vlan_has_packets_of_its_own() {
    let fragments = cut_small(&resets()[0]);
    let tagged = |id: u16, fragment: &[u8]| ethernet(0x8100, &vlan(id, 0x0800, fragment));
    let segments = |ids: [u16; 3]| {
        let mut reassembler = Reassembler::default();
        let tagged = ids.into_iter().zip(&fragments).map(|(id, fragment)| tagged(id, fragment));
        tagged.filter_map(|bytes| reassembler.add(&frame(LinkType::ETHERNET, &bytes))).collect::<Vec<_>>()
    };
    assert_eq!(segments([1, 2, 1]), []);
    assert_eq!(segments([2, 2, 2])[0].encap.vlans(), [2]);
}

#[test]
fn extension_headers_stay_where_they_are() {
    let body = segment(RST_ACK, &SYN_OPTIONS, &[7; 20]);
    let options = |next: u8| vec![next, 0, 1, 4, 0, 0, 0, 0];
    // In the fragmented part: cut small, the first fragment has no TCP header at all.
    let behind = ipv6(60, &[options(TCP), body.clone()].concat());
    assert_eq!(add(&at_once(cut(&behind, &[1, 2, 5]))).0[0].segment.len, 20);
    // Before the fragment header, which then is not named by the IPv6 header.
    let part = |range: Range<usize>, more: u8| {
        let [hi, lo] = be16(range.start);
        let header = [TCP, 0, hi, lo | more, 0, 0, 0, 9];
        ipv6(0, &[options(44).as_slice(), &header, &body[range]].concat())
    };
    let (wholes, _) = add(&at_once([part(24..60, 0), part(0..24, 1)]));
    assert_eq!((wholes[0].segment.len, wholes[0].payload.as_slice()), (20, [7; 20].as_slice()));
    // An authentication header of IPv4 is data of the packet.
    let authenticated = ipv4(51, &[], &[&[TCP, 4], [0; 22].as_slice(), &body].concat());
    assert_eq!(add(&at_once(cut_small(&authenticated))).0[0].segment.len, 20);
}

#[test]
fn tunnels_may_fragment_outside_and_inside() {
    let inside: Vec<Vec<u8>> = cut_small(&resets()[1]).iter().map(|fragment| vxlan(fragment)).collect();
    let (wholes, reassembler) = add(&at_once(inside.clone()));
    assert_eq!(wholes[0].encap.layers().collect::<Vec<_>>(), [Layer::Vxlan]);
    assert!(!reassembler.left_any());
    // Each outer packet has an identification of its own.
    let numbered = inside.iter().zip(0..).map(|(packet, id)| with(packet.clone(), 4, &[id, 1]));
    let outside: Vec<Vec<u8>> = numbered.flat_map(|packet| cut(&packet, &[4, 9])).collect();
    assert_eq!(outside.len(), 9);
    assert_eq!(whole_at(&at_once(outside.clone())), [9]);
    let mut missing = outside.clone();
    missing.remove(4);
    assert_eq!(skipped(&at_once(missing)), [(Skip::Fragment, 8)]);
}

#[test]
fn a_whole_packet_without_tcp_says_what_it_is() {
    let dns = ipv4(UDP, &[], &[[0, 53, 0, 53, 0, 68, 0, 0].as_slice(), &[7; 60]].concat());
    assert_eq!(skipped(&at_once(cut_small(&dns))), [(Skip::NotTcp, 3)]);
    let bad = with(resets()[0].clone(), 32, &[0x10]);
    assert_eq!(skipped(&at_once(cut_small(&bad))), [(Skip::Malformed, 3)]);
    let short = ipv4(TCP, &[], &segment(RST_ACK, &[], &[])[..12]);
    assert_eq!(skipped(&at_once(cut(&short, &[1]))), [(Skip::Malformed, 2)]);
}

#[test]
fn fragments_wait_for_each_other_for_a_while() {
    let lifetime = LIFETIME_NS as i64;
    for packet in resets() {
        let (a, b) = (fragment(&packet, 0..24, true), fragment(&packet, 24..60, false));
        let after = |gap: i64| vec![(0, a.clone()), (gap, b.clone())];
        for gap in [0, lifetime, -lifetime] {
            assert_eq!(whole_at(&after(gap)), [2], "{gap}");
        }
        for gap in [lifetime + 1, -lifetime - 1, i64::MAX, i64::MIN] {
            assert_eq!(skipped(&after(gap)), [(Skip::Fragment, 2)], "{gap}");
        }
    }
}

#[test]
fn a_packet_has_a_greatest_length() {
    let cases = [(ipv4(TCP, &[], &[0; 60]), 20, 65535 - 20), (ipv6(TCP, &[0; 60]), 40, 65535)];
    for (packet, headers, longest) in cases {
        let body = |len: usize| [&packet[..headers], &segment(RST_ACK, &[], &vec![7; len - 20])].concat();
        let (wholes, _) = add(&at_once(cut(&body(longest), &[100, 4000])));
        assert_eq!(wholes[0].segment.len as usize, longest - 20);
    }
    let too_long = [&resets()[0][..20], &segment(RST_ACK, &[], &vec![7; 65516 - 20])].concat();
    assert_eq!(skipped(&at_once(cut(&too_long, &[100, 4000]))), [(Skip::Malformed, 3)]);
    let beyond = with(fragment(&resets()[0], 0..60, false), 6, &[0x1f, 0xff]);
    assert_eq!(skipped(&at_once([beyond])), [(Skip::Malformed, 1)]);
}

#[test]
fn the_oldest_makes_room() {
    let (a, b) = (fragment(&resets()[0], 0..24, true), fragment(&resets()[0], 24..60, false));
    let numbered = |fragment: &[u8], id: usize| with(fragment.to_vec(), 4, &be16(id));
    let mut sent = at_once((0..=MAX_PACKETS).map(|id| numbered(&a, id)));
    assert_eq!(skipped(&sent), [(Skip::Fragment, MAX_PACKETS as u64), (Skip::FragmentLimit, 1)]);
    sent.push((0, numbered(&b, 0)));
    sent.push((0, numbered(&b, MAX_PACKETS)));
    assert_eq!(whole_at(&sent), [sent.len() as u64]);
    let far = with(b, 6, &[0x1f, 0x00]);
    let far: Sent = at_once((0..400).map(|id| numbered(&far, id)));
    let counts = skipped(&far);
    assert!(matches!(counts[..], [(Skip::Fragment, 200..), (Skip::FragmentLimit, 100..)]), "{counts:?}");
}

#[test]
fn a_packet_has_so_many_gaps() {
    let packet = ipv4(TCP, &[], &segment(RST_ACK, &[], &[7; 1580]));
    let (even, odd): (Vec<_>, Vec<_>) =
        cut(&packet, &(1..200).collect::<Vec<_>>()).into_iter().zip(0..).partition(|(_, at)| at % 2 == 0);
    let in_turn = |of: &[(Vec<u8>, usize)], len: usize| {
        of[..len].iter().map(|(fragment, _)| fragment.clone()).collect::<Vec<_>>()
    };
    let few = [in_turn(&even, 63), in_turn(&odd, 62)].concat();
    assert_eq!(skipped(&at_once(few)), [(Skip::Fragment, 125)]);
    assert_eq!(skipped(&at_once(in_turn(&even, 100))), [(Skip::Fragment, 64), (Skip::FragmentLimit, 36)]);
}

#[test]
fn a_reset_in_fragments_gets_its_verdict() {
    let numbered = |flags: u8, seq: u8, ack: u8| with(segment(flags, &[], &[]), 4, &[0, 0, 0, seq, 0, 0, 0, ack]);
    let answer = with(ipv4(TCP, &[], &numbered(RST_ACK, 0, 101)), 12, &[10, 0, 0, 2, 10, 0, 0, 1]);
    let answer = with(answer, 20, &[0, 80, 0x04, 0xd2]);
    let syn = ipv4(TCP, &[], &numbered(SYN, 100, 0));
    let mut analyzer = Analyzer::new(Options::default());
    let sent = [cut(&syn, &[1, 2]), cut(&answer, &[1, 2])].concat();
    for (packet, number) in sent.iter().zip(1..) {
        let time = Timestamp::from_nanos(number * 1000);
        analyzer.push(&Frame { no: FrameNo::new(0, number as u64), time, ..frame(LinkType::RAW, packet) });
    }
    analyzer.finish();
    let finding = analyzer.findings().next().unwrap();
    assert_eq!((finding.reset.frame.number(), finding.verdict.cause.to_string().as_str()), (6, "no-listener"));
    assert_eq!(finding.verdict.trigger.map(|trigger| trigger.frame.number()), Some(3));
    let summary = analyzer.summary();
    assert_eq!((summary.frames, summary.segments, summary.skipped.len()), (6, 2, 0));
}

#[test]
fn a_fragment_of_a_tunnel_is_counted() {
    let capwap = [&[0xc0, 1], &5247_u16.to_be_bytes(), &be16(56), [0, 0].as_slice()].concat();
    let later = [capwap.as_slice(), &[0, 0x10, 0x02, 0x80, 0, 9, 0, 0x08], &[0; 40]].concat();
    assert_eq!(skipped(&at_once([ipv4(UDP, &[], &later)])), [(Skip::Fragment, 1)]);
}
