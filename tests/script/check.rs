//! Compares what is expected with what was said, and writes down what was said.

use std::fmt::Write as _;

use rstscan::classify::{Cause, Certainty, Class, FactKind, Verdict};

use super::run::Judged;
use super::{Detail, Expect, Pattern, Says, Script};

/// Everything in which the findings differ from the script, one line each: `line: #frame: ...`.
///
/// `class_only` compares no more than the class, as after a [`Change`](super::Change).
pub fn check(script: &Script, judged: &[Judged], class_only: bool) -> Vec<String> {
    let mut errors = Vec::new();
    for (line, expect) in script.expects() {
        let mut findings = judged.iter().filter(|judged| judged.number == Some(expect.frame)).peekable();
        if findings.peek().is_none() {
            errors.push(format!("{line}: #{}: no verdict, expected {}", expect.frame, verdict_of(expect)));
        }
        for found in findings {
            if evidence(found, FactKind::PeerContinues) > 1 {
                errors.push(format!("{line}: #{}: two segments show that the peer goes on", expect.frame));
            }
            let differences = if class_only { class_difference(expect, found) } else { differences(expect, found) };
            errors.extend(differences.into_iter().map(|text| format!("{line}: #{}: {text}", expect.frame)));
        }
    }
    for found in judged {
        if !script.expects().any(|(_, expect)| Some(expect.frame) == found.number) {
            let frame = found.number.unwrap_or(0);
            errors.push(format!("1: #{frame}: nothing expected, got {}", said(&found.finding.verdict)));
        }
    }
    errors
}

/// How many facts of a kind the verdict rests on.
fn evidence(found: &Judged, kind: FactKind) -> usize {
    found.finding.verdict.evidence.iter().filter(|fact| fact.kind == kind).count()
}

/// In which ways verdicts about a capture with second sightings differ from those about the same one without.
pub fn check_copies(plain: &[Judged], judged: &[Judged]) -> Vec<String> {
    let mut errors = Vec::new();
    for found in judged {
        let Some((number, before)) = found.number.and_then(|number| {
            plain.iter().find(|before| before.number == Some(number)).map(|before| (number, before))
        }) else {
            errors.push(format!("1: no such reset without copies: {}", said(&found.finding.verdict)));
            continue;
        };
        let difference = if found.copy { copy_difference(before, found) } else { original_difference(before, found) };
        errors.extend(difference.map(|text| format!("1: #{number}: {text}")));
    }
    if judged.iter().filter(|found| !found.copy).count() != plain.len() {
        errors.push("1: not every reset has its verdict".into());
    }
    errors
}

/// What is a duplicate without copies has a first sighting of its own.
fn copy_difference(before: &Judged, found: &Judged) -> Option<String> {
    let verdict = &found.finding.verdict;
    let first = verdict.evidence.iter().find(|fact| fact.kind == FactKind::SameReset).and_then(|fact| fact.frame);
    let right = verdict.cause == Cause::Duplicate
        && verdict.follows.is_some()
        && (before.finding.verdict.cause == Cause::Duplicate
            || first.is_some_and(|frame| found.in_script(frame) == before.number));
    (!right).then(|| format!("the second sighting is {}", said(verdict)))
}

fn original_difference(before: &Judged, found: &Judged) -> Option<String> {
    let essence = |judged: &Judged| {
        let verdict = &judged.finding.verdict;
        let trigger = verdict.trigger.map(|trigger| judged.in_script(trigger.frame));
        let follows = verdict.follows.map(|frame| judged.in_script(frame));
        (said(verdict), verdict.form, trigger, follows, verdict.effect.on_peer)
    };
    let (wanted, got) = (essence(before), essence(found));
    (wanted != got).then(|| format!("without copies {wanted:?}, with them {got:?}"))
}

