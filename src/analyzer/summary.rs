//! What a whole run saw: the numbers at the end.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::classify::{Cause, Class};
use crate::decode::Skip;
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
    /// Those of them that an earlier run had left to this one.
    pub brought: u64,
    /// RSTs beside these that wait for what follows them, and are left to the run that goes on from here.
    pub carried: u64,
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

/// The most services that are counted one by one.
pub(super) const SERVICES_COUNTED: usize = 1 << 16;

impl Summary {
    /// Counts a reset.
    pub fn count(&mut self, cause: (Class, Cause), service: SocketAddr, is_event: bool) {
        let event = u64::from(is_event);
        let add = |tally: &mut Tally| {
            tally.resets += 1;
            tally.events += event;
        };
        self.resets += 1;
        self.events += event;
        add(self.by_cause.entry(cause).or_default());
        if self.by_service.len() < SERVICES_COUNTED || self.by_service.contains_key(&service) {
            add(self.by_service.entry(service).or_default());
        }
    }

    /// The reason with this id for which frames are skipped.
    pub fn skip_id(id: &str) -> Option<&'static str> {
        Skip::ALL.iter().map(|skip| skip.id()).find(|known| *known == id)
    }
}

/// Resets and the events they make.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Resets.
    pub resets: u64,
    /// Events: resets that follow from no other.
    pub events: u64,
}
