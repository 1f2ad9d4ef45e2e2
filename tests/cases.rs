//! Every packet script below `tests/cases` gets the verdicts written in it, in several encapsulations, and under changes
//! that no verdict may depend on (`tests/cases/changed.rs`).
//!
//! `UPDATE_EXPECT=1 cargo test --test cases` rewrites the `=>` blocks; read the diff before you commit it.

mod script;

#[path = "cases/changed.rs"]
mod changed;
#[path = "cases/streams.rs"]
mod streams;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use rstscan::pattern::Patterns;
use rstscan::tcp::Flags;
use script::{Capture, Change, Encapsulation, IpVersion, Says, Script, encode, parse, passes_agree, pcap, segments};

struct Case {
    path: PathBuf,
    text: String,
    script: Script,
    capture: Capture,
}

impl Case {
    fn runs_as(&self, encapsulation: Encapsulation) -> bool {
        // Whether the checksums in a packet of several frames are right is not looked at.
        let judgeable = !encapsulation.is_fragmented() || self.capture.iter().all(|sent| sent.sum.is_none());
        judgeable && self.script.only().is_none_or(|version| encapsulation.version() == version)
    }

    /// The encapsulation that needs no thought.
    fn plain(&self) -> Encapsulation {
        if self.script.only() == Some(IpVersion::V6) { Encapsulation::Ipv6 } else { Encapsulation::Ethernet }
    }

    /// As the compiler writes it: `tests/cases/closed-port/refused.pkt:5: #2: ...`.
    fn located(&self, error: &str) -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        format!("{}:{error}", self.path.strip_prefix(root).unwrap_or(&self.path).display())
    }
}

fn cases() -> Vec<Case> {
    let mut paths = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases"), &mut paths);
    paths.sort();
    let (cases, errors): (Vec<_>, Vec<_>) = paths.into_iter().map(read).partition(Result::is_ok);
    report(errors.into_iter().filter_map(Result::err).collect());
    cases.into_iter().filter_map(Result::ok).collect()
}

fn collect(directory: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("tests/cases is readable") {
        let path = entry.expect("tests/cases is readable").path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "pkt") {
            paths.push(path);
        }
    }
}

fn read(path: PathBuf) -> Result<Case, String> {
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let script = parse(&text).map_err(|error| format!("{}:{error}", path.display()))?;
    let capture = segments(&script).map_err(|error| format!("{}:{error}", path.display()))?;
    Ok(Case { path, text, script, capture })
}

fn report(errors: Vec<String>) {
    assert!(errors.is_empty(), "{} differences\n{}", errors.len(), errors.join("\n"));
}

/// Every verdict in full.
fn scripts_hold(encapsulation: Encapsulation) {
    let mut errors = Vec::new();
    for case in cases().iter().filter(|case| case.runs_as(encapsulation)) {
        let judged = script::judge(&case.capture, encapsulation);
        errors.extend(script::check(&case.script, &judged, false).iter().map(|error| case.located(error)));
    }
    report(errors);
}

/// Replaces the file in one step, because other tests read it at the same time.
fn rewrite(case: &Case) {
    let judged = script::judge(&case.capture, case.plain());
    let text = script::rewritten(&case.script, &case.text, &judged);
    if text != case.text {
        let fresh = case.path.with_extension("rewritten");
        fs::write(&fresh, text).and_then(|()| fs::rename(&fresh, &case.path)).expect("tests/cases is writable");
    }
}

#[test]
fn scripts_hold_in_ethernet_frames() {
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        cases().iter().for_each(rewrite);
    }
    scripts_hold(Encapsulation::Ethernet);
}

#[test]
fn scripts_hold_over_ipv6() {
    scripts_hold(Encapsulation::Ipv6);
}

#[test]
fn scripts_hold_in_linux_cooked_frames() {
    scripts_hold(Encapsulation::Cooked);
}

#[test]
fn scripts_hold_with_vlan_tags() {
    scripts_hold(Encapsulation::Vlan);
}

#[test]
fn scripts_hold_in_a_tunnel() {
    scripts_hold(Encapsulation::Vxlan);
    scripts_hold(Encapsulation::Vxlan6);
}

// scenario 97
#[test]
fn scripts_hold_in_fragments() {
    scripts_hold(Encapsulation::Fragments);
    scripts_hold(Encapsulation::Fragments6);
}

/// The captures of real sockets: their names, their bytes and their segments.
fn samples() -> Vec<(String, Vec<u8>, Capture)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let paths =
        fs::read_dir(folder).expect("samples is readable").map(|entry| entry.expect("samples is readable").path());
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).expect("a sample");
        let capture = script::segments_of(&bytes);
        (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), bytes, capture)
    };
    paths.filter(|path| path.extension().is_some_and(|end| end == "pcap")).map(read).collect()
}

