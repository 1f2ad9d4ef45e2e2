//! What is handed out to run the program elsewhere: its files parse, ask for no more rights than they say, and call the
//! program with options that it has.

#[path = "contrib/scale.rs"]
mod scale;

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output};

use saphyr::{LoadableYamlNode, YamlOwned};

fn path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "contrib", name].iter().collect()
}

fn text(name: &str) -> String {
    fs::read_to_string(path(name)).expect("files of contrib are readable")
}

/// Runs a tool; `None`, and why, where it is not installed.
fn tool(name: &str, words: &[&str]) -> Option<Output> {
    match Command::new(name).args(words).output() {
        Ok(output) => Some(output),
        Err(error) => {
            // Written past the test harness, which would keep it to itself.
            let _ = writeln!(std::io::stderr(), "{name} skipped: {error}");
            None
        }
    }
}

/// The program takes these options: it gets as far as to an interface that is not there.
#[cfg(feature = "live")]
#[track_caller]
fn are_options(words: &[String]) {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("resets.json").display().to_string();
    let words = words.iter().map(|word| match word.as_str() {
        "any" => "nosuch0".to_owned(),
        "/var/log/rstscan/resets.json" => output.clone(),
        word => word.replace("$(NODE_IP)", "127.0.0.1").replace("9101", "0"),
    });
    let ended = Command::new(env!("CARGO_BIN_EXE_rstscan")).args(words).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.code() == Some(1) && said.contains("nosuch0: no such interface"), "{said}");
}

#[cfg(not(feature = "live"))]
fn are_options(_: &[String]) {}

/// What stands in a document under this path.
fn at<'a>(document: &'a YamlOwned, path: &[&str]) -> &'a YamlOwned {
    path.iter().fold(document, |node, key| match key.parse::<usize>() {
        Ok(index) => &node[index],
        Err(_) => &node[*key],
    })
}

fn words(node: &YamlOwned) -> Vec<String> {
    node.as_sequence().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_daemon_set_asks_for_what_it_needs_and_no_more() {
    let documents = YamlOwned::load_from_str(&text("kubernetes/daemonset.yaml")).unwrap();
    let kinds: Vec<_> = documents.iter().map(|document| document["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["Namespace", "DaemonSet"]);
    let set = &documents[1];
    let labels = at(set, &["spec", "template", "metadata", "labels"]);
    assert_eq!(at(set, &["spec", "selector", "matchLabels"]), labels);
    let pod = at(set, &["spec", "template", "spec"]);
    assert_eq!(pod["hostNetwork"].as_bool(), Some(true));
    for other in ["hostPID", "hostIPC"] {
        assert!(!pod.contains_mapping_key(other), "{other}");
    }
    let container = at(pod, &["containers", "0"]);
    let rights = &container["securityContext"];
    assert_eq!(words(at(rights, &["capabilities", "drop"])), ["ALL"]);
    assert_eq!(words(at(rights, &["capabilities", "add"])), ["NET_RAW", "SETUID", "SETGID"]);
    assert_eq!(rights["readOnlyRootFilesystem"].as_bool(), Some(true));
    assert_eq!(rights["allowPrivilegeEscalation"].as_bool(), Some(false));
    assert!(!rights.contains_mapping_key("privileged"));
    assert!(at(container, &["resources", "limits", "memory"]).as_str().is_some());
    assert_eq!(words(&container["command"]), ["rstscan"]);
    are_options(&words(&container["args"]));
}

/// The values of a key of the unit.
fn values<'a>(unit: &'a str, key: &str) -> Vec<&'a str> {
    unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect()
}

#[test]
fn the_service_calls_the_program_with_options_that_it_has() {
    let unit = text("systemd/rstscan.service");
    let options = values(&unit, "Environment")[0].trim_matches('"').strip_prefix("RSTSCAN_OPTIONS=").unwrap();
    let command = values(&unit, "ExecStart")[0].replace("$RSTSCAN_OPTIONS", options);
    let words: Vec<String> = command.split_whitespace().skip(1).map(str::to_owned).collect();
    are_options(&words);
    assert_eq!(values(&unit, "CapabilityBoundingSet"), ["CAP_NET_RAW"]);
    assert_eq!(values(&unit, "AmbientCapabilities"), ["CAP_NET_RAW"]);
    // The program narrows itself down further: that may be refused, but must not end it.
    assert_eq!(values(&unit, "SystemCallErrorNumber"), ["EPERM"]);
    let calls = *values(&unit, "SystemCallFilter").last().unwrap();
    assert_eq!(calls, "landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp capset");
}

#[test]
fn systemd_takes_the_service_and_finds_it_well_protected() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("rstscan.service");
    // The manual and the program may not be installed here.
    let unit = text("systemd/rstscan.service").replace("/usr/local/bin/rstscan", env!("CARGO_BIN_EXE_rstscan"));
    let unit = unit.lines().filter(|line| !line.starts_with("Documentation=")).map(|line| format!("{line}\n"));
    fs::write(&copy, unit.collect::<String>()).unwrap();
    let copy = copy.to_str().unwrap();
    let Some(verified) = tool("systemd-analyze", &["verify", "--man=no", copy]) else { return };
    assert!(verified.status.success() && verified.stderr.is_empty(), "{verified:?}");
    // From 0, nothing to gain, to 100.
    let security = tool("systemd-analyze", &["security", "--offline=true", "--threshold=20", copy]).unwrap();
    assert!(security.status.success(), "{}", String::from_utf8_lossy(&security.stdout));
}

#[test]
fn logrotate_takes_its_rules() {
    let folder = tempfile::tempdir().unwrap();
    let (rules, state) = (folder.path().join("rules"), folder.path().join("state"));
    let log = folder.path().join("resets.json");
    fs::write(&log, "{}\n").unwrap();
    // In debug mode nothing is done.
    let there = text("logrotate/rstscan").replace("/var/log/rstscan", folder.path().to_str().unwrap());
    fs::write(&rules, there).unwrap();
    let words = ["--debug", "--state", state.to_str().unwrap(), rules.to_str().unwrap()];
    let Some(output) = tool("logrotate", &words) else { return };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("error:") && said.contains("resets.json"), "{said}");
}
