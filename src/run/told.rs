//! What people are told of a live capture.

use std::path::PathBuf;

use super::{Halt, Run};
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
    lines.join("\n")
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
    fn counts_are_worded_as_by_tcpdump() {
        let drops = Drops { received: 2, by_kernel: 0, by_interface: 0 };
        assert_eq!(counts(1, drops), "1 packet captured\n2 packets received by filter\n0 packets dropped by kernel");
        let drops = Drops { received: 2, by_kernel: 1, by_interface: 3 };
        assert!(counts(0, drops).ends_with("1 packet dropped by kernel\n3 packets dropped by interface"));
    }
}
