//! Patterns of findings that are made here: the analyzer's own are in `tests/cases/patterns`.

use proptest::prelude::*;

use super::*;
use crate::analyzer::{Analyzer, Options};
use crate::classify::Cause;
use crate::frame::{Frame, LinkType, Timestamp};

const SECOND: i64 = 1_000_000_000;

/// A SYN to a closed port and its refusal, as the analyzer finds it.
fn refusal() -> Finding {
    let mut analyzer = Analyzer::new(Options::default());
    let syn = segment([192, 0, 2, 10], [198, 51, 100, 20], (40_000, 80), (1_000, 0, 0x02));
    let reset = segment([198, 51, 100, 20], [192, 0, 2, 10], (80, 40_000), (0, 1_001, 0x14));
    for (number, data) in [(1, &syn), (2, &reset)] {
        let (no, time) = (FrameNo::new(0, number), Timestamp::new(number as i64, 0));
        analyzer.push(&Frame { no, time, link: LinkType::RAW, data, wire_len: data.len() as u32 });
    }
    analyzer.finish();
    let mut findings: Vec<Finding> = analyzer.findings().collect();
    findings.pop().unwrap()
}

fn segment(src: [u8; 4], dst: [u8; 4], ports: (u16, u16), (seq, ack, flags): (u32, u32, u8)) -> Vec<u8> {
    let mut bytes = vec![0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0];
    bytes.extend([src, dst].concat());
    bytes.extend(ports.0.to_be_bytes());
    bytes.extend(ports.1.to_be_bytes());
    bytes.extend(seq.to_be_bytes());
    bytes.extend(ack.to_be_bytes());
    bytes.extend([0x50, flags, 0, 0, 0, 0, 0, 0]);
    bytes
}

/// What is different from one finding to the next.
#[derive(Clone, Copy, Debug)]
struct Made {
    number: u64,
    nanos: i64,
    cause: Cause,
    client: u8,
    port: u16,
    idle_ns: Option<i64>,
}

fn finding(made: Made) -> Finding {
    let mut finding = refusal();
    let by_client = matches!(made.cause, Cause::ConnectThenReset | Cause::SynScan);
    finding.reset.frame = FrameNo::new(0, made.number);
    finding.reset.time = Timestamp::from_nanos(made.nanos);
    let client = SocketAddr::from(([192, 0, 2, made.client], 40_000 + made.number as u16));
    finding.connection.number = made.number;
    finding.connection.tuple.src = client;
    finding.connection.tuple.dst.set_port(made.port);
    let tuple = finding.connection.tuple;
    finding.reset.tuple = if by_client { tuple } else { tuple.reversed() };
    let verdict = &mut finding.verdict;
    verdict.cause = made.cause;
    verdict.class = match made.cause {
        Cause::NoListener => Class::ClosedPort,
        Cause::LostState | Cause::SynScan | Cause::Backscatter => Class::HalfOpenResponse,
        _ => Class::AbortiveClose,
    };
    verdict.sender_role = Some(if by_client { Role::Client } else { Role::Server });
    verdict.idle_ns = made.idle_ns;
    finding
}

fn at(number: u64, seconds: f64, cause: Cause) -> Made {
    let nanos = (seconds * SECOND as f64) as i64;
    Made { number, nanos, cause, client: 10, port: 80, idle_ns: None }
}

fn patterns(made: &[Made]) -> Vec<Pattern> {
    let mut patterns = Patterns::default();
    made.iter().for_each(|made| patterns.add(&finding(*made)));
    patterns.all()
}

fn ids(made: &[Made]) -> Vec<&'static str> {
    patterns(made).iter().map(|pattern| pattern.what.id()).collect()
}

fn idle(number: u64, seconds: f64) -> Made {
    let idle_ns = Some((seconds * SECOND as f64) as i64);
    Made { idle_ns, ..at(number, number as f64 * 400.0, Cause::LostState) }
}

