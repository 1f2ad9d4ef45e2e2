//! The TCP header: from the body of an IP packet to a segment.

use etherparse::{TcpHeader, TcpSlice};

use super::ip::Body;
use super::{Skip, options};
use crate::frame::Frame;
use crate::tcp::{Flags, FourTuple, Options, Segment, SeqNum};

/// Ports, numbers, data offset, flags and window: all of the header that a verdict needs. What follows are checksum,
/// urgent pointer and options.
const ESSENTIAL_LEN: usize = 16;

/// Reads the segment that an IP packet carries into `out`, and gives the captured part of its payload.
#[inline]
pub(super) fn segment<'a>(frame: &Frame<'a>, body: &Body<'a>, out: &mut Segment) -> Result<&'a [u8], Skip> {
    let Ok(header) = TcpSlice::from_slice(body.bytes) else {
        *out = cut_segment(frame, body)?;
        return Ok(&[]);
    };
    let options = match body.bytes.get(TcpHeader::MIN_LEN..header.header_len()) {
        None | Some([]) => Options::NONE,
        Some(bytes) => options::parse(bytes),
    };
    *out = with_header(frame, body, &header, options);
    Ok(body.bytes.get(header.header_len()..).unwrap_or_default())
}

/// The segment whose header is not all there: cut by the snapshot length, or longer than IP's length has room for.
///
/// Wireshark and tcpdump show the flags of both, so a RST among them is one to explain. The missing bytes are read as
/// zeros; none of them shows in the segment, as only the captured options are read.
fn cut_segment(frame: &Frame<'_>, body: &Body<'_>) -> Result<Segment, Skip> {
    if body.bytes.len() < ESSENTIAL_LEN.min(body.len) {
        return Err(Skip::Truncated);
    }
    if body.len < ESSENTIAL_LEN {
        return Err(Skip::Malformed);
    }
    let mut padded = [0; TcpHeader::MAX_LEN];
    padded.iter_mut().zip(body.bytes).for_each(|(to, from)| *to = *from);
    let header = TcpSlice::from_slice(&padded).map_err(|_| Skip::Malformed)?;
    let options = if header.header_len() == TcpHeader::MIN_LEN {
        Options::NONE
    } else {
        Options { complete: false, ..options::parse(body.bytes.get(TcpHeader::MIN_LEN..).unwrap_or_default()) }
    };
    Ok(with_header(frame, body, &header, options))
}

#[inline]
fn with_header(frame: &Frame<'_>, body: &Body<'_>, header: &TcpSlice<'_>, options: Options) -> Segment {
    Segment {
        frame: frame.no,
        time: frame.time,
        tuple: FourTuple::new((body.src, header.source_port()), (body.dst, header.destination_port())),
        flags: flags(header),
        seq: SeqNum(header.sequence_number()),
        ack_field: SeqNum(header.acknowledgment_number()),
        window: header.window_size(),
        len: u32::try_from(body.len.saturating_sub(header.header_len())).unwrap_or(u32::MAX),
        options,
        ip: body.fields,
    }
}

/// The control bits, which etherparse gives one by one only.
#[inline]
fn flags(header: &TcpSlice<'_>) -> Flags {
    const FLAGS_OFFSET: usize = 13;
    Flags(header.slice().get(FLAGS_OFFSET).copied().unwrap_or_default())
}
