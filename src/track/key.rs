//! Four-tuples without direction, in a form that is small to keep and quick to compare.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::tcp::FourTuple;

use super::Side;

/// A four-tuple with its ends in order of address and port.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
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

/// What the table keeps of [`Ends`]: 16 bytes. IPv6 addresses lie beside the table, so that IPv4 does not pay for them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key {
    low: u32,
    high: u32,
    low_port: u16,
    high_port: u16,
    wide: bool,
}

/// The addresses of IPv6 keys.
#[derive(Clone, Debug, Default)]
pub struct WideKeys {
    pairs: Vec<[Ipv6Addr; 2]>,
    free: Vec<u32>,
}

impl WideKeys {
    /// Packs `ends`, storing IPv6 addresses.
    pub fn pack(&mut self, ends: &Ends) -> Key {
        let ports = (ends.low.port(), ends.high.port());
        match (ends.low.ip(), ends.high.ip()) {
            (IpAddr::V4(low), IpAddr::V4(high)) => Key::narrow(low.into(), high.into(), ports),
            (low, high) => {
                let pair = [widen(low), widen(high)];
                let slot = self.store(pair);
                Key { low: slot, high: 0, low_port: ports.0, high_port: ports.1, wide: true }
            }
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
            self.free.push(key.low);
        }
    }

    /// Whether `key` is that of `ends`.
    pub fn matches(&self, key: &Key, ends: &Ends) -> bool {
        if key.low_port != ends.low.port() || key.high_port != ends.high.port() {
            return false;
        }
        match (key.wide, ends.low.ip(), ends.high.ip()) {
            (false, IpAddr::V4(low), IpAddr::V4(high)) => key.low == u32::from(low) && key.high == u32::from(high),
            (true, low, high) => self.pairs.get(key.low as usize) == Some(&[widen(low), widen(high)]),
            (false, ..) => false,
        }
    }
}

impl Key {
    fn narrow(low: u32, high: u32, ports: (u16, u16)) -> Self {
        Self { low, high, low_port: ports.0, high_port: ports.1, wide: false }
    }
}

fn widen(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(narrow) => narrow.to_ipv6_mapped(),
        IpAddr::V6(wide) => wide,
    }
}
