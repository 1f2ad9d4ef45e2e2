//! What people and programs wrote beside frames.

use std::collections::BTreeMap;

use crate::frame::FrameNo;

/// Packet comments by frame, as many as fit into 4 MiB; the earliest go first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Comments {
    by_frame: BTreeMap<FrameNo, String>,
    bytes: usize,
}

impl Comments {
    const BYTES_MAX: usize = 4 << 20;
    /// What an entry takes beside its text.
    const ENTRY: usize = 64;

    /// Notes the comment of a frame.
    pub fn add(&mut self, frame: FrameNo, text: String) {
        self.bytes += text.len() + Self::ENTRY;
        if let Some(before) = self.by_frame.insert(frame, text) {
            self.bytes -= before.len() + Self::ENTRY;
        }
        while self.bytes > Self::BYTES_MAX
            && let Some((_, gone)) = self.by_frame.pop_first()
        {
            self.bytes -= gone.len() + Self::ENTRY;
        }
    }

    /// All of them, in the order of their frames.
    pub fn all(&self) -> Vec<(FrameNo, String)> {
        self.by_frame.iter().map(|(frame, text)| (*frame, text.clone())).collect()
    }

    /// The comment of a frame, if it has one.
    pub fn of(&self, frame: FrameNo) -> Option<&str> {
        self.by_frame.get(&frame).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_make_room() {
        let mut comments = Comments::default();
        let frame = |number| FrameNo::new(0, number);
        for number in 1..=100_000 {
            comments.add(frame(number), "x".repeat(1_000));
            assert!(comments.bytes <= Comments::BYTES_MAX);
        }
        assert_eq!(comments.of(frame(1)), None);
        assert_eq!(comments.of(frame(100_000)).map(str::len), Some(1_000));
        comments.add(frame(100_000), "again".to_owned());
        assert_eq!(comments.of(frame(100_000)), Some("again"));
        let counted: usize = comments.by_frame.values().map(|text| text.len() + Comments::ENTRY).sum();
        assert_eq!(comments.bytes, counted);
    }
}
