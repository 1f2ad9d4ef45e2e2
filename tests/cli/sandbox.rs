//! What the sandbox of every run must not get in the way of, wherever that runs and however its files are named.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Ended, Files, capture, run};

/// A line of bash in the folder of the files, with the program as its first argument and more words after that.
#[track_caller]
fn bash(files: &Files, line: &str) -> Ended {
    let mut command = Command::new("bash");
    command.args(["-c", line, "bash", env!("CARGO_BIN_EXE_rstscan")]).current_dir(files.0.path());
    Ended::from(command.output().unwrap())
}

#[test]
fn files_are_read_by_whatever_name() {
    let files = Files::new();
    files.add("good.pcap", &capture());
    for line in [
        r#""$1" -r - <good.pcap"#,
        r#""$1" -r /dev/stdin <good.pcap"#,
        r#"cat good.pcap | "$1" -r /dev/stdin"#,
        r#""$1" -r <(cat good.pcap)"#,
        r#""$1" -r /dev/fd/7 7<good.pcap"#,
        r#"cp good.pcap gone; exec 7<gone; rm gone; "$1" -r /dev/fd/7"#,
        r#"mkdir -p sub && cd sub && "$1" -r ../good.pcap"#,
        r#"ln -s good.pcap link && "$1" -r link"#,
        r#"mkfifo pipe && { cat good.pcap >pipe & } && "$1" -r pipe"#,
        r#"gzip -c good.pcap >good.gz && "$1" -r good.gz"#,
        r#"printf 'good.pcap\n' >list && "$1" -V list"#,
        r#"printf 'good.pcap\n' | "$1" -V -"#,
        r#"echo 'port 12345' >filter && "$1" -F filter -r good.pcap"#,
    ] {
        bash(&files, line).done().saw_frames(3);
    }
    bash(&files, r#""$1" -r good.pcap -r <(cat good.pcap)"#).done().saw_frames(6);
}

#[test]
fn files_are_written_by_whatever_name() {
    let files = Files::new();
    files.add("good.pcap", &capture());
    let written = |line: &str| bash(&files, &format!(r#""$1" --all-packets -r good.pcap {line}"#));
    let again = |file: &str| {
        let path = files.0.path().join(file);
        run(&["-r", path.to_str().unwrap()]).done().saw_frames(3);
    };
    written("-w out").done();
    again("out");
    written("-w - | cat >piped").done();
    again("piped");
    bash(&files, "mkfifo pipe").done();
    written("-w pipe & cat pipe >read; wait $!").done();
    again("read");
    written("-w /dev/null -o /dev/null").done();
    written("-w once-more --json -o lines --report page").done();
    assert!(fs::read_to_string(files.0.path().join("page")).unwrap().contains("</html>"));
}

/// The same words with a sandbox and without.
#[test]
fn errors_are_those_of_the_system() {
    let files = Files::new();
    files.add("good.pcap", &capture());
    for words in ["-w nowhere/out", "-o nowhere/out --json", "--report nowhere/out", "-r nowhere", "-r ."] {
        let [with, without] =
            ["", "--no-sandbox"].map(|no| bash(&files, &format!(r#""$1" {no} -r good.pcap {words}"#)));
        assert_eq!((with.status, &with.stderr), (without.status, &without.stderr), "{words}");
        assert_ne!(with.status, Some(0), "{words}");
    }
}

#[test]
fn where_all_is_there_nothing_is_said() {
    let files = Files::new();
    let good = files.add("good.pcap", &capture());
    let ended = run(&["-v", "-r", &good]);
    let kernel_has_all = Path::new("/sys/kernel/security/landlock").exists();
    assert!(!ended.done().stderr.contains("sandbox") || !kernel_has_all, "{ended:#?}");
}

/// As in a container whose own filter forbids what a sandbox is made of, or a system that has nothing of it.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
#[test]
fn where_there_is_no_sandbox_to_be_had_the_run_goes_on_and_says_so_when_asked() {
    use nix::errno::Errno;
    use nix::libc;
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

    let files = Files::new();
    let good = files.add("good.pcap", &capture());
    let refusing = |errno: Errno, words: &[&str]| {
        let calls = [libc::SYS_landlock_create_ruleset, libc::SYS_seccomp, libc::SYS_capset, libc::SYS_capget];
        let rules = calls.map(|call| (call, Vec::new())).into_iter().collect();
        let action = SeccompAction::Errno((errno as i32).unsigned_abs());
        let arch = std::env::consts::ARCH.try_into().unwrap();
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, arch).unwrap();
        let program = BpfProgram::try_from(filter).unwrap();
        let run = || apply_filter(&program).map(|()| run(words)).unwrap();
        // A filter never goes again: it is that of a thread, and what it starts.
        std::thread::scope(|scope| scope.spawn(run).join().unwrap())
    };
    for (errno, said) in [
        (Errno::EPERM, "no Landlock on this system, no seccomp: Operation not permitted (os error 1)\n"),
        (Errno::ENOSYS, "no Landlock on this system, no seccomp on this system\n"),
    ] {
        let ended = refusing(errno, &["-v", "-r", &good]);
        ended.done().saw_frames(3).said(said);
        assert_eq!(ended.stderr.matches("sandbox").count(), 1, "{ended:#?}");
        assert_eq!(refusing(errno, &["-r", &good]).done().stderr, run(&["-r", &good]).stderr);
    }
}
