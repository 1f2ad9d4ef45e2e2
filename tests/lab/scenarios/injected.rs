//! More resets that a third party writes: guesses, sweeps, perfect copies, in either direction, before the handshake ends.

use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use rstscan::tcp::{Flags, SeqNum};

use crate::bench::Bench;
use crate::craft::Crafted;
use crate::scenarios::abort::exchange;
use crate::scenarios::forged::CONSEQUENCE;
use crate::segment::Segment;
use crate::sockets::Connection;
use crate::truth::{Expected, Place, Scenario};

const CLASS: &str = "forged";
const RST_ACK: Flags = Flags::RST.with(Flags::ACK);
const FORGED: Expected = Expected::only(CLASS, &[]).by_other();
/// Nothing contradicts it: a perfect copy of what the endpoint would send.
const PERFECT: Expected = Expected::or(CLASS, &["abortive-close"], &[]).by_other();

/// The scenarios of this file.
pub const ALL: &[Scenario] = &[
    ONE_GUESS,
    SWEEP,
    OLD_NUMBER,
    BARE_TRIPLE,
    PERFECT_AND_CONTRADICTED,
    PERFECT_IN_SILENCE,
    SYN_ANSWERED_BY_A_CENSOR,
    BOTH_DIRECTIONS,
    IN_THE_CLIENTS_NAME,
    REJECTED_BY_THE_ROUTER,
];

