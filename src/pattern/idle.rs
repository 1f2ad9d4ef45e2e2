//! How long connections had been idle before they were reset, and where several agree.
//!
//! Times are counted in bins of less than half a percent, so that memory is bounded and the order in which they come
//! makes no difference.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;

use foldhash::fast::RandomState;

use crate::classify::{Cause, Class, Role};

use super::{Members, Outline, Span};

const SECOND: i64 = 1_000_000_000;
/// The most bins over all services.
const BINS_MAX: usize = 1 << 15;
/// Several: so many connections have to agree before a timer is named.
pub const AGREEING: usize = 3;
/// And at least one in so many of those that were idle.
const SHARE: u64 = 4;
/// Resets this close together came at one instant, whatever the idle times.
const INSTANT: i64 = SECOND / 10;
/// The most timers that are told apart in one group.
const CLUSTERS: usize = 4;

/// Whose connections, and what ended them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ended {
    /// The server end.
    pub service: SocketAddr,
    /// Who sent the resets, where known.
    pub sender: Option<Role>,
    /// The class of the verdicts.
    pub class: Class,
    /// Whether a request crossed the close of an idle connection.
    pub race: bool,
}

/// Connections that were idle for about the same time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cluster {
    /// Whose.
    pub ended: Ended,
    /// How long they had been idle; in a race, before the FIN.
    pub idle: Span,
    /// In a race, how long they had been idle before the request.
    pub request: Option<Span>,
    /// Their resets.
    pub members: Members,
    /// The fingerprints of some of them.
    connections: BTreeSet<u64>,
}

impl Cluster {
    /// Of one reset.
    fn of(silence: &Silence, reset: &Outline) -> Self {
        Self {
            ended: silence.ended,
            idle: Span::of(silence.idle),
            request: silence.request,
            members: Members::of(reset),
            connections: BTreeSet::from([reset.tuple.fingerprint()]),
        }
    }

    /// With one more.
    fn add(&mut self, silence: &Silence, reset: &Outline) {
        self.idle = self.idle.with(Span::of(silence.idle));
        self.request = self.request.zip(silence.request).map(|(own, other)| own.with(other));
        self.members.add(reset);
        self.connections.insert(reset.tuple.fingerprint());
        if self.connections.len() > AGREEING {
            self.connections.pop_last();
        }
    }

    /// Whether the idle times agree better than the times of the resets. Where those agree better, the connections only fell
    /// silent together, and one event ended them.
    fn is_spread(&self) -> bool {
        let resets = self.members.last.since(self.members.first);
        resets >= INSTANT && resets / 2 >= self.idle.max - self.idle.min
    }

    fn join(&mut self, other: &Cluster) {
        self.idle = self.idle.with(other.idle);
        self.request = self.request.zip(other.request).map(|(own, other)| own.with(other));
        self.members.join(&other.members);
        self.connections.extend(&other.connections);
        while self.connections.len() > AGREEING {
            self.connections.pop_last();
        }
    }
}

/// The idle times of all resets.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct IdleTimes {
    bins: HashMap<(Ended, u16), Cluster, RandomState>,
}

impl IdleTimes {
    /// Takes note of a reset, if its connection had been idle.
    pub fn add(&mut self, reset: &Outline) {
        let Some(silence) = Silence::before(reset) else { return };
        let key = (silence.ended, bin(silence.idle));
        if let Some(bin) = self.bins.get_mut(&key) {
            bin.add(&silence, reset);
        } else if self.bins.len() < BINS_MAX {
            self.bins.insert(key, Cluster::of(&silence, reset));
        }
    }

    /// Where several connections agree.
    pub fn clusters(&self) -> Vec<Cluster> {
        let mut clusters = Vec::new();
        let mut group: Vec<&Cluster> = Vec::new();
        let mut bins: Vec<_> = self.bins.iter().collect();
        bins.sort_unstable_by_key(|(key, _)| **key);
        for (_, bin) in bins {
            if group.first().is_some_and(|first| first.ended != bin.ended) {
                clusters.extend(agreeing(&group));
                group.clear();
            }
            group.push(bin);
        }
        clusters.extend(agreeing(&group));
        clusters
    }
}

/// The bin of a time: its power of two and the 8 bits after the highest one.
fn bin(nanos: i64) -> u16 {
    let nanos = nanos.unsigned_abs().max(1 << 8);
    let power = nanos.ilog2();
    ((power << 8) as u16) | ((nanos >> (power - 8)) & 0xff) as u16
}

/// How far apart times may be that one timer makes: 2 %, but a second where that is less. For short timers a second is much,
/// so it is a tenth of the time there.
fn tolerance(idle: i64) -> i64 {
    (idle / 50).max(SECOND.min(idle / 10))
}

/// The clusters among the bins of one group, the largest first.
fn agreeing(group: &[&Cluster]) -> Vec<Cluster> {
    let total: u64 = group.iter().map(|bin| bin.members.resets).sum();
    let mut left = group.to_vec();
    let mut found = Vec::new();
    while let Some((from, to)) = densest(&left)
        && found.len() < CLUSTERS
    {
        let rest = left.split_off(to);
        let mut bins = left.split_off(from).into_iter();
        left.extend(rest);
        let Some(mut cluster) = bins.next().cloned() else { break };
        bins.for_each(|bin| cluster.join(bin));
        if cluster.connections.len() < AGREEING || cluster.members.resets * SHARE < total {
            break;
        }
        if cluster.is_spread() {
            found.push(cluster);
        }
    }
    found
}

/// The run of bins within one tolerance that has the most resets; the first one of several.
fn densest(bins: &[&Cluster]) -> Option<(usize, usize)> {
    let mut best: Option<(u64, (usize, usize))> = None;
    let (mut to, mut count) = (0, 0);
    for (from, first) in bins.iter().enumerate() {
        let limit = first.idle.min.saturating_add(tolerance(first.idle.min));
        while let Some(bin) = bins.get(to).filter(|bin| bin.idle.max <= limit || to == from) {
            count += bin.members.resets;
            to += 1;
        }
        if best.is_none_or(|(most, _)| count > most) {
            best = Some((count, (from, to)));
        }
        count -= first.members.resets;
    }
    best.map(|(_, run)| run)
}

/// What one reset says of idle times.
struct Silence {
    ended: Ended,
    idle: i64,
    request: Option<Span>,
}

impl Silence {
    /// How long the connection of a reset had been idle, if that may be a timer's.
    fn before(reset: &Outline) -> Option<Self> {
        let by_timer = match reset.cause {
            Cause::KeepaliveRace | Cause::LostState => true,
            Cause::Abort | Cause::LingerZero | Cause::UnreadData => true,
            _ => reset.class == Class::Forged,
        };
        if reset.follows.is_some() || !by_timer {
            return None;
        }
        let race = reset.cause == Cause::KeepaliveRace;
        let (idle, request) = match race {
            true => (reset.race?.close_ns, reset.race.map(|race| Span::of(race.request_ns))),
            false => (reset.idle_ns?, None),
        };
        let ended = Ended { service: reset.service, sender: reset.sender_role, class: reset.class, race };
        (idle >= SECOND).then_some(Self { ended, idle, request })
    }
}
