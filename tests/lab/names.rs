//! `--names` with a name server of this laboratory, which knows one host and is silent about all others.

use std::fs;
use std::io;
use std::net::UdpSocket;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::may_run;
use crate::namespace::Namespace;

/// The question for 192.168.1.109 as names stand in a message (RFC 1035, section 4.1.2), and the answer.
const KNOWN: &[u8] = b"\x03109\x011\x03168\x03192\x07in-addr\x04arpa\0\0\x0c\0\x01";
const NAME: &[u8] = b"\x03db1\x07example\0";

/// The message that answers a query with the name, where the query is for the host that has one.
fn answered(query: &[u8]) -> Option<Vec<u8>> {
    let (id, question) = (query.get(..2)?, query.get(12..12 + KNOWN.len())?);
    // A response with one question and one record: a pointer to the question's name, PTR, IN, 60 s.
    let header = [id, b"\x85\x80\0\x01\0\x01\0\0\0\0"].concat();
    let record = [b"\xc0\x0c\0\x0c\0\x01\0\0\0\x3c\0".as_slice(), &[NAME.len() as u8], NAME].concat();
    (question == KNOWN).then(|| [header.as_slice(), question, &record].concat())
}

/// Answers until it is to end.
fn serve(socket: &UdpSocket, ends: &AtomicBool) {
    let mut query = [0; 512];
    while !ends.load(Ordering::Relaxed) {
        let Ok((len, from)) = socket.recv_from(&mut query) else { continue };
        if let Some(answer) = answered(&query[..len]) {
            // Who does not get it has gone.
            let _ = socket.send_to(&answer, from);
        }
    }
}

/// What the program prints whose only name server is that one.
fn explained() -> io::Result<String> {
    let place = Namespace::create(0, "names")?;
    let socket = place.enter(|| UdpSocket::bind(("127.0.0.1", 53)))?;
    socket.set_read_timeout(Some(Duration::from_millis(50)))?;
    let folder = tempfile::tempdir()?;
    let (servers, switch) = (folder.path().join("resolv.conf"), folder.path().join("nsswitch.conf"));
    fs::write(&servers, "nameserver 127.0.0.1\n")?;
    fs::write(&switch, "hosts: dns\nservices: files\n")?;
    // `ip netns exec` gives it mounts of its own, too.
    let script = "mount --bind \"$1\" /etc/resolv.conf && if test -e /etc/nsswitch.conf; then mount --bind \"$2\" /etc/nsswitch.conf; fi \
                  && exec \"$3\" --names -r \"$4\"";
    let mut command = Command::new("ip");
    command.args(["netns", "exec", place.name(), "sh", "-c", script, "sh"]).args([&servers, &switch]);
    command.args([env!("CARGO_BIN_EXE_rstscan"), concat!(env!("CARGO_MANIFEST_DIR"), "/samples/half-open.pcap")]);
    let ends = AtomicBool::new(false);
    let output = thread::scope(|scope| {
        scope.spawn(|| serve(&socket, &ends));
        let output = command.output();
        ends.store(true, Ordering::Relaxed);
        output
    })?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_name_that_comes_is_told_and_one_that_does_not_is_not_waited_for() {
    if !may_run() {
        return;
    }
    let text = explained().expect("the laboratory is there");
    assert!(text.contains("\n  192.168.1.109 is db1.example\n"), "{text}");
    assert!(text.contains("192.168.1.109:12345 (server)") && !text.contains("192.168.1.108 is"), "{text}");
}