const fn forgery(
    (name, port): (&'static str, u16),
    shape: &'static str,
    resets: &'static [Expected],
    run: fn(&Bench, u16) -> io::Result<()>,
) -> Scenario {
    Scenario::new((name, port), shape, resets, run).at(Place::Routed)
}

/// A number within the window, but not the next one: the client challenges it and the connection goes on.
const ONE_GUESS: Scenario = forgery(("one-guess", 3101), "< R., > ., > P., < P.", &[FORGED], |bench, port| {
    let (client, server) = talking(bench, port)?;
    inject(bench, port, &[Forgery { distance: 10, ..BY_SERVER }])?;
    thread::sleep(Duration::from_millis(30));
    exchange(&client, &server)
});

/// A sweep over the sequence space, one reset each 64240 numbers, misses the connection.
const SWEEP: Scenario = forgery(("sweep", 3102), "< R, < R, < R, > P., < P.", &[FORGED], |bench, port| {
    let (client, server) = talking(bench, port)?;
    let guess = |count: u32| Forgery { distance: 1_000_000 + count * 64_240, flags: Flags::RST, ..BY_SERVER };
    inject(bench, port, &(0..40).map(guess).collect::<Vec<_>>())?;
    thread::sleep(Duration::from_millis(30));
    exchange(&client, &server)
});

/// A number that was acknowledged before: the client ignores it.
const OLD_NUMBER: Scenario = forgery(("old-number", 3103), "< R., > P., < P.", &[FORGED], |bench, port| {
    let (client, server) = talking(bench, port)?;
    inject(bench, port, &[Forgery { distance: 0_u32.wrapping_sub(20), ..BY_SERVER }])?;
    thread::sleep(Duration::from_millis(30));
    exchange(&client, &server)
});

/// Three resets without ACK, a window apart, as tcpkill sends them; the server speaks on.
const BARE_TRIPLE: Scenario = forgery(
    ("bare-triple", 3104),
    "< R, < R, < R, < P., > R",
    &[FORGED, FORGED, FORGED, CONSEQUENCE],
    |bench, port| {
        let (_client, server) = talking(bench, port)?;
        let bare = |count: u32| Forgery { distance: count * 502, flags: Flags::RST, ttl: 120, ..BY_SERVER };
        inject(bench, port, &[bare(0), bare(1), bare(2)])?;
        speak_on(bench, port, &server, 4)
    },
);

/// Nothing is wrong with it, but the server speaks on.
const PERFECT_AND_CONTRADICTED: Scenario =
    forgery(("perfect-and-contradicted", 3105), "< R., < P., > R", &[FORGED, CONSEQUENCE], |bench, port| {
        let (_client, server) = talking(bench, port)?;
        inject(bench, port, &[BY_SERVER])?;
        speak_on(bench, port, &server, 2)
    });

/// Nothing is wrong with it, and the server stays silent.
const PERFECT_IN_SILENCE: Scenario =
    forgery(("perfect-in-silence", 3106), "< P., > ., < R.", &[PERFECT], |bench, port| {
        let (client, server) = talking(bench, port)?;
        inject(bench, port, &[BY_SERVER])?;
        bench.keep_until_the_end((client, server));
        Ok(())
    });

/// Three refusals with rising windows reach the client before the server's own SYN|ACK.
const SYN_ANSWERED_BY_A_CENSOR: Scenario = forgery(
    ("syn-answered-by-a-censor", 3107),
    "> S, < R., < R., < R., < S., > R",
    &[FORGED, FORGED, FORGED, Expected::or("half-open-response", &[CLASS], &[])],
    |bench, port| {
        // A frame of the server, for its Ethernet addresses.
        drop(bench.establish(port + 10_000)?);
        let frames = bench.capture.segments(port + 10_000);
        let like = frames.iter().find(|s| s.src.port() == port + 10_000).ok_or(io::ErrorKind::NotFound)?;
        let _listener = bench.listen(port)?;
        let slow = bench.server.namespace.filter("output", &format!("tcp sport {port} drop"))?;
        let client = bench.client.start_connecting(0, bench.server_at(port))?;
        bench.capture.wait_for(port, |segments| !segments.is_empty())?;
        let syn = bench.capture.segments(port).into_iter().next().ok_or(io::ErrorKind::NotFound)?;
        for _ in 0..3 {
            let (src, dst, ack) = (syn.dst, syn.src, syn.seq.plus(1));
            let refusal = Crafted { src, dst, flags: RST_ACK, seq: SeqNum(0), ack, options: &[], payload: b"" };
            bench.inject(like, &refusal, 110)?;
        }
        bench.capture.wait_for_resets(port, 3)?;
        drop(slow);
        // The server repeats its SYN|ACK; the client believed the refusal.
        bench.capture.wait_for_resets(port, 4)?;
        drop(client);
        Ok(())
    },
);

/// Both ends are reset at one instant, each in the name of the other.
const BOTH_DIRECTIONS: Scenario =
    forgery(("both-directions", 3108), "> P., < R., > R.", &[PERFECT, PERFECT], |bench, port| {
        let (_client, _server) = talking(bench, port)?;
        inject(bench, port, &[Forgery { ttl: 101, ..BY_SERVER }, Forgery { by_client: true, ttl: 101, ..BY_SERVER }])
    });

/// The server is reset in the client's name; the client speaks on.
const IN_THE_CLIENTS_NAME: Scenario =
    forgery(("in-the-clients-name", 3109), "> R., > P., < R", &[FORGED, CONSEQUENCE], |bench, port| {
        let (client, _server) = talking(bench, port)?;
        inject(bench, port, &[Forgery { by_client: true, ttl: 200, ..BY_SERVER }])?;
        thread::sleep(Duration::from_millis(30));
        client.send(b"GET /more HTTP/1.1\r\n\r\n")?;
        bench.capture.wait_for_resets(port, 2)
    });

/// The router's packet filter rejects a request of a live connection; the server, unharmed, speaks on.
const REJECTED_BY_THE_ROUTER: Scenario = forgery(
    ("rejected-by-router", 3110),
    "> P., < P., > P., < R, < P., > R",
    &[Expected::only(CLASS, &["firewall-reject", "injected", "ids-response"]).by_other(), CONSEQUENCE],
    |bench, port| {
        let (client, server) = talking(bench, port)?;
        {
            let router = bench.router.as_ref().ok_or(io::ErrorKind::Unsupported)?;
            let rule = format!("tcp dport {port} tcp flags & psh == psh reject with tcp reset");
            let _reject = router.filter("forward", &rule)?;
            client.send(b"GET /forbidden HTTP/1.1\r\n\r\n")?;
            bench.capture.wait_for_resets(port, 1)?;
        }
        thread::sleep(Duration::from_millis(50));
        speak_on(bench, port, &server, 2)
    },
);

/// A reset to be written in somebody's name.
#[derive(Clone, Copy)]
struct Forgery {
    /// In the client's name instead of the server's.
    by_client: bool,
    /// From the next number of its pretended sender, around the circle.
    distance: u32,
    flags: Flags,
    ttl: u8,
}

/// In the server's name, with its numbers and the TTL that its segments have behind the router.
const BY_SERVER: Forgery = Forgery { by_client: false, distance: 0, flags: RST_ACK, ttl: 63 };

/// Writes them one after the other and waits until they are on record.
fn inject(bench: &Bench, port: u16, forgeries: &[Forgery]) -> io::Result<()> {
    let segments = bench.capture.segments(port);
    for forgery in forgeries {
        let pretended = |s: &&Segment| (s.dst.port() == port) == forgery.by_client;
        let like = segments.iter().rev().find(pretended).ok_or(io::ErrorKind::NotFound)?;
        let seq = like.seq.plus(like.len).plus(forgery.distance);
        let ack = if forgery.flags.ack() { last_number(&segments, like.dst) } else { SeqNum(0) };
        let Segment { src, dst, .. } = *like;
        let crafted = Crafted { src, dst, flags: forgery.flags, seq, ack, options: &[], payload: b"" };
        bench.inject(like, &crafted, forgery.ttl)?;
    }
    bench.capture.wait_for_resets(port, forgeries.len())
}

/// The number that a sender will use next.
fn last_number(segments: &[Segment], sender: SocketAddr) -> SeqNum {
    let last = segments.iter().rev().find(|s| s.src == sender);
    last.map_or(SeqNum(0), |s| s.seq.plus(s.len))
}

/// The server sends another answer, which draws the reset that makes `count`.
fn speak_on(bench: &Bench, port: u16, server: &Connection, count: usize) -> io::Result<()> {
    thread::sleep(Duration::from_millis(30));
    server.send(b"HTTP/1.1 200 OK\r\n\r\n")?;
    bench.capture.wait_for_resets(port, count)
}

/// A connection with one exchange behind it and nothing under way.
fn talking(bench: &Bench, port: u16) -> io::Result<(Connection, Connection)> {
    let (client, server) = bench.establish(port)?;
    exchange(&client, &server)?;
    bench.capture.wait_for(port, |segments| {
        segments.iter().filter(|s| s.len > 0).count() == 2 && segments.last().is_some_and(Segment::is_pure_ack)
    })?;
    Ok((client, server))
}
