//! Where a frame was captured, as far as its headers tell.

use crate::frame::{Frame, LinkType};

use super::Encap;

/// A number for the point where a frame was captured: the same for all frames from one host to another there, and as a
/// rule another one at another point. It stands for the addresses of the link (with Linux cooked captures: interface and
/// direction), VLANs and tunnels. Never 0.
#[cold]
pub fn point(frame: &Frame<'_>, encap: &Encap) -> u16 {
    let link = match frame.link {
        LinkType::ETHERNET => frame.data.get(..12),
        LinkType::LINUX_SLL => frame.data.get(..14),
        LinkType::LINUX_SLL2 => frame.data.get(4..20),
        _ => None,
    };
    let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(FNV_PRIME);
    let hash = frame.link.0.to_be_bytes().into_iter().fold(FNV_BASIS, mix);
    let hash = link.unwrap_or_default().iter().copied().fold(hash, mix);
    let hash = encap.layers().map(|layer| layer as u8).fold(hash, mix);
    let hash = encap.vlans().iter().flat_map(|id| id.to_be_bytes()).fold(hash, mix);
    ((hash >> 16) as u16 ^ hash as u16).max(1)
}

/// FNV-1a with 32 bits (draft-eastlake-fnv).
const FNV_BASIS: u32 = 0x811c_9dc5;
const FNV_PRIME: u32 = 0x0100_0193;
