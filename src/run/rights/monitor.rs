//! Beside a live capture that was begun as root: what takes root's rights while it runs, in a process that sees no frame.
//!
//! It has the command line of the capture, and so knows the names of all files: asked for the file of `-w` of a number and a
//! time, or for that of `-o`, it hands over an open one. It runs the command of `-z`. When the capture ends, however that
//! comes, it removes its tracing instance.

use std::fs::{self, File};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::io::retry_on_intr;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    Shutdown, recvmsg, sendmsg, shutdown,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};

use super::needs::Needs;
use super::{sandbox, user};
use crate::cli::Config;
use crate::kernel::remove;
use crate::run::output_file;
use crate::run::write::{After, make};

/// What is asked for, in so many bytes: a kind, the number of a file, and the time of its period in seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Request {
    /// The file of `-w` of this number and time.
    Capture(u64, i64),
    /// The file of `-o`.
    Output,
    /// That the command of `-z` is run for the file of `-w` that was made last.
    Finished,
    /// That the tracing instance, which nobody reads any more, is removed.
    Untrace,
}

impl Request {
    const LENGTH: usize = 17;

    /// In the order of bytes of this machine.
    fn to_bytes(self) -> Vec<u8> {
        let (kind, number, seconds) = match self {
            Self::Capture(number, seconds) => (0_u8, number, seconds),
            Self::Output => (1, 0, 0),
            Self::Finished => (2, 0, 0),
            Self::Untrace => (3, 0, 0),
        };
        [&[kind][..], &number.to_ne_bytes(), &seconds.to_ne_bytes()].concat()
    }

    /// `None` where it is none.
    fn of(bytes: [u8; Self::LENGTH]) -> Option<Self> {
        let [kind, numbers @ ..] = bytes;
        let (numbers, _) = numbers.as_chunks();
        let [number, seconds] = *numbers else { return None };
        match kind {
            0 => Some(Self::Capture(u64::from_ne_bytes(number), i64::from_ne_bytes(seconds))),
            1 => Some(Self::Output),
            2 => Some(Self::Finished),
            3 => Some(Self::Untrace),
            _ => None,
        }
    }
}

/// The trace can be read until the last descriptor of it is closed, which comes after the end of the connection.
const TRIES: u32 = 200;
const BETWEEN_TRIES: Duration = Duration::from_millis(10);

/// The connection to the second process, which ends with the value.
#[derive(Debug)]
pub(in super::super) struct Monitor {
    socket: UnixStream,
    child: Child,
}

impl Monitor {
    /// Starts it with the command line of this process, to remove this folder of tracefs at the end.
    ///
    /// # Errors
    ///
    /// No process can be started, or `/proc` is not mounted.
    pub(super) fn start(instance: Option<&Path>) -> io::Result<Self> {
        let (socket, its) = UnixStream::pair()?;
        let mut command = Command::new("/proc/self/exe");
        command.arg0("rstscan").arg("--monitor");
        if let Some(instance) = instance {
            command.arg("--instance").arg(instance);
        }
        command.args(std::env::args_os().skip(1));
        command.stdin(OwnedFd::from(its)).stdout(Stdio::null());
        // Signals of the terminal are for the capture, whose end it waits for.
        let child = command.process_group(0).spawn()?;
        Ok(Self { socket, child })
    }

    /// Waits until it is ready.
    ///
    /// # Errors
    ///
    /// It has ended, or says why it will not work.
    pub(super) fn wait(&self) -> io::Result<()> {
        self.answer().map(drop)
    }

    /// The file of this number, whose period began at this time in seconds since 1970.
    ///
    /// # Errors
    ///
    /// Why it cannot be made.
    pub(in super::super) fn file(&self, number: u64, seconds: i64) -> io::Result<File> {
        self.open(Request::Capture(number, seconds))
    }

    /// The file of the output, opened again.
    ///
    /// # Errors
    ///
    /// Why it cannot be.
    pub(in super::super) fn output(&self) -> io::Result<File> {
        self.open(Request::Output)
    }

    /// Has the command of `-z` run for the file that was made last.
    ///
    /// # Errors
    ///
    /// There is nobody to run it.
    pub(in super::super) fn finished(&self) -> io::Result<()> {
        self.ask(Request::Finished).map(drop)
    }

    /// Has the tracing instance removed.
    ///
    /// # Errors
    ///
    /// It stays, in words for the user.
    pub(in super::super) fn untrace(&self) -> io::Result<()> {
        self.ask(Request::Untrace).map(drop)
    }

