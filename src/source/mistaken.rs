//! Files that people take for captures that can be read, and what to do with them.

use super::SourceError;

/// What Wireshark's tools can read.
const CONVERT: &str = "`editcap FILE out.pcapng` converts it";

/// The error for a file that starts with these bytes, if they are known to be those of another format.
#[cold]
pub(super) fn named(bytes: &[u8]) -> SourceError {
    match by_magic(bytes).or_else(|| by_shape(bytes)) {
        Some((format, remedy)) => SourceError::Foreign { format, remedy },
        None => SourceError::NotACapture,
    }
}

fn by_magic(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    Some(match bytes {
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => ("compressed with bzip2", "`bzcat FILE | rstscan -r -` reads it"),
        [0x1f, 0x9d, ..] => ("compressed with compress", "`zcat FILE | rstscan -r -` reads it"),
        [b'L', b'Z', b'I', b'P', ..] => ("compressed with lzip", "`lzip -dc FILE | rstscan -r -` reads it"),
        [b'P', b'K', 3, 4, ..] => ("a zip archive", "`unzip -p FILE | rstscan -r -` reads the one file in it"),
        [b'7', b'z', 0xbc, 0xaf, ..] => ("a 7-Zip archive", "`7z x -so FILE | rstscan -r -` reads the one file in it"),
        [b's', b'n', b'o', b'o', b'p', 0, 0, 0, ..] => ("a snoop capture", CONVERT),
        [b'G', b'M', b'B', b'U', ..] | [b'R', b'T', b'S', b'S', ..] => ("a Microsoft Network Monitor capture", CONVERT),
        [b'X', b'C', b'P', 0, ..] | [b'T', b'R', b'S', b'N', b'I', b'F', b'F', ..] => ("a Sniffer capture", CONVERT),
        [0x7f, b'v', b'e', b'r', ..] => ("an OmniPeek capture", CONVERT),
        [b'i', b'p', b't', b'r', b'a', b'c', b'e', ..] => ("an AIX iptrace capture", CONVERT),
        [b'T', b'R', 0, b'd', ..] => ("an HP-UX nettl trace", CONVERT),
        _ => return None,
    })
}

/// Formats without a magic number at the start.
fn by_shape(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    // POSIX.1-2017, pax: "ustar Interchange Format".
    if bytes.get(257..262) == Some(b"ustar") {
        return Some(("a tar archive", "`tar -xOf FILE NAME | rstscan -r -` reads one file of it"));
    }
    if is_event_trace(bytes) {
        return Some(("a Windows event trace", "`pktmon etl2pcap FILE` or etl2pcapng converts it"));
    }
    if is_erf(bytes) {
        return Some(("an Endace ERF capture", CONVERT));
    }
    None
}

/// WMI_BUFFER_HEADER with its buffer size, then the marker of a SYSTEM_TRACE_HEADER.
fn is_event_trace(bytes: &[u8]) -> bool {
    let size = bytes.first_chunk().map(|size| u32::from_le_bytes(*size));
    let marker = bytes.get(74..76);
    size.is_some_and(|size| size > 0 && size.is_multiple_of(1024)) && matches!(marker, Some([1 | 2, 0xc0]))
}

/// Records of the Endace Extensible Record Format: two that follow each other, within a day.
fn is_erf(bytes: &[u8]) -> bool {
    let head = |at: usize| {
        let header: &[u8; 16] = bytes.get(at..)?.first_chunk()?;
        let [_, _, _, _, s0, s1, s2, s3, kind, _, l0, l1, ..] = *header;
        let (seconds, length) = (u32::from_le_bytes([s0, s1, s2, s3]), u16::from_be_bytes([l0, l1]));
        (length >= 16 && (1..=48).contains(&(kind & 0x7f))).then_some((seconds, usize::from(length)))
    };
    let Some((first, length)) = head(0) else { return false };
    first > 0 && head(length).is_some_and(|(second, _)| second.abs_diff(first) <= 86_400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: &str) {
        assert_eq!(named(bytes).to_string(), expected);
    }

    #[test]
    fn other_formats_are_named_with_what_to_do() {
        check(b"snoop\0\0\0\0\0\0\x02\0\0\0\x04", "a snoop capture: `editcap FILE out.pcapng` converts it");
        check(b"GMBU\0\x02", "a Microsoft Network Monitor capture: `editcap FILE out.pcapng` converts it");
        check(b"BZh91AY&SY", "compressed with bzip2: `bzcat FILE | rstscan -r -` reads it");
        check(b"\x1f\x9d\x90", "compressed with compress: `zcat FILE | rstscan -r -` reads it");
        check(b"PK\x03\x04\x14", "a zip archive: `unzip -p FILE | rstscan -r -` reads the one file in it");
        let mut tar = [0; 512];
        tar[257..262].copy_from_slice(b"ustar");
        check(&tar, "a tar archive: `tar -xOf FILE NAME | rstscan -r -` reads one file of it");
        let mut trace = [0; 100];
        trace[2] = 1;
        trace[72..76].copy_from_slice(&[2, 0, 2, 0xc0]);
        check(&trace, "a Windows event trace: `pktmon etl2pcap FILE` or etl2pcapng converts it");
    }

    #[test]
    fn erf_is_told_by_two_records() {
        let record = |seconds: u32| {
            let head = [&[0; 4][..], &seconds.to_le_bytes(), &[2, 4], &80_u16.to_be_bytes(), &[0; 4]].concat();
            [&head[..], &[0; 64]].concat()
        };
        check(
            &[record(1_700_000_000), record(1_700_000_001)].concat(),
            "an Endace ERF capture: `editcap FILE out.pcapng` converts it",
        );
        check(&[record(1_700_000_000), record(1)].concat(), "not a capture: neither pcap nor pcapng");
        check(&record(1_700_000_000), "not a capture: neither pcap nor pcapng");
    }

    #[test]
    fn what_is_not_known_is_no_capture() {
        for bytes in [&b""[..], b"#!/bin/sh", &[0; 600], &[0xff; 600]] {
            check(bytes, "not a capture: neither pcap nor pcapng");
        }
    }
}
