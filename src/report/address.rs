//! Addresses in the words of [`Display`](std::fmt::Display), appended without its machinery: a line of JSON names eight of
//! them, which took a sixth of the time to write it.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Range;

use crate::tcp::FourTuple;

/// Appends an address: `192.0.2.7`, `2001:db8::7`.
pub fn push_ip(text: &mut String, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => push_v4(text, ip),
        // A String takes whatever is written to it.
        IpAddr::V6(ip) => _ = write!(text, "{ip}"),
    }
}

/// Appends an address with its port: `192.0.2.7:443`, `[2001:db8::7]:443`.
pub fn push_end(text: &mut String, end: SocketAddr) {
    match end {
        SocketAddr::V4(end) => {
            push_v4(text, *end.ip());
            text.push(':');
            push_number(text, end.port());
        }
        SocketAddr::V6(end) => _ = write!(text, "{end}"),
    }
}

/// An end as it is written, with and without its port.
#[derive(Clone, Debug, Default)]
pub struct Written {
    end: String,
    ip: Range<usize>,
}

impl Written {
    fn write(&mut self, end: SocketAddr) {
        let text = &mut self.end;
        text.clear();
        if end.is_ipv6() {
            text.push('[');
        }
        let from = text.len();
        push_ip(text, end.ip());
        self.ip = from..text.len();
        text.push_str(if end.is_ipv6() { "]:" } else { ":" });
        push_number(text, end.port());
    }

    /// Without the port.
    pub fn ip(&self) -> &str {
        self.end.get(self.ip.clone()).unwrap_or_default()
    }
}

/// The ends of a reset, written once for all the places that name them.
#[derive(Clone, Debug)]
pub struct Ends {
    tuple: FourTuple,
    pub src: Written,
    pub dst: Written,
}

impl Default for Ends {
    fn default() -> Self {
        let mut ends = Self { tuple: FourTuple::NONE, src: Written::default(), dst: Written::default() };
        ends.write(FourTuple::NONE);
        ends
    }
}

impl Ends {
    /// Those of this four-tuple from now on.
    pub fn write(&mut self, tuple: FourTuple) {
        self.tuple = tuple;
        self.src.write(tuple.src);
        self.dst.write(tuple.dst);
    }

    /// Appends an end, most likely one of these.
    pub fn push_end(&self, text: &mut String, end: SocketAddr) {
        match end {
            end if end == self.tuple.dst => text.push_str(&self.dst.end),
            end if end == self.tuple.src => text.push_str(&self.src.end),
            end => push_end(text, end),
        }
    }
}

/// Appends a number in decimal.
pub fn push_number(text: &mut String, number: impl itoa::Integer) {
    text.push_str(itoa::Buffer::new().format(number));
}

/// The digits of an octet, and how many.
const fn digits(octet: u8) -> ([u8; 3], usize) {
    let [hundreds, tens, ones] = [b'0' + octet / 100, b'0' + octet / 10 % 10, b'0' + octet % 10];
    match octet {
        100.. => ([hundreds, tens, ones], 3),
        10.. => ([tens, ones, 0], 2),
        _ => ([ones, 0, 0], 1),
    }
}

/// Put together first: to append seven pieces takes longer than to write them.
fn push_v4(text: &mut String, ip: Ipv4Addr) {
    let mut written = [b'.'; 16];
    let mut len = 0;
    for octet in ip.octets() {
        let (digits, count) = digits(octet);
        if let Some(place) = written.get_mut(len..).and_then(<[u8]>::first_chunk_mut) {
            *place = digits;
        }
        len += count;
        if let Some(dot) = written.get_mut(len) {
            *dot = b'.';
        }
        len += 1;
    }
    text.push_str(written.get(..len - 1).and_then(|written| str::from_utf8(written).ok()).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn addresses_read_as_the_standard_library_writes_them(ip: IpAddr, port: u16) {
            let end = SocketAddr::new(ip, port);
            let mut text = String::from("from ");
            push_ip(&mut text, ip);
            text.push_str(" to ");
            push_end(&mut text, end);
            prop_assert_eq!(text, format!("from {ip} to {end}"));
        }

        #[test]
        fn ends_that_are_kept_read_the_same(a: (IpAddr, u16), b: (IpAddr, u16), other: (IpAddr, u16)) {
            let (tuple, other) = (FourTuple::new(a, b), SocketAddr::from(other));
            let mut ends = Ends::default();
            ends.write(tuple.reversed());
            ends.write(tuple);
            prop_assert_eq!([ends.src.ip(), ends.dst.ip()], [a.0.to_string(), b.0.to_string()]);
            for end in [tuple.src, tuple.dst, other] {
                let mut text = String::new();
                ends.push_end(&mut text, end);
                prop_assert_eq!(text, end.to_string());
            }
        }
    }
}
