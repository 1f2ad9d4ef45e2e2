//! Capture files of any content, compressed or not.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};

use rstscan::source::{CaptureFile, Compression, Next, Source, SourceError};

/// More than this of one file is not read.
const ENOUGH: usize = 20_000;

/// Reading ends, frames count up from 1 and are as long as they say, and it does not matter in what pieces the bytes come,
/// compressed or not, damaged or not.
pub fn hold(data: &[u8]) {
    let (whole, pieces) = (read(data), read(Pieces { rest: data, turn: 0, hurried: is_ambiguous(data) }));
    assert_eq!(whole, pieces);
}

/// What a source says, in short.
#[derive(PartialEq, Debug)]
enum Said {
    Interface(u16),
    Frame { number: u64, hash: u64 },
    Comment(u64, String),
    Damaged(String),
    Failed(String),
}

fn read(reader: impl Read) -> Vec<Said> {
    let mut file = CaptureFile::new(reader, 3);
    let mut said = Vec::new();
    let mut frames = 0;
    while said.len() < ENOUGH {
        said.push(match file.next() {
            Ok(Next::Interface(link)) => Said::Interface(link.0),
            Ok(Next::Frame(frame)) => {
                frames += 1;
                assert_eq!((frame.no.input(), frame.no.number()), (3, frames));
                let mut hasher = DefaultHasher::new();
                (frame.time, frame.link, frame.data, frame.wire_len).hash(&mut hasher);
                Said::Frame { number: frames, hash: hasher.finish() }
            }
            Ok(Next::Comment(frame, text)) => Said::Comment(frame.number(), text),
            Ok(Next::Damaged(error)) => Said::Damaged(error.to_string()),
            Ok(Next::Idle | Next::Lost(_)) => continue,
            Ok(Next::End) => break,
            Err(error) => {
                // Which other format it is, is guessed from what there is of it. Where in compressed data damage shows, and as
                // what, depends on the library's calls; what comes before does not.
                let error = match error {
                    SourceError::Foreign { .. } => SourceError::NotACapture,
                    error => error,
                };
                let text = error.to_string();
                said.push(Said::Failed(text.split(", found by byte").next().unwrap_or_default().to_owned()));
                break;
            }
        });
    }
    said
}

/// Whether the layout is told by the first records, as far as they come without a pause: for pcap files.
fn is_ambiguous(data: &[u8]) -> bool {
    let compressed = data.first_chunk().and_then(|magic| Compression::of(*magic)).is_some();
    compressed || matches!(data, [0xa1, 0xb2, ..] | [_, _, 0xb2, 0xa1, ..])
}

/// Hands bytes out a few at a time, with pauses unless it is `hurried`.
struct Pieces<'a> {
    rest: &'a [u8],
    turn: usize,
    hurried: bool,
}

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.turn += 1;
        match self.turn % 7 {
            3 if !self.hurried => return Err(io::ErrorKind::TimedOut.into()),
            5 => return Err(io::ErrorKind::Interrupted.into()),
            _ => {}
        }
        let (some, rest) = self.rest.split_at(self.rest.len().min(out.len()).min(1 + self.turn * 13 % 61));
        out[..some.len()].copy_from_slice(some);
        self.rest = rest;
        Ok(some.len())
    }
}
