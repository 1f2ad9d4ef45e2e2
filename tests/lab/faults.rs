//! What can go wrong with a capture: each is told, and costs no verdict that is not told of.

use std::io;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::bench::{Bench, Setting};
use crate::live::{Listening, RESET, parsed};
use crate::may_run;
use crate::namespace::Namespace;
use crate::scenarios::closed_port::NO_LISTENER;

/// A namespace with two ends of a wire, `left` and `right`.
fn place(number: u32) -> io::Result<Namespace> {
    let place = Namespace::create(number, "faults")?;
    place.ip(&["link", "add", "left", "type", "veth", "peer", "name", "right"])?;
    for end in ["left", "right"] {
        place.ip(&["link", "set", end, "up"])?;
    }
    Ok(place)
}

/// A connection to a port where nobody listens, within a host.
fn refused(place: &Namespace) -> io::Result<()> {
    let refused = place.enter(|| Ok(std::net::TcpStream::connect("127.0.0.1:9")))?;
    assert!(refused.is_err(), "port 9 is open");
    Ok(())
}

/// Of a router both interfaces are captured: each frame comes twice, in the order of time, and the second reset is a copy.
#[test]
fn several_interfaces_are_one_capture() {
    if !may_run() {
        return;
    }
    let check = || -> io::Result<()> {
        let bench = Bench::build(Setting { routed: true, ..Setting::default() })?;
        let router = bench.router.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let listening = Listening::start(router, "left", &["-i", "right", "--json", "port", "54321"])?;
        (NO_LISTENER.run)(&bench, NO_LISTENER.port)?;
        let lines = parsed(&listening.lines(RESET, 2)?)?;
        let seen: Vec<_> = lines.iter().map(|line| (&line["cause"], &line["file"], &line["frame"])).collect();
        // On the way back from the server.
        let (right, left) =
            ((&json!("no-listener"), &json!("right"), &json!(2)), (&json!("duplicate"), &json!("left"), &json!(2)));
        assert_eq!(seen, [right, left], "{lines:#?}");
        let ended = listening.end(Signal::SIGINT)?;
        let summary: Vec<Value> = parsed(&ended.rest)?;
        assert_eq!((&summary[0]["frames"], &summary[0]["events"]), (&json!(4), &json!(1)), "{summary:#?}");
        assert!(ended.stderr.starts_with("listening on right, link-type EN10MB"), "{ended:#?}");
        ended.check(4)
    };
    check().expect("the laboratory is there");
}

/// The interface of a connection goes away: the other one is captured on, and the run ends with status 1.
#[test]
fn an_interface_that_goes_away_is_told() {
    if !may_run() {
        return;
    }
    let check = || -> io::Result<()> {
        let place = place(0)?;
        let mut listening = Listening::start(&place, "left", &["-i", "lo", "--json", "-p", "tcp"])?;
        listening.hears("listening on lo")?;
        place.ip(&["link", "delete", "left"])?;
        listening.hears("rstscan: left: The interface disappeared; the capture goes on without it")?;
        refused(&place)?;
        listening.lines(RESET, 1)?;
        let ended = listening.end(Signal::SIGINT)?;
        assert_eq!(ended.status.code(), Some(1), "{ended:#?}");
        Ok(())
    };
    check().expect("the laboratory is there");
}
