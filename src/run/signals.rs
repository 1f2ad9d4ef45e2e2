//! SIGINT, SIGTERM and SIGHUP: the first one ends the run in good order, the second one at once. Of a run that is left
//! running SIGHUP asks to open its output again.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level::pipe};

use crate::cli::Agent;

/// What the user wants of a run that goes on.
pub(super) struct Signals {
    stop: Arc<AtomicBool>,
    reopen: Arc<AtomicBool>,
    /// Becomes readable with the first signal that ends and stays so.
    wake: UnixStream,
}

impl Signals {
    /// Takes the signals over from the system's default; SIGHUP to end, too, or to open the output again. A view ends the
    /// program at a second signal by itself, to give the terminal back.
    pub(super) fn install(agent: &Agent) -> io::Result<Self> {
        let (stop, reopen) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (wake, bell) = UnixStream::pair()?;
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            if signal == SIGHUP && agent.hangup_reopens() {
                flag::register(signal, Arc::clone(&reopen))?;
                continue;
            }
            if signal == SIGHUP && hangup_is_ignored() {
                continue;
            }
            // In this order: the flag that the first one sets is what lets the second one end the process.
            if !agent.watch {
                flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop))?;
            }
            flag::register(signal, Arc::clone(&stop))?;
            pipe::register(signal, bell.try_clone()?)?;
        }
        Ok(Self { stop, reopen, wake })
    }

    /// Whether a signal came.
    #[inline]
    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Ends the run as a signal would.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether the output is to be opened again, once.
    pub(super) fn reopens(&self) -> bool {
        self.reopen.load(Ordering::Relaxed) && self.reopen.swap(false, Ordering::Relaxed)
    }

    /// What to watch beside an input in order not to miss the signal.
    pub(super) fn wake(&self) -> io::Result<OwnedFd> {
        self.wake.try_clone().map(OwnedFd::from)
    }
}

/// Whether whoever started the program wants it to outlive the terminal, as `nohup` does.
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    ignored >> (SIGHUP - 1) & 1 == 1
}
