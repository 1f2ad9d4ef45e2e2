//! Network namespaces with a life bound to a value, and the commands run inside them.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::process::Command;
use std::thread;

use nix::sched::{CloneFlags, setns};

/// Every namespace of this laboratory is called `rstlab-PROCESS-NUMBER-ROLE`.
const PREFIX: &str = "rstlab-";

/// A network namespace of our own; it and what runs in it end with the value, also when a test panics.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes the namespace `rstlab-PROCESS-NUMBER-ROLE` with its loopback up.
    pub fn create(number: u32, role: &str) -> io::Result<Self> {
        let name = format!("{PREFIX}{}-{number}-{role}", std::process::id());
        command("ip", &["netns", "add", &name])?;
        let namespace = Self { name };
        namespace.ip(&["link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    /// The name `ip netns` knows it by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `work` on a thread inside the namespace. Sockets opened there stay in it.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
        let handle = File::open(Path::new("/run/netns").join(&self.name))?;
        thread::scope(|scope| {
            let inside = scope.spawn(move || {
                setns(&handle, CloneFlags::CLONE_NEWNET)?;
                work()
            });
            inside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// `ip ARGS` inside.
    pub fn ip(&self, args: &[&str]) -> io::Result<String> {
        let mut all = vec!["-n", &self.name];
        all.extend(args);
        command("ip", &all)
    }

    /// Puts one nftables rule on a netfilter hook (`input`, `output` or `forward`) until the returned value is dropped.
    pub fn filter(&self, hook: &str, rule: &str) -> io::Result<Filter<'_>> {
        self.filter_all(hook, &[rule])
    }

    /// The same with several rules.
    pub fn filter_all(&self, hook: &str, rules: &[&str]) -> io::Result<Filter<'_>> {
        self.rules(&format!("type filter hook {hook} priority 0"), rules)
    }

    /// The same on a hook where addresses are translated (`prerouting` or `postrouting`).
    pub fn translate(&self, hook: &str, rule: &str) -> io::Result<Filter<'_>> {
        self.rules(&format!("type nat hook {hook} priority 0"), &[rule])
    }

    fn rules(&self, place: &str, rules: &[&str]) -> io::Result<Filter<'_>> {
        let mut script = format!("add table inet lab; add chain inet lab wire {{ {place}; }}");
        for rule in rules {
            script.push_str(&format!("; add rule inet lab wire {rule}"));
        }
        self.exec("nft", &[&script])?;
        Ok(Filter { namespace: self })
    }

    /// Runs a program inside.
    pub fn exec(&self, program: &str, args: &[&str]) -> io::Result<String> {
        self.enter(|| command(program, args))
    }

    /// Sets a kernel parameter below `/proc/sys/net`, such as `ipv4/tcp_timestamps`.
    pub fn set(&self, parameter: &str, value: &str) -> io::Result<()> {
        self.enter(|| fs::write(Path::new("/proc/sys/net").join(parameter), value))
    }

    /// The kernel's table of TCP sockets, TIME-WAIT and orphans included.
    pub fn tcp_table(&self, ipv6: bool) -> io::Result<String> {
        let table = if ipv6 { "/proc/thread-self/net/tcp6" } else { "/proc/thread-self/net/tcp" };
        self.enter(|| fs::read_to_string(table))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Err(error) = command("ip", &["netns", "delete", &self.name]) {
            eprintln!("cannot remove the network namespace {}: {error}", self.name);
        }
    }
}

/// A rule of the packet filter, removed on drop. One at a time in a namespace.
#[derive(Debug)]
#[must_use = "the rule ends with this value"]
pub struct Filter<'a> {
    namespace: &'a Namespace,
}

impl Drop for Filter<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.namespace.exec("nft", &["delete table inet lab"]) {
            eprintln!("cannot remove the packet filter of {}: {error}", self.namespace.name);
        }
    }
}

/// Runs a program to its end; a failure carries what it said.
pub fn command(program: &str, args: &[&str]) -> io::Result<String> {
    let cannot_run = |error: io::Error| io::Error::new(error.kind(), format!("{program}: {error}"));
    let output = Command::new(program).args(args).output().map_err(cannot_run)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    // As nft says it where the kernel is built without a kind of rule.
    let missing =
        ["Could not process rule: No such file or directory", "Could not process rule: Operation not supported"];
    let kind = if missing.iter().any(|words| said.contains(words)) { ErrorKind::Unsupported } else { ErrorKind::Other };
    Err(io::Error::new(kind, format!("{program} {}: {}", args.join(" "), said.trim())))
}

/// Removes the namespaces of runs whose process was killed before it could.
pub fn sweep() -> io::Result<()> {
    for entry in fs::read_dir("/run/netns").into_iter().flatten() {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|owner| !Path::new("/proc").join(owner).exists()) {
            // A parallel run may have swept it first.
            let _ = command("ip", &["netns", "delete", &name]);
        }
    }
    Ok(())
}
