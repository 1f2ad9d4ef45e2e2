//! Facts: what the capture shows, each with the frame that shows it.

use crate::frame::FrameNo;

/// One thing the capture shows.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Fact {
    /// Which.
    pub kind: FactKind,
    /// The frame that shows it.
    pub frame: Option<FrameNo>,
    /// A number that belongs to it (bytes, hops, nanoseconds, counts: the sentence says which).
    pub value: Option<i64>,
}

impl Fact {
    /// A fact that no single frame shows.
    pub fn of(kind: FactKind) -> Self {
        Self { kind, frame: None, value: None }
    }

    /// A fact shown by `frame`.
    pub fn at(kind: FactKind, frame: FrameNo) -> Self {
        Self { kind, frame: Some(frame), value: None }
    }

    /// With its number.
    pub fn with(self, value: i64) -> Self {
        Self { value: Some(value), ..self }
    }
}

super::cause::vocabulary! {
    /// What a fact says. `report::words` has the sentences.
    FactKind {
        /// A bare RST whose seq is the ack of the frame.
        SeqEqualsAckOf = "seq-equals-ack-of",
        /// RST|ACK, seq 0, ack = the end of the frame's segment.
        AcksEndOf = "acks-end-of",
        /// RST|ACK with both numbers of the frame.
        FullEcho = "full-echo",
        /// Window 0 and no options: built from the trigger alone.
        NoSocketMarks = "window-zero-no-options",
        /// Window, options or IP ID of a live socket.
        LiveSocketMarks = "marks-of-a-live-socket",
        /// The seq is the sender's next.
        SeqIsNext = "seq-is-next",
        /// The seq is below the sender's next; the value says by how much.
        SeqBelowNext = "seq-below-next",
        /// The seq is above anything the sender showed; the value says by how much.
        SeqAboveNext = "seq-above-next",
        /// The ack covers all that the peer had sent.
        AckIsNext = "ack-is-next",
        /// Timestamps were negotiated; the RST carries none.
        TimestampsAbsent = "timestamps-absent",
        /// The IP ID continues the sender's counter.
        NextIpId = "next-ip-id",
        /// The IP ID fits nothing the sender used.
        ForeignIpId = "foreign-ip-id",
        /// The TTL is the sender's usual one.
        TtlAsUsual = "ttl-as-usual",
        /// The TTL differs from the sender's usual one by the value.
        TtlDiffers = "ttl-differs",
        /// The SYN's type of service was not copied.
        TosNotCopied = "tos-not-copied",
        /// The IPv6 flow label is 0.
        FlowLabelZero = "flow-label-zero",
        /// The answer came sooner than the sender's round trip allows; the value is the time in nanoseconds.
        FasterThanPath = "faster-than-the-path",

        /// The sender never sent a SYN|ACK in this incarnation.
        NoSynAckFromSender = "no-syn-ack-from-sender",
        /// The sender's SYN|ACK.
        SynAckFromSender = "syn-ack-from-sender",
        /// The peer's SYN|ACK.
        SynAckFromPeer = "syn-ack-from-peer",
        /// The handshake was completed.
        HandshakeComplete = "handshake-complete",
        /// Another port of the sending host accepted; the value is the port.
        OtherPortAccepts = "other-port-accepts",
        /// The same port accepted a connection at another time.
        SamePortAccepts = "same-port-accepts",
        /// The same port refused others too; the value counts them.
        SamePortRefuses = "same-port-refuses",
        /// The SYN was sent again.
        SynRetried = "syn-retried",
        /// The repeated SYN was accepted.
        RetryAccepted = "retry-accepted",
        /// The repeated SYN stayed unanswered.
        RetryUnanswered = "retry-unanswered",
        /// The SYN asked for ECN.
        EcnSyn = "ecn-syn",
        /// The SYN's header is no operating system's.
        CraftedSyn = "crafted-syn",
        /// One source tried many ports or hosts; the value counts them.
        FanOut = "fan-out",
        /// A probe no stack sends in this state.
        Probe = "probe",
        /// The handshake's ACK number is not the SYN|ACK's seq + 1.
        WrongHandshakeAck = "wrong-handshake-ack",
        /// The SYN|ACK's ACK number is not the SYN's seq + 1.
        WrongSynAckNumber = "wrong-syn-ack-number",
        /// The SYN|ACK echoes a timestamp that was never sent.
        WrongTimestampEcho = "wrong-timestamp-echo",
        /// A pending SYN with another sequence number.
        OtherPendingSyn = "other-pending-syn",

        /// The SYN was answered by an ACK with numbers of an older connection.
        OldAckToSyn = "old-ack-to-syn",
        /// That ACK has IP ID 0, as from TIME-WAIT.
        OldAckIdZero = "old-ack-id-zero",
        /// That ACK's IP ID runs on, as from a live socket.
        OldAckIdRunning = "old-ack-id-running",
        /// The previous connection was closed first by the side that kept it; the value is nanoseconds ago.
        PreviousClosed = "previous-closed",
        /// The previous connection was never closed.
        PreviousOpen = "previous-open",
        /// The SYN's number lies in the previous connection's window.
        SynInOldWindow = "syn-in-old-window",
        /// Both sides had closed.
        BothClosed = "both-closed",

        /// The sender had sent FIN.
        FinFromSender = "fin-from-sender",
        /// The sender sent neither FIN nor RST before.
        NoFinFromSender = "no-fin-from-sender",
        /// The peer had sent FIN.
        FinFromPeer = "fin-from-peer",
        /// Nothing is missing from the sender's sequence numbers.
        NoGapInSender = "no-gap-in-sender",
        /// Something is missing from the sender's sequence numbers.
        GapInSender = "gap-in-sender",
        /// The trigger carries data beyond the close; the value counts bytes.
        DataAfterFin = "data-after-fin",
        /// The trigger's data had been acknowledged before.
        LateCopy = "late-copy",
        /// A pure ACK of the FIN.
        PureAckOfFin = "pure-ack-of-fin",
        /// The connection had been idle; the value is nanoseconds.
        Idle = "idle",

        /// The peer's last bytes were acknowledged and never answered; the value counts them.
        UnansweredData = "unanswered-data",
        /// The RST's window is larger than the last ACK's: the receive queue was thrown away; the value is the difference.
        WindowJump = "window-jump",
        /// The RST's window is below its maximum; the value is the shortfall in bytes.
        WindowShort = "window-short",
        /// Nothing was unread.
        NothingUnread = "nothing-unread",
        /// The sender's own bytes were not yet acknowledged; the value counts them.
        OwnDataInFlight = "own-data-in-flight",
        /// The sender aborts with data of the peer in flight.
        PeerDataInFlight = "peer-data-in-flight",
        /// No data was exchanged.
        NoData = "no-data",
        /// Keepalive probes stayed unanswered; the value counts them.
        ProbesUnanswered = "probes-unanswered",
        /// Retransmissions stayed unanswered; the value counts them.
        RetransmissionsUnanswered = "retransmissions-unanswered",
        /// The trigger is a keepalive probe.
        KeepaliveProbe = "keepalive-probe",
        /// The peer's window was shut.
        PeerWindowShut = "peer-window-shut",
        /// Other connections of the port were reset at the same instant; the value counts them.
        SameInstant = "same-instant",
        /// An MPTCP option names the reason; the value is its subtype.
        MptcpOption = "mptcp-option",
        /// The RST carries text.
        Payload = "payload",

        /// An earlier RST of the same sender.
        EarlierReset = "earlier-reset",
        /// An earlier RST of the peer had ended this side's connection.
        KilledBy = "killed-by",
        /// The same RST, captured before.
        SameReset = "same-reset",
        /// The sender went on after its own RST.
        SenderContinues = "sender-continues",
        /// The sender's later segment shows that it never saw the trigger.
        SenderNeverSawTrigger = "sender-never-saw-trigger",
        /// The sender's own SYN|ACK after the RST.
        SynAckAfterReset = "syn-ack-after-reset",
        /// The receiver went on as if nothing had come.
        PeerContinues = "peer-continues",
        /// The receiver answered with a challenge ACK.
        ChallengeAck = "challenge-ack",
        /// RSTs of one sender with differing numbers at one instant; the value counts them.
        Burst = "burst",
        /// A RST in the other direction at the same instant.
        MirroredReset = "mirrored-reset",
        /// The RST repeats the trigger's own window.
        WindowCopied = "window-copied",
        /// No stack makes a RST of this form.
        UnknownForm = "unknown-form",
        /// The numbers lie in no window of this connection.
        OutOfWindow = "out-of-window",

        /// The capture shows one direction only.
        OneDirection = "one-direction",
        /// The capture shows nothing before the RST.
        NothingBefore = "nothing-before",
        /// The handshake is not in the capture.
        NoHandshake = "no-handshake",
        /// The TCP checksum is wrong.
        BadChecksum = "bad-checksum",
        /// The checksum of the IPv4 header is wrong.
        BadIpChecksum = "bad-ip-checksum",

        /// ICMP refused a segment: prohibited, or what no host says of TCP.
        IcmpRefused = "icmp-refused",
        /// ICMP said that a segment could not be delivered.
        IcmpUnreachable = "icmp-unreachable",
        /// ICMP said that a segment is too big, and nothing smaller was acknowledged; the value is the MTU.
        IcmpTooBig = "icmp-too-big",
        /// ICMP said that a segment ran out of hops.
        IcmpTimeExceeded = "icmp-time-exceeded",
        /// ICMP rejected the IP header of a segment.
        IcmpParameterProblem = "icmp-parameter-problem",
        /// ICMP asked for less traffic.
        IcmpSourceQuench = "icmp-source-quench",
        /// ICMP said that the RST itself did not arrive.
        ResetUndelivered = "reset-undelivered",

        /// The capture on the sender's side lacks it, and goes on with the frame.
        AbsentAtPoint = "absent-at-other-point",
        /// Another point captured the same RST.
        SeenAtPoint = "seen-at-other-point",
        /// The capture on the receiver's side lacks it, and goes on with the frame.
        NotArrivedAtPoint = "never-reached-other-point",
        /// Another point captured it with other numbers, or after another number of hops.
        RewrittenOnTheWay = "rewritten-on-the-way",
        /// What it answers reached the sender's side.
        TriggerSeenAtPoint = "trigger-seen-at-other-point",
        /// What it answers never reached the sender's side.
        TriggerAbsentAtPoint = "trigger-never-reached-other-point",
        /// What it answers was never sent by the side that it names.
        TriggerNeverSent = "trigger-never-sent",
    }
}
