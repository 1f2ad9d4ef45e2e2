//! Timers that are known to end idle connections, and those that a user adds.

use std::borrow::Cow;
use std::fmt;

use super::Span;

const SECOND: i64 = 1_000_000_000;
/// The longest time that a user's timer may have: a century, in seconds.
const SECONDS_MAX: f64 = 3_155_760_000.0;

/// A timer that ends idle connections.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Timer {
    /// How long a connection may be idle, in nanoseconds.
    pub idle_ns: i64,
    /// What it is and whose.
    pub name: Cow<'static, str>,
    /// Where the value is documented; `None` for a user's own.
    pub source: Option<&'static str>,
}

/// A default, with where its documentation gives it.
const fn known(seconds: i64, name: &'static str, source: &'static str) -> Timer {
    Timer { idle_ns: seconds * SECOND, name: Cow::Borrowed(name), source: Some(source) }
}

/// The defaults that are known, shortest first. `docs/guide.md` lists them.
pub const KNOWN: [Timer; 24] = [
    known(2, "Gunicorn keepalive", "https://docs.gunicorn.org/en/stable/settings.html#keepalive"),
    known(5, "Node.js server.keepAliveTimeout", "https://nodejs.org/api/http.html#serverkeepalivetimeout"),
    known(5, "Apache KeepAliveTimeout", "https://httpd.apache.org/docs/2.4/mod/core.html#keepalivetimeout"),
    known(20, "Puma persistent_timeout before version 7", "https://puma.io/puma/Puma/DSL.html"),
    known(
        50,
        "HAProxy timeouts as packaged by Debian",
        "https://salsa.debian.org/haproxy-team/haproxy/-/blob/master/debian/haproxy.cfg",
    ),
    known(
        60,
        "AWS ALB idle timeout",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html",
    ),
    known(60, "nginx upstream keepalive_timeout", "https://nginx.org/en/docs/http/ngx_http_upstream_module.html"),
    known(60, "HAProxy timeouts as packaged by Fedora", "https://src.fedoraproject.org/rpms/haproxy"),
    known(65, "nginx keepalive_timeout as packaged", "https://github.com/nginx/nginx/blob/master/conf/nginx.conf"),
    known(72, "Fastify keepAliveTimeout", "https://fastify.dev/docs/latest/Reference/Server/#keepalivetimeout"),
    known(75, "nginx keepalive_timeout", "https://nginx.org/en/docs/http/ngx_http_core_module.html#keepalive_timeout"),
    known(90, "Go http.DefaultTransport IdleConnTimeout", "https://pkg.go.dev/net/http#DefaultTransport"),
    known(
        240,
        "Azure Load Balancer idle timeout",
        "https://learn.microsoft.com/azure/load-balancer/load-balancer-tcp-reset",
    ),
    known(
        350,
        "AWS NLB idle timeout",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/network/update-idle-timeout.html",
    ),
    known(
        350,
        "AWS NAT gateway idle timeout",
        "https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html",
    ),
    known(
        600,
        "Google Cloud connection tracking",
        "https://cloud.google.com/compute/docs/troubleshooting/general-tips",
    ),
    known(
        600,
        "Google Cloud load balancer to backend keepalive",
        "https://cloud.google.com/load-balancing/docs/https#timeouts_and_retries",
    ),
    known(
        900,
        "IPVS TCP timeout",
        "https://github.com/torvalds/linux/blob/master/net/netfilter/ipvs/ip_vs_proto_tcp.c",
    ),
    known(
        3600,
        "Cisco ASA timeout conn",
        "https://www.cisco.com/c/en/us/td/docs/security/asa/asa-cli-reference/T-Z/asa-command-ref-T-Z.html",
    ),
    known(3600, "Envoy idle_timeout", "https://www.envoyproxy.io/docs/envoy/latest/faq/configuration/timeouts"),
    known(7200, "Linux tcp_keepalive_time", "https://www.kernel.org/doc/Documentation/networking/ip-sysctl.txt"),
    known(7440, "NAT minimum of RFC 5382 (REQ-5)", "https://www.rfc-editor.org/rfc/rfc5382#section-5"),
    known(28_800, "MySQL wait_timeout", "https://dev.mysql.com/doc/refman/8.0/en/server-system-variables.html"),
    known(
        432_000,
        "Linux nf_conntrack_tcp_timeout_established",
        "https://www.kernel.org/doc/Documentation/networking/nf_conntrack-sysctl.txt",
    ),
];

/// The timers that idle times are compared with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Timers(Vec<Timer>);

impl Default for Timers {
    fn default() -> Self {
        Self(KNOWN.to_vec())
    }
}

