//! Two passes over a capture find what one pass finds.

use rstscan::analyzer::{Analyzer, Finding, Options, Prescan, Summary};
use rstscan::frame::Frame;
use rstscan::source::{CaptureFile, Next, Source};

fn frames(bytes: &[u8], mut each: impl FnMut(&Frame<'_>)) {
    let mut file = CaptureFile::new(bytes, 0);
    loop {
        match file.next().expect("a whole capture") {
            Next::Frame(frame) => each(&frame),
            Next::End => return,
            Next::Interface(_) | Next::Comment(..) | Next::Damaged(_) | Next::Idle => {}
        }
    }
}

fn explain(bytes: &[u8], mut analyzer: Analyzer) -> (Vec<Finding>, Summary) {
    frames(bytes, |frame| analyzer.push(frame));
    analyzer.finish();
    let findings = analyzer.findings().collect();
    (findings, analyzer.summary())
}

/// Explains a capture in one pass and in two: the number of its resets, or where both differ.
pub fn passes_agree(bytes: &[u8]) -> Result<usize, String> {
    let mut scan = Prescan::new();
    frames(bytes, |frame| scan.push(frame));
    let once = explain(bytes, Analyzer::new(Options::default()));
    let mut twice = explain(bytes, Analyzer::with_interest(Options::default(), scan.finish()));
    // Of four-tuples without a RST the second pass keeps no earlier lives.
    assert!(twice.1.tracked_max <= once.1.tracked_max, "{:?}", twice.1);
    twice.1.tracked_max = once.1.tracked_max;
    if once == twice { Ok(once.0.len()) } else { Err(format!("1: in one pass {once:?}, in two {twice:?}")) }
}
