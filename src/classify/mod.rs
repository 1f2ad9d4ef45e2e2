//! From the facts about one RST to its verdict.

mod cause;
mod fact;
mod verdict;

pub use cause::{Application, Cause, Certainty, Class, Form, OnPeer, Role};
pub use fact::{Fact, FactKind};
pub use verdict::{Alternative, Effect, Missing, States, Trigger, Verdict};
