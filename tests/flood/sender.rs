//! Sends the frames of a capture over and over, each time as other connections.

use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use etherparse::{IpFragOffset, IpNumber, Ipv4Header};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use smoltcp::phy::{Device, Medium, TunTapInterface, TxToken};

/// Frames in memory, one after the other.
pub struct Traffic {
    bytes: Vec<u8>,
    /// Where each frame begins, and where the last one ends.
    at: Vec<usize>,
    /// Where in `bytes` the two halves of addresses are that are moved on: those of clients, those of servers.
    moved: Vec<[usize; 2]>,
    /// Whether each frame has a RST.
    resets: Vec<bool>,
}

/// How fast, and for how long.
pub struct Pace {
    /// As fast as possible if `None`.
    pub frames_per_second: Option<u64>,
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
    const TOGETHER: u64 = 64;
    /// What is later than this is not caught up with.
    const LATE_MAX: Duration = Duration::from_millis(20);
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
        let bytes = Vec::with_capacity(files.iter().map(Vec::len).sum());
        let mut traffic = Self { bytes, at: vec![0], moved: vec![], resets: vec![] };
        let mut large = 0;
        for (_, frame) in frames {
            match fragmented_every.and_then(|every| Some((every, fragments(frame)?))) {
                Some((every, [first, second])) => {
                    large += 1;
                    if large % every != 0 {
                        traffic.add(frame);
                        continue;
                    }
                    traffic.add(&first);
                    if large / every % 4 != 0 {
                        traffic.add(&second);
                    }
                }
                None => traffic.add(frame),
            }
        }
        Ok(traffic)
    }

    /// How many frames there are, before they come again.
    pub fn frames(&self) -> u64 {
        self.resets.len() as u64
    }

    fn add(&mut self, frame: &[u8]) {
        let begin = self.bytes.len();
        self.bytes.extend(frame);
        self.at.push(self.bytes.len());
        // The upper halves of IPv4 addresses, and of the last four bytes of those of IPv6.
        let (places, protocol, tcp) = match frame[12..14] {
            [8, 0] => ([26, 30], frame[23], 34),
            [0x86, 0xdd] => ([34, 50], frame[20], 54),
            _ => ([0, 0], 0, 0),
        };
        if protocol != 6 {
            // Other protocols stay as they are: the two halves are one, and what is added is taken away.
            self.moved.push([begin; 2]);
            return self.resets.push(false);
        }
        let [source, destination] = places.map(|at| begin + at);
        let from_client = frame[places[0]] == 10;
        self.moved.push(if from_client { [source, destination] } else { [destination, source] });
        let is_rest = tcp == 34 && frame[20] & 0x1f | frame[21] != 0;
        self.resets.push(!is_rest && frame[tcp + 13] & 4 != 0);
    }

    /// Sends it from the first processor: over and over until the time is up, and to its end.
    ///
    /// A tap interface takes each frame as if it had come from a wire, which costs the kernel half of what a pair of virtual
    /// interfaces does, and takes no queue in between.
    pub fn send(mut self, interface: &str, pace: &Pace) -> io::Result<Sent> {
        let mut first = CpuSet::new();
        first.set(0)?;
        sched_setaffinity(Pid::from_raw(0), &first)?;
        let mut tap = TunTapInterface::new(interface, Medium::Ethernet)?;
        let (mut sent, began) = (Sent::default(), Instant::now());
        // What was late moves on all that follows: nobody's traffic comes in a burst because a machine was busy.
        let mut late = Duration::ZERO;
        while began.elapsed() < pace.duration {
            for at in 0..self.resets.len() {
                let frame = &self.bytes[self.at[at]..self.at[at + 1]];
                let room = tap.transmit(smoltcp::time::Instant::ZERO).ok_or(io::ErrorKind::WouldBlock)?;
                room.consume(frame.len(), |room| room.copy_from_slice(frame));
                sent.bytes += frame.len() as u64;
                sent.resets += u64::from(self.resets[at]);
                self.move_on(at);
                sent.frames += 1;
                if let Some(rate) = pace.frames_per_second.filter(|_| sent.frames.is_multiple_of(Self::TOGETHER)) {
                    let due = late + Duration::from_secs_f64(sent.frames as f64 / rate as f64);
                    let now = began.elapsed();
                    late += now.saturating_sub(due + Self::LATE_MAX);
                    thread::sleep(due.saturating_sub(now));
                }
            }
        }
        sent.seconds = began.elapsed().as_secs_f64();
        Ok(sent)
    }

    /// The next time a frame is of another connection. The sum of both halves stays, and so do all checksums.
    fn move_on(&mut self, at: usize) {
        let [client, server] = self.moved[at];
        add(&mut self.bytes[client..], 1);
        add(&mut self.bytes[server..], u16::MAX);
    }
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

fn add(bytes: &mut [u8], number: u16) {
    let sum = u16::from_be_bytes([bytes[0], bytes[1]]).wrapping_add(number);
    bytes[..2].copy_from_slice(&sum.to_be_bytes());
}
