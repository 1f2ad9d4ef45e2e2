//! What is printed, looked at as its readers do.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use serde_json::Value;

use super::{COLUMNS, Context, Finished, Format, Style, TimeStyle, fixtures, sink};
use crate::analyzer::{Finding, Seen};
use crate::classify::{Application, Cause, Certainty, Class, FactKind, Form, Missing, OnPeer, Role};
use crate::frame::FrameNo;
use crate::pattern::What;
use crate::tcp::{Flags, Heard, Protocol, SeqNum, hint};

/// A writer whose contents can be looked at afterwards, with a mark for each flush.
#[derive(Clone, Default)]
struct Shared(Rc<RefCell<(Vec<u8>, usize)>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.borrow_mut().1 += 1;
        Ok(())
    }
}

fn context(inputs: &[&str]) -> Context {
    Context { inputs: inputs.iter().map(|name| (*name).to_owned()).collect(), ..Context::default() }
}

fn utc(format: Format) -> Style {
    Style { format, utc: true, ..Style::default() }
}

/// All that a sink writes of these findings and the fixtures' summary, and how often it flushed.
fn run(style: Style, context: &Context, findings: &[Finding]) -> (String, usize) {
    let shared = Shared::default();
    let mut sink = sink(style, Box::new(shared.clone()));
    let summary = fixtures::summary();
    sink.begin(context).unwrap();
    for finding in findings {
        sink.finding(context, finding).unwrap();
    }
    let kernel_drops = context.live.then_some(4);
    sink.finish(
        context,
        &Finished { summary: &summary, wall_seconds: Some(0.25), kernel_drops, queue_drops: None, sampled_out: None },
    )
    .unwrap();
    let (bytes, flushes) = shared.0.take();
    (String::from_utf8(bytes).unwrap(), flushes)
}

pub(super) fn written(style: Style, findings: &[Finding]) -> String {
    run(style, &context(&["half-open.pcap", "other.pcap"]), findings).0
}

/// Only the findings, from one input.
fn findings_text(style: Style, findings: &[Finding]) -> String {
    let (text, _) = run(style, &context(&["half-open.pcap"]), findings);
    let end = text.find("20004 frames").unwrap_or(text.len());
    text[..end].trim().to_owned()
}

#[track_caller]
fn assert_text(actual: &str, expected: &str) {
    assert!(actual == expected.trim(), "\n-- expected --\n{}\n-- actual --\n{actual}\n", expected.trim());
}

#[test]
fn a_pipe_gets_whole_lines() {
    let expected = "
HALF-OPEN RESPONSE  lost-state · likely   tcp.stream eq 0
  192.168.1.109:12345 (server) most likely no longer knows the connection that 192.168.1.108:55100 (client) still uses.

  #1 07:00:00.000000 IP 192.168.1.108.55100 > 192.168.1.109.12345: Flags [S], seq 3093809365, win 64240, length 0
  #2 07:00:00.000213 IP 192.168.1.109.12345 > 192.168.1.108.55100: Flags [S.], seq 1495337791, ack 3093809366, win 65160, length 0
  #3 07:00:00.000251 IP 192.168.1.108.55100 > 192.168.1.109.12345: Flags [.], ack 1, win 502, length 0
     ... 34.2 s idle
  #4 07:00:34.251377 IP 192.168.1.108.55100 > 192.168.1.109.12345: Flags [P.], seq 1:4, ack 1, win 502, length 3                     provoked it
> #5 07:00:34.251490 IP 192.168.1.109.12345 > 192.168.1.108.55100: Flags [R], seq 1495337792, win 0, length 0                        113 us later, relative seq 1

  because   bare RST whose seq is the ack of #4: an answer made from that segment
            window 0, no options: made without a live socket
            the server sent neither FIN nor RST before it
            nothing is missing from the server's sequence numbers
  instead   its FIN may have been lost before the capture point (abortive-close, data-after-close)
  effect    accepted: the client's next call fails with ECONNRESET; 3 bytes from the client lost (never acknowledged)
  check     did the program, host or address of 192.168.1.109 stop, restart or move in the 34.2 s before #4, or did a device on the way forget the connection? TCP keepalives at the client (SO_KEEPALIVE, TCP_KEEPIDLE) tell sooner
";
    assert_text(&findings_text(utc(Format::Text), &[fixtures::half_open()]), expected);
}

