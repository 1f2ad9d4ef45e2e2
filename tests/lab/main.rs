//! The laboratory: real sockets in network namespaces of its own make resets of every kind, and the program explains them.
//!
//! `cargo test --test lab` plays every scenario where it may make namespaces, and says why it does not where it may not.
//! Where the kernel tells why it sends resets (tracefs, Linux 6.10), each verdict is compared with that.
#![cfg(target_os = "linux")]

mod agreement;
mod asked;
mod bench;
mod capture;
mod corpus;
mod craft;
mod cut;
mod faults;
mod kernel;
#[path = "../cuts/law.rs"]
mod law;
mod live;
mod mixed;
mod names;
mod namespace;
mod other_stack;
#[path = "../cuts/pieces.rs"]
mod pieces;
mod points;
#[path = "../../examples/generate/random.rs"]
mod random;
mod rights;
mod samples;
mod scenarios;
mod segment;
mod sockets;
mod storm;
mod truth;
mod wait;

use std::fmt::Debug;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use crate::agreement::Agreement;
use crate::bench::{Bench, Setting};
use crate::capture::Recording;
use crate::kernel::Trace;
use crate::truth::{Label, Scenario, check_shape, disagreements, labels};

/// Whether this run can have network namespaces; if not, why is said once on the real standard error.
fn may_run() -> bool {
    static REASON: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let reason = REASON.get_or_init(|| {
        let missing = Bench::build(Setting::default()).and_then(|bench| {
            bench.server.namespace.exec("tc", &["-Version"])?;
            bench.server.namespace.filter("input", "accept").map(drop)
        });
        let reason = missing.err().map(|error| error.to_string());
        if let Some(reason) = &reason {
            // Written past the test harness, which would keep it to itself.
            let _ = writeln!(io::stderr(), "laboratory skipped, it needs root, ip (iproute2), tc and nft: {reason}");
        }
        reason
    });
    reason.is_none()
}

/// Plays a scenario on a fresh bench until it shows its shape.
fn play(scenario: &Scenario, setting: Setting) -> io::Result<(Recording, Vec<Label>)> {
    retry(scenario.name, || play_once(scenario, setting))
}

/// Tries a few times: some scenarios hang on the clock of the kernel's sequence numbers.
fn retry<T>(name: &str, mut work: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    const TRIES: u32 = 5;
    let mut tried = 0;
    loop {
        tried += 1;
        match work() {
            Err(error) if tried < TRIES && !lacks(&error) => {
                // The segments are of interest only where no try succeeds.
                let said = error.to_string();
                let _ = writeln!(io::stderr(), "{name}, try {tried}: {}", said.lines().next().unwrap_or_default());
            }
            done => return done,
        }
    }
}

fn play_once(scenario: &Scenario, setting: Setting) -> io::Result<(Recording, Vec<Label>)> {
    let setting = scenario.fitting(setting);
    let mut bench = Bench::build(setting)?;
    (scenario.run)(&bench, scenario.port)?;
    bench.settle();
    let segments = bench.capture.segments(scenario.port);
    check_shape(scenario, setting, &segments)?;
    let recording = bench.capture.finish();
    let labels = labels(&recording, &[scenario])?;
    Ok((recording, labels))
}

