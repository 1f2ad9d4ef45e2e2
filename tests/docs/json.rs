//! `docs/schema.json` describes every line that the program prints as JSON, and nothing is printed that it does not name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde_json::Value;

use super::schema::offences;
use super::{captures, collect, report};

fn json_of(path: &Path) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rstscan"));
    let output = command.args(["-qq", "--json", "-r"]).arg(path).stdin(Stdio::null()).output().expect("it runs");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn golden_files_are_as_the_schema_says() {
    let mut paths = Vec::new();
    collect(&super::root().join("tests/golden"), "json", &mut paths);
    let native = paths.iter().filter(|path| !path.file_stem().is_some_and(|stem| stem.to_string_lossy().contains('.')));
    let offences: Vec<String> = native
        .flat_map(|path| offences(&path.display().to_string(), &fs::read_to_string(path).expect("readable")))
        .collect();
    report(&offences);
    assert!(paths.len() >= 5);
}

/// Packet scripts show more kinds of lines than the samples do.
#[test]
fn lines_of_every_capture_are_as_the_schema_says() {
    std::sync::LazyLock::force(&super::EXAMPLES);
    let mut paths = Vec::new();
    collect(&captures(), "pcap", &mut paths);
    let mut errors = Vec::new();
    let mut types = std::collections::BTreeSet::new();
    for path in paths {
        let output = json_of(&path);
        errors.extend(offences(&path.display().to_string(), &output));
        let parsed = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        types.extend(parsed.map(|line| line["type"].as_str().unwrap_or_default().to_owned()));
    }
    report(&errors);
    assert_eq!(types.into_iter().collect::<Vec<_>>(), ["pattern", "reset", "summary"]);
}

#[test]
fn comparisons_are_as_the_schema_says() {
    let golden = super::root().join("tests/golden");
    let mut command = Command::new(env!("CARGO_BIN_EXE_rstscan"));
    command.args(["--json", "--diff"]).arg(golden.join("half-open.json")).arg(golden.join("mixed.json"));
    let output = String::from_utf8(command.output().expect("it runs").stdout).expect("UTF-8");
    report(&offences("--diff", &output));
    assert!(output.lines().count() > 2, "{output}");
}

/// A check that takes everything would be none.
#[test]
fn lines_that_are_wrong_are_found() {
    let golden = fs::read_to_string(super::root().join("tests/golden/half-open.json")).expect("readable");
    let first = golden.lines().next().expect("it has lines");
    let changes = [
        ("\"frame\":", "\"number\":", "additional properties"),
        ("\"certainty\":\"likely\"", "\"certainty\":\"sure\"", "is not one of"),
        ("\"on_peer\":", "\"at_peer\":", "/effect"),
        ("\"service\":\"", "\"service\":\"nobody", "service"),
        ("\"type\":\"reset\"", "\"type\":\"other\"", "no type"),
    ];
    for (from, to, complaint) in changes {
        let line = match to {
            "\"service\":\"nobody" => first.replacen(":12345\",\"community", ":x\",\"community", 1),
            _ => first.replacen(from, to, 1),
        };
        assert_ne!(line, first, "{from}");
        let found = offences("line", &line).join("\n").to_lowercase();
        assert!(found.contains(complaint), "{to}: {found}");
    }
}

/// A list in `tests/schema`: names, each with its type.
fn listed(name: &str) -> BTreeMap<String, String> {
    let list = fs::read_to_string(super::root().join("tests/schema").join(name)).expect("readable");
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    let pair = |line: &str| line.split_once(' ').map(|(name, kind)| (name.to_owned(), kind.to_owned()));
    lines.map(|line| pair(line).expect("a name and its type")).collect()
}

/// The objects of a document that have a `key`, with the type that their value has in the protocol.
fn attributes(value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(keys) => {
            if let (Some(Value::String(key)), Some(Value::Object(typed))) = (keys.get("key"), keys.get("value")) {
                found.extend(typed.keys().map(|kind| (key.clone(), kind.trim_end_matches("Value").to_owned())));
                return;
            }
            keys.values().for_each(|value| attributes(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| attributes(value, found)),
        _ => {}
    }
}

/// What a style says of captures that have all its names, with their paths.
fn said(style: &str) -> Vec<(PathBuf, Value)> {
    LazyLock::force(&super::EXAMPLES);
    let captures = [
        super::root().join("samples/mixed.pcap"),
        super::root().join("tests/captures/qinq.pcap"),
        captures().join("ssh-turned-away.pcap"),
    ];
    let mut said = Vec::new();
    for path in captures {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rstscan"));
        let output = command.args(["-qq", "--json-style", style, "-r"]).arg(&path).output().expect("it runs");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        said.extend(text.lines().map(|line| (path.clone(), serde_json::from_str(line).expect("JSON"))));
    }
    said
}

/// Holds names and values against a list, of which each name is used, so that it is no longer than it needs to be.
fn hold_against(
    list: &str,
    style: &str,
    names: impl Fn(&Value) -> Vec<(String, Value)>,
    fits: fn(&str, &Value) -> bool,
) {
    let types = listed(list);
    let (mut used, mut wrong) = (BTreeSet::new(), Vec::new());
    for (path, line) in said(style) {
        for (name, value) in names(&line) {
            let is_right = types.get(&name).is_some_and(|kind| fits(kind, &value));
            wrong.extend((!is_right).then(|| format!("{}: {name} is {value}", path.display())));
            used.insert(name);
        }
    }
    wrong.extend(types.into_keys().filter(|name| !used.contains(name)).map(|name| format!("{list}: {name} unused")));
    report(&wrong);
}

#[test]
fn attributes_of_opentelemetry_are_those_of_its_conventions() {
    let names = |line: &Value| {
        let mut found = Vec::new();
        attributes(line, &mut found);
        found.retain(|(name, _)| !name.starts_with("rstscan."));
        found.into_iter().map(|(name, kind)| (name, Value::String(kind))).collect()
    };
    hold_against("otel-attributes.txt", "otel", names, |kind, value| value == kind);
}

/// The fields of a document with their values, those of lists one by one; what is this program's own stands apart.
fn fields(name: &str, value: &Value, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(_) if name == "rstscan" => {}
        Value::Object(keys) => {
            let dot = if name.is_empty() { "" } else { "." };
            keys.iter().for_each(|(key, value)| fields(&format!("{name}{dot}{key}"), value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| fields(name, value, found)),
        value => found.push((name.to_owned(), value.clone())),
    }
}

#[test]
fn fields_of_elastic_are_those_of_its_schema() {
    let names = |line: &Value| {
        let mut found = Vec::new();
        fields("", line, &mut found);
        found
    };
    hold_against("ecs-fields.txt", "ecs", names, |kind, value| match kind {
        "long" => value.is_u64(),
        "ip" => is_address(value),
        _ => value.is_string(),
    });
}

#[test]
fn columns_of_zeek_are_those_of_its_logs() {
    let names = |line: &Value| {
        let columns = line.as_object().expect("an object").iter().filter(|(name, _)| !name.starts_with("rstscan."));
        columns.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    hold_against("zeek-columns.txt", "zeek", names, |kind, value| match kind {
        "time" => value.is_f64(),
        "port" => value.as_u64().is_some_and(|port| port <= 65_535),
        "addr" => is_address(value),
        "bool" => value.is_boolean(),
        _ => value.is_string(),
    });
}

fn is_address(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.parse::<IpAddr>().is_ok())
}
