//! Tests of the file readers, on captures built byte by byte.

use std::io::{self, Read};

use super::sample::{BIG, LITTLE, Layout};
use super::{CaptureFile, Next, Source, SourceError};
use crate::frame::LinkType;

/// A frame in the terms of a test.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Seen {
    number: u64,
    nanos: i64,
    link: u16,
    data: Vec<u8>,
    wire_len: u32,
}

fn seen(number: u64, nanos: i64, link: u16, data: &[u8], wire_len: usize) -> Seen {
    Seen { number, nanos, link, data: data.to_vec(), wire_len: wire_len as u32 }
}

/// All frames, the interfaces before them, and how it ended.
fn read(reader: impl Read) -> (Vec<Seen>, Vec<LinkType>, Result<(), SourceError>) {
    let mut file = CaptureFile::new(reader, 3);
    let (mut frames, mut links) = (Vec::new(), Vec::new());
    loop {
        match file.next() {
            Ok(Next::Frame(frame)) => {
                assert_eq!(frame.no.input(), 3);
                let nanos = frame.time.as_nanos();
                frames.push(seen(frame.no.number(), nanos, frame.link.0, frame.data, frame.wire_len as usize));
            }
            Ok(Next::Interface(link)) => links.push(link),
            Ok(Next::Comment(..) | Next::Damaged(_) | Next::Idle | Next::Lost(_)) => {}
            Ok(Next::End) => return (frames, links, Ok(())),
            Err(error) => return (frames, links, Err(error)),
        }
    }
}

#[track_caller]
fn check(bytes: &[u8], expected: &[Seen]) {
    let (frames, _, end) = read(bytes);
    assert!(end.is_ok(), "{end:?}");
    assert_eq!(frames, expected);
    let (dribbled, _, end) = read(Dribble { bytes, idle: false });
    assert!(end.is_ok(), "{end:?}");
    assert_eq!(dribbled, expected);
}

#[track_caller]
fn check_error(bytes: &[u8], frames_before: usize, text: &str) {
    let (frames, _, end) = read(bytes);
    assert_eq!(frames.len(), frames_before);
    assert_eq!(end.unwrap_err().to_string(), text);
}

/// Gives one byte a read and nothing in between, as a slow pipe would.
struct Dribble<'a> {
    bytes: &'a [u8],
    idle: bool,
}

impl Read for Dribble<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.idle = !self.idle;
        match self.bytes.split_first() {
            Some(_) if self.idle => Err(io::ErrorKind::WouldBlock.into()),
            Some((first, rest)) => {
                into[0] = *first;
                self.bytes = rest;
                Ok(1)
            }
            None => Ok(0),
        }
    }
}

/// Never has anything, as a pipe whose writer waits.
struct Silent;

