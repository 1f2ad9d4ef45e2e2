//! What was measured, as a page.

use std::fmt::{self, Write};

use crate::captures::Capture;
use crate::compare::{COUNT_FINDINGS, Other, Output, Pairs};
use crate::compressed::Compressed;
use crate::machine;
use crate::sample::Sample;
use crate::stages::{STAGES, Times};
use crate::turns::Turns;

/// All that was measured.
pub struct Results {
    scale: f64,
    pairs: usize,
    /// How busy the machine was at the start.
    load: Option<f64>,
    pub kinds: Vec<Measured>,
    pub small: Option<Measured>,
    pub others: Vec<Other>,
    pub outputs: Vec<Output>,
    pub resets: Option<Capture>,
    /// The peak of a program that does nothing: less cannot be measured.
    pub floor: f64,
}

/// One capture.
pub struct Measured {
    pub capture: Capture,
    pub pairs: Pairs,
    /// The same where every finding is looked at.
    pub findings: Option<Pairs>,
    pub stages: Times,
    /// One processor against several.
    pub jobs: Option<Turns>,
    /// The plain capture against a compressed one.
    pub compressed: Option<Compressed>,
}

impl Results {
    pub fn new(scale: f64, pairs: usize) -> Self {
        let load = machine::load();
        let (kinds, small, others, outputs) = (Vec::new(), None, Vec::new(), Vec::new());
        Self { scale, pairs, load, kinds, small, others, outputs, resets: None, floor: 0.0 }
    }

    fn kind(&self, name: &str) -> Option<&Measured> {
        self.kinds.iter().find(|kind| kind.capture.name == name)
    }

    fn all(&self) -> impl Iterator<Item = &Measured> {
        self.kinds.iter().chain(&self.small)
    }
}

const MIB: f64 = 1_048_576.0;

/// The page.
pub fn render(results: &Results) -> Result<String, fmt::Error> {
    let mut page = String::new();
    introduction(&mut page, results)?;
    goals(&mut page, results)?;
    captures(&mut page, results)?;
    pairs(&mut page, results)?;
    stages(&mut page, results)?;
    jobs(&mut page, results)?;
    compressed(&mut page, results)?;
    others(&mut page, results)?;
    outputs(&mut page, results)?;
    live(&mut page)?;
    Ok(page)
}

fn introduction(page: &mut String, results: &Results) -> fmt::Result {
    let Results { scale, pairs, .. } = results;
    writeln!(page, "# Benchmarks\n")?;
    writeln!(page, "`make bench` has written this page, and writes it anew: nothing here is edited by hand.")?;
    writeln!(
        page,
        "`make bench BENCH_SCALE=0.1` is a short run, whose page goes to `target/bench/`; `BENCH_DIR` says where the captures go, of which a full run needs 10 GB.\n"
    )?;
    writeln!(
        page,
        "The yardstick Y is `tcpdump --count -nn -r F 'tcp[tcpflags] & tcp-rst != 0'`, which tracks nothing."
    )?;
    writeln!(
        page,
        "rstscan follows every connection that has a RST and makes every verdict in full; `rstscan --count -r F` prints numbers only, as Y does."
    )?;
    writeln!(
        page,
        "Before anything is measured, the verdicts are held against what the generator knows of each capture: a wrong one ends the run.\n"
    )?;
    writeln!(
        page,
        "Each pair runs one program after the other, every second pair in the other order, on one core, with the file in the page cache."
    )?;
    writeln!(page, "A number is the median of {pairs} pairs, with the least and the most in parentheses.")?;
    writeln!(
        page,
        "Machines that are shared are noisy: where least and most lie far apart, somebody else was busy, and the ratio of processor time says more than that of wall time.\n"
    )?;
    writeln!(page, "| machine | |\n|---|---|")?;
    for (name, value) in machine::describe() {
        writeln!(page, "| {name} | {value} |")?;
    }
    if let (Some(before), Some(after)) = (results.load, machine::load()) {
        writeln!(page, "| load, before and after | {before:.1}, {after:.1} |")?;
    }
    writeln!(page, "| amount of frames | {scale} of the full one |\n")
}

/// One line of the goals.
struct Goal {
    name: String,
    must: f64,
    aim: f64,
    measured: Sample,
    /// Whether more is better.
    up: bool,
}

