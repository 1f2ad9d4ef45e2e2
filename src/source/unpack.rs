//! Which compression a file has, and its bytes with that taken off.

use std::io::{self, Read};

use super::SourceError;
#[cfg(feature = "compress")]
use super::{ahead::Ahead, decompress::Decompressor};

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

/// Takes a compression off a reader, of which these bytes were read to recognise it.
type Unpack<R> = fn(R, Compression, Vec<u8>) -> Result<Unpacked<R>, SourceError>;

/// A reader, or what a decompressor makes of it.
pub(super) enum Unpacked<R: Read> {
    Plain(R, Unpack<R>),
    #[cfg(feature = "compress")]
    Packed(Box<Decompressor<R>>),
    #[cfg(feature = "compress")]
    Ahead(Ahead),
}

impl<R: Read> Unpacked<R> {
    /// To be decompressed as it is read.
    pub(super) fn here(reader: R) -> Self {
        #[cfg(feature = "compress")]
        let unpack =
            |reader, compression, seen| Ok(Self::Packed(Box::new(Decompressor::new(compression, seen, reader)?)));
        #[cfg(not(feature = "compress"))]
        let unpack = Self::without_compress;
        Self::Plain(reader, unpack)
    }

    /// Not to be decompressed: it grows.
    pub(super) fn growing(reader: R) -> Self {
        Self::Plain(reader, |_, compression, _| Err(SourceError::GrowsCompressed { format: compression.name() }))
    }

    /// Takes the compression off, once; `seen` are the bytes that were read to recognise it.
    pub(super) fn unpack(self, compression: Compression, seen: Vec<u8>) -> Result<Self, SourceError> {
        match self {
            Self::Plain(reader, unpack) => unpack(reader, compression, seen),
            #[cfg(feature = "compress")]
            Self::Packed(_) | Self::Ahead(_) => Err(SourceError::NotACapture),
        }
    }

    #[cfg(not(feature = "compress"))]
    fn without_compress(_: R, compression: Compression, _: Vec<u8>) -> Result<Self, SourceError> {
        Err(SourceError::Compressed { format: compression.name(), command: compression.command() })
    }
}

impl<R: Read + Send + 'static> Unpacked<R> {
    /// To be decompressed on a thread of its own.
    pub(super) fn ahead(reader: R) -> Self {
        #[cfg(feature = "compress")]
        let unpack =
            |reader, compression, seen| Ok(Self::Ahead(Ahead::start(Decompressor::new(compression, seen, reader)?)?));
        #[cfg(not(feature = "compress"))]
        let unpack = Self::without_compress;
        Self::Plain(reader, unpack)
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(reader, _) => reader.read(into),
            #[cfg(feature = "compress")]
            Self::Packed(decompressor) => decompressor.read(into),
            #[cfg(feature = "compress")]
            Self::Ahead(ahead) => ahead.read(into),
        }
    }
}
