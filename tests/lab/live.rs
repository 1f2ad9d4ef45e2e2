//! The program on a live interface while the experiments run, until a signal ends it.

use std::io::{self, BufRead, BufReader, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::bench::{Bench, Host, INTERFACE, Setting};
use crate::namespace::Namespace;
use crate::samples::EXPERIMENTS;
use crate::scenarios::abort::{ANSWERS_IN_FLIGHT, DOWNLOAD_ABORTED, exchange};
use crate::scenarios::closed_port::{NO_LISTENER, PROBES};
use crate::scenarios::half_open::LATE_SEGMENT;
use crate::scenarios::handshake::ACCEPT_QUEUE_OVERFLOW;
use crate::scenarios::time_wait::ASSASSINATION;
use crate::truth::{Label, Scenario, check_shape, disagreements, labels};
use crate::wait::{PATIENCE, wait_until};
use crate::{check_each, may_run, retry};

/// The program as it listens inside a namespace. It ends with the value.
#[derive(Debug)]
pub struct Listening {
    child: Child,
    /// Its lines on standard output.
    stdout: Receiver<String>,
    stderr: BufReader<ChildStderr>,
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    /// The lines on standard output that nobody had asked for before the signal.
    pub rest: Vec<String>,
    /// Standard error after the greeting.
    pub stderr: String,
}

impl Listening {
    /// Starts `rstscan -i INTERFACE FORMAT FILTER` and waits until it listens.
    pub fn start(namespace: &Namespace, interface: &str, words: &[&str]) -> io::Result<Self> {
        Self::start_by(Command::new(env!("CARGO_BIN_EXE_rstscan")), namespace, (interface, words))
    }

    /// The same by a command that ends with the program and these words.
    pub fn start_by(
        mut command: Command,
        namespace: &Namespace,
        (interface, words): (&str, &[&str]),
    ) -> io::Result<Self> {
        command.args(["-i", interface]).args(words).env("TZ", "UTC").env("LC_ALL", "C.UTF-8");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = namespace.enter(|| command.spawn())?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (Some(stdout), Some(stderr)) = (stdout, stderr) else { return Err(io::ErrorKind::BrokenPipe.into()) };
        let mut stderr = BufReader::new(stderr);
        let mut greeting = String::new();
        stderr.read_line(&mut greeting)?;
        let (sender, lines) = channel();
        thread::spawn(move || BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|l| sender.send(l)));
        let listening = Self { child, stdout: lines, stderr };
        match greeting.starts_with(&format!("listening on {interface}, link-type ")) {
            true => Ok(listening),
            false => Err(io::Error::other(format!("greets with {greeting:?}"))),
        }
    }

    /// What it prints, up to the `count`-th line that begins in this way.
    pub fn lines(&self, beginning: &str, count: usize) -> io::Result<Vec<String>> {
        let (mut lines, mut found) = (Vec::new(), 0);
        while found < count {
            let line = self.stdout.recv_timeout(PATIENCE);
            let line = line.map_err(|error| io::Error::other(format!("{error}: {found} of {count} in {lines:#?}")))?;
            found += usize::from(line.starts_with(beginning));
            lines.push(line);
        }
        Ok(lines)
    }

    /// The last line it prints up to one that begins in this way and has this text.
    pub fn lines_until(&self, beginning: &str, text: &str) -> io::Result<Vec<String>> {
        loop {
            let lines = self.lines(beginning, 1)?;
            if lines.last().is_some_and(|line| line.contains(text)) {
                return Ok(lines);
            }
        }
    }

    /// Its lines on standard error up to the one that begins in this way.
    pub fn hears(&mut self, beginning: &str) -> io::Result<Vec<String>> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if self.stderr.read_line(&mut line)? == 0 {
                return Err(io::Error::other(format!("no {beginning:?} in {lines:#?}")));
            }
            let found = line.starts_with(beginning);
            lines.push(line);
            if found {
                return Ok(lines);
            }
        }
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end, which the signal asks for.
    pub fn end(mut self, signal: Signal) -> io::Result<Ended> {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal)?;
        let mut status = None;
        wait_until("the program to end", || {
            status = self.child.try_wait().ok().flatten();
            status.is_some()
        })?;
        let mut stderr = String::new();
        self.stderr.read_to_string(&mut stderr)?;
        let rest = self.stdout.iter().collect();
        Ok(Ended { status: status.ok_or(io::ErrorKind::TimedOut)?, rest, stderr })
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // Where it has ended already there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// Exit status 0 and tcpdump's three lines: this many frames captured, none dropped.
    pub fn check(&self, captured: usize) -> io::Result<()> {
        let lines: Vec<_> = self.stderr.lines().collect();
        let Some([first, received, dropped]) = lines.last_chunk() else {
            return Err(io::Error::other(format!("not three lines at the end: {self:#?}")));
        };
        let right = self.status.success()
            && *first == format!("{captured} packets captured")
            && received.ends_with(" packets received by filter")
            && *dropped == "0 packets dropped by kernel";
        if right { Ok(()) } else { Err(io::Error::other(format!("{captured} frames, but {self:#?}"))) }
    }
}