impl Read for Silent {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

const PCAP_LAYOUTS: [(Layout, i64); 6] = [
    (LITTLE, 1_000),
    (BIG, 1_000),
    (Layout { magic: 0xa1b2_3c4d, ..LITTLE }, 1),
    (Layout { magic: 0xa1b2_3c4d, ..BIG }, 1),
    (Layout { magic: 0xa1b2_cd34, ..LITTLE }, 1_000),
    (Layout { magic: 0xa1b2_cd34, ..BIG }, 1_000),
];

fn pcap(layout: Layout) -> Vec<u8> {
    [
        layout.pcap(1),
        layout.record((10, 999_999), 60, b"first"),
        layout.record((11, 1), 3, b"2nd"),
        layout.record((11, 1), 0, b""),
    ]
    .concat()
}

fn pcap_frames(unit: i64) -> [Seen; 3] {
    [
        seen(1, 10_000_000_000 + 999_999 * unit, 1, b"first", 60),
        seen(2, 11_000_000_000 + unit, 1, b"2nd", 3),
        seen(3, 11_000_000_000 + unit, 1, b"", 0),
    ]
}

#[test]
fn pcap_of_both_resolutions_and_byte_orders() {
    for (layout, unit) in PCAP_LAYOUTS {
        check(&pcap(layout), &pcap_frames(unit));
    }
}

#[test]
fn pcap_times_reach_to_the_end_of_32_bits() {
    let bytes = [LITTLE.pcap(1), LITTLE.record((u32::MAX, u32::MAX), 1, b"x")].concat();
    check(&bytes, &[seen(1, 4_294_967_295_000_000_000 + 4_294_967_295_000, 1, b"x", 1)]);
}

#[test]
fn pcap_link_type_is_the_lower_half_of_its_field() {
    let (_, links, _) = read(&LITTLE.pcap(0x2400_0071)[..]);
    assert_eq!(links, [LinkType::LINUX_SLL]);
}

#[test]
fn records_larger_than_the_window() {
    let large = vec![7; 262_144];
    let records = |count: u32| (0..count).map(|n| LITTLE.record((n, 0), 300_000, &large));
    let bytes = [vec![LITTLE.pcap(1)], records(3).collect()].concat().concat();
    let frames: Vec<Seen> = (0..3).map(|n| seen(n + 1, n as i64 * 1_000_000_000, 1, &large, 300_000)).collect();
    let (read, _, end) = read(&bytes[..]);
    assert!(end.is_ok());
    assert!(read == frames);
}

#[test]
fn many_records_across_many_windows() {
    let record = LITTLE.record((1, 2), 100, &[9; 77]);
    let bytes = [LITTLE.pcap(101), record.repeat(20_000)].concat();
    let (frames, _, end) = read(&bytes[..]);
    assert!(end.is_ok());
    assert_eq!(frames.len(), 20_000);
    assert!(frames.iter().all(|frame| frame.data == [9; 77]));
}

#[test]
fn absurd_pcap_length_is_refused_without_reading_on() {
    let mut bytes = pcap(LITTLE);
    let offset = bytes.len();
    bytes.extend([0; 8].into_iter().chain(LITTLE.u32(0xffff_fff0)).chain([0; 4]));
    let text = format!("damaged at byte {offset}: a record of 4294967296 bytes is beyond reason");
    check_error(&bytes, 3, &text);
}

/// The first bytes of all frames, and what was said of the damage between them.
fn read_on(bytes: &[u8]) -> (Vec<u8>, Vec<String>) {
    let mut file = CaptureFile::new(Dribble { bytes, idle: false }, 0);
    let (mut frames, mut damages) = (Vec::new(), Vec::new());
    loop {
        match file.next() {
            Ok(Next::Frame(frame)) => frames.push(frame.data[0]),
            Ok(Next::Damaged(error)) => damages.push(error.to_string()),
            Ok(Next::Interface(_) | Next::Comment(..) | Next::Idle | Next::Lost(_)) => {}
            Ok(Next::End) => return (frames, damages),
            Err(error) => {
                damages.push(format!("last: {error}"));
                return (frames, damages);
            }
        }
    }
}

#[test]
fn pcap_is_read_on_behind_damage() {
    for (layout, _) in PCAP_LAYOUTS {
        let record = |number: u8| layout.record((1_700_000_000 + u32::from(number), 5), 200, &[number; 90]);
        let head = [layout.pcap(1), record(1), record(2)].concat();
        let tail = [record(4), record(5)].concat();
        let with = |damage: &[u8]| read_on(&[&head[..], damage, &tail].concat());
        let place = format!("damaged at byte {}: ", head.len());

        let mut absurd = record(3);
        absurd[8..12].fill(0x7f);
        let (frames, damages) = with(&absurd);
        assert_eq!(frames, [1, 2, 4, 5]);
        assert!(damages.len() == 1 && damages[0].starts_with(&format!("{place}a record of")), "{damages:?}");

        let (frames, damages) = with(&[0; 4099]);
        assert_eq!(frames, [1, 2, 4, 5]);
        assert_eq!(damages, [format!("{place}zeros where a record should be")]);

        let (frames, damages) = read_on(&[&head[..], &[0xff; 50]].concat());
        assert_eq!(frames, [1, 2]);
        assert!(damages.len() == 1 && damages[0].starts_with(&format!("last: {place}")), "{damages:?}");
    }
}

/// As tcpdump and Wireshark count it; more than one in a row are a hole in the file.
#[test]
fn one_pcap_record_of_zeros_is_an_empty_frame() {
    for (layout, _) in PCAP_LAYOUTS {
        let seconds = 1_700_000_000;
        let record = |number: u8| layout.record((seconds + u32::from(number), 0), 200, &[number; 90]);
        let zeros = vec![0; record(1).len() - 90];
        let time = |number: i64| (i64::from(seconds) + number) * 1_000_000_000;
        let full = |no: u64, number: u8| seen(no, time(number.into()), 1, &[number; 90], 200);
        let empty = |no: u64, number: i64| seen(no, time(number), 1, b"", 0);
        let check_all =
            |parts: &[&[u8]], expected: &[Seen]| check(&[&layout.pcap(1), &parts.concat()[..]].concat(), expected);
        check_all(&[&record(1), &zeros, &record(2)], &[full(1, 1), empty(2, 1), full(3, 2)]);
        check_all(&[&zeros, &record(1)], &[empty(1, 1), full(2, 1)]);
        check_all(&[&record(1), &zeros], &[full(1, 1), empty(2, 1)]);
        check_all(&[&zeros], &[seen(1, 0, 1, b"", 0)]);

        let file = |parts: &[&[u8]]| [&layout.pcap(1), &parts.concat()[..]].concat();
        let (frames, damages) = read_on(&file(&[&record(1), &zeros, &zeros, &record(2), &record(3)]));
        assert_eq!((frames, damages.len()), (vec![1, 2, 3], 1));
        let (frames, damages) = read_on(&file(&[&record(1), &zeros, &[0; 5]]));
        assert_eq!((frames, damages.len()), (vec![1], 1));
    }
}

#[test]
fn a_captured_length_above_the_length_is_taken_as_it_is() {
    check(&[LITTLE.pcap(1), LITTLE.record((1, 0), 3, b"12345")].concat(), &[seen(1, 1_000_000_000, 1, b"12345", 3)]);
}

/// Two sections of different byte order, each with two interfaces of different clock, and every kind of packet block.
fn pcapng() -> Vec<u8> {
    let clock = |layout: Layout, resolution: u8, offset: u64| {
        [layout.option(9, &[resolution]), layout.option(14, &layout.u64(offset))].concat()
    };
    [
        LITTLE.section(),
        LITTLE.interface(1, 8, b""),
        LITTLE.interface(276, 0, &clock(LITTLE, 9, 100)),
        LITTLE.enhanced(1, 5, b"one"),
        LITTLE.block(5, &[0; 24]),
        LITTLE.enhanced(0, 2_000_000, b"four"),
        LITTLE.simple(20, b"12345678"),
        LITTLE.old_packet(1, 7, b"old"),
        BIG.section(),
        BIG.interface(101, 0, &clock(BIG, 0x80, 2)),
        BIG.interface(113, 0, &clock(BIG, 3, u64::MAX)),
        BIG.block(0x0bad, &[1; 300_000]),
        BIG.enhanced(0, 5, b"big"),
        BIG.simple(5, b"12345"),
        BIG.old_packet(1, 1 << 33, b""),
    ]
    .concat()
}

fn pcapng_frames() -> [Seen; 7] {
    [
        seen(1, 100_000_000_005, 276, b"one", 10),
        seen(2, 2_000_000_000, 1, b"four", 11),
        seen(3, 2_000_000_000, 1, b"12345678", 20),
        seen(4, 100_000_000_007, 276, b"old", 10),
        seen(5, 7_000_000_000, 101, b"big", 10),
        seen(6, 7_000_000_000, 101, b"12345", 5),
        seen(7, (1 << 33) * 1_000_000 - 1_000_000_000, 113, b"", 7),
    ]
}

#[test]
fn pcapng_sections_interfaces_clocks_and_packet_blocks() {
    check(&pcapng(), &pcapng_frames());
    let links = [1, 276, 101, 113].map(LinkType);
    assert_eq!(read(&pcapng()[..]).1, links);
}

/// The comments of a file, each with the number of the frame it is of.
fn comments(bytes: &[u8]) -> Vec<(u64, String)> {
    let mut file = CaptureFile::new(Dribble { bytes, idle: false }, 3);
    let (mut comments, mut frames) = (Vec::new(), 0);
    loop {
        match file.next().unwrap() {
            Next::Comment(no, text) => {
                assert_eq!((no.input(), no.number()), (3, frames + 1));
                comments.push((no.number(), text));
            }
            Next::Frame(frame) => {
                frames += 1;
                assert_eq!((frame.no.number(), frame.data), (frames, &b"frame"[..]));
            }
            Next::Interface(_) | Next::Damaged(_) | Next::Idle | Next::Lost(_) => {}
            Next::End => return comments,
        }
    }
}

#[test]
fn pcapng_comments_come_before_their_frames() {
    for layout in [LITTLE, BIG] {
        let option = |code, value: &[u8]| layout.option(code, value);
        let end = option(0, b"");
        let bytes = [
            layout.section(),
            layout.interface(1, 0, &option(1, b"of the interface")),
            layout.enhanced_with(
                &[option(2, &[0; 4]), option(1, b"first"), option(1, b"second"), end].concat(),
                b"frame",
            ),
            layout.enhanced_with(&option(2, &[0; 4]), b"frame"),
            layout.enhanced_with(&[option(0, b""), option(1, b"behind the end")].concat(), b"frame"),
            layout.enhanced_with(&[option(1, b"\xff bits"), layout.u16(1).to_vec(), vec![0xff; 2]].concat(), b"frame"),
            layout.enhanced_with(&[option(1, &[b'x'; 65_000]), option(1, &[b'y'; 65_000])].concat(), b"frame"),
        ]
        .concat();
        let long = "x".repeat(65_000);
        let expected = [(1, "first\nsecond"), (4, "\u{fffd} bits"), (5, &long)];
        assert_eq!(comments(&bytes), expected.map(|(number, text)| (number, text.to_owned())));
    }
}

#[test]
fn pcapng_without_packets() {
    check(&LITTLE.section(), &[]);
}

#[test]
fn a_file_cut_anywhere_gives_every_whole_frame_before_the_cut() {
    for (layout, unit) in PCAP_LAYOUTS {
        let file = pcap(layout);
        let record = if layout.magic == 0xa1b2_cd34 { 24 } else { 16 };
        let ends = [24 + record + 5, 24 + 2 * record + 8, 24 + 3 * record + 8];
        check_cuts(&file, &pcap_frames(unit), &ends);
    }
    let blocks = [
        LITTLE.section(),
        LITTLE.interface(1, 0, b""),
        LITTLE.enhanced(0, 1, b"abc"),
        LITTLE.block(5, &[0; 24]),
        LITTLE.simple(4, b"abcd"),
        BIG.section(),
        BIG.interface(1, 0, b""),
        BIG.old_packet(0, 2, b"abcde"),
    ];
    let frames = [seen(1, 1_000, 1, b"abc", 10), seen(2, 1_000, 1, b"abcd", 4), seen(3, 2_000, 1, b"abcde", 12)];
    let end = |block: usize| blocks[..=block].iter().map(Vec::len).sum();
    check_cuts(&blocks.concat(), &frames, &[end(2), end(4), end(7)]);
}

/// Cuts at every byte: the frames are those that end before the cut, and a cut inside a record shows.
fn check_cuts(bytes: &[u8], frames: &[Seen], ends: &[usize]) {
    for cut in 1..=bytes.len() {
        let whole = ends.iter().filter(|end| **end <= cut).count();
        let (read, _, end) = read(&bytes[..cut]);
        assert_eq!(read, frames[..whole], "cut at {cut}");
        match end {
            Ok(()) => {}
            Err(SourceError::Truncated { offset, needed, present }) => {
                assert!(present < needed && offset <= cut as u64, "cut at {cut}: {offset} {needed} {present}");
                assert!(!ends.contains(&cut), "cut at {cut} is between two records");
            }
            Err(SourceError::NotACapture) => assert!(cut < 4),
            Err(other) => panic!("cut at {cut}: {other}"),
        }
    }
}

#[test]
fn any_changed_byte_is_survived() {
    let pcapng = [
        LITTLE.section(),
        LITTLE.interface(1, 0, &LITTLE.option(9, &[9])),
        LITTLE.enhanced(0, 1, b"abc"),
        LITTLE.old_packet(0, 1, b"abc"),
        LITTLE.simple(4, b"abcd"),
    ]
    .concat();
    for bytes in [pcap(LITTLE), pcap(BIG), pcapng] {
        for at in 0..bytes.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[at] = value;
                let (frames, _, _) = read(&changed[..]);
                assert!(frames.iter().all(|frame| frame.data.len() <= bytes.len()));
            }
        }
    }
}

