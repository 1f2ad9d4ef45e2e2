//! `--kernel` with thousands of connections of every kind: each RST that the kernel sends has its reason, or is named as lost.
//!
//! What the kernel said is read a second time, by the laboratory's own trace, and what was on the wire by its own recording.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use rstscan::tcp::{Flags, SeqNum};
use serde_json::Value;
use socket2::{Socket, TcpKeepalive};

use crate::bench::{Bench, INTERFACE, Setting};
use crate::craft::Crafted;
use crate::kernel::{Event, Trace};
use crate::live::{Listening, RESET, parsed};
use crate::may_run;
use crate::scenarios::abort::exchange;
use crate::sockets::{Connection, Listener};

/// Each connection has a server port of its own, ten thousand in all, which no other test uses: its events are told by that.
const PORTS: std::ops::Range<u16> = 22_000..32_000;
/// Connections at the same time.
const AT_ONCE: usize = 6;
/// One in so many is of a kind that takes long.
const SELDOM: usize = 50;
/// Longer than any keepalive of these connections.
const KEEPALIVES_OVER: Duration = Duration::from_millis(4500);

/// One way to end a connection with the server port.
type Kind = fn(&Bench, u16) -> io::Result<()>;

/// What is quick.
const KINDS: &[Kind] = &[
    in_order,
    refused,
    probed,
    |bench, port| aborted(bench, port, Side::Server),
    |bench, port| aborted(bench, port, Side::Client),
    |bench, port| unread(bench, port, Side::Server),
    |bench, port| unread(bench, port, Side::Client),
    sent_after_close,
    forgotten,
    listener_closed,
    disconnected,
    without_fin_wait,
    scanned,
    stray_ack,
    time_wait,
    aborted_unaccepted,
];
/// The place of `forgotten` among them: which ports the client is not to hear an abort from.
const FORGOTTEN: usize = 8;
/// What takes milliseconds.
const SLOW: &[Kind] = &[killed, destroyed];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// A connection with a listener that stays, the client's end first.
fn established(bench: &Bench, port: u16) -> io::Result<(Connection, Connection, Listener)> {
    let listener = bench.listen(port)?;
    let client = bench.client.connect(bench.server_at(port))?;
    let server = listener.accept()?;
    Ok((client, server, listener))
}

fn in_order(bench: &Bench, port: u16) -> io::Result<()> {
    let (client, server, _listener) = established(bench, port)?;
    exchange(&client, &server)?;
    client.close();
    server.receive_to_end().map(drop)
}

fn refused(bench: &Bench, port: u16) -> io::Result<()> {
    match bench.client.connect(bench.server_at(port)) {
        Ok(_) => Err(io::Error::other(format!("port {port} is open"))),
        Err(_) => Ok(()),
    }
}

/// Segments of no connection to a port where nobody listens.
fn probed(bench: &Bench, port: u16) -> io::Result<()> {
    let src = SocketAddr::new(bench.client.address, 1000);
    for flags in [Flags::FIN, Flags(0), Flags::ACK] {
        let (dst, seq, ack) = (bench.server_at(port), SeqNum(1_000_000), SeqNum(7));
        bench.client.send(&Crafted { src, dst, flags, seq, ack, options: &[], payload: b"" })?;
    }
    Ok(())
}

fn aborted(bench: &Bench, port: u16, by: Side) -> io::Result<()> {
    let (client, server, _listener) = established(bench, port)?;
    exchange(&client, &server)?;
    if by == Side::Client { client.abort() } else { server.abort() }
}

fn unread(bench: &Bench, port: u16, by: Side) -> io::Result<()> {
    let (client, server, _listener) = established(bench, port)?;
    let (own, peer) = if by == Side::Client { (client, server) } else { (server, client) };
    peer.send(b"never read")?;
    own.await_arrival()?;
    own.close();
    Ok(())
}

fn sent_after_close(bench: &Bench, port: u16) -> io::Result<()> {
    let (client, server, _listener) = established(bench, port)?;
    server.close();
    client.receive_to_end()?;
    client.send(b"too late")
}

/// The client does not hear that the server has aborted.
fn forgotten(bench: &Bench, port: u16) -> io::Result<()> {
    let (client, server, _listener) = established(bench, port)?;
    exchange(&client, &server)?;
    server.abort()?;
    client.send(b"are you there?")
}

fn listener_closed(bench: &Bench, port: u16) -> io::Result<()> {
    let listener = bench.listen(port)?;
    let clients = (0..3).map(|_| bench.client.connect(bench.server_at(port))).collect::<io::Result<Vec<_>>>()?;
    drop(listener);
    drop(clients);
    Ok(())
}

