//! Devices on the way that reset in an end's name, each known by what it does: a firewall that refuses a segment, a NAT or a
//! timer that has forgotten the connection, an intrusion prevention system that answers a segment to both ends.

use crate::track::{Marks, Past};

use super::form::REORDER_NS;
use super::opinion::Opinion;
use super::view::View;
use super::{Cause, Certainty, Class, Fact, FactKind};

/// A connection silent for this long may have been forgotten on the way: the shortest timers of load balancers are a minute.
const FORGOTTEN_NS: i64 = 60_000_000_000;
/// Both ends reset this close together were reset by one hand.
pub const MIRROR_NS: i64 = 5_000_000;
/// A change of the route moves an end by fewer hops than this.
const ELSEWHERE_HOPS: i16 = 3;
/// No path in use has more routers.
const LONGEST_PATH: i16 = 40;

/// The RST answers T, but what E sends later, `next` or a RST of its own, does not acknowledge T: a device between them refused it.
pub fn refused<'a>(view: &View<'a>, next: Option<&'a Past>) -> Option<Opinion> {
    let trigger = view.trigger().filter(|trigger| trigger.seq_len() > 0)?;
    let next = next.or_else(|| abort_of_the_living(view))?;
    let unaware = next.ack().is_some_and(|ack| trigger.seq_end().is_after(ack));
    unaware.then(|| {
        device(view)
            .because(Fact::at(FactKind::SenderNeverSawTrigger, next.frame()))
            .because(view.answer_fact())
            .because(long_idle(view).map(|idle| Fact::of(FactKind::Idle).with(idle)))
    })
}

/// E's reset of a live socket after an answer that only a host without the socket gives: E itself did not give that answer.
fn abort_of_the_living<'a>(view: &View<'a>) -> Option<&'a Past> {
    let gone = view.own_closed() || view.is_own_silent() || view.echo_trigger().is_none();
    let live = |past: &&Past| {
        let flags = past.flags();
        let later = past.time().since(view.reset().time) >= REORDER_NS;
        let socket = past.ttl() == view.own().ttl && past.timestamps() == view.own().shows(Marks::TIMESTAMPS_LAST);
        flags.rst() && flags.ack() && past.window() > 0 && past.seq() == view.own().snd_max && later && socket
    };
    view.own_after().take_while(|past| !past.flags().syn()).find(live).filter(|_| !gone)
}

/// Which device it was. A NAT stands before clients, and answers itself what comes from outside for a connection
/// it has forgotten; after a silence it was a timer (those of NATs: RFC 5382 section 5); else a rule refused the segment.
fn device(view: &View<'_>) -> Opinion {
    let cause = cause_of_device(view);
    let mut opinion = Opinion::new(Class::Forged, cause);
    opinion.evidence.extend(view.suspicion.facts.iter().copied());
    match cause {
        Cause::FirewallReject => opinion,
        _ => opinion.or(Class::Forged, Cause::FirewallReject, "a rule of a firewall may have refused the segment"),
    }
}

fn cause_of_device(view: &View<'_>) -> Cause {
    let idle = long_idle(view).is_some();
    let nearer = hops_further(view) < 0;
    match view.is_opener() {
        Some(true) if idle || nearer => Cause::NatStateLost,
        _ if idle => Cause::MiddleboxTimeout,
        _ => Cause::FirewallReject,
    }
}

/// What may have answered T in place of E, where the answer came over one or two routers less than all else of E: too few to
/// tell a device from a change of the route.
pub fn nearer(view: &View<'_>) -> Option<(Cause, Fact)> {
    let fact = view.suspicion.facts.iter().find(|fact| fact.kind == FactKind::TtlDiffers)?;
    let close = (-ELSEWHERE_HOPS + 1..0).contains(&hops_further(view));
    let answered = view.is_established() && view.echo_trigger().is_some();
    (close && answered).then(|| (cause_of_device(view), *fact))
}

