//! One frame a case: what the decoder finds in it.

use super::testing::*;
use super::{Decoded, Encap, Skip, decode, glance, ip, link};
use crate::frame::{Frame, LinkType};
use crate::tcp::{Flags, IpFields, Options, SeqNum, Timestamps};

const IPV4: u16 = link::IPV4;
const IPV6: u16 = link::IPV6;

fn rst() -> Vec<u8> {
    segment(RST_ACK, &[], &[])
}

fn over_ethernet(ether_type: u16, packet: &[u8]) -> Result<Decoded<'static>, Skip> {
    decode_owned(LinkType::ETHERNET, ethernet(ether_type, packet))
}

/// Decodes bytes that the case made for this one call, so they are left to the test process.
fn decode_owned(link: LinkType, bytes: Vec<u8>) -> Result<Decoded<'static>, Skip> {
    decode(&frame(link, bytes.leak()))
}

/// The payload length of the segment, or why there is none.
fn len(decoded: Result<Decoded<'_>, Skip>) -> Result<u32, Skip> {
    decoded.map(|decoded| decoded.segment.len)
}

#[test]
fn a_segment_over_ipv4() {
    let bytes = ethernet(IPV4, &ipv4(TCP, &[], &segment(RST_ACK, &[], b"why")));
    let decoded = decode(&frame(LinkType::ETHERNET, &bytes)).unwrap();
    let segment = decoded.segment;
    assert_eq!(segment.tuple.to_string(), "10.0.0.1:1234 > 10.0.0.2:80");
    assert_eq!(segment.flags, Flags::RST.with(Flags::ACK));
    assert_eq!((segment.seq, segment.ack_field, segment.window), (SeqNum(100), SeqNum(200), 500));
    assert_eq!((segment.len, decoded.payload), (3, b"why".as_slice()));
    assert_eq!(segment.options, Options::NONE);
    assert_eq!((segment.frame.number(), segment.time.as_nanos()), (1, 5));
    let ip = IpFields { ttl: 64, tos: 0x2e, id: Some(0x1234), dont_fragment: true, flow_label: None };
    assert_eq!(segment.ip, ip);
}

#[test]
fn a_segment_over_ipv6() {
    let segment = over_ethernet(IPV6, &ipv6(TCP, &rst())).unwrap().segment;
    assert_eq!(segment.tuple.to_string(), "[fd00::1]:1234 > [fd00::2]:80");
    let ip = IpFields { ttl: 64, tos: 0x2e, id: None, dont_fragment: false, flow_label: Some(0x12345) };
    assert_eq!(segment.ip, ip);
}

#[test]
fn the_common_headers_are_read_at_known_offsets() {
    assert!(ip::v4::at_known_offset(&ipv4(TCP, &[], &rst())).is_some());
    assert!(ip::v6::at_known_offset(&ipv6(TCP, &rst())).is_some());
    assert!(ip::v4::at_known_offset(&ipv4(TCP, &[1; 4], &rst())).is_none());
}

#[test]
fn every_link_type_leads_to_the_segment() {
    let (packet4, packet6) = (ipv4(TCP, &[], &rst()), ipv6(TCP, &rst()));
    let expected4 = over_ethernet(IPV4, &packet4).unwrap();
    let expected6 = over_ethernet(IPV6, &packet6).unwrap();
    for (link, before4, before6) in encapsulations() {
        if let Some(before) = before4 {
            assert_eq!(decode_owned(link, [before, packet4.clone()].concat()).as_ref(), Ok(&expected4), "{link:?}");
        }
        if let Some(before) = before6 {
            assert_eq!(decode_owned(link, [before, packet6.clone()].concat()).as_ref(), Ok(&expected6), "{link:?}");
        }
    }
}

/// What stands before an IP packet, if the link can carry that version.
type Before = Option<Vec<u8>>;