#[test]
fn every_scenario_draws_its_reset() {
    if !may_run() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder for the captures");
    let trace = Trace::start_or_say();
    let (played, parts) = (Mutex::new(Vec::new()), Parts::default());
    let check = |scenario: &Scenario, setting: Setting| {
        let (recording, labels) = match play(scenario, setting) {
            Err(error) if lacks(&error) => {
                // Written past the test harness, which would keep it to itself.
                let _ = writeln!(io::stderr(), "{} skipped: {error}", scenario.name);
                return Ok(());
            }
            played => played?,
        };
        let name = format!("{}{}", scenario.name, if setting.ipv6 { ".v6" } else { "" });
        let file = folder.path().join(format!("{name}.pcap"));
        recording.write(&file)?;
        let verdicts = truth::verdicts(&file)?;
        let mut wrong = disagreements(&labels, &verdicts);
        let seed = u64::from(scenario.port);
        cut::hold(&name, &recording, seed..seed + 1)?;
        if setting == Setting::default() {
            wrong.extend(parts.check(&file, (&recording, &labels))?);
        }
        played.lock().expect("what was played").push((name, recording, labels, verdicts));
        if wrong.is_empty() { Ok(()) } else { Err(io::Error::other(wrong.join("; "))) }
    };
    let plain = Setting::default();
    let settings = [plain, Setting { ipv6: true, client_resets: true, ..plain }];
    let plays = scenarios::all().flat_map(|scenario| settings.map(|setting| (scenario, setting)));
    let mut wrong = failures(plays.filter(chosen), check);
    parts.say();
    if let Some(trace) = trace {
        let events = trace.events().expect("the kernel's events");
        let mut agreement = Agreement::default();
        for (name, recording, labels, verdicts) in played.into_inner().expect("what was played") {
            agreement.compare(&name, (&recording, &labels), (&verdicts, &events));
        }
        agreement.say("scenarios");
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(agreement::PAGE, agreement.page()).expect("the page");
        }
        wrong.extend(agreement.wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What was said of recordings with a part missing: one direction of them, or the end alone.
#[derive(Debug, Default)]
struct Parts {
    right: AtomicU32,
    undetermined: AtomicU32,
    mistaken: AtomicU32,
}

impl Parts {
    /// Puts every part of a recording before the program; returns what is certain and wrong.
    fn check(&self, file: &Path, (recording, labels): (&Recording, &[Label])) -> io::Result<Vec<String>> {
        let mut wrong = Vec::new();
        for cut in corpus::cuts(recording, labels).into_iter().filter(|cut| !cut.suffix.is_empty()) {
            let part = file.with_extension(format!("{}.pcap", cut.suffix.trim_start_matches('.')));
            cut.recording.write(&part)?;
            let verdicts = truth::verdicts(&part)?;
            for label in cut.labels {
                let verdict = verdicts.iter().find(|verdict| verdict["frame"] == label.frame);
                let verdict = verdict.ok_or_else(|| io::Error::other(format!("{}: no verdict", part.display())))?;
                let class = verdict["class"].as_str().unwrap_or_default();
                let count = match class {
                    "undetermined" => &self.undetermined,
                    _ if label.classes.contains(&class) => &self.right,
                    _ => {
                        let (name, verdict) = (part.file_stem().unwrap_or_default().display(), &verdict["cause"]);
                        let (frame, classes) = (label.frame, &label.classes);
                        let _ =
                            writeln!(io::stderr(), "{name}, frame {frame}: {class}/{verdict}, right are {classes:?}");
                        &self.mistaken
                    }
                };
                count.fetch_add(1, Ordering::Relaxed);
                if verdict["certainty"] == "certain" && !label.classes.contains(&class) {
                    let (suffix, frame, cause) = (&cut.suffix, label.frame, &verdict["cause"]);
                    wrong.push(format!(
                        "{suffix}, frame {frame}: {class}/{cause} certain, expected {:?}",
                        label.classes
                    ));
                }
            }
        }
        Ok(wrong)
    }

    /// Says the counts on the real standard error.
    fn say(&self) {
        let [right, undetermined, mistaken] =
            [&self.right, &self.undetermined, &self.mistaken].map(|count| count.load(Ordering::Relaxed));
        let _ = writeln!(
            io::stderr(),
            "one-sided and mid-stream: {right} right, {undetermined} undetermined, {mistaken} uncertain and wrong"
        );
    }
}

/// Whether a scenario needs what this kernel is built without, such as Multipath TCP.
fn lacks(error: &io::Error) -> bool {
    let protocol = [nix::libc::EPROTONOSUPPORT, nix::libc::ENOPROTOOPT];
    error.kind() == io::ErrorKind::Unsupported || error.raw_os_error().is_some_and(|code| protocol.contains(&code))
}

/// Whether a scenario is to be played in a setting: `RSTSCAN_SCENARIO` chooses those with these letters in their name.
fn chosen((scenario, setting): &(&Scenario, Setting)) -> bool {
    let possible = scenario.fitting(*setting).ipv6 == setting.ipv6;
    possible && std::env::var("RSTSCAN_SCENARIO").map_or(true, |wanted| scenario.name.contains(&wanted))
}

/// Plays several scenarios at the same time, each in its setting, and fails with all that went wrong.
#[track_caller]
fn check_each<'a, S: Debug + Copy>(
    plays: impl Iterator<Item = (&'a Scenario, S)> + Send,
    check: impl Fn(&Scenario, S) -> io::Result<()> + Sync,
) {
    let wrong = failures(plays, check);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Plays several scenarios at the same time, each in its setting: what went wrong.
fn failures<'a, S: Debug + Copy>(
    plays: impl Iterator<Item = (&'a Scenario, S)> + Send,
    check: impl Fn(&Scenario, S) -> io::Result<()> + Sync,
) -> Vec<String> {
    let (plays, wrong) = (Mutex::new(plays), Mutex::new(Vec::new()));
    let next = || plays.lock().expect("the list of scenarios").next();
    // The scenarios mostly wait; more than a few at once would disturb each other's timing.
    thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| {
                while let Some((scenario, setting)) = next() {
                    let failure = check(scenario, setting).err();
                    let failure = failure.map(|error| format!("{} {setting:?}: {error}", scenario.name));
                    wrong.lock().expect("the list of failures").extend(failure);
                }
            });
        }
    });
    wrong.into_inner().expect("the list of failures")
}
