//! From root to a user without rights: groups, user, and every capability.
//!
//! These are things of a thread on Linux, which threads begun later have from it: all of this is done while there is one.

use std::fs;
use std::io;

use nix::unistd::User;
use rustix::process::{Gid, Uid, getegid, geteuid, getgid, getuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set, remove_capability_from_bounding_set,
    set_capabilities, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

/// User and group `nobody` where no file has that name, as in containers without `/etc/passwd`: what the kernel itself
/// shows for a user that it cannot (`/proc/sys/kernel/overflowuid`).
const NOBODY: u32 = 65_534;

/// Capabilities that let root read and write files of others, and replace them in a folder such as `/tmp`.
const FILES: CapabilitySet =
    CapabilitySet::DAC_OVERRIDE.union(CapabilitySet::DAC_READ_SEARCH).union(CapabilitySet::FOWNER);

/// A user to run on as.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Account {
    uid: Uid,
    gid: Gid,
}

impl Account {
    /// The user of this name; `None` for root.
    ///
    /// # Errors
    ///
    /// There is no such user.
    pub(super) fn find(name: &str) -> io::Result<Option<Self>> {
        // Where no user can be looked up nobody is a number all the same.
        let found = User::from_name(name).or_else(|error| if name == "nobody" { Ok(None) } else { Err(error) });
        let ids = match found? {
            Some(user) => (user.uid.as_raw(), user.gid.as_raw()),
            None if name == "nobody" => (NOBODY, NOBODY),
            None if name == "root" => return Ok(None),
            None => return Err(io::Error::new(io::ErrorKind::NotFound, "there is no such user")),
        };
        let account = Self { uid: Uid::from_raw(ids.0), gid: Gid::from_raw(ids.1) };
        Ok((!account.uid.is_root()).then_some(account))
    }
}

/// Whether this process has the rights of root.
pub(super) fn is_root() -> bool {
    geteuid().is_root()
}

/// Whether the program is set-user-ID or set-group-ID: it would act for a user with the rights of another.
pub(super) fn is_set_id() -> bool {
    getuid() != geteuid() || getgid() != getegid()
}

/// Turns root into this user, for good.
///
/// # Errors
///
/// The step that failed. Something of root is left then: the process must not go on.
pub(super) fn become_user(account: &Account) -> io::Result<()> {
    alone()?;
    bound(CapabilitySet::empty());
    set_thread_groups(&[]).map_err(at("setgroups"))?;
    set_thread_res_gid(account.gid, account.gid, account.gid).map_err(at("setresgid"))?;
    set_thread_res_uid(account.uid, account.uid, account.uid).map_err(at("setresuid"))?;
    keep_nothing()?;
    if set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT).is_ok() || [getuid(), geteuid()] != [account.uid; 2] {
        return Err(io::Error::other("setresuid: the way back to root is open"));
    }
    Ok(())
}

/// Gives up all capabilities but these.
///
/// # Errors
///
/// The step that failed.
pub(super) fn keep_capabilities(kept: CapabilitySet) -> io::Result<()> {
    alone()?;
    bound(kept);
    // Before Linux 4.3 there is no such set.
    let _ = clear_ambient_capability_set();
    let has = capabilities(None).map_err(at("capget"))?;
    let left = |set: CapabilitySet| set.intersection(kept);
    let sets = CapabilitySets {
        effective: left(has.effective),
        permitted: left(has.permitted),
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, sets).map_err(at("capset"))?;
    if capabilities(None).map_err(at("capget"))? == sets { Ok(()) } else { Err(io::Error::other("capset: no effect")) }
}

/// Gives up all capabilities.
///
/// # Errors
///
/// The step that failed.
pub(super) fn keep_nothing() -> io::Result<()> {
    keep_capabilities(CapabilitySet::empty())
}

/// Gives up all capabilities but those that concern files; who is not root has none to give up.
///
/// # Errors
///
/// The step that failed.
pub(super) fn keep_files() -> io::Result<()> {
    if capabilities(None).is_ok_and(|sets| sets.permitted.is_empty()) { Ok(()) } else { keep_capabilities(FILES) }
}

/// Narrows the set that programs started later could have capabilities from. Who has not the right to that (`CAP_SETPCAP`)
/// sets `no_new_privs`, after which no program has more.
fn bound(kept: CapabilitySet) {
    let all = (0..u64::BITS).map(|number| CapabilitySet::from_bits_retain(1 << number));
    for capability in all.filter(|capability| !kept.contains(*capability)) {
        // The first number that the kernel does not know is behind the last capability.
        if remove_capability_from_bounding_set(capability).is_err() {
            break;
        }
    }
}

/// That no other thread runs, which would keep all rights; where `/proc` is not mounted nobody can tell.
fn alone() -> io::Result<()> {
    match fs::read_dir("/proc/self/task").map(|tasks| tasks.count()) {
        Ok(2..) => Err(io::Error::other("other threads run already")),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Says of an error which call it is of.
fn at(call: &'static str) -> impl Fn(rustix::io::Errno) -> io::Error {
    move |errno| {
        let error = io::Error::from(errno);
        io::Error::new(error.kind(), format!("{call}: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_name() {
        assert_eq!(Account::find("root").unwrap(), None);
        assert!(Account::find("nobody").unwrap().is_some_and(|account| !account.uid.is_root()));
        assert_eq!(Account::find("no such user").unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    /// The tests of one process run on several threads.
    #[test]
    fn nothing_is_given_up_beside_a_thread_that_would_keep_it() {
        let (end, wait) = std::sync::mpsc::channel::<()>();
        let other = std::thread::spawn(move || wait.recv());
        assert!(keep_capabilities(FILES).is_err_and(|error| error.to_string() == "other threads run already"));
        drop(end);
        assert!(other.join().unwrap().is_err());
    }
}
