//! rstscan explains TCP resets: of every RST in a capture or on a live interface it says why it was sent, with the evidence.
//!
//! The core is [`analyzer::Analyzer`]: frames go in, findings come out. It does no I/O, reads no clock and cannot fail.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod analyzer;
pub mod classify;
#[cfg(feature = "cli")]
pub mod cli;
pub mod decode;
pub mod frame;
#[cfg(feature = "cli")]
pub mod report;
#[cfg(feature = "cli")]
pub mod run;
pub mod settle;
pub mod source;
pub mod tcp;
pub mod track;
