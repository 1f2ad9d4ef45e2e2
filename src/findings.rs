//! The short way: a capture in, its findings out, one after the other.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::analyzer::{Analyzer, Finding, Options, Summary};
use crate::source::{CaptureFile, Next, Source, SourceError};

/// Opens a capture file, pcap or pcapng, also compressed, and explains its resets.
///
/// ```
/// for finding in rstscan::open("samples/mixed.pcap")? {
///     let finding = finding?;
///     println!("{} {}", finding.reset.frame, finding.verdict.cause);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// The file cannot be opened. What is in it is read by the iterator, and errors in it come from there.
pub fn open(path: impl AsRef<Path>) -> io::Result<Findings<File>> {
    File::open(path).map(Findings::new)
}

/// The findings of a capture in the order of their RSTs, with memory for the connections only.
///
/// An error comes in its place among them. Behind damage that can be passed over the iterator goes on; where nothing more
/// can be read, all that was read before is explained first, and the error is the last item.
pub struct Findings<R: Read> {
    capture: CaptureFile<R>,
    analyzer: Analyzer,
    ready: VecDeque<Result<Finding, SourceError>>,
    is_over: bool,
}

impl<R: Read> Findings<R> {
    /// The findings of what `reader` gives: a capture of any known format.
    pub fn new(reader: R) -> Self {
        Self::with_options(reader, Options::default())
    }

    /// As [`Findings::new`], with other options for the analyzer.
    pub fn with_options(reader: R, options: Options) -> Self {
        let (capture, analyzer) = (CaptureFile::new(reader, 0), Analyzer::new(options));
        Self { capture, analyzer, ready: VecDeque::new(), is_over: false }
    }

    /// The counts so far; after the last finding those of the whole capture.
    pub fn summary(&self) -> Summary {
        self.analyzer.summary()
    }

    /// Reads on, and takes what has become final.
    fn advance(&mut self) {
        match self.capture.next() {
            Ok(Next::Frame(frame)) => self.analyzer.push(&frame),
            Ok(Next::Interface(_) | Next::Comment(..) | Next::Idle) => return,
            Ok(Next::Lost(loss)) => self.analyzer.lose(&loss),
            Ok(Next::Damaged(damage)) => return self.ready.push_back(Err(damage)),
            Ok(Next::End) => self.end(None),
            Err(error) => self.end(Some(error)),
        }
        self.ready.extend(self.analyzer.findings().map(Ok));
    }

    #[cold]
    fn end(&mut self, error: Option<SourceError>) {
        self.is_over = true;
        self.analyzer.finish();
        self.ready.extend(self.analyzer.findings().map(Ok).chain(error.map(Err)));
    }
}

impl<R: Read> Iterator for Findings<R> {
    type Item = Result<Finding, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() && !self.is_over {
            self.advance();
        }
        self.ready.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/samples/half-open.pcap")).unwrap()
    }

    fn items(bytes: &[u8]) -> Vec<Result<String, String>> {
        let text = |finding: Finding| format!("{} {}", finding.reset.frame, finding.verdict.cause);
        Findings::new(bytes).map(|item| item.map(text).map_err(|error| error.to_string())).collect()
    }

    #[test]
    fn findings_come_one_by_one_and_then_the_counts() {
        let mut findings = Findings::new(&*sample().leak());
        let all: Vec<_> = findings.by_ref().map(Result::unwrap).collect();
        assert_eq!(all.len() as u64, findings.summary().resets);
        assert!(all.is_sorted_by_key(|finding| finding.reset.frame) && !all.is_empty());
        assert!(findings.next().is_none());
    }

    #[test]
    fn what_comes_before_a_cut_is_explained_and_the_cut_named_last() {
        let whole = items(&sample());
        let cut = items(&[&sample()[..], &[0; 5]].concat());
        assert_eq!(cut[..whole.len()], whole);
        assert!(matches!(&cut[whole.len()..], [Err(error)] if error.starts_with("truncated")), "{cut:?}");
    }

    #[test]
    fn what_is_no_capture_is_one_error() {
        assert!(matches!(&items(b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")[..], [Err(_)]));
        assert!(open("/nonexistent/file.pcap").is_err());
    }
}
