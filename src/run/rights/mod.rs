//! What a run may do is given up before it looks at the first byte of a frame.
//!
//! A live capture opens all it needs, then becomes a user without rights; what takes root's rights later is done by a
//! second process that reads no frames, the monitor. [docs/security.md](../../../docs/security.md) says who may do what.

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
use crate::cli::Config;

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

/// What a live capture is about to give up.
pub(super) struct Outgoing {
    /// Who it runs on as, if it is root now.
    account: Option<Account>,
    /// The name that the user gave.
    name: String,
}

impl Run {
    /// Before an interface is opened: who the run will be, and the process that then has the rights of root.
    ///
    /// # Errors
    ///
    /// There is no such user, or no other process can be started.
    pub(super) fn prepare_to_shed(&mut self, config: &Config) -> anyhow::Result<Outgoing> {
        let name = config.rights.user.clone();
        let account = match user::is_root() {
            true => Account::find(&name).with_context(|| format!("-Z {name}"))?,
            false => None,
        };
        let instance = self.kernel.as_ref().and_then(|kernel| kernel.instance());
        let writing = config.writing.as_ref().filter(|writing| writing.makes_files());
        if account.is_some() && (writing.is_some() || instance.is_some()) {
            let monitor = Monitor::start(config, instance).context("cannot start a second process to stay root")?;
            let monitor = Rc::new(monitor);
            if let Some(writer) = &mut self.writer {
                writer.leave_files_to(Rc::clone(&monitor));
            }
            self.monitor = Some(monitor);
        }
        Ok(Outgoing { account, name })
    }

    /// Once all is open: from here on the run has no rights but those of any user.
    ///
    /// # Errors
    ///
    /// It keeps some of them, so that it must not go on.
    pub(super) fn shed(&mut self, outgoing: &Outgoing, config: &Config) -> anyhow::Result<()> {
        let Outgoing { account, name } = outgoing;
        if let Some(monitor) = &self.monitor {
            monitor.wait().context("the second process that stays root")?;
        }
        match account {
            Some(account) => user::become_user(account).with_context(|| {
                format!("cannot run on as {name} (-Z USER names another user; -Z root keeps the rights of root)")
            }),
            None if user::is_root() => Ok(()),
            None => user::keep_nothing().context("cannot give up capabilities"),
        }?;
        confine(config, || Needs::of_live(config, self, &self.context.inputs))
    }
}

/// Before the first of these files is read: from here on the run opens what it was asked for, and nothing else. As root it
/// keeps the capabilities that concern files, as it may read any.
///
/// # Errors
///
/// The system refuses what it should know.
pub(super) fn confine_to(config: &Config, files: &[PathBuf]) -> anyhow::Result<()> {
    // Of what is not there nothing is read.
    if !files.iter().any(|file| file.as_os_str() == "-" || file.exists()) || !config.rights.sandbox {
        return Ok(());
    }
    user::keep_files().context("cannot give up capabilities")?;
    confine(config, || Needs::of_files(config, files))
}

fn confine(config: &Config, needs: impl FnOnce() -> Needs) -> anyhow::Result<()> {
    match config.rights.sandbox {
        true => sandbox::enter(&needs()).context("cannot enter the sandbox (--no-sandbox goes on without)"),
        false => Ok(()),
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
