//! Changes that no verdict may depend on: numbers, times, second sightings, other traffic, the order of neighbours.

use super::script::{self, Capture, Change, Copies, Encapsulation, Place, Whose, passes_agree};
use super::{cases, report, samples};

/// The class of every verdict.
fn classes_survive(change: Change) {
    let mut errors = Vec::new();
    for case in cases() {
        let judged = script::judge(&change.apply(&case.capture), case.plain());
        errors.extend(script::check(&case.script, &judged, true).iter().map(|error| case.located(error)));
    }
    report(errors);
}

#[test]
fn classes_survive_other_sequence_numbers() {
    for by in [1, 0x7fff_ffff, 0xffff_ff00] {
        classes_survive(Change::NumbersOfFirst(by));
        classes_survive(Change::NumbersOfSecond(by));
    }
}

#[test]
fn classes_survive_another_time() {
    classes_survive(Change::Later(86_400_000_000_000));
    classes_survive(Change::Later(-86_400_000_000_001));
}

#[test]
fn classes_survive_a_double_capture() {
    classes_survive(Change::Twice(Copies::AT_ONCE));
}

/// Every verdict stays what it is where segments were captured twice, and each second sighting is a duplicate of the first.
fn verdicts_survive(copies: Copies) {
    verdicts_survive_but(&[copies], &[]);
}

/// As [`verdicts_survive`] with several copies, and copies of these, but for the scripts named.
fn verdicts_survive_but(copies: &[Copies], exempt: &[&str]) {
    let mut errors = Vec::new();
    for case in cases().iter().filter(|case| !exempt.iter().any(|name| case.path.ends_with(name))) {
        for encapsulation in [Encapsulation::Ethernet, Encapsulation::Ipv6] {
            if !case.runs_as(encapsulation) {
                continue;
            }
            let plain = script::judge(&case.capture, encapsulation);
            let changed = |capture, copies: &Copies| Change::Twice(*copies).apply(&capture);
            let judged = script::judge(&copies.iter().fold(case.capture.clone(), changed), encapsulation);
            let differences = script::check_copies(&plain, &judged);
            errors.extend(differences.iter().map(|error| case.located(&format!("{error} ({encapsulation:?})"))));
        }
    }
    report(errors);
}

/// More than ten segments lie between the two sightings of one, so the first is forgotten when the second comes.
const FORGOTTEN: [&str; 1] = ["half-open-response/more-in-flight-than-is-kept.pkt"];
/// Of two RSTs that are alike to the last bit and leave before either is seen again, nothing tells whose second sighting comes first
/// where both are seen at one point more than once, or where no segment before them told where it was seen. There is one event still.
const ALIKE: [&str; 1] = ["half-open-response/two-segments-in-flight.pkt"];
/// A RST that was made behind the router that all is captured on both sides of has, before it, the TTL that the others have
/// behind it: one of two that are usual then.
const ONE_HOP: [&str; 1] = ["closed-port/handshake-reset-from-one-hop-nearer.pkt"];

/// Captured on both sides of a router.
pub const ROUTED: Copies = Copies { of: Whose::All, place: Place::BehindRouter, after_ns: 20_000, hops: 1 };

#[test]
fn verdicts_survive_a_second_interface() {
    verdicts_survive(Copies::AT_ONCE);
}

#[test]
fn verdicts_survive_a_router() {
    verdicts_survive(ROUTED);
}

#[test]
fn verdicts_survive_a_router_that_is_seen_from_behind() {
    verdicts_survive_but(&[Copies { hops: -1, ..ROUTED }], &ONE_HOP);
}

#[test]
fn verdicts_survive_a_router_for_one_direction() {
    verdicts_survive(Copies { of: Whose::First, ..ROUTED });
    verdicts_survive(Copies { of: Whose::Second, ..ROUTED });
}

#[test]
fn verdicts_survive_a_slow_router() {
    verdicts_survive_but(&[Copies { after_ns: 2_000_000, ..ROUTED }], &FORGOTTEN);
    verdicts_survive_but(&[Copies { of: Whose::First, after_ns: 2_000_000, ..ROUTED }], &FORGOTTEN);
    verdicts_survive_but(&[Copies { of: Whose::Second, after_ns: 2_000_000, ..ROUTED }], &FORGOTTEN);
}

