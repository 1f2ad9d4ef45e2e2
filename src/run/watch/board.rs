//! What the view counts, in bounded memory.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hash;
use std::net::{IpAddr, SocketAddr};

use foldhash::fast::RandomState;

use crate::analyzer::Finding;
use crate::classify::{Cause, Class};
use crate::frame::Timestamp;

const SECOND: i64 = 1_000_000_000;

/// Resets of a cause, a service or a peer.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    /// All so far.
    pub resets: u64,
    /// Of these, those that follow from no other.
    pub events: u64,
    /// The latest.
    pub last: Timestamp,
    /// What the latest was.
    pub what: (Class, Cause),
    recent: Recent,
}

impl Tally {
    fn new(finding: &Finding) -> Self {
        let what = (finding.verdict.class, finding.verdict.cause);
        Self { resets: 0, events: 0, last: finding.reset.time, what, recent: Recent::default() }
    }

    fn add(&mut self, finding: &Finding) {
        self.resets += 1;
        self.events += u64::from(finding.verdict.follows.is_none());
        self.last = self.last.max(finding.reset.time);
        self.what = (finding.verdict.class, finding.verdict.cause);
        self.recent.add(finding.reset.time);
    }

    /// Resets a second over the last [`Recent::SECONDS`] before this time.
    pub(super) fn recent(&self, now: Timestamp) -> f64 {
        self.recent.rate(now)
    }
}

/// Counts of the last seconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent {
    /// The newest second, and counts by the second's number in turn.
    newest: i64,
    counts: [u32; Self::SECONDS],
}

impl Recent {
    /// So many seconds are looked back on.
    pub(super) const SECONDS: usize = 10;

    fn add(&mut self, time: Timestamp) {
        let second = time.as_nanos().div_euclid(SECOND);
        self.pass(second);
        if self.newest - second < Self::SECONDS as i64
            && let Some(count) = self.counts.get_mut(Self::place(second))
        {
            *count = count.saturating_add(1);
        }
    }

    /// Forgets what is too long ago at this second.
    fn pass(&mut self, second: i64) {
        let passed = second.saturating_sub(self.newest).clamp(0, Self::SECONDS as i64);
        for gone in 0..passed {
            if let Some(count) = self.counts.get_mut(Self::place(second - gone)) {
                *count = 0;
            }
        }
        self.newest = self.newest.max(second);
    }

    fn place(second: i64) -> usize {
        usize::try_from(second.rem_euclid(Self::SECONDS as i64)).unwrap_or_default()
    }

    fn rate(&self, now: Timestamp) -> f64 {
        let mut at_that_time = self.clone();
        at_that_time.pass(now.as_nanos().div_euclid(SECOND));
        let sum: u64 = at_that_time.counts.iter().map(|count| u64::from(*count)).sum();
        sum as f64 / Self::SECONDS as f64
    }
}

/// The most resets over time, in intervals of equal length.
#[derive(Clone, Debug)]
pub(super) struct Timeline {
    /// Whether the oldest intervals go; else all become longer as time does.
    slides: bool,
    /// Seconds an interval.
    length: i64,
    /// The number of the first interval.
    from: i64,
    counts: VecDeque<u64>,
}

impl Timeline {
    const MOST: usize = 512;

    pub(super) fn new(slides: bool) -> Self {
        Self { slides, length: 1, from: 0, counts: VecDeque::new() }
    }

    /// So many in the interval of this time; none makes room for it.
    pub(super) fn add(&mut self, time: Timestamp, count: u64) {
        let second = time.as_nanos().div_euclid(SECOND);
        if self.counts.is_empty() {
            self.from = second.div_euclid(self.length);
        }
        let mut number = second.div_euclid(self.length);
        while number - self.from >= Self::MOST as i64 {
            match self.slides {
                true => self.slide(number),
                false => self.coarsen(),
            }
            number = second.div_euclid(self.length);
        }
        // What is older than all has no place: a clock went back, or it has gone.
        let Ok(place) = usize::try_from(number - self.from) else { return };
        if self.counts.len() <= place {
            self.counts.resize(place + 1, 0);
        }
        if let Some(slot) = self.counts.get_mut(place) {
            *slot += count;
        }
    }

