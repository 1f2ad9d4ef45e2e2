//! The first of two passes over a file: which connections have a RST at all.

use crate::decode;
use crate::frame::Frame;
use crate::track::{Interest, Lookup, Notes};

/// Notes the four-tuples that have a RST, so that [`Analyzer::with_interest`](super::Analyzer::with_interest) need not
/// follow the others.
///
/// The verdicts are the same as without: of the other connections, verdicts know only what their SYNs and FINs show,
/// and those are always looked at.
#[derive(Debug, Default)]
pub struct Prescan {
    notes: Notes,
}

impl Prescan {
    /// A scan that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next frame.
    #[inline]
    pub fn push(&mut self, frame: &Frame<'_>) {
        match decode::glance(frame) {
            Some(glance) if !glance.flags.rst() => {}
            _ => self.look_closer(frame),
        }
    }

    #[inline(never)]
    fn look_closer(&mut self, frame: &Frame<'_>) {
        if let Ok(decoded) = decode::decode(frame)
            && decoded.segment.flags.rst()
        {
            self.notes.add(&Lookup::of(&decoded.segment.tuple));
        }
    }

    /// The four-tuples that had a RST.
    pub fn finish(self) -> Interest {
        self.notes.finish()
    }
}
