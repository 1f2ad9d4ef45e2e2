//! Floods of four-tuples: memory stays within its bound, and verdicts say what they lost by that.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::process::Command;

use super::{Ended, Files, run};

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const SYN_ACK: u8 = SYN | ACK;
const RST: u8 = 0x04;

/// A capture that grows by one segment after the other, ten thousand a second.
struct Capture {
    file: BufWriter<File>,
    path: String,
    frames: u64,
}

impl Capture {
    fn new(files: &Files, name: &str) -> Self {
        let path = files.add(name, &[]);
        let mut file = BufWriter::new(File::create(&path).unwrap());
        file.write_all(&[0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65535, 101].map(u32::to_le_bytes).concat()).unwrap();
        Self { file, path, frames: 0 }
    }

    /// Of the client with this number, or to it from its server: each has numbers from 1000 on.
    fn add(&mut self, client: u32, is_client: bool, (flags, seq, ack): (u8, u32, u32)) {
        let (second, micro) = (self.frames / 10_000, self.frames % 10_000 * 100);
        self.frames += 1;
        let client = ((0x0a00_0000 | client).to_be_bytes(), 40_000_u16);
        let server = ([192, 168, 0, 1], 80);
        let (from, to) = if is_client { (client, server) } else { (server, client) };
        let mut bytes = [second as u32, micro as u32, 40, 40].map(u32::to_le_bytes).concat();
        bytes.extend([0x45, 0, 0, 40, 0, self.frames as u8 | 1, 0x40, 0, 64, 6, 0, 0]);
        bytes.extend([from.0, to.0].concat());
        bytes.extend([from.1, to.1].map(u16::to_be_bytes).concat());
        bytes.extend([1000 + seq, if flags & ACK != 0 { 1000 + ack } else { 0 }].map(u32::to_be_bytes).concat());
        bytes.extend([0x50, flags, 0xfa, 0xf0, 0, 0, 0, 0]);
        self.file.write_all(&bytes).unwrap();
    }

    /// A handshake.
    fn open(&mut self, client: u32) {
        self.add(client, true, (SYN, 0, 0));
        self.add(client, false, (SYN_ACK, 0, 1));
        self.add(client, true, (ACK, 1, 1));
    }

    /// The server aborts.
    fn abort(&mut self, client: u32) {
        self.add(client, false, (RST | ACK, 1, 1));
    }

    fn wait(&mut self, seconds: u64) {
        self.frames += seconds * 10_000;
    }

    fn flood(&mut self, clients: std::ops::Range<u32>) {
        clients.for_each(|client| self.add(client, true, (SYN, 0, 0)));
    }

    fn finish(mut self) -> String {
        self.file.flush().unwrap();
        self.path
    }
}

