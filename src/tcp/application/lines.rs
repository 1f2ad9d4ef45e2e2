//! Protocols that speak in lines of text.

use super::{Hint, Protocol};

/// The methods of HTTP (RFC 9110 section 9.3, RFC 5789), and those of WebDAV that are often seen.
const METHODS: [&[u8]; 12] = [
    b"GET",
    b"POST",
    b"PUT",
    b"HEAD",
    b"DELETE",
    b"OPTIONS",
    b"PATCH",
    b"CONNECT",
    b"TRACE",
    b"PROPFIND",
    b"REPORT",
    b"MKCOL",
];
/// What a client of HTTP/2 that speaks without TLS begins with (RFC 9113 section 3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";

/// A payload that begins with a capital letter: a request or status line of HTTP, a banner of SSH.
#[inline(never)]
pub(super) fn words(payload: &[u8]) -> Option<Hint> {
    if payload.starts_with(HTTP2_PREFACE) {
        return said(Protocol::Http2, payload);
    }
    if payload.starts_with(b"SSH-") {
        return said(Protocol::Ssh, payload);
    }
    if payload.starts_with(b"HTTP/1.") || is_request(payload) {
        return said(Protocol::Http, payload);
    }
    None
}

/// A method, and behind it a target: a path, a URI, `*` or, for CONNECT, a host.
fn is_request(payload: &[u8]) -> bool {
    METHODS.iter().any(|method| match payload.strip_prefix(*method) {
        Some([b' ', b'/' | b'*' | b'h', ..]) => true,
        Some([b' ', b'!'..=b'~', ..]) => *method == b"CONNECT",
        _ => false,
    })
}

/// Three digits and a text that ends where the line does.
#[inline(never)]
pub(super) fn reply(payload: &[u8]) -> Option<Hint> {
    let [_, _, b'0'..=b'9', b' ' | b'-', ..] = payload else { return None };
    let (_, whole) = line(payload);
    whole.then(|| said(Protocol::Reply, payload)).flatten()
}

/// An error (RESP: `-`, a code in capitals, a text).
#[inline(never)]
pub(super) fn redis(payload: &[u8]) -> Option<Hint> {
    let text = payload.strip_prefix(b"-")?;
    let (_, whole) = line(text);
    let code = text.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    let fits = code >= 3 && text.get(code) == Some(&b' ') && whole;
    fits.then(|| said(Protocol::Redis, text)).flatten()
}

/// The first line, if it can be read.
fn said(protocol: Protocol, payload: &[u8]) -> Option<Hint> {
    let (line, whole) = line(payload);
    let readable = line.iter().all(|byte| (b' '..0x7f).contains(byte) || *byte >= 0x80);
    readable.then(|| Hint::of(protocol).with(line).cut_if(!whole))
}

/// The first line, as far as a hint has room for it, and whether that much of it is there.
fn line(payload: &[u8]) -> (&[u8], bool) {
    let near = payload.get(..Hint::SHOWN + 2).unwrap_or(payload);
    match near.iter().position(|byte| *byte == b'\n') {
        Some(end) => {
            let line = near.get(..end).unwrap_or_default();
            (line.strip_suffix(b"\r").unwrap_or(line), true)
        }
        None => (near, near.len() < payload.len()),
    }
}
