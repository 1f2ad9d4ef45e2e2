//! What many resets have in common: timers that ended idle connections, scans, health checks, backscatter, restarts, and
//! resets that did no harm.
//!
//! Findings go in one after the other; each time [`Patterns`] says whether the finding repeats what others have shown.
//! The patterns are there at any time. Apart from which members count as repeats, and up to the bounds of memory, they do
//! not depend on the order of the findings.

mod benign;
mod group;
mod idle;
mod members;
mod outline;
mod timers;

#[cfg(test)]
mod tests;

pub use benign::benign;
pub use group::SHOWN;
pub use members::{Members, Span};
pub use outline::{Outline, Race};
pub use timers::{KNOWN, Timer, Timers, TimersError};

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use foldhash::fast::RandomState;

use crate::analyzer::Finding;
use crate::classify::{Class, Role};
use crate::frame::FrameNo;

use group::{Group, Key};
use idle::{Cluster, IdleTimes};

/// The most groups that are watched. Where there are more, those that are no patterns yet start anew.
const GROUPS_MAX: usize = 1 << 13;
/// Clearing them is worth it if it makes room for so many.
const CLEARED: usize = GROUPS_MAX / 4;
/// The most targets and hosts that are told apart over all groups.
const ENTRIES_MAX: usize = 1 << 16;
/// So many of the latest resets are known to those that follow from them.
const RECENT_MAX: usize = 1 << 12;

/// Something that several resets have in common.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern {
    /// What it is.
    pub what: What,
    /// The resets.
    pub members: Members,
}

/// What several resets have in common.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// Connections that had been idle for the same time were reset.
    IdleTimer {
        /// The server end.
        service: SocketAddr,
        /// Who sent the resets, where known.
        sender: Option<Role>,
        /// The class of the verdicts.
        class: Class,
        /// How long they had been idle.
        idle: Span,
        /// Known timers of that time.
        timers: Vec<Timer>,
    },
    /// A server closed connections that had been idle for the same time, and requests crossed its FIN.
    KeepaliveRace {
        /// The server end.
        service: SocketAddr,
        /// How long they had been idle before the FIN: the server's timer.
        close: Span,
        /// How long they had been idle before the request: the client's timer is longer than that.
        request: Span,
        /// Known timers of the server's time.
        timers: Vec<Timer>,
    },
    /// One source tried many ports or hosts in vain.
    Scan {
        /// Who tried.
        source: IpAddr,
        /// Different ports of different hosts, where memory allowed to tell them apart.
        targets: usize,
        /// Different port numbers among them.
        ports: usize,
        /// Different hosts among them.
        hosts: usize,
    },
    /// One host opens connections to one service at a fixed period, and resets them without having asked for anything.
    HealthCheck {
        /// Who checks.
        client: IpAddr,
        /// What it checks.
        service: SocketAddr,
        /// From one reset to the next, in nanoseconds; `None` if it did not stay fixed.
        period_ns: Option<i64>,
    },
    /// Hosts refused SYN|ACKs that they had not asked for: somebody uses their addresses.
    Backscatter {
        /// How many hosts refused.
        from: usize,
        /// Whom.
        to: usize,
    },
    /// Many connections of one host to or from one service were aborted together.
    Restart {
        /// Who aborted them.
        host: IpAddr,
        /// The server end.
        service: SocketAddr,
        /// How many at once, at most.
        together: u64,
        /// From the first of these to the last.
        within_ns: i64,
    },
    /// One host goes on aborting connections to or from one service.
    ManyAborts {
        /// Who aborts them.
        host: IpAddr,
        /// The server end.
        service: SocketAddr,
        /// How many in one second, at most.
        per_second: u64,
    },
    /// Everything was delivered both ways, and nobody noticed.
    Benign,
}

impl What {
    /// The stable id, as JSON spells it.
    pub fn id(&self) -> &'static str {
        match self {
            What::IdleTimer { .. } => "idle-timer",
            What::KeepaliveRace { .. } => "keepalive-race",
            What::Scan { .. } => "scan",
            What::HealthCheck { .. } => "health-check",
            What::Backscatter { .. } => "backscatter",
            What::Restart { .. } => "restart",
            What::ManyAborts { .. } => "many-aborts",
            What::Benign => "benign",
        }
    }

    /// Every id, in the order in which patterns are listed.
    pub const IDS: [&'static str; 8] =
        ["idle-timer", "keepalive-race", "scan", "health-check", "backscatter", "restart", "many-aborts", "benign"];
}

/// A reset that repeats what others have shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Repeat {
    key: Key,
    /// Whether it is the first one of its pattern.
    first: bool,
}

/// Watches for what findings have in common. No I/O, no clock; its memory is bounded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Patterns {
    timers: Timers,
    idle: IdleTimes,
    groups: HashMap<Key, Group, RandomState>,
    /// How many entries the groups may still keep.
    room: usize,
    /// The groups of the latest resets, and whether they were repeats.
    recent: HashMap<FrameNo, (Key, bool), RandomState>,
    /// The frames of `recent`, as they came.
    order: VecDeque<FrameNo>,
    /// How many new groups found no room since the last clearing that made some.
    turned_away: usize,
    repeats: u64,
    latest: Option<Repeat>,
}