/// The output in JSON, a line each; the summary apart.
fn explain(words: &[&str]) -> (Vec<String>, String) {
    let ended = run(&[&["--json"], words].concat());
    let mut lines: Vec<String> = ended.done().stdout.lines().map(str::to_owned).collect();
    let summary = lines.pop().unwrap();
    lines.retain(|line| line.starts_with(r#"{"type":"reset""#));
    (lines, summary)
}

fn lacks_what_was_evicted(line: &str) -> bool {
    let missing = line.split_once(r#""missing":["#).unwrap().1;
    missing.split_once(']').unwrap().0.contains(r#""evicted""#)
}

#[test]
fn connections_from_before_a_flood_keep_their_history() {
    let files = Files::new();
    let mut capture = Capture::new(&files, "flood.pcap");
    (0..50).for_each(|client| capture.open(client));
    capture.flood(1000..30_000);
    (0..50).for_each(|client| capture.abort(client));
    let path = capture.finish();
    let (within, summary) = explain(&["-r", &path, "--max-connections", "100"]);
    assert!(summary.contains(r#""tracked_max":100,"#), "{summary}");
    assert!(summary.contains(r#""max_connections":100,"evictions":28950,"#), "{summary}");
    let (whole, summary) = explain(&["-r", &path, "--max-connections", "100000"]);
    assert!(summary.contains(r#""evictions":0,"#), "{summary}");
    assert_eq!(within.len(), 50);
    assert_eq!(within, whole);
}

#[test]
fn only_verdicts_on_what_was_given_up_say_so() {
    let files = Files::new();
    let mut capture = Capture::new(&files, "many.pcap");
    (0..150).for_each(|client| capture.open(client));
    (50..150).for_each(|client| capture.abort(client));
    capture.wait(5);
    (0..50).for_each(|client| capture.abort(client));
    // One that nobody has seen before.
    capture.abort(5000);
    capture.wait(5);
    let (lines, summary) = explain(&["-r", &capture.finish(), "--max-connections", "100"]);
    assert!(summary.contains(r#""connections":201,"#), "50 begin again: {summary}");
    let lacking: Vec<bool> = lines.iter().map(|line| lacks_what_was_evicted(line)).collect();
    assert_eq!(lacking, [vec![false; 100], vec![true; 50], vec![false]].concat());
    assert!(lines[100..150].iter().all(|line| !line.contains(r#""certainty":"certain""#)));
}

#[test]
fn a_reset_whose_connection_goes_before_what_follows_is_known_says_so() {
    let files = Files::new();
    let mut capture = Capture::new(&files, "resets.pcap");
    (0..100).for_each(|client| {
        capture.open(client);
        capture.abort(client);
    });
    let (lines, _) = explain(&["-r", &capture.finish(), "--max-connections", "90"]);
    let lacking = lines.iter().filter(|line| lacks_what_was_evicted(line)).count();
    assert_eq!((lines.len(), lacking), (100, 10));
}

#[test]
fn the_summary_says_when_the_bound_mattered() {
    let files = Files::new();
    let mut capture = Capture::new(&files, "flood.pcap");
    capture.flood(0..250);
    let path = capture.finish();
    let ended = run(&["-r", &path, "--max-connections", "100"]);
    let words = "150 connections forgotten to stay within memory, at most 100 at a time (--max-connections)";
    assert!(ended.done().stdout.contains(words), "{ended:#?}");
    let ended = run(&["-r", &path, "--max-connections", "1000"]);
    assert!(!ended.done().stdout.contains("--max-connections"), "{ended:#?}");
    let ended = run(&["-v", "-r", &path, "--max-connections", "1000"]);
    let words = "250 connections held at a time, of at most 1000 (--max-connections)";
    assert!(ended.done().stdout.contains(words), "{ended:#?}");
}

/// A run of the program that gets no memory beyond so many MiB.
fn run_within(limit: u32, words: &[&str]) -> Ended {
    let limited = format!("ulimit -v {}; exec \"$0\" \"$@\"", limit * 1024);
    let mut command = Command::new("sh");
    command.args(["-c", &limited, env!("CARGO_BIN_EXE_rstscan")]).args(words);
    Ended::from(command.output().unwrap())
}

#[test]
fn a_flood_that_would_not_fit_runs_within_the_bound() {
    // What 300,000 connections take otherwise is more than twice as much.
    const LIMIT_MIB: u32 = 60;
    let files = Files::new();
    let mut capture = Capture::new(&files, "flood.pcap");
    capture.flood(0..300_000);
    let path = capture.finish();
    let too_many = run_within(LIMIT_MIB, &["--count", "-r", &path, "--max-connections", "300000"]);
    assert_ne!(too_many.status, Some(0), "the test cannot fail: {too_many:#?}");
    run_within(LIMIT_MIB, &["--count", "-r", &path, "--max-connections", "10000"]).done();
    // And so it does by default, which goes by what there is.
    run_within(LIMIT_MIB, &["--count", "-r", &path]).done();
}

#[test]
fn a_flood_beside_resets_runs_within_the_bound_in_two_passes() {
    const LIMIT_MIB: u32 = 60;
    let files = Files::new();
    let mut capture = Capture::new(&files, "two.pcap");
    capture.open(0);
    capture.flood(1..1_000_000);
    capture.abort(0);
    let path = capture.finish();
    assert!(std::fs::metadata(&path).unwrap().len() > 16 << 20);
    let too_many = run_within(LIMIT_MIB, &["--count", "-r", &path, "--max-connections", "1000000"]);
    assert_ne!(too_many.status, Some(0), "the test cannot fail: {too_many:#?}");
    let ended = run_within(LIMIT_MIB, &["--json", "-r", &path, "--max-connections", "10000"]);
    assert!(ended.done().stdout.contains(r#""first":"#), "{ended:#?}");
    assert!(!lacks_what_was_evicted(ended.stdout.lines().next().unwrap()), "{ended:#?}");
}
