//! Neither end's TCP made it.

use std::io;
use std::thread;
use std::time::Duration;

use rstscan::tcp::{Flags, SeqNum};

use crate::bench::Bench;
use crate::craft::Crafted;
use crate::scenarios::abort::exchange;
use crate::truth::{Expected, Place, Scenario};

const CLASS: &str = "forged";
/// The reset with which the victim of the first answers its peer, which knows of nothing.
pub const CONSEQUENCE: Expected = Expected::or("half-open-response", &["abortive-close"], &["consequence"]);

/// The scenarios of this file.
pub const ALL: &[Scenario] = &[FIREWALL_REJECT, INJECTED, INJECTED_BURST];

/// The server's packet filter rejects a request of a live connection; the server, unharmed, speaks on.
pub const FIREWALL_REJECT: Scenario = Scenario {
    name: "firewall-reject",
    port: 3001,
    shape: "> P., < P., > P., < R, < P., > R",
    resets: &[Expected::only(CLASS, &["firewall-reject", "injected", "ids-response"]).by_other(), CONSEQUENCE],
    place: Place::Wire,
    either_side: false,
    run: |bench, port| {
        let (client, server) = bench.establish(port)?;
        exchange(&client, &server)?;
        {
            let host = &bench.server.namespace;
            let _reject =
                host.filter("input", &format!("tcp dport {port} tcp flags & psh == psh reject with tcp reset"))?;
            client.send(b"GET /forbidden HTTP/1.1\r\n\r\n")?;
            bench.capture.wait_for_resets(port, 1)?;
        }
        thread::sleep(Duration::from_millis(50));
        server.send(b"HTTP/1.1 408 Request Timeout\r\n\r\n")?;
        bench.capture.wait_for_resets(port, 2)
    },
};

/// A third party resets the client in the server's name; the server, unharmed, speaks on.
pub const INJECTED: Scenario = Scenario {
    name: "injected",
    port: 3002,
    shape: "> P., < P., < R., < P., > R",
    resets: &[Expected::only(CLASS, &["injected"]).by_other(), CONSEQUENCE],
    place: Place::Routed,
    either_side: false,
    run: |bench, port| forge(bench, port, &[(0, 52)]),
};

/// Three resets with growing numbers, as some censors send them.
pub const INJECTED_BURST: Scenario = Scenario {
    name: "injected-burst",
    port: 3003,
    shape: "> P., < P., < R., < R., < R., < P., > R",
    resets: &[BURST, BURST, BURST, CONSEQUENCE],
    place: Place::Routed,
    either_side: false,
    run: |bench, port| forge(bench, port, &[(0, 47), (1460, 48), (4380, 49)]),
};

const BURST: Expected = Expected::only(CLASS, &["injected", "injected-burst"]).by_other();

/// Forges a reset for each (distance from the server's next number, TTL), then lets the server speak.
fn forge(bench: &Bench, port: u16, resets: &[(u32, u8)]) -> io::Result<()> {
    let (client, server) = bench.establish(port)?;
    exchange(&client, &server)?;
    client.send(b"GET /unwanted HTTP/1.1\r\n\r\n")?;
    server.receive(26)?;
    bench.capture.wait_for(port, |segments| {
        segments.iter().filter(|s| s.len > 0).count() == 3 && segments.last().is_some_and(|s| s.src.port() == port)
    })?;
    let segments = bench.capture.segments(port);
    let like = segments.iter().rev().find(|s| s.src.port() == port).ok_or(io::ErrorKind::NotFound)?;
    for &(distance, ttl) in resets {
        let (src, dst, seq, ack): (_, _, SeqNum, _) = (like.src, like.dst, like.seq.plus(distance), like.ack);
        let flags = Flags::RST.with(Flags::ACK);
        bench.inject(like, &Crafted { src, dst, flags, seq, ack, options: &[], payload: b"" }, ttl)?;
    }
    bench.capture.wait_for_resets(port, resets.len())?;
    server.send(b"HTTP/1.1 200 OK\r\n\r\n")?;
    bench.capture.wait_for_resets(port, resets.len() + 1)
}
