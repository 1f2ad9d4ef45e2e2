//! Files that grow while they are read.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};

use super::{Files, RECORD, Running, capture, frame, rstscan, run};

/// A run that follows this file, past its greeting: what was in the file by then has been read.
fn follow(path: &str) -> Running {
    let mut running = Running::start(rstscan().args(["--follow", "-q", "--settle", "0.1", "-r", path]));
    assert!(running.hears("following file"));
    running
}

fn append(path: &str, bytes: &[u8]) {
    File::options().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

/// A record that resets the connection of [`capture`].
fn reset() -> Vec<u8> {
    let mut bytes = frame(4, 12345, 55100);
    bytes[16 + 47] = 0x04;
    bytes
}

#[test]
fn what_is_written_later_is_read_and_half_a_record_at_the_end_is_no_truncation() {
    let files = Files::new();
    let bytes = capture();
    for signal in ["INT", "TERM"] {
        let path = files.add("growing.pcap", &bytes[..24]);
        let mut running = follow(&path);
        append(&path, &bytes[24..24 + RECORD + 30]);
        append(&path, &bytes[24 + RECORD + 30..]);
        append(&path, &[&reset()[..], &frame(5, 1, 2)[..20]].concat());
        // Comes although no frame follows that would let time pass.
        let mut stdout = BufReader::new(running.child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert!(line.starts_with("#4 "), "{line}");
        running.signal(signal);
        let summary: Vec<String> = stdout.lines().map(Result::unwrap).collect();
        assert!(summary.iter().any(|line| line.starts_with("4 frames")), "{summary:?}");
        running.end().done().said_only(&format!("following file {path}, link-type EN10MB (Ethernet)"));
    }
}

#[test]
fn an_empty_file_is_waited_on() {
    let files = Files::new();
    let path = files.add("growing.pcap", b"");
    let mut running = Running::start(rstscan().args(["--follow", "-c", "3", "-r", &path]));
    append(&path, &capture());
    assert!(running.hears("following file"));
    running.end().done().saw_frames(3);
}

#[test]
fn a_new_file_of_the_same_name_goes_on_where_the_old_one_ended() {
    let files = Files::new();
    let path = files.add("growing.pcap", &capture());
    let mut running = follow(&path);
    fs::rename(&path, files.0.path().join("growing.pcap.1")).unwrap();
    files.add("growing.pcap", &[&capture()[..24], &reset()].concat());
    assert!(running.hears(&format!("file {path} was replaced or cut, following the new one, link-type EN10MB")));
    running.signal("INT");
    let ended = running.end();
    ended.done().saw_frames(4);
    assert!(ended.stdout.contains("#1 ") && ended.stdout.contains("2 connections,"), "{ended:#?}");
}

#[test]
fn a_file_that_is_cut_is_read_from_its_start() {
    let files = Files::new();
    let bytes = capture();
    let path = files.add("growing.pcap", &[&bytes[..], &bytes[24..][..20]].concat());
    let mut running = follow(&path);
    files.add("growing.pcap", &bytes[..24 + RECORD]);
    assert!(running.hears("truncated in the record at byte"));
    assert!(running.hears("was replaced or cut"));
    running.signal("INT");
    running.end().failed().saw_frames(4);
}

#[test]
fn what_cannot_be_followed() {
    let files = Files::new();
    let check = |path: &str, text: &str| {
        run(&["--follow", "-r", path]).failed().said_only(&format!("rstscan: {path}: {text}"));
    };
    check("/nonexistent", "No such file or directory");
    check(files.0.path().to_str().unwrap(), "only a regular file can be followed");
    check(&files.add("text", b"plain text, longer than a header"), "not a capture: neither pcap nor pcapng");
    #[cfg(feature = "compress")]
    run(&["--follow", "-r", &files.add("packed", b"\x1f\x8b\x08\0 and more of it, and more")])
        .failed()
        .said("compressed with gzip: only what is not can be followed");
}
