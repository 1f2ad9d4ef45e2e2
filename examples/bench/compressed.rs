//! Compressed captures against plain ones.

use crate::captures::Capture;
use crate::compare::own;
use crate::run::{Line, Runner, is_installed};
use crate::sample::Sample;
use crate::turns::{Turns, turns};

/// A capture, plain and compressed with zstd, in turn.
pub struct Compressed {
    pub turns: Turns,
    /// How long zstd itself takes to decompress it.
    pub alone: Sample,
}

/// Runs so many pairs on all processors; `None` where zstd is not installed.
pub fn compressed(runner: &Runner, capture: &Capture, times: usize) -> anyhow::Result<Option<Compressed>> {
    if !is_installed("zstd") {
        return Ok(None);
    }
    let path = format!("{}.zst", capture.path);
    let zstd = |words: &[&str]| -> Line { ["zstd", "-q"].iter().chain(words).map(<_>::to_string).collect() };
    runner.output(&zstd(&["-f", &capture.path, "-o", &path]))?;
    let turns = turns(runner, [own("--count", &capture.path)?, own("--count", &path)?], times)?;
    let mut alone = Sample::default();
    for _ in 0..times {
        alone.push(runner.cost_on_all(&zstd(&["-d", "-c", &path]))?.wall);
    }
    std::fs::remove_file(&path)?;
    Ok(Some(Compressed { turns, alone }))
}
