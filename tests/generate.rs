//! The generated captures hold what they claim to, and every reset in them gets a verdict that is right.

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
#[path = "../examples/generate/random.rs"]
mod random;
#[path = "../examples/generate/scan.rs"]
mod scan;
#[path = "../examples/generate/traffic.rs"]
mod traffic;
#[path = "../examples/bench/verdicts.rs"]
mod verdicts;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use kind::{Kind, Order};
use rstscan::analyzer::{Analyzer, Finding, Options, Summary};
use rstscan::classify::{Certainty, Missing};
use rstscan::frame::{Loss, Timestamp};
use rstscan::source::{CaptureFile, Next, Source};
use verdicts::{Counts, Truth};

fn written(order: &Order, name: &str) -> (PathBuf, Truth) {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let contents = order.write(File::create(&path).expect("target is writable")).expect("target is writable");
    let truth = serde_json::to_string(&contents).expect("numbers and names");
    (path, serde_json::from_str(&truth).expect("what was just written"))
}

fn judged(path: &Path) -> Summary {
    analysed(path, None).summary()
}

/// What an analyzer has to say of a capture, some of whose frames were lost.
fn analysed(path: &Path, loss: Option<Loss>) -> Analyzer {
    let mut capture = CaptureFile::new(File::open(path).expect("just written"), 0);
    let mut analyzer = Analyzer::new(Options::default());
    if let Some(loss) = loss {
        analyzer.lose(&loss);
    }
    loop {
        match capture.next().expect("a whole capture") {
            Next::Frame(frame) => analyzer.push(&frame),
            Next::End => break,
            _ => {}
        }
    }
    analyzer.finish();
    analyzer
}

fn counts(summary: &Summary) -> Counts {
    summary.by_cause.iter().map(|((class, cause), tally)| (format!("{class}/{cause}"), tally.resets)).collect()
}

/// A capture of this kind: its frames and connections are those that it claims, and no verdict departs from the truth.
fn holds_true(order: &Order, name: &str) -> Truth {
    let (path, truth) = written(order, name);
    let summary = judged(&path);
    assert_eq!(summary.frames, truth.frames);
    assert_eq!(truth.differences(&counts(&summary)), [""; 0], "{name}");
    truth
}

#[test]
fn small_frames_have_every_kind_of_reset() {
    let truth = holds_true(&Order::new(Kind::A, 0.005), "a.pcap");
    assert_eq!((truth.frames, truth.connections), (100_000, 2_500));
    let causes: usize = ending::ABRUPT.iter().map(|ending| ending.resets.len()).sum();
    assert_eq!(truth.resets.len(), causes);
    let bytes = fs::metadata(Path::new(env!("CARGO_TARGET_TMPDIR")).join("a.pcap")).expect("just written").len();
    assert!((86..90).contains(&(bytes / truth.frames - 16)), "{bytes} bytes");
}

#[test]
fn large_frames() {
    let truth = holds_true(&Order::new(Kind::B, 0.005), "b.pcap");
    let bytes = fs::metadata(Path::new(env!("CARGO_TARGET_TMPDIR")).join("b.pcap")).expect("just written").len();
    assert!((630..650).contains(&(bytes / truth.frames - 16)), "{bytes} bytes");
}

#[test]
fn every_syn_of_a_scan_has_a_four_tuple_of_its_own() {
    let order = Order::new(Kind::C, 0.01);
    let truth = holds_true(&order, "c.pcap");
    assert_eq!(judged(&written(&order, "c.pcap").0).connections, truth.connections);
}

#[test]
fn all_connections_are_open_at_once() {
    let truth = holds_true(&Order::new(Kind::D, 0.005), "d.pcap");
    let summary = judged(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("d.pcap"));
    assert_eq!(summary.connections, 15_000);
    assert!(summary.tracked_max >= truth.connections);
}

#[test]
fn two_hundred_frames_of_any_seed() {
    for seed in 0..100 {
        let truth = holds_true(&Order { seed, ..Order::new(Kind::E, 1.0) }, "e.pcap");
        assert!((200..260).contains(&truth.frames), "{} frames", truth.frames);
    }
}

#[test]
fn in_tunnels_too() {
    holds_true(&Order { vxlan: true, ..Order::new(Kind::A, 0.001) }, "tunnel.pcap");
}

#[test]
fn one_seed_one_file() {
    let file = |seed, name: &str| fs::read(written(&Order { seed, ..Order::new(Kind::A, 0.001) }, name).0);
    let [one, same, other] = [file(7, "7.pcap"), file(7, "7-again.pcap"), file(8, "8.pcap")].map(Result::unwrap);
    assert!(one == same);
    assert!(one != other);
}

#[test]
fn a_wrong_verdict_is_told_from_one_that_the_wire_allows() {
    let truth = r#"{"frames": 9, "connections": 3, "resets": {"a/x": 2, "a/y": 3}, "also": {"a/y": ["a/z"]}}"#;
    let truth: Truth = serde_json::from_str(truth).expect("valid");
    let differences = |printed: &str| truth.differences(&verdicts::counts(printed));
    assert_eq!(differences("a/x  2 resets  2 events\na/z  3 resets  1 event\n5 resets in 3 events\n"), [""; 0]);
    assert_eq!(differences("a/x 2 resets\na/y 1 reset\na/z 2 resets\n"), [""; 0]);
    assert_eq!(differences("a/x 3 resets\na/y 2 resets\n"), ["a/x: 2 to 2 are right, 3 said"]);
    assert_eq!(differences("a/x 2 resets\na/y 2 resets\n"), ["5 resets in all, 4 found"]);
    assert_eq!(differences("a/x 2 resets\na/y 2 resets\nb/x 1 reset\n"), ["b/x: 0 to 0 are right, 1 said"]);
}

