//! The sender had the connection and threw it away, or had closed it and refuses what still arrives.

use std::io;
use std::thread;
use std::time::Duration;

use socket2::TcpKeepalive;

use crate::bench::{Bench, INTERFACE};
use crate::sockets::Connection;
use crate::truth::{Expected, Place, Scenario};

const CLASS: &str = "abortive-close";

/// What an abort of an established connection may be called where the motive does not show.
pub const ABORT: &[&str] = &["abort", "linger-zero", "unread-data"];

/// The scenarios of this file.
pub const ALL: &[Scenario] = &[
    LINGER_ZERO,
    LINGER_ZERO_AT_ONCE,
    UNREAD_DATA,
    DATA_AFTER_CLOSE,
    RST_AFTER_FIN,
    RST_INSTEAD_OF_FIN,
    CONNECT_THEN_RESET,
    LISTENER_CLOSED,
    KEEPALIVE_TIMEOUT,
    DOWNLOAD_ABORTED,
    ANSWERS_IN_FLIGHT,
];

/// A scenario whose side that resets can be either.
const fn either(
    (name, port): (&'static str, u16),
    shape: &'static str,
    resets: &'static [Expected],
    run: Run,
) -> Scenario {
    Scenario { name, port, shape, resets, place: Place::Wire, either_side: true, run }
}

type Run = fn(&Bench, u16) -> io::Result<()>;

/// SO_LINGER zero after an exchange, everything read.
pub const LINGER_ZERO: Scenario = either(
    ("linger-abort", 6001),
    "> S, < S., > ., p P., e P., e R.",
    &[Expected::only(CLASS, ABORT)],
    |bench, port| {
        let (resetter, peer) = bench.establish_roles(port)?;
        exchange(&peer, &resetter)?;
        peer_acknowledged(bench, port)?;
        resetter.abort()?;
        bench.capture.wait_for_resets(port, 1)
    },
);

/// SO_LINGER zero while the last answer is not acknowledged yet.
pub const LINGER_ZERO_AT_ONCE: Scenario = either(
    ("linger-abort-unacknowledged", 6002),
    "p P., e P., e R.",
    &[Expected::only(CLASS, ABORT)],
    |bench, port| {
        let (resetter, peer) = bench.establish_roles(port)?;
        exchange(&peer, &resetter)?;
        resetter.send(b"the last words")?;
        resetter.abort()?;
        bench.capture.wait_for_resets(port, 1)
    },
);

/// close() with received data unread.
pub const UNREAD_DATA: Scenario =
    either(("unread-data", 6003), "> S, p P., e ., e R.", &[Expected::only(CLASS, ABORT)], |bench, port| {
        let (resetter, peer) = bench.establish_roles(port)?;
        exchange(&peer, &resetter)?;
        peer.send(&[b'u'; 1200])?;
        resetter.await_arrival()?;
        thread::sleep(Duration::from_millis(60));
        resetter.close();
        bench.capture.wait_for_resets(port, 1)
    });

/// The peer writes to a connection that was closed.
pub const DATA_AFTER_CLOSE: Scenario = either(
    ("data-after-close", 6004),
    "e P., e F., p ., p P., e R",
    &[Expected::only(CLASS, &["data-after-close", "keepalive-race"])],
    |bench, port| {
        let (resetter, peer) = bench.establish_roles(port)?;
        exchange(&peer, &resetter)?;
        resetter.close();
        peer.receive_to_end()?;
        thread::sleep(Duration::from_millis(100));
        peer.send(b"GET /next HTTP/1.1\r\n\r\n")?;
        bench.capture.wait_for_resets(port, 1)
    },
);

/// shutdown(SHUT_WR), then SO_LINGER zero in FIN-WAIT-2.
pub const RST_AFTER_FIN: Scenario =
    either(("rst-after-fin", 6005), "e F., p ., e R.", &[Expected::only(CLASS, &["rst-after-fin"])], |bench, port| {
        let (resetter, peer) = bench.establish_roles(port)?;
        exchange(&peer, &resetter)?;
        resetter.finish_sending()?;
        peer.receive_to_end()?;
        thread::sleep(Duration::from_millis(60));
        resetter.abort()?;
        bench.capture.wait_for_resets(port, 1)
    });

/// The peer's FIN is answered with an abort.
pub const RST_INSTEAD_OF_FIN: Scenario = either(
    ("rst-instead-of-fin", 6006),
    "p F., e R.",
    &[Expected::only(CLASS, &["rst-instead-of-fin"])],
    |bench, port| {
        let (resetter, peer) = bench.establish_roles(port)?;
        exchange(&peer, &resetter)?;
        peer.finish_sending()?;
        resetter.receive_to_end()?;
        resetter.abort()?;
        bench.capture.wait_for_resets(port, 1)
    },
);

/// Connected and reset without a byte, as health checks and connect scans do.
pub const CONNECT_THEN_RESET: Scenario = either(
    ("connect-then-reset", 6007),
    "> S, < S., > ., e R.",
    &[Expected::only(CLASS, &["connect-then-reset", "listener-closed"])],
    |bench, port| {
        let (resetter, _peer) = bench.establish_roles(port)?;
        resetter.abort()?;
        bench.capture.wait_for_resets(port, 1)
    },
);

/// The listener closes with three connections nobody accepted.
pub const LISTENER_CLOSED: Scenario = Scenario {
    name: "listener-closed",
    port: 6008,
    shape: "> S, < S., > ., > P., < ., < R., < R., < R.",
    resets: &[Expected::only(CLASS, &["listener-closed", "connect-then-reset", "unread-data", "abort", "linger-zero"])],
    place: Place::Wire,
    either_side: false,
    run: |bench, port| {
        let listener = bench.listen(port)?;
        let connect = |_| bench.client.connect(bench.server_at(port));
        let clients = (0..3).map(connect).collect::<io::Result<Vec<_>>>()?;
        for client in &clients {
            client.send(b"anybody there?")?;
        }
        bench.capture.wait_for(port, |s| s.iter().filter(|s| s.src.port() == port && s.is_pure_ack()).count() >= 3)?;
        drop(listener);
        bench.capture.wait_for_resets(port, 3)
    },
};

/// Keepalive probes stay unanswered.
pub const KEEPALIVE_TIMEOUT: Scenario = either(
    ("keepalive-timeout", 6009),
    "e ., e ., e R.",
    &[Expected::only(CLASS, &["keepalive-timeout"])],
    |bench, port| {
        let (resetter, peer) = bench.establish_roles(port)?;
        exchange(&peer, &resetter)?;
        let second = Duration::from_secs(1);
        let probes = TcpKeepalive::new().with_time(second).with_interval(second).with_retries(2);
        let (_, there) = bench.roles();
        let _deaf = there.namespace.filter("input", "meta l4proto tcp drop")?;
        resetter.socket().set_tcp_keepalive(&probes)?;
        bench.capture.wait_for_resets(port, 1)
    },
);

/// A download is aborted while a slow link still carries segments of it: one abort, then an answer to each of them.
pub const DOWNLOAD_ABORTED: Scenario = either(
    ("download-aborted", 6010),
    "p P., e R., e R",
    &[
        Expected::only(CLASS, ABORT),
        Expected::only(CLASS, &["echo-after-reset", "data-after-close", "abort", "unread-data", "linger-zero"]),
    ],
    |bench, port| {
        let (resetter, peer) = bench.establish_roles(port)?;
        exchange(&peer, &resetter)?;
        slow_download(bench, &peer, || {
            resetter.await_arrival()?;
            resetter.close();
            bench.capture.wait_for_resets(port, 3)
        })
    },
);

/// The receiver of a download closes with everything read that has come; what is still under way is refused segment by segment.
pub const ANSWERS_IN_FLIGHT: Scenario = either(
    ("answers-in-flight", 6011),
    "e F., e R, e R",
    &[Expected::only(CLASS, &["data-after-close", "echo-after-reset"])],
    |bench, port| {
        let (resetter, peer) = bench.establish_roles(port)?;
        exchange(&peer, &resetter)?;
        slow_download(bench, &peer, || {
            resetter.receive_arrived()?;
            resetter.close();
            bench.capture.wait_for_resets(port, 3)
        })
    },
);

/// Lets `peer` send 12 segments over a link of 1 Mbit/s while `meanwhile` runs.
fn slow_download(bench: &Bench, peer: &Connection, meanwhile: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let host = &bench.roles().1.namespace;
    let shaper =
        ["qdisc", "replace", "dev", INTERFACE, "root", "tbf", "rate", "1mbit", "burst", "1600", "limit", "200000"];
    host.exec("tc", &shaper)?;
    peer.send_some(&[b'd'; 1400 * 10])?;
    let done = meanwhile();
    thread::sleep(Duration::from_millis(150));
    host.exec("tc", &["qdisc", "delete", "dev", INTERFACE, "root"])?;
    done
}

/// A request and its answer.
pub fn exchange(asking: &Connection, answering: &Connection) -> io::Result<()> {
    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n";
    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    asking.send(REQUEST)?;
    answering.receive(REQUEST.len())?;
    answering.send(ANSWER)?;
    asking.receive(ANSWER.len())
}

/// Waits until nothing of the connection is unacknowledged.
fn peer_acknowledged(bench: &Bench, port: u16) -> io::Result<()> {
    bench.capture.wait_for(port, |segments| {
        let data = segments.iter().rev().find(|s| s.len > 0);
        data.is_some_and(|data| segments.iter().any(|s| s.src == data.dst && s.ack == data.seq.plus(data.len)))
    })
}
