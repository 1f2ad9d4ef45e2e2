//! Tests of compressed captures: every format, cut and damaged, in members, and far larger than what is compressed.

use std::io::{self, Cursor, ErrorKind, Read, Write};

use proptest::prelude::*;

use lz4_flex::frame::{BlockSize, FrameEncoder, FrameInfo};

use super::super::sample::LITTLE;
use super::super::unpack::Compression;
use super::super::{CaptureFile, Next, Source, SourceError};
use super::Decompressor;

const ALL: [Compression; 4] = [Compression::Gzip, Compression::Zstd, Compression::Lz4, Compression::Xz];

fn compress(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    match compression {
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Zstd => {
            let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
            encoder.include_checksum(true).unwrap();
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Lz4 => {
            let info = FrameInfo::new().block_size(BlockSize::Max64KB).content_checksum(true);
            let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Xz => {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 6);
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
    }
}

/// A pcap file whose frames hold what hardly compresses.
fn capture(frames: u32) -> Vec<u8> {
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let mut bytes = LITTLE.pcap(1);
    for second in 0..frames {
        let data: Vec<u8> = (0..100).map(|_| noise()).collect();
        bytes.extend(LITTLE.record((second, 0), 100, &data));
    }
    bytes
}

/// The number of frames, and how it ended: the same where another thread decompresses.
fn frames(reader: impl Read) -> (u64, Result<(), SourceError>) {
    let mut pieces = Vec::new();
    let here = read_all(CaptureFile::new(Taped { reader, pieces: &mut pieces }, 0));
    let there = read_all(CaptureFile::concurrent(Played { pieces: pieces.into_iter(), rest: Cursor::default() }, 0));
    assert_eq!(format!("{here:?}"), format!("{there:?}"));
    here
}

/// Keeps what each read gave.
struct Taped<'a, R> {
    reader: R,
    pieces: &'a mut Vec<Result<Vec<u8>, ErrorKind>>,
}

impl<R: Read> Read for Taped<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(into);
        self.pieces.push(read.as_ref().map(|read| into[..*read].to_vec()).map_err(io::Error::kind));
        read
    }
}

/// Gives the same again, and the end for ever.
struct Played {
    pieces: std::vec::IntoIter<Result<Vec<u8>, ErrorKind>>,
    rest: Cursor<Vec<u8>>,
}

impl Read for Played {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.rest.position() == self.rest.get_ref().len() as u64 {
            self.rest = Cursor::new(self.pieces.next().transpose()?.unwrap_or_default());
        }
        self.rest.read(into)
    }
}

fn read_all(mut file: CaptureFile<impl Read>) -> (u64, Result<(), SourceError>) {
    let mut frames = 0;
    loop {
        match file.next() {
            Ok(Next::Frame(frame)) => {
                frames += 1;
                assert_eq!(frame.no.number(), frames);
            }
            Ok(Next::Interface(_) | Next::Comment(..) | Next::Damaged(_) | Next::Lost(_) | Next::Idle) => {}
            Ok(Next::End) => return (frames, Ok(())),
            Err(error) => return (frames, Err(error)),
        }
    }
}

/// One byte a read, and in between `TimedOut`, as from a slow pipe, or a signal.
struct Dribble<'a>(&'a [u8], usize);

impl Read for Dribble<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.1 += 1;
        match self.1 % 4 {
            1 => Err(io::ErrorKind::TimedOut.into()),
            3 => Err(io::ErrorKind::Interrupted.into()),
            _ => self.0.read(&mut into[..1]),
        }
    }
}

#[test]
fn every_compression_is_recognised_by_content() {
    for compression in ALL {
        let packed = compress(compression, &capture(5_000));
        assert_eq!(packed.first_chunk().copied().and_then(Compression::of), Some(compression));
        let (count, end) = frames(&packed[..]);
        assert!(end.is_ok(), "{compression:?}: {end:?}");
        assert_eq!(count, 5_000, "{compression:?}");
    }
}