/// The frames and classes that `rstscan -r FILE --json` names, in its order.
fn said_by_the_program(program: &str, file: &Path) -> Result<Vec<(u64, String)>, String> {
    let output = Command::new(program).arg("-r").arg(file).arg("--json").output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    let mut resets = Vec::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let object: serde_json::Value = serde_json::from_str(line).map_err(|error| format!("`{line}`: {error}"))?;
        if object["type"] == "reset" {
            let class = object["class"].as_str().unwrap_or_default().to_string();
            resets.push((object["frame"].as_u64().unwrap_or(0), class));
        }
    }
    Ok(resets)
}

#[test]
fn the_program_gives_the_same_classes() {
    let Some(program) = option_env!("CARGO_BIN_EXE_rstscan") else {
        println!("skipped: the program is not built without the feature `cli`");
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("case.pcap");
    let mut errors = Vec::new();
    for case in cases() {
        fs::write(&file, pcap(&case.capture, case.plain())).expect("the temporary folder is writable");
        let library: Vec<(u64, String)> = script::judge(&case.capture, case.plain())
            .iter()
            .map(|judged| (judged.finding.reset.frame.number(), judged.finding.verdict.class.to_string()))
            .collect();
        match said_by_the_program(program, &file) {
            Ok(said) if said == library && said.len() == case.script.expects().count() => {}
            Ok(said) => errors.push(case.located(&format!("1: the program says {said:?}, the library {library:?}"))),
            Err(error) => errors.push(case.located(&format!("1: {error}"))),
        }
    }
    report(errors);
}

/// What the scripts of `tests/cases/patterns` have in common, whatever their order.
#[test]
fn many_resets_make_their_pattern() {
    let expected = [
        ("health-checks", vec!["health-check"]),
        ("idle-times-that-do-not-agree", vec![]),
        ("keepalive-races", vec!["keepalive-race"]),
        ("much-backscatter", vec!["backscatter"]),
        ("port-scan", vec!["scan"]),
        ("resets-that-only-cut-the-close-short", vec!["benign"]),
        ("restart", vec!["restart"]),
        ("several-idle-for-350-seconds", vec!["idle-timer"]),
        ("several-idle-for-900-seconds", vec!["idle-timer"]),
    ];
    let mut made = Vec::new();
    for case in cases().iter().filter(|case| case.path.parent().is_some_and(|folder| folder.ends_with("patterns"))) {
        let mut patterns = Patterns::default();
        for judged in script::judge(&case.capture, case.plain()) {
            patterns.add(&judged.finding);
        }
        let ids: Vec<&str> = patterns.all().iter().map(|pattern| pattern.what.id()).collect();
        made.push((case.path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), ids));
    }
    assert_eq!(made, expected.map(|(name, ids)| (name.to_owned(), ids)));
}

/// All scripts one after the other, and each between the frames of healthy connections: what has no reset is passed by.
#[test]
fn two_passes_find_what_one_finds() {
    let mut errors = Vec::new();
    for case in cases() {
        let busy = Change::AmongOthers.apply(&case.capture);
        let routed = Change::Twice(changed::ROUTED).apply(&case.capture);
        let plain = case.plain();
        for (capture, encapsulation) in
            [(&case.capture, plain), (&busy, plain), (&busy, Encapsulation::Fragments), (&routed, plain)]
        {
            errors.extend(passes_agree(&pcap(capture, encapsulation)).err().map(|error| case.located(&error)));
        }
    }
    for (name, bytes, _) in samples() {
        errors.extend(passes_agree(&bytes).err().map(|error| format!("{name}:{error}")));
    }
    report(errors);
}

/// The frames that Wireshark's filter finds a RST in, other than quoted in ICMP; `Err` where tshark cannot be run.
fn resets_by_tshark(file: &Path) -> io::Result<Vec<u64>> {
    let filter = "tcp.flags.reset==1 && !icmp && !icmpv6";
    let mut command = Command::new("tshark");
    let output = command.arg("-r").arg(file).args(["-Y", filter, "-T", "fields", "-e", "frame.number"]).output()?;
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    lines.lines().map(|line| line.parse().map_err(io::Error::other)).collect()
}

/// All scripts in one file for each encapsulation, and the samples.
fn captures(folder: &Path) -> Vec<PathBuf> {
    let samples = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("samples")).expect("samples is readable");
    let paths = samples.map(|entry| entry.expect("samples is readable").path());
    let mut files: Vec<_> = paths.filter(|path| path.extension().is_some_and(|end| end == "pcap")).collect();
    use Encapsulation::{Cooked, Ethernet, Fragments, Fragments6, Ipv6, Vlan, Vxlan, Vxlan6};
    for encapsulation in [Ethernet, Ipv6, Cooked, Vlan, Fragments, Fragments6, Vxlan, Vxlan6] {
        let all =
            cases().into_iter().filter(|case| case.runs_as(encapsulation)).flat_map(|case| case.capture).collect();
        let file = folder.join(format!("{encapsulation:?}.pcap"));
        fs::write(&file, pcap(&all, encapsulation)).expect("the temporary folder is writable");
        files.push(file);
    }
    files
}

