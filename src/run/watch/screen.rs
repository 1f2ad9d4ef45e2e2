//! The terminal: taken over, and given back whatever happens.

use std::fs::{File, OpenOptions};
use std::io;
use std::panic;
use std::thread;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{self, Event, KeyEvent, KeyEventKind};
use ratatui::crossterm::{cursor, execute, terminal};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use signal_hook::consts::{SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

/// The terminal, as long as the view is on it.
///
/// It is opened by its name: standard output stays locked to the run, and whoever gives the terminal back may be another
/// thread.
pub(super) struct Screen {
    pub terminal: Terminal<CrosstermBackend<File>>,
    /// The terminal once more, to ask whether it is still there.
    tty: File,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    ///
    /// There is none.
    pub(super) fn take() -> io::Result<Self> {
        let tty = tty()?;
        watch_over()?;
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            give_back();
            before(info);
        }));
        terminal::enable_raw_mode()?;
        let screen = Self { terminal: Terminal::new(CrosstermBackend::new(tty))?, tty: self::tty()? };
        execute!(self::tty()?, terminal::EnterAlternateScreen, cursor::Hide)?;
        Ok(screen)
    }

    /// The next key, waited for so long; other events just end the wait.
    ///
    /// # Errors
    ///
    /// The terminal is gone.
    pub(super) fn key(&self, patience: Duration) -> io::Result<Option<KeyEvent>> {
        self.wait(Duration::ZERO)?;
        // What was read with an earlier key waits behind that.
        let is_there = event::poll(Duration::ZERO)? || self.wait(patience)? && event::poll(Duration::ZERO)?;
        if !is_there {
            return Ok(None);
        }
        match event::read()? {
            Event::Key(key) if key.kind != KeyEventKind::Release => Ok(Some(key)),
            _ => Ok(None),
        }
    }

    /// Waits so long for something to read; whether there is.
    ///
    /// A terminal that is gone must not be asked for events: crossterm reads its end again and again. Where a run was started
    /// with SIGHUP ignored no signal tells of it.
    fn wait(&self, patience: Duration) -> io::Result<bool> {
        let mut asked = [PollFd::new(&self.tty, PollFlags::IN)];
        let patience = Timespec::try_from(patience).map_err(io::Error::other)?;
        match poll(&mut asked, Some(&patience)) {
            Err(Errno::INTR) => return Ok(false),
            polled => polled?,
        };
        match asked[0].revents() {
            gone if gone.contains(PollFlags::HUP) => Err(io::ErrorKind::BrokenPipe.into()),
            events => Ok(events.contains(PollFlags::IN)),
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn tty() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open("/dev/tty")
}

/// Gives the terminal back as it was. What fails can be told nobody.
fn give_back() {
    let _ = terminal::disable_raw_mode();
    if let Ok(mut tty) = tty() {
        let _ = execute!(tty, terminal::LeaveAlternateScreen, cursor::Show);
    }
}

/// A second signal ends the program at once, but not without the terminal; the first one the loop sees by itself.
fn watch_over() -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGQUIT])?;
    let builder = thread::Builder::new().name("terminal".to_owned());
    builder.spawn(move || {
        let mut stopping = false;
        for signal in signals.forever() {
            if stopping || signal == SIGQUIT {
                give_back();
                std::process::exit(128 + signal);
            }
            stopping = true;
        }
    })?;
    Ok(())
}