#[test]
fn a_slow_pipe_loses_nothing() {
    for compression in ALL {
        let packed = compress(compression, &capture(20));
        let (count, end) = frames(Dribble(&packed, 0));
        assert!(end.is_ok(), "{compression:?}: {end:?}");
        assert_eq!(count, 20, "{compression:?}");
    }
}

#[test]
fn members_frames_and_streams_one_after_the_other_are_one_capture() {
    let whole = capture(1_000);
    for compression in ALL {
        let packed: Vec<u8> = whole.chunks(40_000).flat_map(|part| compress(compression, part)).collect();
        let (count, end) = frames(&packed[..]);
        assert!(end.is_ok(), "{compression:?}: {end:?}");
        assert_eq!(count, 1_000, "{compression:?}");
    }
}

#[test]
fn frames_to_be_skipped_come_before_zstd_data() {
    let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0][..], b"size"].concat();
    let (count, end) = frames(&[skipped, compress(Compression::Zstd, &capture(3))].concat()[..]);
    assert!(end.is_ok(), "{end:?}");
    assert_eq!(count, 3);
}

#[test]
fn a_cut_gives_what_comes_before_it_and_an_error() {
    for compression in ALL {
        let packed = compress(compression, &capture(20_000));
        let cut = &packed[..packed.len() * 3 / 4];
        let (count, end) = frames(cut);
        assert!((10_000..20_000).contains(&count), "{compression:?}: {count}");
        match end {
            Err(SourceError::Incomplete { format, length }) => {
                assert_eq!((format, length), (compression.name(), cut.len() as u64));
            }
            other => panic!("{compression:?}: {other:?}"),
        }
    }
}

#[test]
fn a_cut_anywhere_is_no_end() {
    for compression in ALL {
        let packed = compress(compression, &capture(6));
        for cut in 4..packed.len() {
            let (count, end) = match cut % 8 {
                0 => frames(&packed[..cut]),
                _ => read_all(CaptureFile::new(&packed[..cut], 0)),
            };
            assert!(count <= 6 && end.is_err(), "{compression:?} cut at {cut}: {count} {end:?}");
        }
    }
}

/// All that a reader gives, in reads of `size` bytes, and how it ended.
fn drained(compression: Compression, packed: &[u8], size: usize) -> (Vec<u8>, Result<(), SourceError>) {
    let mut reader = Decompressor::new(compression, Vec::new(), packed).unwrap();
    let (mut all, mut piece) = (Vec::new(), vec![0; size]);
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return (all, Ok(())),
            Ok(read) => all.extend(&piece[..read]),
            Err(error) => return (all, Err(error.downcast().unwrap())),
        }
    }
}

/// A cut where the damage is gives what comes before it.
fn damage_loses_nothing(compression: Compression, packed: &[u8], place: usize) {
    let mut damaged = packed.to_vec();
    damaged[place] ^= 0xff;
    let (before, _) = drained(compression, &packed[..place], 4096);
    for size in [100, 300_000] {
        let (data, end) = drained(compression, &damaged, size);
        assert!(data.starts_with(&before), "{compression:?}, {place}: {} bytes of {}", data.len(), before.len());
        assert!(matches!(end, Err(SourceError::Undecodable { .. } | SourceError::Incomplete { .. })), "{end:?}");
    }
    let (count, end) = frames(&damaged[..]);
    let (least, _) = frames(&packed[..place]);
    assert!(count >= least && end.is_err(), "{compression:?}, {place}: {count} frames of {least}, {end:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_comes_before_damage_anywhere_is_not_lost(place in 0.0..1.0) {
        for compression in ALL {
            let packed = compress(compression, &capture(2_000));
            // Behind the header of gzip, where not every byte matters.
            let place = 10 + ((packed.len() - 10) as f64 * place) as usize;
            damage_loses_nothing(compression, &packed, place);
        }
    }
}

#[test]
fn damage_in_the_middle_loses_nothing() {
    for compression in ALL {
        let packed = compress(compression, &capture(20_000));
        damage_loses_nothing(compression, &packed, packed.len() / 2);
    }
}