/// After a long silence T is refused from another place than E's, and nothing of E follows: whoever refused it had forgotten the connection.
pub fn forgotten(view: &View<'_>) -> Option<Opinion> {
    let idle = long_idle(view)?;
    let known = view.is_established() && !view.own_closed() && !view.is_own_silent();
    let elsewhere = view.suspicion.is_from_elsewhere() && hops_further(view).abs() >= ELSEWHERE_HOPS;
    if view.echo_trigger().is_none() || !known || !elsewhere {
        return None;
    }
    Some(
        device(view)
            .because(Fact::of(FactKind::Idle).with(idle))
            .because(view.answer_fact())
            .sure(Certainty::Possible)
            .or(
                Class::HalfOpenResponse,
                Cause::LostState,
                "the path to the sender may have changed, or its address moved to another host",
            ),
    )
}

/// The silence before T, where it is long.
fn long_idle(view: &View<'_>) -> Option<i64> {
    view.idle_ns().filter(|idle| is_long(Some(*idle)))
}

/// Whether a device may have forgotten the connection in a silence of so many nanoseconds.
pub fn is_long(idle: Option<i64>) -> bool {
    idle.is_some_and(|nanos| nanos >= FORGOTTEN_NS)
}

/// By how many routers the RST came from further away than E's other segments: each takes 1 from the 64, 128 or 255 that a
/// stack begins with. 0 where E's TTL varies, or is one that a program has set.
fn hops_further(view: &View<'_>) -> i16 {
    let (reset, usual) = (hops(view.reset().ip.ttl), hops(view.own().ttl));
    let known = !view.own().shows(Marks::TTL_VARIES) && reset.max(usual) <= LONGEST_PATH;
    if known { reset - usual } else { 0 }
}

fn hops(ttl: u8) -> i16 {
    let initial = [64, 128, u8::MAX].into_iter().find(|initial| ttl <= *initial).unwrap_or(u8::MAX);
    i16::from(initial) - i16::from(ttl)
}

/// Both ends are reset for one segment T: T's sender with T's ack and end, T's receiver with T's own seq and ack, and both with
/// T's window (Suricata RejectSendLibnet11L3IPv4TCP). No socket sends T's own number again: its next lies behind T.
pub fn answered_both_ways(view: &View<'_>) -> Option<Opinion> {
    let other = mirror(view)?;
    let reset = view.reset();
    let case = view.case;
    let refuses = |trigger: &&Past| {
        let back = [trigger.ack(), Some(trigger.seq_end())];
        let forth = [Some(trigger.seq()), trigger.ack()];
        let (own, others) = if case.is_own(trigger) { (forth, back) } else { (back, forth) };
        let windows = trigger.window() == reset.window && trigger.window() == other.window();
        own == [Some(reset.seq), reset.ack()] && others == [Some(other.seq()), other.ack()] && windows
    };
    let data = |past: &&Past| past.payload_len() > 0 && !past.flags().rst();
    let trigger = case.before.iter().rev().filter(data).find(refuses)?;
    let mut opinion = Opinion::new(Class::Forged, Cause::IdsResponse)
        .because(Fact::at(FactKind::WindowCopied, trigger.frame()))
        .because(Fact::at(FactKind::MirroredReset, other.frame()));
    opinion.evidence.extend(view.suspicion.facts.iter().copied());
    Some(opinion)
}

/// A RST of P at the same instant.
pub fn mirror<'a>(view: &View<'a>) -> Option<&'a Past> {
    let close = |past: &&Past| past.time().since(view.reset().time).abs() <= MIRROR_NS;
    view.peer_before().chain(view.peer_after()).filter(|past| past.flags().rst()).find(close)
}

/// Whether the RST has the numbers that P's latest data asks for and P's own window, which E was not seen to use: half of what
/// an intrusion prevention system sends.
pub fn copies_window(view: &View<'_>) -> bool {
    let reset = view.reset();
    let data = view.peer_before().rev().find(|past| past.payload_len() > 0 && !past.is_probe());
    reset.window > 0
        && reset.window != view.own().window
        && data.is_some_and(|data| {
            let numbers = data.ack() == Some(reset.seq) && reset.ack() == Some(data.seq_end());
            numbers && data.window() == reset.window
        })
}