/// Link types with what stands before an IPv4 and an IPv6 packet.
fn encapsulations() -> Vec<(LinkType, Before, Before)> {
    let sll =
        |ether_type: u16| [&[0, 0, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0], ether_type.to_be_bytes().as_slice()].concat();
    let sll2 = |ether_type: u16| {
        [ether_type.to_be_bytes().as_slice(), &[0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0]].concat()
    };
    let snap = |ether_type: u16| [&[0xaa, 0xaa, 3, 0, 0, 0], ether_type.to_be_bytes().as_slice()].concat();
    let mut all = vec![
        (LinkType::ETHERNET, Some(ethernet(48, &snap(IPV4))), Some(ethernet(68, &snap(IPV6)))),
        (LinkType::ETHERNET, Some(ethernet(43, &[6, 6, 3])), None),
        (LinkType::LINUX_SLL, Some(sll(IPV4)), Some(sll(IPV6))),
        (LinkType::LINUX_SLL, Some([sll(4), snap(IPV4)].concat()), Some([sll(4), snap(IPV6)].concat())),
        (LinkType::LINUX_SLL2, Some(sll2(IPV4)), Some(sll2(IPV6))),
        (LinkType::NULL, Some(vec![0, 0, 8, 0]), Some(vec![0xdd, 0x86, 0, 0])),
        (LinkType::RAW, Some(vec![]), Some(vec![])),
        (LinkType::RAW_BSD, Some(vec![]), Some(vec![])),
        (LinkType::RAW_OPENBSD, Some(vec![]), Some(vec![])),
        (LinkType::IPV4, Some(vec![]), None),
        (LinkType::IPV6, None, Some(vec![])),
    ];
    for family in [10, 24, 28, 30] {
        all.push((LinkType::NULL, Some(vec![2, 0, 0, 0]), Some(vec![family, 0, 0, 0])));
        all.push((LinkType::NULL, Some(vec![0, 0, 0, 2]), Some(vec![0, 0, 0, family])));
        all.push((LinkType::LOOP, Some(vec![0, 0, 0, 2]), Some(vec![0, 0, 0, family])));
    }
    all
}

#[test]
fn vlan_tags_are_taken_off_and_kept() {
    let packet = ipv4(TCP, &[], &rst());
    let ids = |decoded: Result<Decoded<'_>, Skip>| decoded.unwrap().encap;
    assert_eq!(ids(over_ethernet(IPV4, &packet)), Encap::default());
    assert_eq!(ids(over_ethernet(0x8100, &vlan(5, IPV4, &packet))).vlans(), [5]);
    let stack = vlan(4094, 0x9100, &vlan(2, 0x8100, &vlan(0, IPV4, &packet)));
    assert_eq!(ids(over_ethernet(0x88a8, &stack)).vlans(), [4094, 2, 0]);
    let deep = (1..=6).fold((IPV4, packet), |(inner, rest), id| (0x8100, vlan(id, inner, &rest)));
    assert_eq!(ids(over_ethernet(deep.0, &deep.1)).vlans(), [6, 5, 4, 3]);
}

#[test]
fn cooked_frames_may_carry_tags() {
    let tagged = vlan(9, IPV6, &ipv6(TCP, &rst()));
    let before: [u8; 16] = [0, 0, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0, 0x81, 0];
    let decoded = decode_owned(LinkType::LINUX_SLL, [before.as_slice(), &tagged].concat()).unwrap();
    assert_eq!(decoded.encap.vlans(), [9]);
}

#[test]
fn what_is_not_tcp_says_so() {
    let packet = ipv4(TCP, &[], &rst());
    assert_eq!(over_ethernet(0x0806, &[0; 28]), Err(Skip::NotIp));
    assert_eq!(over_ethernet(38, &[0x42; 38]), Err(Skip::NotIp));
    assert_eq!(over_ethernet(IPV4, &ipv4(17, &[], &[0; 30])), Err(Skip::NotTcp));
    assert_eq!(over_ethernet(IPV6, &ipv6(58, &[0; 30])), Err(Skip::Icmp));
    let netlink = [&[0, 4, 0x03, 0x38, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0], packet.as_slice()].concat();
    assert_eq!(decode_owned(LinkType::LINUX_SLL, netlink), Err(Skip::NotIp));
    assert_eq!(decode_owned(LinkType(9999), packet), Err(Skip::UnknownLinkType));
}

#[test]
fn a_header_quoted_by_an_icmp_error_is_no_segment() {
    let quoted = ipv4(1, &[], &[&[3, 3, 0, 0, 0, 0, 0, 0], ipv4(TCP, &[], &rst()).as_slice()].concat());
    assert_eq!(over_ethernet(IPV4, &quoted), Err(Skip::Icmp));
}

