//! Signals, with the sense that they have for tcpdump.
//!
//! SIGINT, SIGTERM and SIGHUP: the first one ends the run in good order, the second one at once. SIGUSR1 asks for counts,
//! SIGUSR2 has everything flushed. Of a run that is left running SIGHUP asks to open its output again.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::{flag, low_level::pipe};

use crate::cli::Agent;

/// What the user wants by signals.
pub(super) struct Signals {
    /// Whether there was a signal since it was asked what they want: all that is looked at for each frame.
    news: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    counts: Arc<AtomicBool>,
    flush: Arc<AtomicBool>,
    reopen: Arc<AtomicBool>,
    /// Becomes readable with the first signal that ends the run, and stays so.
    wake: UnixStream,
}

/// What signals ask for beside an end, once each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Wishes {
    /// A line of counts.
    pub(super) counts: bool,
    /// That everything written is handed over.
    pub(super) flush: bool,
    /// That the output is opened again.
    pub(super) reopen: bool,
}

impl Signals {
    /// Takes the signals over from the system's default; SIGHUP to end, too, or to open the output again. A view ends the
    /// program at a second signal by itself, to give the terminal back.
    pub(super) fn install(agent: &Agent) -> io::Result<Self> {
        let [news, stop, counts, flush, reopen] = std::array::from_fn(|_| Arc::new(AtomicBool::new(false)));
        let (wake, bell) = UnixStream::pair()?;
        for signal in ends(agent.hangup_reopens()) {
            // In this order: the flag that the first one sets is what lets the second one end the process.
            if !agent.watch {
                flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop))?;
            }
            flag::register(signal, Arc::clone(&stop))?;
            flag::register(signal, Arc::clone(&news))?;
            pipe::register(signal, bell.try_clone()?)?;
        }
        let hangup = agent.hangup_reopens().then_some((SIGHUP, &reopen));
        for (signal, wish) in [(SIGUSR1, &counts), (SIGUSR2, &flush)].into_iter().chain(hangup) {
            flag::register(signal, Arc::clone(wish))?;
            flag::register(signal, Arc::clone(&news))?;
        }
        Ok(Self { news, stop, counts, flush, reopen, wake })
    }

    /// Whether a signal came that nobody has heeded.
    #[inline]
    pub(super) fn has_news(&self) -> bool {
        self.news.load(Ordering::Relaxed)
    }

    /// What signals have asked for since the last call.
    pub(super) fn wishes(&self) -> Wishes {
        // First of all, so that a signal that comes meanwhile is looked at again.
        self.news.store(false, Ordering::SeqCst);
        let taken = |wish: &AtomicBool| wish.swap(false, Ordering::SeqCst);
        Wishes { counts: taken(&self.counts), flush: taken(&self.flush), reopen: taken(&self.reopen) }
    }

    /// Whether a signal has asked for an end.
    #[inline]
    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Ends the run as a signal would.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.news.store(true, Ordering::SeqCst);
    }

    /// What to watch beside an input in order not to miss the signal.
    pub(super) fn wake(&self) -> io::Result<OwnedFd> {
        self.wake.try_clone().map(OwnedFd::from)
    }
}

/// The signals that end a run. Who starts a program with SIGHUP ignored, as nohup does, wants it to go on.
fn ends(hangup_reopens: bool) -> Vec<i32> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut signals = vec![SIGINT, SIGTERM];
    if !hangup_reopens && !is_ignored(&status, SIGHUP) {
        signals.push(SIGHUP);
    }
    signals
}

/// Whether a process ignores a signal, by its status as Linux writes it; elsewhere nothing is known, and taken for no.
fn is_ignored(status: &str, signal: i32) -> bool {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let set = ignored.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0);
    set & (1 << (signal - 1)) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_no_signal_asks_for_is_heeded_as_one() {
        let signals = Signals::install(&Agent::default()).unwrap();
        assert!(!signals.stopped() && !signals.has_news());
        signals.stop();
        assert!(signals.stopped() && signals.has_news());
    }

    #[test]
    fn ignored_signals_are_read_from_the_status() {
        let status =
            "Name:\trstscan\nSigBlk:\t0000000000000003\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000000\n";
        assert!(is_ignored(status, SIGHUP));
        assert!(!is_ignored(status, SIGINT));
        assert!(!is_ignored("", SIGHUP));
    }
}
