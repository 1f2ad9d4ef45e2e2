//! Whether the run found what `--fail-on` names.

use std::collections::BTreeMap;
use std::process::ExitCode;

use super::output::tell;
use crate::classify::{Cause, Class};
use crate::cli::Wanted;

/// The exit status of a run that found it.
pub(super) const FOUND: u8 = 3;

/// Counts the resets that are wanted by nobody.
pub(super) struct Gate {
    wanted: Vec<Wanted>,
    found: BTreeMap<Cause, u64>,
}

impl Gate {
    pub(super) fn new(wanted: &[Wanted]) -> Self {
        Self { wanted: wanted.to_vec(), found: BTreeMap::new() }
    }

    /// Whether it looks for anything.
    pub(super) fn is_watching(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// Takes note of a reset.
    pub(super) fn see(&mut self, class: Class, cause: Cause) {
        if self.wanted.iter().any(|wanted| wanted.matches(class, cause)) {
            *self.found.entry(cause).or_default() += 1;
        }
    }

    /// The exit status: what was found counts more than an input that could not be read to its end.
    pub(super) fn status(&self, failed: bool, quiet: bool) -> ExitCode {
        if self.found.is_empty() {
            return if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
        if !quiet {
            let found: Vec<String> = self.found.iter().map(|(cause, resets)| format!("{cause} {resets}")).collect();
            tell(format_args!("rstscan: --fail-on found {}", found.join(", ")));
        }
        ExitCode::from(FOUND)
    }
}
