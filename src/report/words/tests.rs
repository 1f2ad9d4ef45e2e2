use std::sync::LazyLock;

use super::*;
use crate::classify::{Application, FactKind, Missing, OnPeer};
use crate::report::fixtures;
use crate::tcp::{Complaint, SeqNum};

/// A finding about which everything that a sentence may mention is known.
fn full(cause: Cause, certainty: Certainty) -> Finding {
    let mut finding = fixtures::half_open();
    finding.verdict.cause = cause;
    finding.verdict.certainty = certainty;
    finding.verdict.follows = Some(FrameNo::new(0, 2));
    finding.verdict.alternatives.clear();
    finding
}

/// A finding about which nothing is known but the RST itself.
fn bare(cause: Cause, certainty: Certainty) -> Finding {
    let mut finding = fixtures::alone();
    finding.verdict = fixtures::verdict(Class::Undetermined, cause, certainty);
    finding
}

fn about(finding: &Finding) -> Speaker<'_> {
    static NO_INPUTS: LazyLock<Context> = LazyLock::new(Context::default);
    Speaker::new(&NO_INPUTS, finding)
}

#[track_caller]
fn assert_well_formed(text: &str) {
    assert!(!text.is_empty());
    for blemish in ["{", "}", "  ", " ,", " . ", " : ", " ()", "..", ",,", ": :"] {
        assert!(!text.contains(blemish), "{blemish:?} in {text:?}");
    }
    assert_eq!(text, text.trim());
}

#[test]
fn every_cause_has_a_sentence_and_advice_however_little_is_known() {
    for &cause in Cause::ALL {
        for &certainty in Certainty::ALL {
            for finding in [full(cause, certainty), bare(cause, certainty)] {
                let sentence = about(&finding).sentence();
                assert_well_formed(&sentence);
                assert!(sentence.ends_with('.') && !sentence.starts_with(char::is_lowercase), "{sentence}");
                let (sender, receiver) = (finding.reset.tuple.src.to_string(), finding.reset.tuple.dst.to_string());
                assert!(sentence.contains(&sender) && sentence.contains(&receiver), "who and whom: {sentence}");
                assert_well_formed(&about(&finding).check());
            }
        }
    }
}

#[test]
fn advice_and_sentences_belong_to_one_cause_each() {
    let mut sentences = std::collections::HashSet::new();
    for &cause in Cause::ALL {
        assert!(sentences.insert(words(cause).sentence), "{cause} says what another says");
    }
}

#[test]
fn what_is_not_certain_is_not_said_as_if_it_were() {
    for &cause in Cause::ALL {
        let hedged = words(cause).sentence.contains("{maybe}");
        let observed = matches!(
            cause,
            Cause::StartsMidConnection
                | Cause::TriggerMissing
                | Cause::OneSided
                | Cause::Truncated
                | Cause::Conflicting
                | Cause::EchoAfterReset
                | Cause::Duplicate
        );
        assert_eq!(hedged, !observed, "{cause}");
        let of = |certainty| about(&full(cause, certainty)).sentence();
        if hedged {
            assert_ne!(of(Certainty::Certain), of(Certainty::Likely), "{cause}");
            assert_ne!(of(Certainty::Likely), of(Certainty::Possible), "{cause}");
        }
    }
}

#[test]
fn a_certain_class_does_not_make_its_cause_certain() {
    let mut finding = full(Cause::LingerZero, Certainty::Certain);
    let certain = about(&finding).sentence();
    finding.verdict.alternatives = fixtures::closed_port().verdict.alternatives;
    let open = about(&finding).sentence();
    assert_eq!(open, certain.replace("SO_LINGER", "probably SO_LINGER"));
    assert_eq!(about(&finding).certainty(), "class certain");
}

#[test]
fn every_fact_has_words_with_and_without_frame_and_value() {
    let finding = full(Cause::LostState, Certainty::Likely);
    for &kind in FactKind::ALL {
        let plain = Fact::of(kind);
        let facts =
            [plain, Fact::at(kind, FrameNo::new(0, 4)), plain.with(12), Fact::at(kind, FrameNo::new(0, 4)).with(12)];
        for fact in facts {
            assert_well_formed(&about(&finding).fact(&fact));
        }
    }
}

