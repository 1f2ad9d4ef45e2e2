//! The program as it soaks: what it says, and what it takes.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::namespace::Namespace;

/// The longest that it may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program, with `--kernel` and its defaults.
pub struct Soaked {
    child: Child,
    /// Its lines on standard error.
    told: Receiver<String>,
    /// Counts its verdicts until it ends.
    reader: JoinHandle<io::Result<Read>>,
}

/// What was on standard output.
#[derive(Default)]
struct Read {
    causes: BTreeMap<String, u64>,
    summary: Value,
}

/// What it takes at an instant.
pub struct Sample {
    pub after: Duration,
    pub resident_kib: u64,
    /// Its counts, as it tells them itself.
    told: String,
}

/// How it ended.
pub struct Ended {
    pub resets: u64,
    /// Frames lost in the kernel and before the analysis.
    pub drops: u64,
    /// Of the summary that it gives.
    pub summary: String,
    causes: BTreeMap<String, u64>,
}

impl Soaked {
    /// Starts it in a folder of its own, and waits until it listens.
    pub fn start(place: &Namespace, folder: &Path, words: &[&str]) -> io::Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rstscan"));
        command.args(["-i", "wire", "-i", "lo", "--kernel", "--json"]).args(words);
        command.current_dir(folder).env("TMPDIR", folder).env("LC_ALL", "C.UTF-8");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = place.enter(|| command.spawn())?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (Some(stdout), Some(stderr)) = (stdout, stderr) else { return Err(io::ErrorKind::BrokenPipe.into()) };
        let (sender, told) = channel();
        thread::spawn(move || BufReader::new(stderr).lines().map_while(Result::ok).try_for_each(|l| sender.send(l)));
        let reader = thread::spawn(move || read(BufReader::with_capacity(1 << 16, stdout)));
        let soaked = Self { child, told, reader };
        // Both interfaces.
        soaked.hears("listening on ")?;
        soaked.hears("listening on ")?;
        Ok(soaked)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line on standard error that has these words.
    fn hears(&self, words: &str) -> io::Result<String> {
        loop {
            match self.told.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(words) => return Ok(line),
                // As where there is no tracefs.
                Ok(line) => eprintln!("{line}"),
                Err(RecvTimeoutError::Timeout) => return Err(io::ErrorKind::TimedOut.into()),
                Err(RecvTimeoutError::Disconnected) => return Err(io::Error::other("it has ended")),
            }
        }
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill(Pid::from_raw(self.child.id().cast_signed()), signal)?)
    }

    /// What it takes, and its counts.
    pub fn sample(&mut self, after: Duration) -> io::Result<Sample> {
        self.signal(Signal::SIGUSR1)?;
        let told = self.hears("packets captured")?;
        Ok(Sample { after, resident_kib: resident_kib(self.pid())?, told })
    }

    pub fn end(mut self, signal: Signal) -> io::Result<Ended> {
        self.signal(signal)?;
        let status = self.child.wait()?;
        let Read { causes, summary } = self.reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        if !status.success() {
            return Err(io::Error::other(format!("{status}")));
        }
        let count = |key: &str| summary[key].as_u64().unwrap_or(0);
        let keys = [
            "frames",
            "connections",
            "tracked_max",
            "max_connections",
            "evictions",
            "resets",
            "events",
            "kernel_drops",
            "queue_drops",
        ];
        let words: Vec<_> = keys.iter().map(|key| format!("{key} {}", count(key))).collect();
        let skipped = format!("skipped {}", summary["skipped"]);
        Ok(Ended {
            resets: causes.values().sum(),
            drops: count("kernel_drops") + count("queue_drops"),
            summary: format!("{}, {skipped}", words.join(", ")),
            causes,
        })
    }

    /// Ends it with SIGKILL.
    pub fn kill(mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        // What it wrote is of no interest any more.
        let _ = self.reader.join();
        Ok(())
    }
}

impl Ended {
    /// How many verdicts of each cause there were.
    pub fn counts(&self) -> String {
        let counts: Vec<_> = self.causes.iter().map(|(cause, count)| format!("{cause} {count}")).collect();
        counts.join(", ")
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, mib) = (self.after.as_secs(), self.resident_kib as f64 / 1024.0);
        write!(f, "{seconds:5} s  {mib:8.1} MiB  {}", self.told.trim_start_matches("rstscan: "))
    }
}

/// Counts verdicts by cause; the lines themselves are too many to be kept.
fn read(mut stdout: impl BufRead) -> io::Result<Read> {
    let (mut read, mut line) = (Read::default(), String::new());
    while stdout.read_line(&mut line)? > 0 {
        if line.starts_with("{\"type\":\"reset\"") {
            let cause = line.split_once("\"cause\":\"").and_then(|(_, rest)| rest.split('"').next());
            *read.causes.entry(cause.unwrap_or_default().to_owned()).or_insert(0) += 1;
        } else if line.starts_with("{\"type\":\"summary\"") {
            read.summary = serde_json::from_str(&line)?;
        }
        line.clear();
    }
    Ok(read)
}

/// The memory of a process that is in use.
fn resident_kib(pid: u32) -> io::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kib.ok_or_else(|| io::ErrorKind::InvalidData.into())
}
