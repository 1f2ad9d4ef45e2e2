//! What the kernel says of the resets it sends: its trace event `tcp:tcp_send_reset`, in a tracing instance of our own.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use nix::mount::{MsFlags, mount};
use nix::time::{ClockId, clock_gettime};

use crate::capture::{Recorded, Recording};
use crate::segment::Segment;

/// Where tracefs is.
const TRACEFS: &str = "/sys/kernel/tracing";

/// Instances of this laboratory are called `rstlab-PROCESS-NUMBER`.
const PREFIX: &str = "rstlab-";

/// Room for events, for each processor, in KiB: four times what all tests of this laboratory make.
const BUFFER_KIB: &str = "8192";

/// How far apart a reset on the wire and its event may be. A reset that a socket sends of its own has its event after
/// it was sent, and a busy machine may run something else in between.
const APART: Duration = Duration::from_millis(50);

/// The same where only one end of the four-tuple is known: a listener's event lacks the peer, that of a host behind a
/// translator has the addresses of its own side.
const APART_BY_ONE_END: Duration = Duration::from_millis(5);

/// How near an event must be to speak against the belief that no kernel made a reset.
const INSTANT: Duration = Duration::from_micros(200);

/// A tracing instance that notes resets; it ends with the value.
#[derive(Debug)]
pub struct Trace {
    instance: PathBuf,
    /// Nanoseconds from the clock of the trace to that of captures.
    offset_ns: i128,
}

/// One reset, as the kernel that sent it notes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Nanoseconds since 1970, to the microsecond.
    pub time_ns: u64,
    /// Sender of the reset.
    pub src: SocketAddr,
    /// Its receiver; `0.0.0.0:0` where a listener refuses.
    pub dst: SocketAddr,
    /// The state of the socket (`TCP_CLOSE` for most that a program ended), `UNKNOWN` without one.
    pub state: String,
    /// Why, an `sk_rst_reason`.
    pub reason: String,
    /// Whether it answers a segment; otherwise a socket was ended.
    pub answers: bool,
}

impl Trace {
    /// Starts to note resets, those of every network namespace of the machine.
    ///
    /// # Errors
    ///
    /// Without tracefs, without the right to it, and before Linux 6.10, whose event has no reason.
    pub fn start() -> io::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        mount_tracefs()?;
        let tracefs = Path::new(TRACEFS);
        let format = fs::read_to_string(tracefs.join("events/tcp/tcp_send_reset/format"))?;
        if !format.contains("sk_rst_reason reason") {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "tcp_send_reset has no reason before Linux 6.10"));
        }
        sweep(&tracefs.join("instances"));
        let name = format!("{PREFIX}{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let instance = tracefs.join("instances").join(name);
        fs::create_dir(&instance)?;
        let trace = Self { instance, offset_ns: offset()? };
        for (file, value) in
            [("trace_clock", "mono"), ("buffer_size_kb", BUFFER_KIB), ("events/tcp/tcp_send_reset/enable", "1")]
        {
            fs::write(trace.instance.join(file), value)?;
        }
        Ok(trace)
    }

    /// As [`Trace::start`]; where that is impossible, why is said on the real standard error.
    pub fn start_or_say() -> Option<Self> {
        let started = Self::start();
        if let Err(error) = &started {
            // Written past the test harness, which would keep it to itself.
            let _ = writeln!(io::stderr(), "kernel: not asked why it sent resets: {error}");
        }
        started.ok()
    }

    /// All events so far, in the order of time.
    ///
    /// # Errors
    ///
    /// If there were more than the buffer holds, or a line is not as expected.
    pub fn events(&self) -> io::Result<Vec<Event>> {
        let text = fs::read_to_string(self.instance.join("trace"))?;
        let counts = text.lines().find_map(|line| line.strip_prefix("# entries-in-buffer/entries-written: "));
        let counts = counts.and_then(|rest| rest.split_whitespace().next()).and_then(|counts| counts.split_once('/'));
        match counts {
            Some((kept, written)) if kept == written => {}
            _ => return Err(io::Error::other(format!("the kernel lost events: {counts:?} kept/written"))),
        }
        let lines = text.lines().filter(|line| line.contains(": tcp_send_reset: "));
        let parse = |line| {
            parse(line, self.offset_ns)
                .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("event {line}")))
        };
        let mut events = lines.map(parse).collect::<io::Result<Vec<_>>>()?;
        events.sort_by_key(|event| event.time_ns);
        Ok(events)
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir(&self.instance) {
            eprintln!("cannot remove the tracing instance {}: {error}", self.instance.display());
        }
    }
}

/// Mounts tracefs where systems have it and the program looks for it, unless it is there; it stays.
fn mount_tracefs() -> io::Result<()> {
    static MOUNTING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = MOUNTING.lock().unwrap_or_else(PoisonError::into_inner);
    if !Path::new(TRACEFS).join("instances").exists() {
        mount(Some("tracefs"), TRACEFS, Some("tracefs"), MsFlags::empty(), None::<&str>)?;
    }
    Ok(())
}

