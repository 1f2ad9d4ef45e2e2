//! What a live capture may still do once it is open: nothing, though it was begun as root.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User};
use tempfile::TempDir;

use crate::asked::{instance_of, may_ask};
use crate::live::Listening;
use crate::may_run;
use crate::namespace::Namespace;
use crate::wait::wait_until;

/// The fields of `/proc/PID/task/TID/status`, of every thread of a process.
fn threads(pid: u32) -> io::Result<Vec<BTreeMap<String, String>>> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"))?;
    let fields = |text: String| {
        let fields = text.lines().filter_map(|line| line.split_once(':'));
        fields.map(|(name, value)| (name.to_owned(), value.split_whitespace().collect::<Vec<_>>().join(" "))).collect()
    };
    tasks.map(|task| fs::read_to_string(task?.path().join("status")).map(fields)).collect()
}

/// That every thread of a process has no rights left.
fn check_bare(pid: u32) {
    let nobody = User::from_name("nobody").expect("users").expect("nobody");
    let (uid, gid) = (nobody.uid.as_raw(), nobody.gid.as_raw());
    let none = "0000000000000000";
    let expected = [
        ("Uid", format!("{uid} {uid} {uid} {uid}")),
        ("Gid", format!("{gid} {gid} {gid} {gid}")),
        ("Groups", String::new()),
        ("CapInh", none.to_owned()),
        ("CapPrm", none.to_owned()),
        ("CapEff", none.to_owned()),
        ("CapBnd", none.to_owned()),
        ("CapAmb", none.to_owned()),
        ("NoNewPrivs", "1".to_owned()),
        ("Seccomp", "2".to_owned()),
    ];
    let threads = threads(pid).expect("it runs");
    assert!(!threads.is_empty());
    for thread in threads {
        for (name, value) in &expected {
            assert_eq!(thread.get(*name), Some(value), "{name} of {thread:#?}");
        }
    }
}

/// The processes that another one started.
fn children(pid: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// A folder that only root may write to.
fn folder_of_root() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).expect("ours");
    folder
}

/// Segments to ports of the namespace where nobody listens.
fn knock(place: &Namespace, count: u16) {
    let connect = |port| std::net::TcpStream::connect(("127.0.0.1", port)).map(drop);
    let refused = place.enter(|| Ok((1..=count).filter(|port| connect(*port).is_err()).count()));
    assert_eq!(refused.expect("a namespace"), usize::from(count));
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().expect("UTF-8").to_owned()
}

#[test]
fn a_capture_begun_as_root_keeps_no_rights_and_does_all_it_was_asked_for() {
    if !may_run() {
        return;
    }
    let place = Namespace::create(0, "rights").expect("a namespace");
    let folder = folder_of_root();
    let (into, report) = (path(folder.path(), "c.pcapng"), path(folder.path(), "r.html"));
    let words =
        ["--json", "--settle", "0.1", "--names", "-w", &into, "-C", "1k", "--all-packets", "--report", &report, "tcp"];
    let listening = Listening::start(&place, "lo", &words).expect("it listens");
    let pid = listening.pid();
    check_bare(pid);
    let monitors = children(pid);
    knock(&place, 60);
    listening.lines("{\"type\":\"reset\"", 60).expect("each reset is explained");
    // Also of the threads that ask for names.
    assert!(threads(pid).expect("it runs").len() > 1);
    check_bare(pid);
    let made = || fs::read_dir(folder.path()).expect("ours").filter_map(Result::ok).count();
    wait_until("another file", || made() > 3).expect("files follow each other");
    listening.end(Signal::SIGINT).expect("it ends");
    let names: Vec<String> = fs::read_dir(folder.path())
        .expect("ours")
        .map(|file| file.expect("ours").file_name().into_string().expect("UTF-8"))
        .collect();
    assert!(names.iter().all(|name| name.starts_with("c.pcapng") || name == "r.html"), "{names:?}");
    assert!(fs::read_to_string(&report).expect("the report").contains("</html>"));
    assert!(monitors.len() == 1 && !Path::new(&format!("/proc/{}", monitors[0])).exists());
}

