//! Link layers of wide-area and cluster networks.

use super::link::{IPV4, IPV6};
use super::{Skip, tunnel};

/// Frame Relay (RFC 2427): an address of two to four bytes, the control byte, perhaps padding, and a protocol. Cisco has
/// an ether type in the place of all that follows the address.
pub(super) fn frame_relay(frame: &[u8]) -> Result<tunnel::Payload<'_>, Skip> {
    const LONGEST: usize = 4;
    let last = match frame.iter().take(LONGEST).position(|byte| byte & 1 == 1) {
        Some(0) => return Err(Skip::Malformed),
        Some(last) => last,
        None if frame.len() < LONGEST => return Err(Skip::Truncated),
        None => return Err(Skip::Malformed),
    };
    match frame.get(last + 1..) {
        Some([CONTROL, 0, protocol @ ..] | [CONTROL, protocol @ ..]) => by_protocol_id(protocol),
        Some([hi, lo, rest @ ..]) => Ok((u16::from_be_bytes([*hi, *lo]), rest)),
        _ => Err(Skip::Truncated),
    }
}

/// Unnumbered information, as HDLC and IEEE 802.2 have it.
const CONTROL: u8 = 0x03;

/// ATM with RFC 2684's headers: those of IEEE 802.2, with a network layer protocol identifier, with SNAP, or with a
/// bridged frame; Cisco leaves all but the control byte out before an identifier.
pub(super) fn atm(frame: &[u8]) -> Result<tunnel::Payload<'_>, Skip> {
    match frame {
        [CONTROL, protocol @ ..] | [0xfe, 0xfe, CONTROL, protocol @ ..] => by_protocol_id(protocol),
        [0xaa, 0xaa, CONTROL, 0x00, 0x80, 0xc2, 0x00, 0x01 | 0x07, _, _, bridged @ ..] => {
            Ok((tunnel::ETHERNET, bridged))
        }
        _ => Ok((tunnel::LLC, frame)),
    }
}

/// What follows a network layer protocol identifier (ISO/IEC TR 9577, RFC 2427 section 4).
fn by_protocol_id(bytes: &[u8]) -> Result<tunnel::Payload<'_>, Skip> {
    match bytes {
        [0xcc, packet @ ..] => Ok((IPV4, packet)),
        [0x8e, packet @ ..] => Ok((IPV6, packet)),
        [0xcf, packet @ ..] => tunnel::ppp(packet),
        [0x80, 0, 0, 0, hi, lo, packet @ ..] => Ok((u16::from_be_bytes([*hi, *lo]), packet)),
        [0x80, 0x00, 0x80, 0xc2, 0x00, 0x01 | 0x07, bridged @ ..] => Ok((tunnel::ETHERNET, bridged)),
        [] | [0x80] | [0x80, _] | [0x80, _, _] | [0x80, _, _, _] | [0x80, _, _, _, _] => Err(Skip::Truncated),
        _ => Err(Skip::NotIp),
    }
}

/// IP over InfiniBand (RFC 4391), as it is captured: both hardware addresses, an ether type and two bytes reserved.
pub(super) fn infiniband(frame: &[u8]) -> Result<tunnel::Payload<'_>, Skip> {
    let ([.., hi, lo, _, _], rest) = frame.split_first_chunk::<44>().ok_or(Skip::Truncated)?;
    Ok((u16::from_be_bytes([*hi, *lo]), rest))
}

/// PPP as `pppd` filters it: the direction in the place of HDLC's address byte.
pub(super) fn pppd(frame: &[u8]) -> Result<tunnel::Payload<'_>, Skip> {
    match frame {
        [_, CONTROL, packet @ ..] | [_, packet @ ..] => tunnel::ppp(packet),
        [] => Err(Skip::Truncated),
    }
}

/// SLIP (RFC 1055) as BSD captures it: the direction and the header before it was decompressed, then the packet.
pub(super) fn slip(frame: &[u8]) -> Result<tunnel::Payload<'_>, Skip> {
    tunnel::ip_by_version(frame.get(16..).ok_or(Skip::Truncated)?)
}
