//! Blocks as they stand in the file, for those who write them again.

use std::borrow::Cow;
use std::io::Read;

use super::super::original::{Beside, BesideKind, Description, Original, push_option};
use super::{Found, Head, Interface, PcapNg, kind, option, options};
use crate::frame::Frame;

/// Kept of what is beside frames until it is asked for, in bytes. Blocks that do not fit are left out.
const BESIDE_MAX: usize = 32 << 20;
/// The count of drops in an obsolete packet block where the writer did not know it.
const DROPS_UNKNOWN: u16 = u16::MAX;

/// What is kept for those who write the blocks again.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Whether anybody wants them.
    pub(super) wanted: bool,
    /// Interfaces that earlier sections described.
    pub(super) described_before: u32,
    beside: Vec<Beside>,
    bytes: usize,
}

impl<R: Read> PcapNg<R> {
    pub(in super::super) fn keep_originals(&mut self) {
        self.kept.wanted = true;
    }

    pub(in super::super) fn beside(&mut self) -> Vec<Beside> {
        self.kept.bytes = 0;
        std::mem::take(&mut self.kept.beside)
    }

    /// The block at the start of the window, which `next` made a frame of.
    pub(in super::super) fn original(&self) -> Option<Original<'_>> {
        let head = Head { kind: self.u32_at(0), length: u32::try_from(self.place.taken).ok()? };
        let Found::Packet(packet) = self.packet(head) else { return None };
        let interface = self.interfaces.get(packet.interface as usize)?;
        let end = packet.start + packet.captured as usize;
        let data = self.buffer.data().get(packet.start..end)?;
        let no = self.place.no;
        let mut options = match head.kind {
            kind::SIMPLE_PACKET => Cow::default(),
            _ => Cow::Borrowed(self.options(end.next_multiple_of(4))),
        };
        let drops = self.u16_at(10);
        if head.kind == kind::PACKET && drops != DROPS_UNKNOWN {
            let count = u64::from(drops);
            let value = if self.big_endian { count.to_be_bytes() } else { count.to_le_bytes() };
            push_option(options.to_mut(), self.big_endian, (option::DROP_COUNT, &value));
        }
        Some(Original {
            frame: Frame { no, time: self.place.time(), link: interface.link, data, wire_len: packet.wire_len },
            interface: self.kept.described_before + packet.interface,
            ticks: packet.ticks.unwrap_or_else(|| interface.clock.ticks(self.place.time())),
            timeless: packet.ticks.is_none(),
            big_endian: self.big_endian,
            options,
        })
    }

    /// The interface description at the start of the window.
    pub(in super::super) fn described(&self) -> Option<Description> {
        let last = u32::try_from(self.interfaces.len()).ok()?.checked_sub(1)?;
        let Interface { link, snap_len, .. } = *self.interfaces.last()?;
        Some(Description {
            input: self.place.no.input(),
            interface: self.kept.described_before + last,
            link,
            snap_len,
            big_endian: self.big_endian,
            options: self.options(16).to_vec(),
        })
    }

    /// The options of the block in the window, which start here, up to the mark of their end or what is none.
    fn options(&self, from: usize) -> &[u8] {
        let to = usize::try_from(self.place.taken).unwrap_or(0).saturating_sub(4);
        let all = self.buffer.data().get(from..to).unwrap_or_default();
        let end = options(all, self.big_endian).map(|(_, value)| 4 + value.len().next_multiple_of(4)).sum::<usize>();
        all.get(..end).unwrap_or_default()
    }

    /// Takes note of a block that is no frame, if anybody wants it.
    #[cold]
    pub(super) fn keep_beside(&mut self, head: Head) {
        let known = match head.kind {
            kind::SECTION => Some((BesideKind::Section, 24)),
            kind::NAMES => Some((BesideKind::Names, 8)),
            kind::SECRETS => Some((BesideKind::Secrets, 8)),
            kind::STATISTICS => {
                Some((BesideKind::Statistics(self.kept.described_before.saturating_add(self.u32_at(8))), 8))
            }
            _ => None,
        };
        let Some((kind, start)) = known.filter(|_| self.kept.wanted) else { return };
        let body = match kind {
            BesideKind::Section => self.options(start),
            _ => self.buffer.data().get(start..(head.length as usize).saturating_sub(4)).unwrap_or_default(),
        };
        let body = body.to_vec();
        if self.kept.bytes + body.len() <= BESIDE_MAX {
            self.kept.bytes += body.len();
            self.kept.beside.push(Beside { input: self.place.no.input(), kind, big_endian: self.big_endian, body });
        }
    }
}
