//! What hosts and ports have shown over all connections.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::net::{IpAddr, SocketAddr};

use foldhash::fast::RandomState;

use crate::frame::{FrameNo, Timestamp};
use crate::tcp::{Segment, SeqNum};

use super::sighting::ELSEWHERE_NS;

/// The most hosts and the most ports that are remembered; the peer chooses the addresses.
const REMEMBERED: usize = 1 << 20;

/// A frame and its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sight {
    /// The frame.
    pub frame: FrameNo,
    /// When it was captured.
    pub time: Timestamp,
}

/// What one host has shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HostProfile {
    /// TTL of its latest SYN|ACK.
    pub ttl: Option<u8>,
    /// The latest other TTL of its SYN|ACKs: captured on both sides of a router, each has two.
    other_ttl: Option<u8>,
    /// Whether its SYN|ACKs carry an IPv6 flow label other than 0.
    pub labels: bool,
    /// The latest SYN|ACK of any of its ports, with the port.
    pub accepted: Option<(u16, Sight)>,
    /// SYN|ACKs that it answered with RST.
    pub half_opened: u32,
    /// When it first sent a segment with right checksums, of those whose checksums were looked at.
    pub right_checksums: Option<Timestamp>,
    /// Probes of odd kind, or refused SYNs, that it sent.
    pub probes: u32,
    /// Its latest refused or odd probe went here.
    last_probe: Option<SocketAddr>,
}

impl HostProfile {
    /// Whether its SYN|ACKs were seen with this TTL.
    pub fn shows_ttl(&self, ttl: u8) -> bool {
        self.ttl == Some(ttl) || self.other_ttl == Some(ttl)
    }
}

/// What one port has shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PortRecord {
    /// Its latest SYN|ACK, as first seen.
    pub last_accepted: Option<Sight>,
    /// The number of that.
    accepted_seq: SeqNum,
    /// SYNs it refused with a RST.
    pub refused: u32,
    /// The latest of them.
    pub last_refused: Option<Sight>,
    /// Aborts of connections it had accepted, without data, at one instant.
    pub aborted: u32,
    /// The latest abort of a connection on this port.
    pub last_aborted: Option<Sight>,
}

impl PortRecord {
    /// Takes note of a SYN|ACK with this number; `false` where it is a second sighting.
    fn accept(&mut self, seq: SeqNum, sight: Sight) -> bool {
        let close = |last: Sight| sight.time.since(last.time).saturating_abs() <= ELSEWHERE_NS;
        if self.accepted_seq == seq && self.last_accepted.is_some_and(close) {
            return false;
        }
        self.accepted_seq = seq;
        self.last_accepted = Some(sight);
        true
    }
}

/// What is known of `key`, where it is or there is room for it.
fn remembered<K: Eq + Hash, V: Default>(all: &mut HashMap<K, V, RandomState>, key: K) -> Option<&mut V> {
    let full = all.len() >= REMEMBERED;
    match all.entry(key) {
        Entry::Occupied(known) => Some(known.into_mut()),
        Entry::Vacant(_) if full => None,
        Entry::Vacant(new) => Some(new.insert(V::default())),
    }
}

/// Hosts and ports by address. Touched by SYN|ACK and RST only.
#[derive(Debug, Default)]
pub struct Hosts {
    hosts: HashMap<IpAddr, HostProfile, RandomState>,
    ports: HashMap<SocketAddr, PortRecord, RandomState>,
}

impl Hosts {
    /// What `host` has shown.
    pub fn host(&self, host: IpAddr) -> HostProfile {
        self.hosts.get(&host).copied().unwrap_or_default()
    }

    /// What `port` has shown.
    pub fn port(&self, port: SocketAddr) -> PortRecord {
        self.ports.get(&port).copied().unwrap_or_default()
    }

    fn host_mut(&mut self, host: IpAddr) -> Option<&mut HostProfile> {
        remembered(&mut self.hosts, host)
    }

    fn port_mut(&mut self, port: SocketAddr) -> Option<&mut PortRecord> {
        remembered(&mut self.ports, port)
    }

    /// Takes note of a SYN|ACK.
    pub fn observe_syn_ack(&mut self, segment: &Segment) {
        let sight = Sight { frame: segment.frame, time: segment.time };
        let port = segment.tuple.src;
        let first = self.port_mut(port).is_some_and(|record| record.accept(segment.seq, sight));
        let Some(host) = self.host_mut(port.ip()) else { return };
        if host.ttl != Some(segment.ip.ttl) {
            host.other_ttl = host.ttl.replace(segment.ip.ttl);
        }
        host.labels |= segment.ip.flow_label.is_some_and(|label| label != 0);
        if first {
            host.accepted = Some((port.port(), sight));
        }
    }

    /// Takes note of a segment whose checksums are right.
    pub fn observe_right_checksums(&mut self, segment: &Segment) {
        if let Some(host) = self.host_mut(segment.tuple.src.ip()) {
            host.right_checksums.get_or_insert(segment.time);
        }
    }

    /// Takes note of a RST that refuses a SYN.
    pub fn observe_refusal(&mut self, segment: &Segment) {
        let sight = Sight { frame: segment.frame, time: segment.time };
        if let Some(record) = self.port_mut(segment.tuple.src) {
            record.refused = record.refused.saturating_add(1);
            record.last_refused = Some(sight);
        }
        self.observe_probe(segment);
    }

    /// Takes note of a RST that answers the first segment of its connection: SYN or probe, it was an attempt to find something out.
    pub fn observe_probe(&mut self, segment: &Segment) {
        let target = segment.tuple.src;
        if let Some(host) = self.host_mut(segment.tuple.dst.ip())
            && host.last_probe != Some(target)
        {
            host.probes = host.probes.saturating_add(1);
            host.last_probe = Some(target);
        }
    }

    /// Takes note of a RST that answers a SYN|ACK.
    pub fn observe_half_open(&mut self, segment: &Segment) {
        if let Some(host) = self.host_mut(segment.tuple.src.ip()) {
            host.half_opened = host.half_opened.saturating_add(1);
        }
    }

    /// Takes note of an abort by the accepting side of `port`, of a connection without data.
    pub fn observe_abort(&mut self, port: SocketAddr, segment: &Segment) {
        let sight = Sight { frame: segment.frame, time: segment.time };
        if let Some(record) = self.port_mut(port) {
            let together = record.last_aborted.is_some_and(|last| sight.time.since(last.time) <= 2_000_000);
            record.aborted = if together { record.aborted.saturating_add(1) } else { 1 };
            record.last_aborted = Some(sight);
        }
    }
}
