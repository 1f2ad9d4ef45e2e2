//! What `/proc` tells of a process.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::classify::Process;

/// So many threads are remembered.
const KNOWN_MAX: usize = 1024;
/// For so long: numbers of processes are given again.
const KNOWN_FOR: Duration = Duration::from_secs(1);
/// The first digits of a container's id, as its tools show them.
const ID_SHOWN: usize = 12;
/// The digits of a container's id.
const ID_DIGITS: usize = 64;

/// Processes by what events tell of them.
#[derive(Debug)]
pub struct Processes {
    known: HashMap<Process, Process>,
    since: Instant,
}

impl Processes {
    /// Knows none yet.
    pub fn new() -> Self {
        Self { known: HashMap::new(), since: Instant::now() }
    }

    /// The whole process, of one of whose threads an event tells number and command. One that has ended is known by these alone.
    pub fn of(&mut self, noted: Process) -> Process {
        if self.known.len() >= KNOWN_MAX || self.since.elapsed() >= KNOWN_FOR {
            self.known.clear();
            self.since = Instant::now();
        }
        self.known.entry(noted).or_insert_with_key(asked).clone()
    }
}

fn asked(noted: &Process) -> Process {
    let folder = folder(noted.pid);
    let read = |name| fs::read_to_string(folder.join(name)).ok();
    // Where another number space of processes is mounted this is somebody else.
    let same = read("comm").is_some_and(|name| name.trim_end_matches('\n') == noted.command);
    let pid = same.then(|| read("status")).flatten().and_then(|status| leader(&status));
    let container = same.then(|| read("cgroup")).flatten().and_then(|groups| container(&groups));
    Process { pid: pid.unwrap_or(noted.pid), command: noted.command.clone(), container }
}

fn folder(pid: u32) -> PathBuf {
    Path::new("/proc").join(pid.to_string())
}

/// When a process started, in clock ticks since boot (field 22 of proc_pid_stat(5)).
pub fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(folder(pid).join("stat")).ok()?;
    // The command is in parentheses and may hold anything.
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// The process that a thread belongs to, from its status.
fn leader(status: &str) -> Option<u32> {
    status.lines().find_map(|line| line.strip_prefix("Tgid:")?.trim().parse().ok())
}

/// The container in `/proc/PID/cgroup`: Docker, containerd, CRI-O and Podman name a group after its id, LXC after its name.
fn container(groups: &str) -> Option<String> {
    groups.lines().find_map(|line| {
        let path = line.splitn(3, ':').nth(2)?;
        let parts = path.split('/').rev();
        parts.clone().find_map(id).or_else(|| parts.clone().find_map(lxc)).or_else(|| under_lxc(path))
    })
}

/// The id in `docker-ID.scope`, `cri-containerd-ID.scope`, `libpod-ID.scope`, or `ID`.
fn id(part: &str) -> Option<String> {
    let bare = part.strip_suffix(".scope").unwrap_or(part);
    let id = bare.rsplit(['-', ':']).next()?;
    let whole = id.len() == ID_DIGITS && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    whole.then(|| id.chars().take(ID_SHOWN).collect())
}

/// The name in `lxc.payload.NAME`.
fn lxc(part: &str) -> Option<String> {
    part.strip_prefix("lxc.payload.").map(str::to_owned)
}

/// The name in `/lxc/NAME`.
fn under_lxc(path: &str) -> Option<String> {
    path.strip_prefix("/lxc/")?.split('/').next().filter(|name| !name.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_found_in_the_groups_of_every_engine() {
        let id = "0123456789abcdef".repeat(4);
        let shown = Some("0123456789ab".to_owned());
        for path in [
            format!("0::/system.slice/docker-{id}.scope"),
            format!("12:memory:/docker/{id}"),
            format!("0::/kubepods.slice/kubepods-pod7.slice/cri-containerd-{id}.scope"),
            format!("0::/kubepods-burstable-pod7.slice:cri-containerd:{id}"),
            format!("0::/machine.slice/libpod-{id}.scope/container"),
        ] {
            assert_eq!(container(&path), shown, "{path}");
        }
        assert_eq!(container("0::/lxc.payload.web1/system.slice/nginx.service").as_deref(), Some("web1"));
        assert_eq!(container("3:cpu:/lxc/web2").as_deref(), Some("web2"));
        for path in ["0::/", "0::/system.slice/nginx.service", "0::/user.slice/user-1000.slice/session-1.scope", ""] {
            assert_eq!(container(path), None, "{path}");
        }
    }

    #[test]
    fn the_leader_of_a_thread_is_its_process() {
        assert_eq!(leader("Name:\tx\nUmask:\t0022\nTgid:\t4711\nPid:\t4713\n"), Some(4711));
        assert_eq!(leader("Name:\tx\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_is_known_while_it_lives_and_one_that_ended_by_its_event_alone() {
        let own = std::process::id();
        assert!(started(own).is_some_and(|start| start > 0));
        let command = fs::read_to_string(folder(own).join("comm")).unwrap().trim_end().to_owned();
        let noted = |pid| Process { pid, command: command.clone(), container: None };
        assert_eq!(Processes::new().of(noted(own)).pid, own);
        assert_eq!(Processes::new().of(noted(u32::MAX)), noted(u32::MAX));
    }
}
