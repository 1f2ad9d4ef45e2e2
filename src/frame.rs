//! One captured frame and the words that locate it: number, time, link type, layers.

mod layer;

use std::fmt;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

pub use layer::Layer;

/// The number of a frame: counted from 1 within its input, as Wireshark's `frame.number`, with the input it came from.
///
/// Ordered by input first, so numbers are comparable within one input only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct FrameNo(
    /// Input and number, and 1 more: never 0, so an `Option` of it takes no more memory.
    NonZeroU64,
);

impl FrameNo {
    /// No frame: numbers count from 1.
    pub const NONE: FrameNo = FrameNo(NonZeroU64::MIN);
    const NUMBER_BITS: u32 = 48;

    /// The `number`-th frame (from 1) of the `input`-th source (from 0).
    pub fn new(input: u16, number: u64) -> Self {
        let packed = (u64::from(input) << Self::NUMBER_BITS) | (number & ((1 << Self::NUMBER_BITS) - 1));
        Self(NonZeroU64::MIN.saturating_add(packed))
    }

    /// The number of the frame after this one.
    pub fn following(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    fn packed(self) -> u64 {
        self.0.get() - 1
    }

    /// The number within its input, from 1.
    pub fn number(self) -> u64 {
        self.packed() & ((1 << Self::NUMBER_BITS) - 1)
    }

    /// Which input it came from, from 0.
    pub fn input(self) -> u16 {
        (self.packed() >> Self::NUMBER_BITS) as u16
    }
}

impl Default for FrameNo {
    fn default() -> Self {
        Self::NONE
    }
}

impl fmt::Display for FrameNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.number())
    }
}

/// Capture time in nanoseconds since the Unix epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From whole seconds and nanoseconds; saturates at the ends of the representable range (years 1677 to 2262).
    pub fn new(seconds: i64, nanos: u32) -> Self {
        Self(seconds.saturating_mul(1_000_000_000).saturating_add(i64::from(nanos)))
    }

    /// From nanoseconds since the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the epoch.
    pub fn as_nanos(self) -> i64 {
        self.0
    }

    /// Nanoseconds from `earlier` to `self`; negative when the capture's clock went backwards.
    pub fn since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This time and `nanos` more.
    pub fn plus(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }
}

/// Frames that a capture lost: how many, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Loss {
    /// None was lost before this.
    pub from: Timestamp,
    /// None was lost after this.
    pub to: Timestamp,
    /// How many.
    pub frames: u64,
}

