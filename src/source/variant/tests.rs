//! Each variant of pcap, written as its writers do.

use std::io::{self, Read};

use crate::frame::{LinkType, Timestamp};
use crate::source::sample::{BIG, LITTLE, Layout};
use crate::source::{CaptureFile, Next, Source};

/// What a variant has of its own.
#[derive(Clone, Copy)]
struct Writer {
    magic: u32,
    version: (u16, u16),
    network: u32,
    /// Follows the file header.
    extra: &'static [u8],
    /// Follows each record header.
    record_extra: &'static [u8],
    wire_first: bool,
}

const STANDARD: Writer =
    Writer { magic: 0xa1b2_c3d4, version: (2, 4), network: 1, extra: b"", record_extra: b"", wire_first: false };

impl Writer {
    fn file(self, layout: Layout, frames: &[&[u8]]) -> Vec<u8> {
        let mut bytes = [layout.u32(self.magic).to_vec(), layout.u16(self.version.0).to_vec()].concat();
        bytes.extend(layout.u16(self.version.1));
        bytes.extend([0, 0, 65_535, self.network].map(|word| layout.u32(word)).concat());
        bytes.extend(self.extra);
        for (frame, second) in frames.iter().zip(1_700_000_000_u32..) {
            let (captured, wire) = (frame.len() as u32, frame.len() as u32 + 1);
            let lengths = if self.wire_first { [wire, captured] } else { [captured, wire] };
            bytes.extend([second, 7, lengths[0], lengths[1]].map(|word| layout.u32(word)).concat());
            bytes.extend(self.record_extra);
            bytes.extend(*frame);
        }
        bytes
    }

    #[track_caller]
    fn check(self, link: LinkType, nanos: i64) {
        let frames: [&[u8]; 4] = [&[0xaa; 60], &[0xbb; 1500], &[0xcc; 54], &[0xdd; 9]];
        for layout in [LITTLE, BIG] {
            for count in 0..=frames.len() {
                let expected: Vec<_> = frames[..count].iter().zip(1_700_000_000..).collect();
                let bytes = self.file(layout, &frames[..count]);
                let mut file = CaptureFile::new(&bytes[..], 0);
                assert!(matches!(file.next(), Ok(Next::Interface(seen)) if seen == link));
                for (data, second) in expected {
                    let Ok(Next::Frame(frame)) = file.next() else { panic!("no frame") };
                    let time = Timestamp::new(second, 0).plus(7 * nanos);
                    assert_eq!((frame.data, frame.time), (*data, time));
                    assert_eq!(frame.wire_len as usize, data.len() + 1);
                }
                assert!(matches!(file.next(), Ok(Next::End)));
            }
        }
    }
}

#[test]
fn old_versions_have_their_lengths_in_the_other_order() {
    STANDARD.check(LinkType::ETHERNET, 1_000);
    for version in [(2, 0), (2, 1), (2, 2), (2, 3), (543, 0)] {
        Writer { version, wire_first: true, ..STANDARD }.check(LinkType::ETHERNET, 1_000);
    }
    Writer { version: (2, 3), ..STANDARD }.check(LinkType::ETHERNET, 1_000);
}

#[test]
fn ixia_has_a_longer_file_header() {
    let ixia = Writer { extra: &[1, 2, 3, 4], ..STANDARD };
    Writer { magic: 0x1c00_01ac, ..ixia }.check(LinkType::ETHERNET, 1);
    Writer { magic: 0x1c00_01ab, ..ixia }.check(LinkType::ETHERNET, 1_000);
}

#[test]
fn aix_has_its_own_link_types_and_nanoseconds() {
    let aix = |network| Writer { version: (2, 2), wire_first: true, network, ..STANDARD };
    for (network, link) in
        [(6, LinkType::ETHERNET), (9, LinkType::TOKEN_RING), (15, LinkType::FDDI), (24, LinkType::NULL)]
    {
        aix(network).check(link, 1);
    }
    Writer { network: 9, ..STANDARD }.check(LinkType::PPP, 1_000);
}

#[test]
fn checksums_at_the_end_of_frames_do_not_change_the_link_type() {
    Writer { network: 0x2400_0001, ..STANDARD }.check(LinkType::ETHERNET, 1_000);
}

/// A file of such records is recognised once two are there: with one the lengths of nothing contradict the common layout.
#[track_caller]
fn check_look_alike(writer: Writer) {
    let frames: [&[u8]; 4] = [&[0xaa; 60], &[0xbb; 1500], &[0xcc; 54], &[0xdd; 9]];
    for layout in [LITTLE, BIG] {
        for count in 2..=frames.len() {
            let bytes = writer.file(layout, &frames[..count]);
            // As a pipe gives it.
            let pieces =
                bytes.chunks(7).fold(Box::new(io::empty()) as Box<dyn Read>, |all, some| Box::new(all.chain(some)));
            let mut file = CaptureFile::new(pieces, 0);
            let mut seen = Vec::new();
            loop {
                match file.next().unwrap() {
                    Next::Frame(frame) => seen.push(frame.data.to_vec()),
                    Next::Interface(_) => {}
                    Next::End => break,
                    other => panic!("{other:?}"),
                }
            }
            assert!(seen == frames[..count]);
        }
    }
}

#[test]
fn patched_writers_with_the_standard_magic() {
    // Red Hat 6.1, then Nokia.
    check_look_alike(Writer { record_extra: &[2, 0, 0, 0, 8, 0, 0, 0], ..STANDARD });
    check_look_alike(Writer { record_extra: &[0x01, 0xb6, 0xbf, 0x9f], ..STANDARD });
}

#[test]
fn patched_writers_with_a_magic_of_their_own() {
    let modified = Writer { magic: 0xa1b2_cd34, ..STANDARD };
    Writer { record_extra: &[2, 0, 0, 0, 8, 0, 0, 0], ..modified }.check(LinkType::ETHERNET, 1_000);
    check_look_alike(Writer { record_extra: &[2, 0, 0, 0, 8, 0, 0, 0, 1, 1, 0, 0], ..modified });
}

#[test]
fn damage_at_the_start_makes_no_other_variant() {
    let mut bytes = STANDARD.file(LITTLE, &[&[0; 60], &[0; 60], &[1; 60], &[2; 60]]);
    bytes[24 + 76 + 11] = 0x7f;
    let mut file = CaptureFile::new(&bytes[..], 0);
    let mut seen = Vec::new();
    loop {
        match file.next().unwrap() {
            Next::Frame(frame) => seen.push((frame.data.len(), frame.data[0])),
            Next::End => break,
            _ => {}
        }
    }
    assert_eq!(seen, [(60, 0), (60, 1), (60, 2)]);
}