    fn slide(&mut self, number: i64) {
        let from = number - Self::MOST as i64 + 1;
        let gone = usize::try_from(from - self.from).unwrap_or_default().min(self.counts.len());
        self.counts.drain(..gone);
        self.from = from;
    }

    fn coarsen(&mut self) {
        self.length *= 2;
        let odd = self.from.rem_euclid(2);
        self.from = self.from.div_euclid(2);
        let mut halves = vec![0; (self.counts.len() + 2) / 2];
        for (place, count) in (odd..).zip(&self.counts) {
            if let Some(half) = usize::try_from(place / 2).ok().and_then(|place| halves.get_mut(place)) {
                *half += count;
            }
        }
        self.counts = halves.into();
    }

    /// So many marks: the latest intervals where the oldest go, else all of them side by side; and the seconds of a mark.
    pub(super) fn marks(&self, room: usize) -> (Vec<u64>, i64) {
        let room = room.max(1);
        if self.slides {
            let skipped = self.counts.len().saturating_sub(room);
            return (self.counts.iter().skip(skipped).copied().collect(), self.length);
        }
        let each = self.counts.len().div_ceil(room).max(1);
        let counts: Vec<u64> = self.counts.iter().copied().collect();
        (counts.chunks(each).map(|chunk| chunk.iter().sum()).collect(), self.length * each as i64)
    }
}

/// Tallies by something that whoever is captured chooses: those with the most resets stay.
#[derive(Clone, Debug)]
pub(super) struct Tallies<K>(HashMap<K, Tally, RandomState>);

impl<K: Copy + Eq + Hash + Ord> Tallies<K> {
    const MOST: usize = 4096;

    fn add(&mut self, key: K, finding: &Finding) {
        if self.0.len() >= Self::MOST && !self.0.contains_key(&key) {
            let mut counts: Vec<u64> = self.0.values().map(|tally| tally.resets).collect();
            let (_, middle, _) = counts.select_nth_unstable(Self::MOST / 2);
            let middle = *middle;
            self.0.retain(|_, tally| tally.resets > middle);
        }
        self.0.entry(key).or_insert_with(|| Tally::new(finding)).add(finding);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// All, in this order.
    pub(super) fn sorted(&self, sort: Sort, now: Timestamp) -> Vec<(K, &Tally)> {
        let mut all: Vec<_> = self.0.iter().map(|(key, tally)| (*key, tally)).collect();
        all.sort_by(|a, b| sort.compare((a.1, b.1), now).then(a.0.cmp(&b.0)));
        all
    }
}

/// In which order tallies are shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Sort {
    /// Those with the most in the last seconds first, then those with the most.
    Rate,
    /// Those with the most first.
    #[default]
    Total,
    /// The latest first.
    Latest,
}

impl Sort {
    pub(super) fn next(self) -> Self {
        match self {
            Self::Rate => Self::Total,
            Self::Total => Self::Latest,
            Self::Latest => Self::Rate,
        }
    }

    /// In words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Rate => "by rate",
            Self::Total => "by number",
            Self::Latest => "latest first",
        }
    }

    fn compare(self, (a, b): (&Tally, &Tally), now: Timestamp) -> std::cmp::Ordering {
        let by_total = b.resets.cmp(&a.resets);
        match self {
            Self::Rate => b.recent(now).total_cmp(&a.recent(now)).then(by_total),
            Self::Total => by_total,
            Self::Latest => b.last.cmp(&a.last).then(by_total),
        }
    }
}