/// The link-layer header type of a frame, as registered with tcpdump.org (`LINKTYPE_*` values).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback, address family in the capturing host's byte order.
    pub const NULL: LinkType = LinkType(0);
    /// Ethernet.
    pub const ETHERNET: LinkType = LinkType(1);
    /// Token Ring.
    pub const TOKEN_RING: LinkType = LinkType(6);
    /// SLIP, each packet after its direction and its compressed header.
    pub const SLIP: LinkType = LinkType(8);
    /// PPP, with the address and control bytes of HDLC-like framing or without, or Cisco HDLC.
    pub const PPP: LinkType = LinkType(9);
    /// FDDI.
    pub const FDDI: LinkType = LinkType(10);
    /// Raw IP as some systems' `DLT_RAW` value wrote it to files.
    pub const RAW_BSD: LinkType = LinkType(12);
    /// Raw IP as OpenBSD's `DLT_RAW` value wrote it to files.
    pub const RAW_OPENBSD: LinkType = LinkType(14);
    /// PPP in HDLC-like framing, or Cisco HDLC.
    pub const PPP_SERIAL: LinkType = LinkType(50);
    /// PPPoE without the Ethernet header.
    pub const PPP_ETHER: LinkType = LinkType(51);
    /// ATM with the headers of RFC 2684 (formerly RFC 1483).
    pub const ATM_RFC1483: LinkType = LinkType(100);
    /// Raw IPv4 or IPv6.
    pub const RAW: LinkType = LinkType(101);
    /// Cisco HDLC.
    pub const C_HDLC: LinkType = LinkType(104);
    /// IEEE 802.11.
    pub const IEEE802_11: LinkType = LinkType(105);
    /// Frame Relay.
    pub const FRELAY: LinkType = LinkType(107);
    /// OpenBSD loopback, address family in network byte order.
    pub const LOOP: LinkType = LinkType(108);
    /// The IPsec device of OpenBSD.
    pub const ENC: LinkType = LinkType(109);
    /// Linux cooked capture, version 1.
    pub const LINUX_SLL: LinkType = LinkType(113);
    /// The log of BSD's packet filter.
    pub const PFLOG: LinkType = LinkType(117);
    /// IEEE 802.11 after a Prism header.
    pub const PRISM: LinkType = LinkType(119);
    /// IEEE 802.11 after a radiotap header.
    pub const IEEE802_11_RADIOTAP: LinkType = LinkType(127);
    /// IEEE 802.11 after an AVS header.
    pub const IEEE802_11_AVS: LinkType = LinkType(163);
    /// PPP with the direction in the place of the address byte.
    pub const PPP_PPPD: LinkType = LinkType(166);
    /// Ethernet after a Junos header.
    pub const JUNIPER_ETHER: LinkType = LinkType(178);
    /// Any other type after a header with per-packet information.
    pub const PPI: LinkType = LinkType(192);
    /// Raw IPv4.
    pub const IPV4: LinkType = LinkType(228);
    /// Raw IPv6.
    pub const IPV6: LinkType = LinkType(229);
    /// The log of Linux' netfilter.
    pub const NFLOG: LinkType = LinkType(239);
    /// Ethernet with its checksum after a netANALYZER header.
    pub const NETANALYZER: LinkType = LinkType(240);
    /// IP over InfiniBand.
    pub const IPOIB: LinkType = LinkType(242);
    /// Any other type after the header of Darwin's packet tap.
    pub const PKTAP: LinkType = LinkType(258);
    /// Ethernet with its preamble, perhaps preempted.
    pub const ETHERNET_MPACKET: LinkType = LinkType(274);
    /// Linux cooked capture, version 2.
    pub const LINUX_SLL2: LinkType = LinkType(276);

    /// tcpdump's name and description, where rstscan decodes the type.
    pub fn name(self) -> Option<(&'static str, &'static str)> {
        Some(match self {
            LinkType::NULL => ("NULL", "BSD loopback"),
            LinkType::ETHERNET => ("EN10MB", "Ethernet"),
            LinkType::TOKEN_RING => ("IEEE802", "Token ring"),
            LinkType::PPP => ("PPP", "PPP"),
            LinkType::FDDI => ("FDDI", "FDDI"),
            LinkType::PPP_SERIAL => ("PPP_SERIAL", "PPP over serial"),
            LinkType::PPP_ETHER => ("PPP_ETHER", "PPPoE"),
            LinkType::C_HDLC => ("C_HDLC", "Cisco HDLC"),
            LinkType::IEEE802_11 => ("IEEE802_11", "802.11"),
            LinkType::IEEE802_11_RADIOTAP => ("IEEE802_11_RADIO", "802.11 plus radiotap header"),
            LinkType::RAW | LinkType::RAW_BSD | LinkType::RAW_OPENBSD => ("RAW", "Raw IP"),
            LinkType::LOOP => ("LOOP", "OpenBSD loopback"),
            LinkType::LINUX_SLL => ("LINUX_SLL", "Linux cooked v1"),
            LinkType::IPV4 => ("IPV4", "Raw IPv4"),
            LinkType::IPV6 => ("IPV6", "Raw IPv6"),
            LinkType::LINUX_SLL2 => ("LINUX_SLL2", "Linux cooked v2"),
            LinkType::SLIP => ("SLIP", "SLIP"),
            LinkType::ATM_RFC1483 => ("ATM_RFC1483", "RFC 1483 LLC-encapsulated ATM"),
            LinkType::FRELAY => ("FRELAY", "Frame Relay"),
            LinkType::ENC => ("ENC", "OpenBSD encapsulated IP"),
            LinkType::PFLOG => ("PFLOG", "OpenBSD pflog file"),
            LinkType::PRISM => ("PRISM_HEADER", "802.11 plus Prism header"),
            LinkType::IEEE802_11_AVS => ("IEEE802_11_RADIO_AVS", "802.11 plus AVS radio information header"),
            LinkType::PPP_PPPD => ("PPP_PPPD", "PPP for pppd, with direction flag"),
            LinkType::JUNIPER_ETHER => ("JUNIPER_ETHER", "Juniper Ethernet"),
            LinkType::PPI => ("PPI", "Per-Packet Information"),
            LinkType::NFLOG => ("NFLOG", "Linux netfilter log messages"),
            LinkType::NETANALYZER => ("NETANALYZER", "Ethernet with Hilscher netANALYZER pseudo-header"),
            LinkType::IPOIB => ("IPOIB", "RFC 4391 IP-over-Infiniband"),
            LinkType::PKTAP => ("PKTAP", "Apple DLT_PKTAP"),
            LinkType::ETHERNET_MPACKET => ("ETHERNET_MPACKET", "802.3br mPackets"),
            _ => return None,
        })
    }
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some((name, description)) => write!(f, "{name} ({description})"),
            None => write!(f, "{}", self.0),
        }
    }
}

/// One frame as a source hands it over: the captured bytes and what the capture says of them.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Its number and input.
    pub no: FrameNo,
    /// When it was captured.
    pub time: Timestamp,
    /// How its first header is to be read.
    pub link: LinkType,
    /// The captured bytes, from the link layer on.
    pub data: &'a [u8],
    /// Its length on the wire; more than `data.len()` when the snapshot length cut it.
    pub wire_len: u32,
}
