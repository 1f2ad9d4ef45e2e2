//! The system calls that a run may still make, as a filter of seccomp(2).
//!
//! Any other is answered as by a kernel that does not have it (`ENOSYS`): every library has an answer to that, such as to
//! begin a thread with `clone`, whose flags a filter can see, and not with `clone3`, whose flags it cannot.

use std::collections::BTreeMap;
use std::io;

use seccompiler::{
    Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
    apply_filter,
};

use super::Needs;

/// On what is open, on memory, time, signals and threads of one's own; to look at files; and to end.
const ALWAYS: &[i64] = &[
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_brk,
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_eventfd2,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fallocate,
    libc::SYS_fcntl,
    libc::SYS_fdatasync,
    libc::SYS_fstat,
    libc::SYS_fstatfs,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_futex,
    libc::SYS_get_robust_list,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getpeername,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_getuid,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_newfstatat,
    libc::SYS_ppoll,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_pselect6,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_read,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_shutdown,
    libc::SYS_sigaltstack,
    libc::SYS_socketpair,
    libc::SYS_statx,
    libc::SYS_sysinfo,
    libc::SYS_times,
    libc::SYS_uname,
    libc::SYS_wait4,
    libc::SYS_waitid,
    libc::SYS_write,
    libc::SYS_writev,
];

/// The older names of some of these, which the C library still uses where it has them.
#[cfg(target_arch = "x86_64")]
const OLDER: &[i64] = &[
    libc::SYS_access,
    libc::SYS_arch_prctl,
    libc::SYS_dup2,
    libc::SYS_epoll_wait,
    libc::SYS_getrlimit,
    libc::SYS_lstat,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_select,
    libc::SYS_stat,
    libc::SYS_time,
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[i64] = &[];

/// To make files, and to put them in the place of others.
const MAKE: &[i64] = &[libc::SYS_fchmod, libc::SYS_renameat2, libc::SYS_unlinkat];
#[cfg(target_arch = "x86_64")]
const MAKE_OLDER: &[i64] = &[libc::SYS_rename, libc::SYS_renameat, libc::SYS_rmdir, libc::SYS_unlink];
#[cfg(target_arch = "aarch64")]
const MAKE_OLDER: &[i64] = &[libc::SYS_renameat];
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const MAKE_OLDER: &[i64] = &[];

/// To ask a resolver.
const ASK: &[i64] =
    &[libc::SYS_bind, libc::SYS_connect, libc::SYS_recvmmsg, libc::SYS_sendmmsg, libc::SYS_sendmsg, libc::SYS_sendto];

/// Names of one's own threads, and of one's own memory for those who look at it: `PR_SET_NAME`, `PR_GET_NAME`, `PR_SET_VMA`.
const NAMING: [u64; 3] = [15, 16, 0x5356_4d41];
/// Puts bytes into the input of a terminal, for whoever reads there next: `TIOCSTI`, and `TIOCLINUX` with the clipboard.
const TYPING: [u64; 2] = [0x5412, 0x541c];
/// What a thread of this process has, and no namespace of its own: `CLONE_THREAD` and every `CLONE_NEW*`.
const THREAD: u64 = 0x0001_0000;
const NAMESPACES: u64 = 0x7e02_0080;
const PROT_EXEC: u64 = 4;
/// `O_ACCMODE`, `O_CREAT`, `O_TRUNC`: none of these where a file is opened to be read.
const WRITING: u64 = 0o3 | 0o100 | 0o1000;
/// What a socket is of: `AF_UNIX`, `AF_INET`, `AF_INET6`, `AF_NETLINK`. None for packets.
const RESOLVING: [u64; 4] = [1, 2, 10, 16];
const INTERNET: [u64; 2] = [2, 10];
const DATAGRAM: u64 = 2;
/// The lower bits of the type of a socket; above them are flags.
const KIND: u64 = 0xf;
/// The level of options of a socket for packets.
const SOL_PACKET: u64 = 263;

/// Lets only these calls through from here on, in this thread and those begun later. `false` where the kernel or this kind
/// of processor has no such filter.
///
/// # Errors
///
/// The kernel refuses.
pub(super) fn confine(needs: &Needs) -> io::Result<bool> {
    let Ok(arch) = TargetArch::try_from(std::env::consts::ARCH) else { return Ok(false) };
    let denied = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let rules = rules(needs).map_err(io::Error::other)?;
    let filter = SeccompFilter::new(rules, denied, SeccompAction::Allow, arch).map_err(io::Error::other)?;
    let program: seccompiler::BpfProgram = filter.try_into().map_err(io::Error::other)?;
    match apply_filter(&program) {
        Ok(()) => Ok(true),
        // Built without it, or run where the call is not there.
        Err(Error::Seccomp(error)) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOSYS)) => Ok(false),
        Err(Error::Prctl(error) | Error::Seccomp(error)) => Err(error),
        Err(error) => Err(io::Error::other(error)),
    }
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn rules(needs: &Needs) -> Result<Rules, seccompiler::BackendError> {
    let mut rules = Rules::new();
    let mut allow = |calls: &[i64]| rules.extend(calls.iter().map(|call| (*call, Vec::new())));
    allow(ALWAYS);
    allow(OLDER);
    if needs.makes_files() {
        allow(MAKE);
        allow(MAKE_OLDER);
        allow(&[libc::SYS_openat]);
    }
    if needs.names {
        allow(ASK);
        allow(&[libc::SYS_mmap, libc::SYS_mprotect]);
    }
    if needs.kernel {
        allow(&[libc::SYS_bind]);
    }
    if needs.monitors {
        allow(&[libc::SYS_sendmsg]);
    }
    for (call, rule) in narrowed(needs)? {
        match rules.get_mut(&call) {
            // Every use of it is allowed already.
            Some(others) if others.is_empty() => {}
            Some(others) => others.push(rule),
            None => drop(rules.insert(call, vec![rule])),
        }
    }
    Ok(rules)
}

