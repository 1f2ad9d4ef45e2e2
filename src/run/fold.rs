//! Outputs of `--json`, put together.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use super::diff::tell_malformed;
use super::gate::Gate;
use super::input;
use super::output::{Output, tell};
use crate::cli::Config;
use crate::pattern::Patterns;
use crate::report::{Fold, Malformed};

/// Says what all rows have in common, and how many there are. The exit status is 3 where there is something that `--fail-on`
/// names, and 1 where rows could not be read, or are not all.
pub(super) fn fold(config: &Config, outputs: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let patterns = Patterns::new(input::timers(config.timers.as_deref())?);
    let mut fold = Fold::new(config.style.format);
    let mut failed = false;
    for path in outputs {
        let name = if is_stdin(path) { "standard input".to_owned() } else { path.display().to_string() };
        let Malformed { lines, first } = read(&mut fold, path).with_context(|| name.clone())?;
        tell_malformed(&name, lines, first);
        failed |= lines > 0;
    }
    let mut folded = fold.finish(patterns);
    for doubt in &folded.doubts {
        tell(format_args!("rstscan: {doubt}"));
    }
    let names: Vec<String> = outputs.iter().map(|path| path.display().to_string()).collect();
    let mut output = Output::of(config, &names)?;
    folded
        .write(&config.style, Box::new(output.clone()))
        .and_then(|()| output.flush())
        .context("cannot write the output")?;
    let mut gate = Gate::new(&config.fail_on);
    folded.rows.iter().for_each(|row| gate.see(row.outline.class, row.outline.cause));
    Ok(gate.status(failed || !folded.doubts.is_empty() || output.lost() > 0, config.style.quiet > 1))
}

fn read(fold: &mut Fold, path: &Path) -> io::Result<Malformed> {
    match is_stdin(path) {
        true => fold.read(io::stdin().lock()),
        false => fold.read(BufReader::with_capacity(1 << 16, File::open(path)?)),
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}
