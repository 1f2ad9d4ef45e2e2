//! `--kernel`: what the program makes of the kernel's own word, and what it leaves behind.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::bench::{Bench, INTERFACE, Setting};
use crate::kernel::Trace;
use crate::live::{Listening, RESET, parsed};
use crate::may_run;
use crate::namespace::Namespace;

const INSTANCES: &str = "/sys/kernel/tracing/instances";
const CLOSED: u16 = 47_101;
const ABORTED: u16 = 47_102;
const UNREAD: u16 = 47_103;
const REJECTED: u16 = 47_104;
const BY_CLIENT: u16 = 47_105;

/// Whether the kernel tells; if not, why is said.
pub fn may_ask() -> bool {
    may_run() && Trace::start_or_say().is_some()
}

/// The tracing instance of a process, if there is one.
pub fn instance_of(pid: u32) -> io::Result<Option<String>> {
    let names: Vec<_> =
        fs::read_dir(INSTANCES)?.map(|entry| entry.map(|entry| entry.file_name())).collect::<Result<_, _>>()?;
    let names = names.into_iter().filter_map(|name| name.into_string().ok());
    Ok(names.into_iter().find(|name| name.starts_with(&format!("rstscan-{pid}-"))))
}

/// A reset of every kind at the server, in the order of the ports.
fn resets(bench: &Bench) -> io::Result<()> {
    let refused = bench.client.connect(bench.server_at(CLOSED)).map(drop);
    assert!(refused.is_err(), "port {CLOSED} is open");
    let (client, server) = bench.establish(ABORTED)?;
    client.send(b"read")?;
    server.receive(4)?;
    server.abort()?;
    let (client, server) = bench.establish(UNREAD)?;
    client.send(b"never read")?;
    server.await_arrival()?;
    server.close();
    let _rule = bench.server.namespace.filter("input", &format!("tcp dport {REJECTED} reject with tcp reset"))?;
    let _listener = bench.listen(REJECTED)?;
    let refused = bench.client.connect(bench.server_at(REJECTED)).map(drop);
    assert!(refused.is_err(), "port {REJECTED} is open");
    let (client, _server) = bench.establish(BY_CLIENT)?;
    client.abort()
}

/// What is said of the resets, by the port of the server.
fn asked() -> io::Result<Vec<(Value, Value)>> {
    let bench = Bench::build(Setting::default())?;
    let listening =
        Listening::start(&bench.server.namespace, INTERFACE, &["--kernel", "--json", "portrange", "47101-47105"])?;
    assert!(instance_of(listening.pid())?.is_some(), "no instance of its own");
    let pid = listening.pid();
    resets(&bench)?;
    let lines = listening.lines("{\"type\":\"reset\"", 5)?;
    listening.end(Signal::SIGINT)?;
    assert_eq!(instance_of(pid)?, None, "left behind after SIGINT");
    let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line)).collect::<Result<Vec<_>, _>>()?;
    Ok(lines.into_iter().map(|line| (line["service"].clone(), line)).collect())
}

#[test]
fn each_reset_has_the_word_of_the_kernel_that_sent_it() {
    if !may_ask() {
        return;
    }
    let said = asked().expect("the laboratory is there");
    let of = |port: u16| {
        let service = json!(format!("192.168.1.109:{port}"));
        &said.iter().find(|(own, _)| *own == service).unwrap_or_else(|| panic!("{port} in {said:#?}")).1
    };
    let own = json!(std::process::id());
    let expected = [
        (CLOSED, "no-listener", "by-tcp", json!("NO_SOCKET")),
        (ABORTED, "linger-zero", "by-tcp", json!("TCP_STATE")),
        (UNREAD, "unread-data", "by-tcp", json!("TCP_ABORT_ON_CLOSE")),
        (REJECTED, "refused-by-firewall", "not-by-tcp", Value::Null),
    ];
    for (port, cause, sent, reason) in expected {
        let (line, kernel) = (of(port), &of(port)["kernel"]);
        assert_eq!(
            (&line["cause"], &kernel["sent"], &kernel["reason"]),
            (&json!(cause), &json!(sent), &reason),
            "{line:#}"
        );
        // The client is on the same machine.
        assert_eq!(kernel["accepted"], "yes", "{line:#}");
        let by_us = [ABORTED, UNREAD].contains(&port);
        assert_eq!(kernel["process"].get("pid"), by_us.then_some(&own), "{line:#}");
    }
    assert_eq!(of(BY_CLIENT)["kernel"]["accepted"], "yes", "{:#}", of(BY_CLIENT));
}

#[test]
fn what_a_killed_run_left_the_next_one_removes() {
    if !may_ask() {
        return;
    }
    let place = Namespace::create(0, "asked").expect("a namespace");
    // Without a second process, which would remove it at once.
    let killed = Listening::start(&place, "lo", &["--kernel", "-Z", "root"]).expect("it listens");
    let pid = killed.pid();
    kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL).expect("it runs");
    drop(killed);
    assert!(instance_of(pid).expect("tracefs").is_some(), "nobody could remove it");
    let next = Listening::start(&place, "lo", &["--kernel"]).expect("it listens");
    assert_eq!(instance_of(pid).expect("tracefs"), None);
    let own = next.pid();
    assert!(instance_of(own).expect("tracefs").is_some());
    // One that runs is left alone.
    drop(Listening::start(&place, "lo", &["--kernel"]).expect("it listens").end(Signal::SIGTERM));
    assert!(instance_of(own).expect("tracefs").is_some());
    next.end(Signal::SIGINT).expect("it ends");
    assert_eq!(instance_of(own).expect("tracefs"), None);
}

