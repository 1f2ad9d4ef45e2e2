//! Waiting with a bound.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// The longest any step of a scenario may take.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Asks again until `done`.
///
/// # Errors
///
/// `TimedOut`, naming what was waited for, after [`PATIENCE`].
pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) -> io::Result<()> {
    let start = Instant::now();
    while !done() {
        if start.elapsed() > PATIENCE {
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("waited {PATIENCE:?} for {what}")));
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}
