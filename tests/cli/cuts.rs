//! Work that is cut into pieces, and rows that are put together.

use std::fs;

use super::{Files, capture, run};

/// A sample of real sockets with four resets.
const MIXED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/mixed.pcap");

#[track_caller]
fn wrong(words: &[&str], text: &str) {
    let ended = run(words);
    assert_eq!((ended.status, &*ended.stdout), (Some(2), ""), "{ended:#?}");
    ended.said(text);
}

/// The rows of the sample, one pass and two shards, as files.
fn outputs(files: &Files) -> [String; 3] {
    let of = |name: &str, words: &[&str]| {
        let ended = run(&[&["--json", "-r", MIXED], words].concat());
        files.add(name, ended.done().stdout.as_bytes())
    };
    [of("whole.json", &[]), of("1.json", &["--shard", "1/2"]), of("2.json", &["--shard", "2/2"])]
}

#[test]
fn what_is_no_shard_is_refused() {
    for shard in ["0/4", "5/4", "a/b", "4", "1/0", "1/65537"] {
        wrong(&["--shard", shard, "-r", MIXED], "--shard <K/N>");
    }
    for with in [&["-i", "lo"][..], &["--follow", "-r", "f"], &["--join", "-r", "f"], &["--diff", "a", "b"], &["-D"]] {
        wrong(&[&["--shard", "1/2"], with].concat(), "cannot be used with");
    }
}

#[test]
fn shards_say_that_they_are_some_and_leave_what_all_have_in_common_to_the_fold() {
    let files = Files::new();
    let [whole, one, two] = outputs(&files);
    let resets = |path: &str| fs::read_to_string(path).unwrap().matches("\"type\":\"reset\"").count();
    assert_eq!(resets(&whole), 4);
    assert_eq!(resets(&one) + resets(&two), 4);
    assert!(fs::read_to_string(&one).unwrap().contains("\"resets\":2,\"events\":2,\"shard\":{\"number\":1,\"of\":2}"));
    let text = run(&["--shard", "2/2", "-r", MIXED]);
    assert!(text.done().stdout.contains("only the resets of shard 2/2 are decided here"), "{text:#?}");
    text.saw_frames(420);
}

#[test]
fn the_fold_prints_the_same_of_shards_and_of_one_pass() {
    let files = Files::new();
    let [whole, one, two] = outputs(&files);
    for format in [&[][..], &["-q"], &["-qq"], &["--json"], &["--count"], &["-q", "-tttt", "--utc"]] {
        let all = run(&[&["--fold", &two], format, &[&one]].concat());
        assert_eq!(run(&[&["--fold", &whole], format].concat()).done().stdout, all.done().stdout, "{format:?}");
    }
    let text = run(&["--fold", &one, &two]);
    assert!(text.stdout.starts_with("420 frames, 420 TCP segments, 32 connections, 4 resets in 4 events"), "{text:#?}");
    let lines = run(&["--fold", "-q", "-t", &whole]).done().stdout.clone();
    assert!(lines.contains(
        "#90 192.168.1.109:54321 > 192.168.1.108:45991 closed-port/no-listener likely (answers #89 after 13 us)\n"
    ));
}

#[test]
fn the_fold_ends_as_other_runs_where_something_is_found() {
    let files = Files::new();
    let [whole, ..] = outputs(&files);
    let ended = run(&["--fold", &whole, "--count", "--fail-on", "lost-state"]);
    assert_eq!((ended.status, &*ended.stderr), (Some(3), "rstscan: --fail-on found lost-state 1\n"));
    run(&["--fold", &whole, "--fail-on", "forged"]).done();
}

#[test]
fn rows_that_are_not_all_are_told() {
    let files = Files::new();
    let [whole, one, two] = outputs(&files);
    run(&["--fold", &two]).failed().said_only("rstscan: shards are missing: 1/2");
    run(&["--fold", &one, &one, &two]).failed().said("rstscan: shards are missing: 2/2");
    run(&["--fold", &whole, &whole]).failed().said_only("rstscan: 4 rows are there twice: counted once");
    let text = fs::read_to_string(&whole).unwrap();
    let cut = files.add("cut.json", text.split_once("{\"type\":\"summary\"").unwrap().0.as_bytes());
    run(&["--fold", &cut])
        .failed()
        .said_only("rstscan: no summary line: the runs had not ended, or the rows are not whole");
    let (first, rest) = text.split_once('\n').unwrap();
    let lacking = files.add("lacking.json", rest.as_bytes());
    run(&["--fold", &lacking]).failed().said_only("rstscan: 4 resets in the summaries, but 3 rows");
    let torn = files.add("torn.json", format!("{}\n{rest}", &first[..first.len() / 2]).as_bytes());
    run(&["--fold", &torn]).failed().said("torn.json: line 1 is not of rstscan --json, schema 1: left out");
    let other = files.add("other.json", text.replacen("no-listener", "no-such-cause", 1).as_bytes());
    run(&["--fold", &other]).failed().said("other.json: line 1 is not of rstscan --json, schema 1: left out");
}

