//! The four-tuple that names a connection, with its direction.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// Source and destination address and port of a segment. Innermost addresses where there are tunnels.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FourTuple {
    /// Where it comes from.
    pub src: SocketAddr,
    /// Where it goes.
    pub dst: SocketAddr,
}

impl FourTuple {
    /// From addresses and ports.
    pub fn new(src: (IpAddr, u16), dst: (IpAddr, u16)) -> Self {
        Self { src: src.into(), dst: dst.into() }
    }

    /// The opposite direction.
    pub fn reversed(self) -> Self {
        Self { src: self.dst, dst: self.src }
    }
}

impl fmt::Display for FourTuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} > {}", self.src, self.dst)
    }
}
