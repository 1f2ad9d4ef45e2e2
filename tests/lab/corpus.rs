//! A labelled collection of captures on request: every scenario in many settings, whole and with parts missing.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::bench::Setting;
use crate::capture::Recording;
use crate::segment::Segment;
use crate::truth::{Expected, Label, Place, Scenario};
use crate::{chosen, may_run, play, scenarios};

/// The folder to write to; nothing is written where it is not set.
const FOLDER: &str = "RSTSCAN_WRITE_CORPUS";

#[test]
fn corpus() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    assert!(may_run(), "{FOLDER} needs the rights of the laboratory");
    write(&folder).expect("the corpus");
}

fn write(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut lines = fs::File::create(folder.join("labels.jsonl"))?;
    for scenario in scenarios::all() {
        for (variant, setting) in settings(scenario).into_iter().filter(|(_, setting)| chosen(&(scenario, *setting))) {
            let name = format!("{}{variant}", scenario.name);
            match play(scenario, setting) {
                Ok((recording, labels)) => write_cuts(folder, &mut lines, (&name, &recording), &labels)?,
                Err(error) => drop(writeln!(io::stderr(), "left out {name}: {error}")),
            }
        }
    }
    Ok(())
}

/// The settings in which a scenario is played, with the ending of their file names.
fn settings(scenario: &Scenario) -> Vec<(&'static str, Setting)> {
    let plain = Setting::default();
    let mut settings = vec![
        ("", plain),
        (".v6", Setting { ipv6: true, ..plain }),
        (".no-timestamps", Setting { timestamps: false, ..plain }),
        (".no-scaling", Setting { window_scaling: false, ..plain }),
        (".routed", Setting { routed: true, ..plain }),
        (".snap-96", Setting { snap_length: 96, ..plain }),
    ];
    // What a router refuses never reaches the server.
    if !matches!(scenario.place, Place::Routed | Place::RoutedIpv4) {
        settings.push((".at-server", Setting { capture_at_server: true, ..plain }));
    }
    if scenario.either_side {
        settings.push((".client-resets", Setting { client_resets: true, ..plain }));
        settings.push((".client-resets.v6", Setting { client_resets: true, ipv6: true, ..plain }));
        settings.push((".client-resets.routed", Setting { client_resets: true, routed: true, ..plain }));
    }
    settings
}

/// A recording with a part missing, and what is right to say about the resets that are left.
pub struct Cut {
    /// What distinguishes its file name.
    pub suffix: String,
    /// What is left.
    pub recording: Recording,
    /// Each reset that is left.
    pub labels: Vec<CutLabel>,
    /// Whether nothing is missing after all.
    whole: bool,
}

/// A reset in a cut.
pub struct CutLabel {
    /// Its frame, from 1.
    pub frame: u64,
    /// The classes that are right, that of the whole recording first.
    pub classes: Vec<&'static str>,
    /// The causes that are right about the whole.
    causes: &'static [&'static str],
}

/// A recording whole, one direction of it, and what is left when the capture starts late.
pub fn cuts(recording: &Recording, labels: &[Label]) -> Vec<Cut> {
    let mut cuts = vec![cut(String::new(), (recording, labels), |_| true)];
    let first = labels.first().and_then(|label| recording.frames.get(label.frame as usize - 1));
    let Some(sender) = first.map(|frame| frame.segment.src) else { return cuts };
    let ours: Vec<_> = recording.segments().map(|s| s.src.ip() == sender.ip()).collect();
    cuts.push(cut(".one-sided".to_owned(), (recording, labels), |at| ours[at]));
    let reset = labels[0].frame as usize - 1;
    let starts = BTreeSet::from([1, 3, reset.saturating_sub(1), reset]);
    for dropped in starts.into_iter().filter(|dropped| (1..=reset).contains(dropped)) {
        cuts.push(cut(format!(".from-{}", dropped + 1), (recording, labels), |at| at >= dropped));
    }
    cuts
}

/// Keeps some frames; what is missing makes `undetermined` right as well.
fn cut(suffix: String, (recording, labels): (&Recording, &[Label]), keep: impl Fn(usize) -> bool) -> Cut {
    let kept = recording.filtered(|at, _| keep(at));
    let whole = kept == *recording;
    let left = labels.iter().filter(|label| keep(label.frame as usize - 1));
    let labels = left.map(|label| {
        let Expected { class, also, causes, .. } = label.expected;
        let mut classes = vec![class];
        classes.extend(also);
        if !whole {
            classes.extend(merged_by_a_cut(label, &recording.frames[label.frame as usize - 1].segment));
        }
        CutLabel { frame: (0..label.frame as usize).filter(|&at| keep(at)).count() as u64, classes, causes }
    });
    Cut { suffix, labels: labels.collect(), recording: kept, whole }
}

/// Writes a recording with all its cuts, and their labels.
fn write_cuts(
    folder: &Path,
    lines: &mut impl Write,
    (name, recording): (&str, &Recording),
    labels: &[Label],
) -> io::Result<()> {
    for cut in cuts(recording, labels) {
        let path = format!("{name}{}.pcap", cut.suffix);
        cut.recording.write(&folder.join(&path))?;
        for CutLabel { frame, classes, causes } in cut.labels {
            let causes = cut.whole.then_some(causes);
            let (class, also) = (classes[0], &classes[1..]);
            writeln!(
                lines,
                "{}",
                json!({"path": path, "frame": frame, "class": class, "also": also, "causes": causes})
            )?;
        }
    }
    Ok(())
}

/// The classes that cannot be told from the right one once the deciding segments are missing: only the form is left.
fn merged_by_a_cut(label: &Label, reset: &Segment) -> Vec<&'static str> {
    let by_form = match (reset.flags.ack(), reset.seq.0) {
        (false, _) => Some("half-open-response"),
        (true, 0) => None,
        (true, _) => Some("abortive-close"),
    };
    let collision = label.expected.causes.contains(&"syn-discovery").then_some("time-wait-collision");
    [Some("undetermined"), by_form, collision].into_iter().flatten().collect()
}
