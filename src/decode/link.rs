//! Link layers: which network protocol a frame carries, and where it begins.

use etherparse::ether_type;

use super::{Encap, Skip, meta, tunnel, wide, wifi};
use crate::frame::{Frame, LinkType};

/// The ether types that decide what is decoded next.
pub(super) const IPV4: u16 = ether_type::IPV4.0;
pub(super) const IPV6: u16 = ether_type::IPV6.0;
const CUSTOMER_TAG: u16 = ether_type::VLAN_TAGGED_FRAME.0;
const SERVICE_TAG: u16 = ether_type::PROVIDER_BRIDGING.0;
const OLD_SERVICE_TAG: u16 = ether_type::VLAN_DOUBLE_TAGGED_FRAME.0;
/// The highest value that is a length and not an ether type (IEEE 802.3 section 3.2.6).
pub(super) const LAST_LENGTH: u16 = 1500;

/// `ARPHRD_NETLINK`: a cooked capture of netlink messages, whose protocol field is a netlink family.
const HARDWARE_NETLINK: u16 = 824;

/// The link types that are decoded.
pub const LINK_TYPES: [LinkType; 33] = [
    LinkType::SLIP,
    LinkType::ATM_RFC1483,
    LinkType::FRELAY,
    LinkType::ENC,
    LinkType::PFLOG,
    LinkType::PRISM,
    LinkType::IEEE802_11_AVS,
    LinkType::PPP_PPPD,
    LinkType::JUNIPER_ETHER,
    LinkType::PPI,
    LinkType::NFLOG,
    LinkType::NETANALYZER,
    LinkType::IPOIB,
    LinkType::PKTAP,
    LinkType::ETHERNET_MPACKET,
    LinkType::NULL,
    LinkType::ETHERNET,
    LinkType::TOKEN_RING,
    LinkType::PPP,
    LinkType::FDDI,
    LinkType::RAW_BSD,
    LinkType::RAW_OPENBSD,
    LinkType::PPP_SERIAL,
    LinkType::PPP_ETHER,
    LinkType::RAW,
    LinkType::C_HDLC,
    LinkType::IEEE802_11,
    LinkType::LOOP,
    LinkType::LINUX_SLL,
    LinkType::IEEE802_11_RADIOTAP,
    LinkType::IPV4,
    LinkType::IPV6,
    LinkType::LINUX_SLL2,
];

/// What the link layer carries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Network<'a> {
    /// The protocol. [`IPV4`] where the link only says "IP": the version field decides.
    pub ether_type: u16,
    /// The captured bytes from its header on, padding included.
    pub bytes: &'a [u8],
    /// What came before it, the link layer itself left out.
    pub encap: Encap,
}

/// Takes the link-layer headers off a frame.
pub(super) fn network<'a>(frame: &Frame<'a>) -> Result<Network<'a>, Skip> {
    let Frame { link, data, .. } = meta::unwrapped(frame)?;
    match link {
        LinkType::ETHERNET => ethernet(data, Encap::default()),
        LinkType::LINUX_SLL => cooked_v1(data),
        LinkType::LINUX_SLL2 => cooked_v2(data),
        LinkType::NULL => loopback_host_order(data),
        LinkType::LOOP => loopback_network_order(data),
        LinkType::RAW | LinkType::RAW_BSD | LinkType::RAW_OPENBSD | LinkType::IPV4 => Ok(untagged(IPV4, data)),
        LinkType::IPV6 => Ok(untagged(IPV6, data)),
        LinkType::PPP | LinkType::PPP_SERIAL => from(tunnel::ppp_serial(data)?),
        LinkType::PPP_ETHER => over_pppoe(data),
        LinkType::C_HDLC => from(tunnel::cisco_hdlc(data)?),
        LinkType::IEEE802_11 => from(wifi::data_frame(data, false)?),
        LinkType::IEEE802_11_RADIOTAP => from(wifi::radiotap(data)?),
        LinkType::FDDI => from((tunnel::LLC, data.get(13..).ok_or(Skip::Truncated)?)),
        LinkType::TOKEN_RING => token_ring(data),
        LinkType::SLIP => from(wide::slip(data)?),
        LinkType::ATM_RFC1483 => from(wide::atm(data)?),
        LinkType::FRELAY => from(wide::frame_relay(data)?),
        LinkType::PPP_PPPD => from(wide::pppd(data)?),
        LinkType::IPOIB => from(wide::infiniband(data)?),
        LinkType::ENC => encapsulated(data),
        LinkType::PFLOG => of_family(meta::packet_filter_log(data)?),
        LinkType::NFLOG => of_family(meta::netfilter_log(data)?),
        LinkType::JUNIPER_ETHER => from(meta::juniper_ethernet(data)?),
        LinkType::NETANALYZER => from(meta::net_analyzer(data)?),
        LinkType::ETHERNET_MPACKET => from(meta::mpacket(data)?),
        _ => Err(Skip::UnknownLinkType),
    }
}

fn from((ether_type, rest): tunnel::Payload<'_>) -> Result<Network<'_>, Skip> {
    after_ether_type(ether_type, rest, Encap::default())
}

fn over_pppoe(data: &[u8]) -> Result<Network<'_>, Skip> {
    let mut encap = Encap::default();
    let (ether_type, rest) = tunnel::pppoe(data, &mut encap)?;
    after_ether_type(ether_type, rest, encap)
}

/// Token Ring (IEEE 802.5): the first bit of the source address says that there is routing information, whose first
/// five bits after three are its length.
fn token_ring(data: &[u8]) -> Result<Network<'_>, Skip> {
    let ([_, _, _, _, _, _, _, _, source, ..], rest) = data.split_first_chunk::<14>().ok_or(Skip::Truncated)?;
    let routing = match (source & 0x80, rest.first()) {
        (0, _) => 0,
        (_, first) => usize::from(first.ok_or(Skip::Truncated)? & 0x1f),
    };
    from((tunnel::LLC, rest.get(routing..).ok_or(Skip::Truncated)?))
}

