//! What is counted of each cause, for the summary.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use super::data::Kind;
use crate::analyzer::Finding;
use crate::frame::Timestamp;
use crate::pattern::benign;
use crate::report::words::Speaker;

/// So many services of a cause are told apart.
const SERVICES: usize = 4096;

/// The counts by cause.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    kinds: BTreeMap<Kind, Count>,
}

/// The counts of one cause.
#[derive(Clone, Debug)]
pub struct Count {
    /// Resets.
    pub resets: u64,
    /// Those that follow from no other.
    pub events: u64,
    /// Events that did no harm.
    pub benign: u64,
    /// The earliest and the latest.
    pub first: Timestamp,
    /// The latest.
    pub last: Timestamp,
    /// What is said of the first event, and what to check.
    pub example: (String, String),
    /// Its place in the list.
    pub place: Option<usize>,
    /// Events by the server end of their connections.
    services: HashMap<SocketAddr, u64>,
}

impl Counts {
    /// One more reset, and its place in the list.
    pub fn add(&mut self, finding: &Finding, (speaker, place): (&Speaker<'_>, Option<usize>)) {
        let (kind, time) = (Kind::of(finding), finding.reset.time);
        let count = self.kinds.entry(kind).or_insert_with(|| Count::new(time));
        count.resets += 1;
        count.first = count.first.min(time);
        count.last = count.last.max(time);
        if finding.verdict.follows.is_some() {
            return;
        }
        count.events += 1;
        count.benign += u64::from(benign(finding) == Some(true));
        if count.events == 1 {
            (count.example, count.place) = ((speaker.sentence(), speaker.check()), place);
        }
        let service = finding.connection.tuple.dst;
        if count.services.len() < SERVICES || count.services.contains_key(&service) {
            *count.services.entry(service).or_default() += 1;
        }
    }

    /// The causes with events, the most frequent first.
    pub fn by_events(&self) -> Vec<(Kind, &Count)> {
        let mut kinds: Vec<_> = self.kinds.iter().map(|(kind, count)| (*kind, count)).collect();
        kinds.retain(|(_, count)| count.events > 0);
        kinds.sort_by_key(|(kind, count)| (std::cmp::Reverse(count.events), *kind));
        kinds
    }

    /// All events, and those that did no harm.
    pub fn totals(&self) -> (u64, u64) {
        let events = self.kinds.values().map(|count| count.events).sum();
        (events, self.kinds.values().map(|count| count.benign).sum())
    }
}

impl Count {
    fn new(time: Timestamp) -> Self {
        let example = (String::new(), String::new());
        let services = HashMap::new();
        Self { resets: 0, events: 0, benign: 0, first: time, last: time, example, place: None, services }
    }

    /// The services with most events, and how many others there are.
    pub fn services(&self, most: usize) -> (Vec<(SocketAddr, u64)>, usize) {
        let mut services: Vec<_> = self.services.iter().map(|(service, events)| (*service, *events)).collect();
        services.sort_by_key(|(service, events)| (std::cmp::Reverse(*events), *service));
        let others = services.len().saturating_sub(most);
        services.truncate(most);
        (services, others)
    }
}
