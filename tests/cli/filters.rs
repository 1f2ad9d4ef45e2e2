//! Filters: words, files, mistakes, and warnings.

use super::{Files, capture, run};

#[test]
fn words_choose_frames() {
    let files = Files::new();
    let good = files.add("good.pcap", &capture());
    run(&["-r", &good, "port", "12345", "and", "host", "10.0.0.1"]).done().saw_frames(3);
    run(&["-r", &good, "tcp dst port 12345"]).done().saw_frames(2);
    run(&["-r", &good, "port", "80"]).done().saw_frames(0);
    run(&["-c", "2", "-r", &good, "port", "12345", "-n"]).done().saw_frames(2);
}

/// Also in the sandbox, in which a filter is compiled once its files are open.
#[test]
fn names_in_a_filter_are_looked_up() {
    let files = Files::new();
    let good = files.add("good.pcap", &capture());
    let knows = |file: &str, words: [&str; 2]| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        text.lines().any(|line| line.split_whitespace().take(2).eq(words))
    };
    if knows("/etc/hosts", ["127.0.0.1", "localhost"]) {
        run(&["-r", &good, "ip host localhost"]).done().saw_frames(0);
    }
    if knows("/etc/services", ["ssh", "22/tcp"]) {
        run(&["-r", &good, "not port ssh"]).done().saw_frames(3);
    }
    run(&["-r", &good, "ip proto \\tcp"]).done().saw_frames(3);
}

#[test]
fn a_file_holds_a_filter_with_comments() {
    let files = Files::new();
    let good = files.add("good.pcap", &capture());
    let filter = files.add("filter", b"tcp # all of it\nand dst port 12345 or # both\nsrc port 1\n");
    run(&["-r", &good, "-F", &filter]).done().saw_frames(2);
    let empty = files.add("empty", b"# nothing\n");
    run(&["-r", &good, "-F", &empty]).done().saw_frames(3);
    run(&["-r", &good, "-F", "/nonexistent"]).failed().said("filter file /nonexistent: No such file");
}

#[test]
fn a_bad_filter_gets_one_line_with_the_words_of_libpcap() {
    let files = Files::new();
    let good = files.add("good.pcap", &capture());
    let ended = run(&["-r", &good, "-r", &good, "port", "nonsense"]);
    ended.failed().said_only("rstscan: filter `port nonsense`: unknown port 'nonsense'");
    assert_eq!(ended.stdout, "");
}

#[test]
fn a_filter_that_hides_what_verdicts_need_draws_a_warning() {
    let files = Files::new();
    let good = files.add("good.pcap", &capture());
    for filter in ["tcp[tcpflags] & tcp-rst != 0", "src host 10.0.0.1", "greater 100"] {
        run(&["-r", &good, filter]).done().said("rstscan: warning: the filter ");
    }
    let whole = run(&["-r", &good, "host 10.0.0.1 and port 12345"]);
    assert!(!whole.done().stderr.contains("warning"));
}
