//! Classes, causes, and the other closed vocabularies of a verdict, with their stable ids.

/// Defines a field-less enum whose variants have stable kebab-case ids.
macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $id:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// All values, in the order of the documentation.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The stable id, as JSON and the command line spell it.
            pub fn id(self) -> &'static str {
                match self { $($name::$variant => $id,)+ }
            }

            /// The value with this id.
            pub fn from_id(id: &str) -> Option<$name> {
                Self::ALL.iter().copied().find(|value| value.id() == id)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.id())
            }
        }
    };
}
pub(crate) use vocabulary;

vocabulary! {
    /// Why a reset was sent, in six words.
    Class {
        /// An attempt to open a connection, or a probe, was refused.
        ClosedPort = "closed-port",
        /// A four-tuple was used again while its previous incarnation lingered at one end.
        TimeWaitCollision = "time-wait-collision",
        /// The sender had the connection and threw it away, or had closed it and refuses what still arrives.
        AbortiveClose = "abortive-close",
        /// The sender has no such connection; the other side believes in one.
        HalfOpenResponse = "half-open-response",
        /// Neither end's TCP made it.
        Forged = "forged",
        /// The capture lacks what is needed.
        Undetermined = "undetermined",
    }
}

vocabulary! {
    /// How sure a verdict is.
    Certainty {
        /// A hint only.
        Possible = "possible",
        /// Explains the segments best; a named alternative remains.
        Likely = "likely",
        /// Only this explains the segments, given the stack seen.
        Certain = "certain",
    }
}

vocabulary! {
    /// Which kind of reset the header shows.
    Form {
        /// RST|ACK, seq 0, ack = end of a trigger without ACK (RFC 9293 3.5.2 group 1).
        SynEcho = "syn-echo",
        /// Bare RST whose seq is the ack of a trigger (RFC 9293 3.5.2 group 1 and 2).
        AckEcho = "ack-echo",
        /// RST|ACK with seq = SND.NXT and ack = RCV.NXT: a live socket was destroyed.
        Active = "active",
        /// Anything else.
        Other = "other",
    }
}

vocabulary! {
    /// Who sent it: the side that opened the connection or the one that accepted it.
    Role {
        /// It sent the SYN.
        Client = "client",
        /// It received the SYN.
        Server = "server",
    }
}

vocabulary! {
    /// What the reset did to its receiver.
    OnPeer {
        /// Its connection ended.
        Accepted = "accepted",
        /// Acceptable numbers, and nothing shows the contrary.
        ProbablyAccepted = "probably-accepted",
        /// Answered by a challenge ACK (RFC 5961 section 3.2).
        Challenged = "challenged",
        /// The connection went on.
        Ignored = "ignored",
        /// The receiver had closed or reset before.
        TooLate = "too-late",
        /// The capture does not show it.
        Unknown = "unknown",
    }
}

vocabulary! {
    /// What the receiving application most likely saw.
    Application {
        /// connect() failed.
        ConnRefused = "ECONNREFUSED",
        /// The next call failed.
        ConnReset = "ECONNRESET",
        /// Writing after the reset was reported.
        BrokenPipe = "EPIPE",
        /// An orderly end of data.
        Eof = "EOF",
        /// Nothing.
        Nothing = "nothing",
    }
}

