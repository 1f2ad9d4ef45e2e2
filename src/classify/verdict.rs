//! What rstscan says about one RST.

use super::{Application, Cause, Certainty, Class, Fact, Form, OnPeer, Role};
use crate::frame::FrameNo;

/// What rstscan says about one RST: the class and cause, how sure, and on which facts it rests.
///
/// Made by [`classify`](super::classify()) only.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Verdict {
    /// One of six classes.
    pub class: Class,
    /// The finer cause.
    pub cause: Cause,
    /// How sure the class is; the cause is the most probable one.
    pub certainty: Certainty,
    /// What the header of the RST shows.
    pub form: Form,
    /// Whether the sender opened or accepted the connection, where known.
    pub sender_role: Option<Role>,
    /// The segment that provoked it.
    pub trigger: Option<Trigger>,
    /// The earlier RST this one merely follows from.
    pub follows: Option<FrameNo>,
    /// How long the connection had been silent before the trigger, or before the RST where there is none, in nanoseconds.
    pub idle_ns: Option<i64>,
    /// What it did.
    pub effect: Effect,
    /// The RFC 9293 states inferred for client and server just before the RST, where the capture shows enough.
    pub state: States,
    /// The facts it rests on, the most telling first.
    pub evidence: Vec<Fact>,
    /// What speaks against the other classes.
    pub against: Vec<(Class, Fact)>,
    /// The other classes whose rules fit as well, but come later in the order in which rules decide.
    pub outranked: Vec<(Class, Cause)>,
    /// What else it could be.
    pub alternatives: Vec<Alternative>,
    /// What the capture lacks.
    pub missing: Vec<Missing>,
}

impl Verdict {
    /// A verdict that says nothing, to be written over.
    pub fn empty() -> Self {
        Self {
            class: Class::Undetermined,
            cause: Cause::TriggerMissing,
            certainty: Certainty::Possible,
            form: Form::Other,
            sender_role: None,
            trigger: None,
            follows: None,
            idle_ns: None,
            effect: Effect {
                on_peer: OnPeer::Unknown,
                application: None,
                bytes_lost_to_sender: None,
                bytes_lost_to_peer: None,
            },
            state: States::default(),
            evidence: Vec::new(),
            against: Vec::new(),
            outranked: Vec::new(),
            alternatives: Vec::new(),
            missing: Vec::new(),
        }
    }
}

/// The segment that provoked a reset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trigger {
    /// Its frame.
    pub frame: FrameNo,
    /// Nanoseconds from it to the reset; negative where the capture wrote them in the wrong order.
    pub after_ns: i64,
}

/// What the reset did to its receiver.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Effect {
    /// Whether the receiver acted on it.
    pub on_peer: OnPeer,
    /// What the receiving application most likely saw; `None` where the capture does not show it.
    pub application: Option<Application>,
    /// Payload bytes sent to the RST's sender that it never acknowledged; `None` where numbers are missing.
    pub bytes_lost_to_sender: Option<u32>,
    /// Payload bytes sent by the RST's sender that the peer never acknowledged; `None` where numbers are missing.
    pub bytes_lost_to_peer: Option<u32>,
}

/// The RFC 9293 states of both ends, as RFC 9293 spells them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct States {
    /// The side that opened the connection.
    pub client: Option<&'static str>,
    /// The side that accepted it.
    pub server: Option<&'static str>,
}

/// Another reading of the same segments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Alternative {
    /// Its class.
    pub class: Class,
    /// Its cause.
    pub cause: Cause,
    /// What would have to be true.
    pub why: &'static str,
}

super::cause::vocabulary! {
    /// A fact the capture does not show, and that would have decided or strengthened the verdict.
    Missing {
        /// The handshake lies before the capture.
        Handshake = "handshake",
        /// The segment that provoked it.
        Trigger = "trigger",
        /// Everything one side sent.
        OtherDirection = "other-direction",
        /// The end of the previous connection on these ports.
        PreviousConnection = "previous-connection",
        /// A stretch of the sender's sequence numbers, in which a FIN may hide.
        SenderSegments = "sender-segments",
        /// A stretch of the peer's sequence numbers.
        PeerSegments = "peer-segments",
        /// What followed the reset.
        Aftermath = "aftermath",
        /// TCP options, cut by the snapshot length.
        Options = "options",
        /// Another packet of the sending host to compare TTL with.
        ReferenceTtl = "reference-ttl",
        /// Segments pushed out of rstscan's bounded memory.
        Memory = "memory",
        /// What came before on these ports, or after the RST, given up to stay within memory; perhaps, not surely.
        Evicted = "evicted",
        /// A frame that the capture dropped may have been of this connection; perhaps, not surely.
        DroppedFrames = "dropped-frames",
    }
}

impl Missing {
    /// In words, to follow "missing: ".
    pub fn words(self) -> &'static str {
        match self {
            Missing::Handshake => "the handshake",
            Missing::Trigger => "the segment that provoked it",
            Missing::OtherDirection => "everything the other side sent",
            Missing::PreviousConnection => "the end of the previous connection on these ports",
            Missing::SenderSegments => "some of the sender's segments, in which a FIN may hide",
            Missing::PeerSegments => "some of the peer's segments",
            Missing::Aftermath => "what followed the reset",
            Missing::Options => "TCP options, cut by the snapshot length",
            Missing::ReferenceTtl => "another packet of the sending host to compare the TTL with",
            Missing::Memory => "segments that no longer fitted into memory",
            Missing::Evicted => "what was given up to stay within memory (--max-connections)",
            Missing::DroppedFrames => "frames that the capture dropped, perhaps of this connection",
        }
    }
}
