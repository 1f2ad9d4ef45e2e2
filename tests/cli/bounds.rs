//! Files that ask for more memory than anybody has: the program runs under a limit, and would not survive more.

use std::io::Write;
use std::process::Command;

use super::{Ended, Files, frame};

/// What the program may have in all: its code, a decompressor of 128 MiB, a block of 16 MiB, and some more.
const LIMIT_MIB: u32 = 240;

fn run(words: &[&str]) -> Ended {
    run_within(LIMIT_MIB, words)
}

/// A run of the program that gets no memory beyond so many MiB.
fn run_within(limit: u32, words: &[&str]) -> Ended {
    let limited = format!("ulimit -v {}; exec \"$0\" \"$@\"", limit * 1024);
    let mut command = Command::new("sh");
    command.args(["-c", &limited, env!("CARGO_BIN_EXE_rstscan")]).args(words);
    Ended::from(command.output().unwrap())
}

fn header() -> Vec<u8> {
    [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 262_144, 1].map(u32::to_le_bytes).concat()
}

/// A record of the largest size, all zeros.
fn large() -> Vec<u8> {
    let head = [1, 0, 262_144, 262_144_u32].map(u32::to_le_bytes).concat();
    [head, vec![0; 262_144]].concat()
}

/// Twice as much as the program may have, from a small file: a header, and the same compressed part again and again.
#[track_caller]
fn check_bomb(name: &str, compress: impl Fn(&[u8]) -> Vec<u8>) {
    // Of which a build for tests takes half for itself.
    const LIMIT_MIB: u32 = if cfg!(feature = "parquet") { 56 } else { 48 };
    const RECORDS: u32 = 4 * 2 * LIMIT_MIB;
    let part = compress(&large().repeat(8));
    let bomb = [compress(&header()), part.repeat(RECORDS as usize / 8)].concat();
    assert!(bomb.len() < 1 << 20, "{name}: {} bytes", bomb.len());
    let files = Files::new();
    run_within(LIMIT_MIB, &["-r", &files.add(name, &bomb)]).done().saw_frames(RECORDS);
}

#[test]
fn a_bomb_of_gzip() {
    check_bomb("gzip", |bytes| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    });
}

#[test]
fn a_bomb_of_zstd() {
    check_bomb("zstd", |bytes| zstd::stream::encode_all(bytes, 1).unwrap());
}

#[test]
fn a_bomb_of_lz4() {
    check_bomb("lz4", |bytes| {
        let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    });
}

#[test]
fn a_bomb_of_xz() {
    check_bomb("xz", |bytes| xz(bytes, 0));
}

fn xz(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), level);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The window of a zstd file, in powers of two.
fn zstd_with_window(bytes: &[u8], log: u32) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(log).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn what_xz_and_zstd_make_with_their_highest_levels_is_read() {
    let files = Files::new();
    let bytes = [header(), frame(1, 1, 2), frame(2, 2, 1)].concat();
    run(&["-r", &files.add("zst", &zstd_with_window(&bytes, 27))]).done().saw_frames(2);
    run(&["-r", &files.add("xz", &with_dictionary(xz(&bytes, 0), 28))]).done().saw_frames(2);
}

#[test]
fn a_window_or_dictionary_of_gigabytes_is_refused() {
    let files = Files::new();
    let bytes = [header(), frame(1, 1, 2)].concat();
    run(&["-r", &files.add("zst", &zstd_with_window(&bytes, 30))]).failed().said("damaged zstd data, found by byte");
    run(&["-r", &files.add("xz", &with_dictionary(xz(&bytes, 0), 40))]).failed().said("damaged xz data, found by byte");
}

/// Has an xz file claim another dictionary (.xz file format, section 5.3.1: 28 is 64 MiB, 40 is 4 GiB).
fn with_dictionary(mut bytes: Vec<u8>, size: u8) -> Vec<u8> {
    let length = (usize::from(bytes[12]) + 1) * 4;
    let header = &mut bytes[12..12 + length];
    let filter = header.windows(2).position(|pair| pair == [0x21, 1]).unwrap();
    header[filter + 2] = size;
    let mut sum = flate2::Crc::new();
    sum.update(&header[..length - 4]);
    header[length - 4..].copy_from_slice(&sum.sum().to_le_bytes());
    bytes
}

#[test]
fn blocks_that_claim_gigabytes_are_damage() {
    let files = Files::new();
    let block = |kind: u32, body: &[u8]| {
        let length = (body.len() as u32 + 12).to_le_bytes();
        [&kind.to_le_bytes()[..], &length, body, &length].concat()
    };
    let section = block(0x0a0d_0d0a, &[&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat());
    let interface = block(1, &[1, 0, 0, 0, 0, 0, 0, 0]);
    let packet = |interface: u32| {
        let head = [interface, 0, 0, 54, 54].map(u32::to_le_bytes).concat();
        block(6, &[&head[..], &frame(1, 1, 2)[16..], &[0, 0]].concat())
    };
    let claims = |kind: u32, length: u32| [kind, length, 0].map(u32::to_le_bytes).concat();
    let mut bytes = [section, interface, packet(0), packet(1_000_000_000)].concat();
    for kind in [0x0a0d_0d0a, 1, 2, 3, 4, 5, 6, 0x0bad, 0x8000_0000] {
        for length in [0xffff_fffc, 0x4000_0000, 16 << 20] {
            bytes.extend([claims(kind, length), packet(0), packet(0)].concat());
        }
    }
    run(&["-r", &files.add("claims.pcapng", &bytes)]).failed().saw_frames(55).said("further damage is not listed");
}
