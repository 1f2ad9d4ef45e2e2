//! What the kernel of this host says of a RST, and what that makes of a verdict.
//!
//! Linux has a word for each RST that it sends: the `sk_rst_reason` of its trace event `tcp_send_reset`, since 6.10
//! (`include/net/rstreason.h`). It knows where in its code the RST was made, which the wire cannot show; it does not know
//! why a segment came that it answers. So a verdict stays where the reason allows it, and goes where it does not.

use super::{Cause, Certainty, Class, Form, Missing, OnPeer, Verdict};

/// What the kernel of this host says of one RST.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KernelWord {
    /// Whether its TCP sent it, and why; `None` where another host sent it.
    pub sent: Option<Sent>,
    /// Whether one of its connections ended with it; `None` where it went to another host.
    pub accepted: Option<Accepted>,
    /// What the segments alone say, where the kernel knows better.
    pub overruled: Option<(Class, Cause, Certainty)>,
}

/// What is known of a RST that has an address of this host as its source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Sent {
    /// The kernel's TCP sent it.
    ByTcp(Origin),
    /// It has no event: something else made it, a rule of the local firewall first of all.
    NotByTcp,
    /// It has no event, but some were lost at that time.
    EventsLost,
}

/// A RST as the kernel noted it when it sent it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The kernel's constant without its prefix, such as `NO_SOCKET`.
    pub reason: String,
    /// The state of the socket, such as `LISTEN`; `CLOSE` for most that a program ended, as it has left its state before.
    /// `None` without a socket.
    pub state: Option<String>,
    /// The process that ended the socket.
    pub process: Option<Process>,
    /// Whether the event names both ends; otherwise one end and the time have to do: a listener's event lacks the peer,
    /// that of a host behind a translator has the addresses of its own side.
    pub by_both_ends: bool,
}

/// A process.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// The command that the kernel knows it by, at most 15 bytes.
    pub command: String,
    /// The container it runs in, by the first 12 digits of its id or by its name.
    pub container: Option<String>,
}

/// What is known of a RST that has an address of this host as its destination.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Accepted {
    /// A connection ended with it.
    Yes,
    /// It has no event: no connection ended with it. Of TIME-WAIT and of handshakes that a listener has under way the kernel
    /// says nothing.
    NoEvent,
    /// It has no event, but some were lost at that time.
    EventsLost,
}

impl KernelWord {
    /// Joined with the verdict that the segments have drawn. Where the two contradict each other, the kernel has the last
    /// word on the cause, and the word holds what the verdict was.
    pub fn joined(mut self, verdict: &mut Verdict) -> Self {
        if self.accepted == Some(Accepted::Yes) {
            verdict.effect.on_peer = OnPeer::Accepted;
        }
        let Some(sent) = &self.sent else { return self };
        if let Some(told) = instead(sent, verdict) {
            self.overruled = Some((verdict.class, verdict.cause, verdict.certainty));
            overrule(verdict, told);
        }
        if let Sent::ByTcp(origin) = sent {
            confirm(verdict, origin);
        }
        self
    }
}

/// Puts a class and cause in place of those of a verdict. What spoke for another class speaks for this one no more.
fn overrule(verdict: &mut Verdict, (class, cause): (Class, Cause)) {
    if class != verdict.class {
        verdict.certainty = Certainty::Likely;
        verdict.evidence.clear();
        verdict.missing.clear();
    }
    (verdict.class, verdict.cause) = (class, cause);
    verdict.against.retain(|(against, _)| *against != class);
    verdict.outranked.retain(|(other, _)| *other != class);
    verdict.alternatives.clear();
}

/// What the kernel's own account of a RST makes certain.
fn confirm(verdict: &mut Verdict, origin: &Origin) {
    if !origin.by_both_ends || verdict.follows.is_some() {
        return;
    }
    verdict.alternatives.retain(|other| other.class != Class::Forged && other.cause != Cause::RefusedByFirewall);
    verdict.outranked.retain(|(class, _)| *class != Class::Forged);
    verdict.missing.retain(|missing| *missing != Missing::ReferenceTtl);
    let aborted = aborted(&origin.reason, verdict).is_some();
    if aborted {
        verdict.alternatives.clear();
    }
    if aborted || verdict.form == Form::SynEcho && verdict.class == Class::ClosedPort {
        verdict.certainty = Certainty::Certain;
    }
}

