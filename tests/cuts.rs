//! However the work is cut, the rows are the same: those of one pass, of shards put together, and of what they have in common.

#[path = "../examples/generate/capture.rs"]
mod capture;
#[path = "../examples/generate/connection.rs"]
mod connection;
#[path = "../examples/generate/ending.rs"]
mod ending;
#[path = "../examples/generate/frames.rs"]
mod frames;
#[path = "../examples/generate/kind.rs"]
mod kind;
#[path = "cuts/pieces.rs"]
mod pieces;
#[path = "../examples/generate/random.rs"]
mod random;
#[path = "../examples/generate/scan.rs"]
mod scan;
#[path = "../examples/generate/traffic.rs"]
mod traffic;

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use kind::{Kind, Order};
use pieces::{Frames, Way, chain, chain_with, files, fold, linked, piece, rows, sorted};
use random::Random;
use rstscan::analyzer::Options;
use rstscan::report::Format;
use rstscan::tcp::Shard;

/// How many cuts are tried; more with `RSTSCAN_CUTS=20000`.
fn cuts() -> u64 {
    std::env::var("RSTSCAN_CUTS").ok().and_then(|count| count.parse().ok()).unwrap_or(200)
}

/// Traffic with every kind of reset, or the sample of real sockets; the same for the same seed.
fn mixed(seed: u64) -> Frames {
    if seed.is_multiple_of(5) {
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/mixed.pcap");
        return Frames::read(&fs::read(sample).expect("a sample"));
    }
    let amounts = Order { frames: 400, connections: 24, open: 12, ..Order::new(Kind::A, 0.001) };
    let order = Order { resets: 50, seed, vxlan: seed.is_multiple_of(3), ..amounts };
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    order.write(file.reopen().expect("just made")).expect("the temporary file is writable");
    Frames::read(&fs::read(file.path()).expect("just written"))
}

#[test]
fn one_pass_is_all_shards_together() {
    let mut shared = 0;
    for seed in 0..cuts() {
        let mut random = Random(seed);
        let capture = mixed(seed);
        let whole = rows(&capture, Way::One);
        let of = random.below(8) as u32 + 1;
        let mut shards: Vec<String> = Vec::new();
        for number in 1..=of {
            let shard = Shard::new(number, of).expect("from 1 to as many as there are");
            let way = if random.below(2) == 0 { Way::Shard(shard) } else { Way::ShardInTwoPasses(shard) };
            shards.push(rows(&capture, way));
        }
        shared += u32::from(shards.iter().filter(|rows| rows.contains("\"reset\"")).count() > 1);
        assert_eq!(sorted(&shards.concat()), sorted(&whole), "seed {seed}, {of} shards");
        // In whatever order they come.
        shards.rotate_left(random.below(u64::from(of)) as usize);
        for format in [Format::Json, Format::Text, Format::Count] {
            assert_eq!(fold(&shards, format), fold(std::slice::from_ref(&whole), format), "seed {seed}, {of} shards");
        }
    }
    assert!(shared > 100, "most cuts part the resets: {shared}");
}

/// What patterns there are is asked of the rows, and the answer is that of the run over the capture.
#[test]
fn rows_tell_what_findings_tell() {
    let samples = ["mixed", "closed-port", "half-open", "linger-abort", "time-wait"];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let read = |name: &&str| fs::read(folder.join(name).with_extension("pcap")).expect("a sample");
    let samples = samples.iter().map(|name| Frames::read(&read(name)));
    let mut patterns = 0;
    for capture in samples.chain((0..20).map(|seed| mixed(5 * seed + 1))).chain([pieces::timers(), pieces::races()]) {
        let whole = rows(&capture, Way::One);
        patterns += whole.matches("\"type\":\"pattern\"").count();
        assert_eq!(fold(std::slice::from_ref(&whole), Format::Json), whole);
        let folded = fold(std::slice::from_ref(&whole), Format::Json);
        assert_eq!(fold(&[folded], Format::Json), whole, "folded again");
    }
    assert!(patterns > 10, "{patterns}");
}

/// A capture cut into one to six files.
fn cut(seed: u64) -> Vec<Frames> {
    let (mut random, capture) = (Random(seed), mixed(seed));
    let cuts = (0..random.below(6)).map(|_| random.below(capture.0.len() as u64) as usize).collect();
    files(&capture, cuts)
}

/// A row without the numbers that count from where the reading began.
fn uncounted(row: &str, keys: &[&str]) -> serde_json::Value {
    let mut row: serde_json::Value = serde_json::from_str(row).expect("a row");
    let object = row.as_object_mut().expect("a row");
    object.retain(|key, _| !keys.contains(&key.as_str()));
    row
}

