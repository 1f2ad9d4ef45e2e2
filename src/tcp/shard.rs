//! One of several parts of all connections, the same on every machine.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::FourTuple;

/// Part `number` of `of` parts of all connections.
///
/// Which part a connection is in depends on nothing but its two ends, so runs on several machines, or with several versions
/// of this program, agree: it is the remainder of [`FourTuple::fingerprint`] by `of`, and 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Shard {
    number: u32,
    of: u32,
}

impl Shard {
    /// The most parts.
    pub const MOST: u32 = 1 << 16;

    /// Part `number`, from 1, of `of`; `None` where there is none such.
    pub fn new(number: u32, of: u32) -> Option<Self> {
        ((1..=of).contains(&number) && of <= Self::MOST).then_some(Self { number, of })
    }

    /// Which part it is, from 1.
    pub fn number(self) -> u32 {
        self.number
    }

    /// How many parts there are.
    pub fn of(self) -> u32 {
        self.of
    }

    /// Whether a connection is in it, whichever of its ends the four-tuple begins with.
    pub fn holds(self, tuple: &FourTuple) -> bool {
        tuple.fingerprint() % u64::from(self.of) == u64::from(self.number - 1)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Shard {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, of) = text.split_once('/').ok_or("not two numbers as in 1/4: which part, of how many")?;
        let number_of = |text: &str| text.parse().map_err(|_| "not two numbers as in 1/4: which part, of how many");
        Self::new(number_of(number)?, number_of(of)?).ok_or("parts count from 1/N to N/N, of 65536 at most")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tuple(src: &str, dst: &str) -> FourTuple {
        FourTuple { src: src.parse().unwrap(), dst: dst.parse().unwrap() }
    }

    #[test]
    fn every_part_has_its_share_also_of_ports_that_are_all_even() {
        for of in [2, 3, 4, 8, 64] {
            let mut counts = vec![0_u32; of as usize];
            for port in (32_768..60_000).step_by(2) {
                let tuple = tuple(&format!("10.0.0.1:{port}"), "10.0.0.2:80");
                let owners: Vec<u32> =
                    (1..=of).filter(|number| Shard::new(*number, of).unwrap().holds(&tuple)).collect();
                assert_eq!(owners.len(), 1);
                counts[owners[0] as usize - 1] += 1;
            }
            let mean = counts.iter().sum::<u32>() / of;
            assert!(counts.iter().all(|count| count.abs_diff(mean) < mean / 3), "{counts:?}");
        }
    }

    #[test]
    fn what_is_no_part_is_refused() {
        for wrong in ["0/4", "5/4", "a/b", "1", "1/0", "0/0", "-1/4", "1/4/2", "/", "1/65537", " 1/4", "1/99999999999"]
        {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
        assert_eq!("3/4".parse::<Shard>().unwrap(), Shard { number: 3, of: 4 });
        assert_eq!("65536/65536".parse::<Shard>().unwrap().to_string(), "65536/65536");
    }
}
