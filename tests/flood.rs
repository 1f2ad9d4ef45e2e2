//! A flood of frames on an interface: none is lost, and every reset in it is explained.
//!
//! `cargo test --test flood` sends a little at once. `make bench-live` sends as much as one core can for a minute, and prints the
//! numbers of [docs/live.md](../docs/live.md).
#![cfg(target_os = "linux")]

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
#[path = "lab/namespace.rs"]
#[allow(dead_code, reason = "the laboratory needs more of it")]
mod namespace;
#[path = "../examples/generate/random.rs"]
mod random;
#[path = "../examples/generate/scan.rs"]
mod scan;
#[path = "flood/sender.rs"]
#[allow(dead_code, reason = "the soak needs more of it")]
mod sender;
#[path = "../examples/generate/traffic.rs"]
mod traffic;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::sys::time::TimeValLike;
use nix::unistd::Pid;
use serde_json::Value;

use crate::kind::{Kind, Order};
use crate::namespace::{Namespace, sweep};
use crate::sender::{Sent, Traffic, may_flood};

/// Seconds of a flood; without it all frames are sent once, and these are fewer.
const SECONDS: &str = "RSTSCAN_FLOOD_SECONDS";
/// The ring of `rstscan` by default, for tcpdump.
const RING_KIB: &str = "65536";
const SNAP_LEN: &str = "2048";

/// A namespace with an interface that frames can be put into.
fn place(number: u32) -> io::Result<Namespace> {
    sweep()?;
    let place = Namespace::create(number, "flood")?;
    // Nothing but the flood is to be on it.
    place.set("ipv6/conf/default/disable_ipv6", "1")?;
    place.ip(&["tuntap", "add", "dev", "wire", "mode", "tap"])?;
    place.ip(&["link", "set", "wire", "up"])?;
    Ok(place)
}

/// A program that captures.
struct Capturing {
    child: Child,
    stderr: BufReader<ChildStderr>,
    started: Instant,
}

/// What a program says at its end.
#[derive(Debug)]
struct Said {
    captured: u64,
    by_kernel: u64,
    /// Processor time of the program, in seconds.
    processor: f64,
    seconds: f64,
}

impl Capturing {
    /// Starts a program and waits until it listens.
    fn start(place: &Namespace, program: &str, (words, stdout): (&[&str], Stdio)) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.args(words).env("LC_ALL", "C.UTF-8").stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped());
        let mut child = place.enter(|| command.spawn())?;
        let mut stderr = BufReader::new(child.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?);
        let mut greeting = String::new();
        while !greeting.contains("listening on wire") {
            if stderr.read_line(&mut greeting)? == 0 {
                return Err(io::Error::other(greeting));
            }
        }
        Ok(Self { child, stderr, started: Instant::now() })
    }

    /// Ends it with SIGINT, once it has had time for what is under way.
    fn end(mut self) -> io::Result<Said> {
        thread::sleep(Duration::from_millis(1500));
        let pid = self.child.id();
        let processor = processor_time(pid)?;
        let seconds = self.started.elapsed().as_secs_f64();
        kill(Pid::from_raw(pid.cast_signed()), Signal::SIGINT)?;
        let mut stderr = String::new();
        self.stderr.read_to_string(&mut stderr)?;
        let status = self.child.wait()?;
        let count = |what: &str| {
            let line = stderr.lines().find(|line| line.ends_with(what));
            line.and_then(|line| line.split(' ').next()?.parse().ok())
        };
        let (captured, by_kernel) = (count("captured"), count("dropped by kernel"));
        match (captured, by_kernel, status.success()) {
            (Some(captured), Some(by_kernel), true) => Ok(Said { captured, by_kernel, processor, seconds }),
            _ => Err(io::Error::other(format!("{status}: {stderr}"))),
        }
    }
}

