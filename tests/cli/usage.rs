//! Wrong usage, help and version.

use super::{Files, capture, run};

#[track_caller]
fn wrong(words: &[&str], text: &str) {
    let ended = run(words);
    assert_eq!(ended.status, Some(2), "{ended:#?}");
    assert_eq!(ended.stdout, "");
    ended.said(text);
}

#[test]
fn wrong_usage_has_status_2() {
    wrong(&[], "say what to read: -r FILE or -i INTERFACE");
    wrong(&["-r", "f", "-i", "lo"], "cannot be used with");
    wrong(&["--no-such-option"], "--no-such-option");
    wrong(&["-c", "many", "-r", "f"], "many");
    wrong(&["--follow"], "--follow needs -r FILE");
    wrong(&["--follow", "-r", "a", "-r", "b"], "--follow reads one file only");
    wrong(&["--follow", "-r", "-"], "--follow needs the name of a file");
    wrong(&["--follow", "-V", "list"], "cannot be used with");
    wrong(&["--follow", "-i", "lo"], "cannot be used with");
    wrong(&["--settle", "soon", "-r", "f"], "not a number of seconds");
}

#[test]
fn the_catalogue_is_at_hand() {
    let ended = run(&["--explain", "keepalive-race"]);
    assert!(ended.done().stdout.starts_with("ABORTIVE CLOSE  keepalive-race\n"), "{ended:#?}");
    wrong(
        &["--explain", "lost-stat\x1b[2J"],
        "no cause or class has the id 'lost-stat\\u{1b}[2J': perhaps 'lost-state'",
    );
}

#[test]
fn help_shows_examples_and_exit_codes() {
    for option in ["-h", "--help"] {
        let ended = run(&[option]);
        ended.done();
        assert!(ended.stdout.contains("rstscan -r capture.pcapng") && ended.stdout.contains("Exit status"));
    }
}

#[test]
fn version() {
    assert_eq!(run(&["--version"]).done().stdout, concat!("rstscan ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn twice_quiet_leaves_standard_error_to_errors() {
    let files = Files::new();
    let good = files.add("good.pcap", &capture());
    let ended = run(&["-qq", "-r", &good, "-r", "/nonexistent"]);
    ended.failed().said_only("rstscan: /nonexistent: No such file or directory");
}

#[test]
fn a_file_of_timers_is_read_or_its_wrong_line_named() {
    let files = Files::new();
    let good = files.add("good.pcap", &capture());
    let timers = files.add("timers", b"# ours\n302 proxy\n");
    run(&["-r", &good, "--timers", &timers]).done();
    let wrong = files.add("wrong", b"302 proxy\n\nsoon firewall\n");
    let text = format!("rstscan: {wrong}:3: a timer begins with its seconds");
    run(&["-r", &good, "--timers", &wrong]).failed().said_only(&text);
    run(&["-r", &good, "--timers", "/nonexistent"]).failed().said("rstscan: file of timers /nonexistent: No such file");
}

#[cfg(not(feature = "live"))]
#[test]
fn without_libpcap_what_needs_it_is_refused() {
    let files = Files::new();
    let good = files.add("good.pcap", &capture());
    for words in [&["-i", "lo"][..], &["-D"], &["-r", &good, "port", "80"]] {
        run(words).failed().said_only("rstscan: built without live capture and filters (the feature `live`)");
    }
}
