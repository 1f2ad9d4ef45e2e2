//! The libraries that decode gzip, zstd and xz, driven step by step.
//!
//! Their own readers drop what a call has decoded when it comes upon damage: here it is handed out first.

use std::io;

use flate2::{Decompress, DecompressError, FlushDecompress, Status};
use liblzma::stream::{self, Action, CONCATENATED, Stream};
use zstd::stream::raw::{self, DParameter, InBuffer, Operation, OutBuffer};

use super::super::unpack::Compression;

/// 128 MiB, which is zstd's own limit and `xz -9` twice: a file that asks for more memory is refused.
const WINDOW_LOG: u32 = 27;
const MEMORY: u64 = 1 << WINDOW_LOG;

/// What decodes one of the formats.
pub(super) enum Coder {
    Gzip(Gzip),
    Zstd(Zstd),
    Xz(Stream),
}

/// What became of one call.
pub(super) struct Step {
    /// How much of the input was taken.
    pub(super) consumed: usize,
    /// How many bytes were put out, also before an error.
    pub(super) written: usize,
    /// Whether the data are complete, so far as there is no more input; or what is wrong with them.
    pub(super) result: io::Result<bool>,
}

impl Coder {
    /// None for lz4, which has its own reader.
    pub(super) fn of(compression: Compression) -> io::Result<Option<Self>> {
        Ok(Some(match compression {
            Compression::Gzip => Self::Gzip(Gzip { inflate: Gzip::inflate(), between: false }),
            Compression::Zstd => {
                let mut decoder = raw::Decoder::new()?;
                decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG))?;
                Self::Zstd(Zstd { decoder, portion: 1, between: false })
            }
            Compression::Xz => Self::Xz(Stream::new_stream_decoder(MEMORY, CONCATENATED)?),
            Compression::Lz4 => return Ok(None),
        }))
    }

    /// Decodes some of `input` into `out`; no more input is to come where it is the `last`.
    pub(super) fn step(&mut self, input: &[u8], last: bool, out: &mut [u8]) -> Step {
        match self {
            Self::Gzip(gzip) => gzip.step(input, last, out),
            Self::Zstd(zstd) => zstd.step(input, out),
            Self::Xz(stream) => xz_step(stream, input, last, out),
        }
    }
}

/// RFC 1952: members one after the other.
pub(super) struct Gzip {
    inflate: Decompress,
    /// A member is over and no other has begun.
    between: bool,
}

impl Gzip {
    /// It takes headers and trailers as well, and checks the CRC and the length that the latter hold.
    fn inflate() -> Decompress {
        Decompress::new_gzip(15)
    }

    fn step(&mut self, input: &[u8], last: bool, out: &mut [u8]) -> Step {
        if self.between {
            // Zeros fill the last block on a tape; gzip passes them over as well.
            let zeros = input.iter().take_while(|byte| **byte == 0).count();
            if zeros > 0 || input.is_empty() {
                return Step { consumed: zeros, written: 0, result: Ok(input.is_empty()) };
            }
            *self = Self { inflate: Self::inflate(), between: false };
        }
        let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
        let flush = if last { FlushDecompress::Finish } else { FlushDecompress::None };
        let status = self.inflate.decompress(input, out, flush);
        self.between = matches!(status, Ok(Status::StreamEnd));
        Step {
            consumed: (self.inflate.total_in() - before_in) as usize,
            written: (self.inflate.total_out() - before_out) as usize,
            result: status.map(|_| self.between).map_err(|error| io::Error::other(Self::reason(&error))),
        }
    }

    /// The library's words. It may come upon damage at the end of one call and only say at the next that it did.
    fn reason(error: &DecompressError) -> String {
        let message = error.message().filter(|message| !message.starts_with("repeated call"));
        message.unwrap_or("corrupt deflate data").to_owned()
    }
}

/// RFC 8878: frames of blocks, one frame after the other.
pub(super) struct Zstd {
    decoder: raw::Decoder<'static>,
    /// How much input makes the next block, or part of a header, whole.
    portion: usize,
    /// A frame is over and no other has begun.
    between: bool,
}

impl Zstd {
    const BLOCK_HEADER: usize = 3;

    /// Gives no more than one block at a time: of what a call has decoded before an error, the library does not say how
    /// much it is.
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Step {
        let portion = &input[..input.len().min(self.portion)];
        let (mut from, mut to) = (InBuffer::around(portion), OutBuffer::around(out));
        // Without input a call could only begin another frame.
        if self.between && portion.is_empty() {
            return Step { consumed: 0, written: 0, result: Ok(true) };
        }
        match self.decoder.run(&mut from, &mut to) {
            Ok(hint) => {
                self.between = hint == 0;
                // The hint is for a block and the header of the next one, or for less than that.
                self.portion = if hint > Self::BLOCK_HEADER { hint - Self::BLOCK_HEADER } else { hint.max(1) };
                Step { consumed: from.pos(), written: to.pos(), result: Ok(self.between) }
            }
            Err(error) => Step { consumed: portion.len(), written: 0, result: Err(error) },
        }
    }
}

/// The .xz format: streams one after the other, and zeros between them.
fn xz_step(stream: &mut Stream, input: &[u8], last: bool, out: &mut [u8]) -> Step {
    let (before_in, before_out) = (stream.total_in(), stream.total_out());
    let status = stream.process(input, out, if last { Action::Finish } else { Action::Run });
    Step {
        consumed: (stream.total_in() - before_in) as usize,
        written: (stream.total_out() - before_out) as usize,
        result: status.map(|status| status == stream::Status::StreamEnd).map_err(io::Error::from),
    }
}
