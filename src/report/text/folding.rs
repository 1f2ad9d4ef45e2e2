//! How much of each reset is printed: the first of a kind whole, the next ones as a line, the others counted.

use std::collections::{BTreeMap, VecDeque};

use super::groups::{Groups, Key, Kind};
use crate::analyzer::Finding;
use crate::frame::FrameNo;
use crate::pattern::benign;
use crate::report::{Context, GroupBy, Style};

/// So many resets of a kind, at different services, are shown whole.
const WHOLE: u64 = 2;
/// So many more are a line each.
const LINES: u64 = 6;
/// So many resets that are alike are shown in all.
const ALIKE: u64 = 3;
/// So many resets that follow from a shown one are shown.
const FOLLOWING: u64 = 2;
/// So many of the latest resets are known to those that follow from them.
const RECENT_MAX: usize = 1 << 12;

/// How much of a reset is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Look {
    /// Everything.
    Whole,
    /// A line: it is like this one.
    Line(FrameNo),
    /// Nothing: it is one more of a pattern.
    Pattern,
    /// Nothing, but perhaps a note.
    Folded(Option<Note>),
}

/// What is said where resets are only counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Note {
    /// From here on those like this one.
    Like(FrameNo),
    /// From here on those of this kind.
    Kind(Kind),
    /// From here on those that follow from this one.
    Following(FrameNo),
    /// From here on all, since so many were shown.
    Limit(u64),
    /// There are so many like this one by now.
    SoFar(u64, FrameNo),
}

/// What was printed of a kind.
#[derive(Clone, Copy, Debug, Default)]
struct Printed {
    whole: u64,
    lines: u64,
    noted: bool,
}

/// Where a reset belongs that others may follow from.
#[derive(Clone, Copy, Debug)]
struct Origin {
    key: Key,
    /// Whether it was shown whole.
    whole: bool,
    /// How many that follow from it came.
    following: u64,
}

/// Decides how much of each reset is printed. Its memory is bounded.
#[derive(Debug)]
pub struct Folding {
    group_by: GroupBy,
    limit: Option<u64>,
    shown: u64,
    folded: u64,
    noted_limit: bool,
    groups: Groups,
    /// As many as there are kinds at most.
    kinds: BTreeMap<Kind, Printed>,
    recent: BTreeMap<FrameNo, Origin>,
    /// The frames of `recent`, as they came.
    order: VecDeque<FrameNo>,
}

impl Folding {
    /// As the style says.
    pub fn new(style: &Style) -> Self {
        Self {
            group_by: style.grouping(),
            limit: style.max_resets,
            shown: 0,
            folded: 0,
            noted_limit: false,
            groups: Groups::default(),
            kinds: BTreeMap::new(),
            recent: BTreeMap::new(),
            order: VecDeque::new(),
        }
    }

    /// Whether resets that are alike are told once.
    pub fn folds(&self) -> bool {
        self.group_by != GroupBy::None
    }

    /// The resets that are alike.
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// How many resets were not shown.
    pub fn folded(&self) -> u64 {
        self.folded
    }

    /// The number of shown resets that was asked for, if others were not shown for that reason.
    pub fn limit_reached(&self) -> Option<u64> {
        self.limit.filter(|_| self.noted_limit)
    }

    /// How much of this reset is to be printed.
    pub fn look(&mut self, context: &Context, finding: &Finding) -> Look {
        let is_repeat = context.patterns.is_repeat();
        let look = match self.limit {
            Some(limit) if self.shown >= limit => self.beyond(limit, finding, is_repeat),
            _ if !self.folds() => Look::Whole,
            _ => self.first_of(finding, (is_repeat, context.live)),
        };
        match look {
            Look::Whole | Look::Line(_) => self.shown += u64::from(finding.verdict.follows.is_none()),
            Look::Pattern | Look::Folded(_) => self.folded += 1,
        }
        look
    }

