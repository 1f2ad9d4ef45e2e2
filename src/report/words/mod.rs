//! All sentences about a finding: what happened, the facts, the effect, what to check.
//!
//! Every word here is shared by text and JSON. A sentence states what the capture shows as plain fact, and hedges the
//! explanation by the verdict's certainty.

mod abortive_close;
mod closed_port;
mod composed;
mod diagnostic;
mod effect;
mod facts;
mod forged;
mod half_open;
mod icmp;
mod kernel;
pub mod patterns;
pub mod points;
mod says;
mod template;
mod time_wait;
mod undetermined;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::OnceLock;

use self::template::Part;
use super::Context;
use super::address::{Ends, push_end, push_ip, push_number};
use super::amount;
use crate::analyzer::{Finding, Reset};
use crate::classify::{Alternative, Cause, Certainty, Class, Fact, FactKind, Form, Role};
use crate::frame::{FrameNo, Layer};
use crate::tcp::IcmpError;

/// An idle time below this is nothing to speak of, in nanoseconds.
const NOTABLE_IDLE: i64 = 1_000_000_000;
/// What is said of a finding is seldom longer than so many bytes.
const LONG: usize = 512;

/// What is said of a cause.
#[derive(Debug)]
struct Words {
    /// Who reset whom, and why.
    sentence: &'static str,
    /// What to check or to change.
    check: &'static str,
}

/// The name of a class in running text.
pub fn class(class: Class) -> &'static str {
    match class {
        Class::ClosedPort => "closed port",
        Class::TimeWaitCollision => "TIME-WAIT collision",
        Class::AbortiveClose => "abortive close",
        Class::HalfOpenResponse => "half-open response",
        Class::Forged => "forged",
        Class::Undetermined => "undetermined",
    }
}

/// Speaks about one finding.
#[derive(Clone, Copy, Debug)]
pub struct Speaker<'a> {
    context: &'a Context,
    finding: &'a Finding,
    /// Its ends, where they are written already.
    ends: Option<&'a Ends>,
}

