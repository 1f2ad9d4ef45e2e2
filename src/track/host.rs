//! What hosts and ports have shown over all connections.

use std::net::{IpAddr, SocketAddr};

use crate::frame::{FrameNo, Timestamp};
use crate::tcp::{Segment, SeqNum};

use super::generations::Generations;
use super::sighting::ELSEWHERE_NS;

/// The most hosts, and the most ports, of a generation.
const GENERATION: usize = 1 << 18;
/// The least, however few connections there is room for.
const GENERATION_MIN: usize = 1 << 12;
/// So many connections there are for each host.
const CONNECTIONS_EACH: usize = 16;

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
}

/// A host: its profile, and what only this module needs.
#[derive(Clone, Copy, Debug, Default)]
struct Host {
    profile: HostProfile,
    /// Its latest refused or odd probe went here.
    last_probe: Option<PortKey>,
}

/// An address as a number, which is sooner hashed: one of IPv4 as it is mapped to IPv6 (RFC 4291 section 2.5.5.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct HostKey(u128);

impl From<IpAddr> for HostKey {
    fn from(address: IpAddr) -> Self {
        const MAPPED: u128 = 0xffff << 32;
        HostKey(match address {
            IpAddr::V4(address) => MAPPED | u128::from(address.to_bits()),
            IpAddr::V6(address) => address.to_bits(),
        })
    }
}

/// A port of a host.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct PortKey(HostKey, u16);

impl From<SocketAddr> for PortKey {
    fn from(port: SocketAddr) -> Self {
        PortKey(port.ip().into(), port.port())
    }
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

/// Hosts and ports by address. Touched by SYN|ACK and RST only.
#[derive(Debug)]
pub struct Hosts {
    hosts: Generations<HostKey, Host>,
    ports: Generations<PortKey, PortRecord>,
}

impl Hosts {
    /// Nothing seen yet; memory is that of the hosts of so many connections.
    pub fn new(connections: usize) -> Self {
        let size = (connections / CONNECTIONS_EACH).clamp(GENERATION_MIN, GENERATION);
        Self { hosts: Generations::new(size), ports: Generations::new(size) }
    }

    /// What `host` has shown.
    pub fn host(&self, host: IpAddr) -> HostProfile {
        self.hosts.get(&host.into()).map(|host| host.profile).unwrap_or_default()
    }

    /// What `port` has shown.
    pub fn port(&self, port: SocketAddr) -> PortRecord {
        self.ports.get(&port.into()).copied().unwrap_or_default()
    }

    /// Takes note of a SYN|ACK.
    pub fn observe_syn_ack(&mut self, segment: &Segment) {
        let sight = Sight { frame: segment.frame, time: segment.time };
        let port = segment.tuple.src;
        let host = &mut self.hosts.write(port.ip().into()).profile;
        if host.ttl != Some(segment.ip.ttl) {
            host.other_ttl = host.ttl.replace(segment.ip.ttl);
        }
        host.labels |= segment.ip.flow_label.is_some_and(|label| label != 0);
        if self.ports.write(port.into()).accept(segment.seq, sight) {
            host.accepted = Some((port.port(), sight));
        }
    }

    /// Takes note of a segment whose checksums are right.
    pub fn observe_right_checksums(&mut self, segment: &Segment) {
        self.hosts.write(segment.tuple.src.ip().into()).profile.right_checksums.get_or_insert(segment.time);
    }

    /// Takes note of a RST that refuses a SYN.
    pub fn observe_refusal(&mut self, segment: &Segment) {
        let record = self.ports.write(segment.tuple.src.into());
        record.refused = record.refused.saturating_add(1);
        record.last_refused = Some(Sight { frame: segment.frame, time: segment.time });
        self.observe_probe(segment);
    }

    /// Takes note of a RST that answers the first segment of its connection: SYN or probe, it was an attempt to find something out.
    pub fn observe_probe(&mut self, segment: &Segment) {
        let target = segment.tuple.src.into();
        let host = self.hosts.write(segment.tuple.dst.ip().into());
        if host.last_probe != Some(target) {
            host.profile.probes = host.profile.probes.saturating_add(1);
            host.last_probe = Some(target);
        }
    }

    /// Takes note of a RST that answers a SYN|ACK.
    pub fn observe_half_open(&mut self, segment: &Segment) {
        let host = &mut self.hosts.write(segment.tuple.src.ip().into()).profile;
        host.half_opened = host.half_opened.saturating_add(1);
    }

    /// Takes note of an abort by the accepting side of `port`, of a connection without data.
    pub fn observe_abort(&mut self, port: SocketAddr, segment: &Segment) {
        let sight = Sight { frame: segment.frame, time: segment.time };
        let record = self.ports.write(port.into());
        let together = record.last_aborted.is_some_and(|last| sight.time.since(last.time) <= 2_000_000);
        record.aborted = if together { record.aborted.saturating_add(1) } else { 1 };
        record.last_aborted = Some(sight);
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
            hosts.observe_syn_ack(&syn_ack(host));
            if host % 1000 == 0 {
                hosts.observe_syn_ack(&syn_ack(7));
            }
        }
        let knows = |host: u32| hosts.host(host.to_be_bytes().into()).accepted.is_some();
        assert!(knows(7) && knows(99_999) && !knows(50_000));
        assert!(hosts.hosts.len() <= 2 * GENERATION_MIN && hosts.ports.len() <= 2 * GENERATION_MIN);
    }
}