#[test]
fn a_terminal_of_80_columns_gets_folded_lines_and_short_follow_ups() {
    let expected = "
CLOSED PORT  no-listener · class certain                         tcp.stream eq 0
  192.168.1.108:54321 (server) refused 192.168.1.109:42001 (client): probably
  nothing listens on port 54321 there.

  #1 07:00:00.000000 IP 192.168.1.109.42001 > 192.168.1.108.54321: Flags [S],
     seq 21621375, win 14600, length 0   provoked it
> #2 07:00:00.000098 IP 192.168.1.108.54321 > 192.168.1.109.42001: Flags [R.],
     seq 0, ack 21621376, win 0, length 0   98 us later

  because   RST|ACK with seq 0 that acknowledges the end of #1: the answer to a
            segment without ACK
            window 0, no options: made without a live socket
            the server never sent a SYN|ACK on this connection
  instead   a firewall on the host writes the same bytes (closed-port,
            refused-by-firewall)
  missing   another packet of the sending host to compare the TTL with
  effect    accepted: the client's connect() fails with ECONNREFUSED
  check     is the service up, and does it listen on this address and port? On
            192.168.1.108: ss -ltn; a listener on 127.0.0.1 or ::1 is not
            reachable from outside

> #7 07:00:34.252010 IP 192.168.1.109.12345 > 192.168.1.108.55100: Flags [R],
     seq 1495337792, win 0, length 0
     follows from #5: one more segment met the connection it had ended
     (echo-after-reset · certain, tcp.stream eq 0)
> #8 07:00:34.252011 IP 192.168.1.109.12345 > 192.168.1.108.55100: Flags [R],
     seq 1495337792, win 0, length 0
     the same reset as #5, captured once more (duplicate · certain,
     tcp.stream eq 0)
";
    let mut findings = vec![fixtures::closed_port()];
    findings.extend(fixtures::follow_ups());
    let style = Style { width: Some(80), ..utc(Format::Text) };
    assert_text(&findings_text(style, &findings), expected);
}

#[test]
fn no_line_is_longer_than_the_terminal_and_no_word_is_lost() {
    for (quiet, verbose) in [(0, 0), (0, 1), (0, 2), (1, 0)] {
        let style = |width| Style { width, quiet, verbose, link_header: true, ..utc(Format::Text) };
        let whole = written(style(None), &fixtures::all());
        for width in [40, 60, 80, 100, 120, 200, 500] {
            let folded = written(style(Some(width)), &fixtures::all());
            for line in folded.lines() {
                assert!(line.chars().count() <= width, "{width} columns: {line}");
                assert_eq!(line, line.trim_end(), "trailing space");
            }
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            assert_eq!(letters(&folded), letters(&whole), "{width} columns");
        }
    }
}

#[test]
fn colour_adds_nothing_but_colour() {
    for verbose in [0, 1, 2] {
        let style = |color| Style { color, verbose, width: Some(100), ..utc(Format::Text) };
        let (plain, colored) = (written(style(false), &fixtures::all()), written(style(true), &fixtures::all()));
        assert!(!plain.contains('\x1b'));
        assert_ne!(plain, colored);
        assert_eq!(stripped(&colored), plain);
    }
}

/// Without SGR sequences.
fn stripped(text: &str) -> String {
    let mut pieces = text.split("\x1b[");
    let head = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(head, |text, piece| text + piece.split_once('m').unwrap().1)
}

#[test]
fn nothing_foreign_reaches_the_terminal_unescaped() {
    for format in [Format::Text, Format::Json, Format::Csv, Format::Markdown] {
        let context = context(&["a\x1b[2Jb.pcap", "other.pcap"]);
        let (text, _) = run(utc(format), &context, &[fixtures::forged()]);
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    }
    let text = findings_text(utc(Format::Text), &[fixtures::forged()]);
    assert!(text.contains("  says      \"\\x1b[31mblocked by policy\\r\\n\"\n  because"), "{text}");
}

