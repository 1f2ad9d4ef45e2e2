//! Captures of the same connections at two points: who sent each reset, and which were made or lost between them.
//!
//! A packet script says what is on the way; from it a [`Road`] makes what either end captures: with its own clock, its own
//! addresses, its own merging of segments, and without what never came there.

#[allow(dead_code, unused_imports, reason = "shared with tests/cases.rs, which uses all of it")]
mod script;

#[allow(dead_code, reason = "shared with tests/cli.rs, which uses all of it")]
mod schema;

#[path = "points/road.rs"]
mod road;

use road::{MS, Road, Sent, TALK, ran, told};
use rstscan::tcp::Flags;
use script::{Capture, Encapsulation};

/// Another connection of both, as long as the first and a while longer.
const OTHER: &str = "\
host D 192.0.2.10:40001
+-1.5     D > S  S   0:0(0) win 64240 <mss 1460>
+.01      S > D  S.  0:0(0) ack 1 win 65160 <mss 1460>
+.01      D > S  .   1:1(0) ack 1 win 502
+.2       D > S  P.  1:11(10) ack 1 win 502
+.02      S > D  .   1:1(0) ack 11 win 509
+2        D > S  P.  11:21(10) ack 1 win 502
+.02      S > D  .   1:1(0) ack 21 win 509
";

/// The server's kernel aborts: both captures have the reset.
const ABORT: &str = "+.01 S > C R. 301:301(0) ack 201 win 0\n";
/// A device answers the second request in the server's name.
const REJECT: &str = "+.001 S > C R 301:301(0) win 0 ttl 63\n";

#[test]
fn a_reset_in_both_captures_was_truly_sent() {
    let told = Road::answered(ABORT).told();
    told.is("sent", "abortive-close", "likely").sees(0, "seen").sees(1, "seen");
    assert!(told.shows("seen-at-other-point") && told.says().contains("The server truly sent it"), "{told:#?}");
    assert_eq!(told.summary["resets"], 1);
    assert_eq!(told.summary["points"]["passages"]["sent"], 1);
}

#[test]
fn a_reset_that_never_left_the_server_was_born_between() {
    let told = Road::new(&format!("{TALK}{REJECT}{OTHER}")).unseen_by_server(&[8, 9]).told();
    told.is("born-between", "forged", "certain").sees(1, "bracketed").trigger("never-arrived");
    assert!(told.shows("absent-at-other-point") && told.shows("trigger-never-reached-other-point"), "{told:#?}");
    assert!(told.says().contains("The server never sent this reset"), "{}", told.says());
    assert_eq!(told.resets[0]["cause"], "firewall-reject");
}

#[test]
fn without_a_second_witness_it_is_likely_only() {
    let reject = REJECT.replace("63", "62");
    let told = Road::new(&format!("{TALK}{reject}{OTHER}")).unseen_by_server(&[8, 9]).told();
    told.is("born-between", "forged", "likely");
    assert!(told.says().contains("Most likely the server never sent this reset"), "{}", told.says());
}

#[test]
fn a_server_that_goes_on_never_sent_it() {
    let goes_on =
        "+.001 S > C R 301:301(0) win 0 ttl 62\n+1 S > C P. 301:401(100) ack 101 win 509 <TS val 999 ecr 103>\n";
    let told = Road::answered(goes_on).unseen_by_server(&[8, 9]).unseen_by_client(&[10]).told();
    told.is("born-between", "forged", "certain");
    assert!(told.shows("sender-continues"), "{told:#?}");
}

#[test]
fn a_capture_that_may_have_ended_proves_nothing() {
    let told = Road::answered(REJECT).unseen_by_server(&[8, 9]).told();
    assert_eq!(told.resets[0]["points"]["passage"], "unknown", "{told:#?}");
    told.sees(1, "ended");
    assert!(!told.says().contains("never sent"), "{}", told.says());
}

