//! The five kinds of traffic that are measured with.

use std::fs::File;
use std::io;

use clap::ValueEnum;

use crate::capture::{Capture, Contents};
use crate::connection::Mixture;
use crate::ending;
use crate::random::Random;
use crate::scan;
use crate::traffic::{Amount, Traffic};

/// The traffic of a benchmark.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum Kind {
    /// 20 million small frames of 500 thousand connections, 20 thousand of them open at once.
    A,
    /// 6 million frames of 640 bytes on average.
    B,
    /// A scan and a flood, 10 million frames: a new four-tuple for every SYN.
    C,
    /// 15 million frames over 3 million connections, all of them open at once.
    D,
    /// 200 frames.
    E,
}

impl Kind {
    /// Frames, connections, connections open at once, resets in a hundred.
    fn amount(self) -> (u64, u64, u64, u64) {
        match self {
            Kind::A => (20_000_000, 500_000, 20_000, 15),
            Kind::B => (6_000_000, 150_000, 20_000, 15),
            Kind::C => (10_000_000, 0, 0, 0),
            Kind::D => (15_000_000, 3_000_000, 3_000_000, 15),
            Kind::E => (200, 8, 8, 50),
        }
    }

    fn mixture(self, resets: u64) -> Mixture {
        // Frames of 88 bytes on average, where half of them are ACKs; of B 640.
        let payload = if self == Kind::B { (1288, 1448) } else { (2, 97) };
        let timeless = self == Kind::D;
        let otherwise = if timeless { &ending::OPEN } else { &ending::CLOSED };
        Mixture { resets, otherwise, timeless, payload }
    }
}

/// A capture to be written.
pub struct Order {
    pub kind: Kind,
    pub frames: u64,
    pub connections: u64,
    pub open: usize,
    /// Of a hundred connections, how many end with a reset.
    pub resets: u64,
    /// The same seed gives the same file.
    pub seed: u64,
    /// Whether each frame goes into VXLAN, in a VLAN.
    pub vxlan: bool,
}

impl Order {
    /// A kind of traffic, and how much of it.
    pub fn new(kind: Kind, scale: f64) -> Self {
        let (frames, connections, open, resets) = kind.amount();
        let scaled = |amount: u64| ((amount as f64 * scale) as u64).max(1);
        let (frames, connections, open) = (scaled(frames), scaled(connections), scaled(open));
        Self { kind, frames, connections, open: open as usize, resets, seed: 1, vxlan: false }
    }

    /// Writes it, and says what it holds.
    pub fn write(&self, file: File) -> io::Result<Contents> {
        let mut capture = Capture::new(file, self.vxlan)?;
        let mut random = Random(self.seed);
        let mixture = self.kind.mixture(self.resets);
        let amount = Amount { frames: self.frames, connections: self.connections, open: self.open };
        match self.kind {
            Kind::C => scan::write(&mut capture, &mut random, self.frames)?,
            Kind::D => Traffic::new(&mut capture, &mut random, mixture, amount).in_rounds()?,
            Kind::A | Kind::B | Kind::E => Traffic::new(&mut capture, &mut random, mixture, amount).mixed()?,
        }
        capture.finish()
    }
}
