//! `--sample`: every new kind of reset, and a bounded number a minute of the rest. Only what is written is bounded; all
//! counts stay exact.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use foldhash::fast::RandomState;

use crate::analyzer::Finding;
use crate::classify::{Cause, Class, Role};
use crate::frame::Timestamp;

const MINUTE: i64 = 60_000_000_000;

/// What a reset is, apart from where.
type What = (Class, Cause, Option<Role>);
/// The same at one service.
type Kind = (What, SocketAddr);

/// Chooses resets to be written.
pub(super) struct Sample {
    /// So many a minute.
    most: u32,
    /// The minute of capture time that is counted.
    minute: i64,
    /// Resets written in it that were nothing new.
    rest: u32,
    /// Resets written in it because their service was new to what they are: a scan has as many services as it has ports.
    services: HashMap<What, u32, RandomState>,
    /// What was seen, at all and at which services. Of the latter those of this period and of the one before are known.
    whats: HashSet<What, RandomState>,
    kinds: [HashSet<Kind, RandomState>; 2],
    left_out: u64,
}

impl Sample {
    /// Of so many kinds it is known that they are not new, twice.
    const KINDS: usize = 1 << 15;

    /// Of so many resets a minute.
    pub(super) fn new(most: u32) -> Self {
        Self {
            most,
            minute: i64::MIN,
            rest: 0,
            services: HashMap::default(),
            whats: HashSet::default(),
            kinds: Default::default(),
            left_out: 0,
        }
    }

    /// Whether a reset is to be written; it is counted if not.
    pub(super) fn takes(&mut self, finding: &Finding) -> bool {
        self.pass(finding.reset.time);
        let verdict = &finding.verdict;
        let what = (verdict.class, verdict.cause, verdict.sender_role);
        let taken = self.is_new(what, finding.connection.tuple.dst) || self.has_room();
        self.left_out += u64::from(!taken);
        taken
    }

    /// Resets that were not written.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// A clock that goes back begins no minute anew.
    fn pass(&mut self, time: Timestamp) {
        let minute = time.as_nanos().div_euclid(MINUTE);
        if minute > self.minute {
            self.minute = minute;
            self.rest = 0;
            self.services.clear();
        }
    }

    fn is_new(&mut self, what: What, service: SocketAddr) -> bool {
        let kind = (what, service);
        if self.whats.insert(what) {
            self.remember(kind);
            return true;
        }
        if self.kinds.iter().any(|kinds| kinds.contains(&kind)) {
            // Kinds that go on stay known.
            self.remember(kind);
            return false;
        }
        let written = self.services.entry(what).or_default();
        if *written >= self.most {
            return false;
        }
        *written += 1;
        self.remember(kind);
        true
    }

    fn remember(&mut self, kind: Kind) {
        let [current, before] = &mut self.kinds;
        current.insert(kind);
        if current.len() >= Self::KINDS {
            *before = std::mem::take(current);
        }
    }

    fn has_room(&mut self) -> bool {
        let has_room = self.rest < self.most;
        self.rest += u32::from(has_room);
        has_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixtures;

    fn reset(second: i64, port: u16) -> Finding {
        let mut finding = fixtures::half_open();
        finding.reset.time = Timestamp::new(second, 0);
        finding.connection.tuple.dst.set_port(port);
        finding
    }

    /// How many of these are written.
    fn taken(sample: &mut Sample, findings: impl IntoIterator<Item = Finding>) -> usize {
        findings.into_iter().filter(|finding| sample.takes(finding)).count()
    }

    #[test]
    fn the_first_of_each_kind_and_some_of_the_rest() {
        let mut sample = Sample::new(3);
        assert_eq!(taken(&mut sample, (0..60).map(|second| reset(second, 80))), 1 + 3);
        assert_eq!(taken(&mut sample, [reset(59, 443)]), 1, "a new service");
        assert_eq!(taken(&mut sample, [reset(59, 443), reset(59, 80)]), 0);
        assert_eq!(taken(&mut sample, [fixtures::forged()]), 1, "a new cause");
        assert_eq!(sample.left_out(), 56 + 2);
    }

    #[test]
    fn each_minute_begins_anew_and_a_clock_that_goes_back_does_not() {
        let mut sample = Sample::new(2);
        assert_eq!(taken(&mut sample, (0..5).map(|_| reset(0, 80))), 3);
        assert_eq!(taken(&mut sample, (0..5).map(|_| reset(60, 80))), 2);
        assert_eq!(taken(&mut sample, (0..5).map(|second| reset(second, 80))), 0);
        assert_eq!(taken(&mut sample, (0..5).map(|_| reset(-60, 80))), 0);
        assert_eq!(taken(&mut sample, (0..5).map(|_| reset(120, 80))), 2);
    }

    #[test]
    fn a_scan_takes_its_own_share_only() {
        let mut sample = Sample::new(10);
        assert_eq!(taken(&mut sample, (1..=1000).map(|port| reset(0, port))), 1 + 10 + 10);
        let mut other = fixtures::forged();
        other.reset.time = Timestamp::new(0, 0);
        assert!(sample.takes(&other));
        other.connection.tuple.dst.set_port(9);
        assert!(sample.takes(&other), "another cause has a share of its own");
        // A service that was left out is still new in the next minute.
        assert_eq!(taken(&mut sample, (0..20).map(|_| reset(60, 80))), 1 + 10);
        assert!(sample.takes(&reset(60, 999)));
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let mut sample = Sample::new(u32::MAX);
        let ends = |host: u32, port: u16| SocketAddr::from((std::net::Ipv4Addr::from(host), port));
        let mut finding = reset(0, 80);
        for host in 0..3 * Sample::KINDS as u32 {
            finding.connection.tuple.dst = ends(host, 80);
            assert!(sample.takes(&finding));
        }
        assert!(sample.kinds.iter().all(|kinds| kinds.len() <= Sample::KINDS));
    }
}