#[test]
fn a_capture_that_began_later_proves_nothing() {
    let told = Road::new(&format!("{TALK}{REJECT}")).unseen_by_server(&[1, 2, 3, 4, 5, 6, 7, 8, 9]).told();
    assert_eq!(told.resets[0]["points"]["passage"], "not-joined", "{told:#?}");
}

#[test]
fn a_capture_with_losses_proves_little() {
    let told = Road::new(&format!("{TALK}{REJECT}{OTHER}")).unseen_by_server(&[6, 8, 9]).told();
    let points = &told.resets[0]["points"];
    assert_eq!((&points["passage"], &points["certainty"]), (&"born-between".into(), &"possible".into()), "{told:#?}");
    told.sees(1, "lossy");
    assert_ne!(told.resets[0]["certainty"], "certain");
    assert!(!told.says().contains("never sent"), "{}", told.says());
}

#[test]
fn a_capture_of_one_direction_proves_nothing() {
    let told = Road::new(&format!("{TALK}{REJECT}{OTHER}")).unseen_by_server(&[2, 5, 6, 9]).told();
    assert_eq!(told.resets[0]["points"]["passage"], "unknown", "{told:#?}");
    told.sees(1, "one-sided");
}

#[test]
fn a_reset_that_left_the_server_may_be_lost_on_the_way() {
    let told = Road::new(&format!("{TALK}{ABORT}{OTHER}")).unseen_by_client(&[9]).told();
    told.is("lost-between", "abortive-close", "likely").sees(0, "bracketed");
    assert_eq!(told.resets[0]["effect"]["on_peer"], "ignored");
    assert!(told.says().contains("it never reached the client"), "{}", told.says());
}

#[test]
fn what_the_server_answers_may_never_have_been_sent() {
    let told = Road::new(&format!("{TALK}+.01 S > C R 301:301(0) win 0\n{OTHER}")).unseen_by_client(&[8]).told();
    told.is("sent", "half-open-response", "likely").trigger("never-sent");
    assert!(told.says().contains("was never sent by the client"), "{}", told.says());
}

#[test]
fn a_reset_with_other_numbers_was_rewritten() {
    let abort = "+.5 C > S R. 201:201(0) ack 301 win 0\n";
    let told = Road::answered(abort).changed(|mut capture| {
        let reset = capture.iter_mut().find(|sent| sent.flags.has(Flags::RST)).unwrap();
        reset.seq += 10;
        capture
    });
    told.told().is("rewritten", "abortive-close", "likely");
}

#[test]
fn a_reset_from_another_place_was_rewritten() {
    let told = Road::answered(ABORT).changed(|mut capture| {
        capture.iter_mut().find(|sent| sent.flags.has(Flags::RST)).unwrap().ttl = 255;
        capture
    });
    assert_eq!(told.told().resets[0]["points"]["passage"], "rewritten");
}

#[test]
fn both_ends_are_reset_from_the_middle() {
    let both = "+.001 S > C R 301:301(0) win 0 ttl 63\n+0 C > S R 201:201(0) win 0 ttl 63\n";
    let told = Road::new(&format!("{TALK}{both}{OTHER}")).unseen_by_server(&[9]).unseen_by_client(&[10]).told();
    assert_eq!(told.resets.len(), 2, "{told:#?}");
    for reset in &told.resets {
        assert_eq!(
            (&reset["class"], &reset["points"]["passage"]),
            (&"forged".into(), &"born-between".into()),
            "{reset:#}"
        );
        let evidence = reset["evidence"].as_array().unwrap();
        assert!(evidence.iter().any(|shown| shown["fact"] == "mirrored-reset"), "{reset:#}");
    }
}

#[test]
fn a_nat_keeps_the_numbers() {
    let told = Road::new(&format!("{TALK}{REJECT}{OTHER}")).behind_nat().unseen_by_server(&[8, 9]).told();
    told.is("born-between", "forged", "certain");
    let sightings = &told.resets[0]["points"]["sightings"];
    assert_eq!((&sightings[0]["dst"], &sightings[1]["dst"]), (&"192.0.2.10".into(), &"198.51.100.77".into()));
    Road::answered(ABORT).behind_nat().told().is("sent", "abortive-close", "likely");
}