/// In which ways verdicts about a capture that was written in another order differ from those about the same one in the right
/// order: the class stays, and the certainty does not rise. Where the order alone told two classes apart, nothing more than a
/// possibility is left, of the same class or with it among the alternatives; or nothing is determined.
pub fn check_order(plain: &[Judged], judged: &[Judged]) -> Vec<String> {
    let mut errors = Vec::new();
    for before in plain {
        let Some(number) = before.number else { continue };
        let mut found = judged.iter().filter(|found| found.number == before.number);
        match (found.next(), found.next()) {
            (Some(found), None) => {
                let (was, is) = (&before.finding.verdict, &found.finding.verdict);
                errors.extend(
                    (!is_no_surer(was, is)).then(|| format!("1: #{number}: was {}, is {}", said(was), said(is))),
                );
            }
            _ => errors.push(format!("1: #{number}: not one verdict")),
        }
    }
    if judged.len() != plain.len() {
        errors.push("1: not every reset has its verdict".into());
    }
    errors
}

fn is_no_surer(was: &Verdict, is: &Verdict) -> bool {
    let named = is.class == Class::Undetermined || is.alternatives.iter().any(|other| other.class == was.class);
    let doubted = is.certainty == Certainty::Possible && named;
    is.certainty <= was.certainty && (is.class == was.class || doubted)
}

/// The script with its expectations replaced by what was said; everything else stays as it was written.
pub fn rewritten(script: &Script, text: &str, judged: &[Judged]) -> String {
    let source: Vec<&str> = text.lines().collect();
    let mut out = String::new();
    for line in &script.lines {
        let found = match &line.says {
            Says::Expect(expect) => {
                judged.iter().find(|judged| judged.number == Some(expect.frame)).map(|found| (expect, found))
            }
            Says::NoReset if !judged.is_empty() => continue,
            _ => None,
        };
        match found {
            Some((expect, found)) if !differences(expect, found).is_empty() => {
                let _ = writeln!(out, "{}", restated(expect, found));
            }
            _ => source[line.at.clone()].iter().for_each(|line| {
                let _ = writeln!(out, "{line}");
            }),
        }
    }
    for found in judged {
        let Some(number) = found.number else { continue };
        if !script.expects().any(|(_, expect)| expect.frame == number) {
            let fresh = Expect { frame: number, verdict: Vec::new(), certainty: Vec::new(), details: Vec::new() };
            let _ = writeln!(out, "{}", restated(&fresh, found));
        }
    }
    out
}

/// What was said, in the kinds of detail that were written before.
fn restated(expect: &Expect, found: &Judged) -> Expect {
    let verdict = &found.finding.verdict;
    let matches = expect.verdict.iter().any(|pattern| fits(*pattern, verdict));
    let said = Pattern { class: verdict.class, cause: Some(verdict.cause) };
    let certain = expect.certainty.contains(&verdict.certainty);
    Expect {
        frame: expect.frame,
        verdict: if matches { expect.verdict.clone() } else { vec![said] },
        certainty: if certain { expect.certainty.clone() } else { vec![verdict.certainty] },
        details: expect.details.iter().filter_map(|detail| restated_detail(detail, found)).collect(),
    }
}

fn restated_detail(detail: &Detail, found: &Judged) -> Option<Detail> {
    let verdict = &found.finding.verdict;
    match detail {
        _ if detail_difference(detail, found).is_none() => Some(detail.clone()),
        Detail::Answers { after_ns, .. } => verdict.trigger.map(|trigger| Detail::Answers {
            frame: found.in_script(trigger.frame).unwrap_or(0),
            after_ns: after_ns.map(|_| trigger.after_ns),
        }),
        Detail::Follows(_) => verdict.follows.and_then(|frame| found.in_script(frame)).map(Detail::Follows),
        Detail::Form(_) => Some(Detail::Form(verdict.form)),
        Detail::Effect(_, saw) => {
            Some(Detail::Effect(vec![verdict.effect.on_peer], saw.and(verdict.effect.application)))
        }
        Detail::LostToSender(_) => verdict.effect.bytes_lost_to_sender.map(Detail::LostToSender),
        Detail::LostToPeer(_) => verdict.effect.bytes_lost_to_peer.map(Detail::LostToPeer),
        Detail::Unprovoked | Detail::Missing(_) | Detail::Alternative(_) | Detail::Evidence(..) | Detail::Unsaid(_) => {
            None
        }
    }
}

