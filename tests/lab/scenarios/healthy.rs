//! Connections of various kinds that live and end without a reset.

use std::io;

use crate::bench::Bench;
use crate::scenarios::abort::exchange;
use crate::sockets::Connection;

/// The first server port of the healthy connections.
pub const FIRST_PORT: u16 = 8000;

/// The first server port of the connections that last through a whole recording.
pub const LASTING_PORT: u16 = 8900;

/// Plays the `kind`-th healthy connection, on a port of its own.
pub fn play(bench: &Bench, kind: u16) -> io::Result<()> {
    converse(bench, FIRST_PORT + kind)
}

/// Plays a healthy connection on a port, whose number chooses the kind.
pub fn converse(bench: &Bench, port: u16) -> io::Result<()> {
    let (client, server) = bench.establish(port)?;
    talk(port, client, server)?;
    bench.capture.wait_for(port, |segments| {
        segments.iter().filter(|s| s.flags.fin()).count() == 2 && segments.last().is_some_and(|s| s.is_pure_ack())
    })
}

/// One of six kinds of conversation; both ends are closed after it.
fn talk(kind: u16, client: Connection, server: Connection) -> io::Result<()> {
    match kind % 6 {
        // The client asks and closes first.
        0 => {
            exchange(&client, &server)?;
            client.close();
            server.receive_to_end()?;
            server.close();
        }
        // The server closes first.
        1 => {
            exchange(&client, &server)?;
            server.close();
            client.receive_to_end()?;
            client.close();
        }
        // Several requests on one connection.
        2 => {
            for _ in 0..4 {
                exchange(&client, &server)?;
            }
            client.close();
            server.receive_to_end()?;
        }
        // The client ends its side, the server still answers.
        3 => {
            client.send(b"the whole question")?;
            client.finish_sending()?;
            server.receive_to_end()?;
            server.send(b"the whole answer")?;
            server.close();
            client.receive_to_end()?;
        }
        // A small download.
        4 => {
            server.send(&[b'd'; 4000])?;
            client.receive(4000)?;
            server.close();
            client.receive_to_end()?;
        }
        // Opened and closed without a word.
        _ => {
            client.close();
            server.receive_to_end()?;
        }
    }
    Ok(())
}
