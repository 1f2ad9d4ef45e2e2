//! Headers that capturing systems put before a packet to say more of it.
//!
//! Their layouts are those of tcpdump.org's list of link-layer header types; tcpdump and Wireshark were compared.

use super::{Skip, tunnel};
use crate::frame::{Frame, LinkType};

/// An address family and the packet.
pub(super) type Packet<'a> = (u32, &'a [u8]);

/// The frame behind a header that says or implies another link type; any other frame as it is.
pub(super) fn unwrapped<'a>(frame: &Frame<'a>) -> Result<Frame<'a>, Skip> {
    let (link, data) = match frame.link {
        LinkType::PPI => per_packet_information(frame.data)?,
        LinkType::PKTAP => packet_tap(frame.data)?,
        LinkType::PRISM => (LinkType::IEEE802_11, prism(frame.data)?),
        LinkType::IEEE802_11_AVS => (LinkType::IEEE802_11, avs(frame.data)?),
        _ => return Ok(*frame),
    };
    let header = u32::try_from(frame.data.len() - data.len()).unwrap_or(u32::MAX);
    Ok(Frame { link, data, wire_len: frame.wire_len.saturating_sub(header), ..*frame })
}

/// CACE's per-packet information: version, flags, length and link type, little-endian.
fn per_packet_information(data: &[u8]) -> Result<(LinkType, &[u8]), Skip> {
    let ([_, _, lo, hi, link @ ..], _) = data.split_first_chunk::<8>().ok_or(Skip::Truncated)?;
    Ok((link_type(*link)?, behind(data, u16::from_le_bytes([*lo, *hi]).into())?))
}

/// Darwin's packet tap: length, kind of record and link type, little-endian. A record of another kind has no packet.
fn packet_tap(data: &[u8]) -> Result<(LinkType, &[u8]), Skip> {
    const PACKET: u32 = 1;
    let (header, _) = data.split_first_chunk::<12>().ok_or(Skip::Truncated)?;
    let [a, b, c, d, e, f, g, h, link @ ..] = *header;
    match u32::from_le_bytes([e, f, g, h]) {
        PACKET => Ok((link_type(link)?, behind(data, u32::from_le_bytes([a, b, c, d]))?)),
        _ => Err(Skip::NotIp),
    }
}

fn link_type(number: [u8; 4]) -> Result<LinkType, Skip> {
    u16::try_from(u32::from_le_bytes(number)).map(LinkType).map_err(|_| Skip::UnknownLinkType)
}

/// What a Prism card says of a frame takes 144 bytes; some drivers write the header of AVS in its place.
fn prism(data: &[u8]) -> Result<&[u8], Skip> {
    match data {
        [0x80, 0x21, 0x10, 0x01 | 0x02, ..] => avs(data),
        _ => behind(data, 144),
    }
}

/// The header of the AVS drivers: a magic number and its length, big-endian.
fn avs(data: &[u8]) -> Result<&[u8], Skip> {
    let ([_, _, _, _, length @ ..], _) = data.split_first_chunk::<8>().ok_or(Skip::Truncated)?;
    behind(data, u32::from_be_bytes(*length))
}

/// The log of BSD's packet filter: its length without the padding to four bytes, the address family.
pub(super) fn packet_filter_log(data: &[u8]) -> Result<Packet<'_>, Skip> {
    /// That of OpenBSD 3.0, which has all up to the direction of the packet.
    const SHORTEST: u8 = 45;
    match data {
        [length, ..] if *length < SHORTEST => Err(Skip::Malformed),
        [length, family, ..] => Ok((u32::from(*family), behind(data, u32::from(*length).next_multiple_of(4))?)),
        _ => Err(Skip::Truncated),
    }
}

/// The log of Linux' netfilter: address family, version and group, then attributes of netlink in the byte order of the
/// host, of which the last one is the packet.
pub(super) fn netfilter_log(data: &[u8]) -> Result<Packet<'_>, Skip> {
    const ATTRIBUTE: usize = 4;
    /// `NFULA_PAYLOAD`.
    const PAYLOAD: u16 = 9;
    let ([family, version, _, _], mut rest) = data.split_first_chunk::<4>().ok_or(Skip::Truncated)?;
    if *version != 0 {
        return Err(Skip::Malformed);
    }
    loop {
        let (&[a, b, c, d], value) = rest.split_first_chunk::<ATTRIBUTE>().ok_or(Skip::Truncated)?;
        let words = [[a, b], [c, d]];
        // Numbers of attributes are small, and their two uppermost bits are flags: that tells the byte order.
        let [length, kind] = match u16::from_le_bytes([c, d]) & 0x3fff {
            0..=0xff => words.map(u16::from_le_bytes),
            _ => words.map(u16::from_be_bytes),
        };
        if kind == PAYLOAD {
            return Ok((u32::from(*family), value));
        }
        if usize::from(length) < ATTRIBUTE {
            return Err(Skip::Malformed);
        }
        rest = behind(rest, u32::from(length).next_multiple_of(4))?;
    }
}

/// Junos on an Ethernet port: magic number, flags, and extensions where one of the flags says so. Without the Ethernet
/// header there are four bytes more.
pub(super) fn juniper_ethernet(data: &[u8]) -> Result<tunnel::Payload<'_>, Skip> {
    const EXTENSIONS: u8 = 0x80;
    const WITHOUT_ETHERNET: u8 = 0x02;
    let ([magic @ .., flags], mut rest) = data.split_first_chunk::<4>().ok_or(Skip::Truncated)?;
    if magic != b"MGC" {
        return Err(Skip::Malformed);
    }
    if flags & EXTENSIONS != 0 {
        let (length, extensions) = rest.split_first_chunk::<2>().ok_or(Skip::Truncated)?;
        rest = behind(extensions, u16::from_be_bytes(*length).into())?;
    }
    match flags & WITHOUT_ETHERNET {
        0 => Ok((tunnel::ETHERNET, rest)),
        _ => tunnel::ip_by_version(behind(rest, 4)?),
    }
}

/// Hilscher's netANALYZER: four bytes, in which a flag marks what is no frame but an event at a pin.
pub(super) fn net_analyzer(data: &[u8]) -> Result<tunnel::Payload<'_>, Skip> {
    const EVENT: u8 = 0x01;
    match data {
        [_, flags, ..] if flags & EVENT != 0 => Err(Skip::NotIp),
        _ => Ok((tunnel::ETHERNET, behind(data, 4)?)),
    }
}

/// An mPacket (IEEE 802.3 section 99.3): preamble, and a delimiter that says whether an Ethernet frame begins: an express
/// frame, or a preemptable one with one of four numbers.
pub(super) fn mpacket(data: &[u8]) -> Result<tunnel::Payload<'_>, Skip> {
    let preamble = data.iter().take(7).take_while(|byte| **byte == 0x55).count();
    match data.get(preamble..) {
        Some([0xd5 | 0xe6 | 0x4c | 0x7f | 0xb3, frame @ ..]) => Ok((tunnel::ETHERNET, frame)),
        Some([_, ..]) => Err(Skip::NotIp),
        _ => Err(Skip::Truncated),
    }
}

/// Takes `len` bytes off.
fn behind(bytes: &[u8], len: u32) -> Result<&[u8], Skip> {
    let len = usize::try_from(len).map_err(|_| Skip::Truncated)?;
    bytes.get(len..).ok_or(Skip::Truncated)
}
