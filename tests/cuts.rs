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
#[path = "cuts/law.rs"]
mod law;
#[path = "cuts/made.rs"]
mod made;
#[path = "cuts/pieces.rs"]
mod pieces;
#[path = "../examples/generate/random.rs"]
mod random;
#[path = "fuzz/bodies/rows.rs"]
mod rows;
#[path = "../examples/generate/scan.rs"]
mod scan;
#[path = "../examples/generate/traffic.rs"]
mod traffic;

use std::fs;
use std::path::Path;
use std::slice;

use kind::{Kind, Order};
use law::{Cut, lines, resets};
use pieces::{Frames, chain, files, fold, linked, piece};
use random::Random;
use rstscan::analyzer::{Analyzer, Options};
use rstscan::report::{Context, Format};

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

fn cut(seed: u64) -> Cut {
    Cut::new("mixed", &mixed(seed), seed)
}

#[test]
fn one_pass_is_all_shards_together() {
    let shared = (0..cuts()).filter(|seed| cut(*seed).holds_of_shards()).count();
    assert!(shared > 100, "most cuts part the resets: {shared}");
}

#[test]
fn one_pass_is_each_file_after_all_before_it() {
    (0..cuts()).for_each(|seed| cut(seed).holds_of_warm_up());
}

/// From this frame on a clock that was set back by a second.
fn turn_back(frames: &mut Frames, from: usize) {
    frames.0.iter_mut().skip(from).for_each(|kept| kept.time = kept.time.plus(-1_000_000_000));
}

#[test]
fn one_pass_is_a_chain_of_runs() {
    let (mut carried, mut given_up) = (0, 0);
    for seed in 0..cuts() {
        let mut cut = cut(seed);
        if seed % 7 == 3 {
            cut.files.iter_mut().for_each(|frames| turn_back(frames, frames.0.len() / 2));
        }
        let (left, short) = cut.holds_of_a_chain([1 << 22, 40, 7][seed as usize % 3]);
        carried += left;
        given_up += u64::from(short);
    }
    assert!(carried > 100 && given_up > 20, "{carried} {given_up}");
}

#[test]
fn one_pass_is_the_chains_of_all_shards() {
    (0..cuts() / 4).for_each(|seed| cut(seed).holds_of_chains_of_shards());
}

/// An overlap of some files is enough for connections that are not older, whatever it is.
#[test]
fn what_began_in_the_overlap_has_the_verdict_of_one_pass() {
    let (mut compared, mut others) = (0, 0);
    for seed in 0..cuts() / 2 {
        let (same, other) = cut(seed).holds_of_an_overlap();
        compared += same;
        others += other;
    }
    assert!(compared > 300 && others > 20, "{compared} {others}");
}

/// `RSTSCAN_CUT=CAPTURE:SEED` cuts a capture as another test did, which told of it.
#[test]
fn a_cut_is_repeated() {
    let Ok(asked) = std::env::var("RSTSCAN_CUT") else { return };
    let (path, seed) = asked.rsplit_once(':').expect("CAPTURE:SEED");
    let capture = Frames::read(&fs::read(path).expect("a capture"));
    Cut::new(path, &capture, seed.parse().expect("a seed")).holds();
}

/// What patterns there are is asked of the rows, and the answer is that of the run over the capture.
#[test]
fn rows_tell_what_findings_tell() {
    let samples = ["mixed", "closed-port", "half-open", "linger-abort", "time-wait"];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let read = |name: &&str| fs::read(folder.join(name).with_extension("pcap")).expect("a sample");
    let samples = samples.iter().map(|name| Frames::read(&read(name)));
    let mut patterns = 0;
    for capture in samples.chain((0..20).map(|seed| mixed(5 * seed + 1))).chain([made::timers(), made::races()]) {
        let whole = chain(slice::from_ref(&capture));
        patterns += whole.matches("\"type\":\"pattern\"").count();
        assert_eq!(fold(slice::from_ref(&whole), Format::Json), whole);
        let folded = fold(slice::from_ref(&whole), Format::Json);
        assert_eq!(fold(&[folded], Format::Json), whole, "folded again");
    }
    assert!(patterns > 10, "{patterns}");
}

