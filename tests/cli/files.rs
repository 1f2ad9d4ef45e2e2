//! Reading files and standard input, and what is wrong with them.

use std::fs::File;
use std::io::Write;
use std::process::Stdio;

use super::{Ended, Files, RECORD, capture, frame, rstscan, run};

#[test]
fn a_file() {
    let files = Files::new();
    let good = files.add("good.pcap", &capture());
    let ended = run(&["-r", &good]);
    ended.done().saw_frames(3).said_only(&format!("reading from file {good}, link-type EN10MB (Ethernet)"));
}

#[test]
fn several_files_are_one_run() {
    let files = Files::new();
    let first = files.add("first.pcap", &capture());
    let second = files.add("second.pcap", &capture());
    let ended = run(&["-r", &first, "-r", &second]);
    ended.done().saw_frames(6).said(&format!("file {first},")).said(&format!("file {second},"));
}

#[test]
fn count_ends_early_and_across_files() {
    let files = Files::new();
    let good = files.add("good.pcap", &capture());
    run(&["-c", "2", "-r", &good]).done().saw_frames(2);
    run(&["-c", "5", "-r", &good, "-r", &good]).done().saw_frames(5);
    let unread = run(&["-c", "3", "-r", &good, "-r", "/nonexistent"]);
    unread.done().saw_frames(3);
}

