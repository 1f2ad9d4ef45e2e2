//! rstscan explains TCP resets: of every RST in a capture or on a live interface it says why it was sent, with the evidence.
//!
//! ```
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     for finding in rstscan::open("samples/mixed.pcap")? {
//!         let finding = finding?;
//!         let (reset, verdict) = (&finding.reset, &finding.verdict);
//!         println!("{} {}: {}/{} {}", reset.frame, reset.tuple, verdict.class, verdict.cause, verdict.certainty);
//!     }
//!     Ok(())
//! }
//! ```
//!
//! [`open`] reads a file of any known format, and [`Findings`] whatever is [`Read`](std::io::Read). What a finding holds is
//! in [`analyzer::Finding`]; what it says is a [`classify::Verdict`], with its evidence as [facts](classify::Fact).
//!
//! Below that is the core, [`analyzer::Analyzer`]: frames go in, findings come out. It does no I/O, reads no clock and
//! cannot fail. Frames come from a [`source`], or from wherever a program has them:
//!
//! ```
//! use rstscan::analyzer::{Analyzer, Options};
//! use rstscan::frame::{Frame, FrameNo, LinkType, Timestamp};
//!
//! let mut analyzer = Analyzer::new(Options::default());
//! let captured: [(i64, &[u8]); 0] = [];
//! for ((seconds, data), number) in captured.into_iter().zip(1..) {
//!     let (no, time) = (FrameNo::new(0, number), Timestamp::new(seconds, 0));
//!     analyzer.push(&Frame { no, time, link: LinkType::ETHERNET, data, wire_len: data.len() as u32 });
//!     for finding in analyzer.findings() {
//!         println!("{}", finding.verdict.cause);
//!     }
//! }
//! analyzer.finish(); // What waits for what may follow it becomes final.
//! let last: Vec<_> = analyzer.findings().collect();
//! ```
//!
//! # Features
//!
//! * `live` (default): live capture and capture filters, through libpcap.
//! * `cli` (default): the program: arguments, output, signals.
//! * `metrics` (default): counts of the program for Prometheus.
//! * `watch` (default): the program's view in the terminal.
//! * `parquet`: Apache Parquet as an output of the program.
//! * `compress` (default): compressed captures; compiles the C sources of zstd and liblzma.
//!
//! Without these the library needs no C library. `ARCHITECTURE.md` in the repository says how it is built.
#![deny(unsafe_code)]
#![warn(missing_docs)]

pub mod analyzer;
pub mod classify;
#[cfg(feature = "cli")]
pub mod cli;
pub mod decode;
mod findings;
pub mod frame;
pub mod join;
#[cfg(feature = "cli")]
pub mod kernel;
pub mod pattern;
#[cfg(feature = "cli")]
pub mod report;
#[cfg(feature = "cli")]
pub mod run;
pub mod settle;
pub mod source;
pub mod tcp;
pub mod track;

pub use findings::{Findings, open};
