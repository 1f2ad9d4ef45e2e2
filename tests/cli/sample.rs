//! `--sample`: few lines, exact counts.

use super::{Files, frame, run};

/// A capture with so many RSTs to one port, a second apart.
fn storm(count: u32) -> Vec<u8> {
    let header = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65535, 1].map(u32::to_le_bytes).concat();
    let reset = |second: u32| {
        let mut bytes = frame(second, 40_000 + second as u16, 443);
        bytes[16 + 14 + 20 + 13] = 0x04;
        bytes
    };
    header.into_iter().chain((0..count).flat_map(reset)).collect()
}

#[test]
fn few_lines_are_written_and_all_are_counted() {
    let files = Files::new();
    let input = files.add("storm.pcap", &storm(120));
    let ended = run(&["--json", "--sample", "5", "-r", &input]);
    ended.done().said("rstscan: --sample left 109 resets out of the output\n");
    let lines: Vec<serde_json::Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().filter(|line| line["type"] == "reset").count(), 1 + 5 + 5);
    let summary = lines.last().unwrap();
    assert_eq!((&summary["resets"], &summary["sampled_out"]), (&120.into(), &109.into()));
    assert_eq!(run(&["--format", "csv", "--sample", "0", "-r", &input]).stdout.lines().count(), 2);
    let whole = run(&["--json", "-r", &input]);
    assert!(!whole.stdout.contains("sampled_out"));
}

#[test]
fn a_sample_is_for_lines() {
    let ended = run(&["--sample", "5", "-r", "x.pcap"]);
    assert_eq!(ended.status, Some(2));
    ended.said("--sample is for --json and --format csv");
}
