//! The words of TCP as values: sequence numbers, flags, options, four-tuples, segments, and what is
//! said of them: checksums, ICMP errors.

mod checksum;
mod flags;
mod icmp;
mod options;
mod segment;
mod seq;
mod tuple;

pub use checksum::{Checksums, Sum};
pub use flags::Flags;
pub use icmp::{Complaint, IcmpError};
pub use options::{Options, Timestamps};
pub use segment::{IpFields, Segment};
pub use seq::SeqNum;
pub use tuple::FourTuple;
