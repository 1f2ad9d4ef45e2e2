//! What applications said last, as far as their first bytes give it away.

use serde::{Deserialize, Serialize};

use crate::tcp::Heard;

use super::generations::Generations;
use super::{Endpoint, Marks, Side};

/// The most four-tuples of a generation.
const GENERATION: usize = 1 << 13;

/// The latest hint of either end, by the hash of the four-tuple: of the at least 8192 four-tuples that spoke last, and of at
/// most twice as many.
#[derive(Debug, Serialize, Deserialize)]
pub struct Hints(Generations<[Option<Heard>; 2]>);

impl Default for Hints {
    fn default() -> Self {
        Self(Generations::new(GENERATION))
    }
}

impl Hints {
    /// Takes note of what `side` said.
    pub fn add(&mut self, hash: u64, side: Side, heard: Heard) {
        self.0.change(hash, |[low, high]| *(if side == Side::Low { low } else { high }) = Some(heard));
    }

    /// Whether they are no more than they may be.
    pub fn are_sound(&self) -> bool {
        self.0.fits(&Self::default().0)
    }

    /// What both ends of a four-tuple said last, if either said anything.
    pub fn of_both(
        &self,
        hash: u64,
        own: (Side, &Endpoint),
        peer: (Side, &Endpoint),
    ) -> Option<Box<[Option<Heard>; 2]>> {
        let [low, high] = self.0.get(hash)?;
        let heard = [own, peer].map(|(side, end)| {
            let heard = if side == Side::Low { low } else { high };
            heard.filter(|heard| is_of(heard, end))
        });
        heard.iter().any(Option::is_some).then(|| Box::new(heard))
    }
}

/// Whether a number is one that `end` has sent: other lives began elsewhere.
fn is_of(heard: &Heard, end: &Endpoint) -> bool {
    let after_base = heard.seq.since(end.base) >= 0;
    // Where more than 2^31 bytes were sent, the base lies ahead again.
    let is_long = end.snd_max.since(end.base) < 0;
    end.shows(Marks::SENT) && end.snd_max.since(heard.seq) >= 0 && (after_base || is_long)
}

#[cfg(test)]
mod tests {
    use super::super::hashed::spread;
    use super::*;
    use crate::frame::FrameNo;
    use crate::tcp::{SeqNum, hint};

    fn heard(number: u64, seq: u32) -> Heard {
        let hint = hint(b"GET / HTTP/1.1\r\n").unwrap();
        Heard { frame: FrameNo::new(0, number), seq: SeqNum(seq), hint }
    }

    fn end(base: u32, snd_max: u32) -> Endpoint {
        Endpoint { marks: Marks::SENT, base: SeqNum(base), snd_max: SeqNum(snd_max), ..Endpoint::default() }
    }

    fn of(hints: &Hints, hash: u64, side: Side, end: &Endpoint) -> Option<Heard> {
        hints.of_both(hash, (side, end), (side.other(), &Endpoint::default()))?[0]
    }

    #[test]
    fn each_side_has_its_latest() {
        let mut hints = Hints::default();
        hints.add(7, Side::Low, heard(1, 100));
        hints.add(7, Side::Low, heard(2, 200));
        hints.add(7, Side::High, heard(3, 900));
        assert_eq!(of(&hints, 7, Side::Low, &end(99, 300)), Some(heard(2, 200)));
        assert_eq!(of(&hints, 7, Side::High, &end(899, 950)), Some(heard(3, 900)));
        assert_eq!(of(&hints, 8, Side::Low, &end(99, 300)), None);
    }

    #[test]
    fn what_was_said_in_another_life_does_not_count() {
        let mut hints = Hints::default();
        hints.add(7, Side::Low, heard(1, 5000));
        assert_eq!(of(&hints, 7, Side::Low, &end(70_000, 70_100)), None);
        assert_eq!(of(&hints, 7, Side::Low, &end(100, 200)), None);
        assert_eq!(of(&hints, 7, Side::Low, &Endpoint::default()), None);
        let after_two_gigabytes = end(5100_u32.wrapping_sub((1 << 31) + 500), 5100);
        assert!(of(&hints, 7, Side::Low, &after_two_gigabytes).is_some());
    }

    #[test]
    fn memory_is_bounded_and_those_that_speak_stay() {
        let mut hints = Hints::default();
        for number in 1..3 * GENERATION as u64 {
            hints.add(spread(number), Side::Low, heard(1, 5));
            if number % 1000 == 0 {
                hints.add(spread(2), Side::Low, heard(2, 5));
            }
        }
        assert!(hints.0.len() <= 2 * GENERATION);
        assert!(of(&hints, spread(1), Side::Low, &end(0, 9)).is_none());
        assert!(of(&hints, spread(2), Side::Low, &end(0, 9)).is_some());
    }
}
