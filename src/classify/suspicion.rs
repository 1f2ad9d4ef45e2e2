//! What speaks for a third party as the RST's maker: weighed, never decisive alone.

use crate::track::{Marks, Past, ResetCase};

use super::checksum;
use super::form::Shape;
use super::{Fact, FactKind, Form};

/// From this weight on, soft facts alone make a RST a suspected forgery.
pub const HEAVY: u8 = 3;

/// Who sent data this shortly before has not restarted since.
pub const FRESH_NS: i64 = 1_000_000_000;

/// Soft facts and their weight.
#[derive(Clone, Debug, Default)]
pub struct Suspicion {
    /// Their sum.
    pub weight: u8,
    /// The facts.
    pub facts: Vec<Fact>,
    /// Facts that speak for the endpoint itself.
    pub trust: Vec<Fact>,
}

impl Suspicion {
    /// Whether the TTL speaks of another place than the sender's.
    pub fn is_from_elsewhere(&self) -> bool {
        self.weight > 0 && self.facts.iter().any(|fact| fact.kind == FactKind::TtlDiffers)
    }

    fn add(&mut self, weight: u8, fact: Fact) {
        self.weight = self.weight.saturating_add(weight);
        self.facts.push(fact);
    }
}

/// Compares the RST with its sender's other segments.
///
/// Echoes are built without the socket: their TTL is the host's default, their IP ID 0 and they carry no timestamps
/// (Linux tcp_v4_send_reset; ip_send_unicast_reply), so what is odd in an active reset is normal in them.
pub fn suspicion(case: &ResetCase, shape: &Shape) -> Suspicion {
    let mut found = Suspicion::default();
    let own = &case.life.own;
    if !own.shows(Marks::SENT) {
        return found;
    }
    // No stack sends a RST without ACK from a live socket (RFC 9293 3.5.2), so one whose trigger is missing is an echo, too.
    let echo = matches!(shape.form, Form::AckEcho | Form::SynEcho) || !case.reset.flags.ack();
    weigh_ttl(case, shape, &mut found);
    weigh_id(case, echo, &mut found);
    weigh_header(case, shape.form, echo, &mut found);
    weigh_numbers(case, shape, &mut found);
    weigh_time(case, shape, &mut found);
    weigh_checksums(case, &mut found);
    found
}

fn weigh_ttl(case: &ResetCase, shape: &Shape, found: &mut Suspicion) {
    let own = &case.life.own;
    let difference = i64::from(case.reset.ip.ttl) - i64::from(own.ttl);
    // Scanners make the SYN by hand, their kernel the RST (IP_TTL of an application has the same effect).
    let crafted = own.shows(Marks::CRAFTED_SYN) && !own.shows(Marks::PLAIN_ACK);
    // A segment that was captured at two points has two TTLs, and which of them comes first is up to the capture.
    let of_copies = own.shows(Marks::COPIES) && case.reset.ip.ttl == own.copy_ttl;
    if difference == 0 || of_copies {
        found.trust.push(Fact::of(FactKind::TtlAsUsual));
    } else if !own.shows(Marks::TTL_VARIES) && !crafted {
        let weight = match difference.abs() {
            0..=2 => 0,
            _ if answers_fresh_ack(case, shape) => HEAVY,
            _ if matches!(shape.form, Form::AckEcho | Form::SynEcho) => 1,
            _ if is_odd(case) => HEAVY,
            _ => 2,
        };
        found.add(weight, Fact::of(FactKind::TtlDiffers).with(difference));
    }
}

/// No ACK and nothing that it answers, though nothing is missing; or no window, which a live socket's reset shows
/// (but for hosts that start at TTL 128: Windows).
fn is_odd(case: &ResetCase) -> bool {
    let (own, peer) = (&case.life.own, &case.life.peer);
    let complete = !own.shows(Marks::HOLE) && !peer.shows(Marks::ACKS_UNSEEN) && peer.shows(Marks::SENT);
    match case.reset.flags.ack() {
        false => complete,
        true => case.reset.window == 0 && own.window > 0 && own.ttl <= 64,
    }
}

