//! What the sender of a reset says of it itself: in its options and in its payload.

use super::diagnostic::{self, Diagnostic};
use super::visible;
use crate::analyzer::Reset;

/// So much of a text is shown.
const SHOWN: usize = 120;
/// MPTCP subtypes that end a connection (RFC 8684 section 8.4).
const MP_FASTCLOSE: u8 = 7;
const MP_TCPRST: u8 = 8;

/// What the sender says, option by option, the payload last.
pub fn says(reset: &Reset) -> Vec<String> {
    if reset.options.mptcp.is_none() && reset.payload.is_empty() {
        return Vec::new();
    }
    mptcp(reset).into_iter().chain(said_in_payload(reset)).collect()
}

/// What MPTCP's options say.
fn mptcp(reset: &Reset) -> Option<String> {
    match reset.options.mptcp? {
        MP_FASTCLOSE => Some("close the whole MPTCP connection at once (MP_FASTCLOSE)".to_owned()),
        MP_TCPRST => Some(subflow(reset)),
        _ => None,
    }
}

/// Why a subflow was reset.
fn subflow(reset: &Reset) -> String {
    let Some(reason) = reset.options.mptcp_reset_reason else {
        return "reset this MPTCP subflow (MP_TCPRST)".to_owned();
    };
    let words = mptcp_reason(reason).unwrap_or("a reason that RFC 8684 does not know");
    let lasting = if reset.options.mptcp_reset_transient { "for now" } else { "for good" };
    format!("reset this MPTCP subflow {lasting}: {words} (MP_TCPRST, reason {reason})")
}

/// The reason codes of RFC 8684 section 3.6.
pub fn mptcp_reason(reason: u8) -> Option<&'static str> {
    Some(match reason {
        0 => "unspecified error",
        1 => "MPTCP-specific error",
        2 => "lack of resources",
        3 => "administratively prohibited",
        4 => "too much outstanding data",
        5 => "unacceptable performance",
        6 => "middlebox interference",
        _ => return None,
    })
}

/// What the payload says: a diagnosis, or its text between quotes.
fn said_in_payload(reset: &Reset) -> Option<String> {
    match diagnostic::read(&reset.payload, reset.len) {
        Some(diagnostic) => Some(diagnosis(&diagnostic)),
        None => payload(&reset.payload, reset.len),
    }
}

fn diagnosis(diagnostic: &Diagnostic<'_>) -> String {
    let Diagnostic { reason, enterprise, description } = diagnostic;
    let number = reason.map(|reason| match enterprise {
        0 => format!("reason {reason}"),
        _ => format!("reason {reason} of enterprise {enterprise}"),
    });
    let words = match (description, reason) {
        (Some(text), _) => Some(format!("\"{}\"", clipped(visible(text)))),
        (None, Some(reason)) if *enterprise == 0 => diagnostic::registered(*reason).map(str::to_owned),
        _ => None,
    };
    let source = ["diagnostic payload".to_owned()].into_iter().chain(number.clone());
    match words {
        Some(words) => format!("{words} ({})", source.collect::<Vec<_>>().join(", ")),
        None => format!("{} (diagnostic payload)", number.unwrap_or_default()),
    }
}

/// A payload of `len` bytes: text between quotes, of anything else what it begins with. Zeros at its end only fill it up.
fn payload(bytes: &[u8], len: u32) -> Option<String> {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(bytes.len().min(1), |last| last + 1);
    let text = bytes.get(..end).filter(|text| !text.is_empty())?;
    if !is_text(text) {
        return Some(no_text(text, len));
    }
    let text = text.escape_ascii().to_string();
    let shown = clipped(text.clone());
    let rest = if shown == text { String::new() } else { format!(", {len} bytes in all") };
    Some(format!("\"{shown}\"{rest}"))
}

/// Whether most of these bytes are such as people write.
fn is_text(bytes: &[u8]) -> bool {
    let written = bytes.iter().filter(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()).count();
    4 * written >= 3 * bytes.len()
}

