//! Tests of damage in pcapng files: it is named with its place, and what is behind it is read.

use std::io::{self, Read};

use crate::source::error::Damage;
use crate::source::sample::{BIG, LITTLE, Layout};
use crate::source::{CaptureFile, Next, Source, SourceError};

/// The first bytes of all frames, what was said of damage between them, and how it ended.
fn read(reader: impl Read) -> (Vec<u8>, Vec<SourceError>, Result<(), SourceError>) {
    let mut file = CaptureFile::new(reader, 0);
    let (mut frames, mut damages) = (Vec::new(), Vec::new());
    loop {
        match file.next() {
            Ok(Next::Frame(frame)) => frames.push(frame.data[0]),
            Ok(Next::Damaged(error)) => damages.push(error),
            Ok(Next::Interface(_) | Next::Comment(..) | Next::Idle | Next::Lost(_)) => {}
            Ok(Next::End) => return (frames, damages, Ok(())),
            Err(error) => return (frames, damages, Err(error)),
        }
    }
}

/// One byte a read, and nothing in between.
struct Dribble<'a>(&'a [u8], bool);

impl Read for Dribble<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 { Err(io::ErrorKind::WouldBlock.into()) } else { self.0.read(&mut into[..1]) }
    }
}

fn start(layout: Layout) -> Vec<u8> {
    [layout.section(), layout.interface(1, 0, b""), layout.enhanced(0, 1, &[1; 60])].concat()
}

fn rest(layout: Layout) -> Vec<u8> {
    [layout.enhanced(0, 2, &[2; 60]), layout.block(5, &[0; 24]), layout.enhanced(0, 3, &[3; 60])].concat()
}

fn place_of(error: &SourceError) -> (u64, Option<Damage>) {
    match error {
        SourceError::Damaged { offset, what } => (*offset, Some(*what)),
        SourceError::Truncated { offset, .. } => (*offset, None),
        other => panic!("{other:?}"),
    }
}

/// These bytes between whole blocks: the damage, `None` where it looks like a cut, and all frames.
#[track_caller]
fn check(layout: Layout, bytes: &[u8], expected: Option<Damage>) {
    let (start, rest) = (start(layout), rest(layout));
    let file = [&start[..], bytes, &rest].concat();
    let at = start.len() as u64;
    let whole = read(&file[..]);
    let dribbled = read(Dribble(&file, false));
    for (frames, damages, end) in [whole, dribbled] {
        assert_eq!(frames, [1, 2, 3]);
        assert_eq!(damages.iter().map(place_of).collect::<Vec<_>>(), [(at, expected)]);
        assert!(end.is_ok(), "{end:?}");
    }
    // With nothing behind it the damage is told all the same.
    let (frames, damages, end) = read(&[&start[..], bytes].concat()[..]);
    assert_eq!(frames, [1]);
    let told: Vec<_> = damages.iter().chain(end.as_ref().err()).map(place_of).collect();
    assert!(told.len() == 1 && told[0].0 == at, "{told:?}");
}

#[test]
fn broken_chains_are_taken_up_again() {
    for layout in [LITTLE, BIG] {
        let head = |kind: u32, length: u32| [layout.u32(kind), layout.u32(length), [0; 4]].concat();
        check(layout, &head(6, 8), Some(Damage::BlockLength(8)));
        check(layout, &head(6, 33), Some(Damage::BlockLength(33)));
        check(layout, &head(6, 12), Some(Damage::LengthsDiffer(12, 0)));
        for kind in [1, 6, 0x0bad, 77] {
            check(layout, &head(kind, 0x4000_0000), Some(Damage::AbsurdLength(0x4000_0000)));
            check(layout, &head(kind, 0xffff_fffc), Some(Damage::AbsurdLength(0xffff_fffc)));
        }
        check(layout, &[0; 4099], Some(Damage::BlockLength(0)));
        check(layout, &[0xff; 21], Some(Damage::BlockLength(u32::MAX)));
        check(layout, &[0x0a, 0x0d, 0x0d, 0x0a, 1, 2, 3, 4, 5, 6, 7, 8], Some(Damage::Description));
        let mut longer_at_its_end = layout.enhanced(0, 1, b"four");
        let length = longer_at_its_end.len();
        longer_at_its_end[length - 4..].copy_from_slice(&layout.u32(48));
        check(layout, &longer_at_its_end, Some(Damage::LengthsDiffer(44, 48)));
        let mut longer_than_the_file = layout.enhanced(0, 1, b"four");
        longer_than_the_file[4..8].copy_from_slice(&layout.u32(1 << 20));
        check(layout, &longer_than_the_file, None);
    }
}