#[test]
fn facts_say_their_frame_and_their_number() {
    let finding = full(Cause::LostState, Certainty::Likely);
    let cases = [
        (Fact::at(FactKind::FinFromPeer, FrameNo::new(0, 41)), "the client had sent its FIN (#41)"),
        (Fact::of(FactKind::TtlDiffers).with(-30), "its TTL differs from the server's usual one by 30"),
        (Fact::of(FactKind::Idle).with(351_200_000_000), "the connection had been idle for 5 min 51 s"),
        (
            Fact::at(FactKind::DataAfterFin, FrameNo::new(0, 42)).with(2_896),
            "#42 carries data beyond the close: 2.8 kB",
        ),
    ];
    for (fact, words) in cases {
        assert_eq!(about(&finding).fact(&fact), words);
    }
}

#[test]
fn a_frame_of_another_input_says_so() {
    let context =
        Context { inputs: vec!["client.pcap".to_owned(), "ser\x07ver.pcap".to_owned()], ..Context::default() };
    let finding = full(Cause::LostState, Certainty::Likely);
    let speaker = Speaker::new(&context, &finding);
    assert_eq!(speaker.frame(FrameNo::new(0, 4)), "#4");
    assert_eq!(speaker.frame(FrameNo::new(1, 4)), "#4 of ser\\u{7}ver.pcap");
}

#[test]
fn advice_for_a_reset_right_after_the_handshake_depends_on_who_sent_it() {
    let mut finding = full(Cause::ConnectThenReset, Certainty::Likely);
    let by_server = about(&finding).check();
    finding.verdict.sender_role = Some(Role::Client);
    assert!(by_server.contains("a proxy without a backend") && !by_server.contains("health"));
    assert!(about(&finding).check().contains("health-checked"));
    assert!(about(&finding).sentence().ends_with("before any data: most likely a health check or a connect scan."));
}

#[test]
fn the_effect_says_what_the_program_saw_and_what_was_lost() {
    let mut finding = full(Cause::LostState, Certainty::Likely);
    let mut effect = |on_peer, application, lost: (Option<u32>, Option<u32>)| {
        finding.verdict.effect.on_peer = on_peer;
        finding.verdict.effect.application = application;
        finding.verdict.effect.bytes_lost_to_sender = lost.0;
        finding.verdict.effect.bytes_lost_to_peer = lost.1;
        about(&finding).effect()
    };
    let cases = [
        (
            effect(OnPeer::Accepted, Some(Application::ConnReset), (Some(3), Some(0))),
            "accepted: the client's next call fails with ECONNRESET; 3 bytes from the client lost (never acknowledged)",
        ),
        (
            effect(OnPeer::ProbablyAccepted, Some(Application::BrokenPipe), (Some(1), Some(37_000))),
            "probably accepted; if so, the client's next write fails with EPIPE; \
             1 byte from the client and 37.0 kB to it lost (never acknowledged)",
        ),
        (effect(OnPeer::Accepted, None, (Some(0), Some(0))), "accepted; no bytes left unacknowledged"),
        (
            effect(OnPeer::Accepted, Some(Application::ConnRefused), (Some(0), Some(0))),
            "accepted: the client's connect() fails with ECONNREFUSED",
        ),
        (
            effect(OnPeer::TooLate, Some(Application::Nothing), (Some(0), Some(0))),
            "none: the client had closed or reset before; the client's program notices nothing",
        ),
        (effect(OnPeer::Unknown, None, (None, None)), "the capture does not show whether it was accepted"),
    ];
    for (said, expected) in cases {
        assert_eq!(said, expected);
    }
    for &on_peer in OnPeer::ALL {
        for &application in Application::ALL {
            assert_well_formed(&effect(on_peer, Some(application), (None, Some(9))));
        }
    }
}

#[test]
fn payload_is_printable_whatever_it_holds() {
    assert_eq!(payload(b""), None);
    assert_eq!(payload(b"No flow found\r\n\x1b[2J\xff").as_deref(), Some("No flow found\\r\\n\\x1b[2J\\xff"));
}

