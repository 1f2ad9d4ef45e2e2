//! Fragments that wait, written down and taken up again.

use std::net::IpAddr;

use etherparse::{IpFragOffset, IpNumber};
use serde::{Deserialize, Serialize, Serializer};

use super::parts::Parts;
use super::{Reassembler, Waiting};
use crate::decode::Encap;
use crate::decode::ip::{Fragment, PacketId};
use crate::frame::Timestamp;

/// A packet of which something is there.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    ends: (IpAddr, IpAddr),
    id: u32,
    protocol: Option<u8>,
    encap: Encap,
    since: Timestamp,
    /// How many frames its fragments came in.
    frames: u32,
    /// `None` if it was refused.
    parts: Option<KeptParts>,
}

#[derive(Serialize, Deserialize)]
struct KeptParts {
    headers: Option<Vec<u8>>,
    /// Where each begins in eights of bytes, and its data.
    fragments: Vec<(u16, Vec<u8>)>,
    /// Whether the last one of them is the last one of the packet.
    ends: bool,
}

impl Kept {
    fn new(id: &PacketId, waiting: &Waiting) -> Self {
        Self {
            ends: (id.src, id.dst),
            id: id.id,
            protocol: id.protocol.map(|protocol| protocol.0),
            encap: id.encap,
            since: waiting.since,
            frames: u32::try_from(waiting.frames).unwrap_or(u32::MAX),
            parts: waiting.parts.as_ref().map(KeptParts::new),
        }
    }

    fn packet(&self) -> PacketId {
        let (src, dst) = self.ends;
        PacketId { src, dst, id: self.id, protocol: self.protocol.map(IpNumber), encap: self.encap }
    }
}

impl KeptParts {
    fn new(parts: &Parts) -> Self {
        let fragments = parts.fragments().map(|(start, data)| (start / 8, data.to_vec())).collect();
        Self { headers: parts.headers().map(<[u8]>::to_vec), fragments, ends: parts.end().is_some() }
    }

    /// What has come of a packet, as if it came again; `None` where that cannot be.
    fn parts(self, packet: PacketId) -> Option<Parts> {
        let (mut parts, mut headers) = (Parts::default(), self.headers);
        let last = self.fragments.len().checked_sub(1);
        for (at, (start, data)) in self.fragments.iter().enumerate() {
            let offset = IpFragOffset::try_new(*start).ok()?;
            let more = !(self.ends && Some(at) == last);
            parts.add(Fragment { packet, offset, more, data, headers: headers.take() }).ok()?;
        }
        (!parts.are_all()).then_some(parts)
    }
}

impl Serialize for Reassembler {
    /// What waits, in the order of the first fragments. What was counted is not in it.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let waiting = self.order.values().filter_map(|id| Some(Kept::new(id, self.packets.get(id)?)));
        waiting.collect::<Vec<_>>().serialize(to)
    }
}

impl TryFrom<Vec<Kept>> for Reassembler {
    type Error = &'static str;

    fn try_from(packets: Vec<Kept>) -> Result<Self, Self::Error> {
        let mut all = Self::default();
        for kept in packets {
            let id = kept.packet();
            let parts = match kept.parts {
                Some(parts) => Some(parts.parts(id).ok_or("fragments that make no packet")?),
                None => None,
            };
            if all.packets.contains_key(&id) {
                return Err("a packet that waits twice");
            }
            let waiting = Waiting { frames: u64::from(kept.frames), parts, ..all.open(kept.since) };
            all.put(id, waiting);
            all.stay_within_bounds();
        }
        Ok(all)
    }
}
