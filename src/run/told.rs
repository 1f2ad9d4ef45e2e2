//! What people are told of a live capture.

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

/// What to do about missing rights.
pub(super) fn with_remedy(error: SourceError) -> anyhow::Error {
    match error {
        SourceError::Permission { .. } => {
            anyhow::anyhow!("{error}: run with sudo, or: sudo setcap cap_net_raw,cap_net_admin=eip $(which rstscan)")
        }
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
