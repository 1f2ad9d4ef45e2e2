//! A storm: hundreds of connections of every kind at the same time, mixed by a seed, on one bench and in one recording.

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::agreement::Agreement;
use crate::bench::{Bench, Setting};
use crate::capture::Recording;
use crate::cut;
use crate::kernel::Trace;
use crate::may_run;
use crate::random::Random;
use crate::scenarios::abort::{
    CONNECT_THEN_RESET, DATA_AFTER_CLOSE, LINGER_ZERO, LINGER_ZERO_AT_ONCE, LISTENER_CLOSED, RST_AFTER_FIN,
    RST_INSTEAD_OF_FIN, UNREAD_DATA, exchange,
};
use crate::scenarios::closed_port::{NO_LISTENER, PROBES};
use crate::scenarios::closing::{DESTROYED, DISCONNECTED, FIN_WITH_UNREAD, UNREAD_AND_LINGER};
use crate::scenarios::half_open::LATE_SEGMENT;
use crate::scenarios::handshake::SYN_SCAN;
use crate::scenarios::healthy;
use crate::scenarios::refusal::SERVICE_RESTARTS;
use crate::scenarios::time_wait::ASSASSINATION;
use crate::segment::Segment;
use crate::truth::{Expected, Label, Scenario, disagreements, labels, verdicts};

/// How many connections, and the first of their server ports.
const CONNECTIONS: usize = 300;
const FIRST_PORT: u16 = 21_000;

/// Connections at the same time.
const AT_ONCE: usize = 8;

/// A part of all connections is cut in many ways, which takes less time than to cut the whole storm so often.
const PARTS: u16 = 12;
const CUTS: u64 = 17;

/// The mixture; another one can be asked for.
const SEED: u64 = 0x5eed;
const SEED_VARIABLE: &str = "RSTSCAN_STORM_SEED";

/// A connection without a reset.
const HEALTHY: Scenario = Scenario::new(("healthy", 0), "", &[], healthy::converse);

/// The server forgets the connection: what it says last does not leave its host.
const FORGOTTEN: Scenario =
    Scenario::new(("forgotten", 0), "", &[Expected::only("half-open-response", &["lost-state"])], |bench, port| {
        let (client, server) = bench.establish(port)?;
        exchange(&client, &server)?;
        server.abort()?;
        client.send(b"are you there?")?;
        bench.capture.wait_for_resets(port, 1)
    });

/// What a storm is made of; the kinds that are listed twice are twice as many.
const KINDS: &[&Scenario] = &[
    &HEALTHY,
    &HEALTHY,
    &HEALTHY,
    &FORGOTTEN,
    &FORGOTTEN,
    &NO_LISTENER,
    &PROBES,
    &SERVICE_RESTARTS,
    &LINGER_ZERO,
    &LINGER_ZERO_AT_ONCE,
    &UNREAD_DATA,
    &UNREAD_AND_LINGER,
    &FIN_WITH_UNREAD,
    &DATA_AFTER_CLOSE,
    &RST_AFTER_FIN,
    &RST_INSTEAD_OF_FIN,
    &CONNECT_THEN_RESET,
    &LISTENER_CLOSED,
    &DISCONNECTED,
    &DESTROYED,
    &LATE_SEGMENT,
    &SYN_SCAN,
    &ASSASSINATION,
];

#[test]
fn a_storm_is_explained() {
    if may_run() {
        let seed = std::env::var(SEED_VARIABLE).ok().and_then(|seed| seed.parse().ok()).unwrap_or(SEED);
        storm(seed).unwrap_or_else(|error| panic!("{SEED_VARIABLE}={seed}: {error}"));
    }
}

fn storm(seed: u64) -> io::Result<()> {
    let trace = Trace::start_or_say();
    let mut bench = Bench::build(Setting::default())?;
    let connections = mixture(seed);
    // Half of the ports have a reason to lose the server's last word.
    let forgetful: Vec<_> = connections.iter().filter(|kind| kind.name == FORGOTTEN.name).collect();
    let ports: Vec<_> = forgetful.iter().map(|kind| kind.port.to_string()).collect();
    let rule = format!("tcp sport {{ {} }} tcp flags & (rst|ack) == (rst|ack) drop", ports.join(", "));
    let lost = bench.server.namespace.filter("output", &rule)?;
    play(&bench, &connections)?;
    drop(lost);
    bench.settle();
    let recording = bench.capture.finish();
    let labels: Vec<_> =
        labels(&recording, &connections.iter().collect::<Vec<_>>())?.into_iter().map(class_only).collect();
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("storm.pcap");
    recording.write(&file)?;
    let verdicts = verdicts(&file)?;
    let mut wrong = disagreements(&labels, &verdicts);
    if let Some(trace) = trace {
        let mut agreement = Agreement::default();
        agreement.compare("storm", (&recording, &labels), (&verdicts, &trace.events()?));
        agreement.say(&format!("storm of {CONNECTIONS} connections, seed {seed}"));
        wrong.extend(agreement.wrong);
    }
    hold_cut(&recording)?;
    let _ = writeln!(io::stderr(), "storm: {} frames, {} resets", recording.frames.len(), labels.len());
    if wrong.is_empty() { Ok(()) } else { Err(io::Error::other(wrong.join("\n"))) }
}

/// The law of cuts over the storm, and over parts of it.
fn hold_cut(recording: &Recording) -> io::Result<()> {
    let ports = FIRST_PORT..FIRST_PORT + CONNECTIONS as u16;
    let part_of = |segment: &Segment| {
        let port = [segment.src.port(), segment.dst.port()].into_iter().find(|port| ports.contains(port));
        port.unwrap_or_default() % PARTS
    };
    cut::hold("storm", recording, 0..2)?;
    for part in 0..PARTS {
        let (part_only, first) = (recording.filtered(|_, segment| part_of(segment) == part), u64::from(part) * CUTS);
        cut::hold(&format!("storm.{part}"), &part_only, first..first + CUTS)?;
    }
    Ok(())
}

/// The connections of a seed, each on a port of its own.
fn mixture(seed: u64) -> Vec<Scenario> {
    let mut random = Random(seed);
    (FIRST_PORT..)
        .take(CONNECTIONS)
        .map(|port| {
            let kind = KINDS[random.below(KINDS.len() as u64) as usize];
            Scenario { port, ..*kind }
        })
        .collect()
}

/// Plays them, some at the same time.
fn play(bench: &Bench, connections: &[Scenario]) -> io::Result<()> {
    let started = AtomicUsize::new(0);
    let work = || -> io::Result<()> {
        while let Some(connection) = connections.get(started.fetch_add(1, Ordering::Relaxed)) {
            let run = (connection.run)(bench, connection.port);
            run.map_err(|error| io::Error::other(format!("{} on {}: {error}", connection.name, connection.port)))?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// In a storm neighbours may suggest another motive, but no other class.
fn class_only(label: Label) -> Label {
    Label { expected: Expected { causes: &[], ..label.expected }, ..label }
}