/// What a run prints and says, but for how long it took; and how it ended.
fn printed(words: &[&str]) -> (String, String, Option<i32>) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_rstscan"));
    let ended = command.args(words).output().expect("it starts");
    let without_time = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let lines = text.lines().map(|line| line.split("\"wall_seconds\"").next().unwrap_or_default().to_owned());
        lines.collect::<Vec<_>>().join("\n")
    };
    (without_time(&ended.stdout), without_time(&ended.stderr), ended.status.code())
}

/// A capture that is large enough for two passes; else there is but one way.
fn large(order: &Order, name: &str) -> String {
    let (path, _) = written(order, name);
    assert!(fs::metadata(&path).expect("just written").len() > 16 << 20, "{:?}", order.kind);
    path.to_str().expect("readable").to_owned()
}

/// The same capture with some bytes overwritten.
fn damaged(whole: &str) -> String {
    let path = whole.replace(".pcap", "-damaged.pcap");
    let mut bytes = fs::read(whole).expect("just written");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 5000].fill(0xff);
    fs::write(&path, &bytes).expect("target is writable");
    path
}

#[test]
fn any_number_of_processors_prints_the_same() {
    let with = |words: &[&str], jobs| printed(&[words, &["--jobs", jobs]].concat());
    let whole = large(&Order { resets: 5, ..Order::new(Kind::A, 0.01) }, "jobs-a.pcap");
    let damaged = damaged(&whole);
    for files in [&["-r", &whole][..], &["-r", &whole, "-r", "missing.pcap", "-r", &damaged]] {
        for format in ["--json", "-v"] {
            let words = [&[format], files].concat();
            let one = with(&words, "1");
            assert!(one.0.lines().count() > 200, "{}", one.1);
            assert_eq!(one.1, with(&words, "2").1);
            assert!(["2", "3"].iter().all(|jobs| one == with(&words, jobs)), "{words:?}");
        }
    }
    for (kind, share) in [(Kind::C, 0.025), (Kind::D, 0.014)] {
        let file = large(&Order { resets: 5, ..Order::new(kind, share) }, "jobs.pcap");
        let words = ["--format", "csv", "-r", &file];
        assert!(with(&words, "1") == with(&words, "2"), "{kind:?}");
    }
}

/// What a capture lost lowers the certainty of the verdicts that it may touch, and of no others.
#[test]
fn a_loss_at_the_time_leaves_nothing_certain() {
    let (path, _) = written(&Order::new(Kind::A, 0.002), "lossy.pcap");
    let findings = |from: i64, to: i64| -> Vec<Finding> {
        let loss = Loss { from: Timestamp::new(from, 0), to: Timestamp::new(to, 0), frames: 1 };
        analysed(&path, Some(loss)).findings().collect()
    };
    let says_so = |finding: &Finding| finding.verdict.missing.contains(&Missing::DroppedFrames);
    // The capture begins in 2023.
    let (lossy, early, late) = (findings(0, 4_000_000_000), findings(0, 1), findings(4_000_000_000, 4_000_000_001));
    assert!(late.iter().any(|finding| finding.verdict.certainty == Certainty::Certain));
    assert!(!late.iter().any(says_so));
    for (plain, lossy) in late.iter().zip(&lossy) {
        let (before, after) = (&plain.verdict, &lossy.verdict);
        assert_eq!((before.class, before.cause), (after.class, after.cause));
        assert_eq!(says_so(lossy), before.follows.is_none(), "{lossy:#?}");
        assert!(before.follows.is_some() || after.certainty != Certainty::Certain, "{lossy:#?}");
    }
    assert!(early.iter().all(|finding| !says_so(finding) || finding.segments_before == 0));
    assert_eq!((late.len(), late.len()), (lossy.len(), early.len()));
}

/// Whoever sets the clock back ends no verdict's wait without saying so: each comes at once, and lacks what followed.
#[test]
fn a_clock_that_goes_back_keeps_no_verdict_back() {
    let (path, _) = written(&Order::new(Kind::A, 0.002), "back.pcap");
    let mut frames = fs::read(&path).expect("just written");
    let plain = analysed(&path, None).findings().count();
    let mut at = 24;
    while at < frames.len() {
        let word = |at: usize| u32::from_le_bytes([frames[at], frames[at + 1], frames[at + 2], frames[at + 3]]);
        let (seconds, length) = (word(at), word(at + 8) as usize);
        if at > frames.len() / 2 {
            frames[at..at + 4].copy_from_slice(&(seconds - 3600).to_le_bytes());
        }
        at += 16 + length;
    }
    fs::write(&path, frames).expect("target is writable");
    let mut analyzer = analysed(&path, None);
    let findings: Vec<_> = analyzer.findings().collect();
    let (before, after): (Vec<_>, Vec<_>) =
        findings.iter().partition(|finding| finding.reset.time.as_nanos() >= 1_700_000_000_000_000_000);
    assert_eq!(findings.len(), plain);
    assert!(!before.is_empty() && !after.is_empty());
    assert!(after.iter().all(|finding| finding.verdict.missing.contains(&Missing::Aftermath)));
    assert!(!after.iter().any(|finding| finding.verdict.certainty == Certainty::Certain));
    assert_eq!(analyzer.summary().settled_early, after.len() as u64);
}
