//! Live capture, in network namespaces of the tests' own; where these cannot be made the tests say so and do nothing.

use std::io::{self, Write};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use super::write::rows;
use super::{Ended, Files, Running, hangup, run};

/// Whether network namespaces can be made here; if not, why is said once on the real standard error.
fn may_run() -> bool {
    static REASON: OnceLock<Option<String>> = OnceLock::new();
    let reason = REASON.get_or_init(|| {
        let words = ["--map-root-user", "--net", "ip", "link", "set", "lo", "up"];
        let reason = match Command::new("unshare").args(words).output() {
            Ok(output) if output.status.success() => return None,
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => format!("unshare: {error}"),
        };
        // Written past the test harness, which would keep it to itself.
        let _ = writeln!(io::stderr(), "live capture skipped, it needs network namespaces and ip (iproute2): {reason}");
        Some(reason)
    });
    reason.is_none()
}

/// Root of a user namespace without other users has nobody to become: tests/lab/rights.rs does with root of the machine.
const SCRIPT: &str = r#"ip link set lo up && exec "$0" -Z root "$@""#;

/// A run in a fresh network namespace that goes away with it.
struct Namespace(Running);

impl Namespace {
    /// Starts the program there and waits until it listens; `None` where that is not allowed.
    fn start(words: &[&str]) -> Option<Self> {
        let program = env!("CARGO_BIN_EXE_rstscan");
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--net", "sh", "-c", SCRIPT, program]).args(words);
        if !may_run() {
            return None;
        }
        let mut running = Running::start(&mut command);
        assert!(running.hears("listening on"), "{}", running.heard);
        Some(Self(running))
    }

    /// Connects to ports where nobody listens: a SYN and a RST each.
    fn knock(&self, ports: &[u16]) {
        let namespace = self.0.child.id().to_string();
        for port in ports {
            let connect = format!("! exec 3<>/dev/tcp/127.0.0.1/{port}");
            let mut command = Command::new("nsenter");
            command.args(["--target", &namespace, "--user", "--net", "--preserve-credentials", "bash", "-c", &connect]);
            assert!(command.output().unwrap().status.success());
        }
    }

    /// A frame without TCP: a datagram to nobody, and the answer.
    fn ping(&self) {
        let namespace = self.0.child.id().to_string();
        let mut command = Command::new("nsenter");
        let datagram = "echo > /dev/udp/127.0.0.1/9";
        command.args(["--target", &namespace, "--user", "--net", "--preserve-credentials", "bash", "-c", datagram]);
        assert!(command.output().unwrap().status.success());
    }

    fn end(self, signal: &str) -> Ended {
        self.0.signal(signal);
        self.0.end()
    }
}

#[test]
fn an_idle_interface_ends_with_the_counts_of_tcpdump() {
    for signal in ["INT", "TERM"] {
        let Some(namespace) = Namespace::start(&["-i", "lo", "-p"]) else { return };
        let counts = "0 packets captured\n0 packets received by filter\n0 packets dropped by kernel\n";
        let greeting = "listening on lo, link-type EN10MB (Ethernet), snapshot length 2048 bytes, buffer 64 MiB\n";
        let ended = namespace.end(signal);
        ended.done();
        assert_eq!(ended.stderr, format!("{greeting}{counts}"));
    }
}

#[test]
fn what_the_ring_holds_at_the_signal_is_drained() {
    let Some(namespace) = Namespace::start(&["-i", "lo", "-B", "4096", "port", "12345"]) else { return };
    namespace.knock(&[12345, 12346, 12345]);
    let ended = namespace.end("TERM");
    // On the loopback interface the kernel counts each packet on its way out and in; libpcap shows one of them.
    ended.done().saw_frames(4).said("4 packets captured\n8 packets received by filter\n0 packets dropped");
}

#[test]
fn any_is_captured_with_the_second_cooked_header() {
    let Some(namespace) = Namespace::start(&["-i", "any", "-s", "100", "port", "12345"]) else { return };
    assert!(namespace.0.heard.contains("listening on any, link-type LINUX_SLL2 (Linux cooked v2)"));
    namespace.knock(&[12345]);
    namespace.end("INT").done().saw_frames(2);
}

#[test]
fn count_ends_a_capture() {
    let Some(namespace) = Namespace::start(&["-i", "lo", "-c", "3"]) else { return };
    namespace.knock(&[1, 2]);
    namespace.0.end().done().saw_frames(3).said("3 packets captured");
}

#[test]
fn a_bad_filter_is_refused_before_listening() {
    let ended = run(&["-i", "lo", "port", "nonsense"]);
    ended.failed();
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:#?}");
}

#[test]
fn no_such_interface_gets_one_line() {
    let ended = run(&["-i", "nosuch0"]);
    ended.failed();
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:#?}");
    run(&["-i", "9999"]).failed().said_only("rstscan: 9999: no such interface (rstscan -D lists them)");
}

