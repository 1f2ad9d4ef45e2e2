//! SIGINT and SIGTERM while nothing arrives.

use std::io::Write;
use std::process::Stdio;

use super::{RECORD, Running, capture, rstscan};

/// Standard input stays open after these bytes; the signal ends the run.
#[track_caller]
fn check(bytes: &[u8], signal: &str, frames: u32) {
    let mut running = Running::start(rstscan().args(["-r", "-"]).stdin(Stdio::piped()));
    let mut stdin = running.child.stdin.take().unwrap();
    stdin.write_all(bytes).unwrap();
    assert!(running.hears("reading from file -"));
    running.signal(signal);
    let ended = running.end();
    ended.done().saw_frames(frames).said_only("reading from file -, link-type EN10MB (Ethernet)");
    drop(stdin);
}

#[test]
fn a_signal_ends_an_idle_pipe_with_what_is_known() {
    for signal in ["INT", "TERM"] {
        check(&capture(), signal, 3);
    }
}

#[test]
fn a_record_that_was_still_to_come_is_no_truncation() {
    check(&capture()[..24 + 2 * RECORD + 20], "INT", 2);
}