/// Somebody looks into the instance while the run ends: that is told, and the next run removes it.
#[test]
fn an_instance_that_is_in_use_goes_with_the_next_run() {
    if !may_ask() {
        return;
    }
    let check = || -> io::Result<()> {
        let place = Namespace::create(2, "asked")?;
        let listening = Listening::start(&place, "lo", &["--kernel"])?;
        let pid = listening.pid();
        let folder = Path::new(INSTANCES).join(instance_of(pid)?.ok_or(io::ErrorKind::NotFound)?);
        let user = File::open(folder.join("trace"))?;
        let ended = listening.end(Signal::SIGINT)?;
        let said = format!(
            "rstscan: --kernel: {} stays until the next run with --kernel: Device or resource busy",
            folder.display()
        );
        assert!(ended.status.success() && ended.stderr.contains(&said), "{ended:#?}");
        assert_eq!(fs::read_to_string(folder.join("events/tcp/tcp_send_reset/enable"))?, "0\n", "it notes on");
        drop(user);
        Listening::start(&place, "lo", &["--kernel"])?.end(Signal::SIGINT)?.check(0)?;
        assert_eq!(instance_of(pid)?, None);
        Ok(())
    };
    check().expect("the laboratory is there");
}

/// The name of the instance is taken, as by a process of another container with the same number: another one is found.
#[test]
fn an_instance_whose_name_is_taken_has_another() {
    if !may_ask() {
        return;
    }
    let check = || -> io::Result<()> {
        let place = Namespace::create(3, "asked")?;
        let script = "start=$(sed 's/.*) //' /proc/$$/stat | cut -d ' ' -f 20)
            mkdir /sys/kernel/tracing/instances/rstscan-$$-$start && exec \"$@\"";
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh", env!("CARGO_BIN_EXE_rstscan")]);
        let listening = Listening::start_by(command, &place, ("lo", &["--kernel", "--json"]))?;
        let pid = listening.pid();
        assert!(place.enter(|| Ok(std::net::TcpStream::connect("127.0.0.1:9")))?.is_err(), "port 9 is open");
        let reset = parsed(&listening.lines(RESET, 1)?)?;
        assert_eq!(reset[0]["kernel"]["reason"], "NO_SOCKET", "{reset:#?}");
        listening.end(Signal::SIGINT)?.check(2)?;
        // Its own is gone. The other one is nobody's by now.
        let left = instance_of(pid)?.ok_or(io::ErrorKind::NotFound)?;
        assert_eq!(left.split('-').count(), 3, "{left}");
        Listening::start(&place, "lo", &["--kernel"])?.end(Signal::SIGINT)?.check(0)?;
        assert_eq!(instance_of(pid)?, None);
        Ok(())
    };
    check().expect("the laboratory is there");
}

/// What the first two lines on standard error are in a file system that a script has changed, and whether a signal ends it well.
fn told_after(script: &str, place: &Namespace) -> io::Result<[String; 2]> {
    let script = format!("{script} && exec \"$1\" -i lo --kernel");
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &script, "sh", env!("CARGO_BIN_EXE_rstscan")]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = place.enter(|| command.spawn())?;
    let mut lines = BufReader::new(child.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?).lines().map_while(Result::ok);
    let said = [lines.next().unwrap_or_default(), lines.next().unwrap_or_default()];
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT)?;
    if child.wait()?.success() { Ok(said) } else { Err(io::Error::other(said.join("\n"))) }
}

#[test]
fn without_tracefs_one_line_says_so_and_the_capture_goes_on() {
    if !may_run() {
        return;
    }
    let place = Namespace::create(1, "asked").expect("a namespace");
    let said = told_after("mount -t tmpfs tmpfs /sys/kernel", &place).expect("it ends");
    assert!(said[0].starts_with("rstscan: --kernel: there is no tracefs"), "{said:?}");
    assert!(
        said[0].ends_with("; the capture goes on without it") && said[1].starts_with("listening on lo"),
        "{said:?}"
    );
}

#[test]
fn where_no_instance_can_be_made_one_line_says_so_and_the_capture_goes_on() {
    if !may_ask() {
        return;
    }
    let place = Namespace::create(4, "asked").expect("a namespace");
    let script = format!("mount --bind {INSTANCES} {INSTANCES} && mount -o remount,bind,ro {INSTANCES}");
    let said = told_after(&script, &place).expect("it ends");
    let expected =
        "rstscan: --kernel: /sys/kernel/tracing: Read-only file system (os error 30); the capture goes on without it";
    assert_eq!(said[0], expected);
    assert!(said[1].starts_with("listening on lo"), "{said:?}");
}