/// Where and how the program listens to an experiment.
#[derive(Clone, Copy, Debug)]
struct Live {
    setting: Setting,
    /// The client's interface, or `any` for all that it has, or that the router has if there is one.
    interface: &'static str,
    signal: Signal,
}

/// What came of it.
#[derive(Debug)]
struct Explained {
    labels: Vec<Label>,
    /// How many frames the laboratory's own recording has.
    frames: usize,
    /// The lines that came before the signal, up to the last verdict.
    said: Vec<String>,
    ended: Ended,
}

/// Plays the experiment while the program listens. The verdicts have to come by the clock alone: the wire is silent, and
/// the signal is only given when they are all there.
fn explain(experiment: &Scenario, live: Live, (format, last_line): (&[&str], &str)) -> io::Result<Explained> {
    let mut bench = Bench::build(live.setting)?;
    let port = experiment.port.to_string();
    let place = bench.router.as_ref().unwrap_or(&bench.client.namespace);
    let listening = Listening::start(place, live.interface, &[format, &["port", &port]].concat())?;
    (experiment.run)(&bench, experiment.port)?;
    bench.settle();
    check_shape(experiment, live.setting, &bench.capture.segments(experiment.port))?;
    let recording = bench.capture.finish();
    let labels = labels(&recording, &[experiment])?;
    let said = listening.lines(last_line, labels.len())?;
    let ended = listening.end(live.signal)?;
    Ok(Explained { labels, frames: recording.frames.len(), said, ended })
}

/// As JSON: each verdict is right and sure, and nothing was lost.
fn check_json(experiment: &Scenario, live: Live) -> io::Result<()> {
    let Explained { labels, frames, said, ended } = explain(experiment, live, (&["--json"], RESET))?;
    ended.check(frames)?;
    let mut wrong = disagreements(&labels, &parsed(&said)?);
    wrong.extend(unsure(&parsed(&said)?));
    let rest = parsed(&ended.rest)?;
    let summary = json!({"type": "summary", "frames": frames, "resets": labels.len(), "kernel_drops": 0});
    if !matches!(&rest[..], [line] if holds(line, &summary)) {
        wrong.push(format!("{frames} frames, but {rest:?}"));
    }
    all_right(&wrong)
}

/// In a terminal's words: the block of each verdict is whole before the signal, the summary comes after it.
fn check_text(experiment: &Scenario, live: Live) -> io::Result<()> {
    let Explained { labels, frames, said, ended } = explain(experiment, live, (&[], "  check  "))?;
    ended.check(frames)?;
    let mut wrong = Vec::new();
    for label in &labels {
        let class = label.expected.class;
        let is_title = |line: &str| line.to_lowercase().replace(' ', "-").starts_with(&format!("{class}--"));
        let is_sure = |line: &str| line.contains(" · certain ") || line.contains(" · likely ");
        let marked = format!("> #{} ", label.frame);
        if !said.iter().any(|line| is_title(line) && is_sure(line))
            || !said.iter().any(|line| line.starts_with(&marked))
        {
            wrong.push(format!("no {class} of frame {} in {said:#?}", label.frame));
        }
    }
    if !ended.rest.iter().any(|line| line.starts_with(&format!("{frames} frames, {frames} TCP segments, 1 connection")))
    {
        wrong.push(format!("{frames} frames, but {:#?}", ended.rest));
    }
    all_right(&wrong)
}

