//! The words of TCP as values: sequence numbers, flags, options, four-tuples and parts of all of them, segments, and what is
//! said of them: checksums, ICMP errors; and what applications say in them.

mod application;
mod checksum;
mod flags;
mod icmp;
mod options;
mod segment;
mod seq;
mod shard;
mod tuple;

pub use application::{Heard, Hint, Protocol, hint};
pub use checksum::{Checksums, Sum};
pub use flags::Flags;
pub use icmp::{Complaint, IcmpError};
pub use options::{Options, Timestamps};
pub use segment::{IpFields, Segment};
pub use seq::SeqNum;
pub use shard::Shard;
pub use tuple::FourTuple;
