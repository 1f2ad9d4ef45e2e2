//! What a run does that is left running: counts for whoever collects them.

use std::io;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::Run;
use super::metrics::Metrics;
use super::output::tell;
use super::sample::Sample;
use crate::analyzer::Finding;
use crate::cli::Config;
use crate::report::{Format, Style, amount};

/// The parts of a run that only some runs have.
pub(super) struct Agent {
    metrics: Option<Metrics>,
    sample: Option<Sample>,
    /// When the kernel is to be asked next for what it dropped.
    drops_due: Option<Instant>,
    /// Whether the output can be gone on with in another file.
    reopens: bool,
}

/// What a run counts beside the analyzer.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(not(feature = "metrics"), allow(dead_code, reason = "only metrics read it"))]
pub(super) struct Beside {
    /// Resets that `--only` and `--not` left out.
    pub hidden: u64,
    /// Lines of output that could not be written.
    pub lost: u64,
    /// Resets that `--sample` left out of the output.
    pub sampled_out: u64,
}

impl Agent {
    /// How often the kernel is asked for what it dropped.
    const DROPS_EVERY: Duration = Duration::from_secs(1);

    /// Begins to listen, if that is asked for.
    ///
    /// # Errors
    ///
    /// The address cannot be listened on.
    pub(super) fn start(config: &Config) -> anyhow::Result<Self> {
        let metrics = config.agent.metrics.map(Metrics::listen).transpose()?;
        if let Some(metrics) = metrics.as_ref().filter(|_| config.style.quiet < 2) {
            tell(format_args!("metrics on http://{}/metrics", metrics.address()));
        }
        let drops_due = (metrics.is_some() || config.agent.watch).then(Instant::now);
        let sample = config.agent.sample.map(Sample::new);
        Ok(Self { metrics, sample, drops_due, reopens: config.style.format.is_lines() })
    }

    /// Begins its threads, now that they have no rights that the run has not.
    ///
    /// # Errors
    ///
    /// None can be started.
    pub(super) fn begin(&mut self) -> anyhow::Result<()> {
        self.metrics.as_mut().map(Metrics::serve).transpose().context("cannot start a thread for --metrics")?;
        Ok(())
    }

    /// Whether it does anything with findings.
    pub(super) fn takes_findings(&self) -> bool {
        self.metrics.is_some()
    }

    /// Whether a reset is to be written.
    pub(super) fn takes(&mut self, finding: &Finding) -> bool {
        self.sample.as_mut().is_none_or(|sample| sample.takes(finding))
    }

    /// How many were not to be, if only some are.
    pub(super) fn sampled_out(&self) -> Option<u64> {
        self.sample.as_ref().map(Sample::left_out)
    }

    /// What to say of them at the end.
    pub(super) fn words_of_sample(&self) -> Option<String> {
        let left_out = self.sampled_out().filter(|left_out| *left_out > 0)?;
        Some(format!("rstscan: --sample left {} out of the output", amount::counted(left_out, "reset")))
    }

    /// Counts a reset that is wanted.
    pub(super) fn see(&self, finding: &Finding) {
        if let Some(metrics) = &self.metrics {
            metrics.see(finding);
        }
    }
}

/// How what is printed looks: at the end of a view the counts of the run, as all else was to be seen.
pub(super) fn style(config: &Config) -> Style {
    let format = match config.agent.watch && config.agent.output.is_none() {
        true => Format::Count,
        false => config.style.format,
    };
    Style { format, ..config.style.clone() }
}

impl Run {
    /// Does what somebody waits for: shows how things are, lets the counts of this moment be collected.
    pub(super) fn attend(&mut self) {
        self.attend_watch();
        if let Some(metrics) = &self.agent.metrics {
            let hidden = self.context.selection.hidden().unwrap_or_default();
            metrics.publish(
                &self.analyzer.level(),
                Beside { hidden, lost: self.output.lost(), sampled_out: self.agent.sampled_out().unwrap_or_default() },
            );
        }
    }

    /// Opens the output again, where it can be gone on with.
    #[cold]
    pub(super) fn reopen_output(&mut self) -> io::Result<()> {
        if self.agent.reopens && self.output.reopen() && self.begun {
            self.sink.begin(&self.context)?;
        }
        Ok(())
    }

    /// Tells those who collect and watch what was lost on the way here, once a second.
    pub(super) fn publish_drops(&mut self) {
        let Some(due) = &mut self.agent.drops_due else { return };
        let now = Instant::now();
        if now < *due {
            return;
        }
        *due = now + Agent::DROPS_EVERY;
        let Some(drops) = self.counts.as_ref().map(|counts| counts.drops()) else { return };
        if let Some(metrics) = &self.agent.metrics {
            metrics.publish_drops(drops);
        }
        self.show_drops(drops);
    }
}
