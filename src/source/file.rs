//! A capture file of any known format.

use std::fmt;
use std::io::Read;

use super::buffer::{Buffer, Pause};
use super::mistaken;
use super::original::{Beside, Description, Original, Originals};
use super::pcapng::PcapNg;
use super::savefile::Savefile;
use super::unpack::{Compression, Unpacked};
use super::variant::Variant;
use super::{AtHand, Next, Source, SourceError};

/// A capture file: pcap or pcapng, plain or compressed, told apart by the first bytes.
///
/// Nothing is read before the first call of [`Source::next`]. Memory is bounded: a window of 256 KiB, 1 MiB once damage was
/// passed over, more only for a single record that is larger (at most 16 MiB); and what a decompressor needs (at most 128 MiB,
/// whatever it decompresses to).
/// A reader's error of kind `WouldBlock` or `TimedOut` becomes [`Next::Idle`]; an lz4 decompressor tries again by itself
/// after `TimedOut`, and cannot go on after `WouldBlock`.
///
/// ```
/// use rstscan::source::{CaptureFile, Next, Source};
/// let bytes: &[u8] = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0";
/// let mut file = CaptureFile::new(bytes, 0);
/// assert!(matches!(file.next(), Ok(Next::Interface(_))));
/// assert!(matches!(file.next(), Ok(Next::End)));
/// ```
pub struct CaptureFile<R: Read> {
    format: Format<R>,
    input: u16,
    keeps_originals: bool,
}

enum Format<R: Read> {
    Unread(Buffer<Unpacked<R>>),
    Pcap(Savefile<Unpacked<R>>),
    PcapNg(PcapNg<Unpacked<R>>),
    /// Not understood, or stopped before it was.
    Over,
}

impl<R: Read> CaptureFile<R> {
    /// A file whose frames get numbers of the input `input`.
    pub fn new(reader: R, input: u16) -> Self {
        Self { format: Format::Unread(Buffer::new(Unpacked::here(reader))), input, keeps_originals: false }
    }

    /// A file that is refused if it is compressed, such as one that is still written to.
    pub fn uncompressed(reader: R, input: u16) -> Self {
        Self { format: Format::Unread(Buffer::new(Unpacked::growing(reader))), input, keeps_originals: false }
    }

    /// As [`CaptureFile::new`], but what is compressed is decompressed on a thread of its own, at most 1.5 MiB ahead. The
    /// thread ends when the file is dropped, as soon as the reader gives anything.
    pub fn concurrent(reader: R, input: u16) -> Self
    where
        R: Send + 'static,
    {
        Self { format: Format::Unread(Buffer::new(Unpacked::ahead(reader))), input, keeps_originals: false }
    }

    /// Reads the file's header and takes up the reader of its format, behind a decompressor where it takes one.
    #[cold]
    fn open(&mut self) -> Result<(), Pause> {
        while let Format::Unread(buffer) = &mut self.format {
            let cut = match buffer.fill(Variant::HEADER) {
                Ok(()) => None,
                Err(Pause::End) => return Err(Pause::Failed(SourceError::Empty)),
                Err(Pause::Failed(cut @ SourceError::Truncated { .. })) => Some(cut),
                Err(pause) => return Err(pause),
            };
            let Format::Unread(buffer) = std::mem::replace(&mut self.format, Format::Over) else { return Ok(()) };
            self.format = recognise(buffer, self.input, cut).map_err(Pause::Failed)?;
        }
        if self.keeps_originals {
            self.keep_originals();
        }
        Ok(())
    }
}

/// What the first bytes are of; `cut` is the error to give where there are too few of them.
fn recognise<R: Read>(
    buffer: Buffer<Unpacked<R>>,
    input: u16,
    cut: Option<SourceError>,
) -> Result<Format<R>, SourceError> {
    let magic = *buffer.data().first_chunk().ok_or(SourceError::NotACapture)?;
    if let Some(compression) = Compression::of(magic) {
        let (reader, seen) = buffer.into_parts();
        return Ok(Format::Unread(Buffer::new(reader.unpack(compression, seen)?)));
    }
    if PcapNg::<R>::is_magic(magic) {
        return Ok(Format::PcapNg(PcapNg::new(buffer, input)));
    }
    match cut {
        _ if !Variant::is_magic(magic) => Err(mistaken::named(buffer.data())),
        Some(cut) => Err(cut),
        None => Ok(Format::Pcap(Savefile::new(buffer, input)?)),
    }
}

impl<R: Read> Source for CaptureFile<R> {
    #[inline(always)]
    fn next(&mut self) -> Result<Next<'_>, SourceError> {
        if let Format::Unread(_) = self.format
            && let Err(pause) = self.open()
        {
            return pause.into_next();
        }
        match &mut self.format {
            Format::Pcap(file) => file.next(),
            Format::PcapNg(file) => file.next(),
            Format::Unread(_) | Format::Over => Ok(Next::End),
        }
    }

    #[inline]
    fn at_hand(&mut self) -> AtHand<'_> {
        match &mut self.format {
            Format::Pcap(file) => file.at_hand(),
            Format::PcapNg(file) => file.at_hand(),
            Format::Unread(_) | Format::Over => AtHand::None,
        }
    }

    fn stop(&mut self) {
        match &mut self.format {
            Format::Pcap(file) => file.close(),
            Format::PcapNg(file) => file.close(),
            Format::Unread(_) | Format::Over => self.format = Format::Over,
        }
    }
}

impl<R: Read> Originals for CaptureFile<R> {
    fn keep_originals(&mut self) {
        self.keeps_originals = true;
        if let Format::PcapNg(file) = &mut self.format {
            file.keep_originals();
        }
    }

    fn original(&self) -> Option<Original<'_>> {
        match &self.format {
            Format::Pcap(file) => file.original(),
            Format::PcapNg(file) => file.original(),
            Format::Unread(_) | Format::Over => None,
        }
    }

    fn description(&self) -> Option<Description> {
        match &self.format {
            Format::Pcap(file) => Some(file.description()),
            Format::PcapNg(file) => file.described(),
            Format::Unread(_) | Format::Over => None,
        }
    }

    fn beside(&mut self) -> Vec<Beside> {
        match &mut self.format {
            Format::PcapNg(file) => file.beside(),
            Format::Pcap(_) | Format::Unread(_) | Format::Over => Vec::new(),
        }
    }
}

impl<R: Read> fmt::Debug for CaptureFile<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaptureFile").field("input", &self.input).finish_non_exhaustive()
    }
}
