//! Which hosts have shown that their checksums arrive right.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Seeds;
use super::generations::Generations;
use super::host::as_number;
use crate::frame::Timestamp;

/// The most hosts of a generation.
const GENERATION: usize = (1 << 16) / 8 * 7;

/// When each of the latest hosts first sent a segment with right checksums, of those whose checksums were looked at.
#[derive(Debug, Serialize, Deserialize)]
pub struct Checked {
    hosts: Generations<Option<Timestamp>>,
    state: Seeds,
}

impl Default for Checked {
    fn default() -> Self {
        Self { hosts: Generations::new(GENERATION), state: Seeds::default() }
    }
}

impl Checked {
    fn hash(&self, host: IpAddr) -> u64 {
        self.state.hash_one(as_number(host))
    }

    /// Takes note of a segment of `host` whose checksums are right.
    pub fn add(&mut self, host: IpAddr, time: Timestamp) {
        self.hosts.change(self.hash(host), |first| {
            first.get_or_insert(time);
        });
    }

    /// Whether it holds no more than it may.
    pub fn is_sound(&self) -> bool {
        self.hosts.fits(&Self::default().hosts)
    }

    /// When the first one came.
    pub fn since(&self, host: IpAddr) -> Option<Timestamp> {
        *self.hosts.get(self.hash(host))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_segment_counts() {
        let mut checked = Checked::default();
        let host = IpAddr::from([10, 0, 0, 1]);
        assert_eq!(checked.since(host), None);
        checked.add(host, Timestamp::from_nanos(5));
        checked.add(host, Timestamp::from_nanos(9));
        assert_eq!(checked.since(host), Some(Timestamp::from_nanos(5)));
    }
}
