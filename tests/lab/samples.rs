//! The captures in `samples/`: how they are made, and that those in the repository hold what they should.

use std::io;
use std::path::{Path, PathBuf};

use crate::bench::{Bench, Setting};
use crate::capture::Recording;
use crate::scenarios::abort::{LINGER_ZERO, exchange};
use crate::scenarios::closed_port::NO_LISTENER;
use crate::scenarios::half_open::CABLE_PULLED;
use crate::scenarios::healthy;
use crate::scenarios::time_wait::OLD_ACK;
use crate::truth::{self, Label, Scenario, check_shape, check_verdicts, labels};
use crate::{may_run, play, retry};

/// Where they are kept.
const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/samples");

/// Set to make the samples anew.
const WRITE: &str = "RSTSCAN_WRITE_SAMPLES";

/// The scenarios of the textbook's section, each of which has a sample of its own name.
pub const EXPERIMENTS: [&Scenario; 4] = [&NO_LISTENER, &OLD_ACK, &LINGER_ZERO, &CABLE_PULLED];

/// Healthy connections in the mixed sample.
const HEALTHY: u16 = 24;

#[test]
fn committed_samples_hold_the_experiments() {
    let check = || -> io::Result<()> {
        for experiment in EXPERIMENTS {
            check_sample(experiment.name, &[experiment])?;
        }
        check_sample("mixed", &EXPERIMENTS)?;
        let half_open = Recording::read(&path("half-open"))?;
        assert_eq!(half_open.segments().count(), 5, "the textbook's listing has five segments");
        Ok(())
    };
    check().expect("the samples");
}

#[test]
fn samples_can_be_made_anew() {
    let wanted = std::env::var_os(WRITE).is_some();
    if !may_run() {
        assert!(!wanted, "{WRITE} needs the rights of the laboratory");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder for the captures");
    make(if wanted { Path::new(SAMPLES) } else { folder.path() }).expect("the samples");
}

fn make(folder: &Path) -> io::Result<()> {
    for experiment in EXPERIMENTS {
        let (recording, labels) = play(experiment, setting(experiment.name))?;
        keep(folder, experiment.name, (&recording, &labels))?;
    }
    let (recording, labels) = retry("mixed", play_mixed)?;
    keep(folder, "mixed", (&recording, &labels))
}

/// The two samples with an upload in them are cut as by `tcpdump -s 128`, and cross a network with large frames.
fn setting(sample: &str) -> Setting {
    match sample {
        "time-wait" | "mixed" => Setting { snap_length: 128, mtu: 9000, ..Setting::default() },
        _ => Setting::default(),
    }
}

/// All experiments on one bench, with healthy connections before, between and around them.
fn play_mixed() -> io::Result<(Recording, Vec<Label>)> {
    let setting = setting("mixed");
    let mut bench = Bench::build(setting)?;
    let lasting = (0..4).map(|kind| bench.establish(healthy::LASTING_PORT + kind)).collect::<io::Result<Vec<_>>>()?;
    let each = HEALTHY / EXPERIMENTS.len() as u16;
    for (experiment, first) in EXPERIMENTS.iter().zip((0..).step_by(each.into())) {
        for kind in first..first + each {
            healthy::play(&bench, kind)?;
        }
        for (client, server) in &lasting {
            exchange(client, server)?;
        }
        (experiment.run)(&bench, experiment.port)?;
    }
    for (client, server) in lasting {
        client.close();
        server.receive_to_end()?;
    }
    bench.settle();
    let recording = bench.capture.finish();
    let labels = check(&recording, &EXPERIMENTS)?;
    Ok((recording, labels))
}

fn keep(folder: &Path, name: &str, (recording, labels): (&Recording, &[Label])) -> io::Result<()> {
    let file = folder.join(format!("{name}.pcap"));
    recording.write(&file)?;
    if truth::ASK_RSTSCAN { check_verdicts(&file, labels) } else { Ok(()) }
}

fn check_sample(name: &str, scenarios: &[&Scenario]) -> io::Result<()> {
    let labels = check(&Recording::read(&path(name))?, scenarios)?;
    if truth::ASK_RSTSCAN { check_verdicts(&path(name), &labels) } else { Ok(()) }
}

/// The labels of a recording that holds the shape of every scenario.
fn check(recording: &Recording, scenarios: &[&Scenario]) -> io::Result<Vec<Label>> {
    for scenario in scenarios {
        let segments: Vec<_> = recording.segments().filter(|s| s.has_port(scenario.port)).cloned().collect();
        check_shape(scenario, setting("mixed"), &segments)?;
    }
    labels(recording, scenarios)
}

fn path(name: &str) -> PathBuf {
    Path::new(SAMPLES).join(format!("{name}.pcap"))
}
