//! What a whole run saw: the numbers at the end.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::classify::{Cause, Class};
use crate::frame::Timestamp;

/// Counts over a whole run.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Summary {
    /// Frames pushed.
    pub frames: u64,
    /// TCP segments found in them.
    pub segments: u64,
    /// Segments with RST: one verdict each.
    pub resets: u64,
    /// Resets that are events of their own, and follow from no other.
    pub events: u64,
    /// Resets and events by class and cause.
    pub by_cause: BTreeMap<(Class, Cause), Tally>,
    /// The server end of each reset connection, with its resets; of the first 65,536 only.
    pub by_service: BTreeMap<SocketAddr, Tally>,
    /// Four-tuples seen.
    pub connections: u64,
    /// Four-tuples known at the same time, at most.
    pub tracked_max: u64,
    /// Frames without a usable TCP segment, by reason.
    pub skipped: BTreeMap<&'static str, u64>,
    /// Incarnations given up to stay within memory.
    pub evictions: u64,
    /// The most incarnations that were to be held at the same time.
    pub max_connections: u64,
    /// Resets that were classified before their settle time was over, because too many were held, or because the clock of the
    /// capture had gone back.
    pub settled_early: u64,
    /// The earliest capture time.
    pub first: Option<Timestamp>,
    /// The latest capture time.
    pub last: Option<Timestamp>,
}

/// Resets and the events they make.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Resets.
    pub resets: u64,
    /// Events: resets that follow from no other.
    pub events: u64,
}
