//! The manual page and the completions, as other programs take them.

use std::process::{Command, Stdio};

use super::{Ended, Files, run};

/// Runs another program on a file; `None`, and a line that says so, where it is missing.
fn checked(program: &str, words: &[&str]) -> Option<Ended> {
    let mut command = Command::new(program);
    command.args(words).env("LC_ALL", "C.UTF-8").env("MANWIDTH", "80").stdin(Stdio::null());
    match command.output() {
        Ok(output) => Some(Ended::from(output)),
        Err(error) => {
            println!("skipped, no {program}: {error}");
            None
        }
    }
}

fn generated(files: &Files, what: &str) -> String {
    files.add(&format!("rstscan.{what}"), run(&["--generate", what]).done().stdout.as_bytes())
}

#[test]
fn man_shows_the_page_without_a_complaint() {
    let files = Files::new();
    let page = generated(&files, "man");
    let Some(ended) = checked("man", &["--warnings", "-l", &page]) else { return };
    assert_eq!(ended.done().stderr, "");
    for heading in ["NAME", "SYNOPSIS", "OPTIONS", "EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES", "SEE ALSO"] {
        assert!(ended.stdout.lines().any(|line| line == heading), "no {heading} in {}", ended.stdout);
    }
    assert!(ended.stdout.contains("rstscan [OPTIONS] -i INTERFACE [FILTER...]"), "{}", ended.stdout);
}

#[test]
fn shells_take_their_completions() {
    let files = Files::new();
    for shell in ["bash", "zsh", "fish"] {
        let completions = generated(&files, shell);
        if let Some(ended) = checked(shell, &["-n", &completions]) {
            assert_eq!(ended.done().stderr, "", "{shell}");
        }
    }
}

/// What bash would offer behind `--fail-on keepalive-`.
#[test]
fn bash_completes_the_ids_of_causes() {
    let files = Files::new();
    let completions = generated(&files, "bash");
    let script = format!(
        ". {completions}; COMP_WORDS=(rstscan --fail-on keepalive-); COMP_CWORD=2; \
         _rstscan rstscan keepalive- --fail-on; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let Some(ended) = checked("bash", &["-c", &script]) else { return };
    assert_eq!(ended.done().stdout, "keepalive-race\nkeepalive-timeout\n");
}

#[test]
fn make_installs_and_uninstalls() {
    let folder = tempfile::tempdir().unwrap();
    let make = |target: &str| {
        let words = [target, &format!("DESTDIR={}", folder.path().display()), "PREFIX=/usr"].map(str::to_owned);
        let program = concat!("PROGRAM=", env!("CARGO_BIN_EXE_rstscan"));
        let words: Vec<&str> = words.iter().map(String::as_str).chain([program, "SETCAP=0"]).collect();
        checked("make", &[&["-s", "-C", env!("CARGO_MANIFEST_DIR")][..], &words].concat())
    };
    let installed = || {
        let files = [
            "bin/rstscan",
            "share/man/man8/rstscan.8",
            "share/bash-completion/completions/rstscan",
            "share/zsh/site-functions/_rstscan",
            "share/fish/vendor_completions.d/rstscan.fish",
        ];
        files.into_iter().filter(|file| folder.path().join("usr").join(file).is_file()).count()
    };
    let Some(ended) = make("install-files") else { return };
    assert!(ended.done().stdout.contains("setcap cap_net_raw=ep /usr/bin/rstscan"), "{ended:#?}");
    assert_eq!(installed(), 5);
    make("uninstall").unwrap().done();
    assert_eq!(installed(), 0);
}

#[test]
fn what_is_generated_stands_alone() {
    assert_eq!(run(&["--generate", "man", "-r", "f"]).status, Some(2));
    assert!(!run(&["-h"]).done().stdout.contains("--generate"));
}
