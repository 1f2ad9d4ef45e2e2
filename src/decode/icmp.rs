//! ICMP errors: what they say of a TCP segment, and of which (RFC 792, RFC 4443).

use etherparse::icmpv4::{self, DestUnreachableHeader as Unreachable4};
use etherparse::icmpv6::{self, DestUnreachableCode as Unreachable6};
use etherparse::{Icmpv4Header, Icmpv4Slice, Icmpv4Type, Icmpv6Slice, Icmpv6Type, LaxIpSlice, ip_number};

use super::innermost_packet;
use crate::frame::Frame;
use crate::tcp::{Complaint, Flags, FourTuple, IcmpError, SeqNum};

/// The type of a source quench (RFC 792).
const SOURCE_QUENCH: u8 = 4;
/// Where the control bits stand in a TCP header.
const FLAGS_OFFSET: usize = 13;

/// The ICMP error in a frame, if it is about a TCP segment.
///
/// Of the segment no more than ports and sequence number need be quoted (RFC 792). What may stand behind the quotation
/// (RFC 4884) is not read.
#[cold]
pub fn icmp_error(frame: &Frame<'_>) -> Option<IcmpError> {
    let (packet, _) = LaxIpSlice::from_slice(innermost_packet(frame)?).ok()?;
    let body = packet.payload();
    let (complaint, mtu) = match body.ip_number {
        _ if body.fragmented => return None,
        ip_number::ICMP => complaint_v4(body.payload)?,
        ip_number::IPV6_ICMP => complaint_v6(body.payload)?,
        _ => return None,
    };
    // Both headers are as long.
    let quoted = quoted(body.payload.get(Icmpv4Header::MIN_LEN..)?)?;
    Some(IcmpError {
        frame: frame.no,
        time: frame.time,
        from: packet.source_addr(),
        complaint,
        mtu,
        tuple: quoted.tuple,
        seq: quoted.seq,
        flags: quoted.flags,
        id: quoted.id,
    })
}

/// What a quotation shows of its segment.
struct Quoted {
    tuple: FourTuple,
    seq: SeqNum,
    flags: Option<Flags>,
    id: Option<u16>,
}

/// Reads the beginning of a packet; its lengths say more than is there.
fn quoted(bytes: &[u8]) -> Option<Quoted> {
    let (packet, _) = LaxIpSlice::from_slice(bytes).ok()?;
    let header = packet.ipv4().map(|packet| packet.header());
    // Of fragments only IPv4's first ones can be told, and only they have ports.
    let first = match header {
        Some(header) => header.fragments_offset().value() == 0,
        None => !packet.is_fragmenting_payload(),
    };
    let body = packet.payload();
    if body.ip_number != ip_number::TCP || !first {
        return None;
    }
    let ([sport_hi, sport_lo, dport_hi, dport_lo, seq @ ..], _) = body.payload.split_first_chunk::<8>()?;
    let (sport, dport) = (u16::from_be_bytes([*sport_hi, *sport_lo]), u16::from_be_bytes([*dport_hi, *dport_lo]));
    Some(Quoted {
        tuple: FourTuple::new((packet.source_addr(), sport), (packet.destination_addr(), dport)),
        seq: SeqNum(u32::from_be_bytes(*seq)),
        flags: body.payload.get(FLAGS_OFFSET).copied().map(Flags),
        id: header.map(|header| header.identification()),
    })
}

/// What an ICMPv4 error says (RFC 792; codes from 6 on RFC 1122 section 3.2.2.1 and RFC 1812 section 5.2.7.1), with the
/// MTU of RFC 1191, which old routers leave 0.
fn complaint_v4(bytes: &[u8]) -> Option<(Complaint, Option<u32>)> {
    let complaint = match Icmpv4Slice::from_slice(bytes).ok()?.icmp_type() {
        Icmpv4Type::DestinationUnreachable(Unreachable4::FragmentationNeeded { next_hop_mtu }) => {
            return Some((Complaint::TooBig, (next_hop_mtu > 0).then_some(u32::from(next_hop_mtu))));
        }
        Icmpv4Type::DestinationUnreachable(header) => unreachable_v4(&header),
        Icmpv4Type::TimeExceeded(icmpv4::TimeExceededCode::TtlExceededInTransit) => Complaint::TimeExceeded,
        Icmpv4Type::TimeExceeded(_) => Complaint::FragmentsMissing,
        Icmpv4Type::ParameterProblem(_) => Complaint::ParameterProblem,
        Icmpv4Type::Unknown { type_u8: SOURCE_QUENCH, .. } => Complaint::SourceQuench,
        _ => return None,
    };
    Some((complaint, None))
}

