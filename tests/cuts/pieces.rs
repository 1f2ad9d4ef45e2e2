//! Captures in memory, their rows, and what is made of rows.

use std::cell::RefCell;
use std::io::{self, Write};
use std::net::IpAddr;
use std::rc::Rc;

use rstscan::analyzer::{Analyzer, Options, Prescan, State};
use rstscan::decode;
use rstscan::frame::{Frame, FrameNo, LinkType, Timestamp};
use rstscan::pattern::Patterns;
use rstscan::report::{self, Context, Finished, Fold, Format, Style};
use rstscan::source::{CaptureFile, Next, Source};
use rstscan::tcp::FourTuple;

/// The frames of a capture.
#[derive(Clone)]
pub struct Frames(pub Vec<Kept>);

#[derive(Clone)]
pub struct Kept {
    pub time: Timestamp,
    pub link: LinkType,
    pub data: Vec<u8>,
    pub wire_len: u32,
}

impl Kept {
    fn frame(&self, no: FrameNo) -> Frame<'_> {
        Frame { no, time: self.time, link: self.link, data: &self.data, wire_len: self.wire_len }
    }
}

impl Frames {
    pub fn read(bytes: &[u8]) -> Self {
        let mut file = CaptureFile::new(bytes, 0);
        let mut frames = Vec::new();
        loop {
            match file.next().expect("a whole capture") {
                Next::Frame(Frame { time, link, data, wire_len, .. }) => {
                    frames.push(Kept { time, link, data: data.to_vec(), wire_len });
                }
                Next::End => return Self(frames),
                _ => {}
            }
        }
    }

