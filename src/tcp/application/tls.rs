//! TLS records (RFC 8446 section 5.1): the first handshake messages, and alerts.

use super::{Hint, Protocol};

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
/// The extension that names the server (RFC 6066 section 3), and the type of a host name in it.
const SERVER_NAME: u16 = 0;
const HOST_NAME: u8 = 0;

/// The record that a payload begins with.
#[inline(never)]
pub(super) fn hint(payload: &[u8]) -> Option<Hint> {
    let hint = Hint::of(Protocol::Tls);
    match *payload {
        [ALERT, 3, 0..=4, 0, 2, level @ 1..=2, description, ..] => {
            let level: &[u8] = if level == 2 { b"alert fatal " } else { b"alert warning " };
            let hint = hint.with(level);
            Some(match alert(description) {
                Some(name) => hint.with(name.as_bytes()),
                None => hint.with(description.to_string().as_bytes()),
            })
        }
        // With the record's number and a tag, an encrypted alert is never as long as a message.
        [ALERT, 3, 0..=4, 0, 16..=64, ..] => Some(hint.with(b"alert, encrypted")),
        [HANDSHAKE, 3, 0..=4, _, _, CLIENT_HELLO, ref hello @ ..] => {
            let hint = hint.with(b"ClientHello");
            Some(match server_name(hello) {
                Some(name) => hint.with(b", server name ").with(name),
                None => hint,
            })
        }
        [HANDSHAKE, 3, 0..=4, _, _, SERVER_HELLO, ..] => Some(hint.with(b"ServerHello")),
        _ => None,
    }
}

/// The server's name in a ClientHello (RFC 8446 section 4.1.2), from its length on.
fn server_name(hello: &[u8]) -> Option<&[u8]> {
    const LENGTH_VERSION_RANDOM: usize = 3 + 2 + 32;
    let session = hello.get(LENGTH_VERSION_RANDOM..)?;
    let ciphers = after_short(session)?;
    let compression = after_long(ciphers)?;
    let mut extensions = after_short(compression)?.get(2..)?;
    loop {
        let [k0, k1, l0, l1, ref rest @ ..] = *extensions else { return None };
        let len = usize::from(u16::from_be_bytes([l0, l1]));
        if u16::from_be_bytes([k0, k1]) == SERVER_NAME {
            let [_, _, HOST_NAME, n0, n1, ref name @ ..] = *rest else { return None };
            let name = name.get(..usize::from(u16::from_be_bytes([n0, n1])))?;
            return (!name.is_empty()).then_some(name);
        }
        extensions = rest.get(len..)?;
    }
}

/// What follows a field with its length in one byte.
fn after_short(bytes: &[u8]) -> Option<&[u8]> {
    let (len, after) = bytes.split_first()?;
    after.get(usize::from(*len)..)
}

/// What follows a field with its length in two bytes.
fn after_long(bytes: &[u8]) -> Option<&[u8]> {
    let (len, after) = bytes.split_first_chunk()?;
    after.get(usize::from(u16::from_be_bytes(*len))..)
}

/// The names of RFC 8446 section 6, and those of RFC 5246 that TLS 1.3 no longer uses.
fn alert(description: u8) -> Option<&'static str> {
    Some(match description {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        21 => "decryption_failed",
        22 => "record_overflow",
        30 => "decompression_failure",
        40 => "handshake_failure",
        41 => "no_certificate",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        60 => "export_restriction",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        100 => "no_renegotiation",
        109 => "missing_extension",
        110 => "unsupported_extension",
        111 => "certificate_unobtainable",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        115 => "unknown_psk_identity",
        116 => "certificate_required",
        120 => "no_application_protocol",
        _ => return None,
    })
}
