//! What ICMP errors add: evidence beside a verdict, never the verdict itself, for anybody can forge them.

use crate::tcp::{Complaint, IcmpError};
use crate::track::{Endpoint, Marks};

use super::view::View;
use super::{Fact, FactKind};

/// A segment that was too big and still waits for an acknowledgment so much later did not get through in smaller ones
/// either (RFC 6298: the first retransmission comes after a second at most).
const STALLED_NS: i64 = 1_000_000_000;

/// One fact for each kind of error about either side's segments, in the order of capture.
pub fn facts(view: &View<'_>) -> Vec<Fact> {
    let mut said = Vec::new();
    let mut facts = Vec::new();
    for error in view.case.icmp.iter().filter(|error| counts(view, error)) {
        let once = (kind(error.complaint), error.tuple.src);
        if !said.contains(&once) {
            said.push(once);
            facts.push(fact(error));
        }
    }
    facts
}

/// P's segment that somebody refused with ICMP.
pub fn refusal(view: &View<'_>) -> Option<Fact> {
    let about_peer = |error: &&IcmpError| error.tuple.dst == view.reset().tuple.src;
    let refused = |error: &&IcmpError| kind(error.complaint) == FactKind::IcmpRefused && counts(view, error);
    view.case.icmp.iter().filter(about_peer).find(refused).map(fact)
}

/// The error that says that the RST itself did not arrive.
pub fn undelivered(view: &View<'_>) -> Option<Fact> {
    let lost = |error: &&IcmpError| quotes_reset(view, error) && error.complaint != Complaint::SourceQuench;
    view.case.icmp.iter().find(lost).map(|error| Fact::at(FactKind::ResetUndelivered, error.frame))
}

fn fact(error: &IcmpError) -> Fact {
    let fact = Fact::at(kind(error.complaint), error.frame);
    error.mtu.map_or(fact, |mtu| fact.with(i64::from(mtu)))
}

fn kind(complaint: Complaint) -> FactKind {
    match complaint {
        // No host says these of TCP (RFC 1122 section 3.2.2.1): it sends a RST.
        Complaint::Prohibited | Complaint::PortUnreachable | Complaint::ProtocolUnreachable => FactKind::IcmpRefused,
        Complaint::NetUnreachable | Complaint::HostUnreachable | Complaint::FragmentsMissing => {
            FactKind::IcmpUnreachable
        }
        Complaint::TooBig => FactKind::IcmpTooBig,
        Complaint::TimeExceeded => FactKind::IcmpTimeExceeded,
        Complaint::ParameterProblem => FactKind::IcmpParameterProblem,
        Complaint::SourceQuench => FactKind::IcmpSourceQuench,
    }
}

/// Whether an error is about a segment of this life that its receiver has not acknowledged since: nobody who does not see
/// the connection knows its numbers (RFC 5927 section 4.1; Linux tcp_v4_err), and what was acknowledged got through.
fn counts(view: &View<'_>, error: &IcmpError) -> bool {
    if quotes_reset(view, error) {
        return false;
    }
    let (sender, receiver) = match error.tuple.src == view.reset().tuple.src {
        true => (view.own(), view.peer()),
        false => (view.peer(), view.own()),
    };
    let acknowledged = receiver.shows(Marks::ACKED) && receiver.max_ack.is_after(error.seq);
    let stalled = view.reset().time.since(error.time) >= STALLED_NS;
    match error.complaint {
        _ if !has_sent(sender, error) => false,
        // Who traces a route lets SYNs expire until one arrives.
        Complaint::TimeExceeded => !acknowledged || error.seq == sender.base,
        Complaint::TooBig => !acknowledged && stalled,
        _ => !acknowledged,
    }
}

/// Whether the quoted number is one that `sender` has used, a probe's included.
fn has_sent(sender: &Endpoint, error: &IcmpError) -> bool {
    let used = error.seq.since(sender.base) >= -1 && error.seq.since(sender.snd_max) <= 0;
    used && sender.shows(Marks::SENT)
}

fn quotes_reset(view: &View<'_>, error: &IcmpError) -> bool {
    let reset = view.reset();
    error.tuple == reset.tuple
        && error.seq == reset.seq
        && error.id == reset.ip.id
        && error.flags.is_none_or(|flags| flags == reset.flags)
        && error.time.since(reset.time) >= 0
}
