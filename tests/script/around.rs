//! What may be around a segment, apart from what a test puts around all of them.

use super::options::number;

/// What is around a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Around {
    /// A VLAN tag with this id.
    Vlan(u16),
    /// IPv6 extension headers: hop-by-hop, destination, routing, and a fragment header of a packet that is whole
    /// (RFC 6946); an IPv4 option.
    Extensions,
    /// An IP header with the length 0, as cards that cut segments themselves leave it.
    NoLength,
}

impl Around {
    /// Reads what stands behind `in`.
    pub fn parse(kind: &str, next: impl FnOnce() -> Result<String, String>) -> Result<Self, String> {
        match kind {
            "vlan" => Ok(Around::Vlan(number(&next()?)?)),
            "extensions" => Ok(Around::Extensions),
            "no-length" => Ok(Around::NoLength),
            _ => Err(format!("`{kind}` is nothing that scripts put around a segment")),
        }
    }

    /// As scripts write it.
    pub fn text(self) -> String {
        match self {
            Around::Vlan(id) => format!("vlan {id}"),
            Around::Extensions => "extensions".into(),
            Around::NoLength => "no-length".into(),
        }
    }

    /// Puts it around the segment of an untagged Ethernet frame; how many bytes that inserts.
    pub fn put(self, bytes: &mut Vec<u8>) -> usize {
        const IP: usize = 14;
        let is_ipv6 = bytes[IP] >> 4 == 6;
        let before = bytes.len();
        match self {
            Around::Vlan(id) => insert(bytes, 12, &[[0x81, 0], id.to_be_bytes()].concat()),
            Around::Extensions if is_ipv6 => {
                let tcp = std::mem::replace(&mut bytes[IP + 6], 0);
                let headers = [
                    [60, 0, 1, 4, 0, 0, 0, 0],
                    [43, 0, 1, 4, 0, 0, 0, 0],
                    [44, 0, 253, 0, 0, 0, 0, 0],
                    [tcp, 0, 0, 0, 0, 0, 0, 7],
                ];
                insert(bytes, IP + 40, &headers.concat());
                lengthen(bytes, IP + 4, 32);
            }
            Around::Extensions => {
                bytes[IP] += 1;
                insert(bytes, IP + 20, &[148, 4, 0, 0]);
                lengthen(bytes, IP + 2, 4);
                sum_up(&mut bytes[IP..IP + 24]);
            }
            Around::NoLength if is_ipv6 => bytes[IP + 4..IP + 6].fill(0),
            Around::NoLength => {
                bytes[IP + 2..IP + 4].fill(0);
                sum_up(&mut bytes[IP..IP + 20]);
            }
        }
        bytes.len() - before
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, what: &[u8]) {
    bytes.splice(at..at, what.iter().copied());
}

fn lengthen(bytes: &mut [u8], at: usize, by: u16) {
    let len = u16::from_be_bytes([bytes[at], bytes[at + 1]]) + by;
    bytes[at..at + 2].copy_from_slice(&len.to_be_bytes());
}

/// Writes the checksum of an IPv4 header (RFC 791 section 3.1).
fn sum_up(header: &mut [u8]) {
    header[10..12].fill(0);
    let sum = etherparse::checksum::Sum16BitWords::new().add_slice(header).ones_complement();
    header[10..12].copy_from_slice(&sum.to_ne_bytes());
}
