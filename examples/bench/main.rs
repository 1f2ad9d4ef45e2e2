//! Measures rstscan: generates captures, checks the verdicts on them, runs pairs against tcpdump, looks at other programs,
//! memory and stages, and writes what came out as a page.
//!
//! ```text
//! make bench                      # everything; writes docs/benchmarks.md
//! make bench BENCH_SCALE=0.1      # a tenth of it; writes target/bench/benchmarks.md
//! ```

mod captures;
mod compare;
mod compressed;
mod machine;
mod page;
mod run;
mod sample;
mod stages;
mod turns;
mod verdicts;

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use captures::{Capture, Captures, beside};
use clap::{Parser, Subcommand};
use compare::{COUNT, COUNT_FINDINGS};
use page::{Measured, Results};
use run::Runner;

/// Measures rstscan, and writes a page about it.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    part: Option<Part>,
    /// Where the captures lie: about 10 GB.
    #[arg(long, default_value = "target/bench")]
    dir: PathBuf,
    /// How much of the full amount of frames.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// How many pairs of runs, at least five and odd for a page to be believed.
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Where the page goes; without it to `docs/benchmarks.md`, or beside the captures if they are not whole.
    #[arg(long)]
    page: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Part {
    /// Runs a program and prints what it cost.
    #[command(hide = true)]
    Measure {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        line: Vec<String>,
    },
    /// Runs the loops of the stages and prints nanoseconds a frame.
    Stages { capture: String },
    /// Holds the verdicts on a generated capture against the truth beside it.
    Check { captures: Vec<String> },
}

/// The kinds that are compared with the yardstick.
const COMPARED: [&str; 4] = ["A", "B", "C", "D"];
/// Frames of the cut for programs that are slow.
const CUT: u64 = 200_000;
/// How many times as many pairs a capture takes that is over in a moment.
const SMALL: usize = 5;
/// How often the loops of the stages run.
const LOOPS: usize = 3;

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    match &arguments.part {
        Some(Part::Measure { line }) => return run::measure(line),
        Some(Part::Stages { capture }) => stages::run(capture)?,
        Some(Part::Check { captures }) => check(captures)?,
        None => measure(&arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn check(captures: &[String]) -> anyhow::Result<()> {
    let runner = Runner::new()?;
    for path in captures {
        let resets = captures::given(path)?.check(&runner)?;
        writeln!(io::stdout(), "{path}: {resets} resets, every verdict right")?;
    }
    Ok(())
}

fn measure(arguments: &Arguments) -> anyhow::Result<()> {
    fs::create_dir_all(&arguments.dir)?;
    let runner = Runner::new()?;
    let captures = prepared(&Captures { runner: &runner, folder: &arguments.dir, scale: arguments.scale })?;
    let results = measured(&runner, captures, arguments)?;
    let whole = if arguments.scale < 1.0 { arguments.dir.join("benchmarks.md") } else { "docs/benchmarks.md".into() };
    let path = arguments.page.clone().unwrap_or(whole);
    let text = page::render(&results)?;
    fs::write(&path, &text)?;
    say(&text)?;
    say(&format!("written to {}", path.display()))
}

/// The captures, with every verdict on them right.
struct Prepared {
    /// Those that are compared with the yardstick, whole and short.
    kinds: Vec<(Capture, Capture)>,
    cut: Capture,
    small: Capture,
    resets: Capture,
}

fn prepared(captures: &Captures<'_>) -> anyhow::Result<Prepared> {
    let both = |name| Ok((captures.of_kind(name)?, captures.short_of_kind(name)?));
    let kinds = COMPARED.into_iter().map(both).collect::<anyhow::Result<Vec<_>>>()?;
    let cut = captures.cut(&kinds[0].0, CUT)?;
    let prepared = Prepared { kinds, cut, small: captures.of_kind("E")?, resets: captures.of_resets()? };
    let whole = prepared.kinds.iter().map(|(whole, _)| whole);
    for capture in whole.chain([&prepared.small, &prepared.resets]) {
        let resets = capture.check(captures.runner)?;
        say(&format!("{}: {resets} resets, every verdict right", capture.name))?;
    }
    Ok(prepared)
}

fn measured(runner: &Runner, captures: Prepared, arguments: &Arguments) -> anyhow::Result<Results> {
    let pairs = arguments.pairs;
    let mut results = Results::new(arguments.scale, pairs);
    for (capture, short) in captures.kinds {
        let findings = compare::pairs(runner, &capture, (COUNT_FINDINGS, pairs))?;
        let pairs = compare::pairs(runner, &capture, (COUNT, pairs))?;
        say(&format!("{}: {} times as long as the yardstick", capture.name, pairs.wall))?;
        let stages = stages::measure(runner, &short.path, LOOPS)?;
        let jobs = Some(turns::jobs(runner, &capture, arguments.pairs)?);
        let compressed = compressed::compressed(runner, &capture, arguments.pairs)?;
        results.kinds.push(Measured { capture, pairs, findings: Some(findings), stages, jobs, compressed });
    }
    let several = compare::pairs(runner, &captures.small, (COUNT, pairs * SMALL))?;
    let stages = stages::Times::new();
    let (findings, jobs, compressed) = (None, None, None);
    results.small = Some(Measured { capture: captures.small, pairs: several, findings, stages, jobs, compressed });
    say("other programs")?;
    results.others = compare::others(runner, &captures.cut, pairs)?;
    say("output")?;
    results.outputs = compare::outputs(runner, &captures.resets, pairs)?;
    results.resets = Some(captures.resets);
    results.floor = runner.cost(&[beside("examples/bench")?, "--help".into()])?.peak as f64;
    Ok(results)
}

fn say(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout(), "{text}")?)
}
