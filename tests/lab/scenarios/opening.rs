//! More resets while a connection is being opened: impossible answers, cookies, simultaneous open, Fast Open.

use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use rstscan::tcp::{Flags, SeqNum};

use crate::bench::Bench;
use crate::craft::Crafted;
use crate::scenarios::abort::{ABORT, exchange};
use crate::scenarios::handshake::crafted_syn;
use crate::segment::Segment;
use crate::truth::{Expected, Scenario};

const HALF_OPEN: &str = "half-open-response";
const CLOSED_PORT: &str = "closed-port";
const ABORTIVE_CLOSE: &str = "abortive-close";
const SYN_ACK: Flags = Flags::SYN.with(Flags::ACK);
/// Hand-made segments have the window 1024, resets of a kernel that answers 0.
const KERNEL_IS_SILENT: &str = "tcp flags & rst == rst tcp window 0 drop";

/// The scenarios of this file.
pub const ALL: &[Scenario] = &[
    IMPOSSIBLE_ECHO,
    COOKIE_REFUSED,
    REQUEST_KILLED,
    REFUSED_IN_WORDS,
    SIMULTANEOUS_OPEN_ABORTED,
    UNSENT_ACK,
    TOO_OLD_ACK,
    FAST_OPEN_UNREAD,
    FAST_OPEN_ABORTED_EARLY,
];

/// A SYN|ACK with the right number and a timestamp that was never sent.
const IMPOSSIBLE_ECHO: Scenario = Scenario::new(
    ("paws-reject", 4101),
    "> S, < S., > R",
    &[Expected::only(HALF_OPEN, &["paws-reject"])],
    |bench, port| {
        if !bench.setting.timestamps {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "needs timestamps"));
        }
        let _listener = bench.listen(port)?;
        let rule = format!("tcp sport {port} tcp flags & (syn|ack) == (syn|ack) tcp window != 1024 drop");
        let _lost = bench.server.namespace.filter("output", &rule)?;
        let client = bench.client.start_connecting(0, bench.server_at(port))?;
        let syn = first(bench, port, |s| s.flags.syn())?;
        let (sent, _) = syn.timestamps.ok_or(io::ErrorKind::NotFound)?;
        let mut options = vec![1, 1, 8, 10];
        options.extend(1000_u32.to_be_bytes());
        options.extend(sent.wrapping_add(1_000_000).to_be_bytes());
        let (src, dst, ack) = (syn.dst, syn.src, syn.seq.plus(1));
        let answer = Crafted { src, dst, flags: SYN_ACK, seq: SeqNum(5_000), ack, options: &options, payload: b"" };
        bench.server.send(&answer)?;
        bench.capture.wait_for_resets(port, 1)?;
        client.close();
        Ok(())
    },
);

/// A server that keeps nothing of a SYN (SYN cookies) refuses an ACK that is none of its cookies.
const COOKIE_REFUSED: Scenario = Scenario::new(
    ("syn-cookie-refused", 4102),
    "> S, < S., > ., < R",
    &[Expected::or(HALF_OPEN, &[CLOSED_PORT], &["bad-handshake-ack"])],
    |bench, port| {
        bench.server.namespace.set("ipv4/tcp_syncookies", "2")?;
        let _listener = bench.listen(port)?;
        let _silent = bench.client.namespace.filter("output", KERNEL_IS_SILENT)?;
        crafted_syn(bench, port, 43_101, 1_000)?;
        let answer = first(bench, port, |s| s.flags.syn() && s.flags.ack())?;
        crafted_ack(bench, &answer, answer.seq.plus(800_000))?;
        bench.capture.wait_for_resets(port, 1)
    },
);

