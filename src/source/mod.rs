//! Where frames come from: capture files, pipes and live interfaces, behind one trait.

#[cfg(not(feature = "live"))]
mod absent;
#[cfg(feature = "compress")]
mod ahead;
mod at_hand;
mod buffer;
mod clock;
#[cfg(feature = "compress")]
mod decompress;
mod error;
mod file;
#[cfg(feature = "live")]
mod filter;
#[cfg(feature = "cli")]
mod growing;
#[cfg(feature = "live")]
mod live;
mod mistaken;
mod narrow;
mod original;
mod pcapng;
#[cfg(any(feature = "cli", feature = "live"))]
mod pipe;
#[cfg(test)]
mod sample;
mod savefile;
#[cfg(test)]
mod tests;
mod unpack;
mod variant;

#[cfg(not(feature = "live"))]
pub use absent::{Filter, Live, interface_name, interface_names, interfaces};
pub use at_hand::AtHand;
pub use error::{Damage, SourceError};
pub use file::CaptureFile;
#[cfg(feature = "live")]
pub use filter::Filter;
#[cfg(feature = "cli")]
pub use growing::Growing;
#[cfg(feature = "live")]
pub use live::{Live, interface_name, interface_names, interfaces};
pub use narrow::{Narrow, may_name, narrowed_by};
pub use original::{Beside, BesideKind, Description, Original, Originals};
#[cfg(any(feature = "cli", feature = "live"))]
pub use pipe::Pipe;
pub use unpack::Compression;

use crate::frame::{Frame, FrameNo, LinkType};

/// What a source has next.
#[derive(Debug)]
pub enum Next<'a> {
    /// An interface was described: frames of this link type may follow.
    Interface(LinkType),
    /// A frame; it borrows from the source's buffer until the next call.
    Frame(Frame<'a>),
    /// What somebody wrote beside the frame of this number, which comes next; several comments have a line each.
    Comment(FrameNo, String),
    /// The input is damaged, and goes on at a later place that can be read; what lies between is lost.
    Damaged(SourceError),
    /// Nothing arrived for a while (at most 100 ms); more may come.
    Idle,
    /// No more frames will come.
    End,
}

/// A supply of frames, in the order of their numbers.
pub trait Source {
    /// The next thing the input holds.
    ///
    /// # Errors
    ///
    /// The input cannot be read any further; every whole frame before that place has been handed over.
    fn next(&mut self) -> Result<Next<'_>, SourceError>;

    /// The frames that come next, as far as they can be given without a look at anything else; none is no end, just the time
    /// to ask for the [`next`](Source::next).
    fn at_hand(&mut self) -> AtHand<'_> {
        AtHand::none()
    }

    /// Asks for an early end: what was captured by now is still handed over, then [`Next::End`].
    fn stop(&mut self);
}

/// How to capture on an interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LiveOptions {
    /// Its name; `any` is all of them.
    pub interface: String,
    /// Bytes kept of each frame.
    pub snap_len: u32,
    /// Size of the kernel's ring, in KiB.
    pub buffer_kib: u32,
    /// Whether to ask for frames that are addressed to others.
    pub promiscuous: bool,
    /// A filter in the language of pcap-filter(7).
    pub filter: Option<String>,
}

impl LiveOptions {
    /// Enough for the headers with all their options, and for the first line of a request or a TLS server name.
    ///
    /// Short on purpose: the ring holds the more frames the less is kept of each, and a frame that the ring had no room for
    /// may be the one that explains a reset.
    pub const SNAP_LEN: u32 = 2048;
    /// The longest snapshot that libpcap takes, which is what tcpdump means by `-s 0`.
    pub const SNAP_LEN_MAX: u32 = 262_144;
    /// 64 MiB.
    pub const BUFFER_KIB: u32 = 64 * 1024;
}

/// What the kernel counted during a capture.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Drops {
    /// Frames that passed the filter.
    pub received: u64,
    /// Of these, frames for which the ring had no room.
    pub by_kernel: u64,
    /// Frames that the interface or its driver dropped.
    pub by_interface: u64,
}
