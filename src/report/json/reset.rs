//! The line of a reset.

use serde::Serialize;
use serde_json::Result;

use super::object::{Object, key};
use super::points::PointsTwin;
use super::{SCHEMA, kernel::KernelTwin};
use crate::analyzer::{Connection, Finding, Reset};
use crate::classify::{Alternative, Class, Effect, Fact, Missing, States, Trigger, Verdict};
use crate::frame::FrameNo;
use crate::pattern::{Race, benign};
use crate::report::Context;
use crate::report::address::{Ends, push_ip};
use crate::report::community::{has_community_id, push_community_id};
use crate::report::time::Rfc3339;
use crate::report::words::{self, Speaker};
use crate::tcp::{Heard, IcmpError};

/// Writes the lines of resets, and keeps what is the same in several places or from one line to the next.
#[derive(Debug, Default)]
pub struct Resets {
    times: Rfc3339,
    ends: Ends,
}

impl Resets {
    /// Appends the object of a finding to `line`.
    ///
    /// # Errors
    ///
    /// Those of serde_json.
    pub fn append(&mut self, line: &mut String, context: &Context, finding: &Finding) -> Result<()> {
        let Finding { reset, verdict, connection, .. } = finding;
        self.ends.write(reset.tuple);
        let ends = &self.ends;
        let speaker = &Speaker::new(context, finding).naming(ends);
        Object::append(line, |object| {
            object.word(key!("type"), "reset");
            object.number(key!("schema"), SCHEMA);
            object.number(key!("frame"), reset.frame.number());
            object.word_by(key!("time"), |line| self.times.push(line, reset.time));
            segment(object, reset, ends);
            surroundings(object, speaker)?;
            names(object, verdict);
            place(object, connection, ends);
            provoked(object, verdict, speaker);
            effect(object, &verdict.effect);
            if let Some(benign) = benign(finding) {
                object.truth(key!("benign"), benign);
            }
            states(object, &verdict.state);
            application(object, speaker);
            reasons(object, speaker);
            if let Some(points) = &finding.points {
                object.value(key!("points"), &PointsTwin::new(points, context))?;
            }
            object.text(key!("summary"), |line| speaker.push_sentence(line));
            object.text(key!("advice"), |line| speaker.push_check(line));
            finding.kernel.as_deref().map_or(Ok(()), |word| object.value(key!("kernel"), &KernelTwin::new(word)))
        })
    }
}

/// What its headers show.
fn segment(object: &mut Object<'_>, reset: &Reset, ends: &Ends) {
    object.word(key!("src"), ends.src.ip());
    object.number(key!("sport"), reset.tuple.src.port());
    object.word(key!("dst"), ends.dst.ip());
    object.number(key!("dport"), reset.tuple.dst.port());
    object.word_by(key!("flags"), |line| line.extend(reset.flags.letters()));
    object.number(key!("seq"), reset.seq.0);
    object.nullable_number(key!("ack"), reset.ack.map(|ack| ack.0));
    object.number(key!("win"), reset.window);
    object.number(key!("len"), reset.len);
    object.number(key!("ttl"), reset.ip.ttl);
    object.nullable_number(key!("ip_id"), reset.ip.id);
}

/// Where it was captured and in what, what it carries, and what people and programs say beside it.
fn surroundings(object: &mut Object<'_>, speaker: &Speaker<'_>) -> Result<()> {
    let (context, reset) = (speaker.context(), &speaker.finding().reset);
    object.known_text(key!("file"), words::input(context, reset.frame));
    if !reset.layers.is_empty() {
        encapsulation(object, reset)?;
    }
    if !reset.payload.is_empty() {
        object.known_text(key!("payload"), words::payload(&reset.payload).as_deref());
    }
    let says = speaker.says();
    if !says.is_empty() {
        object.value(key!("says"), &says)?;
    }
    object.known_text(key!("comment"), speaker.comment(reset.frame));
    context.names.of(speaker.finding()).map_or(Ok(()), |names| object.value(key!("names"), &names))
}

/// What was around its IP packet.
#[derive(Serialize)]
struct Encapsulation<'a> {
    #[serde(skip_serializing_if = "<[u16]>::is_empty")]
    vlan: &'a [u16],
    layers: Vec<String>,
}

#[cold]
fn encapsulation(object: &mut Object<'_>, reset: &Reset) -> Result<()> {
    object.value(key!("encap"), &Encapsulation { vlan: &reset.vlans, layers: words::layers(reset) })
}

fn names(object: &mut Object<'_>, verdict: &Verdict) {
    object.word(key!("class"), verdict.class.id());
    object.word(key!("cause"), verdict.cause.id());
    object.word(key!("certainty"), verdict.certainty.id());
    object.word(key!("form"), verdict.form.id());
    object.known_word(key!("sender_role"), verdict.sender_role.map(|role| role.id()));
}

/// Which connection it belongs to.
fn place(object: &mut Object<'_>, connection: &Connection, ends: &Ends) {
    object.number(key!("connection"), connection.number);
    object.number(key!("incarnation"), connection.incarnation);
    object.number(key!("stream"), connection.stream);
    object.word_by(key!("service"), |line| ends.push_end(line, connection.tuple.dst));
    if has_community_id(connection.tuple) {
        object.word_by(key!("community_id"), |line| push_community_id(line, connection.tuple));
    }
}

