//! A tracing instance of our own, below tracefs. It disturbs no other, and ends with the value or, after a crash, when the
//! next one is made.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::process;

/// Where tracefs is mounted, since Linux 4.1 and before.
const TRACEFS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];
/// Instances are called `rstscan-PROCESS-START`: its number, and when it started in clock ticks since boot. Where that is taken,
/// as processes of several containers can have the same number, a third number follows.
const PREFIX: &str = "rstscan-";
/// So many names are tried.
const NAMES_MAX: u32 = 16;
/// Room for events, for each processor, in KiB: some 8000 events, which are read at least ten times a second.
const BUFFER_KIB: &str = "1024";
/// What is noted.
const EVENTS: [&str; 2] = ["tcp_send_reset", "tcp_receive_reset"];
/// The file of an event that says how it is laid out.
const FORMAT: &str = "events/tcp/tcp_send_reset/format";

/// A tracing instance that notes resets; it ends with the value.
#[derive(Debug)]
pub struct Instance {
    folder: PathBuf,
    /// Closed before the folder goes.
    pipe: Option<File>,
}

impl Instance {
    /// Starts to note the resets of every network namespace of the machine.
    ///
    /// # Errors
    ///
    /// In words for the user: there is no tracefs, the rights to it are missing, or the kernel is older than Linux 6.10.
    pub fn start() -> io::Result<Self> {
        let tracefs = tracefs()?;
        let format = fs::read_to_string(tracefs.join(FORMAT)).map_err(|error| explained(&error, &tracefs))?;
        if !format.contains("sk_rst_reason reason") {
            return Err(too_old());
        }
        let instances = tracefs.join("instances");
        sweep(&instances);
        let folder = create(&instances).map_err(|error| explained(&error, &tracefs))?;
        let mut instance = Self { folder, pipe: None };
        instance.set_up().map_err(|error| explained(&error, &tracefs))?;
        Ok(instance)
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Ends it.
    ///
    /// # Errors
    ///
    /// In words for the user: somebody else uses the instance. It notes nothing any more, and goes when the next one is made.
    pub fn end(mut self) -> io::Result<()> {
        self.pipe = None;
        remove(&std::mem::take(&mut self.folder))
    }

    /// Reads it no more, and leaves it to somebody else to [`remove`] it.
    pub fn leave(mut self) {
        self.folder = PathBuf::new();
    }

    fn set_up(&mut self) -> io::Result<()> {
        // The clock of captures, but for the leap seconds that a daemon may have told the kernel; it is set when that is.
        fs::write(self.folder.join("trace_clock"), "tai")?;
        fs::write(self.folder.join("buffer_size_kb"), BUFFER_KIB)?;
        let mut options = OpenOptions::new();
        self.pipe = Some(options.read(true).custom_flags(libc::O_NONBLOCK).open(self.folder.join("trace_pipe"))?);
        EVENTS.iter().try_for_each(|event| switch(&self.folder, event, "1"))
    }

    /// Lines that are there, some of them at a time; 0 bytes where there are none.
    ///
    /// # Errors
    ///
    /// The trace cannot be read.
    pub fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(pipe) = &mut self.pipe else { return Ok(0) };
        match pipe.read(into) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(0),
            read => read,
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.pipe = None;
        if !self.folder.as_os_str().is_empty() {
            // What cannot go now goes when the next one is made.
            let _ = fs::remove_dir(&self.folder);
        }
    }
}

/// Removes an instance that its process does not read any more.
///
/// # Errors
///
/// In words for the user: somebody else uses the instance. It notes nothing any more, and goes when the next one is made.
pub fn remove(folder: &Path) -> io::Result<()> {
    fs::remove_dir(folder).map_err(|error| {
        // Where this cannot be the instance goes on, as after a crash.
        let _ = EVENTS.iter().try_for_each(|event| switch(folder, event, "0"));
        let folder = folder.display();
        io::Error::new(error.kind(), format!("{folder} stays until the next run with --kernel: {error}"))
    })
}

fn switch(instance: &Path, event: &str, to: &str) -> io::Result<()> {
    fs::write(instance.join("events/tcp").join(event).join("enable"), to)
}

fn tracefs() -> io::Result<PathBuf> {
    let found =
        TRACEFS.iter().map(Path::new).find(|folder| !matches!(folder.join("instances").try_exists(), Ok(false)));
    let missing = || {
        io::Error::new(
            ErrorKind::NotFound,
            "there is no tracefs at /sys/kernel/tracing (mount -t tracefs tracefs /sys/kernel/tracing)",
        )
    };
    found.map(Path::to_owned).ok_or_else(missing)
}

fn too_old() -> io::Error {
    io::Error::new(ErrorKind::Unsupported, "the kernel does not say why it sends resets, which Linux does since 6.10")
}

/// What an error means to somebody who has asked for the kernel's word.
fn explained(error: &io::Error, tracefs: &Path) -> io::Error {
    let tracefs = tracefs.display();
    match error.kind() {
        ErrorKind::PermissionDenied => io::Error::new(error.kind(), format!("no right to {tracefs}, which takes root")),
        ErrorKind::NotFound => too_old(),
        kind => io::Error::new(kind, format!("{tracefs}: {error}")),
    }
}

/// Makes an instance under a name that nobody has.
fn create(instances: &Path) -> io::Result<PathBuf> {
    let own = std::process::id();
    let name = format!("{PREFIX}{own}-{}", process::started(own).unwrap_or_default());
    let names = std::iter::once(name.clone()).chain((1..NAMES_MAX).map(|number| format!("{name}-{number}")));
    let mut taken = io::Error::from(ErrorKind::AlreadyExists);
    for folder in names.map(|name| instances.join(name)) {
        match fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => taken = error,
            Err(error) => return Err(error),
        }
    }
    Err(taken)
}

/// The number of the process that has made an instance, and when it started.
fn owner(name: &str) -> Option<(u32, u64)> {
    let mut numbers = name.strip_prefix(PREFIX)?.split('-');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Removes the instances of runs that were killed before they could. Those of a run that goes on are in use: the kernel
/// keeps them, whoever it is that cannot see its process.
fn sweep(instances: &Path) {
    for entry in fs::read_dir(instances).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if owner(&name).is_some_and(|(pid, start)| process::started(pid) != Some(start)) {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_taken_is_followed_by_another() {
        let instances = tempfile::tempdir().unwrap();
        let made: Vec<_> = (0..NAMES_MAX).map(|_| create(instances.path()).unwrap()).collect();
        assert!(made.iter().all(|folder| folder.is_dir()));
        assert_eq!(create(instances.path()).unwrap_err().kind(), ErrorKind::AlreadyExists);
        // All of a process that lives.
        sweep(instances.path());
        assert!(made.iter().all(|folder| folder.is_dir()));
    }

    #[test]
    fn what_nobody_owns_any_more_goes_and_what_is_not_ours_stays() {
        let instances = tempfile::tempdir().unwrap();
        let own = std::process::id();
        let start = process::started(own).unwrap_or_default();
        let gone = [format!("rstscan-{own}-{}", start + 1), format!("rstscan-{own}-{}-3", start + 1)];
        let kept = ["rstscan-x-1".to_owned(), "rstscan".to_owned(), "other-1-1".to_owned()];
        gone.iter().chain(&kept).for_each(|name| fs::create_dir(instances.path().join(name)).unwrap());
        sweep(instances.path());
        assert!(gone.iter().all(|name| !instances.path().join(name).exists()));
        assert!(kept.iter().all(|name| instances.path().join(name).exists()));
    }
}
