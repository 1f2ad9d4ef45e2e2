//! Four-tuples without direction, in a form that is small to keep and quick to compare.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::tcp::FourTuple;

use super::{Seeds, Side};

/// A four-tuple with its ends in order of address and port.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Ends {
    /// The lower end.
    pub low: SocketAddr,
    /// The higher end.
    pub high: SocketAddr,
}

impl Ends {
    /// The ends of a segment's four-tuple, and which of them sent it.
    pub fn of(tuple: &FourTuple) -> (Ends, Side) {
        if is_lower(&tuple.src, &tuple.dst) {
            (Ends { low: tuple.src, high: tuple.dst }, Side::Low)
        } else {
            (Ends { low: tuple.dst, high: tuple.src }, Side::High)
        }
    }

    /// The four-tuple as `side` sends.
    pub fn from(&self, side: Side) -> FourTuple {
        match side {
            Side::Low => FourTuple { src: self.low, dst: self.high },
            Side::High => FourTuple { src: self.high, dst: self.low },
        }
    }

    /// The address and port of `side`.
    pub fn end(&self, side: Side) -> SocketAddr {
        self.from(side).src
    }
}

fn is_lower(one: &SocketAddr, other: &SocketAddr) -> bool {
    match (one.ip(), other.ip()) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u32::from(a), one.port()) < (u32::from(b), other.port()),
        (IpAddr::V6(a), IpAddr::V6(b)) => (u128::from(a), one.port()) < (u128::from(b), other.port()),
        (IpAddr::V4(_), IpAddr::V6(_)) => true,
        (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

/// A segment's four-tuple as the table looks it up: without direction, and quick to compare.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lookup {
    addresses: Addresses,
    /// The lower end's port in the upper half.
    ports: u32,
    /// Which end sent the segment.
    pub side: Side,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Addresses {
    /// IPv4, the lower end in the upper half.
    Narrow(u64),
    /// IPv6 (or a mix, which no real segment has), the lower end first.
    Wide([Ipv6Addr; 2]),
}

impl Lookup {
    /// Of no meaning, to be written over.
    pub const EMPTY: Lookup = Lookup { addresses: Addresses::Narrow(0), ports: 0, side: Side::Low };

    /// An IPv4 four-tuple, given as address and port of source and destination.
    #[inline]
    pub fn narrow(src: (u32, u16), dst: (u32, u16)) -> Self {
        let (pair, ports, side) = in_order(src, dst);
        Self { addresses: Addresses::Narrow(pair), ports, side }
    }

    /// The hash of an IPv4 four-tuple, as [`Lookup::hash`] gives it.
    #[inline]
    pub fn narrow_hash(src: (u32, u16), dst: (u32, u16), state: &Seeds) -> u64 {
        let (pair, ports, _) = in_order(src, dst);
        state.hash_one((pair, ports))
    }

    /// An IPv6 four-tuple, given as address and port of source and destination.
    #[inline]
    pub fn wide(src: (u128, u16), dst: (u128, u16)) -> Self {
        let (low, high, side) = if src < dst { (src, dst, Side::Low) } else { (dst, src, Side::High) };
        Self {
            addresses: Addresses::Wide([low.0.into(), high.0.into()]),
            ports: u32::from(low.1) << 16 | u32::from(high.1),
            side,
        }
    }

    /// The four-tuple of a segment.
    #[inline(always)]
    pub fn of(tuple: &FourTuple) -> Self {
        match (&tuple.src, &tuple.dst) {
            (SocketAddr::V4(src), SocketAddr::V4(dst)) => {
                Self::narrow((u32::from(*src.ip()), src.port()), (u32::from(*dst.ip()), dst.port()))
            }
            _ => Self::wide_of(tuple),
        }
    }

    #[inline(never)]
    fn wide_of(tuple: &FourTuple) -> Self {
        let (ends, side) = Ends::of(tuple);
        let ports = u32::from(ends.low.port()) << 16 | u32::from(ends.high.port());
        Self { addresses: Addresses::Wide([widen(ends.low.ip()), widen(ends.high.ip())]), ports, side }
    }

    /// Its seeded hash, the same in both directions. Seeded, because the peer chooses the keys.
    #[inline]
    pub fn hash(&self, state: &Seeds) -> u64 {
        match self.addresses {
            Addresses::Narrow(pair) => state.hash_one((pair, self.ports)),
            Addresses::Wide([low, high]) => state.hash_one((u128::from(low), u128::from(high), self.ports)),
        }
    }
}

/// Both addresses and both ports of IPv4, those of the lower end in the upper halves, and which end is the first one.
/// Without a branch: which of them is lower nobody can guess.
#[inline]
fn in_order(src: (u32, u16), dst: (u32, u16)) -> (u64, u32, Side) {
    let end = |(address, port): (u32, u16)| u64::from(address) << 16 | u64::from(port);
    let (src, dst) = (end(src), end(dst));
    let (low, high) = (src.min(dst), src.max(dst));
    let side = if src < dst { Side::Low } else { Side::High };
    (low >> 16 << 32 | high >> 16, (low as u32) << 16 | high as u32 & 0xffff, side)
}

/// What the table keeps of a four-tuple: 16 bytes. IPv6 addresses lie beside the table, so that IPv4 does not pay for them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Key {
    /// Both IPv4 addresses, or where the IPv6 addresses lie.
    addresses: u64,
    ports: u32,
    wide: bool,
}

