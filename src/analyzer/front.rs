//! Where only some four-tuples are followed: looks at every frame, keeps the numbers of connections, and hands on what is
//! followed.

use std::net::{IpAddr, SocketAddr};

use super::chunk::Chunk;
use super::intake::Intake;
use super::prefetch::{AHEAD, AHEAD_CROWDED};
use crate::decode::{self, Glance, Skip, Whole};
use crate::frame::{Frame, FrameNo, LinkType, Timestamp};
use crate::tcp::{Checksums, Flags, IcmpError, Segment};
use crate::track::{Bystanders, Interest, Lookup, Passed, Seeds, Side, SynAck};

/// What takes the part of a capture that is followed, in its order.
pub(super) trait Follow {
    /// What came since the last time of all the others.
    fn passed(&mut self, passed: Passed);
    /// A frame with a segment of a four-tuple that is followed.
    fn frame(&mut self, frame: &Frame<'_>, of: &Followed);
    /// The same, `frame` being that of the last fragment of the segment's packet.
    fn whole(&mut self, frame: &Frame<'_>, whole: &Whole, of: &Followed);
    /// A SYN|ACK of one that is not, and the latest capture time.
    fn syn_ack(&mut self, syn_ack: &SynAck, now: Timestamp);
    /// A host whose checksums are right.
    fn right_checksums(&mut self, host: IpAddr, time: Timestamp);
    /// An ICMP error, of whatever.
    fn icmp_error(&mut self, error: &IcmpError);
    /// Whether it is to be asked for what it has before it takes more.
    fn is_enough(&self) -> bool;
    /// Asks for what is known of these four-tuples, each a hash, and of the hosts between which segments are sent that tell of
    /// them, each with the port that sends it.
    fn prefetch(&self, hashes: impl Iterator<Item = u64> + Clone, telling: impl Iterator<Item = (SocketAddr, IpAddr)>);
}

/// What is known of a frame whose four-tuple is followed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Followed {
    /// The hash of the four-tuple.
    pub(super) hash: u64,
    /// The latest capture time up to this frame.
    pub(super) now: Timestamp,
    /// Of a RST: whether its checksums are right.
    pub(super) checksums: Checksums,
    /// Whether a RST of the four-tuple may come after it.
    pub(super) resets_to_come: bool,
    /// Of its segment.
    pub(super) flags: Flags,
}

impl Followed {
    /// Whether its segment tells of hosts and ports: a SYN|ACK or a RST does.
    #[inline]
    pub(super) fn tells(&self) -> bool {
        tells(self.flags)
    }
}

/// What a look at a frame told.
#[derive(Clone, Copy)]
struct Look {
    /// Of its four-tuple.
    hash: u64,
    /// The latest capture time up to this frame.
    now: Timestamp,
    /// Why it holds no segment, if so.
    skip: Option<Skip>,
    flags: Flags,
    /// Whether its four-tuple is followed.
    followed: bool,
}

impl Look {
    const NONE: Look = Look { hash: 0, now: Timestamp::from_nanos(0), skip: None, flags: Flags(0), followed: false };

    /// Whether it holds a segment that opens and closes nothing.
    #[inline]
    fn is_plain(&self) -> bool {
        self.skip.is_none() & !self.flags.any_of(TURNING)
    }
}

const NO_FRAME: Frame<'static> =
    Frame { no: FrameNo::NONE, time: Timestamp::from_nanos(0), link: LinkType::NULL, data: &[], wire_len: 0 };
/// Segments that are more than one of a connection that is known.
const TURNING: Flags = Flags::SYN.with(Flags::FIN).with(Flags::RST);
/// What a host answers that accepts a connection.
const ACCEPTING: Flags = Flags::SYN.with(Flags::ACK);

/// Looks at every frame of a capture, keeps the numbers of the connections that are not followed, and hands on the rest.
#[derive(Debug)]
pub struct Front {
    interest: Interest,
    state: Seeds,
    /// Those that are not followed; `None` where nobody asks for the numbers of connections.
    bystanders: Option<Bystanders>,
    pub(super) intake: Intake,
    /// Segments of four-tuples that are not followed.
    segments: u64,
    passed: Passed,
    /// Where the segment of such a one is read to.
    passing: Segment,
    /// Whether more than one of 16 frames that were looked at last was a RST.
    ///
    /// Their findings are fetched when all these frames are taken. Until then the memory of their verdicts is not free to be used
    /// again, and an allocator gives back what was just freed much sooner than anything else.
    crowded: bool,
}

impl Front {
    /// For the four-tuples in `interest`; of the others at most `max` are known at a time.
    pub(super) fn new(interest: Interest, max: usize) -> Self {
        Self {
            state: interest.state().clone(),
            bystanders: Some(Bystanders::with_room(interest.others(), max)),
            interest,
            intake: Intake::default(),
            segments: 0,
            passed: Passed::default(),
            passing: Segment::EMPTY,
            crowded: false,
        }
    }

