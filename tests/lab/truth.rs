//! What a scenario must show on the wire and what rstscan must say about its resets.

use std::io;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::bench::{Bench, Setting};
use crate::capture::Recording;
use crate::segment::Segment;

/// One way to make resets with real sockets, on a port of its own.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// File and test name.
    pub name: &'static str,
    /// The server port all its segments have.
    pub port: u16,
    /// The segments without which it did not happen, in their order, others between: direction and flags as tcpdump
    /// prints them. `>` is client to server, `<` back; `e` is sent by the side that resets, `p` by its peer.
    pub shape: &'static str,
    /// The verdicts of its resets in order; the last one holds for all that follow. Where there are none, no reset may come.
    pub resets: &'static [Expected],
    /// Where it can be played.
    pub place: Place,
    /// Whether the side that resets can be either.
    pub either_side: bool,
    /// Plays it.
    pub run: fn(&Bench, u16) -> io::Result<()>,
}

/// Where a scenario can be played.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// With or without a router.
    Wire,
    /// With a router only.
    Routed,
    /// The same, over IPv4 only.
    RoutedIpv4,
    /// With a router, recorded behind it at the server.
    BehindRouter,
}

/// Who sends a reset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Maker {
    /// The TCP of a kernel, which notes it.
    Kernel,
    /// A packet filter, a program that writes segments by hand, another stack: no kernel notes those.
    Other,
}

impl Scenario {
    /// A scenario for any place whose sides are fixed.
    pub const fn new(
        (name, port): (&'static str, u16),
        shape: &'static str,
        resets: &'static [Expected],
        run: fn(&Bench, u16) -> io::Result<()>,
    ) -> Self {
        Self { name, port, shape, resets, place: Place::Wire, either_side: false, run }
    }

    /// The same where either side can be the one that resets.
    pub const fn either(self) -> Self {
        Self { either_side: true, ..self }
    }

    /// The same at a place.
    pub const fn at(self, place: Place) -> Self {
        Self { place, ..self }
    }

    /// A setting that it can be played in.
    pub fn fitting(&self, setting: Setting) -> Setting {
        Setting {
            ipv6: setting.ipv6 && self.place != Place::RoutedIpv4,
            routed: setting.routed || self.place != Place::Wire,
            capture_at_server: setting.capture_at_server || self.place == Place::BehindRouter,
            ..setting
        }
    }
}

/// The verdict a reset must get.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Expected {
    /// The class.
    pub class: &'static str,
    /// Classes that are right too, as the wire cannot tell them apart.
    pub also: &'static [&'static str],
    /// The causes that are right, in any of these classes.
    pub causes: &'static [&'static str],
    /// Who sends it.
    pub maker: Maker,
}