fn disconnected(bench: &Bench, port: u16) -> io::Result<()> {
    let (client, _server, _listener) = established(bench, port)?;
    client.disconnect()
}

fn without_fin_wait(bench: &Bench, port: u16) -> io::Result<()> {
    let (_client, server, _listener) = established(bench, port)?;
    server.without_fin_wait_2()?;
    server.close();
    Ok(())
}

/// A SYN from nobody: its host refuses the answer.
fn scanned(bench: &Bench, port: u16) -> io::Result<()> {
    let _listener = bench.listen(port)?;
    let (src, dst) = (SocketAddr::new(bench.client.address, 1001), bench.server_at(port));
    let (flags, seq, ack) = (Flags::SYN, SeqNum(1_000_000), SeqNum(0));
    bench.client.send(&Crafted { src, dst, flags, seq, ack, options: &[], payload: b"" })
}

/// An ACK of no handshake to a listener.
fn stray_ack(bench: &Bench, port: u16) -> io::Result<()> {
    let _listener = bench.listen(port)?;
    let (src, dst) = (SocketAddr::new(bench.client.address, 1002), bench.server_at(port));
    let (flags, seq, ack) = (Flags::ACK, SeqNum(1_000_000), SeqNum(77));
    bench.client.send(&Crafted { src, dst, flags, seq, ack, options: &[], payload: b"" })
}

/// An old segment meets TIME-WAIT, whose answer meets nobody.
fn time_wait(bench: &Bench, port: u16) -> io::Result<()> {
    let (client, server, _listener) = established(bench, port)?;
    let (src, dst) = (client.local()?, bench.server_at(port));
    server.close();
    client.receive_to_end()?;
    client.close();
    let (flags, seq, ack) = (Flags::ACK.with(Flags::PSH), SeqNum(1), SeqNum(1));
    bench.client.send(&Crafted { src, dst, flags, seq, ack, options: &[], payload: b"an old request" })
}

/// The client aborts before anybody has accepted.
fn aborted_unaccepted(bench: &Bench, port: u16) -> io::Result<()> {
    let _listener = bench.listen(port)?;
    bench.client.connect(bench.server_at(port))?.abort()
}

/// A process is killed that has not read what came.
fn killed(bench: &Bench, port: u16) -> io::Result<()> {
    let (client, server, _listener) = established(bench, port)?;
    client.send(b"never read")?;
    server.await_arrival()?;
    let descriptor = std::os::fd::OwnedFd::from(server.socket().try_clone()?);
    let mut child = Command::new("sleep").arg("60").stdin(Stdio::from(descriptor)).spawn()?;
    drop(server);
    child.kill()?;
    child.wait().map(drop)
}

/// As an administrator does.
fn destroyed(bench: &Bench, port: u16) -> io::Result<()> {
    let (_client, _server, listener) = established(bench, port)?;
    drop(listener);
    bench.server.destroy(port)
}

/// The kind of the `number`-th connection.
fn kind(number: usize) -> Kind {
    if number.is_multiple_of(SELDOM) { SLOW[number / SELDOM % SLOW.len()] } else { KINDS[number % KINDS.len()] }
}

/// The ports of what takes seconds and is done beside the others: keepalives that nobody answers, and accept queues that overflow.
struct Beside {
    unanswered: Vec<u16>,
    overflowing: Vec<u16>,
}

impl Beside {
    const UNANSWERED: usize = 40;
    const OVERFLOWING: usize = 10;
    /// So many clients find a place in the queue; as many more only find one at first.
    const QUEUED: usize = 3;

    /// The last of the ports.
    fn of(ports: &[u16]) -> Self {
        let (ports, unanswered) = ports.split_at(ports.len() - Self::UNANSWERED);
        let overflowing = &ports[ports.len() - Self::OVERFLOWING..];
        Self { unanswered: unanswered.to_vec(), overflowing: overflowing.to_vec() }
    }

    fn play(&self, bench: &Bench) -> io::Result<()> {
        let unanswered = self.unanswered.iter().map(|port| keeping_alive(bench, *port));
        let held = unanswered.collect::<io::Result<Vec<_>>>()?;
        let asked = Instant::now();
        self.overflow(bench)?;
        thread::sleep(KEEPALIVES_OVER.saturating_sub(asked.elapsed()));
        drop(held);
        Ok(())
    }

