//! From a frame to the TCP segment in it, or the reason why there is none. The only user of `etherparse`.

mod skip;

pub use skip::Skip;

use crate::frame::Frame;
use crate::tcp::Segment;

/// What a frame holds.
#[derive(Clone, PartialEq, Debug)]
pub struct Decoded<'a> {
    /// The segment.
    pub segment: Segment,
    /// The captured part of its payload.
    pub payload: &'a [u8],
    /// VLAN ids, outermost first (at most 4 kept).
    pub vlans: Vlans,
}

/// Up to four VLAN ids, outermost first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Vlans {
    ids: [u16; 4],
    count: u8,
}

impl Vlans {
    /// The ids.
    pub fn ids(&self) -> &[u16] {
        &self.ids[..usize::from(self.count)]
    }
}

/// Finds the TCP segment in a frame.
///
/// # Errors
///
/// The reason why the frame holds no usable TCP segment.
pub fn decode<'a>(frame: &Frame<'a>) -> Result<Decoded<'a>, Skip> {
    let _ = frame;
    Err(Skip::NotIp)
}
