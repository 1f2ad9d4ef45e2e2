//! Diagnostic payloads: a reason that the sender of a RST gives in its payload, for machines to read.
//!
//! Two forms are known: eight bytes (draft-ietf-tcpm-rst-diagnostic-payload) and, before that, a CBOR sequence of the number
//! 12345 and a map (draft-boucadair-tcpm-rst-diagnostic-payload-11).

use std::borrow::Cow;

/// A reason in a diagnostic payload.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Diagnostic<'a> {
    /// The reason code.
    pub reason: Option<u64>,
    /// The Private Enterprise Number of whoever defines the code; 0 for the registry of the draft.
    pub enterprise: u64,
    /// The reason in words.
    pub description: Option<Cow<'a, str>>,
}

/// Reads a payload of `len` bytes of which `payload` was captured; `None` if it is none of the two forms.
pub fn read(payload: &[u8], len: u32) -> Option<Diagnostic<'_>> {
    match *payload {
        [0x33, 0xaa, r0, r1, e0, e1, e2, e3] if len == 8 => {
            let reason = Some(u64::from(u16::from_be_bytes([r0, r1]))).filter(|reason| *reason != 0);
            let enterprise = u64::from(u32::from_be_bytes([e0, e1, e2, e3]));
            reason.map(|_| Diagnostic { reason, enterprise, description: None })
        }
        [0x19, 0x30, 0x39, ref map @ ..] => sequence(map),
        _ => None,
    }
}

/// What the registry of the draft says of a code.
pub fn registered(reason: u64) -> Option<&'static str> {
    Some(match reason {
        1 => "illegal option length",
        2 => "desynchronized state",
        3 => "new data after CLOSE",
        4 => "ABORT was called",
        5 => "an unexpected ACK in a state that is not synchronized",
        6 => "an unexpected SYN in the window",
        7 => "unexpected security compartment",
        8 => "malformed message",
        9 => "not authorized",
        10 => "resource exceeded",
        11 => "network failure",
        12 => "reset received from the peer",
        13 => "destination unreachable",
        14 => "connection timeout",
        15 => "too much outstanding data",
        16 => "unacceptable performance",
        17 => "middlebox interference",
        _ => return None,
    })
}

/// The map of the CBOR form (RFC 8949 section 3): unsigned keys, with unsigned numbers and texts as values.
fn sequence(map: &[u8]) -> Option<Diagnostic<'_>> {
    const REASON: u64 = 1;
    const ENTERPRISE: u64 = 2;
    const DESCRIPTION: u64 = 3;
    let mut diagnostic = Diagnostic::default();
    let (Item::Map(pairs), mut rest) = item(map)? else { return None };
    for _ in 0..pairs {
        let (Item::Unsigned(key), value) = item(rest)? else { return None };
        let (value, after) = item(value)?;
        match (key, value) {
            (REASON, Item::Unsigned(reason)) => diagnostic.reason = Some(reason),
            (ENTERPRISE, Item::Unsigned(enterprise)) => diagnostic.enterprise = enterprise,
            (DESCRIPTION, Item::Text(text)) => diagnostic.description = Some(String::from_utf8_lossy(text)),
            (REASON | ENTERPRISE | DESCRIPTION, _) | (_, Item::Map(_)) => return None,
            _ => {}
        }
        rest = after;
    }
    (diagnostic.reason.is_some() || diagnostic.description.is_some()).then_some(diagnostic)
}

/// A data item of CBOR, of the kinds that a diagnostic payload has.
enum Item<'a> {
    Unsigned(u64),
    Text(&'a [u8]),
    /// How many pairs follow.
    Map(u64),
}

/// The first item of `bytes`, and what follows it.
fn item(bytes: &[u8]) -> Option<(Item<'_>, &[u8])> {
    let (first, after) = bytes.split_first()?;
    let (argument, after) = match first & 0x1f {
        small @ 0..=23 => (u64::from(small), after),
        size @ 24..=27 => {
            let (number, after) = after.split_at_checked(1 << (size - 24))?;
            (number.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)), after)
        }
        _ => return None,
    };
    match first >> 5 {
        0 => Some((Item::Unsigned(argument), after)),
        3 => {
            let (text, after) = after.split_at_checked(usize::try_from(argument).ok()?)?;
            Some((Item::Text(text), after))
        }
        5 => Some((Item::Map(argument), after)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn eight_bytes_give_a_reason() {
        let timeout = [0x33, 0xaa, 0, 14, 0, 0, 0, 0];
        let expected = Diagnostic { reason: Some(14), ..Diagnostic::default() };
        assert_eq!(read(&timeout, 8), Some(expected));
        let of_a_vendor = [0x33, 0xaa, 0x04, 0xd2, 0, 0, 0x7e, 0xd9];
        let expected = Diagnostic { reason: Some(1234), enterprise: 32473, description: None };
        assert_eq!(read(&of_a_vendor, 8), Some(expected));
        assert_eq!(read(&timeout, 9), None);
        assert_eq!(read(&timeout[..7], 8), None);
        assert_eq!(read(&[0x33, 0xaa, 0, 0, 0, 0, 0, 0], 8), None);
    }

    #[test]
    fn so_does_the_earlier_form() {
        let number = [0x19, 0x30, 0x39, 0xa1, 1, 2];
        assert_eq!(read(&number, 6), Some(Diagnostic { reason: Some(2), ..Diagnostic::default() }));
        let of_a_vendor = [0x19, 0x30, 0x39, 0xa2, 1, 0x19, 0x04, 0xd2, 2, 0x19, 0x7e, 0xd9];
        let expected = Diagnostic { reason: Some(1234), enterprise: 32473, description: None };
        assert_eq!(read(&of_a_vendor, 12), Some(expected));
        let words = [&[0x19, 0x30, 0x39, 0xa1, 3, 0x64][..], b"idle"].concat();
        let expected = Diagnostic { description: Some("idle".into()), ..Diagnostic::default() };
        assert_eq!(read(&words, 10), Some(expected));
        let unknown = [0x19, 0x30, 0x39, 0xa2, 9, 0x61, b'x', 1, 2];
        assert_eq!(read(&unknown, 9).and_then(|diagnostic| diagnostic.reason), Some(2));
    }

    #[test]
    fn what_is_malformed_is_no_diagnosis() {
        for map in [&[][..], &[0xa0], &[0xa1], &[0xa1, 1], &[0xa1, 3, 0x78, 200, b'x'], &[0xbf, 1, 2, 0xff]] {
            assert_eq!(read(&[&[0x19, 0x30, 0x39], map].concat(), 64), None, "{map:?}");
        }
        assert_eq!(read(&[0x19, 0x30, 0x39, 0xa1, 1, 0x61, b'x'], 7), None);
        assert_eq!(read(b"No listener", 11), None);
    }

    proptest! {
        #[test]
        fn anything_can_be_read(map in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = read(&[&[0x19, 0x30, 0x39], &map[..]].concat(), 40);
        }
    }
}
