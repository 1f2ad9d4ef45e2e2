//! Sequence numbers (RFC 9293 section 3.4): a circle of 2^32, so there is no order, only distance.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A sequence or acknowledgment number.
///
/// It has no `<`: ask for the distance with [`since`](SeqNum::since), or for a window with [`is_within`](SeqNum::is_within).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct SeqNum(pub u32);

impl SeqNum {
    /// The number `count` further on, modulo 2^32.
    pub fn plus(self, count: u32) -> SeqNum {
        SeqNum(self.0.wrapping_add(count))
    }

    /// The number `count` before, modulo 2^32.
    pub fn minus(self, count: u32) -> SeqNum {
        SeqNum(self.0.wrapping_sub(count))
    }

    /// How far `self` is after `base`, from -2^31 to 2^31 - 1; negative when it lies before.
    pub fn since(self, base: SeqNum) -> i32 {
        self.0.wrapping_sub(base.0) as i32
    }

    /// Whether it lies after `other`, within half the circle.
    pub fn is_after(self, other: SeqNum) -> bool {
        self.since(other) > 0
    }

    /// Whether it is one of the `count` numbers from `start` on.
    pub fn is_within(self, start: SeqNum, count: u32) -> bool {
        self.0.wrapping_sub(start.0) < count
    }

    /// The later of the two, within half the circle.
    pub fn max(self, other: SeqNum) -> SeqNum {
        if other.is_after(self) { other } else { self }
    }
}

impl fmt::Display for SeqNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_survives_the_wrap() {
        let before = SeqNum(0xffff_fff0);
        assert_eq!(before.plus(0x20), SeqNum(0x10));
        assert_eq!(SeqNum(0x10).since(before), 0x20);
        assert_eq!(before.since(SeqNum(0x10)), -0x20);
        assert_eq!(SeqNum(0x10).minus(0x20), before);
    }

    #[test]
    fn windows_and_order_survive_the_wrap() {
        let start = SeqNum(u32::MAX);
        assert!(start.is_within(start, 1));
        assert!(SeqNum(0).is_within(start, 2));
        assert!(!SeqNum(1).is_within(start, 2));
        assert!(!start.is_within(start, 0));
        assert!(SeqNum(5).is_after(start));
        assert!(!start.is_after(start));
        assert_eq!(start.max(SeqNum(3)), SeqNum(3));
        assert_eq!(SeqNum(3).max(start), SeqNum(3));
    }
}
