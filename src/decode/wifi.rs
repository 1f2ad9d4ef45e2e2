//! IEEE 802.11 data frames.

use super::{Skip, meta, tunnel};
use crate::frame::{Frame, LinkType};

/// The subframes of an aggregate (IEEE 802.11 section 9.3.2.2.2): addresses, a length and so many bytes, filled up to a
/// multiple of four but for the last.
pub(super) struct Subframes<'a>(&'a [u8]);

impl<'a> Iterator for Subframes<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        const HEADER: usize = 14;
        let rest = self.0;
        let len = match rest {
            [] => return None,
            [_, _, _, _, _, _, _, _, _, _, _, _, hi, lo, ..] => HEADER + usize::from(u16::from_be_bytes([*hi, *lo])),
            _ => HEADER,
        };
        self.0 = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some(rest.get(..len).unwrap_or(rest))
    }
}

/// What a frame of IEEE 802.11 holds if it is an aggregate.
pub(super) fn aggregate<'a>(frame: &Frame<'a>) -> Option<Subframes<'a>> {
    let frame = meta::unwrapped(frame).ok()?;
    let payload = match frame.link {
        LinkType::IEEE802_11 => data_frame(frame.data, false),
        LinkType::IEEE802_11_RADIOTAP => radiotap(frame.data),
        _ => return None,
    };
    payload.ok().filter(|(ether_type, _)| *ether_type == tunnel::ETHERNET).map(|(_, subframes)| Subframes(subframes))
}

/// Takes off a radiotap header (radiotap.org) and the 802.11 header behind it.
pub(super) fn radiotap(data: &[u8]) -> Result<tunnel::Payload<'_>, Skip> {
    let [_, _, lo, hi, ..] = data else { return Err(Skip::Truncated) };
    let frame = data.get(usize::from(u16::from_le_bytes([*lo, *hi]))..).ok_or(Skip::Truncated)?;
    data_frame(frame, has_padding(data))
}

/// Whether the radio padded the 802.11 header to a multiple of four bytes, as the field "flags" says. Words with bit 31
/// set are followed by another; the field comes first but for the time, which is aligned to eight bytes.
fn has_padding(data: &[u8]) -> bool {
    const EXTENDED: u32 = 1 << 31;
    const TIME: u32 = 1;
    const FLAGS: u32 = 1 << 1;
    const PADDING: u8 = 0x20;
    let (words, _) = data.get(4..).unwrap_or_default().as_chunks::<4>();
    let present = words.first().map_or(0, |word| u32::from_le_bytes(*word));
    let more = words.iter().take_while(|word| u32::from_le_bytes(**word) & EXTENDED != 0).count();
    let fields = 4 + (more + 1) * 4;
    let at = if present & TIME == 0 { fields } else { fields.next_multiple_of(8) + 8 };
    present & FLAGS != 0 && data.get(at).is_some_and(|flags| flags & PADDING != 0)
}

/// Takes off the header of a data frame in a tunnel. Cisco writes the two bytes of frame control the wrong way round, as
/// Wireshark knows: the type is where the flags are, one of which says that the frame goes to or comes from a network.
pub(super) fn tunnelled(frame: &[u8]) -> Result<tunnel::Payload<'_>, Skip> {
    match frame {
        [flags, control, ..] if flags & BOTH_SYSTEMS != 0 => data_frame_of([*control, *flags], frame, false),
        _ => data_frame(frame, false),
    }
}

const BOTH_SYSTEMS: u8 = 0x03;

/// Takes off the header of a data frame.
pub(super) fn data_frame(frame: &[u8], padded: bool) -> Result<tunnel::Payload<'_>, Skip> {
    let [control, flags, ..] = frame else { return Err(Skip::Truncated) };
    data_frame_of([*control, *flags], frame, padded)
}

/// Takes off the header of a data frame (IEEE 802.11 section 9.3.2.1). The first subframe of an aggregate (A-MSDU) has the
/// header of Ethernet with a length.
fn data_frame_of([control, flags]: [u8; 2], frame: &[u8], padded: bool) -> Result<tunnel::Payload<'_>, Skip> {
    const TYPE: u8 = 0x0f;
    const DATA: u8 = 0x08;
    const WITHOUT_DATA: u8 = 0x40;
    const QOS: u8 = 0x80;
    const PROTECTED: u8 = 0x40;
    const ORDER: u8 = 0x80;
    const AGGREGATE: u8 = 0x80;
    if control & (TYPE | WITHOUT_DATA) != DATA {
        return Err(Skip::NotIp);
    }
    if flags & PROTECTED != 0 {
        return Err(Skip::Encrypted);
    }
    let later_fragment = frame.get(22).ok_or(Skip::Truncated)? & 0x0f != 0;
    if later_fragment {
        return Err(Skip::Fragment);
    }
    let qos_at = if flags & BOTH_SYSTEMS == BOTH_SYSTEMS { 30 } else { 24 };
    let (len, aggregate) = match (control & QOS != 0, flags & ORDER != 0) {
        (false, _) => (qos_at, false),
        (true, with_control) => {
            let qos = frame.get(qos_at).ok_or(Skip::Truncated)?;
            (qos_at + 2 + usize::from(with_control) * 4, qos & AGGREGATE != 0)
        }
    };
    let len = if padded { len.next_multiple_of(4) } else { len };
    let rest = frame.get(len..).ok_or(Skip::Truncated)?;
    Ok((if aggregate { tunnel::ETHERNET } else { tunnel::LLC }, rest))
}
