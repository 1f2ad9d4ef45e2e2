//! What the program prints of each capture in `samples/`, to the letter.
//!
//! `UPDATE_EXPECT=1 cargo test --test golden` rewrites the files in `tests/golden`; read the diff before you commit it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use similar::TextDiff;

/// The files of a sample, by their ending, and the options that print them. Pipes get whole lines without colour.
const OUTPUTS: [(&str, &[&str]); 10] = [
    ("txt", &["--utc"]),
    ("verbose.txt", &["--utc", "-v"]),
    ("composed.txt", &["--utc", "-vv"]),
    ("json", &["--json"]),
    ("ecs.json", &["--json-style", "ecs"]),
    ("otel.json", &["--json-style", "otel"]),
    ("zeek.json", &["--json-style", "zeek"]),
    ("csv", &["--format", "csv"]),
    ("md", &["--format", "markdown"]),
    ("count", &["--count"]),
];

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

/// What is printed of a sample, which is named as on the command line, relative to the root of the package.
fn printed(sample: &str, options: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rstscan"));
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(variable);
    }
    let output = command.current_dir(root()).args(options).args(["-r", &format!("samples/{sample}.pcap")]).output();
    let output = output.expect("the program runs");
    assert!(output.status.success(), "{sample} {options:?}: {}", String::from_utf8_lossy(&output.stderr));
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

#[test]
fn samples_print_as_before() {
    let rewrite = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut differences = Vec::new();
    for sample in samples() {
        for (ending, options) in OUTPUTS {
            let (path, actual) = (golden().join(format!("{sample}.{ending}")), printed(&sample, options));
            if rewrite {
                fs::write(&path, &actual).expect("tests/golden is writable");
            }
            differences.extend(difference(&path, &actual));
        }
    }
    assert!(differences.is_empty(), "UPDATE_EXPECT=1 accepts this:\n{}", differences.join("\n"));
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
            samples.iter().any(|known| known == sample) && OUTPUTS.iter().any(|(known, _)| *known == ending)
        })
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
