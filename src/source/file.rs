//! A capture file of any known format.

use std::fmt;
use std::io::{self, Read};

use super::buffer::Buffer;
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
    stopped: bool,
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
        Self { format: Format::Unread(Buffer::new(reader)), input, stopped: false }
    }

    /// Reads the file's header and takes up the reader of its format.
    #[cold]
    fn open(&mut self) -> Result<(), SourceError> {
        let Format::Unread(buffer) = &mut self.format else { return Ok(()) };
        let whole = buffer.fill(Savefile::<R>::HEADER)?;
        let magic = match buffer.data().first_chunk() {
            Some(magic) => *magic,
            None if buffer.data().is_empty() => return Err(SourceError::Empty),
            None => return Err(SourceError::NotACapture),
        };
        let Format::Unread(buffer) = std::mem::replace(&mut self.format, Format::Over) else { return Ok(()) };
        self.format = if PcapNg::<R>::is_magic(magic) {
            Format::PcapNg(PcapNg::new(buffer, self.input))
        } else if !Savefile::<R>::is_magic(magic) {
            return Err(unknown(magic));
        } else if whole {
            Format::Pcap(Savefile::new(buffer, self.input)?)
        } else {
            let present = buffer.data().len() as u64;
            return Err(SourceError::Truncated { offset: 0, needed: Savefile::<R>::HEADER as u64, present });
        };
        Ok(())
    }
}

impl<R: Read> Source for CaptureFile<R> {
    #[inline]
    fn next(&mut self) -> Result<Next<'_>, SourceError> {
        if let Format::Unread(_) = self.format {
            match self.open() {
                Err(error) if is_idle(&error) => return Ok(Next::Idle),
                opened => opened?,
            }
        }
        let next = match &mut self.format {
            Format::Pcap(file) => file.next(),
            Format::PcapNg(file) => file.next(),
            Format::Unread(_) | Format::Over => Ok(Next::End),
        };
        match next {
            Err(error) if is_idle(&error) => Ok(Next::Idle),
            // Whether the cut record would have been completed nobody knows.
            Err(SourceError::Truncated { .. }) if self.stopped => Ok(Next::End),
            next => next,
        }
    }

    fn stop(&mut self) {
        self.stopped = true;
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

fn is_idle(error: &SourceError) -> bool {
    matches!(error, SourceError::Io(error) if error.kind() == io::ErrorKind::WouldBlock)
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
