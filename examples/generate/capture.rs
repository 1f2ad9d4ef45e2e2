//! The file, and what is true of it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};

use serde::Serialize;

use crate::connection::Segment;
use crate::ending::Truth;
use crate::frames;

/// What a capture holds.
#[derive(Default, Serialize)]
pub struct Contents {
    pub frames: u64,
    pub bytes: u64,
    pub connections: u64,
    pub other_frames: u64,
    /// Resets by class and cause, as they are.
    pub resets: BTreeMap<&'static str, u64>,
    /// What else the wire allows to say of some of them.
    pub also: BTreeMap<&'static str, &'static [&'static str]>,
}

impl Contents {
    /// One more reset.
    pub fn add(&mut self, truth: &Truth) {
        *self.resets.entry(truth.cause).or_default() += 1;
        if !truth.also.is_empty() {
            self.also.insert(truth.cause, truth.also);
        }
    }
}

/// A pcap file with nanosecond times.
pub struct Capture {
    file: BufWriter<File>,
    pub time_ns: u64,
    pub contents: Contents,
    /// Whether each frame goes into a tunnel.
    vxlan: bool,
    frame: Vec<u8>,
    outer: Vec<u8>,
}

impl Capture {
    pub fn new(file: File, vxlan: bool) -> io::Result<Self> {
        const NANOSECONDS: u32 = 0xa1b2_3c4d;
        const ETHERNET: u32 = 1;
        let mut file = BufWriter::with_capacity(1 << 20, file);
        file.write_all(&NANOSECONDS.to_le_bytes())?;
        file.write_all(&[2, 0, 4, 0])?;
        for word in [0, 0, 65535, ETHERNET] {
            file.write_all(&word.to_le_bytes())?;
        }
        let contents = Contents { bytes: 24, ..Contents::default() };
        let time_ns = 1_700_000_000_000_000_000;
        Ok(Self { file, time_ns, contents, vxlan, frame: Vec::new(), outer: Vec::new() })
    }

    /// Writes a segment.
    pub fn segment(&mut self, segment: &Segment) -> io::Result<()> {
        frames::encode(segment, self.time_ns, &mut self.frame);
        self.record()
    }

    /// Writes a frame of another protocol.
    pub fn noise(&mut self) -> io::Result<()> {
        frames::noise(self.contents.other_frames, &mut self.frame);
        self.contents.other_frames += 1;
        self.record()
    }

    fn record(&mut self) -> io::Result<()> {
        if self.vxlan {
            frames::tunnel(&self.frame, &mut self.outer);
        }
        let frame = if self.vxlan { &self.outer } else { &self.frame };
        let len = frame.len() as u32;
        let mut header = [0; 16];
        let words = [(self.time_ns / 1_000_000_000) as u32, (self.time_ns % 1_000_000_000) as u32, len, len];
        for (place, word) in header.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        self.contents.frames += 1;
        self.contents.bytes += 16 + u64::from(len);
        self.file.write_all(&header)?;
        self.file.write_all(frame)
    }

    /// Everything is in the file.
    pub fn finish(mut self) -> io::Result<Contents> {
        self.file.flush()?;
        Ok(self.contents)
    }
}