#[test]
fn what_cannot_be_put_together_is_refused() {
    let files = Files::new();
    let good = files.add("good.pcap", &capture());
    wrong(&["--fold"], "--fold needs outputs of --json");
    wrong(&["--fold", "-", "-"], "standard input can be one of the outputs only");
    wrong(&["--fold", "a", "--format", "csv"], "--fold prints text, --json or --count");
    wrong(&["--fold", "a", "--json-style", "ecs"], "--fold prints text, --json or --count");
    for with in [&["-r", "f"][..], &["-i", "lo"], &["--only", "forged"], &["--shard", "1/2"], &["--explain", "abort"]] {
        wrong(&[&["--fold", "a"], with].concat(), "cannot be used with");
    }
    run(&["--fold", "/nonexistent"]).failed().said("rstscan: /nonexistent: No such file or directory");
    let ended = run(&["--fold", &good]);
    ended.failed().said("good.pcap").said("no summary line");
}

/// The sample cut into three files before these frames.
fn pieces(files: &Files, before: [usize; 2]) -> [String; 3] {
    let bytes = fs::read(MIXED).unwrap();
    let mut records = vec![24];
    while let Some(length) = bytes.get(records[records.len() - 1] + 8..).and_then(|rest| rest.first_chunk()) {
        records.push(records[records.len() - 1] + 16 + u32::from_le_bytes(*length) as usize);
    }
    let [second, third] = before.map(|frame| records[frame - 1]);
    let of = |name: &str, from: usize, to: usize| files.add(name, &[&bytes[..24], &bytes[from..to]].concat());
    [of("1.pcap", 24, second), of("2.pcap", second, third), of("3.pcap", third, bytes.len())]
}

/// The rows of resets, without `stream`, which counts from the beginning of what is read.
fn resets(ended: &super::Ended) -> Vec<String> {
    let rows = ended.stdout.lines().filter(|row| row.contains("\"type\":\"reset\""));
    let split = |row: &str| {
        let (before, after) = row.split_once("\"stream\":").unwrap();
        format!("{before}{}", after.split_once(',').unwrap().1)
    };
    rows.map(split).collect()
}

#[test]
fn a_piece_with_what_is_around_it_has_the_verdicts_of_the_whole() {
    let files = Files::new();
    // In the middle of connections, and right behind a reset, whose aftermath is in the next file.
    for before in [[90, 248], [247, 332], [332, 409], [12, 408]] {
        let [one, two, three] = pieces(&files, before);
        let whole = run(&["--json", "-qq", "-r", &one, "-r", &two, "-r", &three]);
        let words: [&[&str]; 3] = [
            &["-r", &one, "--read-on", &two, &three],
            &["--warm-up", &one, "-r", &two, "--read-on", &three],
            &["--warm-up", &one, &two, "-r", &three],
        ];
        let runs = words.map(|words| run(&[&["--json", "-qq"], words].concat()));
        let rows: Vec<String> = runs.iter().flat_map(|ended| resets(ended.done())).collect();
        assert_eq!(rows, resets(whole.done()), "{before:?}");
        assert_eq!(rows.len(), 4);
        let parts = runs.iter().zip(["a", "b", "c"]).map(|(ended, name)| files.add(name, ended.stdout.as_bytes()));
        let parts: Vec<String> = parts.collect();
        let folded = run(&["--fold", &parts[0], &parts[1], &parts[2], "--count"]);
        assert_eq!(folded.done().stdout, run(&["--count", "-r", MIXED]).stdout);
        // Each shard of a piece has its rows of that.
        let sharded = |shard| resets(&run(&[&["--json", "-qq", "--shard", shard], words[1]].concat()));
        let mut both = [sharded("1/2"), sharded("2/2")].concat();
        both.sort();
        let mut piece = resets(&runs[1]);
        piece.sort();
        assert_eq!(both, piece);
    }
}

#[test]
fn a_piece_is_of_files_that_are_read_to_their_end() {
    let files = Files::new();
    let [one, two, _] = pieces(&files, [90, 248]);
    for with in [&["-V", "list"][..], &["-w", "out"], &["-c", "5"], &["-i", "lo"], &["--follow"], &["--join"]] {
        wrong(&[&["--warm-up", &one, "-r", &two], with].concat(), "cannot be used with");
    }
    wrong(&["--warm-up", &one], "required");
    let ended = run(&["--warm-up", "/nonexistent", "-r", &two]);
    ended.failed().said("rstscan: /nonexistent: No such file or directory").saw_frames(158);
    run(&["-r", &two, "--read-on", "/nonexistent"])
        .failed()
        .said("rstscan: /nonexistent: No such file")
        .saw_frames(158);
}
