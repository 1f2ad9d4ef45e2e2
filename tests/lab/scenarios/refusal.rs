//! More ways in which nobody accepts the connection: other SYNs, other probes, other refusers.

use std::io;
use std::net::SocketAddr;

use rstscan::tcp::{Flags, SeqNum};

use crate::bench::Bench;
use crate::craft::Crafted;
use crate::namespace::Namespace;
use crate::scenarios::abort::exchange;
use crate::scenarios::closed_port::refused;
use crate::truth::{Expected, Place, Scenario};

const CLASS: &str = "closed-port";
const CLOSED: &[Expected] = &[Expected::only(CLASS, &["no-listener"])];
/// On the host itself the packet filter's refusal is that of a port without listener, but for details that IPv4 need not show.
const REJECTED: &[Expected] =
    &[Expected::or(CLASS, &["forged"], &["refused-by-firewall", "no-listener", "firewall-reject"]).by_other()];
const PROBED: &[Expected] = &[Expected::only(CLASS, &["probe-answered", "no-listener"])];
/// A lone ACK may be a scan, or the rest of a connection that the capture lacks.
const ACK_PROBED: &[Expected] = &[Expected::or("half-open-response", &[CLASS, "undetermined"], &[])];

/// The scenarios of this file.
pub const ALL: &[Scenario] = &[
    REPEATED_SYN,
    SYN_WITH_DATA,
    FAST_OPEN_REFUSED,
    MARKED_SYN,
    MARKED_SYN_REJECTED,
    MARKED_SYN_REJECTED_BY_ROUTER,
    ANSWERS_ELSEWHERE,
    SERVICE_RESTARTS,
    LOOPBACK_ONLY,
    DEAD_BACKEND,
    DEAD_PROXY,
    ECN_SYN_TO_CLOSED_PORT,
    ECN_SYN_REFUSED,
    SYN_FIN_PROBE,
    PUSH_PROBE,
    ACK_SCAN_OF_CLOSED_PORT,
    ACK_SCAN_OF_OPEN_PORT,
];

/// One SYN three times, as Windows repeats a refused one.
const REPEATED_SYN: Scenario =
    Scenario::new(("refused-three-times", 2001), "> S, < R., > S, < R., > S, < R.", CLOSED, |bench, port| {
        for count in 1..=3 {
            probe(bench, port, (Flags::SYN, b""))?;
            bench.capture.wait_for_resets(port, count)?;
        }
        Ok(())
    });

/// Data in the SYN counts in the number that the reset acknowledges.
const SYN_WITH_DATA: Scenario = Scenario::new(("syn-with-data-refused", 2002), "> S, < R.", CLOSED, |bench, port| {
    probe(bench, port, (Flags::SYN, b"hello"))?;
    bench.capture.wait_for_resets(port, 1)
});

/// The same by a kernel that uses Fast Open without a cookie.
const FAST_OPEN_REFUSED: Scenario = Scenario::new(("fast-open-refused", 2003), "> S, < R.", CLOSED, |bench, port| {
    bench.client.namespace.set("ipv4/tcp_fastopen", "5")?;
    let _client = bench.client.start_connecting_with(b"GET / HTTP/1.0\r\n\r\n", bench.server_at(port))?;
    bench.capture.wait_for_resets(port, 1)
});

/// A kernel copies the mark of the SYN.
const MARKED_SYN: Scenario = Scenario::new(("marked-syn", 2004), "> S, < R.", CLOSED, marked);

/// A packet filter on the host does not.
const MARKED_SYN_REJECTED: Scenario =
    Scenario::new(("marked-syn-rejected", 2005), "> S, < R.", REJECTED, |bench, port| {
        let _reject = reject(&bench.server.namespace, "input", port)?;
        marked(bench, port)
    });

/// Nor does one on the router, which is nearer too.
const MARKED_SYN_REJECTED_BY_ROUTER: Scenario =
    Scenario::new(("marked-syn-rejected-by-router", 2006), "> S, < R.", REJECTED, |bench, port| {
        let router = bench.router.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        let _reject = reject(router, "forward", port)?;
        marked(bench, port)
    })
    .at(Place::Routed);

/// The host serves another port.
const ANSWERS_ELSEWHERE: Scenario =
    Scenario::new(("host-answers-elsewhere", 2007), "> S, < R.", CLOSED, |bench, port| {
        let (client, server) = bench.establish(port + 10_000)?;
        exchange(&client, &server)?;
        refused(bench, port)
    });

/// A service is away for a moment between two connections.
pub const SERVICE_RESTARTS: Scenario = Scenario::new(
    ("service-restarts", 2008),
    "> S, < S., > F., > S, < R., > S, < S.",
    &[Expected::only(CLASS, &["no-listener", "listener-gone", "backlog-full", "refused-by-firewall"])],
    |bench, port| {
        for before in [true, false] {
            let (client, server) = bench.establish(port)?;
            exchange(&client, &server)?;
            client.close();
            server.receive_to_end()?;
            if before {
                refused(bench, port)?;
            }
        }
        Ok(())
    },
);

