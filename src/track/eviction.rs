//! Which connection is given up first, where there are as many as memory has room for.
//!
//! Nothing here is done before memory is full for the first time. From then on a step of constant time belongs to each change
//! of rank, and to the first segment of a connection in each second of capture time.

use serde::{Deserialize, Serialize};

use crate::frame::Timestamp;

use super::Incarnation;
use super::table::{Id, Slab};

/// How soon the life of a four-tuple may be given up: those of the first rank before all others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
enum Rank {
    /// Either side ended it.
    Over,
    /// One end never answered, or the handshake is not over: floods and scans are made of these.
    Unanswered,
    /// It was ended, and a reset of it waits for what follows.
    Waiting,
    /// Both sides use it.
    Open,
}

impl Rank {
    fn of(incarnation: &Incarnation) -> Self {
        if incarnation.is_waiting() {
            Rank::Waiting
        } else if incarnation.is_over() {
            Rank::Over
        } else if incarnation.is_answered() {
            Rank::Open
        } else {
            Rank::Unanswered
        }
    }
}

/// The place of a life among those of its rank.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Place {
    /// `None` where it is in no list.
    rank: Option<Rank>,
    /// When it was put there, in whole seconds.
    second: u32,
    older: Option<Id>,
    newer: Option<Id>,
}

/// One list through the slab.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct List {
    oldest: Option<Id>,
    newest: Option<Id>,
}

impl List {
    /// How many lives it goes through; `None` where it is none of this rank.
    fn count(&self, rank: Rank, slab: &Slab) -> Option<usize> {
        let (mut at, mut older, mut count) = (self.oldest, None, 0);
        while let Some(id) = at {
            let life = slab.get(id).filter(|life| !life.succeeded && count < slab.len())?;
            let place = life.place;
            if place.rank != Some(rank) || place.older != older {
                return None;
            }
            (at, older, count) = (place.newer, Some(id), count + 1);
        }
        (older == self.newest).then_some(count)
    }
}

/// The current lives of all four-tuples by rank, and within a rank by the second in which they were last used.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Eviction {
    lists: [List; 4],
}

impl Eviction {
    /// Of all that is in the slab.
    pub(super) fn of(slab: &mut Slab) -> Self {
        let ids = (0..slab.places()).map(|place| slab.id_at(place));
        let current = ids.filter_map(|id| slab.get(id).filter(|life| !life.succeeded).map(|life| (life.last(), id)));
        let mut by_use: Vec<(u32, Id)> = current.map(|(last, id)| (whole_seconds(last), id)).collect();
        by_use.sort_unstable_by_key(|(second, _)| *second);
        let mut all = Self::default();
        for (_, id) in by_use {
            if let Some(life) = slab.get_mut(id) {
                life.place = Place::default();
            }
            all.refresh(slab, id);
        }
        all
    }

    /// Whether the lists go through these lives once and to their ends, which are not its own.
    pub(super) fn is_sound(&self, slab: &Slab) -> bool {
        let ranks = [Rank::Over, Rank::Unanswered, Rank::Waiting, Rank::Open];
        let listed: Option<usize> = ranks.iter().zip(&self.lists).map(|(rank, list)| list.count(*rank, slab)).sum();
        let ranked = slab.ids().filter_map(|id| slab.get(id)).filter(|life| life.place.rank.is_some()).count();
        listed == Some(ranked)
    }

    /// The life to be given up first.
    pub(super) fn first(&self) -> Option<Id> {
        self.lists.iter().find_map(|list| list.oldest)
    }

    /// Has a life where it belongs now, if it is the newest one of its four-tuple.
    pub(super) fn refresh(&mut self, slab: &mut Slab, id: Id) {
        let Some(life) = slab.get(id).filter(|life| !life.succeeded) else { return };
        let (rank, second) = (Rank::of(life), whole_seconds(life.last()));
        if (life.place.rank, life.place.second) == (Some(rank), second) {
            return;
        }
        self.remove(slab, id);
        let Some(list) = self.lists.get_mut(rank as usize) else { return };
        let older = list.newest.replace(id);
        if older.is_none() {
            list.oldest = Some(id);
        }
        if let Some(older) = older.and_then(|older| slab.get_mut(older)) {
            older.place.newer = Some(id);
        }
        if let Some(life) = slab.get_mut(id) {
            life.place = Place { rank: Some(rank), second, older, newer: None };
        }
    }

