//! The loop: frames from a source into the analyzer, findings from there into a sink.

mod agent;
mod chain;
mod diff;
mod extcap;
mod fold;
mod follow;
mod gate;
mod handover;
mod input;
mod inputs;
mod jobs;
mod kernel;
mod live;
mod memory;
mod merge;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(not(feature = "metrics"))]
#[path = "run/metrics/absent.rs"]
mod metrics;
mod names;
mod output;
mod output_file;
mod page;
mod piece;
mod place;
mod points;
mod prescan;
mod progress;
mod rights;
mod sample;
mod saving;
mod signals;
mod state;
mod told;
#[cfg(feature = "watch")]
mod watch;
#[cfg(not(feature = "watch"))]
#[path = "run/watch/absent.rs"]
mod watch;
mod watching;
mod write;

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use thiserror::Error;

use self::agent::Agent;
use self::chain::Leaving;
use self::follow::Silence;
use self::gate::Gate;
use self::handover::wanted;
use self::inputs::Inputs;
use self::kernel::Asked;
use self::merge::Merge;
use self::names::Naming;
use self::output::{Output, tell};
use self::page::Page;
use self::progress::{Pass, Progress};
use self::rights::Monitor;
use self::saving::Taken;
use self::signals::Signals;
use self::watch::Watch;
use self::write::Writer;
use crate::analyzer::{Analyzer, Finding, Options};
use crate::cli::{Config, Input, generate};
use crate::frame::{Frame, FrameNo, LinkType, Loss, Timestamp};
use crate::pattern::Patterns;
use crate::report::{self, Context, Sink, Style};
use crate::source::{Filter, LiveCounts, LiveOptions, Next, SourceError, interfaces, link_types, narrowed_by};

