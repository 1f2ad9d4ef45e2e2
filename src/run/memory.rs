//! How many connections the machine has memory for.

use std::fs;
use std::path::Path;

use rustix::process::{Resource, getrlimit};

/// What a connection takes, with all that is kept of it.
const BYTES_EACH: u64 = 768;
/// This part of the memory is for connections: one over so much.
const SHARE: u64 = 4;
/// Where the system does not tell how much it has.
const ASSUMED: u64 = 4 << 30;
/// Never more by default: no table of a firewall or host is as large, and a flood fills whatever there is.
const MOST: u64 = 1 << 24;
/// Nor more than this in a live capture, some 768 MB: it is not alone on its host, and may run for months. A host that opens
/// more connections than this in four minutes has those given up first that have ended.
const MOST_LIVE: u64 = 1 << 20;
const LEAST: u64 = 1 << 10;

/// How many connections are held at the same time, unless the user says so: what fits into a quarter of the memory, or of what
/// a container or `ulimit` leaves of it.
pub(super) fn connections(live: bool) -> usize {
    let limits = [Resource::As, Resource::Data].map(|resource| getrlimit(resource).current);
    let all = limits.into_iter().chain([installed(), allowed(Path::new("/"))]);
    for_memory(all.flatten().min().unwrap_or(ASSUMED), live)
}

fn for_memory(bytes: u64, live: bool) -> usize {
    (bytes / SHARE / BYTES_EACH).clamp(LEAST, if live { MOST_LIVE } else { MOST }) as usize
}

#[cfg(target_os = "linux")]
fn installed() -> Option<u64> {
    let info = rustix::system::sysinfo();
    (info.totalram as u64).checked_mul(u64::from(info.mem_unit)).filter(|bytes| *bytes > 0)
}

#[cfg(not(target_os = "linux"))]
fn installed() -> Option<u64> {
    None
}

/// The least that a control group above this process allows (cgroups(7)), in a system that is mounted at `root`.
fn allowed(root: &Path) -> Option<u64> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    groups.lines().filter_map(|line| least_of(line, &root.join("sys/fs/cgroup"))).min()
}

/// The least along one line of `/proc/self/cgroup`: number, controllers, path.
fn least_of(line: &str, mounted: &Path) -> Option<u64> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (controllers, path) = (parts.next()?, parts.next()?);
    let (top, file) = match controllers {
        "" => (mounted.to_owned(), "memory.max"),
        _ if controllers.split(',').any(|name| name == "memory") => (mounted.join("memory"), "memory.limit_in_bytes"),
        _ => return None,
    };
    // In a container the path may be the host's, and does not exist; what it is limited by is then at the top.
    let groups = Path::new(path.trim_start_matches('/')).ancestors();
    groups.filter_map(|group| fs::read_to_string(top.join(group).join(file)).ok()?.trim().parse().ok()).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_the_memory_is_taken() {
        assert_eq!(for_memory(3 << 30, false), 1 << 20);
        assert_eq!(for_memory(0, true), LEAST as usize);
        assert_eq!(for_memory(u64::MAX, false), MOST as usize);
        assert_eq!(for_memory(u64::MAX, true), MOST_LIVE as usize);
    }

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn the_narrowest_control_group_counts() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        assert_eq!(allowed(root), None);
        write(root, "proc/self/cgroup", "0::/a/b\n");
        write(root, "sys/fs/cgroup/a/b/memory.max", "max\n");
        assert_eq!(allowed(root), None);
        write(root, "sys/fs/cgroup/a/memory.max", "1048576\n");
        write(root, "sys/fs/cgroup/memory.max", "2097152\n");
        assert_eq!(allowed(root), Some(1 << 20));
    }

    #[test]
    fn version_1_and_paths_of_the_host_are_understood() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        write(root, "proc/self/cgroup", "11:cpu,memory:/docker/x\n2:pids:/y\n");
        write(root, "sys/fs/cgroup/memory/memory.limit_in_bytes", "4096\n");
        write(root, "sys/fs/cgroup/memory.max", "1\n");
        assert_eq!(allowed(root), Some(4096));
    }
}
