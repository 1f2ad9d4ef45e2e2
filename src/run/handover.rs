//! What was found goes to everything that takes it, and the end of a run.

use std::io::{self, Write};
use std::process::ExitCode;

use super::inputs::Inputs;
use super::output::tell;
use super::page::Page;
use super::signals::Wishes;
use super::told::{counts, status};
use super::write::Writer;
use super::{Halt, Run};
use crate::analyzer::{Finding, Summary};
use crate::frame::Frame;
use crate::report::Finished;
use crate::source::{AtHand, Drops};

impl Run {
    /// The frames that a source can give in one go; what is found in them is handed over as soon as it is there.
    pub(super) fn frames_at_hand(&mut self, source: &mut impl Inputs) -> io::Result<()> {
        match source.at_hand() {
            AtHand::None => Ok(()),
            AtHand::Pcap(mut records) => self.push_all(&mut records),
            AtHand::PcapNg(mut blocks) => self.push_all(&mut blocks),
        }
    }

    fn push_all<'a>(&mut self, frames: &mut impl Iterator<Item = Frame<'a>>) -> io::Result<()> {
        loop {
            let taken = self.analyzer.push_all(frames);
            self.frames += taken;
            self.report()?;
            if taken == 0 {
                return Ok(());
            }
        }
    }

    /// Hands over the findings that have become final.
    pub(super) fn report(&mut self) -> io::Result<()> {
        self.settle_written(None);
        self.show_progress();
        self.attend();
        if let Some(held) = &mut self.held {
            held.extend(self.analyzer.findings());
            if held.len() >= Self::HELD_MAX {
                self.limit = Some(0);
            }
            return Ok(());
        }
        if !self.takes_findings() {
            self.analyzer.drop_findings();
            return Ok(());
        }
        let mut any = false;
        self.listen_to_kernel();
        let mut finding = self.finding.take().unwrap_or_else(|| Box::new(Finding::empty()));
        while self.analyzer.next_into(&mut finding) {
            any |= self.take(&mut finding)?;
        }
        self.finding = Some(finding);
        self.flush_findings(any)
    }

    /// Hands over findings that are final.
    pub(super) fn hand_over(&mut self, ready: Vec<Finding>) -> io::Result<()> {
        let mut any = false;
        for mut finding in ready {
            any |= self.take(&mut finding)?;
        }
        self.flush_findings(any)
    }

    /// Takes a finding if it is wanted; whether anything was printed.
    fn take(&mut self, finding: &mut Finding) -> io::Result<bool> {
        if let Some(kernel) = &mut self.kernel {
            kernel.join(finding);
        }
        if !self.context.selection.takes(finding) {
            return Ok(false);
        }
        self.gate.see(finding.verdict.class, finding.verdict.cause);
        self.agent.see(finding);
        if let Some(writer) = &mut self.writer {
            writer.note(&self.context, finding);
        }
        if let Some(watch) = &mut self.watch {
            watch.see(finding);
        }
        if !self.agent.takes(finding) {
            if self.names_patterns {
                self.context.patterns.add(finding);
            }
            return Ok(false);
        }
        match &mut self.naming {
            None => self.print(finding).map(|()| true),
            Some(naming) => {
                naming.hold(std::mem::replace(finding, Finding::empty()), &mut self.context.names);
                Ok(false)
            }
        }
    }

    /// Prints what has waited for names, and flushes what is to be seen at once.
    fn flush_findings(&mut self, mut any: bool) -> io::Result<()> {
        while let Some(finding) = self.named(false) {
            self.print(&finding)?;
            any = true;
        }
        self.with_writer(Writer::pass)?;
        if any && self.flush_each { wanted(self.output.flush(), self.page.as_ref()) } else { Ok(()) }
    }

    /// Whether anything is done with findings beside counting them.
    pub(super) fn takes_findings(&self) -> bool {
        let kept = self.page.is_some() || self.writer.is_some() || self.agent.takes_findings() || self.watch.is_some();
        let chosen = self.context.selection.hidden().is_some() || self.gate.is_watching();
        kept || chosen || self.kernel.is_some() || self.names_patterns || self.sink.takes_findings()
    }

    /// The next finding that has waited for names, or at the `end` is not to wait for long.
    fn named(&mut self, end: bool) -> Option<Finding> {
        let naming = self.naming.as_mut()?;
        let names = &mut self.context.names;
        if end { naming.last(names) } else { naming.next(names, self.context.live) }
    }

    /// Prints a finding.
    fn print(&mut self, finding: &Finding) -> io::Result<()> {
        if self.to_terminal {
            self.progress.hide();
        }
        if self.names_patterns {
            self.context.patterns.add(finding);
        }
        let printed = self.sink.finding(&self.context, finding);
        if let Some(page) = &mut self.page {
            page.finding(&self.context, finding);
        }
        wanted(printed, self.page.as_ref())
    }

    /// What is still held, the summary, and the counts of a live capture.
    pub(super) fn finish(mut self, drops: Option<Drops>) -> anyhow::Result<ExitCode> {
        if self.begun
            && let Err(error) = self.conclude(drops)
        {
            return self.give_up(Halt::Output(error), drops);
        }
        self.finish_writing().map_err(Halt::Output)?;
        self.leave();
        self.tell_counts(drops);
        if let Some(words) = self.agent.words_of_sample().filter(|_| !self.quiet) {
            tell(words);
        }
        let status = self.gate.status(self.failed || self.output.lost() > 0, self.quiet);
        if let Some(kernel) = self.kernel.take() {
            kernel.end(self.monitor.as_deref());
        }
        // Millions of connections take a while to be freed one by one, and the process ends.
        std::mem::forget(self.analyzer);
        Ok(status)
    }

    /// Ends a run whose output cannot be written: what else it writes is whole.
    pub(super) fn give_up(mut self, halt: Halt, drops: Option<Drops>) -> anyhow::Result<ExitCode> {
        // The first error is the one to be told.
        let _ = self.finish_writing();
        self.tell_counts(drops);
        Err(halt.into())
    }

    fn tell_counts(&self, drops: Option<Drops>) {
        if let Some(drops) = drops.filter(|_| !self.quiet) {
            tell(counts(self.frames, drops));
        }
    }

    /// Does what signals ask for.
    #[cold]
    pub(super) fn heed_signals(&mut self, source: &mut impl Inputs) -> io::Result<()> {
        let wishes = self.signals.wishes();
        if self.signals.stopped() {
            source.stop();
        }
        self.grant(&wishes)
    }

    /// The same where whoever reads looks at the end itself.
    pub(super) fn heed_wishes(&mut self) -> io::Result<()> {
        let wishes = self.signals.wishes();
        self.grant(&wishes)
    }

    fn grant(&mut self, wishes: &Wishes) -> io::Result<()> {
        if wishes.counts {
            let drops = self.counts.as_ref().map(|counts| counts.drops());
            let line = status(self.frames, drops, &self.analyzer.summary());
            self.tell(line);
        }
        if wishes.flush {
            self.with_writer(Writer::flush)?;
            wanted(self.output.flush(), self.page.as_ref())?;
        }
        if wishes.reopen { self.reopen_output() } else { Ok(()) }
    }

    fn conclude(&mut self, drops: Option<Drops>) -> io::Result<()> {
        self.progress.hide();
        if self.signals.has_news() {
            self.heed_wishes()?;
        }
        let leaves = self.pause();
        while !leaves && self.analyzer.finish_some() {
            self.report()?;
        }
        self.report()?;
        self.close(self.analyzer.summary(), drops)
    }

    /// Ends the output with the counts of the run.
    pub(super) fn close(&mut self, summary: Summary, drops: Option<Drops>) -> io::Result<()> {
        while let Some(finding) = self.named(true) {
            self.print(&finding)?;
        }
        self.leave_watch()?;
        let finished = Finished {
            summary: &self.context.selection.narrowed(self.with_kernel(summary)),
            wall_seconds: Some(self.started.elapsed().as_secs_f64()),
            kernel_drops: drops.map(|drops| drops.by_kernel),
            queue_drops: drops.map(|drops| drops.by_queue),
            sampled_out: self.agent.sampled_out(),
        };
        let printed = self.sink.finish(&self.context, &finished).and_then(|()| self.output.flush());
        wanted(printed, self.page.as_ref())?;
        if let Some(Err(error)) = self.page.take().map(|page| page.write((&self.context, &finished))) {
            self.failed = true;
            tell(format_args!("rstscan: {error:#}"));
        }
        Ok(())
    }
}

/// A reader of the output who has seen enough does not end a run that also writes a report.
pub(super) fn wanted(printed: io::Result<()>, page: Option<&Page>) -> io::Result<()> {
    printed.or_else(|error| match page {
        Some(_) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(error),
    })
}