/// Bytes that nobody reads: as little of them as tells what they may be.
fn no_text(bytes: &[u8], len: u32) -> String {
    const BEGINNING: usize = 8;
    let unit = if len == 1 { "byte" } else { "bytes" };
    if matches!(bytes, [20..=23, 3, 0..=4, ..]) {
        return format!("{len} {unit} that look like a record of TLS");
    }
    let shown = bytes.iter().take(BEGINNING).map(|byte| format!(" {byte:02x}")).collect::<String>();
    let rest = if bytes.len() > BEGINNING { "..." } else { "" };
    format!("{len} {unit} that are no text:{shown}{rest}")
}

/// At most [`SHOWN`] characters.
fn clipped(text: String) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}...", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixtures;

    fn of_payload(bytes: &[u8]) -> Vec<String> {
        let mut reset = fixtures::half_open().reset;
        reset.payload = bytes.to_vec();
        reset.len = bytes.len() as u32;
        says(&reset)
    }

    fn of_mptcp(subtype: u8, reason: Option<u8>, transient: bool) -> Vec<String> {
        let mut reset = fixtures::half_open().reset;
        reset.options.mptcp = Some(subtype);
        reset.options.mptcp_reset_reason = reason;
        reset.options.mptcp_reset_transient = transient;
        says(&reset)
    }

    #[test]
    fn text_is_quoted_escaped_and_clipped() {
        assert!(of_payload(b"").is_empty());
        assert_eq!(of_payload(b"No TCP/No listener"), ["\"No TCP/No listener\""]);
        assert_eq!(of_payload(b"go\r\n\x1b[2J\0\0\0"), ["\"go\\r\\n\\x1b[2J\""]);
        assert_eq!(of_payload(&[0; 9]), ["9 bytes that are no text: 00"]);
        let long = of_payload(&[b'x'; 300]);
        assert_eq!(long, [format!("\"{}...\", 300 bytes in all", "x".repeat(SHOWN))]);
    }

    #[test]
    fn what_nobody_can_read_is_named_not_printed() {
        let record = [&[23, 3, 3, 0, 69][..], &[0x9c; 69]].concat();
        assert_eq!(of_payload(&record), ["74 bytes that look like a record of TLS"]);
        assert_eq!(of_payload(&[0xff, 0x01]), ["2 bytes that are no text: ff 01"]);
        let long = [0x80, b'a', b'b', 0x81, 0x82, 0x83, 0x84, 0x85, 0x86];
        assert_eq!(of_payload(&long), ["9 bytes that are no text: 80 61 62 81 82 83 84 85..."]);
        assert_eq!(of_payload(b"caf\xc3\xa9 closed"), ["\"caf\\xc3\\xa9 closed\""], "mostly text");
    }

    #[test]
    fn diagnostic_payloads_are_put_into_words() {
        let timeout = of_payload(&[0x33, 0xaa, 0, 14, 0, 0, 0, 0]);
        assert_eq!(timeout, ["connection timeout (diagnostic payload, reason 14)"]);
        let new = of_payload(&[0x33, 0xaa, 0, 99, 0, 0, 0, 0]);
        assert_eq!(new, ["reason 99 (diagnostic payload)"]);
        let of_a_vendor = of_payload(&[0x33, 0xaa, 0x04, 0xd2, 0, 0, 0x7e, 0xd9]);
        assert_eq!(of_a_vendor, ["reason 1234 of enterprise 32473 (diagnostic payload)"]);
        let words = of_payload(&[&[0x19, 0x30, 0x39, 0xa1, 3, 0x65][..], b"id\x1ble"].concat());
        assert_eq!(words, ["\"id\\u{1b}le\" (diagnostic payload)"]);
    }

    #[test]
    fn mptcp_says_why_it_ends_a_subflow() {
        let expected = "reset this MPTCP subflow for good: too much outstanding data (MP_TCPRST, reason 4)";
        assert_eq!(of_mptcp(8, Some(4), false), [expected]);
        let expected = "reset this MPTCP subflow for now: lack of resources (MP_TCPRST, reason 2)";
        assert_eq!(of_mptcp(8, Some(2), true), [expected]);
        assert_eq!(of_mptcp(8, None, false), ["reset this MPTCP subflow (MP_TCPRST)"]);
        assert_eq!(of_mptcp(7, None, false), ["close the whole MPTCP connection at once (MP_FASTCLOSE)"]);
        assert!(of_mptcp(2, None, false).is_empty());
        assert!(mptcp_reason(7).is_none());
    }
}