#[test]
fn ip_options_and_extension_headers_are_skipped() {
    let body = segment(RST_ACK, &[], b"abc");
    for words in 1..=10 {
        assert_eq!(len(over_ethernet(IPV4, &ipv4(TCP, &vec![1; words * 4], &body))), Ok(3));
    }
    let authenticated = |next: u8| [&[next, 4], [0; 22].as_slice(), &body].concat();
    assert_eq!(len(over_ethernet(IPV4, &ipv4(51, &[], &authenticated(TCP)))), Ok(3));
    assert_eq!(over_ethernet(IPV4, &ipv4(51, &[], &authenticated(17))), Err(Skip::NotTcp));
    let extended = |next: u8, units: u8| [&[next, units], vec![0; 6 + usize::from(units) * 8].as_slice()].concat();
    let hop_routing_destination = [extended(43, 1), extended(60, 2), extended(51, 0), authenticated(TCP)].concat();
    assert_eq!(len(over_ethernet(IPV6, &ipv6(0, &hop_routing_destination))), Ok(3));
    assert_eq!(over_ethernet(IPV6, &ipv6(0, &[extended(17, 0), vec![0; 8]].concat())), Err(Skip::NotTcp));
}

#[test]
fn padding_is_no_payload() {
    for (ether_type, packet) in [(IPV4, ipv4(TCP, &[], &rst())), (IPV6, ipv6(TCP, &rst()))] {
        let decoded = over_ethernet(ether_type, &[packet, vec![0; 6]].concat()).unwrap();
        assert_eq!((decoded.segment.len, decoded.payload), (0, [].as_slice()));
    }
}

#[test]
fn a_length_of_zero_is_the_length_on_the_wire() {
    let body = segment(0x10, &[], &[7; 100]);
    let packet4 = with(ipv4(TCP, &[], &body), 2, &[0, 0]);
    let packet6 = with(ipv6(TCP, &body), 4, &[0, 0]);
    for (ether_type, packet) in [(IPV4, packet4), (IPV6, packet6)] {
        let bytes = ethernet(ether_type, &packet);
        let whole = decode(&frame(LinkType::ETHERNET, &bytes)).unwrap();
        assert_eq!((whole.segment.len, whole.payload.len()), (100, 100));
        let captured = &bytes[..bytes.len() - 90];
        let cut = decode(&cut_frame(LinkType::ETHERNET, captured, bytes.len() + 70_000)).unwrap();
        assert_eq!((cut.segment.len, cut.payload.len()), (70_100, 10));
        let understated = Frame { wire_len: 1, ..frame(LinkType::ETHERNET, &bytes) };
        assert_eq!(len(decode(&understated)), Ok(100));
    }
}

#[test]
fn a_fragment_alone_is_no_segment() {
    let body = segment(RST_ACK, &SYN_OPTIONS, &[7; 8]);
    let fragment4 = |field: u16, protocol: u8| with(ipv4(protocol, &[], &body), 6, &field.to_be_bytes());
    let fragment6 = |field: u16, next: u8, body: &[u8]| {
        let [hi, lo] = field.to_be_bytes();
        ipv6(44, &[&[next, 0, hi, lo, 0, 0, 0, 9], body].concat())
    };
    for field in [0x2000, 0x2001, 0x0001] {
        for protocol in [TCP, 17, 4, 41, 47, 51] {
            assert_eq!(over_ethernet(IPV4, &fragment4(field, protocol)), Err(Skip::Fragment));
        }
        assert_eq!(over_ethernet(IPV4, &fragment4(field, 1)), Err(Skip::Icmp));
    }
    for field in [0x0001, 0x0009, 0x0008] {
        for next in [TCP, 17, 4, 41, 47, 51, 60] {
            assert_eq!(over_ethernet(IPV6, &fragment6(field, next, &[0xff; 40])), Err(Skip::Fragment));
        }
        assert_eq!(over_ethernet(IPV6, &fragment6(field, 58, &body)), Err(Skip::Icmp));
    }
    assert_eq!(len(over_ethernet(IPV6, &fragment6(0x0000, TCP, &body))), Ok(8));
}

