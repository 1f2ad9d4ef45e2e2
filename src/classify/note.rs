//! Remembering a verdict in the incarnation, for the resets that follow from it.

use crate::track::{Note, ResetCase};

use super::{Cause, Class, Verdict};

/// What is remembered of a verdict.
pub fn note(case: &ResetCase, verdict: &Verdict) -> Note {
    Note {
        frame: verdict.follows.unwrap_or(case.reset.frame),
        code: ((verdict.class as u16) << 8) | verdict.cause as u16,
    }
}

/// Reads a code back.
pub fn unpack(code: u16) -> Option<(Class, Cause)> {
    let class = Class::ALL.get(usize::from(code >> 8))?;
    let cause = Cause::ALL.get(usize::from(code & 0xff))?;
    Some((*class, *cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_and_cause_is_read_back() {
        assert!(Cause::ALL.len() <= 256);
        for class in Class::ALL {
            for cause in Cause::ALL {
                assert_eq!(unpack(((*class as u16) << 8) | *cause as u16), Some((*class, *cause)));
            }
        }
        assert_eq!(unpack(0xffff), None);
    }
}
