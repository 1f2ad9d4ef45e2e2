//! Two ways to run the program on the same capture, in turn.

use crate::captures::Capture;
use crate::compare::own;
use crate::run::{Line, Runner};
use crate::sample::Sample;

/// Two lines, in seconds.
pub struct Turns {
    pub first: Sample,
    pub second: Sample,
    /// Of each pair: how many times as long the second took.
    pub ratio: Sample,
}

/// One processor against several.
pub fn jobs(runner: &Runner, capture: &Capture, times: usize) -> anyhow::Result<Turns> {
    turns(runner, [own("--count --jobs 1", &capture.path)?, own("--count", &capture.path)?], times)
}

/// Runs so many pairs on all processors; every second one in the other order.
pub fn turns(runner: &Runner, lines: [Line; 2], times: usize) -> anyhow::Result<Turns> {
    for line in &lines {
        runner.cost_on_all(line)?;
    }
    let mut turns = Turns { first: Sample::default(), second: Sample::default(), ratio: Sample::default() };
    for pair in 0..times {
        let mut walls = [0.0; 2];
        for at in [pair % 2, 1 - pair % 2] {
            walls[at] = runner.cost_on_all(&lines[at])?.wall;
        }
        turns.first.push(walls[0]);
        turns.second.push(walls[1]);
        turns.ratio.push(walls[1] / walls[0]);
    }
    Ok(turns)
}
