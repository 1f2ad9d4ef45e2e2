//! Frames that may matter later, in a file without a name that is written round and round.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::capture::Packet;
use crate::frame::{FrameNo, LinkType, Timestamp};

/// Holds the last frames, each with the place of the one before it of the same connection.
pub(super) struct Spool {
    file: File,
    capacity: u64,
    /// What is not in the file yet, and where that begins.
    tail: Vec<u8>,
    begun: u64,
    /// The place of each connection's last frame.
    latest: HashMap<u64, u64, foldhash::fast::RandomState>,
    swept_at: usize,
}

/// Where a frame is held, and when it was captured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Held {
    pub(super) at: u64,
    pub(super) time: Timestamp,
}

impl Spool {
    /// Of frames this many bytes are held.
    pub(super) const CAPACITY: u64 = 1 << 30;
    const TAIL: usize = 256 * 1024;
    const HEAD: usize = 40;
    /// No frame is before the first one of a connection.
    const NOWHERE: u64 = u64::MAX;
    /// So many connections are remembered before the first of them are looked through for those whose frames are gone.
    const SWEEP_MIN: usize = 1 << 16;

    /// In a folder, where the file takes up room without being seen; it is gone with the process.
    pub(super) fn new(folder: &Path, capacity: u64) -> io::Result<Self> {
        Ok(Self {
            file: tempfile::tempfile_in(folder)?,
            capacity,
            tail: Vec::with_capacity(Self::TAIL),
            begun: 0,
            latest: HashMap::default(),
            swept_at: Self::SWEEP_MIN,
        })
    }

    /// Where the next frame goes.
    fn head(&self) -> u64 {
        self.begun + self.tail.len() as u64
    }

    /// Whether what is at this place has not been written over.
    fn holds(&self, at: u64) -> bool {
        at != Self::NOWHERE && self.head().saturating_sub(at) + Self::TAIL as u64 <= self.capacity
    }

    pub(super) fn knows(&self, key: u64) -> bool {
        self.latest.get(&key).is_some_and(|at| self.holds(*at))
    }

    /// Takes a frame of a connection; one that is larger than all there is room for is left out.
    pub(super) fn push(&mut self, key: u64, packet: &Packet) -> io::Result<()> {
        let length = packet.block.len() as u32;
        if (packet.block.len() + Self::HEAD + Self::TAIL) as u64 > self.capacity {
            return Ok(());
        }
        let before = self.latest.insert(key, self.head()).unwrap_or(Self::NOWHERE);
        let (input, number) = (u64::from(packet.no.input()), packet.no.number());
        let kind = u64::from(packet.link.0) << 1 | u64::from(packet.timeless);
        let fields = [input, number, packet.time.as_nanos() as u64, before, kind << 32 | u64::from(length)];
        self.tail.extend(fields.iter().flat_map(|field| field.to_ne_bytes()));
        self.tail.extend_from_slice(&packet.block);
        if self.latest.len() > self.swept_at {
            self.sweep();
        }
        if self.tail.len() >= Self::TAIL { self.flush() } else { Ok(()) }
    }

    /// Forgets connections all of whose frames have been written over.
    fn sweep(&mut self) {
        let latest = std::mem::take(&mut self.latest);
        self.latest = latest.into_iter().filter(|(_, at)| self.holds(*at)).collect();
        self.swept_at = (2 * self.latest.len()).max(Self::SWEEP_MIN);
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut rest = &self.tail[..];
        let mut at = self.begun;
        while !rest.is_empty() {
            let place = at % self.capacity;
            let room = usize::try_from(self.capacity - place).unwrap_or(usize::MAX);
            let (now, later) = rest.split_at(rest.len().min(room));
            self.file.write_all_at(now, place)?;
            at += now.len() as u64;
            rest = later;
        }
        self.begun = at;
        self.tail.clear();
        Ok(())
    }

    /// The bytes from this place on.
    fn read(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        if let Some(start) = at.checked_sub(self.begun) {
            let start = usize::try_from(start).unwrap_or(usize::MAX);
            let bytes = self.tail.get(start..).and_then(|rest| rest.get(..into.len()));
            into.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
            return Ok(());
        }
        let place = at % self.capacity;
        let room = usize::try_from(self.capacity - place).unwrap_or(usize::MAX);
        let split = into.len().min(room);
        let (now, later) = into.split_at_mut(split);
        self.file.read_exact_at(now, place)?;
        self.file.read_exact_at(later, 0)
    }

