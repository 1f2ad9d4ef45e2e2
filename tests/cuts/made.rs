//! Captures of made-up connections.

use rstscan::frame::{LinkType, Timestamp};

use crate::pieces::{Frames, Kept};

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
