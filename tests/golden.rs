//! What the program prints of each capture in `samples/`, to the letter; and of packet scripts with many resets, also on
//! terminals of several widths.
//!
//! `UPDATE_EXPECT=1 cargo test --test golden` rewrites the files in `tests/golden`; read the diff before you commit it.

#[allow(dead_code, unused_imports, reason = "shared with tests/cases.rs, which uses all of it")]
mod script;
#[cfg(target_os = "linux")]
#[path = "golden/terminal.rs"]
mod terminal;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use similar::TextDiff;

/// The files of a sample, by their ending, and the options that print them. Pipes get whole lines without colour.
const OUTPUTS: [(&str, &[&str]); 11] = [
    ("txt", &["--utc"]),
    ("verbose.txt", &["--utc", "-v"]),
    ("composed.txt", &["--utc", "-vv"]),
    ("ladder.txt", &["--utc", "--ladder"]),
    ("json", &["--json"]),
    ("ecs.json", &["--json-style", "ecs"]),
    ("otel.json", &["--json-style", "otel"]),
    ("zeek.json", &["--json-style", "zeek"]),
    ("csv", &["--format", "csv"]),
    ("md", &["--format", "markdown"]),
    ("count", &["--count"]),
];

/// Packet scripts with many resets, and whether they are printed with IPv6.
const MANY: [(&str, &str, bool); 2] = [
    ("forgotten", "tests/cases/half-open-response/many-connections-are-forgotten.pkt", false),
    ("forgotten-6", "tests/cases/half-open-response/many-connections-are-forgotten.pkt", true),
];

/// The same for these.
const MANY_OUTPUTS: [(&str, &[&str]); 9] = [
    ("txt", &["--utc"]),
    ("cause.txt", &["--utc", "--group-by", "cause"]),
    ("pair.txt", &["--utc", "--group-by", "pair"]),
    ("quiet.txt", &["--utc", "-q", "--group-by", "service"]),
    ("each.txt", &["--utc", "--group-by", "none", "-q"]),
    ("limit.txt", &["--utc", "--max-resets", "2"]),
    ("only.txt", &["--utc", "--only", "192.0.2.10,2001:db8::c000:20a", "--not", "closed-port"]),
    ("only.count", &["--count", "--only", "half-open-response", "--not", "192.0.2.11,192.0.2.12:40003"]),
    ("only.json", &["--json", "--only", "certain"]),
];

/// Connections captured at two points, and what is printed of them.
const POINTS: [&str; 2] = ["born-between", "sent"];
const POINTS_OUTPUTS: [(&str, &[&str]); 5] = [
    ("points.txt", &["--utc", "-v"]),
    ("points-ladder.txt", &["--utc", "--ladder"]),
    ("points-quiet.txt", &["--utc", "-q"]),
    ("points.json", &["--json"]),
    ("points.csv", &["--format", "csv"]),
];

/// The endings of what terminals show.
const TERMINALS: [&str; 4] = ["80.txt", "120.txt", "200.txt", "ascii.txt"];

/// Where the output may vary from run to run.
const WALL: &str = "\"wall_seconds\":";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The names of the samples, without their ending.
fn samples() -> Vec<String> {
    let entries = fs::read_dir(root().join("samples")).expect("samples is readable");
    let paths = entries.map(|entry| entry.expect("samples is readable").path());
    let captures = paths.filter(|path| path.extension().is_some_and(|end| end == "pcap"));
    let mut names: Vec<_> = captures.filter_map(|path| path.file_stem()?.to_str().map(str::to_owned)).collect();
    names.sort();
    names
}

/// What is printed of a capture, which is named as on the command line, relative to the root of the package.
fn printed(capture: &str, options: &[&str]) -> String {
    said(&[options, &["-r", capture]].concat())
}

/// What is printed where these words are typed in the root of the package.
fn said(words: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rstscan"));
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(variable);
    }
    // Else it would depend on the machine.
    let held = ["--max-connections", "1000000"];
    command.env("LC_ALL", "C.UTF-8");
    let output = command.current_dir(root()).args(held).args(words).output();
    let output = output.expect("the program runs");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    masked(&String::from_utf8(output.stdout).expect("UTF-8"))
}

/// The text with the wall clock's seconds taken out.
fn masked(text: &str) -> String {
    let Some((before, after)) = text.split_once(WALL) else { return text.to_owned() };
    let end = after.find([',', '}']).expect("the number ends");
    format!("{before}{WALL}0{}", &after[end..])
}

/// A unified diff, if there is a difference.
fn difference(path: &Path, actual: &str) -> Option<String> {
    let expected = fs::read_to_string(path).unwrap_or_default();
    let name = path.strip_prefix(root()).unwrap_or(path).display().to_string();
    let diff = TextDiff::from_lines(expected.as_str(), actual);
    (expected != actual).then(|| diff.unified_diff().header(&name, "printed now").to_string())
}

