//! rstscan explains TCP resets: of every RST in a capture or on a live interface it says why it was sent, with the evidence.
//!
//! The core is [`analyzer::Analyzer`]: frames go in, findings come out. It does no I/O, reads no clock and cannot fail.
//! A [`source`] supplies the frames; what a finding says is a [`classify::Verdict`].
//!
//! ```no_run
//! use rstscan::analyzer::{Analyzer, Options};
//! use rstscan::source::{CaptureFile, Next, Source};
//!
//! let mut capture = CaptureFile::new(std::fs::File::open("capture.pcap")?, 0);
//! let mut analyzer = Analyzer::new(Options::default());
//! loop {
//!     match capture.next()? {
//!         Next::Frame(frame) => analyzer.push(&frame),
//!         Next::Interface(_) | Next::Comment(..) | Next::Damaged(_) | Next::Idle => {}
//!         Next::End => break,
//!     }
//! }
//! analyzer.finish();
//! for finding in analyzer.findings() {
//!     let (reset, verdict) = (&finding.reset, &finding.verdict);
//!     println!("{} {}: {}/{} {}", reset.frame, reset.tuple.src, verdict.class, verdict.cause, verdict.certainty);
//! }
//! # Ok::<(), rstscan::source::SourceError>(())
//! ```
//!
//! On long captures take the findings between frames too: they wait in memory until then.
//!
//! # Features
//!
//! * `live` (default): live capture and capture filters, through libpcap.
//! * `cli` (default): the program: arguments, output, signals.
//! * `parquet`: Apache Parquet as an output of the program.
//! * `compress` (default): compressed captures; compiles the C sources of zstd and liblzma.
//!
//! Without these the library needs no C library. `ARCHITECTURE.md` in the repository says how it is built.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod analyzer;
pub mod classify;
#[cfg(feature = "cli")]
pub mod cli;
pub mod decode;
pub mod frame;
pub mod join;
pub mod pattern;
#[cfg(feature = "cli")]
pub mod report;
#[cfg(feature = "cli")]
pub mod run;
pub mod settle;
pub mod source;
pub mod tcp;
pub mod track;
