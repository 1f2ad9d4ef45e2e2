//! A four-tuple is used again while its last connection lingers.

use std::io;
use std::time::{Duration, Instant};

use rstscan::tcp::Flags;

use crate::bench::Bench;
use crate::craft::Crafted;
use crate::sockets::{Connection, Listener};
use crate::truth::{Expected, Place, Scenario};

const CLASS: &str = "time-wait-collision";

/// The scenarios of this file.
pub const ALL: &[Scenario] = &[OLD_ACK, FIN_WAIT_2_REFUSES, ASSASSINATION];

/// A SYN meets TIME-WAIT at the server, which answers with the old connection's ACK.
///
/// Linux lets initial sequence numbers of a four-tuple grow by one every 64 ns, so the next SYN is above the old numbers
/// and starts a connection, unless the old connection sent faster than 15.6 MB/s and timestamps are off: as here.
pub const OLD_ACK: Scenario = Scenario {
    name: "time-wait",
    port: 7001,
    shape: "> S, < S., < F., > F., < ., > S, < ., > R, > S, < S.",
    resets: &[Expected::only(CLASS, &["syn-reset-by-client"])],
    place: Place::Wire,
    either_side: false,
    run: |bench, port| {
        without_timestamps(bench, || {
            let (listener, from) = kept_by_server(bench, port)?;
            let again = bench.client.connect_from(from, bench.server_at(port))?;
            let served = listener.accept()?;
            again.send(b"ping")?;
            served.receive(4)?;
            again.close();
            served.receive_to_end()?;
            Ok(())
        })
    },
};

/// A SYN with a number inside the old window meets FIN-WAIT-2 at the server, which refuses it.
pub const FIN_WAIT_2_REFUSES: Scenario = Scenario {
    name: "fin-wait-2-refuses-syn",
    port: 7002,
    shape: "> S, < S., < F., > S, < R.",
    resets: &[Expected::only(CLASS, &["syn-reset-by-server"])],
    place: Place::Wire,
    either_side: false,
    run: |bench, port| {
        without_timestamps(bench, || {
            let listener = bench.listen(port)?;
            // From here the clock of the initial sequence numbers runs: 15.6 bytes each microsecond.
            let start = Instant::now();
            let client = bench.client.connect(bench.server_at(port))?;
            let (from, server) = (client.port()?, listener.accept()?);
            const UPLOAD: usize = 1_000_000;
            upload(&client, &server, UPLOAD)?;
            server.close();
            client.receive_to_end()?;
            bench.capture.wait_for(port, |segments| {
                let fin = segments.iter().position(|s| s.flags.fin());
                fin.is_some_and(|fin| segments[fin..].iter().any(|s| s.dst.port() == port && s.is_pure_ack()))
            })?;
            {
                // The client's host forgets the connection, and nobody hears of it.
                let _lost = bench.client.namespace.filter("output", "tcp flags rst drop")?;
                client.abort()?;
            }
            // The old window begins 64 ms after the first SYN and is more than 4 ms long.
            let due = Duration::from_nanos(64 * UPLOAD as u64) + Duration::from_millis(2);
            std::thread::sleep(due.saturating_sub(start.elapsed()));
            match bench.client.connect_from(from, bench.server_at(port)) {
                Err(_) => bench.capture.wait_for_resets(port, 1),
                Ok(_) => Err(io::Error::new(io::ErrorKind::Interrupted, "the SYN missed the old window")),
            }
        })
    },
};

/// An old duplicate makes the TIME-WAIT host acknowledge, and the other end, already closed, resets it (RFC 1337).
pub const ASSASSINATION: Scenario = Scenario {
    name: "assassination",
    port: 7003,
    shape: "> S, < S., < F., > F., < ., > P., < ., > R",
    resets: &[Expected::only(CLASS, &["assassination"])],
    place: Place::Wire,
    either_side: false,
    run: |bench, port| {
        let (client, server) = bench.establish(port)?;
        client.send(b"an old request")?;
        server.receive(14)?;
        server.close();
        client.receive_to_end()?;
        client.close();
        bench.capture.wait_for(port, |segments| {
            segments.iter().filter(|s| s.flags.fin()).count() == 2
                && segments.last().is_some_and(|s| s.src.port() == port)
        })?;
        let segments = bench.capture.segments(port);
        let data = segments.iter().find(|s| s.len > 0).ok_or(io::ErrorKind::NotFound)?;
        let flags = Flags::ACK.with(Flags::PSH);
        let (src, dst, seq, ack) = (data.src, data.dst, data.seq, data.ack);
        bench.client.send(&Crafted { src, dst, flags, seq, ack, options: &[], payload: b"an old request" })?;
        bench.capture.wait_for_resets(port, 1)
    },
};

/// A connection that the server closed first and keeps in TIME-WAIT, and the client's port.
pub fn kept_by_server(bench: &Bench, port: u16) -> io::Result<(Listener, u16)> {
    let listener = bench.listen(port)?;
    let client = bench.client.connect(bench.server_at(port))?;
    let (from, server) = (client.port()?, listener.accept()?);
    upload(&client, &server, UPLOAD)?;
    server.close();
    client.receive_to_end()?;
    client.close();
    wait_for_last_ack(bench, port)?;
    Ok((listener, from))
}

/// Waits for the ACK of the second FIN, which is the client's.
pub fn wait_for_last_ack(bench: &Bench, port: u16) -> io::Result<()> {
    bench.capture.wait_for(port, |segments| {
        let closed = segments.iter().filter(|s| s.flags.fin()).count() >= 2;
        closed && segments.last().is_some_and(|s| s.src.port() == port && s.is_pure_ack())
    })
}

/// 512 KiB are 33 ms of the clock of sequence numbers; they cross in less than a tenth of that.
pub const UPLOAD: usize = 512 << 10;

/// Sends as fast as the receiver reads.
pub fn upload(sender: &Connection, receiver: &Connection, count: usize) -> io::Result<()> {
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| receiver.receive(count));
        sender.send(&vec![b'x'; count])?;
        reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Does something while the client's host uses no timestamps.
pub fn without_timestamps(bench: &Bench, work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let client = &bench.client.namespace;
    client.set("ipv4/tcp_timestamps", "0")?;
    let done = work();
    client.set("ipv4/tcp_timestamps", if bench.setting.timestamps { "1" } else { "0" })?;
    done
}