/// Removes the instances of runs whose process was killed before it could.
fn sweep(instances: &Path) {
    for entry in fs::read_dir(instances).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|owner| !Path::new("/proc").join(owner).exists()) {
            // A parallel run may have swept it first.
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// How far the clock of captures is ahead of the monotonic one, in nanoseconds.
fn offset() -> io::Result<i128> {
    let of = |clock| -> io::Result<i128> {
        let now = clock_gettime(clock)?;
        Ok(i128::from(now.tv_sec()) * 1_000_000_000 + i128::from(now.tv_nsec()))
    };
    Ok(of(ClockId::CLOCK_REALTIME)? - of(ClockId::CLOCK_MONOTONIC)?)
}

/// A line such as `bash-11997 [000] .ns1. 18617.212772: tcp_send_reset: skbaddr=… src=127.0.0.1:9 dest=… state=… reason=…`.
fn parse(line: &str, offset_ns: i128) -> Option<Event> {
    let (before, fields) = line.split_once(": tcp_send_reset: ")?;
    let (seconds, micros) = before.split_whitespace().last()?.split_once('.')?;
    let since_boot = seconds.parse::<i128>().ok()? * 1_000_000_000 + micros.parse::<i128>().ok()? * 1000;
    let field = |name: &str| fields.split(' ').find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
    Some(Event {
        time_ns: u64::try_from(since_boot + offset_ns).ok()?,
        src: field("src")?.parse().ok()?,
        dst: field("dest")?.parse().ok()?,
        state: field("state")?.to_owned(),
        reason: field("reason")?.to_owned(),
        answers: field("skbaddr")?.bytes().any(|digit| digit != b'0'),
    })
}

/// The event of each of these frames (from 1), which hold resets that a kernel made: by four-tuple and time, where that
/// finds none by one end and time. No event is given twice; those given are taken out of `free`.
pub fn join<'a>(recording: &Recording, frames: &[u64], free: &mut Vec<&'a Event>) -> Vec<Option<&'a Event>> {
    let resets: Vec<_> = frames.iter().map(|&number| &recording.frames[number as usize - 1]).collect();
    let mut take = |reset: &Recorded, (apart, fits): (Duration, fn(&Event, &Segment) -> bool)| {
        take_nearest(free, (reset.time_ns, apart), |event| {
            is_of_kind(event, &reset.segment) && fits(event, &reset.segment)
        })
    };
    let mut joined: Vec<_> = resets.iter().map(|reset| take(reset, (APART, by_both_ends))).collect();
    for (event, reset) in joined.iter_mut().zip(&resets).filter(|(event, _)| event.is_none()) {
        *event = take(reset, (APART_BY_ONE_END, by_one_end));
    }
    joined
}

/// The event at the instant of a reset that no kernel is said to have made, if there is one after all.
pub fn at_the_instant<'a>(reset: &Recorded, free: &[&'a Event]) -> Option<&'a Event> {
    let near = |event: &Event| u128::from(event.time_ns.abs_diff(reset.time_ns)) <= INSTANT.as_nanos();
    let mut free = free.iter().copied();
    free.find(|event| near(event) && is_of_kind(event, &reset.segment) && by_both_ends(event, &reset.segment))
}

/// Whether both are answers or neither: only a socket that ends has a number and acknowledges.
fn is_of_kind(event: &Event, reset: &Segment) -> bool {
    event.answers != (reset.flags.ack() && reset.seq.0 != 0)
}

fn by_both_ends(event: &Event, reset: &Segment) -> bool {
    event.src == reset.src && event.dst == reset.dst
}

/// Whether an event without the peer, or with addresses before translation, can be that of a reset.
fn by_one_end(event: &Event, reset: &Segment) -> bool {
    let listener = event.dst.port() == 0 && event.src.port() == reset.src.port();
    listener && (event.src.ip() == reset.src.ip() || event.src.ip().is_unspecified())
        || event.dst == reset.dst
        || event.src == reset.src && event.dst.port() == reset.dst.port()
}

/// Removes and returns the event nearest in time that fits.
fn take_nearest<'a>(
    free: &mut Vec<&'a Event>,
    (time_ns, apart): (u64, Duration),
    fits: impl Fn(&Event) -> bool,
) -> Option<&'a Event> {
    let distance = |event: &Event| u128::from(event.time_ns.abs_diff(time_ns));
    let candidates = free.iter().enumerate().filter(|(_, event)| distance(event) <= apart.as_nanos() && fits(event));
    let (at, _) = candidates.min_by_key(|(_, event)| distance(event))?;
    Some(free.swap_remove(at))
}

#[test]
fn events_are_read_as_the_kernel_prints_them() {
    let line = "  bash-11997   [000] .ns1. 18617.212772: tcp_send_reset: skbaddr=00000000374c347c skaddr=0000000000000000 \
                src=[fd00:1::109]:9 dest=127.0.0.1:42934 state=UNKNOWN reason=NO_SOCKET";
    let event = parse(line, 5_000).expect("an event");
    assert!(event.answers);
    assert_eq!(event.time_ns, 18_617_212_777_000);
    assert_eq!((event.src.to_string(), event.dst.port()), ("[fd00:1::109]:9".to_owned(), 42_934));
    assert_eq!((event.state.as_str(), event.reason.as_str()), ("UNKNOWN", "NO_SOCKET"));
    assert_eq!(parse("  <idle>-0 [000] ..s1. 1.000001: tcp_send_reset: src=nowhere", 0), None);
}
