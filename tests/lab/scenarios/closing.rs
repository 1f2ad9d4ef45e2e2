//! More ways to throw a connection away, or to have closed it when something still arrives.

use std::io;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use socket2::TcpKeepalive;

use crate::bench::Bench;
use crate::scenarios::abort::{ABORT, exchange};
use crate::sockets::Connection;
use crate::truth::{Expected, Scenario};

const CLASS: &str = "abortive-close";
const ABORTED: &[Expected] = &[Expected::only(CLASS, ABORT)];
const AFTER_CLOSE: &[Expected] = &[Expected::only(CLASS, &["data-after-close", "keepalive-race"])];

/// The scenarios of this file.
pub const ALL: &[Scenario] = &[
    DISCONNECTED,
    DESTROYED,
    UNREAD_AND_LINGER,
    PROCESS_KILLED,
    SHUT_READ,
    ZERO_WINDOW,
    FIN_WITH_UNREAD,
    LINGER_2_CLOSED,
    LINGER_2_IN_FIN_WAIT_2,
    FIN_WAIT_2_OF_A_WHOLE_SOCKET,
    FIN_WAIT_2_EXPIRED,
    CROSSED,
    OWN_DATA_LOST,
    FIN_LOST,
    DISCONNECTED_WITH_DATA,
    KEEPALIVE_WITH_USER_TIMEOUT,
    HEALTH_CHECKS,
    LISTENER_CLOSED_IN_SILENCE,
];

/// connect() to nowhere.
pub const DISCONNECTED: Scenario = Scenario::new(("disconnected", 6101), "p P., e P., e R.", ABORTED, |bench, port| {
    let (resetter, peer) = talking(bench, port)?;
    thread::sleep(Duration::from_millis(60));
    resetter.disconnect()?;
    drop(peer);
    bench.capture.wait_for_resets(port, 1)
})
.either();

/// An administrator's `ss -K`.
pub const DESTROYED: Scenario =
    Scenario::new(("socket-destroyed", 6102), "p P., e P., e R.", ABORTED, |bench, port| {
        let (resetter, _peer) = talking(bench, port)?;
        thread::sleep(Duration::from_millis(60));
        bench.roles().0.destroy(resetter.port()?)?;
        bench.capture.wait_for_resets(port, 1)
    })
    .either();

/// Unread data and SO_LINGER zero: the kernel names the first.
pub const UNREAD_AND_LINGER: Scenario =
    Scenario::new(("unread-data-and-linger", 6103), "p P., e R.", ABORTED, |bench, port| {
        let (resetter, peer) = talking(bench, port)?;
        peer.send(&[b'u'; 700])?;
        resetter.await_arrival()?;
        resetter.abort()?;
        bench.capture.wait_for_resets(port, 1)
    })
    .either();

/// A client is killed before it reads the answer.
const PROCESS_KILLED: Scenario = Scenario::new(
    ("process-killed", 6104),
    "> S, < S., < P., > ., > R.",
    &[Expected::only(CLASS, KILLED)],
    |bench, port| {
        let listener = bench.listen(port)?;
        let script = format!("exec 3<>/dev/tcp/{}/{port}; echo ask >&3; exec sleep 20", bench.server.address);
        let mut command = Command::new("bash");
        command.args(["-c", &script]).stdin(Stdio::null());
        let mut child = bench.client.namespace.enter(|| command.spawn())?;
        let answer = || -> io::Result<Connection> {
            let server = listener.accept()?;
            server.receive(4)?;
            server.send(b"an answer that nobody reads")?;
            bench.capture.wait_for(port, |segments| {
                segments.last().is_some_and(|last| last.is_pure_ack() && last.dst.port() == port && segments.len() > 4)
            })?;
            Ok(server)
        };
        let server = answer();
        child.kill()?;
        child.wait()?;
        let _server = server?;
        bench.capture.wait_for_resets(port, 1)
    },
);

const KILLED: &[&str] = &["abort", "linger-zero", "unread-data"];

/// shutdown(SHUT_RD) alone never resets; close() with what came after it does.
const SHUT_READ: Scenario = Scenario::new(("shut-read", 6105), "p P., e ., e R.", ABORTED, |bench, port| {
    let (resetter, peer) = talking(bench, port)?;
    resetter.finish_reading()?;
    peer.send(&[b'u'; 900])?;
    bench.capture.wait_for(port, |segments| segments.last().is_some_and(crate::segment::Segment::is_pure_ack))?;
    thread::sleep(Duration::from_millis(60));
    resetter.close();
    bench.capture.wait_for_resets(port, 1)
})
.either();

