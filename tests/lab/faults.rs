//! What can go wrong with a capture: each is told, and costs no verdict that is not told of.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::bench::{Bench, Setting};
use crate::live::{Listening, RESET, parsed};
use crate::may_run;
use crate::namespace::Namespace;
use crate::scenarios::abort::exchange;
use crate::scenarios::closed_port::NO_LISTENER;
use crate::truth::verdicts;
use crate::wait::wait_until;

/// A namespace with two ends of a wire, `left` and `right`.
fn place(number: u32) -> io::Result<Namespace> {
    let place = Namespace::create(number, "faults")?;
    place.ip(&["link", "add", "left", "type", "veth", "peer", "name", "right"])?;
    for end in ["left", "right"] {
        place.ip(&["link", "set", end, "up"])?;
    }
    Ok(place)
}

/// A connection to a port where nobody listens, within a host.
fn refused(place: &Namespace) -> io::Result<()> {
    let refused = place.enter(|| Ok(std::net::TcpStream::connect("127.0.0.1:9")))?;
    assert!(refused.is_err(), "port 9 is open");
    Ok(())
}

/// Of a router both interfaces are captured: each frame comes twice, in the order of time, and the second reset is a copy.
#[test]
fn several_interfaces_are_one_capture() {
    if !may_run() {
        return;
    }
    let check = || -> io::Result<()> {
        let bench = Bench::build(Setting { routed: true, ..Setting::default() })?;
        let router = bench.router.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let listening = Listening::start(router, "left", &["-i", "right", "--json", "port", "54321"])?;
        (NO_LISTENER.run)(&bench, NO_LISTENER.port)?;
        let lines = parsed(&listening.lines(RESET, 2)?)?;
        let seen: Vec<_> = lines.iter().map(|line| (&line["cause"], &line["file"], &line["frame"])).collect();
        // On the way back from the server.
        let (right, left) =
            ((&json!("no-listener"), &json!("right"), &json!(2)), (&json!("duplicate"), &json!("left"), &json!(2)));
        assert_eq!(seen, [right, left], "{lines:#?}");
        let ended = listening.end(Signal::SIGINT)?;
        let summary: Vec<Value> = parsed(&ended.rest)?;
        assert_eq!((&summary[0]["frames"], &summary[0]["events"]), (&json!(4), &json!(1)), "{summary:#?}");
        assert!(ended.stderr.starts_with("listening on right, link-type EN10MB"), "{ended:#?}");
        ended.check(4)
    };
    check().expect("the laboratory is there");
}

/// The interface of a connection goes away: the other one is captured on, and the run ends with status 1.
#[test]
fn an_interface_that_goes_away_is_told() {
    if !may_run() {
        return;
    }
    let check = || -> io::Result<()> {
        let place = place(0)?;
        let mut listening = Listening::start(&place, "left", &["-i", "lo", "--json", "-p", "tcp"])?;
        listening.hears("listening on lo")?;
        place.ip(&["link", "delete", "left"])?;
        listening.hears("rstscan: left: The interface disappeared; the capture goes on without it")?;
        refused(&place)?;
        listening.lines(RESET, 1)?;
        let ended = listening.end(Signal::SIGINT)?;
        assert_eq!(ended.status.code(), Some(1), "{ended:#?}");
        Ok(())
    };
    check().expect("the laboratory is there");
}

/// Down and up again, and another name: the capture goes on, and says nothing, as nothing was lost.
#[test]
fn an_interface_that_comes_back_is_captured_on() {
    if !may_run() {
        return;
    }
    let check = || -> io::Result<()> {
        let place = place(1)?;
        let listening = Listening::start(&place, "lo", &["--json", "tcp"])?;
        let noticed = || std::thread::sleep(Duration::from_millis(300));
        place.ip(&["link", "set", "lo", "down"])?;
        noticed();
        place.ip(&["link", "set", "lo", "up"])?;
        refused(&place)?;
        listening.lines(RESET, 1)?;
        // Linux before 6.2 renames no interface that is up.
        if place.ip(&["link", "set", "lo", "name", "lo2"]).is_ok() {
            noticed();
        }
        refused(&place)?;
        listening.lines(RESET, 1)?;
        listening.end(Signal::SIGINT)?.check(4)
    };
    check().expect("the laboratory is there");
}

/// An interface that has another name when it comes back is not found again, as with tcpdump: that ends the run, and is told.
#[test]
fn an_interface_renamed_while_it_is_down_is_told() {
    if !may_run() {
        return;
    }
    let check = || -> io::Result<()> {
        let place = place(7)?;
        let mut listening = Listening::start(&place, "lo", &["--json", "--settle", "86400", "tcp"])?;
        refused(&place)?;
        for change in [["link", "set", "lo", "down"].as_slice(), &["link", "set", "lo", "name", "lo2"]] {
            place.ip(change)?;
        }
        listening.hears("rstscan: lo: The interface disappeared")?;
        // The verdict that was held.
        listening.lines(RESET, 1)?;
        Ok(())
    };
    check().expect("the laboratory is there");
}