/// The opener's own reset kills the request; its ACK, sent all the same, finds none.
const REQUEST_KILLED: Scenario = Scenario::new(
    ("request-killed", 4103),
    "> S, < S., > R, > ., < R",
    &[Expected::or(HALF_OPEN, &["forged"], &[]).by_other(), Expected::or(HALF_OPEN, &[CLOSED_PORT, "forged"], &[])],
    |bench, port| {
        let _listener = bench.listen(port)?;
        let _silent = bench.client.namespace.filter("output", KERNEL_IS_SILENT)?;
        crafted_syn(bench, port, 43_201, 1_000)?;
        let answer = first(bench, port, |s| s.flags.syn() && s.flags.ack())?;
        // The kernel's own reset, which does not leave the host, has an event too.
        thread::sleep(Duration::from_millis(20));
        let (src, dst, seq) = (answer.dst, answer.src, answer.ack);
        let reset = Crafted { src, dst, flags: Flags::RST, seq, ack: SeqNum(0), options: &[], payload: b"" };
        bench.client.send(&reset)?;
        thread::sleep(Duration::from_millis(20));
        crafted_ack(bench, &answer, answer.seq.plus(1))?;
        bench.capture.wait_for_resets(port, 2)
    },
);

/// A refusal that says why in its payload, as some proxies send it.
const REFUSED_IN_WORDS: Scenario = Scenario::new(
    ("refused-in-words", 4104),
    "> S, < R.",
    &[Expected::or(CLOSED_PORT, &["forged"], &[]).by_other()],
    |bench, port| {
        let _deaf = bench.server.namespace.filter("input", &format!("tcp dport {port} drop"))?;
        let _client = bench.client.start_connecting(0, bench.server_at(port))?;
        let syn = first(bench, port, |s| s.flags.syn())?;
        let (src, dst, ack) = (syn.dst, syn.src, syn.seq.plus(1));
        let flags = Flags::RST.with(Flags::ACK);
        let payload = b"no such service";
        bench.server.send(&Crafted { src, dst, flags, seq: SeqNum(0), ack, options: &[], payload })?;
        bench.capture.wait_for_resets(port, 1)
    },
);

/// Two SYNs cross, each side is opener and acceptor; then one side aborts.
const SIMULTANEOUS_OPEN_ABORTED: Scenario = Scenario::new(
    ("simultaneous-open-aborted", 4105),
    "> S, < S, < R.",
    &[Expected::only(
        ABORTIVE_CLOSE,
        &["connect-then-reset", "abort", "linger-zero", "listener-closed", "unread-data"],
    )],
    |bench, port| {
        let from = SocketAddr::new(bench.client.address, 43_301);
        // Neither hears the first SYN of the other.
        let deaf = bench.client.namespace.filter("input", &format!("tcp sport {port} drop"))?;
        let deaf_too = bench.server.namespace.filter("input", &format!("tcp dport {port} drop"))?;
        let client = bench.client.start_connecting(from.port(), bench.server_at(port))?;
        let server = bench.server.start_connecting(port, from)?;
        bench.capture.wait_for(port, |segments| segments.len() >= 2)?;
        drop((deaf, deaf_too));
        bench.capture.wait_for(port, |s| s.iter().any(|s| s.src.port() == port && s.flags.ack()))?;
        thread::sleep(Duration::from_millis(100));
        for end in [&client, &server] {
            end.socket().set_nonblocking(false)?;
        }
        exchange(&client, &server)?;
        server.abort()?;
        bench.capture.wait_for_resets(port, 1)
    },
);

/// A side in SYN-RECEIVED after crossing SYNs gets an ACK of what it never sent.
const UNSENT_ACK: Scenario = Scenario::new(
    ("simultaneous-open-unsent-ack", 4106),
    "< S, > S, < S., > ., < R",
    &[Expected::or(HALF_OPEN, &[CLOSED_PORT], &["bad-handshake-ack"])],
    |bench, port| crossing_syn(bench, port, |number| number.plus(500_000)),
);

/// The same with an ACK of long ago.
const TOO_OLD_ACK: Scenario = Scenario::new(
    ("simultaneous-open-old-ack", 4107),
    "< S, > S, < S., > ., < R",
    &[Expected::or(HALF_OPEN, &[CLOSED_PORT], &["bad-handshake-ack"])],
    |bench, port| crossing_syn(bench, port, |number| number.minus(500_000)),
);

