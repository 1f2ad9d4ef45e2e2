//! Which connection a segment belongs to, which life of it, and what each side has shown.

mod bystander;
mod case;
mod checked;
mod endpoint;
mod evicted;
mod eviction;
mod generations;
mod hints;
mod history;
mod host;
mod icmp;
mod incarnation;
mod interest;
mod key;
mod packed;
mod resume;
mod retired;
mod seeds;
mod sighting;
mod table;
mod tracker;

pub use bystander::{Bystanders, Opened, Passed};
pub use case::{Copied, KEPT_AFTER, Life, Previous, ResetCase};
pub use checked::Checked;
pub use endpoint::{Endpoint, Marks, Side};
pub use hints::Hints;
pub use history::{History, Past, Record, Standing};
pub use host::{HostProfile, Hosts, PortKey, PortRecord, SAME_INSTANT_NS, Sight, SynAck};
pub use icmp::IcmpErrors;
pub use incarnation::{Incarnation, KEPT_AFTER_CLOSE, KEPT_IDLE, Note};
pub use interest::{Interest, Notes};
pub use key::{Ends, Lookup};
pub use seeds::Seeds;
pub use sighting::{ELSEWHERE_NS, ResetSighting, first_of};
pub use table::{Id, Lives};
pub use tracker::{Observed, Placed, Tracker};
