//! One side has no such connection, the other still believes in it.

use std::io;
use std::thread;
use std::time::Duration;

use rstscan::tcp::Flags;
use socket2::TcpKeepalive;

use crate::bench::Bench;
use crate::craft::Crafted;
use crate::scenarios::abort::exchange;
use crate::scenarios::forgotten::closed_by_client;
use crate::sockets::Connection;
use crate::truth::{Expected, Place, Scenario};
use crate::wait::wait_until;

const CLASS: &str = "half-open-response";
/// The verdict about a host that lost the connection.
pub const LOST: &[Expected] = &[Expected::only(CLASS, &["lost-state"])];

/// The scenarios of this file.
pub const ALL: &[Scenario] = &[
    CABLE_PULLED,
    DATA_TO_THE_FORGETFUL,
    KEEPALIVE_TO_THE_FORGETFUL,
    FIN_TO_THE_FORGETFUL,
    PEER_GAVE_UP,
    SYN_DISCOVERY,
    LATE_SEGMENT,
];

/// The textbook's last experiment: the server's link is cut, its program ends, the link comes back, the client writes 3 bytes.
///
/// The server's kernel gives up the orphaned connection after one retransmission into the cut link, so nothing of it is
/// left when the link returns.
pub const CABLE_PULLED: Scenario = Scenario {
    name: "half-open",
    port: 12345,
    shape: "> S, < S., > ., > P., < R",
    resets: LOST,
    place: Place::Wire,
    either_side: false,
    run: |bench, port| {
        let (client, server) = bench.establish(port)?;
        let host = &bench.server.namespace;
        host.set("ipv4/tcp_orphan_retries", "1")?;
        bench.server_link(false)?;
        server.close();
        let entry = format!(":{port:04X} ");
        wait_until("the orphan to die", || {
            host.tcp_table(bench.setting.ipv6).is_ok_and(|table| !table.contains(&entry))
        })?;
        host.set("ipv4/tcp_orphan_retries", "0")?;
        bench.server_link(true)?;
        client.send(b"a\r\n")?;
        bench.capture.wait_for_resets(port, 1)
    },
};

const fn forgetful(
    name: &'static str,
    port: u16,
    shape: &'static str,
    run: fn(&Bench, u16) -> io::Result<()>,
) -> Scenario {
    Scenario { name, port, shape, resets: LOST, place: Place::Wire, either_side: true, run }
}

/// Data reaches a host that lost the connection; its goodbye was lost as well.
pub const DATA_TO_THE_FORGETFUL: Scenario = forgetful("lost-state-data", 5001, "p P., e R", |bench, port| {
    let peer = forgotten(bench, port)?;
    peer.send(b"are you there?")?;
    bench.capture.wait_for_resets(port, 1)
});

/// A keepalive probe reaches a host that lost the connection.
pub const KEEPALIVE_TO_THE_FORGETFUL: Scenario = forgetful("lost-state-keepalive", 5002, "p ., e R", |bench, port| {
    let peer = forgotten(bench, port)?;
    peer.socket().set_tcp_keepalive(&TcpKeepalive::new().with_time(Duration::from_secs(1)))?;
    bench.capture.wait_for_resets(port, 1)
});

/// A FIN reaches a host that lost the connection.
pub const FIN_TO_THE_FORGETFUL: Scenario = forgetful("lost-state-fin", 5003, "p F., e R", |bench, port| {
    forgotten(bench, port)?.close();
    bench.capture.wait_for_resets(port, 1)
});

/// The one side gives up after retransmissions nobody answers, without a word; later the peer speaks.
pub const PEER_GAVE_UP: Scenario = Scenario {
    name: "peer-gave-up",
    port: 5004,
    shape: "e P., e P., p P., e R",
    resets: &[Expected::or(CLASS, &["abortive-close"], &["lost-state", "user-timeout"])],
    place: Place::Wire,
    either_side: true,
    run: |bench, port| {
        let (resetter, peer) = bench.establish_roles(port)?;
        exchange(&peer, &resetter)?;
        {
            let (_, there) = bench.roles();
            let _deaf = there.namespace.filter("input", "tcp flags & (syn|rst) == 0 drop")?;
            resetter.socket().set_tcp_user_timeout(Some(Duration::from_millis(700)))?;
            resetter.send(b"an answer nobody hears")?;
            wait_until("the user timeout", || resetter.socket().take_error().is_ok_and(|error| error.is_some()))?;
        }
        peer.send(b"still here")?;
        bench.capture.wait_for_resets(port, 1)
    },
};

/// The client's host loses the connection and opens it anew from the same port (RFC 9293 section 3.5.1).
pub const SYN_DISCOVERY: Scenario = Scenario {
    name: "syn-discovery",
    port: 5005,
    shape: "> S, < S., > ., > S, < ., > R, > S",
    resets: &[Expected::only(CLASS, &["syn-discovery"])],
    place: Place::Wire,
    either_side: false,
    run: |bench, port| {
        let listener = bench.listen(port)?;
        let client = bench.client.connect(bench.server_at(port))?;
        let (from, server) = (client.port()?, listener.accept()?);
        exchange(&client, &server)?;
        {
            let _lost = bench.client.namespace.filter("output", "tcp flags & rst == rst drop")?;
            client.abort()?;
        }
        thread::sleep(Duration::from_millis(50));
        let again = bench.client.connect_from(from, bench.server_at(port))?;
        exchange(&again, &listener.accept()?)?;
        bench.capture.wait_for_resets(port, 1)
    },
};

/// A late copy of a request meets a connection that both sides have closed.
pub const LATE_SEGMENT: Scenario = Scenario {
    name: "late-segment",
    port: 5006,
    shape: "> P., > F., < F., > ., > P., < R",
    resets: &[Expected::or(CLASS, &["abortive-close"], &["late-segment", "data-after-close"])],
    place: Place::Wire,
    either_side: false,
    run: |bench, port| {
        closed_by_client(bench, port)?;
        let segments = bench.capture.segments(port);
        let data = segments.iter().find(|s| s.len > 0).ok_or(io::ErrorKind::NotFound)?;
        let (src, dst, seq, ack) = (data.src, data.dst, data.seq, data.ack);
        let payload = vec![b'l'; data.len as usize];
        bench.client.send(&Crafted {
            src,
            dst,
            flags: Flags::ACK.with(Flags::PSH),
            seq,
            ack,
            options: &[],
            payload: &payload,
        })?;
        bench.capture.wait_for_resets(port, 1)
    },
};

/// A connection whose one side is gone without a trace on the wire; the side that still believes in it.
pub fn forgotten(bench: &Bench, port: u16) -> io::Result<Connection> {
    forgotten_port(bench, port).map(|(peer, _)| peer)
}

/// The same with the port of the side that is gone.
pub fn forgotten_port(bench: &Bench, port: u16) -> io::Result<(Connection, u16)> {
    let (resetter, peer) = bench.establish_roles(port)?;
    exchange(&peer, &resetter)?;
    let (host, _) = bench.roles();
    let _lost = host.namespace.filter("output", "tcp flags & rst == rst drop")?;
    let lost = resetter.port()?;
    resetter.abort()?;
    // A program that is being started holds a copy for a moment: then the last close is that one's.
    let entry = format!(":{lost:04X} ");
    wait_until("the socket to go", || {
        host.namespace.tcp_table(bench.setting.ipv6).is_ok_and(|table| !table.contains(&entry))
    })?;
    Ok((peer, lost))
}
