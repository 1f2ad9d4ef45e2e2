//! Opening what the command line names.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};

use super::progress::Meter;
use super::signals::Signals;
use crate::cli::FilterText;
use crate::pattern::Timers;
use crate::source::{CaptureFile, Pipe};

/// Opens a file, or standard input for `-`.
///
/// What is no regular file may keep its reader waiting, so it is read in a way that a signal ends; of one that is, `meter`
/// counts what is read.
pub(super) fn open(
    path: &Path,
    input: u16,
    signals: &Signals,
    meter: &Meter,
) -> io::Result<CaptureFile<Box<dyn Read + Send>>> {
    let file =
        if path.as_os_str() == "-" { File::from(io::stdin().as_fd().try_clone_to_owned()?) } else { File::open(path)? };
    let reader: Box<dyn Read + Send> = match file.metadata()?.is_file() {
        // As long as it was when it was opened: what a writer adds meanwhile, a first pass has not seen.
        true => {
            let len = file.metadata()?.len();
            Box::new(meter.on(file.take(len)))
        }
        false => Box::new(Pipe::new(file, signals.wake()?)),
    };
    Ok(CaptureFile::concurrent(reader, input))
}

/// The files of a list, one a line; `-` is a list on standard input.
pub(super) fn listed(list: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let text = if list.as_os_str() == "-" { io::read_to_string(io::stdin()) } else { std::fs::read_to_string(list) };
    let text = text.with_context(|| format!("list of files {}", list.display()))?;
    let files: Vec<PathBuf> = text.lines().filter(|line| !line.is_empty()).map(PathBuf::from).collect();
    if files.is_empty() {
        bail!("list of files {}: no file in it", list.display());
    }
    Ok(files)
}

/// The known timers and, where there is a file of them, those of the user.
pub(super) fn timers(file: Option<&Path>) -> anyhow::Result<Timers> {
    let mut timers = Timers::default();
    if let Some(file) = file {
        let text = std::fs::read_to_string(file).with_context(|| format!("file of timers {}", file.display()))?;
        timers.add(&text).map_err(|error| anyhow!("{}:{}: {error}", file.display(), error.line))?;
    }
    Ok(timers)
}

/// The text of the filter. In a file, `#` starts a comment, as for tcpdump.
pub(super) fn filter_text(filter: &FilterText) -> anyhow::Result<String> {
    let file = match filter {
        FilterText::Words(words) => return Ok(words.clone()),
        FilterText::File(file) => file,
    };
    let text = std::fs::read_to_string(file).with_context(|| format!("filter file {}", file.display()))?;
    let lines = text.lines().map(|line| line.split_once('#').map_or(line, |(code, _)| code));
    Ok(lines.collect::<Vec<_>>().join("\n").trim().to_owned())
}
