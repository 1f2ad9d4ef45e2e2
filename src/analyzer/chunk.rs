//! What a front hands on, kept for somebody who takes it later.

use std::net::{IpAddr, SocketAddr};

use super::core::Core;
use super::front::{Follow, Followed, ends};
use super::prefetch::AHEAD;
use crate::decode::Whole;
use crate::frame::{Frame, FrameNo, LinkType, Timestamp};
use crate::tcp::IcmpError;
use crate::track::{Passed, SynAck};

/// With so many bytes or items it is full.
const BYTES: usize = 1 << 18;
const ITEMS: usize = 1 << 12;

/// A stretch of a capture, as far as it matters to connections that are followed.
#[derive(Debug, Default)]
pub struct Chunk {
    items: Vec<Item>,
    /// The frames, one after the other.
    bytes: Vec<u8>,
    /// So many items have been taken, and the bytes of their frames.
    taken: (usize, usize),
}

#[derive(Debug)]
enum Item {
    Passed(Passed),
    Frame(Kept, Followed),
    Whole(Kept, Box<Whole>, Followed),
    SynAck(SynAck, Timestamp),
    RightChecksums(IpAddr, Timestamp),
    IcmpError(Box<IcmpError>),
}

/// A frame but for its bytes.
#[derive(Clone, Copy, Debug)]
struct Kept {
    no: FrameNo,
    time: Timestamp,
    link: LinkType,
    wire_len: u32,
    /// Where its bytes end; they begin where those of the frame before end.
    end: usize,
}

impl Kept {
    /// The frame, whose bytes begin at `start`.
    #[inline]
    fn frame<'a>(&self, bytes: &'a [u8], start: &mut usize) -> Frame<'a> {
        let Kept { no, time, link, wire_len, end } = *self;
        let data = bytes.get(std::mem::replace(start, end)..end).unwrap_or_default();
        Frame { no, time, link, data, wire_len }
    }
}

impl Chunk {
    /// Whether it is time to hand it on.
    pub fn is_full(&self) -> bool {
        self.items.len() >= ITEMS || self.bytes.len() >= BYTES
    }

    /// Takes out what is in it; the memory stays.
    pub fn clear(&mut self) {
        self.items.clear();
        self.bytes.clear();
        self.taken = (0, 0);
    }

    fn keep(&mut self, frame: &Frame<'_>) -> Kept {
        let Frame { no, time, link, data, wire_len } = *frame;
        self.bytes.extend_from_slice(data);
        Kept { no, time, link, wire_len, end: self.bytes.len() }
    }

    /// Has `core` take of it until there are findings; whether there is more.
    pub(super) fn give(&mut self, core: &mut Core) -> bool {
        let (mut next, mut start) = self.taken;
        while let Some(items) = self.items.get(next..).filter(|items| !items.is_empty()) {
            let items = items.get(..AHEAD).unwrap_or(items);
            let hashes = items.iter().filter_map(|item| match item {
                Item::Frame(_, of) | Item::Whole(_, _, of) => Some(of.hash),
                _ => None,
            });
            core.prefetch(hashes, self.telling(items, start));
            for item in items {
                self.give_one(core, item, &mut start);
            }
            next += items.len();
            if core.is_enough() {
                break;
            }
        }
        self.taken = (next, start);
        next < self.items.len()
    }

    /// From where to where those of these items are sent that tell of hosts and ports; the bytes of the first one begin at `start`.
    #[inline]
    fn telling<'a>(&'a self, items: &'a [Item], mut start: usize) -> impl Iterator<Item = (SocketAddr, IpAddr)> + 'a {
        items.iter().filter_map(move |item| {
            let (Item::Frame(kept, of) | Item::Whole(kept, _, of)) = item else { return None };
            let frame = kept.frame(&self.bytes, &mut start);
            of.tells().then(|| ends(&frame))?
        })
    }

    #[inline]
    fn give_one(&self, core: &mut Core, item: &Item, start: &mut usize) {
        match item {
            Item::Passed(passed) => core.passed(*passed),
            Item::Frame(kept, of) => core.frame(&kept.frame(&self.bytes, start), of),
            Item::Whole(kept, whole, of) => core.whole(&kept.frame(&self.bytes, start), whole, of),
            Item::SynAck(syn_ack, now) => core.syn_ack(syn_ack, *now),
            Item::RightChecksums(host, time) => core.right_checksums(*host, *time),
            Item::IcmpError(error) => core.icmp_error(error),
        }
    }
}

impl Follow for Chunk {
    fn passed(&mut self, passed: Passed) {
        self.items.push(Item::Passed(passed));
    }

    fn frame(&mut self, frame: &Frame<'_>, of: &Followed) {
        let kept = self.keep(frame);
        self.items.push(Item::Frame(kept, *of));
    }

    fn whole(&mut self, frame: &Frame<'_>, whole: &Whole, of: &Followed) {
        let kept = self.keep(frame);
        self.items.push(Item::Whole(kept, Box::new(whole.clone()), *of));
    }

    fn syn_ack(&mut self, syn_ack: &SynAck, now: Timestamp) {
        self.items.push(Item::SynAck(*syn_ack, now));
    }

    fn right_checksums(&mut self, host: IpAddr, time: Timestamp) {
        self.items.push(Item::RightChecksums(host, time));
    }

    fn icmp_error(&mut self, error: &IcmpError) {
        self.items.push(Item::IcmpError(Box::new(*error)));
    }

    fn is_enough(&self) -> bool {
        self.is_full()
    }

    /// Nothing: whoever takes the chunk does that.
    fn prefetch(&self, _: impl Iterator<Item = u64> + Clone, _: impl Iterator<Item = (SocketAddr, IpAddr)>) {}
}
