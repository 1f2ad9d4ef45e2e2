//! The files that a capture is written to: their names, how they are made, and what an error leaves of them.

use std::fmt;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use tempfile::NamedTempFile;

use super::super::place;
use super::super::rights::Monitor;
use super::after::After;
use super::name;
use crate::cli::Writing;
use crate::frame::Timestamp;

/// Why a capture cannot be written.
#[derive(Debug)]
pub(in super::super) struct WriteError {
    what: String,
    error: io::Error,
}

impl WriteError {
    pub(super) fn new(what: String, error: io::Error) -> Self {
        Self { what, error }
    }

    /// Whether nobody reads any more what is written.
    pub(in super::super) fn is_broken_pipe(&self) -> bool {
        self.error.kind() == io::ErrorKind::BrokenPipe
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The system's words without their number.
        let reason = self.error.to_string();
        write!(f, "{}: {}", self.what, reason.split(" (os error ").next().unwrap_or_default())
    }
}

impl std::error::Error for WriteError {}

/// One file after the other, each begun with the same header.
pub(super) struct Files {
    writing: Writing,
    /// Device and inode of what is read: none of that is written over.
    inputs: Vec<(u64, u64)>,
    /// Made before anything was read, so that nobody waits for an error; it has no name yet.
    prepared: Option<NamedTempFile>,
    /// Makes the files, where this process may not.
    monitor: Option<Rc<Monitor>>,
    open: Option<Open>,
    after: After,
    /// When the first frame of the present period came, in seconds.
    since: i64,
    /// Periods that are over, and files of this one.
    periods: u64,
    number: u64,
    /// Files made in all.
    pub(super) made: u64,
}

/// A file that is written to.
struct Open {
    name: PathBuf,
    target: Target,
    /// Whole blocks that wait to be written.
    buffer: Vec<u8>,
    /// Bytes in the file, the waiting ones included.
    length: u64,
}

enum Target {
    File(File),
    Stdout(io::Stdout),
}

/// Whether a frame has a file to go to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// In the file that is open.
    Same,
    /// In the next one, which begins with a header.
    Next,
    /// In none: as many files as were asked for are full.
    None,
}

impl Files {
    const BUFFER: usize = 256 * 1024;

    pub(super) fn new(writing: Writing, inputs: &[PathBuf]) -> Self {
        let inputs = inputs.iter().filter_map(|path| fs::metadata(path).ok()).map(|data| identity(&data)).collect();
        let after = After::new(writing.after.clone());
        Self {
            writing,
            inputs,
            prepared: None,
            monitor: None,
            open: None,
            after,
            since: 0,
            periods: 0,
            number: 0,
            made: 0,
        }
    }

    /// The name of the file last opened.
    pub(super) fn name(&self) -> String {
        let name = self.open.as_ref().map_or(&self.writing.file, |open| &open.name);
        if is_standard(name) { "standard output".to_owned() } else { name.display().to_string() }
    }

    pub(super) fn rotates(&self) -> bool {
        self.writing.size.is_some() || self.writing.seconds.is_some()
    }

    /// Finds out early whether a file can be made, and leaves what has its name as it is.
    pub(super) fn prepare(&mut self) -> Result<(), WriteError> {
        let name = name::of(&self.writing, 0, Timestamp::default());
        let made = if is_standard(&name) {
            Ok(None)
        } else {
            self.free(&name).and_then(|kind| kind.then(|| beside(&name)).transpose())
        };
        self.prepared = made.map_err(|error| cannot_write(&name, error))?;
        Ok(())
    }

    /// Has another process make the files from here on.
    pub(super) fn leave_to(&mut self, monitor: Rc<Monitor>) {
        self.prepared = None;
        self.monitor = Some(monitor);
    }

    /// Makes the first file, for a capture that begins at this time.
    pub(super) fn begin(&mut self, time: Timestamp) -> Result<(), WriteError> {
        self.since = time.as_nanos().div_euclid(1_000_000_000);
        self.next()
    }

    /// Where a frame of this time belongs, as tcpdump decides it: first by time, then by size.
    pub(super) fn place(&mut self, time: Timestamp) -> Result<Place, WriteError> {
        let seconds = time.as_nanos().div_euclid(1_000_000_000);
        let Some(open) = &self.open else { return Ok(Place::None) };
        if self.writing.seconds.is_some_and(|period| seconds.saturating_sub(self.since) >= i64::from(period)) {
            self.since = seconds;
            self.periods += 1;
            self.number = 0;
            let enough =
                self.writing.size.is_none() && self.writing.count.is_some_and(|most| self.periods >= u64::from(most));
            if enough {
                self.finish_open()?;
                return Ok(Place::None);
            }
            return self.next().map(|()| Place::Next);
        }
        if self.writing.size.is_some_and(|size| open.length > size) {
            self.number += 1;
            if self.writing.count.is_some_and(|most| self.number >= u64::from(most)) {
                self.number = 0;
            }
            return self.next().map(|()| Place::Next);
        }
        Ok(Place::Same)
    }

    /// What is to be done once the next file is due.
    fn finish_open(&mut self) -> Result<(), WriteError> {
        self.close()?;
        match (&self.open, &self.monitor) {
            (None, _) => Ok(()),
            (Some(open), None) => {
                self.after.run(&open.name);
                Ok(())
            }
            (Some(open), Some(monitor)) => monitor.finished().map_err(|error| cannot_write(&open.name, error)),
        }
    }

