//! rstscan explains TCP resets.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod analyzer;
pub mod classify;
pub mod decode;
pub mod frame;
pub mod source;
pub mod tcp;