    /// Segments of four-tuples that are not followed.
    pub(super) fn segments(&self) -> u64 {
        self.segments
    }

    /// How many four-tuples were given up to stay within memory.
    pub(super) fn evictions(&self) -> u64 {
        self.bystanders.as_ref().map_or(0, Bystanders::evictions)
    }

    /// Nobody asks for the numbers of connections, nor how many there are: those that are not followed need not be known.
    pub(super) fn number_nothing(&mut self) {
        self.bystanders = None;
    }

    /// Takes the next frame of the capture, and writes what is to be handed on to `to`.
    pub fn push_to(&mut self, frame: &Frame<'_>, to: &mut Chunk) {
        self.push(frame, to);
    }

    /// Takes these frames, the next ones of the capture, until the chunk is full, and says how many it took: none when there are
    /// no more.
    pub fn push_all_to<'a>(&mut self, frames: &mut impl Iterator<Item = Frame<'a>>, to: &mut Chunk) -> u64 {
        self.push_all(frames, to)
    }

    /// There are no more frames.
    pub fn finish_to(&mut self, to: &mut Chunk) {
        self.finish(to);
    }

    /// Takes the next frame of the capture.
    pub(super) fn push(&mut self, frame: &Frame<'_>, to: &mut impl Follow) {
        self.take_some(std::slice::from_ref(frame), &mut [Look::NONE], to);
    }