/// The peer keeps its window shut until the sender gives up.
const ZERO_WINDOW: Scenario = Scenario::new(
    ("zero-window", 6106),
    "e ., p ., e R.",
    &[Expected::only(CLASS, &["zero-window-abort", "abort", "linger-zero"])],
    |bench, port| {
        let (resetter, _peer) = talking(bench, port)?;
        bench.fill(port, &resetter)?;
        thread::sleep(Duration::from_millis(600));
        resetter.abort()?;
        bench.capture.wait_for_resets(port, 1)
    },
)
.either();

/// The peer's last data and its FIN are acknowledged and never read.
pub const FIN_WITH_UNREAD: Scenario = Scenario::new(
    ("fin-with-unread-data", 6107),
    "p P., p F., e ., e R.",
    &[Expected::only(CLASS, &["rst-instead-of-fin", "unread-data"])],
    |bench, port| {
        let (resetter, peer) = talking(bench, port)?;
        peer.send(b"the last words")?;
        resetter.await_arrival()?;
        peer.finish_sending()?;
        thread::sleep(Duration::from_millis(100));
        resetter.close();
        bench.capture.wait_for_resets(port, 1)
    },
)
.either();

/// TCP_LINGER2 below 0: the ACK of the FIN draws the reset.
const LINGER_2_CLOSED: Scenario = Scenario::new(
    ("linger2-closed", 6108),
    "e F., p ., e R",
    &[Expected::only(CLASS, &["linger2", "data-after-close", "rst-after-fin"])],
    |bench, port| {
        let (resetter, _peer) = talking(bench, port)?;
        thread::sleep(Duration::from_millis(60));
        resetter.without_fin_wait_2()?;
        resetter.close();
        bench.capture.wait_for_resets(port, 1)
    },
)
.either();

/// The same where the FIN was acknowledged before close().
const LINGER_2_IN_FIN_WAIT_2: Scenario = Scenario::new(
    ("linger2-in-fin-wait-2", 6109),
    "e F., p ., e R.",
    &[Expected::only(CLASS, &["rst-after-fin", "linger2"])],
    |bench, port| {
        let (resetter, peer) = talking(bench, port)?;
        resetter.without_fin_wait_2()?;
        resetter.finish_sending()?;
        peer.receive_to_end()?;
        thread::sleep(Duration::from_millis(60));
        resetter.close();
        bench.capture.wait_for_resets(port, 1)
    },
)
.either();

/// FIN-WAIT-2 that lasts longer than TIME-WAIT is kept in the socket itself.
const FIN_WAIT_2_OF_A_WHOLE_SOCKET: Scenario =
    Scenario::new(("data-after-close-whole-socket", 6110), "e F., p ., p P., e R", AFTER_CLOSE, |bench, port| {
        bench.roles().0.namespace.set("ipv4/tcp_fin_timeout", "120")?;
        late_data(bench, port, Duration::from_millis(100))
    })
    .either();

/// FIN-WAIT-2 ended before the peer spoke.
const FIN_WAIT_2_EXPIRED: Scenario = Scenario::new(
    ("data-after-forgotten-close", 6111),
    "e F., p ., p P., e R",
    &[Expected::or(CLASS, &["half-open-response"], &["data-after-close", "keepalive-race", "lost-state"])],
    |bench, port| {
        bench.roles().0.namespace.set("ipv4/tcp_fin_timeout", "1")?;
        late_data(bench, port, Duration::from_millis(1800))
    },
)
.either();

/// A request crosses the FIN: it does not acknowledge it, so the reset has the FIN's own number.
const CROSSED: Scenario =
    Scenario::new(("request-crosses-fin", 6112), "e F., p P., e R", AFTER_CLOSE, |bench, port| {
        let (resetter, peer) = talking(bench, port)?;
        thread::sleep(Duration::from_millis(60));
        let _late = bench.roles().1.namespace.filter("input", "tcp flags & fin == fin drop")?;
        resetter.close();
        bench.capture.wait_for(port, |segments| segments.iter().any(|s| s.flags.fin()))?;
        peer.send(b"GET /next HTTP/1.1\r\n\r\n")?;
        bench.capture.wait_for_resets(port, 1)
    })
    .either();

/// What was sent before the abort is lost: the peer challenges the reset, and the next one, which answers, ends it.
const OWN_DATA_LOST: Scenario = Scenario::new(
    ("abort-behind-lost-data", 6113),
    "e P., e R., p ., e R",
    &[Expected::only(CLASS, ABORT), Expected::or(CLASS, &["half-open-response"], &[])],
    |bench, port| {
        let (resetter, peer) = talking(bench, port)?;
        let _lossy = bench.roles().1.namespace.filter("input", "tcp flags & psh == psh drop")?;
        resetter.send(&[b'l'; 1000])?;
        resetter.abort()?;
        bench.capture.wait_for_resets(port, 2)?;
        drop(peer);
        Ok(())
    },
)
.either();

