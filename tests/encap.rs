//! The same connection with the same reset in every capture format, link layer and tunnel: `tests/captures` holds one
//! file of each, and all get the same verdict.
//!
//! `UPDATE_EXPECT=1 cargo test --test encap` writes the files again.

#[path = "encap/bytes.rs"]
mod bytes;
#[path = "encap/connection.rs"]
mod connection;
#[path = "encap/formats.rs"]
mod formats;
#[path = "encap/links.rs"]
mod links;
#[path = "encap/table.rs"]
mod table;
#[path = "encap/tunnels.rs"]
mod tunnels;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rstscan::analyzer::{Analyzer, Finding, Options};
use rstscan::classify::{Certainty, Class, Verdict};
use rstscan::source::{CaptureFile, Next, Source};
use table::{Entry, Packed, Tshark, entries};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures")
}

fn committed(entry: &Entry) -> Vec<u8> {
    fs::read(folder().join(&entry.file)).unwrap_or_else(|error| panic!("{}: {error}", entry.file))
}

/// The findings about a capture file, and how many frames it has.
fn analyzed(bytes: &[u8]) -> (Vec<Finding>, u64) {
    let mut file = CaptureFile::new(bytes, 0);
    let mut analyzer = Analyzer::new(Options::default());
    let mut frames = 0;
    loop {
        match file.next().expect("a sound file") {
            Next::Frame(frame) => {
                frames += 1;
                analyzer.push(&frame);
            }
            Next::End => break,
            _ => {}
        }
    }
    analyzer.finish();
    (analyzer.findings().collect(), frames)
}

/// Link type, time and bytes of every frame.
fn frames(bytes: &[u8]) -> Vec<(u16, i64, Vec<u8>)> {
    let mut file = CaptureFile::new(bytes, 0);
    let mut frames = Vec::new();
    loop {
        match file.next().expect("a sound file") {
            Next::Frame(frame) => frames.push((frame.link.0, frame.time.as_nanos(), frame.data.to_vec())),
            Next::End => return frames,
            _ => {}
        }
    }
}

#[test]
fn the_generator_makes_exactly_the_files() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    for entry in entries() {
        match entry.packed {
            Packed::Not if update => fs::write(folder().join(&entry.file), &entry.bytes).expect("writable"),
            Packed::Not => assert!(committed(&entry) == entry.bytes, "{} differs", entry.file),
            #[cfg(feature = "compress")]
            Packed::With(pack) => {
                if update {
                    fs::write(folder().join(&entry.file), pack(&entry.bytes)).expect("writable");
                }
                assert_eq!(frames(&committed(&entry)), frames(&entry.bytes), "{}", entry.file);
                assert_ne!(committed(&entry)[..4], entry.bytes[..4], "{}", entry.file);
            }
        }
    }
    let of_table: BTreeSet<String> = entries().into_iter().map(|entry| entry.file).collect();
    let files = fs::read_dir(folder()).expect("tests/captures is readable");
    let names = files.map(|file| file.expect("tests/captures is readable").file_name().into_string().expect("UTF-8"));
    let unknown: Vec<String> = names.filter(|name| cfg!(feature = "compress") && !of_table.contains(name)).collect();
    assert!(unknown.is_empty(), "no entry makes {unknown:?}");
}

/// What has to be the same everywhere: the frames that show the evidence among it.
fn told(verdict: &Verdict) -> (Class, String, Certainty, Option<u64>, BTreeSet<u64>) {
    let frames = verdict.evidence.iter().filter_map(|fact| Some(fact.frame?.number())).collect();
    let trigger = verdict.trigger.as_ref().map(|trigger| trigger.frame.number());
    (verdict.class, verdict.cause.to_string(), verdict.certainty, trigger, frames)
}

// scenario 95
#[test]
fn every_capture_gets_the_same_verdict() {
    let mut differences = Vec::new();
    for entry in entries() {
        let (findings, count) = analyzed(&committed(&entry));
        let [finding] = &findings[..] else {
            differences.push(format!("{}: {} findings", entry.file, findings.len()));
            continue;
        };
        let layers: Vec<&str> = finding.reset.layers.iter().map(|layer| layer.id()).collect();
        let expected =
            (Class::AbortiveClose, "data-after-close".to_owned(), Certainty::Likely, Some(5), BTreeSet::from([4, 5]));
        let seen = (told(&finding.verdict), layers.join(" "), finding.reset.frame.number(), count);
        let wanted = (expected, entry.layers.to_owned(), connection::FRAMES, connection::FRAMES);
        if seen != wanted {
            differences.push(format!("{}:\n  {seen:?}\n  {wanted:?}", entry.file));
        }
    }
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
}

/// The frames in which tshark sees a reset, or what it complains of.
fn resets_of_tshark(file: &Path, arguments: &[&str]) -> Result<Vec<u64>, String> {
    let output = Command::new("tshark")
        .arg("-r")
        .arg(file)
        .args(["-Y", "tcp.flags.reset==1", "-T", "fields", "-e", "frame.number"])
        .args(arguments)
        .output()
        .expect("tshark runs");
    let frames = String::from_utf8_lossy(&output.stdout);
    let numbers = frames.split_whitespace().map(|number| number.parse::<u64>().expect("frame numbers")).collect();
    if output.status.success() { Ok(numbers) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// Asks tshark about each format by itself, and about all link layers and tunnels with the same arguments in one file, as
/// it takes long to start.
#[test]
fn tshark_finds_the_reset_in_the_same_frame() {
    if Command::new("tshark").arg("--version").output().is_err() {
        eprintln!("skipped: tshark is not installed");
        return;
    }
    let mut joined: BTreeMap<&[&str], Vec<Entry>> = BTreeMap::new();
    for entry in entries() {
        match entry.tshark {
            Tshark::ByDefault if entry.is_of_a_format => {
                let found = resets_of_tshark(&folder().join(&entry.file), &[]);
                assert_eq!(found, Ok(vec![connection::FRAMES]), "{}", entry.file);
            }
            Tshark::ByDefault => joined.entry(&[]).or_default().push(entry),
            Tshark::With(arguments) => joined.entry(arguments).or_default().push(entry),
            Tshark::Cannot(why) => eprintln!("{}: not asked: {why}", entry.file),
        }
    }
    let mut differences = Vec::new();
    for (arguments, entries) in joined {
        let captures: Vec<_> = entries.iter().map(|entry| frames(&committed(entry))).collect();
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        fs::write(file.path(), formats::joined(&captures)).expect("a temporary file");
        let found = resets_of_tshark(file.path(), arguments).expect("tshark reads the file");
        for (entry, last) in entries.iter().zip((connection::FRAMES..).step_by(connection::FRAMES as usize)) {
            let of_entry: Vec<u64> = found
                .iter()
                .copied()
                .filter(|number| (last - connection::FRAMES + 1..=last).contains(number))
                .collect();
            if of_entry != [last] {
                differences.push(format!("{} {arguments:?}: {of_entry:?}, not {last}", entry.file));
            }
        }
    }
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
}
