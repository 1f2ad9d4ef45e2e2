//! What people are told of a live capture.

use rustix::process::geteuid;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell() {
        let quoted = ["-i", "/usr/bin/rstscan", "host a", "it's", "", "a;b"].map(quoted);
        assert_eq!(quoted, ["-i", "/usr/bin/rstscan", "'host a'", r"'it'\''s'", "''", "'a;b'"]);
    }

    #[test]
    fn counts_are_worded_as_by_tcpdump() {
        let drops = Drops { received: 2, by_kernel: 0, by_interface: 0 };
        assert_eq!(counts(1, drops), "1 packet captured\n2 packets received by filter\n0 packets dropped by kernel");
        let drops = Drops { received: 2, by_kernel: 1, by_interface: 3 };
        assert!(counts(0, drops).ends_with("1 packet dropped by kernel\n3 packets dropped by interface"));
    }
}
