//! Groups of resets that may be one event: a scan, health checks, backscatter, a restart.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::Hash;
use std::net::{IpAddr, SocketAddr};

use foldhash::fast::RandomState;

use crate::classify::{Cause, Role};

use super::{Members, Outline, Pattern, What};

const SECOND: i64 = 1_000_000_000;
/// So many of a pattern are shown before others repeat them.
pub const SHOWN: u64 = 3;
/// From so many targets on, one source that is refused scans or looks for something.
const TARGETS: usize = 5;
/// So many times, the earliest ones, say whether resets come at a fixed period.
const TIMES: usize = 32;
/// So many connections that are reset together are no coincidence.
const TOGETHER: u64 = 4;
/// Within so many seconds.
const TOGETHER_SECONDS: i64 = 3;
/// The most of these seconds that are told apart in one group.
const SLOTS: usize = 32;

/// What the resets of a group share.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Key {
    /// Who was refused.
    Scan(IpAddr),
    /// Who connects and resets, and where.
    HealthCheck(IpAddr, SocketAddr),
    /// Answers to what nobody asked for.
    Backscatter,
    /// Whose connections were aborted, and the service they led to.
    Restart(IpAddr, SocketAddr),
    /// No harm was done.
    Benign,
}

impl Key {
    /// The groups that a reset belongs to, two at most, the most telling first.
    pub fn of(reset: &Outline) -> impl Iterator<Item = Key> {
        let [first, second] = Self::both(reset);
        first.into_iter().chain(second)
    }

    fn both(reset: &Outline) -> [Option<Key>; 2] {
        let tuple = &reset.tuple;
        let (sender, receiver) = (tuple.src.ip(), tuple.dst.ip());
        let by_client = reset.sender_role == Some(Role::Client);
        if reset.benign == Some(true) {
            return [Some(Key::Benign), None];
        }
        match reset.cause {
            Cause::NoListener | Cause::RefusedByFirewall | Cause::ProbeAnswered => [Some(Key::Scan(receiver)), None],
            Cause::SynScan => [Some(Key::Scan(sender)), Some(Key::HealthCheck(sender, tuple.dst))],
            Cause::ConnectThenReset | Cause::HandshakeAbandoned if by_client => {
                [Some(Key::HealthCheck(sender, tuple.dst)), None]
            }
            Cause::Backscatter => [Some(Key::Backscatter), None],
            Cause::Abort | Cause::UnreadData | Cause::LingerZero | Cause::ListenerClosed => {
                [Some(Key::Restart(sender, reset.service)), None]
            }
            _ => [None, None],
        }
    }

    fn shape(self) -> Shape {
        match self {
            Key::Scan(_) => Shape::Targets(Set::default()),
            Key::HealthCheck(..) => Shape::Times(Times::default()),
            Key::Backscatter => Shape::Hosts(Set::default(), Set::default()),
            Key::Restart(..) => Shape::Seconds(BTreeMap::new()),
            Key::Benign => Shape::Any,
        }
    }
}

type Set<T> = HashSet<T, RandomState>;

/// What of its members decides whether a group is a pattern.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Shape {
    Any,
    /// What one source tried.
    Targets(Set<SocketAddr>),
    /// When.
    Times(Times),
    /// Who answered, and whom.
    Hosts(Set<IpAddr>, Set<IpAddr>),
    /// How many in each second since 1970.
    Seconds(BTreeMap<i64, Second>),
}

/// The resets within one second.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Second {
    resets: u64,
    first: i64,
    last: i64,
}

/// Resets that may be one event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    key: Key,
    shape: Shape,
    pub(super) members: Members,
}

impl Group {
    /// Of one reset; takes from `room`, the entries that may still be kept.
    pub fn of(key: Key, reset: &Outline, room: &mut usize) -> Self {
        let mut group = Self { key, shape: key.shape(), members: Members::of(reset) };
        group.note(reset, room);
        group
    }

    /// With one more.
    pub fn add(&mut self, reset: &Outline, room: &mut usize) {
        self.members.add(reset);
        self.note(reset, room);
    }

    fn note(&mut self, reset: &Outline, room: &mut usize) {
        let (tuple, time) = (&reset.tuple, reset.time.as_nanos());
        match &mut self.shape {
            Shape::Any => {}
            Shape::Targets(targets) => {
                let target = if self.key == Key::Scan(tuple.dst.ip()) { tuple.src } else { tuple.dst };
                keep(targets, target, room);
            }
            Shape::Times(times) => times.add(time),
            Shape::Hosts(from, to) => {
                keep(from, tuple.src.ip(), room);
                keep(to, tuple.dst.ip(), room);
            }
            Shape::Seconds(seconds) => {
                let second =
                    seconds.entry(time.div_euclid(SECOND)).or_insert(Second { resets: 0, first: time, last: time });
                second.resets += 1;
                second.first = second.first.min(time);
                second.last = second.last.max(time);
                if seconds.len() > SLOTS {
                    forget_one(seconds);
                }
            }
        }
    }

    /// How many entries it keeps beside itself.
    pub fn entries(&self) -> usize {
        match &self.shape {
            Shape::Targets(targets) => targets.len(),
            Shape::Hosts(from, to) => from.len() + to.len(),
            Shape::Any | Shape::Times(_) | Shape::Seconds(_) => 0,
        }
    }

    /// Whether the reset that was added last repeats what those before it have shown.
    pub fn is_repeat(&self, reset: &Outline) -> bool {
        match (&self.shape, self.key) {
            (_, Key::Benign) => true,
            (Shape::Seconds(seconds), _) => {
                let second = reset.time.as_nanos().div_euclid(SECOND);
                run_around(seconds, second).is_some_and(|run| run.resets > SHOWN)
            }
            _ => self.members.resets > SHOWN && self.is_pattern(),
        }
    }

