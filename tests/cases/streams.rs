//! The numbers that Wireshark gives to connections.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::*;

/// Wireshark opens a stream at a SYN that has RST set, too, which opens no connection (RFC 9293 section 3.10.7.4).
const SYN_AND_RST: &str = "forged/flags-of-no-stack.pkt";

/// The capture with addresses and times that no other script has.
fn apart(index: usize, capture: &Capture) -> Capture {
    let [.., high, low] = (index as u32).to_be_bytes();
    let elsewhere = |host: SocketAddrV4| {
        let [.., third, last] = host.ip().octets();
        SocketAddrV4::new(Ipv4Addr::new(10 + third % 16, high, low, last), host.port())
    };
    let mut capture = capture.clone();
    for sent in &mut capture {
        (sent.from, sent.to) = (elsewhere(sent.from), elsewhere(sent.to));
        sent.time_ns += index as i64 * 100_000_000_000_000;
    }
    capture
}

/// `tcp.stream` of each frame, where it has one.
fn streams_by_tshark(file: &Path) -> io::Result<Vec<Option<u64>>> {
    let mut command = Command::new("tshark");
    let output =
        command.arg("-r").arg(file).args(["-T", "fields", "-E", "occurrence=f", "-e", "tcp.stream"]).output()?;
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(lines.lines().map(|line| line.parse().ok()).collect())
}

#[test]
fn resets_have_the_streams_that_wireshark_gives_them() {
    if let Err(error) = Command::new("tshark").arg("--version").output() {
        // Past the test harness, which would keep it to itself.
        let _ = writeln!(io::stderr(), "comparison of streams with Wireshark skipped, it needs tshark: {error}");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("all.pcap");
    let cases = cases();
    let captures: Vec<Capture> = cases.iter().enumerate().map(|(index, case)| apart(index, &case.capture)).collect();
    fs::write(&file, pcap(&captures.concat(), Encapsulation::Ethernet)).expect("the temporary folder is writable");
    let streams = streams_by_tshark(&file).expect("tshark reads the file");
    let mut errors = Vec::new();
    let mut rest = streams.as_slice();
    for (case, capture) in cases.iter().zip(&captures) {
        let (own, others) = rest.split_at(capture.len());
        rest = others;
        let first = own.iter().flatten().next().copied().unwrap_or_default();
        let given = |frame: u64| own[frame as usize - 1].map(|stream| stream - first);
        let findings = script::judge(capture, Encapsulation::Ethernet).into_iter().map(|judged| judged.finding);
        let differs: Vec<_> = findings
            .map(|finding| (finding.reset.frame.number(), finding.connection.stream))
            .filter(|(frame, stream)| given(*frame) != Some(*stream))
            .map(|(frame, stream)| format!("#{frame} is {stream}, in Wireshark {:?}", given(frame)))
            .collect();
        if differs.is_empty() == case.path.ends_with(SYN_AND_RST) {
            errors.push(case.located(&format!(" {}", differs.join("; "))));
        }
    }
    report(errors);
}
