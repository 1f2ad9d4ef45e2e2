//! What hosts and ports have shown over all connections.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use crate::frame::{FrameNo, Timestamp};
use crate::tcp::{Segment, SeqNum};

use super::generations::Generations;
use super::sighting::ELSEWHERE_NS;
use super::{Seeds, prefetch_whole};

/// The most hosts, and the most ports, of a generation: as many as the standard map holds in 2^18 places.
const GENERATION: usize = (1 << 18) / 8 * 7;
/// The least, however few connections there is room for.
const GENERATION_MIN: usize = (1 << 12) / 8 * 7;
/// So many connections there are for each host.
const CONNECTIONS_EACH: usize = 16;

/// What is told of a SYN|ACK.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SynAck {
    /// Its frame and time.
    pub sight: Sight,
    /// Who sent it.
    pub port: SocketAddr,
    /// Its sequence number.
    pub seq: SeqNum,
    /// Its TTL, or hop limit.
    pub ttl: u8,
    /// Whether it has an IPv6 flow label other than 0.
    pub labelled: bool,
}

impl From<&Segment> for SynAck {
    fn from(segment: &Segment) -> Self {
        Self {
            sight: Sight { frame: segment.frame, time: segment.time },
            port: segment.tuple.src,
            seq: segment.seq,
            ttl: segment.ip.ttl,
            labelled: segment.ip.flow_label.is_some_and(|label| label != 0),
        }
    }
}

/// A frame and its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sight {
    /// The frame.
    pub frame: FrameNo,
    /// When it was captured.
    pub time: Timestamp,
}

/// What one host has shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
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
    /// Probes of odd kind, or refused SYNs, that it sent.
    pub probes: u32,
}

/// A host: its profile, and what only this module needs.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Host {
    profile: HostProfile,
    /// Its latest refused or odd probe went here.
    last_probe: Option<PortKey>,
}

/// The hash of a host's address. It stands for the address: two hosts with the same one are taken for one, a pair in 2^64.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HostKey(u64);

/// A port: the hash of a host's address and the port's number, which stands for both.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct PortKey(NonZeroU64);

/// What the ends of a segment are asked for with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EndKeys {
    /// The port that sent it.
    pub port: PortKey,
    /// The host that sent it.
    pub host: HostKey,
    /// The host that it goes to.
    pub peer: HostKey,
}

impl HostProfile {
    /// Whether its SYN|ACKs were seen with this TTL.
    pub fn shows_ttl(&self, ttl: u8) -> bool {
        self.ttl == Some(ttl) || self.other_ttl == Some(ttl)
    }
}

/// What one port has shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PortRecord {
    /// Its latest SYN|ACK, as first seen.
    pub last_accepted: Option<Sight>,
    /// The number of that.
    accepted_seq: SeqNum,
    /// SYNs it refused with a RST.
    pub refused: u32,
    /// The latest of them.
    pub last_refused: Option<Sight>,
    /// Aborts of connections it had accepted and never answered, at one instant.
    pub aborted: u32,
    /// The latest abort of a connection on this port.
    pub last_aborted: Option<Sight>,
}

/// Aborts this close together are of one instant.
pub const SAME_INSTANT_NS: i64 = 2_000_000;

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

    /// How many aborts an abort at `time` comes right behind. Who accepted somebody since then has not closed its listener.
    pub fn group_of_aborts(&self, time: Timestamp) -> u32 {
        let Some(last) = self.last_aborted else { return 0 };
        let accepted_since = self.last_accepted.is_some_and(|newer| newer.time.since(last.time) > 0);
        if time.since(last.time) <= SAME_INSTANT_NS && !accepted_since { self.aborted } else { 0 }
    }
}

/// Hosts and ports by address. Touched by SYN|ACK and RST only.
#[derive(Debug, Serialize, Deserialize)]
pub struct Hosts {
    hosts: Generations<Host>,
    ports: Generations<PortRecord>,
    state: Seeds,
}

impl Hosts {
    /// Nothing seen yet; memory is that of the hosts of so many connections.
    pub fn new(connections: usize) -> Self {
        let size = (connections / CONNECTIONS_EACH).clamp(GENERATION_MIN, GENERATION);
        Self { hosts: Generations::new(size), ports: Generations::new(size), state: Seeds::default() }
    }

    /// Whether they are no more than there is room for with so many connections.
    pub(super) fn fit(&self, connections: usize) -> bool {
        let empty = Self::new(connections);
        self.hosts.fits(&empty.hosts) && self.ports.fits(&empty.ports)
    }

    fn host_key(&self, host: IpAddr) -> HostKey {
        HostKey(self.state.hash_one(as_number(host)))
    }

    fn port_key(&self, port: SocketAddr) -> PortKey {
        let hash = self.state.hash_one((as_number(port.ip()), port.port()));
        PortKey(NonZeroU64::new(hash).unwrap_or(NonZeroU64::MIN))
    }

