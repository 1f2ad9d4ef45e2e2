//! Resets of Multipath TCP (RFC 8684), which name their reason in an option.

use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use rstscan::tcp::{Flags, SeqNum};

use crate::bench::Bench;
use crate::craft::Crafted;
use crate::scenarios::abort::exchange;
use crate::sockets::Connection;
use crate::truth::{Expected, Scenario};

const CLASS: &str = "abortive-close";
const ENDED: &[&str] = &["mptcp-fastclose", "mptcp-subflow-reset", "unread-data", "abort", "linger-zero"];

/// The scenarios of this file.
pub const ALL: &[Scenario] = &[FAST_CLOSE, FAST_CLOSE_WITH_UNREAD, JOIN_REFUSED];

/// The server aborts a connection of two Multipath ends.
const FAST_CLOSE: Scenario =
    Scenario::new(("mptcp-fastclose", 6201), "> S, < S., < R.", &[Expected::only(CLASS, ENDED)], |bench, port| {
        let (_client, server) = multipath(bench, port)?;
        server.abort()?;
        bench.capture.wait_for_resets(port, 1)
    });

/// The server closes it with data unread.
const FAST_CLOSE_WITH_UNREAD: Scenario =
    Scenario::new(("mptcp-unread-data", 6202), "> S, < S., < R.", &[Expected::only(CLASS, ENDED)], |bench, port| {
        let (client, server) = multipath(bench, port)?;
        client.send(&[b'u'; 500])?;
        server.await_arrival()?;
        thread::sleep(Duration::from_millis(60));
        server.close();
        bench.capture.wait_for_resets(port, 1)
    });

/// A SYN wants to join a connection that nobody has.
const JOIN_REFUSED: Scenario = Scenario::new(
    ("mptcp-join-refused", 6203),
    "> S, < R.",
    &[Expected::only("closed-port", &["mptcp-join-refused"])],
    |bench, port| {
        let _listener = bench.server.listen_multipath(port)?;
        // MP_JOIN, address 1, an unknown token, a nonce.
        let options = [30, 12, 0x10, 1, 0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4];
        let (src, dst) = (SocketAddr::new(bench.client.address, 47_001), bench.server_at(port));
        let (seq, ack) = (SeqNum(1_000), SeqNum(0));
        bench.client.send(&Crafted { src, dst, flags: Flags::SYN, seq, ack, options: &options, payload: b"" })?;
        bench.capture.wait_for_resets(port, 1)
    },
);

fn multipath(bench: &Bench, port: u16) -> io::Result<(Connection, Connection)> {
    let listener = bench.server.listen_multipath(port)?;
    let client = bench.client.connect_multipath(bench.server_at(port))?;
    let server = listener.accept()?;
    exchange(&client, &server)?;
    thread::sleep(Duration::from_millis(60));
    Ok((client, server))
}