impl Timers {
    /// Adds a user's timers: one a line, its seconds and its name. Empty lines, and what follows `#`, say nothing.
    ///
    /// # Errors
    ///
    /// The first line that is neither; nothing is added then.
    pub fn add(&mut self, text: &str) -> Result<(), TimersError> {
        let lines =
            (1..).zip(text.lines()).map(|(line, text)| (line, text.split('#').next().unwrap_or_default().trim()));
        let lines = lines.filter(|(_, text)| !text.is_empty());
        let timers = lines.map(|(line, text)| timer(text).map_err(|wrong| TimersError { line, wrong }));
        self.0.extend(timers.collect::<Result<Vec<_>, _>>()?);
        Ok(())
    }

    /// Those that idle times in this span match, the nearest to its beginning first.
    pub fn matching(&self, idle: Span) -> Vec<Timer> {
        let mut matching: Vec<Timer> = self.0.iter().filter(|timer| timer.explains(idle)).cloned().collect();
        matching.sort_by_key(|timer| (idle.min.abs_diff(timer.idle_ns), timer.source.is_some()));
        matching
    }
}

impl Timer {
    /// Whether the timer may have ended connections that were idle for this long.
    ///
    /// Timers go off late rather than early: Linux rounds them up, and what sweeps through a table comes by now and then
    /// (900 s of IPVS were measured as 901 to 903). A little earlier they look where the last segment was slow to arrive.
    fn explains(&self, idle: Span) -> bool {
        let late = (self.idle_ns / 5).min(SECOND).max(self.idle_ns / 100);
        let early = SECOND / 20 + self.idle_ns / 500;
        idle.min >= self.idle_ns - early && idle.min <= self.idle_ns.saturating_add(late)
    }
}

fn timer(text: &str) -> Result<Timer, &'static str> {
    let (seconds, name) = text.split_once(char::is_whitespace).ok_or("a timer has seconds and a name")?;
    let seconds: f64 = seconds.parse().map_err(|_| "a timer begins with its seconds")?;
    if !(seconds > 0.0 && seconds <= SECONDS_MAX) {
        return Err("a timer has more than 0 seconds, and at most a century");
    }
    let idle_ns = (seconds * SECOND as f64).round() as i64;
    Ok(Timer { idle_ns, name: Cow::Owned(name.trim().to_owned()), source: None })
}

/// What is wrong in a user's timers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimersError {
    /// The line, from 1.
    pub line: usize,
    wrong: &'static str,
}

impl fmt::Display for TimersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wrong)
    }
}

impl std::error::Error for TimersError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(timers: &Timers, min: f64, max: f64) -> Vec<String> {
        let nanos = |seconds: f64| (seconds * 1e9) as i64;
        let span = Span { min: nanos(min), max: nanos(max) };
        timers.matching(span).into_iter().map(|timer| timer.name.into_owned()).collect()
    }

    #[test]
    fn known_timers_are_in_order_and_documented() {
        assert!(KNOWN.is_sorted_by_key(|timer| timer.idle_ns));
        assert!(KNOWN.iter().all(|timer| timer.source.is_some_and(|source| source.starts_with("https://"))));
    }

    #[test]
    fn a_match_is_at_most_a_little_late() {
        let timers = Timers::default();
        assert_eq!(names(&timers, 350.0, 350.9), ["AWS NLB idle timeout", "AWS NAT gateway idle timeout"]);
        assert_eq!(names(&timers, 901.0, 903.0), ["IPVS TCP timeout"]);
        assert_eq!(names(&timers, 74.99, 75.0), ["nginx keepalive_timeout"]);
        assert_eq!(names(&timers, 64.0, 64.2), [""; 0]);
        assert_eq!(names(&timers, 302.0, 302.4), [""; 0]);
    }

    #[test]
    fn a_users_timer_comes_before_a_known_one_of_the_same_time() {
        let mut timers = Timers::default();
        timers.add("# ours\n\n302   our proxy   # since May\n4.5 short\n350 our firewall").unwrap();
        assert_eq!(names(&timers, 302.0, 302.4), ["our proxy"]);
        assert_eq!(names(&timers, 350.0, 350.4)[0], "our firewall");
        assert_eq!(names(&timers, 4.5, 4.6), ["short"]);
    }

    #[test]
    fn a_wrong_line_is_named_and_nothing_is_added() {
        let cases = [
            ("300 ok\nsoon name", 2, "a timer begins with its seconds"),
            ("300", 1, "a timer has seconds and a name"),
            ("\n\n0 zero", 3, "a timer has more than 0 seconds, and at most a century"),
            ("inf x", 1, "a timer has more than 0 seconds, and at most a century"),
            ("NaN x", 1, "a timer has more than 0 seconds, and at most a century"),
            ("-5 x", 1, "a timer has more than 0 seconds, and at most a century"),
        ];
        for (text, line, wrong) in cases {
            let mut timers = Timers::default();
            assert_eq!(timers.add(text), Err(TimersError { line, wrong }), "{text}");
            assert_eq!(timers, Timers::default());
        }
    }
}
