//! Any sequence of segments on a few connections.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use etherparse::{PacketBuilder, TcpHeader, TcpOptionElement};
use rstscan::analyzer::{Analyzer, Connection, Finding, Options, Prescan, Summary};
use rstscan::frame::{Frame, FrameNo, LinkType, Timestamp};
use rstscan::report::{Context, Finished, Format, Style, sink};

/// Bytes that say what the next segment is.
const STEP: usize = 8;
const LONGEST: usize = 150;

/// Every RST gets one verdict and no other frame does, two passes say what one says, and all of it can be printed.
pub fn hold(data: &[u8]) {
    let mut author = Author::default();
    let frames: Vec<Written> = data.chunks_exact(STEP).take(LONGEST).map(|step| author.write(step)).collect();
    let once = explain(&frames, Analyzer::new(Options::default()));
    let resets: Vec<u64> = (1..).zip(&frames).filter(|(_, frame)| frame.reset).map(|(number, _)| number).collect();
    let judged: Vec<u64> = once.0.iter().map(|finding| finding.reset.frame.number()).collect();
    assert_eq!(resets, judged);
    let mut scan = Prescan::new();
    each(&frames, |frame| scan.push(frame));
    let mut twice = explain(&frames, Analyzer::with_interest(Options::default(), scan.finish()));
    twice.1.tracked_max = once.1.tracked_max;
    assert_eq!(once, twice);
    let formats = [Format::Text, Format::Json, Format::Count];
    print(formats[frames.len() % formats.len()], &once.0, &once.1);
}

/// A frame and when it came.
struct Written {
    time: i64,
    bytes: Vec<u8>,
    reset: bool,
}

fn each(frames: &[Written], mut take: impl FnMut(&Frame<'_>)) {
    for (written, number) in frames.iter().zip(1..) {
        take(&Frame {
            no: FrameNo::new(0, number),
            time: Timestamp::from_nanos(written.time),
            link: LinkType::ETHERNET,
            data: &written.bytes,
            wire_len: written.bytes.len() as u32,
        });
    }
}

fn explain(frames: &[Written], mut analyzer: Analyzer) -> (Vec<Finding>, Summary) {
    each(frames, |frame| analyzer.push(frame));
    analyzer.finish();
    // Wireshark's numbers are kept up less exactly where there is no RST.
    let unnumbered =
        |finding: Finding| Finding { connection: Connection { stream: 0, ..finding.connection }, ..finding };
    (analyzer.findings().map(unnumbered).collect(), analyzer.summary())
}

/// Writes segments whose numbers mostly have to do with those before.
#[derive(Default)]
struct Author {
    time: i64,
    /// The next sequence number of each end of four connections.
    next: [[u32; 2]; 4],
}

impl Author {
    fn write(&mut self, step: &[u8]) -> Written {
        let &[who, flags, seq, ack, len, pause, habits, extra] = step else { return self.write(&[0; STEP]) };
        let (connection, from) = (usize::from(who & 3), usize::from(who >> 2 & 1));
        self.time += i64::from(pause & 15) << (pause >> 4 << 1);
        if pause == 0xff {
            self.time -= 1 << 33;
        }
        let len = if len < 128 { 0 } else { usize::from(len - 127) };
        let ends = &mut self.next[connection];
        let number = |kind: u8, next: u32| match kind & 7 {
            0..=3 => next,
            4 => next.wrapping_sub(1),
            5 => 0,
            6 => next.wrapping_add(u32::from(kind) << 5),
            _ => next.wrapping_sub(u32::from(kind) << 8),
        };
        if flags & 2 != 0 && seq & 8 != 0 {
            ends[from] = u32::from(extra) << 24;
        }
        let mut tcp =
            TcpHeader::new(ports(connection, from), ports(connection, 1 - from), number(seq, ends[from]), 512);
        (tcp.fin, tcp.syn, tcp.rst, tcp.psh) = (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0, flags & 8 != 0);
        (tcp.ack, tcp.urg, tcp.ece, tcp.cwr) = (flags & 16 != 0, flags & 32 != 0, flags & 64 != 0, flags & 128 != 0);
        tcp.acknowledgment_number = number(ack, ends[1 - from]);
        tcp.window_size = u16::from(habits >> 4) << 8;
        if who & 8 != 0 {
            let stamps = TcpOptionElement::Timestamp(self.time as u32, u32::from(extra));
            tcp.set_options(&[stamps]).expect("one option fits");
        }
        let taken = len as u32 + u32::from(tcp.syn) + u32::from(tcp.fin);
        let end = tcp.sequence_number.wrapping_add(taken);
        if end.wrapping_sub(ends[from]) < 1 << 24 && !tcp.rst {
            ends[from] = end;
        }
        let bytes = frame((from, who & 16 != 0), 60 + (habits & 15), &tcp, &[0x78; 128][..len]);
        Written { time: self.time, bytes, reset: flags & 4 != 0 }
    }
}

fn ports(connection: usize, end: usize) -> u16 {
    match end {
        0 => 40_000 + connection as u16,
        _ => 80,
    }
}

fn frame((from, ipv6): (usize, bool), ttl: u8, tcp: &TcpHeader, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let link = PacketBuilder::ethernet2([2; 6], [4; 6]);
    let hosts = |end: usize| [10, 0, 0, 1 + end as u8];
    let wide = |end: usize| [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 + end as u8];
    let network = match ipv6 {
        true => link.ipv6(wide(from), wide(1 - from), ttl),
        false => link.ipv4(hosts(from), hosts(1 - from), ttl),
    };
    network.tcp_header(tcp.clone()).write(&mut bytes, payload).expect("a frame of this size");
    bytes
}

fn print(format: Format, findings: &[Finding], summary: &Summary) {
    let out = Paper::default();
    let context = Context { inputs: vec!["story".to_owned()], live: false, ..Context::default() };
    let style = Style { format, verbose: 1, width: Some(60), utc: true, ..Style::default() };
    let mut sink = sink(style, Box::new(out.clone()));
    sink.begin(&context).expect("paper");
    for finding in findings {
        sink.finding(&context, finding).expect("paper");
    }
    sink.finish(
        &context,
        &Finished { summary, wall_seconds: Some(1.0), kernel_drops: None, queue_drops: None, sampled_out: None },
    )
    .expect("paper");
    let text = String::from_utf8(out.0.borrow().clone()).expect("text");
    let odd = |letter: char| letter.is_control() && letter != '\n';
    assert!(!text.contains(odd), "control characters in the output");
}

/// What was printed.
#[derive(Clone, Default)]
struct Paper(Rc<RefCell<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
