//! What ladders are made of.

use super::*;
use crate::classify::{Cause, OnPeer};
use crate::report::fixtures;
use crate::tcp::SeqNum;

fn ladder(finding: &Finding) -> Ladder {
    Ladder::new(&Context::default(), finding, false)
}

/// The states at each arrow.
fn states(finding: &Finding) -> Vec<[Option<&'static str>; 2]> {
    ladder(finding).arrows().map(|arrow| arrow.states).collect()
}

/// The notes at the arrow of a frame.
fn notes(finding: &Finding, frame: u64) -> Vec<String> {
    let ladder = ladder(finding);
    ladder.arrows().find(|arrow| arrow.frame.number() == frame).map(|arrow| arrow.notes.clone()).unwrap()
}

fn gaps(ladder: &Ladder) -> Vec<(usize, &str)> {
    let rows = ladder.rows.iter().enumerate();
    let gaps = rows.filter_map(|(index, row)| match row {
        Row::Gap(text) => Some((index, text.as_str())),
        Row::Arrow(_) => None,
    });
    gaps.collect()
}

/// The half-open connection with other segments before its reset: whether the client sent it, flags, seq, ack, length, from
/// the initial numbers on.
fn with_segments(rows: &[(bool, &str, u32, u32, u32)]) -> Finding {
    let mut finding = fixtures::half_open();
    let reset = *finding.segments.last().unwrap();
    let (client, server) = (SeqNum(3_093_809_365), SeqNum(1_495_337_791));
    let segment = |(index, &(from_client, flags, seq, ack, len)): (usize, &(bool, &str, u32, u32, u32))| {
        let (own, peer) = if from_client { (client, server) } else { (server, client) };
        Seen {
            frame: FrameNo::new(0, index as u64 + 1),
            time: finding.segments[0].time.plus(index as i64 * 1_000_000),
            from_client,
            flags: Flags::parse(flags).unwrap(),
            seq: own.plus(seq),
            ack_field: peer.plus(ack),
            window: 500,
            len,
            part: None,
            ..reset
        }
    };
    let mut segments: Vec<Seen> = rows.iter().enumerate().map(segment).collect();
    segments.push(Seen { frame: FrameNo::new(0, 99), ..reset });
    finding.reset.frame = FrameNo::new(0, 99);
    finding.segments_before = rows.len() as u64;
    finding.verdict.trigger = None;
    finding.verdict.evidence.clear();
    finding.verdict.state = crate::classify::States::default();
    finding.segments = segments;
    finding
}

const HANDSHAKE: [(bool, &str, u32, u32, u32); 3] =
    [(true, "S", 0, 0, 0), (false, "S.", 0, 1, 0), (true, ".", 1, 1, 0)];

fn after_handshake(rows: &[(bool, &str, u32, u32, u32)]) -> Finding {
    with_segments(&[&HANDSHAKE, rows].concat())
}

#[test]
fn a_half_open_connection_has_its_states_and_its_silence() {
    let ladder = ladder(&fixtures::half_open());
    assert_eq!(gaps(&ladder), [(3, "34.2 s idle")]);
    let arrows: Vec<&Arrow> = ladder.arrows().collect();
    assert_eq!(
        arrows.iter().map(|arrow| arrow.label.as_str()).collect::<Vec<_>>(),
        ["SYN", "SYN, ACK", "ACK", "3 bytes", "RST"]
    );
    assert_eq!(arrows[0].states, [Some("SYN-SENT"), None]);
    assert_eq!(arrows[1].states, [None, Some("SYN-RECEIVED")]);
    assert_eq!(arrows[2].states, [Some("ESTABLISHED"), Some("ESTABLISHED")]);
    assert_eq!(arrows[3].notes, ["provoked it", "never acknowledged"]);
    assert_eq!((arrows[4].kind, arrows[4].states), (Kind::Reset, [Some("CLOSED"); 2]));
    assert_eq!(arrows.iter().map(|arrow| arrow.decides).collect::<Vec<_>>(), [false, false, false, true, true]);
}

#[test]
fn a_close_in_order_goes_through_its_states() {
    let finding =
        after_handshake(&[(true, "F.", 1, 1, 0), (false, ".", 1, 2, 0), (false, "F.", 1, 2, 0), (true, ".", 2, 2, 0)]);
    assert_eq!(
        states(&finding)[3..7],
        [
            [Some("FIN-WAIT-1"), None],
            [Some("FIN-WAIT-2"), Some("CLOSE-WAIT")],
            [None, Some("LAST-ACK")],
            [Some("TIME-WAIT"), Some("CLOSED")],
        ]
    );
}

