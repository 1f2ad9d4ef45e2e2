//! A RST with all that was known when it came, and what followed it.

use serde::{Deserialize, Serialize};

use crate::frame::{FrameNo, Layer, Timestamp};
use crate::tcp::{Checksums, Heard, IcmpError, Segment};

use super::{Endpoint, Ends, HostProfile, Note, Past, PortRecord, Side, prefetch};

/// The most segments after a RST that are kept with it.
pub const KEPT_AFTER: usize = 16;

/// A RST with all that was known when it came, and what followed it: everything that `classify` sees.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ResetCase {
    /// The RST.
    pub reset: Segment,
    /// The captured part of its payload, at most 256 bytes.
    pub payload: Vec<u8>,
    /// What was around its IP packet, outermost first.
    pub layers: Vec<Layer>,
    /// The ids of the VLAN tags among `layers`, outermost first.
    pub vlans: Vec<u16>,
    /// Whether its checksums are right.
    pub checksums: Checksums,
    /// Which end sent it.
    pub sender: Side,
    /// Its connection, before the RST.
    pub life: Life,
    /// The previous life of the four-tuple, if remembered.
    pub previous: Option<Box<Previous>>,
    /// The connection's last segments before the RST, oldest first.
    pub before: Vec<Past>,
    /// The next segments of the same life, other RSTs included, at most [`KEPT_AFTER`].
    pub after: Vec<Past>,
    /// What ICMP errors said of segments of this four-tuple, those after the RST included, at most a few.
    pub icmp: Vec<IcmpError>,
    /// What the applications of its sender and of its peer said last, for readers, where either said anything: no rule knows
    /// of it.
    pub heard: Option<Box<[Option<Heard>; 2]>>,
    /// Whether the wait for what follows was cut short, by the bound on how many wait or by a clock that had gone back.
    pub cut_short: bool,
    /// Whether its connection was given up to stay within memory while it waited for what follows.
    pub given_up: bool,
    /// Whether the capture lost frames that may have been of its connection.
    pub lossy: bool,
    /// Whether the capture ended before the settle time was over.
    pub capture_ended: bool,
    /// What the classifier said of the sender's latest earlier reset of this life that is an event of its own.
    pub note: Option<Note>,
    /// Where it is only another sighting of an earlier RST.
    pub copied: Option<Copied>,
    /// What the sending host had shown by then.
    pub host: HostProfile,
    /// Whether another segment of the sending host shows that its checksums arrive right.
    pub right_checksums: bool,
    /// What the receiving host had shown by then.
    pub peer_host: HostProfile,
    /// What the sender's port had shown by then.
    pub port: PortRecord,
    /// What the sender's port had shown when the verdict was made.
    pub port_later: PortRecord,
}

/// The first sighting of a RST that was captured again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Copied {
    /// Its frame.
    pub from: FrameNo,
    /// What the classifier said of it.
    pub note: Option<Note>,
}

/// What was known of an incarnation when a RST came.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Life {
    /// Counts four-tuples in order of first sight.
    pub number: u64,
    /// Counts lives of the four-tuple.
    pub life: u32,
    /// Wireshark's `tcp.stream`.
    pub stream: u32,
    /// Who sent the SYN.
    pub opener: Option<Side>,
    /// Who sent the first segment captured.
    pub first_sender: Side,
    /// Who sent FIN first.
    pub first_closer: Option<Side>,
    /// How many segments came before the RST.
    pub segments: u32,
    /// Whether what came before them was given up to stay within memory; perhaps, not surely.
    pub given_up: bool,
    /// What the RST's sender had shown.
    pub own: Endpoint,
    /// What its peer had shown.
    pub peer: Endpoint,
}

/// The previous life of the four-tuple.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Previous {
    /// What the RST's sender had shown in it.
    pub own: Endpoint,
    /// What its peer had shown in it.
    pub peer: Endpoint,
    /// Who of the two sent FIN first.
    pub first_closer: Option<Side>,
    /// Whether it had ended: a RST, or FINs from both.
    pub over: bool,
    /// When its last segment came.
    pub last: Timestamp,
    /// The last segment of it that was kept, if any.
    pub last_segment: Option<Past>,
    /// The frame of the first closer's FIN, if kept.
    pub first_fin: Option<Past>,
}

impl ResetCase {
    /// A case without meaning, to be written over.
    pub fn empty() -> Self {
        let reset = Segment::EMPTY;
        let nobody = Endpoint::default();
        Self {
            reset,
            payload: Vec::new(),
            layers: Vec::new(),
            vlans: Vec::new(),
            checksums: Checksums::default(),
            sender: Side::Low,
            life: Life {
                number: 0,
                life: 0,
                stream: 0,
                opener: None,
                first_sender: Side::Low,
                first_closer: None,
                segments: 0,
                given_up: false,
                own: nobody,
                peer: nobody,
            },
            previous: None,
            before: Vec::new(),
            after: Vec::new(),
            icmp: Vec::new(),
            heard: None,
            cut_short: false,
            given_up: false,
            lossy: false,
            capture_ended: false,
            note: None,
            copied: None,
            host: HostProfile::default(),
            right_checksums: false,
            peer_host: HostProfile::default(),
            port: PortRecord::default(),
            port_later: PortRecord::default(),
        }
    }

    /// Forgets what followed a reset and what was said of it, so that the next one can be written over what is left; the
    /// memory of its lists stays.
    pub fn reuse(&mut self) {
        self.payload.clear();
        self.layers.clear();
        self.vlans.clear();
        self.before.clear();
        self.after.clear();
        self.icmp.clear();
        self.checksums = Checksums::default();
        self.heard = None;
        self.note = None;
        self.copied = None;
        self.cut_short = false;
        self.given_up = false;
        self.lossy = false;
        self.capture_ended = false;
        self.right_checksums = false;
    }

    /// Asks for its list of segments before the RST.
    #[inline]
    pub fn prefetch_before(&self) {
        prefetch(self.before.first());
    }

    /// The four-tuple.
    pub fn ends(&self) -> Ends {
        Ends::of(&self.reset.tuple).0
    }

    /// Whether `past` was sent by the RST's sender.
    pub fn is_own(&self, past: &Past) -> bool {
        past.side() == self.sender
    }
}