/// The class and cause that the kernel puts in place of a verdict's, where that cannot be.
fn instead(sent: &Sent, verdict: &Verdict) -> Option<(Class, Cause)> {
    if verdict.follows.is_some() {
        return None;
    }
    let own = (verdict.class, verdict.cause);
    match sent {
        Sent::ByTcp(origin) => told(&origin.reason, verdict),
        Sent::NotByTcp => Some(match verdict.form {
            _ if verdict.class == Class::Forged => own,
            Form::SynEcho => (Class::ClosedPort, Cause::RefusedByFirewall),
            _ => (Class::Forged, Cause::FirewallReject),
        }),
        Sent::EventsLost => None,
    }
    .filter(|told| *told != own)
}

/// What a reason makes of a verdict; `None` for one that it leaves open.
fn told(reason: &str, verdict: &Verdict) -> Option<(Class, Cause)> {
    let (own, form) = ((verdict.class, verdict.cause), verdict.form);
    Some(match reason {
        // tcp_v4_rcv: no socket; tcp_rcv_state_process: a listener that knows of no handshake.
        "NO_SOCKET" | "TCP_FLAGS" => match own {
            (Class::ClosedPort, Cause::RefusedByFirewall) | (Class::Forged | Class::Undetermined, _) => by_form(form)?,
            _ if form == Form::Active => by_form(form)?,
            own => own,
        },
        // tcp_check_req: a SYN with other numbers, or (by that name too) an accept queue that is full.
        "INVALID_SYN" => match (form, verdict.class) {
            (Form::SynEcho, _) => (Class::ClosedPort, Cause::SynConflict),
            (_, Class::ClosedPort | Class::HalfOpenResponse) => own,
            _ => (Class::ClosedPort, Cause::AcceptQueueOverflow),
        },
        // tcp_rcv_synsent_state_process.
        "TCP_INVALID_ACK_SEQUENCE" => match verdict.class {
            Class::TimeWaitCollision | Class::HalfOpenResponse => own,
            _ => (Class::HalfOpenResponse, Cause::StaleSynAck),
        },
        "TCP_RFC7323_PAWS" => (Class::HalfOpenResponse, Cause::PawsReject),
        // tcp_ack in SYN-RECEIVED.
        "TCP_TOO_OLD_ACK" | "TCP_OLD_ACK" | "TCP_ACK_UNSENT_DATA" => match verdict.class {
            Class::HalfOpenResponse => own,
            _ => (Class::HalfOpenResponse, Cause::BadHandshakeAck),
        },
        // tcp_rcv_state_process and tcp_timewait_state_process: the socket had been closed.
        "TCP_ABORT_ON_DATA" | "TCP_TIMEWAIT_SOCKET" => match (form, verdict.class) {
            (Form::SynEcho, _) => (Class::TimeWaitCollision, Cause::SynResetByServer),
            (_, Class::AbortiveClose) if verdict.cause != Cause::Abort => own,
            _ => (Class::AbortiveClose, Cause::DataAfterClose),
        },
        reason => aborted(reason, verdict).or_else(|| unnamed(verdict))?,
    })
}