    /// Takes a life out of its list.
    pub(super) fn remove(&mut self, slab: &mut Slab, id: Id) {
        let Some(life) = slab.get_mut(id) else { return };
        let Place { rank, older, newer, .. } = std::mem::take(&mut life.place);
        let Some(list) = rank.and_then(|rank| self.lists.get_mut(rank as usize)) else { return };
        match older.and_then(|older| slab.get_mut(older)) {
            Some(older) => older.place.newer = newer,
            None => list.oldest = newer,
        }
        match newer.and_then(|newer| slab.get_mut(newer)) {
            Some(newer) => newer.place.older = older,
            None => list.newest = older,
        }
    }
}

fn whole_seconds(time: Timestamp) -> u32 {
    u32::try_from(time.as_nanos() / 1_000_000_000).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;
    use crate::tcp::{Flags, FourTuple, Segment};
    use crate::track::key::{Lookup, WideKeys};
    use crate::track::{Side, Standing};

    fn life(number: u16, second: i64) -> Incarnation {
        let tuple = FourTuple::new(([10, 0, 0, 1].into(), number), ([10, 0, 0, 2].into(), 80));
        let key = WideKeys::default().pack(&Lookup::of(&tuple));
        Incarnation::new(key, 0, (Side::Low, Timestamp::new(second, 0)))
    }

    fn show(slab: &mut Slab, id: Id, side: Side, (flags, second): (Flags, i64)) {
        let segment = Segment { flags, time: Timestamp::new(second, 0), ..Segment::EMPTY };
        slab.get_mut(id).unwrap().observe(&segment, side, Standing::default());
    }

    const SYN_ACK: Flags = Flags::SYN.with(Flags::ACK);

    /// Everything in the order in which it goes.
    fn order(mut eviction: Eviction, slab: &mut Slab) -> Vec<Id> {
        std::iter::from_fn(|| {
            let id = eviction.first()?;
            eviction.remove(slab, id);
            Some(id)
        })
        .collect()
    }

    #[test]
    fn ended_ones_go_first_then_unanswered_ones_then_idle_ones() {
        let mut slab = Slab::default();
        let ids: Vec<Id> = (0..6).map(|number| slab.insert(life(number, 0))).collect();
        let [idle, busy, asked, half, over, waits] = ids[..] else { panic!("six") };
        for id in [idle, busy, over, waits] {
            show(&mut slab, id, Side::Low, (Flags::SYN, 1));
            show(&mut slab, id, Side::High, (SYN_ACK, 1));
            show(&mut slab, id, Side::Low, (Flags::ACK, 2));
        }
        show(&mut slab, busy, Side::Low, (Flags::ACK, 3));
        show(&mut slab, half, Side::Low, (Flags::SYN, 10));
        show(&mut slab, half, Side::High, (SYN_ACK, 11));
        show(&mut slab, asked, Side::Low, (Flags::SYN, 12));
        show(&mut slab, over, Side::High, (Flags::RST, 20));
        show(&mut slab, waits, Side::High, (Flags::RST, 19));
        slab.get_mut(waits).unwrap().hold(0);
        let all = Eviction::of(&mut slab);
        assert_eq!(order(all, &mut slab), [over, half, asked, waits, idle, busy]);

        let mut all = Eviction::of(&mut slab);
        show(&mut slab, idle, Side::Low, (Flags::ACK, 30));
        all.refresh(&mut slab, idle);
        slab.get_mut(waits).unwrap().release();
        all.refresh(&mut slab, waits);
        assert_eq!(order(all, &mut slab), [over, waits, half, asked, busy, idle]);
    }

    proptest! {
        #[test]
        fn within_a_rank_it_is_a_queue(steps in proptest::collection::vec((0usize..8, any::<bool>()), 1..200)) {
            let mut slab = Slab::default();
            let ids: Vec<Id> = (0..8).map(|number| slab.insert(life(number, 0))).collect();
            let (mut all, mut model) = (Eviction::default(), VecDeque::new());
            for (second, (which, used)) in (1..).zip(steps) {
                let id = ids[which];
                model.retain(|other| *other != id);
                if used {
                    show(&mut slab, id, Side::Low, (Flags::SYN, second));
                    all.refresh(&mut slab, id);
                    model.push_back(id);
                } else {
                    all.remove(&mut slab, id);
                }
                prop_assert_eq!(all.first(), model.front().copied());
            }
            prop_assert_eq!(order(all, &mut slab), Vec::from(model));
        }
    }
}
