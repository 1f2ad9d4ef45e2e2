//! Captures for the report: one whose every text is hostile, one with many events.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::script::{self, Capture, Encapsulation};

/// What would run, or break out of its place, if anything took it for markup or code.
pub const HOSTILE: [&str; 6] = [
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "\"><img src=x onerror=alert(3)>",
    "'-alert(4)-'\u{2028}alert(5)",
    "user\u{202e}gpj.exe\u{2066}",
    "</noscript><iframe srcdoc='<script>alert(6)</script>'></iframe>&lt;b&gt;",
];

/// The name of a hostile file.
pub const HOSTILE_NAME: &str = "a<img src=x onerror=alert(7)>&\"'\u{202e}.pcapng";

fn parsed(text: &str) -> Capture {
    let script = script::parse(text).expect("the script is right");
    script::segments(&script).expect("the script is right")
}

/// Connections with hostile requests, server names and payloads of resets.
fn hostile_segments() -> Capture {
    let mut capture = parsed(
        "host C 192.0.2.10:40000\nhost D 192.0.2.11:40001\n\
         +0     C > S  S   0:0(0) win 64240 <mss 1460>\n\
         +.02   S > C  S.  0:0(0) ack 1 win 65160 <mss 1460>\n\
         +.0001 C > S  .   1:1(0) ack 1 win 502\n\
         +.001  C > S  P.  1:61(60) ack 1 win 502\n\
         +.02   S > C  .   1:1(0) ack 61 win 509\n\
         +.5    S > C  R.  1:61(60) ack 61 win 509\n\
         +1     D > S  S   0:0(0) win 64240 <mss 1460>\n\
         +.02   S > D  S.  0:0(0) ack 1 win 65160 <mss 1460>\n\
         +.0001 D > S  .   1:1(0) ack 1 win 502\n\
         +.001  D > S  P.  1:121(120) ack 1 win 502\n\
         +.02   S > D  .   1:1(0) ack 121 win 509\n\
         +.5    S > D  R.  1:1(0) ack 121 win 509\n",
    );
    capture[3].payload = padded(b"GET /<script>alert(8)</script>\"'& HTTP/1.1\r\n".to_vec(), 60);
    capture[5].payload = padded(b"<script>alert(9)</script>".to_vec(), 60);
    capture[9].payload = padded(client_hello(b"<script>alert(10)</script>"), 120);
    capture
}

fn padded(mut bytes: Vec<u8>, len: usize) -> Vec<u8> {
    assert!(bytes.len() <= len);
    bytes.resize(len, b' ');
    bytes
}

/// A ClientHello that names a server.
fn client_hello(name: &[u8]) -> Vec<u8> {
    let long = |len: usize| (len as u16).to_be_bytes();
    let names = [&long(name.len() + 3)[..], &[0], &long(name.len()), name].concat();
    let extension = [&[0, 0][..], &long(names.len()), &names].concat();
    let body = [&[3, 3][..], &[7; 32], &[0], &[0, 2, 0x13, 1], &[1, 0], &long(extension.len()), &extension].concat();
    let hello = [&[1, 0][..], &long(body.len()), &body].concat();
    [&[22, 3, 1][..], &long(hello.len()), &hello].concat()
}

/// The hostile capture as pcapng, each frame with a hostile comment.
pub fn hostile() -> Vec<u8> {
    let section = [&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat();
    let mut file = [block(0x0a0d_0d0a, &section), block(1, &[1, 0, 0, 0, 0, 0, 0, 0])].concat();
    for (index, sent) in hostile_segments().iter().enumerate() {
        let (_, bytes, len) = script::encode(sent, Encapsulation::Ethernet);
        let micros = (sent.time_ns / 1_000) as u64;
        let head = [0, (micros >> 32) as u32, micros as u32, bytes.len() as u32, len].map(u32::to_le_bytes).concat();
        let comment = HOSTILE[index % HOSTILE.len()].as_bytes();
        let option = [&[1, 0][..], &(comment.len() as u16).to_le_bytes(), &filled(comment), &[0; 4]].concat();
        file.extend(block(6, &[head, filled(&bytes), option].concat()));
    }
    file
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32 + 12).to_le_bytes();
    [&kind.to_le_bytes()[..], &length, body, &length].concat()
}

/// Up to the next multiple of four bytes.
fn filled(bytes: &[u8]) -> Vec<u8> {
    let mut filled = bytes.to_vec();
    filled.resize(bytes.len().next_multiple_of(4), 0);
    filled
}

/// So many refused connections to a few ports, and as many aborted ones.
pub fn many(pairs: u32) -> Vec<u8> {
    let template = parsed(
        "+0     C > S  S   0:0(0) win 64240 <mss 1460>\n\
         +.0002 S > C  R.  0:0(0) ack 1 win 0\n\
         +.01   C > S  S   0:0(0) win 64240 <mss 1460>\n\
         +.02   S > C  S.  0:0(0) ack 1 win 65160 <mss 1460>\n\
         +.0001 C > S  .   1:1(0) ack 1 win 502\n\
         +.001  C > S  P.  1:101(100) ack 1 win 502\n\
         +.02   S > C  .   1:1(0) ack 101 win 509\n\
         +.5    S > C  R.  1:1(0) ack 101 win 509\n",
    );
    let mut capture: Capture = Vec::new();
    for pair in 0..pairs {
        for (index, sent) in template.iter().enumerate() {
            let is_refused = index < 2;
            let [_, _, high, low] = pair.to_be_bytes();
            let client = SocketAddrV4::new(Ipv4Addr::new(10, 0, high, low), if is_refused { 40000 } else { 40001 });
            let port = if is_refused { 9000 + (pair % 5) as u16 } else { 443 };
            let server = SocketAddrV4::new(Ipv4Addr::new(198, 51, 100, 20), port);
            let (from, to) =
                if sent.from.port() == template[0].to.port() { (server, client) } else { (client, server) };
            let mut copy = sent.clone();
            (copy.from, copy.to) = (from, to);
            copy.time_ns += i64::from(pair) * 2_000_000;
            capture.push(copy);
        }
    }
    capture.sort_by_key(|sent| sent.time_ns);
    script::pcap(&capture, Encapsulation::Ethernet)
}
