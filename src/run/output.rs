//! Standard output with a large buffer, shared by the sink that writes and the loop that flushes; and standard error.

use std::cell::RefCell;
use std::fmt::Display;
use std::io::{self, BufWriter, StdoutLock, Write};
use std::rc::Rc;

/// Standard output. Clones share one buffer.
#[derive(Clone)]
pub(super) struct Output(Rc<RefCell<BufWriter<StdoutLock<'static>>>>);

impl Output {
    const BUFFER: usize = 64 * 1024;

    /// Takes standard output for the rest of the program.
    pub(super) fn new() -> Self {
        Self(Rc::new(RefCell::new(BufWriter::with_capacity(Self::BUFFER, io::stdout().lock()))))
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.borrow_mut().flush()
    }
}

/// A line on standard error. If that is closed there is nobody to tell.
pub(super) fn tell(line: impl Display) {
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}