/// The same with a FIN that is lost.
const FIN_LOST: Scenario = Scenario::new(
    ("abort-behind-lost-fin", 6114),
    "e F., e R., p ., e R",
    &[
        Expected::only(CLASS, &["rst-after-fin", "abort", "linger-zero"]),
        Expected::or(CLASS, &["half-open-response"], &[]),
    ],
    |bench, port| {
        let (resetter, peer) = talking(bench, port)?;
        let _lossy = bench.roles().1.namespace.filter("input", "tcp flags & fin == fin drop")?;
        resetter.finish_sending()?;
        thread::sleep(Duration::from_millis(10));
        resetter.abort()?;
        bench.capture.wait_for_resets(port, 2)?;
        drop(peer);
        Ok(())
    },
)
.either();

/// Both sides have closed, but this one's FIN still waits behind data that the peer does not take, when it gives up.
const DISCONNECTED_WITH_DATA: Scenario = Scenario::new(
    ("disconnected-with-data", 6115),
    "p F., e R.",
    &[Expected::only(CLASS, &["rst-instead-of-fin", "zero-window-abort", "abort", "linger-zero"])],
    |bench, port| {
        let (resetter, peer) = talking(bench, port)?;
        peer.finish_sending()?;
        resetter.receive_to_end()?;
        bench.fill(port, &resetter)?;
        resetter.finish_sending()?;
        resetter.abort()?;
        bench.capture.wait_for_resets(port, 1)
    },
)
.either();

/// Keepalive bounded by TCP_USER_TIMEOUT instead of a number of probes.
const KEEPALIVE_WITH_USER_TIMEOUT: Scenario = Scenario::new(
    ("keepalive-with-user-timeout", 6116),
    "e ., e R.",
    &[Expected::only(CLASS, &["keepalive-timeout", "user-timeout"])],
    |bench, port| {
        let (resetter, _peer) = talking(bench, port)?;
        let second = Duration::from_secs(1);
        let _deaf = bench.roles().1.namespace.filter("input", "meta l4proto tcp drop")?;
        resetter.socket().set_tcp_user_timeout(Some(Duration::from_millis(1500)))?;
        resetter.socket().set_tcp_keepalive(&TcpKeepalive::new().with_time(second).with_interval(second))?;
        bench.capture.wait_for_resets(port, 1)
    },
)
.either();

/// A health check connects and resets at even distances.
const HEALTH_CHECKS: Scenario = Scenario::new(
    ("health-checks", 6117),
    "> S, > ., > R., > S, > R., > S, > R.",
    &[Expected::only(CLASS, &["connect-then-reset"])],
    |bench, port| {
        let _listener = bench.listen(port)?;
        for count in 1..=3 {
            bench.client.connect(bench.server_at(port))?.abort()?;
            bench.capture.wait_for_resets(port, count)?;
            thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    },
);

/// The listener closes with two connections that nobody accepted and nobody spoke on.
const LISTENER_CLOSED_IN_SILENCE: Scenario = Scenario::new(
    ("listener-closed-in-silence", 6118),
    "> S, < S., > ., < R., < R.",
    &[Expected::only(CLASS, &["listener-closed", "connect-then-reset"])],
    |bench, port| {
        let listener = bench.listen(port)?;
        let connect = |_| bench.client.connect(bench.server_at(port));
        let _clients = (0..2).map(connect).collect::<io::Result<Vec<_>>>()?;
        bench.capture.wait_for(port, |s| s.iter().filter(|s| s.dst.port() == port && s.is_pure_ack()).count() >= 2)?;
        thread::sleep(Duration::from_millis(20));
        drop(listener);
        bench.capture.wait_for_resets(port, 2)
    },
);

/// A connection with one exchange behind it, in the order (the side that resets, its peer).
pub fn talking(bench: &Bench, port: u16) -> io::Result<(Connection, Connection)> {
    let (resetter, peer) = bench.establish_roles(port)?;
    exchange(&peer, &resetter)?;
    Ok((resetter, peer))
}

/// The one side closes, the peer speaks after a while.
fn late_data(bench: &Bench, port: u16, wait: Duration) -> io::Result<()> {
    let (resetter, peer) = talking(bench, port)?;
    resetter.close();
    peer.receive_to_end()?;
    thread::sleep(wait);
    peer.send(b"one more thing")?;
    bench.capture.wait_for_resets(port, 1)
}