#[test]
fn who_stays_root_for_it_sees_no_frame_and_ends_with_the_capture() {
    if !may_run() {
        return;
    }
    let place = Namespace::create(1, "rights").expect("a namespace");
    let plain = Listening::start(&place, "lo", &[]).expect("it listens");
    check_bare(plain.pid());
    assert_eq!(children(plain.pid()), [0; 0], "nothing takes root's rights");
    plain.end(Signal::SIGTERM).expect("it ends");
    let folder = folder_of_root();
    let listening = Listening::start(&place, "lo", &["-w", &path(folder.path(), "c")]).expect("it listens");
    let [monitor] = children(listening.pid())[..] else { panic!("not one process") };
    // Not the socket of the capture, the one for packets in this namespace, and capabilities for files alone.
    let packets = fs::read_to_string(format!("/proc/{}/net/packet", listening.pid())).expect("ours");
    let inodes = packets.lines().skip(1).filter_map(|line| line.split_whitespace().last());
    let captures: Vec<String> = inodes.map(|inode| format!("socket:[{inode}]")).collect();
    let open = |pid| {
        let links = fs::read_dir(format!("/proc/{pid}/fd")).expect("ours").filter_map(Result::ok);
        links.filter_map(|link| fs::read_link(link.path()).ok()?.to_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    let holds = |pid| open(pid).iter().any(|link| captures.contains(link));
    assert_eq!((holds(listening.pid()), holds(monitor)), (true, false));
    for thread in threads(monitor).expect("it runs") {
        let fields = ["CapEff", "CapBnd", "NoNewPrivs", "Seccomp"].map(|name| thread[name].as_str());
        assert_eq!(fields, ["000000000000000e", "000000000000000e", "1", "2"]);
    }
    kill(Pid::from_raw(listening.pid().cast_signed()), Signal::SIGKILL).expect("it runs");
    drop(listening);
    wait_until("its end", || !Path::new(&format!("/proc/{monitor}")).exists()).expect("it ends");
}

#[test]
fn the_tracing_instance_of_a_capture_without_rights_is_removed_even_after_a_crash() {
    if !may_ask() {
        return;
    }
    let place = Namespace::create(2, "rights").expect("a namespace");
    for signal in [Signal::SIGINT, Signal::SIGKILL] {
        let listening = Listening::start(&place, "lo", &["--kernel", "--json", "--settle", "0.1"]).expect("it listens");
        let pid = listening.pid();
        check_bare(pid);
        assert!(instance_of(pid).expect("tracefs").is_some());
        knock(&place, 1);
        let lines = listening.lines("{\"type\":\"reset\"", 1).expect("an explained reset");
        assert!(lines.iter().any(|line| line.contains("\"reason\":\"NO_SOCKET\"")), "{lines:?}");
        if signal == Signal::SIGKILL {
            drop(listening);
            wait_until("its removal", || instance_of(pid).is_ok_and(|name| name.is_none())).expect("it is removed");
        } else {
            listening.end(signal).expect("it ends");
            assert_eq!(instance_of(pid).expect("tracefs"), None);
        }
    }
}

#[test]
fn another_user_can_be_named_and_root_kept() {
    if !may_run() {
        return;
    }
    let place = Namespace::create(3, "rights").expect("a namespace");
    let uid = |user: &str| {
        let listening = Listening::start(&place, "lo", &["-Z", user]).expect("it listens");
        threads(listening.pid()).expect("it runs").remove(0).remove("Uid").expect("a user")
    };
    assert_eq!(uid("root"), "0 0 0 0");
    let daemon = User::from_name("daemon").expect("users").expect("daemon").uid;
    assert_eq!(
        uid("daemon"),
        [daemon.to_string(), daemon.to_string(), daemon.to_string(), daemon.to_string()].join(" ")
    );
}

/// A file is read with the rights of its user, of which nothing is left but to read it.
#[test]
fn who_reads_a_file_can_do_little_else() {
    let folder = TempDir::new().expect("a folder");
    let pipe = path(folder.path(), "pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    for (words, bound) in [(&["-r", &pipe][..], ["1", "2"]), (&["--no-sandbox", "-r", &pipe], ["0", "0"])] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rstscan"));
        let mut child = command.args(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let fields = || {
            let threads = threads(child.id()).unwrap_or_default();
            let of = |thread: &BTreeMap<String, String>| ["NoNewPrivs", "Seccomp"].map(|name| thread[name].clone());
            !threads.is_empty() && threads.iter().all(|thread| of(thread) == bound)
        };
        let comes = wait_until("it is confined", fields);
        let killed = child.kill();
        assert!(comes.is_ok() && killed.is_ok() && child.wait().is_ok(), "{words:?}");
    }
}

/// What a capture says that does not come about.
fn refused(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).expect("UTF-8")
}