/// The server closes without reading what came with the SYN.
const FAST_OPEN_UNREAD: Scenario = Scenario::new(
    ("fast-open-unread", 4108),
    "> S, < S., > ., < R.",
    &[Expected::only(
        ABORTIVE_CLOSE,
        &["unread-data", "abort", "linger-zero", "listener-closed", "connect-then-reset"],
    )],
    |bench, port| {
        let (listener, _client) = fast_open(bench, port)?;
        let server = listener.accept()?;
        server.await_arrival()?;
        bench.capture.wait_for(port, |s| s.iter().any(|s| s.dst.port() == port && s.is_pure_ack()))?;
        thread::sleep(Duration::from_millis(30));
        server.close();
        bench.capture.wait_for_resets(port, 1)
    },
);

/// The server aborts what came with the SYN before the handshake has ended.
const FAST_OPEN_ABORTED_EARLY: Scenario = Scenario::new(
    ("fast-open-aborted-early", 4109),
    "> S, < S., < R.",
    &[
        Expected::only(ABORTIVE_CLOSE, ABORT_OF_AN_OPENING),
        Expected::or(ABORTIVE_CLOSE, &[HALF_OPEN, CLOSED_PORT], &[]),
    ],
    |bench, port| {
        let deaf = bench.server.namespace.filter("input", &format!("tcp dport {port} tcp flags & syn == 0 drop"))?;
        let (listener, _client) = fast_open(bench, port)?;
        let server = listener.accept()?;
        server.receive_arrived()?;
        server.abort()?;
        bench.capture.wait_for_resets(port, 1)?;
        drop(deaf);
        Ok(())
    },
);

const ABORT_OF_AN_OPENING: &[&str] =
    &[ABORT[0], ABORT[1], ABORT[2], "connect-then-reset", "listener-closed", "rst-after-fin"];

/// A listener with Fast Open and a client that sends data with its SYN; neither needs a cookie.
fn fast_open(bench: &Bench, port: u16) -> io::Result<(crate::sockets::Listener, crate::sockets::Connection)> {
    // Client and server without cookie (0x4, 0x200), every listener (0x400).
    bench.server.namespace.set("ipv4/tcp_fastopen", "1539")?;
    bench.client.namespace.set("ipv4/tcp_fastopen", "5")?;
    let listener = bench.listen(port)?;
    let client = bench.client.start_connecting_with(b"an early question", bench.server_at(port))?;
    Ok((listener, client))
}

/// The server connects to a silent client, whose SYN crosses, and gets an ACK of a number made of its own.
fn crossing_syn(bench: &Bench, port: u16, acknowledged: impl Fn(SeqNum) -> SeqNum) -> io::Result<()> {
    let _silent = bench.client.namespace.filter("output", KERNEL_IS_SILENT)?;
    let from = 43_401;
    let _server = bench.server.start_connecting(port, SocketAddr::new(bench.client.address, from))?;
    let syn = first(bench, port, |s| s.flags.syn())?;
    crafted_syn(bench, port, from, 1_000)?;
    let answer = first(bench, port, |s| s.flags.syn() && s.flags.ack())?;
    crafted_ack(bench, &answer, acknowledged(syn.seq))?;
    bench.capture.wait_for_resets(port, 1)
}

/// A hand-made third segment.
fn crafted_ack(bench: &Bench, answer: &Segment, ack: SeqNum) -> io::Result<()> {
    let (src, dst, seq) = (answer.dst, answer.src, answer.ack);
    bench.client.send(&Crafted { src, dst, flags: Flags::ACK, seq, ack, options: &[], payload: b"" })
}

/// The first segment of this kind, once it is on record.
fn first(bench: &Bench, port: u16, wanted: impl Fn(&Segment) -> bool) -> io::Result<Segment> {
    bench.capture.wait_for(port, |segments| segments.iter().any(&wanted))?;
    bench.capture.segments(port).into_iter().find(&wanted).ok_or_else(|| io::ErrorKind::NotFound.into())
}
