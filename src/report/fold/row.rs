//! The lines of an output, as far as they are looked at again.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::totals::SummaryLine;
use crate::classify::{Cause, Certainty, Class, Role, Trigger};
use crate::frame::{FrameNo, Timestamp};
use crate::pattern::{Outline, Race};
use crate::report::json::SCHEMA;
use crate::tcp::FourTuple;

/// A reset as its row tells of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// What patterns look at.
    pub outline: Outline,
    /// How sure its verdict is.
    pub certainty: Certainty,
    /// The segment that provoked it.
    pub trigger: Option<Trigger>,
    /// When its turn comes.
    pub(super) due: Timestamp,
    /// Where its line is kept, and how long that is.
    pub(super) place: (u64, u64),
}

impl Row {
    /// Whether both tell the same of the same reset.
    pub(super) fn is_same(&self, other: &Row) -> bool {
        Row { due: other.due, place: other.place, ..*self } == *other
    }

    /// Names frames anew.
    pub(super) fn rename(&mut self, name: impl Fn(FrameNo) -> FrameNo) {
        self.outline.frame = name(self.outline.frame);
        self.outline.follows = self.outline.follows.map(&name);
        self.trigger = self.trigger.map(|trigger| Trigger { frame: name(trigger.frame), ..trigger });
    }
}

/// A line of an output.
pub(super) enum Line<'a> {
    Reset(Box<ResetLine<'a>>),
    /// What patterns there are is asked of all rows.
    Pattern,
    Summary(Box<SummaryLine>),
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    schema: u32,
    points: Option<IgnoredAny>,
}

impl<'a> Line<'a> {
    /// `None` where it is none of this schema, or of captures at several points, whose rows belong together already.
    pub(super) fn parse(line: &'a [u8]) -> Option<Self> {
        let kind: Kind<'_> = serde_json::from_slice(line).ok()?;
        match (kind.schema, &*kind.r#type) {
            _ if kind.points.is_some() => None,
            (SCHEMA, "reset") => serde_json::from_slice(line).ok().map(Line::Reset),
            (SCHEMA, "pattern") => Some(Line::Pattern),
            (SCHEMA, "summary") => serde_json::from_slice(line).ok().map(Line::Summary),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct ResetLine<'a> {
    frame: u64,
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow, default)]
    file: Cow<'a, str>,
    src: IpAddr,
    sport: u16,
    dst: IpAddr,
    dport: u16,
    #[serde(borrow)]
    class: Cow<'a, str>,
    #[serde(borrow)]
    cause: Cow<'a, str>,
    #[serde(borrow)]
    certainty: Cow<'a, str>,
    #[serde(borrow)]
    sender_role: Option<Cow<'a, str>>,
    service: SocketAddr,
    #[serde(borrow)]
    trigger: Option<TriggerLine<'a>>,
    follows: Option<u64>,
    #[serde(borrow)]
    follows_file: Option<Cow<'a, str>>,
    idle_ns: Option<i64>,
    race: Option<RaceLine>,
    benign: Option<bool>,
}

#[derive(Deserialize)]
struct TriggerLine<'a> {
    frame: u64,
    #[serde(borrow)]
    file: Option<Cow<'a, str>>,
    after_ns: i64,
}

#[derive(Deserialize)]
struct RaceLine {
    idle_ns: i64,
    request_idle_ns: i64,
}

impl ResetLine<'_> {
    /// The row, whose files have the places that `place_of` says; `None` where a value is none of its vocabulary.
    pub(super) fn row(&self, place_of: &mut impl FnMut(&str) -> Option<u16>, place: (u64, u64)) -> Option<Row> {
        let file = place_of(&self.file)?;
        let mut frame_of =
            |name: Option<&str>, number: u64| Some(FrameNo::new(name.map_or(Some(file), &mut *place_of)?, number));
        let frame = frame_of(None, self.frame)?;
        let follows = match self.follows {
            Some(number) => Some(frame_of(self.follows_file.as_deref(), number)?),
            None => None,
        };
        let trigger = match &self.trigger {
            Some(TriggerLine { frame, file, after_ns }) => {
                Some(Trigger { frame: frame_of(file.as_deref(), *frame)?, after_ns: *after_ns })
            }
            None => None,
        };
        let sender_role = match self.sender_role.as_deref() {
            Some(role) => Some(Role::from_id(role)?),
            None => None,
        };
        let time = timestamp(&self.time)?;
        let race = |race: &RaceLine| Race { close_ns: race.idle_ns, request_ns: race.request_idle_ns };
        let outline = Outline {
            frame,
            time,
            tuple: FourTuple::new((self.src, self.sport), (self.dst, self.dport)),
            service: self.service,
            class: Class::from_id(&self.class)?,
            cause: Cause::from_id(&self.cause)?,
            sender_role,
            follows,
            benign: self.benign,
            idle_ns: self.idle_ns,
            race: self.race.as_ref().map(race),
        };
        Some(Row { outline, certainty: Certainty::from_id(&self.certainty)?, trigger, due: time, place })
    }
}

/// A time as the lines write it.
pub(super) fn timestamp(text: &str) -> Option<Timestamp> {
    let time: jiff::Timestamp = text.parse().ok()?;
    i64::try_from(time.as_nanosecond()).ok().map(Timestamp::from_nanos)
}