/// Calls that may be made with some arguments only; several rules of one call are alternatives.
fn narrowed(needs: &Needs) -> Result<Vec<(i64, SeccompRule)>, seccompiler::BackendError> {
    use SeccompCmpOp::{Eq, MaskedEq, Ne};
    let mut found = Vec::new();
    let mut allow = |call: i64, conditions: &[(u8, SeccompCmpOp, u64)]| {
        // Only pointers have 64 bits.
        let length = |at: u8| {
            if at == 4 || call == libc::SYS_prlimit64 { SeccompCmpArgLen::Qword } else { SeccompCmpArgLen::Dword }
        };
        let conditions = conditions.iter();
        let conditions =
            conditions.map(|(at, operator, value)| SeccompCondition::new(*at, length(*at), operator.clone(), *value));
        found.push((call, SeccompRule::new(conditions.collect::<Result<_, _>>()?)?));
        Ok::<(), seccompiler::BackendError>(())
    };
    allow(libc::SYS_openat, &[(2, MaskedEq(WRITING), 0)])?;
    #[cfg(target_arch = "x86_64")]
    allow(libc::SYS_open, &[(1, MaskedEq(WRITING), 0)])?;
    if needs.terminal {
        // To read and to write, but not to make.
        allow(libc::SYS_openat, &[(2, MaskedEq(WRITING), 0o2)])?;
    }
    allow(libc::SYS_mmap, &[(2, MaskedEq(PROT_EXEC), 0)])?;
    allow(libc::SYS_mprotect, &[(2, MaskedEq(PROT_EXEC), 0)])?;
    allow(libc::SYS_clone, &[(0, MaskedEq(THREAD | NAMESPACES), THREAD)])?;
    allow(libc::SYS_ioctl, &TYPING.map(|command| (1, Ne, command)))?;
    allow(libc::SYS_prlimit64, &[(2, Eq, 0)])?;
    allow(libc::SYS_tgkill, &[(0, Eq, u64::from(std::process::id()))])?;
    // Without an address: to whom a socket is connected already.
    allow(libc::SYS_sendto, &[(4, Eq, 0)])?;
    allow(libc::SYS_setsockopt, &[(1, Ne, SOL_PACKET)])?;
    for purpose in NAMING {
        allow(libc::SYS_prctl, &[(0, Eq, purpose)])?;
    }
    for family in RESOLVING.into_iter().filter(|_| needs.names) {
        allow(libc::SYS_socket, &[(0, Eq, family)])?;
    }
    for family in INTERNET.into_iter().filter(|_| needs.kernel) {
        allow(libc::SYS_socket, &[(0, Eq, family), (1, MaskedEq(KIND), DATAGRAM)])?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_need_adds_calls_and_no_need_adds_another_program() {
        let calls = |needs: &Needs| rules(needs).unwrap();
        let bare = calls(&Needs::default());
        assert!(!bare.contains_key(&libc::SYS_socket) && !bare.contains_key(&libc::SYS_connect));
        assert!(!bare.contains_key(&libc::SYS_renameat2) && !bare[&libc::SYS_openat].is_empty());
        let names = calls(&Needs { names: true, ..Needs::default() });
        assert!(names[&libc::SYS_connect].is_empty() && names[&libc::SYS_socket].len() == RESOLVING.len());
        let kernel = calls(&Needs { kernel: true, ..Needs::default() });
        assert!(!kernel.contains_key(&libc::SYS_connect) && kernel[&libc::SYS_socket].len() == INTERNET.len());
        let makes = calls(&Needs { makes: vec!["/".into()], ..Needs::default() });
        assert!(makes[&libc::SYS_openat].is_empty() && makes.contains_key(&libc::SYS_renameat2));
        let never =
            [libc::SYS_execve, libc::SYS_execveat, libc::SYS_clone3, libc::SYS_ptrace, libc::SYS_io_uring_setup];
        for needs in [bare, names, kernel, makes] {
            assert!(never.iter().all(|call| !needs.contains_key(call)) && !needs[&libc::SYS_clone].is_empty());
        }
    }

    /// On a thread of its own, as the filter never goes again.
    #[test]
    fn calls_that_are_not_needed_are_not_there() {
        let outcome = std::thread::spawn(|| {
            confine(&Needs::default()).unwrap().then(|| {
                let program = std::process::Command::new("true").spawn().is_err();
                let socket = std::net::UdpSocket::bind("127.0.0.1:0").is_err();
                let written = std::fs::File::create("/dev/null").is_err();
                let read = std::fs::read("/dev/null").is_ok();
                let thread = std::thread::spawn(|| 7).join().is_ok_and(|seven| seven == 7);
                [program, socket, written, read, thread]
            })
        });
        assert_eq!(outcome.join().unwrap().unwrap_or([true; 5]), [true; 5]);
    }

    #[test]
    fn every_namespace_is_meant() {
        let all = [
            libc::CLONE_NEWNS,
            libc::CLONE_NEWCGROUP,
            libc::CLONE_NEWUTS,
            libc::CLONE_NEWIPC,
            libc::CLONE_NEWUSER,
            libc::CLONE_NEWPID,
            libc::CLONE_NEWNET,
        ];
        let mask = all.into_iter().fold(0, |mask, flag| mask | u64::try_from(flag).unwrap());
        assert_eq!(mask | libc::CLONE_NEWTIME as u64, NAMESPACES);
        assert_eq!(THREAD, libc::CLONE_THREAD as u64);
        assert_eq!(WRITING, (libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC) as u64);
    }
}
