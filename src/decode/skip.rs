//! Why a frame gave no TCP segment.

/// Why a frame gave no TCP segment. Counted and shown in the summary.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Skip {
    /// Neither IPv4 nor IPv6 (ARP, LLDP, ...).
    NotIp,
    /// IP, but another protocol than TCP or ICMP.
    NotTcp,
    /// ICMP, for IPv4 or IPv6. Its errors may quote a TCP header: see [`icmp_error`](super::icmp_error).
    Icmp,
    /// A link type that rstscan does not decode.
    UnknownLinkType,
    /// A later fragment, or a first one too short for the TCP header.
    Fragment,
    /// The headers end before the TCP header is complete.
    Truncated,
    /// A header contradicts itself.
    Malformed,
}

impl Skip {
    /// All reasons.
    pub const ALL: [Skip; 7] = [
        Skip::NotIp,
        Skip::NotTcp,
        Skip::Icmp,
        Skip::UnknownLinkType,
        Skip::Fragment,
        Skip::Truncated,
        Skip::Malformed,
    ];

    /// The stable id, as the summary spells it.
    pub fn id(self) -> &'static str {
        match self {
            Skip::NotIp => "not-ip",
            Skip::NotTcp => "not-tcp",
            Skip::Icmp => "icmp",
            Skip::UnknownLinkType => "unknown-link-type",
            Skip::Fragment => "fragment",
            Skip::Truncated => "truncated",
            Skip::Malformed => "malformed",
        }
    }
}
