//! Runs programs on one core, and says what they cost.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

/// What one run of a program cost.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Cost {
    /// Seconds from its start to its end.
    pub wall: f64,
    /// Seconds of processor time, its own and the kernel's for it.
    pub cpu: f64,
    /// The most memory that was resident, in bytes; 0 where the system does not tell.
    pub peak: u64,
}

/// A program and its arguments.
pub type Line = Vec<String>;

/// The words of a command line; `F` stands for the file.
pub fn line(words: &str, file: &str) -> Line {
    words.split(' ').map(|word| if word == "F" { file } else { word }.to_owned()).collect()
}

/// Whether a program can be started.
pub fn is_installed(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}

/// Measures programs, each on the same core where the system has `taskset`.
pub struct Runner {
    own: String,
    core: Option<usize>,
}

impl Runner {
    pub fn new() -> anyhow::Result<Self> {
        let own = std::env::current_exe()?.to_string_lossy().into_owned();
        let cores = std::thread::available_parallelism()?.get();
        Ok(Self { own, core: is_installed("taskset").then(|| cores - 1) })
    }

    /// What it prints, with an error if it fails.
    pub fn output(&self, line: &[String]) -> anyhow::Result<String> {
        let output = self.pinned(line).output().with_context(|| line.join(" "))?;
        if !output.status.success() {
            bail!("{} failed: {}\n{}", line.join(" "), output.status, String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// What a run costs whose output goes nowhere. A small process between us and it waits for it, as the peak of memory is
    /// known only of all that a process has waited for.
    pub fn cost(&self, line: &[String]) -> anyhow::Result<Cost> {
        let own = [self.own.clone(), "measure".to_owned()];
        let printed = self.output(&[&own, line].concat())?;
        serde_json::from_str(&printed).with_context(|| line.join(" "))
    }

    /// The same on any processor.
    pub fn cost_on_all(&self, line: &[String]) -> anyhow::Result<Cost> {
        Self { own: self.own.clone(), core: None }.cost(line)
    }

    /// How many lines it prints.
    pub fn lines(&self, line: &[String]) -> anyhow::Result<u64> {
        let mut child = self.pinned(line).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let printed = child.stdout.take().context("no output")?;
        let mut lines = 0;
        for line in BufReader::with_capacity(1 << 16, printed).split(b'\n') {
            line?;
            lines += 1;
        }
        anyhow::ensure!(child.wait()?.success(), "{} failed", line.join(" "));
        Ok(lines)
    }

    /// What this program says to a command of its own, run like any other.
    pub fn own(&self, words: &[&str]) -> anyhow::Result<String> {
        let own = [self.own.as_str()].into_iter().chain(words.iter().copied());
        self.output(&own.map(str::to_owned).collect::<Line>())
    }

    fn pinned(&self, line: &[String]) -> Command {
        let core = self.core.map(|core| core.to_string());
        let taskset = core.iter().flat_map(|core| ["taskset", "-c", core]);
        let mut words = taskset.map(OsStr::new).chain(line.iter().map(OsStr::new));
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words);
        command
    }
}

/// The process between: starts a program, waits for it and prints what it cost.
pub fn measure(line: &[String]) -> anyhow::Result<ExitCode> {
    let [program, arguments @ ..] = line else { bail!("a program is missing") };
    let started = Instant::now();
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    let wall = started.elapsed().as_secs_f64();
    if !status.success() {
        bail!("{} failed: {status}", line.join(" "));
    }
    println!("{}", serde_json::to_string(&used(wall)?)?);
    Ok(ExitCode::SUCCESS)
}

/// What the only child has used.
#[cfg(target_os = "linux")]
fn used(wall: f64) -> anyhow::Result<Cost> {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::TimeValLike;
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let cpu = (usage.user_time().num_microseconds() + usage.system_time().num_microseconds()) as f64 / 1e6;
    Ok(Cost { wall, cpu, peak: usage.max_rss().unsigned_abs() * 1024 })
}

#[cfg(not(target_os = "linux"))]
fn used(wall: f64) -> anyhow::Result<Cost> {
    Ok(Cost { wall, cpu: wall, peak: 0 })
}