impl Goal {
    fn below(name: &str, must: f64, aim: f64, measured: Sample) -> Self {
        Self { name: name.into(), must, aim, measured, up: false }
    }

    fn above(name: &str, must: f64, aim: f64, measured: Sample) -> Self {
        Self { up: true, ..Self::below(name, must, aim, measured) }
    }

    fn word(&self) -> &'static str {
        let reaches = |goal: f64| if self.up { self.measured.median() >= goal } else { self.measured.median() <= goal };
        match (reaches(self.aim), reaches(self.must)) {
            (true, _) => "aim reached",
            (_, true) => "must reached",
            _ if self.measured.median().is_nan() => "not measured",
            _ => "**missed**",
        }
    }
}

fn goals(page: &mut String, results: &Results) -> fmt::Result {
    writeln!(page, "## Goals\n")?;
    if results.scale < 1.0 {
        writeln!(
            page,
            "They are meant for the full amount of frames, and this run had less: peaks of memory are too low.\n"
        )?;
    }
    writeln!(page, "| | must | aim | measured | |\n|---|---|---|---|---|")?;
    for goal in all_goals(results) {
        let digits = if goal.must >= 50.0 { 0 } else { 2 };
        let Goal { name, must, aim, measured, .. } = &goal;
        writeln!(page, "| {name} | {must} | {aim} | {measured:.digits$} | {} |", goal.word())?;
    }
    writeln!(page)
}

fn all_goals(results: &Results) -> Vec<Goal> {
    let wall = |name| results.kind(name).map(|kind| kind.pairs.wall.clone()).unwrap_or_default();
    let peak = |kind: Option<&Measured>| kind.map(|kind| kind.pairs.peak.times(1.0 / MIB)).unwrap_or_default();
    let a_connection = |kind: &Measured| kind.pairs.peak.times(1.0 / kind.capture.truth.connections as f64);
    let small = results.small.as_ref();
    let start = small.map(|small| small.pairs.own.times(1e3)).unwrap_or_default();
    let tshark = results.others.iter().find(|other| other.command.starts_with("tshark"));
    let tshark = tshark.and_then(|other| other.measured.as_ref()).map(|measured| measured.ratio.clone());
    let rate = |prefix: &str| results.outputs.iter().find(|output| output.command.starts_with(prefix));
    let json = rate("rstscan --json").map(|output| output.writing.clone()).unwrap_or_default();
    let text = rate("rstscan -qq").zip(rate("tcpdump"));
    let text = text.map(|(own, yard)| own.writing.times(1.0 / yard.writing.median())).unwrap_or_default();
    vec![
        Goal::below("A against Y", 1.5, 1.0, wall("A")),
        Goal::below("B against Y", 1.2, 0.9, wall("B")),
        Goal::below("C against Y", 3.0, 2.0, wall("C")),
        Goal::below("D against Y", 3.0, 1.5, wall("D")),
        Goal::above("tshark against rstscan, on a cut of A", 75.0, 140.0, tshark.unwrap_or_default()),
        Goal::below(
            "bytes a connection, peak memory of D over its connections",
            200.0,
            120.0,
            results.kind("D").map(a_connection).unwrap_or_default(),
        ),
        Goal::below("peak memory on A, MiB", 120.0, 60.0, peak(results.kind("A"))),
        Goal::below("peak memory on E, MiB", 12.0, 6.0, peak(small)),
        Goal::below("start to end on E, ms", 10.0, 4.0, start),
        Goal::above("JSON lines written a second", 500_000.0, 500_000.0, json),
        Goal::above("lines of text written a second, over those of tcpdump", 1.0, 1.0, text),
    ]
}

fn captures(page: &mut String, results: &Results) -> fmt::Result {
    writeln!(page, "## Captures\n")?;
    writeln!(page, "| | frames | bytes of a frame | connections | resets | file, MB |\n|---|---|---|---|---|---|")?;
    for capture in results.all().map(|kind| &kind.capture).chain(&results.resets) {
        let Capture { name, truth, bytes, .. } = capture;
        let (frames, connections, resets) = (truth.frames, truth.connections, truth.total());
        let (each, all) = ((bytes - 24) as f64 / frames as f64 - 16.0, *bytes as f64 / 1e6);
        writeln!(page, "| {name} | {frames} | {each:.0} | {connections} | {resets} | {all:.1} |")?;
    }
    writeln!(
        page,
        "\nA: small frames of many connections at once, 15 in 100 of which end in a reset, of 24 kinds. B: larger frames. C: a scan and a flood, every SYN with a four-tuple of its own. D: all connections open at once. E: a few frames. R: every connection ends in a reset."
    )?;
    writeln!(
        page,
        "`cargo run --release --example generate -- --kind a a.pcap` writes one, with the truth about it beside it.\n"
    )
}