#[test]
fn what_is_no_capture() {
    check_error(b"", 0, "the file is empty");
    check_error(b"ab", 0, "not a capture: neither pcap nor pcapng");
    check_error(b"#!/bin/sh\necho this is a script and no capture\n", 0, "not a capture: neither pcap nor pcapng");
    check_error(&[0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 1, 2, 3, 4], 0, "not a capture: neither pcap nor pcapng");
}

#[cfg(not(feature = "compress"))]
#[test]
fn compression_is_named_where_it_cannot_be_taken_off() {
    assert!(matches!(read(&[0x1f, 0x8b, 8, 0][..]).2, Err(SourceError::Compressed { format: "gzip", .. })));
    assert!(matches!(read(&[0x28, 0xb5, 0x2f, 0xfd][..]).2, Err(SourceError::Compressed { format: "zstd", .. })));
}

#[test]
fn a_stopped_file_ends_with_what_was_read() {
    let whole = pcap(LITTLE);
    for (bytes, frames) in [(&whole[..], 3), (&whole[..whole.len() - 1], 2), (&whole[..24], 0)] {
        let mut file = CaptureFile::new(bytes.chain(Silent), 0);
        assert!(matches!(file.next(), Ok(Next::Interface(_))));
        file.stop();
        let more = (0..frames).filter(|_| matches!(file.next(), Ok(Next::Frame(_)))).count();
        assert_eq!(more, frames);
        assert!(matches!(file.next(), Ok(Next::End)));
    }
    let mut unread = CaptureFile::new(&whole[..], 0);
    unread.stop();
    assert!(matches!(unread.next(), Ok(Next::End)));
}
