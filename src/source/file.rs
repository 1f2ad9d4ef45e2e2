//! A capture file of any known format.

use std::fmt;
use std::io::Read;

use super::buffer::{Buffer, Pause};
use super::pcapng::PcapNg;
use super::savefile::Savefile;
use super::{Next, Source, SourceError};

/// A capture file: pcap or pcapng, told apart by the first bytes.
///
/// Nothing is read before the first call of [`Source::next`]. Memory is bounded: a window of 256 KiB, more only while a single
/// record is larger (at most 16 MiB). A reader's error of kind `WouldBlock` becomes [`Next::Idle`].
///
/// ```
/// use rstscan::source::{CaptureFile, Next, Source};
/// let bytes: &[u8] = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0";
/// let mut file = CaptureFile::new(bytes, 0);
/// assert!(matches!(file.next(), Ok(Next::Interface(_))));
/// assert!(matches!(file.next(), Ok(Next::End)));
/// ```
pub struct CaptureFile<R> {
    format: Format<R>,
    input: u16,
}

enum Format<R> {
    Unread(Buffer<R>),
    Pcap(Savefile<R>),
    PcapNg(PcapNg<R>),
    /// Not understood, or stopped before it was.
    Over,
}

impl<R: Read> CaptureFile<R> {
    /// A file whose frames get numbers of the input `input`.
    pub fn new(reader: R, input: u16) -> Self {
        Self { format: Format::Unread(Buffer::new(reader)), input }
    }

    /// Reads the file's header and takes up the reader of its format.
    #[cold]
    fn open(&mut self) -> Result<(), Pause> {
        let Format::Unread(buffer) = &mut self.format else { return Ok(()) };
        let cut = match buffer.fill(Savefile::<R>::HEADER) {
            Ok(()) => None,
            Err(Pause::End) => return Err(Pause::Failed(SourceError::Empty)),
            Err(Pause::Failed(cut @ SourceError::Truncated { .. })) => Some(cut),
            Err(pause) => return Err(pause),
        };
        let magic = *buffer.data().first_chunk().ok_or(Pause::Failed(SourceError::NotACapture))?;
        let Format::Unread(buffer) = std::mem::replace(&mut self.format, Format::Over) else { return Ok(()) };
        self.format = if PcapNg::<R>::is_magic(magic) {
            Format::PcapNg(PcapNg::new(buffer, self.input))
        } else if !Savefile::<R>::is_magic(magic) {
            return Err(Pause::Failed(unknown(magic)));
        } else if let Some(cut) = cut {
            return Err(Pause::Failed(cut));
        } else {
            Format::Pcap(Savefile::new(buffer, self.input).map_err(Pause::Failed)?)
        };
        Ok(())
    }
}

impl<R: Read> Source for CaptureFile<R> {
    #[inline]
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

    fn stop(&mut self) {
        match &mut self.format {
            Format::Pcap(file) => file.close(),
            Format::PcapNg(file) => file.close(),
            Format::Unread(_) | Format::Over => self.format = Format::Over,
        }
    }
}

impl<R> fmt::Debug for CaptureFile<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaptureFile").field("input", &self.input).finish_non_exhaustive()
    }
}

/// What to say of a file that is no capture.
fn unknown(magic: [u8; 4]) -> SourceError {
    match magic {
        [0x1f, 0x8b, ..] => SourceError::Compressed { format: "gzip", command: "zcat" },
        [0x28, 0xb5, 0x2f, 0xfd] => SourceError::Compressed { format: "zstd", command: "zstdcat" },
        [0x04, 0x22, 0x4d, 0x18] => SourceError::Compressed { format: "lz4", command: "lz4cat" },
        [0xfd, b'7', b'z', b'X'] => SourceError::Compressed { format: "xz", command: "xzcat" },
        _ => SourceError::NotACapture,
    }
}
