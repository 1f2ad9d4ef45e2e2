//! `--metrics`: what a run has counted, for Prometheus to collect.
//!
//! The loop counts, and a few threads answer; between them are atomic numbers, so that nobody waits for anybody.
//! Every set of labels is closed: classes, causes, roles, effects and reasons have ids, addresses and ports are no labels.

mod answer;
mod server;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{SocketAddr, TcpListener};

use anyhow::Context as _;
use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use super::agent::Beside;
use crate::analyzer::{Finding, Level};
use crate::classify::{Class, OnPeer, Role};
use crate::decode::Skip;
use crate::source::Drops;

/// The edges of the idle times, in seconds. They lie between the timers that are known (`pattern/timers.rs`) and not on
/// them: a timer of 60 s ends connections that were idle for 60.0 s and a little more.
const IDLE_EDGES: [f64; 20] = [
    0.1, 1.0, 4.0, 9.0, 14.0, 28.0, 45.0, 57.0, 70.0, 85.0, 110.0, 170.0, 230.0, 290.0, 340.0, 500.0, 850.0, 1_700.0,
    3_500.0, 7_100.0,
];

/// The counts of a run.
pub(super) struct Metrics {
    address: SocketAddr,
    /// What answers once threads may begin.
    waiting: Option<(TcpListener, Registry)>,
    resets: IntCounterVec,
    events: IntCounterVec,
    idle: HistogramVec,
    frames: IntCounter,
    segments: IntCounter,
    skipped: IntCounterVec,
    dropped: IntCounterVec,
    connections: IntCounter,
    tracked: IntGauge,
    limit: IntGauge,
    evictions: IntCounter,
    settled_early: IntCounter,
    hidden: IntCounter,
    lost: IntCounter,
    sampled_out: IntCounter,
    last: prometheus::Gauge,
}

impl Metrics {
    /// Listens on this address; who asks is answered once [`serve`](Self::serve) was called.
    ///
    /// # Errors
    ///
    /// The address is taken, or not one of this host's.
    pub(super) fn listen(address: SocketAddr) -> anyhow::Result<Self> {
        let cannot = || format!("cannot listen on {address} for --metrics");
        let listener = TcpListener::bind(address).with_context(cannot)?;
        let registry = Registry::new();
        let metrics = Self::register(&registry, listener.local_addr().with_context(cannot)?)?;
        Ok(Self { waiting: Some((listener, registry)), ..metrics })
    }