/// The only interface goes away: the run ends with status 1, and what was held is said.
#[test]
fn without_an_interface_a_capture_ends() {
    if !may_run() {
        return;
    }
    let check = || -> io::Result<()> {
        let place = place(2)?;
        place.ip(&["address", "add", "192.0.2.1/24", "dev", "left"])?;
        let mut listening = Listening::start(&place, "left", &["--json", "--settle", "86400"])?;
        place.ip(&["link", "delete", "left"])?;
        listening.hears("rstscan: left: The interface disappeared")?;
        let lines = parsed(&listening.lines("{\"type\":\"summary\"", 1)?)?;
        assert_eq!(lines.last().map(|line| &line["type"]), Some(&json!("summary")));
        Ok(())
    };
    check().expect("the laboratory is there");
}

/// A program in a namespace of this network and of mounts, and how it ended.
struct Mounted(Child);

impl Mounted {
    /// Runs a script that ends with the program as `"$@"`; its first line on standard error has to be the greeting.
    fn start(
        place: &Namespace,
        script: &str,
        (words, stdout): (&[&str], Stdio),
    ) -> io::Result<(Self, impl BufRead + use<>)> {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script, "sh", env!("CARGO_BIN_EXE_rstscan")]).args(words);
        command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped()).process_group(0);
        let mut child = place.enter(|| command.spawn())?;
        let mut stderr = BufReader::new(child.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?);
        let running = Self(child);
        let mut line = String::new();
        stderr.read_line(&mut line)?;
        if line.starts_with("listening on ") { Ok((running, stderr)) } else { Err(io::Error::other(line)) }
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill(Pid::from_raw(self.0.id().cast_signed()), signal)?)
    }

    /// Waits for the end, a while.
    fn end(mut self, mut stderr: impl Read) -> io::Result<(ExitStatus, String)> {
        let mut status = None;
        wait_until("the program to end", || {
            status = self.0.try_wait().ok().flatten();
            status.is_some()
        })?;
        let mut said = String::new();
        stderr.read_to_string(&mut said)?;
        Ok((status.ok_or(io::ErrorKind::TimedOut)?, said))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Where it has ended already there is nothing to kill.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The disk is full: that is told once, verdicts are given on, and the status is 1.
#[test]
fn a_full_disk_costs_the_file_and_no_verdict() {
    if !may_run() {
        return;
    }
    let check = || -> io::Result<()> {
        let place = place(3)?;
        let folder = tempfile::tempdir()?;
        let output = folder.path().join("said");
        let script = "mount -t tmpfs -o size=64k tmpfs /mnt && exec \"$@\"";
        let words = ["-i", "lo", "--json", "--settle", "0.2", "-w", "/mnt/why.pcapng", "-U", "--all-packets", "tcp"];
        let (running, mut stderr) = Mounted::start(&place, script, (&words, File::create(&output)?.into()))?;
        let mut said = String::new();
        for _ in 0..1000 {
            refused(&place)?;
        }
        stderr.read_line(&mut said)?;
        assert_eq!(said, "rstscan: cannot write /mnt/why.pcapng: No space left on device\n");
        running.signal(Signal::SIGINT)?;
        let (status, _) = running.end(stderr)?;
        let resets = std::fs::read_to_string(&output)?.lines().filter(|line| line.starts_with(RESET)).count();
        assert_eq!((status.code(), resets), (Some(1), 1000));
        Ok(())
    };
    check().expect("the laboratory is there");
}

/// Standard output is full: the run ends with status 1 and says so, and the file that it also writes is whole.
#[test]
fn a_full_output_ends_the_run() {
    if !may_run() {
        return;
    }
    let check = || -> io::Result<()> {
        let place = place(4)?;
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("why.pcapng");
        let full = OpenOptions::new().write(true).open("/dev/full")?;
        let file = file.to_str().ok_or(io::ErrorKind::InvalidData)?;
        let words = ["-i", "lo", "--json", "--settle", "0.2", "-w", file, "tcp"];
        let (running, stderr) = Mounted::start(&place, "exec \"$@\"", (&words, full.into()))?;
        refused(&place)?;
        let (status, said) = running.end(stderr)?;
        let last = said.lines().last().unwrap_or_default();
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(last.starts_with("rstscan: cannot write the output: No space left on device"), "{said}");
        assert!(said.contains("2 packets captured\n"), "{said}");
        let verdicts = verdicts(std::path::Path::new(file))?;
        assert_eq!(verdicts.len(), 1, "{verdicts:#?}");
        Ok(())
    };
    check().expect("the laboratory is there");
}

/// Nobody reads any more: the run ends, without a word but the counts.
#[test]
fn a_closed_output_ends_the_run() {
    if !may_run() {
        return;
    }
    let check = || -> io::Result<()> {
        let place = place(5)?;
        let (reader, writer) = io::pipe()?;
        let (running, stderr) = Mounted::start(&place, "exec \"$@\"", (&["-i", "lo", "--json", "tcp"], writer.into()))?;
        drop(reader);
        refused(&place)?;
        let (status, said) = running.end(stderr)?;
        assert_eq!((status.code(), said.lines().count()), (Some(0), 3), "{said}");
        Ok(())
    };
    check().expect("the laboratory is there");
}

/// Nobody reads for a while: the capture goes on. What the queue has no room for is counted, and the verdicts that may lack it
/// say so.
#[test]
fn a_reader_that_stands_still_costs_what_is_counted() {
    if !may_run() {
        return;
    }
    let check =
        || -> io::Result<()> {
            let place = place(6)?;
            let (reader, writer) = io::pipe()?;
            // The smallest of rings, so that the queue is as small; -s, so that not everything fits into it.
            let words = ["-i", "lo", "--json", "--settle", "1", "-B", "512", "-s", "200", "tcp"];
            let (running, mut stderr) = Mounted::start(&place, "exec \"$@\"", (&words, writer.into()))?;
            for _ in 0..20_000 {
                refused(&place)?;
            }
            // Standard error has a reader all the time.
            running.signal(Signal::SIGINT)?;
            let lines = std::thread::spawn(move || -> Vec<String> {
                BufReader::new(reader).lines().map_while(Result::ok).collect()
            });
            let mut said = String::new();
            stderr.read_to_string(&mut said)?;
            let (status, _) = running.end(stderr)?;
            let lines = parsed(&lines.join().map_err(|_| io::ErrorKind::Other)?)?;
            let summary = lines.last().ok_or(io::ErrorKind::UnexpectedEof)?;
            let lost = summary["queue_drops"].as_u64().unwrap_or(0) + summary["kernel_drops"].as_u64().unwrap_or(0);
            assert!(summary["queue_drops"].as_u64() > Some(0), "{summary}");
            // On the loopback interface the kernel also drops what is on its way out, which is captured as it comes in.
            assert!(summary["frames"].as_u64().unwrap_or(0) + lost >= 40_000, "{summary}");
            assert!(said.contains(" dropped before analysis"), "{said}");
            let resets = || lines.iter().filter(|line| line["type"] == "reset");
            assert_eq!(resets().count() as u64, summary["resets"].as_u64().unwrap_or(0));
            let touched = resets().filter(|line| line["missing"].to_string().contains("dropped-frames")).count();
            assert!(touched > 0 && status.success(), "{summary} {said}");
            assert!(resets().all(|line| {
                !line["missing"].to_string().contains("dropped-frames") || line["certainty"] != "certain"
            }));
            Ok(())
        };
    check().expect("the laboratory is there");
}

/// The ring is too small for what comes while the program cannot run: that is told, and so is it of a connection that was open.
#[test]
fn a_ring_that_overflows_lowers_what_it_touches() {
    if !may_run() {
        return;
    }
    let check = || -> io::Result<()> {
        let bench = Bench::build(Setting::default())?;
        let server = &bench.server.namespace;
        let words = ["--json", "-B", "512", "-s", "128", "--settle", "0.5", "portrange", "47200-47202"];
        let listening = Listening::start(server, "eth0", &words)?;
        let (before, peer) = bench.establish(47_200)?;
        let (open, other) = bench.establish(47_201)?;
        exchange(&before, &peer)?;
        exchange(&open, &other)?;
        before.abort()?;
        let first = parsed(&listening.lines(RESET, 1)?)?;
        assert_eq!(first[0]["missing"], json!([]), "{first:#?}");
        let program = Pid::from_raw(listening.pid().cast_signed());
        kill(program, Signal::SIGSTOP)?;
        for _ in 0..4000 {
            assert!(bench.client.connect(bench.server_at(47_202)).is_err());
        }
        kill(program, Signal::SIGCONT)?;
        // By now it has taken what the ring had.
        std::thread::sleep(Duration::from_millis(500));
        open.abort()?;
        let lines = listening.lines_until(RESET, "\"dport\":47201")?;
        let touched = parsed(&lines)?.pop().ok_or(io::ErrorKind::UnexpectedEof)?;
        assert!(touched["missing"].to_string().contains("dropped-frames"), "{touched:#}");
        assert_eq!((&touched["class"], &touched["certainty"]), (&json!("abortive-close"), &json!("likely")));
        let ended = listening.end(Signal::SIGINT)?;
        let summary = parsed(&ended.rest)?.pop().ok_or(io::ErrorKind::UnexpectedEof)?;
        let dropped = summary["kernel_drops"].as_u64().unwrap_or(0);
        assert_eq!((dropped > 0, &summary["queue_drops"]), (true, &json!(0)), "{summary:#}");
        let said = ended.stderr.lines().last().unwrap_or_default();
        assert_eq!(
            (said, ended.status.success()),
            (&*format!("{dropped} packets dropped by kernel"), true),
            "{ended:#?}"
        );
        Ok(())
    };
    check().expect("the laboratory is there");
}
