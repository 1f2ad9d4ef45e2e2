//! Captures in memory, their rows, and what is made of rows.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io::{self, Write};
use std::net::IpAddr;
use std::rc::Rc;

use rstscan::analyzer::{Analyzer, Options, Prescan, State};
use rstscan::decode;
use rstscan::frame::{Frame, FrameNo, LinkType, Timestamp};
use rstscan::pattern::Patterns;
use rstscan::report::{self, Context, Finished, Fold, Format, Style};
use rstscan::source::{CaptureFile, Next, Source};
use rstscan::tcp::{FourTuple, Shard};

/// The frames of a capture.
#[derive(Clone)]
pub struct Frames(pub Vec<Kept>);

#[derive(Clone)]
pub struct Kept {
    pub time: Timestamp,
    link: LinkType,
    data: Vec<u8>,
    wire_len: u32,
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

    /// From this frame on a clock that was set back by a second.
    pub fn turn_back(&mut self, from: usize) {
        self.0.iter_mut().skip(from).for_each(|kept| kept.time = kept.time.plus(-1_000_000_000));
    }

    /// Each with its number in this file.
    fn each(&self, input: u16, mut push: impl FnMut(&Frame<'_>)) {
        (1..).zip(&self.0).for_each(|(number, kept)| push(&kept.frame(FrameNo::new(input, number))));
    }
}

/// How a capture is read.
#[derive(Clone, Copy)]
pub enum Way {
    One,
    Shard(Shard),
    /// The same, where a first pass has found the four-tuples with a RST.
    ShardInTwoPasses(Shard),
}

/// What a run prints as JSON, but for how long it took.
pub fn rows(capture: &Frames, way: Way) -> String {
    let shard = match way {
        Way::One => None,
        Way::Shard(shard) | Way::ShardInTwoPasses(shard) => Some(shard),
    };
    let options = Options { shard, ..Options::default() };
    let mut analyzer = Analyzer::new(options.clone());
    if matches!(way, Way::ShardInTwoPasses(_)) {
        let mut scan = Prescan::new();
        capture.each(0, |frame| scan.push(frame));
        analyzer = Analyzer::with_interest(options, scan.finish());
    }
    capture.each(0, |frame| analyzer.push(frame));
    printed(analyzer, Context { inputs: vec!["a.pcap".to_owned()], shard, ..Context::default() })
}

/// The frames of a capture as files of at most so many different lengths.
pub fn files(capture: &Frames, mut cuts: Vec<usize>) -> Vec<Frames> {
    cuts.extend([0, capture.0.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|cut| Frames(capture.0[cut[0]..cut[1]].to_vec())).collect()
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

/// What is known after these frames, as bytes.
pub fn left_by(frames: &Frames, options: &Options) -> Vec<u8> {
    let mut analyzer = Analyzer::new(options.clone());
    frames.each(0, |frame| analyzer.push(frame));
    analyzer.pause();
    analyzer.findings().for_each(drop);
    written(analyzer)
}

/// Shows these frames to an analyzer that knows anything, and prints what it finds.
pub fn go_on(mut analyzer: Analyzer, frames: &Frames) {
    frames.each(1, |frame| analyzer.push(frame));
    printed(analyzer, Context { inputs: vec![name(0), name(1)], ..Context::default() });
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
    let mut analyzer = Analyzer::new(options.clone());
    for (number, frames) in files.iter().enumerate() {
        frames.each(number as u16, |frame| analyzer.push(frame));
    }
    let inputs = (0..files.len()).map(name).collect();
    printed(analyzer, Context { inputs, shard: options.shard, ..Context::default() })
}

/// What a run prints of all files.
pub fn chain(files: &[Frames]) -> String {
    chain_with(files, &Options::default())
}

/// The names are in the order of the files.
fn name(file: usize) -> String {
    format!("{file}.pcap")
}

/// The four-tuple of each segment in the frames, without direction.
pub fn fingerprints(frames: &Frames) -> impl Iterator<Item = u64> {
    let of =
        |kept: &Kept| decode::decode(&kept.frame(FrameNo::NONE)).ok().map(|found| found.segment.tuple.fingerprint());
    frames.0.iter().filter_map(of)
}

/// The same of the reset in a row.
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

/// Holds that an output of any content is folded: what is printed are rows that were read, each of them JSON.
pub fn hold(output: &[u8]) {
    let mut fold = Fold::new(Format::Json);
    let malformed = fold.read(output).expect("memory is readable").lines as usize;
    let mut folded = fold.finish(Patterns::default());
    let out = Text::default();
    let style = Style { format: Format::Json, ..Style::default() };
    folded.write(&style, Box::new(out.clone())).expect("memory takes it");
    let lines: HashSet<&[u8]> = output.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).collect();
    let printed = out.0.borrow();
    let mut rows = 0;
    for line in printed.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let row: serde_json::Value = serde_json::from_slice(line).expect("JSON");
        if row["type"] == "reset" {
            assert!(lines.contains(line));
            rows += 1;
        }
    }
    assert_eq!(rows, folded.rows.len());
    assert!(rows + malformed <= lines.len());
}

/// The rows of resets in the order of their frames.
pub fn sorted(rows: &str) -> Vec<&str> {
    let mut rows: Vec<&str> = rows.lines().filter(|row| row.starts_with("{\"type\":\"reset\"")).collect();
    let frame = |row: &str| {
        let number = row.split("\"frame\":").nth(1).and_then(|rest| rest.split(',').next());
        number.and_then(|number| number.parse::<u64>().ok()).expect("every row has a frame")
    };
    rows.sort_by_key(|row| frame(row));
    rows
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

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const FIN: u8 = 0x01;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;

/// Segments of made-up connections, `C` and its server.
struct Made(Vec<Kept>);

impl Made {
    /// A segment of connection `port`, at so many milliseconds.
    fn say(&mut self, millis: i64, (port, from_client): (u16, bool), (seq, ack, flags): (u32, u32, u8), len: usize) {
        let (client, server) = ([192, 0, 2, 10], [198, 51, 100, 20]);
        let ((src, sport), (dst, dport)) =
            if from_client { ((client, port), (server, 443)) } else { ((server, 443), (client, port)) };
        let mut data = vec![0x45, 0];
        data.extend((40 + len as u16).to_be_bytes());
        data.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        data.extend([src, dst].concat());
        data.extend([sport.to_be_bytes(), dport.to_be_bytes()].concat());
        data.extend([seq.to_be_bytes(), ack.to_be_bytes()].concat());
        data.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        data.resize(40 + len, b'x');
        let time = Timestamp::from_nanos(1_700_000_000_000_000_000 + millis * 1_000_000);
        self.0.push(Kept { time, link: LinkType::RAW, wire_len: data.len() as u32, data });
    }

    /// Cuts the last packet into so many fragments of 32 bytes, of which the last one has the rest.
    fn cut(&mut self, count: usize) {
        let Some(whole) = self.0.pop() else { return };
        let (headers, body) = whole.data.split_at(20);
        for at in 0..count {
            let last = at + 1 == count;
            let part = &body[at * 32..if last { body.len() } else { (at + 1) * 32 }];
            let mut data = [headers, part].concat();
            let total = data.len() as u16;
            data[2..4].copy_from_slice(&total.to_be_bytes());
            data[4..6].copy_from_slice(&[0, 7]);
            data[6..8].copy_from_slice(&[if last { 0 } else { 0x20 }, at as u8 * 4]);
            self.0.push(Kept { wire_len: data.len() as u32, data, ..whole.clone() });
        }
    }

    /// A handshake, and one request that is answered, at this time.
    fn open(&mut self, millis: i64, port: u16) {
        self.say(millis, (port, true), (1000, 0, SYN), 0);
        self.say(millis + 1, (port, false), (5000, 1001, SYN | ACK), 0);
        self.say(millis + 2, (port, true), (1001, 5001, ACK), 0);
        self.say(millis + 3, (port, true), (1001, 5001, PSH | ACK), 10);
        self.say(millis + 4, (port, false), (5001, 1011, PSH | ACK), 20);
        self.say(millis + 5, (port, true), (1011, 5021, ACK), 0);
    }
}

/// Connections in which a RST with a payload, or the data before one, comes in three fragments.
pub fn fragmented() -> [Frames; 2] {
    [RST | ACK, PSH | ACK].map(|flags| {
        let mut made = Made(Vec::new());
        made.open(0, 40_000);
        made.say(100, (40_000, false), (5021, 1011, flags), 80);
        made.cut(3);
        if flags & RST == 0 {
            made.say(110, (40_000, true), (1011, 5101, RST | ACK), 0);
        }
        Frames(made.0)
    })
}

/// Connections that a device forgot after 350 seconds.
pub fn timers() -> Frames {
    let mut made = Made(Vec::new());
    for (at, port) in (0..).zip(40_000..40_005) {
        let begin = at * 360_000;
        made.open(begin, port);
        made.say(begin + 351_000, (port, true), (1011, 5021, PSH | ACK), 10);
        made.say(begin + 351_001, (port, false), (5021, 0, RST), 0);
    }
    Frames(made.0)
}

/// Requests that crossed the close of connections idle for 5 seconds.
pub fn races() -> Frames {
    let mut made = Made(Vec::new());
    for (at, port) in (0..).zip(40_000..40_005) {
        let begin = at * 10_000;
        made.open(begin, port);
        made.say(begin + 5005, (port, false), (5021, 1011, FIN | ACK), 0);
        made.say(begin + 5006, (port, true), (1011, 5021, PSH | ACK), 10);
        made.say(begin + 5007, (port, false), (5022, 0, RST), 0);
    }
    Frames(made.0)
}

/// A connection that is idle for a minute, and then aborted by its server; and how many frames lie before that.
pub fn abort_after_silence() -> (Frames, usize) {
    let mut made = Made(Vec::new());
    made.open(0, 40_000);
    let before = made.0.len();
    made.say(60_000, (40_000, false), (5021, 1011, RST | ACK), 0);
    (Frames(made.0), before)
}