impl Drop for Capturing {
    fn drop(&mut self) {
        // Where it has ended already there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The seconds that a process has spent computing, in user mode and in the kernel.
fn processor_time(pid: u32) -> io::Result<f64> {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
    Ok(ticks.sum::<f64>() / TICKS_PER_SECOND)
}

/// The same of this thread.
fn thread_time() -> io::Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_THREAD)?;
    Ok((usage.user_time() + usage.system_time()).num_microseconds() as f64 / 1e6)
}

fn told(line: &str) {
    // Written past the test harness, which would keep it to itself.
    let _ = writeln!(io::stderr(), "{line}");
}

/// For how long the user wants it.
fn seconds() -> Option<Duration> {
    std::env::var(SECONDS).ok()?.parse().ok().map(Duration::from_secs_f64)
}

fn traffic(folder: &std::path::Path, scale: f64) -> io::Result<Traffic> {
    let path = folder.join("flood.pcap");
    Order::new(Kind::A, scale).write(File::create(&path)?)?;
    Traffic::read(&[&path], None)
}

/// Floods a program, and returns what was sent and what the program says.
fn flood(number: u32, program: &str, how: (&[&str], Stdio)) -> io::Result<(Sent, Said)> {
    let folder = tempfile::tempdir()?;
    let seconds = seconds();
    let traffic = traffic(folder.path(), if seconds.is_some() { 0.02 } else { 0.002 })?;
    let place = place(number)?;
    let capturing = Capturing::start(&place, program, how)?;
    let (sent, processor) =
        place.enter(|| Ok((traffic.flood("wire", seconds.unwrap_or_default())?, thread_time()?)))?;
    let said = capturing.end()?;
    told(&format!(
        "{program}: sent {} frames ({} bytes on average) in {:.1} s, {:.2} million a second, {:.0} % of a core; captured {}, dropped by kernel {}, {:.0} % of a core",
        sent.frames,
        sent.bytes / sent.frames.max(1),
        sent.seconds,
        sent.frames as f64 / sent.seconds / 1e6,
        100.0 * processor / sent.seconds,
        said.captured,
        said.by_kernel,
        100.0 * said.processor / said.seconds,
    ));
    Ok((sent, said))
}

/// Whether namespaces can be made here, and the kernel can flood.
fn may_run() -> bool {
    match place(0).and_then(|place| place.enter(|| may_flood("wire"))) {
        Ok(()) => true,
        Err(error) => {
            told(&format!("flood skipped, it needs root, ip (iproute2) and Linux 5.18: {error}"));
            false
        }
    }
}

/// The whole of it in one test: two floods at a time would disturb each other.
#[test]
fn a_flood_is_captured_and_every_reset_in_it_explained() {
    if may_run() {
        explained(&["-i", "wire", "--json"]).expect("the wire is there");
    }
    if may_run() && seconds().is_some() {
        let words = ["-i", "wire", "-n", "-B", RING_KIB, "-s", SNAP_LEN, "-w", "/dev/null"];
        flood(2, "tcpdump", (&words, Stdio::null())).expect("tcpdump is installed");
    }
}

/// Floods the program, and holds what it says against what was sent.
fn explained(words: &[&str]) -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("said.json");
    let (sent, said) = flood(1, env!("CARGO_BIN_EXE_rstscan"), (words, File::create(&path)?.into()))?;
    let text = std::fs::read_to_string(&path)?;
    let resets = text.lines().filter(|line| line.starts_with("{\"type\":\"reset\"")).count() as u64;
    let summary: Value = serde_json::from_str(text.lines().last().unwrap_or_default())?;
    told(&format!("resets sent {}, explained {resets}; by class {}", sent.resets, summary["by_class"]));
    assert_eq!((said.captured, said.by_kernel), (sent.frames, 0), "{said:?}");
    assert_eq!((&summary["kernel_drops"], &summary["queue_drops"]), (&0.into(), &0.into()), "{summary}");
    assert_eq!((resets, &summary["resets"]), (sent.resets, &sent.resets.into()));
    assert!(!text.contains("dropped-frames"));
    Ok(())
}
