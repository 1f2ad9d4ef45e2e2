//! Which compression a file has, and its bytes with that taken off.

use std::io::{self, Read};

use super::SourceError;
#[cfg(feature = "compress")]
use super::decompress::Decompressor;

/// A way to compress files, recognised by the first bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compression {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// The lz4 frame format, or the one before it.
    Lz4,
    /// The .xz file format.
    Xz,
}

impl Compression {
    /// The compression of a file that starts with these bytes.
    pub fn of(magic: [u8; 4]) -> Option<Self> {
        Some(match magic {
            [0x1f, 0x8b, ..] => Self::Gzip,
            // The second is a frame to be skipped: `pzstd` begins with one.
            [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Self::Zstd,
            // The second is the frame of lz4 before version 1.4, which `lz4 -l` still writes.
            [0x04, 0x22, 0x4d, 0x18] | [0x02, 0x21, 0x4c, 0x18] => Self::Lz4,
            [0xfd, b'7', b'z', b'X'] => Self::Xz,
            _ => return None,
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
            Self::Xz => "xz",
        }
    }

    /// A command that writes the decompressed data to standard output.
    #[cfg(not(feature = "compress"))]
    fn command(self) -> &'static str {
        match self {
            Self::Gzip => "zcat",
            Self::Zstd => "zstdcat",
            Self::Lz4 => "lz4cat",
            Self::Xz => "xzcat",
        }
    }
}

/// A reader, or what a decompressor makes of it.
pub(super) enum Unpacked<R: Read> {
    Plain(R),
    /// Not to be decompressed: it grows.
    Bare(R),
    #[cfg(feature = "compress")]
    Packed(Box<Decompressor<R>>),
}

impl<R: Read> Unpacked<R> {
    /// Takes the compression off, once: `seen` are the bytes that were read to recognise it.
    #[cfg(feature = "compress")]
    pub(super) fn unpack(self, compression: Compression, seen: Vec<u8>) -> Result<Self, SourceError> {
        match self {
            Self::Plain(reader) => Ok(Self::Packed(Box::new(Decompressor::new(compression, seen, reader)?))),
            Self::Bare(_) => Err(SourceError::GrowsCompressed { format: compression.name() }),
            Self::Packed(_) => Err(SourceError::NotACapture),
        }
    }

    /// Fails.
    #[cfg(not(feature = "compress"))]
    pub(super) fn unpack(self, compression: Compression, _: Vec<u8>) -> Result<Self, SourceError> {
        Err(SourceError::Compressed { format: compression.name(), command: compression.command() })
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(reader) | Self::Bare(reader) => reader.read(into),
            #[cfg(feature = "compress")]
            Self::Packed(decompressor) => decompressor.read(into),
        }
    }
}
