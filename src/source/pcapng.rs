//! The pcapng file format: sections of either byte order, interfaces with clocks of their own, three kinds of packet block.
//!
//! Interface descriptions are parsed by `pcap-parser`. Packet blocks are read at their fixed offsets, and of the
//! options behind the packet only comments: parsing all of them would cost an allocation a frame. Other blocks are passed over
//! unread.

mod blocks;
mod damage;
mod original;

use std::io::Read;

use pcap_parser::pcapng::{parse_interfacedescriptionblock_be, parse_interfacedescriptionblock_le};
use pcap_parser::{InterfaceDescriptionBlock, OptionCode};

pub(super) use self::blocks::{Block, Blocks};
use self::damage::Lost;
use self::original::Kept;
use super::at_hand::{AtHand, Place};
use super::buffer::{Buffer, Pause};
use super::clock::Clock;
use super::error::Damage;
use super::{Next, SourceError};
use crate::frame::{Frame, FrameNo, LinkType};

/// Reads the frames of a pcapng file.
pub(super) struct PcapNg<R> {
    buffer: Buffer<R>,
    big_endian: bool,
    interfaces: Vec<Interface>,
    /// Behind the blocks that were used.
    place: Place,
    /// The frame whose comment was handed out last.
    commented: FrameNo,
    /// Damage whose end is looked for.
    lost: Option<Lost>,
    kept: Kept,
}

/// What an interface description says of the frames of that interface.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link: LinkType,
    snap_len: u32,
    clock: Clock,
}

/// Kinds of block by their number (pcapng draft, section 11.1).
mod kind {
    pub(super) const INTERFACE: u32 = 1;
    /// The obsolete packet block.
    pub(super) const PACKET: u32 = 2;
    pub(super) const SIMPLE_PACKET: u32 = 3;
    pub(super) const NAMES: u32 = 4;
    pub(super) const STATISTICS: u32 = 5;
    pub(super) const ENHANCED_PACKET: u32 = 6;
    pub(super) const JOURNAL: u32 = 9;
    pub(super) const SECRETS: u32 = 10;
    pub(super) const CUSTOM: u32 = 0x0bad;
    pub(super) const CUSTOM_NOT_COPIED: u32 = 0x4000_0bad;
    /// The same bytes in both orders.
    pub(super) const SECTION: u32 = 0x0a0d_0d0a;
}

/// Options of packet blocks (pcapng draft, section 3.5).
mod option {
    pub(super) const END: u16 = 0;
    pub(super) const COMMENT: u16 = 1;
    pub(super) const DROP_COUNT: u16 = 4;
}

/// Codes and values of options, up to the one that ends them or is cut.
fn options(mut bytes: &[u8], big_endian: bool) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let ([a, b, c, d], rest) = bytes.split_first_chunk()?;
        let number = |pair| if big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) };
        let (code, length) = (number([*a, *b]), usize::from(number([*c, *d])));
        let value = rest.get(..length).filter(|_| code != option::END)?;
        bytes = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((code, value))
    })
}

/// The start of a block.
#[derive(Clone, Copy)]
struct Head {
    kind: u32,
    length: u32,
}

/// A block that says something.
enum Found {
    Interface(LinkType),
    Packet(Packet),
    /// It starts and ends as a block should, and cannot be understood.
    Damaged(Damage),
}

/// A packet block without its bytes.
struct Packet {
    interface: u32,
    /// None where the block has no time.
    ticks: Option<u64>,
    captured: u32,
    wire_len: u32,
    /// Where in the block the captured bytes start.
    start: usize,
}

