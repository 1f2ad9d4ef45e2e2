//! More four-tuples that are used again too early: behind a translator, with RFC 1337, by hand, against a leak.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::thread;
use std::time::Duration;

use rstscan::tcp::{Flags, SeqNum};

use crate::bench::{Bench, INTERFACE};
use crate::craft::Crafted;
use crate::scenarios::abort::exchange;
use crate::scenarios::time_wait::{kept_by_server, wait_for_last_ack, without_timestamps};
use crate::segment::Segment;
use crate::truth::{Expected, Place, Scenario};

const CLASS: &str = "time-wait-collision";
const BY_CLIENT: &[Expected] = &[Expected::only(CLASS, &["syn-reset-by-client"])];

/// The scenarios of this file.
pub const ALL: &[Scenario] = &[RFC_1337, TWO_CLIENTS_BEHIND_NAT, OLDER_TIMESTAMP, DUPLICATE_FIN, CLOSE_WAIT_LEAKED];

/// With tcp_rfc1337 the reset does not end TIME-WAIT: the repeated SYN gets the same answer.
const RFC_1337: Scenario = Scenario::new(
    ("time-wait-rfc1337", 7101),
    "< F., > F., < ., > S, < ., > R, > S, < ., > R",
    BY_CLIENT,
    |bench, port| {
        bench.server.namespace.set("ipv4/tcp_rfc1337", "1")?;
        without_timestamps(bench, || {
            let (_listener, from) = kept_by_server(bench, port)?;
            let _again = bench.client.start_connecting(from, bench.server_at(port))?;
            bench.capture.wait_for_resets(port, 2)
        })
    },
);

/// Two clients share an address and, one after the other, a port; the server sees one four-tuple.
const TWO_CLIENTS_BEHIND_NAT: Scenario =
    Scenario::new(("time-wait-behind-nat", 7102), "< F., > F., < ., > S, < ., > R", BY_CLIENT, |bench, port| {
        let router = bench.router.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        let _masquerade = router.translate("postrouting", "oifname right masquerade")?;
        for state in ["time_wait", "last_ack", "close"] {
            router.set(&format!("netfilter/nf_conntrack_tcp_timeout_{state}"), "1")?;
        }
        let second = second_client(bench)?;
        let listener = bench.listen(port)?;
        // Whose numbers are higher is chance.
        for from in 46_001..46_013 {
            let client = bench.client.connect_from(from, bench.server_at(port))?;
            let server = listener.accept()?;
            exchange(&client, &server)?;
            server.close();
            client.receive_to_end()?;
            client.close();
            thread::sleep(Duration::from_millis(1500));
            let again = bench.client.connect_at(SocketAddr::new(second, from), bench.server_at(port))?;
            drop((listener.accept()?, again));
            if bench.capture.segments(port).iter().any(|s| s.flags.rst()) {
                return Ok(());
            }
        }
        Err(io::Error::other("the second client's numbers were higher each time"))
    })
    .at(Place::BehindRouter);

/// The new SYN has a higher number, but an older timestamp.
const OLDER_TIMESTAMP: Scenario =
    Scenario::new(("time-wait-older-timestamp", 7103), "< F., > F., < ., > S, < ., > R", BY_CLIENT, |bench, port| {
        closed_by_server(bench, port)?;
        let segments = bench.capture.segments(port);
        let last = segments.iter().rev().find(|s| s.dst.port() == port).ok_or(io::ErrorKind::NotFound)?;
        let (sent, _) = last.timestamps.ok_or(io::ErrorKind::Unsupported)?;
        let mut options = vec![1, 1, 8, 10];
        options.extend(sent.wrapping_sub(100_000).to_be_bytes());
        options.extend([0; 4]);
        let (src, dst, seq) = (last.src, last.dst, last.seq.plus(70_000));
        let ack = SeqNum(0);
        bench.client.send(&Crafted { src, dst, flags: Flags::SYN, seq, ack, options: &options, payload: b"" })?;
        bench.capture.wait_for_resets(port, 1)
    });

/// A late copy of the FIN makes TIME-WAIT acknowledge; the other end, closed, resets it (RFC 1337).
const DUPLICATE_FIN: Scenario = Scenario::new(
    ("assassination-by-fin", 7104),
    "< F., > F., < ., > F., < ., > R",
    &[Expected::or(CLASS, &["half-open-response"], &["assassination", "late-segment"])],
    |bench, port| {
        closed_by_server(bench, port)?;
        let segments = bench.capture.segments(port);
        let fin = segments.iter().find(|s| s.dst.port() == port && s.flags.fin()).ok_or(io::ErrorKind::NotFound)?;
        let &Segment { src, dst, flags, seq, ack, .. } = fin;
        bench.client.send(&Crafted { src, dst, flags, seq, ack, options: &[], payload: b"" })?;
        bench.capture.wait_for_resets(port, 1)
    },
);

/// The server never closes (CLOSE-WAIT); the client's side has expired when it opens the four-tuple again.
const CLOSE_WAIT_LEAKED: Scenario = Scenario::new(
    ("close-wait-leaked", 7105),
    "> F., < ., > S, < ., > R, > S, < S.",
    &[Expected::or("half-open-response", &[CLASS], &["syn-discovery", "syn-reset-by-client"])],
    |bench, port| {
        bench.client.namespace.set("ipv4/tcp_fin_timeout", "1")?;
        let listener = bench.listen(port)?;
        let client = bench.client.connect(bench.server_at(port))?;
        let (from, server) = (client.port()?, listener.accept()?);
        exchange(&client, &server)?;
        client.close();
        server.receive_to_end()?;
        thread::sleep(Duration::from_millis(1800));
        let again = bench.client.connect_from(from, bench.server_at(port))?;
        exchange(&again, &listener.accept()?)?;
        bench.capture.wait_for_resets(port, 1)
    },
);

/// A connection that the server closed first: it holds TIME-WAIT, the client nothing.
fn closed_by_server(bench: &Bench, port: u16) -> io::Result<()> {
    let (client, server) = bench.establish(port)?;
    exchange(&client, &server)?;
    server.close();
    client.receive_to_end()?;
    client.close();
    wait_for_last_ack(bench, port)
}

/// Another address of the client's host; its sequence numbers and timestamps are independent of those of the first.
fn second_client(bench: &Bench) -> io::Result<IpAddr> {
    let (text, with_prefix) =
        if bench.setting.ipv6 { ("fd00:1::107", "fd00:1::107/64") } else { ("10.0.1.107", "10.0.1.107/24") };
    let mut args = vec!["address", "add", with_prefix, "dev", INTERFACE];
    args.extend(bench.setting.ipv6.then_some("nodad"));
    bench.client.namespace.ip(&args)?;
    text.parse().map_err(io::Error::other)
}
