//! Whether checksums are right, as far as a capture can tell.

use serde::{Deserialize, Serialize};

/// Whether one checksum is right.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Sum {
    /// There is none (IPv6 headers), or not all bytes that it covers were captured.
    #[default]
    Unknown,
    /// It is right.
    Right,
    /// It was left to hardware that had not seen the packet yet: 0, or the sum of the pseudo-header alone.
    Offloaded,
    /// It is wrong: whoever checks it drops the packet.
    Wrong,
}

/// The checksums around one segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Checksums {
    /// That of the IPv4 header.
    pub ip: Sum,
    /// That of the TCP segment.
    pub tcp: Sum,
}

impl Checksums {
    /// Whether the segment's is right, and nothing is known to be wrong.
    pub fn are_right(&self) -> bool {
        self.tcp == Sum::Right && self.ip != Sum::Wrong
    }

    /// Whether one is wrong.
    pub fn is_any_wrong(&self) -> bool {
        self.tcp == Sum::Wrong || self.ip == Sum::Wrong
    }
}