/// What came before it. The trigger is `null` where nothing provoked the reset, and absent where the capture lacks it.
fn provoked(object: &mut Object<'_>, verdict: &Verdict, speaker: &Speaker<'_>) {
    match verdict.trigger {
        Some(Trigger { frame, after_ns }) => object.object(key!("trigger"), |object| {
            object.number(key!("frame"), frame.number());
            object.known_text(key!("file"), speaker.foreign_input(frame));
            object.number(key!("after_ns"), after_ns);
            object.known_text(key!("comment"), speaker.comment(frame));
        }),
        None if verdict.missing.contains(&Missing::Trigger) => {}
        None => object.null(key!("trigger")),
    }
    object.nullable_number(key!("follows"), verdict.follows.map(FrameNo::number));
    object.known_text(key!("follows_file"), verdict.follows.and_then(|frame| speaker.foreign_input(frame)));
    object.known_number(key!("idle_ns"), verdict.idle_ns);
    if let Some(race) = Race::of(speaker.finding()) {
        object.object(key!("race"), |object| {
            object.number(key!("idle_ns"), race.close_ns);
            object.number(key!("request_idle_ns"), race.request_ns);
        });
    }
}

fn effect(object: &mut Object<'_>, effect: &Effect) {
    object.object(key!("effect"), |object| {
        object.word(key!("on_peer"), effect.on_peer.id());
        object.known_word(key!("application"), effect.application.map(|application| application.id()));
        object.known_number(key!("bytes_lost_to_sender"), effect.bytes_lost_to_sender);
        object.known_number(key!("bytes_lost_to_peer"), effect.bytes_lost_to_peer);
    });
}

fn states(object: &mut Object<'_>, states: &States) {
    object.object(key!("state"), |object| {
        object.known_word(key!("client"), states.client);
        object.known_word(key!("server"), states.server);
    });
}

/// What both ends said last in an application protocol.
fn application(object: &mut Object<'_>, speaker: &Speaker<'_>) {
    let Finding { from_client, from_server, .. } = speaker.finding();
    if from_client.is_none() && from_server.is_none() {
        return;
    }
    let said = |object: &mut Object<'_>, key, heard: &Option<Heard>| {
        let Some(heard) = heard else { return };
        object.object(key, |object| {
            object.number(key!("frame"), heard.frame.number());
            object.known_text(key!("file"), speaker.foreign_input(heard.frame));
            object.word(key!("protocol"), heard.hint.protocol.id());
            object.text(key!("text"), |line| line.push_str(&heard.hint.text()));
        });
    };
    object.object(key!("application"), |object| {
        said(object, key!("from_client"), from_client);
        said(object, key!("from_server"), from_server);
    });
}

/// What the verdict rests on, what speaks against others, and what else there may be.
fn reasons(object: &mut Object<'_>, speaker: &Speaker<'_>) {
    let Finding { verdict, icmp, .. } = speaker.finding();
    if !icmp.is_empty() {
        object.objects(key!("icmp"), icmp, |object, error| icmp_error(object, error, speaker));
    }
    object.objects(key!("evidence"), &verdict.evidence, |object, fact| shown(object, fact, speaker));
    object.objects(key!("against"), &verdict.against, |object, (class, fact): &(Class, Fact)| {
        object.word(key!("class"), class.id());
        shown(object, fact, speaker);
    });
    object.objects(key!("alternatives"), &verdict.alternatives, |object, alternative: &Alternative| {
        object.word(key!("class"), alternative.class.id());
        object.word(key!("cause"), alternative.cause.id());
        object.text(key!("why"), |line| line.push_str(alternative.why));
    });
    object.words(key!("missing"), &verdict.missing, Missing::id);
}

fn shown(object: &mut Object<'_>, fact: &Fact, speaker: &Speaker<'_>) {
    object.word(key!("fact"), fact.kind.id());
    object.known_number(key!("frame"), fact.frame.map(FrameNo::number));
    object.known_text(key!("file"), fact.frame.and_then(|frame| speaker.foreign_input(frame)));
    object.known_number(key!("value"), fact.value);
    object.known_text(key!("comment"), fact.frame.and_then(|frame| speaker.comment(frame)));
}

/// An ICMP error that the evidence names.
fn icmp_error(object: &mut Object<'_>, error: &IcmpError, speaker: &Speaker<'_>) {
    object.number(key!("frame"), error.frame.number());
    object.known_text(key!("file"), speaker.foreign_input(error.frame));
    object.word_by(key!("from"), |line| push_ip(line, error.from));
    object.word(key!("says"), error.complaint.id());
    object.known_number(key!("mtu"), error.mtu);
    // Whose segment it quotes.
    let of_sender = error.tuple.src == speaker.finding().reset.tuple.src;
    object.word(key!("about"), if of_sender { "sender" } else { "receiver" });
    object.number(key!("seq"), error.seq.0);
}