#[test]
fn a_wrong_checksum_is_told_behind_the_data() {
    let whole = capture(300);
    for (compression, from_end) in
        [(Compression::Gzip, 8), (Compression::Gzip, 1), (Compression::Zstd, 1), (Compression::Lz4, 1)]
    {
        let mut packed = compress(compression, &whole);
        let place = packed.len() - from_end;
        packed[place] ^= 1;
        let (data, end) = drained(compression, &packed, 300_000);
        assert!(data == whole, "{compression:?}");
        match end {
            Err(SourceError::Undecodable { offset, .. }) => assert!(offset > place as u64, "{compression:?}: {offset}"),
            other => panic!("{compression:?}: {other:?}"),
        }
        assert_eq!(frames(&packed[..]).0, 300, "{compression:?}");
    }
}

#[test]
fn zeros_behind_the_last_member_are_padding() {
    for compression in [Compression::Gzip, Compression::Xz] {
        let mut packed = compress(compression, &capture(3));
        packed.resize(packed.len() + 100_000, 0);
        let (count, end) = frames(&packed[..]);
        assert!(count == 3 && end.is_ok(), "{compression:?}: {count} {end:?}");
        packed.push(7);
        let (count, end) = frames(&packed[..]);
        assert!(count == 3 && end.is_err(), "{compression:?}: {count} {end:?}");
    }
}

/// Bytes, then `TimedOut` for ever.
struct Stalled<'a>(&'a [u8]);

impl Read for Stalled<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() { Err(io::ErrorKind::TimedOut.into()) } else { self.0.read(into) }
    }
}

#[test]
fn what_is_decoded_does_not_wait_for_more_input() {
    let whole = vec![b'x'; 1_000_000];
    for compression in [Compression::Gzip, Compression::Zstd, Compression::Xz] {
        let packed = compress(compression, &whole);
        let mut reader = Decompressor::new(compression, Vec::new(), Stalled(&packed)).unwrap();
        let (mut total, mut piece) = (0, [0; 1000]);
        while let Ok(read) = reader.read(&mut piece) {
            assert_ne!(read, 0);
            total += read;
        }
        assert_eq!(total, whole.len(), "{compression:?}");
        assert_eq!(reader.read(&mut piece).unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}

#[test]
fn damage_gives_what_comes_before_it_and_an_error() {
    for compression in ALL {
        let mut packed = compress(compression, &capture(20_000));
        let middle = packed.len() * 3 / 4;
        packed[middle..middle + 64].fill(0xff);
        let (count, end) = frames(&packed[..]);
        assert!(count >= 10_000 && end.is_err(), "{compression:?}: {count} {end:?}");
    }
}

#[test]
fn what_is_compressed_twice_or_no_capture_is_refused() {
    for compression in ALL {
        let twice = compress(Compression::Gzip, &compress(compression, &capture(3)));
        assert!(matches!(frames(&twice[..]), (0, Err(SourceError::NotACapture))), "{compression:?}");
        let text = compress(compression, b"text that is longer than a header");
        assert!(matches!(frames(&text[..]), (0, Err(SourceError::NotACapture))), "{compression:?}");
        let nothing = compress(compression, b"");
        assert!(matches!(frames(&nothing[..]), (0, Err(SourceError::Empty))), "{compression:?}");
    }
}

#[test]
fn lz4_frames_of_the_old_kind() {
    let whole = capture(100_000);
    let mut packed = vec![0x02, 0x21, 0x4c, 0x18];
    for block in whole.chunks(8 << 20) {
        let block = lz4_flex::block::compress(block);
        packed.extend((block.len() as u32).to_le_bytes());
        packed.extend(block);
    }
    let (count, end) = frames(&packed[..]);
    assert!(end.is_ok(), "{end:?}");
    assert_eq!(count, 100_000);
    let (count, end) = frames(&packed[..packed.len() - 1]);
    assert!(count < 100_000 && matches!(end, Err(SourceError::Incomplete { format: "lz4", .. })), "{end:?}");
}

#[test]
fn more_memory_than_allowed_is_refused() {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(30).unwrap();
    encoder.write_all(&capture(10)).unwrap();
    let packed = encoder.finish().unwrap();
    assert!(matches!(frames(&packed[..]), (0, Err(SourceError::Undecodable { format: "zstd", .. }))));
}
