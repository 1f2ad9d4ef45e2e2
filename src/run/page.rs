//! The file of the report: opened before the run, so that a wrong name is told at once, and written after it.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::place;
use crate::analyzer::Finding;
use crate::report::{Context, Finished, Report, Style};

/// A report and where it goes.
pub(super) struct Page {
    report: Report,
    path: PathBuf,
    file: File,
    /// Whether the file is to go again if nothing is written.
    is_new: bool,
}

impl Page {
    /// Opens the file; what it holds stays until the report is written.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub(super) fn open(path: &Path, style: &Style) -> anyhow::Result<Self> {
        let is_new = !path.exists();
        let file = place::open(path).with_context(|| format!("cannot write the report {}", path.display()))?;
        Ok(Self { report: Report::new(style), path: path.to_owned(), file, is_new })
    }

    /// One more reset.
    pub(super) fn finding(&mut self, context: &Context, finding: &Finding) {
        self.report.finding(context, finding);
    }

    /// Writes the report.
    ///
    /// # Errors
    ///
    /// It cannot be written: the disk is full.
    pub(super) fn write(mut self, about: (&Context, &Finished<'_>)) -> anyhow::Result<()> {
        self.is_new = false;
        self.replace(about).with_context(|| format!("cannot write the report {}", self.path.display()))
    }

    fn replace(&mut self, about: (&Context, &Finished<'_>)) -> io::Result<()> {
        // Pipes and terminals have no length.
        if self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        self.report.write(about, &mut BufWriter::new(&self.file))
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        if self.is_new {
            // An empty file does no harm where it cannot be removed: in the sandbox, or as another user than began.
            let _ = fs::remove_file(&self.path);
        }
    }
}
