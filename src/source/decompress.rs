//! Decompressors behind one face: bounded memory, all that comes before damage, and errors that say where.

mod coder;
#[cfg(test)]
mod tests;

use std::io::{self, BufRead, BufReader, Chain, Cursor, ErrorKind, Read};

use lz4_flex::frame::FrameDecoder;

use super::SourceError;
use super::unpack::Compression;
use coder::Coder;

/// Decompresses a file of any number of members, frames or streams, one after the other.
pub(super) struct Decompressor<R: Read> {
    compression: Compression,
    decoder: Decoder<R>,
}

enum Decoder<R: Read> {
    Coded(Coded<R>),
    Lz4(Lz4<R>),
}

/// The compressed bytes: those that were read to recognise the format, then the rest.
type Packed<R> = BufReader<Counted<Chain<Cursor<Vec<u8>>, R>>>;

impl<R: Read> Decompressor<R> {
    pub(super) fn new(compression: Compression, seen: Vec<u8>, rest: R) -> Result<Self, SourceError> {
        let decoder = match Coder::of(compression)? {
            Some(coder) => Decoder::Coded(Coded::new(packed(seen, rest), coder)),
            None => {
                let legacy = seen.first() == Some(&2);
                Decoder::Lz4(Lz4::new(packed(seen, Patient(rest)), legacy))
            }
        };
        Ok(Self { compression, decoder })
    }

    /// How many compressed bytes were taken so far.
    fn offset(&self) -> u64 {
        match &self.decoder {
            Decoder::Coded(coded) => taken(&coded.packed),
            Decoder::Lz4(lz4) => taken(&lz4.decoder.get_ref().reader),
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
            Decoder::Coded(coded) => coded.read(into),
            Decoder::Lz4(lz4) => lz4.read(into),
        };
        read.map_err(|error| self.explained(error))
    }
}

/// Compressed bytes and what decodes them.
struct Coded<R> {
    packed: Packed<R>,
    coder: Coder,
    /// The coder may have more to give without being given more.
    full: bool,
    /// What is wrong behind the bytes that were handed out. It is said as often as it is asked: libraries forget it.
    error: Option<(ErrorKind, String)>,
}

impl<R: Read> Coded<R> {
    fn new(packed: Packed<R>, coder: Coder) -> Self {
        Self { packed, coder, full: false, error: None }
    }
}

impl<R: Read> Read for Coded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if let Some((kind, text)) = &self.error {
            return Err(io::Error::new(*kind, text.clone()));
        }
        if into.is_empty() {
            return Ok(0);
        }
        loop {
            let held = self.full && self.packed.buffer().is_empty();
            let input = if held { &[][..] } else { self.packed.fill_buf()? };
            let (last, given) = (input.is_empty() && !held, !input.is_empty());
            let step = self.coder.step(input, last, into);
            self.packed.consume(step.consumed);
            self.full = step.written == into.len();
            match step.result {
                Err(error) => {
                    self.error = Some((error.kind(), error.to_string()));
                    if step.written == 0 {
                        return Err(error);
                    }
                }
                Ok(_) if step.written > 0 => {}
                Ok(complete) if last => return if complete { Ok(0) } else { Err(ErrorKind::UnexpectedEof.into()) },
                Ok(_) if step.consumed > 0 || !given => continue,
                Ok(_) => return Err(io::Error::new(ErrorKind::InvalidData, "neither data nor an end")),
            }
            return Ok(step.written);
        }
    }
}

/// How many bytes were taken of those that were read.
fn taken<R: Read>(packed: &Packed<R>) -> u64 {
    packed.get_ref().count - packed.buffer().len() as u64
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
    /// A frame has come to its end, and whether there is another is not known yet.
    between: bool,
    /// A frame of the old kind has no mark at its end.
    legacy: bool,
}

impl<R: Read> Lz4<R> {
    fn new(reader: Packed<Patient<R>>, legacy: bool) -> Self {
        Self { decoder: FrameDecoder::new(Watched { reader, exhausted: false }), over: false, between: false, legacy }
    }
}

impl<R: Read> Read for Lz4<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while !self.over {
            if self.between {
                self.over = self.decoder.get_mut().reader.fill_buf()?.is_empty();
                self.between = false;
                continue;
            }
            match self.decoder.read(into)? {
                0 if self.decoder.get_ref().exhausted && self.legacy => self.over = true,
                0 if self.decoder.get_ref().exhausted => return Err(ErrorKind::UnexpectedEof.into()),
                0 => self.between = true,
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