/// As in Wireshark: what is left of the first fragment in IPv4 is read, all others are not.
#[test]
fn a_cut_fragment_shows_what_it_holds() {
    let body = segment(RST_ACK, &SYN_OPTIONS, &[7; 8]);
    let snapped = |ether_type: u16, packet: Vec<u8>, header: usize, captured: usize| {
        let bytes = ethernet(ether_type, &packet).leak();
        len(decode(&cut_frame(LinkType::ETHERNET, &bytes[..14 + header + captured], bytes.len())))
    };
    for captured in 0..48 {
        let first = with(ipv4(TCP, &[], &body), 6, &[0x20, 0]);
        let expected = if captured < 16 { Err(Skip::Truncated) } else { Ok(8) };
        assert_eq!(snapped(IPV4, first.clone(), 20, captured), expected, "{captured}");
        assert_eq!(snapped(IPV4, with(first, 6, &[0, 3]), 20, captured), Err(Skip::Truncated));
        let first = ipv6(44, &[&[TCP, 0, 0, 1, 0, 0, 0, 9], body.as_slice()].concat());
        assert_eq!(snapped(IPV6, first, 48, captured), Err(Skip::Truncated));
    }
    let tiny = with(ipv4(TCP, &[], &body[..8]), 6, &[0x20, 0]);
    assert_eq!(snapped(IPV4, tiny, 20, 4), Err(Skip::Truncated));
    let within_options = with(ipv4(TCP, &[], &body[..24]), 6, &[0x20, 0]);
    assert_eq!(snapped(IPV4, within_options, 20, 20), Ok(0));
}

#[test]
fn headers_that_contradict_themselves_are_malformed() {
    let packet = ipv4(TCP, &[], &rst());
    for (at, byte) in [(0, 0x44), (0, 0x55), (3, 19), (3, 35)] {
        assert_eq!(over_ethernet(IPV4, &with(packet.clone(), at, &[byte])), Err(Skip::Malformed), "{byte} at {at}");
    }
    for offset in 0..5 {
        let bad = with(packet.clone(), 32, &[offset << 4]);
        assert_eq!(over_ethernet(IPV4, &bad), Err(Skip::Malformed));
    }
    assert_eq!(over_ethernet(IPV6, &packet), Err(Skip::Malformed));
    let overlong = ipv6(60, &[&[TCP, 9, 0, 0, 0, 0, 0, 0], rst().as_slice()].concat());
    assert_eq!(over_ethernet(IPV6, &overlong), Err(Skip::Malformed));
}

/// As Wireshark, which shows the flags of such a header: there is a RST to explain.
#[test]
fn a_header_longer_than_its_packet_keeps_its_flags() {
    let packet = with(ipv4(TCP, &[], &rst()), 32, &[0xf0]);
    let segment = over_ethernet(IPV4, &[packet, vec![0; 40]].concat()).unwrap().segment;
    assert!(segment.flags.rst());
    assert_eq!((segment.len, segment.options), (0, Options::UNKNOWN));
    let short = with(ipv4(TCP, &[], &rst()), 2, &[0, 36]);
    assert_eq!(len(over_ethernet(IPV4, &short)), Ok(0));
}

#[test]
fn every_snapshot_length_gives_what_it_shows() {
    let packets = [
        (IPV4, ipv4(TCP, &[], &segment(SYN, &SYN_OPTIONS, b"hello"))),
        (IPV4, ipv4(TCP, &[1; 8], &segment(SYN, &SYN_OPTIONS, b"hello"))),
        (IPV6, ipv6(TCP, &segment(SYN, &SYN_OPTIONS, b"hello"))),
        (IPV6, ipv6(60, &[&[TCP, 0, 0, 0, 0, 0, 0, 0], segment(SYN, &SYN_OPTIONS, b"hello").as_slice()].concat())),
    ];
    for (ether_type, packet) in packets {
        let bytes = ethernet(0x8100, &vlan(5, ether_type, &packet));
        let tcp_at = bytes.len() - 45;
        for snap in 0..=bytes.len() {
            let decoded = decode(&cut_frame(LinkType::ETHERNET, &bytes[..snap], bytes.len()));
            match snap.checked_sub(tcp_at) {
                None | Some(..16) => assert_eq!(decoded, Err(Skip::Truncated), "{snap}"),
                Some(captured) => check_cut_syn(&decoded.unwrap(), captured),
            }
        }
    }
}

