//! The machine that was measured on.

use std::fs;
use std::process::Command;

/// What it is, a line each: name and value.
pub fn describe() -> Vec<(&'static str, String)> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = value("/proc/meminfo", "MemTotal").and_then(|kib| kib.trim_end_matches(" kB").parse::<f64>().ok());
    let memory = memory.map_or("?".into(), |kib| format!("{:.0} GiB", kib / f64::from(1 << 20)));
    vec![
        ("processor", format!("{}, {cores} cores", value("/proc/cpuinfo", "model name").unwrap_or("?".into()))),
        ("memory", memory),
        ("kernel", first_line("uname", &["-srm"])),
        ("rustc", first_line("rustc", &["--version"])),
        ("tcpdump", first_line("tcpdump", &["--version"])),
        ("libpcap", line_with("tcpdump", &["--version"], "libpcap")),
        ("tshark", first_line("tshark", &["--version"])),
        ("tcptrace", line_with("tcptrace", &["-version"], "Version")),
        ("argus", first_line("argus", &["-h"])),
    ]
}

/// How many programs wanted a core in the last minute.
pub fn load() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

fn value(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let (_, value) = text.lines().find(|line| line.starts_with(name))?.split_once(':')?;
    Some(value.trim().to_owned())
}

fn first_line(program: &str, arguments: &[&str]) -> String {
    line_with(program, arguments, "")
}

/// The first line with this word in what a program prints, on either of its outputs.
fn line_with(program: &str, arguments: &[&str], word: &str) -> String {
    let Ok(output) = Command::new(program).args(arguments).output() else { return "not installed".into() };
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    text.lines().find(|line| !line.trim().is_empty() && line.contains(word)).unwrap_or("?").trim().to_owned()
}
