//! What is true of any input. The fuzzer looks for one of which it is not; `tests/fuzz.rs` tries those that were kept.

pub mod files;
pub mod frames;
pub mod rows;
pub mod stories;
