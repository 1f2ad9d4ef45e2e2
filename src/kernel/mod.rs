//! What the kernel of this host says of the resets on the wire: Linux's trace events `tcp:tcp_send_reset` (since 6.10 with a
//! reason) and `tcp:tcp_receive_reset`, read through tracefs and joined with the resets of a live capture by four-tuple and time.
//!
//! The events have the clock of captures: `trace_clock` is `tai`, which runs with the system's clock through all its steps
//! and differs from it by whole leap seconds, asked for with each look at the trace. What remains is the microsecond that the
//! trace is printed with, and the time between the event and the frame.
//!
//! `event.rs` and `events.rs` know lines and times only; `instance.rs` and `process.rs` ask the system.

mod event;
mod events;
mod instance;
mod process;

use std::io;
use std::net::{IpAddr, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use self::event::{Event, Kind, Line, parse};
use self::events::{APART, Answer, Events};
use self::instance::Instance;
pub use self::instance::remove;
use self::process::Processes;
use crate::analyzer::Finding;
use crate::classify::{Accepted, KernelWord, Origin, Sent};
use crate::frame::Timestamp;

/// The kernel, asked about resets. Its traces end with the value.
#[derive(Debug)]
pub struct Kernel {
    instance: Instance,
    events: Events,
    processes: Processes,
    /// What was read behind the last end of a line.
    rest: Vec<u8>,
    /// When the trace began; of what came before nothing is known.
    since: Timestamp,
    /// When it was read last.
    read: Option<(Instant, Timestamp)>,
    /// Whether `bind` tells which addresses are those of this host.
    knows_addresses: bool,
}

impl Kernel {
    /// Events are kept for so long after the settle time.
    const KEEP_NS: i64 = 5_000_000_000;
    /// The trace is read so often where frames come without end.
    const READ_EVERY: Duration = Duration::from_millis(10);
    /// So many times in a row: what comes faster than that waits in the kernel.
    const READS_MAX: usize = 512;
    /// More than the kernel gives at a time.
    const READ_BYTES: usize = 1 << 16;
    /// A line is shorter than this.
    const LINE_MAX: usize = 1 << 12;

    /// Starts to listen to the kernel. Findings come so long after their resets, in nanoseconds.
    ///
    /// # Errors
    ///
    /// Why the kernel does not tell, in words for the user.
    pub fn start(settle_ns: i64) -> io::Result<Self> {
        leap_seconds_ns()?;
        let instance = Instance::start()?;
        let since = now();
        Ok(Self {
            instance,
            events: Events::new(since, settle_ns.saturating_add(Self::KEEP_NS)),
            processes: Processes::new(),
            rest: Vec::new(),
            since,
            read: None,
            knows_addresses: !binds_anything(),
        })
    }

    /// The folder of tracefs that ends with the value, where this process may still remove it.
    pub fn instance(&self) -> &Path {
        self.instance.folder()
    }

    /// Reads what the kernel has noted, unless that was done just now.
    ///
    /// # Errors
    ///
    /// The trace cannot be read.
    pub fn listen(&mut self) -> io::Result<()> {
        if self.read.is_some_and(|(read, _)| read.elapsed() < Self::READ_EVERY) { Ok(()) } else { self.read() }
    }

    /// Reads what the kernel has noted.
    ///
    /// # Errors
    ///
    /// The trace cannot be read.
    pub fn read(&mut self) -> io::Result<()> {
        self.read = Some((Instant::now(), now()));
        let ahead = leap_seconds_ns()?;
        let mut bytes = vec![0; Self::READ_BYTES];
        for _ in 0..Self::READS_MAX {
            let count = self.instance.read(&mut bytes)?;
            if count == 0 {
                break;
            }
            self.rest.extend_from_slice(bytes.get(..count).unwrap_or_default());
            self.take_lines(ahead);
        }
        Ok(())
    }

    /// Ends the trace.
    ///
    /// # Errors
    ///
    /// It stays, as somebody else uses it: in words for the user.
    pub fn end(self) -> io::Result<()> {
        self.instance.end()
    }

    /// Reads it no more; somebody else is to [`remove`] it.
    pub fn leave(self) {
        self.instance.leave();
    }

    fn take_lines(&mut self, ahead: i64) {
        let rest = std::mem::take(&mut self.rest);
        let mut lines = rest.split(|byte| *byte == b'\n');
        let last = lines.next_back().unwrap_or_default();
        for line in lines {
            match parse(&String::from_utf8_lossy(line), ahead) {
                Some(Line::Event(event)) => self.add(event),
                Some(Line::Lost(count)) => self.events.add_loss(count),
                None => {}
            }
        }
        if last.len() < Self::LINE_MAX {
            self.rest = last.to_vec();
        }
    }

    fn add(&mut self, mut event: Event) {
        if let Kind::Sent(sending) = &mut event.kind {
            // Now, while the process may still be there.
            sending.process = sending.process.take().map(|process| self.processes.of(process));
        }
        self.events.add(event);
    }

    /// How many events were lost: more came than were read, or than are kept.
    pub fn lost(&self) -> u64 {
        self.events.lost()
    }

    /// Joins a finding with what the kernel says of it.
    ///
    /// # Errors
    ///
    /// The trace cannot be read.
    pub fn join(&mut self, finding: &mut Finding) -> io::Result<()> {
        let reset = &finding.reset;
        if reset.time.since(self.since) < 0 {
            return Ok(());
        }
        if self.read.is_none_or(|(_, read)| read.since(reset.time) < APART) {
            self.read()?;
        }
        let (from_here, to_here) = (self.is_own(reset.tuple.src.ip()), self.is_own(reset.tuple.dst.ip()));
        let sent = match self.events.sent(reset) {
            Answer::Event((sending, by_both_ends)) => Some(Sent::ByTcp(Origin {
                reason: sending.reason.clone(),
                state: sending.state.clone(),
                process: sending.process.clone(),
                by_both_ends,
            })),
            Answer::NoEvent => from_here.then_some(Sent::NotByTcp),
            Answer::Lost => from_here.then_some(Sent::EventsLost),
        };
        let accepted = match self.events.accepted(reset) {
            Answer::Event(()) => Some(Accepted::Yes),
            Answer::NoEvent => to_here.then_some(Accepted::NoEvent),
            Answer::Lost => to_here.then_some(Accepted::EventsLost),
        };
        if sent.is_some() || accepted.is_some() {
            let word = KernelWord { sent, accepted, overruled: None };
            finding.kernel = Some(Box::new(word.joined(&mut finding.verdict)));
        }
        Ok(())
    }

    /// Whether an address is one of this host, in the network namespace of the capture.
    fn is_own(&self, address: IpAddr) -> bool {
        self.knows_addresses && UdpSocket::bind((address, 0)).is_ok()
    }
}

/// Whether sockets may have addresses that the host does not have (`ip_nonlocal_bind`).
fn binds_anything() -> bool {
    let set = |family| {
        let path = format!("/proc/sys/net/{family}/ip_nonlocal_bind");
        std::fs::read_to_string(path).is_ok_and(|value| value.trim() != "0")
    };
    set("ipv4") || set("ipv6")
}

fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::new(now.as_secs() as i64, now.subsec_nanos())
}

/// How far the atomic clock is ahead of the system's: whole seconds, 0 where nobody has set it.
#[cfg(target_os = "linux")]
fn leap_seconds_ns() -> io::Result<i64> {
    use rustix::time::{ClockId, DynamicClockId, clock_gettime, clock_gettime_dynamic};
    const SECOND: i64 = 1_000_000_000;
    let atomic = clock_gettime_dynamic(DynamicClockId::Tai)?;
    let system = clock_gettime(ClockId::Realtime);
    let ahead = (atomic.tv_sec - system.tv_sec) * SECOND + (atomic.tv_nsec - system.tv_nsec);
    Ok((ahead + SECOND / 2).div_euclid(SECOND) * SECOND)
}

#[cfg(not(target_os = "linux"))]
fn leap_seconds_ns() -> io::Result<i64> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "only Linux says why it sends resets"))
}
