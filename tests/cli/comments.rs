//! Packet comments of pcapng files.

use super::{Files, capture, frame, rstscan, run};

/// A pcapng file of the frames of a pcap file, each with the comment of its number.
fn commented(pcap: &[u8]) -> Vec<u8> {
    let block = |kind: u32, body: &[u8]| {
        let length = (body.len() as u32 + 12).to_le_bytes();
        [&kind.to_le_bytes()[..], &length, body, &length].concat()
    };
    let section = [&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat();
    let mut bytes = [block(0x0a0d_0d0a, &section), block(1, &[1, 0, 0, 0, 0, 0, 0, 0])].concat();
    for (record, number) in pcap[24..].chunks(super::RECORD).zip(1..) {
        let seconds = u32::from_le_bytes(*record.first_chunk().unwrap());
        let micros = u64::from(seconds) * 1_000_000;
        let head = [0, (micros >> 32) as u32, micros as u32, 54, 54].map(u32::to_le_bytes).concat();
        let text = format!("comment of #{number:04}");
        let option = [&1_u16.to_le_bytes()[..], &(text.len() as u16).to_le_bytes(), text.as_bytes()].concat();
        assert_eq!(option.len() % 4, 0);
        bytes.extend(block(6, &[&head[..], &record[16..], &[0, 0], &option].concat()));
    }
    bytes
}

#[test]
fn a_reset_and_what_decided_show_their_comments() {
    let files = Files::new();
    let mut reset = frame(4, 12345, 55100);
    reset[16 + 47] = 0x04;
    let file = files.add("commented.pcapng", &commented(&[capture(), reset].concat()));
    let ended = run(&["-r", &file]);
    ended.done().saw_frames(4);
    let comments: Vec<&str> = ended.stdout.lines().filter(|line| line.contains("comment: ")).collect();
    assert_eq!(comments.last(), Some(&"     comment: comment of #0004"), "{ended:#?}");
    assert!(!run(&["-q", "-r", &file]).stdout.contains("comment"));
    let json = run(&["--json", "-r", &file, "-r", &file]).stdout;
    let line: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(line["comment"], "comment of #0004");
    let plain = files.add("plain.pcap", &capture());
    assert!(
        !String::from_utf8(rstscan().args(["--json", "-r", &plain]).output().unwrap().stdout)
            .unwrap()
            .contains("comment")
    );
}
