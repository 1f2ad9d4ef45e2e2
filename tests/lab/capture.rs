//! Recording the wire: the only place that knows how frames are captured, and the recorded frames as values.

use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use pcap::{Active, Precision};

use crate::namespace::Namespace;
use crate::segment::Segment;
use crate::wait::wait_until;

/// The frames of one run and the thread that records them.
#[derive(Debug)]
pub struct Capture {
    recorded: Arc<Mutex<Recording>>,
    stop: Arc<AtomicBool>,
    recorder: Option<JoinHandle<()>>,
}

/// Recorded frames in the order of their capture; each carries TCP over Ethernet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    /// The frames.
    pub frames: Vec<Recorded>,
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Nanoseconds since 1970.
    pub time_ns: u64,
    /// Bytes on the wire.
    pub length: u32,
    /// Bytes captured.
    pub bytes: Vec<u8>,
    /// The segment in them.
    pub segment: Segment,
}

impl Capture {
    /// Records every TCP segment on `interface`, from now on: the socket is open when this returns.
    pub fn start(namespace: &Namespace, interface: &str, snap_length: i32) -> io::Result<Self> {
        let source = namespace.enter(|| open(interface, snap_length).map_err(io::Error::other))?;
        let recorded = Arc::new(Mutex::new(Recording::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let recorder = thread::spawn({
            let (recorded, stop) = (Arc::clone(&recorded), Arc::clone(&stop));
            move || record(source, &recorded, &stop)
        });
        Ok(Self { recorded, stop, recorder: Some(recorder) })
    }

    /// Waits until the segments of a port are as wished.
    ///
    /// # Errors
    ///
    /// `TimedOut` with the segments there are.
    pub fn wait_for(&self, port: u16, wished: impl Fn(&[Segment]) -> bool) -> io::Result<()> {
        wait_until("segments on the wire", || wished(&self.segments(port))).map_err(|error| {
            let lines: Vec<_> = self.segments(port).iter().map(ToString::to_string).collect();
            io::Error::new(error.kind(), format!("{error}; recorded:\n{}", lines.join("\n")))
        })
    }

    /// Waits until `count` resets of a port are on record.
    pub fn wait_for_resets(&self, port: u16, count: usize) -> io::Result<()> {
        self.wait_for(port, |segments| segments.iter().filter(|s| s.flags.rst()).count() >= count)
    }

    /// The segments of a port so far.
    pub fn segments(&self, port: u16) -> Vec<Segment> {
        let recording = self.lock();
        recording.frames.iter().map(|frame| &frame.segment).filter(|s| s.has_port(port)).cloned().collect()
    }

    /// The recorded bytes of the frames whose segment equals `segment`.
    pub fn frames_like(&self, segment: &Segment) -> Vec<Vec<u8>> {
        let recording = self.lock();
        recording.frames.iter().filter(|frame| frame.segment == *segment).map(|frame| frame.bytes.clone()).collect()
    }

    /// Ends the recording.
    pub fn finish(&mut self) -> Recording {
        self.end();
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Recording> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(recorder) = self.recorder.take() {
            // A recorder that panicked has said so; what it recorded is still there.
            let _ = recorder.join();
        }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.end();
    }
}

fn open(interface: &str, snap_length: i32) -> Result<pcap::Capture<Active>, pcap::Error> {
    let mut source = pcap::Capture::from_device(interface)?
        .snaplen(snap_length)
        .buffer_size(64 << 20)
        .immediate_mode(true)
        .precision(Precision::Nano)
        .timeout(10)
        .open()?;
    source.filter("tcp", true)?;
    source.setnonblock()
}

fn record(mut source: pcap::Capture<Active>, recorded: &Mutex<Recording>, stop: &AtomicBool) {
    loop {
        // Read before the frames, so that what was on the wire when the stop came is still recorded.
        let last_round = stop.load(Ordering::Relaxed);
        while let Ok(packet) = source.next_packet() {
            let Some(segment) = Segment::parse(packet.data) else { continue };
            // With Precision::Nano the field for microseconds holds nanoseconds.
            let time_ns = packet.header.ts.tv_sec as u64 * 1_000_000_000 + packet.header.ts.tv_usec as u64;
            let frame = Recorded { time_ns, length: packet.header.len, bytes: packet.data.to_vec(), segment };
            recorded.lock().unwrap_or_else(PoisonError::into_inner).frames.push(frame);
        }
        if last_round {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

impl Recording {
    /// Writes a pcap file with nanosecond times and Ethernet frames.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
        const ETHERNET: u32 = 1;
        let mut file = Vec::new();
        file.extend(MAGIC_NANOSECONDS.to_le_bytes());
        file.extend([2u16, 4].map(u16::to_le_bytes).concat());
        file.extend([0, 0, 262_144, ETHERNET].map(u32::to_le_bytes).concat());
        for frame in &self.frames {
            let (seconds, rest) = (frame.time_ns / 1_000_000_000, frame.time_ns % 1_000_000_000);
            let header = [seconds as u32, rest as u32, frame.bytes.len() as u32, frame.length];
            file.extend(header.map(u32::to_le_bytes).concat());
            file.write_all(&frame.bytes)?;
        }
        std::fs::write(path, file)
    }

    /// Reads a file that [`Recording::write`] wrote.
    pub fn read(path: &Path) -> io::Result<Self> {
        let file = std::fs::read(path)?;
        let mut rest = file.get(24..).ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut frames = Vec::new();
        while let Some((header, after)) = rest.split_at_checked(16) {
            let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
            let (bytes, next) = after.split_at_checked(word(8) as usize).ok_or(io::ErrorKind::UnexpectedEof)?;
            let segment = Segment::parse(bytes).ok_or(io::ErrorKind::InvalidData)?;
            let time_ns = u64::from(word(0)) * 1_000_000_000 + u64::from(word(4));
            frames.push(Recorded { time_ns, length: word(12), bytes: bytes.to_vec(), segment });
            rest = next;
        }
        Ok(Self { frames })
    }

    /// The segments in order.
    pub fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.frames.iter().map(|frame| &frame.segment)
    }

    /// Only the frames that pass; the rest as if the capture had missed them.
    pub fn filtered(&self, keep: impl Fn(usize, &Segment) -> bool) -> Self {
        let frames = self.frames.iter().enumerate().filter(|(at, frame)| keep(*at, &frame.segment));
        Self { frames: frames.map(|(_, frame)| frame.clone()).collect() }
    }
}
