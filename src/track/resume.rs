//! A tracker in two parts, to be written down: what it knows, and the lives of all four-tuples.

use super::Tracker;
use super::evicted::Evicted;
use super::table::Lives;

/// No count of a capture comes near this.
const COUNTS_MAX: u64 = 1 << 60;

impl Tracker {
    /// Takes out all lives.
    pub fn take_lives(&mut self) -> Lives {
        std::mem::take(&mut self.slab).into()
    }

    /// Takes up what was written down of a tracker that followed everything and held so many incarnations at most; `None` where
    /// that does not fit together.
    pub fn resumed(mut self, lives: Lives, (max, endless): (usize, bool)) -> Option<Self> {
        let same = self.max == max.max(2) && self.endless == endless;
        let counts = [self.connections, self.evictions, self.tracked_max].iter().all(|count| *count < COUNTS_MAX);
        let gone = self.evicted.as_ref().is_none_or(|evicted| evicted.fits(&Evicted::new(max, endless)));
        if !(same && counts && gone && self.hosts.fit(max)) {
            return None;
        }
        // One life and the next are there at the same time, whatever the bound.
        self.slab = lives.into_slab(self.max.saturating_add(1))?;
        for id in self.slab.ids() {
            let life = self.slab.get(id).filter(|life| life.is_sound())?;
            if !life.succeeded {
                self.index.insert(life.hash, id);
            }
        }
        self.eviction.as_ref().is_none_or(|eviction| eviction.is_sound(&self.slab)).then_some(self)
    }
}
