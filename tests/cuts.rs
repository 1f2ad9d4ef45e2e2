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

use std::fs;
use std::path::Path;

use kind::{Kind, Order};
use pieces::{Frames, Way, fold, rows, sorted};
use random::Random;
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
    let amounts = Order { frames: 600, connections: 30, open: 12, ..Order::new(Kind::A, 0.001) };
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