/// The reasons of sockets that were ended.
fn aborted(reason: &str, verdict: &Verdict) -> Option<(Class, Cause)> {
    use Cause as C;
    let cause = match (reason, verdict.cause) {
        // __tcp_close; MPTCP ends its subflows in the same way.
        ("TCP_ABORT_ON_CLOSE", cause @ (C::MptcpFastclose | C::MptcpSubflowReset)) => cause,
        ("TCP_ABORT_ON_CLOSE", _) => C::UnreadData,
        ("TCP_KEEPALIVE_TIMEOUT", C::UserTimeout) => C::UserTimeout,
        ("TCP_KEEPALIVE_TIMEOUT", _) => C::KeepaliveTimeout,
        // TCP_LINGER2 below 0 on a socket whose FIN was acknowledged.
        ("TCP_ABORT_ON_LINGER", C::RstAfterFin) => C::RstAfterFin,
        ("TCP_ABORT_ON_LINGER", _) => C::Linger2,
        ("TCP_ABORT_ON_MEMORY", C::OrphanTimeout) => C::OrphanTimeout,
        ("TCP_ABORT_ON_MEMORY", _) => C::Abort,
        // tcp_disconnect and tcp_abort. The segments may know more, but neither unread data nor a timer.
        (
            "TCP_STATE" | "TCP_DISCONNECT_WITH_DATA",
            C::Abort | C::UnreadData | C::KeepaliveTimeout | C::UserTimeout | C::OrphanTimeout,
        ) => C::LingerZero,
        ("TCP_STATE" | "TCP_DISCONNECT_WITH_DATA", cause) if verdict.class == Class::AbortiveClose => cause,
        ("TCP_STATE" | "TCP_DISCONNECT_WITH_DATA", _) => C::LingerZero,
        _ => return None,
    };
    Some((Class::AbortiveClose, cause))
}

/// A reason that says nothing of the cause, or a new one: whatever it is, this host made the RST.
fn unnamed(verdict: &Verdict) -> Option<(Class, Cause)> {
    match verdict.class {
        Class::Forged => by_form(verdict.form),
        _ => Some((verdict.class, verdict.cause)),
    }
}

