//! A soak: the program with its defaults under churn for as long as asked, and what is left of it when it is killed.
//!
//! `cargo test --test soak` takes seconds. `make soak` takes half an hour, and holds the memory of the last minutes against that
//! of the first: [docs/live.md](../docs/live.md).
#![cfg(target_os = "linux")]

#[path = "../examples/generate/capture.rs"]
mod capture;
#[path = "../examples/generate/connection.rs"]
mod connection;
#[path = "../examples/generate/ending.rs"]
mod ending;
#[path = "../examples/generate/frames.rs"]
mod frames;
#[path = "../examples/generate/kind.rs"]
mod kind;
#[path = "lab/namespace.rs"]
#[allow(dead_code, reason = "the laboratory needs more of it")]
mod namespace;
#[path = "../examples/generate/random.rs"]
mod random;
#[path = "../examples/generate/scan.rs"]
mod scan;
#[path = "flood/sender.rs"]
#[allow(dead_code, reason = "the flood needs more of it")]
mod sender;
#[path = "soak/soaked.rs"]
mod soaked;
#[path = "../examples/generate/traffic.rs"]
mod traffic;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use socket2::Socket;

use crate::kind::{Kind, Order};
use crate::namespace::{Namespace, sweep};
use crate::sender::{Pace, Sent, Traffic};
use crate::soaked::{Sample, Soaked};

/// Minutes of the soak; without it some seconds with a tenth of the load.
const MINUTES: &str = "RSTSCAN_SOAK_MINUTES";
const INSTANCES: &str = "/sys/kernel/tracing/instances";

/// What comes in a second.
struct Load {
    /// New connections, of ten frames each; 15 of a hundred end with a RST.
    connections: u64,
    /// Frames of scans and SYN floods, each with a four-tuple of its own.
    scans: u64,
    /// Connections of real sockets that are aborted.
    real: u64,
}

/// How long, and how much.
struct Plan {
    load: Load,
    duration: Duration,
    /// When memory is looked at first, and how often then.
    settled: Duration,
    every: Duration,
}

impl Plan {
    const FRAMES_EACH: u64 = 10;
    /// Of so many segments with data one comes in fragments.
    const FRAGMENTED_EVERY: usize = 20;
    /// How much more memory there may be later than after the first minute.
    const GROWTH_MAX: f64 = 1.05;

    fn from_environment() -> Self {
        let minutes = std::env::var(MINUTES).ok().and_then(|minutes| minutes.parse::<f64>().ok());
        match minutes {
            Some(minutes) => Self {
                load: Load { connections: 20_000, scans: 10_000, real: 100 },
                duration: Duration::from_secs_f64(60.0 * minutes),
                settled: Duration::from_secs(60),
                every: Duration::from_secs(10),
            },
            None => Self {
                load: Load { connections: 2_000, scans: 1_000, real: 20 },
                duration: Duration::from_secs(3),
                settled: Duration::from_secs(1),
                every: Duration::from_secs(1),
            },
        }
    }

    /// The frames of a second, which are sent again and again with other addresses.
    fn traffic(&self, folder: &Path) -> io::Result<Traffic> {
        let Load { connections, scans, .. } = self.load;
        let frames = connections * Self::FRAMES_EACH;
        let open = connections as usize / 10;
        let churn = Order { frames, connections, open, ..Order::new(Kind::A, 1.0) };
        let scans = Order { frames: scans, ..Order::new(Kind::C, 1.0) };
        let paths = [("churn.pcap", churn), ("scans.pcap", scans)].map(|(name, order)| (folder.join(name), order));
        for (path, order) in &paths {
            order.write(File::create(path)?)?;
        }
        Traffic::read(&[&paths[0].0, &paths[1].0], Some(Self::FRAGMENTED_EVERY))
    }
}

/// A namespace with an interface that frames can be put into, and its loopback.
fn place() -> io::Result<Namespace> {
    sweep()?;
    let place = Namespace::create(0, "soak")?;
    place.set("ipv6/conf/default/disable_ipv6", "1")?;
    place.ip(&["tuntap", "add", "dev", "wire", "mode", "tap"])?;
    place.ip(&["link", "set", "wire", "up"])?;
    Ok(place)
}

fn told(line: &str) {
    // Written past the test harness, which would keep it to itself.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Aborts connections of real sockets on the loopback interface until `over`: how many.
fn abort_real(a_second: u64, over: &AtomicBool) -> io::Result<u64> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    let (mut count, began) = (0, Instant::now());
    while !over.load(Ordering::Relaxed) {
        let client = TcpStream::connect(address)?;
        let (mut server, _) = listener.accept()?;
        server.write_all(b"hello")?;
        Socket::from(server).set_linger(Some(Duration::ZERO))?;
        drop(client);
        count += 1;
        thread::sleep(Duration::from_secs_f64(count as f64 / a_second as f64).saturating_sub(began.elapsed()));
    }
    Ok(count)
}

/// What was sent, how many connections of real sockets were ended, and what was seen of the program meanwhile.
struct Churned {
    sent: Sent,
    real: u64,
    samples: Vec<Sample>,
}

