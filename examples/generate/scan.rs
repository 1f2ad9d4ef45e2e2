//! A scan and a flood: every SYN has a four-tuple of its own, and few of them are answered.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use crate::capture::Capture;
use crate::connection::{Options, Segment};
use crate::ending::Truth;
use crate::random::Random;

const REFUSED: Truth = Truth { cause: "closed-port/no-listener", also: &[] };
const SCANNED: Truth = Truth { cause: "half-open-response/syn-scan", also: &[] };

type Socket = (IpAddr, u16);

/// Writes this many frames, or two more.
pub fn write(capture: &mut Capture, random: &mut Random, frames: u64) -> io::Result<()> {
    for number in 0.. {
        if capture.contents.frames >= frames {
            break;
        }
        capture.contents.connections += 1;
        capture.time_ns += random.below(2_000);
        if number % 2 == 0 { flood(capture, random, number / 2)? } else { probe(capture, random, number / 2)? }
    }
    Ok(())
}

/// One server is flooded from addresses that are spoofed, and answers none.
fn flood(capture: &mut Capture, random: &mut Random, number: u64) -> io::Result<()> {
    // An odd factor makes each of 2^24 addresses come once, in no order.
    let address = (100 << 24) | (number.wrapping_mul(0x9e37_79b1) & 0xff_ffff) as u32;
    let source = (ipv4(address), 1024 + ((number >> 24) % 60_000) as u16);
    let target = (ipv4(u32::from(Ipv4Addr::new(198, 18, 255, 1))), 80);
    capture.segment(&syn(source, target, random))
}

/// Sixteen scanners take a thousand ports of one host after the other, and reset what opens.
fn probe(capture: &mut Capture, random: &mut Random, number: u64) -> io::Result<()> {
    let (host, port) = (number / 1_000, number % 1_000);
    let scanner = (ipv4((192 << 24) | (2 << 8) | (host % 16) as u32), 40_000);
    let target = (ipv4((10 << 24) | host as u32), 1 + port as u16);
    let syn = syn(scanner, target, random);
    capture.segment(&syn)?;
    let ack = syn.seq.wrapping_add(1);
    let answer = |flags, seq, ack| Segment { flags, seq, ack, window: 0, options: Options::None, id: 0, ..syn };
    match random.below(100) {
        0..15 => {
            capture.time_ns += 1_000 + random.below(4_000);
            capture.contents.add(&REFUSED);
            capture.segment(&back(answer("R.", 0, ack)))
        }
        15..20 => {
            let seq = random.number() as u32;
            capture.time_ns += 1_000 + random.below(4_000);
            capture.segment(&Segment { window: 64240, options: Options::Mss, ..back(answer("S.", seq, ack)) })?;
            capture.time_ns += 1_000 + random.below(4_000);
            capture.contents.add(&SCANNED);
            capture.segment(&answer("R", ack, 0))
        }
        _ => Ok(()),
    }
}

fn ipv4(address: u32) -> IpAddr {
    IpAddr::V4(address.into())
}

/// As nmap and masscan make it.
fn syn(source: Socket, destination: Socket, random: &mut Random) -> Segment {
    let (seq, id) = (random.number() as u32, random.number() as u16);
    let options = Options::Mss;
    Segment { source, destination, flags: "S", seq, ack: 0, len: 0, window: 1024, options, id, label: 0, ttl: 64 }
}

fn back(segment: Segment) -> Segment {
    Segment { source: segment.destination, destination: segment.source, ..segment }
}
