//! Reading on a thread of its own, a few blocks ahead of who takes the bytes.

use std::io::{self, ErrorKind, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// The size of a block, and how many may wait.
const BLOCK: usize = 256 * 1024;
const BLOCKS: usize = 4;
/// How long a block that is not full is held back, and how long one that is not there is waited for.
const PATIENCE: Duration = Duration::from_millis(100);

/// A block of bytes; an empty one is the end.
type Block = io::Result<Vec<u8>>;

/// The bytes of a reader that works on another thread.
///
/// With nothing to give for 100 ms a read fails with [`ErrorKind::TimedOut`]. All other errors are those of the reader, each
/// behind the bytes that came before it. The thread ends once this is dropped: at the reader's next byte or error.
pub(super) struct Ahead {
    blocks: Receiver<Block>,
    /// Blocks that were taken, to be filled again.
    spent: Sender<Vec<u8>>,
    block: Vec<u8>,
    /// How much of `block` was taken.
    at: usize,
}

impl Ahead {
    /// Starts the thread.
    pub(super) fn start(reader: impl Read + Send + 'static) -> io::Result<Self> {
        let (filled, blocks) = sync_channel(BLOCKS);
        let (spent, empty) = channel();
        thread::Builder::new().name("decompress".to_owned()).spawn(move || work(reader, &filled, &empty))?;
        Ok(Self { blocks, spent, block: Vec::new(), at: 0 })
    }

    /// Waits for the next block.
    fn advance(&mut self) -> io::Result<()> {
        let taken = std::mem::take(&mut self.block);
        self.at = 0;
        if taken.capacity() > 0 {
            // Nobody wants it back where the thread has ended.
            let _ = self.spent.send(taken);
        }
        self.block = match self.blocks.recv_timeout(PATIENCE) {
            Ok(block) => block?,
            Err(RecvTimeoutError::Timeout) => return Err(ErrorKind::TimedOut.into()),
            Err(RecvTimeoutError::Disconnected) => return Err(io::Error::other("the decompressor has stopped")),
        };
        Ok(())
    }
}

impl Read for Ahead {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at == self.block.len() {
            self.advance()?;
        }
        let read = self.block.get(self.at..).unwrap_or_default().read(into)?;
        self.at += read;
        Ok(read)
    }
}

/// Reads until nobody takes it. An end and an error are said as often as there is room: what comes then the reader knows.
fn work(mut reader: impl Read, filled: &SyncSender<Block>, empty: &Receiver<Vec<u8>>) {
    loop {
        let mut block = empty.try_recv().unwrap_or_default();
        block.resize(BLOCK, 0);
        let (length, error) = fill(&mut reader, &mut block);
        block.truncate(length);
        if (length > 0 || error.is_none()) && filled.send(Ok(block)).is_err() {
            return;
        }
        let gone = match error {
            // Said only to notice that nobody takes it any more.
            Some(error) if error.kind() == ErrorKind::TimedOut => {
                matches!(filled.try_send(Err(error)), Err(TrySendError::Disconnected(_)))
            }
            Some(error) => filled.send(Err(error)).is_err(),
            None => false,
        };
        if gone {
            return;
        }
    }
}

