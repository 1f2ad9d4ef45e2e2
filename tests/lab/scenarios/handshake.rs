//! Resets while a connection is being opened, other than a plain refusal.

use std::io;
use std::net::SocketAddr;

use rstscan::tcp::{Flags, SeqNum};

use crate::bench::Bench;
use crate::craft::Crafted;
use crate::truth::{Expected, Place, Scenario};

const HALF_OPEN: &str = "half-open-response";
const CLOSED_PORT: &str = "closed-port";
const ABORTIVE_CLOSE: &str = "abortive-close";

/// The scenarios of this file.
pub const ALL: &[Scenario] = &[
    ABANDONED,
    SYN_SCAN,
    BACKSCATTER,
    STALE_SYN_ACK,
    BAD_HANDSHAKE_ACK,
    SYN_CONFLICT,
    ACCEPT_QUEUE_OVERFLOW,
    LISTENER_GONE,
];

const fn opening(
    (name, port): (&'static str, u16),
    shape: &'static str,
    resets: &'static [Expected],
    run: fn(&Bench, u16) -> io::Result<()>,
) -> Scenario {
    Scenario { name, port, shape, resets, place: Place::Wire, either_side: false, run }
}

/// The client gives up before the SYN|ACK arrives: the first one is lost, the second finds nobody.
pub const ABANDONED: Scenario = opening(
    ("handshake-abandoned", 4001),
    "> S, < S., > R",
    &[Expected::only(HALF_OPEN, &["handshake-abandoned"])],
    |bench, port| {
        let _listener = bench.listen(port)?;
        let lost = bench.server.namespace.filter("output", &format!("tcp sport {port} drop"))?;
        let client = bench.client.start_connecting(0, bench.server_at(port))?;
        bench.capture.wait_for(port, |segments| !segments.is_empty())?;
        client.close();
        drop(lost);
        bench.capture.wait_for_resets(port, 1)
    },
);

/// A scanner's hand-made SYN finds an open port; the scanner's kernel knows nothing of it.
pub const SYN_SCAN: Scenario = opening(
    ("syn-scan", 4002),
    "> S, < S., > R",
    &[Expected::only(HALF_OPEN, &["syn-scan", "handshake-abandoned"])],
    |bench, port| {
        let _listener = bench.listen(port)?;
        for count in 1..=3 {
            crafted_syn(bench, port, 41_000 + count, 77_000)?;
            bench.capture.wait_for_resets(port, count.into())?;
        }
        Ok(())
    },
);

/// A SYN|ACK reaches a host that never asked, as the victim of a flood with forged sources sees it.
pub const BACKSCATTER: Scenario = opening(
    ("backscatter", 4003),
    "< S., > R",
    &[Expected::or(
        HALF_OPEN,
        &["undetermined", "closed-port"],
        &["backscatter", "probe-answered", "starts-mid-connection"],
    )],
    |bench, port| {
        let (src, dst) = (bench.server_at(port), SocketAddr::new(bench.client.address, 42_001));
        let (seq, ack) = (SeqNum(5_000), SeqNum(9_001));
        bench.server.send(&Crafted {
            src,
            dst,
            flags: Flags::SYN.with(Flags::ACK),
            seq,
            ack,
            options: &[],
            payload: b"",
        })?;
        bench.capture.wait_for_resets(port, 1)
    },
);

/// A SYN|ACK of another time answers the SYN.
pub const STALE_SYN_ACK: Scenario = opening(
    ("stale-syn-ack", 4004),
    "> S, < S., > R",
    &[Expected::only(HALF_OPEN, &["stale-syn-ack"])],
    |bench, port| {
        let _listener = bench.listen(port)?;
        // The listener's own SYN|ACK is lost; the hand-made one is told by its window.
        let rule = format!("tcp sport {port} tcp flags & (syn|ack) == (syn|ack) tcp window != 1024 drop");
        let _lost = bench.server.namespace.filter("output", &rule)?;
        let client = bench.client.start_connecting(0, bench.server_at(port))?;
        bench.capture.wait_for(port, |segments| !segments.is_empty())?;
        let segments = bench.capture.segments(port);
        let syn = segments.first().ok_or(io::ErrorKind::NotFound)?;
        let (src, dst, ack) = (syn.dst, syn.src, syn.seq.minus(1_000));
        let flags = Flags::SYN.with(Flags::ACK);
        bench.server.send(&Crafted { src, dst, flags, seq: SeqNum(5_000), ack, options: &[], payload: b"" })?;
        bench.capture.wait_for_resets(port, 1)?;
        client.close();
        Ok(())
    },
);

/// The third segment acknowledges a number the server never sent.
pub const BAD_HANDSHAKE_ACK: Scenario = opening(
    ("bad-handshake-ack", 4005),
    "> S, < S., > ., < R",
    &[Expected::or(HALF_OPEN, &[CLOSED_PORT], &["bad-handshake-ack"])],
    |bench, port| {
        let _listener = bench.listen(port)?;
        // The client's kernel, which sent no SYN, must not answer the SYN|ACK.
        let _silent = bench.client.namespace.filter("output", "tcp flags & rst == rst drop")?;
        crafted_syn(bench, port, 43_001, 1_000)?;
        bench.capture.wait_for(port, |segments| segments.iter().any(|s| s.src.port() == port))?;
        let segments = bench.capture.segments(port);
        let answer = segments.iter().find(|s| s.flags.syn() && s.flags.ack()).ok_or(io::ErrorKind::NotFound)?;
        let (src, dst, seq, ack) = (answer.dst, answer.src, answer.ack, answer.seq.plus(500_000));
        bench.client.send(&Crafted { src, dst, flags: Flags::ACK, seq, ack, options: &[], payload: b"" })?;
        bench.capture.wait_for_resets(port, 1)
    },
);

/// A SYN with another number meets a handshake that has not ended.
pub const SYN_CONFLICT: Scenario = opening(
    ("syn-conflict", 4006),
    "> S, < S., > S, < R.",
    &[Expected::only(CLOSED_PORT, &["syn-conflict"])],
    |bench, port| {
        let _listener = bench.listen(port)?;
        let _silent = bench.client.namespace.filter("output", "tcp flags & rst == rst drop")?;
        crafted_syn(bench, port, 44_001, 1_000)?;
        bench.capture.wait_for(port, |segments| segments.len() >= 2)?;
        crafted_syn(bench, port, 44_001, 3_000)?;
        bench.capture.wait_for_resets(port, 1)
    },
);

/// A handshake refused for a full queue.
const OVERFLOW: Expected = Expected::or(CLOSED_PORT, &[HALF_OPEN], &["accept-queue-overflow", "listener-gone"]);

/// Three clients complete their handshakes at once for the last place in the accept queue, with tcp_abort_on_overflow;
/// in the end the listener closes with those that had found a place.
pub const ACCEPT_QUEUE_OVERFLOW: Scenario = opening(
    ("accept-queue-overflow", 4007),
    "> S, < S., > ., < R",
    &[
        OVERFLOW,
        OVERFLOW,
        Expected::or(ABORTIVE_CLOSE, &[CLOSED_PORT, HALF_OPEN], &["listener-closed", "accept-queue-overflow"]),
    ],
    |bench, port| {
        let host = &bench.server.namespace;
        host.set("ipv4/tcp_abort_on_overflow", "1")?;
        let _listener = bench.server.listen_with_backlog(port, 3)?;
        let connect = |_| bench.client.connect(bench.server_at(port));
        let _queued = (0..3).map(connect).collect::<io::Result<Vec<_>>>()?;
        // The handshakes end together when the server hears the answers to its second SYN|ACK.
        let deaf = host.filter("input", &format!("tcp dport {port} tcp flags & (syn|ack) == ack drop"))?;
        let _clients = (0..3).map(connect).collect::<io::Result<Vec<_>>>()?;
        drop(deaf);
        bench.capture.wait_for_resets(port, 2)?;
        host.set("ipv4/tcp_abort_on_overflow", "0")
    },
);

/// The listener closes before the third segment arrives.
pub const LISTENER_GONE: Scenario = opening(
    ("listener-gone", 4008),
    "> S, < S., > ., > P., < R",
    &[Expected::or(CLOSED_PORT, &[HALF_OPEN], &["listener-gone", "accept-queue-overflow", "lost-state"])],
    |bench, port| {
        let listener = bench.listen(port)?;
        let rule = format!("tcp dport {port} tcp flags & (syn|ack) == ack drop");
        let deaf = bench.server.namespace.filter("input", &rule)?;
        let client = bench.client.connect(bench.server_at(port))?;
        drop(listener);
        drop(deaf);
        client.send(b"hello?")?;
        bench.capture.wait_for_resets(port, 1)
    },
);

/// A hand-made SYN from a port that the client's kernel knows nothing of.
pub fn crafted_syn(bench: &Bench, port: u16, from: u16, number: u32) -> io::Result<()> {
    let (src, dst) = (SocketAddr::new(bench.client.address, from), bench.server_at(port));
    bench.client.send(&Crafted {
        src,
        dst,
        flags: Flags::SYN,
        seq: SeqNum(number),
        ack: SeqNum(0),
        options: &[],
        payload: b"",
    })
}
