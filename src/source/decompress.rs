//! Decompressors behind one face: bounded memory, and errors that say where.

#[cfg(test)]
mod tests;

use std::io::{self, BufRead, BufReader, Chain, Cursor, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};
use lz4_flex::frame::FrameDecoder;

use super::SourceError;
use super::unpack::Compression;

/// Decompresses a file of any number of members, frames or streams, one after the other.
pub(super) struct Decompressor<R: Read> {
    compression: Compression,
    decoder: Decoder<R>,
}

enum Decoder<R: Read> {
    Gzip(MultiGzDecoder<Packed<R>>),
    Zstd(zstd::stream::read::Decoder<'static, Packed<R>>),
    Lz4(Lz4<R>),
    Xz(XzDecoder<Packed<R>>),
}

/// The compressed bytes: those that were read to recognise the format, then the rest.
type Packed<R> = BufReader<Counted<Chain<Cursor<Vec<u8>>, R>>>;

impl<R: Read> Decompressor<R> {
    /// 128 MiB, which is zstd's own limit and `xz -9` twice: a file that asks for more memory is refused.
    const WINDOW_LOG: u32 = 27;
    const MEMORY: u64 = 1 << Self::WINDOW_LOG;

    pub(super) fn new(compression: Compression, seen: Vec<u8>, rest: R) -> Result<Self, SourceError> {
        let decoder = match compression {
            Compression::Gzip => Decoder::Gzip(MultiGzDecoder::new(packed(seen, rest))),
            Compression::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(packed(seen, rest))?;
                decoder.window_log_max(Self::WINDOW_LOG)?;
                Decoder::Zstd(decoder)
            }
            Compression::Lz4 => {
                let legacy = seen.first() == Some(&2);
                Decoder::Lz4(Lz4::new(packed(seen, Patient(rest)), legacy))
            }
            Compression::Xz => {
                let stream = Stream::new_stream_decoder(Self::MEMORY, CONCATENATED).map_err(io::Error::from)?;
                Decoder::Xz(XzDecoder::new_stream(packed(seen, rest), stream))
            }
        };
        Ok(Self { compression, decoder })
    }

    /// How many compressed bytes were read so far.
    fn offset(&self) -> u64 {
        match &self.decoder {
            Decoder::Gzip(decoder) => decoder.get_ref().get_ref().count,
            Decoder::Zstd(decoder) => decoder.get_ref().get_ref().count,
            Decoder::Lz4(lz4) => lz4.decoder.get_ref().reader.get_ref().count,
            Decoder::Xz(decoder) => decoder.get_ref().get_ref().count,
        }
    }

    /// Tells what the format forbids from what the system refuses.
    #[cold]
    fn explained(&self, error: io::Error) -> io::Error {
        let format = self.compression.name();
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => error,
            _ if error.raw_os_error().is_some() => error,
            ErrorKind::UnexpectedEof => io::Error::other(SourceError::Incomplete { format, length: self.offset() }),
            _ => {
                let reason = error.to_string();
                io::Error::other(SourceError::Undecodable { format, offset: self.offset(), reason })
            }
        }
    }
}

impl<R: Read> Read for Decompressor<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.decoder {
            Decoder::Gzip(decoder) => decoder.read(into),
            Decoder::Zstd(decoder) => decoder.read(into),
            Decoder::Lz4(lz4) => lz4.read(into),
            Decoder::Xz(decoder) => decoder.read(into),
        };
        read.map_err(|error| self.explained(error))
    }
}

fn packed<R: Read>(seen: Vec<u8>, rest: R) -> Packed<R> {
    BufReader::with_capacity(64 * 1024, Counted { reader: Cursor::new(seen).chain(rest), count: 0 })
}

/// Counts what is read.
struct Counted<R> {
    reader: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(into)?;
        self.count += read as u64;
        Ok(read)
    }
}

/// lz4 frames one after the other. The decoder stops after each, and takes the end of the input for the end of a frame.
struct Lz4<R: Read> {
    decoder: FrameDecoder<Watched<Packed<Patient<R>>>>,
    over: bool,
    /// A frame of the old kind has no mark at its end.
    legacy: bool,
}

impl<R: Read> Lz4<R> {
    fn new(reader: Packed<Patient<R>>, legacy: bool) -> Self {
        Self { decoder: FrameDecoder::new(Watched { reader, exhausted: false }), over: false, legacy }
    }
}

impl<R: Read> Read for Lz4<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while !self.over {
            match self.decoder.read(into)? {
                0 if self.decoder.get_ref().exhausted && self.legacy => self.over = true,
                0 if self.decoder.get_ref().exhausted => return Err(ErrorKind::UnexpectedEof.into()),
                0 => self.over = self.decoder.get_mut().reader.fill_buf()?.is_empty(),
                read => return Ok(read),
            }
        }
        Ok(0)
    }
}

/// Remembers whether a reader was asked for more than there is.
struct Watched<R> {
    reader: R,
    exhausted: bool,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(into)?;
        self.exhausted = read == 0;
        Ok(read)
    }
}

/// Waits on after a reader's `TimedOut`, for a decoder that forgets what it has read of a block when reading fails.
struct Patient<R>(R);

impl<R: Read> Read for Patient<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(into) {
                Err(error) if error.kind() == ErrorKind::TimedOut => {}
                read => return read,
            }
        }
    }
}
