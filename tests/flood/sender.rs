//! Sends the frames of a capture over and over, each time as other connections.

use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

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
    const FILE_HEADER: usize = 24;
    const RECORD_HEADER: usize = 16;

    /// Reads a capture that the generator wrote.
    pub fn read(path: &Path) -> io::Result<Self> {
        let file = std::fs::read(path)?;
        let mut traffic = Self { bytes: Vec::with_capacity(file.len()), at: vec![0], moved: vec![], resets: vec![] };
        let mut rest = file.get(Self::FILE_HEADER..).unwrap_or_default();
        while let Some((header, after)) = rest.split_at_checked(Self::RECORD_HEADER) {
            let length = u32::from_le_bytes([header[8], header[9], header[10], header[11]]) as usize;
            let (frame, next) = after.split_at_checked(length).ok_or(io::ErrorKind::UnexpectedEof)?;
            traffic.add(frame);
            rest = next;
        }
        Ok(traffic)
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
        self.resets.push(frame[tcp + 13] & 4 != 0);
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
                    let due = Duration::from_secs_f64(sent.frames as f64 / rate as f64);
                    thread::sleep(due.saturating_sub(began.elapsed()));
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

fn add(bytes: &mut [u8], number: u16) {
    let sum = u16::from_be_bytes([bytes[0], bytes[1]]).wrapping_add(number);
    bytes[..2].copy_from_slice(&sum.to_be_bytes());
}
