//! What the environment says that matters to the output.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;

use super::When;

/// What the environment says that matters to the output.
#[derive(Clone, Debug, Default)]
pub(super) struct Surroundings {
    pub(super) no_color: Option<OsString>,
    pub(super) clicolor: Option<OsString>,
    pub(super) clicolor_force: Option<OsString>,
    pub(super) term: Option<OsString>,
    /// `LC_ALL`, `LC_CTYPE` and `LANG`, as far as they are set.
    pub(super) locale: [Option<OsString>; 3],
    /// Whether standard output is a terminal, and its columns where known.
    pub(super) terminal: bool,
    pub(super) columns: Option<usize>,
    /// Whether standard error is a terminal.
    pub(super) stderr_is_terminal: bool,
    /// Whether standard output is a pipe, whose reader may use the terminal.
    pub(super) stdout_is_pipe: bool,
}

impl Surroundings {
    pub(super) fn here() -> Self {
        let stdout = io::stdout();
        let size = rustix::termios::tcgetwinsize(&stdout).ok();
        Self {
            no_color: std::env::var_os("NO_COLOR"),
            clicolor: std::env::var_os("CLICOLOR"),
            clicolor_force: std::env::var_os("CLICOLOR_FORCE"),
            term: std::env::var_os("TERM"),
            locale: ["LC_ALL", "LC_CTYPE", "LANG"].map(std::env::var_os),
            terminal: stdout.is_terminal(),
            stderr_is_terminal: io::stderr().is_terminal(),
            stdout_is_pipe: is_pipe(&stdout),
            columns: size.map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0),
        }
    }

    /// What matters to the output where that goes to a file instead of standard output.
    pub(super) fn of_output(&self, is_file: bool) -> Self {
        let columns = self.columns.filter(|_| !is_file);
        Self { terminal: self.terminal && !is_file, columns, ..self.clone() }
    }

    /// Whether standard output is a terminal that can be drawn on.
    pub(super) fn shows_views(&self) -> bool {
        self.terminal && self.term.as_ref().is_some_and(|term| term != "dumb")
    }

    /// Whether a line on standard error can be written over, and gets in nobody's way.
    pub(super) fn takes_progress(&self) -> bool {
        self.stderr_is_terminal && !self.stdout_is_pipe && self.term.as_ref().is_none_or(|term| term != "dumb")
    }

    /// Whether only ASCII can be shown: the first of the variables that is set names the character set.
    pub(super) fn is_ascii(&self) -> bool {
        let named = self.locale.iter().flatten().find(|value| !value.is_empty());
        let named = named.map(|value| value.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        !named.contains("utf-8") && !named.contains("utf8")
    }

    /// Whether to use colour: the flag beats everything, then a wish for none, then a wish for it, then what the output is.
    pub(super) fn color(&self, when: When) -> bool {
        let set = |value: &Option<OsString>| value.as_ref().is_some_and(|value| !value.is_empty());
        let is = |value: &Option<OsString>, text: &str| value.as_ref().is_some_and(|value| value == text);
        match when {
            When::Always => true,
            When::Never => false,
            When::Auto if set(&self.no_color) => false,
            When::Auto if set(&self.clicolor_force) && !is(&self.clicolor_force, "0") => true,
            When::Auto => self.terminal && !is(&self.clicolor, "0") && !is(&self.term, "dumb"),
        }
    }
}

fn is_pipe(output: &impl AsFd) -> bool {
    let file = output.as_fd().try_clone_to_owned().map(File::from);
    file.and_then(|file| file.metadata()).is_ok_and(|data| data.file_type().is_fifo() || data.file_type().is_socket())
}
