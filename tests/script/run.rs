//! Puts a capture through the analyzer.

use rstscan::analyzer::{Analyzer, Finding, Options};
use rstscan::frame::{Frame, FrameNo, Timestamp};

use super::wire::{Capture, Encapsulation, Place, frames};

/// What the analyzer said of one reset, with frames counted as in the script.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The segment of the script; `None` where traffic around it was judged.
    pub number: Option<u64>,
    /// Whether it is the second sighting of a segment.
    pub copy: bool,
    /// The finding; its frame numbers are those of the capture.
    pub finding: Finding,
    numbers: Vec<Option<u64>>,
}

impl Judged {
    /// A frame of the capture as the script counts it.
    pub fn in_script(&self, frame: FrameNo) -> Option<u64> {
        let index = usize::try_from(frame.number()).ok()?.checked_sub(1)?;
        self.numbers.get(index).copied().flatten()
    }
}

/// Every finding about a capture, in the order of the resets. All fragments of a segment have the number of the segment.
pub fn judge(capture: &Capture, encapsulation: Encapsulation) -> Vec<Judged> {
    let mut analyzer = Analyzer::new(Options::default());
    let mut findings = Vec::new();
    for (sent, number) in capture.iter().zip(1..) {
        let time = Timestamp::from_nanos(sent.time_ns);
        let no = FrameNo::new(u16::from(sent.place == Place::InOtherFile), number);
        for (link, data, wire_len) in frames(sent, encapsulation) {
            analyzer.push(&Frame { no, time, link, data: &data, wire_len });
        }
        findings.extend(analyzer.findings());
    }
    analyzer.finish();
    findings.extend(analyzer.findings());
    let numbers: Vec<Option<u64>> = capture.iter().map(|sent| sent.number).collect();
    findings.into_iter().map(|finding| about(finding, capture, &numbers)).collect()
}

fn about(finding: Finding, capture: &Capture, numbers: &[Option<u64>]) -> Judged {
    let sent = usize::try_from(finding.reset.frame.number()).ok().and_then(|number| capture.get(number - 1));
    Judged {
        number: sent.and_then(|sent| sent.number),
        copy: sent.is_some_and(|sent| sent.copy),
        finding,
        numbers: numbers.to_vec(),
    }
}
