//! What ICMP errors said, and what to do about it.

use crate::classify::FactKind;
use crate::tcp::Complaint;

/// A complaint in words.
pub fn complaint(complaint: Complaint) -> &'static str {
    match complaint {
        Complaint::NetUnreachable => "network unreachable",
        Complaint::HostUnreachable => "host unreachable",
        Complaint::ProtocolUnreachable => "protocol unreachable",
        Complaint::PortUnreachable => "port unreachable",
        Complaint::Prohibited => "administratively prohibited",
        Complaint::TooBig => "packet too big",
        Complaint::TimeExceeded => "time exceeded",
        Complaint::FragmentsMissing => "fragments missing",
        Complaint::ParameterProblem => "parameter problem",
        Complaint::SourceQuench => "source quench",
    }
}

/// What to check because of a fact, in addition to what its verdict asks for.
pub fn check(kind: FactKind) -> Option<&'static str> {
    Some(match kind {
        FactKind::IcmpRefused => "the firewall rules of {icmp-from}, which refused segments of {whose}",
        FactKind::IcmpUnreachable => {
            "why {icmp-from} could not deliver segments of {whose}: its routes, ARP or neighbour discovery behind it"
        }
        FactKind::IcmpTooBig => {
            "segments of {whose} are too big for the path[ (MTU {n})]: does ICMP reach it (fragmentation needed, packet too \
             big)? If not, let it pass, or clamp the MSS (iptables TCPMSS --clamp-mss-to-pmtu)"
        }
        FactKind::IcmpTimeExceeded => {
            "segments of {whose} ran out of hops at {icmp-from}: a routing loop, unless a route was traced"
        }
        FactKind::IcmpParameterProblem => "IP options or extension headers of {whose}, which {icmp-from} does not take",
        _ => return None,
    })
}
