//! The file of `--output`: whole lines only, through a disk that is full and through being renamed by who rotates it.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::fs::OFlags;

use super::output::tell;
use super::place;
use super::rights::Monitor;

/// A file that takes whole lines, and what could not be written of them.
pub(super) struct OutputFile {
    path: PathBuf,
    file: File,
    /// Opens it again, where this process may not.
    monitor: Option<Rc<Monitor>>,
    /// Whether it has an end that can be cut off.
    is_regular: bool,
    /// Lines that wait to be written.
    waiting: Vec<u8>,
    /// Lines that were lost, in all and since the last one that was written.
    lost: u64,
    lost_now: u64,
}

impl OutputFile {
    const BUFFER: usize = 64 * 1024;

    /// Opens the file: to go on behind what it holds, or in its place. It is none of those that are read.
    ///
    /// # Errors
    ///
    /// It cannot be written, is no file, or is a symbolic link.
    pub(super) fn open(path: &Path, goes_on: bool, inputs: &[PathBuf]) -> io::Result<Self> {
        let file = open(path)?;
        let data = file.metadata()?;
        if inputs.iter().filter_map(|input| fs::metadata(input).ok()).any(|input| identity(&input) == identity(&data)) {
            return Err(io::Error::other("is what is being read"));
        }
        if data.is_file() && !goes_on {
            file.set_len(0)?;
        }
        let is_regular = data.is_file();
        let path = path.to_owned();
        Ok(Self { path, file, monitor: None, is_regular, waiting: Vec::new(), lost: 0, lost_now: 0 })
    }

    /// Whether nothing stands in it.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.file.metadata().is_ok_and(|data| data.len() == 0)
    }

    /// Lines that could not be written.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// Has another process open it from here on.
    pub(super) fn leave_to(&mut self, monitor: Rc<Monitor>) {
        self.monitor = Some(monitor);
    }

    /// Goes on in the file that has the name now. Where there can be none, the old one takes what comes.
    pub(super) fn reopen(&mut self) {
        self.hand_over();
        let opened = match &self.monitor {
            Some(monitor) => monitor.output(),
            None => open(&self.path),
        };
        match opened.and_then(|file| Ok((file.metadata()?.is_file(), file))) {
            Ok((is_regular, file)) => (self.is_regular, self.file) = (is_regular, file),
            Err(error) => self.tell(&format!("cannot be opened again ({}); the old file is kept", words(&error))),
        }
    }

    /// Writes the lines that wait. What cannot be written is counted, and said once: the run goes on.
    fn hand_over(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let begun = self.is_regular.then(|| self.file.metadata().map(|data| data.len()).ok()).flatten();
        match self.file.write_all(&self.waiting) {
            Ok(()) => self.recovered(),
            Err(error) => {
                if let Some(begun) = begun {
                    // Of a line that was written in part nobody can read anything; a disk that is full lets files shrink.
                    let _ = self.file.set_len(begun);
                }
                self.lose(&error);
            }
        }
        self.waiting.clear();
    }

    fn lose(&mut self, error: &io::Error) {
        if self.lost_now == 0 {
            self.tell(&format!("{}; what does not fit is lost and counted", words(error)));
        }
        let lines = self.waiting.iter().filter(|byte| **byte == b'\n').count().max(1) as u64;
        self.lost_now += lines;
        self.lost += lines;
    }

    fn recovered(&mut self) {
        let lost = std::mem::take(&mut self.lost_now);
        if lost > 0 {
            self.tell(&format!("is written again; {lost} lines were lost"));
        }
    }

    fn tell(&self, what: &str) {
        tell(format_args!("rstscan: {}: {what}", self.path.display()));
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        // Between lines, where there are lines: each is written in one piece, or none of it.
        let waiting = self.waiting.len();
        if waiting >= Self::BUFFER && (bytes.ends_with(b"\n") || waiting >= 16 * Self::BUFFER) {
            self.hand_over();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hand_over();
        Ok(())
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        self.hand_over();
    }
}

