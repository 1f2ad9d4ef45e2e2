//! Why a source cannot go on.

use std::io;

use thiserror::Error;

/// Why a source cannot go on. Offsets count bytes from the start of the input, those of records in compressed captures from
/// the start of what it decompresses to.
#[derive(Error, Debug)]
pub enum SourceError {
    /// Reading failed.
    #[error("{}", plain(.0))]
    Io(#[from] io::Error),
    /// The input has no byte at all.
    #[error("the file is empty")]
    Empty,
    /// The first bytes are of no format known here.
    #[error("not a capture: neither pcap nor pcapng")]
    NotACapture,
    /// The first bytes are those of another format.
    #[error("{format}: {remedy}")]
    Foreign {
        /// What it is.
        format: &'static str,
        /// What makes it readable.
        remedy: &'static str,
    },
    /// The first bytes are those of a compressed file, and this build cannot decompress it.
    #[error("compressed with {format}: decompress it first, as in `{command} FILE | rstscan -r -`")]
    Compressed {
        /// The compression.
        format: &'static str,
        /// A command that writes the decompressed data to standard output.
        command: &'static str,
    },
    /// What is compressed cannot be followed while it grows: decompressors hold back what they cannot complete.
    #[error("compressed with {format}: only what is not can be followed (or try `tail -c +1 -f FILE | rstscan -r -`)")]
    GrowsCompressed {
        /// The compression.
        format: &'static str,
    },
    /// The compressed data end before they are complete.
    #[error("truncated: the {format} data end at byte {length} and are not complete")]
    Incomplete {
        /// The compression.
        format: &'static str,
        /// How many bytes there are.
        length: u64,
    },
    /// The compressed data contradict their format.
    #[error("damaged {format} data, found by byte {offset}: {reason}")]
    Undecodable {
        /// The compression.
        format: &'static str,
        /// How far the compressed data had been read by then.
        offset: u64,
        /// The decompressor's own words.
        reason: String,
    },
    /// The input ends inside a record.
    #[error("truncated in the record at byte {offset}: {needed} bytes needed, {present} there")]
    Truncated {
        /// Where the record starts.
        offset: u64,
        /// The bytes needed to go on: the whole record, or its header where that is cut.
        needed: u64,
        /// The bytes of it that are there.
        present: u64,
    },
    /// A record contradicts the format, so that the place of the next one is not known.
    #[error("damaged at byte {offset}: {what}")]
    Damaged {
        /// Where the record starts.
        offset: u64,
        /// What is wrong with it.
        what: Damage,
    },
    /// Live capture or a filter was asked for, and this build has neither.
    #[error("built without live capture and filters (the feature `live`)")]
    WithoutLive,
    /// libpcap refuses; its own words.
    #[error("{0}")]
    Libpcap(String),
    /// The rights to capture are missing; libpcap's own words.
    #[error("no permission to capture on {interface} ({reason})")]
    Permission {
        /// The interface.
        interface: String,
        /// libpcap's own words.
        reason: String,
    },
    /// There is no such interface.
    #[error("{0}: no such interface (rstscan -D lists them)")]
    NoInterface(String),
    /// The filter is not in the language of pcap-filter(7) or asks for what the link type has not.
    #[error("filter `{filter}`: {reason}")]
    Filter {
        /// The filter as typed.
        filter: String,
        /// libpcap's own words.
        reason: String,
    },
}

/// What is wrong with a record.
#[derive(Error, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Damage {
    /// A pcap record header without time and lengths.
    #[error("zeros where a record should be")]
    Zeros,
    /// A length that no writer makes.
    #[error("a record of {0} bytes is beyond reason")]
    AbsurdLength(u64),
    /// A pcapng block shorter than its own fields, or of a length that is no multiple of 4.
    #[error("a block cannot have {0} bytes")]
    BlockLength(u32),
    /// The length at the end of a pcapng block differs from the one at its start.
    #[error("the block has {0} bytes by its start and {1} by its end")]
    LengthsDiffer(u32, u32),
    /// The captured bytes do not fit into their pcapng block.
    #[error("the frame has {0} bytes and does not fit into its block")]
    FrameLength(u32),
    /// A pcapng frame of an interface that nothing described.
    #[error("a frame of interface {0}, which is not described")]
    UnknownInterface(u32),
    /// More pcapng interfaces in a section than are remembered.
    #[error("more than 65536 interfaces")]
    TooManyInterfaces,
    /// A pcapng section or interface description that cannot be read.
    #[error("a description of a section or an interface cannot be read")]
    Description,
}

/// The system's words without the number that std adds.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
