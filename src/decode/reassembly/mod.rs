//! IP fragments put together (RFC 791 section 3.2, RFC 8200 section 4.5): what waits, for how long, and how much of it.
//!
//! A packet is there with the last of its fragments to arrive, and is then read as if it had come in that frame: so does
//! its receiver, and so does Wireshark.

mod parts;
mod state;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::ip::{Fragment, Miss, PacketId};
use super::link::{self, IPV4, Network};
use super::{Encap, Skip, tcp, tunnel, uncaptured};
use crate::frame::{Frame, Timestamp};
use crate::tcp::Segment;
use parts::Parts;

/// How far apart in capture time the fragments of one packet may be: as long as Linux waits for them
/// (`net.ipv4.ipfrag_time`). Identifications repeat, so longer is not safer.
const LIFETIME_NS: u64 = 30_000_000_000;
/// How many packets may be incomplete at once. The fragments of a packet come one after the other, so there are many only
/// where fragments are lost, or sent to fill memory.
const MAX_PACKETS: usize = 4096;
/// How many bytes these may hold: four times what Linux allows (`net.ipv4.ipfrag_high_thresh`), as there is more than one
/// receiver in a capture.
const MAX_BYTES: usize = 16 << 20;
/// How many times a packet that was put together may be itself a fragment: once for each tunnel that fragments.
const NESTED: usize = 8;

/// A segment that came in fragments.
#[derive(Clone, PartialEq, Debug)]
pub struct Whole {
    /// The segment; its frame and time are those of the last fragment that came.
    pub segment: Segment,
    /// Its payload.
    pub payload: Vec<u8>,
    /// What was around its IP packet.
    pub encap: Encap,
}

/// Puts fragments together, within bounds of time and memory.
///
/// Each fragment it was given ends in a segment, or in the count of a reason why not.
#[derive(Debug, Default, Deserialize)]
#[serde(try_from = "Vec<state::Kept>")]
pub struct Reassembler {
    /// What is incomplete, or refused: a refused packet stays known, so that its later fragments are refused, too
    /// (RFC 5722).
    packets: HashMap<PacketId, Waiting>,
    /// The same in the order of their first fragments.
    order: BTreeMap<u64, PacketId>,
    /// The place of the next packet in that order.
    serial: u64,
    /// Memory that the data takes.
    bytes: usize,
    /// Frames whose fragments wait.
    waiting: u64,
    skipped: [u64; Skip::ALL.len()],
}

/// A packet of which something is there.
#[derive(Debug)]
struct Waiting {
    serial: u64,
    /// When the first fragment came.
    since: Timestamp,
    /// How many frames its fragments came in.
    frames: u64,
    /// `None` if it was refused.
    parts: Option<Parts>,
}

/// A packet that has become whole.
struct Joined {
    bytes: Vec<u8>,
    encap: Encap,
    frames: u64,
}

impl Reassembler {
    /// Takes a frame for which the decoder has said [`Skip::Fragment`]; gives the segment that has become whole with it.
    #[cold]
    pub fn add(&mut self, frame: &Frame<'_>) -> Option<Whole> {
        let Some(fragment) = fragment_in(frame) else {
            // A fragment of a link or a tunnel, which nothing puts together.
            self.count(Skip::Fragment, 1);
            return None;
        };
        let mut joined = self.join(fragment, 1, frame.time)?;
        for _ in 0..NESTED {
            // The link says "IP" here: the packet tells its version.
            let network = Network { ether_type: IPV4, bytes: &joined.bytes, encap: joined.encap };
            match read(frame, &network) {
                Ok(whole) => return Some(whole),
                Err(Miss::Fragment(fragment)) => joined = self.join(fragment, joined.frames, frame.time)?,
                Err(Miss::Skip(skip)) => {
                    self.count(skip, joined.frames);
                    return None;
                }
            }
        }
        self.count(Skip::Fragment, joined.frames);
        None
    }

    /// How many frames with fragments gave no segment for this reason; those that still wait are [`Skip::Fragment`].
    pub fn skipped(&self, skip: Skip) -> u64 {
        let waiting = if skip == Skip::Fragment { self.waiting } else { 0 };
        waiting + self.skipped.get(skip as usize).copied().unwrap_or_default()
    }

    /// How many frames with fragments wait for others.
    pub fn waiting(&self) -> u64 {
        self.waiting
    }

