//! One processor against several, on the same files.

use crate::captures::Capture;
use crate::compare::own;
use crate::run::Runner;
use crate::sample::Sample;

/// A kind of capture with one and with several processors, in turn.
pub struct Jobs {
    pub one: Sample,
    pub several: Sample,
    /// Of each pair: how many times as long several took.
    pub ratio: Sample,
}

/// Runs so many pairs; every second one in the other order.
pub fn jobs(runner: &Runner, capture: &Capture, times: usize) -> anyhow::Result<Jobs> {
    let lines = [own("--count --jobs 1", &capture.path)?, own("--count", &capture.path)?];
    capture.warm()?;
    let mut jobs = Jobs { one: Sample::default(), several: Sample::default(), ratio: Sample::default() };
    for pair in 0..times {
        let mut walls = [0.0; 2];
        for at in [pair % 2, 1 - pair % 2] {
            walls[at] = runner.cost_on_all(&lines[at])?.wall;
        }
        jobs.one.push(walls[0]);
        jobs.several.push(walls[1]);
        jobs.ratio.push(walls[1] / walls[0]);
    }
    Ok(jobs)
}
