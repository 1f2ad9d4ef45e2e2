//! An analyzer between two captures of one point: written down by one run, taken up by the next.

use serde::{Deserialize, Serialize};

use super::comparison::Comparison;
use super::core::Core;
use super::losses::Losses;
use super::{Analyzer, Options, Summary};
use crate::decode::{Reassembler, Skip};
use crate::frame::Timestamp;
use crate::settle::Settle;
use crate::track::{Checked, Hints, IcmpErrors, Lives, Tracker};

/// All that is known after the frames of a capture, for those that come next: connections, hosts and ports, resets that wait for
/// what follows them, fragments that wait for others.
///
/// Written down it is as long as there are connections. What is read back may be anything: [`Analyzer::resumed`] takes up only what
/// fits together.
#[derive(Debug, Serialize, Deserialize)]
pub struct State {
    now: Timestamp,
    tracker: Tracker,
    lives: Lives,
    settle: Settle,
    icmp: IcmpErrors,
    hints: Hints,
    checked: Checked,
    losses: Losses,
    comparison: Comparison,
    fragments: Reassembler,
}

/// The counts of the runs before, which a run does not count once more, and what it leaves to the next one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Share {
    connections: u64,
    evictions: u64,
    /// Whether what still waits is left to the next run.
    leaves: bool,
}

impl Share {
    /// Four-tuples of this run, of so many in all.
    pub(super) fn connections(&self, all: u64) -> u64 {
        all.saturating_sub(self.connections)
    }

    /// Incarnations given up in this run, of so many in all.
    pub(super) fn evictions(&self, all: u64) -> u64 {
        all.saturating_sub(self.evictions)
    }

    /// Of so many frames that were skipped for this reason, how many will not be counted by the next run.
    pub(super) fn skipped(&self, skip: Skip, (all, fragments): (u64, &Reassembler)) -> u64 {
        if self.leaves && skip == Skip::Fragment { all.saturating_sub(fragments.waiting()) } else { all }
    }

    /// The summary without what is left to the next run.
    pub(super) fn of(&self, core: &Core, summary: Summary) -> Summary {
        let carried = if self.leaves { core.held() } else { 0 };
        Summary { resets: summary.resets.saturating_sub(carried), carried, ..summary }
    }
}

impl Core {
    /// How many resets wait that will be reported.
    fn held(&self) -> u64 {
        self.settle.held().filter(|case| self.reports(&case.reset)).count() as u64
    }
}

impl Analyzer {
    /// The input is over, but the capture goes on in another one: what is final by now becomes so, and all that still waits is
    /// left to the analyzer that takes up the [state](Self::into_state).
    pub fn pause(&mut self) {
        self.share.leaves = true;
        let last = self.extent().last();
        self.core.tick(last);
    }

    /// What is known after a [pause](Self::pause), all findings having been fetched; `None` where only some four-tuples were
    /// followed, as nobody knows which of the others the next capture has a reset of.
    pub fn into_state(self) -> Option<State> {
        let Core { now, mut tracker, settle, icmp, hints, checked, losses, intake, .. } = self.core;
        let (comparison, fragments) = (intake.comparison, intake.fragments);
        let lives = tracker.take_lives();
        let state = State { now, tracker, lives, settle, icmp, hints, checked, losses, comparison, fragments };
        self.front.is_none().then_some(state)
    }

    /// An analyzer that knows what another one knew, and goes on with the next capture of the same point, whose inputs have other
    /// numbers than those before; its [`Summary`] is of what it is pushed, and of resets that waited.
    ///
    /// `None` where the state is that of other options, or none at all.
    pub fn resumed(options: &Options, state: State) -> Option<Self> {
        let State { now, tracker, lives, settle, icmp, hints, checked, losses, comparison, fragments } = state;
        let tracker = tracker.resumed(lives, (options.max_connections, options.endless))?;
        let settle = settle.resumed(options.settle_ns)?;
        if !(icmp.are_sound() && hints.are_sound() && checked.is_sound() && comparison.is_sound() && losses.are_sound())
        {
            return None;
        }
        let share = Share { connections: tracker.connections(), evictions: tracker.evictions(), leaves: false };
        let core = Core { now, tracker, settle, icmp, hints, checked, losses, ..Core::new(options) };
        let mut analyzer = Self { share, core, ..Self::new(options.clone()) };
        analyzer.core.intake.comparison = comparison;
        analyzer.core.intake.fragments = fragments;
        let brought = analyzer.core.held();
        (analyzer.core.summary.resets, analyzer.core.summary.brought) = (brought, brought);
        Some(analyzer)
    }
}