/// With a capital letter at its beginning.
pub fn capitalized(text: impl Into<String>) -> String {
    let mut text = text.into();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

impl<'a> Speaker<'a> {
    /// About `finding`.
    pub fn new(context: &'a Context, finding: &'a Finding) -> Self {
        Self { context, finding, ends: None }
    }

    /// With ends that are written already.
    pub fn naming(self, ends: &'a Ends) -> Self {
        Self { ends: Some(ends), ..self }
    }

    /// What is known of the run.
    pub fn context(&self) -> &'a Context {
        self.context
    }

    /// What is spoken about.
    pub fn finding(&self) -> &'a Finding {
        self.finding
    }

    /// Who reset whom, and why: one sentence; where points were joined a second one says how the reset came by them.
    pub fn sentence(&self) -> String {
        let mut text = String::with_capacity(LONG);
        self.push_sentence(&mut text);
        text
    }

    /// Appends the same.
    pub fn push_sentence(&self, text: &mut String) {
        self.push_reason(text);
        if let Some(passage) = self.passage() {
            text.extend([" ", &passage]);
        }
    }

    /// Who reset whom, and why: one sentence.
    pub fn reason(&self) -> String {
        let mut text = String::with_capacity(LONG);
        self.push_reason(&mut text);
        text
    }

    fn push_reason(&self, text: &mut String) {
        let from = text.len();
        self.push_filled(text, &taken_apart(self.finding.verdict.cause).sentence);
        if let Some(first) = text.get_mut(from..from + 1) {
            first.make_ascii_uppercase();
        }
    }

    /// What to check or to change.
    pub fn check(&self) -> String {
        let mut text = String::with_capacity(LONG);
        self.push_check(&mut text);
        text
    }

    /// Appends the same.
    pub fn push_check(&self, text: &mut String) {
        self.push_filled(text, &taken_apart(self.finding.verdict.cause).check);
        if self.finding.icmp.is_empty() {
            return;
        }
        let beside = self.finding.verdict.evidence.iter().find_map(|fact| {
            let template = icmp::check(fact.kind)?;
            self.error(fact).map(|_| (fact, template))
        });
        if let Some((fact, template)) = beside {
            text.push_str("; ");
            template::fill(text, template::parts(template), |text, gap| self.fill_of(fact, text, gap));
        }
    }

    /// What a fact says.
    pub fn fact(&self, fact: &Fact) -> String {
        let mut text = String::new();
        let parts = template::parts(facts::words(fact.kind));
        template::fill(&mut text, parts, |text, gap| self.fill_of(fact, text, gap));
        text
    }

    /// A template with what is known of the finding.
    fn filled(&self, template: &str) -> String {
        let mut text = String::with_capacity(LONG);
        template::fill(&mut text, template::parts(template), |text, gap| self.fill(text, gap));
        text
    }

    /// Appends the parts of a template with the same.
    fn push_filled(&self, text: &mut String, parts: &[Part<'_>]) {
        template::fill(text, parts.iter().copied(), |text, gap| self.fill(text, gap));
    }

    /// Appends what fills a gap in the words of a fact.
    fn fill_of(&self, fact: &Fact, text: &mut String, gap: &str) -> Option<()> {
        match gap {
            "frame" => self.push_frame(text, fact.frame?),
            "n" => push_number(text, fact.value?.unsigned_abs()),
            "bytes" => text.push_str(&amount::bytes(fact.value?.unsigned_abs())),
            "time" => text.push_str(&amount::duration(fact.value?)),
            "icmp" => {
                let error = self.error(fact)?;
                text.extend([icmp::complaint(error.complaint), ", from "]);
                push_ip(text, error.from);
            }
            "icmp-from" => push_ip(text, self.error(fact)?.from),
            "whose" => {
                let own = self.error(fact)?.tuple.src == self.finding.reset.tuple.src;
                text.push_str(if own { self.sender() } else { self.receiver() });
            }
            _ => return self.fill(text, gap),
        }
        Some(())
    }

    /// The ICMP error that a fact rests on.
    fn error(&self, fact: &Fact) -> Option<&'a IcmpError> {
        self.finding.icmp.iter().find(|error| Some(error.frame) == fact.frame)
    }

    /// What the sender says of it itself.
    pub fn says(&self) -> Vec<String> {
        says::says(&self.finding.reset)
    }

    /// What both ends said last in an application protocol, each with its frame.
    pub fn heard(&self) -> Vec<String> {
        let Finding { from_client, from_server, connection, .. } = self.finding;
        let ends =
            [(from_client, connection.tuple.src, "the client"), (from_server, connection.tuple.dst, "the server")];
        let said = ends.into_iter().filter_map(|(heard, address, role)| {
            let heard = heard.as_ref()?;
            let who = if connection.opener_known { role.to_owned() } else { address.to_string() };
            let (protocol, text) = (heard.hint.protocol, heard.hint.text());
            Some(format!("{who} said {protocol} \"{text}\" ({})", self.frame(heard.frame)))
        });
        said.collect()
    }

    /// What the reset did.
    pub fn effect(&self) -> String {
        effect::words(&self.finding.verdict.effect, self.receiver())
    }

    /// What makes it no event of its own, if it follows from an earlier reset.
    pub fn follow_up(&self) -> Option<String> {
        let verdict = &self.finding.verdict;
        let earlier = self.frame(verdict.follows?);
        Some(match verdict.cause {
            Cause::Duplicate => format!("the same reset as {earlier}, captured once more"),
            Cause::EchoAfterReset => {
                format!("follows from {earlier}: one more segment met the connection it had ended")
            }
            Cause::Consequence => format!("follows from {earlier}, which had ended {}'s connection", self.sender()),
            _ => format!("follows from {earlier}"),
        })
    }

    /// Another reading of the same segments.
    pub fn alternative(&self, alternative: &Alternative) -> String {
        format!("{} ({}, {})", alternative.why, alternative.class, alternative.cause)
    }

    /// A frame by its number, and by its input where that is not the reset's own.
    pub fn frame(&self, frame: FrameNo) -> String {
        let mut text = String::new();
        self.push_frame(&mut text, frame);
        text
    }

    fn push_frame(&self, text: &mut String, frame: FrameNo) {
        text.push('#');
        push_number(text, frame.number());
        if let Some(name) = self.foreign_input(frame) {
            text.extend([" of ", &visible(name)]);
        }
    }

    /// What somebody wrote beside the frame.
    pub fn comment(&self, frame: FrameNo) -> Option<&'a str> {
        self.context.comments.of(frame)
    }

    /// The name of the frame's input, where it is not the reset's own.
    pub fn foreign_input(&self, frame: FrameNo) -> Option<&'a str> {
        if frame.input() == self.finding.reset.frame.input() { None } else { input(self.context, frame) }
    }

    /// How sure the verdict is; where only the class is certain, it says so.
    pub fn certainty(&self) -> &'static str {
        let verdict = &self.finding.verdict;
        match verdict.certainty {
            Certainty::Certain if !verdict.alternatives.is_empty() => "class certain",
            certainty => certainty.id(),
        }
    }

    fn shows(&self, kind: FactKind) -> bool {
        self.finding.verdict.evidence.iter().any(|fact| fact.kind == kind)
    }

    /// Appends what fills a gap. Some gaps have nothing to say and only decide whether their optional part is said.
    fn fill(&self, text: &mut String, gap: &str) -> Option<()> {
        let (reset, verdict) = (&self.finding.reset, &self.finding.verdict);
        let (src, dst) = (reset.tuple.src, reset.tuple.dst);
        let role = verdict.sender_role;
        let only_if = |said: bool| said.then_some(());
        match gap {
            "sender" => self.push_party(text, src, role),
            "receiver" => self.push_party(text, dst, role.map(opposite)),
            "sender-host" => push_ip(text, src.ip()),
            "receiver-host" => push_ip(text, dst.ip()),
            "sender-port" => push_number(text, src.port()),
            "receiver-port" => push_number(text, dst.port()),
            "s" => text.push_str(self.sender()),
            "r" => text.push_str(self.receiver()),
            "maybe" => text.push_str(self.hedge()),
            "form" => text.push_str(form(verdict.form)),
            "by-client" => only_if(role == Some(Role::Client))?,
            "retry-accepted" => only_if(self.shows(FactKind::RetryAccepted))?,
            "retry-not-accepted" => only_if(!self.shows(FactKind::RetryAccepted))?,
            "bad-checksum" => only_if(self.shows(FactKind::BadChecksum) || self.shows(FactKind::BadIpChecksum))?,
            "just-alive" => only_if(verdict.alternatives.iter().any(|other| other.cause == Cause::Consequence))?,
            "by-server" => only_if(role == Some(Role::Server))?,
            "by-unknown" => only_if(role.is_none())?,
            "idle" => text.push_str(&amount::duration(verdict.idle_ns.filter(|idle| *idle >= NOTABLE_IDLE)?)),
            "trigger" => self.push_frame(text, verdict.trigger?.frame),
            "follows" => self.push_frame(text, verdict.follows?),
            _ => return None,
        }
        Some(())
    }

    fn push_party(&self, text: &mut String, end: SocketAddr, role: Option<Role>) {
        match self.ends {
            Some(ends) => ends.push_end(text, end),
            None => push_end(text, end),
        }
        if let Some(role) = role {
            text.extend([" (", role.id(), ")"]);
        }
    }

    fn sender(&self) -> &'static str {
        self.finding.verdict.sender_role.map_or("the sender", side)
    }

    fn receiver(&self) -> &'static str {
        self.finding.verdict.sender_role.map_or("the receiver", |role| side(opposite(role)))
    }

    /// How sure the explanation is, to stand before it. A class may be certain while its cause is only the most probable one.
    fn hedge(&self) -> &'static str {
        let verdict = &self.finding.verdict;
        match verdict.certainty {
            Certainty::Certain if verdict.alternatives.is_empty() => "",
            Certainty::Certain => "probably ",
            Certainty::Likely => "most likely ",
            Certainty::Possible => "perhaps ",
        }
    }
}