    /// Handshakes end together, when the server hears the answers to its second SYN|ACK.
    fn overflow(&self, bench: &Bench) -> io::Result<()> {
        let rule = format!("tcp dport {} tcp flags & (syn|ack) == ack drop", set(&self.overflowing));
        let connect = |port: &u16| bench.client.connect(bench.server_at(*port));
        let connect_all = |port: &u16| (0..Self::QUEUED).map(|_| connect(port)).collect::<io::Result<Vec<_>>>();
        let listen = |port: &u16| bench.server.listen_with_backlog(*port, Self::QUEUED as i32);
        let listeners = self.overflowing.iter().map(listen).collect::<io::Result<Vec<_>>>()?;
        let queued = self.overflowing.iter().map(connect_all).collect::<io::Result<Vec<_>>>()?;
        let deaf = bench.server.namespace.filter("input", &rule)?;
        let late = self.overflowing.iter().map(connect_all).collect::<io::Result<Vec<_>>>()?;
        drop(deaf);
        // The second SYN|ACK comes a second after the first.
        thread::sleep(Duration::from_millis(2500));
        drop((listeners, queued, late));
        Ok(())
    }
}

/// A connection whose server asks a client that it cannot hear.
fn keeping_alive(bench: &Bench, port: u16) -> io::Result<(Connection, Connection, Listener)> {
    let ends = established(bench, port)?;
    let second = Duration::from_secs(1);
    let server: &Socket = ends.1.socket();
    server.set_tcp_keepalive(&TcpKeepalive::new().with_time(second).with_interval(second).with_retries(1))?;
    if port.is_multiple_of(2) {
        server.set_tcp_user_timeout(Some(second / 2))?;
    }
    Ok(ends)
}

fn set(ports: &[u16]) -> String {
    let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
    format!("{{ {} }}", ports.join(", "))
}

