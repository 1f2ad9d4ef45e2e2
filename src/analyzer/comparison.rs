//! Whether checksums that are wrong are so as a rule: those of other frames say.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::decode;
use crate::frame::{Frame, Timestamp};
use crate::tcp::Checksums;
use crate::track::Checked;

/// The most frames whose checksums are looked at beside those of RSTs.
const COMPARED_MAX: u32 = 1 << 16;
/// The checksums of so many frames are looked at after a RST with a wrong one.
const COMPARED_EACH: u32 = 1 << 10;

/// Looks at the checksums of frames behind a RST with a wrong one, for hosts of which none is known to be right.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Comparison {
    /// The checksums of so many frames to come are looked at.
    due: u32,
    /// And of so many more if there is a reason to.
    spare: u32,
    known: Checked,
}

impl Default for Comparison {
    fn default() -> Self {
        Self { due: 0, spare: COMPARED_MAX, known: Checked::default() }
    }
}

impl Comparison {
    /// Whether it knows no more hosts than it may.
    pub(super) fn is_sound(&self) -> bool {
        self.known.is_sound()
    }

    /// Whether the next frame is looked at.
    #[inline]
    pub(super) fn is_due(&self) -> bool {
        self.due > 0
    }

    /// Looks at a frame. The host that has sent a segment with right checksums in it, if that is so, and when.
    #[cold]
    #[inline(never)]
    pub(super) fn look(&mut self, frame: &Frame<'_>) -> Option<(IpAddr, Timestamp)> {
        self.due -= 1;
        let segment = decode::decode(frame).ok()?.segment;
        if segment.flags.rst() || !decode::checksums(frame).are_right() {
            return None;
        }
        let host = segment.tuple.src.ip();
        self.known.add(host, segment.time);
        Some((host, segment.time))
    }

    /// Takes note of the checksums of a RST.
    pub(super) fn judge(&mut self, host: IpAddr, time: Timestamp, checksums: Checksums) {
        if checksums.are_right() {
            self.known.add(host, time);
        } else if checksums.is_any_wrong() && self.known.since(host).is_none() {
            let more = COMPARED_EACH.saturating_sub(self.due).min(self.spare);
            self.due += more;
            self.spare -= more;
        }
    }
}
