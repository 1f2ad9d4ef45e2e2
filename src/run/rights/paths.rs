//! The files that a run may still open, as rules of Landlock (since Linux 5.13).

use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

use super::Needs;

/// The newest version whose rights are known here; an older kernel has fewer of them, and forbids what it knows.
const KNOWN: ABI = ABI::V10;

/// Time zones, which are read again and again as they may change: where the crate jiff looks for them.
const ZONES: [&str; 5] =
    ["/usr/share/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo", "/etc/localtime", "/etc/timezone"];
/// What the system's resolver reads, and the libraries that it loads for that.
const RESOLVER: [&str; 10] = [
    "/etc",
    "/usr",
    "/lib",
    "/lib64",
    "/run",
    "/var/run",
    "/var/lib/sss",
    "/nix/store",
    "/gnu/store",
    "/sys/kernel/mm",
];

/// Lets only these files be opened from here on, in this thread and those begun later. `false` where the kernel has no
/// Landlock.
///
/// # Errors
///
/// The kernel refuses.
pub(super) fn confine(needs: &Needs) -> io::Result<bool> {
    let rules = handled(needs).map_err(io::Error::other)?;
    allow_all(&rules, needs)?;
    let status = rules.restrict_self().map_err(io::Error::other)?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}

/// Rules that allow nothing yet.
fn handled(needs: &Needs) -> Result<RulesetCreated, RulesetError> {
    let mut ruleset = Ruleset::default().handle_access(AccessFs::from_all(KNOWN))?;
    if !needs.names {
        ruleset = ruleset.handle_access(AccessNet::from_all(ABI::V4))?;
    }
    ruleset.scope(Scope::from_all(KNOWN))?.create()
}

fn allow_all(rules: &RulesetCreated, needs: &Needs) -> io::Result<()> {
    let look = AccessFs::ReadFile | AccessFs::ReadDir;
    for path in zones() {
        allow(rules, &path, look)?;
    }
    for path in &needs.reads {
        // Whoever names a folder is told that it is one.
        let access = if path.is_dir() { AccessFs::ReadDir } else { AccessFs::ReadFile };
        allow(rules, path, access.into())?;
    }
    for path in &needs.finds {
        allow(rules, path, AccessFs::ReadFile.into())?;
    }
    for path in &needs.makes {
        allow(rules, path, made())?;
    }
    for path in &needs.removes {
        allow(rules, path, AccessFs::RemoveDir | AccessFs::WriteFile | AccessFs::Truncate)?;
    }
    if needs.terminal {
        allow(rules, Path::new("/dev/tty"), AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev)?;
    }
    if needs.names {
        for path in RESOLVER {
            allow(rules, Path::new(path), look | AccessFs::ResolveUnix)?;
        }
    }
    if needs.kernel {
        allow(rules, Path::new("/proc"), look)?;
    }
    Ok(())
}

/// What it takes to make a file beside another, to write to it, and to put it in the place of one.
fn made() -> BitFlags<AccessFs> {
    AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::MakeReg | AccessFs::RemoveFile | AccessFs::Truncate
}

/// Adds what is there by this name, with all below it. There are no rules for what is on no file system that one can see, as
/// a pipe by the name `/dev/fd/3`: nothing forbids to open that.
fn allow(rules: &RulesetCreated, path: &Path, mut access: BitFlags<AccessFs>) -> io::Result<()> {
    let (Ok(opened), Ok(data)) = (PathFd::new(path), std::fs::metadata(path)) else { return Ok(()) };
    if !data.is_dir() {
        access &= AccessFs::from_file(KNOWN);
    }
    // A second descriptor of the same rules, as an error takes it along.
    let _ = rules.try_clone()?.add_rule(PathBeneath::new(opened, access));
    Ok(())
}

/// Where time zones are, also those that the environment names.
fn zones() -> Vec<PathBuf> {
    let named = ["TZDIR", "TZ"].into_iter().filter_map(std::env::var_os).map(|value| {
        let text = value.to_string_lossy();
        PathBuf::from(text.strip_prefix(':').unwrap_or(&text))
    });
    ZONES.iter().map(PathBuf::from).chain(named.filter(|path| path.is_absolute())).collect()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::ErrorKind;
    use std::thread;

    use super::*;

    /// Does something on a thread of its own that is confined to these needs; `None` where the kernel has no Landlock.
    fn confined<T: Send>(needs: &Needs, act: impl FnOnce() -> T + Send) -> Option<T> {
        let act = || confine(needs).unwrap().then(act);
        thread::scope(|scope| scope.spawn(act).join().unwrap())
    }

    #[test]
    fn what_is_needed_can_be_opened_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let [read, other, made] = ["read", "other", "made"].map(|name| folder.path().join(name));
        fs::write(&read, "").unwrap();
        fs::write(&other, "").unwrap();
        fs::create_dir(&made).unwrap();
        let inside = |name: &str| folder.path().join("made").join(name);
        let kind = |opened: io::Result<File>| opened.err().map(|error| error.kind());
        let reads = Needs { reads: vec![read.clone(), folder.path().join("nowhere")], ..Needs::default() };
        let denied = Some(ErrorKind::PermissionDenied);
        let outcome = confined(&reads, || {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").map(drop).map_err(|error| error.kind());
            let opened = [File::open(&read), File::open(&other), File::create(inside("a")), File::open("/etc/passwd")];
            (opened.map(kind), listener)
        });
        let Some((opened, listener)) = outcome else {
            eprintln!("not tested: this kernel has no Landlock");
            return;
        };
        assert_eq!(opened, [None, denied, denied, denied]);
        // Since Linux 6.7.
        assert!(matches!(listener, Ok(()) | Err(ErrorKind::PermissionDenied)));
        let makes = Needs { makes: vec![made.clone()], ..Needs::default() };
        let outcome = confined(&makes, || {
            let renamed = File::create(inside("a")).and_then(|_| fs::rename(inside("a"), inside("b")));
            let elsewhere = kind(File::create(folder.path().join("b")));
            (renamed.is_ok(), fs::remove_file(inside("b")).is_ok(), elsewhere, fs::remove_dir(&made).is_err())
        });
        assert_eq!(outcome, Some((true, true, denied, true)));
        let removes = Needs { removes: vec![folder.path().to_owned()], ..Needs::default() };
        assert_eq!(
            confined(&removes, || (fs::remove_file(&other).is_err(), fs::remove_dir(&made).is_ok())),
            Some((true, true))
        );
    }

    #[test]
    fn a_resolver_finds_its_files() {
        let needs = Needs { names: true, ..Needs::default() };
        let read = confined(&needs, || fs::read_to_string("/etc/nsswitch.conf").map_err(|error| error.kind()));
        assert!(!matches!(read, Some(Err(ErrorKind::PermissionDenied))), "{read:?}");
    }
}
