//! What a run may do is given up before it looks at the first byte of a frame.
//!
//! A live capture opens all it needs, then becomes a user without rights; what takes root's rights later is done by a
//! second process that reads no frames, the monitor. [docs/security.md](../../../docs/security.md) says who may do what.
//!
//! Users, capabilities, Landlock and seccomp are things of a thread on Linux, which threads begun later have from it: so
//! all of this is done while there is one thread.

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
mod calls;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod monitor;
mod needs;
#[cfg(target_os = "linux")]
mod paths;
#[cfg(target_os = "linux")]
mod sandbox;
#[cfg(target_os = "linux")]
mod user;

use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context as _, bail};

#[cfg(not(target_os = "linux"))]
use self::elsewhere::{Monitor, sandbox, user};
#[cfg(target_os = "linux")]
pub(super) use self::monitor::Monitor;
use self::needs::Needs;
use self::user::Account;
use super::Run;
use super::output::tell;
use crate::cli::Config;

/// Who a capture begun as root runs on as where nothing else is said.
const NOBODY: &str = "nobody";

/// Refuses to act for one user with the rights of another.
///
/// # Errors
///
/// The program is set-user-ID or set-group-ID.
pub(super) fn refuse_set_id() -> anyhow::Result<()> {
    if user::is_set_id() {
        bail!(
            "set-user-ID and set-group-ID are refused: take the bit away (chmod ug-s), and give the program \
             CAP_NET_RAW alone (setcap cap_net_raw=ep)"
        );
    }
    Ok(())
}

/// What a live capture is about to give up: who it runs on as, if it is root now.
pub(super) struct Outgoing(Option<Account>);

impl Run {
    /// Before an interface is opened: who the run will be, and the process that then has the rights of root.
    ///
    /// # Errors
    ///
    /// There is no such user, or no other process can be started.
    pub(super) fn prepare_to_shed(&mut self, config: &Config) -> anyhow::Result<Outgoing> {
        let account = match user::is_root() {
            true => {
                let name = config.rights.user.as_deref().unwrap_or(NOBODY);
                Account::find(name).with_context(|| format!("-Z {name}"))?
            }
            false => None,
        };
        let instance = self.kernel.as_ref().and_then(|kernel| kernel.instance());
        let opens = config.makes_files() || config.reopens().is_some() || instance.is_some();
        if account.is_some() && opens {
            let monitor = Monitor::start(instance)
                .context("cannot start a second process that stays root (-Z root does without one)")?;
            let monitor = Rc::new(monitor);
            if let Some(writer) = &mut self.writer {
                writer.leave_files_to(Rc::clone(&monitor));
            }
            self.output.leave_file_to(Rc::clone(&monitor));
            self.monitor = Some(monitor);
        }
        Ok(Outgoing(account))
    }

    /// Once all is open: from here on the run has no rights but those of any user, and threads may begin.
    ///
    /// # Errors
    ///
    /// It cannot become the user that was asked for, or no thread can be started.
    pub(super) fn shed(&mut self, outgoing: &Outgoing, config: &Config) -> anyhow::Result<()> {
        if let Some(monitor) = &self.monitor {
            monitor.wait().context("the second process that stays root")?;
        }
        match (&outgoing.0, &config.rights.user) {
            (Some(account), Some(name)) => {
                user::become_user(account).with_context(|| format!("cannot run on as {name} (-Z root stays root)"))?;
            }
            (Some(account), None) => become_nobody(account),
            (None, _) => {}
        }
        let capabilities = if user::is_root() { Ok(()) } else { user::keep_nothing() };
        if config.rights.sandbox && (self.monitor.is_some() || !config.runs_commands()) {
            confine(config, (capabilities, &Needs::of_live(config, self)));
        }
        self.agent.begin()
    }

    /// Before the first of these files is read: from here on the run opens what it was asked for, and nothing else, and
    /// threads may begin.
    ///
    /// # Errors
    ///
    /// No thread can be started.
    pub(super) fn confine_to(&mut self, config: &Config, files: &[PathBuf]) -> anyhow::Result<()> {
        confine_to(config, files);
        self.agent.begin()
    }
}

/// Before the first of these files is read: from here on they can be opened, and nothing else. As root the run keeps the
/// capabilities that concern files, as it may read any.
pub(super) fn confine_to(config: &Config, files: &[PathBuf]) {
    // Of what is not there nothing is read, and what was begun for it can go again.
    let any = files.iter().any(|file| file.as_os_str() == "-" || file.exists());
    // Commands have the rights of who asked for them.
    if any && config.rights.sandbox && !config.runs_commands() {
        confine(config, (user::keep_files(), &Needs::of_files(config, files)));
    }
}

/// Root turns into nobody. Where that cannot be, as in a container that has no other user, it loses all capabilities, which
/// are what sets it apart from others there.
fn become_nobody(account: &Account) {
    let Err(error) = user::become_user(account) else { return };
    let left = match user::keep_nothing() {
        Ok(()) => "without capabilities".to_owned(),
        Err(error) => format!("with all its rights ({error})"),
    };
    tell(format_args!("rstscan: warning: cannot run on as nobody ({error}): goes on as root, {left}"));
}

/// Enters the sandbox, and tells who wants to know it what cannot be given up here: the run is worth more than that.
fn confine(config: &Config, (capabilities, needs): (io::Result<()>, &Needs)) {
    let mut lacking: Vec<String> =
        capabilities.err().iter().map(|error| format!("capabilities stay: {error}")).collect();
    lacking.extend(sandbox::enter(needs));
    if !lacking.is_empty() && config.style.verbose > 0 {
        tell(format_args!("rstscan: sandbox: {}", lacking.join(", ")));
    }
}

/// The second process: does what takes root's rights, until the first one ends.
///
/// # Errors
///
/// It was not started by another run.
pub(super) fn monitor(config: &Config, instance: Option<&Path>) -> anyhow::Result<()> {
    Monitor::serve(config, instance).context("--monitor is for this program's own use")
}
