//! The many layouts of pcap files: by the magic number, by the version, and where neither tells, by trying.
//!
//! libpcap (`sf-pcap.c`) and Wireshark (`wiretap/libpcap.c`) know the same ones.

#[cfg(test)]
mod tests;

use crate::frame::LinkType;

/// How a pcap file is laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Variant {
    /// Whether the writer's byte order was big-endian.
    pub(super) big_endian: bool,
    pub(super) file_header: usize,
    pub(super) record_header: usize,
    pub(super) nanos_per_tick: i64,
    pub(super) lengths: Lengths,
    pub(super) link: LinkType,
}

/// In which order a record header has its two lengths.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Lengths {
    /// First that of the captured bytes: since version 2.3 of the format.
    CapturedFirst,
    /// First that of the frame on the wire: before.
    WireFirst,
    /// As it makes sense: some wrote version 2.3 and the old order.
    Either,
}

/// A record header.
#[derive(Clone, Copy)]
pub(super) struct Record {
    pub(super) seconds: u32,
    pub(super) ticks: u32,
    pub(super) captured: u32,
    pub(super) wire_len: u32,
}

impl Record {
    /// Whether neither a time nor a length was written.
    pub(super) fn is_zeros(self) -> bool {
        self.seconds | self.captured | self.wire_len == 0
    }
}

impl Variant {
    /// The length of the header that all have; Ixia adds 4 bytes.
    pub(super) const HEADER: usize = 24;
    /// The length of the record header that nearly all have.
    pub(super) const RECORD_HEADER: usize = 16;
    /// More than this no writer captures of a frame; libpcap and Wireshark refuse it as well.
    pub(super) const MAX_FRAME: usize = 262_144;
    /// No frame is longer on the wire, offloads included.
    pub(super) const WIRE_MAX: u32 = 16 << 20;

    const DAY: u32 = 86_400;
    const STANDARD: u32 = 0xa1b2_c3d4;
    const NANOSECONDS: u32 = 0xa1b2_3c4d;
    /// libpcap as patched by Alexey Kuznetsov: interface, protocol and packet type in the record header.
    const MODIFIED: u32 = 0xa1b2_cd34;
    /// Ixia's "lcap", captured by its hardware or its software.
    const IXIA_HARDWARE: u32 = 0x1c00_01ac;
    const IXIA_SOFTWARE: u32 = 0x1c00_01ab;

    /// Whether these are the first four bytes of a pcap file.
    pub(super) fn is_magic(magic: [u8; 4]) -> bool {
        Self::byte_order(magic).is_some()
    }

    /// The magic number, and whether it is big-endian.
    fn byte_order(magic: [u8; 4]) -> Option<(u32, bool)> {
        let known = |magic: &u32| {
            let all = [Self::STANDARD, Self::NANOSECONDS, Self::MODIFIED, Self::IXIA_HARDWARE, Self::IXIA_SOFTWARE];
            all.contains(magic)
        };
        let orders = [(u32::from_le_bytes(magic), false), (u32::from_be_bytes(magic), true)];
        orders.into_iter().find(|(magic, _)| known(magic))
    }

    /// The layout by the file header; what follows it, as far as it is at hand, tells apart those that look alike.
    pub(super) fn of(header: &[u8; Self::HEADER], following: &[u8]) -> Option<Self> {
        let [a, b, c, d, rest @ ..] = *header;
        let (magic, big_endian) = Self::byte_order([a, b, c, d])?;
        let short = |at: usize| [rest[at], rest[at + 1]];
        let short = |at| if big_endian { u16::from_be_bytes(short(at)) } else { u16::from_le_bytes(short(at)) };
        let network = word(&rest, 16, big_endian)?;
        let version = (short(0), short(2));
        let is_aix = magic == Self::STANDARD && version == (2, 2) && aix_link(network).is_some();
        let variant = Self {
            big_endian,
            file_header: match magic {
                Self::IXIA_HARDWARE | Self::IXIA_SOFTWARE => Self::HEADER + 4,
                _ => Self::HEADER,
            },
            record_header: if magic == Self::MODIFIED { 24 } else { Self::RECORD_HEADER },
            nanos_per_tick: match magic {
                Self::NANOSECONDS | Self::IXIA_HARDWARE => 1,
                _ if is_aix => 1,
                _ => 1_000,
            },
            lengths: match version {
                (2, 0..=2) | (543, _) => Lengths::WireFirst,
                (2, 3) => Lengths::Either,
                _ => Lengths::CapturedFirst,
            },
            // The upper half tells of checksums at the end of frames, which the lengths of IP leave out.
            link: aix_link(network).filter(|_| is_aix).unwrap_or(LinkType((network & 0xffff) as u16)),
        };
        let look_alikes: &[usize] = match (magic, version) {
            // libpcap of Red Hat 6.1, and of Nokia's IPSO.
            (Self::STANDARD, (2, 4)) => &[24, 20],
            // The same patch as in SuSE 6.3.
            (Self::MODIFIED, _) => &[28],
            _ => &[],
        };
        Some(variant.tried(look_alikes, following))
    }

