//! Many frames at a time, where most are of no interest: these are told first, and what is left is taken one by one.

use super::dull::lookup;
use super::{Analyzer, touch};
use crate::decode;
use crate::frame::{Frame, FrameNo, LinkType, Timestamp};
use crate::tcp::Flags;

/// So many frames are looked at before the first of them is taken: no step waits for a guess about the one before.
const AHEAD: usize = 64;

/// What a look at a frame told.
#[derive(Clone, Copy)]
struct Look {
    /// Of its four-tuple.
    hash: u64,
    /// The latest capture time up to this frame.
    now: Timestamp,
    /// Whether a look was enough to tell that it holds a segment, and of which four-tuple.
    seen: bool,
    /// Whether that opens and closes nothing.
    plain: bool,
    /// Whether its four-tuple is followed.
    followed: bool,
}

impl Look {
    const NONE: Look = Look { hash: 0, now: Timestamp::from_nanos(0), seen: false, plain: false, followed: false };
}

const NO_FRAME: Frame<'static> =
    Frame { no: FrameNo::NONE, time: Timestamp::from_nanos(0), link: LinkType::NULL, data: &[], wire_len: 0 };
/// Segments that are more than one of a connection that is known.
const TURNING: Flags = Flags::SYN.with(Flags::FIN).with(Flags::RST);

impl Analyzer {
    /// Takes these frames, the next ones of the capture, until there are findings, and says how many it took: none when there
    /// are no more.
    ///
    /// As [`push`](Analyzer::push) for each of them; sooner, where only some four-tuples are followed. Findings that are
    /// fetched while their resets were just decided are in the processor's caches, and so is the memory that they give back.
    pub fn push_all<'a>(&mut self, frames: &mut impl Iterator<Item = Frame<'a>>) -> u64 {
        if self.interest.is_none() {
            return self.push_each(frames);
        }
        let mut ahead = [NO_FRAME; AHEAD];
        let mut looks = [Look::NONE; AHEAD];
        let mut total = 0;
        loop {
            // Reading and looking have a loop each: a frame that was just written is slow to copy.
            let count = ahead.iter_mut().zip(&mut *frames).map(|(place, frame)| *place = frame).count();
            if count == 0 {
                return total;
            }
            let (ahead, looks) = (ahead.get(..count).unwrap_or_default(), looks.get_mut(..count).unwrap_or_default());
            self.look(ahead, looks);
            self.take_all(ahead, looks);
            total += count as u64;
            if self.ready.any() {
                return total;
            }
        }
    }

    fn push_each<'a>(&mut self, frames: &mut impl Iterator<Item = Frame<'a>>) -> u64 {
        let mut total = 0;
        for frame in frames {
            self.push(&frame);
            total += 1;
            if self.ready.any() {
                break;
            }
        }
        total
    }

    #[inline]
    fn look(&mut self, ahead: &[Frame<'_>], looks: &mut [Look]) {
        let (mut first, mut last) = (self.first, self.last);
        for (look, frame) in looks.iter_mut().zip(ahead) {
            first = first.min(frame.time);
            last = last.max(frame.time);
            look.now = last;
            let Some(([src, dst], flags)) = decode::glance_v4(frame) else {
                self.look_closer(frame, look);
                continue;
            };
            look.hash = self.tracker.hash_narrow(src, dst);
            look.seen = true;
            look.plain = !flags.any_of(TURNING);
        }
        (self.first, self.last) = (first, last);
    }

    #[inline(never)]
    fn look_closer(&self, frame: &Frame<'_>, look: &mut Look) {
        (look.seen, look.plain) = (false, false);
        let Some(glance) = decode::glance(frame) else { return };
        look.seen = true;
        look.hash = self.tracker.hash(&lookup(&glance));
        look.plain = !glance.flags.any_of(TURNING);
    }

    fn take_all(&mut self, ahead: &[Frame<'_>], looks: &mut [Look]) {
        let mut left = [0; AHEAD];
        let left = self.pass_over(looks, &mut left);
        self.touch_left(looks, left);
        self.summary.frames += looks.len() as u64;
        self.summary.segments += (looks.len() - left.len()) as u64;
        self.take_left(ahead, looks, left);
    }

    /// Which of the frames are left to be taken: all but plain segments of four-tuples that are known well. Those are known
    /// for having no RST.
    fn pass_over<'b>(&self, looks: &[Look], left: &'b mut [u8; AHEAD]) -> &'b [u8] {
        let mut count = 0;
        for (at, look) in (0..).zip(looks) {
            let passes = look.plain & self.tracker.has_just_passed(look.hash);
            if let Some(place) = left.get_mut(count) {
                *place = at;
            }
            count += usize::from(!passes);
        }
        left.get(..count).unwrap_or_default()
    }

    /// Asks which of the four-tuples that are left are followed, and reads what is known of them.
    fn touch_left(&self, looks: &mut [Look], left: &[u8]) {
        let Some(interest) = &self.interest else { return };
        for at in left {
            if let Some(look) = looks.get_mut(usize::from(*at)) {
                look.followed = interest.holds(look.hash);
            }
        }
        let looks = left.iter().filter_map(|at| looks.get(usize::from(*at)));
        touch(&self.tracker, looks.map(|look| (look.hash, look.followed)));
    }

    fn take_left(&mut self, ahead: &[Frame<'_>], looks: &[Look], left: &[u8]) {
        let latest = self.last;
        let mut next = 0;
        for at in left.iter().map(|at| usize::from(*at)) {
            self.compare_all(ahead.get(next..at));
            if let (Some(frame), Some(look)) = (ahead.get(at), looks.get(at)) {
                self.last = look.now;
                self.take_one(frame, look);
            }
            next = at + 1;
        }
        self.compare_all(ahead.get(next..));
        self.last = latest;
    }

    /// Takes a frame at once, if a look told enough of it.
    #[inline]
    fn take_one(&mut self, frame: &Frame<'_>, look: &Look) {
        if self.comparing > 0 {
            self.compare(frame);
        }
        if !look.seen {
            return self.decode(frame);
        }
        if self.waiting > 0 {
            self.flush();
        }
        if look.followed {
            self.decode_now(frame, look.hash);
        } else if look.plain && self.tracker.is_open(look.hash) {
            self.summary.segments += 1;
        } else {
            self.pass_by(frame, look.hash);
        }
    }

    /// Frames that were passed over are looked at for their checksums too, where these are.
    #[inline]
    fn compare_all(&mut self, frames: Option<&[Frame<'_>]>) {
        for frame in frames.unwrap_or_default() {
            if self.comparing == 0 {
                return;
            }
            self.compare(frame);
        }
    }
}
