//! The lines of a trace pipe.

use std::net::{IpAddr, SocketAddr};

use crate::classify::Process;
use crate::frame::Timestamp;
use crate::tcp::FourTuple;

/// What a line says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Line {
    /// A RST was sent or accepted.
    Event(Event),
    /// So many events of one processor were lost before its next line.
    Lost(u64),
}

/// One RST, as the kernel notes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// When, by the clock of captures, to the microsecond.
    pub time: Timestamp,
    /// From the sender of the RST to its receiver. The receiver is unspecified where a listener refuses.
    pub tuple: FourTuple,
    /// What happened to it.
    pub kind: Kind,
}

/// What happened to a RST.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// It was sent (`tcp_send_reset`).
    Sent(Sending),
    /// It ended a connection (`tcp_receive_reset`).
    Accepted,
}

/// How a RST was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sending {
    /// An `sk_rst_reason`, without its prefix.
    pub reason: String,
    /// The socket's state without its prefix, if there is a socket.
    pub state: Option<String>,
    /// Whether it answers a segment; otherwise a socket was ended.
    pub answers: bool,
    /// Who ended the socket; the event numbers the thread.
    pub process: Option<Process>,
}

/// What stands before the fields of an event.
struct Head<'a> {
    /// The command of the thread that was running, and its number.
    thread: (&'a str, &'a str),
    /// `.ns1.` and the like: the third says whether an interrupt was handled.
    flags: &'a str,
    time: Timestamp,
}

/// Reads a line such as `bash-11997 [000] .ns1. 18617.212772: tcp_send_reset: skbaddr=… src=127.0.0.1:9 dest=… state=… reason=…`
/// or `CPU:1 [LOST 12 EVENTS]`; `None` for any other. The clock of the trace is `ahead` nanoseconds before that of captures.
pub fn parse(line: &str, ahead: i64) -> Option<Line> {
    if let Some((_, lost)) = line.split_once(" [LOST ") {
        // Where the kernel does not know how many, at least one.
        return Some(Line::Lost(lost.split(' ').next()?.parse().unwrap_or(1)));
    }
    if let Some((before, fields)) = line.split_once(": tcp_send_reset: ") {
        return sent(&head(before, ahead)?, fields).map(Line::Event);
    }
    let (before, fields) = line.split_once(": tcp_receive_reset: ")?;
    accepted(&head(before, ahead)?, fields).map(Line::Event)
}

fn head(text: &str, ahead: i64) -> Option<Head<'_>> {
    let (text, time) = text.rsplit_once(' ')?;
    let (seconds, micros) = time.split_once('.')?;
    let nanos = seconds.parse::<i64>().ok()?.checked_mul(1_000_000_000)?;
    let nanos = nanos.checked_add(micros.parse::<i64>().ok()?.checked_mul(1000)?)?;
    let (text, flags) = text.trim_end().rsplit_once(' ')?;
    let (text, _processor) = text.trim_end().rsplit_once(' ')?;
    let thread = text.trim().rsplit_once('-')?;
    Some(Head { thread, flags, time: Timestamp::from_nanos(nanos.checked_sub(ahead)?) })
}

fn field<'a>(fields: &'a str, name: &str) -> Option<&'a str> {
    fields.split(' ').find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
}

fn sent(head: &Head<'_>, fields: &str) -> Option<Event> {
    let end = |name| field(fields, name)?.parse().ok().map(plain);
    let word = |name| {
        let word = field(fields, name)?.trim_end();
        word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_').then_some(word)
    };
    let reason = word("reason")?.to_owned();
    let state = word("state").filter(|state| *state != "UNKNOWN");
    let answers = field(fields, "skbaddr")?.bytes().any(|digit| matches!(digit, b'1'..=b'9' | b'a'..=b'f'));
    // A reset that answers is made by whoever was interrupted, that of a timer too.
    let by_process = !answers && reason != "TCP_KEEPALIVE_TIMEOUT" && head.flags.as_bytes().get(2) == Some(&b'.');
    let process = if by_process { process(head) } else { None };
    let state = state.map(|state| state.trim_start_matches("TCP_").to_owned());
    let sending = Sending { reason, state, answers, process };
    Some(Event { time: head.time, tuple: FourTuple { src: end("src")?, dst: end("dest")? }, kind: Kind::Sent(sending) })
}

/// The thread that was running; work that the kernel does for others names nobody.
fn process(head: &Head<'_>) -> Option<Process> {
    let (command, number) = head.thread;
    let works_for_others = command.starts_with("kworker/") || command == "<idle>";
    let process = || Some(Process { pid: number.parse().ok()?, command: command.to_owned(), container: None });
    if works_for_others { None } else { process() }
}

