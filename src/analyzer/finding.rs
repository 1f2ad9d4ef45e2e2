//! A finding: one RST, its verdict, and as much of its connection as was kept.

use crate::classify::{KernelWord, Points, Verdict};
use crate::frame::{FrameNo, Layer, Timestamp};
use crate::tcp::{Flags, FourTuple, Heard, IcmpError, IpFields, Options, Segment, SeqNum};

/// One RST with its verdict and its connection, ready to be reported.
#[derive(Clone, PartialEq, Debug)]
pub struct Finding {
    /// The RST itself.
    pub reset: Reset,
    /// Why it was sent.
    pub verdict: Verdict,
    /// The connection it belongs to.
    pub connection: Connection,
    /// The connection's kept segments in order of capture, the RST and what followed it within the settle time included.
    pub segments: Vec<Seen>,
    /// How many segments of this incarnation came before the RST in all; more than are kept in `segments` where memory was short.
    pub segments_before: u64,
    /// The ICMP errors that the verdict's evidence names.
    pub icmp: Vec<IcmpError>,
    /// What `connection.tuple.src` said last in an application protocol, as far as its first bytes give that away. Like all that
    /// a capture shows it may be forged; no verdict rests on it.
    pub from_client: Option<Heard>,
    /// The same of `connection.tuple.dst`.
    pub from_server: Option<Heard>,
    /// What captures at other points on the way show of it, where they were joined.
    pub points: Option<Box<Points>>,
    /// What the kernel of this host says of it, where it was asked.
    pub kernel: Option<Box<KernelWord>>,
}

impl Finding {
    /// A finding without meaning, to be written over.
    pub fn empty() -> Self {
        let Segment { frame, time, tuple, flags, seq, window, len, options, ip, .. } = Segment::EMPTY;
        let reset = Reset {
            frame,
            time,
            tuple,
            flags,
            seq,
            ack: None,
            window,
            len,
            payload: Vec::new(),
            options,
            ip,
            layers: Vec::new(),
            vlans: Vec::new(),
        };
        let connection = Connection {
            number: 0,
            incarnation: 0,
            stream: 0,
            tuple,
            opener_known: false,
            client_base: None,
            server_base: None,
        };
        Self {
            reset,
            verdict: Verdict::empty(),
            connection,
            segments: Vec::new(),
            segments_before: 0,
            icmp: Vec::new(),
            from_client: None,
            from_server: None,
            points: None,
            kernel: None,
        }
    }
}

/// The RST segment.
#[derive(Clone, PartialEq, Debug)]
pub struct Reset {
    /// Its frame.
    pub frame: FrameNo,
    /// Capture time.
    pub time: Timestamp,
    /// Sender and receiver, innermost.
    pub tuple: FourTuple,
    /// Control bits.
    pub flags: Flags,
    /// Sequence number.
    pub seq: SeqNum,
    /// Acknowledgment number, if the ACK flag is set.
    pub ack: Option<SeqNum>,
    /// Window field, not scaled.
    pub window: u16,
    /// Payload bytes.
    pub len: u32,
    /// The captured part of the payload, at most 256 bytes.
    pub payload: Vec<u8>,
    /// Options.
    pub options: Options,
    /// IP header fields.
    pub ip: IpFields,
    /// What was around its IP packet, outermost first.
    pub layers: Vec<Layer>,
    /// The ids of the VLAN tags among `layers`, outermost first.
    pub vlans: Vec<u16>,
}

/// The connection of a finding.
#[derive(Clone, PartialEq, Debug)]
pub struct Connection {
    /// Counts four-tuples in order of first sight, from 1.
    pub number: u64,
    /// Counts lives of this four-tuple, from 1.
    pub incarnation: u32,
    /// Wireshark's `tcp.stream`, from 0.
    pub stream: u64,
    /// From the client (opener) to the server, as far as known; else from the first sender seen.
    pub tuple: FourTuple,
    /// Whether `tuple.src` is known to be the opener (a SYN or SYN|ACK was seen).
    pub opener_known: bool,
    /// The number that relative sequence numbers of `tuple.src` count from.
    pub client_base: Option<SeqNum>,
    /// The number that relative sequence numbers of `tuple.dst` count from.
    pub server_base: Option<SeqNum>,
}

/// One kept segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen {
    /// Its frame.
    pub frame: FrameNo,
    /// Capture time.
    pub time: Timestamp,
    /// Whether `connection.tuple.src` sent it.
    pub from_client: bool,
    /// Control bits.
    pub flags: Flags,
    /// Sequence number.
    pub seq: SeqNum,
    /// Acknowledgment field as sent.
    pub ack_field: SeqNum,
    /// Window field, not scaled.
    pub window: u16,
    /// Payload bytes.
    pub len: u32,
    /// Time to live.
    pub ttl: u8,
    /// IPv4 identification.
    pub ip_id: Option<u16>,
    /// Whether the verdict rests on it.
    pub deciding: bool,
    /// Why it is shown, where it has a part of its own.
    pub part: Option<Part>,
}

/// The part a segment plays in a finding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// The RST that the finding is about.
    Reset,
    /// It provoked the RST.
    Trigger,
    /// It answers the RST as RFC 5961 says.
    ChallengeAck,
    /// An earlier or later RST of the same incarnation.
    OtherReset,
}
