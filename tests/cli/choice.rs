//! Which resets are printed: `--only`, `--not`, `--group-by`, `--max-resets`.

use super::{Ended, Files, run};

/// Resets of 10.0.0.2, which refuses connections of 10.0.0.1 and others to one port, one in ten milliseconds.
fn refusals(count: u32) -> Vec<u8> {
    let mut bytes = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65535, 101].map(u32::to_le_bytes).concat();
    for n in 0..count {
        let client = [10, 1, (n >> 8) as u8, n as u8];
        let port = 10_000 + (n % 50_000) as u16;
        bytes.extend(segment(n * 10_000, (client, [10, 0, 0, 2]), (port, 80), (1_000, 0, 0x02)));
        bytes.extend(segment(n * 10_000 + 100, ([10, 0, 0, 2], client), (80, port), (0, 1_001, 0x14)));
    }
    bytes
}

type Ends = ([u8; 4], [u8; 4]);

/// A pcap record, so many microseconds from the start.
fn segment(micros: u32, (src, dst): Ends, ports: (u16, u16), (seq, ack, flags): (u32, u32, u8)) -> Vec<u8> {
    let mut bytes = [micros / 1_000_000, micros % 1_000_000, 40, 40].map(u32::to_le_bytes).concat();
    bytes.extend([0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0]);
    bytes.extend([src, dst].concat());
    bytes.extend([ports.0.to_be_bytes(), ports.1.to_be_bytes()].concat());
    bytes.extend([seq.to_be_bytes(), ack.to_be_bytes()].concat());
    bytes.extend([0x50, flags, 0xfa, 0xf0, 0, 0, 0, 0]);
    bytes
}

fn explained(count: u32, words: &[&str]) -> Ended {
    let files = Files::new();
    let capture = files.add("many.pcap", &refusals(count));
    run(&[&["--utc", "-r", &capture], words].concat())
}

#[test]
fn a_thousand_resets_of_one_kind_are_told_once() {
    let ended = explained(1_000, &[]);
    let text = &ended.done().stdout;
    assert_eq!(text.matches("CLOSED PORT  ").count(), 1, "{text}");
    assert_eq!(text.matches("   like #2 (").count(), 2, "{text}");
    assert!(text.lines().count() < 45, "{text}");
    for part in [
        "1000 resets in 1000 events",
        "    1000     997  closed-port/no-listener by the server at 10.0.0.2:80, 1000 clients; like #2\n",
        "                  00:00:00.000100 ▇▇█▇▇▇▇█▇▇▇▇█▇▇▇▇█▇▇▇▇█▇ 00:00:09.990100, 100.0 a second\n",
        "997 resets are folded: -v shows each",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn a_number_of_resets_may_be_enough() {
    let text = explained(50, &["--max-resets", "2", "--group-by", "none"]).stdout;
    assert_eq!(text.matches("CLOSED PORT  ").count(), 2, "{text}");
    assert!(text.contains("  --max-resets 2: further resets are only counted\n"), "{text}");
    assert!(text.ends_with("\n48 resets are not shown: --max-resets 2\n"), "{text}");
    let lines = explained(50, &["-qq", "--max-resets", "3"]).stdout;
    assert_eq!(lines.lines().count(), 3, "{lines}");
}

#[test]
fn what_is_not_chosen_is_counted_as_hidden() {
    let count = explained(30, &["--count", "--only", "10.1.0.3,10.1.0.4", "--only", "no-listener"]);
    assert_eq!(count.done().stdout, "closed-port/no-listener  2 resets  2 events\n2 resets in 2 events, 28 hidden\n");
    let text = explained(30, &["-q", "--not", "closed-port"]);
    let expected = "60 frames, 60 TCP segments, 30 connections, 0 resets in 0 events (30 more hidden by --only or --not), \
                    over 290.1 ms\n";
    assert_eq!(text.done().stdout, expected);
    let json = explained(30, &["--json", "--only", "10.1.0.3:10003"]).stdout;
    let lines: Vec<&str> = json.lines().collect();
    assert!(lines.len() == 2 && lines[0].contains("\"dst\":\"10.1.0.3\""), "{json}");
    assert!(lines[1].contains("\"resets\":1,\"events\":1,\"hidden\":29,"), "{json}");
}

#[test]
fn a_mistyped_choice_is_told_what_was_meant() {
    let wrong = |words: &[&str], text: &str| {
        let ended = explained(1, words);
        assert_eq!(ended.status, Some(2), "{ended:#?}");
        ended.said(text);
    };
    wrong(
        &["--only", "keepalive-rase"],
        "--only: no class, cause or certainty is 'keepalive-rase': perhaps 'keepalive-race'",
    );
    wrong(&["--not", "forged,likley"], "--not: no class, cause or certainty is 'likley': perhaps 'likely'");
    wrong(&["--only", "192.0.2.300"], "--only: '192.0.2.300' is no address: 192.0.2.7,");
    wrong(&["--json", "--max-resets", "3"], "are for the text output");
}
