//! SIGINT, SIGTERM and SIGHUP while nothing arrives.

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{RECORD, Running, capture, hangup, rstscan};

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
    for signal in ["INT", "TERM", hangup()] {
        check(&capture(), signal, 3);
    }
}

#[test]
fn a_record_that_was_still_to_come_is_no_truncation() {
    check(&capture()[..24 + 2 * RECORD + 20], "INT", 2);
}

#[test]
fn counts_are_told_and_the_run_goes_on() {
    let mut running = Running::start(rstscan().args(["-r", "-"]).stdin(Stdio::piped()));
    let mut stdin = running.child.stdin.take().unwrap();
    stdin.write_all(&capture()).unwrap();
    assert!(running.hears("reading from file -"));
    running.signal("USR1");
    assert!(running.hears("frames; 0 resets in 0 events, "), "{}", running.heard);
    running.signal("USR2");
    running.signal(hangup());
    running.end().done();
    drop(stdin);
}

#[cfg(target_os = "linux")]
#[test]
fn nohup_keeps_a_run_alive() {
    let program = env!("CARGO_BIN_EXE_rstscan");
    let mut command = std::process::Command::new("nohup");
    let mut running = Running::start(command.args([program, "-r", "-"]).stdin(Stdio::piped()));
    let mut stdin = running.child.stdin.take().unwrap();
    stdin.write_all(&capture()[..40]).unwrap();
    assert!(running.hears("reading from file -"));
    running.signal("HUP");
    stdin.write_all(&capture()[40..]).unwrap();
    drop(stdin);
    running.end().done().saw_frames(3);
}

/// The first signal makes the program write its summary, into a pipe that is full and that nobody reads.
#[cfg(target_os = "linux")]
#[test]
fn a_second_signal_ends_a_program_that_is_stuck() {
    const LINUX_PIPE: usize = 65_536;
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&[b'x'; LINUX_PIPE]).unwrap();
    let mut running = Running::writing_to(rstscan().args(["-r", "-"]).stdin(Stdio::piped()), writer);
    let mut stdin = running.child.stdin.take().unwrap();
    stdin.write_all(&capture()).unwrap();
    assert!(running.hears("reading from file -"));
    let patience = Instant::now() + Duration::from_secs(30);
    while running.child.try_wait().unwrap().is_none() && Instant::now() < patience {
        running.signal("INT");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(running.end().status, Some(130));
    drop((reader, stdin));
}