/// Reads until the block is full, the input pauses or ends, or somebody may have waited long enough.
fn fill(reader: &mut impl Read, block: &mut [u8]) -> (usize, Option<io::Error>) {
    let began = Instant::now();
    let mut length = 0;
    while let Some(rest) = block.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return (length, Some(error)),
        }
        // Nothing would be the end.
        if length > 0 && began.elapsed() >= PATIENCE {
            break;
        }
    }
    (length, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::{Arc, Weak};

    /// Gives `portions`, then what `then` says.
    struct Script {
        portions: Vec<&'static [u8]>,
        then: fn() -> io::Result<usize>,
        _alive: Arc<()>,
    }

    impl Read for Script {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            if self.portions.is_empty() { (self.then)() } else { self.portions.remove(0).read(into) }
        }
    }

    fn script(portions: &[&'static [u8]], then: fn() -> io::Result<usize>) -> (Ahead, Weak<()>) {
        let alive = Arc::new(());
        let weak = Arc::downgrade(&alive);
        (Ahead::start(Script { portions: portions.to_vec(), then, _alive: alive }).unwrap(), weak)
    }

    /// All bytes up to the first error that is no pause, or the end.
    fn drained(ahead: &mut Ahead) -> (Vec<u8>, io::Result<usize>) {
        let (mut all, mut piece) = (Vec::new(), [0; 7]);
        loop {
            match ahead.read(&mut piece) {
                Err(error) if error.kind() == ErrorKind::TimedOut => {}
                Ok(read) if read > 0 => all.extend(&piece[..read]),
                end => return (all, end),
            }
        }
    }

    fn wait_for_end(alive: &Weak<()>) {
        while alive.strong_count() > 0 {
            thread::yield_now();
        }
    }

    #[test]
    fn errors_come_behind_the_bytes_before_them_and_as_often_as_asked() {
        let (mut ahead, alive) = script(&[b"all of ", b"this"], || Err(io::Error::other("damage")));
        for bytes in ["all of this", "", ""] {
            let (all, end) = drained(&mut ahead);
            assert_eq!((&all[..], end.unwrap_err().to_string().as_str()), (bytes.as_bytes(), "damage"));
        }
        drop(ahead);
        wait_for_end(&alive);
    }

    #[test]
    fn the_end_is_said_as_often_as_asked() {
        let (mut ahead, alive) = script(&[b"bytes"], || Ok(0));
        assert_eq!(drained(&mut ahead).0, b"bytes");
        assert_eq!(ahead.read(&mut [0; 9]).unwrap(), 0);
        drop(ahead);
        wait_for_end(&alive);
    }

    #[test]
    fn an_interruption_after_a_long_wait_is_no_end() {
        static READS: AtomicU32 = AtomicU32::new(0);
        let interrupted = || match READS.fetch_add(1, Ordering::SeqCst) {
            0 => {
                thread::sleep(PATIENCE);
                Err(ErrorKind::Interrupted.into())
            }
            1 => Ok(5),
            _ => Ok(0),
        };
        let (mut ahead, _) = script(&[], interrupted);
        assert_eq!(drained(&mut ahead).0.len(), 5);
    }

    #[test]
    fn a_pause_holds_back_nothing_and_ends_with_the_taker() {
        let (mut ahead, alive) = script(&[b"first"], || Err(ErrorKind::TimedOut.into()));
        let mut bytes = [0; 9];
        // On a busy machine the first block may be late, too.
        let first = std::iter::repeat_with(|| ahead.read(&mut bytes)).find_map(Result::ok);
        assert_eq!(first, Some(5));
        assert_eq!(&bytes[..5], b"first");
        assert_eq!(ahead.read(&mut bytes).unwrap_err().kind(), ErrorKind::TimedOut);
        drop(ahead);
        wait_for_end(&alive);
    }

    #[test]
    fn a_reader_that_panics_is_an_error() {
        let (mut ahead, _) = script(&[b"bytes"], || std::panic::resume_unwind(Box::new("a bug")));
        assert!(drained(&mut ahead).1.is_err());
    }

    #[test]
    fn no_more_is_read_ahead_than_the_blocks_hold() {
        static READS: AtomicU32 = AtomicU32::new(0);
        let endless = || {
            READS.fetch_add(1, Ordering::SeqCst);
            Ok(BLOCK)
        };
        let (mut ahead, alive) = script(&[], endless);
        let (mut bytes, mut taken) = (vec![0; BLOCK], 0);
        while taken < 3 * BLOCK {
            taken += ahead.read(&mut bytes).unwrap_or(0);
        }
        drop(ahead);
        wait_for_end(&alive);
        // Those taken, those that waited, and one more under way.
        assert!(READS.load(Ordering::SeqCst) <= 3 + BLOCKS as u32 + 1);
    }
}