    /// How much of a file tells look-alikes apart: its header, a record and the longest header of another.
    pub(super) fn first_records(file: &[u8]) -> usize {
        const LONGEST: usize = 28;
        let first =
            file.split_first_chunk().and_then(|(header, records)| Self::of(header, records)?.record(records, 0));
        let captured = first.map_or(0, |first| (first.captured as usize).min(Self::MAX_FRAME));
        Self::HEADER + LONGEST + captured + LONGEST
    }

    /// The first of these lengths of a record header with which the records follow each other, if they do not without.
    fn tried(self, record_headers: &[usize], records: &[u8]) -> Self {
        let others = record_headers.iter().map(|record_header| Self { record_header: *record_header, ..self });
        std::iter::once(self).chain(others).find(|variant| variant.fits(records)).unwrap_or(self)
    }

    /// Whether the first records have sound headers, as far as they are at hand.
    fn fits(&self, mut records: &[u8]) -> bool {
        let mut before = None;
        for _ in 0..3 {
            let Some(record) = self.record(records, 0) else { return true };
            let is_near = before.is_none_or(|before| record.seconds.abs_diff(before) <= Self::DAY);
            if record.is_zeros() {
                records = records.get(self.record_header..).unwrap_or_default();
                continue;
            }
            if !is_near || !self.is_sound(record) || record.captured > record.wire_len {
                return false;
            }
            before = Some(record.seconds);
            records = records.get(self.record_header + record.captured as usize..).unwrap_or_default();
        }
        true
    }

    /// The record header at this place, if it is at hand.
    #[inline]
    pub(super) fn record(&self, data: &[u8], at: usize) -> Option<Record> {
        let header: &[u8; 16] = data.get(at..)?.first_chunk()?;
        let [seconds, ticks, first, second] =
            words(header).map(|word| if self.big_endian { word.swap_bytes() } else { word });
        let (captured, wire_len) = match self.lengths {
            Lengths::CapturedFirst => (first, second),
            Lengths::WireFirst => (second, first),
            Lengths::Either => (first.min(second), first.max(second)),
        };
        Some(Record { seconds, ticks, captured, wire_len })
    }

    /// Whether a record header has values that writers write.
    pub(super) fn is_sound(&self, record: Record) -> bool {
        record.captured <= Self::MAX_FRAME as u32
            && record.wire_len <= Self::WIRE_MAX
            && i64::from(record.ticks) < 1_000_000_000 / self.nanos_per_tick
    }

    /// Whether records can be read at the offsets of the common layout.
    pub(super) fn is_common(&self) -> bool {
        !self.big_endian && self.record_header == Self::RECORD_HEADER && self.lengths == Lengths::CapturedFirst
    }
}

/// AIX has the numbers of RFC 1573 for its link types, and nanoseconds, in files that say version 2.2.
fn aix_link(network: u32) -> Option<LinkType> {
    Some(match network {
        6 => LinkType::ETHERNET,
        9 => LinkType::TOKEN_RING,
        15 => LinkType::FDDI,
        24 => LinkType::NULL,
        _ => return None,
    })
}

fn word(bytes: &[u8], at: usize, big_endian: bool) -> Option<u32> {
    let bytes = *bytes.get(at..)?.first_chunk()?;
    Some(if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
}

/// Four little-endian words.
#[inline]
pub(super) fn words(bytes: &[u8; 16]) -> [u32; 4] {
    let number = u128::from_le_bytes(*bytes);
    [number as u32, (number >> 32) as u32, (number >> 64) as u32, (number >> 96) as u32]
}