impl<R: Read> PcapNg<R> {
    /// Kind, length, byte-order magic: as much as a section header must have at hand to be understood.
    pub(super) const HEADER: usize = 12;
    /// A section header without options.
    const SECTION: u32 = 28;
    /// Length of kind, length and the length again at the end.
    const FRAMING: u32 = 12;
    /// More than this no writer makes of a packet or description; libpcap and Wireshark refuse it as well.
    const MAX_BLOCK: u32 = 16 * 1024 * 1024;
    /// Descriptions of interfaces are shorter than this: parsing them takes a multiple of their length.
    const MAX_DESCRIPTION: u32 = 1024 * 1024;
    /// Interfaces of a section that are remembered; no host has as many.
    const MAX_INTERFACES: usize = 65_536;
    /// Comments are kept up to this many bytes a frame.
    const MAX_COMMENT: usize = 64 * 1024;

    /// Whether these are the first bytes of a pcapng file.
    pub(super) fn is_magic(magic: [u8; 4]) -> bool {
        u32::from_be_bytes(magic) == kind::SECTION
    }

    /// A reader at the start of a file.
    pub(super) fn new(buffer: Buffer<R>, input: u16) -> Self {
        Self {
            buffer,
            big_endian: false,
            interfaces: Vec::new(),
            place: Place { no: FrameNo::new(input, 0), last: None, taken: 0 },
            commented: FrameNo::NONE,
            lost: None,
            kept: Kept::default(),
        }
    }

    /// Reads no more: the input ends with what was read already.
    pub(super) fn close(&mut self) {
        self.buffer.close();
    }

