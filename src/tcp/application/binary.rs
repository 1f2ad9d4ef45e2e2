//! Protocols whose messages begin with lengths and types.

use super::{Hint, Protocol};

/// A GOAWAY frame of HTTP/2 (RFC 9113 section 6.8), with its error code and what it says of that.
#[inline(never)]
pub(super) fn http2(payload: &[u8]) -> Option<Hint> {
    let [0, l0, l1, 7, 0, 0, 0, 0, 0, _, _, _, _, e0, e1, e2, e3, ref rest @ ..] = *payload else { return None };
    let len = usize::from(u16::from_be_bytes([l0, l1])).checked_sub(8)?;
    let debug = rest.get(..len).unwrap_or(rest);
    let code = u32::from_be_bytes([e0, e1, e2, e3]);
    let hint = Hint::of(Protocol::Http2).with(b"GOAWAY ");
    let hint = match goaway(code) {
        Some(name) => hint.with(name.as_bytes()),
        None => hint.with(code.to_string().as_bytes()),
    };
    Some(if debug.is_empty() { hint } else { hint.with(b", ").with(debug) })
}

/// The error codes of RFC 9113 section 7.
fn goaway(code: u32) -> Option<&'static str> {
    Some(match code {
        0 => "NO_ERROR",
        1 => "PROTOCOL_ERROR",
        2 => "INTERNAL_ERROR",
        3 => "FLOW_CONTROL_ERROR",
        4 => "SETTINGS_TIMEOUT",
        5 => "STREAM_CLOSED",
        6 => "FRAME_SIZE_ERROR",
        7 => "REFUSED_STREAM",
        8 => "CANCEL",
        9 => "COMPRESSION_ERROR",
        10 => "CONNECT_ERROR",
        11 => "ENHANCE_YOUR_CALM",
        12 => "INADEQUATE_SECURITY",
        13 => "HTTP_1_1_REQUIRED",
        _ => return None,
    })
}

/// An ErrorResponse of PostgreSQL: fields of a letter and a text that ends with 0, the severity first.
#[inline(never)]
pub(super) fn postgresql(payload: &[u8]) -> Option<Hint> {
    let [b'E', 0, 0, _, _, b'S', ref fields @ ..] = *payload else { return None };
    let mut fields = fields.split(|byte| *byte == 0);
    let severity = fields.next()?;
    let message = fields.find_map(|field| field.strip_prefix(b"M"))?;
    Some(Hint::of(Protocol::Postgresql).with(severity).with(b": ").with(message))
}

/// An ERR packet of MySQL that fills its segment: length, number, 0xff, error code, `#`, SQL state, text.
#[inline(never)]
pub(super) fn mysql(payload: &[u8]) -> Option<Hint> {
    let [l0, l1, 0, _, 0xff, e0, e1, b'#', ref text @ ..] = *payload else { return None };
    let (state, text) = text.split_at_checked(5)?;
    let len = usize::from(u16::from_le_bytes([l0, l1]));
    let fits = len + 4 == payload.len() && state.iter().all(u8::is_ascii_alphanumeric);
    let code = u16::from_le_bytes([e0, e1]).to_string();
    fits.then(|| Hint::of(Protocol::Mysql).with(b"error ").with(code.as_bytes()).with(b": ").with(text))
}
