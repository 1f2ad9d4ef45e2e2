//! The ways to make a reset, one function each, by the class of the verdict they must draw.

pub mod abort;
pub mod closed_port;
pub mod closing;
pub mod forged;
pub mod forgotten;
pub mod half_open;
pub mod handshake;
pub mod healthy;
pub mod injected;
pub mod multipath;
pub mod opening;
pub mod refusal;
pub mod reuse;
pub mod silent;
pub mod time_wait;

use crate::truth::Scenario;

/// Every scenario.
pub fn all() -> impl Iterator<Item = &'static Scenario> {
    let wide = [closed_port::ALL, time_wait::ALL, abort::ALL, half_open::ALL, handshake::ALL, forged::ALL];
    let deep = [
        refusal::ALL,
        reuse::ALL,
        closing::ALL,
        multipath::ALL,
        forgotten::ALL,
        opening::ALL,
        injected::ALL,
        silent::ALL,
    ];
    wide.into_iter().chain(deep).flatten()
}
