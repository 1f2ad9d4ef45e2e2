//! Findings to print: the shapes that people meet, number for number where a textbook has them.

use std::net::SocketAddr;

use crate::analyzer::{Connection, Finding, Part, Reset, Seen, Summary, Tally};
use crate::classify::{
    Alternative, Application, Cause, Certainty, Class, Effect, Fact, FactKind, Form, Missing, OnPeer, Role, States,
    Trigger, Verdict,
};
use crate::frame::{FrameNo, Layer, Timestamp};
use crate::tcp::{Flags, FourTuple, IpFields, Options, SeqNum};

/// 2026-11-22T07:00:00Z.
const START: i64 = 1_795_330_800;

/// One segment: frame, microseconds from the start, whether the client sent it, flags, seq, ack, window, length.
type Row = (u64, i64, bool, &'static str, u32, u32, u16, u32);

const C: bool = true;
const S: bool = false;

fn frame(number: u64) -> FrameNo {
    FrameNo::new(0, number)
}

fn time(micros: i64) -> Timestamp {
    Timestamp::new(START, 0).plus(micros * 1_000)
}

fn seen(&(number, micros, from_client, flags, seq, ack, window, len): &Row) -> Seen {
    Seen {
        frame: frame(number),
        time: time(micros),
        from_client,
        flags: Flags::parse(flags).unwrap(),
        seq: SeqNum(seq),
        ack_field: SeqNum(ack),
        window,
        len,
        ttl: 64,
        ip_id: Some(0),
        deciding: true,
        part: None,
    }
}

/// A verdict without anything but its names.
pub fn verdict(class: Class, cause: Cause, certainty: Certainty) -> Verdict {
    Verdict { class, cause, certainty, ..Verdict::empty() }
}

/// A connection whose frame `reset` is the RST in question, between two addresses, the opener first.
fn finding(ends: (&str, &str), rows: &[Row], reset: u64, verdict: Verdict) -> Finding {
    let (client, server): (SocketAddr, SocketAddr) = (ends.0.parse().unwrap(), ends.1.parse().unwrap());
    let tuple = FourTuple { src: client, dst: server };
    let mut segments: Vec<Seen> = rows.iter().map(seen).collect();
    for segment in &mut segments {
        segment.part = match segment.frame {
            number if number == frame(reset) => Some(Part::Reset),
            number if verdict.trigger.is_some_and(|trigger| trigger.frame == number) => Some(Part::Trigger),
            _ => None,
        };
    }
    let base = |from_client| segments.iter().find(|s| s.from_client == from_client && s.flags.syn()).map(|s| s.seq);
    let (client_base, server_base) = (base(C), base(S));
    let rst = *segments.iter().find(|segment| segment.frame == frame(reset)).unwrap();
    let connection = Connection {
        number: 1,
        incarnation: 1,
        stream: 0,
        tuple,
        opener_known: client_base.is_some(),
        client_base,
        server_base,
    };
    let reset = Reset {
        frame: rst.frame,
        time: rst.time,
        tuple: if rst.from_client { tuple } else { tuple.reversed() },
        flags: rst.flags,
        seq: rst.seq,
        ack: rst.flags.ack().then_some(rst.ack_field),
        window: rst.window,
        len: rst.len,
        payload: Vec::new(),
        options: Options::NONE,
        ip: IpFields { ttl: 64, tos: 0, id: client.is_ipv4().then_some(0), dont_fragment: true, flow_label: None },
        layers: Vec::new(),
        vlans: Vec::new(),
    };
    let segments_before = segments.iter().position(|segment| segment.frame == rst.frame).unwrap() as u64;
    Finding {
        reset,
        verdict,
        connection,
        segments,
        segments_before,
        icmp: Vec::new(),
        from_client: None,
        from_server: None,
        points: None,
        kernel: None,
    }
}

/// The textbook's half-open connection: five segments, number for number.
pub fn half_open() -> Finding {
    let rows = [
        (1, 0, C, "S", 3_093_809_365, 0, 64240, 0),
        (2, 213, S, "S.", 1_495_337_791, 3_093_809_366, 65160, 0),
        (3, 251, C, ".", 3_093_809_366, 1_495_337_792, 502, 0),
        (4, 34_251_377, C, "P.", 3_093_809_366, 1_495_337_792, 502, 3),
        (5, 34_251_490, S, "R", 1_495_337_792, 0, 0, 0),
    ];
    let verdict = Verdict {
        form: Form::AckEcho,
        sender_role: Some(Role::Server),
        trigger: Some(Trigger { frame: frame(4), after_ns: 113_000 }),
        idle_ns: Some(34_251_126_000),
        effect: Effect {
            on_peer: OnPeer::Accepted,
            application: Some(Application::ConnReset),
            bytes_lost_to_sender: Some(3),
            bytes_lost_to_peer: Some(0),
        },
        state: States { client: Some("ESTABLISHED"), server: Some("ESTABLISHED") },
        evidence: vec![
            Fact::at(FactKind::SeqEqualsAckOf, frame(4)),
            Fact::of(FactKind::NoSocketMarks),
            Fact::of(FactKind::NoFinFromSender),
            Fact::of(FactKind::NoGapInSender),
        ],
        against: vec![(Class::AbortiveClose, Fact::of(FactKind::NoFinFromSender))],
        alternatives: vec![Alternative {
            class: Class::AbortiveClose,
            cause: Cause::DataAfterClose,
            why: "its FIN may have been lost before the capture point",
        }],
        ..verdict(Class::HalfOpenResponse, Cause::LostState, Certainty::Likely)
    };
    finding(("192.168.1.108:55100", "192.168.1.109:12345"), &rows, 5, verdict)
}

/// The textbook's closed port.
pub fn closed_port() -> Finding {
    let rows = [(1, 0, C, "S", 21_621_375, 0, 14600, 0), (2, 98, S, "R.", 0, 21_621_376, 0, 0)];
    let verdict = Verdict {
        form: Form::SynEcho,
        sender_role: Some(Role::Server),
        trigger: Some(Trigger { frame: frame(1), after_ns: 98_000 }),
        effect: Effect {
            on_peer: OnPeer::Accepted,
            application: Some(Application::ConnRefused),
            bytes_lost_to_sender: Some(0),
            bytes_lost_to_peer: Some(0),
        },
        state: States { client: Some("SYN-SENT"), server: Some("CLOSED") },
        evidence: vec![
            Fact::at(FactKind::AcksEndOf, frame(1)),
            Fact::of(FactKind::NoSocketMarks),
            Fact::of(FactKind::NoSynAckFromSender),
        ],
        alternatives: vec![Alternative {
            class: Class::ClosedPort,
            cause: Cause::RefusedByFirewall,
            why: "a firewall on the host writes the same bytes",
        }],
        missing: vec![Missing::ReferenceTtl],
        ..verdict(Class::ClosedPort, Cause::NoListener, Certainty::Certain)
    };
    finding(("192.168.1.109:42001", "192.168.1.108:54321"), &rows, 2, verdict)
}

/// An upload answered early and closed with most of it unread, IPv6 addresses as long as they get.
pub fn unread_data() -> Finding {
    let (cisn, sisn) = (4_294_967_000_u32, 77_000_000);
    let mut rows = vec![
        (120, 0, C, "S", cisn, 0, 64800, 0),
        (121, 28_102, S, "S.", sisn, cisn + 1, 64260, 0),
        (122, 28_150, C, ".", cisn + 1, sisn + 1, 507, 0),
    ];
    for index in 0..20 {
        let seq = cisn.wrapping_add(1 + 1428 * index);
        let number = 123 + u64::from(index);
        rows.push((number, 28_200 + i64::from(index) * 40, C, "P.", seq, sisn + 1, 507, 1428));
    }
    let end = cisn.wrapping_add(1 + 1428 * 20);
    rows.push((143, 57_310, S, "P.", sisn + 1, end, 480, 212));
    rows.push((144, 57_362, S, "R.", sisn + 213, end, 502, 0));
    let verdict = Verdict {
        form: Form::Active,
        sender_role: Some(Role::Server),
        effect: Effect {
            on_peer: OnPeer::ProbablyAccepted,
            application: Some(Application::BrokenPipe),
            bytes_lost_to_sender: Some(0),
            bytes_lost_to_peer: Some(212),
        },
        state: States { client: Some("ESTABLISHED"), server: Some("ESTABLISHED") },
        evidence: vec![
            Fact::of(FactKind::LiveSocketMarks),
            Fact::of(FactKind::SeqIsNext),
            Fact::of(FactKind::WindowJump).with(22),
            Fact::at(FactKind::UnansweredData, frame(142)).with(28_560),
        ],
        against: vec![
            (Class::HalfOpenResponse, Fact::of(FactKind::LiveSocketMarks)),
            (Class::ClosedPort, Fact::at(FactKind::HandshakeComplete, frame(122))),
        ],
        alternatives: vec![Alternative {
            class: Class::AbortiveClose,
            cause: Cause::LingerZero,
            why: "SO_LINGER with zero timeout makes the same segment",
        }],
        ..verdict(Class::AbortiveClose, Cause::UnreadData, Certainty::Certain)
    };
    let ends = ("[2001:db8:85a3:8d3:1319:8a2e:370:7348]:54321", "[2001:db8:4006:812:cafe:beef:dead:2003]:8443");
    let mut finding = finding(ends, &rows, 144, verdict);
    for segment in &mut finding.segments {
        segment.deciding = !(124..142).contains(&segment.frame.number());
    }
    finding
}

/// A port used again while the server was in TIME-WAIT.
pub fn time_wait() -> Finding {
    let rows = [
        (31, 0, C, "S", 1_000_000, 0, 64240, 0),
        (32, 190, S, ".", 9_000_042, 4_000_017, 501, 0),
        (33, 231, C, "R", 4_000_017, 0, 0, 0),
        (34, 11_400, C, "S", 1_000_000, 0, 64240, 0),
        (35, 11_590, S, "S.", 70_000, 1_000_001, 65160, 0),
    ];
    let verdict = Verdict {
        form: Form::AckEcho,
        sender_role: Some(Role::Client),
        trigger: Some(Trigger { frame: frame(32), after_ns: 41_000 }),
        effect: Effect {
            on_peer: OnPeer::Accepted,
            application: Some(Application::Nothing),
            bytes_lost_to_sender: Some(0),
            bytes_lost_to_peer: Some(0),
        },
        evidence: vec![
            Fact::at(FactKind::OldAckToSyn, frame(32)),
            Fact::at(FactKind::PreviousClosed, frame(28)).with(17_000_000_000),
            Fact::at(FactKind::OldAckIdZero, frame(32)),
            Fact::at(FactKind::RetryAccepted, frame(35)),
        ],
        ..verdict(Class::TimeWaitCollision, Cause::SynResetByClient, Certainty::Certain)
    };
    finding(("10.0.0.7:50964", "10.0.0.80:443"), &rows, 33, verdict)
}

/// A middlebox in the server's name, with a text for people in it, on a tagged link.
pub fn forged() -> Finding {
    let rows = [
        (7, 0, C, "S", 500, 0, 64240, 0),
        (8, 51_000, S, "S.", 900, 501, 65535, 0),
        (9, 51_040, C, ".", 501, 901, 502, 0),
        (10, 51_300, C, "P.", 501, 901, 502, 517),
        (11, 52_100, S, "R.", 901, 1_018, 1_980, 24),
        (12, 102_900, S, ".", 901, 1_018, 501, 0),
        (13, 103_000, S, "P.", 901, 1_018, 501, 1_400),
    ];
    let verdict = Verdict {
        sender_role: Some(Role::Server),
        trigger: Some(Trigger { frame: frame(10), after_ns: 800_000 }),
        effect: Effect {
            on_peer: OnPeer::Accepted,
            application: Some(Application::ConnReset),
            bytes_lost_to_sender: Some(517),
            bytes_lost_to_peer: None,
        },
        evidence: vec![
            Fact::at(FactKind::SenderContinues, frame(13)),
            Fact::of(FactKind::TtlDiffers).with(-9),
            Fact::of(FactKind::FasterThanPath).with(800_000),
        ],
        ..verdict(Class::Forged, Cause::Injected, Certainty::Certain)
    };
    let mut finding = finding(("10.0.0.7:50964", "203.0.113.80:443"), &rows, 11, verdict);
    finding.reset.payload = b"\x1b[31mblocked by policy\r\n".to_vec();
    finding.reset.layers = vec![Layer::Vlan, Layer::Vxlan, Layer::Vlan];
    finding.reset.vlans = vec![100, 20];
    finding
}

/// What follows from [`half_open`]: an echo and a second capture of it.
pub fn follow_ups() -> [Finding; 2] {
    let rows = [
        (5, 34_251_490, S, "R", 1_495_337_792, 0, 0, 0),
        (6, 34_251_900, C, "P.", 3_093_809_369, 1_495_337_792, 502, 3),
        (7, 34_252_010, S, "R", 1_495_337_792, 0, 0, 0),
        (8, 34_252_011, S, "R", 1_495_337_792, 0, 0, 0),
    ];
    let ends = ("192.168.1.108:55100", "192.168.1.109:12345");
    let verdict = |cause| Verdict {
        form: Form::AckEcho,
        sender_role: Some(Role::Server),
        trigger: Some(Trigger { frame: frame(6), after_ns: 110_000 }),
        follows: Some(frame(5)),
        ..verdict(Class::HalfOpenResponse, cause, Certainty::Certain)
    };
    [finding(ends, &rows, 7, verdict(Cause::EchoAfterReset)), finding(ends, &rows, 8, verdict(Cause::Duplicate))]
}

/// A RST alone at the beginning of the capture, in the second input.
pub fn alone() -> Finding {
    let rows = [(1, 0, C, "R", 4_000_017, 0, 0, 0)];
    let verdict = Verdict {
        form: Form::AckEcho,
        evidence: vec![Fact::of(FactKind::NothingBefore)],
        missing: vec![Missing::Handshake, Missing::Trigger],
        ..verdict(Class::Undetermined, Cause::StartsMidConnection, Certainty::Possible)
    };
    let mut finding = finding(("10.0.0.7:50964", "10.0.0.80:443"), &rows, 1, verdict);
    finding.reset.frame = FrameNo::new(1, 1);
    finding.segments.clear();
    finding
}

/// One of each.
pub fn all() -> Vec<Finding> {
    let mut all = vec![half_open()];
    all.extend(follow_ups());
    all.extend([closed_port(), unread_data(), time_wait(), forged(), alone()]);
    all
}

/// The counts of a run.
pub fn summary() -> Summary {
    let tally = |resets, events| Tally { resets, events };
    let mut summary = Summary {
        frames: 20_004,
        segments: 19_871,
        resets: 1_005,
        events: 104,
        connections: 312,
        tracked_max: 97,
        first: Some(time(0)),
        last: Some(time(61_000_000)),
        ..Summary::default()
    };
    summary.by_cause.insert((Class::HalfOpenResponse, Cause::LostState), tally(3, 3));
    summary.by_cause.insert((Class::HalfOpenResponse, Cause::EchoAfterReset), tally(901, 0));
    summary.by_cause.insert((Class::ClosedPort, Cause::NoListener), tally(100, 100));
    summary.by_cause.insert((Class::AbortiveClose, Cause::UnreadData), tally(1, 1));
    for port in 1..=7 {
        let service = SocketAddr::from(([192, 168, 1, 108], 54_320 + port));
        summary.by_service.insert(service, tally(u64::from(port), u64::from(port)));
    }
    summary.by_service.insert("[2001:db8:4006:812:cafe:beef:dead:2003]:8443".parse().unwrap(), tally(901, 3));
    summary.skipped.insert("not-tcp", 120);
    summary.skipped.insert("fragment", 13);
    summary.max_connections = 97;
    summary.evictions = 2;
    summary.settled_early = 1;
    summary
}
