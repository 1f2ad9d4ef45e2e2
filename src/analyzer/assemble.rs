//! A case and its verdict become a finding.

use std::net::SocketAddr;

use crate::classify::{FactKind, Verdict};
use crate::frame::FrameNo;
use crate::track::{Ends, Marks, Past, ResetCase, Side, Standing};

use super::{Connection, Finding, Part, Reset, Seen};

/// The server end of the reset connection, or, where the opener is unknown, the end with the lower port.
pub fn service(case: &ResetCase) -> SocketAddr {
    case.ends().end(client_side(case).other())
}

/// Who is shown as the client: the opener; where no SYN was seen, the end with the higher port.
fn client_side(case: &ResetCase) -> Side {
    case.life.opener.unwrap_or_else(|| {
        let Ends { low, high } = case.ends();
        match low.port().cmp(&high.port()) {
            std::cmp::Ordering::Greater => Side::Low,
            std::cmp::Ordering::Less => Side::High,
            std::cmp::Ordering::Equal => case.life.first_sender,
        }
    })
}

/// Joins a case and its verdict in place of another finding, whose memory is used again, and takes out of the case what is large.
pub fn fill(finding: &mut Finding, case: &mut ResetCase, verdict: Verdict) {
    let client = client_side(case);
    let [own, peer] = case.heard.as_deref().copied().unwrap_or_default();
    (finding.from_client, finding.from_server) = if client == case.sender { (own, peer) } else { (peer, own) };
    (finding.points, finding.kernel) = (None, None);
    finding.segments.clear();
    segments(&mut finding.segments, case, &verdict, client);
    finding.segments_before = u64::from(case.life.segments);
    finding.icmp.clear();
    finding.icmp.extend(case.icmp.iter().filter(|error| names(&verdict, error.frame)));
    reset(&mut finding.reset, case);
    finding.connection = connection(case, client);
    finding.verdict = verdict;
}

fn connection(case: &ResetCase, client: Side) -> Connection {
    let own_base = case.life.own.shows(Marks::SENT).then_some(case.life.own.base);
    let peer_base = case.life.peer.shows(Marks::SENT).then_some(case.life.peer.base);
    let (client_base, server_base) = if client == case.sender { (own_base, peer_base) } else { (peer_base, own_base) };
    Connection {
        number: case.life.number,
        incarnation: case.life.life,
        stream: u64::from(case.life.stream),
        tuple: case.ends().from(client),
        opener_known: case.life.opener.is_some(),
        client_base,
        server_base,
    }
}

/// Whether the verdict's evidence names a frame.
fn names(verdict: &Verdict, frame: FrameNo) -> bool {
    verdict.evidence.iter().any(|fact| fact.frame == Some(frame))
}

fn reset(reset: &mut Reset, case: &mut ResetCase) {
    let segment = &case.reset;
    reset.frame = segment.frame;
    reset.time = segment.time;
    reset.tuple = segment.tuple;
    reset.flags = segment.flags;
    reset.seq = segment.seq;
    reset.ack = segment.ack();
    reset.window = segment.window;
    reset.len = segment.len;
    reset.options = segment.options;
    reset.ip = segment.ip;
    std::mem::swap(&mut reset.payload, &mut case.payload);
    std::mem::swap(&mut reset.layers, &mut case.layers);
    std::mem::swap(&mut reset.vlans, &mut case.vlans);
}

fn segments(segments: &mut Vec<Seen>, case: &ResetCase, verdict: &Verdict, client: Side) {
    let own = Past::new(&case.reset, case.sender, Standing::default());
    let all = case.before.iter().chain(std::iter::once(&own)).chain(&case.after);
    segments.reserve(case.before.len() + 1 + case.after.len());
    all.for_each(|past| segments.push(seen(past, verdict, (case.reset.frame, client))));
}

fn seen(past: &Past, verdict: &Verdict, (reset, client): (FrameNo, Side)) -> Seen {
    let (frame, flags) = (past.frame(), past.flags());
    let (mut is_evidence, mut is_challenge) = (false, false);
    for fact in &verdict.evidence {
        let is_here = fact.frame == Some(frame);
        is_evidence |= is_here;
        is_challenge |= is_here & (fact.kind == FactKind::ChallengeAck);
    }
    let part = if frame == reset {
        Some(Part::Reset)
    } else if verdict.trigger.is_some_and(|trigger| trigger.frame == frame) {
        Some(Part::Trigger)
    } else if is_challenge {
        Some(Part::ChallengeAck)
    } else if flags.rst() {
        Some(Part::OtherReset)
    } else {
        None
    };
    Seen {
        frame,
        time: past.time(),
        from_client: past.side() == client,
        flags,
        seq: past.seq(),
        ack_field: past.ack_field(),
        window: past.window(),
        len: past.payload_len(),
        ttl: past.ttl(),
        ip_id: past.ip_id(),
        deciding: part.is_some() || is_evidence || flags.syn() || flags.fin(),
        part,
    }
}
