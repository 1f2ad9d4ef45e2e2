//! Writes a capture of made-up but plausible traffic, the same for the same seed: many connections open at once,
//! most of them healthy, some ending in each kind of reset, and other protocols in between.
//!
//! ```text
//! cargo run --release --example generate -- --frames 20000000 --connections 500000 --seed 1 big.pcap
//! ```
//!
//! The line of JSON on standard output says what the file holds, resets by class and cause, so that verdicts can be counted
//! against it.

mod connection;
mod frames;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::Parser;
use connection::{Connection, Ending, Step};
use etherparse::PacketBuilder;
use frames::{PcapWriter, encode};

/// Writes a capture of made-up but plausible traffic.
#[derive(Parser)]
struct Arguments {
    /// How many frames to write; connections under way at the end are finished first.
    #[arg(long, default_value_t = 1_000_000)]
    frames: u64,
    /// How many connections they belong to.
    #[arg(long, default_value_t = 25_000)]
    connections: u64,
    /// How many connections are open at once, at most.
    #[arg(long, default_value_t = 20_000)]
    open: usize,
    /// The same seed gives the same file.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Put each frame into VXLAN, in a VLAN.
    #[arg(long)]
    vxlan: bool,
    /// The file to write.
    output: PathBuf,
}

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let file = BufWriter::with_capacity(1 << 20, File::create(&arguments.output)?);
    let writer = PcapWriter::new(file, arguments.vxlan)?;
    let mut traffic = Traffic::new(&arguments, writer);
    traffic.run()?;
    traffic.report()
}

/// All connections, and the file they are written to.
struct Traffic {
    writer: PcapWriter,
    random: Random,
    open: Vec<Connection>,
    open_at_most: usize,
    frames_wanted: u64,
    connections_wanted: u64,
    connections: u64,
    /// Frames that the connections so far will take, about.
    promised: u64,
    noise: u64,
    resets: [u64; Ending::RESETS.len()],
    buffer: Vec<u8>,
}

/// One frame in so many belongs to another protocol.
const NOISE_EVERY: u64 = 50;

impl Traffic {
    fn new(arguments: &Arguments, writer: PcapWriter) -> Self {
        Self {
            writer,
            random: Random(arguments.seed),
            open: Vec::new(),
            open_at_most: arguments.open.max(1),
            frames_wanted: arguments.frames,
            connections_wanted: arguments.connections,
            connections: 0,
            promised: 0,
            noise: 0,
            resets: [0; Ending::RESETS.len()],
            buffer: Vec::with_capacity(256),
        }
    }

    fn run(&mut self) -> io::Result<()> {
        loop {
            while self.open.len() < self.open_at_most && self.connections < self.connections_wanted {
                self.begin();
            }
            if self.open.is_empty() {
                break;
            }
            let index = self.random.below(self.open.len() as u64) as usize;
            self.play(index)?;
            if self.open[index].step == Step::Done {
                let done = self.open.swap_remove(index);
                if let Some(kind) = Ending::RESETS.iter().position(|(ending, _)| *ending == done.ending) {
                    self.resets[kind] += 1;
                }
            }
        }
        while self.writer.frames < self.frames_wanted {
            self.other_protocol()?;
        }
        Ok(())
    }

    /// Opens the next connection with its share of the frames that no other has.
    fn begin(&mut self) {
        let wanted = self.frames_wanted / NOISE_EVERY * (NOISE_EVERY - 1);
        let share = wanted.saturating_sub(self.promised) / (self.connections_wanted - self.connections).max(1);
        let connection = Connection::new(self.connections, share, &mut self.random);
        self.promised += connection.frames_ahead();
        self.open.push(connection);
        self.connections += 1;
    }

    /// Writes one connection's next segment, and the answer where that comes at once.
    fn play(&mut self, index: usize) -> io::Result<()> {
        loop {
            let connection = &mut self.open[index];
            let segment = connection.advance(&mut self.random);
            encode(connection, &segment, self.writer.time_ns, &mut self.buffer);
            self.writer.write(&self.buffer)?;
            if !self.open[index].hurries() {
                break;
            }
            self.writer.time_ns += 10_000 + self.random.below(40_000);
        }
        self.writer.time_ns += self.random.below(10_000);
        if self.random.below(NOISE_EVERY) == 0 { self.other_protocol() } else { Ok(()) }
    }

    /// A question to a name server, or an ARP request.
    fn other_protocol(&mut self) -> io::Result<()> {
        const ARP: [u8; 42] = *b"\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\x01\x08\x06\0\x01\x08\0\x06\x04\0\x01\
            \x02\0\0\0\0\x01\x0a\0\0\x01\0\0\0\0\0\0\x0a\0\0\x02";
        self.buffer.clear();
        if self.noise.is_multiple_of(2) {
            self.buffer.extend(ARP);
        } else {
            PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
                .ipv4([10, 0, 0, 1], [198, 18, 0, 53], 64)
                .udp(40_000 + (self.noise % 20_000) as u16, 53)
                .write(&mut self.buffer, &[0; 40])
                .map_err(io::Error::other)?;
        }
        self.noise += 1;
        self.writer.time_ns += self.random.below(10_000);
        self.writer.write(&self.buffer)
    }

    fn report(mut self) -> io::Result<()> {
        self.writer.file.flush()?;
        let resets: serde_json::Map<String, serde_json::Value> =
            Ending::RESETS.iter().zip(self.resets).map(|((_, name), count)| (name.to_string(), count.into())).collect();
        let line = serde_json::json!({
            "frames": self.writer.frames,
            "bytes": self.writer.bytes,
            "connections": self.connections,
            "other_frames": self.noise,
            "resets": resets,
        });
        writeln!(io::stdout(), "{line}")
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014): small, fast, the same on every platform.
struct Random(u64);

impl Random {
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is small against 2^64: the bias does not matter here.
    fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound.max(1)
    }
}
