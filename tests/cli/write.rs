//! Captures that are written: what is in them, and what happens where they cannot be written.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rstscan::frame::LinkType;
use rstscan::source::{CaptureFile, Description, Next, Originals, Source};

use super::{Ended, Files, Running, capture, frame, rstscan, run};

/// A frame with all that a file says of it, apart from its number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Row {
    ticks: u64,
    nanos: i64,
    link: LinkType,
    wire_len: u32,
    data: Vec<u8>,
    timeless: bool,
    interface: Interface,
    pub(super) comments: Vec<String>,
}

/// Snapshot length, and the options with their codes, numbers in big-endian order.
type Interface = (u32, Vec<(u16, Vec<u8>)>);

fn interface(description: &Description) -> Interface {
    let (mut rest, mut options) = (&description.options[..], Vec::new());
    let number =
        |bytes: [u8; 2]| if description.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) };
    while let [a, b, c, d, values @ ..] = rest {
        let (code, length) = (number([*a, *b]), usize::from(number([*c, *d])));
        let mut value = values[..length].to_vec();
        if !description.big_endian && matches!(code, 8 | 10 | 14 | 16 | 17) {
            value.reverse();
        }
        options.push((code, value));
        rest = &values[length.next_multiple_of(4)..];
    }
    (description.snap_len, options)
}

/// The frames of a file.
pub(super) fn rows(path: impl AsRef<Path>) -> Vec<Row> {
    let mut file = CaptureFile::new(File::open(path.as_ref()).unwrap(), 0);
    file.keep_originals();
    let (mut rows, mut interfaces, mut comments) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        let (described, framed) = match file.next().unwrap() {
            Next::Interface(_) => (true, false),
            Next::Frame(_) => (false, true),
            Next::Comment(_, text) => {
                comments = text.lines().map(str::to_owned).collect();
                (false, false)
            }
            Next::End => return rows,
            other => panic!("{}: {other:?}", path.as_ref().display()),
        };
        if described {
            interfaces.push(interface(&file.description().unwrap()));
        }
        if framed {
            let original = file.original().unwrap();
            rows.push(Row {
                ticks: original.ticks,
                nanos: original.frame.time.as_nanos(),
                link: original.frame.link,
                wire_len: original.frame.wire_len,
                data: original.frame.data.to_vec(),
                timeless: original.timeless,
                interface: interfaces[original.interface as usize].clone(),
                comments: std::mem::take(&mut comments),
            });
        }
    }
}

impl Row {
    pub(super) fn second(&self) -> u32 {
        u32::try_from(self.nanos / 1_000_000_000).unwrap()
    }

    /// Whether this is the other frame with comments of ours behind those that it has.
    fn is_with_comments(&self, other: &Row) -> bool {
        let (there, added) = self.comments.split_at(other.comments.len());
        let timeless = self.timeless == other.timeless || !added.is_empty();
        let rest = Row { comments: there.to_vec(), timeless: other.timeless, ..self.clone() };
        rest == *other && timeless && added.iter().all(|text| text.starts_with("rstscan: "))
    }
}

/// The captures in a folder of this package.
fn captures(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut captures: Vec<PathBuf> = paths.filter(|path| path.to_str().unwrap().contains(".pcap")).collect();
    captures.sort();
    captures
}

fn writing(input: &Path, options: &[&str], into: &Path) -> Ended {
    let (input, into) = (input.to_str().unwrap(), into.to_str().unwrap());
    let ended = run(&[&["-qq", "-r", input, "-w", into], options].concat());
    ended.done();
    ended
}

/// What tshark says of each frame; `None` where there is no tshark.
fn tshark(path: &Path) -> Option<String> {
    let fields = "frame.number frame.time_epoch frame.len frame.cap_len frame.encap_type frame.protocols tcp.stream";
    let fields = fields.split_whitespace().flat_map(|field| ["-e", field]);
    let mut command = Command::new("tshark");
    command.args(["-n", "-T", "fields", "-r"]).arg(path).args(fields).stderr(Stdio::null());
    let output = command.output().ok()?;
    assert!(output.status.success(), "tshark cannot read {}", path.display());
    Some(String::from_utf8(output.stdout).unwrap())
}