#[test]
fn comments_stand_by_their_frames() {
    let finding = fixtures::half_open();
    let mut context = context(&["half-open.pcap"]);
    for (number, text) in [(5, "two\nlines"), (4, "\x1b[2Jprovoked"), (99, "elsewhere")] {
        context.comments.add(FrameNo::new(0, number), text.to_owned());
    }
    let (text, _) = run(utc(Format::Text), &context, std::slice::from_ref(&finding));
    let rows: Vec<&str> = text.lines().filter(|line| line.contains("#5 ") || line.contains("comment")).collect();
    assert_eq!(rows[0], "     comment: \\u{1b}[2Jprovoked");
    assert!(rows[1].starts_with("> #5 "), "{text}");
    assert_eq!(rows[2..4], ["     comment: two", "     comment: lines"]);
    assert!(!text.contains("elsewhere"));
    let (json, _) = run(utc(Format::Json), &context, &[finding]);
    let reset: Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(reset["comment"], "two\nlines");
    assert_eq!(reset["trigger"]["comment"], "\x1b[2Jprovoked");
    assert_eq!(reset["evidence"][0]["comment"], "\x1b[2Jprovoked");
    assert_eq!(reset["evidence"][1].get("comment"), None);
}

#[test]
fn verbose_shows_every_segment_and_what_spoke_against() {
    let text = |verbose| findings_text(Style { verbose, ..utc(Format::Text) }, &[fixtures::unread_data()]);
    let rows = |text: &str| text.lines().filter(|line| line.contains(": Flags [")).count();
    assert_eq!(rows(&text(0)), 7);
    assert!(text(0).contains("       ... 18 segments, 25.7 kB, 760 us\n"));
    assert!(!text(0).contains("against"));
    assert_eq!(rows(&text(1)), 25);
    assert!(text(1).contains("  against   half-open-response: window, options or IP ID are those of a live socket\n"));
    assert!(text(1).contains("            closed-port: the handshake was complete (#122)\n"));
    assert!(text(1).contains("  state     before it: client ESTABLISHED, server ESTABLISHED\n"));
    let follow_up = findings_text(Style { verbose: 1, ..utc(Format::Text) }, &fixtures::follow_ups());
    assert!(follow_up.starts_with("HALF-OPEN RESPONSE  echo-after-reset"));
}

#[test]
fn at_most_eight_segments_are_shown_the_reset_and_its_trigger_among_them() {
    let mut finding = fixtures::unread_data();
    for segment in &mut finding.segments {
        segment.deciding = true;
    }
    finding.segments_before += 1_000;
    let text = findings_text(Style { frame_numbers: true, ..utc(Format::Text) }, &[finding]);
    let rows: Vec<&str> = text.lines().filter(|line| line.contains(": Flags [")).collect();
    assert_eq!(rows.len(), 8);
    assert!(rows[0].starts_with("  #120 ") && rows[2].starts_with("  #122 ") && rows[7].starts_with("> #144 "));
    assert!(text.contains("... 17 segments (#123 to #139), 24.2 kB, 730 us\n"), "{text}");
}

/// SYN, FIN and RST stay when others go: what was not kept came after the handshake.
#[test]
fn segments_that_were_not_kept_are_counted_where_they_came() {
    let mut finding = fixtures::unread_data();
    finding.segments_before += 1_000;
    let text = findings_text(utc(Format::Text), &[finding.clone()]);
    let above = |row: &str| text.lines().skip_while(|line| !line.contains(row)).nth(1).unwrap_or_default().to_owned();
    assert_eq!(above("  #121 "), "       ... 1000 segments not kept, 48 us", "{text}");
    finding.segments.retain(|seen| !(122..124).contains(&seen.frame.number()));
    let text = findings_text(utc(Format::Text), &[finding]);
    let gap = "       ... 1002 segments not kept, then 18 segments, 25.7 kB, 858 us\n";
    assert!(text.contains(gap), "{text}");
}

#[test]
fn quiet_is_one_line_a_reset_and_very_quiet_has_no_summary() {
    let style = |quiet| Style { quiet, ..utc(Format::Text) };
    let expected = "
#5 07:00:34.251490 192.168.1.109:12345 > 192.168.1.108:55100 half-open-response/lost-state likely (answers #4 after 113 us)
#7 07:00:34.252010 192.168.1.109:12345 > 192.168.1.108:55100 half-open-response/echo-after-reset certain (follows from #5)
";
    let [echo, _] = fixtures::follow_ups();
    let findings = [fixtures::half_open(), echo];
    assert_text(&findings_text(style(1), &findings), expected);
    let (text, _) = run(style(2), &context(&["half-open.pcap"]), &findings);
    assert_text(text.trim_end(), expected);
}

#[test]
fn quiet_lines_end_with_what_the_sender_says() {
    let mut finding = fixtures::half_open();
    finding.reset.payload = b"No TCP/No listener".to_vec();
    finding.reset.len = 18;
    let text = findings_text(Style { quiet: 1, ..utc(Format::Text) }, &[finding]);
    assert!(text.trim_end().ends_with(" likely (answers #4 after 113 us) says \"No TCP/No listener\""), "{text}");
}