fn churn(plan: &Plan, place: &Namespace, soaked: &mut Soaked) -> io::Result<Churned> {
    let folder = tempfile::tempdir()?;
    let traffic = plan.traffic(folder.path())?;
    let pace = Pace { frames_per_second: traffic.frames(), duration: plan.duration };
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let sender = scope.spawn(|| place.enter(|| traffic.send("wire", &pace)));
        let aborter = scope.spawn(|| place.enter(|| abort_real(plan.load.real, &over)));
        let (mut samples, began) = (Vec::new(), Instant::now());
        while began.elapsed() + plan.every <= plan.duration {
            let next = plan.every * (samples.len() as u32 + 1);
            thread::sleep(next.saturating_sub(began.elapsed()));
            let sample = soaked.sample(began.elapsed())?;
            if samples.len() % 6 == 5 || samples.is_empty() {
                told(&sample.to_string());
            }
            samples.push(sample);
        }
        let sent = sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        over.store(true, Ordering::Relaxed);
        let real = aborter.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok(Churned { sent, real, samples })
    })
}

/// The tracing instances of a process that are there.
fn instances(pid: u32) -> Vec<String> {
    let prefix = format!("rstscan-{pid}-");
    let names = fs::read_dir(INSTANCES).into_iter().flatten().flatten();
    names.map(|name| name.file_name().to_string_lossy().into_owned()).filter(|name| name.starts_with(&prefix)).collect()
}

fn files(folder: &Path) -> io::Result<Vec<String>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// Whether memory stays what it is once the first minute is over: the mean of each later minute against that of the second.
/// Single samples also have what waits in the queue at that instant, on a busy machine up to 64 MiB.
fn is_flat(plan: &Plan, samples: &[Sample]) -> bool {
    const MINUTE: u64 = 60;
    let mut minutes: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for sample in samples.iter().filter(|sample| sample.after >= plan.settled) {
        let minute = (sample.after - plan.settled).as_secs() / MINUTE;
        minutes.entry(minute).or_default().push(sample.resident_kib);
    }
    let means = minutes.values().map(|minute| minute.iter().sum::<u64>() as f64 / minute.len() as f64 / 1024.0);
    let means: Vec<f64> = means.collect();
    let Some((first, later)) = means.split_first() else { return false };
    let (least, most) = later.iter().fold((*first, *first), |(least, most), mean| (least.min(*mean), most.max(*mean)));
    let change = |mean: f64| 100.0 * (mean / first - 1.0);
    told(&format!(
        "memory of the second minute {first:.1} MiB, of {} later ones {least:.1} MiB ({:+.1} %) to {most:.1} MiB ({:+.1} %)",
        later.len(),
        change(least),
        change(most)
    ));
    most / first <= Plan::GROWTH_MAX
}

/// Churn, then a run that is killed with all that it writes, and one more.
fn soak(plan: &Plan) -> io::Result<Vec<String>> {
    let mut wrong = Vec::new();
    let place = place()?;
    let folder = tempfile::tempdir()?;
    let mut soaked = Soaked::start(&place, folder.path(), &[])?;
    let churned = churn(plan, &place, &mut soaked)?;
    let ended = soaked.end(Signal::SIGINT)?;
    let resets = churned.sent.resets + churned.real;
    told(&format!(
        "sent {} frames in {:.0} s, {} of them RST, and {} from real sockets; {}",
        churned.sent.frames, churned.sent.seconds, churned.sent.resets, churned.real, ended.summary
    ));
    told(&format!("verdicts: {}", ended.counts()));
    if !is_flat(plan, &churned.samples) {
        wrong.push("memory is not flat".to_owned());
    }
    // On a machine with other work frames may be dropped: that is told, and then resets may be among them.
    if ended.resets < resets && ended.drops == 0 {
        wrong.push(format!("{resets} resets, {} verdicts, nothing dropped", ended.resets));
    }
    wrong.extend(killed(&place, folder.path())?);
    Ok(wrong)
}

/// What a run leaves behind that is killed, once another one has begun and ended.
fn killed(place: &Namespace, folder: &Path) -> io::Result<Vec<String>> {
    let writing = ["-w", "why.pcapng"];
    let first = Soaked::start(place, folder, &writing)?;
    let pid = first.pid();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let aborter = scope.spawn(|| place.enter(|| abort_real(100, &over)));
        thread::sleep(Duration::from_secs(2));
        over.store(true, Ordering::Relaxed);
        aborter.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })?;
    let traced = instances(pid);
    first.kill()?;
    let next = Soaked::start(place, folder, &writing)?;
    let next_pid = next.pid();
    next.end(Signal::SIGINT)?;
    let left: Vec<_> = [pid, next_pid].into_iter().flat_map(instances).collect();
    let files = files(folder)?;
    told(&format!("killed with {traced:?}; after the next run instances {left:?}, files {files:?}"));
    let mut wrong: Vec<_> = left.into_iter().map(|name| format!("left behind: {name}")).collect();
    if files != ["why.pcapng"] {
        wrong.push(format!("left behind: {files:?}"));
    }
    Ok(wrong)
}

#[test]
fn memory_is_flat_and_nothing_is_left_behind() {
    if let Err(error) = place() {
        return told(&format!("soak skipped, it needs root and ip (iproute2): {error}"));
    }
    let plan = Plan::from_environment();
    let mut wrong = soak(&plan).expect("the wire is there");
    if std::env::var_os(MINUTES).is_none() {
        // In a few seconds memory is not yet what it will be.
        wrong.retain(|what| what != "memory is not flat");
    } else {
        told(if wrong.is_empty() { "PASS" } else { "FAIL" });
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
