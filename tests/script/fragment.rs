//! A frame as the fragments that a path with a tiny MTU would make of its packet.

/// How much data each fragment has: less than a TCP header, which so is in none of them.
const DATA: usize = 16;
/// Ethernet.
const LINK: usize = 14;

/// The same Ethernet frame in fragments. The last comes first, as Linux sent them once, and the first comes twice.
pub fn fragments(frame: &[u8]) -> Vec<Vec<u8>> {
    let (link, packet) = frame.split_at(LINK);
    let four = packet[0] >> 4 == 4;
    let (headers, len) = if four { (20, be16(packet, 2)) } else { (40, 40 + be16(packet, 4)) };
    let data = &packet[headers..len];
    let part = |(at, part): (usize, &[u8])| {
        let offset = at * DATA;
        let more = offset + part.len() < data.len();
        let packet = if four { version4(packet, (offset, more)) } else { version6(packet, (offset, more)) };
        let mut packet = [&packet, part].concat();
        let len = packet.len() - if four { 0 } else { 40 };
        let at = if four { 2 } else { 4 };
        packet[at..at + 2].copy_from_slice(&(len as u16).to_be_bytes());
        [link, &packet].concat()
    };
    let mut fragments: Vec<Vec<u8>> = data.chunks(DATA).enumerate().map(part).collect();
    fragments.reverse();
    fragments.insert(1, fragments[0].clone());
    fragments
}

fn be16(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]))
}

/// The IPv4 header of a fragment.
fn version4(packet: &[u8], (offset, more): (usize, bool)) -> Vec<u8> {
    let mut header = packet[..20].to_vec();
    let dont_fragment = be16(packet, 6) & 0x4000;
    let field = (dont_fragment | (offset / 8) | (usize::from(more) << 13)) as u16;
    header[6..8].copy_from_slice(&field.to_be_bytes());
    header
}

/// The IPv6 and the fragment header of a fragment; the identification is made of sequence and acknowledgment number.
fn version6(packet: &[u8], (offset, more): (usize, bool)) -> Vec<u8> {
    let mut header = packet[..40].to_vec();
    let id: Vec<u8> = packet[44..48].iter().zip(&packet[48..52]).map(|(seq, ack)| seq ^ ack).collect();
    let [hi, lo] = ((offset | usize::from(more)) as u16).to_be_bytes();
    header.extend([packet[6], 0, hi, lo]);
    header.extend(id);
    header[6] = 44;
    header
}
