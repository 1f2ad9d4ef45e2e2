//! Reading a file that is still written to, as `tail -F` does.

use std::cell::Cell;
use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use super::pipe::{PATIENCE, wait};

/// A reader for which the end of its file is a pause: with nothing to read for 100 ms a read fails with
/// [`io::ErrorKind::TimedOut`], and once `wake` is readable with [`io::ErrorKind::WouldBlock`].
///
/// It ends when another file has the name, or when the file has become shorter than what was read of it: what its writer
/// does now goes elsewhere. A file that is removed, or renamed with none in its place, is waited on.
pub struct Growing {
    file: File,
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
    /// How much of it was read.
    position: u64,
    ended: Rc<Cell<bool>>,
    wake: OwnedFd,
}

impl Growing {
    /// Opens a regular file; `wake` is only watched, never read.
    ///
    /// # Errors
    ///
    /// It cannot be opened, or is no regular file.
    pub fn open(path: &Path, wake: OwnedFd) -> io::Result<Self> {
        let file = File::open(path)?;
        let data = file.metadata()?;
        if !data.is_file() {
            return Err(io::Error::other("only a regular file can be followed"));
        }
        Ok(Self { file, path: path.to_owned(), identity: identity(&data), position: 0, ended: Rc::default(), wake })
    }

    /// Becomes true when it has ended, for whoever gave the reader away.
    pub fn ended(&self) -> Rc<Cell<bool>> {
        Rc::clone(&self.ended)
    }

    /// Whether what was followed goes on elsewhere, or from its start.
    fn is_over(&self) -> io::Result<bool> {
        let is_cut = self.file.metadata()?.len() < self.position;
        let successor = fs::metadata(&self.path).ok().filter(Metadata::is_file);
        Ok(is_cut || successor.is_some_and(|data| identity(&data) != self.identity))
    }

    fn advance(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Read for Growing {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.advance(into)?;
        if read > 0 {
            return Ok(read);
        }
        // Asked before the last look, so that what its writer left at the end of the old file is not lost.
        let over = self.is_over()?;
        let patience = if over { Duration::ZERO } else { PATIENCE };
        if wait(self.wake.as_fd(), None, patience)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        match self.advance(into)? {
            0 if !over => Err(io::ErrorKind::TimedOut.into()),
            read => {
                self.ended.set(read == 0);
                Ok(read)
            }
        }
    }
}

impl fmt::Debug for Growing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Growing").field("path", &self.path).field("position", &self.position).finish_non_exhaustive()
    }
}

fn identity(data: &Metadata) -> (u64, u64) {
    (data.dev(), data.ino())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use super::*;

    struct Followed {
        growing: Growing,
        bell: UnixStream,
        folder: tempfile::TempDir,
    }

    impl Followed {
        fn new(bytes: &[u8]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            fs::write(&path, bytes).unwrap();
            let (wake, bell) = UnixStream::pair().unwrap();
            Self { growing: Growing::open(&path, wake.into()).unwrap(), bell, folder }
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join("file")
        }

        fn reads(&mut self) -> Result<String, io::ErrorKind> {
            let mut into = [0; 16];
            let read = self.growing.read(&mut into).map_err(|error| error.kind())?;
            Ok(String::from_utf8(into[..read].to_vec()).unwrap())
        }
    }

    #[test]
    fn the_end_is_a_pause() {
        let mut followed = Followed::new(b"one");
        assert_eq!(followed.reads(), Ok("one".to_owned()));
        assert_eq!(followed.reads(), Err(io::ErrorKind::TimedOut));
        File::options().append(true).open(followed.path()).unwrap().write_all(b"two").unwrap();
        assert_eq!(followed.reads(), Ok("two".to_owned()));
        followed.bell.write_all(b"!").unwrap();
        assert_eq!(followed.reads(), Err(io::ErrorKind::WouldBlock));
    }

    #[test]
    fn a_successor_ends_it_after_what_the_old_file_still_got() {
        let mut followed = Followed::new(b"old");
        let mut writer = File::options().append(true).open(followed.path()).unwrap();
        assert_eq!(followed.reads(), Ok("old".to_owned()));
        fs::rename(followed.path(), followed.folder.path().join("file.1")).unwrap();
        assert_eq!(followed.reads(), Err(io::ErrorKind::TimedOut));
        fs::write(followed.path(), b"new").unwrap();
        writer.write_all(b"last").unwrap();
        assert_eq!(followed.reads(), Ok("last".to_owned()));
        assert!(!followed.growing.ended().get());
        assert_eq!(followed.reads(), Ok(String::new()));
        assert!(followed.growing.ended().get());
    }

    #[test]
    fn a_file_that_became_shorter_is_over() {
        let mut followed = Followed::new(b"a long one");
        assert_eq!(followed.reads(), Ok("a long one".to_owned()));
        fs::write(followed.path(), b"short").unwrap();
        assert_eq!(followed.reads(), Ok(String::new()));
    }

    #[test]
    fn only_regular_files() {
        let folder = tempfile::tempdir().unwrap();
        let (wake, _) = UnixStream::pair().unwrap();
        let refused = Growing::open(folder.path(), wake.into()).unwrap_err();
        assert_eq!(refused.to_string(), "only a regular file can be followed");
    }
}
