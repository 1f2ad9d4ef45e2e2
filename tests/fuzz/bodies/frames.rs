//! Frames of any content, on any link type.

use rstscan::decode::{Decoded, LINK_TYPES, Skip, decode, glance};
use rstscan::frame::{Frame, FrameNo, LinkType, Timestamp};
use rstscan::tcp::Segment;

/// The first two bytes choose the link type, the third how much of the frame was not captured.
const HEADER: usize = 3;

/// Decoding ends, and what it finds lies in the frame; a glance and cutting the frame change nothing that both see.
pub fn hold(data: &[u8]) {
    let Some((&[low, high, missing], data)) = data.split_first_chunk::<HEADER>() else { return };
    let link = match high {
        // Types that are decoded come up more often than others.
        0 => LINK_TYPES[usize::from(low) % LINK_TYPES.len()],
        _ => LinkType(u16::from_le_bytes([low, high])),
    };
    let wire_len = data.len() as u32 + u32::from(missing);
    let frame = Frame { no: FrameNo::new(0, 1), time: Timestamp::from_nanos(1), link, data, wire_len };
    let whole = decode(&frame);
    if let Ok(decoded) = &whole {
        lies_within(decoded, data);
        agrees_with_a_glance(&decoded.segment, &frame);
    }
    let cut = decode(&Frame { data: &data[..data.len() - data.len().min(usize::from(low % 64))], ..frame });
    // An aggregate of 802.11 shows its first RST, which may be cut off.
    if !matches!(link, LinkType::IEEE802_11 | LinkType::IEEE802_11_RADIOTAP) {
        is_consistent(&whole, &cut);
    }
}

fn lies_within(decoded: &Decoded<'_>, data: &[u8]) {
    let (payload, all) = (decoded.payload.as_ptr_range(), data.as_ptr_range());
    assert!(decoded.payload.is_empty() || all.start <= payload.start && payload.end <= all.end);
    assert!(decoded.payload.len() <= decoded.segment.len as usize || decoded.segment.len == 0);
}

fn agrees_with_a_glance(segment: &Segment, frame: &Frame<'_>) {
    let Some(seen) = glance(frame) else { return };
    assert_eq!((seen.flags, seen.seq), (segment.flags, segment.seq));
    assert_eq!(seen.len, segment.len);
    assert_eq!((seen.sport, seen.dport), (segment.tuple.src.port(), segment.tuple.dst.port()));
}

/// Of a frame that was cut more, nothing else is found: the same segment or none, and options only where they were.
fn is_consistent(whole: &Result<Decoded<'_>, Skip>, cut: &Result<Decoded<'_>, Skip>) {
    if let (Ok(whole), Ok(cut)) = (whole, cut)
        && whole.encap == cut.encap
    {
        let (whole, cut) = (&whole.segment, &cut.segment);
        assert_eq!((whole.tuple, whole.flags, whole.seq), (cut.tuple, cut.flags, cut.seq));
        assert!(whole.options.complete || !cut.options.complete);
    }
}