/// A SYN with 20 option bytes and 5 of data, of which `captured` bytes from its header on are there.
fn check_cut_syn(decoded: &Decoded<'_>, captured: usize) {
    let options = decoded.segment.options;
    assert_eq!((decoded.segment.flags, decoded.segment.len), (Flags::SYN, 5));
    assert_eq!(decoded.payload, &b"hello"[..captured.saturating_sub(40)]);
    assert_eq!((options.any, options.complete), (true, captured >= 40));
    assert_eq!(options.mss, (captured >= 24).then_some(1460));
    assert_eq!(options.sack_ok, captured >= 26);
    assert_eq!(options.timestamps, (captured >= 36).then_some(Timestamps { val: 7, ecr: 0 }));
    assert_eq!(options.wscale, (captured >= 40).then_some(9));
}

#[test]
fn a_bare_header_cut_after_the_window_is_complete() {
    let bytes = ethernet(IPV4, &ipv4(TCP, &[], &rst()));
    for captured in 16..20 {
        let decoded = decode(&cut_frame(LinkType::ETHERNET, &bytes[..34 + captured], bytes.len())).unwrap();
        assert_eq!((decoded.segment.window, decoded.segment.options), (500, Options::NONE));
    }
}

/// A QoS data frame of IEEE 802.11 with these packets as subframes, each filled up to four bytes.
fn aggregate(packets: &[Vec<u8>]) -> Vec<u8> {
    let mut frame = [&[0x88, 2], [0; 22].as_slice(), &[0x80, 0]].concat();
    let header = frame.len();
    for packet in packets {
        frame.resize(header + (frame.len() - header).next_multiple_of(4), 0);
        frame.extend([[2; 12].as_slice(), &be16(8 + packet.len()), &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], packet].concat());
    }
    frame
}

/// The limit of an aggregate: a frame has one segment, which is a reset where there is one.
#[test]
fn an_aggregate_gives_its_first_reset_or_its_first_segment() {
    let packet = |flags: u8, payload: &[u8]| ipv4(TCP, &[], &segment(flags, &[], payload));
    let (data, more, reset) = (packet(0x10, b"one"), packet(0x10, b"three"), packet(RST_ACK, b""));
    let other = ipv4(17, &[], &[0; 30]);
    let found = |packets: &[&Vec<u8>]| {
        let packets: Vec<Vec<u8>> = packets.iter().copied().cloned().collect();
        let decoded = decode_owned(LinkType::IEEE802_11, aggregate(&packets));
        decoded.map(|decoded| (decoded.segment.flags.rst(), decoded.payload))
    };
    assert_eq!(found(&[&data]), Ok((false, b"one".as_slice())));
    assert_eq!(found(&[&data, &more]), Ok((false, b"one".as_slice())));
    assert_eq!(found(&[&other, &more]), Ok((false, b"three".as_slice())));
    assert_eq!(found(&[&data, &other, &reset, &more]), Ok((true, b"".as_slice())));
    assert_eq!(found(&[&other, &other]), Err(Skip::NotTcp));
    assert_eq!(found(&[]), Err(Skip::Truncated));
    let whole = aggregate(&[data, reset.clone(), reset]);
    for snap in 0..whole.len() {
        let decoded = decode(&cut_frame(LinkType::IEEE802_11, &whole[..snap], whole.len()));
        let resets = decoded.is_ok_and(|decoded| decoded.segment.flags.rst());
        assert_eq!(resets, snap >= 26 + 68 + 22 + 20 + 16, "{snap}");
    }
}

