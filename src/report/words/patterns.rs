//! What many resets have in common.

use std::net::SocketAddr;

use crate::classify::{Class, Role};
use crate::pattern::{Span, Timer, What};
use crate::report::amount;

/// What it is: one sentence.
pub fn summary(what: &What) -> String {
    match what {
        What::IdleTimer { service, sender, class, idle, timers } => {
            let by = by(*class, *sender);
            format!("connections to {service} were reset{by} after {} idle: {}", seconds(*idle), matching(timers))
        }
        What::KeepaliveRace { service, close, request, timers } => {
            let (close, request) = (seconds(*close), seconds(*request));
            let timers = matching(timers);
            format!(
                "{service} closes connections after {close} idle ({timers}), clients still use them after {request}"
            )
        }
        What::Scan { source, targets, ports, hosts } => {
            let targets = amount::counted(*targets as u64, "target");
            let (ports, hosts) = (amount::counted(*ports as u64, "port"), amount::counted(*hosts as u64, "host"));
            format!("{source} tried {targets} ({ports}, {hosts}): a scan, or services that are down")
        }
        What::HealthCheck { client, service, period_ns: Some(period) } => {
            let period = amount::duration(*period);
            format!("{client} connects to {service} every {period} and resets without a request: a health check")
        }
        What::HealthCheck { client, service, period_ns: None } => {
            format!("{client} often connects to {service} and resets without a request")
        }
        What::Backscatter { from, to } => {
            let (from, to) = (amount::counted(*from as u64, "host"), amount::counted(*to as u64, "host"));
            format!("{from} refused SYN|ACKs from {to} without having sent a SYN: forged in their name, or a scan")
        }
        What::Restart { host, service, together, within_ns } => {
            let to = if service.ip() == *host { String::new() } else { format!(" to {service}") };
            let host = if service.ip() == *host { service.to_string() } else { host.to_string() };
            let within = amount::duration(*within_ns);
            format!("{host} aborted {together} connections{to} within {within}: its program ended, or dropped them all")
        }
        What::ManyAborts { host, service, per_second } => {
            let to = if service.ip() == *host { String::new() } else { format!(" to {service}") };
            let host = if service.ip() == *host { service.to_string() } else { host.to_string() };
            format!("{host} aborts connections{to} again and again, up to {per_second} in one second")
        }
        What::Benign => "benign: everything was delivered both ways, and the receiver had closed".to_owned(),
    }
}

/// What to check or to change.
pub fn advice(what: &What) -> String {
    match what {
        What::IdleTimer { idle, .. } => {
            let idle = seconds(Span::of(idle.min));
            format!(
                "keepalives (TCP_KEEPIDLE) or requests more often than every {idle} keep such connections; or raise that timer"
            )
        }
        What::KeepaliveRace { close, .. } => {
            let close = seconds(Span::of(close.min));
            format!(
                "the client's idle timeout must be shorter than the server's {close}, or the server's longer than the client's"
            )
        }
        What::Scan { source, .. } => {
            format!("does {source} know what it looks for? If it is yours, check its list of services")
        }
        What::HealthCheck { .. } => "a check that sends a request and closes in order leaves no resets".to_owned(),
        What::Backscatter { .. } => {
            "nothing to do at the hosts; a firewall that drops such SYN|ACKs keeps them quiet".to_owned()
        }
        What::Restart { host, .. } => {
            format!(
                "compare with deploys and crashes on {host}; a program that drains its connections first loses none"
            )
        }
        What::ManyAborts { host, .. } => {
            format!("look at a few of them with -v: how the program on {host} closes its connections")
        }
        What::Benign => "nothing to do".to_owned(),
    }
}

fn by(class: Class, sender: Option<Role>) -> &'static str {
    match (class, sender) {
        (Class::Forged, _) => " by a third party",
        (_, Some(role)) => match role {
            Role::Client => " by the client",
            Role::Server => " by the server",
        },
        (_, None) => "",
    }
}

/// The timers that match; a match is no proof.
fn matching(timers: &[Timer]) -> String {
    let named: Vec<String> = timers
        .iter()
        .map(|timer| format!("{} ({} s)", super::visible(&timer.name), timer.idle_ns as f64 / 1e9))
        .collect();
    if named.is_empty() { "no known timer".to_owned() } else { format!("matches {}", named.join(", ")) }
}

/// Times in seconds, as timers are set; digits that are not shown are cut off.
fn seconds(span: Span) -> String {
    let tenths = |nanos: i64| format!("{}.{}", nanos / 1_000_000_000, nanos / 100_000_000 % 10);
    let (min, max) = (tenths(span.min), tenths(span.max));
    if min == max { format!("{min} s") } else { format!("{min} to {max} s") }
}

/// The server end of a pattern, where it has one.
pub fn service(what: &What) -> Option<SocketAddr> {
    match what {
        What::IdleTimer { service, .. }
        | What::KeepaliveRace { service, .. }
        | What::HealthCheck { service, .. }
        | What::Restart { service, .. }
        | What::ManyAborts { service, .. } => Some(*service),
        What::Scan { .. } | What::Backscatter { .. } | What::Benign => None,
    }
}
