//! From the facts about one RST to its verdict: first its form, then one rule file a class, in a written order.

mod abortive_close;
mod cause;
mod checksum;
mod closed_port;
mod effect;
mod fact;
mod follows;
mod forged;
mod form;
mod half_open;
mod icmp;
mod kernel;
mod middlebox;
mod note;
mod opinion;
mod points;
mod state;
mod suspicion;
mod time_wait;
mod undetermined;
mod verdict;
mod view;

pub use cause::{Application, Cause, Certainty, Class, Form, OnPeer, Role};
pub use fact::{Fact, FactKind};
pub use kernel::{Accepted, KernelWord, Origin, Process, Sent};
pub use note::note;
pub use points::{Coverage, Passage, Points, Sighting, TriggerPassage, with_points};
pub use state::Shown;
pub use verdict::{Alternative, Effect, Missing, States, Trigger, Verdict};

use crate::track::{Marks, ResetCase};

use opinion::{Judgement, Opinion};
use view::View;

/// What a rule file offers.
type Rule = fn(&View<'_>) -> Judgement;

/// The rules in the order in which they are asked, each with the class it speaks for. The first that fits decides; none reads another's result.
///
/// Copies and consequences first; then what shows that no endpoint made the RST; then the handshake, from its first
/// segment on; then established connections; the rest names what is missing.
const RULES: [(Class, Rule); 7] = [
    (Class::Undetermined, follows::judge),
    (Class::Undetermined, undetermined::contradiction),
    (Class::Forged, forged::judge),
    (Class::TimeWaitCollision, time_wait::judge),
    (Class::ClosedPort, closed_port::judge),
    (Class::HalfOpenResponse, half_open::judge),
    (Class::AbortiveClose, abortive_close::judge),
];

/// What the rules said that did not decide.
#[derive(Default)]
struct Others {
    against: Vec<(Class, Fact)>,
    outranked: Vec<(Class, Cause)>,
}

/// Says why a RST was sent.
pub fn classify(case: &ResetCase) -> Verdict {
    let view = View::new(case);
    let mut decided: Option<Opinion> = None;
    let mut others = Others::default();
    for (class, rule) in RULES {
        match rule(&view) {
            Judgement::Fits(opinion) if decided.is_none() => decided = Some(opinion),
            Judgement::Fits(opinion) => others.outranked.push((opinion.class, opinion.cause)),
            Judgement::Against(fact) => others.against.push((class, fact)),
            Judgement::Silent => {}
        }
    }
    let opinion = decided.unwrap_or_else(|| undetermined::rest(&view));
    others.against.retain(|(class, _)| *class != opinion.class);
    others.outranked.retain(|(class, _)| *class != opinion.class);
    verdict(&view, lowered(&view, opinion), others)
}

/// What makes every reading less sure.
fn lowered(view: &View<'_>, opinion: Opinion) -> Opinion {
    let case = view.case;
    let cut =
        view.own().shows(Marks::OPTIONS_CUT) || view.peer().shows(Marks::OPTIONS_CUT) || !view.reset().options.complete;
    let rests_on_its_beginning = rests_on_its_beginning(view, &opinion);
    let mut opinion = opinion
        .lacking_if(cut, Missing::Options)
        .lacking_if(case.cut_short, Missing::Aftermath)
        .lacking_if(rests_on_its_beginning, Missing::Handshake);
    if view.shape.swapped || cut || case.cut_short {
        opinion = opinion.at_most(Certainty::Likely);
    }
    if opinion.class != Class::Forged && view.suspicion.is_from_elsewhere() {
        opinion = opinion.at_most(Certainty::Likely).or(
            Class::Forged,
            Cause::Injected,
            "its TTL is not the one the sender uses, so a third party may have sent it",
        );
    }
    if let Some((cause, fact)) = middlebox::nearer(view).filter(|_| is_own(&opinion)) {
        opinion = opinion.because(fact).at_most(Certainty::Likely).or(
            Class::Forged,
            cause,
            "its TTL is higher than that of all else the sender sent, so a device on the way may have answered",
        );
    }
    if answers_as_firewalls_do(view, &opinion) {
        opinion = opinion.at_most(Certainty::Likely).or(
            Class::Forged,
            Cause::FirewallReject,
            "a firewall that refused another segment with ICMP may have sent it, too",
        );
    }
    if is_own(&opinion) && middlebox::copies_window(view) {
        opinion = opinion.at_most(Certainty::Likely).or(
            Class::Forged,
            Cause::IdsResponse,
            "it has the window of the segment it answers, as intrusion prevention systems fill it in",
        );
    }
    if needs_what_was_given_up(view, &opinion) {
        opinion = opinion.lacking(Missing::Evicted).at_most(Certainty::Likely);
    }
    if case.lossy && opinion.follows.is_none() {
        opinion = opinion.lacking(Missing::DroppedFrames).at_most(Certainty::Likely);
    }
    let kept = case.before.len() as u32;
    opinion.lacking_if(opinion_needs_more(view) && kept < case.life.segments, Missing::Memory)
}

/// Whether what came before the first segment captured may tell otherwise (a FIN, how a side scales its window, who opened): not where
/// there was no connection.
fn rests_on_its_beginning(view: &View<'_>, opinion: &Opinion) -> bool {
    let of_connection = opinion.class != Class::ClosedPort;
    let began_before = !view.own().shows(Marks::SYN) && !view.peer().shows(Marks::SYN);
    of_connection && began_before && opinion.certainty != Certainty::Certain
}

/// Whether an opinion is about a RST that an end sent of itself.
fn is_own(opinion: &Opinion) -> bool {
    opinion.class != Class::Forged && opinion.follows.is_none()
}

/// Whether something on the way refused another segment of P with ICMP, so that it may have refused T with this RST. Which
/// firewall refused a SYN makes no other class.
fn answers_as_firewalls_do(view: &View<'_>, opinion: &Opinion) -> bool {
    is_own(opinion) && opinion.class != Class::ClosedPort && view.trigger().is_some() && icmp::refusal(view).is_some()
}

/// Whether something that was given up to stay within memory may have told more: what followed the RST, what this life began
/// with, or the life before, where this one did not get beyond its handshake.
fn needs_what_was_given_up(view: &View<'_>, opinion: &Opinion) -> bool {
    let earlier = |missing: &Missing| !matches!(missing, Missing::Aftermath | Missing::Options | Missing::ReferenceTtl);
    let before = view.case.life.given_up && (opinion.missing.iter().any(earlier) || !view.is_established());
    (before || view.case.given_up) && opinion.follows.is_none()
}

/// Whether a trigger was looked for in vain among the segments that were kept.
fn opinion_needs_more(view: &View<'_>) -> bool {
    view.trigger().is_none() && matches!(view.form(), Form::Other)
}

/// The facts without those that stand there twice.
fn each_once(mut facts: Vec<Fact>) -> Vec<Fact> {
    let mut at = 0;
    while let Some((fact, before)) = facts.get(..=at).and_then(<[Fact]>::split_last) {
        if before.contains(fact) {
            facts.remove(at);
        } else {
            at += 1;
        }
    }
    facts
}

fn verdict(view: &View<'_>, mut opinion: Opinion, others: Others) -> Verdict {
    let (effect, facts) = effect::effect(view, opinion.class);
    if opinion.follows.is_none() {
        opinion.evidence.extend(icmp::facts(view));
    }
    // What the rule has said of the same kind is the first of it.
    let said = opinion.evidence.len();
    for fact in facts {
        if !opinion.evidence.iter().take(said).any(|other| other.kind == fact.kind) {
            opinion.evidence.push(fact);
        }
    }
    if !view.case.payload.is_empty() {
        opinion.evidence.insert(0, Fact::at(FactKind::Payload, view.reset().frame).with(i64::from(view.reset().len)));
    }
    let evidence = each_once(opinion.evidence);
    let trigger = view.trigger().zip(view.after_trigger_ns());
    Verdict {
        class: opinion.class,
        cause: opinion.cause,
        certainty: opinion.certainty,
        form: view.form(),
        sender_role: view.role(),
        trigger: trigger.map(|(past, after_ns)| Trigger { frame: past.frame(), after_ns }),
        follows: opinion.follows,
        idle_ns: view.idle_ns(),
        effect,
        state: effect::states(view, opinion.class),
        evidence,
        against: others.against,
        outranked: others.outranked,
        alternatives: opinion.alternatives,
        missing: opinion.missing,
    }
}