#[test]
fn standard_input_as_pipe_and_as_file() {
    let files = Files::new();
    let good = files.add("good.pcap", &capture());
    let from_file = rstscan().args(["-r", "-"]).stdin(File::open(good).unwrap()).output().unwrap();
    let mut child = rstscan()
        .args(["-r", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for byte in capture().chunks(7) {
        stdin.write_all(byte).unwrap();
    }
    drop(stdin);
    for output in [from_file, child.wait_with_output().unwrap()] {
        let ended = Ended::from(output);
        ended.done().saw_frames(3).said_only("reading from file -, link-type EN10MB (Ethernet)");
    }
}

#[cfg(feature = "compress")]
#[test]
fn compressed_files_and_standard_input_are_recognised_by_content() {
    let files = Files::new();
    let packed = files.add("misnamed.pcap", &gzipped(&capture()));
    run(&["-r", &packed])
        .done()
        .saw_frames(3)
        .said_only(&format!("reading from file {packed}, link-type EN10MB (Ethernet)"));
    let input = File::open(packed).unwrap();
    Ended::from(rstscan().args(["-r", "-"]).stdin(input).output().unwrap()).done().saw_frames(3);
}

#[cfg(feature = "compress")]
#[test]
fn compressed_data_that_are_cut_give_what_is_there_and_status_1() {
    let files = Files::new();
    let mut packed = gzipped(&capture());
    packed.truncate(packed.len() - 4);
    let cut = files.add("cut.pcap.gz", &packed);
    let message = format!("rstscan: {cut}: truncated: the gzip data end at byte {} and are not complete", packed.len());
    run(&["-r", &cut]).failed().saw_frames(3).said(&message);
}

#[cfg(feature = "compress")]
#[test]
fn compressed_data_with_a_flipped_byte_give_what_is_there_and_status_1() {
    let files = Files::new();
    let mut packed = gzipped(&capture());
    let crc = packed.len() - 8;
    packed[crc] ^= 1;
    let flipped = files.add("flipped.pcap.gz", &packed);
    let message = format!("rstscan: {flipped}: damaged gzip data, found by byte {}: incorrect data check", crc + 4);
    run(&["-r", &flipped]).failed().saw_frames(3).said(&message);
}

#[cfg(feature = "compress")]
fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_truncated_file_gives_what_is_there_and_status_1() {
    let files = Files::new();
    let bytes = capture();
    let cut = files.add("cut.pcap", &bytes[..bytes.len() - 1]);
    let place = 24 + 2 * RECORD;
    let message = format!("rstscan: {cut}: truncated in the record at byte {place}: 70 bytes needed, 69 present");
    run(&["-q", "-r", &cut]).failed().saw_frames(2).said(&message.replace("present", "there"));
}

#[test]
fn a_bad_file_does_not_keep_the_others_from_being_read() {
    let files = Files::new();
    let bytes = capture();
    let good = files.add("good.pcap", &bytes);
    let cut = files.add("cut.pcap", &bytes[..24 + 2 * RECORD + 5]);
    let other = files.add("other.txt", b"no capture at all, but text");
    let words = ["-r", "/nonexistent", "-r", &other, "-r", &cut, "-r", &good];
    let ended = run(&words);
    ended.failed().saw_frames(5).said("/nonexistent: No such file").said("other.txt: not a capture").said("truncated");
}

#[test]
fn what_cannot_be_read_gets_one_line_and_nothing_else() {
    let files = Files::new();
    let check = |path: &str, text: &str| {
        let ended = run(&["-r", path]);
        ended.failed().said_only(&format!("rstscan: {path}: {text}"));
        assert_eq!(ended.stdout, "");
    };
    check("/nonexistent", "No such file or directory");
    check(files.0.path().to_str().unwrap(), "Is a directory");
    check(&files.add("empty", b""), "the file is empty");
    check(
        &files.add("snoop", b"snoop\0\0\0\0\0\0\x02\0\0\0\x04"),
        "a snoop capture: `editcap FILE out.pcapng` converts it",
    );
    check(&files.add("text", b"plain text, longer than a header"), "not a capture: neither pcap nor pcapng");
}

#[test]
fn an_absurd_length_is_named_with_its_place_and_what_is_behind_is_read() {
    let files = Files::new();
    let mut bytes = capture();
    bytes[24 + RECORD + 11] = 0x7f;
    let odd = files.add("odd.pcap", &bytes);
    run(&["-c", "1", "-r", &odd]).done();
    let ended = run(&["-r", &odd]);
    ended.failed().saw_frames(2).said(&format!("rstscan: {odd}: damaged at byte {}: a record of", 24 + RECORD));
}

#[test]
fn checksums_behind_frames_are_no_data() {
    let files = Files::new();
    let mut reset = frame(4, 12345, 55100);
    reset[16 + 47] = 0x04;
    for length in [8, 12] {
        reset[length] += 4;
    }
    let mut bytes = [capture(), reset, vec![0xde, 0xad, 0xbe, 0xef]].concat();
    // The file says that frames end with a checksum of two 16-bit words.
    bytes[23] = 0x24;
    let ended = run(&["--json", "-r", &files.add("fcs.pcap", &bytes)]);
    let line: serde_json::Value = serde_json::from_str(ended.done().stdout.lines().next().unwrap()).unwrap();
    assert_eq!((&line["frame"], &line["len"], line.get("payload")), (&4.into(), &0.into(), None));
}

#[test]
fn a_reader_who_has_seen_enough_is_no_error() {
    let files = Files::new();
    let good = files.add("good.pcap", &capture());
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ended = Ended::from(rstscan().args(["-qq", "-r", &good]).stdout(writer).output().unwrap());
    ended.done();
    assert_eq!(ended.stderr, "");
}

#[test]
fn a_closed_standard_error_is_survived() {
    let files = Files::new();
    let good = files.add("good.pcap", &capture());
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let words = ["-r", &good, "-r", "/nonexistent"];
    Ended::from(rstscan().args(words).stderr(writer).output().unwrap()).failed().saw_frames(3);
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_cannot_be_written_is_an_error() {
    let files = Files::new();
    let good = files.add("good.pcap", &capture());
    let full = File::options().write(true).open("/dev/full").unwrap();
    let ended = Ended::from(rstscan().args(["-q", "-r", &good]).stdout(full).output().unwrap());
    ended.failed().said("rstscan: cannot write the output: No space left on device");
}