#[test]
fn several_inputs_are_named_when_they_change() {
    let text = written(utc(Format::Text), &[fixtures::half_open(), fixtures::closed_port(), fixtures::alone()]);
    assert!(text.starts_with("half-open.pcap\n\nHALF-OPEN"), "{text}");
    assert!(text.contains("\n\nother.pcap\n\nUNDETERMINED"), "{text}");
    assert_eq!(text.matches(".pcap").count(), 2);
}

#[test]
fn stamps_and_numbers_are_as_asked_for() {
    let line = |style: Style| {
        let text = findings_text(style, &[fixtures::half_open()]);
        text.lines().find(|line| line.starts_with("  #4")).unwrap().to_owned()
    };
    let none = line(Style { time: TimeStyle::None, absolute_numbers: true, ..utc(Format::Text) });
    let expected = "  #4 IP 192.168.1.108.55100 > 192.168.1.109.12345: Flags [P.], \
                    seq 3093809366:3093809369, ack 1495337792, win 502, length 3";
    assert!(none.starts_with(expected), "{none}");
    assert!(line(Style { time: TimeStyle::Delta, ..utc(Format::Text) }).starts_with("  #4 00:00:34.251126 IP "));
    assert!(
        line(Style { time: TimeStyle::Epoch, nano: true, ..utc(Format::Text) })
            .starts_with("  #4 1795330834.251377000 IP ")
    );
}

#[test]
fn numbers_of_an_old_connection_are_as_on_the_wire() {
    let text = findings_text(utc(Format::Text), &[fixtures::time_wait()]);
    assert!(text.contains("Flags [.], ack 4000017, win 501"), "{text}");
    assert!(text.contains("Flags [R], seq 4000017, win 0"), "{text}");
}

/// What the server sent before its SYN|ACK belongs to the old connection, and is no base for the new one.
#[test]
fn numbers_after_a_handshake_count_from_it() {
    let mut finding = fixtures::time_wait();
    finding.connection.server_base = Some(SeqNum(9_000_041));
    let opened = *finding.segments.last().unwrap();
    let (seq, ack_field) = (opened.ack_field, opened.seq.plus(1));
    finding.segments.push(Seen { from_client: true, flags: Flags::ACK, seq, ack_field, ..opened });
    let text = findings_text(utc(Format::Text), &[finding]);
    assert!(text.contains("Flags [.], ack 1, win 65160"), "{text}");
}

#[test]
fn a_terminal_shows_standard_error_apart() {
    let live = Context { live: true, ..context(&["eth0"]) };
    let file = context(&["a.pcap"]);
    let written = |width, context| run(Style { width, ..utc(Format::Text) }, context, &[fixtures::closed_port()]).0;
    let is_apart = |text: String| (text.starts_with('\n'), text.ends_with("\n\n"));
    assert_eq!(is_apart(written(Some(80), &live)), (true, true));
    assert_eq!(is_apart(written(Some(80), &file)), (true, false));
    assert_eq!(is_apart(written(None, &live)), (false, false));
}

#[test]
fn the_summary_counts_events_and_names_what_lowers_its_worth() {
    let (text, _) = run(utc(Format::Text), &Context { live: true, ..context(&["eth0"]) }, &[]);
    let expected = "
20004 frames, 19871 TCP segments, 312 connections, 1005 resets in 104 events, over 1 min 1 s

  resets  events
     100     100  closed port
     100     100    no-listener
     904       3  half-open response
       3       3    lost-state
     901       0    echo-after-reset
       1       1  abortive close
       1       1    unread-data

  resets  events  most affected of 8 services
       7       7  192.168.1.108:54327
       6       6  192.168.1.108:54326
       5       5  192.168.1.108:54325
       4       4  192.168.1.108:54324
     901       3  [2001:db8:4006:812:cafe:beef:dead:2003]:8443

133 frames without a usable TCP segment: 13 IP fragments of incomplete packets, 120 IP but not TCP
2 connections forgotten to stay within memory, at most 97 at a time (--max-connections): verdicts that lack them say so
1 reset decided early, because too many were waiting for what follows them or the clock went back: they say so
4 frames dropped by the kernel: verdicts that may lack them say so; a larger buffer (-B) helps
";
    assert_text(text.trim_end(), expected);
}