    fn next(&mut self) -> Result<(), WriteError> {
        self.finish_open()?;
        let name = name::of(&self.writing, self.number, Timestamp::new(self.since, 0));
        let made = match &self.monitor {
            Some(monitor) if !is_standard(&name) => monitor.file(self.number, self.since).map(Target::File),
            _ => self.create(&name),
        };
        let target = made.map_err(|error| cannot_write(&name, error))?;
        self.made += 1;
        self.open = Some(Open { name, target, buffer: Vec::with_capacity(Self::BUFFER), length: 0 });
        Ok(())
    }

    /// Makes a file of this name, also in place of another.
    fn create(&mut self, name: &Path) -> io::Result<Target> {
        if is_standard(name) {
            return Ok(Target::Stdout(io::stdout()));
        }
        if !self.free(name)? {
            return special(name).map(Target::File);
        }
        let file = match self.prepared.take() {
            Some(file) => file,
            None => beside(name)?,
        };
        // The rename replaces whatever has the name, and writes to nothing of it.
        Ok(Target::File(file.persist(name)?))
    }

    /// Whether a regular file can take this name, or a device or pipe has it.
    ///
    /// No link is followed: what lies in a folder that others can write to may be theirs.
    fn free(&self, name: &Path) -> io::Result<bool> {
        place::check_way(name)?;
        match fs::symlink_metadata(name) {
            Ok(data) if data.is_symlink() => {
                Err(io::Error::other("is a symbolic link; name the file that it leads to"))
            }
            Ok(data) if data.is_dir() => Err(io::Error::other("is a folder")),
            Ok(data) if self.inputs.contains(&identity(&data)) => Err(io::Error::other("is what is being read")),
            Ok(data) => Ok(data.is_file()),
            Err(_) => Ok(true),
        }
    }

    /// Adds a whole block.
    pub(super) fn write(&mut self, block: &[u8]) -> Result<(), WriteError> {
        let Some(open) = &mut self.open else { return Ok(()) };
        open.buffer.extend_from_slice(block);
        open.length += block.len() as u64;
        if self.writing.at_once || open.buffer.len() >= Self::BUFFER { self.flush() } else { Ok(()) }
    }

    /// Hands over what waits.
    pub(super) fn flush(&mut self) -> Result<(), WriteError> {
        let name = self.name();
        let Some(open) = &mut self.open else { return Ok(()) };
        open.flush().map_err(|error| WriteError::new(format!("cannot write {name}"), error))
    }

    /// Hands over what waits; nothing is written to this file any more.
    pub(super) fn close(&mut self) -> Result<(), WriteError> {
        self.flush()
    }
}

impl Open {
    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let outcome = match &mut self.target {
            Target::Stdout(stdout) => stdout.write_all(&self.buffer).and_then(|()| stdout.flush()),
            Target::File(file) => file.write_all(&self.buffer).inspect_err(|_| {
                // So that the file ends with a whole block; what is no regular file has no end to cut.
                let begun = self.length - self.buffer.len() as u64;
                let _ = cut(file, begun, &self.buffer);
            }),
        };
        self.buffer.clear();
        outcome
    }
}

/// Makes the file of this number, whose period began at this time in seconds, for another process to write to; with its name.
pub(in super::super) fn make(writing: &Writing, number: u64, seconds: i64) -> io::Result<(PathBuf, File)> {
    let name = name::of(writing, number, Timestamp::new(seconds, 0));
    match Files::new(writing.clone(), &[]).create(&name)? {
        Target::File(file) => Ok((name, file)),
        Target::Stdout(_) => Err(io::ErrorKind::InvalidInput.into()),
    }
}

/// Takes a block away that was written in part, of those that were to begin at this place.
fn cut(file: &mut File, begun: u64, blocks: &[u8]) -> io::Result<()> {
    let written = file.stream_position()?.saturating_sub(begun);
    let mut whole = 0_usize;
    // The second length of a block is equal to the first in either order, so no order has to be known.
    while let Some(length) = length_of(blocks.get(whole..).unwrap_or_default())
        && (whole + length) as u64 <= written
    {
        whole += length;
    }
    file.set_len(begun + whole as u64)
}

/// The length of the block at the start, by the one that its end repeats.
fn length_of(blocks: &[u8]) -> Option<usize> {
    let field: [u8; 4] = *blocks.get(4..)?.first_chunk()?;
    [u32::from_le_bytes(field), u32::from_be_bytes(field)].into_iter().find_map(|length| {
        let length = usize::try_from(length).ok().filter(|length| *length >= 12)?;
        (blocks.get(length - 4..length)? == field).then_some(length)
    })
}

fn cannot_write(name: &Path, error: io::Error) -> WriteError {
    WriteError::new(format!("cannot write {}", name.display()), error)
}

/// A file under a name of its own, in the folder of this one.
fn beside(name: &Path) -> io::Result<NamedTempFile> {
    let folder = name.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".rstscan-").permissions(Permissions::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// Opens a device or a named pipe.
fn special(name: &Path) -> io::Result<File> {
    let flags = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0);
    let file = OpenOptions::new().write(true).custom_flags(flags).open(name)?;
    let kind = file.metadata()?.file_type();
    let expected = kind.is_fifo() || kind.is_char_device() || kind.is_socket();
    if expected { Ok(file) } else { Err(io::Error::other("was replaced by another file")) }
}

/// Whether this stands for standard input or output.
pub(super) fn is_standard(name: &Path) -> bool {
    name.as_os_str() == "-"
}

fn identity(data: &Metadata) -> (u64, u64) {
    (data.dev(), data.ino())
}
