//! Resets that are alike: one cause, one side that sent them, one service. Their counts, in bounded memory.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use super::rate::Rate;
use crate::analyzer::{Finding, Tally};
use crate::classify::{Cause, Class, Role};
use crate::frame::FrameNo;
use crate::report::GroupBy;

/// The most places that are told apart; those of a single event make room where there are more.
const PLACES_MAX: usize = 1 << 10;
/// Making room is tried once for so many resets that found none.
const CLEARED: u64 = 1 << 8;
/// The most clients and services that are told apart over all groups.
const ENDS_MAX: usize = 1 << 16;
/// Up to so many places of a kind are listed one by one.
const LISTED_APART: usize = 3;

/// What resets that are alike have in common.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Key {
    /// What happened.
    pub kind: Kind,
    /// Where, as far as that is told apart.
    pub place: Place,
}

/// What happened, wherever it was.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Kind {
    /// The class of the verdicts.
    pub class: Class,
    /// Their cause.
    pub cause: Cause,
    /// Who sent the resets.
    pub sender: Option<Role>,
}

/// Where resets happened.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Place {
    /// Wherever.
    Any,
    /// At this server end.
    Service(SocketAddr),
    /// Between this client and this server end.
    Pair(IpAddr, SocketAddr),
}

impl Key {
    /// Of a reset.
    pub fn of(group_by: GroupBy, finding: &Finding) -> Self {
        let (verdict, tuple) = (&finding.verdict, &finding.connection.tuple);
        let kind = Kind { class: verdict.class, cause: verdict.cause, sender: verdict.sender_role };
        let place = match group_by {
            GroupBy::Cause => Place::Any,
            GroupBy::Service | GroupBy::None => Place::Service(tuple.dst),
            GroupBy::Pair => Place::Pair(tuple.src.ip(), tuple.dst),
        };
        Self { kind, place }
    }
}

/// Resets that are alike.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    /// The first of them.
    pub example: FrameNo,
    /// How many, what follows from them included.
    pub tally: Tally,
    /// How many events of them were shown.
    pub shown: u64,
    /// How many of the resets were not.
    pub folded: u64,
    /// When.
    pub rate: Rate,
    /// The clients.
    pub clients: Ends<IpAddr>,
    /// The services.
    pub services: Ends<SocketAddr>,
}

/// Different ends of connections, as far as memory allows to tell them apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ends<T> {
    known: BTreeSet<T>,
    more: bool,
}

impl<T: Ord> Ends<T> {
    fn new() -> Self {
        Self { known: BTreeSet::new(), more: false }
    }

    /// How many are known.
    pub fn count(&self) -> u64 {
        self.known.len() as u64
    }

    /// Whether there are more.
    pub fn has_more(&self) -> bool {
        self.more
    }

    /// Keeps one more as long as there is room.
    fn keep(&mut self, end: T, room: &mut usize) {
        if self.known.contains(&end) {
            return;
        }
        if *room > 0 {
            *room -= 1;
            self.known.insert(end);
        } else {
            self.more = true;
        }
    }
}

impl Group {
    fn of(finding: &Finding) -> Self {
        Self {
            example: finding.reset.frame,
            tally: Tally::default(),
            shown: 0,
            folded: 0,
            rate: Rate::of(finding.reset.time),
            clients: Ends::new(),
            services: Ends::new(),
        }
    }

    /// One more, which was shown as, or like, the reset in this frame.
    fn add(&mut self, finding: &Finding, shown: Option<FrameNo>, room: &mut usize) {
        let is_event = finding.verdict.follows.is_none();
        if self.tally.resets > 0 {
            self.rate.add(finding.reset.time);
        }
        self.tally.resets += 1;
        self.tally.events += u64::from(is_event);
        self.folded += u64::from(shown.is_none());
        if let Some(example) = shown.filter(|_| is_event) {
            self.example = if self.shown == 0 { example } else { self.example };
            self.shown += 1;
        }
        let tuple = &finding.connection.tuple;
        self.clients.keep(tuple.src.ip(), room);
        self.services.keep(tuple.dst, room);
    }

    fn ends(&self) -> usize {
        self.clients.known.len() + self.services.known.len()
    }
}

/// All resets of a kind.
#[derive(Clone, PartialEq, Eq, Debug)]
struct OfKind {
    all: Group,
    /// Whether some of its places found no room.
    is_crowded: bool,
}

/// All resets by kind, and by place as far as there is room.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Groups {
    kinds: BTreeMap<Kind, OfKind>,
    places: BTreeMap<Key, Group>,
    room: usize,
    turned_away: u64,
}

impl Default for Groups {
    fn default() -> Self {
        Self { kinds: BTreeMap::new(), places: BTreeMap::new(), room: ENDS_MAX, turned_away: 0 }
    }
}

impl Groups {
    /// Counts a reset, which was shown as, or like, the one in this frame.
    pub fn add(&mut self, key: Key, finding: &Finding, shown: Option<FrameNo>) {
        let has_room = self.places.len() < PLACES_MAX || self.places.contains_key(&key) || self.turn_away(key.kind);
        if key.place != Place::Any && has_room {
            let group = self.places.entry(key).or_insert_with(|| Group::of(finding));
            group.add(finding, shown, &mut self.room);
        }
        let new = || OfKind { all: Group::of(finding), is_crowded: false };
        let kind = self.kinds.entry(key.kind).or_insert_with(new);
        kind.all.add(finding, shown, &mut self.room);
        kind.is_crowded |= !has_room;
    }

