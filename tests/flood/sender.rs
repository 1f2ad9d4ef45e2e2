//! Sends the frames of a capture over and over, each time as other connections.

mod injector;

use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use etherparse::{IpFragOffset, IpNumber, Ipv4Header};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use smoltcp::phy::{Device, Medium, TunTapInterface, TxToken};

use self::injector::Injector;

/// Frames in the order in which they are sent.
pub struct Traffic(Vec<Frame>);

/// A frame that is sent again and again.
pub struct Frame {
    bytes: Vec<u8>,
    /// Where the two halves of addresses are that are moved on: that of the client, that of the server.
    moved: [usize; 2],
    is_reset: bool,
}

/// How fast, and for how long.
pub struct Pace {
    pub frames_per_second: u64,
    /// The capture that is under way then is finished.
    pub duration: Duration,
}

/// What was sent.
#[derive(Default, Debug)]
pub struct Sent {
    pub frames: u64,
    pub bytes: u64,
    pub resets: u64,
    pub seconds: f64,
}

impl Traffic {
    /// So many frames are sent between two breaks.
    const TOGETHER: usize = 64;
    /// What is later than this is not caught up with.
    const LATE_MAX: Duration = Duration::from_millis(20);
    /// So many times a flood sends all frames before it looks at the clock: to begin takes the kernel some 30 ms.
    const ROUNDS_MAX: usize = 8;
    const FILE_HEADER: usize = 24;
    const RECORD_HEADER: usize = 16;

    /// Reads captures that the generator wrote; their frames are sent in the order of time. One in so many of those that are
    /// large enough may be sent in two fragments, of which every fourth pair lacks the second.
    pub fn read(paths: &[&Path], fragmented_every: Option<usize>) -> io::Result<Self> {
        let files = paths.iter().map(std::fs::read).collect::<io::Result<Vec<_>>>()?;
        let mut frames: Vec<(&[u8], &[u8])> = Vec::new();
        for file in &files {
            let mut rest = file.get(Self::FILE_HEADER..).unwrap_or_default();
            while let Some((header, after)) = rest.split_at_checked(Self::RECORD_HEADER) {
                let length = word(&header[8..]) as usize;
                let (frame, next) = after.split_at_checked(length).ok_or(io::ErrorKind::UnexpectedEof)?;
                frames.push((header, frame));
                rest = next;
            }
        }
        frames.sort_by_key(|(header, _)| (word(header), word(&header[4..])));
        let (mut traffic, mut large) = (Vec::with_capacity(frames.len()), 0);
        for (_, frame) in frames {
            match fragmented_every.and_then(|every| Some((every, fragments(frame)?))) {
                Some((every, [first, second])) => {
                    large += 1;
                    if large % every != 0 {
                        traffic.push(Frame::new(frame));
                        continue;
                    }
                    traffic.push(Frame::new(&first));
                    if large / every % 4 != 0 {
                        traffic.push(Frame::new(&second));
                    }
                }
                None => traffic.push(Frame::new(frame)),
            }
        }
        Ok(Self(traffic))
    }

    /// How many frames there are, before they come again.
    pub fn frames(&self) -> u64 {
        self.0.len() as u64
    }

    /// Puts it into a tap interface, over and over until the time is up, and to its end.
    pub fn send(mut self, interface: &str, pace: &Pace) -> io::Result<Sent> {
        to_first_processor()?;
        let mut tap = TunTapInterface::new(interface, Medium::Ethernet)?;
        let (mut sent, began) = (Sent::default(), Instant::now());
        // What was late moves on all that follows: nobody's traffic comes in a burst because a machine was busy.
        let mut late = Duration::ZERO;
        while began.elapsed() < pace.duration {
            for frames in self.0.chunks_mut(Self::TOGETHER) {
                for frame in &mut *frames {
                    let room = tap.transmit(smoltcp::time::Instant::ZERO).ok_or(io::ErrorKind::WouldBlock)?;
                    room.consume(frame.bytes.len(), |room| room.copy_from_slice(&frame.bytes));
                    frame.move_on();
                }
                sent.add(frames, 1);
                let due = late + Duration::from_secs_f64(sent.frames as f64 / pace.frames_per_second as f64);
                let now = began.elapsed();
                late += now.saturating_sub(due + Self::LATE_MAX);
                thread::sleep(due.saturating_sub(now));
            }
        }
        sent.seconds = began.elapsed().as_secs_f64();
        Ok(sent)
    }