    fn fields(&self, at: u64) -> io::Result<[u64; 5]> {
        let mut bytes = [0; Self::HEAD];
        self.read(at, &mut bytes)?;
        let (fields, _) = bytes.as_chunks();
        Ok(std::array::from_fn(|index| fields.get(index).copied().map_or(0, u64::from_ne_bytes)))
    }

    /// The frames of a connection behind a place, in their order, and whether some before them are gone.
    pub(super) fn frames(&self, key: u64, behind: Option<u64>) -> io::Result<(Vec<Held>, bool)> {
        let mut found = Vec::new();
        let mut at = self.latest.get(&key).copied().unwrap_or(Self::NOWHERE);
        while at != Self::NOWHERE && behind.is_none_or(|behind| at > behind) {
            if !self.holds(at) {
                found.reverse();
                return Ok((found, true));
            }
            let [_, _, time, before, _] = self.fields(at)?;
            found.push(Held { at, time: Timestamp::from_nanos(time as i64) });
            at = before;
        }
        found.reverse();
        Ok((found, false))
    }

    /// A frame that is held.
    pub(super) fn packet(&self, held: &Held) -> io::Result<Packet> {
        let [input, number, _, _, rest] = self.fields(held.at)?;
        let mut block = vec![0; rest as u32 as usize];
        self.read(held.at + Self::HEAD as u64, &mut block)?;
        Ok(Packet {
            no: FrameNo::new(input as u16, number),
            time: held.time,
            link: LinkType((rest >> 33) as u16),
            timeless: rest >> 32 & 1 == 1,
            block,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(number: u64, length: usize) -> Packet {
        Packet {
            no: FrameNo::new(3, number),
            time: Timestamp::from_nanos(-(number as i64)),
            link: LinkType(276),
            timeless: number.is_multiple_of(2),
            block: vec![number as u8; length],
        }
    }

    /// The numbers of a connection's frames that are held, after each was compared with what was given.
    fn numbers(spool: &Spool, key: u64) -> (Vec<u64>, bool) {
        let (frames, gone) = spool.frames(key, None).unwrap();
        let numbers = frames.iter().map(|held| {
            let (read, number) = (spool.packet(held).unwrap(), -held.time.as_nanos() as u64);
            let given = packet(number, 1_000 + number as usize % 7);
            assert_eq!((read.no, read.time, read.link), (given.no, given.time, given.link));
            assert_eq!((read.timeless, read.block), (given.timeless, given.block));
            number
        });
        (numbers.collect(), gone)
    }

    #[test]
    fn the_last_frames_are_held_in_bounded_room() {
        let capacity = 1 << 20;
        let mut spool = Spool::new(&std::env::temp_dir(), capacity).unwrap();
        for number in 1..=5_000 {
            spool.push(number % 2, &packet(number, 1_000 + number as usize % 7)).unwrap();
            assert!(spool.file.metadata().unwrap().len() <= capacity);
            if number == 300 {
                assert_eq!(numbers(&spool, 0), ((2..=300).step_by(2).collect(), false));
            }
        }
        let (odd, gone) = numbers(&spool, 1);
        assert!(gone && odd.len() > 300 && odd.last() == Some(&4_999), "{odd:?}");
        assert!(odd.windows(2).all(|pair| pair[1] == pair[0] + 2));
        let (frames, _) = spool.frames(1, None).unwrap();
        let behind = frames[frames.len() - 2].at;
        assert_eq!(spool.frames(1, Some(behind)).unwrap(), (vec![frames[frames.len() - 1]], false));
        assert_eq!(numbers(&spool, 7), (vec![], false));
        assert!(spool.knows(1) && !spool.knows(7));
    }

    #[test]
    fn connections_without_frames_are_forgotten() {
        let mut spool = Spool::new(&std::env::temp_dir(), 1 << 20).unwrap();
        for key in 0..200_000 {
            spool.push(key, &packet(1, 500)).unwrap();
        }
        assert!(spool.latest.len() <= Spool::SWEEP_MIN + 1);
    }
}
