//! rstscan explains TCP resets.
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
pub mod source;
pub mod tcp;
