//! Answers over HTTP, aside from the capture: a few threads, each with one connection at a time and for a few seconds only.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use prometheus::Registry;

use super::answer::{Asked, answer, asked};

/// So many connections are served at the same time; others wait in the queue of the kernel.
const THREADS: usize = 4;
/// What these threads need is a buffer and the text of the answer, both on the heap.
const STACK: usize = 128 * 1024;
/// From the first byte asked to the last one answered.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest request that is read.
const HEAD: usize = 8 * 1024;
/// After an error of the listener, such as too many open files.
const PAUSE: Duration = Duration::from_millis(200);

/// Answers what is asked on this listener from now on, as long as the program runs.
///
/// # Errors
///
/// A thread cannot be started.
pub(super) fn start(listener: &TcpListener, registry: &Registry) -> io::Result<()> {
    for _ in 0..THREADS {
        let (listener, registry) = (listener.try_clone()?, registry.clone());
        let builder = thread::Builder::new().name("metrics".to_owned()).stack_size(STACK);
        builder.spawn(move || serve(&listener, &registry))?;
    }
    Ok(())
}

fn serve(listener: &TcpListener, registry: &Registry) {
    loop {
        match listener.accept() {
            // Who goes away, or is too slow, gets no answer; there is nobody to tell.
            Ok((stream, _)) => drop(talk(&stream, registry)),
            Err(_) => thread::sleep(PAUSE),
        }
    }
}

/// One request and its answer.
fn talk(stream: &TcpStream, registry: &Registry) -> io::Result<()> {
    let mut patient = Patient { stream, until: Instant::now() + PATIENCE };
    let asked = read(&mut patient)?;
    patient.write_all(&answer(&asked, registry))?;
    // What is closed with data unread is reset, and of all programs this one should not.
    stream.shutdown(Shutdown::Write)?;
    let mut rest = [0; 1024];
    let mut drained = 0;
    while drained < HEAD {
        match patient.read(&mut rest)? {
            0 => break,
            count => drained += count,
        }
    }
    Ok(())
}

fn read(patient: &mut Patient<'_>) -> io::Result<Asked> {
    let mut head = vec![0; HEAD];
    let mut filled = 0;
    loop {
        let Some(room) = head.get_mut(filled..).filter(|room| !room.is_empty()) else { return Ok(Asked::TooMuch) };
        let count = patient.read(room)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        filled += count;
        if let Some(asked) = asked(head.get(..filled).unwrap_or_default()) {
            return Ok(asked);
        }
    }
}

/// A connection, as long as there is patience with it.
struct Patient<'a> {
    stream: &'a TcpStream,
    until: Instant,
}

impl Patient<'_> {
    fn left(&self) -> io::Result<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Read for Patient<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        self.stream.read(buffer)
    }
}

impl Write for Patient<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
