//! Writes a capture of made-up but plausible traffic, the same for the same seed: many connections open at once,
//! most of them healthy, some ending in each kind of reset, and other protocols in between.
//!
//! ```text
//! cargo run --release --example generate -- --kind a --scale 0.1 --seed 1 a.pcap
//! cargo run --release --example generate -- --frames 20000000 --connections 500000 --seed 1 big.pcap
//! ```
//!
//! The line of JSON on standard output, and in FILE.truth.json, says what the file holds: `resets` by class and cause as they
//! are, and under `also` what else the wire allows to say of some of them.

mod capture;
mod connection;
mod ending;
mod frames;
mod kind;
mod random;
mod scan;
mod traffic;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

use clap::Parser;
use kind::{Kind, Order};

/// Writes a capture of made-up but plausible traffic.
#[derive(Parser)]
struct Arguments {
    /// Which traffic; the next options then change single amounts.
    #[arg(long, default_value = "a", ignore_case = true)]
    kind: Kind,
    /// How much of it: 0.1 is a tenth of the frames and connections, and of those open at once.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// How many frames to write; connections under way at the end are finished first.
    #[arg(long)]
    frames: Option<u64>,
    /// How many connections they belong to.
    #[arg(long)]
    connections: Option<u64>,
    /// How many connections are open at once, at most.
    #[arg(long)]
    open: Option<usize>,
    /// Of a hundred connections, how many end with a reset.
    #[arg(long)]
    resets: Option<u64>,
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
    let mut order = Order::new(arguments.kind, arguments.scale);
    order.frames = arguments.frames.unwrap_or(order.frames);
    order.connections = arguments.connections.unwrap_or(order.connections);
    order.open = arguments.open.unwrap_or(order.open);
    order.resets = arguments.resets.unwrap_or(order.resets);
    (order.seed, order.vxlan) = (arguments.seed, arguments.vxlan);
    let truth = serde_json::to_string(&order.write(File::create(&arguments.output)?)?)?;
    let mut path = arguments.output.into_os_string();
    path.push(".truth.json");
    fs::write(path, format!("{truth}\n"))?;
    writeln!(io::stdout(), "{truth}")
}