#[test]
fn count_prints_numbers_only() {
    let expected = "
closed-port/no-listener              100 resets  100 events
abortive-close/unread-data             1 reset     1 event
half-open-response/lost-state          3 resets    3 events
half-open-response/echo-after-reset  901 resets    0 events
1005 resets in 104 events
";
    assert_text(written(utc(Format::Count), &fixtures::all()).trim_end(), expected);
}

#[test]
fn live_findings_are_flushed_one_by_one() {
    let findings = fixtures::all();
    let live = Context { live: true, ..context(&["eth0"]) };
    for format in [Format::Text, Format::Json] {
        assert_eq!(run(utc(format), &live, &findings).1, findings.len() + 1);
    }
    // Its header, too.
    assert_eq!(run(utc(Format::Csv), &live, &findings).1, findings.len() + 2);
    for format in [Format::Text, Format::Json, Format::Csv, Format::Markdown] {
        assert_eq!(run(utc(format), &context(&["a.pcap"]), &findings).1, 1);
    }
}

#[test]
fn json_has_the_documented_keys_in_the_documented_order() {
    let expected = concat!(
        r#"{"type":"reset","schema":1,"frame":5,"time":"2026-11-22T07:00:34.251490000Z","#,
        r#""src":"192.168.1.109","sport":12345,"dst":"192.168.1.108","dport":55100,"#,
        r#""flags":"R","seq":1495337792,"ack":null,"win":0,"len":0,"ttl":64,"ip_id":0,"file":"half-open.pcap","#,
        r#""class":"half-open-response","cause":"lost-state","certainty":"likely","form":"ack-echo","sender_role":"server","#,
        r#""connection":1,"incarnation":1,"stream":0,"service":"192.168.1.109:12345","community_id":"1:2xPWkMHHgjBk8gySQ+47//DWH2U=","#,
        r#""trigger":{"frame":4,"after_ns":113000},"follows":null,"#,
        r#""idle_ns":34251126000,"effect":{"on_peer":"accepted","application":"ECONNRESET","#,
        r#""bytes_lost_to_sender":3,"bytes_lost_to_peer":0},"benign":false,"#,
        r#""state":{"client":"ESTABLISHED","server":"ESTABLISHED"},"#,
        r#""evidence":[{"fact":"seq-equals-ack-of","frame":4},{"fact":"window-zero-no-options"},"#,
        r#"{"fact":"no-fin-from-sender"},{"fact":"no-gap-in-sender"}],"#,
        r#""against":[{"class":"abortive-close","fact":"no-fin-from-sender"}],"#,
        r#""alternatives":[{"class":"abortive-close","cause":"data-after-close","#,
        r#""why":"its FIN may have been lost before the capture point"}],"missing":[],"#,
        r#""summary":"192.168.1.109:12345 (server) most likely no longer knows the connection that "#,
        r#"192.168.1.108:55100 (client) still uses.","#,
        r#""advice":"did the program, host or address of 192.168.1.109 stop, restart or move in the 34.2 s before #4, "#,
        r##"or did a device on the way forget the connection? TCP keepalives at the client (SO_KEEPALIVE, TCP_KEEPIDLE) "##,
        r#"tell sooner"}"#,
    );
    let text = written(utc(Format::Json), &[fixtures::half_open()]);
    let (reset, summary) = text.split_once('\n').unwrap();
    assert_eq!(reset, expected);
    let expected = concat!(
        r#"{"type":"summary","schema":1,"frames":20004,"segments":19871,"resets":1005,"events":104,"#,
        r#""by_class":{"abortive-close":{"resets":1,"events":1},"closed-port":{"resets":100,"events":100},"#,
        r#""half-open-response":{"resets":904,"events":3}},"#,
        r#""by_cause":{"abortive-close/unread-data":{"resets":1,"events":1},"#,
        r#""closed-port/no-listener":{"resets":100,"events":100},"#,
        r#""half-open-response/echo-after-reset":{"resets":901,"events":0},"#,
        r#""half-open-response/lost-state":{"resets":3,"events":3}},"#,
        r#""connections":312,"tracked_max":97,"skipped":{"fragment":13,"not-tcp":120},"max_connections":97,"evictions":2,"settled_early":1,"#,
        r#""kernel_drops":null,"first":"2026-11-22T07:00:00.000000000Z","last":"2026-11-22T07:01:01.000000000Z","#,
        r#""wall_seconds":0.25}"#,
        "\n",
    );
    assert_eq!(summary, expected);
}

