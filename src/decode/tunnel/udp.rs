//! Tunnels over UDP. A port only hints at one: the header must be what its specification says.

use super::layer2::MPLS;
use super::{ETHERNET, Payload, capwap, ip_by_version, l2tp, skip};
use crate::decode::link::{IPV4, IPV6};
use crate::decode::{Encap, Skip};
use crate::frame::Layer;

/// What a UDP datagram carries. The destination port counts first: the source port of most of these is a hash.
#[inline]
pub(super) fn payload<'a>(bytes: &'a [u8], encap: &mut Encap) -> Result<Payload<'a>, Skip> {
    let Some(([s_hi, s_lo, d_hi, d_lo, ..], rest)) = bytes.split_first_chunk::<8>() else {
        return Err(Skip::NotTcp);
    };
    let ports = [u16::from_be_bytes([*d_hi, *d_lo]), u16::from_be_bytes([*s_hi, *s_lo])];
    let (layer, inner) = ports.into_iter().find_map(|port| by_port(port, rest)).ok_or(Skip::NotTcp)?;
    let inner = inner?;
    encap.push(layer);
    Ok(inner)
}

/// The tunnel that a port stands for.
fn by_port(port: u16, bytes: &[u8]) -> Option<(Layer, Result<Payload<'_>, Skip>)> {
    Some(match port {
        // 8472 is what Linux used before there was an assigned port, and Cilium and Flannel still use.
        4789 | 8472 => (Layer::Vxlan, vxlan(bytes)),
        4790 => (Layer::VxlanGpe, vxlan_gpe(bytes)),
        6081 => (Layer::Geneve, geneve(bytes)),
        2152 => (Layer::GtpU, gtp_u(bytes)),
        3544 => (Layer::Teredo, teredo(bytes)),
        1701 => l2tp::over_udp(bytes),
        5247 => (Layer::Capwap, capwap::data(bytes)),
        _ => return None,
    })
}

/// RFC 7348 section 5: the flag that there is a network identifier, and no other but that of group policies
/// (draft-smith-vxlan-group-policy); the last byte is zero.
fn vxlan(bytes: &[u8]) -> Result<Payload<'_>, Skip> {
    match bytes {
        [0x08 | 0x88, _, _, _, _, _, _, 0, rest @ ..] => Ok((ETHERNET, rest)),
        [_, _, _, _, _, _, _, _, ..] => Err(Skip::NotTcp),
        _ => Err(Skip::Truncated),
    }
}

/// draft-ietf-nvo3-vxlan-gpe section 3: version 0, and a protocol where its flag is set.
fn vxlan_gpe(bytes: &[u8]) -> Result<Payload<'_>, Skip> {
    let ([flags, _, _, protocol, ..], rest) = bytes.split_first_chunk::<8>().ok_or(Skip::Truncated)?;
    const INSTANCE: u8 = 0x08;
    const PROTOCOL: u8 = 0x04;
    const VERSION: u8 = 0x30;
    if flags & (INSTANCE | VERSION) != INSTANCE {
        return Err(Skip::NotTcp);
    }
    match (flags & PROTOCOL, protocol) {
        (0, _) | (_, 3) => Ok((ETHERNET, rest)),
        (_, 1) => Ok((IPV4, rest)),
        (_, 2) => Ok((IPV6, rest)),
        (_, 5) => Ok((MPLS, rest)),
        _ => Err(Skip::NotTcp),
    }
}

/// RFC 8926 section 3.4: version 0, and reserved bits that are zero.
fn geneve(bytes: &[u8]) -> Result<Payload<'_>, Skip> {
    let ([first, second, hi, lo, _, _, _, reserved], rest) = bytes.split_first_chunk::<8>().ok_or(Skip::Truncated)?;
    const VERSION: u8 = 0xc0;
    const RESERVED: u8 = 0x3f;
    let ether_type = u16::from_be_bytes([*hi, *lo]);
    if first & VERSION != 0 || second & RESERVED != 0 || *reserved != 0 || ether_type < 0x0600 {
        return Err(Skip::NotTcp);
    }
    Ok((ether_type, skip(rest, usize::from(first & 0x3f) * 4)?))
}

/// 3GPP TS 29.281 section 5: version 1, GTP and not GTP', a G-PDU. Any of three flags brings four bytes more, the last
/// of which begins a chain of extension headers.
fn gtp_u(bytes: &[u8]) -> Result<Payload<'_>, Skip> {
    let ([flags, message, ..], rest) = bytes.split_first_chunk::<8>().ok_or(Skip::Truncated)?;
    const G_PDU: u8 = 0xff;
    const EXTENDED: u8 = 0x04;
    if flags & 0xf0 != 0x30 || *message != G_PDU {
        return Err(Skip::NotTcp);
    }
    if flags & 0x07 == 0 {
        return ip_by_version(rest);
    }
    let ([.., first], mut rest) = rest.split_first_chunk::<4>().ok_or(Skip::Truncated)?;
    let mut next = if flags & EXTENDED == 0 { 0 } else { *first };
    while next != 0 {
        let units = rest.first().copied().ok_or(Skip::Truncated)?;
        let len = usize::from(units) * 4;
        let last = len.checked_sub(1).ok_or(Skip::NotTcp)?;
        next = rest.get(last).copied().ok_or(Skip::Truncated)?;
        rest = skip(rest, len)?;
    }
    ip_by_version(rest)
}

/// RFC 4380 section 5.1.1: an authentication and an origin indication, each there or not, then an IPv6 packet.
fn teredo(bytes: &[u8]) -> Result<Payload<'_>, Skip> {
    let bytes = match bytes {
        [0, 1, id_len, auth_len, rest @ ..] => skip(rest, usize::from(*id_len) + usize::from(*auth_len) + 9)?,
        _ => bytes,
    };
    let bytes = if let [0, 0, ..] = bytes { skip(bytes, 8)? } else { bytes };
    match bytes {
        [0x60..=0x6f, ..] => Ok((IPV6, bytes)),
        [] => Err(Skip::Truncated),
        _ => Err(Skip::NotTcp),
    }
}