vocabulary! {
    /// The cause of a reset, finer than its class.
    Cause {
        /// Nothing listens on the port.
        NoListener = "no-listener",
        /// A firewall refused the SYN.
        RefusedByFirewall = "refused-by-firewall",
        /// The listener's SYN backlog was full.
        BacklogFull = "backlog-full",
        /// The accept queue was full (Linux tcp_abort_on_overflow).
        AcceptQueueOverflow = "accept-queue-overflow",
        /// The listener closed while the handshake was under way.
        ListenerGone = "listener-gone",
        /// A SYN with other numbers met a pending handshake.
        SynConflict = "syn-conflict",
        /// An ECN-setup SYN was refused, a plain one accepted.
        EcnSynRefused = "ecn-syn-refused",
        /// The MPTCP connection that a SYN wanted to join is not known.
        MptcpJoinRefused = "mptcp-join-refused",
        /// A scanner's probe was answered.
        ProbeAnswered = "probe-answered",

        /// SYN, ACK with old numbers, RST from the SYN's sender.
        SynResetByClient = "syn-reset-by-client",
        /// SYN, RST from the side that still held the old connection.
        SynResetByServer = "syn-reset-by-server",
        /// TIME-WAIT ended by the answer to its own ACK (RFC 1337).
        Assassination = "assassination",

        /// A live socket was destroyed; the motive is not visible.
        Abort = "abort",
        /// Closed with received data unread.
        UnreadData = "unread-data",
        /// SO_LINGER with zero timeout, or its like.
        LingerZero = "linger-zero",
        /// Data met a socket that had closed.
        DataAfterClose = "data-after-close",
        /// A request crossed the FIN of an idle connection.
        KeepaliveRace = "keepalive-race",
        /// The sender reset after its own FIN.
        RstAfterFin = "rst-after-fin",
        /// The sender answered the peer's FIN with a reset.
        RstInsteadOfFin = "rst-instead-of-fin",
        /// Connected and reset without data.
        ConnectThenReset = "connect-then-reset",
        /// The listener closed with connections unaccepted.
        ListenerClosed = "listener-closed",
        /// Keepalive probes stayed unanswered.
        KeepaliveTimeout = "keepalive-timeout",
        /// Retransmissions stayed unanswered.
        UserTimeout = "user-timeout",
        /// A closed socket gave up waiting for its peer.
        OrphanTimeout = "orphan-timeout",
        /// The peer kept its window shut.
        ZeroWindowAbort = "zero-window-abort",
        /// TCP_LINGER2 ended FIN-WAIT-2 at once.
        Linger2 = "linger2",
        /// MPTCP fast close.
        MptcpFastclose = "mptcp-fastclose",
        /// An MPTCP subflow was reset.
        MptcpSubflowReset = "mptcp-subflow-reset",

        /// The sender lost the connection's state.
        LostState = "lost-state",
        /// A SYN met a half-open connection (RFC 9293 3.5.1).
        SynDiscovery = "syn-discovery",
        /// The opener no longer wanted the connection its SYN had asked for.
        HandshakeAbandoned = "handshake-abandoned",
        /// A SYN scan found an open port.
        SynScan = "syn-scan",
        /// An answer to a SYN|ACK nobody asked for.
        Backscatter = "backscatter",
        /// A SYN|ACK with numbers of another time.
        StaleSynAck = "stale-syn-ack",
        /// The third handshake segment acknowledged a wrong number.
        BadHandshakeAck = "bad-handshake-ack",
        /// A SYN|ACK with an impossible timestamp echo.
        PawsReject = "paws-reject",
        /// A late copy met a connection both sides had closed.
        LateSegment = "late-segment",
        /// A stray ACK met no connection.
        StrayAck = "stray-ack",

        /// A third party sent it in the endpoint's name.
        Injected = "injected",
        /// A third party sent several with differing numbers.
        InjectedBurst = "injected-burst",
        /// Both ends were reset at one instant.
        BothDirections = "both-directions",
        /// A sweep over the sequence space.
        BlindAttack = "blind-attack",
        /// A firewall rejected a segment of a live connection.
        FirewallReject = "firewall-reject",
        /// A device on the path timed the connection out.
        MiddleboxTimeout = "middlebox-timeout",
        /// A NAT lost its mapping.
        NatStateLost = "nat-state-lost",
        /// An intrusion detection system answered.
        IdsResponse = "ids-response",

        /// The capture starts after the deciding facts.
        StartsMidConnection = "starts-mid-connection",
        /// What it answers was not captured.
        TriggerMissing = "trigger-missing",
        /// Only one direction was captured.
        OneSided = "one-sided",
        /// The TCP header was cut.
        Truncated = "truncated",
        /// The facts contradict each other.
        Conflicting = "conflicting",

        /// Another segment in flight met the socket an earlier reset had destroyed.
        EchoAfterReset = "echo-after-reset",
        /// The same reset, captured twice.
        Duplicate = "duplicate",
        /// This side had been killed by an earlier reset.
        Consequence = "consequence",
    }
}