/// `frame` and `stream` find the reset in its file, and the counts are those of the file.
#[test]
fn numbers_are_those_of_the_file_alone() {
    for seed in 0..cuts() / 4 {
        let files = cut(seed).files;
        for (at, file) in files.iter().enumerate() {
            let (warm, alone) = (piece(&files, 0, at), chain(slice::from_ref(file)));
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

/// The fragments of one packet, a RST or a segment before it, lie in two files.
#[test]
fn a_packet_may_be_cut_in_two() {
    for capture in made::fragmented() {
        let whole = chain(slice::from_ref(&capture));
        assert_eq!(resets(&whole).len(), 1, "{whole}");
        for at in 1..capture.0.len() {
            let files = files(&capture, &[at]);
            let (whole, linked) = (chain(&files), linked(&files, &Options::default()));
            assert_eq!(resets(&linked.concat()), resets(&whole), "cut before {at}");
            assert_eq!(fold(&linked, Format::Json), fold(&[whole], Format::Json), "cut before {at}");
        }
    }
}

/// What is known after these frames, as bytes.
fn left_by(frames: &Frames, options: &Options) -> Vec<u8> {
    let mut analyzer = Analyzer::new(options.clone());
    frames.each(0, |frame| analyzer.push(frame));
    analyzer.pause();
    analyzer.findings().for_each(drop);
    pieces::written(analyzer)
}

/// Shows these frames to an analyzer that knows anything, and prints what it finds.
fn go_on(mut analyzer: Analyzer, frames: &Frames) {
    frames.each(1, |frame| analyzer.push(frame));
    pieces::printed(analyzer, Context { inputs: vec![pieces::name(0), pieces::name(1)], ..Context::default() });
}

/// What is read back may be anything: it is refused, or something comes of it.
#[test]
fn a_damaged_state_does_no_harm() {
    let mut taken = 0;
    for seed in 0..cuts() {
        let (mut random, capture) = (Random(seed), mixed(seed % 16));
        let files = files(&capture, &[capture.0.len() / 4 * (1 + seed as usize % 3)]);
        let options = Options { max_connections: [1 << 22, 7][seed as usize % 2], ..Options::default() };
        let mut bytes = left_by(&files[0], &options);
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
            go_on(analyzer, &files[1]);
        }
    }
    assert!(taken > 20, "{taken}");
}

#[test]
fn a_silence_longer_than_the_overlap_is_told() {
    let (capture, silent_from) = made::abort_after_silence();
    let files = files(&capture, &[silent_from]);
    let cause = |before| lines(&piece(&files, before, 1), "reset", &[])[0]["cause"].clone();
    assert_eq!(cause(1), "starts-mid-connection");
    assert_ne!(cause(0), "starts-mid-connection");
}

/// Rows come from anywhere, in any order, and of several files whose clocks go back.
#[test]
fn the_order_of_rows_makes_no_difference() {
    for seed in 0..cuts() / 4 {
        let mut random = Random(seed);
        let mut files = cut(seed).files;
        for frames in &mut files {
            turn_back(frames, random.below(frames.0.len() as u64) as usize);
        }
        let whole = chain(&files);
        let mut rows: Vec<&str> = whole.lines().collect();
        for at in (1..rows.len()).rev() {
            rows.swap(at, random.below(at as u64 + 1) as usize);
        }
        let parts: Vec<String> = rows.chunks(3).map(|rows| rows.join("\n")).collect();
        for format in [Format::Json, Format::Text] {
            assert_eq!(fold(&parts, format), fold(slice::from_ref(&whole), format), "seed {seed}");
        }
    }
}

/// Each line is a row or is counted as none, whatever is in it.
#[test]
fn damaged_rows_are_told() {
    let whole = chain(&cut(1).files);
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
        rows::hold(&bytes);
    }
}
