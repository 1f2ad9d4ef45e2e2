//! The laboratory: real sockets in network namespaces of its own make resets of every kind, and the program explains them.
//!
//! `cargo test --test lab` plays every scenario where it may make namespaces, and says why it does not where it may not.
#![cfg(target_os = "linux")]

mod bench;
mod capture;
mod corpus;
mod craft;
mod live;
mod namespace;
mod samples;
mod scenarios;
mod segment;
mod sockets;
mod truth;
mod wait;

use std::fmt::Debug;
use std::io::{self, Write};
use std::sync::Mutex;
use std::thread;

use crate::bench::{Bench, Setting};
use crate::capture::Recording;
use crate::truth::{Label, Scenario, check_shape, labels};

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
            Err(error) if tried < TRIES => {
                // The segments are of interest only where no try succeeds.
                let said = error.to_string();
                let _ = writeln!(io::stderr(), "{name}, try {tried}: {}", said.lines().next().unwrap_or_default());
            }
            done => return done,
        }
    }
}

fn play_once(scenario: &Scenario, setting: Setting) -> io::Result<(Recording, Vec<Label>)> {
    let setting = Setting { routed: setting.routed || scenario.routed, ..setting };
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
    let check = |scenario: &Scenario, setting: Setting| {
        let (recording, labels) = play(scenario, setting)?;
        let file = folder.path().join(format!("{}{}.pcap", scenario.name, if setting.ipv6 { ".v6" } else { "" }));
        recording.write(&file)?;
        if truth::ASK_RSTSCAN { truth::check_verdicts(&file, &labels) } else { Ok(()) }
    };
    let plain = Setting::default();
    let settings = [plain, Setting { ipv6: true, client_resets: true, ..plain }];
    check_each(scenarios::all().flat_map(|scenario| settings.map(|setting| (scenario, setting))), check);
}

/// Plays several scenarios at the same time, each in its setting, and fails with all that went wrong.
#[track_caller]
fn check_each<'a, S: Debug + Copy>(
    plays: impl Iterator<Item = (&'a Scenario, S)> + Send,
    check: impl Fn(&Scenario, S) -> io::Result<()> + Sync,
) {
    let (plays, wrong) = (Mutex::new(plays), Mutex::new(Vec::new()));
    let next = || plays.lock().expect("the list of scenarios").next();
    // The scenarios mostly wait; more than a few at once would disturb each other's timing.
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some((scenario, setting)) = next() {
                    let failure = check(scenario, setting).err();
                    let failure = failure.map(|error| format!("{} {setting:?}: {error}", scenario.name));
                    wrong.lock().expect("the list of failures").extend(failure);
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("the list of failures");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
