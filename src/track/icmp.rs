//! The latest ICMP errors about TCP connections.

use serde::{Deserialize, Serialize};

use crate::tcp::{FourTuple, IcmpError};

use super::generations::Generations;
use super::{Ends, Seeds};

/// The most four-tuples of a generation. Anybody can send ICMP errors, so memory for them is small.
const GENERATION: usize = 1 << 12;
/// The most errors about one four-tuple.
const EACH: usize = 8;

/// The latest ICMP errors, by the four-tuple that they are about: those of at least 4096 four-tuples, and of at most twice
/// as many.
#[derive(Debug, Serialize, Deserialize)]
pub struct IcmpErrors {
    errors: Generations<Vec<IcmpError>>,
    state: Seeds,
}

impl Default for IcmpErrors {
    fn default() -> Self {
        Self { errors: Generations::new(GENERATION), state: Seeds::default() }
    }
}

impl IcmpErrors {
    /// The same in both directions.
    fn hash(&self, tuple: &FourTuple) -> u64 {
        self.state.hash_one(Ends::of(tuple).0)
    }

    /// Takes note of an error.
    pub fn add(&mut self, error: &IcmpError) {
        self.errors.change(self.hash(&error.tuple), |errors| {
            if errors.len() >= EACH {
                errors.remove(0);
            }
            errors.push(*error);
        });
    }

    /// Whether they are no more than they may be.
    pub fn are_sound(&self) -> bool {
        self.errors.fits(&Self::default().errors)
    }

    /// The errors about a four-tuple, oldest first.
    pub fn about(&self, tuple: &FourTuple) -> &[IcmpError] {
        if self.errors.is_empty() {
            return &[];
        }
        self.errors.get(self.hash(tuple)).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{FrameNo, Timestamp};
    use crate::tcp::{Complaint, SeqNum};

    fn error(number: u64, port: u16) -> IcmpError {
        IcmpError {
            frame: FrameNo::new(0, number),
            time: Timestamp::from_nanos(0),
            from: [10, 0, 0, 9].into(),
            complaint: Complaint::Prohibited,
            mtu: None,
            tuple: FourTuple::new(([10, 0, 0, 1].into(), port), ([10, 0, 0, 2].into(), 80)),
            seq: SeqNum(0),
            flags: None,
            id: None,
        }
    }

    fn kept(errors: &IcmpErrors, port: u16) -> Vec<u64> {
        errors.about(&error(0, port).tuple.reversed()).iter().map(|error| error.frame.number()).collect()
    }

    #[test]
    fn the_latest_of_each_four_tuple_are_kept() {
        let mut errors = IcmpErrors::default();
        (1..=10).for_each(|number| errors.add(&error(number, 1)));
        errors.add(&error(11, 2));
        assert_eq!(kept(&errors, 1), [3, 4, 5, 6, 7, 8, 9, 10]);
        assert_eq!(kept(&errors, 2), [11]);
        assert!(kept(&errors, 3).is_empty());
    }

    #[test]
    fn old_four_tuples_go_and_those_in_use_stay() {
        let mut errors = IcmpErrors::default();
        errors.add(&error(1, 0));
        errors.add(&error(2, 1));
        for port in 2..3 * GENERATION as u16 {
            errors.add(&error(3, port));
            if port % 1000 == 0 {
                errors.add(&error(4, 1));
            }
        }
        assert!(kept(&errors, 0).is_empty());
        assert_eq!(kept(&errors, 1).last(), Some(&4));
        assert!(errors.errors.len() <= 2 * GENERATION);
    }
}
