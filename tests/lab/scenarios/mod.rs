//! The ways to make a reset, one function each, by the class of the verdict they must draw.

pub mod abort;
pub mod closed_port;
pub mod forged;
pub mod half_open;
pub mod handshake;
pub mod healthy;
pub mod time_wait;

use crate::truth::Scenario;

/// Every scenario.
pub fn all() -> impl Iterator<Item = &'static Scenario> {
    [closed_port::ALL, time_wait::ALL, abort::ALL, half_open::ALL, handshake::ALL, forged::ALL].into_iter().flatten()
}
