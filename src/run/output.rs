//! Where the output goes: standard output with a large buffer or a file, shared by the sink that writes and the loop that
//! flushes; and standard error.

use std::cell::RefCell;
use std::fmt::Display;
use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;

use super::output_file::OutputFile;
use super::rights::Monitor;
use crate::cli::{Config, Input};

/// Where the output goes. Clones share one buffer.
#[derive(Clone)]
pub(super) struct Output(Rc<RefCell<Target>>);

enum Target {
    Stdout(BufWriter<StdoutLock<'static>>),
    File(OutputFile),
}

impl Output {
    const BUFFER: usize = 64 * 1024;

    /// Takes standard output for the rest of the program.
    pub(super) fn new() -> Self {
        let stdout = BufWriter::with_capacity(Self::BUFFER, io::stdout().lock());
        Self(Rc::new(RefCell::new(Target::Stdout(stdout))))
    }

    /// What the options ask for; these names of inputs are no files to write to.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub(super) fn of(config: &Config, inputs: &[String]) -> anyhow::Result<Self> {
        let Some(path) = config.agent.output.as_deref() else { return Ok(Self::new()) };
        let mut inputs: Vec<PathBuf> = inputs.iter().map(PathBuf::from).collect();
        // A run that is begun again goes on where it ended, and one over files is just done again.
        let goes_on = match &config.input {
            _ if !config.style.format.is_lines() => false,
            Input::Live(_) => true,
            Input::Followed(file) => {
                inputs.push(file.clone());
                true
            }
            _ => false,
        };
        Self::file(path, goes_on, &inputs)
    }

    fn file(path: &Path, goes_on: bool, inputs: &[PathBuf]) -> anyhow::Result<Self> {
        let file = OutputFile::open(path, goes_on, inputs);
        let file = file.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self(Rc::new(RefCell::new(Target::File(file)))))
    }

    /// Whether it goes on with a file that holds something already.
    pub(super) fn has_begun(&self) -> bool {
        matches!(&*self.0.borrow(), Target::File(file) if !file.is_empty())
    }

    /// Goes on in the file that has the name now; whether that is an empty one.
    pub(super) fn reopen(&self) -> bool {
        match &mut *self.0.borrow_mut() {
            Target::Stdout(_) => false,
            Target::File(file) => {
                file.reopen();
                file.is_empty()
            }
        }
    }

    /// Has another process open the file from here on, if there is one.
    pub(super) fn leave_file_to(&self, monitor: Rc<Monitor>) {
        if let Target::File(file) = &mut *self.0.borrow_mut() {
            file.leave_to(monitor);
        }
    }

    /// Lines that could not be written to the file.
    pub(super) fn lost(&self) -> u64 {
        match &*self.0.borrow() {
            Target::Stdout(_) => 0,
            Target::File(file) => file.lost(),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut *self.0.borrow_mut() {
            Target::Stdout(stdout) => stdout.write(bytes),
            Target::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut *self.0.borrow_mut() {
            Target::Stdout(stdout) => stdout.flush(),
            Target::File(file) => file.flush(),
        }
    }
}

/// Lines that wait until the terminal is free for them, while a view is on it.
static HELD: Mutex<Option<Vec<String>>> = Mutex::new(None);
/// So many of them are kept.
const HELD_MAX: usize = 100;

/// Lines wait from now on.
pub(super) fn hold_words() {
    *HELD.lock().unwrap_or_else(PoisonError::into_inner) = Some(Vec::new());
}

/// The line that came last while lines wait.
pub(super) fn words_held() -> Option<String> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.last().cloned()
}

/// Lines wait no more.
pub(super) fn release_words() {
    let held = HELD.lock().unwrap_or_else(PoisonError::into_inner).take();
    held.into_iter().flatten().for_each(tell);
}

/// A line on standard error. If that is closed there is nobody to tell.
pub(super) fn tell(line: impl Display) {
    if let Some(held) = &mut *HELD.lock().unwrap_or_else(PoisonError::into_inner) {
        if held.len() < HELD_MAX {
            held.push(line.to_string());
        }
        return;
    }
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}