/// The frames with comments, as tshark finds them.
fn commented_for_tshark(path: &Path) -> Option<usize> {
    let mut command = Command::new("tshark");
    command.args(["-n", "-Y", "frame.comment contains \"rstscan: \"", "-r"]).arg(path).stderr(Stdio::null());
    let output = command.output().ok()?;
    Some(String::from_utf8(output.stdout).unwrap().lines().count())
}

#[test]
fn every_capture_comes_back_as_it_was() {
    let files = Files::new();
    let into = files.0.path().join("written.pcapng");
    let mut with_reset = 0;
    for input in captures("samples").into_iter().chain(captures("tests/captures")) {
        if cfg!(not(feature = "compress")) && !input.extension().is_some_and(|end| end == "pcap" || end == "pcapng") {
            continue;
        }
        let given = rows(&input);
        writing(&input, &["--all-packets"], &into);
        let written = rows(&into);
        assert_eq!(written.len(), given.len(), "{}", input.display());
        for (written, given) in written.iter().zip(&given) {
            assert!(written.is_with_comments(given), "{}: {written:#?}\n{given:#?}", input.display());
        }
        writing(&input, &[], &into);
        let chosen = rows(&into);
        let mut rest = given.iter();
        assert!(chosen.iter().all(|row| rest.any(|given| row.is_with_comments(given))), "{}", input.display());
        let comments = |rows: &[Row]| rows.iter().filter(|row| !row.comments.is_empty()).count();
        assert_eq!(comments(&chosen).min(1), usize::from(!chosen.is_empty()), "{}", input.display());
        with_reset += usize::from(!chosen.is_empty());
    }
    assert!(with_reset > 100, "{with_reset}");
}

#[test]
fn tshark_sees_the_same_frames_and_finds_the_comments() {
    let files = Files::new();
    let into = files.0.path().join("written.pcapng");
    let chosen = [
        "binary-clock.pcapng",
        "gre.pcap",
        "gzip.pcap.gz",
        "interfaces.pcapng",
        "micros-swapped.pcap",
        "nanos.pcap",
        "nanos-swapped.pcapng",
        "nflog-big-endian.pcap",
        "offset-clock.pcapng",
        "old-packet.pcapng",
        "sections.pcapng",
        "simple-packet.pcapng",
        "sll2.pcap",
        "vxlan.pcap",
        "zstd.pcap.zst",
    ];
    let is_chosen = |path: &PathBuf| chosen.iter().any(|name| path.ends_with(name));
    let inputs = captures("samples").into_iter().chain(captures("tests/captures").into_iter().filter(is_chosen));
    for input in inputs {
        let Some(given) = tshark(&input) else {
            let _ = writeln!(std::io::stderr(), "not compared with tshark: there is none");
            return;
        };
        writing(&input, &["--all-packets"], &into);
        let timeless = rows(&input).iter().any(|row| row.timeless);
        if !timeless {
            assert_eq!(tshark(&into).unwrap(), given, "{}", input.display());
        }
        let comments =
            rows(&into).iter().filter(|row| row.comments.iter().any(|text| text.starts_with("rstscan: "))).count();
        assert_eq!(commented_for_tshark(&into), Some(comments), "{}", input.display());
        assert!(comments > 0, "{}", input.display());
    }
}

