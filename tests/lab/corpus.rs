//! A labelled collection of captures on request: every scenario in many settings, whole and with parts missing.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::bench::Setting;
use crate::capture::Recording;
use crate::segment::Segment;
use crate::truth::{Label, Scenario};
use crate::{may_run, play, scenarios};

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
        for (variant, setting) in settings(scenario) {
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
    if !scenario.routed {
        settings.push((".at-server", Setting { capture_at_server: true, ..plain }));
    }
    if scenario.either_side {
        settings.push((".client-resets", Setting { client_resets: true, ..plain }));
        settings.push((".client-resets.v6", Setting { client_resets: true, ipv6: true, ..plain }));
        settings.push((".client-resets.routed", Setting { client_resets: true, routed: true, ..plain }));
    }
    settings
}

/// Writes a recording whole, one direction of it, and what is left when the capture starts late.
fn write_cuts(
    folder: &Path,
    lines: &mut impl Write,
    (name, recording): (&str, &Recording),
    labels: &[Label],
) -> io::Result<()> {
    write_cut(folder, lines, name, (recording, labels, |_| true))?;
    let first = labels.first().and_then(|label| recording.frames.get(label.frame as usize - 1));
    let Some(sender) = first.map(|frame| frame.segment.src) else { return Ok(()) };
    let ours: Vec<_> = recording.segments().map(|s| s.src.ip() == sender.ip()).collect();
    write_cut(folder, lines, &format!("{name}.one-sided"), (recording, labels, |at| ours[at]))?;
    let reset = labels[0].frame as usize - 1;
    let starts = BTreeSet::from([1, 3, reset.saturating_sub(1), reset]);
    for dropped in starts {
        if dropped > 0 && dropped <= reset {
            write_cut(folder, lines, &format!("{name}.from-{}", dropped + 1), (recording, labels, |at| at >= dropped))?;
        }
    }
    Ok(())
}

/// Writes the kept frames and their labels; what is missing makes `undetermined` right as well.
fn write_cut(
    folder: &Path,
    lines: &mut impl Write,
    name: &str,
    (recording, labels, keep): (&Recording, &[Label], impl Fn(usize) -> bool),
) -> io::Result<()> {
    let path = format!("{name}.pcap");
    let kept = recording.filtered(|at, _| keep(at));
    kept.write(&folder.join(&path))?;
    let whole = kept == *recording;
    for label in labels.iter().filter(|label| keep(label.frame as usize - 1)) {
        let frame = (0..label.frame as usize).filter(|&at| keep(at)).count();
        let mut also = label.expected.also.to_vec();
        if !whole {
            also.extend(merged_by_a_cut(label, &recording.frames[label.frame as usize - 1].segment));
        }
        let causes = whole.then_some(label.expected.causes);
        let class = label.expected.class;
        writeln!(lines, "{}", json!({"path": path, "frame": frame, "class": class, "also": also, "causes": causes}))?;
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
