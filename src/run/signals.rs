//! SIGINT and SIGTERM: the first one ends the run in good order, the second one at once.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level::pipe};

/// Whether the user wants an end.
pub(super) struct Signals {
    stop: Arc<AtomicBool>,
    /// Becomes readable with the first signal and stays so.
    wake: UnixStream,
}

impl Signals {
    /// Takes the signals over from the system's default.
    pub(super) fn install() -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (wake, bell) = UnixStream::pair()?;
        for signal in [SIGINT, SIGTERM] {
            // In this order: the flag that the first one sets is what lets the second one end the process.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop))?;
            flag::register(signal, Arc::clone(&stop))?;
            pipe::register(signal, bell.try_clone()?)?;
        }
        Ok(Self { stop, wake })
    }

    /// Whether a signal came.
    #[inline]
    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// What to watch beside an input in order not to miss the signal.
    pub(super) fn wake(&self) -> io::Result<OwnedFd> {
        self.wake.try_clone().map(OwnedFd::from)
    }
}
