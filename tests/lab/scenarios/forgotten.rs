//! More connections that one side knows nothing of: a host rebooted, an administrator, a translator that forgot.

use std::io;
use std::thread;
use std::time::Duration;

use rstscan::tcp::Flags;

use crate::bench::{Bench, INTERFACE};
use crate::craft::Crafted;
use crate::namespace::Namespace;
use crate::scenarios::abort::exchange;
use crate::scenarios::closing::talking;
use crate::scenarios::half_open::{LOST, forgotten, forgotten_port};
use crate::segment::Segment;
use crate::truth::{Expected, Place, Scenario};
use crate::wait::wait_until;

const CLASS: &str = "half-open-response";

/// The scenarios of this file.
pub const ALL: &[Scenario] = &[
    REBOOTED,
    LISTENER_BACK,
    DESTROYED_IN_THE_DARK,
    WINDOW_PROBE,
    KEEPALIVE_WITH_A_BYTE,
    ORPHAN_GONE,
    LATE_FIN,
    STRAY_ACK,
    FIREWALL_FORGOT,
    NAT_FORGOT,
];

/// The server's host is gone with all it knew; another takes its place on the wire, with its address.
const REBOOTED: Scenario = Scenario::new(("rebooted", 5101), "> P., < P., > P., < R", LOST, |bench, port| {
    let (client, server) = bench.establish(port)?;
    exchange(&client, &server)?;
    bench.server_link(false)?;
    let reborn = Namespace::create(u32::from(port), if bench.setting.ipv6 { "reborn6" } else { "reborn" })?;
    let old = &bench.server.namespace;
    old.ip(&["link", "set", INTERFACE, "netns", reborn.name()])?;
    let prefix = if bench.setting.ipv6 { 64 } else { 24 };
    let address = format!("{}/{prefix}", bench.server.address);
    reborn.ip(&["link", "set", INTERFACE, "up"])?;
    let mut args = vec!["address", "add", &address, "dev", INTERFACE];
    args.extend(bench.setting.ipv6.then_some("nodad"));
    reborn.ip(&args)?;
    if bench.router.is_some() {
        crate::bench::server_route(&reborn)?;
    }
    client.send(b"still there?")?;
    bench.capture.wait_for_resets(port, 1)
});

/// The server program was started again and listens; the kernel calls this another reason, the wire is the same.
const LISTENER_BACK: Scenario = Scenario::new(("lost-state-listener-back", 5102), "p P., e R", LOST, |bench, port| {
    let (peer, lost) = forgotten_port(bench, port)?;
    let _listener = bench.roles().0.listen(lost)?;
    peer.send(b"are you there?")?;
    bench.capture.wait_for_resets(port, 1)
})
.either();

/// An administrator destroys the socket while the link is cut.
const DESTROYED_IN_THE_DARK: Scenario =
    Scenario::new(("destroyed-in-the-dark", 5103), "> P., < P., > P., < R", LOST, |bench, port| {
        let (client, server) = bench.establish(port)?;
        exchange(&client, &server)?;
        bench.server_link(false)?;
        bench.server.destroy(port)?;
        drop(server);
        bench.server_link(true)?;
        client.send(b"still there?")?;
        bench.capture.wait_for_resets(port, 1)
    });

/// A probe of a closed window reaches a host that lost the connection.
const WINDOW_PROBE: Scenario =
    Scenario::new(("lost-state-window-probe", 5104), "e ., p ., e R", LOST, |bench, port| {
        let (resetter, peer) = talking(bench, port)?;
        bench.fill(port, &peer)?;
        {
            let _lost = bench.roles().0.namespace.filter("output", "tcp flags & rst == rst drop")?;
            resetter.abort()?;
            thread::sleep(Duration::from_millis(20));
        }
        bench.capture.wait_for_resets(port, 1)
    })
    .either();

/// An old kind of keepalive: one byte that was sent before.
const KEEPALIVE_WITH_A_BYTE: Scenario =
    Scenario::new(("lost-state-keepalive-byte", 5105), "p P., e R", LOST, |bench, port| {
        let _peer = forgotten(bench, port)?;
        thread::sleep(Duration::from_millis(60));
        let (resets, speaks) = bench.roles();
        let segments = bench.capture.segments(port);
        let last = segments.iter().rev().find(|s| s.dst.ip() == resets.address).ok_or(io::ErrorKind::NotFound)?;
        let (seq, ack) = (last.seq.plus(last.len).minus(1), last.ack);
        let flags = Flags::ACK.with(Flags::PSH);
        speaks.send(&Crafted { src: last.src, dst: last.dst, flags, seq, ack, options: &[], payload: b"\0" })?;
        bench.capture.wait_for_resets(port, 1)
    })
    .either();

