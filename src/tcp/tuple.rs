//! The four-tuple that names a connection, with its direction.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Source and destination address and port of a segment. Innermost addresses where there are tunnels.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
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
}

impl fmt::Display for FourTuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} > {}", self.src, self.dst)
    }
}