#[test]
fn a_timer_needs_three_connections_that_agree() {
    assert_eq!(ids(&[idle(1, 350.0), idle(2, 350.9)]), [""; 0]);
    assert_eq!(ids(&[idle(1, 350.0), idle(2, 350.9), idle(3, 353.0)]), ["idle-timer"]);
    assert_eq!(ids(&[idle(1, 350.0), idle(2, 350.9), idle(3, 400.0)]), [""; 0]);
    let again = Made { number: 1, ..idle(2, 350.9) };
    assert_eq!(ids(&[idle(1, 350.0), again, idle(3, 350.0)]), [""; 0]);
}

#[test]
fn a_timer_needs_a_quarter_of_what_was_idle() {
    let scattered = (4..20).map(|number| idle(number, 20.0 * number as f64));
    let agreeing = (1..4).map(|number| idle(number, 350.0 + number as f64));
    let made: Vec<Made> = agreeing.chain(scattered).collect();
    assert_eq!(ids(&made), [""; 0]);
    assert_eq!(ids(&made[..10]), ["idle-timer"]);
}

#[test]
fn connections_that_end_at_one_instant_name_no_timer() {
    let made: Vec<Made> = (1..4).map(|number| Made { nanos: 0, ..idle(number, 350.0) }).collect();
    assert_eq!(ids(&made), [""; 0]);
}

#[test]
fn two_timers_of_one_service_are_told_apart() {
    let made: Vec<Made> = (1..9).map(|number| idle(number, if number % 2 == 0 { 60.1 } else { 350.2 })).collect();
    let spans: Vec<i64> = patterns(&made)
        .iter()
        .filter_map(|pattern| match &pattern.what {
            What::IdleTimer { idle, timers, .. } if !timers.is_empty() => Some(idle.min / SECOND),
            _ => None,
        })
        .collect();
    assert_eq!(spans, [60, 350]);
}

#[test]
fn a_scan_has_five_targets() {
    let scan = |count: u64| -> Vec<Made> {
        (1..=count).map(|number| Made { port: number as u16, ..at(number, number as f64, Cause::NoListener) }).collect()
    };
    assert_eq!(ids(&scan(4)), [""; 0]);
    assert_eq!(ids(&scan(5)), ["scan"]);
    let retries: Vec<Made> = (1..20).map(|number| at(number, number as f64, Cause::NoListener)).collect();
    assert_eq!(ids(&retries), [""; 0]);
}

#[test]
fn a_health_check_has_a_period() {
    let every =
        |period: f64| -> Vec<Made> { (0..6).map(|n| at(n + 1, n as f64 * period, Cause::ConnectThenReset)).collect() };
    let found = patterns(&every(5.0));
    assert!(
        matches!(found.as_slice(), [Pattern { what: What::HealthCheck { period_ns: Some(period), .. }, members }]
            if *period == 5 * SECOND && members.resets == 6 && members.repeats == 3),
        "{found:#?}"
    );
    let irregular: Vec<Made> = (0..6).map(|n| at(n + 1, (n * n * n) as f64, Cause::ConnectThenReset)).collect();
    assert_eq!(ids(&irregular), [""; 0]);
}

#[test]
fn a_restart_is_short_and_what_goes_on_is_none() {
    let together: Vec<Made> = (1..=6).map(|number| at(number, number as f64 / 10.0, Cause::LingerZero)).collect();
    assert_eq!(ids(&together), ["restart"]);
    let apart: Vec<Made> = (1..=6).map(|number| at(number, number as f64 * 2.0, Cause::LingerZero)).collect();
    assert_eq!(ids(&apart), [""; 0]);
    let busy: Vec<Made> = (1..=400).map(|number| at(number, number as f64 / 2.0, Cause::LingerZero)).collect();
    let found = patterns(&busy);
    assert!(
        matches!(found.as_slice(), [Pattern { what: What::ManyAborts { per_second: 2, .. }, members }]
            if members.resets == 400 && members.repeats == 397),
        "{found:#?}"
    );
}

#[test]
fn the_first_three_are_shown_and_the_next_begins_to_repeat() {
    let mut patterns = Patterns::default();
    let mut said = Vec::new();
    for number in 1..=6 {
        patterns.add(&finding(at(number, number as f64 * 5.0, Cause::ConnectThenReset)));
        said.push((patterns.is_repeat(), patterns.begun().is_some()));
    }
    assert_eq!(said, [(false, false), (false, false), (false, false), (true, true), (true, false), (true, false)]);
    assert_eq!(patterns.repeats(), 3);
}