#[test]
fn json_tells_unknown_from_not_applicable() {
    let lines: Vec<Value> =
        written(utc(Format::Json), &fixtures::all()).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |cause: &str| lines.iter().find(|line| line["cause"] == cause).unwrap().as_object().unwrap();
    assert_eq!(of("unread-data")["trigger"], Value::Null);
    assert_eq!(of("unread-data")["ip_id"], Value::Null);
    for absent in ["trigger", "idle_ns", "sender_role", "encap", "payload", "says"] {
        assert!(!of("starts-mid-connection").contains_key(absent), "{absent}");
    }
    assert_eq!(of("starts-mid-connection")["file"], "other.pcap");
    assert_eq!(of("injected")["encap"]["vlan"], serde_json::json!([100, 20]));
    assert_eq!(of("injected")["encap"]["layers"], serde_json::json!(["vlan 100", "vxlan", "vlan 20"]));
    assert_eq!(of("injected")["payload"], "\\x1b[31mblocked by policy\\r\\n");
    assert_eq!(of("injected")["says"], serde_json::json!(["\"\\x1b[31mblocked by policy\\r\\n\""]));
    assert!(!of("injected")["effect"].as_object().unwrap().contains_key("bytes_lost_to_peer"));
    assert_eq!(of("echo-after-reset")["follows"], 5);
    let live = Context { live: true, ..context(&["eth0"]) };
    let (text, _) = run(utc(Format::Json), &live, &[]);
    assert!(text.contains("\"kernel_drops\":4,"));
}

#[test]
fn community_id_is_that_of_other_tools() {
    let mut finding = fixtures::half_open();
    finding.connection.tuple = crate::tcp::FourTuple {
        src: "128.232.110.120:34855".parse().unwrap(),
        dst: "66.35.250.204:80".parse().unwrap(),
    };
    let text = written(utc(Format::Json), &[finding]);
    assert!(text.contains("\"community_id\":\"1:LQU9qZlK+B5F3KDmev6m5PMibrg=\""), "{text}");
}

/// What a sink writes of findings that make patterns: four idle connections, and six ports that refuse one client.
fn written_of_patterns(style: Style) -> String {
    let mut findings = Vec::new();
    for number in 1..=4 {
        let mut finding = fixtures::half_open();
        finding.connection.number = number;
        finding.connection.tuple.src.set_port(55_099 + number as u16);
        finding.reset.tuple.dst.set_port(55_099 + number as u16);
        finding.reset.time = finding.reset.time.plus(number as i64 * 60_000_000_000);
        finding.verdict.idle_ns = Some(350_000_000_000 + number as i64);
        findings.push(finding);
    }
    for port in 1..=6 {
        let mut finding = fixtures::closed_port();
        finding.reset.frame = FrameNo::new(1, u64::from(port));
        finding.reset.tuple.src.set_port(port);
        finding.connection.tuple.dst.set_port(port);
        findings.push(finding);
    }
    let shared = Shared::default();
    let mut context = context(&["half-open.pcap", "other.pcap"]);
    let mut sink = sink(style, Box::new(shared.clone()));
    let summary = fixtures::summary();
    for finding in &findings {
        context.patterns.add(finding);
        sink.finding(&context, finding).unwrap();
    }
    sink.finish(
        &context,
        &Finished {
            summary: &summary,
            wall_seconds: Some(0.25),
            kernel_drops: None,
            queue_drops: None,
            sampled_out: None,
        },
    )
    .unwrap();
    String::from_utf8(shared.0.take().0).unwrap()
}

