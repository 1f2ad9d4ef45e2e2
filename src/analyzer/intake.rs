//! What is known of all frames of a capture, whoever takes them.

use std::net::IpAddr;

use super::comparison::Comparison;
use super::extent::Extent;
use crate::decode::{self, Reassembler, Skip};
use crate::frame::Frame;
use crate::tcp::{Checksums, IcmpError};

/// How many frames came, which held no segment and why, and which wait for others.
#[derive(Debug, Default)]
pub(super) struct Intake {
    pub(super) extent: Extent,
    pub(super) comparison: Comparison,
    pub(super) fragments: Reassembler,
    skipped: [u64; Skip::ALL.len()],
}

impl Intake {
    /// How many frames held no segment for this reason.
    pub(super) fn skipped(&self, skip: Skip) -> u64 {
        self.skipped.get(skip as usize).copied().unwrap_or_default() + self.fragments.skipped(skip)
    }

    /// Counts a frame without a segment; the ICMP error in it, if that is what it holds.
    #[inline(never)]
    pub(super) fn skip(&mut self, frame: &Frame<'_>, skip: Skip) -> Option<IcmpError> {
        if let Some(count) = self.skipped.get_mut(skip as usize) {
            *count += 1;
        }
        (skip == Skip::Icmp).then(|| decode::icmp_error(frame)).flatten()
    }

    /// The checksums of the RST that `host` sent, of which note is taken.
    pub(super) fn checksums(&mut self, frame: &Frame<'_>, host: IpAddr) -> Checksums {
        let checksums = decode::checksums(frame);
        self.comparison.judge(host, frame.time, checksums);
        checksums
    }
}
