//! Reading from pipes and terminals without being stuck there.

use std::fmt;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// How long a source waits before it says [`Next::Idle`](super::Next::Idle).
pub(super) const PATIENCE: Duration = Duration::from_millis(100);

/// A reader that gives up waiting: with nothing to read for 100 ms a read fails with [`io::ErrorKind::TimedOut`], and once
/// `wake` is readable with [`io::ErrorKind::WouldBlock`].
pub struct Pipe<R> {
    reader: R,
    wake: OwnedFd,
}

impl<R: Read + AsFd> Pipe<R> {
    /// Reads from `reader`; `wake` is only watched, never read.
    pub fn new(reader: R, wake: OwnedFd) -> Self {
        Self { reader, wake }
    }
}

impl<R: Read + AsFd> Read for Pipe<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match wait(self.reader.as_fd(), Some(self.wake.as_fd()), PATIENCE)? {
            true => self.reader.read(into),
            false if wait(self.wake.as_fd(), None, Duration::ZERO)? => Err(io::ErrorKind::WouldBlock.into()),
            false => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl<R> fmt::Debug for Pipe<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipe").finish_non_exhaustive()
    }
}

/// Waits until `ready` can be read; false when the time is over or `wake` can be read.
pub(super) fn wait(ready: BorrowedFd<'_>, wake: Option<BorrowedFd<'_>>, patience: Duration) -> io::Result<bool> {
    let timeout = Timespec { tv_sec: patience.as_secs() as i64, tv_nsec: i64::from(patience.subsec_nanos()) };
    let mut fds = [PollFd::new(&ready, PollFlags::IN), PollFd::new(wake.as_ref().unwrap_or(&ready), PollFlags::IN)];
    match poll(&mut fds, Some(&timeout)) {
        Ok(_) => {
            let woken = wake.is_some() && !fds[1].revents().is_empty();
            Ok(!woken && !fds[0].revents().is_empty())
        }
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
