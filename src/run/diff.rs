//! Two outputs of `--json`, compared.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;

use super::gate::FOUND;
use super::output::tell;
use crate::cli::Config;
use crate::report::{Diff, Format, Recorded};

/// Says what changed. The exit status is 3 where there is more of what `--fail-on` names, and 1 where lines could not be read.
pub(super) fn diff(config: &Config, before: &Path, after: &Path) -> anyhow::Result<ExitCode> {
    let (before, after) = (recorded(before)?, recorded(after)?);
    let damaged = [&before, &after].into_iter().filter(|recorded| recorded.malformed > 0).count() > 0;
    let diff = Diff::new(before, after);
    let text = match config.style.format {
        Format::Json => diff.json()?,
        _ => diff.text(config.style.color),
    };
    io::stdout().write_all(text.as_bytes())?;
    let risen = diff.risen();
    let named = risen.iter().filter(|(class, cause)| config.fail_on.iter().any(|id| id.matches(*class, *cause)));
    let named: Vec<&str> = named.map(|(_, cause)| cause.id()).collect();
    if named.is_empty() {
        return Ok(if damaged { ExitCode::FAILURE } else { ExitCode::SUCCESS });
    }
    if config.style.quiet < 2 {
        tell(format_args!("rstscan: --fail-on found more of {}", named.join(", ")));
    }
    Ok(ExitCode::from(FOUND))
}

/// Reads an output, and says what is wrong with it.
fn recorded(path: &Path) -> anyhow::Result<Recorded> {
    let name = path.display().to_string();
    let recorded = if path.as_os_str() == "-" {
        Recorded::read("standard input".to_owned(), io::stdin().lock())
    } else {
        File::open(path).and_then(|file| Recorded::read(name.clone(), BufReader::new(file)))
    };
    let recorded = recorded.with_context(|| name.clone())?;
    tell_malformed(&name, recorded.malformed, recorded.first_malformed);
    if !recorded.is_whole() {
        tell(format_args!("rstscan: {name}: no summary line: its run had not ended, or the file is not whole"));
    }
    Ok(recorded)
}

/// Says that lines of an output could not be read.
pub(super) fn tell_malformed(name: &str, count: u64, first: Option<u64>) {
    let Some(first) = first else { return };
    let lines = match count {
        1 => format!("line {first} is"),
        count => format!("{count} lines are (the first is line {first})"),
    };
    tell(format_args!("rstscan: {name}: {lines} not of rstscan --json, schema 1: left out"));
}