    fn open(&self, request: Request) -> io::Result<File> {
        self.ask(request)?.map(File::from).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    fn ask(&self, request: Request) -> io::Result<Option<OwnedFd>> {
        (&self.socket).write_all(&request.to_bytes())?;
        self.answer()
    }

    /// An error in words, or a descriptor with none.
    fn answer(&self) -> io::Result<Option<OwnedFd>> {
        let mut length = [0; 2];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = retry_on_intr(|| {
            recvmsg(&self.socket, &mut [IoSliceMut::new(&mut length)], &mut control, RecvFlags::CMSG_CLOEXEC)
        })?;
        if received.bytes != length.len() {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the second process, which stays root, has ended",
            ));
        }
        let descriptor = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        });
        let mut words = vec![0; usize::from(u16::from_ne_bytes(length))];
        (&self.socket).read_exact(&mut words)?;
        if words.is_empty() {
            Ok(descriptor)
        } else {
            Err(io::Error::other(String::from_utf8_lossy(&words).into_owned()))
        }
    }

    /// The second process itself, on whose standard input the first one asks.
    ///
    /// # Errors
    ///
    /// Nobody asks there.
    pub(super) fn serve(config: &Config, instance: Option<&Path>) -> io::Result<()> {
        let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        socket.peer_addr()?;
        // It ends when the capture does, and not before.
        for signal in [SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2] {
            signal_hook::flag::register(signal, Arc::default())?;
        }
        // Commands have the rights of who asked for them.
        if config.rights.sandbox && !config.runs_commands() {
            // What cannot be given up here is no reason not to begin: the capture has said so.
            let _ = user::keep_files();
            let _ = sandbox::enter(&Needs::of_monitor(config, instance));
        }
        reply(&socket, Ok(None))?;
        let after = After::new(config.writing.as_ref().and_then(|w| w.after.clone()));
        let mut served = Served { config, after, made: None, instance };
        let mut request = [0; Request::LENGTH];
        while socket.read_exact(&mut request).is_ok() {
            reply(&socket, served.grant(Request::of(request)))?;
        }
        if let Some(instance) = served.instance {
            remove_unread(instance);
        }
        Ok(())
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        // Where it has ended already there is nothing to wait for.
        let _ = shutdown(&self.socket, Shutdown::Both);
        let _ = self.child.wait();
    }
}

/// What the second process does.
struct Served<'a> {
    config: &'a Config,
    after: After,
    /// The file that was made last.
    made: Option<PathBuf>,
    /// The tracing instance, until it is removed.
    instance: Option<&'a Path>,
}

impl Served<'_> {
    fn grant(&mut self, request: Option<Request>) -> io::Result<Option<OwnedFd>> {
        match (request, &self.config.writing, self.config.reopens()) {
            (Some(Request::Capture(number, seconds)), Some(writing), _) => {
                let (name, file) = make(writing, number, seconds)?;
                self.made = Some(name);
                Ok(Some(file.into()))
            }
            (Some(Request::Output), _, Some(path)) => output_file::open(path).map(|file| Some(file.into())),
            (Some(Request::Finished), ..) => {
                if let Some(name) = self.made.take() {
                    self.after.run(&name);
                }
                Ok(None)
            }
            (Some(Request::Untrace), ..) => self.instance.take().map_or(Ok(()), remove).map(|()| None),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }
}

fn reply(socket: &UnixStream, outcome: io::Result<Option<OwnedFd>>) -> io::Result<()> {
    let (descriptor, words) = match outcome {
        Ok(descriptor) => (descriptor, String::new()),
        Err(error) => (None, error.to_string()),
    };
    let length = u16::try_from(words.len()).unwrap_or(0).to_ne_bytes();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors: Vec<_> = descriptor.iter().map(AsFd::as_fd).collect();
    if !descriptors.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(&descriptors));
    }
    let message = [IoSlice::new(&length), IoSlice::new(words.as_bytes())];
    retry_on_intr(|| sendmsg(socket, &message, &mut control, SendFlags::NOSIGNAL))?;
    Ok(())
}

/// Removes the tracing instance of a capture that has ended without a word, as soon as its last descriptor is closed.
fn remove_unread(instance: &Path) {
    for _ in 0..TRIES {
        match fs::remove_dir(instance) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => thread::sleep(BETWEEN_TRIES),
            // What cannot go now goes when the next one is made.
            Ok(()) | Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_as_they_were_written() {
        for request in [Request::Capture(7, -1), Request::Output, Request::Finished, Request::Untrace] {
            assert_eq!(Request::of(request.to_bytes().try_into().unwrap()), Some(request));
        }
        assert_eq!(Request::of([4; Request::LENGTH]), None);
    }
}