/// Compares what was printed with what is kept of it, or keeps it.
fn compare(name: &str, actual: &str) -> Option<String> {
    let path = golden().join(name);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, actual).expect("tests/golden is writable");
    }
    difference(&path, actual)
}

#[track_caller]
fn accept(differences: &[String]) {
    assert!(differences.is_empty(), "UPDATE_EXPECT=1 accepts this:\n{}", differences.join("\n"));
}

#[test]
fn samples_print_as_before() {
    let mut differences = Vec::new();
    for sample in samples() {
        for (ending, options) in OUTPUTS {
            let actual = printed(&format!("samples/{sample}.pcap"), options);
            differences.extend(compare(&format!("{sample}.{ending}"), &actual));
        }
    }
    accept(&differences);
}

#[test]
fn points_print_as_before() {
    let mut differences = Vec::new();
    for name in POINTS {
        let [client, server] = ["client", "server"].map(|side| format!("samples/points/{name}/{side}.pcap"));
        for (ending, options) in POINTS_OUTPUTS {
            let sides = ["--client-side", &client, "--server-side", &server];
            let actual = said(&[options, &sides].concat());
            differences.extend(compare(&format!("{name}.{ending}"), &actual));
        }
    }
    accept(&differences);
}

/// Writes a packet script as a capture; its path from the root of the package.
fn scripted(name: &str, path: &str, is_ipv6: bool) -> String {
    let text = fs::read_to_string(root().join(path)).expect("scripts are readable");
    let script = script::parse(&text).unwrap_or_else(|error| panic!("{path}:{error}"));
    let capture = script::segments(&script).unwrap_or_else(|error| panic!("{path}:{error}"));
    let encapsulation = if is_ipv6 { script::Encapsulation::Ipv6 } else { script::Encapsulation::Ethernet };
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("golden-{name}.pcap"));
    fs::write(&file, script::pcap(&capture, encapsulation)).expect("target is writable");
    file.to_str().expect("UTF-8").to_owned()
}

#[test]
fn many_resets_print_as_before() {
    let mut differences = Vec::new();
    for (name, path, is_ipv6) in MANY {
        let capture = scripted(&format!("{name}-piped"), path, is_ipv6);
        for (ending, options) in MANY_OUTPUTS {
            let actual = printed(&capture, options).replace(&capture, "CAPTURE");
            differences.extend(compare(&format!("{name}.{ending}"), &actual));
        }
    }
    accept(&differences);
}

#[cfg(target_os = "linux")]
#[test]
fn terminals_print_as_before() {
    let mut differences = Vec::new();
    for (name, path, is_ipv6) in MANY {
        let capture = scripted(&format!("{name}-shown"), path, is_ipv6);
        for (ending, columns, locale) in terminal::SHOWN {
            let actual = terminal::shown(&capture, columns, locale);
            let long = actual.lines().find(|line| line.chars().count() > usize::from(columns));
            assert_eq!(long, None, "{name} at {columns} columns");
            differences.extend(compare(&format!("{name}.{ending}"), &actual));
        }
    }
    accept(&differences);
}

fn golden() -> PathBuf {
    root().join("tests/golden")
}

#[test]
fn no_output_is_kept_of_a_sample_that_is_gone() {
    let samples = samples();
    let is_of_a_sample = |name: &OsStr| {
        let name = name.to_string_lossy().into_owned();
        let parts = name.split_once('.');
        parts.is_some_and(|(sample, ending)| {
            let is_sample = samples.iter().any(|known| known == sample);
            let is_points = POINTS.contains(&sample) && POINTS_OUTPUTS.iter().any(|(known, _)| *known == ending);
            let is_many = MANY.iter().any(|(known, ..)| *known == sample);
            let mut many = MANY_OUTPUTS.iter().map(|(known, _)| *known).chain(TERMINALS);
            is_sample && OUTPUTS.iter().any(|(known, _)| *known == ending)
                || is_many && many.any(|known| known == ending)
                || is_points
        }) || name == "terminal.rs"
    };
    let entries = fs::read_dir(golden()).expect("tests/golden is readable");
    let names = entries.map(|entry| entry.expect("tests/golden is readable").file_name());
    let strays: Vec<_> = names.filter(|name| !is_of_a_sample(name)).collect();
    assert!(strays.is_empty(), "{strays:?}");
}

#[test]
fn only_the_wall_clock_is_masked() {
    assert_eq!(masked("{\"a\":1,\"wall_seconds\":0.0123}\n"), "{\"a\":1,\"wall_seconds\":0}\n");
    assert_eq!(masked("{\"wall_seconds\":1e-5,\"b\":2}"), "{\"wall_seconds\":0,\"b\":2}");
    assert_eq!(masked("text\n"), "text\n");
}
