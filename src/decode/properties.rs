//! What holds for every frame, whole, cut or damaged.

use std::net::IpAddr;

use proptest::collection::vec;
use proptest::prelude::*;

use super::testing::{TCP, cut_frame, ethernet, ipv4, ipv6, segment, vlan};
use super::{
    Decoded, Glance, Hosts, LINK_TYPES, Skip, checksums, decode, flags_without_reset, glance, glance_v4, icmp_error,
    link, on_other_link, tunnel, uncommon,
};
use crate::decode::Carried;
use crate::frame::{Frame, LinkType};
use crate::tcp::{Checksums, FourTuple, Segment};

/// All that are decoded, and one that is not.
fn links() -> impl Iterator<Item = LinkType> {
    LINK_TYPES.into_iter().chain([LinkType(9999)])
}

/// The way that looks closer at everything.
fn decode_uncommon<'a>(frame: &Frame<'a>) -> Result<Decoded<'a>, Skip> {
    let mut segment = Segment::EMPTY;
    let Carried { payload, encap } = match frame.link {
        LinkType::ETHERNET => uncommon(frame, &link::network(frame)?, &mut segment)?,
        _ => on_other_link(frame, &mut segment)?,
    };
    Ok(Decoded { segment, payload, encap })
}

/// The options of a TCP header: none, those of RFC 7323's appendix, or anything.
fn tcp_options() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(Vec::new()),
        any::<[u8; 8]>().prop_map(|stamps| [&[1, 1, 8, 10], stamps.as_slice()].concat()),
        (0usize..=10).prop_flat_map(|words| vec(0u8..40, words * 4)),
    ]
}

fn tcp_segment() -> impl Strategy<Value = Vec<u8>> {
    (any::<u8>(), tcp_options(), vec(any::<u8>(), 0..40))
        .prop_map(|(flags, options, payload)| segment(flags, &options, &payload))
}

/// An IP packet under its ether type, with options or extension headers or without.
fn packet() -> impl Strategy<Value = (u16, Vec<u8>)> {
    let version4 = (prop_oneof![Just(0usize), 0usize..=10], tcp_segment())
        .prop_map(|(words, segment)| (link::IPV4, ipv4(TCP, &vec![1; words * 4], &segment)));
    let version6 = (vec(prop_oneof![Just(0u8), Just(43), Just(44), Just(51), Just(60)], 0..3), tcp_segment())
        .prop_map(|(extensions, segment)| (link::IPV6, chain(&extensions, segment)));
    prop_oneof![version4, version6]
}

/// An IPv6 packet with these extension headers, 8 bytes each (the authentication header 12).
fn chain(extensions: &[u8], segment: Vec<u8>) -> Vec<u8> {
    let (next, body) = extensions.iter().rev().fold((TCP, segment), |(next, rest), extension| {
        let header: &[u8] =
            if *extension == 51 { &[next, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] } else { &[next, 0, 0, 0, 0, 0, 0, 0] };
        (*extension, [header, &rest].concat())
    });
    ipv6(next, &body)
}

/// An Ethernet frame with tags and padding, then cut somewhere, damaged in some bytes, and with any length on the wire.
fn damaged_frame() -> impl Strategy<Value = (Vec<u8>, usize)> {
    let tagged = (packet(), 0usize..4, 0usize..20).prop_map(|((ether_type, packet), tags, padding)| {
        let padded = [packet, vec![0; padding]].concat();
        let (ether_type, rest) =
            (0..tags).fold((ether_type, padded), |(inner, rest), _| (0x8100, vlan(7, inner, &rest)));
        ethernet(ether_type, &rest)
    });
    damaged(tagged)
}

/// The same to a frame of any encapsulation.
fn damaged_tunnel() -> impl Strategy<Value = (LinkType, Vec<u8>, usize)> {
    let frames = (tcp_segment(), any::<prop::sample::Index>()).prop_map(|(segment, which)| {
        let mut frames = tunnel::tests::frames(&segment);
        frames.swap_remove(which.index(frames.len()))
    });
    frames
        .prop_flat_map(|(link, bytes)| damaged(Just(bytes)).prop_map(move |(bytes, wire_len)| (link, bytes, wire_len)))
}

