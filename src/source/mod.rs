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
mod options;
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
pub use absent::{Filter, Live, LiveCounts, interface_name, interface_names, interfaces, link_types};
pub use at_hand::{AtHand, PacketBlocks, Records};
pub use error::{Damage, SourceError};
pub use file::CaptureFile;
#[cfg(feature = "live")]
pub use filter::Filter;
#[cfg(feature = "cli")]
pub use growing::Growing;
#[cfg(feature = "live")]
pub use live::{Live, LiveCounts, interface_name, interface_names, interfaces, link_types};
pub use narrow::{Narrow, may_name, narrowed_by};
pub use options::{Clock, Direction, Drops, LiveOptions};
pub use original::{Beside, BesideKind, Description, Original, Originals};
#[cfg(any(feature = "cli", feature = "live"))]
pub use pipe::Pipe;
pub use unpack::Compression;

use crate::frame::{Frame, FrameNo, LinkType, Loss};

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
    /// The capture lost frames: the verdicts of connections that they may have belonged to are to say so.
    Lost(Loss),
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
        AtHand::None
    }

    /// Asks for an early end: what was captured by now is still handed over, then [`Next::End`].
    fn stop(&mut self);
}
