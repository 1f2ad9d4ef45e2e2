//! Captures written to one file after the other, as tcpdump names them.

use std::fs;

use super::write::rows;
use super::{Files, frame, run};

/// A pcap file of so many frames, one a second.
fn frames(files: &Files, count: u32) -> String {
    let header = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65535, 1].map(u32::to_le_bytes).concat();
    let frames: Vec<u8> = (0..count).flat_map(|second| frame(second, 55100, 12345)).collect();
    files.add("input.pcap", &[header, frames].concat())
}

/// The files that come of it with their frames' seconds, in the order of their names.
#[track_caller]
fn check(count: u32, options: &[&str], expected: &[(&str, &[u32])]) {
    let files = Files::new();
    let input = frames(&files, count);
    let folder = files.0.path().join("out");
    fs::create_dir(&folder).unwrap();
    let name = if options.contains(&"-G") { "c-%H%M%S" } else { "c" };
    let into = folder.join(name);
    let ended = run(&[&["--utc", "--all-packets", "-r", &input, "-w", into.to_str().unwrap()], options].concat());
    ended.done();
    let mut names: Vec<String> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let seconds = |name: &String| -> Vec<u32> { rows(folder.join(name)).iter().map(|row| row.second()).collect() };
    let found: Vec<(String, Vec<u32>)> = names.iter().map(|name| (name.clone(), seconds(name))).collect();
    let expected: Vec<(String, Vec<u32>)> =
        expected.iter().map(|(name, seconds)| ((*name).to_owned(), seconds.to_vec())).collect();
    assert_eq!(found, expected, "{ended:#?}");
}

/// A header takes 72 bytes, a frame 88: a kibibyte is passed by the eleventh, and the twelfth goes to the next file.
#[test]
fn by_size() {
    check(11, &["-C", "1k"], &[("c", &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])]);
    let first: Vec<u32> = (0..11).collect();
    let second: Vec<u32> = (11..22).collect();
    check(24, &["-C", "1k"], &[("c", &first), ("c1", &second), ("c2", &[22, 23])]);
    check(24, &["-C", "1k", "-W", "2"], &[("c0", &[22, 23]), ("c1", &second)]);
    check(24, &["-C", "1k", "-W", "20"], &[("c00", &first), ("c01", &second), ("c02", &[22, 23])]);
}

#[test]
fn by_time() {
    check(5, &["-G", "2"], &[("c-000000", &[0, 1]), ("c-000002", &[2, 3]), ("c-000004", &[4])]);
    check(5, &["-G", "2", "-W", "2"], &[("c-000000", &[0, 1]), ("c-000002", &[2, 3])]);
}

/// Each file but the last is given to a command, whose words go to standard error.
#[test]
fn finished_files_go_to_a_command() {
    let files = Files::new();
    let input = frames(&files, 24);
    let into = files.0.path().join("c");
    let words = ["--all-packets", "-r", &input, "-w", into.to_str().unwrap(), "-C", "1k"];
    let ended = run(&[&words[..], &["-z", "gzip"]].concat());
    ended.done();
    let zipped = |name: &str| files.0.path().join(name);
    // Nobody waits for it.
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !(zipped("c.gz").exists() && zipped("c1.gz").exists() && !zipped("c1").exists()) {
        assert!(std::time::Instant::now() < patience, "{ended:#?}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!((rows(zipped("c.gz")).len(), rows(zipped("c1.gz")).len(), rows(zipped("c2")).len()), (11, 11, 2));
    assert!(!zipped("c2.gz").exists());
    let ended = run(&[&words[..], &["-z", "no such; command"]].concat());
    ended.done().said("rstscan: -z no such; command: No such file or directory");
    let alone = run(&["-r", &input, "-w", into.to_str().unwrap(), "-z", "gzip"]);
    assert_eq!(alone.status, Some(2), "{alone:#?}");
}

#[test]
fn by_time_and_size() {
    let seconds = |from: u32, to: u32| (from..to).collect::<Vec<u32>>();
    let expected: [(&str, &[u32]); 4] = [
        ("c-000000", &seconds(0, 11)),
        ("c-0000001", &seconds(11, 15)),
        ("c-000015", &seconds(15, 26)),
        ("c-0000151", &seconds(26, 30)),
    ];
    check(30, &["-G", "15", "-C", "1k"], &expected);
}
