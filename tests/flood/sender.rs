//! Sends the frames of a capture over and over, each time as other connections.

use std::io::{self, IoSlice};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::ifaddrs::getifaddrs;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::socket::{AddressFamily, LinkAddr, MsgFlags, MultiHeaders, SockFlag, SockType, bind, sendmmsg, socket};
use nix::unistd::Pid;

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
    /// So many frames go to the kernel in one call.
    const BATCH: usize = 64;
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
    pub fn send(mut self, interface: &str, pace: &Pace) -> io::Result<Sent> {
        let mut first = CpuSet::new();
        first.set(0)?;
        sched_setaffinity(Pid::from_raw(0), &first)?;
        let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::empty(), None)?;
        let address = getifaddrs()?.find_map(|address| {
            let link = address.address.as_ref()?.as_link_addr().copied();
            link.filter(|_| address.interface_name == interface)
        });
        // Bound to no protocol it sends and receives nothing.
        bind(socket.as_raw_fd(), &address.ok_or(io::ErrorKind::NotFound)?)?;
        let mut headers = MultiHeaders::<LinkAddr>::preallocate(Self::BATCH, None);
        let (mut sent, began) = (Sent::default(), Instant::now());
        while began.elapsed() < pace.duration {
            for batch in (0..self.resets.len()).step_by(Self::BATCH) {
                let end = (batch + Self::BATCH).min(self.resets.len());
                self.send_batch(socket.as_raw_fd(), &mut headers, batch..end)?;
                sent.frames += (end - batch) as u64;
                sent.bytes += (self.at[end] - self.at[batch]) as u64;
                sent.resets += self.resets[batch..end].iter().filter(|reset| **reset).count() as u64;
                if let Some(rate) = pace.frames_per_second {
                    let due = Duration::from_secs_f64(sent.frames as f64 / rate as f64);
                    thread::sleep(due.saturating_sub(began.elapsed()));
                }
            }
        }
        sent.seconds = began.elapsed().as_secs_f64();
        Ok(sent)
    }

    fn send_batch(
        &mut self,
        socket: i32,
        headers: &mut MultiHeaders<LinkAddr>,
        batch: std::ops::Range<usize>,
    ) -> io::Result<()> {
        {
            let frames: Vec<[IoSlice<'_>; 1]> =
                batch.clone().map(|at| [IoSlice::new(&self.bytes[self.at[at]..self.at[at + 1]])]).collect();
            let mut left = &frames[..];
            while !left.is_empty() {
                let nobody = vec![None; left.len()];
                let taken = sendmmsg(socket, headers, left, &nobody, [], MsgFlags::empty())?.count();
                left = &left[taken..];
            }
        }
        // The next time they are of other connections. The sum of both halves stays, and so do all checksums.
        for [client, server] in &self.moved[batch] {
            add(&mut self.bytes[*client..], 1);
            add(&mut self.bytes[*server..], u16::MAX);
        }
        Ok(())
    }
}

fn add(bytes: &mut [u8], number: u16) {
    let sum = u16::from_be_bytes([bytes[0], bytes[1]]).wrapping_add(number);
    bytes[..2].copy_from_slice(&sum.to_be_bytes());
}
