//! What may stand between the link layer and the innermost IP packet: tunnels, labels, and further tags.
//!
//! Each step takes one header off and says with an ether type what comes next, as most of these headers do themselves;
//! PPP and Ethernet have ether types of their own. The number of steps is bounded, nothing is recursive.

mod capwap;
mod esp;
mod gre;
mod l2tp;
mod layer2;
#[cfg(test)]
pub(super) mod tests;
mod udp;

pub(super) use layer2::{cisco_hdlc, ppp, ppp_serial, pppoe};

use etherparse::ip_number;

use super::ip::{self, Body, Miss};
use super::link::{self, IPV4, IPV6, Network};
use super::{Encap, Skip};
use crate::frame::Layer;

/// What a header carries: its ether type and its captured bytes.
pub(super) type Payload<'a> = (u16, &'a [u8]);

/// Ethernet itself as the payload of something (RFC 1701: transparent Ethernet bridging).
pub(super) const ETHERNET: u16 = 0x6558;
/// An IEEE 802.2 header, as the highest length in the place of an ether type announces it.
pub(super) const LLC: u16 = link::LAST_LENGTH;
/// How many headers are taken off a frame: twice what stacks of tunnels in use have.
const STEPS: usize = 16;

/// The innermost TCP segment, and all that was around it; `uncaptured` is how many bytes of the frame are not there.
pub(super) fn innermost<'a>(network: &Network<'a>, uncaptured: usize) -> Result<(Body<'a>, Encap), Miss<'a>> {
    let mut walk = Walk::new(network, uncaptured);
    for _ in 0..STEPS {
        match walk.step() {
            Ok(Some(body)) => return Ok((body, walk.network.encap)),
            Ok(None) => {}
            Err(miss) => return Err(walk.named(miss)),
        }
    }
    Err(walk.named(Skip::NotIp.into()))
}

/// The innermost IP packet, from its header on, where it carries TCP or ICMP; `uncaptured` as for [`innermost`].
pub(super) fn innermost_packet<'a>(network: &Network<'a>, uncaptured: usize) -> Option<&'a [u8]> {
    let mut walk = Walk::new(network, uncaptured);
    for _ in 0..STEPS {
        let bytes = walk.network.bytes;
        match walk.step() {
            Ok(Some(_)) | Err(Miss::Skip(Skip::Icmp)) => return Some(bytes),
            Ok(None) => {}
            Err(_) => return None,
        }
    }
    None
}

/// The way inwards, at one of its headers.
struct Walk<'a> {
    network: Network<'a>,
    /// How many bytes of it were not captured.
    uncaptured: usize,
    /// An IP header has been taken off.
    below_ip: bool,
}

impl<'a> Walk<'a> {
    fn new(network: &Network<'a>, uncaptured: usize) -> Self {
        Walk { network: *network, uncaptured, below_ip: false }
    }

    /// Takes one header off, or finds the segment.
    fn step(&mut self) -> Result<Option<Body<'a>>, Miss<'a>> {
        let Network { ether_type, bytes, .. } = self.network;
        let (ether_type, rest) = match ether_type {
            IPV4 | IPV6 => {
                let wire_len = bytes.len().saturating_add(self.uncaptured);
                let mut body = ip::anywhere(&self.network, wire_len)?;
                if body.authenticated {
                    self.network.encap.push(Layer::Ah);
                }
                if body.protocol == ip_number::ENCAP_SEC {
                    body = esp::not_encrypted(&body)?;
                    self.network.encap.push(Layer::EspNull);
                }
                if body.protocol == ip_number::TCP {
                    return Ok(Some(body));
                }
                self.below_ip = true;
                self.uncaptured = body.len.saturating_sub(body.bytes.len());
                in_ip(&body, &mut self.network.encap)?
            }
            other => layer2::header(other, bytes, &mut self.network.encap)?,
        };
        self.network = match ether_type {
            ETHERNET => link::ethernet(rest, self.network.encap)?,
            other => link::after_ether_type(other, rest, self.network.encap)?,
        };
        Ok(None)
    }

    /// The reason as it is for the whole frame.
    fn named(&self, miss: Miss<'a>) -> Miss<'a> {
        match miss {
            Miss::Skip(Skip::NotIp) if self.below_ip => Skip::NotTcp.into(),
            other => other,
        }
    }
}

/// What an IP packet carries other than TCP.
fn in_ip<'a>(body: &Body<'a>, encap: &mut Encap) -> Result<Payload<'a>, Skip> {
    match body.protocol {
        ip_number::UDP => udp::payload(body.bytes, encap),
        ip_number::IPV4 | ip_number::IPV6 => {
            encap.push(Layer::IpInIp);
            Ok((if body.protocol == ip_number::IPV4 { IPV4 } else { IPV6 }, body.bytes))
        }
        ip_number::GRE => gre::payload(body.bytes, encap),
        ip_number::ETHER_IP => etherip(body.bytes, encap),
        ip_number::LAYER2_TUNNELING_PROTOCOL => {
            encap.push(Layer::L2tpV3);
            l2tp::over_ip(body.bytes)
        }
        _ => Err(Skip::NotTcp),
    }
}

/// RFC 3378 section 3: version 3, and 12 bits that are zero.
fn etherip<'a>(bytes: &'a [u8], encap: &mut Encap) -> Result<Payload<'a>, Skip> {
    match bytes {
        [0x30, 0, rest @ ..] => {
            encap.push(Layer::EtherIp);
            Ok((ETHERNET, rest))
        }
        [_, _, ..] => Err(Skip::NotTcp),
        _ => Err(Skip::Truncated),
    }
}

/// An IP packet whose version only its first four bits tell.
pub(super) fn ip_by_version(bytes: &[u8]) -> Result<Payload<'_>, Skip> {
    match bytes.first().map(|first| first >> 4) {
        Some(4) => Ok((IPV4, bytes)),
        Some(6) => Ok((IPV6, bytes)),
        Some(_) => Err(Skip::NotTcp),
        None => Err(Skip::Truncated),
    }
}

/// Takes `len` bytes off.
fn skip(bytes: &[u8], len: usize) -> Result<&[u8], Skip> {
    bytes.get(len..).ok_or(Skip::Truncated)
}