#[test]
fn every_reset_that_wireshark_finds_gets_one_verdict() {
    if let Err(error) = Command::new("tshark").arg("--version").output() {
        // Past the test harness, which would keep it to itself.
        let _ = writeln!(io::stderr(), "comparison with Wireshark skipped, it needs tshark: {error}");
        return;
    }
    let Some(program) = option_env!("CARGO_BIN_EXE_rstscan") else {
        println!("skipped: the program is not built without the feature `cli`");
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut errors = Vec::new();
    for file in captures(folder.path()) {
        let expected = resets_by_tshark(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let said = said_by_the_program(program, &file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let mut said: Vec<u64> = said.into_iter().map(|(frame, _)| frame).collect();
        said.sort_unstable();
        if said != expected || said.is_empty() {
            errors.push(format!("{}: tshark {expected:?}, the program {said:?}", file.display()));
        }
    }
    report(errors);
}

#[test]
fn every_reset_of_a_script_has_an_expectation() {
    let mut errors = Vec::new();
    for case in cases() {
        let whole = |packet: &script::Packet| packet.cut.is_none_or(|cut| cut >= 14);
        let resets = case.script.packets().zip(1..).filter(|(packet, _)| packet.flags.rst() && whole(packet));
        for (_, number) in resets {
            if case.script.expects().filter(|(_, expect)| expect.frame == number).count() != 1 {
                errors.push(case.located(&format!("1: #{number} does not have exactly one `=>` block")));
            }
        }
        let none = case.script.lines.iter().any(|line| line.says == Says::NoReset);
        if none == case.script.expects().next().is_some() {
            errors.push(case.located("1: either `=> none` or an expectation for each reset"));
        }
    }
    report(errors);
}

#[test]
fn every_script_begins_with_its_reason() {
    let bare = |case: &&Case| !case.text.starts_with("// ");
    report(cases().iter().filter(bare).map(|case| case.located("1: a comment that says why")).collect());
}

#[test]
fn what_is_printed_is_read_back() {
    for case in cases() {
        let printed = case.script.to_string();
        let again = parse(&printed).unwrap_or_else(|error| panic!("{}", case.located(&error)));
        assert_eq!(again, case.script, "{}", case.path.display());
    }
}

#[test]
fn errors_name_their_line() {
    let error = |text: &str| parse(text).unwrap_err();
    assert_eq!(error("\n+0 C > S Q 0:0(0)"), "2: `Q` are not tcpdump's flags");
    assert_eq!(error("+0 C > S S 0:5(4)"), "1: 0 and 4 bytes do not end at 5");
    assert_eq!(error("+0 C > S . 0:0(0)"), "1: `ack` is there if and only if the flags have `.`");
    assert_eq!(error("+x C > S S 0:0(0)"), "1: `x` is no decimal number that fits here");
    assert_eq!(error("+0 C > S S 0:0(0) <mss 70000>"), "1: `70000` is no number that fits here");
    assert_eq!(error("=> #1 closed-port"), "1: there is no segment #1 above");
    assert_eq!(error("   answers #1"), "1: an indented line belongs below a `=>` line");
    assert_eq!(error("+0 C > S R 0:0(0)\n=> #1 closed-door"), "2: `closed-door` is no class");
    assert_eq!(error("+0 C > S R 0:0(0)\n=> #1 forged/jected"), "2: `jected` is no cause");
    let unknown_host = parse("+0 C > T S 0:0(0)").unwrap();
    assert_eq!(segments(&unknown_host).unwrap_err(), "1: no `host T ADDRESS:PORT` line");
}

#[test]
fn numbers_count_from_the_initial_one_of_their_time() {
    let script = parse(
        "+0 C > S . 5:5(0) ack 7\nisn C 4294967290\n+0 C > S S 0:0(0)\n+0 S > C R. 0:0(0) ack 10\n+0 C > S . abs 9:9(0) ack 3",
    );
    let capture = segments(&script.unwrap()).unwrap();
    let numbers: Vec<(u32, u32)> = capture.iter().map(|sent| (sent.seq, sent.ack)).collect();
    assert_eq!(numbers, [(5, 7), (4294967290, 0), (0, 4), (9, 3)]);
}

/// The frame as tshark 4.0.17 reads it: 192.0.2.10.40000 > 198.51.100.20.80, Flags [P.], seq 101, ack 202, win 502,
/// options nop, nop, TS; "hi"; IP ID 7, TTL 63, DSCP 0x12; both checksums correct.
#[test]
fn bytes_are_those_of_a_real_frame() {
    let line = "+0 C > S P. 101:103(2) ack 202 win 502 <nop,nop,TS val 100 ecr 0> ttl 63 id 7 tos 72 payload \"hi\"";
    let capture = segments(&parse(line).unwrap()).unwrap();
    assert_eq!(capture[0].flags, Flags::PSH.with(Flags::ACK));
    let (_, bytes, wire_len) = encode(&capture[0], Encapsulation::Ethernet);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let expected = concat!(
        "0200c63364140200c000020a0800",
        "45480036000740003f064f21c000020ac6336414",
        "9c40005000000065000000ca801801f681de0000",
        "0101080a0000006400000000",
        "6869",
    );
    assert_eq!(wire_len as usize, bytes.len());
    assert_eq!(hex, expected);
}