impl Expected {
    /// One class only.
    pub const fn only(class: &'static str, causes: &'static [&'static str]) -> Self {
        Self::or(class, &[], causes)
    }

    /// Another class besides.
    pub const fn or(class: &'static str, also: &'static [&'static str], causes: &'static [&'static str]) -> Self {
        Self { class, also, causes, maker: Maker::Kernel }
    }

    /// The same, but no kernel's TCP sends it.
    pub const fn by_other(self) -> Self {
        Self { maker: Maker::Other, ..self }
    }
}

/// A reset in a recording and what must be said about it.
#[derive(Clone, Copy, Debug)]
pub struct Label {
    /// Its frame, from 1.
    pub frame: u64,
    /// The verdict.
    pub expected: Expected,
}

/// The labels of a recording in which these scenarios were played.
///
/// # Errors
///
/// A reset that none of them explains, or one of them without any reset that it should have drawn.
pub fn labels(recording: &Recording, scenarios: &[&Scenario]) -> io::Result<Vec<Label>> {
    let mut seen = vec![0; scenarios.len()];
    let mut labels = Vec::new();
    for (frame, segment) in (1..).zip(recording.segments()).filter(|(_, segment)| segment.flags.rst()) {
        let at = scenarios.iter().position(|scenario| segment.has_port(scenario.port));
        let at = at.ok_or_else(|| io::Error::other(format!("no scenario explains frame {frame}: {segment}")))?;
        let resets = scenarios[at].resets;
        let expected = resets.get(seen[at]).or(resets.last());
        seen[at] += 1;
        labels.extend(expected.map(|expected| Label { frame, expected: *expected }));
    }
    match seen.iter().zip(scenarios).position(|(&count, scenario)| (count == 0) != scenario.resets.is_empty()) {
        Some(at) if scenarios[at].resets.is_empty() => {
            Err(io::Error::other(format!("{} drew {} resets", scenarios[at].name, seen[at])))
        }
        Some(at) => Err(io::Error::other(format!("{} drew no reset", scenarios[at].name))),
        None => Ok(labels),
    }
}

/// Checks that the segments of a scenario hold its shape in order.
pub fn check_shape(scenario: &Scenario, setting: Setting, segments: &[Segment]) -> io::Result<()> {
    let mut rest = segments.iter();
    for step in scenario.shape.split(", ") {
        let (from, flags) = step.split_once(' ').unwrap_or((step, ""));
        let by_client = match from {
            ">" => true,
            "<" => false,
            "e" => setting.client_resets,
            _ => !setting.client_resets,
        };
        let fits = |s: &Segment| (s.dst.port() == scenario.port) == by_client && s.flags.to_string() == flags;
        if !rest.any(fits) {
            let lines: Vec<_> = segments.iter().map(ToString::to_string).collect();
            let shape = scenario.shape;
            return Err(io::Error::other(format!("no [{step}] of [{shape}] where it belongs:\n{}", lines.join("\n"))));
        }
    }
    Ok(())
}

/// Whether the recordings are put before the program; the shapes are checked in any case.
pub const ASK_RSTSCAN: bool = true;

/// Runs `rstscan -r CAPTURE --json`: its verdicts.
pub fn verdicts(capture: &Path) -> io::Result<Vec<Value>> {
    let run = Command::new(env!("CARGO_BIN_EXE_rstscan")).arg("-r").arg(capture).arg("--json").output()?;
    let text = String::from_utf8_lossy(&run.stdout);
    let lines = text.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
    Ok(lines.into_iter().filter(|line| line["type"] == "reset").collect())
}

/// Compares the verdicts about a capture with the labels, one by one.
pub fn check_verdicts(capture: &Path, labels: &[Label]) -> io::Result<()> {
    let wrong = disagreements(labels, &verdicts(capture)?);
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(io::Error::other(format!("{}: {}", capture.display(), wrong.join("; "))))
    }
}

/// In which ways the verdicts are not the expected ones, one for each label.
pub fn disagreements(labels: &[Label], verdicts: &[Value]) -> Vec<String> {
    let mut wrong = Vec::new();
    if verdicts.len() != labels.len() {
        wrong.push(format!("{} verdicts for {} resets", verdicts.len(), labels.len()));
    }
    for label in labels {
        match verdicts.iter().find(|verdict| verdict["frame"] == label.frame) {
            None => wrong.push(format!("frame {}: no verdict", label.frame)),
            Some(verdict) => wrong.extend(disagreement(label, verdict)),
        }
    }
    wrong
}

/// In which way a verdict is not the expected one.
fn disagreement(label: &Label, verdict: &Value) -> Option<String> {
    let Expected { class, also, causes, .. } = label.expected;
    let word = |key: &str| verdict[key].as_str().unwrap_or("nothing");
    let (said, cause) = (word("class"), word("cause"));
    // A reset that only follows from another is named by its relation, not by the cause of its own.
    let follows = !verdict["follows"].is_null();
    let right = (said == class || also.contains(&said)) && (follows || causes.is_empty() || causes.contains(&cause));
    (!right).then(|| {
        format!(
            "frame {}: said {said}/{cause} {}, expected {class} {also:?} {causes:?}",
            label.frame, verdict["certainty"]
        )
    })
}
