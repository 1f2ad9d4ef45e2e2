//! What is counted and how it is worded; `tests/cli/metrics.rs` asks the program itself.

use prometheus::Registry;

use super::super::agent::Beside;
use super::answer::{Asked, answer, asked, exposition};
use super::{IDLE_EDGES, Metrics};
use crate::analyzer::{Analyzer, Options};
use crate::pattern::KNOWN;
use crate::report::fixtures;
use crate::source::Drops;

fn metrics() -> (Registry, Metrics) {
    let registry = Registry::new();
    let metrics = Metrics::register(&registry, "127.0.0.1:0".parse().unwrap()).unwrap();
    (registry, metrics)
}

fn text(registry: &Registry) -> String {
    String::from_utf8(exposition(registry).unwrap().1).unwrap()
}

/// The value of one series.
fn value(registry: &Registry, series: &str) -> Option<f64> {
    let text = text(registry);
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

#[test]
fn resets_are_counted_by_what_their_verdict_says() {
    let (registry, metrics) = metrics();
    let all = fixtures::all();
    all.iter().for_each(|finding| metrics.see(finding));
    let sum = |name: &str| -> f64 {
        let text = text(&registry);
        text.lines()
            .filter(|line| line.starts_with(name))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    };
    assert_eq!(sum("rstscan_resets_total{"), all.len() as f64);
    let events = all.iter().filter(|finding| finding.verdict.follows.is_none()).count();
    assert!(events < all.len());
    assert_eq!(sum("rstscan_events_total{"), events as f64);
    let idle = all.iter().filter(|finding| finding.verdict.idle_ns.is_some()).count();
    assert_eq!(sum("rstscan_reset_idle_seconds_count{"), idle as f64);
}

#[test]
fn what_a_third_party_sent_is_neither_ends() {
    let (registry, metrics) = metrics();
    metrics.see(&fixtures::forged());
    assert!(text(&registry).contains(r#"class="forged",effect="#));
    assert!(text(&registry).contains(r#"sender="third-party"} 1"#));
    metrics.see(&fixtures::half_open());
    assert!(text(&registry).contains(r#"sender="server"} 1"#));
}

#[test]
fn totals_are_taken_over_and_never_fall() {
    let (registry, metrics) = metrics();
    let analyzer = Analyzer::new(Options { max_connections: 7, ..Options::default() });
    let level = analyzer.level();
    let mut later = level;
    (later.frames, later.tracked) = (12, 3);
    metrics.publish(&later, Beside { hidden: 4, lost: 5, sampled_out: 6 });
    metrics.publish(&level, Beside::default());
    for (series, expected) in [
        ("rstscan_frames_total", 12.0),
        ("rstscan_resets_hidden_total", 4.0),
        ("rstscan_output_lines_lost_total", 5.0),
        ("rstscan_resets_sampled_out_total", 6.0),
        ("rstscan_connections_tracked", 0.0),
        ("rstscan_connections_limit", 7.0),
        (r#"rstscan_frames_skipped_total{reason="malformed"}"#, 0.0),
        (r#"rstscan_frames_dropped_total{by="kernel"}"#, 0.0),
    ] {
        assert_eq!(value(&registry, series), Some(expected), "{series}");
    }
    metrics.publish_drops(Drops { received: 9, by_kernel: 2, by_interface: 1, by_queue: 4 });
    assert_eq!(value(&registry, r#"rstscan_frames_dropped_total{by="kernel"}"#), Some(2.0));
    assert_eq!(value(&registry, r#"rstscan_frames_dropped_total{by="interface"}"#), Some(1.0));
}

/// A connection that a timer ended was idle for its time and a little more, or less where its clock began elsewhere.
#[test]
fn no_known_timer_is_near_an_edge() {
    assert!(IDLE_EDGES.is_sorted());
    for timer in KNOWN {
        let seconds = timer.idle_ns as f64 / 1e9;
        for edge in IDLE_EDGES {
            assert!((seconds / edge - 1.0).abs() > 0.01, "{timer:?} and {edge} s");
        }
    }
}

#[test]
fn requests_are_understood() {
    let path = |path: &str, content| Some(Asked::Path(path.to_owned(), content));
    for (request, expected) in [
        ("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", path("/metrics", true)),
        ("GET /metrics?name=x HTTP/1.0\r\n\r\n", path("/metrics", true)),
        ("HEAD / HTTP/1.1\r\n\r\n", path("/", false)),
        ("POST /metrics HTTP/1.1\r\n\r\n", Some(Asked::OtherMethod)),
        ("GET /metrics HTTP/1.1\r\nHost:", None),
        ("\u{16}\u{3}\u{1}", Some(Asked::Nonsense)),
    ] {
        assert_eq!(asked(request.as_bytes()), expected, "{request:?}");
    }
    let headers = "a: b\r\n".repeat(100);
    assert_eq!(asked(format!("GET / HTTP/1.1\r\n{headers}\r\n").as_bytes()), Some(Asked::TooMuch));
}

#[test]
fn answers_have_a_status_and_their_length() {
    let (registry, _metrics) = metrics();
    let answer = |asked| String::from_utf8(answer(&asked, &registry)).unwrap();
    let status = |asked| answer(asked).lines().next().unwrap().to_owned();
    assert_eq!(status(Asked::Path("/metrics".into(), true)), "HTTP/1.1 200 OK");
    assert_eq!(status(Asked::Path("/".into(), true)), "HTTP/1.1 200 OK");
    assert_eq!(status(Asked::Path("/x".into(), true)), "HTTP/1.1 404 Not Found");
    assert_eq!(status(Asked::OtherMethod), "HTTP/1.1 405 Method Not Allowed");
    assert_eq!(status(Asked::Nonsense), "HTTP/1.1 400 Bad Request");
    assert_eq!(status(Asked::TooMuch), "HTTP/1.1 431 Request Header Fields Too Large");
    let whole = answer(Asked::Path("/metrics".into(), true));
    let (head, body) = whole.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("Content-Type: text/plain; version=0.0.4"), "{head}");
    assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
    assert_eq!(answer(Asked::Path("/metrics".into(), false)), format!("{head}\r\n\r\n"));
}