#[test]
fn verdicts_survive_both_ends_of_a_long_path() {
    verdicts_survive(Copies { after_ns: 30_000_000, hops: 9, ..ROUTED });
}

#[test]
fn verdicts_survive_a_path_longer_than_a_round_trip() {
    verdicts_survive(Copies { after_ns: 80_000_000, hops: 9, ..ROUTED });
    verdicts_survive(Copies { after_ns: 80_000_000, hops: -9, ..ROUTED });
}

#[test]
fn verdicts_survive_two_interfaces_on_either_side_of_a_router() {
    verdicts_survive_but(&[ROUTED, Copies::AT_ONCE], &ALIKE);
    verdicts_survive_but(&[Copies::AT_ONCE, ROUTED], &ALIKE);
}

#[test]
fn verdicts_survive_a_tunnel() {
    verdicts_survive_but(&[Copies { place: Place::InTunnel, hops: 0, ..ROUTED }], &ALIKE);
    verdicts_survive(Copies { place: Place::InTunnel, ..ROUTED });
}

#[test]
fn verdicts_survive_a_second_file() {
    verdicts_survive(Copies { place: Place::InOtherFile, after_ns: 2_000_000, hops: 0, ..ROUTED });
    verdicts_survive(Copies { place: Place::InOtherFile, after_ns: 30_000_000, hops: 0, ..ROUTED });
}

#[test]
fn classes_survive_other_traffic_between() {
    classes_survive(Change::AmongOthers);
}

/// Its frames stand in the wrong order from the start, so that one of the changes puts them right.
const DISORDERED: &str = "half-open-response/trigger-written-after-the-reset.pkt";

/// What becomes of each reset where neighbours change places, one pair at a time.
fn order_differences(plain: &Capture, encapsulation: Encapsulation) -> Vec<String> {
    let before = script::judge(plain, encapsulation);
    let after = |change: Change| {
        let judged = script::judge(&change.apply(plain), encapsulation);
        script::check_order(&before, &judged).into_iter().map(move |error| format!("{error} ({change:?})"))
    };
    Change::swaps(plain).flat_map(after).collect()
}

#[test]
fn verdicts_survive_neighbours_that_changed_places() {
    let mut errors = Vec::new();
    for case in cases().iter().filter(|case| !case.path.ends_with(DISORDERED)) {
        errors.extend(order_differences(&case.capture, case.plain()).iter().map(|error| case.located(error)));
    }
    report(errors);
}

/// All that scripts survive, but for what their bytes cannot be: fragments of frames that were cut.
#[test]
fn verdicts_about_real_sockets_survive_too() {
    use Encapsulation::{Cooked, Ethernet, Ipv6, Vlan, Vxlan, Vxlan6};
    let numbers = [1, 0x7fff_ffff, 0xffff_ff00].into_iter();
    let mut changes: Vec<Change> =
        numbers.flat_map(|by| [Change::NumbersOfFirst(by), Change::NumbersOfSecond(by)]).collect();
    changes.extend([Change::Later(86_400_000_000_000), Change::Later(-86_400_000_000_001), Change::AmongOthers]);
    let mut errors = Vec::new();
    for (name, bytes, capture) in samples() {
        let plain = script::judge(&capture, Ethernet);
        let resets = passes_agree(&bytes).unwrap_or_else(|error| panic!("{name}:{error}"));
        assert!(resets == plain.len() && resets > 0, "{name}: {resets} resets in the file");
        let mut differ = |change: &dyn std::fmt::Debug, differences: Vec<String>| {
            errors.extend(differences.iter().map(|error| format!("{name}:{error} ({change:?})")));
        };
        for encapsulation in [Ipv6, Cooked, Vlan, Vxlan, Vxlan6] {
            differ(&encapsulation, script::check_order(&plain, &script::judge(&capture, encapsulation)));
        }
        for change in changes.iter().copied().chain(Change::swaps(&capture)) {
            let judged = script::judge(&change.apply(&capture), Ethernet);
            differ(&change, script::check_order(&plain, &judged));
        }
        for copies in [Copies::AT_ONCE, ROUTED] {
            let judged = script::judge(&Change::Twice(copies).apply(&capture), Ethernet);
            differ(&copies, script::check_copies(&plain, &judged));
        }
    }
    report(errors);
}
