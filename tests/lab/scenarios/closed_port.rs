//! Nobody accepts the connection.

use std::io;
use std::net::SocketAddr;

use rstscan::tcp::{Flags, SeqNum};

use crate::bench::Bench;
use crate::craft::Crafted;
use crate::truth::{Expected, Place, Scenario};

const CLASS: &str = "closed-port";

/// The scenarios of this file.
pub const ALL: &[Scenario] = &[NO_LISTENER, REFUSED_BY_ROUTER, REFUSED_BY_OWN_FIREWALL, PROBES];

/// The textbook's first experiment: port 54321, where nothing listens.
pub const NO_LISTENER: Scenario = Scenario {
    name: "closed-port",
    port: 54321,
    shape: "> S, < R.",
    resets: &[Expected::only(CLASS, &["no-listener"])],
    place: Place::Wire,
    either_side: false,
    run: refused,
};

/// A router's packet filter refuses in the server's name.
pub const REFUSED_BY_ROUTER: Scenario = Scenario {
    name: "refused-by-router",
    port: 8081,
    shape: "> S, < R.",
    resets: &[Expected::or(CLASS, &["forged"], &["refused-by-firewall", "no-listener", "firewall-reject"]).by_other()],
    place: Place::Routed,
    either_side: false,
    run: |bench, port| {
        // Another port shows how far away the server is.
        drop(bench.establish(port + 10_000)?);
        let router = bench.router.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        let _reject = router.filter("forward", &format!("tcp dport {port} reject with tcp reset"))?;
        refused(bench, port)
    },
};

/// The server's own packet filter refuses; on the wire as a port without listener.
pub const REFUSED_BY_OWN_FIREWALL: Scenario = Scenario {
    name: "refused-by-own-firewall",
    port: 8082,
    shape: "> S, < R.",
    resets: &[Expected::only(CLASS, &["refused-by-firewall", "no-listener"]).by_other()],
    place: Place::Wire,
    either_side: false,
    run: |bench, port| {
        let _listener = bench.listen(port)?;
        let _reject = bench.server.namespace.filter("input", &format!("tcp dport {port} reject with tcp reset"))?;
        refused(bench, port)
    },
};

/// A scanner's FIN, null and Xmas probes reach a closed port.
pub const PROBES: Scenario = Scenario {
    name: "probe-answered",
    port: 8083,
    shape: "> F, < R., > none, < R.",
    resets: &[Expected::only(CLASS, &["probe-answered", "no-listener"])],
    place: Place::Wire,
    either_side: false,
    run: |bench, port| {
        let probes = [Flags::FIN, Flags(0), Flags::FIN.with(Flags::PSH)];
        for (count, flags) in (1..).zip(probes) {
            let src = SocketAddr::new(bench.client.address, 40_000 + count);
            let seq = SeqNum(1_000_000 * u32::from(count));
            let dst = bench.server_at(port);
            bench.client.send(&Crafted { src, dst, flags, seq, ack: SeqNum(0), options: &[], payload: b"" })?;
            bench.capture.wait_for_resets(port, count.into())?;
        }
        Ok(())
    },
};

/// Connects to a port that refuses.
pub fn refused(bench: &Bench, port: u16) -> io::Result<()> {
    match bench.client.connect(bench.server_at(port)) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => bench.capture.wait_for_resets(port, 1),
        Err(error) => Err(error),
        Ok(_) => Err(io::Error::other("connected to a port that had to refuse")),
    }
}
