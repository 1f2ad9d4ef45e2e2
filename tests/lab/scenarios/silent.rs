//! What might be expected to draw a reset and does not: the program must not invent one, nor the laboratory.

use std::io;
use std::thread;
use std::time::Duration;

use rstscan::tcp::{Flags, SeqNum};

use crate::bench::INTERFACE;
use crate::craft::Crafted;
use crate::scenarios::abort::exchange;
use crate::scenarios::closing::talking;
use crate::truth::{Place, Scenario};
use crate::wait::wait_until;

/// The scenarios of this file.
pub const ALL: &[Scenario] = &[
    REUSED_WITH_NEW_NUMBERS,
    LINGER_IN_SYN_SENT,
    UNREAD_IN_TIME_WAIT,
    SYN_PROXY,
    UNSENT_ACK_IN_ESTABLISHED,
    FULL_QUEUE,
    USER_TIMEOUT_IN_SILENCE,
    SYN_TO_MANY,
];

/// A four-tuple is used again at once; the new numbers are higher, so TIME-WAIT gives way.
const REUSED_WITH_NEW_NUMBERS: Scenario =
    Scenario::new(("silent-reuse", 9201), "< F., > F., < ., > S, < S.", &[], |bench, port| {
        let listener = bench.listen(port)?;
        let client = bench.client.connect(bench.server_at(port))?;
        let (from, server) = (client.port()?, listener.accept()?);
        exchange(&client, &server)?;
        server.close();
        client.receive_to_end()?;
        client.close();
        thread::sleep(Duration::from_millis(1100));
        let again = bench.client.connect_from(from, bench.server_at(port))?;
        exchange(&again, &listener.accept()?)
    });

/// SO_LINGER zero while the SYN is unanswered.
const LINGER_IN_SYN_SENT: Scenario = Scenario::new(("silent-syn-sent", 9202), "> S", &[], |bench, port| {
    let _deaf = bench.server.namespace.filter("input", &format!("tcp dport {port} drop"))?;
    let client = bench.client.start_connecting(0, bench.server_at(port))?;
    bench.capture.wait_for(port, |segments| !segments.is_empty())?;
    client.abort()
});

/// Unread data when the connection has ended in both directions.
const UNREAD_IN_TIME_WAIT: Scenario =
    Scenario::new(("silent-unread-in-time-wait", 9203), "e F., p P., p F., e .", &[], |bench, port| {
        let (silent, peer) = talking(bench, port)?;
        silent.finish_sending()?;
        peer.receive_to_end()?;
        peer.send(b"never read")?;
        peer.close();
        bench.capture.wait_for(port, |segments| segments.iter().filter(|s| s.flags.fin()).count() == 2)?;
        thread::sleep(Duration::from_millis(60));
        silent.close();
        Ok(())
    })
    .either();

/// A router answers SYNs in the server's name and opens the connection itself when the handshake is complete.
const SYN_PROXY: Scenario = Scenario::new(("silent-syn-proxy", 9204), "> S, < S., > ., > P., < P.", &[], |bench, port| {
    let router = bench.router.as_ref().ok_or(io::ErrorKind::Unsupported)?;
    router.set("netfilter/nf_conntrack_tcp_loose", "0")?;
    let rules = format!(
        "add table inet proxy; \
         add chain inet proxy raw {{ type filter hook prerouting priority -300; }}; \
         add rule inet proxy raw tcp dport {port} tcp flags syn notrack; \
         add chain inet proxy way {{ type filter hook forward priority 0; }}; \
         add rule inet proxy way tcp dport {port} ct state {{ invalid, untracked }} synproxy mss 1460 wscale 7 timestamp sack-perm; \
         add rule inet proxy way ct state invalid drop"
    );
    router.exec("nft", &[&rules])?;
    let listener = bench.listen(port)?;
    let client = bench.client.connect(bench.server_at(port))?;
    exchange(&client, &listener.accept()?)
})
.at(Place::RoutedIpv4);

/// An ACK of what was never sent gets a plain ACK from an established connection (RFC 5961 section 5).
const UNSENT_ACK_IN_ESTABLISHED: Scenario =
    Scenario::new(("silent-unsent-ack", 9205), "> P., < P., > ., < ., > P., < P.", &[], |bench, port| {
        let (client, server) = bench.establish(port)?;
        exchange(&client, &server)?;
        bench.capture.wait_for(port, |segments| segments.iter().filter(|s| s.len > 0).count() == 2)?;
        let segments = bench.capture.segments(port);
        let last = segments.iter().rev().find(|s| s.len > 0 && s.dst.port() == port).ok_or(io::ErrorKind::NotFound)?;
        let (src, dst, seq, ack) = (last.src, last.dst, last.seq.plus(last.len), last.ack.plus(900_000));
        bench.client.send(&Crafted { src, dst, flags: Flags::ACK, seq, ack, options: &[], payload: b"" })?;
        thread::sleep(Duration::from_millis(50));
        exchange(&client, &server)
    });

/// A full accept queue without tcp_abort_on_overflow: the handshake's end is dropped, and so is what follows it.
const FULL_QUEUE: Scenario = Scenario::new(("silent-full-queue", 9206), "> S, < S., > ., > S", &[], |bench, port| {
    let listener = bench.server.listen_with_backlog(port, 0)?;
    let served = bench.client.connect(bench.server_at(port))?;
    thread::sleep(Duration::from_millis(30));
    let waiting = bench.client.start_connecting(0, bench.server_at(port))?;
    thread::sleep(Duration::from_millis(200));
    // The end of the listener would reset what waits.
    bench.keep_until_the_end((listener, served, waiting));
    Ok(())
});

/// Retransmissions that nobody answers end without a word.
const USER_TIMEOUT_IN_SILENCE: Scenario =
    Scenario::new(("silent-user-timeout", 9207), "e P., e P.", &[], |bench, port| {
        let (silent, peer) = talking(bench, port)?;
        let _deaf = bench.roles().1.namespace.filter("input", "tcp flags & (syn|rst) == 0 drop")?;
        silent.socket().set_tcp_user_timeout(Some(Duration::from_millis(700)))?;
        silent.send(b"an answer nobody hears")?;
        wait_until("the user timeout", || silent.socket().take_error().is_ok_and(|error| error.is_some()))?;
        // The peer's end would speak to a host that has forgotten it.
        bench.keep_until_the_end(peer);
        Ok(())
    })
    .either();

/// A SYN to a group address is nobody's.
const SYN_TO_MANY: Scenario = Scenario::new(("silent-group", 9208), "> S", &[], |bench, port| {
    let group = if bench.setting.ipv6 { "ff0e::1" } else { "224.0.0.1" };
    if !bench.setting.ipv6 {
        bench.client.namespace.ip(&["route", "add", "224.0.0.0/4", "dev", INTERFACE])?;
    }
    let dst = std::net::SocketAddr::new(group.parse().map_err(io::Error::other)?, port);
    let src = std::net::SocketAddr::new(bench.client.address, 48_001);
    let (seq, ack) = (SeqNum(1_000), SeqNum(0));
    bench.client.send(&Crafted { src, dst, flags: Flags::SYN, seq, ack, options: &[], payload: b"" })
});
