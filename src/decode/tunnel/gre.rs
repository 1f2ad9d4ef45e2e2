//! GRE (RFC 2784, RFC 2890) and what it alone carries.

use super::layer2::PPP;
use super::{ETHERNET, Payload, ip_by_version, skip};
use crate::decode::link::IPV4;
use crate::decode::{Encap, Skip};
use crate::frame::Layer;

/// Bits of the first two bytes.
mod bit {
    pub(super) const CHECKSUM: u16 = 0x8000;
    pub(super) const ROUTING: u16 = 0x4000;
    pub(super) const KEY: u16 = 0x2000;
    pub(super) const SEQUENCE: u16 = 0x1000;
    /// Version 1 only.
    pub(super) const ACKNOWLEDGMENT: u16 = 0x0080;
    pub(super) const VERSION: u16 = 0x0007;
}

/// Protocol types that are read in GRE only.
const ERSPAN: u16 = 0x88be;
const ERSPAN_III: u16 = 0x22eb;
const WCCP: u16 = 0x883e;
const EOIP: u16 = 0x6400;
/// The lowest value that is an ether type.
const FIRST_ETHER_TYPE: u16 = 0x0600;

/// What a GRE header carries. The source routes of RFC 1701 are not read.
pub(super) fn payload<'a>(bytes: &'a [u8], encap: &mut Encap) -> Result<Payload<'a>, Skip> {
    let ([flags_hi, flags_lo, hi, lo], rest) = bytes.split_first_chunk::<4>().ok_or(Skip::Truncated)?;
    let flags = u16::from_be_bytes([*flags_hi, *flags_lo]);
    let protocol = u16::from_be_bytes([*hi, *lo]);
    match flags & (bit::VERSION | bit::ROUTING) {
        0 => version_0(flags, (protocol, rest), encap),
        1 => version_1(flags, (protocol, rest), encap),
        _ => Err(Skip::NotTcp),
    }
}

/// The length of optional fields, four bytes each.
fn fields(flags: u16, present: &[u16]) -> usize {
    present.iter().filter(|bit| flags & **bit != 0).count() * 4
}

fn version_0<'a>(flags: u16, (protocol, rest): Payload<'a>, encap: &mut Encap) -> Result<Payload<'a>, Skip> {
    let rest = skip(rest, fields(flags, &[bit::CHECKSUM, bit::KEY, bit::SEQUENCE]))?;
    let plain_key = fields(flags, &[bit::CHECKSUM, bit::SEQUENCE]) == 0 && flags & bit::KEY != 0;
    encap.push(if protocol == ETHERNET && plain_key { Layer::Nvgre } else { Layer::Gre });
    match protocol {
        ERSPAN | ERSPAN_III => {
            encap.push(Layer::Erspan);
            // Type I has no sequence number, and no header of its own.
            if protocol == ERSPAN && flags & bit::SEQUENCE == 0 { Ok((ETHERNET, rest)) } else { erspan(rest) }
        }
        WCCP => {
            encap.push(Layer::Wccp);
            wccp(rest)
        }
        ..FIRST_ETHER_TYPE => Err(Skip::NotTcp),
        _ => Ok((protocol, rest)),
    }
}

/// Version 1: PPTP (RFC 2637 section 4.1), whose key is length and call, and EoIP, which looks like it.
fn version_1<'a>(flags: u16, (protocol, rest): Payload<'a>, encap: &mut Encap) -> Result<Payload<'a>, Skip> {
    match protocol {
        PPP if flags & bit::SEQUENCE != 0 => {
            encap.push(Layer::Pptp);
            Ok((PPP, skip(rest, fields(flags, &[bit::KEY, bit::SEQUENCE, bit::ACKNOWLEDGMENT]))?))
        }
        EOIP => {
            encap.push(Layer::Eoip);
            Ok((ETHERNET, skip(rest, 4)?))
        }
        _ => Err(Skip::NotTcp),
    }
}

/// ERSPAN types II and III (draft-foschiano-erspan-03 sections 4.2 and 4.3): the last bit of type III announces a
/// subheader, five bits before it say whether a frame or an IP packet follows.
fn erspan(bytes: &[u8]) -> Result<Payload<'_>, Skip> {
    const IP_PACKET: u8 = 2;
    match bytes {
        [0x10..=0x1f, ..] => Ok((ETHERNET, skip(bytes, 8)?)),
        [0x20..=0x2f, _, _, _, _, _, _, _, _, _, kind, last, rest @ ..] => {
            let rest = skip(rest, usize::from(last & 1) * 8)?;
            if (kind >> 2) & 0x1f == IP_PACKET { ip_by_version(rest) } else { Ok((ETHERNET, rest)) }
        }
        [] | [0x20..=0x2f, ..] => Err(Skip::Truncated),
        _ => Err(Skip::NotTcp),
    }
}

/// Version 2 has a redirect header of four bytes, version 1 has none: an IPv4 header tells itself, as in Wireshark.
fn wccp(bytes: &[u8]) -> Result<Payload<'_>, Skip> {
    match bytes {
        [0x40..=0x4f, ..] => Ok((IPV4, bytes)),
        _ => Ok((IPV4, skip(bytes, 4)?)),
    }
}
