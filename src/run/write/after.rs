//! The command that is run for each file once it is finished (`-z`).

use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, setpriority_process};

use super::super::output::tell;

/// Runs a command, and says what fails.
pub(in super::super) struct After {
    command: Option<String>,
    running: Vec<(PathBuf, Child)>,
}

impl After {
    /// The last place in the queue for a processor, as tcpdump has it.
    const NICE: i32 = 19;

    /// `None` does nothing.
    pub(in super::super) fn new(command: Option<String>) -> Self {
        Self { command, running: Vec::new() }
    }

    /// Runs the command with the name of a file as its argument, aside: nobody waits for it. There is no shell in between.
    pub(in super::super) fn run(&mut self, file: &Path) {
        let Some(command) = &self.command else { return };
        // A name that begins with a dash is no option.
        let argument = if file.is_relative() { Path::new(".").join(file) } else { file.to_owned() };
        match start(command, &argument) {
            Ok(child) => self.running.push((file.to_owned(), child)),
            Err(error) => tell(format_args!("rstscan: -z {command}: {error}")),
        }
        self.running.retain_mut(|(file, child)| is_running(command, (file, child)));
    }
}

fn start(command: &str, argument: &Path) -> io::Result<Child> {
    // What it prints is not to come between verdicts; Ctrl-C ends the capture, not the command.
    let output = Stdio::from(io::stderr().as_fd().try_clone_to_owned()?);
    let mut child = Command::new(command);
    let child = child.arg(argument).stdin(Stdio::null()).stdout(output).process_group(0).spawn()?;
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // A command that has ended by now needs none.
        let _ = setpriority_process(Some(pid), After::NICE);
    }
    Ok(child)
}

/// Whether it is running yet; says how it ended, if not well.
fn is_running(command: &str, (file, child): (&Path, &mut Child)) -> bool {
    match child.try_wait() {
        Ok(None) => true,
        Ok(Some(status)) if status.success() => false,
        Ok(Some(status)) => {
            tell(format_args!("rstscan: -z {command} {}: {status}", file.display()));
            false
        }
        Err(_) => false,
    }
}
