//! Beside a live capture that was begun as root: what takes root's rights while it runs, in a process that sees no frame.
//!
//! It makes the files of `-w`, whose names it knows from its own command line: asked for the file of a number and a time, it
//! hands over an open one. When the capture ends, however that comes, it removes its tracing instance.

use std::fs::{self, File};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::io::retry_on_intr;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    Shutdown, recvmsg, sendmsg, shutdown,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::needs::Needs;
use super::{sandbox, user};
use crate::cli::{Config, Writing};
use crate::run::write::make;

/// A request: the number of a file and the time of its period in seconds, in the order of bytes of this machine.
const REQUEST: usize = 16;
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
    /// Starts it, to make the files of this capture and to remove this folder of tracefs.
    ///
    /// # Errors
    ///
    /// No process can be started, or `/proc` is not mounted.
    pub(super) fn start(config: &Config, instance: Option<&Path>) -> io::Result<Self> {
        let (socket, its) = UnixStream::pair()?;
        let mut command = Command::new("/proc/self/exe");
        command.arg0("rstscan").arg("--monitor");
        if let Some(instance) = instance {
            command.arg("--instance").arg(instance);
        }
        if let Some(writing) = config.writing.as_ref().filter(|writing| writing.makes_files()) {
            command.args(writing.arguments());
        }
        if !config.rights.sandbox {
            command.arg("--no-sandbox");
        }
        command.stdin(OwnedFd::from(its)).stdout(Stdio::null()).stderr(Stdio::null());
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
        let request = [number.to_ne_bytes(), seconds.to_ne_bytes()].concat();
        (&self.socket).write_all(&request)?;
        self.answer()?.map(File::from).ok_or_else(|| io::ErrorKind::InvalidData.into())
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
        let writing = config.writing.as_ref();
        let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        socket.peer_addr()?;
        // It ends when the capture does, and not before.
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::default())?;
        }
        let ready = user::keep_files().and_then(|()| match config.rights.sandbox {
            true => sandbox::enter(&Needs::of_monitor(writing, instance)),
            false => Ok(()),
        });
        let works = ready.is_ok();
        reply(&socket, ready.map(|()| None))?;
        let mut request = [0; REQUEST];
        while works && socket.read_exact(&mut request).is_ok() {
            reply(&socket, asked(writing, request).map(Some))?;
        }
        if let Some(instance) = instance {
            remove(instance);
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

/// The file that was asked for.
fn asked(writing: Option<&Writing>, request: [u8; REQUEST]) -> io::Result<OwnedFd> {
    let (numbers, _) = request.as_chunks();
    let [number, seconds] = *numbers else { return Err(io::ErrorKind::InvalidData.into()) };
    let writing = writing.ok_or(io::ErrorKind::InvalidInput)?;
    make(writing, u64::from_ne_bytes(number), i64::from_ne_bytes(seconds)).map(OwnedFd::from)
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

/// Removes a tracing instance as soon as nobody reads it.
fn remove(instance: &Path) {
    for _ in 0..TRIES {
        match fs::remove_dir(instance) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => thread::sleep(BETWEEN_TRIES),
            // What cannot go now goes when the next one is made.
            Ok(()) | Err(_) => return,
        }
    }
}
