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
            Next::Interface(_) | Next::Comment(..) | Next::Damaged(_) | Next::Lost(_) | Next::Idle => {}
        }
    }
}

fn explain(bytes: &[u8], mut analyzer: Analyzer) -> (Vec<Finding>, Summary) {
    frames(bytes, |frame| analyzer.push(frame));
    analyzer.finish();
    let findings = analyzer.findings().collect();
    (findings, analyzer.summary())
}

/// As [`explain`], with many frames at a time.
fn explain_all(bytes: &[u8], mut analyzer: Analyzer) -> (Vec<Finding>, Summary) {
    let mut file = CaptureFile::new(bytes, 0);
    loop {
        match file.next().expect("a whole capture") {
            Next::Frame(ref frame) => {
                analyzer.push(frame);
                analyzer.push_all(&mut file.at_hand());
            }
            Next::End => break,
            Next::Interface(_) | Next::Comment(..) | Next::Damaged(_) | Next::Lost(_) | Next::Idle => {}
        }
    }
    analyzer.finish();
    let findings = analyzer.findings().collect();
    (findings, analyzer.summary())
}

/// The four-tuples with a RST, found one frame after the other or many at a time.
fn scan(bytes: &[u8], many: bool) -> Prescan {
    let mut scan = Prescan::new();
    if !many {
        frames(bytes, |frame| scan.push(frame));
        return scan;
    }
    let mut file = CaptureFile::new(bytes, 0);
    loop {
        match file.next().expect("a whole capture") {
            Next::Frame(ref frame) => {
                scan.push(frame);
                scan.push_all(file.at_hand());
            }
            Next::End => return scan,
            Next::Interface(_) | Next::Comment(..) | Next::Damaged(_) | Next::Lost(_) | Next::Idle => {}
        }
    }
}

/// Explains a capture in one pass and in two: the number of its resets, or where both differ.
pub fn passes_agree(bytes: &[u8]) -> Result<usize, String> {
    let once = explain(bytes, Analyzer::new(Options::default()));
    let all = explain_all(bytes, Analyzer::new(Options::default()));
    if once != all {
        return Err(format!("1: one by one {once:?}, all at once {all:?}"));
    }
    let followed = |many| Analyzer::with_interest(Options::default(), scan(bytes, many).finish());
    let mut twice = explain(bytes, followed(false));
    let twice_all = explain_all(bytes, followed(true));
    if twice != twice_all {
        return Err(format!("1: in two passes one by one {twice:?}, all at once {twice_all:?}"));
    }
    // Of four-tuples without a RST the second pass keeps no earlier lives.
    assert!(twice.1.tracked_max <= once.1.tracked_max, "{:?}", twice.1);
    twice.1.tracked_max = once.1.tracked_max;
    if once == twice { Ok(once.0.len()) } else { Err(format!("1: in one pass {once:?}, in two {twice:?}")) }
}
