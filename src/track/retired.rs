//! Four-tuples of which no RST is left to come: once the last one is decided nobody asks for more of them than what the numbering
//! of connections needs.

use crate::tcp::{FourTuple, Segment};

use super::key::Lookup;
use super::table::Id;
use super::tracker::{Tracker, indexed};
use super::{Opened, SynAck};

impl Tracker {
    /// Nobody asks for the numbers of connections, nor how many there are: those that are over need not be known.
    pub fn number_nothing(&mut self) {
        self.retired = None;
    }

    /// The last RST of the four-tuple `tuple` is decided, which was of the life `id`.
    ///
    /// A life with others beside it, which segments that were captured twice may belong to, stays until it is forgotten; whether
    /// it went.
    pub fn retire(&mut self, id: Id, tuple: &FourTuple) -> bool {
        let Some(life) = self.slab.get(id) else { return true };
        if life.succeeded || life.previous.is_some() || life.is_waiting() {
            return false;
        }
        if let Some(retired) = &mut self.retired {
            retired.take_over(Lookup::of(tuple).hash(&self.state), life);
        }
        self.drop_life(id);
        self.count_tracked();
        true
    }

    /// Asks for where a four-tuple is put that is [retired](Self::retire).
    #[inline]
    pub fn prefetch_retired(&self, tuple: &FourTuple) {
        if let Some(retired) = &self.retired {
            retired.prefetch(Lookup::of(tuple).hash(&self.state));
        }
    }

    /// Takes a segment of a four-tuple of which no RST is left to come, if that is [retired](Self::retire); whether it is.
    pub fn pass_retired(&mut self, segment: &Segment, lookup: &Lookup, hash: u64) -> bool {
        let (slab, wide) = (&self.slab, &self.wide);
        let is_it = |id| slab.get(id).is_some_and(|kept| wide.matches(&kept.key, lookup));
        if self.index.find(indexed(hash), is_it).is_some() {
            return false;
        }
        if segment.flags.syn() && segment.flags.ack() {
            self.hosts.observe_syn_ack(&SynAck::from(segment));
        }
        let Some(retired) = &mut self.retired else { return true };
        let opened = retired.meet(hash, segment, lookup.side);
        self.streams = self.streams.saturating_add(u32::from(opened != Opened::Nothing));
        self.connections += u64::from(opened == Opened::FourTuple);
        self.count_tracked();
        true
    }
}
