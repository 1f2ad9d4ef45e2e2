//! What people are told of a live capture.

use std::path::PathBuf;

use rustix::process::geteuid;

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
        SourceError::Permission { .. } if geteuid().is_root() => anyhow::anyhow!(
            "{error}: root has not the capability CAP_NET_RAW here; give it to the container (docker run --cap-add=NET_RAW)"
        ),
        SourceError::Permission { .. } => {
            let words: Vec<String> = std::env::args_os().map(|word| quoted(&word.to_string_lossy())).collect();
            let program = std::env::current_exe().unwrap_or_else(|_| "rstscan".into());
            let program = quoted(&program.to_string_lossy());
            let own = words.get(1..).unwrap_or_default().join(" ");
            anyhow::anyhow!(
                "{error}\n  this once:  sudo {program} {own}\n  for good:   sudo setcap cap_net_raw=ep {program}"
            )
        }
        error => error.into(),
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |char: char| char.is_alphanumeric() || "-_./=:,@%+".contains(char);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
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
    fn words_are_quoted_for_a_shell() {
        let quoted = ["-i", "/usr/bin/rstscan", "host a", "it's", "", "a;b"].map(quoted);
        assert_eq!(quoted, ["-i", "/usr/bin/rstscan", "'host a'", r"'it'\''s'", "''", "'a;b'"]);
    }

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
