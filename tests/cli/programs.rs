//! Output for programs: formats, exit status 3, comparisons.

use std::io::Write;
use std::process::Stdio;

use super::{Ended, Files, capture, rstscan, run};

/// A sample with one reset.
const HALF_OPEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/half-open.pcap");
const MIXED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/mixed.pcap");

#[track_caller]
fn found(ended: &Ended) -> &Ended {
    assert_eq!(ended.status, Some(3), "{ended:#?}");
    ended
}

#[test]
fn what_fail_on_names_has_status_3() {
    for ids in ["lost-state", "half-open-response", "any", "forged,lost-state"] {
        let ended = run(&["-r", HALF_OPEN, "--fail-on", ids]);
        found(&ended).said("rstscan: --fail-on found lost-state 1\n");
        assert!(ended.stdout.contains("HALF-OPEN RESPONSE"), "{ended:#?}");
    }
    run(&["-r", HALF_OPEN, "--fail-on", "forged,keepalive-race"]).done();
    for format in [["--json", "-qq"], ["--count", "-qq"], ["--format", "csv"]] {
        found(&run(&[&["-r", HALF_OPEN, "--fail-on", "any"][..], &format].concat()));
    }
    let quiet = run(&["-qq", "-r", HALF_OPEN, "--fail-on", "any"]);
    assert_eq!(found(&quiet).stderr, "");
}

/// A build that reads no further than the status has to see what was found.
#[test]
fn what_was_found_counts_more_than_what_could_not_be_read() {
    found(&run(&["-r", HALF_OPEN, "-r", "/nonexistent", "--fail-on", "any"]));
    run(&["-r", HALF_OPEN, "-r", "/nonexistent", "--fail-on", "forged"]).failed();
}

#[test]
fn a_mistyped_id_gets_a_suggestion() {
    let ended = run(&["-r", HALF_OPEN, "--fail-on", "abort,keepalive-rase"]);
    assert_eq!(ended.status, Some(2), "{ended:#?}");
    ended.said("no cause or class has the id 'keepalive-rase': perhaps 'keepalive-race'");
}

#[test]
fn without_resets_a_table_has_its_header() {
    let files = Files::new();
    let good = files.add("good.pcap", &capture());
    let csv = run(&["--format", "csv", "-r", &good]);
    assert_eq!(csv.done().stdout.lines().count(), 1);
    assert!(csv.stdout.starts_with("file,frame,time,src,"), "{csv:#?}");
    let markdown = run(&["--format", "markdown", "-r", &good]);
    assert!(markdown.done().stdout.ends_with("\n\n0 resets in 0 events, 2 connections.\n"), "{markdown:#?}");
    for style in ["ecs", "otel", "zeek"] {
        assert_eq!(run(&["--json-style", style, "-r", &good]).done().stdout, "");
    }
}

/// Two outputs, as files.
fn outputs(files: &Files) -> [String; 2] {
    [("before.json", HALF_OPEN), ("after.json", MIXED)]
        .map(|(name, capture)| files.add(name, run(&["--json", "-r", capture]).done().stdout.as_bytes()))
}

#[test]
fn two_outputs_are_compared() {
    let files = Files::new();
    let [before, after] = outputs(&files);
    let ended = run(&["--diff", &after, &before]);
    assert!(ended.done().stdout.contains("\ngone\n"), "{ended:#?}");
    assert!(ended.stdout.contains("  linger-zero on :6001:         1 -> 0\n"), "{ended:#?}");
    assert!(ended.stdout.ends_with("\nas before: 1 event (1 pair of cause and port)\n"), "{ended:#?}");
    assert_eq!(ended.stderr, "");
    let json = run(&["--json", "--diff", &before, &after]);
    assert!(json.done().stdout.lines().last().unwrap().starts_with(r#"{"type":"diff","schema":1,"before":{"#));
    found(&run(&["--diff", &before, &after, "--fail-on", "linger-zero"])).said("--fail-on found more of linger-zero");
    run(&["--diff", &after, &before, "--fail-on", "any"]).done();
    run(&["--diff", &before, "/nonexistent"])
        .failed()
        .said_only("rstscan: /nonexistent: No such file or directory (os error 2)");
}

#[test]
fn one_of_the_outputs_may_be_standard_input() {
    let files = Files::new();
    let [before, after] = outputs(&files);
    let mut child = rstscan()
        .args(["--diff", "-", &after])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&std::fs::read(before).unwrap()).unwrap();
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert!(ended.done().stdout.starts_with("before  standard input"), "{ended:#?}");
}

#[test]
fn lines_that_are_no_findings_are_told_and_left_out() {
    let files = Files::new();
    let [before, _] = outputs(&files);
    let text = std::fs::read_to_string(&before).unwrap();
    let (reset, _) = text.split_once('\n').unwrap();
    let cut = files.add("cut.json", format!("{reset}\nnoise\n{}", &reset[..99]).as_bytes());
    let ended = run(&["--diff", &before, &cut]);
    let told = format!(
        "rstscan: {cut}: 2 lines are (the first is line 2) not of rstscan --json, schema 1: left out\n\
         rstscan: {cut}: no summary line: its run had not ended, or the file is not whole"
    );
    ended.failed().said_only(&told);
    assert!(ended.stdout.ends_with("nothing changed\n"), "{ended:#?}");
    let other = run(&["--diff", &before, HALF_OPEN]);
    other.failed().said("not of rstscan --json");
}