/// A router that captures on `any` sees each frame come and go: the second sight of a reset is a copy, no event.
fn check_seen_twice(experiment: &Scenario, live: Live) -> io::Result<()> {
    let Explained { labels, frames, said, ended } = explain(experiment, live, (&["--json"], RESET))?;
    ended.check(2 * frames)?;
    let mut lines = said;
    lines.extend(ended.rest);
    let lines = parsed(&lines)?;
    let (copies, verdicts): (Vec<_>, Vec<_>) = lines
        .into_iter()
        .filter(|line| line["type"] == "reset")
        .partition(|verdict| verdict["cause"] == "duplicate" && !verdict["follows"].is_null());
    let mut wrong: Vec<_> = unsure(&verdicts).collect();
    if verdicts.len() != labels.len() || copies.len() != labels.len() {
        wrong.push(format!("{} resets, each twice, but {verdicts:#?} and copies {copies:#?}", labels.len()));
    }
    for verdicts in [&verdicts, &copies] {
        for (verdict, label) in verdicts.iter().zip(&labels) {
            let label = Label { frame: verdict["frame"].as_u64().unwrap_or(0), ..*label };
            wrong.extend(disagreements(&[label], std::slice::from_ref(verdict)));
        }
    }
    all_right(&wrong)
}

/// How a line of `--json` begins that explains a reset.
pub const RESET: &str = "{\"type\":\"reset\"";

pub fn parsed(lines: &[String]) -> io::Result<Vec<Value>> {
    Ok(lines.iter().map(|line| serde_json::from_str(line)).collect::<Result<_, _>>()?)
}

/// Whether an object has all that `wanted` has.
fn holds(line: &Value, wanted: &Value) -> bool {
    wanted.as_object().is_some_and(|wanted| wanted.iter().all(|(key, value)| line[key] == *value))
}

fn unsure(verdicts: &[Value]) -> impl Iterator<Item = String> {
    let unsure =
        verdicts.iter().filter(|verdict| verdict["certainty"] != "certain" && verdict["certainty"] != "likely");
    unsure.map(|verdict| format!("unsure: {verdict}"))
}

fn all_right(wrong: &[String]) -> io::Result<()> {
    if wrong.is_empty() { Ok(()) } else { Err(io::Error::other(wrong.join("; "))) }
}

/// Every experiment on every such interface; each may need some tries to take its shape.
#[track_caller]
fn check_experiments(lives: &[Live], check: fn(&Scenario, Live) -> io::Result<()>) {
    if !may_run() {
        return;
    }
    let plays = EXPERIMENTS.iter().flat_map(|experiment| lives.iter().map(move |live| (*experiment, *live)));
    check_each(plays, |experiment, live| retry(&format!("{} {live:?}", experiment.name), || check(experiment, live)));
}

/// Large frames, as the experiment with an upload in it has to be quick.
fn ipv4() -> Setting {
    Setting { mtu: 9000, ..Setting::default() }
}

fn ipv6() -> Setting {
    Setting { ipv6: true, ..ipv4() }
}

#[test]
fn experiments_are_explained_as_they_happen() {
    let on = |setting, interface, signal| Live { setting, interface, signal };
    let lives = [
        on(ipv4(), INTERFACE, Signal::SIGTERM),
        on(ipv6(), INTERFACE, Signal::SIGINT),
        on(ipv4(), "any", Signal::SIGINT),
    ];
    check_experiments(&lives, check_json);
}

#[test]
fn experiments_are_told_in_words_as_they_happen() {
    check_experiments(&[Live { setting: ipv4(), interface: INTERFACE, signal: Signal::SIGINT }], check_text);
}

