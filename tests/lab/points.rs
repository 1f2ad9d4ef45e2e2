//! The same connections captured on both hosts, with a router that translates addresses between them.

use std::io;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::bench::{Bench, INTERFACE, Setting};
use crate::capture::Capture;
use crate::{may_run, retry};

/// The port that a device on the way comes to refuse, and one that nobody touches.
const REFUSED: u16 = 7101;
const OTHER: u16 = 7102;

/// A bench with a capture at either host, and a NAT that hides the client.
struct Points {
    bench: Bench,
    at_server: Capture,
}

impl Points {
    fn build() -> io::Result<Self> {
        let bench = Bench::build(Setting { routed: true, ..Setting::default() })?;
        let router = bench.router.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let rules = "add table ip hide; add chain ip hide out { type nat hook postrouting priority 100; }; \
                     add rule ip hide out oifname right tcp dport 7101-7102 masquerade to :61000-61999";
        router.exec("nft", &[rules])?;
        let at_server = Capture::start(&bench.server.namespace, INTERFACE, 65_535)?;
        Ok(Self { bench, at_server })
    }

    /// From now on the router answers what carries data to the port with a RST.
    fn refuse(&self) -> io::Result<()> {
        let rules = "add table inet refuse; add chain inet refuse way { type filter hook forward priority 0; }; \
                     add rule inet refuse way tcp dport 7101 tcp flags & psh == psh reject with tcp reset";
        self.bench.router.as_ref().ok_or(io::ErrorKind::NotFound)?.exec("nft", &[rules]).map(drop)
    }

    /// A connection that shows that both captures go on.
    fn go_on(&self) -> io::Result<()> {
        let (client, server) = self.bench.establish(OTHER)?;
        client.send(b"still here")?;
        server.receive(10)?;
        let carried = |segments: &[crate::segment::Segment]| segments.iter().filter(|s| s.is_pure_ack()).count() >= 2;
        self.bench.capture.wait_for(OTHER, carried)?;
        self.at_server.wait_for(OTHER, carried)?;
        self.bench.keep_until_the_end((client, server));
        Ok(())
    }

    /// What is told of both captures.
    fn told(mut self, folder: &Path) -> io::Result<Vec<Value>> {
        self.bench.settle();
        let files = ["client.pcap", "server.pcap"].map(|name| folder.join(name));
        self.bench.capture.finish().write(&files[0])?;
        self.at_server.finish().write(&files[1])?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_rstscan"));
        command.args(["-qq", "--json", "--client-side"]).arg(&files[0]).arg("--server-side").arg(&files[1]);
        let output = command.output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines = text.lines().map(|line| serde_json::from_str(line).map_err(io::Error::other));
        lines.collect()
    }
}

fn reset_of(told: &[Value]) -> io::Result<&Value> {
    let resets: Vec<&Value> = told.iter().filter(|line| line["type"] == "reset").collect();
    match resets[..] {
        [reset] => Ok(reset),
        _ => Err(io::Error::other(format!("not one reset: {told:#?}"))),
    }
}

/// Writes what both hosts captured to where the documents have it, if that is asked for.
fn folder(kept: &str) -> io::Result<(tempfile::TempDir, std::path::PathBuf)> {
    let temporary = tempfile::tempdir()?;
    let path = match std::env::var_os("RSTSCAN_WRITE_SAMPLES") {
        Some(_) => Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/points").join(kept),
        None => temporary.path().to_owned(),
    };
    std::fs::create_dir_all(&path)?;
    Ok((temporary, path))
}

#[test]
fn a_reset_that_a_router_makes_is_in_the_clients_capture_only() {
    if !may_run() {
        return;
    }
    let told = retry("born between", || {
        let points = Points::build()?;
        let (client, server) = points.bench.establish(REFUSED)?;
        client.send(b"hello")?;
        server.receive(5)?;
        server.send(b"welcome")?;
        client.receive(7)?;
        points.bench.settle();
        points.refuse()?;
        client.send(b"refused")?;
        points.bench.capture.wait_for_resets(REFUSED, 1)?;
        points.go_on()?;
        points.bench.keep_until_the_end((client, server));
        points.told(&folder("born-between")?.1)
    });
    let told = told.expect("both captures");
    let reset = reset_of(&told).expect("a reset");
    let points = &reset["points"];
    assert_eq!(points["passage"], "born-between", "{reset:#}");
    assert_eq!((&reset["class"], &reset["certainty"]), (&"forged".into(), &"certain".into()), "{reset:#}");
    assert_eq!(points["trigger"], "never-arrived", "{reset:#}");
    assert_eq!(points["sightings"][1]["coverage"], "bracketed", "{reset:#}");
    assert_ne!(points["sightings"][0]["dst"], points["sightings"][1]["dst"], "{reset:#}");
}

#[test]
fn an_abort_is_in_both_captures() {
    if !may_run() {
        return;
    }
    let told = retry("sent", || {
        let points = Points::build()?;
        let (client, server) = points.bench.establish(REFUSED)?;
        client.send(b"hello")?;
        server.receive(5)?;
        points.bench.settle();
        server.abort()?;
        points.bench.capture.wait_for_resets(REFUSED, 1)?;
        points.go_on()?;
        points.bench.keep_until_the_end(client);
        points.told(&folder("sent")?.1)
    });
    let told = told.expect("both captures");
    let reset = reset_of(&told).expect("a reset");
    assert_eq!((&reset["points"]["passage"], &reset["class"]), (&"sent".into(), &"abortive-close".into()), "{reset:#}");
    let clock = &told.last().expect("a summary")["points"]["clocks"][0];
    let offset = clock["offset_ns"].as_i64().expect("one clock for both hosts");
    let way = clock["round_trip_ns"].as_i64().expect("both directions");
    // Both hosts have the same clock, and what is estimated is never further from that than the way.
    assert!(offset.abs() <= way + clock["residual_ns"].as_i64().unwrap_or(0), "{clock:#}");
}