fn accepted(head: &Head<'_>, fields: &str) -> Option<Event> {
    let [own, peer] = match field(fields, "family")? {
        "AF_INET" => ["saddr", "daddr"],
        _ => ["saddrv6", "daddrv6"],
    };
    let end = |address, port| {
        let address: IpAddr = field(fields, address)?.parse().ok()?;
        Some(plain(SocketAddr::new(address, field(fields, port)?.parse().ok()?)))
    };
    let tuple = FourTuple { src: end(peer, "dport")?, dst: end(own, "sport")? };
    Some(Event { time: head.time, tuple, kind: Kind::Accepted })
}

/// An address as it is on the wire: IPv4 on a socket of IPv6 is noted as `::ffff:192.0.2.1`.
fn plain(end: SocketAddr) -> SocketAddr {
    SocketAddr::new(end.ip().to_canonical(), end.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(line: &str) -> Event {
        match parse(line, 5_000) {
            Some(Line::Event(event)) => event,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn sending(event: Event) -> Sending {
        match event.kind {
            Kind::Sent(sending) => sending,
            Kind::Accepted => panic!("accepted"),
        }
    }

    #[test]
    fn an_answer_names_nobody() {
        let line = "            bash-11997   [000] .ns1. 18617.212772: tcp_send_reset: skbaddr=00000000374c347c \
                    skaddr=0000000000000000 src=[fd00:1::109]:9 dest=127.0.0.1:42934 state=UNKNOWN reason=NO_SOCKET";
        let event = event(line);
        assert_eq!(event.time.as_nanos(), 18_617_212_767_000);
        assert_eq!(event.tuple.to_string(), "[fd00:1::109]:9 > 127.0.0.1:42934");
        let expected = Sending { reason: "NO_SOCKET".to_owned(), state: None, answers: true, process: None };
        assert_eq!(sending(event), expected);
    }

    #[test]
    fn a_socket_that_was_ended_names_its_process() {
        let line = "  my prog-1 x-4711  [001] ..... 1.000001: tcp_send_reset: skbaddr=0000000000000000 \
                    skaddr=00000000c0ffee00 src=[::ffff:192.0.2.1]:80 dest=[::ffff:192.0.2.2]:4000 state=TCP_CLOSE reason=TCP_STATE";
        let event = event(line);
        assert_eq!(event.tuple.to_string(), "192.0.2.1:80 > 192.0.2.2:4000");
        let sending = sending(event);
        assert_eq!((sending.state.as_deref(), sending.answers), (Some("CLOSE"), false));
        let process = Process { pid: 4711, command: "my prog-1 x".to_owned(), container: None };
        assert_eq!(sending.process, Some(process));
    }

    #[test]
    fn timers_interrupts_and_workers_of_the_kernel_name_nobody() {
        let line = |command: &str, flags: &str, reason: &str| {
            let fields =
                "skbaddr=0000000000000000 skaddr=00000000c0ffee00 src=1.1.1.1:80 dest=2.2.2.2:4000 state=TCP_CLOSE";
            sending(event(&format!("{command}-7 [001] {flags} 1.000001: tcp_send_reset: {fields} reason={reason}")))
                .process
        };
        assert!(line("nginx", ".....", "TCP_ABORT_ON_CLOSE").is_some());
        assert_eq!(line("nginx", "..s1.", "TCP_ABORT_ON_CLOSE"), None);
        assert_eq!(line("nginx", ".....", "TCP_KEEPALIVE_TIMEOUT"), None);
        assert_eq!(line("kworker/0:1", ".....", "TCP_STATE"), None);
    }

    #[test]
    fn what_is_accepted_came_from_the_peer() {
        let line = "  <idle>-0  [000] ..s2. 7.000009: tcp_receive_reset: family=AF_INET sport=80 dport=4000 saddr=192.0.2.1 \
                    daddr=192.0.2.2 saddrv6=::ffff:192.0.2.1 daddrv6=::ffff:192.0.2.2 sock_cookie=1001";
        let event = event(line);
        assert_eq!((event.tuple.to_string().as_str(), event.kind), ("192.0.2.2:4000 > 192.0.2.1:80", Kind::Accepted));
    }

    #[test]
    fn losses_are_counted_and_other_lines_left() {
        assert_eq!(parse("CPU:1 [LOST 12 EVENTS]", 0), Some(Line::Lost(12)));
        assert_eq!(parse("CPU:1 [LOST EVENTS]", 0), Some(Line::Lost(1)));
        for line in
            ["", "x", "a-1 [000] ..s1. 1.000001: tcp_send_reset: src=nowhere", ": tcp_receive_reset: family=AF_INET"]
        {
            assert_eq!(parse(line, 0), None, "{line}");
        }
    }
}