/// One side closes, nobody hears it, and it gives up; later the peer, who knows of nothing, speaks.
const ORPHAN_GONE: Scenario = Scenario::new(
    ("orphan-gone", 5106),
    "e F., e F., p P., e R",
    &[Expected::or(CLASS, &["abortive-close"], &[])],
    |bench, port| {
        let (resetter, peer) = talking(bench, port)?;
        let (here, there) = bench.roles();
        here.namespace.set("ipv4/tcp_orphan_retries", "2")?;
        {
            let _deaf = there.namespace.filter("input", "tcp flags & rst == 0 drop")?;
            let entry = format!(":{:04X} ", resetter.port()?);
            resetter.close();
            wait_until("the orphan to die", || {
                here.namespace.tcp_table(bench.setting.ipv6).is_ok_and(|table| !table.contains(&entry))
            })?;
        }
        peer.send(b"still here")?;
        bench.capture.wait_for_resets(port, 1)
    },
)
.either();

/// A late copy of the FIN reaches the side that holds nothing any more.
const LATE_FIN: Scenario = Scenario::new(
    ("late-fin", 5107),
    "> F., < F., > ., > F., < R",
    &[Expected::or(CLASS, &["abortive-close"], &["late-segment", "data-after-close"])],
    |bench, port| {
        closed_by_client(bench, port)?;
        repeat(bench, port, |s| s.flags.fin() && s.dst.port() == port)
    },
);

/// A late ACK reaches it. It comes from TIME-WAIT, so it may as well answer a duplicate that the capture lacks.
const STRAY_ACK: Scenario = Scenario::new(
    ("stray-ack", 5108),
    "> F., < F., > ., > ., < R",
    &[Expected::or(
        CLASS,
        &["abortive-close", "time-wait-collision"],
        &["late-segment", "stray-ack", "data-after-close", "assassination"],
    )],
    |bench, port| {
        closed_by_client(bench, port)?;
        repeat(bench, port, |s| s.is_pure_ack() && s.dst.port() == port)
    },
);

/// A firewall on the router forgets idle connections and rejects what it does not know.
const FIREWALL_FORGOT: Scenario = Scenario::new(
    ("firewall-forgot", 5109),
    "> P., < P., > P., < R",
    &[Expected::or("forged", &[CLASS], &[]).by_other()],
    |bench, port| {
        let router = bench.router.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        let _stateful = router.filter("forward", "ct state invalid meta l4proto tcp reject with tcp reset")?;
        forget_after_a_second(router)?;
        let (client, server) = bench.establish(port)?;
        exchange(&client, &server)?;
        thread::sleep(Duration::from_millis(2200));
        client.send(b"still there?")?;
        // The server's FIN would draw another reset if the firewall went before it.
        bench.keep_until_the_end((client, server));
        bench.capture.wait_for_resets(port, 1)
    },
)
.at(Place::Routed);

/// A translator forgets an idle connection; what the server sends then is for nobody.
const NAT_FORGOT: Scenario = Scenario::new(
    ("nat-forgot", 5110),
    "> P., < P., < P., > R",
    &[Expected::or(CLASS, &["forged"], &["lost-state", "nat-state-lost"])],
    |bench, port| {
        let router = bench.router.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        let _masquerade = router.translate("postrouting", "oifname right masquerade")?;
        forget_after_a_second(router)?;
        let (client, server) = bench.establish(port)?;
        exchange(&client, &server)?;
        thread::sleep(Duration::from_millis(2200));
        server.send(b"are you still there?")?;
        bench.capture.wait_for_resets(port, 1)
    },
)
.at(Place::BehindRouter);

fn forget_after_a_second(router: &Namespace) -> io::Result<()> {
    router.set("netfilter/nf_conntrack_tcp_timeout_established", "1")?;
    router.set("netfilter/nf_conntrack_tcp_timeout_unacknowledged", "1")?;
    router.set("netfilter/nf_conntrack_tcp_loose", "0")
}

/// A connection that the client closed first: the server, which closed last, holds nothing.
pub fn closed_by_client(bench: &Bench, port: u16) -> io::Result<()> {
    let (client, server) = bench.establish(port)?;
    exchange(&client, &server)?;
    client.close();
    server.receive_to_end()?;
    server.close();
    bench.capture.wait_for(port, |segments| {
        segments.iter().filter(|s| s.flags.fin()).count() == 2
            && segments.last().is_some_and(|s| s.dst.port() == port && s.is_pure_ack())
    })
}

/// Sends the last such segment of the client again.
fn repeat(bench: &Bench, port: u16, wanted: impl Fn(&Segment) -> bool) -> io::Result<()> {
    let segments = bench.capture.segments(port);
    let again = segments.iter().rev().find(|s| wanted(s)).ok_or(io::ErrorKind::NotFound)?;
    let &Segment { src, dst, flags, seq, ack, .. } = again;
    bench.client.send(&Crafted { src, dst, flags, seq, ack, options: &[], payload: b"" })?;
    bench.capture.wait_for_resets(port, 1)
}
