//! The fragments of one packet.

use std::collections::BTreeMap;

use etherparse::IpNumber;
use etherparse::defrag::{IpDefragBuf, IpDefragError};

use crate::decode::Skip;
use crate::decode::ip::{Fragment, whole};

/// How many islands of data a packet may have: far more than reordering makes, and few enough for the buffer, which looks
/// at all of them for every fragment.
const MAX_ISLANDS: usize = 64;

/// What has come of a packet.
///
/// etherparse's buffer keeps data and end. It takes fragments that overlap, and an end before data that it has; so each
/// fragment is compared with the others first.
#[derive(Debug)]
pub(super) struct Parts {
    /// The packet's headers, once the first fragment is there.
    headers: Option<Vec<u8>>,
    data: IpDefragBuf,
    /// Where each fragment begins and ends. No two have a byte in common.
    ranges: BTreeMap<u16, u16>,
}

impl Default for Parts {
    fn default() -> Self {
        // The buffer only keeps the protocol; the headers name it.
        let data = IpDefragBuf::new(IpNumber::TCP, Vec::new(), Vec::new());
        Self { headers: None, data, ranges: BTreeMap::new() }
    }
}

impl Parts {
    /// Takes another fragment. One that came before, to the last byte, is no news.
    ///
    /// # Errors
    ///
    /// [`Skip::FragmentOverlap`] if the packet cannot be known any more; another reason if only this fragment is of no
    /// use.
    pub fn add(&mut self, fragment: Fragment<'_>) -> Result<(), Skip> {
        let start = fragment.offset.byte_offset();
        let len = u16::try_from(fragment.data.len()).map_err(|_| Skip::Malformed)?;
        let end = start.checked_add(len).filter(|end| *end > start).ok_or(Skip::Malformed)?;
        if self.has(&fragment, (start, end)) {
            return Ok(());
        }
        // The last one that begins before this one's end, of those that have no byte in common, ends last.
        let overlaps = self.ranges.range(..end).next_back().is_some_and(|(_, other)| *other > start);
        let last = self.ranges.last_key_value().map_or(0, |(_, end)| *end);
        if overlaps || (!fragment.more && end < last) {
            return Err(Skip::FragmentOverlap);
        }
        if self.data.sections().len() >= MAX_ISLANDS {
            return Err(Skip::FragmentLimit);
        }
        self.data.add(fragment.offset, fragment.more, fragment.data).map_err(|error| match error {
            IpDefragError::ConflictingEnd { .. } => Skip::FragmentOverlap,
            _ => Skip::Malformed,
        })?;
        self.ranges.insert(start, end);
        self.headers = self.headers.take().or(fragment.headers);
        Ok(())
    }

    /// Whether this very fragment is there.
    fn has(&self, fragment: &Fragment<'_>, (start, end): (u16, u16)) -> bool {
        let was_last = self.data.end() == Some(end);
        self.ranges.get(&start) == Some(&end)
            && fragment.more != was_last
            && self.data.data().get(usize::from(start)..usize::from(end)) == Some(fragment.data)
    }

    /// The headers of the packet, once its first fragment is there.
    pub fn headers(&self) -> Option<&[u8]> {
        self.headers.as_deref()
    }

    /// Where each fragment begins, and its data, in the order of the packet.
    pub fn fragments(&self) -> impl Iterator<Item = (u16, &[u8])> {
        let data = |start: u16, end: u16| self.data.data().get(usize::from(start)..usize::from(end));
        self.ranges.iter().map(move |(start, end)| (*start, data(*start, *end).unwrap_or_default()))
    }

    /// Where the packet's data ends, once the last fragment is there.
    pub fn end(&self) -> Option<u16> {
        self.data.end()
    }

    /// Whether nothing is missing.
    pub fn are_all(&self) -> bool {
        self.data.is_complete()
    }

    /// The memory that its data takes.
    pub fn bytes(&self) -> usize {
        self.data.data().capacity()
    }

    /// The whole packet, when nothing is missing; `None` if it is longer than a packet can be.
    pub fn into_packet(self) -> Option<Vec<u8>> {
        whole(self.headers?, self.data.data())
    }
}