#[test]
fn a_block_that_cannot_be_understood_is_the_only_one_lost() {
    for layout in [LITTLE, BIG] {
        check(layout, &layout.block(6, &[0; 16]), Some(Damage::BlockLength(28)));
        check(layout, &layout.block(3, b""), Some(Damage::BlockLength(12)));
        check(layout, &layout.enhanced(9, 1, b"x"), Some(Damage::UnknownInterface(9)));
        check(layout, &layout.enhanced(1_000_000_000, 1, b"x"), Some(Damage::UnknownInterface(1_000_000_000)));
        check(layout, &layout.block(1, b""), Some(Damage::Description));
        let mut too_long = layout.enhanced(0, 1, b"four");
        too_long[20..24].copy_from_slice(&layout.u32(200));
        check(layout, &too_long, Some(Damage::FrameLength(200)));
        // A file within the damaged frame is not taken for the file itself.
        let within = [start(layout), rest(layout)].concat();
        let mut carrier = layout.enhanced(0, 1, &within);
        carrier[20..24].copy_from_slice(&layout.u32(1 << 20));
        check(layout, &carrier, Some(Damage::FrameLength(1 << 20)));
        let mut carrier = layout.enhanced(0, 1, &within);
        let (length, end) = (carrier.len() as u32, carrier.len() - 4);
        carrier[end..].copy_from_slice(&layout.u32(4));
        check(layout, &carrier, Some(Damage::LengthsDiffer(length, 4)));
    }
}

#[test]
fn an_unreadable_interface_keeps_its_number() {
    let bytes = [
        LITTLE.section(),
        LITTLE.block(1, b""),
        LITTLE.interface(101, 0, b""),
        LITTLE.enhanced(0, 1, &[1; 20]),
        LITTLE.enhanced(1, 1, &[2; 20]),
    ]
    .concat();
    let mut file = CaptureFile::new(&bytes[..], 0);
    let mut links = Vec::new();
    loop {
        match file.next().unwrap() {
            Next::Frame(frame) => links.push(frame.link.0),
            Next::End => break,
            _ => {}
        }
    }
    assert_eq!(links, [u16::MAX, 101]);
}

#[test]
fn of_a_billion_interfaces_few_are_remembered() {
    let mut bytes =
        [LITTLE.section(), LITTLE.interface(1, 0, b"").repeat(65_536), LITTLE.interface(1, 0, b"")].concat();
    let place = bytes.len() as u64 - LITTLE.interface(1, 0, b"").len() as u64;
    bytes.extend([LITTLE.enhanced(65_535, 0, &[1; 9]), LITTLE.enhanced(65_536, 0, &[2; 9])].concat());
    let (frames, damages, end) = read(&bytes[..]);
    assert_eq!((frames, end.is_ok()), (vec![1], true));
    let expected = [Damage::TooManyInterfaces, Damage::UnknownInterface(65_536)];
    assert_eq!(damages.iter().filter_map(|error| place_of(error).1).collect::<Vec<_>>(), expected);
    assert_eq!(place_of(&damages[0]).0, place);
}

#[test]
fn a_description_of_many_options_is_not_parsed() {
    let options = LITTLE.option(77, b"").repeat(300_000);
    let bytes = [LITTLE.section(), LITTLE.interface(1, 0, &options), LITTLE.enhanced(0, 1, &[1; 60])].concat();
    let (frames, damages, end) = read(&bytes[..]);
    assert_eq!((frames, end.is_ok()), (vec![1], true));
    assert!(matches!(place_of(&damages[0]), (28.., Some(Damage::AbsurdLength(1_200_024)))), "{damages:?}");
}

#[test]
fn a_section_of_the_other_byte_order_ends_damage() {
    let file = [start(LITTLE), vec![0x55; 1001], start(BIG), rest(BIG)].concat();
    let (frames, damages, end) = read(&file[..]);
    assert_eq!((frames, damages.len(), end.is_ok()), (vec![1, 1, 2, 3], 1, true));
}

#[test]
fn a_block_that_never_ends_is_a_cut() {
    let cut = [start(LITTLE), LITTLE.u32(0x0bad).to_vec(), LITTLE.u32(4000).to_vec()].concat();
    let (frames, _, end) = read(&cut[..]);
    assert_eq!(frames, [1]);
    assert!(matches!(end, Err(SourceError::Truncated { needed: 4000, present: 8, .. })), "{end:?}");
}

#[test]
fn a_stop_within_damage_ends_with_it() {
    let bytes = [start(LITTLE), vec![0; 100]].concat();
    let mut file = CaptureFile::new(bytes.chain(Dribble(&[0; 1000], false)), 0);
    while !matches!(file.next().unwrap(), Next::Frame(_)) {}
    assert!(matches!(file.next(), Ok(Next::Idle | Next::Lost(_))));
    file.stop();
    assert!(matches!(file.next(), Err(SourceError::Damaged { what: Damage::BlockLength(0), .. })));
}

/// Counts how often there was something to read, and how much was asked for at most.
struct Counting<'a>(&'a [u8], usize, usize);

impl Read for &mut Counting<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.1 += usize::from(!self.0.is_empty());
        self.2 = self.2.max(into.len());
        self.0.read(into)
    }
}

#[test]
fn a_file_full_of_almost_blocks_is_searched_in_large_steps() {
    let almost = [LITTLE.u32(6), LITTLE.u32(500 * 1024 + 4)].concat();
    let mut reader = [start(LITTLE), almost.repeat(1 << 20), rest(LITTLE)].concat();
    reader.extend([1, 2, 3]);
    let mut reader = Counting(&reader, 0, 0);
    let (frames, damages, _) = read(&mut reader);
    assert_eq!((&frames[..2], damages.len()), (&[1, 2][..], 1));
    assert!(reader.1 < 8 * 1024 / 256 + 10, "{} reads", reader.1);
    assert!(reader.2 <= 1024 * 1024, "a window of {} bytes", reader.2);
}