/// From 54 bytes on, which is Ethernet, IPv4 and TCP without options.
#[test]
fn every_snapshot_length_is_enough_on_every_link() {
    let body = segment(RST_ACK, &SYN_OPTIONS, b"hello");
    for (link, before4, before6) in encapsulations() {
        let packets =
            [before4.map(|before| (before, ipv4(TCP, &[], &body))), before6.map(|before| (before, ipv6(TCP, &body)))];
        for (before, packet) in packets.into_iter().flatten() {
            let (bytes, tcp_at) = ([&before[..], &packet].concat(), before.len() + packet.len() - body.len());
            for snap in 54..=bytes.len() {
                let decoded = decode(&cut_frame(link, &bytes[..snap], bytes.len()));
                let Some(captured @ 16..) = snap.checked_sub(tcp_at) else {
                    assert_eq!(decoded, Err(Skip::Truncated), "{link} {snap}");
                    continue;
                };
                let decoded = decoded.unwrap();
                assert_eq!((decoded.segment.flags, decoded.segment.len), (Flags(RST_ACK), 5), "{link} {snap}");
                assert_eq!(decoded.segment.options.complete, captured >= 40, "{link} {snap}");
                assert!(decoded.segment.options.any, "{link} {snap}");
            }
        }
    }
}

#[test]
fn a_jumbogram_has_the_length_of_its_option() {
    let jumbo = |option: &[u8], len: usize| {
        let hop_by_hop = [&[TCP, 0], option].concat();
        with(ipv6(0, &[&hop_by_hop, segment(0x10, &[], &vec![7; len]).as_slice()].concat()), 4, &[0, 0])
    };
    let decoded = |packet: &[u8], wire: usize| {
        let bytes = ethernet(IPV6, packet);
        len(decode(&cut_frame(LinkType::ETHERNET, &bytes, bytes.len() + wire)))
    };
    // 8 bytes of extension header and 20 of TCP are part of a payload of 70,000 bytes.
    let stated = [0xc2, 4, 0, 1, 0x11, 0x70];
    assert_eq!(decoded(&jumbo(&stated, 100), 70_000), Ok(70_000 - 28));
    assert_eq!(decoded(&jumbo(&stated, 100), 0), Ok(70_000 - 28));
    assert_eq!(decoded(&jumbo(&[0, 1, 3, 0, 0, 0], 100), 0), Ok(100));
    let after_padding = [&[1, 4, 0, 0, 0, 0], stated.as_slice(), &[0, 0]].concat();
    let two = with(jumbo(&after_padding, 100), 41, &[1]);
    assert_eq!(decoded(&two, 0), Ok(70_000 - 36));
    // RFC 2675 section 3: a length that the header itself could have stated is an error.
    assert_eq!(decoded(&jumbo(&[0xc2, 4, 0, 0, 0xff, 0xff], 100), 7), Ok(107));
    let whole = ethernet(IPV6, &jumbo(&stated, 0));
    for snap in 0..whole.len() {
        let cut = decode(&cut_frame(LinkType::ETHERNET, &whole[..snap], 70_054));
        assert_eq!(cut.is_ok(), snap >= 14 + 40 + 8 + 16, "{snap}");
    }
}

#[test]
fn what_the_link_appends_is_no_payload() {
    let body = segment(RST_ACK, &[], b"why");
    for (ether_type, packet) in [(IPV4, ipv4(TCP, &[], &body)), (IPV6, ipv6(TCP, &body))] {
        for trailer in [&[0xfc; 4][..], &[0; 6], &[0, 0, 0, 0xde, 0xad, 0xbe, 0xef], &[0xa5; 300]] {
            let decoded = over_ethernet(ether_type, &[&packet, trailer].concat()).unwrap();
            assert_eq!((decoded.segment.len, decoded.payload), (3, b"why".as_slice()), "{trailer:?}");
        }
    }
}

#[test]
fn every_combination_of_flags_and_reserved_bits_is_kept() {
    for flags in 0..=u8::MAX {
        for reserved in 0..=0x0f {
            let body = with(segment(flags, &[], b"abc"), 12, &[0x50 | reserved]);
            let bytes = ethernet(IPV4, &ipv4(TCP, &[], &body));
            let decoded = decode(&frame(LinkType::ETHERNET, &bytes)).unwrap();
            assert_eq!((decoded.segment.flags, decoded.segment.len), (Flags(flags), 3), "{flags:#x} {reserved:#x}");
            assert_eq!(glance(&frame(LinkType::ETHERNET, &bytes)).map(|seen| seen.flags), Some(Flags(flags)));
        }
    }
}