impl Default for Patterns {
    fn default() -> Self {
        Self::new(Timers::default())
    }
}

impl Patterns {
    /// Nothing seen yet; idle times will be compared with `timers`.
    pub fn new(timers: Timers) -> Self {
        Self {
            timers,
            idle: IdleTimes::default(),
            groups: HashMap::default(),
            room: ENTRIES_MAX,
            recent: HashMap::default(),
            order: VecDeque::new(),
            turned_away: 0,
            repeats: 0,
            latest: None,
        }
    }

    /// Takes one more finding.
    pub fn add(&mut self, finding: &Finding) {
        self.add_outline(&Outline::from(finding));
    }

    /// The same of one whose outline is known only.
    pub fn add_outline(&mut self, reset: &Outline) {
        self.latest = match reset.follows {
            Some(earlier) => self.follow(earlier),
            None => self.join(reset),
        };
        self.repeats += u64::from(self.latest.is_some());
    }

    /// Whether the finding that was added last repeats what others have shown.
    pub fn is_repeat(&self) -> bool {
        self.latest.is_some()
    }

    /// The pattern that the finding added last is the first to repeat.
    pub fn begun(&self) -> Option<Pattern> {
        let Repeat { key, first } = self.latest?;
        self.groups.get(&key).filter(|_| first)?.pattern()
    }

    /// How many findings were repeats.
    pub fn repeats(&self) -> u64 {
        self.repeats
    }

    /// All patterns, by kind, those with most resets first.
    pub fn all(&self) -> Vec<Pattern> {
        let timed = self.idle.clusters().into_iter().map(|cluster| self.timed(cluster));
        let mut groups: Vec<_> = self.groups.iter().collect();
        groups.sort_unstable_by_key(|(key, _)| **key);
        let mut all: Vec<Pattern> = timed.chain(groups.iter().filter_map(|(_, group)| group.pattern())).collect();
        let place = |pattern: &Pattern| What::IDS.iter().position(|id| *id == pattern.what.id());
        all.sort_by_key(|pattern| (place(pattern), std::cmp::Reverse(pattern.members.resets)));
        all
    }

    fn timed(&self, cluster: Cluster) -> Pattern {
        let Cluster { ended, idle, request, members, .. } = cluster;
        let timers = self.timers.matching(idle);
        let what = match request {
            Some(request) => What::KeepaliveRace { service: ended.service, close: idle, request, timers },
            None => What::IdleTimer { service: ended.service, sender: ended.sender, class: ended.class, idle, timers },
        };
        Pattern { what, members }
    }

    /// A reset that follows from another one belongs where that does.
    fn follow(&mut self, earlier: FrameNo) -> Option<Repeat> {
        let (key, repeat) = *self.recent.get(&earlier)?;
        let members = &mut self.groups.get_mut(&key)?.members;
        members.resets += 1;
        members.repeats += u64::from(repeat);
        repeat.then_some(Repeat { key, first: false })
    }

    fn join(&mut self, reset: &Outline) -> Option<Repeat> {
        self.idle.add(reset);
        let (mut first, mut repeat) = (None, None);
        for key in Key::of(reset) {
            first.get_or_insert(key);
            let repeats = self.join_group(key, reset);
            if repeats && repeat.is_none() {
                repeat = self.count_repeat(key);
            }
        }
        if let Some(key) = repeat.map(|repeat| repeat.key).or(first) {
            self.remember(reset.frame, (key, repeat.is_some()));
        }
        repeat
    }

    /// Whether the reset repeats what the others of this group have shown.
    fn join_group(&mut self, key: Key, reset: &Outline) -> bool {
        if let Some(group) = self.groups.get_mut(&key) {
            group.add(reset, &mut self.room);
            return group.is_repeat(reset);
        }
        if self.groups.len() >= GROUPS_MAX {
            self.clear();
        }
        if self.groups.len() >= GROUPS_MAX {
            return false;
        }
        let group = self.groups.entry(key).or_insert(Group::of(key, reset, &mut self.room));
        group.is_repeat(reset)
    }

    fn count_repeat(&mut self, key: Key) -> Option<Repeat> {
        let members = &mut self.groups.get_mut(&key)?.members;
        members.repeats += 1;
        Some(Repeat { key, first: members.repeats == 1 })
    }

    /// Makes room for new groups; once in a while only, where most of them are patterns.
    fn clear(&mut self) {
        self.turned_away += 1;
        if self.turned_away % CLEARED != 1 {
            return;
        }
        self.groups.retain(|_, group| group.is_pattern() || group.members.repeats > 0);
        self.room = ENTRIES_MAX.saturating_sub(self.groups.values().map(Group::entries).sum());
        if self.groups.len() + CLEARED <= GROUPS_MAX {
            self.turned_away = 0;
        }
    }

    /// Keeps the group of a reset at hand for those that follow from it.
    fn remember(&mut self, frame: FrameNo, group: (Key, bool)) {
        if self.recent.insert(frame, group).is_none() {
            self.order.push_back(frame);
        }
        if self.order.len() > RECENT_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.recent.remove(&oldest);
        }
    }
}