/// What Linux sends in this form.
fn by_form(form: Form) -> Option<(Class, Cause)> {
    match form {
        Form::SynEcho => Some((Class::ClosedPort, Cause::NoListener)),
        Form::AckEcho => Some((Class::HalfOpenResponse, Cause::LostState)),
        Form::Active => Some((Class::AbortiveClose, Cause::Abort)),
        Form::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A verdict of this kind, with the other parts of one about a half-open connection.
    fn verdict((class, cause): (Class, Cause), form: Form) -> Verdict {
        let sample = crate::open(concat!(env!("CARGO_MANIFEST_DIR"), "/samples/half-open.pcap")).unwrap();
        let first = sample.map(Result::unwrap).next().unwrap();
        Verdict { class, cause, form, certainty: Certainty::Likely, ..first.verdict }
    }

    fn by_tcp(reason: &str) -> KernelWord {
        let origin = Origin { reason: reason.to_owned(), state: None, process: None, by_both_ends: true };
        KernelWord { sent: Some(Sent::ByTcp(origin)), ..KernelWord::default() }
    }

    #[test]
    fn a_reason_overrules_what_it_contradicts_and_leaves_what_it_allows() {
        use Cause as C;
        use Class::{AbortiveClose, ClosedPort, Forged, HalfOpenResponse, TimeWaitCollision, Undetermined};
        use Form::{AckEcho, Active, SynEcho};
        for (reason, form, own, told) in [
            ("NO_SOCKET", SynEcho, (ClosedPort, C::NoListener), None),
            ("NO_SOCKET", SynEcho, (ClosedPort, C::RefusedByFirewall), Some((ClosedPort, C::NoListener))),
            ("NO_SOCKET", AckEcho, (TimeWaitCollision, C::Assassination), None),
            ("NO_SOCKET", AckEcho, (AbortiveClose, C::DataAfterClose), None),
            ("NO_SOCKET", AckEcho, (Forged, C::Injected), Some((HalfOpenResponse, C::LostState))),
            ("NO_SOCKET", AckEcho, (Undetermined, C::OneSided), Some((HalfOpenResponse, C::LostState))),
            ("TCP_FLAGS", AckEcho, (ClosedPort, C::ListenerGone), None),
            ("INVALID_SYN", SynEcho, (ClosedPort, C::NoListener), Some((ClosedPort, C::SynConflict))),
            ("TCP_INVALID_ACK_SEQUENCE", AckEcho, (TimeWaitCollision, C::SynResetByClient), None),
            (
                "TCP_TIMEWAIT_SOCKET",
                AckEcho,
                (HalfOpenResponse, C::LostState),
                Some((AbortiveClose, C::DataAfterClose)),
            ),
            ("TCP_TIMEWAIT_SOCKET", AckEcho, (AbortiveClose, C::KeepaliveRace), None),
            ("TCP_STATE", Active, (AbortiveClose, C::ListenerClosed), None),
            ("TCP_STATE", Active, (AbortiveClose, C::UnreadData), Some((AbortiveClose, C::LingerZero))),
            ("TCP_STATE", Active, (Forged, C::Injected), Some((AbortiveClose, C::LingerZero))),
            ("TCP_ABORT_ON_CLOSE", Active, (AbortiveClose, C::LingerZero), Some((AbortiveClose, C::UnreadData))),
            ("TCP_ABORT_ON_CLOSE", Active, (AbortiveClose, C::MptcpFastclose), None),
            ("TCP_KEEPALIVE_TIMEOUT", Active, (AbortiveClose, C::UserTimeout), None),
            ("ERROR", Active, (AbortiveClose, C::Abort), None),
            ("ERROR", Active, (Forged, C::Injected), Some((AbortiveClose, C::Abort))),
        ] {
            let mut verdict = verdict(own, form);
            let word = by_tcp(reason).joined(&mut verdict);
            assert_eq!((verdict.class, verdict.cause), told.unwrap_or(own), "{reason} {own:?}");
            let before = (own.0, own.1, Certainty::Likely);
            assert_eq!(word.overruled, told.map(|_| before), "{reason} {own:?}");
        }
    }

    #[test]
    fn what_no_tcp_sent_a_firewall_sent() {
        let word = || KernelWord { sent: Some(Sent::NotByTcp), ..KernelWord::default() };
        let mut refused = verdict((Class::ClosedPort, Cause::NoListener), Form::SynEcho);
        word().joined(&mut refused);
        assert_eq!((refused.class, refused.cause), (Class::ClosedPort, Cause::RefusedByFirewall));
        let mut rejected = verdict((Class::HalfOpenResponse, Cause::LostState), Form::AckEcho);
        assert!(word().joined(&mut rejected).overruled.is_some());
        assert_eq!((rejected.class, rejected.cause), (Class::Forged, Cause::FirewallReject));
        assert!(rejected.evidence.is_empty(), "it spoke for an end");
        let mut forged = verdict((Class::Forged, Cause::Injected), Form::Active);
        assert_eq!(word().joined(&mut forged).overruled, None);
    }

    #[test]
    fn a_lost_event_and_a_reset_that_follows_from_another_change_nothing() {
        let own = verdict((Class::Forged, Cause::Injected), Form::Active);
        let mut verdict = own.clone();
        KernelWord { sent: Some(Sent::EventsLost), ..KernelWord::default() }.joined(&mut verdict);
        assert_eq!(verdict, own);
        let mut follows = Verdict { follows: own.evidence.iter().find_map(|fact| fact.frame), ..own };
        let before = follows.clone();
        assert!(follows.follows.is_some());
        by_tcp("TCP_STATE").joined(&mut follows);
        assert_eq!(follows, before);
    }

    #[test]
    fn the_kernel_knows_that_it_was_no_firewall_and_what_a_program_did() {
        let mut refused = verdict((Class::ClosedPort, Cause::NoListener), Form::SynEcho);
        refused.alternatives =
            vec![super::super::Alternative { class: Class::ClosedPort, cause: Cause::RefusedByFirewall, why: "" }];
        by_tcp("NO_SOCKET").joined(&mut refused);
        assert_eq!((refused.certainty, refused.alternatives.len()), (Certainty::Certain, 0));
        let mut word = by_tcp("NO_SOCKET");
        if let Some(Sent::ByTcp(origin)) = &mut word.sent {
            origin.by_both_ends = false;
        }
        let mut guessed = verdict((Class::ClosedPort, Cause::NoListener), Form::SynEcho);
        word.joined(&mut guessed);
        assert_eq!(guessed.certainty, Certainty::Likely);
    }

    #[test]
    fn what_was_accepted_had_its_effect() {
        let mut verdict = verdict((Class::Forged, Cause::Injected), Form::Active);
        verdict.effect.on_peer = OnPeer::Unknown;
        KernelWord { accepted: Some(Accepted::Yes), ..KernelWord::default() }.joined(&mut verdict);
        assert_eq!(verdict.effect.on_peer, OnPeer::Accepted);
    }
}
