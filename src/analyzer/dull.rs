//! Frames of four-tuples without a RST, where a first pass told which these are.

use std::net::{IpAddr, SocketAddr};

use super::{Analyzer, Waiting};
use crate::decode::{self, Glance, Hosts};
use crate::frame::Frame;
use crate::tcp::Flags;
use crate::track::{Lookup, Side};

/// What a host answers that accepts a connection.
const ACCEPTING: Flags = Flags::SYN.with(Flags::ACK);

impl Analyzer {
    /// Takes a frame whose four-tuple has no RST, if a glance shows that; `false` where it must be decoded.
    #[inline]
    pub(super) fn push_dull(&mut self, frame: &Frame<'_>) -> bool {
        let (Some(interest), Some(glance)) = (&self.interest, decode::glance(frame)) else { return false };
        let lookup = lookup(&glance);
        let hash = self.tracker.hash(&lookup);
        if glance.flags.rst() || interest.holds(hash) {
            return false;
        }
        if !glance.flags.any_of(Flags::SYN.with(Flags::FIN)) && self.tracker.has_just_passed(hash) {
            self.summary.segments += 1;
            return true;
        }
        let Some(slot) = self.batch.get_mut(self.waiting) else { return false };
        slot.hash = hash;
        fill(slot, &glance, (frame, lookup.side));
        self.fill_one(true);
        true
    }

    /// Takes a frame whose four-tuple has no RST at once, as a glance showed; nothing waits in the batch.
    pub(super) fn pass_by(&mut self, frame: &Frame<'_>, hash: u64) {
        let Some(glance) = decode::glance(frame) else { return };
        self.pass_time(self.last);
        let Some(slot) = self.batch.first_mut() else { return };
        fill(slot, &glance, (frame, lookup(&glance).side));
        self.summary.segments += 1;
        self.tracker.pass_by(&slot.segment, slot.lookup.side, hash);
    }
}

/// Writes into a place of the batch what is needed of a segment whose four-tuple has no RST.
#[inline]
fn fill(slot: &mut Waiting, glance: &Glance, (frame, side): (&Frame<'_>, Side)) {
    slot.lookup.side = side;
    slot.segment.time = frame.time;
    slot.segment.flags = glance.flags;
    slot.segment.seq = glance.seq;
    slot.segment.len = glance.len;
    if glance.flags.has(ACCEPTING) {
        slot.segment.frame = frame.no;
        slot.segment.tuple.src = source(glance);
        slot.segment.ip.ttl = glance.ttl;
        slot.segment.ip.flow_label = glance.flow_label;
    }
}

/// The four-tuple of a frame that was looked at.
#[inline]
pub(super) fn lookup(glance: &Glance) -> Lookup {
    match glance.hosts {
        Hosts::V4(src, dst) => Lookup::narrow((src, glance.sport), (dst, glance.dport)),
        Hosts::V6(src, dst) => Lookup::wide((src, glance.sport), (dst, glance.dport)),
    }
}

fn source(glance: &Glance) -> SocketAddr {
    let address = match glance.hosts {
        Hosts::V4(src, _) => IpAddr::V4(src.into()),
        Hosts::V6(src, _) => IpAddr::V6(src.into()),
    };
    SocketAddr::new(address, glance.sport)
}
