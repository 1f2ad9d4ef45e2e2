//! A chain of runs, each of which takes up what the one before has left.

use std::fs;
use std::path::Path;

use super::{Ended, Files, run};

/// A sample of real sockets with four resets.
const MIXED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/mixed.pcap");

/// The sample as files of so many frames, and of the rest.
fn cut(files: &Files, frames: &[usize]) -> Vec<String> {
    let bytes = fs::read(MIXED).unwrap();
    let mut places = vec![24];
    while let Some(at) = places.last().copied().filter(|at| *at < bytes.len()) {
        let length = u32::from_le_bytes(*bytes[at + 8..].first_chunk().unwrap());
        places.push(at + 16 + length as usize);
    }
    let ends = frames.iter().map(|frame| places[*frame]).chain([bytes.len()]);
    let mut from = 24;
    let mut parts = Vec::new();
    for (number, end) in ends.enumerate() {
        let part = [&bytes[..24], &bytes[from..end]].concat();
        parts.push(files.add(&format!("{number}.pcap"), &part));
        from = end;
    }
    parts
}

fn state(files: &Files, name: &str) -> String {
    files.0.path().join(name).to_str().unwrap().to_owned()
}

fn resets(output: &str) -> Vec<&str> {
    output.lines().filter(|line| line.starts_with("{\"type\":\"reset\"")).collect()
}

/// The frames of resets in the sample.
fn reset_frames() -> Vec<usize> {
    let number =
        |row: &&str| serde_json::from_str::<serde_json::Value>(row).unwrap()["frame"].as_u64().unwrap() as usize;
    resets(&run(&["--json", "-r", MIXED]).done().stdout).iter().map(number).collect()
}

#[test]
fn a_chain_of_runs_prints_what_one_prints() {
    let files = Files::new();
    let first = reset_frames()[0];
    let parts = cut(&files, &[first - 1, first, 200]);
    let all: Vec<&str> = parts.iter().flat_map(|part| ["-r", part]).collect();
    let whole = run(&[&["--json"], &all[..]].concat()).done().stdout.clone();
    // The state is taken up and left under one name, as a timer would have it.
    let known = state(&files, "known");
    let mut outputs = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let before = if at == 0 { &[][..] } else { &["--state-in", &known] };
        let after = if at + 1 == parts.len() { &[][..] } else { &["--state-out", &known] };
        outputs.push(run(&[&["--json", "-r", part], before, after].concat()).done().stdout.clone());
    }
    let together = outputs.concat();
    assert_eq!(resets(&together), resets(&whole));
    assert!(outputs[1].contains("\"resets\":0,\"events\":0,\"carried\":1,"), "{}", outputs[1]);
    assert!(outputs[2].contains(",\"brought\":1,"), "{}", outputs[2]);
    let paths: Vec<String> =
        (0..).zip(&outputs).map(|(at, rows): (u32, _)| files.add(&format!("{at}.json"), rows.as_bytes())).collect();
    let folded: Vec<&str> = paths.iter().map(String::as_str).collect();
    let one = files.add("whole.json", whole.as_bytes());
    assert_eq!(run(&[&["--fold"], &folded[..]].concat()).done().stdout, run(&["--fold", &one]).done().stdout);
    run(&["--fold", folded[0], folded[1]])
        .failed()
        .said_only("rstscan: 1 reset left to a run whose rows are missing (--state-out)");
    run(&["--fold", folded[2], folded[3]])
        .failed()
        .said_only("rstscan: 1 reset left by a run whose rows are missing (--state-in)");
}

#[test]
fn the_summary_says_what_waits() {
    let files = Files::new();
    let parts = cut(&files, &[reset_frames()[0]]);
    let known = state(&files, "known");
    let left = run(&["-r", &parts[0], "--state-out", &known]);
    let waits = "1 reset more for the next run: what follows decides them (--state-in with the file of --state-out)";
    assert!(left.done().stdout.contains(waits), "{left:#?}");
    let taken = run(&["-r", &parts[1], "--state-in", &known]);
    assert!(
        taken.done().stdout.contains("1 reset of these waited in the state of the run before (--state-in)"),
        "{taken:#?}"
    );
    assert!(!taken.stdout.contains("for the next run"));
}