    /// Each with its number in this file.
    pub fn each(&self, input: u16, mut push: impl FnMut(&Frame<'_>)) {
        (1..).zip(&self.0).for_each(|(number, kept)| push(&kept.frame(FrameNo::new(input, number))));
    }
}

/// The frames of a capture as files, of which all but the first begin at one of these frames, in their order.
pub fn files(capture: &Frames, starts: &[usize]) -> Vec<Frames> {
    let ends = [&[0], starts, &[capture.0.len()]].concat();
    ends.windows(2).map(|ends| Frames(capture.0[ends[0]..ends[1]].to_vec())).collect()
}

/// What a run prints of one file, where those from `before` on are read for what they show, and all later ones after it.
pub fn piece(files: &[Frames], before: usize, at: usize) -> String {
    let names = (before..files.len()).map(name).collect();
    let number = |file: usize| (file - before) as u16;
    let inputs = Some(number(at)..=number(at));
    let options = Options { inputs, ..Options::default() };
    let mut analyzer = Analyzer::new(options.clone());
    for (file, frames) in files.iter().enumerate().skip(before) {
        if file == at {
            analyzer.begin_piece(options.clone());
        }
        frames.each(number(file), |frame| analyzer.push(frame));
        if file == at {
            analyzer.end_piece();
        }
    }
    printed(analyzer, Context { inputs: names, ..Context::default() })
}

/// What each of as many runs prints of one of the files, where each leaves what it knows to the next.
pub fn linked(files: &[Frames], options: &Options) -> Vec<String> {
    let mut outputs = Vec::new();
    let mut known: Option<Vec<u8>> = None;
    for (at, frames) in files.iter().enumerate() {
        let mut analyzer = match known {
            None => Analyzer::new(options.clone()),
            Some(bytes) => read(&bytes, options).expect("what was just written"),
        };
        frames.each(at as u16, |frame| analyzer.push(frame));
        let context = Context { inputs: (0..=at).map(name).collect(), shard: options.shard, ..Context::default() };
        let is_last = at + 1 == files.len();
        if is_last {
            analyzer.finish();
        } else {
            analyzer.pause();
        }
        outputs.push(printed_by(&mut analyzer, context));
        known = (!is_last).then(|| written(analyzer));
    }
    outputs
}

/// What is known after a pause, as bytes.
pub fn written(analyzer: Analyzer) -> Vec<u8> {
    postcard::to_stdvec(&analyzer.into_state().expect("everything is followed")).expect("memory takes it")
}

/// An analyzer that knows what these bytes say.
pub fn read(bytes: &[u8], options: &Options) -> Option<Analyzer> {
    let (state, rest) = postcard::take_from_bytes::<State>(bytes).ok()?;
    Analyzer::resumed(options, state).filter(|_| rest.is_empty())
}

/// What a run prints of all files with these options.
pub fn chain_with(files: &[Frames], options: &Options) -> String {
    shown_all(Analyzer::new(options.clone()), files, options)
}

/// The same, where a first pass has found the four-tuples with a RST.
pub fn in_two_passes(files: &[Frames], options: &Options) -> String {
    let mut scan = Prescan::new();
    (0..).zip(files).for_each(|(number, frames)| frames.each(number, |frame| scan.push(frame)));
    shown_all(Analyzer::with_interest(options.clone(), scan.finish()), files, options)
}

fn shown_all(mut analyzer: Analyzer, files: &[Frames], options: &Options) -> String {
    (0..).zip(files).for_each(|(number, frames)| frames.each(number, |frame| analyzer.push(frame)));
    let inputs = (0..files.len()).map(name).collect();
    printed(analyzer, Context { inputs, shard: options.shard, ..Context::default() })
}

/// What a run prints of all files.
pub fn chain(files: &[Frames]) -> String {
    chain_with(files, &Options::default())
}

/// The names are in the order of the files.
pub fn name(file: usize) -> String {
    format!("{file}.pcap")
}

/// The four-tuple of each segment in the frames.
pub fn tuples(frames: &Frames) -> impl Iterator<Item = FourTuple> {
    let of = |kept: &Kept| decode::decode(&kept.frame(FrameNo::NONE)).ok().map(|found| found.segment.tuple);
    frames.0.iter().filter_map(of)
}

/// The connection of the reset in a row, without direction.
pub fn fingerprint_of(row: &serde_json::Value) -> u64 {
    let end = |host: &str, port: &str| {
        let address: IpAddr = row[host].as_str().and_then(|text| text.parse().ok()).expect("an address");
        (address, row[port].as_u64().expect("a port") as u16)
    };
    FourTuple::new(end("src", "sport"), end("dst", "dport")).fingerprint()
}

/// The rows of all that is found.
pub fn printed(mut analyzer: Analyzer, context: Context) -> String {
    analyzer.finish();
    printed_by(&mut analyzer, context)
}

/// The rows of what is found by now.
pub fn printed_by(analyzer: &mut Analyzer, mut context: Context) -> String {
    let out = Text::default();
    let mut sink = report::sink(Style { format: Format::Json, ..Style::default() }, Box::new(out.clone()));
    for finding in analyzer.findings() {
        if context.shard.is_none() {
            context.patterns.add(&finding);
        }
        sink.finding(&context, &finding).expect("memory takes it");
    }
    // Of four-tuples without a RST the second of two passes keeps no earlier lives.
    let summary = rstscan::analyzer::Summary { tracked_max: 1, ..analyzer.summary() };
    let finished =
        Finished { summary: &summary, wall_seconds: None, kernel_drops: None, queue_drops: None, sampled_out: None };
    sink.finish(&context, &finished).expect("memory takes it");
    out.text()
}

/// What `--fold` prints.
#[track_caller]
pub fn fold(outputs: &[String], format: Format) -> String {
    let mut fold = Fold::new(format);
    for output in outputs {
        let malformed = fold.read(output.as_bytes()).expect("memory is readable");
        assert_eq!(malformed.lines, 0);
    }
    let mut folded = fold.finish(Patterns::default());
    assert_eq!(folded.doubts, [""; 0]);
    let out = Text::default();
    let style = Style { format, quiet: 1, utc: true, ..Style::default() };
    folded.write(&style, Box::new(out.clone())).expect("memory takes it");
    out.text()
}

/// An output that can be read after it was written.
#[derive(Clone, Default)]
struct Text(Rc<RefCell<Vec<u8>>>);

impl Text {
    fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).expect("text")
    }
}

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
