//! What is old enough goes, a few places of the slab at a time.

use crate::frame::Timestamp;

use super::table::Id;
use super::{Incarnation, Tracker};

/// With no more incarnations than this nothing is forgotten or condensed: about 30 MB.
pub(super) const ROOM: usize = 1 << 16;
/// Places of the slab are looked at for forgetting each time so many segments have come.
pub(super) const FORGET_EVERY: u64 = 64;
/// So many places at a time.
pub(super) const FORGET_TOGETHER: u32 = 8;
/// How long after its last segment the history of a life that is over is condensed, in nanoseconds.
const CONDENSED_AFTER: i64 = 10_000_000_000;

impl Tracker {
    /// Of a life that was over a while ago the landmarks are enough.
    fn condense(&mut self, id: Id, now: Timestamp) {
        let latest = self.latest;
        if let Some(incarnation) = self.slab.get_mut(id)
            && now.since(incarnation.last()) > CONDENSED_AFTER
            && incarnation.is_over()
        {
            incarnation.history.condense(latest);
        }
    }

    /// Looks at the next places of the slab, which nobody may have asked for in a while: they are asked for together first.
    #[inline(never)]
    pub(super) fn forget_some(&mut self, now: Timestamp) {
        if self.slab.len() <= ROOM {
            return;
        }
        self.hand = if self.hand >= self.slab.places() { 0 } else { self.hand };
        let ids = (self.hand..self.hand.saturating_add(FORGET_TOGETHER)).map(|place| self.slab.id_at(place));
        ids.for_each(|id| self.prefetch(id));
        for _ in 0..FORGET_TOGETHER {
            if self.slab.len() <= ROOM {
                return;
            }
            let id = self.slab.id_at(self.hand);
            self.hand += 1;
            self.forget(id, now);
        }
    }

    /// Forgets an incarnation if it is old enough.
    fn forget(&mut self, id: Id, now: Timestamp) {
        self.condense(id, now);
        let Some(incarnation) = self.slab.get(id) else { return };
        // A life that has a successor goes with it.
        if incarnation.succeeded || !incarnation.is_forgettable(now) {
            return;
        }
        let previous = incarnation.previous.and_then(|previous| self.slab.get(previous));
        if previous.is_some_and(Incarnation::is_waiting) {
            return;
        }
        self.drop_life(id);
    }
}