/// The file or interface of a frame, as the run named it.
pub fn input(context: &Context, frame: FrameNo) -> Option<&str> {
    context.inputs.get(usize::from(frame.input())).map(String::as_str)
}

/// The last part of an input's name, unless another input has the same.
pub fn short_input(context: &Context, frame: FrameNo) -> Option<&str> {
    let name = input(context, frame)?;
    let short = file_name(name);
    let alike = context.inputs.iter().filter(|other| file_name(other) == short).count();
    Some(if alike > 1 { name } else { short })
}

/// The last part of a path.
pub fn file_name(path: &str) -> &str {
    std::path::Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or(path)
}

/// Text from outside, safe for a terminal and a page: characters that control, reorder or hide others are escaped.
pub fn visible(foreign: &str) -> String {
    let is_unseen = |c: char| c.is_control() || is_format(c);
    foreign.chars().map(|c| if is_unseen(c) { c.escape_default().to_string() } else { c.to_string() }).collect()
}

/// Unicode's format characters (general category Cf) that turn the direction of text, join or tag it without being seen, and
/// the separators of lines and paragraphs.
fn is_format(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The payload of a reset as text: printable ASCII as it is, everything else escaped.
pub fn payload(bytes: &[u8]) -> Option<String> {
    (!bytes.is_empty()).then(|| bytes.escape_ascii().to_string())
}

/// The layers around a reset, outermost first; a VLAN tag with its id, as far as ids were kept.
pub fn layers(reset: &Reset) -> Vec<String> {
    let mut ids = reset.vlans.iter();
    let named = |layer: &Layer| match (*layer == Layer::Vlan).then(|| ids.next()).flatten() {
        Some(id) => format!("{layer} {id}"),
        None => layer.to_string(),
    };
    reset.layers.iter().map(named).collect()
}

/// The templates of a cause, taken apart.
#[derive(Debug)]
struct TakenApart {
    sentence: Vec<Part<'static>>,
    check: Vec<Part<'static>>,
}

/// The templates of a cause, taken apart once and then kept.
fn taken_apart(cause: Cause) -> &'static TakenApart {
    static KEPT: [OnceLock<TakenApart>; Cause::ALL.len()] = [const { OnceLock::new() }; Cause::ALL.len()];
    static NOTHING: TakenApart = TakenApart { sentence: Vec::new(), check: Vec::new() };
    let of = |words: &'static Words| TakenApart {
        sentence: template::parts(words.sentence).collect(),
        check: template::parts(words.check).collect(),
    };
    KEPT.get(cause as usize).map_or(&NOTHING, |kept| kept.get_or_init(|| of(words(cause))))
}