#[test]
fn numbers_of_connections_are_told_where_they_differ() {
    let files = Files::new();
    let into = files.0.path().join("written.pcapng");
    let mixed = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/mixed.pcap");
    let ended = run(&["-q", "-r", mixed.to_str().unwrap(), "-w", into.to_str().unwrap()]);
    let moved = "tcp.stream eq 10 is 0, tcp.stream eq 18 is 2, tcp.stream eq 25 is 3, tcp.stream eq 32 is 4";
    ended.done().said(&format!("wrote 112 frames of 4 connections to {}; in it {moved}\n", into.display()));
    let streams = |path: &Path| -> Vec<u64> {
        let json = run(&["--json", "-qq", "-r", path.to_str().unwrap()]).stdout;
        let lines = json.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.filter(|line| line["type"] == "reset").map(|line| line["stream"].as_u64().unwrap()).collect()
    };
    assert_eq!((streams(&mixed), streams(&into)), (vec![10, 18, 25, 32], vec![0, 2, 3, 4]));
    let comments: Vec<String> = rows(&into).into_iter().flat_map(|row| row.comments).collect();
    for (there, here) in [(10, 0), (18, 2), (25, 3), (32, 4)] {
        let place = format!("tcp.stream eq {there} there, tcp.stream eq {here} in this file.");
        assert_eq!(comments.iter().filter(|text| text.ends_with(&place)).count(), 1, "{place}\n{comments:#?}");
    }
}

#[test]
fn a_pipe_gives_the_same_frames() {
    let files = Files::new();
    let mixed = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/mixed.pcap");
    for options in [&["--all-packets"][..], &[]] {
        let (one, two) = (files.0.path().join("one.pcapng"), files.0.path().join("two.pcapng"));
        writing(&mixed, options, &one);
        let mut command = rstscan();
        command.args(["-qq", "-r", "-", "-w"]).arg(&two).args(options);
        // What fits into a pipe needs nobody who writes it meanwhile.
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(&fs::read(&mixed).unwrap()).unwrap();
        drop(writer);
        assert!(command.stdin(reader).output().unwrap().status.success());
        let by_time = |path: &Path| {
            let mut rows = rows(path);
            rows.iter_mut()
                .for_each(|row| row.comments.iter_mut().for_each(|text| *text = text.replace("of -,", "of F,")));
            rows.sort_by_key(|row| row.nanos);
            rows
        };
        let mut expected = by_time(&one);
        let name = format!("of {},", mixed.display());
        expected
            .iter_mut()
            .for_each(|row| row.comments.iter_mut().for_each(|text| *text = text.replace(&name, "of F,")));
        let read = by_time(&two);
        // The comment on a handshake may come too late where all frames are written as they come.
        let plain = |rows: &[Row]| rows.iter().map(|row| Row { comments: vec![], ..row.clone() }).collect::<Vec<_>>();
        assert_eq!(plain(&read), plain(&expected), "{options:?}");
        assert_eq!(read, expected, "{options:?}");
    }
}

#[test]
fn standard_output_holds_the_capture_and_nothing_else() {
    let files = Files::new();
    let mut reset = frame(4, 12345, 55100);
    reset[16 + 47] = 0x04;
    let file = files.add("a.pcap", &[capture(), reset].concat());
    let output = rstscan().args(["-r", &file, "-w", "-"]).output().unwrap();
    assert!(output.status.success());
    let copy = files.add("copy.pcapng", &output.stdout);
    assert_eq!(rows(&copy).len(), 2);
    assert!(String::from_utf8(output.stderr).unwrap().contains("wrote 2 frames of 1 connection to standard output"));
}

#[test]
fn a_capture_without_resets_is_an_empty_one() {
    let files = Files::new();
    let file = files.add("a.pcap", &capture());
    let into = files.0.path().join("none.pcapng");
    let ended = run(&["-r", &file, "-w", into.to_str().unwrap()]);
    ended.done().said(&format!("wrote 0 frames of 0 connections to {}", into.display()));
    assert_eq!(rows(&into), []);
}

#[test]
fn a_filter_and_a_count_choose_what_is_written() {
    let files = Files::new();
    let more = frame(5, 7, 8);
    let file = files.add("a.pcap", &[capture(), more].concat());
    let into = files.0.path().join("some.pcapng");
    writing(Path::new(&file), &["--all-packets", "-c", "2"], &into);
    assert_eq!(rows(&into).len(), 2);
    if cfg!(feature = "live") {
        writing(Path::new(&file), &["--all-packets", "port", "7"], &into);
        assert_eq!(rows(&into).len(), 1);
    }
}

/// A pcap file with a reset.
fn reset_file(files: &Files) -> String {
    let mut reset = frame(4, 12345, 55100);
    reset[16 + 47] = 0x04;
    files.add("reset.pcap", &[capture(), reset].concat())
}

