//! Captures at several points: each analysed alone, looked through again for what the others have, then joined.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;

use super::merge::Merge;
use super::progress::Pass;
use super::{Halt, Run, prescan};
use crate::analyzer::{Analyzer, Finding, Summary};
use crate::cli::PointFiles;
use crate::decode::{self, Reassembler, Skip};
use crate::frame::Frame;
use crate::join::{self, Gather, Gathered, Point};
use crate::source::{Next, Source};
use crate::tcp::Segment;

/// The files of a point, and the number of the first one as an input.
type Files<'a> = (&'a [PathBuf], u16);

impl Run {
    /// Explains the resets of captures at several points.
    pub(super) fn points(mut self, points: &[PointFiles]) -> anyhow::Result<ExitCode> {
        let mut first = 0_usize;
        let mut files: Vec<Files<'_>> = Vec::new();
        for point in points {
            if let Some(pipe) = point.files.iter().find(|file| file.exists() && !file.is_file()) {
                bail!(
                    "{}: captures of several points are read more than once, so each has to be a file",
                    pipe.display()
                );
            }
            files.push((&point.files, u16::try_from(first)?));
            first += point.files.len();
        }
        let mut alone = Vec::new();
        for one in &files {
            alone.push(self.analysed(*one)?);
        }
        let (findings, summaries): (Vec<Vec<Finding>>, Vec<Summary>) = alone.into_iter().unzip();
        let mut gathered = Vec::new();
        for (at, one) in files.iter().enumerate() {
            gathered.push(self.gathered(*one, (&findings, at))?);
        }
        let sides = points.iter().map(|point| point.side);
        let shown = sides.zip(gathered).zip(findings);
        let shown = shown.map(|((role, gathered), findings)| Point { role, gathered, findings }).collect();
        let (told, mut joint) = join::join(shown);
        let inputs = |(files, first): &Files<'_>| (*first..).take(files.len()).collect();
        joint.points = points.iter().map(|point| point.side).zip(files.iter().map(inputs)).collect();
        self.context.joint = Some(joint);
        let summary = join::summary(&summaries, &told);
        if self.begun {
            self.progress.hide();
            self.hand_over(told).and_then(|()| self.close(summary, None)).map_err(Halt::Output)?;
        }
        Ok(self.gate.status(self.failed, self.quiet))
    }

    /// What one point says alone.
    fn analysed(&mut self, (files, first): Files<'_>) -> anyhow::Result<(Vec<Finding>, Summary)> {
        let interest = prescan::interest(files, self.filter.is_some(), &self.signals, &mut self.progress);
        self.analyzer = match interest {
            Some(interest) => Analyzer::with_interest(self.options.clone(), interest),
            None => Analyzer::new(self.options.clone()),
        };
        self.progress.begin(Pass::Second);
        self.held = Some(Vec::new());
        let mut merge = Merge::new(files, &self.signals, self.progress.meter()).numbered_from(first);
        while let Err(halt) = self.pump(&mut merge) {
            self.survive(halt, || merge.abandon())?;
        }
        if self.limit.take().is_some() {
            self.failed = true;
            let file = files.first().map(|file| file.display().to_string()).unwrap_or_default();
            self.tell(format_args!(
                "rstscan: {file}: only the first {} resets are joined: choose with a filter",
                Self::HELD_MAX
            ));
        }
        self.analyzer.finish();
        self.report().map_err(Halt::Output)?;
        self.limit = None;
        Ok((self.held.take().unwrap_or_default(), self.analyzer.summary()))
    }

    /// What a point shows of the connections that have resets at any point.
    fn gathered(&mut self, files: Files<'_>, (findings, at): (&[Vec<Finding>], usize)) -> anyhow::Result<Gathered> {
        let own = findings.get(at).map(Vec::as_slice).unwrap_or_default();
        let others = findings.iter().enumerate().filter(|(other, _)| *other != at).flat_map(|(_, findings)| findings);
        let mut gather = Gather::new(own, others);
        if findings.iter().all(Vec::is_empty) {
            return Ok(gather.finish());
        }
        self.segments(files, &mut gather)?;
        if gather.look_again() {
            self.segments(files, &mut gather)?;
        }
        Ok(gather.finish())
    }

    /// Shows all segments of a point once more. What cannot be read was told the first time.
    fn segments(&mut self, (files, first): Files<'_>, gather: &mut Gather) -> anyhow::Result<()> {
        let mut merge = Merge::new(files, &self.signals, self.progress.meter()).numbered_from(first);
        let mut fragments = Reassembler::default();
        while !self.signals.stopped() {
            match merge.next() {
                Ok(Next::Frame(ref frame)) => {
                    if self.filter.as_ref().is_none_or(|filter| filter.matches(frame))
                        && let Some(segment) = segment(frame, &mut fragments)
                    {
                        gather.push(&segment);
                    }
                }
                Ok(Next::Interface(link)) => {
                    if let Some(filter) = &mut self.filter {
                        filter.prepare(link)?;
                    }
                }
                Ok(Next::Comment(..) | Next::Damaged(_) | Next::Lost(_) | Next::Idle) => {}
                Ok(Next::End) => break,
                Err(_) => drop(merge.abandon()),
            }
        }
        Ok(())
    }
}

fn segment(frame: &Frame<'_>, fragments: &mut Reassembler) -> Option<Segment> {
    match decode::decode(frame) {
        Ok(decoded) => Some(decoded.segment),
        Err(Skip::Fragment) => fragments.add(frame).map(|whole| whole.segment),
        Err(_) => None,
    }
}