#[test]
fn clocks_are_aligned_hours_apart_and_drifting() {
    let told = Road::answered(ABORT).clock(7_200_000 * MS, 0).told();
    told.is("sent", "abortive-close", "likely");
    let offset = told.clock()["offset_ns"].as_i64().unwrap();
    assert!((offset - 7_200_000 * MS).abs() < MS, "{offset}");
    assert_eq!(told.clock()["round_trip_ns"], 10 * MS);
    let long: String = (0..40)
        .map(|at| {
            format!(
                "+1 C > S P. {}:{}(10) ack 301 win 501\n+.01 S > C . 301:301(0) ack {} win 509\n",
                201 + at * 10,
                211 + at * 10,
                211 + at * 10
            )
        })
        .collect();
    let end = "+1 S > C R. 301:301(0) ack 601 win 0\n";
    let told =
        Road::answered(&format!("+.01 S > C . 301:301(0) ack 201 win 509\n{long}{end}")).clock(-90 * MS, 50_000).told();
    let drift = told.clock()["drift_ppb"].as_i64().unwrap();
    assert!((drift - 50_000).abs() < 2_000, "{drift}");
    assert!(told.clock()["residual_ns"].as_i64().unwrap() < MS, "{:#}", told.clock());
}

/// Each frame twice, as on a bridge and on the port of it (tcpdump -i any).
fn doubled(capture: Capture) -> Capture {
    let twice = |sent: Sent| [sent.clone(), Sent { time_ns: sent.time_ns + 20_000, ..sent }];
    capture.into_iter().flat_map(twice).collect()
}

#[test]
fn what_one_point_captures_twice_is_one_segment() {
    let told = Road::answered(ABORT).changed(doubled).told();
    for reset in &told.resets {
        let said = (&reset["points"]["passage"], &reset["class"]);
        assert_eq!(said, (&"sent".into(), &"abortive-close".into()), "{reset:#}");
    }
    let told = Road::new(&format!("{TALK}{REJECT}{OTHER}")).unseen_by_server(&[8, 9]).changed(doubled).told();
    told.is("born-between", "forged", "certain");
}

#[test]
fn a_clock_that_is_set_meanwhile_is_no_witness() {
    let reject = "+.001 S > C R 301:301(0) win 0 ttl 62\n";
    let told = Road::answered(reject).unseen_by_server(&[8, 9]).changed(|mut capture| {
        let count = capture.len();
        capture.iter_mut().skip(count - 2).for_each(|sent| sent.time_ns += 5_000 * MS);
        capture
    });
    let told = told.told();
    assert_eq!(told.resets[0]["points"]["passage"], "unknown", "{told:#?}");
    assert!(!told.shows("sender-continues"));
}

/// Puts segments of one sender that follow each other into one, as a host that merges what it receives (GRO) captures them.
fn merged(capture: Capture) -> Capture {
    let mut all: Capture = Vec::new();
    for sent in capture {
        match all.last_mut() {
            Some(last)
                if !sent.payload.is_empty()
                    && last.from == sent.from
                    && last.seq + last.payload.len() as u32 == sent.seq
                    && !last.payload.is_empty() =>
            {
                last.payload.extend(sent.payload);
            }
            _ => all.push(sent),
        }
    }
    all
}

#[test]
fn segments_that_a_host_merges_are_not_missing() {
    let burst: String = (0..6)
        .map(|at| format!("+.0001 C > S . {}:{}(1000) ack 301 win 501\n", 201 + at * 1000, 1201 + at * 1000))
        .collect();
    let road = |ttl| {
        let end =
            format!("+.03 S > C . 301:301(0) ack 6201 win 509\n+.5 C > S R. 6201:6201(0) ack 301 win 0 ttl {ttl}\n");
        Road::new(&format!("{TALK}{burst}{end}{OTHER}"))
    };
    let told = road(64).changed(merged).told();
    told.is("sent", "abortive-close", "likely");
    let told = road(62).unseen_by_client(&[16]).changed(merged).told();
    told.is("born-between", "forged", "likely").sees(0, "bracketed");
}

