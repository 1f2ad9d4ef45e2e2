//! Systems other than Linux: root is not given up there, and nobody is left to think so.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::cli::Config;

fn unsupported<T>() -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "root is given up on Linux only: -Z root keeps it"))
}

/// Never started.
pub(in super::super) enum Monitor {}

impl Monitor {
    pub(super) fn start(_: Option<&Path>) -> io::Result<Self> {
        unsupported()
    }

    pub(super) fn wait(&self) -> io::Result<()> {
        match *self {}
    }

    pub(in super::super) fn file(&self, _: u64, _: i64) -> io::Result<File> {
        match *self {}
    }

    pub(in super::super) fn output(&self) -> io::Result<File> {
        match *self {}
    }

    pub(in super::super) fn finished(&self) -> io::Result<()> {
        match *self {}
    }

    pub(super) fn serve(_: &Config, _: Option<&Path>) -> io::Result<()> {
        unsupported()
    }
}

/// No bounds.
pub(super) mod sandbox {
    use super::super::needs::Needs;

    pub(in super::super) fn enter(_: &Needs) -> Vec<String> {
        vec!["none on this system".to_owned()]
    }
}

/// Users, who stay what they are.
pub(super) mod user {
    use std::io;

    use rustix::process::{getegid, geteuid, getgid, getuid};

    /// A user that nobody becomes.
    pub(in super::super) enum Account {}

    impl Account {
        pub(in super::super) fn find(name: &str) -> io::Result<Option<Self>> {
            if name == "root" { Ok(None) } else { super::unsupported() }
        }
    }

    pub(in super::super) fn is_root() -> bool {
        geteuid().is_root()
    }

    pub(in super::super) fn is_set_id() -> bool {
        getuid() != geteuid() || getgid() != getegid()
    }

    pub(in super::super) fn become_user(account: &Account) -> io::Result<()> {
        match *account {}
    }

    pub(in super::super) fn keep_files() -> io::Result<()> {
        Ok(())
    }

    pub(in super::super) fn keep_nothing() -> io::Result<()> {
        Ok(())
    }
}
