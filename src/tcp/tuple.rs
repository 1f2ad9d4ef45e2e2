//! The four-tuple that names a connection, with its direction.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

/// Source and destination address and port of a segment. Innermost addresses where there are tunnels.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct FourTuple {
    /// Where it comes from.
    pub src: SocketAddr,
    /// Where it goes.
    pub dst: SocketAddr,
}

impl FourTuple {
    /// No four-tuple: all zeros.
    pub const NONE: FourTuple = {
        let nowhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
        FourTuple { src: nowhere, dst: nowhere }
    };

    /// From addresses and ports.
    pub fn new(src: (IpAddr, u16), dst: (IpAddr, u16)) -> Self {
        Self { src: src.into(), dst: dst.into() }
    }

    /// The opposite direction.
    pub fn reversed(self) -> Self {
        Self { src: self.dst, dst: self.src }
    }

    /// A number for the connection: the same in both directions, on every machine and with every version of this program.
    ///
    /// Both ends are written as 16 bytes of address (IPv4 as it is mapped to IPv6) and 2 bytes of port, the lower end first.
    /// These 36 bytes are hashed with FNV-1a (RFC 9923, 64 bits), whose lowest bits the lowest bits of the input decide, so
    /// that all bits are mixed then as MurmurHash3 ends (`fmix64`).
    pub fn fingerprint(&self) -> u64 {
        let (src, dst) = (written(self.src), written(self.dst));
        let (low, high) = if src <= dst { (src, dst) } else { (dst, src) };
        let add = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        let hash = low.iter().chain(&high).fold(0xcbf2_9ce4_8422_2325, add);
        let hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
        let hash = (hash ^ hash >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        hash ^ hash >> 33
    }
}

fn written(end: SocketAddr) -> [u8; 18] {
    let address = match end.ip() {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    let mut bytes = [0; 18];
    for (place, byte) in bytes.iter_mut().zip(address.octets().into_iter().chain(end.port().to_be_bytes())) {
        *place = byte;
    }
    bytes
}

impl fmt::Display for FourTuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} > {}", self.src, self.dst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    fn tuple(src: &str, dst: &str) -> FourTuple {
        FourTuple { src: src.parse().unwrap(), dst: dst.parse().unwrap() }
    }

    /// Rows that were written with one version have to go together with those of any other: these numbers, made by other
    /// means, never change.
    #[test]
    fn every_version_agrees() {
        let cases = [
            (tuple("192.0.2.1:40000", "198.51.100.2:443"), 0xe510_c8e9_01f1_c3ec),
            (tuple("[2001:db8::1]:40000", "[2001:db8::2]:443"), 0x9361_d511_d91d_5602),
            (tuple("0.0.0.0:0", "0.0.0.0:0"), 0x4345_8e5a_3de3_8cd9),
        ];
        for (tuple, expected) in cases {
            assert_eq!(tuple.fingerprint(), expected, "{tuple}");
        }
    }

    proptest! {
        #[test]
        fn both_directions_have_one_fingerprint(a: u32, b: u128, ports: (u16, u16)) {
            let narrow = FourTuple::new((a.to_be_bytes().into(), ports.0), ((b as u32).to_be_bytes().into(), ports.1));
            let wide = FourTuple::new((u128::from(a).to_be_bytes().into(), ports.0), (b.to_be_bytes().into(), ports.1));
            for tuple in [narrow, wide] {
                prop_assert_eq!(tuple.fingerprint(), tuple.reversed().fingerprint());
            }
        }
    }
}