/// All counts of the resets that are wanted.
#[derive(Clone, Debug)]
pub(super) struct Board {
    pub resets: u64,
    pub events: u64,
    pub causes: BTreeMap<(Class, Cause), Tally>,
    pub services: Tallies<SocketAddr>,
    pub peers: Tallies<IpAddr>,
    pub timeline: Timeline,
}

impl Board {
    pub(super) fn new(slides: bool) -> Self {
        Self {
            resets: 0,
            events: 0,
            causes: BTreeMap::new(),
            services: Tallies(HashMap::default()),
            peers: Tallies(HashMap::default()),
            timeline: Timeline::new(slides),
        }
    }

    pub(super) fn add(&mut self, finding: &Finding) {
        self.resets += 1;
        self.events += u64::from(finding.verdict.follows.is_none());
        let what = (finding.verdict.class, finding.verdict.cause);
        self.causes.entry(what).or_insert_with(|| Tally::new(finding)).add(finding);
        let tuple = finding.connection.tuple;
        self.services.add(tuple.dst, finding);
        self.peers.add(tuple.src.ip(), finding);
        self.timeline.add(finding.reset.time, 1);
    }

    /// The causes in this order.
    pub(super) fn causes(&self, sort: Sort, now: Timestamp) -> Vec<((Class, Cause), &Tally)> {
        let mut all: Vec<_> = self.causes.iter().map(|(what, tally)| (*what, tally)).collect();
        all.sort_by(|a, b| sort.compare((a.1, b.1), now).then(a.0.cmp(&b.0)));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixtures;

    fn at(second: i64) -> Timestamp {
        Timestamp::new(second, 0)
    }

    #[test]
    fn rates_are_of_the_last_seconds() {
        let mut recent = Recent::default();
        (0..20).for_each(|second| recent.add(at(second)));
        recent.add(at(5));
        assert_eq!(recent.rate(at(19)), 1.0);
        assert_eq!(recent.rate(at(24)), 0.5);
        assert_eq!(recent.rate(at(1_000_000)), 0.0);
        recent.add(at(19));
        assert_eq!(recent.rate(at(19)), 1.1);
    }

    #[test]
    fn a_timeline_of_a_file_covers_all_of_it() {
        let mut timeline = Timeline::new(false);
        (0..10_000).for_each(|second| timeline.add(at(1_000_003 + second), 1));
        timeline.add(at(7), 1);
        assert!(timeline.counts.len() <= Timeline::MOST);
        let (marks, seconds) = timeline.marks(40);
        assert_eq!(marks.iter().sum::<u64>(), 10_000);
        assert!(marks.len() <= 40 && marks.len() as i64 * seconds >= 10_000);
    }

    #[test]
    fn a_live_timeline_keeps_the_latest() {
        let mut timeline = Timeline::new(true);
        (0..10_000).for_each(|second| timeline.add(at(second), 2));
        timeline.add(at(1_000_000), 0);
        assert_eq!(timeline.marks(5), (vec![0; 5], 1));
        assert!(timeline.counts.len() <= Timeline::MOST);
        timeline.add(at(1_000_000), 3);
        assert_eq!(timeline.marks(2).0, [0, 3]);
    }

    #[test]
    fn a_scan_fills_no_memory_and_those_with_the_most_stay() {
        let mut board = Board::new(true);
        let mut finding = fixtures::half_open();
        board.add(&finding);
        board.add(&finding);
        let most = finding.connection.tuple.dst;
        for port in 0..u16::MAX {
            finding.connection.tuple.dst = SocketAddr::from(([10, 0, 0, 1], port));
            board.add(&finding);
        }
        assert!(board.services.0.len() <= Tallies::<SocketAddr>::MOST);
        let now = finding.reset.time;
        assert_eq!(board.services.sorted(Sort::Total, now)[0].0, most);
        assert_eq!((board.resets, board.causes.len()), (u64::from(u16::MAX) + 2, 1));
    }
}