/// Lines of one type, without some keys.
fn lines(output: &str, of_type: &str, keys: &[&str]) -> Vec<serde_json::Value> {
    let rows = output.lines().map(|row| uncounted(row, keys));
    rows.filter(|row| row["type"] == of_type).collect()
}

#[test]
fn one_pass_is_each_file_after_all_before_it() {
    for seed in 0..cuts() {
        let files = cut(seed);
        let whole = chain(&files);
        let pieces: Vec<String> = (0..files.len()).map(|at| piece(&files, 0, at)).collect();
        let all: String = pieces.concat();
        assert_eq!(lines(&all, "reset", &["stream"]), lines(&whole, "reset", &["stream"]), "seed {seed}");
        let [folded, once] = [&pieces[..], &[whole]].map(|outputs| fold(outputs, Format::Json));
        assert_eq!(lines(&folded, "pattern", &[]), lines(&once, "pattern", &[]), "seed {seed}");
        let counts = ["connections", "tracked_max"];
        assert_eq!(lines(&folded, "summary", &counts), lines(&once, "summary", &counts), "seed {seed}");
    }
}

/// `frame` and `stream` find the reset in its file, and the counts are those of the file.
#[test]
fn numbers_are_those_of_the_file_alone() {
    for seed in 0..cuts() / 4 {
        let files = cut(seed);
        for (at, file) in files.iter().enumerate() {
            let (warm, alone) = (piece(&files, 0, at), rows(file, Way::One));
            let numbers = |output: &str| -> Vec<_> {
                let rows = lines(output, "reset", &[]).into_iter();
                rows.map(|row| [row["frame"].clone(), row["stream"].clone()]).collect()
            };
            assert_eq!(numbers(&warm), numbers(&alone), "seed {seed}, file {at}");
            let counted = ["frames", "segments", "skipped", "connections", "first", "last", "resets"];
            let counts = |output: &str| counted.map(|key| lines(output, "summary", &[])[0][key].clone());
            assert_eq!(counts(&warm), counts(&alone), "seed {seed}, file {at}");
        }
    }
}

/// The rows of resets and their order.
fn resets(output: &str) -> Vec<&str> {
    output.lines().filter(|row| row.starts_with("{\"type\":\"reset\"")).collect()
}

/// Each run knows what the one before left: not a byte of a row differs, and the counts are those of one pass, too.
#[test]
fn one_pass_is_a_chain_of_runs() {
    let (mut carried, mut given_up) = (0, 0);
    for seed in 0..cuts() {
        let mut files = cut(seed);
        if seed % 7 == 3 {
            files.iter_mut().for_each(|frames| frames.turn_back(frames.0.len() / 2));
        }
        let options = Options { max_connections: [1 << 22, 40, 7][seed as usize % 3], ..Options::default() };
        let (whole, linked) = (chain_with(&files, &options), linked(&files, &options));
        assert_eq!(resets(&linked.concat()), resets(&whole), "seed {seed}");
        carried += linked.iter().filter(|output| output.contains("\"carried\":")).count();
        given_up += usize::from(whole.contains("\"evicted\""));
        assert_eq!(fold(&linked, Format::Json), fold(&[whole], Format::Json), "seed {seed}");
    }
    assert!(carried > 100 && given_up > 20, "{carried} {given_up}");
}

/// The chain of each shard, and all of them together.
#[test]
fn one_pass_is_the_chains_of_all_shards() {
    for seed in 0..cuts() / 4 {
        let (files, of) = (cut(seed), seed as u32 % 3 + 2);
        let shards = (1..=of).map(|number| Options { shard: Shard::new(number, of), ..Options::default() });
        let outputs: Vec<String> = shards.flat_map(|options| linked(&files, &options)).collect();
        let whole = chain(&files);
        let in_order = |rows: &str| {
            let mut rows: Vec<String> = resets(rows).iter().map(|row| (*row).to_owned()).collect();
            rows.sort_unstable();
            rows
        };
        assert_eq!(in_order(&outputs.concat()), in_order(&whole), "seed {seed}, {of} shards");
    }
}

/// The fragments of one packet, a RST or a segment before it, lie in two files.
#[test]
fn a_packet_may_be_cut_in_two() {
    for capture in pieces::fragmented() {
        let whole = chain(std::slice::from_ref(&capture));
        assert_eq!(resets(&whole).len(), 1, "{whole}");
        for at in 1..capture.0.len() {
            let files = files(&capture, vec![at]);
            let (whole, linked) = (chain(&files), linked(&files, &Options::default()));
            assert_eq!(resets(&linked.concat()), resets(&whole), "cut before {at}");
            assert_eq!(fold(&linked, Format::Json), fold(&[whole], Format::Json), "cut before {at}");
        }
    }
}

