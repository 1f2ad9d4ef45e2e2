//! `--metrics`: asked over HTTP while a run goes on, and held against the rules of the format.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Running, rstscan, run};

/// A run over a pipe that stays open, and where it is asked.
struct Agent {
    running: Running,
    stdin: std::process::ChildStdin,
    address: SocketAddr,
}

impl Agent {
    fn start(options: &[&str]) -> Self {
        let words = [&["-r", "-", "--metrics", "0"], options].concat();
        let mut running = Running::start(rstscan().args(words).stdin(Stdio::piped()));
        let stdin = running.child.stdin.take().unwrap();
        assert!(running.hears("metrics on http://127.0.0.1:"), "{}", running.heard);
        let address = running.heard.trim().trim_start_matches("metrics on http://").trim_end_matches("/metrics");
        Self { address: address.parse().unwrap(), running, stdin }
    }

    /// Writes a sample, and a byte less than all of it, so that the run goes on.
    fn feed(&mut self, sample: &str) {
        let path = format!("{}/samples/{sample}", env!("CARGO_MANIFEST_DIR"));
        self.stdin.write_all(&std::fs::read(path).unwrap()).unwrap();
    }

    fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn metrics(&self) -> String {
        let answer = self.ask("GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n");
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// The metrics, once this line is among them.
    fn metrics_with(&self, line: &str) -> String {
        let patience = Instant::now() + Duration::from_secs(30);
        loop {
            let metrics = self.metrics();
            if metrics.lines().any(|one| one == line) {
                return metrics;
            }
            assert!(Instant::now() < patience, "no {line:?} in\n{metrics}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// What breaks the rules of the text format or of its names:
/// <https://prometheus.io/docs/instrumenting/exposition_formats/>, <https://prometheus.io/docs/practices/naming/>.
fn offences(text: &str) -> Vec<String> {
    let (mut offences, mut series) = (Vec::new(), BTreeSet::new());
    let (mut name, mut kind) = ("", "");
    let mut helped = "";
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            helped = help.split(' ').next().unwrap_or_default();
            continue;
        }
        if let Some(typed) = line.strip_prefix("# TYPE ") {
            (name, kind) = typed.split_once(' ').unwrap_or_default();
            let is_counter = kind == "counter";
            let fits = name == helped && name.starts_with("rstscan_") && name.ends_with("_total") == is_counter;
            let known = ["counter", "gauge", "histogram"].contains(&kind);
            let spelled = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            if !(fits && known && spelled) {
                offences.push(line.to_owned());
            }
            continue;
        }
        let (full, value) = line.rsplit_once(' ').unwrap_or_default();
        let base = full.split('{').next().unwrap_or_default();
        let suffix = base.strip_prefix(name);
        let known = match kind {
            "histogram" => suffix.is_some_and(|suffix| ["_bucket", "_sum", "_count"].contains(&suffix)),
            _ => suffix == Some(""),
        };
        let labels = full.strip_prefix(base).unwrap_or_default();
        let quoted = labels.is_empty() || (labels.starts_with('{') && labels.ends_with("\"}"));
        let number = value.parse::<f64>().is_ok_and(|value| value >= 0.0);
        if !(known && quoted && number && series.insert(full.to_owned())) {
            offences.push(line.to_owned());
        }
    }
    offences
}

#[test]
fn the_rules_find_what_breaks_them() {
    assert!(
        offences("# HELP rstscan_x_total X.\n# TYPE rstscan_x_total counter\nrstscan_x_total{a=\"b\"} 1\n").is_empty()
    );
    for wrong in [
        "rstscan_x_total 1",
        "# TYPE rstscan_x_total counter",
        "# HELP rstscan_x X.\n# TYPE rstscan_x counter\nrstscan_x 1",
        "# HELP rstscan_x X.\n# TYPE rstscan_x gauge\nrstscan_x one",
        "# HELP rstscan_x X.\n# TYPE rstscan_x gauge\nrstscan_x 1\nrstscan_x 1",
    ] {
        assert!(!offences(wrong).is_empty(), "{wrong}");
    }
}

#[test]
fn counts_can_be_collected_while_a_run_goes_on() {
    let mut agent = Agent::start(&["--settle", "0"]);
    assert!(agent.metrics().contains("\nrstscan_frames_total 0\n"));
    agent.feed("mixed.pcap");
    let frames = run(&["--json", "-r", &format!("{}/samples/mixed.pcap", env!("CARGO_MANIFEST_DIR"))]);
    let summary: serde_json::Value = serde_json::from_str(frames.stdout.lines().last().unwrap()).unwrap();
    let metrics = agent.metrics_with(&format!("rstscan_frames_total {}", summary["frames"]));
    assert_eq!(offences(&metrics), [""; 0]);
    agent.metrics_with(&format!("rstscan_connections_total {}", summary["connections"]));
    let sum = |metrics: &str, name: &str| -> u64 {
        let series = metrics.lines().filter(|line| line.starts_with(name));
        series.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    };
    assert!(sum(&metrics, "rstscan_resets_total{") > 0);
    assert!(sum(&metrics, "rstscan_resets_total{") <= summary["resets"].as_u64().unwrap());
    promtool(&metrics);
    agent.running.signal("INT");
    agent.running.end().done();
}

/// The format's own judge, where it is installed.
fn promtool(metrics: &str) {
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        let _ = writeln!(std::io::stderr(), "promtool skipped: it is not installed");
        return;
    };
    child.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn what_is_no_request_gets_its_answer_and_the_next_one_too() {
    let agent = Agent::start(&[]);
    assert!(agent.ask("GET / HTTP/1.1\r\n\r\n").contains("see /metrics"));
    assert!(agent.ask("GET /secret HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404 "));
    assert!(agent.ask("PUT /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));
    assert!(agent.ask("\u{16}\u{3}\u{1}\r\n\r\n").starts_with("HTTP/1.1 400 "));
    assert!(agent.ask(&format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(9000))).starts_with("HTTP/1.1 431 "));
    // Who says nothing holds up nobody.
    let silent: Vec<TcpStream> = (0..3).map(|_| TcpStream::connect(agent.address).unwrap()).collect();
    assert!(agent.metrics().contains("rstscan_build_info"));
    drop(silent);
    agent.running.signal("TERM");
    agent.running.end().done();
}

#[test]
fn wrong_addresses_are_refused() {
    for wrong in ["", "x", "127.0.0.1", "1.2.3.4:x", "70000", "example.com:9101"] {
        let ended = run(&["-r", "x.pcap", &format!("--metrics={wrong}")]);
        assert_eq!(ended.status, Some(2), "{ended:#?}");
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    run(&["-r", "x.pcap", "--metrics", &address]).failed().said(&format!("cannot listen on {address} for --metrics"));
    assert_eq!(run(&["--client-side", "a", "--server-side", "b", "--metrics", "0"]).status, Some(2));
}