    /// Takes these frames, the next ones of the capture, until it is enough, and says how many it took.
    pub(super) fn push_all<'a>(&mut self, frames: &mut impl Iterator<Item = Frame<'a>>, to: &mut impl Follow) -> u64 {
        let mut ahead = [NO_FRAME; AHEAD];
        let mut looks = [Look::NONE; AHEAD];
        let mut total = 0;
        loop {
            // Reading and looking have a loop each: a frame that was just written is slow to copy.
            let most = if self.crowded { AHEAD_CROWDED } else { AHEAD };
            let places = ahead.iter_mut().take(most);
            let count = places.zip(&mut *frames).map(|(place, frame)| *place = frame).count();
            if count == 0 {
                return total;
            }
            let (ahead, looks) = (ahead.get(..count).unwrap_or_default(), looks.get_mut(..count).unwrap_or_default());
            self.take_some(ahead, looks, to);
            total += count as u64;
            if to.is_enough() {
                return total;
            }
        }
    }

    /// There are no more frames.
    pub(super) fn finish(&mut self, to: &mut impl Follow) {
        self.tell_passed(to);
    }

    /// [`AHEAD`] frames at most.
    fn take_some(&mut self, ahead: &[Frame<'_>], looks: &mut [Look], to: &mut impl Follow) {
        self.look(ahead, looks);
        let mut left = [0; AHEAD];
        let left = match &self.bystanders {
            Some(bystanders) => self.pass_over_known(bystanders, looks, &mut left),
            None => self.pass_over_all(looks, &mut left),
        };
        let followed = left.iter().filter_map(|at| looks.get(usize::from(*at))).filter(|look| look.followed);
        let followed = followed.map(|look| look.hash);
        followed.clone().for_each(|hash| self.interest.prefetch_to_come(hash));
        to.prefetch(followed, telling(ahead, looks, left));
        self.segments += (looks.len() - left.len()) as u64;
        // Who asks for no numbers fetches no findings.
        self.crowded = self.bystanders.is_some() && resets(looks, left) * 16 > looks.len();
        self.take_left(ahead, looks, left, to);
    }

    #[inline]
    fn look(&mut self, ahead: &[Frame<'_>], looks: &mut [Look]) {
        let mut extent = self.intake.extent;
        for (look, frame) in looks.iter_mut().zip(ahead) {
            extent.add(frame.time);
            look.now = extent.last();
            look.skip = None;
            let Some(([src, dst], flags)) = decode::glance_v4(frame) else {
                self.look_closer(frame, look);
                continue;
            };
            look.hash = Lookup::narrow_hash(src, dst, &self.state);
            look.flags = flags;
            self.interest.prefetch(look.hash);
        }
        self.intake.extent = extent;
    }

    #[inline(never)]
    fn look_closer(&mut self, frame: &Frame<'_>, look: &mut Look) {
        if let Some(glance) = decode::glance(frame) {
            look.hash = lookup(&glance).hash(&self.state);
            look.flags = glance.flags;
            return;
        }
        match decode::decode_into(frame, &mut self.passing) {
            Ok(_) => {
                look.hash = Lookup::of(&self.passing.tuple).hash(&self.state);
                look.flags = self.passing.flags;
            }
            Err(skip) => look.skip = Some(skip),
        }
    }

    /// Which of the frames are left to be taken: all but plain segments of bystanders that are known well. What is known of the
    /// others is asked for.
    fn pass_over_known<'b>(&self, bystanders: &Bystanders, looks: &mut [Look], left: &'b mut [u8; AHEAD]) -> &'b [u8] {
        let left = pick(looks, left, |look| !(look.is_plain() & bystanders.is_recent(look.hash)));
        for at in left {
            if let Some(look) = looks.get_mut(usize::from(*at)) {
                look.followed = self.interest.holds(look.hash);
            }
        }
        let others = left.iter().filter_map(|at| looks.get(usize::from(*at))).filter(|look| !look.followed);
        others.for_each(|look| bystanders.prefetch(look.hash));
        left
    }

    /// The same where no bystander is known: all but segments of theirs that show nothing of a host.
    fn pass_over_all<'b>(&self, looks: &mut [Look], left: &'b mut [u8; AHEAD]) -> &'b [u8] {
        for look in &mut *looks {
            look.followed = look.skip.is_none() & self.interest.holds(look.hash);
        }
        pick(looks, left, |look| look.followed | look.skip.is_some() | look.flags.has(ACCEPTING))
    }

    fn take_left(&mut self, ahead: &[Frame<'_>], looks: &[Look], left: &[u8], to: &mut impl Follow) {
        let mut next = 0;
        for at in left.iter().map(|at| usize::from(*at)) {
            self.compare(ahead.get(next..=at), to);
            if let (Some(frame), Some(look)) = (ahead.get(at), looks.get(at)) {
                self.take(frame, look, to);
            }
            next = at + 1;
        }
        self.compare(ahead.get(next..), to);
    }

    /// Looks at the checksums of frames, as long as that is due.
    #[inline]
    fn compare(&mut self, frames: Option<&[Frame<'_>]>, to: &mut impl Follow) {
        for frame in frames.unwrap_or_default() {
            if !self.intake.comparison.is_due() {
                return;
            }
            if let Some((host, time)) = self.intake.comparison.look(frame) {
                to.right_checksums(host, time);
            }
        }
    }

    #[inline]
    fn take(&mut self, frame: &Frame<'_>, look: &Look, to: &mut impl Follow) {
        if let Some(skip) = look.skip {
            self.skip(frame, (skip, look.now), to);
        } else if look.followed {
            let of = self.followed(frame, look);
            self.tell_passed(to);
            to.frame(frame, &of);
        } else {
            self.segments += 1;
            let is_open = |bystanders: &Bystanders| look.is_plain() && bystanders.is_open(look.hash);
            if !self.bystanders.as_ref().is_some_and(is_open) {
                self.pass_by(frame, look, to);
            }
        }
    }

    fn followed(&mut self, frame: &Frame<'_>, look: &Look) -> Followed {
        let source = || match decode::glance(frame) {
            Some(glance) => Some(glance.source()),
            None => decode::decode(frame).ok().map(|decoded| decoded.segment.tuple.src),
        };
        let reset_by = if look.flags.rst() { source().map(|source| source.ip()) } else { None };
        self.noted(frame, look, reset_by)
    }

    /// What is known of a frame, or of the segment whose last fragment it has, that is a RST of this host or none.
    fn noted(&mut self, frame: &Frame<'_>, look: &Look, reset_by: Option<IpAddr>) -> Followed {
        let Look { hash, now, flags, .. } = *look;
        let checksums = reset_by.map(|host| {
            self.interest.pass_reset(hash);
            self.intake.checksums(frame, host)
        });
        let resets_to_come = self.interest.has_reset_to_come(hash);
        Followed { hash, now, checksums: checksums.unwrap_or_default(), resets_to_come, flags }
    }

    /// Tells of the four-tuples that are not followed, before anything else that is numbered.
    #[inline]
    fn tell_passed(&mut self, to: &mut impl Follow) {
        if self.passed.streams == 0 {
            return;
        }
        let Passed { known, .. } = self.passed;
        to.passed(std::mem::replace(&mut self.passed, Passed { known, most: known, ..Passed::default() }));
    }

    /// Takes a segment of a four-tuple that is not followed.
    fn pass_by(&mut self, frame: &Frame<'_>, look: &Look, to: &mut impl Follow) {
        let side = match decode::glance(frame) {
            Some(glance) => {
                fill(&mut self.passing, &glance, frame);
                lookup(&glance).side
            }
            None if decode::decode_into(frame, &mut self.passing).is_ok() => Lookup::of(&self.passing.tuple).side,
            None => return,
        };
        self.meet(side, (look.hash, look.now), to);
    }

    fn meet(&mut self, side: Side, (hash, now): (u64, Timestamp), to: &mut impl Follow) {
        let segment = &self.passing;
        if let Some(bystanders) = &mut self.bystanders {
            let opened = bystanders.meet(hash, segment, side);
            self.passed.add(opened, bystanders.count());
        }
        if segment.flags.has(ACCEPTING) {
            to.syn_ack(&SynAck::from(segment), now);
        }
    }

    /// Counts a frame without a segment. What an ICMP error in it says is handed on, and with the last fragment of a packet the
    /// segment in that is taken.
    #[inline(never)]
    fn skip(&mut self, frame: &Frame<'_>, (skip, now): (Skip, Timestamp), to: &mut impl Follow) {
        if skip == Skip::Fragment {
            return self.fragment(frame, now, to);
        }
        if let Some(error) = self.intake.skip(frame, skip) {
            to.icmp_error(&error);
        }
    }

    #[cold]
    fn fragment(&mut self, frame: &Frame<'_>, now: Timestamp, to: &mut impl Follow) {
        let Some(whole) = self.intake.fragments.add(frame) else { return };
        let lookup = Lookup::of(&whole.segment.tuple);
        let hash = lookup.hash(&self.state);
        if !self.interest.holds(hash) {
            self.segments += 1;
            self.passing = whole.segment;
            return self.meet(lookup.side, (hash, now), to);
        }
        let reset_by = whole.segment.flags.rst().then(|| whole.segment.tuple.src.ip());
        let of = self.noted(frame, &Look { hash, now, flags: whole.segment.flags, ..Look::NONE }, reset_by);
        self.tell_passed(to);
        to.whole(frame, &whole, &of);
    }
}

/// How many of the frames that are left are RSTs.
#[inline]
fn resets(looks: &[Look], left: &[u8]) -> usize {
    left.iter().filter_map(|at| looks.get(usize::from(*at))).filter(|look| look.flags.rst()).count()
}

/// Writes to `left` which of the frames are wanted, and gives what it wrote.
#[inline]
fn pick<'b>(looks: &[Look], left: &'b mut [u8; AHEAD], wanted: impl Fn(&Look) -> bool) -> &'b [u8] {
    let mut count = 0;
    for (at, look) in (0..).zip(looks) {
        if let Some(place) = left.get_mut(count) {
            *place = at;
        }
        count += usize::from(wanted(look));
    }
    left.get(..count).unwrap_or_default()
}