/// What is read back may be anything: it is refused, or something comes of it.
#[test]
fn a_damaged_state_does_no_harm() {
    let mut taken = 0;
    for seed in 0..cuts() {
        let (mut random, capture) = (Random(seed), mixed(seed % 16));
        let files = files(&capture, vec![capture.0.len() / 4 * (1 + seed as usize % 3)]);
        let options = Options { max_connections: [1 << 22, 7][seed as usize % 2], ..Options::default() };
        let mut bytes = pieces::left_by(&files[0], &options);
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len() as u64) as usize;
            match random.below(32) {
                0..16 => bytes[at] ^= 1 << random.below(7),
                16..30 => bytes[at] = [0, 1, 2, 0x7f, bytes[at] | 0x80, 0xff][random.below(6) as usize],
                30 => bytes.truncate(bytes.len() - random.below(8) as usize),
                _ => _ = bytes.splice(at..(at + 9).min(bytes.len()), [0xff; 9]),
            }
        }
        if let Some(analyzer) = pieces::read(&bytes, &options) {
            taken += 1;
            pieces::go_on(analyzer, &files[1]);
        }
    }
    assert!(taken > 20, "{taken}");
}

/// An overlap of some files is enough for connections that are not older, whatever it is.
#[test]
fn what_began_in_the_overlap_has_the_verdict_of_one_pass() {
    let mut compared = 0;
    for seed in 0..cuts() / 2 {
        let files = cut(seed);
        let whole = chain(&files);
        for at in 1..files.len() {
            let before = Random(seed).below(at as u64) as usize;
            let older: HashSet<u64> = files[..before].iter().flat_map(pieces::fingerprints).collect();
            let known = |row: &&serde_json::Value| !older.contains(&pieces::fingerprint_of(row));
            let verdict = |row: &serde_json::Value| ["frame", "class", "cause", "form"].map(|key| row[key].clone());
            let (piece, file) = (lines(&piece(&files, before, at), "reset", &[]), format!("{at}.pcap"));
            let expected = lines(&whole, "reset", &[]).into_iter().filter(|row| row["file"] == file.as_str());
            let expected: Vec<_> = expected.filter(|row| known(&row)).map(|row| verdict(&row)).collect();
            compared += expected.len();
            let piece: Vec<_> = piece.iter().filter(known).map(verdict).collect();
            assert_eq!(piece, expected, "seed {seed}, files {before} to {at}");
        }
    }
    assert!(compared > 300, "{compared}");
}

#[test]
fn a_silence_longer_than_the_overlap_is_told() {
    let (capture, silent_from) = pieces::abort_after_silence();
    let files = files(&capture, vec![silent_from]);
    let cause = |before| lines(&piece(&files, before, 1), "reset", &[])[0]["cause"].clone();
    assert_eq!(cause(1), "starts-mid-connection");
    assert_ne!(cause(0), "starts-mid-connection");
}

/// Rows come from anywhere, in any order, and of several files whose clocks go back.
#[test]
fn the_order_of_rows_makes_no_difference() {
    for seed in 0..cuts() / 4 {
        let mut random = Random(seed);
        let mut files = cut(seed);
        for frames in &mut files {
            frames.turn_back(random.below(frames.0.len() as u64) as usize);
        }
        let whole = chain(&files);
        let mut rows: Vec<&str> = whole.lines().collect();
        for at in (1..rows.len()).rev() {
            rows.swap(at, random.below(at as u64 + 1) as usize);
        }
        let parts: Vec<String> = rows.chunks(3).map(|rows| rows.join("\n")).collect();
        for format in [Format::Json, Format::Text] {
            assert_eq!(fold(&parts, format), fold(std::slice::from_ref(&whole), format), "seed {seed}");
        }
    }
}

/// Each line is a row or is counted as none, whatever is in it.
#[test]
fn damaged_rows_are_told() {
    let whole = chain(&cut(1));
    for seed in 0..cuts() {
        let (mut random, mut bytes) = (Random(seed), whole.clone().into_bytes());
        for _ in 0..=random.below(20) {
            let at = random.below(bytes.len() as u64) as usize;
            match random.below(3) {
                0 => bytes[at] ^= 1 << random.below(8),
                1 => bytes[at] = b"\0\n\"{}[],-9"[random.below(10) as usize],
                _ => bytes.truncate(bytes.len() - random.below(50) as usize),
            }
        }
        pieces::hold(&bytes);
    }
}