    /// Lets the kernel put it into an interface as fast as it can, over and over until the time is up, but once at least.
    pub fn flood(self, interface: &str, duration: Duration) -> io::Result<Sent> {
        to_first_processor()?;
        let injector = Injector::new(interface, &self.0)?;
        let (mut sent, began) = (Sent::default(), Instant::now());
        let mut rounds = 1;
        while sent.frames == 0 || began.elapsed() < duration {
            injector.inject(self.0.len() * rounds)?;
            sent.add(&self.0, rounds);
            rounds = (rounds * 2).min(Self::ROUNDS_MAX);
        }
        sent.seconds = began.elapsed().as_secs_f64();
        Ok(sent)
    }
}

impl Frame {
    fn new(frame: &[u8]) -> Self {
        let bytes = frame.to_vec();
        // The upper halves of IPv4 addresses, and of the last four bytes of those of IPv6.
        let (places, protocol, tcp) = match frame[12..14] {
            [8, 0] => ([26, 30], frame[23], 34),
            [0x86, 0xdd] => ([34, 50], frame[20], 54),
            _ => ([0, 0], 0, 0),
        };
        if protocol != 6 {
            // Other protocols stay as they are: the two halves are one, and what is added is taken away.
            return Self { bytes, moved: [0, 0], is_reset: false };
        }
        let [source, destination] = places;
        let from_client = frame[source] == 10;
        let moved = if from_client { [source, destination] } else { [destination, source] };
        let is_rest = tcp == 34 && frame[20] & 0x1f | frame[21] != 0;
        Self { bytes, moved, is_reset: !is_rest && frame[tcp + 13] & 4 != 0 }
    }

    /// The next time it is of another connection. The sum of both halves stays, and so do all checksums.
    fn move_on(&mut self) {
        for (at, number) in self.moved.into_iter().zip([1, u16::MAX]) {
            let half = &mut self.bytes[at..at + 2];
            let sum = u16::from_be_bytes([half[0], half[1]]).wrapping_add(number);
            half.copy_from_slice(&sum.to_be_bytes());
        }
    }
}

impl Sent {
    fn add(&mut self, frames: &[Frame], times: usize) {
        let times = times as u64;
        self.frames += times * frames.len() as u64;
        self.bytes += times * frames.iter().map(|frame| frame.bytes.len() as u64).sum::<u64>();
        self.resets += times * frames.iter().filter(|frame| frame.is_reset).count() as u64;
    }
}

/// Whether the kernel can flood an interface: it gets one empty frame.
pub fn may_flood(interface: &str) -> io::Result<()> {
    Injector::new(interface, &[Frame::new(&[0; 60])])?.inject(1)
}

/// What this thread does it does on the first processor from now on.
fn to_first_processor() -> io::Result<()> {
    let mut first = CpuSet::new();
    first.set(0)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &first)?)
}

/// A frame with data over IPv4 in two fragments, the first with the header of TCP.
fn fragments(frame: &[u8]) -> Option<[Vec<u8>; 2]> {
    /// More than any header of TCP, in units of eight bytes.
    const FIRST: usize = 64;
    let (header, payload) = Ipv4Header::from_slice(frame.get(14..).filter(|_| frame[12..14] == [8, 0])?).ok()?;
    let (first, second) = payload.split_at_checked(FIRST).filter(|_| header.protocol == IpNumber::TCP)?;
    let part = |offset: usize, more_fragments, payload: &[u8]| {
        let fragment_offset = IpFragOffset::try_new(offset as u16 / 8).ok()?;
        let mut own = Ipv4Header { dont_fragment: false, more_fragments, fragment_offset, ..header.clone() };
        own.set_payload_len(payload.len()).ok()?;
        own.header_checksum = own.calc_header_checksum();
        Some([&frame[..14], &own.to_bytes(), payload].concat())
    };
    let second = part(FIRST, false, second).filter(|_| !second.is_empty())?;
    Some([part(0, true, first)?, second])
}

fn word(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).rev().fold(0, |word, byte| word << 8 | u32::from(*byte))
}