#[test]
fn closes_that_cross_are_closing() {
    let finding =
        after_handshake(&[(true, "F.", 1, 1, 0), (false, "F.", 1, 1, 0), (true, ".", 2, 2, 0), (false, ".", 2, 2, 0)]);
    assert_eq!(
        states(&finding)[3..7],
        [
            [Some("FIN-WAIT-1"), None],
            [None, Some("FIN-WAIT-1")],
            [Some("CLOSING"), Some("FIN-WAIT-2")],
            [Some("TIME-WAIT"), Some("CLOSED")],
        ]
    );
}

#[test]
fn the_receiver_is_closed_only_if_it_took_the_reset() {
    let mut finding = fixtures::half_open();
    finding.verdict.effect.on_peer = OnPeer::Ignored;
    assert_eq!(states(&finding)[4], [None, Some("CLOSED")]);
}

#[test]
fn a_forged_reset_leaves_its_alleged_sender_alone() {
    let mut finding = fixtures::half_open();
    finding.verdict = fixtures::verdict(Class::Forged, Cause::Injected, Certainty::Likely);
    finding.verdict.effect.on_peer = OnPeer::Accepted;
    let ladder = ladder(&finding);
    let reset = ladder.arrows().last().unwrap();
    assert_eq!((reset.is_foreign, reset.states), (true, [Some("CLOSED"), None]));
    assert_eq!(reset.notes, ["from a third party, most likely"]);
}

#[test]
fn what_is_sent_again_names_its_first_copy_and_the_last_copy_is_lost() {
    let finding = after_handshake(&[(true, "P.", 1, 1, 100), (true, "P.", 1, 1, 100), (true, "P.", 1, 1, 100)]);
    assert_eq!(notes(&finding, 4), [""; 0]);
    assert_eq!(notes(&finding, 5), ["sent again (as #4)"]);
    assert_eq!(notes(&finding, 6), ["sent again (as #4)", "never acknowledged"]);
}

#[test]
fn what_is_acknowledged_is_not_lost() {
    let finding = after_handshake(&[(true, "P.", 1, 1, 100), (false, ".", 1, 101, 0), (false, "P.", 1, 101, 50)]);
    assert_eq!((notes(&finding, 4), notes(&finding, 6)), (vec![], vec!["never acknowledged".to_owned()]));
}

#[test]
fn of_a_side_that_was_not_captured_nothing_is_said() {
    let mut finding = after_handshake(&[(true, "P.", 1, 1, 100)]);
    finding.verdict.missing = vec![Missing::OtherDirection];
    assert_eq!(notes(&finding, 4), [""; 0]);
}

#[test]
fn probes_ask_for_life_or_for_room() {
    let labels = |finding: &Finding| ladder(finding).arrows().map(|arrow| arrow.label.clone()).collect::<Vec<_>>();
    let talk = [(true, "P.", 1, 1, 100), (false, ".", 1, 101, 0), (true, ".", 100, 1, 0)];
    let mut finding = after_handshake(&talk);
    assert_eq!(labels(&finding)[5], "keepalive probe");
    assert_eq!(notes(&finding, 6), ["never answered"]);
    finding.segments[4].window = 0;
    assert_eq!(labels(&finding)[4..6], ["ACK, window 0", "window probe"]);
}

#[test]
fn what_was_not_kept_lies_before_the_first_ordinary_segment() {
    let mut finding = with_segments(&[HANDSHAKE[0], HANDSHAKE[1], (true, "P.", 9001, 1, 100)]);
    finding.segments_before = 40;
    assert_eq!(gaps(&ladder(&finding))[0], (2, "37 more segments not kept, 1.0 ms"));
}

#[test]
fn of_what_follows_the_first_segments_are_drawn_unless_all_are_asked_for() {
    let mut finding = fixtures::half_open();
    let last = *finding.segments.last().unwrap();
    let later = |n: u64| Seen {
        frame: FrameNo::new(0, 5 + n),
        flags: Flags::ACK,
        from_client: true,
        len: 10,
        part: None,
        ..last
    };
    finding.segments.extend((1..=9).map(later));
    let short = ladder(&finding);
    assert_eq!(gaps(&short).last(), Some(&(12, "3 more segments, 30 bytes")));
    let whole = Ladder::new(&Context::default(), &finding, true);
    assert_eq!((whole.arrows().count(), gaps(&whole).len()), (14, 1));
}