#[test]
fn patterns_are_folded_named_and_counted() {
    let text = written_of_patterns(utc(Format::Text));
    let expected = "
  #5 of other.pcap is one more of a pattern: 192.168.1.109 tried 5 targets (5 ports, 1 host): a scan, or services that are down. From here on these are only counted (-v shows each)

20004 frames, 19871 TCP segments, 312 connections, 1005 resets in 104 events, over 1 min 1 s
";
    assert!(text.contains(expected.trim_end()), "{text}");
    let expected = "
  resets  folded  patterns
       4       0  connections to 192.168.1.109:12345 were reset by the server after 350.0 s idle: matches AWS NLB idle timeout (350 s), AWS NAT gateway idle timeout (350 s) (#5 of half-open.pcap, #5 of half-open.pcap, #5 of half-open.pcap and 1 more)
                  keepalives (TCP_KEEPIDLE) or requests more often than every 350.0 s keep such connections; or raise that timer
       6       2  192.168.1.109 tried 6 targets (6 ports, 1 host): a scan, or services that are down (#1 of other.pcap, #2 of other.pcap, #3 of other.pcap and 3 more)
                  does 192.168.1.109 know what it looks for? If it is yours, check its list of services

3 resets are folded: -v shows each, --only those of a cause or host
";
    assert!(text.contains(expected.trim_end()), "{text}");
    let titles = |text: &str| text.matches("CLOSED PORT  ").count();
    assert_eq!(titles(&text), 2);
    assert!(text.contains(
        "\n> #4 07:00:00.000098 192.168.1.108:4 > 192.168.1.109:42001   like #1 (class certain, tcp.stream eq 0)\n"
    ));
    let whole = written_of_patterns(Style { verbose: 1, ..utc(Format::Text) });
    assert_eq!(titles(&whole), 6);
    assert!(whole.contains("\n  resets  patterns\n") && !whole.contains("folded"), "{whole}");
    assert_eq!(written_of_patterns(Style { quiet: 2, ..utc(Format::Text) }).matches(" > ").count(), 10);
}

#[test]
fn the_schema_knows_every_id_and_every_key() {
    let schema: Value = serde_json::from_str(include_str!("../../docs/schema.json")).unwrap();
    let properties = &schema["$defs"]["reset"]["properties"];
    let enumerated = |value: &Value| -> Vec<String> {
        value["enum"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    };
    macro_rules! assert_ids {
        ($type:ty, $value:expr) => {
            let ids: Vec<&str> = <$type>::ALL.iter().map(|value| value.id()).collect();
            assert_eq!(enumerated(&$value), ids);
        };
    }
    assert_ids!(Class, schema["$defs"]["class"]);
    assert_ids!(Cause, schema["$defs"]["cause"]);
    assert_ids!(FactKind, schema["$defs"]["fact"]["properties"]["fact"]);
    assert_ids!(Missing, properties["missing"]["items"]);
    assert_ids!(Certainty, properties["certainty"]);
    assert_ids!(Form, properties["form"]);
    assert_ids!(Role, properties["sender_role"]);
    assert_ids!(OnPeer, properties["effect"]["properties"]["on_peer"]);
    let protocols: Vec<&str> = Protocol::ALL.iter().map(|protocol| protocol.id()).collect();
    assert_eq!(enumerated(&schema["$defs"]["heard"]["properties"]["protocol"]), protocols);
    assert_ids!(Application, properties["effect"]["properties"]["application"]);

    assert_eq!(enumerated(&schema["$defs"]["pattern"]["properties"]["pattern"]), What::IDS);

    let lines = written(utc(Format::Json), &fixtures::all()) + &written_of_patterns(utc(Format::Json));
    assert_eq!(lines.matches("\"type\":\"pattern\"").count(), 2);
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let described = &schema["$defs"][line["type"].as_str().unwrap()];
        for key in line.as_object().unwrap().keys() {
            assert!(described["properties"].get(key).is_some(), "{key} is not described");
        }
        for key in described["required"].as_array().unwrap() {
            assert!(line.get(key.as_str().unwrap()).is_some(), "{key} is required");
        }
    }
}

#[test]
fn what_applications_said_is_shown_with_its_frame() {
    let said = |frame, seq, bytes: &[u8]| {
        Some(Heard { frame: FrameNo::new(0, frame), seq: SeqNum(seq), hint: hint(bytes).unwrap() })
    };
    let mut finding = fixtures::half_open();
    finding.from_client = said(4, 1, b"GET /\xff HTTP/1.1\r\n");
    finding.from_server = said(2, 1, &[21, 3, 3, 0, 2, 2, 40]);
    let text = findings_text(utc(Format::Text), &[finding.clone()]);
    let expected = concat!(
        "  protocol  the client said http \"GET /\\xff HTTP/1.1\" (#4)\n",
        "            the server said tls \"alert fatal handshake_failure\" (#2)\n",
    );
    assert!(text.contains(expected), "{text}");
    let json = written(utc(Format::Json), &[finding.clone()]);
    let line: Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    let expected = serde_json::json!({
        "from_client": { "frame": 4, "protocol": "http", "text": "GET /\\xff HTTP/1.1" },
        "from_server": { "frame": 2, "protocol": "tls", "text": "alert fatal handshake_failure" },
    });
    assert_eq!(line["application"], expected);
    finding.connection.opener_known = false;
    let text = findings_text(utc(Format::Text), &[finding]);
    assert!(text.contains("  protocol  192.168.1.108:55100 said http"), "{text}");
}

#[test]
fn ladders_keep_to_the_width_and_to_ascii_where_that_is_asked_for() {
    for width in [72, 80, 100, 120, 200] {
        for ascii in [false, true] {
            let style = Style { ladder: true, width: Some(width), ascii, ..utc(Format::Text) };
            for finding in fixtures::all() {
                let text = findings_text(style.clone(), &[finding]);
                let wide = text.lines().find(|line| line.chars().count() > width);
                assert_eq!(wide, None, "{width} columns:\n{text}");
                assert!(!ascii || !text.contains(['│', '─', '━', '►']), "{text}");
            }
        }
    }
}

#[test]
fn a_ladder_at_80_columns_without_colour() {
    let style = Style { ladder: true, width: Some(80), ascii: true, ..utc(Format::Text) };
    let text = findings_text(style, &[fixtures::half_open()]);
    let drawn: Vec<&str> = text.lines().skip_while(|line| !line.contains("time since")).take(12).collect();
    let expected = [
        "  time since 07:00:00.000000",
        "                  192.168.1.108:55100 (client)  192.168.1.109:12345 (server)",
        "  #1  +0.000000    SYN-SENT |--------------- SYN --------------->|",
        "  #2  +0.000213             |<------------- SYN, ACK ------------| SYN-RECEIVED",
        "  #3  +0.000251 ESTABLISHED |--------------- ACK --------------->| ESTABLISHED",
        "                            :          ... 34.2 s idle           :",
        "* #4 +34.251377             |............. 3 bytes .............>|",
        "                            |            provoked it             |",
        "                            |         never acknowledged         |",
        "> #5 +34.251490      CLOSED |<=============== RST ===============| CLOSED",
        "                            |          07:00:34.251490           |",
        "                            |            113 us later            |",
    ];
    assert_eq!(drawn, expected, "{text}");
}

#[test]
fn csv_has_a_header_and_a_line_a_reset() {
    let text = written(utc(Format::Csv), &fixtures::all());
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    assert_eq!(header.iter().collect::<Vec<_>>(), COLUMNS.map(|column| column.name));
    let records: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(records.len(), fixtures::all().len());
    let cell = |name: &str| records[0].get(header.iter().position(|own| own == name).unwrap()).unwrap();
    let expected = [
        ("file", "half-open.pcap"),
        ("frame", "5"),
        ("time", "2026-11-22T07:00:34.251490000Z"),
        ("service", "192.168.1.109:12345"),
        ("cause", "lost-state"),
        ("benign", "false"),
        ("follows", ""),
        ("trigger_after_ns", "113000"),
        ("ack", ""),
        ("evidence", "seq-equals-ack-of window-zero-no-options no-fin-from-sender no-gap-in-sender"),
    ];
    for (name, value) in expected {
        assert_eq!(cell(name), value, "{name}");
    }
}

#[test]
fn markdown_is_a_table_of_events_with_what_to_check() {
    let findings = [fixtures::closed_port(), fixtures::follow_ups()[0].clone()];
    let (text, _) = run(utc(Format::Markdown), &context(&["a.pcap"]), &findings);
    let expected = "
| frame | time (UTC) | sender | receiver | verdict | certainty | what happened |
|---:|---|---|---|---|---|---|
| 2 | 2026-11-22 07:00:00.000 | 192.168.1.108:54321 | 192.168.1.109:42001 | closed-port/no-listener | class certain | 192.168.1.108:54321 (server) refused 192.168.1.109:42001 (client): probably nothing listens on port 54321 there. |

1005 resets in 104 events, 312 connections.

To check:

* no-listener: is the service up, and does it listen on this address and port? On 192.168.1.108: ss -ltn; a listener on 127.0.0.1 or ::1 is not reachable from outside
";
    assert_text(text.trim_end(), expected);
    let patterns = written_of_patterns(utc(Format::Markdown));
    assert!(
        patterns.contains("\nIn common:\n\n* 4 resets: connections to 192.168.1.109:12345 were reset"),
        "{patterns}"
    );
    for line in patterns.lines().filter(|line| line.starts_with('|')) {
        assert_eq!(line.matches('|').count() - line.matches("\\|").count(), 8, "{line}");
    }
    assert!(patterns.contains("| 1 of other.pcap |"), "{patterns}");
}
