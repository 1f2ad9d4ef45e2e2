//! What people are told of a live capture.

use std::path::PathBuf;

use super::{Halt, Run};
use crate::analyzer::Summary;
use crate::report::amount;
use crate::source::{Drops, SourceError};

/// The lines that tcpdump ends a live capture with.
pub(super) fn counts(captured: u64, drops: Drops) -> String {
    let line = |count: u64, what: &str| format!("{count} packet{} {what}", if count == 1 { "" } else { "s" });
    let mut lines = vec![
        line(captured, "captured"),
        line(drops.received, "received by filter"),
        line(drops.by_kernel, "dropped by kernel"),
    ];
    if drops.by_interface > 0 {
        lines.push(line(drops.by_interface, "dropped by interface"));
    }
    if drops.by_queue > 0 {
        lines.push(line(drops.by_queue, "dropped before analysis"));
    }
    lines.join("\n")
}

/// One line of counts for whoever asks with SIGUSR1, as tcpdump words it; of files there are no drops.
pub(super) fn status(captured: u64, drops: Option<Drops>, summary: &Summary) -> String {
    let counts = match drops {
        Some(drops) => counts(captured, drops).replace('\n', ", "),
        None => amount::counted(captured, "frame"),
    };
    let (resets, events) = (amount::counted(summary.resets, "reset"), amount::counted(summary.events, "event"));
    let connections = amount::counted(summary.connections, "connection");
    format!("rstscan: {counts}; {resets} in {events}, {connections}, {} at most at a time", summary.tracked_max)
}

/// What to do about missing rights.
pub(super) fn with_remedy(error: SourceError) -> anyhow::Error {
    match error {
        SourceError::Permission { .. } => {
            anyhow::anyhow!("{error}: run with sudo, or: sudo setcap cap_net_raw,cap_net_admin=eip $(which rstscan)")
        }
        error => error.into(),
    }
}

impl Run {
    /// Says that a file cannot be read on, unless nothing can.
    pub(super) fn survive(&mut self, halt: Halt, file: impl FnOnce() -> PathBuf) -> anyhow::Result<()> {
        match halt {
            Halt::Source(error @ (SourceError::Filter { .. } | SourceError::WithoutLive)) => Err(error.into()),
            Halt::Source(error) => {
                self.failed = true;
                self.tell(format_args!("rstscan: {}: {error}", file().display()));
                Ok(())
            }
            Halt::Output(_) => Err(halt.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_one_line() {
        let summary = Summary { resets: 1, events: 1, connections: 2, tracked_max: 2, ..Summary::default() };
        let drops = Drops { received: 12, by_queue: 3, ..Drops::default() };
        let live = "rstscan: 6 packets captured, 12 packets received by filter, 0 packets dropped by kernel, \
                    3 packets dropped before analysis; 1 reset in 1 event, 2 connections, 2 at most at a time";
        assert_eq!(status(6, Some(drops), &summary), live);
        let file = "rstscan: 6 frames; 1 reset in 1 event, 2 connections, 2 at most at a time";
        assert_eq!(status(6, None, &summary), file);
    }

    #[test]
    fn counts_are_worded_as_by_tcpdump() {
        let drops = Drops { received: 2, ..Drops::default() };
        assert_eq!(counts(1, drops), "1 packet captured\n2 packets received by filter\n0 packets dropped by kernel");
        let drops = Drops { by_kernel: 1, by_interface: 3, by_queue: 5, ..drops };
        assert!(counts(0, drops).ends_with(
            "1 packet dropped by kernel\n3 packets dropped by interface\n5 packets dropped before analysis"
        ));
    }
}
