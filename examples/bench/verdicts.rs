//! Whether verdicts agree with what is true of a generated capture.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Resets by `class/cause`.
pub type Counts = BTreeMap<String, u64>;

/// What a generated capture holds: FILE.truth.json.
#[derive(Default, Deserialize)]
pub struct Truth {
    pub frames: u64,
    pub connections: u64,
    pub resets: Counts,
    /// Where the wire does not show the difference: what else may be said.
    pub also: BTreeMap<String, Vec<String>>,
}

impl Truth {
    pub fn total(&self) -> u64 {
        self.resets.values().sum()
    }

    /// How the verdicts depart from it: each cause must be given at least where nothing else may be said, and at most
    /// wherever it may be said.
    pub fn differences(&self, verdicts: &Counts) -> Vec<String> {
        let mut bounds: BTreeMap<&str, (u64, u64)> = verdicts.keys().map(|cause| (cause.as_str(), (0, 0))).collect();
        for (cause, count) in &self.resets {
            let also = self.also.get(cause).map_or(&[][..], Vec::as_slice);
            let own = bounds.entry(cause).or_default();
            own.0 += if also.is_empty() { *count } else { 0 };
            own.1 += count;
            for other in also {
                bounds.entry(other).or_default().1 += count;
            }
        }
        let said = |cause: &str| verdicts.get(cause).copied().unwrap_or(0);
        let wrong = bounds.into_iter().filter(|(cause, (least, most))| !(*least..=*most).contains(&said(cause)));
        let mut differences: Vec<String> = wrong
            .map(|(cause, (least, most))| format!("{cause}: {least} to {most} are right, {} said", said(cause)))
            .collect();
        let all: u64 = verdicts.values().sum();
        if all != self.total() {
            differences.push(format!("{} resets in all, {all} found", self.total()));
        }
        differences
    }
}

/// What `rstscan --count` prints: `class/cause  3 resets  2 events`, and the sum at the end.
pub fn counts(printed: &str) -> Counts {
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let cause = words.next().filter(|word| word.contains('/'))?;
        Some((cause.to_owned(), words.next()?.parse().ok()?))
    };
    printed.lines().filter_map(line).collect()
}
