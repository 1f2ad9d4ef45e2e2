//! The words of TCP as values: sequence numbers, flags, options, four-tuples, segments.

mod flags;
mod options;
mod segment;
mod seq;
mod tuple;

pub use flags::Flags;
pub use options::{Options, Timestamps};
pub use segment::{IpFields, Segment};
pub use seq::SeqNum;
pub use tuple::FourTuple;