    /// What the ends of a segment are asked for with.
    #[inline]
    pub fn keys(&self, src: SocketAddr, dst: IpAddr) -> EndKeys {
        EndKeys { port: self.port_key(src), host: self.host_key(src.ip()), peer: self.host_key(dst) }
    }

    /// What a host has shown.
    pub fn host(&self, host: HostKey) -> HostProfile {
        self.hosts.get(host.0).map(|host| host.profile).unwrap_or_default()
    }

    /// What a port has shown.
    pub fn port(&self, port: PortKey) -> PortRecord {
        self.ports.get(port.0.get()).copied().unwrap_or_default()
    }

    /// Asks for where it is written what the port has shown.
    #[inline]
    pub fn prefetch_port(&self, port: PortKey) {
        self.ports.prefetch(port.0.get());
    }

    /// Asks for what the port has shown.
    #[inline]
    pub fn prefetch_record(&self, port: PortKey) {
        prefetch_whole(self.ports.get(port.0.get()));
    }

    /// Asks for where it is written what these have shown.
    #[inline]
    pub fn prefetch(&self, keys: &EndKeys) {
        self.prefetch_port(keys.port);
        self.hosts.prefetch(keys.host.0);
        self.hosts.prefetch(keys.peer.0);
    }

    /// Asks for what these have shown.
    #[inline]
    pub fn prefetch_records(&self, keys: &EndKeys) {
        self.prefetch_record(keys.port);
        prefetch_whole(self.hosts.get(keys.host.0));
        prefetch_whole(self.hosts.get(keys.peer.0));
    }

    /// Takes note of a SYN|ACK.
    pub fn observe_syn_ack(&mut self, syn_ack: &SynAck) {
        let SynAck { sight, port, seq, ttl, labelled } = *syn_ack;
        let is_new = self.ports.change(self.port_key(port).0.get(), |record| record.accept(seq, sight));
        self.hosts.change(self.host_key(port.ip()).0, |host| {
            let host = &mut host.profile;
            if is_new {
                host.accepted = Some((port.port(), sight));
            }
            if host.ttl != Some(ttl) {
                host.other_ttl = host.ttl.replace(ttl);
            }
            host.labels |= labelled;
        });
    }

    /// Takes note of a RST that refuses a SYN.
    pub fn observe_refusal(&mut self, keys: &EndKeys, segment: &Segment) {
        let sight = Sight { frame: segment.frame, time: segment.time };
        self.ports.change(keys.port.0.get(), |record| {
            record.refused = record.refused.saturating_add(1);
            record.last_refused = Some(sight);
        });
        self.observe_probe(keys);
    }

    /// Takes note of a RST that answers the first segment of its connection: SYN or probe, it was an attempt to find something out.
    pub fn observe_probe(&mut self, keys: &EndKeys) {
        self.hosts.change(keys.peer.0, |host| {
            if host.last_probe != Some(keys.port) {
                host.profile.probes = host.profile.probes.saturating_add(1);
                host.last_probe = Some(keys.port);
            }
        });
    }

    /// Takes note of a RST that answers a SYN|ACK.
    pub fn observe_half_open(&mut self, keys: &EndKeys) {
        self.hosts.change(keys.host.0, |host| {
            host.profile.half_opened = host.profile.half_opened.saturating_add(1);
        });
    }

    /// Takes note of an abort by the accepting side of its port, of a connection on which it has sent nothing.
    pub fn observe_abort(&mut self, keys: &EndKeys, segment: &Segment) {
        let sight = Sight { frame: segment.frame, time: segment.time };
        self.ports.change(keys.port.0.get(), |record| {
            let together = record.group_of_aborts(sight.time) > 0;
            record.aborted = if together { record.aborted.saturating_add(1) } else { 1 };
            record.last_aborted = Some(sight);
        });
    }
}

/// An address as a number, which is sooner hashed: one of IPv4 as it is mapped to IPv6 (RFC 4291 section 2.5.5.2).
pub(super) fn as_number(address: IpAddr) -> u128 {
    const MAPPED: u128 = 0xffff << 32;
    match address {
        IpAddr::V4(address) => MAPPED | u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::{Flags, FourTuple};

    #[test]
    fn strangers_make_room_for_those_that_come_later() {
        let mut hosts = Hosts::new(0);
        let syn_ack = |host: u32| Segment {
            tuple: FourTuple::new((host.to_be_bytes().into(), 80), ([10, 0, 0, 1].into(), 1)),
            flags: Flags::SYN.with(Flags::ACK),
            ..Segment::EMPTY
        };
        for host in 1..100_000 {
            hosts.observe_syn_ack(&SynAck::from(&syn_ack(host)));
            if host % 1000 == 0 {
                hosts.observe_syn_ack(&SynAck::from(&syn_ack(7)));
            }
        }
        let knows = |host: u32| hosts.host(hosts.host_key(host.to_be_bytes().into())).accepted.is_some();
        assert!(knows(7) && knows(99_999) && !knows(50_000));
        assert!(hosts.hosts.len() <= 2 * GENERATION_MIN && hosts.ports.len() <= 2 * GENERATION_MIN);
    }
}