#[test]
fn a_full_disk_is_one_line_and_the_findings_stay() {
    let files = Files::new();
    let file = reset_file(&files);
    let expected = run(&["-q", "-r", &file]).stdout;
    for input in [&file, "-"] {
        let mut command = rstscan();
        command.args(["-q", "-r", input, "-w", "/dev/full"]).stdin(File::open(&file).unwrap());
        let ended = Ended::from(command.output().unwrap());
        ended.failed();
        let words = "rstscan: cannot write /dev/full: No space left on device";
        assert_eq!(ended.stderr.lines().filter(|line| line.starts_with("rstscan: ")).collect::<Vec<_>>(), [words]);
        assert_eq!(ended.stdout, expected);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_written_by_then_ends_with_a_whole_frame() {
    let files = Files::new();
    let mixed = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/mixed.pcap");
    let into = files.0.path().join("cut.pcapng");
    // The shell counts in blocks of 512 bytes, or of 1024; a write beyond the limit fails once the signal is ignored.
    let script = r#"trap '' XFSZ; ulimit -f 5; exec "$@""#;
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh", env!("CARGO_BIN_EXE_rstscan"), "-qq", "--all-packets", "-r"]);
    let ended = Ended::from(command.arg(&mixed).arg("-w").arg(&into).output().unwrap());
    ended.failed().said_only(&format!("rstscan: cannot write {}: File too large", into.display()));
    let (cut, whole) = (rows(&into), rows(&mixed));
    assert!(!cut.is_empty() && cut.len() < whole.len());
    assert!(cut.iter().zip(&whole).all(|(cut, whole)| cut.is_with_comments(whole)));
}

#[test]
fn no_link_is_followed_and_no_input_written_over() {
    let files = Files::new();
    let file = reset_file(&files);
    let victim = files.add("victim", b"precious");
    let link = files.0.path().join("link.pcapng");
    std::os::unix::fs::symlink(&victim, &link).unwrap();
    let link = link.to_str().unwrap();
    let folder = files.0.path().to_str().unwrap();
    for (into, why) in [
        (link, "is a symbolic link; name the file that it leads to"),
        (folder, "is a folder"),
        (&file, "is what is being read"),
    ] {
        let ended = run(&["-r", &file, "-w", into]);
        ended.failed().said_only(&format!("rstscan: cannot write {into}: {why}"));
        assert_eq!(ended.stdout, "");
    }
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
    run(&["-r", &file, "-w", "/nonexistent/a.pcapng"])
        .failed()
        .said_only("rstscan: cannot write /nonexistent/a.pcapng: No such file or directory");
    let left: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_str().unwrap().starts_with(".rstscan")), "{left:?}");
}

#[test]
fn a_file_is_replaced_only_when_there_is_something_to_write() {
    let files = Files::new();
    let old = files.add("old.pcapng", b"old");
    run(&["-r", "/nonexistent.pcap", "-w", &old]).failed();
    // What has the name is another file then: a second name of the old one keeps what was in it.
    let file = reset_file(&files);
    let kept = files.0.path().join("kept");
    fs::write(&old, b"old").unwrap();
    fs::hard_link(&old, &kept).unwrap();
    writing(Path::new(&file), &[], Path::new(&old));
    assert_eq!((fs::read(&kept).unwrap(), rows(&old).len()), (b"old".to_vec(), 2));
}

#[test]
fn a_reader_who_has_seen_enough_ends_the_run_in_silence() {
    let mut running =
        Running::start(rstscan().args(["-qq", "-r", "-", "--all-packets", "-w", "-"]).stdin(Stdio::piped()));
    let mut stdin = running.child.stdin.take().unwrap();
    drop(running.child.stdout.take());
    let header = capture();
    // The program may be gone before it has read all.
    let _ = stdin.write_all(&header);
    for _ in 0..100_000 {
        if stdin.write_all(&header[24..]).is_err() {
            break;
        }
    }
    drop(stdin);
    let ended = running.end();
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""));
}
