//! What an ICMP error says of the TCP segment that it quotes (RFC 792, RFC 4443).

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Flags, FourTuple, SeqNum};
use crate::frame::{FrameNo, Timestamp};

/// An ICMP error about a TCP segment. Anybody on the way may have sent it, or forged it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IcmpError {
    /// The frame it came in.
    pub frame: FrameNo,
    /// When that was captured.
    pub time: Timestamp,
    /// Who sent it: a router, a firewall, or the end that the segment was for.
    pub from: IpAddr,
    /// What it says.
    pub complaint: Complaint,
    /// The largest packet that gets on, in bytes, where it says so.
    pub mtu: Option<u32>,
    /// The quoted segment: from its sender, to whom the error went, to its receiver.
    pub tuple: FourTuple,
    /// The quoted segment's sequence number.
    pub seq: SeqNum,
    /// The quoted segment's control bits; `None` where no more than the 8 bytes of RFC 792 are quoted.
    pub flags: Option<Flags>,
    /// The quoted packet's IPv4 identification; `None` for IPv6.
    pub id: Option<u16>,
}

/// What an ICMP error complains of, the same for IPv4 and IPv6.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Complaint {
    /// No route there.
    NetUnreachable,
    /// The last router cannot reach the host: ARP or neighbour discovery stays unanswered.
    HostUnreachable,
    /// The host does not speak TCP, which it would not say: a firewall does.
    ProtocolUnreachable,
    /// What a host says of UDP (RFC 1122 section 3.2.2.1), and of TCP a firewall only.
    PortUnreachable,
    /// A rule forbids it.
    Prohibited,
    /// The packet is larger than the next link takes, and may not be fragmented (RFC 1191, RFC 8201).
    TooBig,
    /// Time to live or hop limit ran out.
    TimeExceeded,
    /// Some fragments of it did not arrive.
    FragmentsMissing,
    /// Its IP header is not understood.
    ParameterProblem,
    /// Send less (deprecated by RFC 6633).
    SourceQuench,
}

impl Complaint {
    /// All complaints.
    pub const ALL: [Complaint; 10] = [
        Complaint::NetUnreachable,
        Complaint::HostUnreachable,
        Complaint::ProtocolUnreachable,
        Complaint::PortUnreachable,
        Complaint::Prohibited,
        Complaint::TooBig,
        Complaint::TimeExceeded,
        Complaint::FragmentsMissing,
        Complaint::ParameterProblem,
        Complaint::SourceQuench,
    ];

    /// The stable id, as JSON spells it.
    pub fn id(self) -> &'static str {
        match self {
            Complaint::NetUnreachable => "net-unreachable",
            Complaint::HostUnreachable => "host-unreachable",
            Complaint::ProtocolUnreachable => "protocol-unreachable",
            Complaint::PortUnreachable => "port-unreachable",
            Complaint::Prohibited => "prohibited",
            Complaint::TooBig => "too-big",
            Complaint::TimeExceeded => "time-exceeded",
            Complaint::FragmentsMissing => "fragments-missing",
            Complaint::ParameterProblem => "parameter-problem",
            Complaint::SourceQuench => "source-quench",
        }
    }

    /// The complaint with this id.
    pub fn from_id(id: &str) -> Option<Complaint> {
        Self::ALL.into_iter().find(|complaint| complaint.id() == id)
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}