fn untagged(ether_type: u16, bytes: &[u8]) -> Network<'_> {
    Network { ether_type, bytes, encap: Encap::default() }
}

/// Takes the link-layer headers off an Ethernet frame.
#[inline]
pub(super) fn ethernet(data: &[u8], encap: Encap) -> Result<Network<'_>, Skip> {
    let ([_, _, _, _, _, _, _, _, _, _, _, _, hi, lo], rest) = data.split_first_chunk::<14>().ok_or(Skip::Truncated)?;
    after_ether_type(u16::from_be_bytes([*hi, *lo]), rest, encap)
}

/// Linux cooked capture, version 1 (`LINKTYPE_LINUX_SLL`).
fn cooked_v1(data: &[u8]) -> Result<Network<'_>, Skip> {
    let ([_, _, arp_hi, arp_lo, .., hi, lo], rest) = data.split_first_chunk::<16>().ok_or(Skip::Truncated)?;
    after_cooked(u16::from_be_bytes([*arp_hi, *arp_lo]), u16::from_be_bytes([*hi, *lo]), rest)
}

/// Linux cooked capture, version 2 (`LINKTYPE_LINUX_SLL2`).
fn cooked_v2(data: &[u8]) -> Result<Network<'_>, Skip> {
    let ([hi, lo, _, _, _, _, _, _, arp_hi, arp_lo, ..], rest) =
        data.split_first_chunk::<20>().ok_or(Skip::Truncated)?;
    after_cooked(u16::from_be_bytes([*arp_hi, *arp_lo]), u16::from_be_bytes([*hi, *lo]), rest)
}

fn after_cooked(hardware: u16, protocol: u16, rest: &[u8]) -> Result<Network<'_>, Skip> {
    match hardware {
        HARDWARE_NETLINK => Err(Skip::NotIp),
        _ => from((protocol, rest)),
    }
}

/// BSD loopback, written in the byte order of the capturing host: the order that gives a small number is the right one.
fn loopback_host_order(data: &[u8]) -> Result<Network<'_>, Skip> {
    let (word, rest) = data.split_first_chunk::<4>().ok_or(Skip::Truncated)?;
    let family = u32::from_le_bytes(*word);
    after_family(if family > u32::from(u16::MAX) { family.swap_bytes() } else { family }, rest)
}

/// OpenBSD's IPsec device: an address family as in [`loopback_host_order`], security parameters index and flags.
fn encapsulated(data: &[u8]) -> Result<Network<'_>, Skip> {
    let Network { ether_type, bytes, encap } = loopback_host_order(data)?;
    Ok(Network { ether_type, bytes: bytes.get(8..).ok_or(Skip::Truncated)?, encap })
}

fn of_family((family, rest): meta::Packet<'_>) -> Result<Network<'_>, Skip> {
    after_family(family, rest)
}

fn loopback_network_order(data: &[u8]) -> Result<Network<'_>, Skip> {
    let (word, rest) = data.split_first_chunk::<4>().ok_or(Skip::Truncated)?;
    after_family(u32::from_be_bytes(*word), rest)
}

/// `AF_INET` is 2 everywhere; `AF_INET6` is 10 on Linux, 24 on NetBSD and OpenBSD, 28 on FreeBSD, 30 on Darwin. Some
/// writers put an ether type there, as Wireshark knows.
fn after_family(family: u32, rest: &[u8]) -> Result<Network<'_>, Skip> {
    match (family, u16::try_from(family)) {
        (2, _) => Ok(untagged(IPV4, rest)),
        (10 | 24 | 28 | 30, _) => Ok(untagged(IPV6, rest)),
        (_, Ok(ether_type)) if ether_type > LAST_LENGTH => from((ether_type, rest)),
        _ => Err(Skip::NotIp),
    }
}

/// Takes off VLAN tags (IEEE 802.1Q) and 802.2 headers, as many as there are.
#[inline]
pub(super) fn after_ether_type(mut ether_type: u16, mut rest: &[u8], mut encap: Encap) -> Result<Network<'_>, Skip> {
    loop {
        match ether_type {
            CUSTOMER_TAG | SERVICE_TAG | OLD_SERVICE_TAG => {
                let ([tag_hi, tag_lo, hi, lo], inner) = rest.split_first_chunk::<4>().ok_or(Skip::Truncated)?;
                encap.push_vlan(u16::from_be_bytes([*tag_hi, *tag_lo]) & 0x0fff);
                (ether_type, rest) = (u16::from_be_bytes([*hi, *lo]), inner);
            }
            0..=LAST_LENGTH => (ether_type, rest) = llc(rest)?,
            _ => return Ok(Network { ether_type, bytes: rest, encap }),
        }
    }
}

/// An IEEE 802.2 header: that of IP itself, or SNAP with an ether type (RFC 1042; organisation code 00-00-F8 is that of
/// IEEE 802.1H).
fn llc(header: &[u8]) -> Result<(u16, &[u8]), Skip> {
    match header {
        [0x06, 0x06, 0x03, rest @ ..] => Ok((IPV4, rest)),
        [0xaa, 0xaa, 0x03, 0x00, 0x00, 0x00 | 0xf8, hi, lo, rest @ ..] => Ok((u16::from_be_bytes([*hi, *lo]), rest)),
        [_, _, _, _, _, _, _, _, ..] => Err(Skip::NotIp),
        _ => Err(Skip::Truncated),
    }
}