    /// More than were asked for.
    fn beyond(&mut self, limit: u64, finding: &Finding, is_repeat: bool) -> Look {
        if self.folds() {
            self.count(finding, (is_repeat, false));
        }
        let noted = std::mem::replace(&mut self.noted_limit, true);
        Look::Folded((!noted).then_some(Note::Limit(limit)))
    }

    fn first_of(&mut self, finding: &Finding, (is_repeat, live): (bool, bool)) -> Look {
        let look = self.count(finding, (is_repeat, true));
        match look {
            Look::Folded(None) if live => Look::Folded(self.so_far(finding)),
            look => look,
        }
    }

    /// Counts a reset where it belongs, and says what of it may be shown.
    fn count(&mut self, finding: &Finding, (is_repeat, may_show): (bool, bool)) -> Look {
        let earlier = finding.verdict.follows;
        let origin = earlier.and_then(|earlier| self.recent.get(&earlier).copied());
        if is_repeat && (benign(finding) == Some(true) || earlier.is_some() && origin.is_none()) {
            return Look::Pattern;
        }
        let key = origin.map_or_else(|| Key::of(self.group_by, finding), |origin| origin.key);
        let hidden = is_repeat || !may_show;
        let look = match (earlier.zip(origin), hidden) {
            (_, true) if is_repeat => Look::Pattern,
            (_, true) => Look::Folded(None),
            (Some((earlier, origin)), _) => self.following(earlier, origin),
            (None, _) => self.event(key, finding),
        };
        let shown = match look {
            Look::Whole => Some(finding.reset.frame),
            Look::Line(like) => Some(like),
            Look::Pattern | Look::Folded(_) => None,
        };
        self.groups.add(key, finding, shown);
        if origin.is_none() {
            self.remember(finding.reset.frame, Origin { key, whole: look == Look::Whole, following: 0 });
        }
        look
    }

    /// A reset that follows from one that was shown.
    fn following(&mut self, earlier: FrameNo, origin: Origin) -> Look {
        let count = origin.following + 1;
        if let Some(origin) = self.recent.get_mut(&earlier) {
            origin.following = count;
        }
        match count {
            _ if !origin.whole => Look::Folded(None),
            ..=FOLLOWING => Look::Whole,
            _ => Look::Folded((count == FOLLOWING + 1).then_some(Note::Following(earlier))),
        }
    }

    /// A reset that is an event of its own.
    fn event(&mut self, key: Key, finding: &Finding) -> Look {
        let group = self.groups.get(&key);
        let shown = group.map_or(0, |group| group.shown);
        let like = group.filter(|group| group.shown > 0).or_else(|| self.groups.of_kind(key.kind));
        let like = like.map_or(finding.reset.frame, |group| group.example);
        let kind = self.kinds.entry(key.kind).or_default();
        if shown == 0 && kind.whole < WHOLE {
            kind.whole += 1;
            return Look::Whole;
        }
        if shown < ALIKE && kind.lines < LINES {
            kind.lines += 1;
            return Look::Line(like);
        }
        if kind.lines >= LINES {
            let noted = std::mem::replace(&mut kind.noted, true);
            return Look::Folded((!noted).then_some(Note::Kind(key.kind)));
        }
        let is_first = group.is_some_and(|group| group.tally.events == ALIKE);
        Look::Folded(is_first.then_some(Note::Like(like)))
    }

    /// On an interface somebody waits: each power of ten is told.
    fn so_far(&self, finding: &Finding) -> Option<Note> {
        let group = self.groups.get(&Key::of(self.group_by, finding))?;
        let count = group.tally.resets;
        let is_round = count >= 10 && count.checked_ilog10().is_some_and(|power| count == 10_u64.pow(power));
        is_round.then_some(Note::SoFar(count, group.example))
    }

    fn remember(&mut self, frame: FrameNo, origin: Origin) {
        if self.recent.insert(frame, origin).is_none() {
            self.order.push_back(frame);
        }
        if self.order.len() > RECENT_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.recent.remove(&oldest);
        }
    }
}