/// The service listens, but on the loopback address only.
const LOOPBACK_ONLY: Scenario =
    Scenario::new(("listens-on-loopback-only", 2009), "> S, < R.", CLOSED, |bench, port| {
        let _listener = bench.server.listen_on_loopback(port)?;
        refused(bench, port)
    });

/// A router passes the port on to a backend where nothing listens.
const DEAD_BACKEND: Scenario = Scenario::new(("dead-backend", 2010), "> S, < R.", CLOSED, |bench, port| {
    let router = bench.router.as_ref().ok_or(io::ErrorKind::Unsupported)?;
    let family = if bench.setting.ipv6 { "ip6" } else { "ip" };
    let rule = format!("tcp dport {port} dnat {family} to {}", SocketAddr::new(bench.server.address, port + 10_000));
    let _passed_on = router.translate("prerouting", &rule)?;
    refused(bench, port)
})
.at(Place::Routed);

/// A router sends the port to a proxy of its own that does not run.
const DEAD_PROXY: Scenario = Scenario::new(
    ("dead-proxy", 2011),
    "> S, < R.",
    &[Expected::or(CLASS, &["forged"], &["no-listener", "refused-by-firewall", "firewall-reject"])],
    |bench, port| {
        let router = bench.router.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        let _redirected = router.translate("prerouting", &format!("tcp dport {port} redirect to :9"))?;
        refused(bench, port)
    },
)
.at(Place::Routed);

/// A SYN that offers ECN meets a closed port.
const ECN_SYN_TO_CLOSED_PORT: Scenario =
    Scenario::new(("ecn-syn-to-closed-port", 2012), "> S, < R.", CLOSED, |bench, port| {
        bench.client.namespace.set("ipv4/tcp_ecn", "1")?;
        refused(bench, port)
    });

/// A middlebox refuses what offers ECN; the next attempt, without it, connects.
const ECN_SYN_REFUSED: Scenario = Scenario::new(
    ("ecn-syn-refused", 2013),
    "> S, < R., > S, < S.",
    &[Expected::or(CLASS, &["forged"], &["ecn-syn-refused", "refused-by-firewall", "firewall-reject", "no-listener"])
        .by_other()],
    |bench, port| {
        bench.client.namespace.set("ipv4/tcp_ecn", "1")?;
        let rule = format!("tcp dport {port} tcp flags & (ecn|cwr|syn) == (ecn|cwr|syn) reject with tcp reset");
        let _old_box = bench.server.namespace.filter("input", &rule)?;
        refused(bench, port)?;
        bench.client.namespace.set("ipv4/tcp_ecn", "0")?;
        let (client, server) = bench.establish(port)?;
        exchange(&client, &server)
    },
);

/// SYN and FIN count one each.
const SYN_FIN_PROBE: Scenario = Scenario::new(("syn-fin-probe", 2014), "> FS, < R.", PROBED, |bench, port| {
    probe(bench, port, (Flags::SYN.with(Flags::FIN), b""))?;
    bench.capture.wait_for_resets(port, 1)
});

/// Data without ACK is counted as well.
const PUSH_PROBE: Scenario = Scenario::new(("push-probe", 2015), "> P, < R.", PROBED, |bench, port| {
    probe(bench, port, (Flags::PSH, b"abc"))?;
    bench.capture.wait_for_resets(port, 1)
});

/// A lone ACK to a port without listener.
const ACK_SCAN_OF_CLOSED_PORT: Scenario =
    Scenario::new(("ack-scan-of-closed-port", 2016), "> ., < R", ACK_PROBED, |bench, port| {
        probe(bench, port, (Flags::ACK, b""))?;
        bench.capture.wait_for_resets(port, 1)
    });

/// A lone ACK to a listener, which refuses it in the same bytes.
const ACK_SCAN_OF_OPEN_PORT: Scenario =
    Scenario::new(("ack-scan-of-open-port", 2017), "> ., < R", ACK_PROBED, |bench, port| {
        let _listener = bench.listen(port)?;
        probe(bench, port, (Flags::ACK, b""))?;
        bench.capture.wait_for_resets(port, 1)
    });

fn probe(bench: &Bench, port: u16, (flags, payload): (Flags, &[u8])) -> io::Result<()> {
    let (src, dst) = (SocketAddr::new(bench.client.address, 45_001), bench.server_at(port));
    let ack = SeqNum(if flags.ack() { 7_000 } else { 0 });
    bench.client.send(&Crafted { src, dst, flags, seq: SeqNum(5_000), ack, options: &[], payload })
}

fn reject<'a>(namespace: &'a Namespace, hook: &str, port: u16) -> io::Result<crate::namespace::Filter<'a>> {
    namespace.filter(hook, &format!("tcp dport {port} reject with tcp reset"))
}

fn marked(bench: &Bench, port: u16) -> io::Result<()> {
    let _client = bench.client.start_connecting_marked(0x48, bench.server_at(port))?;
    bench.capture.wait_for_resets(port, 1)
}