/// The addresses of IPv6 keys.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct WideKeys {
    pairs: Vec<[Ipv6Addr; 2]>,
    free: Vec<u32>,
}

impl WideKeys {
    /// Packs a four-tuple, storing IPv6 addresses.
    pub fn pack(&mut self, lookup: &Lookup) -> Key {
        match lookup.addresses {
            Addresses::Narrow(addresses) => Key { addresses, ports: lookup.ports, wide: false },
            Addresses::Wide(pair) => Key { addresses: u64::from(self.store(pair)), ports: lookup.ports, wide: true },
        }
    }

    fn store(&mut self, pair: [Ipv6Addr; 2]) -> u32 {
        if let Some(slot) = self.free.pop()
            && let Some(place) = self.pairs.get_mut(slot as usize)
        {
            *place = pair;
            return slot;
        }
        self.pairs.push(pair);
        (self.pairs.len() - 1) as u32
    }

    /// Gives back what `key` stored.
    pub fn release(&mut self, key: Key) {
        if key.wide {
            self.free.push(key.addresses as u32);
        }
    }

    /// Whether `key` is that of `lookup`.
    #[inline]
    pub fn matches(&self, key: &Key, lookup: &Lookup) -> bool {
        if key.ports != lookup.ports {
            return false;
        }
        match lookup.addresses {
            Addresses::Narrow(addresses) => !key.wide && key.addresses == addresses,
            Addresses::Wide(pair) => key.wide && self.pairs.get(key.addresses as usize) == Some(&pair),
        }
    }
}

fn widen(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(narrow) => narrow.to_ipv6_mapped(),
        IpAddr::V6(wide) => wide,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddrV6;

    use proptest::prelude::*;

    fn tuples() -> impl Strategy<Value = FourTuple> {
        let address = prop_oneof![
            (0u32..4).prop_map(|low| IpAddr::from(low.to_be_bytes())),
            (0u128..4).prop_map(|low| IpAddr::from(low.to_be_bytes())),
        ];
        (address.clone(), 0u16..3, address, 0u16..3).prop_map(|(a, p, b, q)| FourTuple::new((a, p), (b, q)))
    }

    proptest! {
        #[test]
        fn both_directions_look_up_the_same(tuple in tuples()) {
            let (there, back) = (Lookup::of(&tuple), Lookup::of(&tuple.reversed()));
            prop_assert_eq!(there.addresses, back.addresses);
            prop_assert_eq!(there.ports, back.ports);
            prop_assert_eq!(there.side == back.side, tuple.src == tuple.dst);
            prop_assert_eq!(there.side, Ends::of(&tuple).1);
            if let (SocketAddr::V6(src), SocketAddr::V6(dst)) = (tuple.src, tuple.dst) {
                let end = |end: SocketAddrV6| (u128::from(*end.ip()), end.port());
                prop_assert_eq!(Lookup::wide(end(src), end(dst)), there);
            }
        }

        #[test]
        fn keys_match_their_own_four_tuple_only(one in tuples(), other in tuples()) {
            let mut wide = WideKeys::default();
            let key = wide.pack(&Lookup::of(&one));
            prop_assert_eq!(wide.matches(&key, &Lookup::of(&other)), Ends::of(&one).0 == Ends::of(&other).0);
        }
    }
}