fn pairs(page: &mut String, results: &Results) -> fmt::Result {
    writeln!(page, "## Against the yardstick\n")?;
    header(page)?;
    for Measured { capture, pairs, .. } in results.all() {
        row(page, capture, pairs)?;
    }
    writeln!(
        page,
        "\nFiles of 16 MiB and more are read in two passes. In the second one `--count` has no need of connections without a RST: they only matter for the number of the stream that lines print. With `rstscan {COUNT_FINDINGS} -r F`, which has to look at every finding, they are numbered:\n"
    )?;
    header(page)?;
    for Measured { capture, findings, .. } in results.all() {
        if let Some(findings) = findings {
            row(page, capture, findings)?;
        }
    }
    writeln!(
        page,
        "\nPeak memory is what the kernel counts as resident at most (`ru_maxrss`); less than {:.1} MiB, which the process that starts the program has itself, cannot be measured.\n",
        results.floor / MIB
    )
}

fn header(page: &mut String) -> fmt::Result {
    writeln!(
        page,
        "| | rstscan, s | Y, s | ratio | ratio of processor time | million frames a second | ns a frame | peak, MiB |"
    )?;
    writeln!(page, "|---|---|---|---|---|---|---|---|")
}

fn row(page: &mut String, capture: &Capture, pairs: &Pairs) -> fmt::Result {
    let frames = capture.truth.frames as f64;
    let rate = pairs.own.per(frames / 1e6);
    let Pairs { own, yard, wall, cpu, .. } = pairs;
    let (each, peak) = (own.times(1e9 / frames), pairs.peak.times(1.0 / MIB));
    let digits = if frames < 1e4 { 4 } else { 2 };
    writeln!(
        page,
        "| {} | {own:.digits$} | {yard:.digits$} | {wall} | {cpu} | {rate} | {each:.0} | {peak:.1} |",
        capture.name
    )
}

fn stages(page: &mut String, results: &Results) -> fmt::Result {
    writeln!(page, "## By stage\n")?;
    writeln!(
        page,
        "Nanoseconds a frame of loops over the library, without the program around them, on captures a fifth as long:\n"
    )?;
    let names: Vec<&str> = results.kinds.iter().map(|kind| kind.capture.name).collect();
    writeln!(page, "| | {} | |\n|---|{}---|", names.join(" | "), "---|".repeat(names.len()))?;
    for (stage, meaning) in STAGES {
        let times = results.kinds.iter().map(|kind| kind.stages.get(stage).cloned().unwrap_or_default());
        let times: Vec<String> = times.map(|time| format!("{time:.0}")).collect();
        writeln!(page, "| {stage} | {} | {meaning} |", times.join(" | "))?;
    }
    writeln!(
        page,
        "\nWhat a stage adds is its difference from the one that it contains. A RST costs what `one pass` takes beyond `track`; where there are many of them, in microseconds each: {}.\n",
        each_reset(results)
    )
}

/// What a RST costs: to be tracked, held, judged and made a finding.
fn each_reset(results: &Results) -> String {
    let cost = |kind: &Measured| {
        let time = |stage: &str| kind.stages.get(stage).map_or(f64::NAN, Sample::median);
        let truth = &kind.capture.truth;
        let each = (time("one pass") - time("track")) * truth.frames as f64 / truth.total().max(1) as f64 / 1e3;
        format!("{} {each:.1}", kind.capture.name)
    };
    let has_many = |kind: &&Measured| kind.capture.truth.total() > kind.capture.truth.frames / 50;
    results.kinds.iter().filter(has_many).map(cost).collect::<Vec<_>>().join(", ")
}