/// All connections, some at the same time.
fn play(bench: &Bench, (ports, beside): (&[u16], &Beside)) -> io::Result<()> {
    let started = AtomicUsize::new(0);
    let work = || -> io::Result<()> {
        loop {
            let number = started.fetch_add(1, Ordering::Relaxed);
            let Some(&port) = ports.get(number) else { return Ok(()) };
            kind(number)(bench, port).map_err(|error| io::Error::other(format!("connection {number}: {error}")))?;
        }
    };
    thread::scope(|scope| {
        let slow = scope.spawn(|| beside.play(bench));
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        let mut ends = workers.into_iter().chain([slow]).map(|worker| worker.join());
        ends.try_for_each(|end| end.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// Both ends of a reset, from its sender to its receiver.
type Ends = (SocketAddr, SocketAddr);

/// The reasons of resets by their ends.
type Reasons = BTreeMap<(SocketAddr, Option<SocketAddr>), Vec<String>>;

/// What there is to compare.
struct Played {
    /// The ports at which listeners refused.
    listeners: BTreeSet<u16>,
    /// How many resets of these ends were on the wire.
    wire: BTreeMap<Ends, usize>,
    /// What the kernel noted.
    events: Vec<Event>,
    /// The lines of resets.
    said: Vec<Value>,
    seconds: f64,
}

fn played() -> io::Result<Option<Played>> {
    let Some(trace) = Trace::start_or_say() else { return Ok(None) };
    let mut bench = Bench::build(Setting { capture_at_server: true, ..Setting::default() })?;
    bench.server.namespace.set("ipv4/tcp_abort_on_overflow", "1")?;
    let ports: Vec<u16> = PORTS.collect();
    let beside = Beside::of(&ports);
    let (ports, _) = ports.split_at(ports.len() - Beside::UNANSWERED - Beside::OVERFLOWING);
    let is_forgotten = |(number, _): &(usize, &u16)| *number % KINDS.len() == FORGOTTEN;
    let forgotten: Vec<u16> = ports.iter().enumerate().filter(is_forgotten).map(|(_, port)| *port).collect();
    let _deaf = bench.client.namespace.filter_all(
        "input",
        &[
            &format!("tcp sport {} tcp flags & (rst|ack) == (rst|ack) drop", set(&forgotten)),
            &format!("tcp sport {} tcp flags & (fin|syn|rst|psh|ack) == ack drop", set(&beside.unanswered)),
        ],
    )?;
    let words = ["--kernel", "--json", "portrange", &format!("{}-{}", PORTS.start, PORTS.end - 1)];
    let listening = Listening::start(&bench.server.namespace, INTERFACE, &words)?;
    let began = Instant::now();
    play(&bench, (ports, &beside))?;
    let seconds = began.elapsed().as_secs_f64();
    bench.settle();
    let ended = listening.end(Signal::SIGINT)?;
    let said = parsed(&ended.rest)?.into_iter().filter(|line| line["type"] == "reset").collect();
    assert!(ended.status.success() && ended.rest.iter().any(|line| line.starts_with(RESET)), "{}", ended.stderr);
    let mut wire = BTreeMap::new();
    let recording = bench.capture.finish();
    for reset in recording.segments().filter(|segment| segment.flags.rst()) {
        *wire.entry((reset.src, reset.dst)).or_insert(0) += 1;
    }
    let is_own = |event: &Event| [event.src, event.dst].iter().any(|end| is_port(&bench, *end));
    let events: Vec<_> = trace.events()?.into_iter().filter(is_own).collect();
    let listeners = events.iter().filter(|event| event.dst.port() == 0).map(|event| event.src.port()).collect();
    Ok(Some(Played { listeners, wire, events, said, seconds }))
}

/// Whether an end is one of these server ports; a listener's event may lack the address.
fn is_port(bench: &Bench, end: SocketAddr) -> bool {
    PORTS.contains(&end.port()) && (end.ip() == bench.server.address || end.ip().is_unspecified())
}

impl Played {
    /// What is missing, or other than the kernel said.
    fn wrong(&self) -> Vec<String> {
        let (mut told, mut wrong) = (BTreeMap::new(), Vec::new());
        let (mut said, mut lost) = (Reasons::new(), Reasons::new());
        for line in &self.said {
            let kernel = &line["kernel"];
            match (ends(line), kernel["sent"].as_str(), kernel["reason"].as_str()) {
                (Some(ends), Some("by-tcp"), Some(reason)) => self.note(&mut said, ends, reason),
                (Some(ends), Some("events-lost"), _) => self.note(&mut lost, ends, ""),
                _ => wrong.push(format!("no reason: {line}")),
            }
            *told.entry(ends(line)).or_insert(0) += 1;
        }
        for (ends, count) in &self.wire {
            let known = told.get(&Some(*ends)).unwrap_or(&0);
            if known != count {
                wrong.push(format!("{} > {}: {count} on the wire, {known} told", ends.0, ends.1));
            }
        }
        let mut noted = Reasons::new();
        for event in &self.events {
            self.note(&mut noted, (event.src, event.dst), &event.reason);
            if event.dst.port() != 0 && !self.wire.contains_key(&(event.src, event.dst)) {
                wrong.push(format!("not on the wire: {event:?}"));
            }
        }
        for (ends, reasons) in &noted {
            let said = said.get(ends).map_or(&[] as &[String], Vec::as_slice);
            if said != reasons && !lost.contains_key(ends) {
                wrong.push(format!("{ends:?}: the kernel noted {reasons:?}, told were {said:?}"));
            }
        }
        wrong
    }

    /// Notes a reason, sorted among those of the same ends: of the sender alone where it is a listener, whose events lack the peer.
    fn note(&self, reasons: &mut Reasons, (src, dst): Ends, reason: &str) {
        let dst = (!self.listeners.contains(&src.port())).then_some(dst);
        let src = if dst.is_some() { src } else { SocketAddr::new([0, 0, 0, 0].into(), src.port()) };
        let same = reasons.entry((src, dst)).or_default();
        same.insert(same.partition_point(|other| &**other < reason), reason.to_owned());
    }

    /// Says how many there were of each reason, on the real standard error.
    fn say(&self) {
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        for line in &self.said {
            let kernel = &line["kernel"];
            let word = kernel["reason"].as_str().or(kernel["sent"].as_str()).unwrap_or("none");
            *reasons.entry(word).or_insert(0) += 1;
        }
        let (connections, seconds) = (PORTS.len(), self.seconds);
        let (count, events) = (self.said.len(), self.events.len());
        let _ = writeln!(
            io::stderr(),
            "--kernel: {connections} connections in {seconds:.1} s, {events} events of the kernel, {count} resets explained: {reasons:?}"
        );
    }
}

fn ends(line: &Value) -> Option<Ends> {
    let end = |address: &str, port: &str| {
        Some(SocketAddr::new(line[address].as_str()?.parse().ok()?, line[port].as_u64()?.try_into().ok()?))
    };
    Some((end("src", "sport")?, end("dst", "dport")?))
}

#[test]
fn every_reset_of_the_kernel_has_its_reason() {
    if !may_run() {
        return;
    }
    let Some(played) = played().expect("the laboratory is there") else { return };
    played.say();
    let wrong = played.wrong();
    let first: Vec<_> = wrong.iter().take(20).cloned().collect();
    assert!(wrong.is_empty(), "{} wrong, among them\n{}", wrong.len(), first.join("\n"));
}
