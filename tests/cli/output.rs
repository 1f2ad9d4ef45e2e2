//! `--output`: a file that survives rotation, a full disk, and being begun again.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Files, Running, capture, frame, rstscan, run};

fn sample(name: &str) -> String {
    format!("{}/samples/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Waits until a file has so many lines.
#[track_caller]
fn patiently(path: &Path, count: usize) -> Vec<String> {
    let patience = Instant::now() + Duration::from_secs(30);
    while lines(path).len() < count {
        assert!(Instant::now() < patience, "{:#?}", lines(path));
        std::thread::sleep(Duration::from_millis(10));
    }
    lines(path)
}

#[test]
fn the_file_has_what_standard_output_would_have() {
    let files = Files::new();
    let into = files.add("out", b"of another run\n");
    let input = sample("closed-port.pcap");
    for format in ["text", "json", "csv", "markdown"] {
        // The time that a run took differs.
        let plain = |text: &str| {
            text.lines().map(|line| line.split("\"wall_seconds\"").next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let printed = run(&["--format", format, "-r", &input]);
        let filed = run(&["--format", format, "-r", &input, "-o", &into]);
        filed.done();
        assert_eq!(filed.stdout, "");
        assert_eq!(plain(&fs::read_to_string(&into).unwrap()), plain(&printed.stdout), "{format}");
    }
    assert_eq!(run(&["-q", "-r", &input, "-o", "-"]).stdout, run(&["-q", "-r", &input]).stdout);
}

#[test]
fn a_capture_and_its_explanation_go_to_two_places() {
    let files = Files::new();
    let (into, capture) = (files.0.path().join("out"), files.0.path().join("why.pcapng"));
    let words =
        ["-q", "-r", &sample("closed-port.pcap"), "-o", into.to_str().unwrap(), "-w", capture.to_str().unwrap()];
    run(&words).done();
    assert!(lines(&into).len() > 1 && capture.exists());
}

/// A RST to this port, which is one finding.
fn reset(second: u32, port: u16) -> Vec<u8> {
    let mut bytes = frame(second, 55100, port);
    bytes[16 + 14 + 20 + 13] = 0x04;
    bytes
}

#[test]
fn a_signal_after_the_rename_begins_the_next_file() {
    let files = Files::new();
    for (format, header) in [("json", 0), ("csv", 1)] {
        let input = files.add("in.pcap", &[capture(), reset(4, 1)].concat());
        let (path, old) = (files.0.path().join(format), files.0.path().join(format!("{format}.1")));
        let words = ["--format", format, "--settle", "0", "--follow", "-r", &input, "-o", path.to_str().unwrap()];
        let running = Running::start(rstscan().args(words));
        patiently(&path, header + 1);
        fs::rename(&path, &old).unwrap();
        running.signal("HUP");
        let patience = Instant::now() + Duration::from_secs(30);
        while !path.exists() && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(10));
        }
        fs::OpenOptions::new().append(true).open(&input).unwrap().write_all(&reset(6, 2)).unwrap();
        let rest = patiently(&path, header + 1);
        assert_eq!(lines(&old).len(), header + 1, "{format}");
        assert!(header == 0 || rest[0] == lines(&old)[0], "{rest:#?}");
        running.signal("TERM");
        running.end().done();
    }
}

#[test]
fn who_follows_a_file_again_goes_on_behind_what_was_written() {
    let files = Files::new();
    let input = files.add("in.pcap", &[capture(), reset(4, 1)].concat());
    let into = files.add("out.json", b"{\"earlier\":1}\n");
    let mut command = rstscan();
    let running = Running::start(command.args(["--json", "--settle", "0", "--follow", "-r", &input, "-o", &into]));
    patiently(Path::new(&into), 2);
    running.signal("INT");
    running.end().done();
    let lines = lines(Path::new(&into));
    assert_eq!((lines.len(), lines[0].as_str()), (3, "{\"earlier\":1}"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_nothing_and_is_said_once() {
    let ended = run(&["-q", "-r", &sample("mixed.pcap"), "-o", "/dev/full"]);
    ended.failed().said("rstscan: /dev/full: No space left on device; what does not fit is lost and counted\n");
    assert_eq!(ended.stderr.matches("No space left").count(), 1);
}

#[test]
fn wrong_files_are_refused_before_anything_is_read() {
    let files = Files::new();
    let link = files.0.path().join("link");
    std::os::unix::fs::symlink(files.0.path().join("elsewhere"), &link).unwrap();
    let input = files.add("in.pcap", &capture());
    run(&["-r", &input, "-o", link.to_str().unwrap()]).failed().said_only(&format!(
        "rstscan: cannot write {}: is a symbolic link; name the file that it leads to",
        link.display()
    ));
    run(&["-r", &input, "-o", &input])
        .failed()
        .said_only(&format!("rstscan: cannot write {input}: is what is being read"));
    assert_eq!(fs::read(&input).unwrap(), capture());
    assert_eq!(run(&["-o", "x", "--explain", "abort"]).status, Some(2));
}