/// Whether T acknowledges only what E, which has not closed, had sent a moment before: a host that answers without the socket
/// would have lost it in that moment.
fn answers_fresh_ack(case: &ResetCase, shape: &Shape) -> bool {
    let own = &case.life.own;
    let Some(trigger) = shape.trigger.filter(|past| past.is_pure_ack() && !past.is_probe()) else { return false };
    let sent = |past: &&Past| case.is_own(past) && past.payload_len() > 0 && past.seq_end() == case.reset.seq;
    let fresh = |past: &Past| (0..=FRESH_NS).contains(&trigger.time().since(past.time()));
    let open =
        own.shows(Marks::PLAIN_ACK) && !own.shows(Marks::FIN) && !own.shows(Marks::HOLE) && !own.shows(Marks::RST);
    let bare = shape.form == Form::AckEcho && case.reset.seq == own.snd_max;
    bare && open && case.before.iter().filter(sent).any(fresh)
}

fn weigh_id(case: &ResetCase, echo: bool, found: &mut Suspicion) {
    let own = &case.life.own;
    let Some(id) = case.reset.ip.id else { return };
    if !own.shows(Marks::ID_SET) {
        return;
    }
    let step = id.wrapping_sub(own.last_id);
    if (1..=16).contains(&step) {
        found.trust.push(Fact::of(FactKind::NextIpId));
    } else if !echo && own.shows(Marks::ID_COUNTS) && step > 2000 {
        found.add(1, Fact::of(FactKind::ForeignIpId).with(i64::from(id)));
    }
}

fn weigh_header(case: &ResetCase, form: Form, echo: bool, found: &mut Suspicion) {
    let own = &case.life.own;
    let known = case.reset.options.complete;
    if !echo && known && own.shows(Marks::TIMESTAMPS_LAST) && case.reset.options.timestamps.is_none() {
        found.add(1, Fact::of(FactKind::TimestampsAbsent));
    }
    // Who answered as a host without the socket has none to abort.
    let bare = |past: &&Past| case.is_own(past) && past.flags().rst() && !past.flags().ack();
    if let (Form::Active, Some(earlier)) = (form, case.before.iter().rev().find(bare)) {
        found.add(1, Fact::at(FactKind::EarlierReset, earlier.frame()));
    }
    let flags = case.reset.flags;
    if flags.syn() || flags.fin() {
        found.add(2, Fact::of(FactKind::UnknownForm));
    }
}

fn weigh_numbers(case: &ResetCase, shape: &Shape, found: &mut Suspicion) {
    let (own, peer) = (&case.life.own, &case.life.peer);
    if shape.form != Form::Other || shape.trigger.is_some() || !peer.shows(Marks::SENT) {
        return;
    }
    let offset = case.reset.seq.since(own.snd_max);
    let complete = !own.shows(Marks::HOLE) && !peer.shows(Marks::ACKS_UNSEEN);
    if offset > 1 && complete {
        found.add(2, Fact::of(FactKind::SeqAboveNext).with(i64::from(offset)));
    } else if offset < 0 && peer.shows(Marks::ACKED) && peer.max_ack.is_after(case.reset.seq) {
        found.add(1, Fact::of(FactKind::SeqBelowNext).with(-i64::from(offset)));
    }
}

/// An answer that comes sooner than the handshake's answer from the same host came from somewhere nearer.
fn weigh_time(case: &ResetCase, shape: &Shape, found: &mut Suspicion) {
    let Some(trigger) = shape.trigger else { return };
    let usual = i64::from(case.life.own.answer_ns);
    let took = case.reset.time.since(trigger.time());
    if usual > 5_000_000 && took >= 0 && took < usual / 4 {
        found.add(2, Fact::of(FactKind::FasterThanPath).with(took));
    }
}

/// No stack sends a wrong checksum; tools that only want to deceive inspection on the way do, for the receiver drops it.
fn weigh_checksums(case: &ResetCase, found: &mut Suspicion) {
    if let Some(fact) = checksum::wrong(case) {
        found.add(2, fact);
    }
}
