//! What was written down of a tracker is taken up, if its parts fit together.

use super::evicted::Evicted;
use super::{Incarnation, Tracker};

/// No count of a capture comes near this.
const COUNTS_MAX: u64 = 1 << 60;

impl Tracker {
    /// Takes up what was written down of a tracker that followed everything and held so many incarnations at most; `None` where
    /// its parts do not fit together.
    pub fn resumed(mut self, max: usize, endless: bool) -> Option<Self> {
        let same = self.max == max.max(2) && self.endless == endless;
        let counts = [self.connections, self.evictions, self.tracked_max].iter().all(|count| *count < COUNTS_MAX);
        let lives =
            self.slab.is_sound() && self.slab.ids().filter_map(|id| self.slab.get(id)).all(Incarnation::is_sound);
        let order = self.eviction.as_ref().is_none_or(|eviction| eviction.is_sound(&self.slab));
        let gone = self.evicted.as_ref().is_none_or(|evicted| evicted.fits(&Evicted::new(max, endless)));
        if !(same && counts && lives && order && gone && self.hosts.fit(max) && self.slab.len() <= self.max + 1) {
            return None;
        }
        for id in self.slab.ids() {
            if let Some(life) = self.slab.get(id).filter(|life| !life.succeeded) {
                self.index.insert(life.hash, id);
            }
        }
        Some(self)
    }
}