    /// Whether its members make a pattern.
    pub fn is_pattern(&self) -> bool {
        match &self.shape {
            Shape::Any => true,
            Shape::Targets(targets) => targets.len() >= TARGETS,
            Shape::Times(times) => times.period.is_some(),
            Shape::Hosts(..) => self.members.resets > SHOWN,
            Shape::Seconds(seconds) => largest(seconds).is_some_and(|run| run.resets >= TOGETHER),
        }
    }

    /// The pattern that its members make, or that some were taken for.
    pub fn pattern(&self) -> Option<Pattern> {
        if !self.is_pattern() && self.members.repeats == 0 {
            return None;
        }
        let what = match (self.key, &self.shape) {
            (Key::Scan(source), Shape::Targets(targets)) => {
                let ports: BTreeSet<u16> = targets.iter().map(SocketAddr::port).collect();
                let hosts: BTreeSet<IpAddr> = targets.iter().map(SocketAddr::ip).collect();
                What::Scan { source, targets: targets.len(), ports: ports.len(), hosts: hosts.len() }
            }
            (Key::HealthCheck(client, service), Shape::Times(times)) => {
                What::HealthCheck { client, service, period_ns: times.period }
            }
            (Key::Backscatter, Shape::Hosts(from, to)) => What::Backscatter { from: from.len(), to: to.len() },
            (Key::Restart(host, service), Shape::Seconds(seconds)) => {
                let run = largest(seconds)?;
                let per_second = seconds.values().map(|second| second.resets).max().unwrap_or_default();
                match run.is_one_event() {
                    true => What::Restart { host, service, together: run.resets, within_ns: run.last - run.first },
                    false => What::ManyAborts { host, service, per_second },
                }
            }
            _ => What::Benign,
        };
        Some(Pattern { what, members: self.members.clone() })
    }
}

/// Keeps one more entry, as long as there is room.
fn keep<T: Eq + Hash>(entries: &mut Set<T>, entry: T, room: &mut usize) {
    if *room > 0 && entries.insert(entry) {
        *room -= 1;
    }
}

/// When resets came: the earliest times, and the period at which they come.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Times {
    /// In nanoseconds since 1970.
    earliest: BTreeSet<i64>,
    period: Option<i64>,
}

impl Times {
    /// Most come in order: once there are enough of them they change nothing.
    fn add(&mut self, time: i64) {
        if self.earliest.len() == TIMES && self.earliest.last().is_some_and(|last| time >= *last) {
            return;
        }
        self.earliest.insert(time);
        if self.earliest.len() > TIMES {
            self.earliest.pop_last();
        }
        self.period = period(&self.earliest);
    }
}

/// The period at which these times come, if three of four intervals are within a tenth of the middle one.
fn period(times: &BTreeSet<i64>) -> Option<i64> {
    let mut intervals: Vec<i64> = times.iter().zip(times.iter().skip(1)).map(|(a, b)| b.saturating_sub(*a)).collect();
    intervals.sort_unstable();
    let middle = intervals.get(intervals.len() / 2).copied()?;
    let near = intervals.iter().filter(|interval| interval.abs_diff(middle) <= middle.unsigned_abs() / 10).count();
    (intervals.len() as u64 >= SHOWN && near * 4 >= intervals.len() * 3 && middle >= SECOND / 10).then_some(middle)
}

/// Seconds in a row that each have resets.
#[derive(Clone, Copy)]
struct Run {
    from: i64,
    to: i64,
    resets: u64,
    first: i64,
    last: i64,
}

impl Run {
    fn of((at, second): (&i64, &Second)) -> Self {
        Self { from: *at, to: *at, resets: second.resets, first: second.first, last: second.last }
    }

    fn with(self, next: Run) -> Self {
        Self {
            from: self.from.min(next.from),
            to: self.to.max(next.to),
            resets: self.resets + next.resets,
            first: self.first.min(next.first),
            last: self.last.max(next.last),
        }
    }

    /// Whether a later run begins in the second after this one.
    fn borders(&self, later: &Run) -> bool {
        later.from - self.to == 1
    }

    /// Whether all came so close together that one thing ended them.
    fn is_one_event(&self) -> bool {
        self.to - self.from < TOGETHER_SECONDS
    }
}

fn runs(seconds: &BTreeMap<i64, Second>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for next in seconds.iter().map(Run::of) {
        match runs.last_mut() {
            Some(run) if run.borders(&next) => *run = run.with(next),
            _ => runs.push(next),
        }
    }
    runs
}

/// The run that a second is part of.
fn run_around(seconds: &BTreeMap<i64, Second>, second: i64) -> Option<Run> {
    let mut run = seconds.get_key_value(&second).map(Run::of)?;
    let after = seconds.range(second..).skip(1).map(Run::of);
    let before = seconds.range(..second).rev().map(Run::of);
    for after in after {
        if !run.borders(&after) {
            break;
        }
        run = run.with(after);
    }
    for before in before {
        if !before.borders(&run) {
            break;
        }
        run = run.with(before);
    }
    Some(run)
}

/// The run with most resets, the first one of several.
fn largest(seconds: &BTreeMap<i64, Second>) -> Option<Run> {
    runs(seconds).into_iter().max_by_key(|run| (run.resets, std::cmp::Reverse(run.from)))
}

/// Makes room: of the seconds with fewest resets the earliest, but not the latest of all, which may go on.
fn forget_one(seconds: &mut BTreeMap<i64, Second>) {
    let earlier = seconds.len().saturating_sub(1);
    let least = seconds.iter().take(earlier).min_by_key(|(at, second)| (second.resets, **at)).map(|(at, _)| *at);
    least.and_then(|at| seconds.remove(&at));
}