fn unreachable_v4(header: &Unreachable4) -> Complaint {
    use Unreachable4 as U;
    match header {
        U::Network | U::NetworkUnknown | U::TosNetwork | U::SourceRouteFailed => Complaint::NetUnreachable,
        U::Host | U::HostUnknown | U::TosHost | U::Isolated => Complaint::HostUnreachable,
        U::Protocol => Complaint::ProtocolUnreachable,
        U::Port => Complaint::PortUnreachable,
        U::FragmentationNeeded { .. } => Complaint::TooBig,
        U::NetworkProhibited
        | U::HostProhibited
        | U::FilterProhibited
        | U::HostPrecedenceViolation
        | U::PrecedenceCutoff => Complaint::Prohibited,
    }
}

/// What an ICMPv6 error says (RFC 4443 section 3).
fn complaint_v6(bytes: &[u8]) -> Option<(Complaint, Option<u32>)> {
    let complaint = match Icmpv6Slice::from_slice(bytes).ok()?.icmp_type() {
        Icmpv6Type::PacketTooBig { mtu } => return Some((Complaint::TooBig, Some(mtu))),
        Icmpv6Type::DestinationUnreachable(code) => match code {
            Unreachable6::NoRoute | Unreachable6::BeyondScope => Complaint::NetUnreachable,
            Unreachable6::Address => Complaint::HostUnreachable,
            Unreachable6::Port => Complaint::PortUnreachable,
            Unreachable6::Prohibited | Unreachable6::SourceAddressFailedPolicy | Unreachable6::RejectRoute => {
                Complaint::Prohibited
            }
        },
        Icmpv6Type::TimeExceeded(icmpv6::TimeExceededCode::HopLimitExceeded) => Complaint::TimeExceeded,
        Icmpv6Type::TimeExceeded(_) => Complaint::FragmentsMissing,
        Icmpv6Type::ParameterProblem(header) => match header.code {
            icmpv6::ParameterProblemCode::UnrecognizedNextHeader => Complaint::ProtocolUnreachable,
            _ => Complaint::ParameterProblem,
        },
        _ => return None,
    };
    Some((complaint, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::link::{IPV4, IPV6};
    use crate::decode::testing::{RST_ACK, TCP, ethernet, frame, ipv4, ipv6, segment, vlan, with};
    use crate::frame::LinkType;

    const ICMP: u8 = 1;
    const ICMPV6: u8 = 58;

    /// An error over Ethernet that quotes `packet`.
    fn error(protocol: u8, header: [u8; 8], packet: &[u8]) -> Option<IcmpError> {
        let message = [header.as_slice(), packet].concat();
        let bytes = match protocol {
            ICMP => ethernet(IPV4, &ipv4(ICMP, &[], &message)),
            _ => ethernet(IPV6, &ipv6(ICMPV6, &message)),
        };
        icmp_error(&frame(LinkType::ETHERNET, &bytes))
    }

    fn quoted_v4() -> Vec<u8> {
        ipv4(TCP, &[], &segment(RST_ACK, &[], &[7; 40]))
    }

    #[test]
    fn it_says_what_and_of_which_segment() {
        let found = error(ICMP, [3, 13, 0, 0, 0, 0, 0, 0], &quoted_v4()).unwrap();
        assert_eq!(found.complaint, Complaint::Prohibited);
        assert_eq!(found.from.to_string(), "10.0.0.1");
        assert_eq!(found.tuple.src.to_string(), "10.0.0.1:1234");
        assert_eq!(found.tuple.dst.to_string(), "10.0.0.2:80");
        assert_eq!((found.seq, found.flags, found.id), (SeqNum(100), Some(Flags(RST_ACK)), Some(0x1234)));
        let found = error(ICMPV6, [1, 4, 0, 0, 0, 0, 0, 0], &ipv6(TCP, &segment(RST_ACK, &[], &[]))).unwrap();
        assert_eq!((found.complaint, found.id), (Complaint::PortUnreachable, None));
        assert_eq!(found.tuple.src.to_string(), "[fd00::1]:1234");
    }

    #[test]
    fn types_and_codes_are_those_of_the_standards() {
        let v4 = |kind, code| error(ICMP, [kind, code, 0, 0, 0, 0, 0, 0], &quoted_v4()).map(|found| found.complaint);
        let packet = ipv6(TCP, &segment(RST_ACK, &[], &[]));
        let v6 = |kind, code| error(ICMPV6, [kind, code, 0, 0, 0, 0, 0, 0], &packet).map(|found| found.complaint);
        use Complaint as C;
        let net = [0, 5, 6, 11].map(|code| v4(3, code));
        let host = [1, 7, 8, 12].map(|code| v4(3, code));
        let prohibited = [9, 10, 13, 14, 15].map(|code| v4(3, code));
        assert_eq!(net, [Some(C::NetUnreachable); 4]);
        assert_eq!(host, [Some(C::HostUnreachable); 4]);
        assert_eq!(prohibited, [Some(C::Prohibited); 5]);
        let others = [v4(3, 2), v4(3, 3), v4(3, 4), v4(4, 0), v4(11, 0), v4(11, 1), v4(12, 0)];
        let expected = [
            C::ProtocolUnreachable,
            C::PortUnreachable,
            C::TooBig,
            C::SourceQuench,
            C::TimeExceeded,
            C::FragmentsMissing,
            C::ParameterProblem,
        ];
        assert_eq!(others, expected.map(Some));
        assert_eq!([v4(0, 0), v4(8, 0), v4(3, 16), v4(5, 1)], [None; 4], "echo, unassigned, redirect");
        assert_eq!(
            [0, 2, 3].map(|code| v6(1, code)),
            [C::NetUnreachable, C::NetUnreachable, C::HostUnreachable].map(Some)
        );
        assert_eq!([1, 5, 6].map(|code| v6(1, code)), [Some(C::Prohibited); 3]);
        let others = [v6(2, 0), v6(3, 0), v6(3, 1), v6(4, 0), v6(4, 1)];
        let expected = [C::TooBig, C::TimeExceeded, C::FragmentsMissing, C::ParameterProblem, C::ProtocolUnreachable];
        assert_eq!(others, expected.map(Some));
        assert_eq!([v6(128, 0), v6(135, 0)], [None; 2], "echo, neighbour solicitation");
    }

    #[test]
    fn the_mtu_is_there_where_it_is_said() {
        let mtu = |header| error(ICMP, header, &quoted_v4()).unwrap().mtu;
        assert_eq!(mtu([3, 4, 0, 0, 0, 0, 0x05, 0x78]), Some(1400));
        assert_eq!(mtu([3, 4, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(mtu([3, 3, 0, 0, 0, 0, 0x05, 0x78]), None);
        let packet = ipv6(TCP, &segment(RST_ACK, &[], &[]));
        assert_eq!(error(ICMPV6, [2, 0, 0, 0, 0, 0, 0x05, 0x00], &packet).unwrap().mtu, Some(1280));
    }

    #[test]
    fn eight_bytes_of_tcp_are_enough_and_seven_are_not() {
        let quoted = |len: usize| error(ICMP, [3, 1, 0, 0, 0, 0, 0, 0], &quoted_v4()[..len]);
        assert_eq!(quoted(20 + 7), None);
        assert_eq!(quoted(20 + 8).map(|found| (found.seq, found.flags)), Some((SeqNum(100), None)));
        assert_eq!(quoted(20 + 13).unwrap().flags, None);
        assert_eq!(quoted(20 + 14).unwrap().flags, Some(Flags(RST_ACK)));
    }

    #[test]
    fn what_quotes_no_beginning_of_a_segment_is_no_error_about_one() {
        let unreachable = [3, 1, 0, 0, 0, 0, 0, 0];
        let udp = ipv4(17, &[], &[0; 20]);
        let later = with(quoted_v4(), 6, &[0, 2]);
        let first = with(quoted_v4(), 6, &[0x20, 0]);
        assert_eq!(error(ICMP, unreachable, &udp), None);
        assert_eq!(error(ICMP, unreachable, &later), None);
        assert!(error(ICMP, unreachable, &first).is_some());
        assert_eq!(error(ICMP, unreachable, &[]), None);
        let bytes = ethernet(IPV4, &quoted_v4());
        assert_eq!(icmp_error(&frame(LinkType::ETHERNET, &bytes)), None, "the segment itself");
    }

    #[test]
    fn tags_and_tunnels_around_it_are_taken_off() {
        let message = [[3, 3, 0, 0, 0, 0, 0, 0].as_slice(), &quoted_v4()].concat();
        let inner = ipv4(ICMP, &[], &message);
        let tunnelled = ethernet(0x8100, &vlan(7, IPV4, &ipv4(4, &[], &inner)));
        let found = icmp_error(&frame(LinkType::ETHERNET, &tunnelled)).unwrap();
        assert_eq!((found.complaint, found.seq), (Complaint::PortUnreachable, SeqNum(100)));
    }
}
