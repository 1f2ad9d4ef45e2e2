//! Several files: their order, and verdicts over parts of one capture.

use std::io::Write;
use std::process::Stdio;

use super::{Ended, Files, capture, rstscan, run};

/// Times and verdicts of all resets.
fn verdicts(ended: &Ended) -> Vec<String> {
    let values = ended.done().stdout.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let resets = values.filter(|value| value["type"] == "reset");
    resets
        .map(|reset| format!("{} {} {} {}", reset["time"], reset["class"], reset["cause"], reset["certainty"]))
        .collect()
}

/// The sample of all classes, its records dealt out to so many files by `file`, which gets the count of a record and its bytes.
fn split(files: usize, file: impl Fn(usize, &[u8]) -> usize) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/samples/mixed.pcap")).unwrap();
    let (header, mut rest) = bytes.split_at(24);
    let mut parts = vec![header.to_vec(); files];
    let mut count = 0;
    while !rest.is_empty() {
        let captured = u32::from_le_bytes(*rest[8..].first_chunk().unwrap()) as usize;
        let (record, more) = rest.split_at(16 + captured);
        parts[file(count, record)].extend(record);
        rest = more;
        count += 1;
    }
    parts
}

#[track_caller]
fn check_parts(parts: &[Vec<u8>]) {
    let whole = verdicts(&run(&["--json", "-r", concat!(env!("CARGO_MANIFEST_DIR"), "/samples/mixed.pcap")]));
    assert!(whole.len() > 3);
    let files = Files::new();
    let names: Vec<String> =
        parts.iter().enumerate().map(|(at, part)| files.add(&format!("part{at}.pcap"), part)).collect();
    for names in [names.clone(), names.iter().rev().cloned().collect()] {
        let words: Vec<&str> = names.iter().flat_map(|name| ["-r", name]).collect();
        assert_eq!(verdicts(&run(&[&["--json"][..], &words].concat())), whole, "{names:?}");
    }
}

#[test]
fn a_capture_in_rotated_files_has_the_verdicts_of_the_whole_in_any_order() {
    check_parts(&split(3, |count, _| [0, 1, 2][(count / 8).min(2)]));
}

#[test]
fn one_file_for_each_direction_is_merged_by_time() {
    check_parts(&split(2, |_, record| usize::from(record[16 + 26..][..4] > record[16 + 30..][..4])));
    check_parts(&split(2, |count, _| count % 2));
}

#[test]
fn a_list_of_files_as_a_file_and_on_standard_input() {
    let files = Files::new();
    let parts = split(2, |count, _| usize::from(count < 9));
    let names: Vec<String> =
        parts.iter().enumerate().map(|(at, part)| files.add(&format!("part{at}.pcap"), part)).collect();
    let text = format!("{}\n\n{}\n", names[0], names[1]);
    let list = files.add("list", text.as_bytes());
    let whole = verdicts(&run(&["--json", "-r", concat!(env!("CARGO_MANIFEST_DIR"), "/samples/mixed.pcap")]));
    let listed = run(&["--json", "-V", &list]);
    assert_eq!(verdicts(&listed), whole);
    let second = listed.stderr.find(&names[0]).unwrap();
    assert!(listed.stderr.find(&names[1]).unwrap() < second, "{}", listed.stderr);
    let piped = [Stdio::piped(), Stdio::piped()];
    let [stdin, stdout] = piped;
    let mut child = rstscan().args(["--json", "-V", "-"]).stdin(stdin).stdout(stdout).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert_eq!(verdicts(&Ended::from(child.wait_with_output().unwrap())), whole);
}

#[test]
fn a_list_that_names_nothing_or_is_not_there() {
    let files = Files::new();
    let empty = files.add("list", b"\n");
    run(&["-V", &empty]).failed().said_only(&format!("rstscan: list of files {empty}: no file in it"));
    run(&["-V", "/nonexistent"]).failed().said("rstscan: list of files /nonexistent: ");
}

#[test]
fn a_damaged_file_among_merged_ones_is_named_and_the_rest_is_read() {
    let files = Files::new();
    let bytes = capture();
    let cut = files.add("cut.pcap", &bytes[..bytes.len() - 5]);
    let good = files.add("good.pcap", &bytes);
    run(&["-r", &cut, "-r", &good]).failed().saw_frames(5).said(&format!("rstscan: {cut}: truncated"));
    run(&["-r", &good, "-r", &cut]).failed().saw_frames(5).said(&format!("rstscan: {cut}: truncated"));
}