fn words(cause: Cause) -> &'static Words {
    match cause {
        Cause::NoListener => &closed_port::NO_LISTENER,
        Cause::RefusedByFirewall => &closed_port::REFUSED_BY_FIREWALL,
        Cause::MptcpJoinRefused => &closed_port::MPTCP_JOIN_REFUSED,
        Cause::BacklogFull => &closed_port::BACKLOG_FULL,
        Cause::AcceptQueueOverflow => &closed_port::ACCEPT_QUEUE_OVERFLOW,
        Cause::ListenerGone => &closed_port::LISTENER_GONE,
        Cause::SynConflict => &closed_port::SYN_CONFLICT,
        Cause::EcnSynRefused => &closed_port::ECN_SYN_REFUSED,
        Cause::ProbeAnswered => &closed_port::PROBE_ANSWERED,
        Cause::SynResetByClient => &time_wait::SYN_RESET_BY_CLIENT,
        Cause::SynResetByServer => &time_wait::SYN_RESET_BY_SERVER,
        Cause::Assassination => &time_wait::ASSASSINATION,
        Cause::Abort => &abortive_close::ABORT,
        Cause::UnreadData => &abortive_close::UNREAD_DATA,
        Cause::LingerZero => &abortive_close::LINGER_ZERO,
        Cause::DataAfterClose => &abortive_close::DATA_AFTER_CLOSE,
        Cause::KeepaliveRace => &abortive_close::KEEPALIVE_RACE,
        Cause::RstAfterFin => &abortive_close::RST_AFTER_FIN,
        Cause::RstInsteadOfFin => &abortive_close::RST_INSTEAD_OF_FIN,
        Cause::ConnectThenReset => &abortive_close::CONNECT_THEN_RESET,
        Cause::ListenerClosed => &abortive_close::LISTENER_CLOSED,
        Cause::KeepaliveTimeout => &abortive_close::KEEPALIVE_TIMEOUT,
        Cause::UserTimeout => &abortive_close::USER_TIMEOUT,
        Cause::OrphanTimeout => &abortive_close::ORPHAN_TIMEOUT,
        Cause::ZeroWindowAbort => &abortive_close::ZERO_WINDOW_ABORT,
        Cause::Linger2 => &abortive_close::LINGER2,
        Cause::MptcpFastclose => &abortive_close::MPTCP_FASTCLOSE,
        Cause::MptcpSubflowReset => &abortive_close::MPTCP_SUBFLOW_RESET,
        Cause::LostState => &half_open::LOST_STATE,
        Cause::SynDiscovery => &half_open::SYN_DISCOVERY,
        Cause::HandshakeAbandoned => &half_open::HANDSHAKE_ABANDONED,
        Cause::SynScan => &half_open::SYN_SCAN,
        Cause::Backscatter => &half_open::BACKSCATTER,
        Cause::StaleSynAck => &half_open::STALE_SYN_ACK,
        Cause::BadHandshakeAck => &half_open::BAD_HANDSHAKE_ACK,
        Cause::PawsReject => &half_open::PAWS_REJECT,
        Cause::LateSegment => &half_open::LATE_SEGMENT,
        Cause::StrayAck => &half_open::STRAY_ACK,
        Cause::Injected => &forged::INJECTED,
        Cause::InjectedBurst => &forged::INJECTED_BURST,
        Cause::BothDirections => &forged::BOTH_DIRECTIONS,
        Cause::BlindAttack => &forged::BLIND_ATTACK,
        Cause::FirewallReject => &forged::FIREWALL_REJECT,
        Cause::MiddleboxTimeout => &forged::MIDDLEBOX_TIMEOUT,
        Cause::NatStateLost => &forged::NAT_STATE_LOST,
        Cause::IdsResponse => &forged::IDS_RESPONSE,
        Cause::StartsMidConnection => &undetermined::STARTS_MID_CONNECTION,
        Cause::TriggerMissing => &undetermined::TRIGGER_MISSING,
        Cause::OneSided => &undetermined::ONE_SIDED,
        Cause::Truncated => &undetermined::TRUNCATED,
        Cause::Conflicting => &undetermined::CONFLICTING,
        Cause::EchoAfterReset => &undetermined::ECHO_AFTER_RESET,
        Cause::Duplicate => &undetermined::DUPLICATE,
        Cause::Consequence => &undetermined::CONSEQUENCE,
    }
}

fn form(form: Form) -> &'static str {
    match form {
        Form::SynEcho => "the answer to a segment without ACK (RST|ACK, seq 0)",
        Form::AckEcho => "the answer to a segment with ACK (bare RST)",
        Form::Active => "the abort of a live socket (RST|ACK with the connection's numbers)",
        Form::Other => "nothing that the capture explains: what it answers is not in it, or an unusual stack made it",
    }
}

fn side(role: Role) -> &'static str {
    match role {
        Role::Client => "the client",
        Role::Server => "the server",
    }
}

fn opposite(role: Role) -> Role {
    match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    }
}
