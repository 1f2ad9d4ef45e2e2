//! Community ID version 1: the same for both directions of a connection, as Zeek, Suricata and others print it.
//!
//! <https://github.com/corelight/community-id-spec>

use std::net::{IpAddr, SocketAddr};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::tcp::FourTuple;

/// IANA's protocol number.
const TCP: u8 = 6;
/// What is hashed of two IPv6 ends: the seed, the addresses, the protocol and a zero, the ports.
const LONGEST: usize = 2 + 2 * 16 + 2 + 2 * 2;
/// A SHA-1 hash has 20 bytes, which are so many letters of Base64.
const LETTERS: usize = 28;

/// The Community ID of a connection, with seed 0; `None` where its ends are of two families.
pub fn community_id(tuple: FourTuple) -> Option<String> {
    let mut text = String::new();
    has_community_id(tuple).then(|| push_community_id(&mut text, tuple)).map(|()| text)
}

/// Whether both ends are of one family, as the specification wants it.
pub fn has_community_id(tuple: FourTuple) -> bool {
    tuple.src.is_ipv4() == tuple.dst.is_ipv4()
}

/// Appends it.
pub fn push_community_id(text: &mut String, tuple: FourTuple) {
    let (low, high) = ordered(tuple);
    let mut data = Data { bytes: [0; LONGEST], len: 2 };
    data.add_ip(low.ip());
    data.add_ip(high.ip());
    data.add(&[TCP, 0]);
    data.add(&low.port().to_be_bytes());
    data.add(&high.port().to_be_bytes());
    let hash = Sha1::digest(data.bytes.get(..data.len).unwrap_or_default());
    let mut letters = [0; LETTERS];
    let len = STANDARD.encode_slice(hash, &mut letters).unwrap_or_default();
    let letters = letters.get(..len).and_then(|letters| std::str::from_utf8(letters).ok());
    text.push_str("1:");
    text.push_str(letters.unwrap_or_default());
}

/// Both ends, the lower one first.
fn ordered(tuple: FourTuple) -> (SocketAddr, SocketAddr) {
    if tuple.src < tuple.dst { (tuple.src, tuple.dst) } else { (tuple.dst, tuple.src) }
}

/// The bytes that are hashed; they begin with the seed.
struct Data {
    bytes: [u8; LONGEST],
    len: usize,
}

impl Data {
    fn add_ip(&mut self, ip: IpAddr) {
        match ip {
            IpAddr::V4(ip) => self.add(&ip.octets()),
            IpAddr::V6(ip) => self.add(&ip.octets()),
        }
    }

    #[inline]
    fn add(&mut self, bytes: &[u8]) {
        if let Some(place) = self.bytes.get_mut(self.len..).and_then(|free| free.get_mut(..bytes.len())) {
            place.copy_from_slice(bytes);
            self.len += bytes.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_that_of_others((src, sport, dst, dport) in any::<(IpAddr, u16, IpAddr, u16)>(), same: bool) {
            let dst = if same { src } else { dst };
            let tuple = FourTuple::new((src, sport), (dst, dport));
            let theirs = community_id_of_others(tuple);
            prop_assert_eq!(community_id(tuple), theirs);
            prop_assert_eq!(community_id(tuple), community_id(tuple.reversed()));
        }
    }

    fn community_id_of_others(tuple: FourTuple) -> Option<String> {
        let (src, dst) = (tuple.src, tuple.dst);
        ::community_id::calculate_community_id(0, src.ip(), dst.ip(), Some(src.port()), Some(dst.port()), TCP, false)
            .ok()
    }
}