/// What was made meanwhile in a folder of root's stays root's, and each thread has lost its rights, also those of a program
/// that is left running.
#[test]
fn a_program_that_is_left_running_opens_its_output_again_and_has_commands_run() {
    if !may_run() {
        return;
    }
    let place = Namespace::create(7, "rights").expect("a namespace");
    let folder = folder_of_root();
    let [out, old, into, script] = ["out.json", "old.json", "c", "script"].map(|name| path(folder.path(), name));
    fs::write(&script, "#!/bin/sh\nid -u > \"$1.user\"\n").expect("ours");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).expect("ours");
    let agent =
        ["-i", "lo", "-i", "any", "--metrics", "127.0.0.1:0", "--json", "-o", &out, "--names", "--settle", "0.1"];
    let writing = ["-w", &into, "-C", "1k", "--all-packets", "-z", &script, "tcp"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_rstscan"));
    command.args(agent).args(writing).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = place.enter(|| command.spawn()).expect("a namespace");
    let lines = |file: &str| fs::read_to_string(file).unwrap_or_default().lines().count();
    // Two of captures and four of metrics.
    wait_until("it listens", || threads(child.id()).is_ok_and(|threads| threads.len() >= 7)).expect("it listens");
    knock(&place, 30);
    wait_until("resets", || lines(&out) >= 30).expect("resets are explained");
    check_bare(child.id());
    fs::rename(&out, &old).expect("ours");
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGHUP).expect("it runs");
    wait_until("the file", || Path::new(&out).exists()).expect("it is opened again");
    knock(&place, 30);
    wait_until("resets", || lines(&out) >= 30).expect("they go there");
    let by_command = || fs::read_to_string(format!("{into}.user")).unwrap_or_default();
    wait_until("the command", || by_command() == "0\n").expect("it was run by root");
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).expect("it runs");
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn who_cannot_become_the_user_does_not_go_on_but_as_root_without_rights() {
    if !may_run() {
        return;
    }
    let place = Namespace::create(4, "rights").expect("a namespace");
    let program = env!("CARGO_BIN_EXE_rstscan");
    let said = place.enter(|| Ok(refused(Command::new(program).args(["-i", "lo", "-Z", "no-such-user"]))));
    assert_eq!(said.expect("a namespace"), "rstscan: -Z no-such-user: there is no such user\n");
    // Root of a user namespace in which there is nobody else.
    let script = "ip link set lo up && exec \"$0\" -i lo \"$@\"";
    let alone = |words: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--net", "sh", "-c", script, program]).args(words);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    };
    let asked = refused(alone(&["-Z", "nobody"]).stdout(Stdio::piped()));
    assert!(asked.starts_with("rstscan: cannot run on as nobody") && asked.lines().count() == 1, "{asked}");
    let mut child = alone(&[]).spawn().expect("unshare");
    let mut said = BufReader::new(child.stderr.take().expect("piped")).lines().map_while(Result::ok);
    let (warning, greeting) = (said.next().unwrap_or_default(), said.next().unwrap_or_default());
    let left = threads(child.id()).expect("it runs");
    let stopped = kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM);
    assert!(warning.starts_with("rstscan: warning: cannot run on as nobody"), "{warning}");
    assert!(warning.ends_with("goes on as root, without capabilities"), "{warning}");
    assert!(greeting.starts_with("listening on lo, link-type "), "{greeting}");
    assert!(left.iter().all(|thread| thread["CapEff"] == "0000000000000000" && thread["Seccomp"] == "2"), "{left:#?}");
    assert!(stopped.is_ok() && child.wait().expect("it ends").success());
}

/// The program where everybody may run it, with the capability of its file or without, run by a user without rights.
fn unprivileged(place: &Namespace, capability: Option<&str>, words: &[&str]) -> io::Result<(TempDir, Command)> {
    let folder = TempDir::new()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    let program = folder.path().join("rstscan");
    fs::copy(env!("CARGO_BIN_EXE_rstscan"), &program)?;
    if let Some(capability) = capability {
        crate::namespace::command("setcap", &[capability, program.to_str().ok_or(io::ErrorKind::InvalidFilename)?])?;
    }
    let mut command = Command::new("ip");
    command.args(["netns", "exec", place.name(), "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    command.arg(program).args(words).stdin(Stdio::null());
    Ok((folder, command))
}

#[test]
fn without_rights_the_way_to_them_is_printed() {
    if !may_run() {
        return;
    }
    let place = Namespace::create(5, "rights").expect("a namespace");
    let (folder, mut command) = unprivileged(&place, None, &["-i", "lo", "host 127.0.0.1"]).expect("a copy");
    let program = path(folder.path(), "rstscan");
    let said = refused(&mut command);
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("rstscan: no permission to capture on lo"), "{said}");
    let remedies = [
        format!("  this once:  sudo {program} -i lo 'host 127.0.0.1'"),
        format!("  for good:   sudo setcap cap_net_raw=ep {program}"),
    ];
    assert_eq!(lines[1..], remedies, "{said}");
}

#[test]
fn the_capability_of_its_file_is_enough_and_is_given_up_too() {
    if !may_run() {
        return;
    }
    let place = Namespace::create(6, "rights").expect("a namespace");
    let (_folder, mut command) = match unprivileged(&place, Some("cap_net_raw=ep"), &["-i", "lo"]) {
        Ok(prepared) => prepared,
        Err(error) => {
            // Written past the test harness, which would keep it to itself.
            let _ = writeln!(io::stderr(), "the capability of a file skipped: {error}");
            return;
        }
    };
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut said = BufReader::new(child.stderr.take().expect("piped")).lines().map_while(Result::ok);
    let greeting = said.next().unwrap_or_default();
    let left = threads(child.id()).expect("it runs");
    let stopped = kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM);
    assert!(greeting.starts_with("listening on lo, link-type "), "{greeting}");
    for thread in left {
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            assert_eq!(thread.get(set).map(String::as_str), Some("0000000000000000"), "{set} of {thread:#?}");
        }
    }
    assert!(stopped.is_ok() && child.wait().expect("it ends").success());
}
