//! Labels, tags and point-to-point headers between Ethernet and IP.

use etherparse::err::macsec::HeaderSliceError;
use etherparse::{MacsecHeaderSlice, ether_type};

use super::{ETHERNET, Payload, skip};
use crate::decode::link::{IPV4, IPV6};
use crate::decode::{Encap, Skip};
use crate::frame::Layer;

pub(super) const PPP: u16 = 0x880b;
const PPPOE_SESSION: u16 = 0x8864;
pub(super) const MPLS: u16 = 0x8847;
const MPLS_MULTICAST: u16 = 0x8848;
const PBB: u16 = 0x88e7;
const E_TAG: u16 = 0x893f;
const VN_TAG: u16 = 0x8926;
const FABRIC_PATH: u16 = 0x8903;
const MACSEC: u16 = ether_type::MACSEC.0;

/// Takes off the header that an ether type other than IP's announces.
pub(super) fn header<'a>(ether_type: u16, bytes: &'a [u8], encap: &mut Encap) -> Result<Payload<'a>, Skip> {
    match ether_type {
        ETHERNET => Ok((ETHERNET, bytes)),
        PPP => ppp(bytes),
        PPPOE_SESSION => pppoe(bytes, encap),
        MPLS | MPLS_MULTICAST => {
            encap.push(Layer::Mpls);
            mpls(bytes)
        }
        // The service identifier, then a whole Ethernet header (IEEE 802.1Q section 9.7).
        PBB => {
            encap.push(Layer::Pbb);
            Ok((ETHERNET, skip(bytes, 4)?))
        }
        E_TAG => {
            encap.push(Layer::Etag);
            typed(skip(bytes, 6)?)
        }
        VN_TAG => {
            encap.push(Layer::Vntag);
            typed(skip(bytes, 4)?)
        }
        // A forwarding tag of ten bits and a time to live of six, then a whole Ethernet header. (Wireshark: `packet-cfp`.)
        FABRIC_PATH => {
            encap.push(Layer::FabricPath);
            Ok((ETHERNET, skip(bytes, 2)?))
        }
        MACSEC => {
            encap.push(Layer::Macsec);
            macsec(bytes)
        }
        _ => Err(Skip::NotIp),
    }
}

/// An ether type and what follows it.
fn typed(bytes: &[u8]) -> Result<Payload<'_>, Skip> {
    let ([hi, lo], rest) = bytes.split_first_chunk::<2>().ok_or(Skip::Truncated)?;
    Ok((u16::from_be_bytes([*hi, *lo]), rest))
}

/// A security tag (IEEE 802.1AE section 9.3) whose data is neither encrypted nor changed. The integrity check value at the
/// end is padding to whoever reads the lengths of IP.
fn macsec(bytes: &[u8]) -> Result<Payload<'_>, Skip> {
    let tag = MacsecHeaderSlice::from_slice(bytes).map_err(|error| match error {
        HeaderSliceError::Len(_) => Skip::Truncated,
        HeaderSliceError::Content(_) => Skip::NotIp,
    })?;
    let ether_type = tag.next_ether_type().ok_or(Skip::Encrypted)?;
    Ok((ether_type.0, skip(bytes, tag.header_len())?))
}

/// PPP over Ethernet, session stage: version 1, type 1, code 0 (RFC 2516 section 4).
pub(in crate::decode) fn pppoe<'a>(bytes: &'a [u8], encap: &mut Encap) -> Result<Payload<'a>, Skip> {
    let (header, rest) = bytes.split_first_chunk::<6>().ok_or(Skip::Truncated)?;
    if header[..2] != [0x11, 0] {
        return Err(Skip::NotIp);
    }
    encap.push(Layer::Pppoe);
    ppp(rest)
}

/// PPP (RFC 1661), with the address and control bytes of RFC 1662 or without, its protocol field compressed or not.
pub(in crate::decode) fn ppp(bytes: &[u8]) -> Result<Payload<'_>, Skip> {
    let bytes = bytes.strip_prefix(&[0xff, 0x03]).unwrap_or(bytes);
    let (protocol, rest) = match bytes {
        [protocol, rest @ ..] if protocol & 1 == 1 => (u16::from(*protocol), rest),
        [hi, lo, rest @ ..] => (u16::from_be_bytes([*hi, *lo]), rest),
        _ => return Err(Skip::Truncated),
    };
    match protocol {
        0x0021 => Ok((IPV4, rest)),
        0x0057 => Ok((IPV6, rest)),
        0x0281 => Ok((MPLS, rest)),
        0x0283 => Ok((MPLS_MULTICAST, rest)),
        _ => Err(Skip::NotIp),
    }
}

/// PPP on a serial line, where Cisco HDLC may stand in its place.
pub(in crate::decode) fn ppp_serial(bytes: &[u8]) -> Result<Payload<'_>, Skip> {
    match bytes {
        [0x0f | 0x8f, ..] => cisco_hdlc(bytes),
        _ => ppp(bytes),
    }
}

/// Cisco HDLC: address, control, ether type.
pub(in crate::decode) fn cisco_hdlc(bytes: &[u8]) -> Result<Payload<'_>, Skip> {
    typed(skip(bytes, 2)?)
}

/// MPLS labels to the bottom of their stack (RFC 3032 section 2.1), and what is below it: nothing says what that is, so
/// its first four bits do (RFC 4928 section 3). What is neither IP nor a control word is Ethernet without one, which
/// Wireshark reads only where it is told to.
fn mpls(mut bytes: &[u8]) -> Result<Payload<'_>, Skip> {
    loop {
        let ([_, _, bottom, _], rest) = bytes.split_first_chunk::<4>().ok_or(Skip::Truncated)?;
        bytes = rest;
        if bottom & 1 == 1 {
            break;
        }
    }
    match bytes.first().map(|first| first >> 4) {
        Some(4) => Ok((IPV4, bytes)),
        Some(6) => Ok((IPV6, bytes)),
        Some(0) if has_control_word(bytes) => Ok((ETHERNET, skip(bytes, 4)?)),
        Some(_) => Ok((ETHERNET, bytes)),
        None => Err(Skip::Truncated),
    }
}

/// Whether an Ethernet pseudowire has a control word (RFC 4448 section 4.6). Many Ethernet addresses begin with four
/// zero bits as the control word does. That is all zeros where frames are not numbered; an address is followed by
/// another, and by an ether type.
fn has_control_word(bytes: &[u8]) -> bool {
    let ether_type = match bytes.get(12..14) {
        Some([hi, lo]) => u16::from_be_bytes([*hi, *lo]),
        _ => 0,
    };
    const KNOWN: [u16; 7] = [IPV4, IPV6, MPLS, PPPOE_SESSION, 0x8100, 0x88a8, 0x9100];
    bytes.starts_with(&[0; 4]) || !KNOWN.contains(&ether_type)
}
