//! One of several runs over the captures of a point, each of which takes up what the one before has left.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use super::Run;
use super::output::tell;
use super::progress::Pass;
use super::state::{Inputs, StateFile, StateReader, Terms};
use crate::analyzer::{Analyzer, Options};
use crate::cli::{Chain, Config};

/// Where what is known goes at the end of the run, and on which terms.
pub(super) struct Leaving {
    file: StateFile,
    terms: Terms,
}

/// Explains the resets of one link.
///
/// # Errors
///
/// What the run before has left cannot be taken up, nothing can be left in that place, or the output cannot be written.
pub(super) fn link(config: &Config, chain: &Chain, filter: Option<String>) -> anyhow::Result<ExitCode> {
    let terms = Terms::new(config, filter.as_deref());
    Run::over(config, &chain.files, filter)?.chain(config, chain, terms)
}

impl Run {
    /// All connections are followed, as nobody knows which of them the next one has a reset of.
    fn chain(mut self, config: &Config, chain: &Chain, mut terms: Terms) -> anyhow::Result<ExitCode> {
        let file = chain.after.as_deref().map(|path| StateFile::prepare(path, &chain.files)).transpose()?;
        self.confine_to(config, &chain.all())?;
        if let Some(path) = &chain.before {
            let bound = config.max_connections;
            self.take_up(path, &terms, bound).with_context(|| path.display().to_string())?;
        }
        terms.max_connections = self.options.max_connections;
        self.leaving = file.map(|file| Leaving { file, terms });
        let first = self.context.inputs.len() - chain.files.len();
        if self.context.inputs.len() > 1 << u16::BITS {
            bail!("more than 65536 files since the chain began: begin another one, without --state-in");
        }
        self.progress.begin(Pass::Only);
        let merge = self.merged(&chain.files, first as u16);
        self.pump_files(merge, false)?;
        self.finish(None)
    }

    /// Takes up what the run before has left, and holds as many connections as that did.
    fn take_up(&mut self, path: &Path, terms: &Terms, bound: Option<usize>) -> anyhow::Result<()> {
        let reader = StateReader::open(path)?;
        let held = reader.terms.max_connections;
        if reader.terms.words() != terms.words() {
            bail!("was left by a run with {}, and this is one with {}", reader.terms.words(), terms.words());
        }
        if bound.is_some_and(|bound| held != bound) {
            bail!("was left by a run with --max-connections {held}: all runs of a chain have the same");
        }
        if held / 4 > self.options.max_connections {
            bail!(
                "was left by a run that held up to {held} connections, more than there is memory for here: --max-connections {held} takes it up nevertheless"
            );
        }
        self.options = Options { max_connections: held, ..self.options.clone() };
        let (inputs, state) = reader.read()?;
        self.analyzer = Analyzer::resumed(&self.options, state).context("holds what cannot be")?;
        let Inputs { mut names, comments } = inputs;
        names.append(&mut self.context.inputs);
        self.context.inputs = names;
        comments.into_iter().for_each(|(frame, text)| self.context.comments.add(frame, text));
        Ok(())
    }

    /// Decides what is due, where the rest is left to the next run; whether that is so.
    pub(super) fn pause(&mut self) -> bool {
        // Of a run that was interrupted nothing is left: nobody could tell how far it got.
        let leaves = self.leaving.is_some() && !self.signals.stopped();
        if leaves {
            self.analyzer.pause();
        }
        leaves
    }

    /// Leaves what is known to the next run, at the end of this one.
    pub(super) fn leave(&mut self) {
        let Some(Leaving { file, terms }) = self.leaving.take() else { return };
        let path = file.path().display().to_string();
        let why = match () {
            () if self.signals.stopped() => "the run was interrupted",
            () if !self.begun => "nothing was read",
            () => "",
        };
        if !why.is_empty() {
            self.failed = true;
            tell(format_args!("rstscan: {path} was not written, as {why}"));
            return;
        }
        let inputs = Inputs { names: std::mem::take(&mut self.context.inputs), comments: self.context.comments.all() };
        let analyzer = std::mem::replace(&mut self.analyzer, Analyzer::new(Options::default()));
        let Some(state) = analyzer.into_state() else { return };
        if let Err(error) = file.write(&terms, (&inputs, &state)) {
            self.failed = true;
            tell(format_args!("rstscan: {error:#}"));
        }
        // It takes a while to free, and the process ends.
        std::mem::forget(state);
    }
}