#[test]
fn runs_of_a_chain_are_made_on_the_same_terms() {
    let files = Files::new();
    let parts = cut(&files, &[100]);
    let known = state(&files, "known");
    let on = ["--settle", "2", "--shard", "1/2", "--max-connections", "5000", "tcp"];
    run(&[&["-r", &parts[0], "--state-out", &known], &on[..]].concat()).done();
    let refused = |words: &[&str], text: &str| {
        let ended = run(&[&["-r", &parts[1], "--state-in", &known], words].concat());
        assert_eq!(ended.failed().stdout, "");
        ended.said_only(&format!("rstscan: {known}: was left by a run with {text}"));
    };
    let left = "--settle 2, --shard 1/2, the filter 'tcp'";
    refused(&[], &format!("{left}, and this is one with --settle 3"));
    refused(&["--settle", "2", "tcp"], &format!("{left}, and this is one with --settle 2, the filter 'tcp'"));
    let other = ["--settle", "2", "--shard", "1/2", "--max-connections", "5001", "tcp"];
    refused(&other, "--max-connections 5000: all runs of a chain have the same");
    run(&[&["-r", &parts[1], "--state-in", &known], &on[..]].concat()).done();
    run(&["-r", &parts[1], "--state-in", &known, "--settle", "2", "--shard", "1/2", "tcp"]).done();
}

#[test]
fn what_is_no_state_is_refused() {
    let files = Files::new();
    let parts = cut(&files, &[100]);
    let known = state(&files, "known");
    run(&["-r", &parts[0], "--state-out", &known]).done();
    let refused = |bytes: &[u8], text: &str| {
        let damaged = files.add("damaged", bytes);
        let ended = run(&["-r", &parts[1], "--state-in", &damaged]);
        assert_eq!((&*ended.failed().stdout, ended.stderr.lines().count()), ("", 1), "{ended:#?}");
        ended.said(&format!("rstscan: {damaged}: {text}"));
    };
    let whole = fs::read(&known).unwrap();
    refused(&whole[..whole.len() / 2], "is damaged, or was not written to its end");
    refused(&fs::read(MIXED).unwrap(), "is no state of rstscan (--state-out writes one)");
    let line = whole.iter().position(|byte| *byte == b'\n').unwrap();
    refused(&[b"rstscan state 1 0.0.1", &whole[line..]].concat(), "was left by rstscan 0.0.1 (format 1), and this is");
    run(&["-r", &parts[1], "--state-in", &state(&files, "nowhere")]).failed().said("No such file");
}

#[test]
fn nothing_is_left_of_a_run_that_did_not_come_to_its_end() {
    let files = Files::new();
    let known = files.add("known", b"of before");
    let ended = run(&["-r", &state(&files, "nowhere.pcap"), "--state-out", &known]);
    ended.failed().said(&format!("rstscan: {known} was not written, as nothing was read"));
    assert_eq!(fs::read(&known).unwrap(), b"of before");
    run(&["-r", MIXED, "--state-out", "/dev/null"]).failed().said("cannot write /dev/null: is no regular file");
    assert_eq!(fs::read_dir(files.0.path()).unwrap().count(), 1);
}

#[test]
fn states_are_of_captures_in_files() {
    let wrong = |words: &[&str]| {
        let ended: Ended = run(words);
        assert_eq!((ended.status, &*ended.stdout), (Some(2), ""), "{ended:#?}");
    };
    for with in
        [&["-i", "lo"][..], &["--follow"], &["--join", "-r", "f"], &["--warm-up", "f"], &["-w", "f"], &["-c", "1"]]
    {
        wrong(&[&["-r", "f", "--state-out", "s"], with].concat());
        wrong(&[&["-r", "f", "--state-in", "s"], with].concat());
    }
    wrong(&["--state-in", "s"]);
    assert!(!Path::new("s").exists());
}