    /// Answers from now on.
    ///
    /// # Errors
    ///
    /// No thread can be started.
    pub(super) fn serve(&mut self) -> io::Result<()> {
        match self.waiting.take() {
            Some((listener, registry)) => server::start(&listener, &registry),
            None => Ok(()),
        }
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    fn register(registry: &Registry, address: SocketAddr) -> prometheus::Result<Self> {
        let group = Group(registry);
        group.build_info()?;
        let metrics = Self {
            address,
            waiting: None,
            resets: group.counters(
                "resets_total",
                "TCP resets, by why and by whom they were sent, and what they did to their receiver.",
                &["class", "cause", "sender", "effect"],
            )?,
            events: group.counters("events_total", "TCP resets that follow from no other.", &["class", "cause"])?,
            idle: group.histograms(
                "reset_idle_seconds",
                "How long a connection had been silent before what provoked its reset, or before the reset itself.",
                "class",
            )?,
            frames: group.counter("frames_total", "Frames analysed.")?,
            segments: group.counter("segments_total", "TCP segments found in them.")?,
            skipped: group.counters("frames_skipped_total", "Frames without a usable TCP segment.", &["reason"])?,
            dropped: group.counters("frames_dropped_total", "Frames lost before they were read.", &["by"])?,
            connections: group.counter("connections_total", "Four-tuples seen.")?,
            tracked: group.gauge("connections_tracked", "Connections held in memory now.")?,
            limit: group.gauge("connections_limit", "The most connections that are held at the same time.")?,
            evictions: group.counter("evictions_total", "Connections given up to stay within the limit.")?,
            settled_early: group.counter(
                "resets_settled_early_total",
                "Resets explained before all that follows them was seen, because too many were held.",
            )?,
            hidden: group.counter("resets_hidden_total", "Resets left out by --only or --not.")?,
            sampled_out: group.counter("resets_sampled_out_total", "Resets left out of the output by --sample.")?,
            lost: group.counter("output_lines_lost_total", "Lines of output that could not be written.")?,
            last: group.last_frame()?,
        };
        metrics.begin();
        Ok(metrics)
    }

    /// Series whose labels are known beforehand are there from the beginning, so that their first rise is seen.
    fn begin(&self) {
        for skip in Skip::ALL {
            self.skipped.with_label_values(&[skip.id()]);
        }
        for by in [Self::BY_KERNEL, Self::BY_INTERFACE, Self::BY_QUEUE] {
            self.dropped.with_label_values(&[by]);
        }
        for class in Class::ALL {
            self.idle_of(*class);
        }
    }

    const BY_KERNEL: &str = "kernel";
    const BY_INTERFACE: &str = "interface";
    const BY_QUEUE: &str = "queue";

    fn idle_of(&self, class: Class) -> Histogram {
        self.idle.with_label_values(&[class.id()])
    }

    /// Counts a reset.
    pub(super) fn see(&self, finding: &Finding) {
        let verdict = &finding.verdict;
        let (class, cause) = (verdict.class.id(), verdict.cause.id());
        let effect: OnPeer = verdict.effect.on_peer;
        self.resets.with_label_values(&[class, cause, sender(finding), effect.id()]).inc();
        if verdict.follows.is_none() {
            self.events.with_label_values(&[class, cause]).inc();
        }
        if let Some(idle) = verdict.idle_ns {
            self.idle_of(verdict.class).observe(idle.max(0) as f64 / 1e9);
        }
    }

    /// Takes over what the analyzer has counted.
    pub(super) fn publish(&self, level: &Level, beside: Beside) {
        raise(&self.frames, level.frames);
        raise(&self.segments, level.segments);
        for (skip, count) in level.skipped {
            raise(&self.skipped.with_label_values(&[skip.id()]), count);
        }
        raise(&self.connections, level.connections);
        set(&self.tracked, level.tracked);
        set(&self.limit, level.max_connections);
        raise(&self.evictions, level.evictions);
        raise(&self.settled_early, level.settled_early);
        raise(&self.hidden, beside.hidden);
        raise(&self.sampled_out, beside.sampled_out);
        raise(&self.lost, beside.lost);
        if let Some(last) = level.last {
            self.last.set(last.as_nanos() as f64 / 1e9);
        }
    }

    /// Takes over what was lost before the analysis.
    pub(super) fn publish_drops(&self, drops: Drops) {
        raise(&self.dropped.with_label_values(&[Self::BY_KERNEL]), drops.by_kernel);
        raise(&self.dropped.with_label_values(&[Self::BY_INTERFACE]), drops.by_interface);
        raise(&self.dropped.with_label_values(&[Self::BY_QUEUE]), drops.by_queue);
    }
}

/// Who sent a reset, as far as the verdict says.
fn sender(finding: &Finding) -> &'static str {
    match (finding.verdict.class, finding.verdict.sender_role) {
        (Class::Forged, _) => "third-party",
        (_, Some(Role::Client)) => Role::Client.id(),
        (_, Some(Role::Server)) => Role::Server.id(),
        (_, None) => "unknown",
    }
}

/// A counter never falls, whatever it is told.
fn raise(counter: &IntCounter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}

fn set(gauge: &IntGauge, value: u64) {
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
}

/// Makes metrics with the prefix of the program.
struct Group<'a>(&'a Registry);

impl Group<'_> {
    const PREFIX: &'static str = "rstscan";

    fn options(name: &str, help: &str) -> Opts {
        Opts::new(name, help).namespace(Self::PREFIX)
    }

    fn register<C: prometheus::core::Collector + Clone + 'static>(&self, metric: C) -> prometheus::Result<C> {
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    fn counter(&self, name: &str, help: &str) -> prometheus::Result<IntCounter> {
        self.register(IntCounter::with_opts(Self::options(name, help))?)
    }

    fn gauge(&self, name: &str, help: &str) -> prometheus::Result<IntGauge> {
        self.register(IntGauge::with_opts(Self::options(name, help))?)
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntCounterVec> {
        self.register(IntCounterVec::new(Self::options(name, help), labels)?)
    }

    fn histograms(&self, name: &str, help: &str, label: &str) -> prometheus::Result<HistogramVec> {
        let options = HistogramOpts { common_opts: Self::options(name, help), buckets: IDLE_EDGES.to_vec() };
        self.register(HistogramVec::new(options, &[label])?)
    }

    fn last_frame(&self) -> prometheus::Result<prometheus::Gauge> {
        let help = "When the latest frame was captured, in seconds since 1970.";
        self.register(prometheus::Gauge::with_opts(Self::options("last_frame_timestamp_seconds", help))?)
    }

    /// A constant, by which dashboards tell versions apart.
    fn build_info(&self) -> prometheus::Result<()> {
        let options = Self::options("build_info", "The version of the program; always 1.");
        let info = IntGauge::with_opts(options.const_label("version", env!("CARGO_PKG_VERSION")))?;
        info.set(1);
        self.register(info).map(|_| ())
    }
}
