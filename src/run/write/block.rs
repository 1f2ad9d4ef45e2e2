//! Blocks of pcapng as bytes (pcapng draft, sections 3 and 4), in either byte order.

use crate::source::{Description, Original};

/// The byte order of a section.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Order {
    pub(super) big_endian: bool,
}

/// Kinds of block by their number (pcapng draft, section 11.1).
pub(super) mod kind {
    pub(in super::super) const INTERFACE: u32 = 1;
    pub(in super::super) const SIMPLE_PACKET: u32 = 3;
    pub(in super::super) const NAMES: u32 = 4;
    pub(in super::super) const STATISTICS: u32 = 5;
    pub(in super::super) const ENHANCED_PACKET: u32 = 6;
    pub(in super::super) const SECRETS: u32 = 10;
    pub(in super::super) const SECTION: u32 = 0x0a0d_0d0a;
}

/// Codes of options.
mod option {
    pub(super) const END: u16 = 0;
    pub(super) const COMMENT: u16 = 1;
    pub(super) const APPLICATION: u16 = 4;
}

/// Where the captured bytes of an enhanced packet block start.
const DATA: usize = 28;
/// The longest value of an option.
const OPTION_MAX: usize = u16::MAX as usize;

impl Order {
    fn u16(self, number: u16) -> [u8; 2] {
        if self.big_endian { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    pub(super) fn u32(self, number: u32) -> [u8; 4] {
        if self.big_endian { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    fn number(self, bytes: [u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    /// The number at a place of a block; 0 behind its end.
    pub(super) fn at(self, block: &[u8], place: usize) -> u32 {
        block.get(place..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| self.number(*bytes))
    }

    /// A block around a body of a multiple of 4 bytes.
    pub(super) fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let length = self.u32(u32::try_from(body.len() + 12).unwrap_or(u32::MAX));
        [&self.u32(kind)[..], &length, body, &length].concat()
    }

    /// The header of a section; `options` are those that it keeps, as bytes in this order.
    pub(super) fn section(self, options: &[u8]) -> Vec<u8> {
        let mut body = [&self.u32(0x1a2b_3c4d)[..], &self.u16(1), &self.u16(0), &[0xff; 8], options].concat();
        self.push_option(&mut body, option::APPLICATION, concat!("rstscan ", env!("CARGO_PKG_VERSION")).as_bytes());
        self.push_option(&mut body, option::END, b"");
        self.block(kind::SECTION, &body)
    }

    /// Of the options of a section those that stay true in another file: all but the program that wrote it.
    pub(super) fn lasting(self, options: &[u8]) -> Vec<u8> {
        self.each(options)
            .filter(|(code, _)| *code != option::APPLICATION)
            .flat_map(|(_, whole)| whole.to_vec())
            .collect()
    }

    /// The options with their codes, each as bytes with code, length and padding.
    fn each(self, mut options: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
        std::iter::from_fn(move || {
            let [a, b, c, d] = *options.first_chunk()?;
            let number = |bytes| if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) };
            let end = 4 + usize::from(number([c, d])).next_multiple_of(4);
            let (whole, rest) = options.split_at_checked(end)?;
            options = rest;
            Some((number([a, b]), whole))
        })
    }

    /// The description of an interface.
    pub(super) fn interface(self, description: &Description) -> Vec<u8> {
        let mut body = [&self.u16(description.link.0)[..], &[0; 2], &self.u32(description.snap_len)].concat();
        body.extend(self.translated(&description.options, (description.big_endian, interface_width)));
        if body.len() > 8 {
            self.push_option(&mut body, option::END, b"");
        }
        self.block(kind::INTERFACE, &body)
    }

    /// A frame as the enhanced packet block of an interface, still open: [`Order::finish`] completes it.
    pub(super) fn packet(self, interface: u32, original: &Original<'_>) -> Vec<u8> {
        let frame = &original.frame;
        let numbers = [
            kind::ENHANCED_PACKET,
            0,
            interface,
            (original.ticks >> 32) as u32,
            original.ticks as u32,
            u32::try_from(frame.data.len()).unwrap_or(u32::MAX),
            frame.wire_len,
        ];
        let mut block = Vec::with_capacity(DATA + frame.data.len() + original.options.len() + 16);
        block.extend(numbers.iter().flat_map(|number| self.u32(*number)));
        block.extend_from_slice(frame.data);
        block.resize(block.len().next_multiple_of(4), 0);
        block.extend(self.translated(&original.options, (original.big_endian, packet_width)));
        block
    }

    /// The captured bytes and the length on the wire of an open packet block.
    pub(super) fn contents(self, block: &[u8]) -> (&[u8], u32) {
        let captured = self.at(block, 20) as usize;
        (block.get(DATA..DATA + captured).unwrap_or_default(), self.at(block, 24))
    }

    /// Completes a packet block, with comments behind those that it has.
    ///
    /// What has neither time nor comment and is of the first interface becomes a simple packet block, as it was.
    pub(super) fn finish<'a>(self, block: &mut Vec<u8>, timeless: bool, comments: impl Iterator<Item = &'a str>) {
        let data = DATA + (self.at(block, 20) as usize).next_multiple_of(4);
        for comment in comments {
            self.push_option(block, option::COMMENT, shortened(comment).as_bytes());
        }
        if block.len() > data {
            self.push_option(block, option::END, b"");
        } else if timeless && self.at(block, 8) == 0 {
            block.drain(8..24);
            block[..4].copy_from_slice(&self.u32(kind::SIMPLE_PACKET));
        }
        let length = self.u32(u32::try_from(block.len() + 4).unwrap_or(u32::MAX));
        block[4..8].copy_from_slice(&length);
        block.extend(length);
    }

    fn push_option(self, into: &mut Vec<u8>, code: u16, value: &[u8]) {
        into.extend(self.u16(code));
        into.extend(self.u16(value.len().min(OPTION_MAX) as u16));
        into.extend(value.iter().take(OPTION_MAX));
        into.resize(into.len().next_multiple_of(4), 0);
    }

    /// Options in this byte order. Where theirs is another, the numbers in those known to `width` are turned, and others,
    /// which may have any, left out.
    fn translated(self, options: &[u8], (big_endian, width): (bool, fn(u16) -> Option<usize>)) -> Vec<u8> {
        if big_endian == self.big_endian {
            return options.to_vec();
        }
        let mut turned = Vec::new();
        for (code, whole) in (Order { big_endian }).each(options) {
            let Some(width) = width(code) else { continue };
            let [_, _, a, b, value @ ..] = whole else { continue };
            turned.extend(self.u16(code));
            turned.extend([b, a]);
            turned.extend(value.chunks(width).flat_map(|number| number.iter().rev()));
        }
        turned
    }
}

/// How wide the numbers are in options of interfaces; 1 where there is none but bytes.
fn interface_width(code: u16) -> Option<usize> {
    match code {
        1..=7 | 9 | 11 | 12 | 13 | 15 => Some(1),
        10 => Some(4),
        8 | 14 | 16 | 17 => Some(8),
        _ => None,
    }
}

/// The same in options of packets.
fn packet_width(code: u16) -> Option<usize> {
    match code {
        1 | 3 | 7 => Some(1),
        2 | 6 => Some(4),
        4 | 5 => Some(8),
        _ => None,
    }
}

/// As much of a text as fits into an option, in whole characters.
fn shortened(text: &str) -> &str {
    let end = (0..=text.len().min(OPTION_MAX)).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::frame::{Frame, FrameNo, LinkType, Timestamp};

    const LITTLE: Order = Order { big_endian: false };
    const BIG: Order = Order { big_endian: true };

    fn original(options: &[u8], big_endian: bool) -> Original<'_> {
        let (no, time) = (FrameNo::new(0, 1), Timestamp::default());
        let frame = Frame { no, time, link: LinkType::ETHERNET, data: b"abcde", wire_len: 60 };
        Original {
            frame,
            interface: 0,
            ticks: 0x1_0000_0002,
            timeless: false,
            big_endian,
            options: Cow::Borrowed(options),
        }
    }

    #[test]
    fn a_frame_without_options_has_none() {
        let mut block = LITTLE.packet(3, &original(b"", false));
        assert_eq!(LITTLE.contents(&block), (&b"abcde"[..], 60));
        LITTLE.finish(&mut block, false, std::iter::empty());
        let numbers = [6, 40, 3, 1, 2, 5, 60_u32].map(u32::to_le_bytes).concat();
        assert_eq!(block, [&numbers[..], b"abcde\0\0\0", &40_u32.to_le_bytes()].concat());
    }

    #[test]
    fn comments_stand_behind_the_options_that_were_there() {
        let flags = [0, 2, 0, 4, 0, 0, 0, 1];
        for (order, kept) in [(BIG, flags), (LITTLE, [2, 0, 4, 0, 1, 0, 0, 0])] {
            let mut block = order.packet(0, &original(&flags, true));
            order.finish(&mut block, false, ["why"].into_iter());
            assert_eq!(block[36..44], kept);
            assert_eq!(block[48..52], *b"why\0");
            assert_eq!(order.at(&block, 4) as usize, block.len());
            assert_eq!(block.len(), 28 + 8 + 8 + 8 + 4 + 4);
        }
    }

    #[test]
    fn options_of_unknown_layout_do_not_change_their_byte_order() {
        let unknown = [0x80, 0, 0, 2, 1, 2, 0, 0];
        let length = |order: Order| order.packet(0, &original(&unknown, true)).len();
        assert_eq!((length(BIG), length(LITTLE)), (28 + 8 + 8, 28 + 8));
    }

    #[test]
    fn what_had_no_time_gets_none_unless_it_has_a_comment() {
        let kind_of = |interface, comment: Option<&str>| {
            let mut block = LITTLE.packet(interface, &original(b"", false));
            LITTLE.finish(&mut block, true, comment.into_iter());
            assert_eq!(LITTLE.at(&block, 4) as usize, block.len());
            LITTLE.at(&block, 0)
        };
        assert_eq!(kind_of(0, None), kind::SIMPLE_PACKET);
        assert_eq!(kind_of(1, None), kind::ENHANCED_PACKET);
        assert_eq!(kind_of(0, Some("why")), kind::ENHANCED_PACKET);
    }

    #[test]
    fn a_comment_that_is_too_long_ends_between_two_characters() {
        let long = "ä".repeat(40_000);
        assert_eq!(shortened(&long).len(), 65_534);
        assert_eq!(shortened("short"), "short");
    }

    #[test]
    fn a_section_keeps_what_lasts() {
        let options = [&[1, 0, 2, 0][..], b"hi\0\0", &[4, 0, 4, 0], b"prog"].concat();
        assert_eq!(LITTLE.lasting(&options), [&[1, 0, 2, 0][..], b"hi\0\0"].concat());
        assert_eq!(LITTLE.lasting(&[1, 0, 9]), b"");
    }
}