#[test]
fn a_reset_that_a_router_sees_twice_is_one_event() {
    let routed =
        |setting| Live { setting: Setting { routed: true, ..setting }, interface: "any", signal: Signal::SIGTERM };
    check_experiments(&[routed(ipv4()), routed(ipv6())], check_seen_twice);
}

/// Resets that are alike to the last bit, each seen twice: some answer several segments in flight, others come over and over.
#[test]
fn alike_resets_that_a_router_sees_twice_are_told_apart() {
    if !may_run() {
        return;
    }
    let routed = |ipv6| Setting { routed: true, ipv6, ..Setting::default() };
    let live = |ipv6| Live { setting: routed(ipv6), interface: "any", signal: Signal::SIGINT };
    let plays = ALIKE.iter().flat_map(|scenario| [false, true].map(|ipv6| (*scenario, live(ipv6))));
    check_each(plays, |scenario, live| retry(scenario.name, || check_seen_twice(scenario, live)));
}

const ALIKE: [&Scenario; 6] =
    [&ANSWERS_IN_FLIGHT, &DOWNLOAD_ABORTED, &PROBES, &LATE_SEGMENT, &ACCEPT_QUEUE_OVERFLOW, &ASSASSINATION];

/// On `lo` each packet passes the capture point going out and coming in; libpcap shows one of them, also on `any`.
#[test]
fn loopback_is_seen_once() {
    if !may_run() {
        return;
    }
    for interface in ["lo", "any"] {
        for address in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
            check_loopback(interface, address).unwrap_or_else(|error| panic!("{interface} {address}: {error}"));
        }
    }
}

/// A port where nobody listens, and a connection that the server aborts.
fn check_loopback(interface: &str, address: IpAddr) -> io::Result<()> {
    let host = Host { namespace: Namespace::create(LOOPBACK.fetch_add(1, Ordering::Relaxed), "alone")?, address };
    let listening = Listening::start(&host.namespace, interface, &["--json", "tcp"])?;
    let refused = host.connect(SocketAddr::new(address, 54321)).map(drop);
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    let listener = host.listen(6001)?;
    let client = host.connect(SocketAddr::new(address, 6001))?;
    let server = listener.accept()?;
    exchange(&client, &server)?;
    server.abort()?;
    let verdicts = parsed(&listening.lines(RESET, 2)?)?;
    let classes: Vec<_> = verdicts.iter().map(|verdict| &verdict["class"]).collect();
    assert_eq!(classes, ["closed-port", "abortive-close"]);
    assert_eq!(unsure(&verdicts).collect::<Vec<_>>(), [""; 0]);
    let ended = listening.end(Signal::SIGINT)?;
    let summary = parsed(&ended.rest)?;
    assert!(matches!(&summary[..], [line] if holds(line, &json!({"resets": 2, "events": 2, "kernel_drops": 0}))));
    ended.check(summary[0]["frames"].as_u64().unwrap_or(0) as usize)
}

/// The numbers of the namespaces of [`check_loopback`].
static LOOPBACK: AtomicU32 = AtomicU32::new(0);

/// The signal comes while the verdict is held, and ends the wait for what might follow the reset.
#[test]
fn a_signal_brings_out_what_is_held() {
    if !may_run() {
        return;
    }
    for (interface, signal) in [(INTERFACE, Signal::SIGINT), ("any", Signal::SIGINT), ("any", Signal::SIGTERM)] {
        let bench = Bench::build(ipv4()).expect("a bench");
        let words = ["--json", "--settle", "86400", "port", "54321"];
        let listening = Listening::start(&bench.client.namespace, interface, &words).expect("it listens");
        (NO_LISTENER.run)(&bench, NO_LISTENER.port).expect("the reset");
        let ended = listening.end(signal).expect("it ends");
        ended.check(2).expect("the counts");
        let lines = parsed(&ended.rest).expect("JSON");
        assert!(matches!(&lines[..], [verdict, _] if verdict["class"] == "closed-port"), "{lines:?}");
    }
}