fn differences(expect: &Expect, found: &Judged) -> Vec<String> {
    let verdict = &found.finding.verdict;
    let mut errors = Vec::new();
    let certain = expect.certainty.is_empty() || expect.certainty.contains(&verdict.certainty);
    if !certain || !expect.verdict.iter().any(|pattern| fits(*pattern, verdict)) {
        errors.push(format!("expected {}, got {}", verdict_of(expect), said(verdict)));
    }
    errors.extend(expect.details.iter().filter_map(|detail| detail_difference(detail, found)));
    errors
}

fn class_difference(expect: &Expect, found: &Judged) -> Vec<String> {
    let verdict = &found.finding.verdict;
    let mut errors = Vec::new();
    if !expect.verdict.iter().any(|pattern| pattern.class == verdict.class) {
        errors.push(format!("expected {}, got {}", verdict_of(expect), said(verdict)));
    }
    if found.copy && verdict.follows.is_none() {
        errors.push(format!("the second capture of the frame is an event of its own: {}", said(verdict)));
    }
    errors
}

fn fits(pattern: Pattern, verdict: &Verdict) -> bool {
    pattern.class == verdict.class && pattern.cause.is_none_or(|cause| cause == verdict.cause)
}

/// What differs from one indented line.
fn detail_difference(detail: &Detail, found: &Judged) -> Option<String> {
    let verdict = &found.finding.verdict;
    let frame_is = |frame, wanted| found.in_script(frame) == Some(wanted);
    let trigger = verdict.trigger;
    let holds = match detail {
        Detail::Unprovoked => trigger.is_none(),
        Detail::Answers { frame, after_ns } => trigger.is_some_and(|trigger| {
            frame_is(trigger.frame, *frame) && after_ns.is_none_or(|after| after == trigger.after_ns)
        }),
        Detail::Follows(frame) => verdict.follows.is_some_and(|follows| frame_is(follows, *frame)),
        Detail::Form(form) => verdict.form == *form,
        Detail::Effect(on_peer, saw) => {
            on_peer.contains(&verdict.effect.on_peer) && (saw.is_none() || verdict.effect.application == *saw)
        }
        Detail::Missing(missing) => verdict.missing.contains(missing),
        Detail::Alternative(wanted) => verdict
            .alternatives
            .iter()
            .any(|other| other.class == wanted.class && wanted.cause.is_none_or(|cause| cause == other.cause)),
        Detail::Evidence(kind, frame) => verdict.evidence.iter().any(|fact| {
            fact.kind == *kind && frame.is_none_or(|wanted| fact.frame.is_some_and(|frame| frame_is(frame, wanted)))
        }),
        Detail::Unsaid(kind) => verdict.evidence.iter().all(|fact| fact.kind != *kind),
        Detail::LostToSender(count) => verdict.effect.bytes_lost_to_sender == Some(*count),
        Detail::LostToPeer(count) => verdict.effect.bytes_lost_to_peer == Some(*count),
    };
    if holds { None } else { Some(format!("expected `{detail}`, got {}", described(detail, found))) }
}

/// The part of a verdict that a detail speaks of.
fn described(detail: &Detail, found: &Judged) -> String {
    let verdict = &found.finding.verdict;
    let number = |frame| found.in_script(frame).map_or("another frame".to_string(), |number| format!("#{number}"));
    match detail {
        Detail::Unprovoked | Detail::Answers { .. } => verdict
            .trigger
            .map_or("no trigger".into(), |trigger| format!("{} after {} ns", number(trigger.frame), trigger.after_ns)),
        Detail::Follows(_) => verdict.follows.map_or("an event of its own".into(), number),
        Detail::Form(_) => verdict.form.to_string(),
        Detail::Effect(..) | Detail::LostToSender(_) | Detail::LostToPeer(_) => format!("{:?}", verdict.effect),
        Detail::Missing(_) => format!("{:?}", verdict.missing),
        Detail::Alternative(_) => format!("{:?}", verdict.alternatives),
        Detail::Evidence(..) | Detail::Unsaid(_) => format!("{:?}", verdict.evidence),
    }
}

fn verdict_of(expect: &Expect) -> String {
    let line = Expect { details: Vec::new(), ..expect.clone() }.to_string();
    line.splitn(3, ' ').nth(2).unwrap_or_default().to_string()
}

fn said(verdict: &Verdict) -> String {
    format!("{}/{} {}", verdict.class, verdict.cause, verdict.certainty)
}