fn damaged(whole: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = (Vec<u8>, usize)> {
    let damage = vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    (whole, damage, prop_oneof![Just(None), any::<prop::sample::Index>().prop_map(Some)], 0usize..3000).prop_map(
        |(mut bytes, damage, cut, more)| {
            for (at, byte) in damage {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let wire_len = bytes.len() + more;
            bytes.truncate(cut.map_or(bytes.len(), |cut| cut.index(bytes.len() + 1)));
            (bytes, wire_len)
        },
    )
}

/// An ICMP message that quotes a packet, damaged.
fn damaged_quotation() -> impl Strategy<Value = (Vec<u8>, usize)> {
    let kinds = (prop_oneof![Just(3u8), Just(11), Just(1), Just(2), any::<u8>()], 0u8..18);
    let quotation = (kinds, packet(), any::<bool>()).prop_map(|((kind, code), (_, quoted), narrow)| {
        let message = [[kind, code, 0, 0, 0, 0, 5, 0].as_slice(), &quoted].concat();
        match narrow {
            true => ethernet(link::IPV4, &ipv4(1, &[], &message)),
            false => ethernet(link::IPV6, &ipv6(58, &message)),
        }
    });
    damaged(quotation)
}

/// Nothing is both a segment and an ICMP error, and checksums are those of a segment.
fn excludes_each_other(frame: &Frame<'_>) -> Result<(), TestCaseError> {
    let decoded = decode(frame);
    prop_assert!(icmp_error(frame).is_none() || decoded == Err(Skip::Icmp));
    prop_assert!(checksums(frame) == Checksums::default() || decoded != Err(Skip::NotIp));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn known_offsets_and_a_closer_look_find_the_same((bytes, wire_len) in damaged_frame()) {
        let frame = cut_frame(LinkType::ETHERNET, &bytes, wire_len);
        prop_assert_eq!(decode(&frame), decode_uncommon(&frame));
    }

    #[test]
    fn a_glance_sees_what_decoding_finds((bytes, wire_len) in damaged_frame()) {
        let frame = cut_frame(LinkType::ETHERNET, &bytes, wire_len);
        if let Some(seen) = glance(&frame) {
            let found = decode(&frame).map(|decoded| decoded.segment);
            let Ok(Segment { tuple: FourTuple { src, dst }, flags, seq, ack_field: ack, len, ip, .. }) = found else {
                return Err(TestCaseError::fail(format!("{seen:?}, but {found:?}")));
            };
            let hosts = match (src.ip(), dst.ip()) {
                (IpAddr::V6(src), IpAddr::V6(dst)) => Some(Hosts::V6(src.into(), dst.into())),
                (IpAddr::V4(src), IpAddr::V4(dst)) => Some(Hosts::V4(src.into(), dst.into())),
                _ => None,
            };
            let (sport, dport) = (src.port(), dst.port());
            let (ttl, flow_label) = (ip.ttl, ip.flow_label);
            let expected = hosts.map(|hosts| Glance { hosts, sport, dport, seq, ack, flags, len, ttl, flow_label });
            prop_assert_eq!(Some(seen), expected);
            let same = |hosts, sport, dport, flags| match hosts {
                Hosts::V4(src, dst) => Some(([(src, sport), (dst, dport)], flags)),
                Hosts::V6(..) => None,
            };
            prop_assert_eq!(glance_v4(&frame), same(seen.hosts, seen.sport, seen.dport, seen.flags));
        }
    }

    #[test]
    fn what_lacks_a_reset_at_a_glance_lacks_it((bytes, wire_len) in damaged_frame()) {
        let frame = cut_frame(LinkType::ETHERNET, &bytes, wire_len);
        if let (Some(flags), Ok(decoded)) = (flags_without_reset(&frame), decode(&frame)) {
            prop_assert_eq!(flags, decoded.segment.flags);
            prop_assert!(!flags.rst());
        }
    }

    #[test]
    fn no_more_payload_is_captured_than_was_sent((bytes, wire_len) in damaged_frame()) {
        if let Ok(decoded) = decode(&cut_frame(LinkType::ETHERNET, &bytes, wire_len)) {
            prop_assert!(decoded.payload.len() <= usize::try_from(decoded.segment.len).unwrap());
        }
    }

    #[test]
    fn any_damage_to_a_tunnel_is_a_segment_or_a_reason((link, bytes, wire_len) in damaged_tunnel()) {
        let frame = cut_frame(link, &bytes, wire_len);
        let decoded = decode(&frame);
        prop_assert_eq!(&decoded, &decode_uncommon(&frame));
        if let Ok(decoded) = decoded {
            prop_assert!(decoded.payload.len() <= usize::try_from(decoded.segment.len).unwrap());
        }
    }

    #[test]
    fn any_bytes_are_a_segment_or_a_reason(bytes in vec(any::<u8>(), 0..120), wire_len in any::<u32>()) {
        for link in links() {
            let frame = Frame { wire_len, ..cut_frame(link, &bytes, 0) };
            prop_assert_eq!(decode(&frame), decode_uncommon(&frame));
        }
    }

    #[test]
    fn a_segment_is_no_icmp_error(
        (bytes, wire_len) in prop_oneof![damaged_quotation(), damaged_frame()], strip in 0usize..24,
    ) {
        excludes_each_other(&cut_frame(LinkType::ETHERNET, &bytes, wire_len))?;
        let bytes = bytes.get(strip..).unwrap_or_default();
        for link in links() {
            excludes_each_other(&cut_frame(link, bytes, wire_len))?;
        }
    }

    /// Damage within real headers goes deeper than random bytes do.
    #[test]
    fn any_damage_is_a_segment_or_a_reason((bytes, wire_len) in damaged_frame(), strip in 0usize..24) {
        let bytes = bytes.get(strip..).unwrap_or_default();
        for link in links() {
            let frame = cut_frame(link, bytes, wire_len);
            prop_assert_eq!(decode(&frame), decode_uncommon(&frame));
        }
    }
}
