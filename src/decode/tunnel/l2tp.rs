//! L2TP: version 2 with PPP in it, version 3 with whatever its ends agreed on.

use etherparse::{Ipv4HeaderSlice, Ipv6Header, Ipv6HeaderSlice};

use super::layer2::{PPP, ppp_serial};
use super::{ETHERNET, Payload, skip};
use crate::decode::link::{self, IPV4, IPV6};
use crate::decode::{Encap, Skip};
use crate::frame::Layer;

/// What a datagram of port 1701 carries: the version is at the same place in both headers.
pub(super) fn over_udp(bytes: &[u8]) -> (Layer, Result<Payload<'_>, Skip>) {
    match bytes {
        [_, version, ..] if version & 0x0f == 2 => (Layer::L2tp, version_2(bytes)),
        // RFC 3931 section 4.1.2.1: 16 bits that are zero but for the version, and 16 that are reserved.
        [0, 3, _, _, session @ ..] => (Layer::L2tpV3, over_ip(session)),
        [_, _, ..] => (Layer::L2tp, Err(Skip::NotTcp)),
        _ => (Layer::L2tp, Err(Skip::Truncated)),
    }
}

/// RFC 2661 section 3.1: a data message. Length, numbers and an offset are there where flags say so.
fn version_2(bytes: &[u8]) -> Result<Payload<'_>, Skip> {
    const CONTROL: u8 = 0x80;
    const LENGTH: u8 = 0x40;
    const SEQUENCE: u8 = 0x08;
    const OFFSET: u8 = 0x02;
    let ([flags, _], rest) = bytes.split_first_chunk::<2>().ok_or(Skip::Truncated)?;
    if flags & CONTROL != 0 {
        return Err(Skip::NotTcp);
    }
    let len = |flag: u8, len: usize| if flags & flag == 0 { 0 } else { len };
    let rest = skip(rest, len(LENGTH, 2) + 4 + len(SEQUENCE, 4))?;
    if flags & OFFSET == 0 {
        return Ok((PPP, rest));
    }
    let ([hi, lo], rest) = rest.split_first_chunk::<2>().ok_or(Skip::Truncated)?;
    Ok((PPP, skip(rest, usize::from(u16::from_be_bytes([*hi, *lo])))?))
}

/// RFC 3931 section 4.1.1: the number of a session, which is 0 for control messages, and the data of the session.
///
/// The ends have agreed on what comes next: a cookie of 0, 4 or 8 bytes, a sublayer header of 0 or 4, and Ethernet, PPP
/// or HDLC. The frame does not say; but only one reading of it leads to a sound IP header. If several do, none counts.
pub(super) fn over_ip(bytes: &[u8]) -> Result<Payload<'_>, Skip> {
    let (session, data) = bytes.split_first_chunk::<4>().ok_or(Skip::Truncated)?;
    if *session == [0; 4] {
        return Err(Skip::NotTcp);
    }
    const LONGEST: usize = 8 + 4;
    let from_each = (0..=LONGEST).step_by(4).filter_map(|len| data.get(len..));
    let readings = from_each.flat_map(|rest| [Ok((ETHERNET, rest)), ppp_serial(rest)]).filter_map(Result::ok);
    let mut sound = readings.filter_map(|reading| Some((ip_packet(reading)?.len(), reading)));
    let (packet, reading) = sound.next().ok_or(Skip::NotTcp)?;
    // A tag looks like the end of a longer cookie: that reading leads to the same packet.
    if sound.all(|(other, _)| other == packet) { Ok(reading) } else { Err(Skip::NotTcp) }
}

/// The IP packet that a payload leads to, if its header is sound: the checksum of IPv4, or the length of IPv6.
fn ip_packet((ether_type, bytes): Payload<'_>) -> Option<&[u8]> {
    let network = match ether_type {
        ETHERNET => link::ethernet(bytes, Encap::default()),
        other => link::after_ether_type(other, bytes, Encap::default()),
    };
    let network = network.ok()?;
    let sound = match network.ether_type {
        IPV4 => Ipv4HeaderSlice::from_slice(network.bytes)
            .is_ok_and(|header| header.header_checksum() == header.to_header().calc_header_checksum()),
        IPV6 => Ipv6HeaderSlice::from_slice(network.bytes)
            .is_ok_and(|header| usize::from(header.payload_length()) + Ipv6Header::LEN >= network.bytes.len()),
        _ => false,
    };
    sound.then_some(network.bytes)
}