/// From where to where what tells of hosts and ports is sent, as far as it is followed and seen at a glance: SYN|ACKs and RSTs.
#[inline]
fn telling<'a>(
    ahead: &'a [Frame<'_>],
    looks: &'a [Look],
    left: &'a [u8],
) -> impl Iterator<Item = (SocketAddr, IpAddr)> + 'a {
    let telling = |at: &usize| looks.get(*at).is_some_and(|look| look.followed & tells(look.flags));
    let telling = left.iter().map(|at| usize::from(*at)).filter(telling);
    telling.filter_map(|at| ends(ahead.get(at)?))
}

#[inline]
fn tells(flags: Flags) -> bool {
    flags.rst() | flags.has(ACCEPTING)
}

/// From where to where the segment of a frame is sent, as far as that is seen at a glance.
#[inline]
pub(super) fn ends(frame: &Frame<'_>) -> Option<(SocketAddr, IpAddr)> {
    decode::glance(frame).map(|glance| (glance.source(), glance.destination()))
}

/// Reads what is needed of a segment whose four-tuple is not followed.
#[inline]
fn fill(segment: &mut Segment, glance: &Glance, frame: &Frame<'_>) {
    segment.time = frame.time;
    segment.flags = glance.flags;
    segment.seq = glance.seq;
    segment.ack_field = glance.ack;
    segment.len = glance.len;
    if glance.flags.has(ACCEPTING) {
        segment.frame = frame.no;
        segment.tuple.src = glance.source();
        segment.ip.ttl = glance.ttl;
        segment.ip.flow_label = glance.flow_label;
    }
}

/// The four-tuple of a frame that was looked at.
#[inline]
fn lookup(glance: &Glance) -> Lookup {
    match glance.hosts {
        decode::Hosts::V4(src, dst) => Lookup::narrow((src, glance.sport), (dst, glance.dport)),
        decode::Hosts::V6(src, dst) => Lookup::wide((src, glance.sport), (dst, glance.dport)),
    }
}
