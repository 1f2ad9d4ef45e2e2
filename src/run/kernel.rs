//! The kernel of this host, asked during a live capture; a trace that fails is told once, and the capture goes on.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::Run;
use super::output::tell;
use super::rights::Monitor;
use crate::analyzer::{Finding, Summary, Tally};
use crate::classify::{Cause, Class};
use crate::kernel::Kernel;

/// The kernel, and what came of asking it.
pub(super) struct Asked {
    kernel: Kernel,
    /// Whether the trace can still be read.
    works: bool,
    /// The resets whose cause the kernel knew better: from which to which.
    overruled: BTreeMap<[(Class, Cause); 2], Tally>,
}

impl Asked {
    /// Starts to listen to the kernel; where that cannot be, the user is told why.
    pub(super) fn start(settle_ns: i64) -> Option<Self> {
        match Kernel::start(settle_ns) {
            Ok(kernel) => Some(Self { kernel, works: true, overruled: BTreeMap::new() }),
            Err(error) => {
                tell(format_args!("rstscan: --kernel: {error}; the capture goes on without it"));
                None
            }
        }
    }

    /// The folder of the kernel that goes with it.
    pub(super) fn instance(&self) -> Option<&Path> {
        Some(self.kernel.instance())
    }

    fn listen(&mut self) {
        if self.works {
            let read = self.kernel.listen();
            self.survive(read);
        }
    }

    fn survive(&mut self, read: io::Result<()>) {
        if let Err(error) = read {
            tell(format_args!("rstscan: --kernel: the trace cannot be read any more: {error}"));
            self.works = false;
        }
    }

    /// Joins a finding with what the kernel says of it.
    pub(super) fn join(&mut self, finding: &mut Finding) {
        if !self.works {
            return;
        }
        let read = self.kernel.join(finding);
        self.survive(read);
        let word = finding.kernel.as_deref();
        if let Some((class, cause, _)) = word.and_then(|word| word.overruled) {
            let verdict = &finding.verdict;
            let tally = self.overruled.entry([(class, cause), (verdict.class, verdict.cause)]).or_default();
            tally.resets += 1;
            tally.events += u64::from(verdict.follows.is_none());
        }
    }

    /// Ends the trace, and says what is missing from it.
    pub(super) fn end(self, monitor: Option<&Monitor>) {
        let lost = self.kernel.lost();
        if lost > 0 {
            let events = if lost == 1 { "event" } else { "events" };
            tell(format_args!(
                "rstscan: --kernel: {lost} {events} of the kernel lost; the resets they may belong to say so"
            ));
        }
        let ended = match monitor {
            Some(monitor) => {
                self.kernel.leave();
                monitor.untrace()
            }
            None => self.kernel.end(),
        };
        if let Err(error) = ended {
            tell(format_args!("rstscan: --kernel: {error}"));
        }
    }
}

impl Run {
    /// Reads what the kernel has noted, before the findings it belongs to.
    pub(super) fn listen_to_kernel(&mut self) {
        if let Some(kernel) = &mut self.kernel {
            kernel.listen();
        }
    }

    /// The counts by cause, where the kernel has changed some.
    pub(super) fn with_kernel(&self, mut summary: Summary) -> Summary {
        for ([from, to], tally) in self.kernel.iter().flat_map(|kernel| &kernel.overruled) {
            if let Some(own) = summary.by_cause.get_mut(from) {
                own.resets = own.resets.saturating_sub(tally.resets);
                own.events = own.events.saturating_sub(tally.events);
            }
            let told = summary.by_cause.entry(*to).or_default();
            told.resets += tally.resets;
            told.events += tally.events;
        }
        summary.by_cause.retain(|_, tally| tally.resets > 0);
        summary
    }
}
