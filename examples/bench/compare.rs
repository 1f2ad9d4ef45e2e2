//! rstscan beside other programs, on the same files.

use crate::captures::{Capture, beside};
use crate::run::{Cost, Line, Runner, is_installed, line};
use crate::sample::Sample;

/// The filter of the yardstick: it tracks nothing.
pub const RESETS: &str = "tcp[tcpflags] & tcp-rst != 0";

/// rstscan with these options.
pub fn own(options: &str, file: &str) -> anyhow::Result<Line> {
    let words = format!("{} {options} -r F", beside("rstscan")?);
    Ok(line(&words, file))
}

/// tcpdump with the filter for resets.
pub fn tcpdump(options: &str, file: &str) -> Line {
    let mut words = line(&format!("tcpdump {options} -r F"), file);
    words.push(RESETS.into());
    words
}

/// A kind of capture: rstscan against the yardstick, in pairs.
pub struct Pairs {
    pub own: Sample,
    pub yard: Sample,
    /// Of each pair: how many times as long rstscan took.
    pub wall: Sample,
    /// The same of processor time, which other programs on the machine disturb less.
    pub cpu: Sample,
    pub peak: Sample,
}

/// The options that numbers are printed with, and nothing else.
pub const COUNT: &str = "--count";
/// The same where every finding is looked at, and so has the numbers that lines print: that of its stream is one.
pub const COUNT_FINDINGS: &str = "--count --not forged";

/// Runs so many pairs, rstscan with these options; every second one in the other order.
pub fn pairs(runner: &Runner, capture: &Capture, (options, times): (&str, usize)) -> anyhow::Result<Pairs> {
    let (own, yard) = (own(options, &capture.path)?, tcpdump("--count -nn", &capture.path));
    capture.warm()?;
    let mut costs: Vec<(Cost, Cost)> = Vec::new();
    for pair in 0..times {
        costs.push(match pair % 2 {
            0 => (runner.cost(&own)?, runner.cost(&yard)?),
            _ => {
                let yard = runner.cost(&yard)?;
                (runner.cost(&own)?, yard)
            }
        });
    }
    let of = |number: fn(&(Cost, Cost)) -> f64| costs.iter().map(number).collect::<Sample>();
    Ok(Pairs {
        own: of(|(own, _)| own.wall),
        yard: of(|(_, yard)| yard.wall),
        wall: of(|(own, yard)| own.wall / yard.wall),
        cpu: of(|(own, yard)| own.cpu / yard.cpu),
        peak: of(|(own, _)| own.peak as f64),
    })
}

/// Another program on a cut.
pub struct Other {
    /// The command, with `F` for the file.
    pub command: String,
    /// `None` where it is not installed.
    pub measured: Option<OtherCost>,
}

/// What another program took.
#[derive(Default)]
pub struct OtherCost {
    pub wall: Sample,
    pub cpu: Sample,
    /// How many times as long as rstscan.
    pub ratio: Sample,
    pub peak: Sample,
}

/// tshark, tcptrace and argus on a cut, each in turn with rstscan. The first one is rstscan itself.
pub fn others(runner: &Runner, cut: &Capture, times: usize) -> anyhow::Result<Vec<Other>> {
    const OTHERS: [&str; 3] = ["tshark -r F -Y tcp.flags.reset==1", "tcptrace -n F", "argus -r F -w /dev/null"];
    let own = own("--count", &cut.path)?;
    cut.warm()?;
    let mut all = vec![Other { command: "rstscan --count -r F".into(), measured: Some(OtherCost::default()) }];
    for command in OTHERS {
        let installed = is_installed(command.split(' ').next().unwrap_or_default());
        all.push(Other { command: command.into(), measured: installed.then(OtherCost::default) });
    }
    for _ in 0..times {
        let cost = runner.cost(&own)?;
        for Other { command, measured } in &mut all {
            let Some(measured) = measured else { continue };
            let other = if command.starts_with("rstscan") { cost } else { runner.cost(&line(command, &cut.path))? };
            measured.wall.push(other.wall);
            measured.cpu.push(other.cpu);
            measured.ratio.push(other.wall / cost.wall);
            measured.peak.push(other.peak as f64);
        }
    }
    Ok(all)
}

/// A form of output.
pub struct Output {
    pub command: String,
    pub lines: u64,
    /// Lines a second over the whole run.
    pub rate: Sample,
    /// Lines a second of the time beyond that of the same program with `--count`: the writing alone.
    pub writing: Sample,
}

/// The forms of output where there are very many resets, each in turn.
pub fn outputs(runner: &Runner, capture: &Capture, times: usize) -> anyhow::Result<Vec<Output>> {
    let file = &capture.path;
    let own_count = own("--count", file)?;
    let yard_count = tcpdump("--count -nn", file);
    let forms = [
        ("rstscan --json -r F", own("--json", file)?),
        ("rstscan -qq -r F", own("-qq", file)?),
        ("rstscan -v -r F", own("-v", file)?),
        ("tcpdump -nn -r F 'tcp[tcpflags] & tcp-rst != 0'", tcpdump("-nn", file)),
    ];
    capture.warm()?;
    let mut all = Vec::new();
    for (command, line) in &forms {
        let (rate, writing) = (Sample::default(), Sample::default());
        all.push(Output { command: (*command).into(), lines: runner.lines(line)?, rate, writing });
    }
    for _ in 0..times {
        let counts = [runner.cost(&own_count)?.wall, runner.cost(&yard_count)?.wall];
        for (output, (command, line)) in all.iter_mut().zip(&forms) {
            let count = counts[usize::from(command.starts_with("tcpdump"))];
            let (lines, wall) = (output.lines as f64, runner.cost(line)?.wall);
            output.rate.push(lines / wall);
            // On a busy machine the shorter run may take longer, and then it tells nothing.
            if wall > count {
                output.writing.push(lines / (wall - count));
            }
        }
    }
    Ok(all)
}