    /// The next frame or interface.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Next<'_>, SourceError> {
        let packet = match self.locate() {
            Ok(Found::Packet(packet)) => packet,
            Ok(Found::Interface(link)) => return Ok(Next::Interface(link)),
            Ok(Found::Damaged(what)) => return Ok(Next::Damaged(self.error(what))),
            Err(_) if self.lost.is_some() => return self.recover(),
            Err(pause) => return pause.into_next(),
        };
        let Some(interface) = self.interfaces.get(packet.interface as usize) else {
            return Ok(Next::Damaged(self.error(Damage::UnknownInterface(packet.interface))));
        };
        let no = self.place.no.following();
        if packet.ends_before(self.place.taken)
            && let Some(text) = self.comment(&packet)
        {
            // The same block again, now for its frame.
            self.place.taken = 0;
            self.commented = no;
            return Ok(Next::Comment(no, text));
        }
        let link = interface.link;
        // A simple packet block has no time. That of the frame before keeps the order, which is all it can tell.
        let time = packet.ticks.map_or(self.place.time(), |ticks| interface.clock.at(ticks));
        (self.place.no, self.place.last) = (no, Some(time));
        let data = &self.buffer.data()[packet.start..packet.start + packet.captured as usize];
        Ok(Next::Frame(Frame { no, time, link, data, wire_len: packet.wire_len }))
    }

    /// The frames from here on, as far as their blocks are of the common kind and wholly in the window.
    pub(super) fn at_hand(&mut self) -> AtHand<'_> {
        if self.big_endian || self.lost.is_some() || self.kept.wanted {
            return AtHand::None;
        }
        self.buffer.consume(std::mem::take(&mut self.place.taken));
        AtHand::of_blocks(self.buffer.data(), Blocks { interfaces: &self.interfaces }, &mut self.place)
    }

    /// Goes to the next block that says something, and has it at hand as a whole.
    #[inline]
    fn locate(&mut self) -> Result<Found, Pause> {
        loop {
            self.buffer.consume(std::mem::take(&mut self.place.taken));
            let head = self.head()?;
            self.whole(head)?;
            self.place.taken = u64::from(head.length);
            match head.kind {
                kind::ENHANCED_PACKET | kind::PACKET | kind::SIMPLE_PACKET => return Ok(self.packet(head)),
                kind::INTERFACE => return Ok(self.interface(head)),
                kind::SECTION => {
                    self.kept.described_before =
                        self.kept.described_before.saturating_add(self.interfaces.len() as u32);
                    self.interfaces.clear();
                    if head.length < Self::SECTION {
                        return Ok(Found::Damaged(Damage::BlockLength(head.length)));
                    }
                    self.keep_beside(head);
                }
                _ => self.keep_beside(head),
            }
        }
    }

    /// The comments of a packet, one a line, unless they were handed out already.
    #[inline(never)]
    fn comment(&self, packet: &Packet) -> Option<String> {
        if self.commented == self.place.no.following() {
            return None;
        }
        let from = packet.start + packet.captured.next_multiple_of(4) as usize;
        let to = usize::try_from(self.place.taken).ok()?.checked_sub(4)?;
        let mut text = String::new();
        for (code, value) in options(self.buffer.data().get(from..to)?, self.big_endian) {
            if code == option::COMMENT && text.len() + value.len() <= Self::MAX_COMMENT {
                text.push_str(if text.is_empty() { "" } else { "\n" });
                text.push_str(&String::from_utf8_lossy(value));
            }
        }
        (!text.is_empty()).then_some(text)
    }

    /// Kind and length of the next block.
    #[inline]
    fn head(&mut self) -> Result<Head, Pause> {
        if self.lost.is_some() {
            return Err(Pause::Idle);
        }
        self.buffer.fill(8)?;
        let kind = self.u32_at(0);
        if kind == kind::SECTION {
            self.byte_order()?;
        }
        let length = self.u32_at(4);
        if length < Self::FRAMING || !length.is_multiple_of(4) {
            return Err(self.broken(Damage::BlockLength(length), 0));
        }
        Ok(Head { kind, length })
    }

    /// Takes the byte order of a section from the magic in its header.
    #[cold]
    fn byte_order(&mut self) -> Result<(), Pause> {
        self.buffer.fill(Self::HEADER)?;
        self.big_endian = match self.array_at(8) {
            [0x4d, 0x3c, 0x2b, 0x1a] => false,
            [0x1a, 0x2b, 0x3c, 0x4d] => true,
            _ if self.buffer.offset() == 0 => return Err(Pause::Failed(SourceError::NotACapture)),
            _ => return Err(self.broken(Damage::Description, 0)),
        };
        Ok(())
    }

    /// Makes sure that all of a block is at hand and that it ends as it started.
    #[inline]
    fn whole(&mut self, head: Head) -> Result<(), Pause> {
        let length = head.length as usize;
        let at_hand = length <= self.buffer.data().len() && self.u32_at(length - 4) == head.length;
        if at_hand { Ok(()) } else { self.complete(head) }
    }

    /// Has the rest of a block read, or says what is wrong with it.
    #[cold]
    fn complete(&mut self, head: Head) -> Result<(), Pause> {
        if head.length > Self::MAX_BLOCK {
            return Err(self.broken(Damage::AbsurdLength(u64::from(head.length)), 0));
        }
        let length = head.length as usize;
        match self.buffer.fill(length) {
            Ok(()) => {}
            // Cut, or of a wrong length: then other blocks follow.
            Err(Pause::Failed(cut @ SourceError::Truncated { .. })) => return Err(self.lose(cut, 0)),
            Err(pause) => return Err(pause),
        }
        let again = self.u32_at(length - 4);
        if again != head.length {
            return Err(self.broken(Damage::LengthsDiffer(head.length, again), length));
        }
        Ok(())
    }

    #[cold]
    fn interface(&mut self, head: Head) -> Found {
        if self.interfaces.len() == Self::MAX_INTERFACES {
            return Found::Damaged(Damage::TooManyInterfaces);
        }
        let interface = self.description(head);
        // One that cannot be read keeps its number.
        self.interfaces.push(interface.unwrap_or(Interface::UNREADABLE));
        interface.map_or_else(Found::Damaged, |interface| Found::Interface(interface.link))
    }

    fn description(&self, head: Head) -> Result<Interface, Damage> {
        if head.length > Self::MAX_DESCRIPTION {
            return Err(Damage::AbsurdLength(u64::from(head.length)));
        }
        let parse =
            if self.big_endian { parse_interfacedescriptionblock_be } else { parse_interfacedescriptionblock_le };
        let block = parse(self.buffer.data()).map_err(|_| Damage::Description)?.1;
        Ok(Interface::new(&block, self.big_endian))
    }

    /// The fields of a packet block that is at hand as a whole.
    #[inline]
    fn packet(&self, head: Head) -> Found {
        let (fixed, start) = match head.kind {
            kind::SIMPLE_PACKET => (Self::FRAMING + 4, 12),
            _ => (Self::FRAMING + 20, 28),
        };
        if head.length < fixed {
            return Found::Damaged(Damage::BlockLength(head.length));
        }
        let room = head.length - fixed;
        let packet = match head.kind {
            kind::SIMPLE_PACKET => self.simple_packet(room, start),
            _ => self.timed_packet(head.kind, start),
        };
        if packet.captured > room {
            return Found::Damaged(Damage::FrameLength(packet.captured));
        }
        Found::Packet(packet)
    }

    /// Enhanced packet block, or the older one, which has a 16-bit interface and a count of drops in the same place.
    #[inline]
    fn timed_packet(&self, kind: u32, start: usize) -> Packet {
        let interface = match kind {
            kind::PACKET => u32::from(self.u16_at(8)),
            _ => self.u32_at(8),
        };
        let ticks = (u64::from(self.u32_at(12)) << 32) | u64::from(self.u32_at(16));
        Packet { interface, ticks: Some(ticks), captured: self.u32_at(20), wire_len: self.u32_at(24), start }
    }

    /// Always of the first interface; cut at that interface's snapshot length, and by nothing else.
    fn simple_packet(&self, room: u32, start: usize) -> Packet {
        let wire_len = self.u32_at(8);
        let limit = match self.interfaces.first() {
            Some(interface) if interface.snap_len > 0 => interface.snap_len,
            _ => u32::MAX,
        };
        Packet { interface: 0, ticks: None, captured: wire_len.min(limit).min(room), wire_len, start }
    }

    /// The chain of blocks is broken here; by the length of this one it would go on at `hint`.
    #[cold]
    fn broken(&mut self, what: Damage, hint: usize) -> Pause {
        let error = self.error(what);
        self.lose(error, hint)
    }

    #[cold]
    fn error(&self, what: Damage) -> SourceError {
        SourceError::Damaged { offset: self.buffer.offset(), what }
    }

    /// The bytes at a place that was made sure to be at hand.
    #[inline]
    fn array_at<const N: usize>(&self, at: usize) -> [u8; N] {
        let bytes = self.buffer.data().get(at..).and_then(<[u8]>::first_chunk);
        bytes.copied().unwrap_or([0; N])
    }

    #[inline]
    fn u16_at(&self, at: usize) -> u16 {
        let bytes = self.array_at(at);
        if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    }

    #[inline]
    fn u32_at(&self, at: usize) -> u32 {
        let bytes = self.array_at(at);
        if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }
}

impl Packet {
    /// Whether options are between it and the end of a block of this length. An end of options alone, which has 4 bytes, is
    /// none, and a simple packet block has none.
    #[inline]
    fn ends_before(&self, length: u64) -> bool {
        self.ticks.is_some() && length >= self.start as u64 + u64::from(self.captured) + 12
    }
}

impl Interface {
    /// Of frames that no one can decode.
    const UNREADABLE: Interface = Interface { link: LinkType(u16::MAX), snap_len: 0, clock: Clock::MICROSECONDS };

    fn new(block: &InterfaceDescriptionBlock<'_>, big_endian: bool) -> Self {
        let option = |code| block.options.iter().find(|option| option.code == code).map(|option| option.value());
        let resolution = option(OptionCode::IfTsresol).and_then(|value| value.first()).copied();
        let offset = option(OptionCode::IfTsoffset)
            .and_then(<[u8]>::first_chunk)
            .map_or(0, |bytes| if big_endian { i64::from_be_bytes(*bytes) } else { i64::from_le_bytes(*bytes) });
        Self {
            link: LinkType((block.linktype.0 & 0xffff) as u16),
            snap_len: block.snaplen,
            clock: Clock::new(resolution.unwrap_or(Clock::MICROS), offset),
        }
    }
}
