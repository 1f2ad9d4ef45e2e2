//! What Wireshark asks and gets, sentence by sentence, and through tshark where there is one.

use std::process::{Command, Stdio};

use super::{Ended, Files, rstscan, run};

#[test]
fn interfaces_link_types_and_choices_are_told() {
    let ended = run(&["--extcap-interfaces", "--extcap-version=4.0"]);
    ended.done();
    assert!(ended.stdout.starts_with("extcap {version="), "{ended:#?}");
    assert!(ended.stdout.contains("\ninterface {value=rstscan-lo}{display=rstscan: lo}\n"), "{ended:#?}");
    let dlts = run(&["--extcap-interface", "rstscan-lo", "--extcap-dlts"]);
    assert_eq!(dlts.done().stdout, "dlt {number=1}{name=EN10MB}{display=Ethernet}\n");
    let config = run(&["--extcap-interface", "rstscan-lo", "--extcap-config"]);
    assert!(config.done().stdout.lines().all(|line| line.starts_with("arg {number=") && line.contains("{call=-")));
    run(&["--extcap-interface", "lo", "--extcap-dlts"]).status.filter(|status| *status == 2).expect("not its own");
}

#[test]
fn a_filter_is_checked_while_it_is_typed() {
    let check =
        |filter| run(&["--extcap-interface", "rstscan-lo", "--extcap-capture-filter", filter]).done().stdout.clone();
    assert_eq!(check("tcp port 80"), "");
    assert_eq!(check("port nonsense"), "filter `port nonsense`: unknown port 'nonsense'\n");
}

/// Folders of its own are asked by tshark only where it has no more rights than its user.
fn tshark(files: &Files) -> Option<Ended> {
    let program = env!("CARGO_BIN_EXE_rstscan");
    let folder = files.0.path().join("extcap");
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(program, folder.join("rstscan")).unwrap();
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(files.0.path(), everybody).unwrap();
    let mut command = match rustix::process::getuid().is_root() {
        true => Command::new("setpriv"),
        false => Command::new("env"),
    };
    if rustix::process::getuid().is_root() {
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    }
    command.args(["tshark", "-D"]).env("WIRESHARK_EXTCAP_DIR", &folder).env("HOME", files.0.path());
    let output = command.stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| Ended::from(output))
}

#[test]
fn tshark_lists_the_interfaces() {
    let files = Files::new();
    let Some(ended) = tshark(&files) else {
        eprintln!("not asked by tshark: there is none that may run");
        return;
    };
    assert!(ended.stdout.contains("rstscan-lo (rstscan: lo)"), "{ended:#?}");
}

#[test]
fn it_needs_to_be_told_what_to_do() {
    for words in [&["--extcap-interface", "rstscan-lo"][..], &["--capture", "--fifo", "x"]] {
        assert_eq!(rstscan().args(words).output().unwrap().status.code(), Some(2));
    }
}