/// The textbook's half-open connection, with an ICMP error about the client's request.
fn with_icmp(kind: FactKind, complaint: Complaint) -> Finding {
    let mut finding = full(Cause::LostState, Certainty::Likely);
    finding.verdict.evidence.push(Fact::at(kind, FrameNo::new(0, 9)).with(1400));
    finding.icmp.push(IcmpError {
        frame: FrameNo::new(0, 9),
        time: finding.reset.time,
        from: [203, 0, 113, 1].into(),
        complaint,
        mtu: None,
        tuple: finding.reset.tuple.reversed(),
        seq: SeqNum(7),
        flags: None,
        id: None,
    });
    finding
}

#[test]
fn an_icmp_error_says_who_sent_it_and_whose_segment_it_quotes() {
    let said = |kind, complaint| {
        let finding = with_icmp(kind, complaint);
        about(&finding).fact(&Fact::at(kind, FrameNo::new(0, 9)).with(1400))
    };
    let refused = said(FactKind::IcmpRefused, Complaint::Prohibited);
    assert_eq!(refused, "ICMP refused a segment of the client: administratively prohibited, from 203.0.113.1 (#9)");
    let too_big = said(FactKind::IcmpTooBig, Complaint::TooBig);
    assert_eq!(
        too_big,
        "ICMP from 203.0.113.1 says that a segment of the client is too big for an MTU of 1400 (#9), \
         and it was never acknowledged"
    );
    for complaint in Complaint::ALL {
        assert_well_formed(&said(FactKind::IcmpUnreachable, complaint));
    }
}

#[test]
fn an_icmp_error_adds_to_the_advice() {
    let plain = about(&full(Cause::LostState, Certainty::Likely)).check();
    for &kind in FactKind::ALL {
        let advice = about(&with_icmp(kind, Complaint::Prohibited)).check();
        assert_well_formed(&advice);
        assert_eq!(advice != plain, icmp::check(kind).is_some(), "{kind}");
        assert!(advice.starts_with(&plain));
    }
}

#[test]
fn what_another_capture_would_decide_is_said_of_every_verdict() {
    for &cause in Cause::ALL {
        for &certainty in Certainty::ALL {
            let mut finding = full(cause, certainty);
            finding.verdict.missing = Missing::ALL.to_vec();
            for said in [about(&finding).further(), about(&finding).against_each(), vec![about(&finding).form()]] {
                assert!(!said.is_empty());
                said.iter().for_each(|text| assert_well_formed(text));
            }
        }
    }
    let mut certain = full(Cause::NoListener, Certainty::Certain);
    certain.verdict.alternatives.clear();
    certain.verdict.missing.clear();
    assert_eq!(about(&certain).further(), ["nothing is open"]);
}

#[test]
fn each_other_class_has_its_reason_against_it() {
    let mut finding = full(Cause::LostState, Certainty::Likely);
    finding.verdict.against = vec![(Class::Forged, Fact::of(FactKind::TtlAsUsual))];
    finding.verdict.outranked = vec![(Class::AbortiveClose, Cause::Abort)];
    let expected = [
        "closed-port: nothing in the capture suggests it",
        "time-wait-collision: nothing in the capture suggests it",
        "abortive-close: would fit, as abort, but half-open-response goes first",
        "forged: its TTL is the server's usual one",
        "undetermined: another class fits",
    ];
    assert_eq!(about(&finding).against_each(), expected);
}

#[test]
fn what_controls_reorders_or_hides_is_written_out() {
    assert_eq!(visible("user\u{202e}gpj.exe\n\u{1b}[1m"), "user\\u{202e}gpj.exe\\n\\u{1b}[1m");
    assert_eq!(visible("a\u{200b}b\u{2066}c\u{feff}\u{2028}"), "a\\u{200b}b\\u{2066}c\\u{feff}\\u{2028}");
    assert_eq!(visible("Zürich, 東京, עברית"), "Zürich, 東京, עברית");
}

#[test]
fn an_input_has_a_short_name_unless_another_shares_it() {
    let inputs = ["/a/one.pcap", "/a/two.pcap", "/b/two.pcap", "eth0"].map(str::to_owned).to_vec();
    let context = Context { inputs, ..Context::default() };
    let names: Vec<&str> = (0..4).filter_map(|input| short_input(&context, FrameNo::new(input, 1))).collect();
    assert_eq!(names, ["one.pcap", "/a/two.pcap", "/b/two.pcap", "eth0"]);
}
