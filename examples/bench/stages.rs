//! Where the time of a run goes: loops over one capture, each of which does more than the one before.

use std::collections::BTreeMap;
use std::fs::File;
use std::hint::black_box;
use std::time::Instant;

use rstscan::analyzer::{Analyzer, Options, Prescan};
use rstscan::decode;
use rstscan::frame::Frame;
use rstscan::source::{CaptureFile, Next, Source};
use rstscan::track::Interest;

use crate::run::Runner;
use crate::sample::Sample;

/// What the loops are called, in the order in which they run.
pub const STAGES: [(&str, &str); 6] = [
    ("read", "frames from the file, nothing done with them"),
    ("decode", "read, and decode every frame"),
    ("track", "read, decode and track in one pass, frames with a RST left out"),
    ("one pass", "read, decode, track, and judge every RST: what is done with a pipe"),
    ("first pass", "read, and find the four-tuples that have a RST"),
    ("second pass", "read, track those, and judge every RST: with the first pass, what is done with a file"),
];

/// Nanoseconds a frame for each stage.
pub type Times = BTreeMap<String, Sample>;

/// Runs all loops in a process of their own, several times.
pub fn measure(runner: &Runner, capture: &str, times: usize) -> anyhow::Result<Times> {
    let mut all = Times::new();
    for _ in 0..times {
        let once: BTreeMap<String, f64> = serde_json::from_str(&runner.own(&["stages", capture])?)?;
        once.into_iter().for_each(|(stage, time)| all.entry(stage).or_default().push(time));
    }
    Ok(all)
}

/// That process: runs each loop once and prints what each takes.
pub fn run(capture: &str) -> anyhow::Result<()> {
    let mut times = BTreeMap::new();
    let mut interest = None;
    for (stage, _) in STAGES {
        let started = Instant::now();
        let frames = step(stage, capture, &mut interest)?;
        times.insert(stage, started.elapsed().as_nanos() as f64 / frames.max(1) as f64);
    }
    println!("{}", serde_json::to_string(&times)?);
    Ok(())
}

fn step(stage: &str, capture: &str, interest: &mut Option<Interest>) -> anyhow::Result<u64> {
    match stage {
        "decode" => each(capture, |frame| {
            black_box(decode::decode(frame).is_ok());
        }),
        "track" => {
            let mut analyzer = Analyzer::new(Options::default());
            each(capture, |frame| {
                if !decode::glance(frame).is_some_and(|glance| glance.flags.rst()) {
                    analyzer.push(frame);
                }
            })
        }
        "one pass" => judge(capture, Analyzer::new(Options::default())),
        "first pass" => {
            let mut scan = Prescan::new();
            let frames = each(capture, |frame| scan.push(frame));
            *interest = Some(scan.finish());
            frames
        }
        "second pass" => match interest.take() {
            Some(interest) => judge(capture, Analyzer::with_interest(Options::default(), interest)),
            None => judge(capture, Analyzer::new(Options::default())),
        },
        _ => each(capture, |frame| {
            black_box(frame.data.first());
        }),
    }
}

/// Shows each frame of a capture to `take`; how many there were.
fn each(capture: &str, mut take: impl FnMut(&Frame<'_>)) -> anyhow::Result<u64> {
    let mut source = CaptureFile::new(File::open(capture)?, 0);
    let mut frames = 0;
    loop {
        match source.next()? {
            Next::Frame(ref frame) => {
                frames += 1;
                take(frame);
            }
            Next::End => return Ok(frames),
            _ => {}
        }
    }
}

/// Judges every RST, as the program does it, and throws the findings away.
fn judge(capture: &str, mut analyzer: Analyzer) -> anyhow::Result<u64> {
    const REPORT_EVERY: u64 = 64;
    let mut pushed: u64 = 0;
    let frames = each(capture, |frame| {
        analyzer.push(frame);
        pushed += 1;
        if pushed.is_multiple_of(REPORT_EVERY) {
            black_box(analyzer.findings().count());
        }
    })?;
    analyzer.finish();
    black_box(analyzer.findings().count());
    Ok(frames)
}