/// Does what was asked for. The exit code is 1 when some input could not be read to its end, and 3 when what `--fail-on`
/// names was found.
///
/// # Errors
///
/// Nothing could be read, the filter is wrong, or the output cannot be written. A reader of the output who has seen enough
/// (`rstscan ... | head`) is no error.
pub fn run(config: Config) -> anyhow::Result<ExitCode> {
    match explain(config) {
        Err(error) if is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
        outcome => outcome,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

fn explain(config: Config) -> anyhow::Result<ExitCode> {
    rights::refuse_set_id()?;
    if let Input::Monitor(instance) = &config.input {
        rights::monitor(&config, instance.as_deref())?;
        return Ok(ExitCode::SUCCESS);
    }
    let filter = config.filter.as_ref().map(input::filter_text).transpose()?.filter(|text| !text.is_empty());
    if let Some(narrow) = filter.as_deref().and_then(narrowed_by) {
        tell(format_args!("rstscan: warning: {narrow}"));
    }
    match &config.input {
        Input::ListInterfaces => print(&interfaces()?),
        Input::Explain(topic) => print(&report::explain(*topic, &config.style)),
        Input::Diff(before, after) => diff::diff(&config, before, after),
        Input::Fold(outputs) => fold::fold(&config, outputs),
        Input::Generate(what) => {
            generate(*what, &mut io::stdout())?;
            Ok(ExitCode::SUCCESS)
        }
        Input::Extcap(question) => print(&extcap::answer(question)?),
        Input::Monitor(_) => Ok(ExitCode::SUCCESS),
        Input::Files(files) => Run::over(&config, files, filter)?.files(&config, files),
        Input::Piece(piece) => Run::over(&config, &piece.all(), filter)?.piece(&config, piece),
        Input::Chain(chain) => chain::link(&config, chain, filter),
        Input::List(list) => {
            let files = input::listed(list)?;
            Run::over(&config, &files, filter)?.files(&config, &files)
        }
        Input::Points(points) => {
            let files: Vec<PathBuf> = points.iter().flat_map(|point| point.files.clone()).collect();
            let mut run = Run::over(&config, &files, filter)?;
            run.confine_to(&config, &files)?;
            run.points(points)
        }
        Input::Followed(file) => Run::over(&config, &[], filter)?.followed(&config, file),
        Input::ListLinkTypes(options) => print(&link_types(&live::named(options)?)?),
        Input::Live(options) => live::run(&config, &LiveOptions { filter, ..live::named(options)? }),
    }
}

/// All that a run has to say.
fn print(text: &str) -> anyhow::Result<ExitCode> {
    io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Why a run stops before the end of an input.
#[derive(Error, Debug)]
enum Halt {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("cannot write the output")]
    Output(#[from] io::Error),
}

/// One run over all inputs.
struct Run {
    signals: Arc<Signals>,
    filter: Option<Filter>,
    analyzer: Analyzer,
    options: Options,
    sink: Box<dyn Sink>,
    output: Output,
    /// The report that is written at the end.
    page: Option<Page>,
    context: Context,
    writer: Option<Box<Writer>>,
    /// Whether the writer takes frames as they come.
    takes: bool,
    /// Whether someone waits for each finding.
    flush_each: bool,
    progress: Progress,
    /// Whether findings go to a terminal, most likely the one of the progress.
    to_terminal: bool,
    /// Where what is known goes at the end, if another run goes on from here.
    leaving: Option<Leaving>,
    /// Findings of one point of several, until those of the others are known.
    held: Option<Vec<Finding>>,
    /// The place of the finding that is handed over, whose memory is used for the next one.
    finding: Option<Box<Finding>>,
    /// Of a file that is followed: how long nothing has come.
    silence: Option<Silence>,
    quiet: bool,
    /// Whether somebody reads what many resets have in common.
    names_patterns: bool,
    gate: Gate,
    /// Asks what hosts and services are called.
    naming: Option<Naming>,
    /// Asks the kernel of this host.
    kernel: Option<Asked>,
    /// Does what takes root's rights, which this process has no more. It waits for the end of the kernel's trace.
    monitor: Option<Rc<Monitor>>,
    /// Counters of a live capture.
    counts: Option<Arc<LiveCounts>>,
    /// What it does beside where it is left running.
    agent: Agent,
    /// How a view is to look that has not begun, and one that has.
    watches: Option<Style>,
    watch: Option<Box<Watch>>,
    /// Frames analysed, and how many are wanted.
    frames: u64,
    limit: Option<u64>,
    /// Frames that the filter has no use for.
    passed_over: u64,
    started: Instant,
    begun: bool,
    failed: bool,
    /// Places of damage that were passed over.
    damages: u32,
    /// What to say of the next input once its link type is known: the words before and after it.
    greeting: Option<(String, String)>,
}

impl Run {
    /// Final findings are asked for once in so many frames.
    const REPORT_EVERY: u64 = 64;
    const DAMAGES_TOLD: u32 = 20;
    /// The most resets of one point that wait for those of the others, some 2 KiB each.
    const HELD_MAX: usize = 1 << 17;

    fn new(config: &Config, context: Context) -> anyhow::Result<Self> {
        let output = Output::of(config, &context.inputs)?;
        let to_terminal = config.agent.output.is_none() && io::stdout().is_terminal();
        let endless = context.live;
        let max_connections = config.max_connections.unwrap_or_else(|| memory::connections(endless));
        let settle_ns = config.settle_ns;
        let options = Options { settle_ns, max_connections, shard: config.shard, inputs: None, endless };
        let page = config.report.as_deref().map(|path| Page::open(path, &config.style)).transpose()?;
        let patterns = Patterns::new(input::timers(config.timers.as_deref())?);
        Ok(Self {
            signals: Arc::new(Signals::install(&config.agent).context("cannot catch signals")?),
            filter: None,
            analyzer: Analyzer::new(options.clone()),
            options,
            sink: match config.prints_nothing() {
                true => report::sink(config.style.clone(), Box::new(io::sink())),
                false => report::sink(agent::style(config), Box::new(output.clone())),
            },
            output,
            flush_each: context.live || config.line_buffered || to_terminal,
            progress: Progress::new(false, &[]),
            to_terminal,
            leaving: None,
            held: None,
            finding: None,
            silence: None,
            quiet: config.style.quiet > 1,
            // What resets have in common is seen where all of them are.
            names_patterns: config.shard.is_none() && (config.style.names_patterns() || page.is_some()),
            page,
            gate: Gate::new(&config.fail_on),
            naming: config.names.then(|| Naming::new(names::System)),
            kernel: None,
            monitor: None,
            counts: None,
            agent: Agent::start(config)?,
            watches: config.agent.watch.then(|| config.style.clone()),
            watch: None,
            context: Context { patterns, selection: config.selection.clone(), shard: config.shard, ..context },
            writer: None,
            takes: false,
            frames: 0,
            limit: config.count,
            passed_over: 0,
            started: Instant::now(),
            begun: false,
            failed: false,
            damages: 0,
            greeting: None,
        })
    }

    /// A run over files.
    fn over(config: &Config, files: &[PathBuf], filter: Option<String>) -> anyhow::Result<Self> {
        let inputs = files.iter().map(|file| file.display().to_string()).collect();
        let context = Context { inputs, ..Context::default() };
        let run = Self::new(config, context)?;
        let progress = Progress::new(config.progress, files);
        Ok(Self { filter: filter.map(Filter::new), progress, ..run })
    }

    fn files(mut self, config: &Config, files: &[PathBuf]) -> anyhow::Result<ExitCode> {
        self.write_to(config, files)?;
        let several = jobs::several(config.jobs);
        self.confine_to(config, files)?;
        let mut pass = Pass::Only;
        if self.watches.is_none()
            && let Some(interest) = prescan::interest(files, self.filter.is_some(), &self.signals, &mut self.progress)
        {
            self.analyzer = Analyzer::with_interest(self.options.clone(), interest);
            pass = Pass::Second;
        }
        if !self.takes_findings() {
            self.analyzer.drop_findings();
        }
        self.progress.begin(pass);
        if files.len() > 1 << u16::BITS {
            bail!("more than 65536 files");
        }
        let mut merge = Merge::new(files, &self.signals, self.progress.meter());
        self.keep_originals(&mut merge);
        self.pump_files(merge, several)?;
        self.finish(None)
    }

    /// All frames of a source into the analyzer.
    fn pump(&mut self, source: &mut impl Inputs) -> Result<(), Halt> {
        if self.signals.stopped() {
            source.stop();
        }
        while !self.is_enough() {
            if self.signals.has_news() {
                self.heed_signals(source)?;
            }
            self.publish_drops();
            // Not `source.next()?`: that would copy the frame, right after it was written, with loads that have to wait for the stores.
            let taken = match source.next() {
                Ok(Next::Frame(ref frame)) => {
                    let taken = self.frame(frame)?;
                    if self.takes_all() {
                        self.frames_at_hand(source)?;
                    }
                    taken
                }
                Ok(Next::Interface(link)) => {
                    self.greet(source);
                    self.interface(link)?;
                    Taken::Interface
                }
                Ok(Next::Comment(frame, text)) => self.comment(frame, text),
                Ok(Next::Damaged(error)) => self.damaged(&source.name(), &error),
                Ok(Next::Lost(loss)) => self.lost(&loss),
                Ok(Next::Idle) => self.idle()?,
                Ok(Next::End) => break,
                Err(error) => return Err(error.into()),
            };
            if self.takes && taken != Taken::Nothing {
                self.save(source, taken)?;
            }
        }
        if self.takes {
            self.save(source, Taken::Nothing)?;
        }
        self.greet(source);
        self.begin_unbegun()?;
        Ok(())
    }

    /// Begins the output where no interface did. Nothing to greet: there was no input that could be read.
    fn begin_unbegun(&mut self) -> io::Result<()> {
        if self.greeting.is_some() { self.begin(None) } else { Ok(()) }
    }

    /// Names damage that was passed over, up to a number of places that somebody may read.
    #[cold]
    fn damaged(&mut self, name: &str, error: &SourceError) -> Taken {
        self.failed = true;
        self.damages += 1;
        if self.damages <= Self::DAMAGES_TOLD {
            let goes_on = if self.context.live { "the capture goes on without it" } else { "reading on behind it" };
            self.tell(format_args!("rstscan: {name}: {error}; {goes_on}"));
        }
        if self.damages == Self::DAMAGES_TOLD {
            self.tell("rstscan: further damage is not listed");
        }
        Taken::Nothing
    }

    #[cold]
    fn lost(&mut self, loss: &Loss) -> Taken {
        self.analyzer.lose(loss);
        Taken::Nothing
    }

    #[cold]
    fn comment(&mut self, frame: FrameNo, text: String) -> Taken {
        self.context.comments.add(frame, text);
        Taken::Nothing
    }

    /// A line on standard error, in place of the progress.
    fn tell(&mut self, line: impl Display) {
        self.progress.hide();
        tell(line);
    }

    fn greet(&mut self, source: &mut impl Inputs) {
        let Some(greeting) = source.opened() else { return };
        self.greeting = Some(greeting);
        // How many files will take a followed one's place nobody knows before.
        if self.silence.is_some() {
            self.context.inputs.push(source.name());
        }
    }

    fn is_enough(&self) -> bool {
        self.limit.is_some_and(|limit| self.frames >= limit)
            || self.writer.as_ref().is_some_and(|writer| writer.is_full())
    }

    #[inline]
    fn frame(&mut self, frame: &Frame<'_>) -> io::Result<Taken> {
        if self.filter.as_ref().is_some_and(|filter| !filter.matches(frame)) {
            self.pass_over();
            return Ok(Taken::Nothing);
        }
        self.analyzer.push(frame);
        self.frames += 1;
        if self.frames.is_multiple_of(Self::REPORT_EVERY) {
            self.report()?;
        }
        Ok(Taken::Frame)
    }

    /// Whether every frame is analysed, so that none needs to be looked at before.
    fn takes_all(&self) -> bool {
        self.filter.is_none() && self.limit.is_none() && !self.takes
    }

    #[cold]
    fn interface(&mut self, link: LinkType) -> Result<(), Halt> {
        if let Some(filter) = &mut self.filter {
            filter.prepare(link)?;
        }
        self.begin(Some(link))?;
        Ok(())
    }

    /// Greets an input, and the reader of the output with the first one.
    fn begin(&mut self, link: Option<LinkType>) -> io::Result<()> {
        if let Some((before, after)) = self.greeting.take().filter(|_| !self.quiet) {
            let link = link.map(|link| format!(", link-type {link}")).unwrap_or_default();
            self.tell(format_args!("{before}{link}{after}"));
        }
        self.start_watch().map_err(io::Error::other)?;
        let goes_on = std::mem::replace(&mut self.begun, true) || self.output.has_begun();
        if goes_on { Ok(()) } else { self.sink.begin(&self.context) }
    }

    /// Nothing arrives: what is final may be seen. On a live interface time goes on; in a followed file it is taken to have gone
    /// on once the silence has lasted.
    #[cold]
    fn idle(&mut self) -> io::Result<Taken> {
        if self.context.live {
            let now = now().plus(-live::lag_ns(self.context.inputs.len()));
            self.analyzer.tick(now);
            self.settle_written(Some(now));
        }
        if self.silence.as_mut().is_some_and(|silence| silence.is_over(self.frames, Instant::now()))
            && let Some(last) = self.analyzer.summary().last
        {
            // Just what is held by now becomes final: frames that come later have their own time to be followed.
            let now = last.plus(self.options.settle_ns);
            self.analyzer.tick(now);
            self.settle_written(Some(now));
        }
        self.report()?;
        self.with_writer(Writer::flush)?;
        wanted(self.output.flush(), self.page.as_ref())?;
        Ok(Taken::Nothing)
    }
}

fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::new(now.as_secs() as i64, now.subsec_nanos())
}
