//! The program as its users meet it: exit codes, messages, pipes, signals and interfaces.

#[cfg(all(feature = "compress", target_os = "linux"))]
#[path = "cli/bounds.rs"]
mod bounds;
#[path = "cli/choice.rs"]
mod choice;
#[path = "cli/comments.rs"]
mod comments;
#[path = "cli/cuts.rs"]
mod cuts;
#[cfg(all(feature = "live", target_os = "linux"))]
#[path = "cli/extcap.rs"]
mod extcap;
#[path = "cli/files.rs"]
mod files;
#[cfg(feature = "live")]
#[path = "cli/filters.rs"]
mod filters;
#[path = "cli/follow.rs"]
mod follow;
#[cfg(all(feature = "live", target_os = "linux"))]
#[path = "cli/live.rs"]
mod live;
#[path = "cli/manual.rs"]
mod manual;
#[cfg(target_os = "linux")]
#[path = "cli/memory.rs"]
mod memory;
#[path = "cli/merge.rs"]
mod merge;
#[cfg(feature = "metrics")]
#[path = "cli/metrics.rs"]
mod metrics;
#[path = "cli/output.rs"]
mod output;
#[path = "cli/programs.rs"]
mod programs;
#[cfg(target_os = "linux")]
#[path = "cli/progress.rs"]
mod progress;
#[path = "cli/rotate.rs"]
mod rotate;
#[path = "cli/sample.rs"]
mod sample;
#[cfg(target_os = "linux")]
#[path = "cli/sandbox.rs"]
mod sandbox;
#[path = "cli/signals.rs"]
mod signals;
#[path = "cli/state.rs"]
mod state;
#[path = "cli/usage.rs"]
mod usage;
#[cfg(feature = "watch")]
#[path = "cli/watch.rs"]
mod watch;
#[path = "cli/write.rs"]
mod write;

mod schema;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The program, apart from the environment of the tests.
fn rstscan() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rstscan"));
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(variable);
    }
    command.env("LC_ALL", "C.UTF-8");
    command.stdin(Stdio::null());
    command
}

/// Runs it to its end. Every line of JSON has to be as the schema says.
#[track_caller]
fn run(words: &[&str]) -> Ended {
    let ended = Ended::from(rstscan().args(words).output().unwrap());
    if words.contains(&"--json") {
        let offences = schema::offences("stdout", &ended.stdout);
        assert!(offences.is_empty(), "{}", offences.join("\n"));
    }
    ended
}

/// How a run ended and what it said.
#[derive(Debug)]
struct Ended {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ended {
    #[track_caller]
    fn done(&self) -> &Self {
        assert_eq!(self.status, Some(0), "{self:#?}");
        self
    }

    #[track_caller]
    fn failed(&self) -> &Self {
        assert_eq!(self.status, Some(1), "{self:#?}");
        self
    }

    #[track_caller]
    fn saw_frames(&self, count: u32) -> &Self {
        assert!(self.stdout.contains(&format!("{count} frames")), "{self:#?}");
        self
    }

    #[track_caller]
    fn said(&self, text: &str) -> &Self {
        assert!(self.stderr.contains(text), "no {text:?} in {self:#?}");
        self
    }

    /// Nothing but this on standard error.
    #[track_caller]
    fn said_only(&self, line: &str) -> &Self {
        assert_eq!(self.stderr, format!("{line}\n"));
        self
    }
}

/// A program that runs until it is told to end, and its standard error line by line.
struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
    heard: String,
}

/// SIGHUP, or SIGTERM in its place where whoever runs the tests has it ignored, as nohup does: no program that is started here
/// would end with it.
fn hangup() -> &'static str {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or_default();
    if ignored & 1 == 0 {
        return "HUP";
    }
    let _ = writeln!(std::io::stderr(), "SIGHUP is ignored here: SIGTERM in its place");
    "TERM"
}

impl Running {
    fn start(command: &mut Command) -> Self {
        Self::writing_to(command, Stdio::piped())
    }

    fn writing_to(command: &mut Command, stdout: impl Into<Stdio>) -> Self {
        let mut child = command.stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stderr, heard: String::new() }
    }

    /// Reads standard error up to a line with this text; false if it ends before.
    fn hears(&mut self, text: &str) -> bool {
        let mut line = String::new();
        while self.stderr.read_line(&mut line).unwrap() > 0 {
            self.heard.push_str(&line);
            if line.contains(text) {
                return true;
            }
            line.clear();
        }
        false
    }

    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits for the end, which has to come of itself.
    #[track_caller]
    fn end(mut self) -> Ended {
        let patience = Instant::now() + Duration::from_secs(30);
        while self.child.try_wait().unwrap().is_none() {
            if Instant::now() > patience {
                self.child.kill().unwrap();
                panic!("does not end: {}", self.heard);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.stderr.read_to_string(&mut self.heard).unwrap();
        let output = self.child.wait_with_output().unwrap();
        Ended { stderr: self.heard, ..Ended::from(output) }
    }
}

/// A pcap file of three frames from and to port 12345.
fn capture() -> Vec<u8> {
    let header = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65535, 1].map(u32::to_le_bytes).concat();
    [header, frame(1, 55100, 12345), frame(2, 12345, 55100), frame(3, 55100, 12345)].concat()
}

/// The length of a record that [`frame`] makes.
const RECORD: usize = 16 + 54;

/// A pcap record with an ACK between 10.0.0.1 and 10.0.0.2.
fn frame(second: u32, from: u16, to: u16) -> Vec<u8> {
    let mut bytes = [second, 0, 54, 54].map(u32::to_le_bytes).concat();
    bytes.extend([0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 2, 0x08, 0x00]);
    bytes.extend([0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    bytes.extend([from.to_be_bytes(), to.to_be_bytes()].concat());
    bytes.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0xfa, 0xf0, 0, 0, 0, 0]);
    bytes
}

/// Files of a test, removed with it.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn add(&self, name: &str, bytes: &[u8]) -> String {
        let path: PathBuf = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }
}