    /// The group of a key.
    pub fn get(&self, key: &Key) -> Option<&Group> {
        match key.place {
            Place::Any => self.of_kind(key.kind),
            _ => self.places.get(key),
        }
    }

    /// All resets of a kind.
    pub fn of_kind(&self, kind: Kind) -> Option<&Group> {
        self.kinds.get(&kind).map(|kind| &kind.all)
    }

    /// The groups with resets that were not shown, those with most events first; those of many places together.
    pub fn folded(&self) -> Vec<(Key, &Group)> {
        let mut folded = Vec::new();
        for (kind, OfKind { all, is_crowded }) in self.kinds.iter().filter(|(_, of_kind)| of_kind.all.folded > 0) {
            let places = self.places.iter().filter(|(key, group)| key.kind == *kind && group.folded > 0);
            let places: Vec<_> = places.map(|(key, group)| (*key, group)).collect();
            match places.len() {
                1..=LISTED_APART if !is_crowded => folded.extend(places),
                _ => folded.push((Key { kind: *kind, place: Place::Any }, all)),
            }
        }
        folded.sort_by_key(|(_, group)| std::cmp::Reverse((group.tally.events, group.tally.resets)));
        folded
    }

    /// Gives up places of one event, if it is time for that; whether there is room for a new one.
    fn turn_away(&mut self, kind: Kind) -> bool {
        self.turned_away += 1;
        if self.turned_away % CLEARED == 1 {
            let Self { kinds, places, room, .. } = self;
            places.retain(|key, group| {
                let stays = group.tally.events > 1;
                if !stays {
                    *room += group.ends();
                    kinds.entry(key.kind).and_modify(|kind| kind.is_crowded = true);
                }
                stays
            });
            if places.len() + CLEARED as usize <= PLACES_MAX {
                self.turned_away = 0;
            }
        }
        let has_room = self.places.len() < PLACES_MAX;
        if !has_room {
            self.kinds.entry(kind).and_modify(|kind| kind.is_crowded = true);
        }
        has_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixtures;

    fn finding(client: u32, port: u16) -> Finding {
        let mut finding = fixtures::half_open();
        finding.connection.tuple.src.set_ip(IpAddr::from(client.to_be_bytes()));
        finding.connection.tuple.dst.set_port(port);
        finding
    }

    fn add(groups: &mut Groups, finding: &Finding) {
        groups.add(Key::of(GroupBy::Service, finding), finding, None);
    }

    #[test]
    fn places_and_ends_are_bounded_and_nothing_goes_uncounted() {
        let mut groups = Groups::default();
        for client in 0..100_000 {
            add(&mut groups, &finding(client, 80));
        }
        for port in 1_000..61_000 {
            add(&mut groups, &finding(1, port));
        }
        assert!(groups.places.len() <= PLACES_MAX);
        let all = groups.kinds.values().map(|kind| &kind.all);
        let ends: usize = groups.places.values().chain(all).map(Group::ends).sum();
        assert_eq!(ends + groups.room, ENDS_MAX);
        let folded = groups.folded();
        let (key, group) = folded[0];
        assert_eq!((folded.len(), key.place, group.tally.resets), (1, Place::Any, 160_000));
        assert!(group.clients.has_more() && group.services.has_more());
    }

    #[test]
    fn what_comes_again_keeps_its_place_among_what_comes_once() {
        let mut groups = Groups::default();
        for n in 0..20_000 {
            add(&mut groups, &finding(1, n + 1_000));
            if n % 50 == 0 {
                add(&mut groups, &finding(2, 80));
            }
        }
        let group = groups.get(&Key::of(GroupBy::Service, &finding(2, 80))).unwrap();
        assert!(group.tally.events > 390, "{}", group.tally.events);
    }

    #[test]
    fn few_places_are_listed_apart_and_many_together() {
        let rows = |ports: u16, group_by| {
            let mut groups = Groups::default();
            for n in 0..20 {
                let finding = finding(n, 80 + n as u16 % ports);
                groups.add(Key::of(group_by, &finding), &finding, None);
            }
            groups.folded().len()
        };
        assert_eq!([1, 2, 3, 4].map(|ports| rows(ports, GroupBy::Service)), [1, 2, 3, 1]);
        assert_eq!(rows(2, GroupBy::Cause), 1);
    }

    #[test]
    fn keys_tell_apart_what_was_asked_for() {
        let findings = [finding(1, 80), finding(2, 80), finding(1, 443)];
        let count = |group_by| findings.iter().map(|f| Key::of(group_by, f)).collect::<BTreeSet<_>>().len();
        assert_eq!([GroupBy::Cause, GroupBy::Service, GroupBy::Pair].map(count), [1, 2, 3]);
        let mut by_client = finding(1, 80);
        by_client.verdict.sender_role = Some(Role::Client);
        assert_ne!(Key::of(GroupBy::Cause, &by_client), Key::of(GroupBy::Cause, &findings[0]));
    }
}