fn jobs(page: &mut String, results: &Results) -> fmt::Result {
    writeln!(page, "## Several processors\n")?;
    writeln!(
        page,
        "`rstscan --count --jobs 1 -r F` and `rstscan --count -r F` in turn, on all processors of the machine: seconds, and how many times as long the second one took.\n"
    )?;
    writeln!(page, "| | one | all | ratio |\n|---|---|---|---|")?;
    for Measured { capture, jobs, .. } in &results.kinds {
        if let Some(Turns { first, second, ratio }) = jobs {
            writeln!(page, "| {} | {first:.2} | {second:.2} | {ratio:.2} |", capture.name)?;
        }
    }
    writeln!(page)
}

fn compressed(page: &mut String, results: &Results) -> fmt::Result {
    writeln!(page, "## Compressed captures\n")?;
    writeln!(
        page,
        "`rstscan --count -r F` and `rstscan --count -r F.zst` in turn, on all processors of the machine, after `zstd F`: seconds, and how many times as long the second one took. Beside it what `zstd -d -c F.zst` takes alone, which is one thread: no program that reads the file is quicker.\n"
    )?;
    writeln!(page, "| | plain | zstd | ratio | `zstd -d` alone |\n|---|---|---|---|---|")?;
    for Measured { capture, compressed, .. } in &results.kinds {
        match compressed {
            None => writeln!(page, "| {} | zstd is not installed | | | |", capture.name)?,
            Some(Compressed { turns: Turns { first, second, ratio }, alone }) => {
                writeln!(page, "| {} | {first:.2} | {second:.2} | {ratio:.2} | {alone:.2} |", capture.name)?;
            }
        }
    }
    writeln!(
        page,
        "\nA file of small frames is decompressed twice, once for each pass: to follow all its connections in one pass takes as long, and a multiple of the memory. Where frames are of 256 bytes and more on average it is read once.\n"
    )
}

fn others(page: &mut String, results: &Results) -> fmt::Result {
    writeln!(page, "## Other programs\n")?;
    writeln!(page, "On the first {} frames of A. None of them says why a RST was sent.\n", crate::CUT)?;
    writeln!(
        page,
        "| | s | processor time, s | thousand frames a second | times as long as rstscan | peak, MiB |\n|---|---|---|---|---|---|"
    )?;
    for Other { command, measured } in &results.others {
        match measured {
            None => writeln!(page, "| `{command}` | not installed | | | | |")?,
            Some(cost) => {
                let rate = cost.wall.per(crate::CUT as f64 / 1e3);
                let (wall, cpu, ratio, peak) = (&cost.wall, &cost.cpu, &cost.ratio, cost.peak.times(1.0 / MIB));
                writeln!(page, "| `{command}` | {wall:.3} | {cpu:.3} | {rate:.0} | {ratio:.1} | {peak:.0} |")?;
            }
        }
    }
    writeln!(page)
}

fn outputs(page: &mut String, results: &Results) -> fmt::Result {
    writeln!(page, "## Output\n")?;
    writeln!(
        page,
        "On R, in thousands of lines a second: over the whole run, and of the time beyond that of `--count`, which is the writing alone.\n"
    )?;
    writeln!(page, "| | lines | whole run | writing |\n|---|---|---|---|")?;
    for Output { command, lines, rate, writing } in &results.outputs {
        let (rate, writing) = (rate.times(1e-3), writing.times(1e-3));
        writeln!(page, "| `{command}` | {lines} | {rate:.0} | {writing:.0} |")?;
    }
    Ok(())
}

/// What a live capture takes is measured elsewhere: its table is repeated here.
fn live(page: &mut String) -> fmt::Result {
    const MEASURED: &str = include_str!("../../docs/live.md");
    let section = MEASURED.split("\n## ").find(|section| section.starts_with("How much it takes")).unwrap_or_default();
    let lines: Vec<_> = section.lines().skip_while(|line| !line.starts_with('|')).collect();
    let table = lines.split(|line| line.is_empty()).take(2);
    writeln!(page, "\n## Live capture\n")?;
    writeln!(
        page,
        "`make bench-live`, as [live.md](live.md#how-much-it-takes) has it: a flood of an interface for a minute.\n"
    )?;
    writeln!(page, "{}", table.map(|lines| lines.join("\n")).collect::<Vec<_>>().join("\n\n"))
}
