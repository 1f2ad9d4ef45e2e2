//! Two passes over a capture find what one pass finds.

use rstscan::analyzer::{Analyzer, Chunk, Finding, Options, Prescan, Summary};
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

/// As [`explain`], with many frames at a time, and findings fetched as soon as they are there.
fn explain_all(bytes: &[u8], mut analyzer: Analyzer) -> (Vec<Finding>, Summary) {
    let mut findings = Vec::new();
    let mut file = CaptureFile::new(bytes, 0);
    loop {
        match file.next().expect("a whole capture") {
            Next::Frame(ref frame) => {
                analyzer.push(frame);
                let mut at_hand = file.at_hand();
                while analyzer.push_all(&mut at_hand) > 0 {
                    findings.extend(analyzer.findings());
                }
            }
            Next::End => break,
            Next::Interface(_) | Next::Comment(..) | Next::Damaged(_) | Next::Lost(_) | Next::Idle => {}
        }
    }
    analyzer.finish();
    findings.extend(analyzer.findings());
    (findings, analyzer.summary())
}

/// As [`explain`], with what looks at every frame apart from what follows connections, which is told once in `each` frames.
fn explain_apart(bytes: &[u8], each: usize, mut analyzer: Analyzer) -> (Vec<Finding>, Summary) {
    let mut front = analyzer.split().expect("only some four-tuples are followed");
    let (mut chunk, mut waiting) = (Chunk::default(), 0);
    frames(bytes, |frame| {
        front.push_to(frame, &mut chunk);
        waiting += 1;
        if waiting == each {
            while analyzer.take(&mut chunk) {}
            chunk.clear();
            waiting = 0;
        }
    });
    front.finish_to(&mut chunk);
    while analyzer.take(&mut chunk) {}
    analyzer.join(front);
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
    for each in [1, 7, usize::MAX] {
        let apart = explain_apart(bytes, each, followed(true));
        if twice != apart {
            return Err(format!("1: in two passes {twice:?}, apart by {each} {apart:?}"));
        }
    }
    // Of four-tuples without a RST the second pass keeps no earlier lives.
    assert!(twice.1.tracked_max <= once.1.tracked_max, "{:?}", twice.1);
    twice.1.tracked_max = once.1.tracked_max;
    if once == twice { Ok(once.0.len()) } else { Err(format!("1: in one pass {once:?}, in two {twice:?}")) }
}