#[test]
fn a_proxy_makes_two_connections_of_one() {
    let other_numbers = |mut capture: Capture| {
        for sent in &mut capture {
            sent.seq = sent.seq.wrapping_add(1_000_000);
            sent.ack = sent.ack.wrapping_add(1_000_000);
            sent.options.clear();
        }
        capture
    };
    let told = Road::answered(ABORT).changed(other_numbers).told();
    assert_eq!(told.resets.len(), 2, "{told:#?}");
    assert!(told.resets.iter().all(|reset| reset["points"]["passage"] == "not-joined"));
    assert_eq!(told.summary["points"]["apart"]["other-numbers"], 2);
    let told = Road::answered(ABORT).behind_nat().changed(other_numbers).told();
    assert_eq!(told.summary["points"]["apart"]["not-found"], 2);
}

#[test]
fn a_firewall_that_changes_numbers_keeps_clocks() {
    let told = Road::answered(ABORT).changed(|mut capture| {
        for sent in &mut capture {
            let client = sent.from.port() == 80;
            sent.seq = sent.seq.wrapping_add(if client { 7 } else { 1_000_000 });
            if sent.flags.ack() {
                sent.ack = sent.ack.wrapping_add(if client { 1_000_000 } else { 7 });
            }
        }
        capture
    });
    told.told().is("sent", "abortive-close", "likely");
}

#[test]
fn the_order_of_points_is_found_where_nobody_says_it() {
    let road = Road::new(&format!("{TALK}{REJECT}{OTHER}")).unseen_by_server(&[8, 9]);
    let files = tempfile::tempdir().unwrap();
    let names: Vec<String> = road
        .captures()
        .iter()
        .zip(["a.pcap", "b.pcap"])
        .map(|(capture, name)| {
            let path = files.path().join(name);
            std::fs::write(&path, script::pcap(capture, Encapsulation::Ethernet)).unwrap();
            path.display().to_string()
        })
        .collect();
    for (one, other) in [(0, 1), (1, 0)] {
        let ran = ran(&["--json", "--join", "-r", &names[one], "-r", &names[other]]);
        told(&ran.stdout).is("born-between", "forged", "certain");
    }
}

#[test]
fn three_points_tell_between_which_two() {
    let road = Road::new(&format!("{TALK}{REJECT}{OTHER}")).unseen_by_server(&[8, 9]);
    let [client, server] = road.captures();
    let near = |sent: Sent| {
        let (hops, later) = if sent.to.port() == 80 { (-1_i16, MS) } else { (1, -MS) };
        Sent { ttl: (i16::from(sent.ttl) + hops) as u8, time_ns: sent.time_ns + later, ..sent }
    };
    let middle: Capture = client.iter().cloned().map(near).collect();
    let files = tempfile::tempdir().unwrap();
    let mut words = vec!["--json".to_owned(), "--join".to_owned()];
    for (capture, name) in [(server, "a.pcap"), (client, "b.pcap"), (middle, "c.pcap")] {
        let path = files.path().join(name);
        std::fs::write(&path, script::pcap(&capture, Encapsulation::Ethernet)).unwrap();
        words.extend(["-r".to_owned(), path.display().to_string()]);
    }
    let told = told(&ran(&words.iter().map(String::as_str).collect::<Vec<_>>()).stdout);
    told.is("born-between", "forged", "certain");
    assert_eq!(told.resets[0]["points"]["between"], serde_json::json!([0, 2]), "{told:#?}");
}

#[test]
fn usage_is_checked() {
    for words in [
        &["--join", "-r", "a.pcap"][..],
        &["--client-side", "a.pcap"],
        &["--client-side", "a", "--server-side", "b", "-r", "c"],
        &["--client-side", "-", "--server-side", "b"],
        &["--join", "-r", "a", "-r", "b", "-w", "c"],
    ] {
        let ran = ran(words);
        assert_eq!(ran.status, Some(2), "{words:?}: {}", ran.stderr);
    }
}
