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
    /// ESP, MACsec, DTLS or 802.11 whose contents are encrypted.
    Encrypted,
    /// A link type that rstscan does not decode.
    UnknownLinkType,
    /// A fragment of an IP packet, which alone shows nothing; counted where the packet did not become whole.
    Fragment,
    /// A fragment of an IP packet whose fragments overlap or disagree about its length (RFC 5722): what hosts make of those
    /// differs.
    FragmentOverlap,
    /// A fragment that was given up to stay within memory and time, because too many others waited.
    FragmentLimit,
    /// The headers end before the TCP header is complete.
    Truncated,
    /// A header contradicts itself.
    Malformed,
}

impl Skip {
    /// All reasons.
    pub const ALL: [Skip; 10] = [
        Skip::NotIp,
        Skip::NotTcp,
        Skip::Icmp,
        Skip::Encrypted,
        Skip::UnknownLinkType,
        Skip::Fragment,
        Skip::FragmentOverlap,
        Skip::FragmentLimit,
        Skip::Truncated,
        Skip::Malformed,
    ];

    /// The stable id, as the summary spells it.
    pub fn id(self) -> &'static str {
        match self {
            Skip::NotIp => "not-ip",
            Skip::NotTcp => "not-tcp",
            Skip::Icmp => "icmp",
            Skip::Encrypted => "encrypted",
            Skip::UnknownLinkType => "unknown-link-type",
            Skip::Fragment => "fragment",
            Skip::FragmentOverlap => "fragment-overlap",
            Skip::FragmentLimit => "fragment-limit",
            Skip::Truncated => "truncated",
            Skip::Malformed => "malformed",
        }
    }
}