#[test]
fn what_follows_a_repeat_is_one_too() {
    let mut patterns = Patterns::default();
    for number in 1..=4 {
        patterns.add(&finding(at(number, number as f64 * 5.0, Cause::ConnectThenReset)));
    }
    for (earlier, repeat) in [(4, true), (3, false), (99, false)] {
        let mut echo = finding(at(50, 21.0, Cause::EchoAfterReset));
        echo.verdict.follows = Some(FrameNo::new(0, earlier));
        patterns.add(&echo);
        assert_eq!(patterns.is_repeat(), repeat, "follows #{earlier}");
        assert!(patterns.begun().is_none());
    }
    assert_eq!(patterns.all()[0].members.resets, 6);
}

#[test]
fn many_patterns_leave_room_for_no_more() {
    let mut patterns = Patterns::default();
    let one = finding(at(1, 1.0, Cause::LingerZero));
    let services = GROUPS_MAX as u32 + 3 * CLEARED as u32;
    for number in 0..services * 4 {
        let mut finding = one.clone();
        finding.reset.frame = FrameNo::new(0, u64::from(number) + 1);
        let host = IpAddr::from((0x0a00_0000_u32 + number / 4).to_be_bytes());
        finding.reset.tuple.src.set_ip(host);
        finding.connection.tuple.dst.set_ip(host);
        patterns.add(&finding);
    }
    assert_eq!(patterns.groups.len(), GROUPS_MAX);
    assert_eq!(patterns.repeats(), GROUPS_MAX as u64);
}

#[test]
fn memory_is_bounded() {
    let mut patterns = Patterns::default();
    let one = finding(at(1, 1.0, Cause::NoListener));
    for number in 0..60_000_u32 {
        let mut finding = one.clone();
        finding.reset.frame = FrameNo::new(0, u64::from(number) + 1);
        let host = IpAddr::from((0x0a00_0000_u32 + number / 2).to_be_bytes());
        finding.reset.tuple.dst.set_ip(host);
        finding.connection.tuple.src.set_ip(host);
        finding.reset.tuple.src.set_port(number as u16);
        patterns.add(&finding);
        assert!(patterns.groups.len() <= GROUPS_MAX && patterns.recent.len() <= RECENT_MAX);
        assert_eq!(patterns.order.len(), patterns.recent.len());
    }
    let entries: usize = patterns.groups.values().map(Group::entries).sum();
    assert!(entries + patterns.room <= ENTRIES_MAX);
    assert!(patterns.all().is_empty());
}

fn any_made() -> impl Strategy<Value = (i64, Cause, u8, u16, i64)> {
    let causes = vec![
        Cause::NoListener,
        Cause::ConnectThenReset,
        Cause::SynScan,
        Cause::LingerZero,
        Cause::LostState,
        Cause::Backscatter,
    ];
    (0..100 * SECOND, prop::sample::select(causes), 1..4_u8, 1..8_u16, 1..20_i64)
}

proptest! {
    #[test]
    fn the_order_of_findings_changes_no_pattern(
        made in prop::collection::vec(any_made(), 0..80),
        turn in 0..80_usize,
    ) {
        let numbered = (1..).zip(made).map(|(number, (nanos, cause, client, port, idle))| {
            Made { number, nanos, cause, client, port, idle_ns: Some(idle * SECOND) }
        });
        let made: Vec<Made> = numbered.collect();
        let mut turned = made.clone();
        turned.rotate_left(turn.min(made.len()));
        let without_repeats = |made: &[Made]| -> Vec<Pattern> {
            let mut all = patterns(made);
            // Which of them are repeats is a matter of order; so is what was taken for a pattern on the way.
            all.retain(|pattern| match pattern.what {
                What::Restart { together, .. } => together >= 4,
                What::ManyAborts { .. } => false,
                What::HealthCheck { period_ns, .. } => period_ns.is_some(),
                _ => true,
            });
            all.iter_mut().for_each(|pattern| pattern.members.repeats = 0);
            all
        };
        prop_assert_eq!(without_repeats(&made), without_repeats(&turned));
    }
}