/// Opens a file at its end, or makes it. No link is followed, as what lies in a folder that others can write to may be
/// theirs, and nothing is waited for, as the reader of a named pipe may never come.
pub(super) fn open(path: &Path) -> io::Result<File> {
    place::check_way(path)?;
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or(0);
    let file = OpenOptions::new().append(true).create(true).custom_flags(flags).open(path);
    let file = file.map_err(|error| match fs::symlink_metadata(path) {
        Ok(data) if data.is_symlink() => io::Error::other("is a symbolic link; name the file that it leads to"),
        Ok(data) if data.file_type().is_fifo() => pipe(),
        _ => error,
    })?;
    let kind = file.metadata()?.file_type();
    if kind.is_fifo() {
        return Err(pipe());
    }
    if kind.is_file() || kind.is_char_device() { Ok(file) } else { Err(io::Error::other("is no file")) }
}

fn pipe() -> io::Error {
    io::Error::other("is a named pipe: write to it with >")
}

fn identity(data: &Metadata) -> (u64, u64) {
    (data.dev(), data.ino())
}

/// The system's words without their number.
fn words(error: &io::Error) -> String {
    error.to_string().split(" (os error ").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn text(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn what_is_there_stays_or_goes() {
        let folder = folder();
        let path = folder.path().join("out.json");
        fs::write(&path, "old\n").unwrap();
        OutputFile::open(&path, true, &[]).unwrap().write_all(b"new\n").unwrap();
        assert_eq!(text(&path), "old\nnew\n");
        OutputFile::open(&path, false, &[]).unwrap().write_all(b"newer\n").unwrap();
        assert_eq!(text(&path), "newer\n");
    }

    #[test]
    fn a_renamed_file_takes_what_came_before_and_the_name_what_comes_after() {
        let folder = folder();
        let (path, old) = (folder.path().join("out.json"), folder.path().join("out.json.1"));
        let mut file = OutputFile::open(&path, true, &[]).unwrap();
        file.write_all(b"1\n").unwrap();
        fs::rename(&path, &old).unwrap();
        file.write_all(b"2\n").unwrap();
        file.reopen();
        assert!(file.is_empty());
        file.write_all(b"3\n").unwrap();
        file.flush().unwrap();
        assert_eq!((text(&old).as_str(), text(&path).as_str()), ("1\n2\n", "3\n"));
        // A file that was cut short instead of renamed is gone on with at its new end.
        File::create(&path).unwrap();
        file.write_all(b"4\n").unwrap();
        drop(file);
        assert_eq!(text(&path), "4\n");
    }

    #[test]
    fn where_no_file_can_be_opened_the_old_one_goes_on() {
        let folder = folder();
        let (path, old) = (folder.path().join("out.json"), folder.path().join("out.json.1"));
        let mut file = OutputFile::open(&path, true, &[]).unwrap();
        fs::rename(&path, &old).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", &path).unwrap();
        file.reopen();
        file.write_all(b"1\n").unwrap();
        drop(file);
        assert_eq!(text(&old), "1\n");
    }

    #[test]
    fn a_full_disk_costs_whole_lines_which_are_counted() {
        let mut file = OutputFile::open(Path::new("/dev/full"), true, &[]).unwrap();
        file.write_all(b"1\n2\n").unwrap();
        file.flush().unwrap();
        file.write_all(b"3\n").unwrap();
        file.flush().unwrap();
        assert_eq!(file.lost(), 3);
    }

    #[test]
    fn links_pipes_folders_and_inputs_are_refused() {
        let folder = folder();
        let path = |name: &str| folder.path().join(name);
        let refused =
            |name: &str, inputs: &[PathBuf]| OutputFile::open(&path(name), false, inputs).err().unwrap().to_string();
        std::os::unix::fs::symlink(path("elsewhere"), path("link")).unwrap();
        assert!(refused("link", &[]).starts_with("is a symbolic link"));
        assert!(!path("elsewhere").exists());
        assert!(std::process::Command::new("mkfifo").arg(path("pipe")).status().unwrap().success());
        assert!(refused("pipe", &[]).starts_with("is a named pipe"));
        assert!(refused("", &[]).contains("directory"));
        fs::write(path("in.pcap"), "frames").unwrap();
        assert_eq!(refused("in.pcap", &[path("in.pcap")]), "is what is being read");
        assert_eq!(text(&path("in.pcap")), "frames");
    }
}
