//! The summaries of several outputs, added up.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::row::timestamp;
use crate::analyzer::Summary;
use crate::frame::Timestamp;
use crate::report::amount::counted;

/// The keys of a summary that are no counts of what rows tell.
#[derive(Deserialize)]
pub(super) struct SummaryLine {
    frames: u64,
    segments: u64,
    resets: u64,
    #[serde(default)]
    brought: u64,
    #[serde(default)]
    carried: u64,
    #[serde(default)]
    shard: Option<ShardLine>,
    #[serde(default)]
    hidden: u64,
    sampled_out: Option<u64>,
    connections: u64,
    tracked_max: u64,
    skipped: BTreeMap<String, u64>,
    max_connections: u64,
    evictions: u64,
    settled_early: u64,
    kernel_drops: Option<u64>,
    queue_drops: Option<u64>,
    first: Option<String>,
    last: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
struct ShardLine {
    number: u32,
    of: u32,
}

/// What the summaries say together.
///
/// Each shard counts its own resets, and everything else of the whole capture: of that the first shard's word counts.
#[derive(Debug, Default)]
pub(super) struct Totals {
    summaries: u64,
    summary: Summary,
    pub(super) hidden: u64,
    pub(super) sampled_out: Option<u64>,
    pub(super) kernel_drops: Option<u64>,
    pub(super) queue_drops: Option<u64>,
    /// How often each shard came, by how many there are and its number.
    shards: BTreeMap<u32, BTreeMap<u32, u64>>,
}

impl Totals {
    pub(super) fn add(&mut self, line: &SummaryLine) {
        self.summaries += 1;
        self.hidden = self.hidden.saturating_add(line.hidden);
        add(&mut self.summary.resets, line.resets);
        add(&mut self.summary.brought, line.brought);
        add(&mut self.summary.carried, line.carried);
        add(&mut self.summary.settled_early, line.settled_early);
        add_known(&mut self.sampled_out, line.sampled_out);
        if let Some(ShardLine { number, of }) = line.shard {
            *self.shards.entry(of).or_default().entry(number).or_default() += 1;
        }
        if line.shard.is_none_or(|shard| shard.number == 1) {
            self.add_whole(line);
        }
    }

    /// What is of the whole capture.
    fn add_whole(&mut self, line: &SummaryLine) {
        let summary = &mut self.summary;
        add(&mut summary.frames, line.frames);
        add(&mut summary.segments, line.segments);
        add(&mut summary.connections, line.connections);
        add(&mut summary.evictions, line.evictions);
        summary.tracked_max = summary.tracked_max.max(line.tracked_max);
        summary.max_connections = summary.max_connections.max(line.max_connections);
        for (reason, count) in line.skipped.iter().filter_map(|(id, count)| Summary::skip_id(id).zip(Some(count))) {
            add(summary.skipped.entry(reason).or_default(), *count);
        }
        let time = |text: &Option<String>| text.as_deref().and_then(timestamp);
        summary.first = earlier(summary.first, time(&line.first));
        summary.last = summary.last.max(time(&line.last));
        add_known(&mut self.kernel_drops, line.kernel_drops);
        add_known(&mut self.queue_drops, line.queue_drops);
    }

    /// The summary without the resets, which are counted one by one, and without those that one run left to another.
    pub(super) fn summary(&self) -> Summary {
        let (brought, carried) = (self.summary.brought, self.summary.carried);
        let (brought, carried) = (brought.saturating_sub(carried), carried.saturating_sub(brought));
        Summary { resets: 0, brought, carried, ..self.summary.clone() }
    }

    /// Why the rows are not all that there should be.
    pub(super) fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        if self.summaries == 0 {
            doubts.push("no summary line: the runs had not ended, or the rows are not whole".to_owned());
        }
        if let Some(left_out) = self.sampled_out.filter(|count| *count > 0) {
            doubts.push(format!("{} left out by --sample: patterns are of the others", counted(left_out, "reset")));
        }
        let Summary { brought, carried, .. } = self.summary();
        if carried > 0 {
            doubts.push(format!("{} left to a run whose rows are missing (--state-out)", counted(carried, "reset")));
        }
        if brought > 0 {
            doubts.push(format!("{} left by a run whose rows are missing (--state-in)", counted(brought, "reset")));
        }
        for (of, shards) in &self.shards {
            let most = shards.values().copied().max().unwrap_or_default();
            let lacks = |number: &u32| shards.get(number).copied().unwrap_or_default() < most;
            let lacking: Vec<String> = (1..=*of).filter(lacks).take(4).map(|number| format!("{number}/{of}")).collect();
            if !lacking.is_empty() {
                doubts.push(format!("shards are missing: {}", lacking.join(", ")));
            }
        }
        doubts
    }

    /// Whether there are not as many rows as the summaries say.
    pub(super) fn differ_from(&self, rows: u64) -> Option<String> {
        let resets = self.summary.resets;
        (rows != resets).then(|| format!("{} in the summaries, but {}", counted(resets, "reset"), counted(rows, "row")))
    }
}

fn add(sum: &mut u64, count: u64) {
    *sum = sum.saturating_add(count);
}

fn add_known(sum: &mut Option<u64>, count: Option<u64>) {
    if let Some(count) = count {
        add(sum.get_or_insert_default(), count);
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}