    /// Whether any packet was not put together.
    pub fn left_any(&self) -> bool {
        [Skip::Fragment, Skip::FragmentOverlap, Skip::FragmentLimit].iter().any(|skip| self.skipped(*skip) > 0)
    }

    /// Puts a fragment, which came in so many frames, to the others of its packet.
    fn join(&mut self, fragment: Fragment<'_>, frames: u64, now: Timestamp) -> Option<Joined> {
        self.forget_old(now);
        let id = fragment.packet;
        let mut waiting = self.take(&id).unwrap_or_else(|| self.open(now));
        let added = waiting.parts.as_mut().map_or(Err(Skip::FragmentOverlap), |parts| parts.add(fragment));
        match added {
            Ok(()) => waiting.frames += frames,
            Err(Skip::FragmentOverlap) => {
                self.count(Skip::FragmentOverlap, waiting.frames + frames);
                waiting = Waiting { frames: 0, parts: None, ..waiting };
            }
            Err(skip) => self.count(skip, frames),
        }
        if waiting.parts.as_ref().is_some_and(Parts::are_all) {
            return self.finish(waiting, id.encap);
        }
        self.put(id, waiting);
        self.stay_within_bounds();
        None
    }

    /// The packet that has become whole.
    fn finish(&mut self, waiting: Waiting, encap: Encap) -> Option<Joined> {
        let frames = waiting.frames;
        let bytes = waiting.parts.and_then(Parts::into_packet);
        if bytes.is_none() {
            self.count(Skip::Malformed, frames);
        }
        bytes.map(|bytes| Joined { bytes, encap, frames })
    }

    fn open(&mut self, now: Timestamp) -> Waiting {
        self.serial += 1;
        Waiting { serial: self.serial, since: now, frames: 0, parts: Some(Parts::default()) }
    }

    fn put(&mut self, id: PacketId, waiting: Waiting) {
        // The first fragment was of no use.
        if waiting.frames == 0 && waiting.parts.is_some() {
            return;
        }
        self.bytes += waiting.bytes();
        self.waiting += waiting.frames;
        self.order.insert(waiting.serial, id);
        self.packets.insert(id, waiting);
    }

    fn take(&mut self, id: &PacketId) -> Option<Waiting> {
        let waiting = self.packets.remove(id)?;
        self.order.remove(&waiting.serial);
        self.bytes -= waiting.bytes();
        self.waiting -= waiting.frames;
        Some(waiting)
    }

    /// Forgets packets whose time is over. Where the clock has gone back, those of the other time go as well.
    fn forget_old(&mut self, now: Timestamp) {
        while let Some(oldest) = self.oldest()
            && self.packets.get(&oldest).is_some_and(|waiting| now.since(waiting.since).unsigned_abs() > LIFETIME_NS)
        {
            self.forget(&oldest, Skip::Fragment);
        }
    }

    fn stay_within_bounds(&mut self) {
        while (self.packets.len() > MAX_PACKETS || self.bytes > MAX_BYTES)
            && let Some(oldest) = self.oldest()
        {
            self.forget(&oldest, Skip::FragmentLimit);
        }
    }

    fn oldest(&self) -> Option<PacketId> {
        self.order.first_key_value().map(|(_, id)| *id)
    }

    fn forget(&mut self, id: &PacketId, reason: Skip) {
        let frames = self.take(id).map_or(0, |waiting| waiting.frames);
        self.count(reason, frames);
    }

    fn count(&mut self, skip: Skip, frames: u64) {
        if let Some(count) = self.skipped.get_mut(skip as usize) {
            *count += frames;
        }
    }
}

impl Waiting {
    fn bytes(&self) -> usize {
        self.parts.as_ref().map_or(0, Parts::bytes)
    }
}

/// The fragment of an IP packet that a frame holds.
fn fragment_in<'a>(frame: &Frame<'a>) -> Option<Fragment<'a>> {
    match tunnel::innermost(&link::network(frame).ok()?, uncaptured(frame)) {
        Err(Miss::Fragment(fragment)) => Some(fragment),
        _ => None,
    }
}

/// Reads a packet that was put together.
fn read<'a>(frame: &Frame<'_>, network: &Network<'a>) -> Result<Whole, Miss<'a>> {
    let (body, encap) = tunnel::innermost(network, 0)?;
    let mut segment = Segment::EMPTY;
    let payload = tcp::segment(frame, &body, &mut segment)?.to_vec();
    Ok(Whole { segment, payload, encap })
}