/// What an interface cannot do is refused with one line, as otherwise nobody would know that it is not done.
#[test]
fn what_an_interface_cannot_do_is_refused() {
    let refusals: [(&[&str], &str); 4] = [
        (&["-I"], "rstscan: lo: That device doesn't support monitor mode"),
        (&["-j", "adapter"], "rstscan: lo: the adapter has no clock of its own, only -j host works"),
        (&["-y", "NONSENSE"], "rstscan: -y NONSENSE: "),
        (&["-y", "DOCSIS"], "rstscan: -y DOCSIS: DOCSIS is not one of the DLTs supported by this device"),
    ];
    for (words, expected) in refusals {
        if !may_run() {
            return;
        }
        let script = r#"ip link set lo up && exec "$0" -i lo "$@""#;
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--net", "sh", "-c", script, env!("CARGO_BIN_EXE_rstscan")]).args(words);
        let ended = Ended::from(command.output().unwrap());
        ended.failed().said(expected);
        assert_eq!(ended.stderr.lines().count(), 1, "{ended:#?}");
    }
}

#[test]
fn link_types_are_listed() {
    if !may_run() {
        return;
    }
    let mut command = Command::new("unshare");
    let script = r#"ip link set lo up && exec "$0" -i lo -L"#;
    command.args(["--map-root-user", "--net", "sh", "-c", script, env!("CARGO_BIN_EXE_rstscan")]);
    let ended = Ended::from(command.output().unwrap());
    ended.done();
    assert_eq!(ended.stdout, "Data link types for lo (use option -y to set):\n  EN10MB (Ethernet)\n");
}

#[test]
fn counts_are_told_while_it_runs() {
    let Some(mut namespace) = Namespace::start(&["-i", "lo", "--settle", "0.1", "port", "12345"]) else { return };
    namespace.knock(&[12345]);
    // What waits in the ring is known a moment later.
    std::thread::sleep(Duration::from_millis(500));
    namespace.0.signal("USR1");
    let expected =
        "rstscan: 2 packets captured, 4 packets received by filter, 0 packets dropped by kernel; 1 reset in 1 event";
    assert!(namespace.0.hears(expected), "{}", namespace.0.heard);
    namespace.end(hangup()).done().saw_frames(2);
}

/// Each frame of the loopback interface goes out and comes in; libpcap shows it coming in.
#[test]
fn a_direction_can_be_chosen() {
    for (direction, frames) in [("in", 2), ("out", 0)] {
        let words = ["-i", "lo", "-Q", direction, "--immediate-mode", "port", "12345"];
        let Some(namespace) = Namespace::start(&words) else { return };
        namespace.knock(&[12345]);
        namespace.end("INT").done().said(&format!("{frames} packets captured"));
    }
}

#[test]
fn interfaces_are_listed() {
    let ended = run(&["-D"]);
    ended.done();
    assert!(ended.stdout.lines().any(|line| line.contains(".lo [")), "{ended:#?}");
}

#[test]
fn what_is_captured_is_written_as_it_comes() {
    let files = Files::new();
    for (options, all) in [(&["--all-packets"][..], true), (&[][..], false)] {
        let into = files.0.path().join("live.pcapng");
        let words = ["-i", "lo", "--settle", "0.2", "-w", into.to_str().unwrap()];
        let Some(namespace) = Namespace::start(&[&words[..], options].concat()) else { return };
        namespace.knock(&[12345, 12346]);
        namespace.ping();
        // Both resets are explained while the capture goes on.
        let commented = || rows(&into).iter().filter(|row| !row.comments.is_empty()).count();
        assert!(patiently(|| into.exists() && commented() == 4));
        namespace.end("TERM").done().said(&format!("to {}", into.display()));
        let rows = rows(&into);
        assert_eq!(rows.len(), if all { 6 } else { 4 }, "{rows:#?}");
        assert_eq!(rows.iter().filter(|row| !row.comments.is_empty()).count(), 4);
    }
}

/// The way of Wireshark: a named pipe that it reads along, and a signal at the end.
#[test]
fn an_extcap_interface_has_comments_while_it_runs() {
    if !may_run() {
        return;
    }
    let files = Files::new();
    let pipe = files.0.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let copy = files.0.path().join("copy.pcapng");
    let words = ["--capture", "--extcap-interface", "rstscan-lo", "--settle", "0.2", "--extcap-capture-filter", "tcp"];
    let mut reader = Command::new("cat").arg(&pipe).stdout(std::fs::File::create(&copy).unwrap()).spawn().unwrap();
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--net", "sh", "-c", SCRIPT, env!("CARGO_BIN_EXE_rstscan")]);
    let namespace = Namespace(Running::start(command.args(words).arg("--fifo").arg(&pipe)));
    let length = || std::fs::metadata(&copy).unwrap().len();
    // The header comes as soon as the capture runs, the frames with their comments while it goes on.
    assert!(patiently(|| length() > 0));
    let header = length();
    namespace.knock(&[12345]);
    assert!(patiently(|| length() > header && rows(&copy).len() == 2), "{:#?}", rows(&copy));
    assert!(rows(&copy).iter().all(|row| row.comments.len() == 1));
    let ended = namespace.end("TERM");
    ended.done();
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
    assert!(reader.wait().unwrap().success());
    assert_eq!(rows(&copy).len(), 2);
}

/// Whether something comes true within half a minute.
fn patiently(comes_true: impl Fn() -> bool) -> bool {
    (0..300).any(|_| comes_true() || (std::thread::sleep(Duration::from_millis(100)), false).1)
}
