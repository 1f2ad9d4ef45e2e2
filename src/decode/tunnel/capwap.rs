//! CAPWAP: wireless frames on the way between an access point and its controller.

use super::{ETHERNET, Payload, skip};
use crate::decode::{Skip, wifi};

/// RFC 5415 section 4.3: version 0 without DTLS, then flags and lengths. What follows is Ethernet, or the native frame of
/// a radio: that of IEEE 802.11 (RFC 5416).
pub(super) fn data(bytes: &[u8]) -> Result<Payload<'_>, Skip> {
    const DTLS: u8 = 1;
    const BINDING_IEEE_802_11: u8 = 1;
    const NATIVE: u8 = 0x01;
    const FRAGMENT: u8 = 0x80;
    const KEEP_ALIVE: u8 = 0x08;
    let ([preamble, lengths, binding, flags, _, _, offset_hi, offset_lo, ..], _) =
        bytes.split_first_chunk::<8>().ok_or(Skip::Truncated)?;
    let header_len = usize::from(lengths >> 3) * 4;
    if *preamble == DTLS {
        return Err(Skip::Encrypted);
    }
    if *preamble != 0 || flags & KEEP_ALIVE != 0 || header_len < 8 {
        return Err(Skip::NotTcp);
    }
    if flags & FRAGMENT != 0 && u16::from_be_bytes([*offset_hi, *offset_lo]) >> 3 != 0 {
        return Err(Skip::Fragment);
    }
    let rest = skip(bytes, header_len)?;
    match (binding & NATIVE, (binding >> 1) & 0x1f) {
        (0, _) => Ok((ETHERNET, rest)),
        (_, BINDING_IEEE_802_11) => wifi::tunnelled(rest),
        _ => Err(Skip::NotTcp),
    }
}
