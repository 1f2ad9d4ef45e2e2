//! What the user typed, and what it means: arguments and environment become a [`Config`].

mod agent;
mod capture;
mod cuts;
mod extcap;
mod ids;
mod manual;
mod output;
mod points;
mod rights;
mod surroundings;
#[cfg(test)]
mod tests;
mod writing;

use std::path::{Path, PathBuf};

use clap::builder::TypedValueParser;
use clap::{ArgAction, CommandFactory, Parser, ValueEnum, error::ErrorKind};

pub use agent::Agent;
pub use cuts::{Chain, Piece};
pub use extcap::{EXTCAP_PREFIX, ExtcapQuestion};
pub use points::PointFiles;
pub use rights::Rights;
pub use writing::Writing;

use self::agent::AgentArguments;
use self::capture::CaptureArguments;
use self::cuts::CutArguments;
use self::extcap::{Extcap, ExtcapArguments};
pub use self::ids::Wanted;
use self::ids::{TermParser, TopicParser, WantedParser};
pub use self::manual::{Generated, generate};
use self::output::{FormatName, JsonStyleName};
use self::points::PointArguments;
use self::rights::RightsArguments;
use self::surroundings::Surroundings;
use self::writing::WritingArguments;
use crate::report::{Format, GroupBy, JsonStyle, Selection, Style, Term, TimeStyle, Topic};
use crate::source::LiveOptions;
use crate::tcp::Shard;

/// What a run is to do.
#[derive(Clone, PartialEq, Debug)]
pub struct Config {
    /// Where the frames come from.
    pub input: Input,
    /// Which frames to look at.
    pub filter: Option<FilterText>,
    /// How long a reset is held for what follows it, in nanoseconds of capture time.
    pub settle_ns: i64,
    /// Timers that idle times are compared with, beside those that are known.
    pub timers: Option<PathBuf>,
    /// How many connections are held at the same time, at most; by default what the machine has memory for.
    pub max_connections: Option<usize>,
    /// How many processors to use for a large file, at most; by default all.
    pub jobs: Option<usize>,
    /// Stop after so many frames.
    pub count: Option<u64>,
    /// Whether to show how far the reading of files is.
    pub progress: bool,
    /// Where the report goes, if one is wanted.
    pub report: Option<PathBuf>,
    /// Write a capture, too.
    pub writing: Option<Writing>,
    /// Write each finding at once.
    pub line_buffered: bool,
    /// Which resets are wanted.
    pub selection: Selection,
    /// How the output is to look.
    pub style: Style,
    /// Ask what hosts and services are called.
    pub names: bool,
    /// What makes a run fail that finds it.
    pub fail_on: Vec<Wanted>,
    /// Ask the kernel of this host about the resets of a live capture.
    pub kernel: bool,
    /// What the run gives up before it looks at a frame.
    pub rights: Rights,
    /// What is done beside by a program that is left running.
    pub agent: Agent,
    /// Which part of the connections is decided, if not all.
    pub shard: Option<Shard>,
}

/// Where the frames come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// Files; `-` is standard input.
    Files(Vec<PathBuf>),
    /// A piece of a capture that is cut into files.
    Piece(Piece),
    /// One of several captures of a point, each in a run of its own.
    Chain(Chain),
    /// The files whose names are in this one, one a line; `-` is standard input.
    List(PathBuf),
    /// Captures at several points on the way of the same connections.
    Points(Vec<PointFiles>),
    /// One file that grows.
    Followed(PathBuf),
    /// Interfaces.
    Live(LiveOptions),
    /// Nowhere: the link types of interfaces are listed instead.
    ListLinkTypes(LiveOptions),
    /// Nowhere: the interfaces are listed instead.
    ListInterfaces,
    /// Nowhere: the catalogue of verdicts is asked.
    Explain(Topic),
    /// Nowhere: two outputs are compared, an earlier and a later one; `-` is standard input.
    Diff(PathBuf, PathBuf),
    /// Nowhere: outputs are put together; `-` is standard input.
    Fold(Vec<PathBuf>),
    /// Nowhere: the manual or a shell's completions are written.
    Generate(Generated),
    /// Nowhere: Wireshark asks what can be captured.
    Extcap(ExtcapQuestion),
    /// Nowhere: another process captures, and has this one do what takes root's rights; the tracing instance that goes with it.
    Monitor(Option<PathBuf>),
}

/// Where a filter is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FilterText {
    /// On the command line.
    Words(String),
    /// In a file.
    File(PathBuf),
}

/// The arguments, as typed.
#[derive(Parser, Debug)]
#[command(
    name = "rstscan",
    version,
    about = "Says of every TCP RST in a capture or on an interface why it was sent, with the evidence.",
    after_help = EXAMPLES,
    disable_version_flag = true,
    disable_help_flag = true,
    override_usage = "rstscan [OPTIONS] -r FILE... [FILTER...]\n       rstscan [OPTIONS] -V LIST [FILTER...]\n       rstscan [OPTIONS] --client-side FILE --server-side FILE [FILTER...]\n       rstscan [OPTIONS] -i INTERFACE [FILTER...]\n       rstscan --diff BEFORE AFTER\n       rstscan --fold ROWS...\n       rstscan --explain ID",
    next_line_help = false
)]
struct Arguments {
    /// Read a capture, pcap or pcapng, also compressed with gzip, zstd, lz4 or xz; - is standard input. Several are merged by time
    #[arg(short = 'r', value_name = "FILE", help_heading = "Input", conflicts_with_all = ["interface", "list"])]
    files: Vec<PathBuf>,

    /// Read the captures whose names are in a file, one a line; - is standard input
    #[arg(short = 'V', value_name = "LIST", help_heading = "Input", conflicts_with_all = ["files", "interface", "list"])]
    list_of_files: Option<PathBuf>,

    #[command(flatten)]
    points: PointArguments,

    /// Go on when the file ends, with what is written to it then, until Ctrl-C; also when another file takes its name
    #[arg(long, help_heading = "Input", conflicts_with_all = ["list_of_files", "interface", "list"])]
    follow: bool,

    #[command(flatten)]
    capture: CaptureArguments,

    /// Only frames that match, in the language of pcap-filter(7); better choose connections than segments
    #[arg(value_name = "FILTER", help_heading = "Input", conflicts_with = "filter_file")]
    filter: Vec<String>,

    /// Read the filter from a file
    #[arg(short = 'F', value_name = "FILE", help_heading = "Input")]
    filter_file: Option<PathBuf>,

    /// Stop after so many frames
    #[arg(short = 'c', value_name = "COUNT", help_heading = "Input", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,

    /// Also what the kernel of this host says of the resets it sends and accepts: reason, socket state, process (Linux 6.10, root)
    #[arg(long, help_heading = "Capture")]
    kernel: bool,

    #[command(flatten)]
    rights: RightsArguments,

    /// Let what follows a reset within this time count [default: 3 for files, 1 live]
    #[arg(long, value_name = "SECONDS", help_heading = "Analysis", value_parser = seconds())]
    settle: Option<i64>,

    /// Compare the idle times of reset connections with these timers, too: one a line, seconds and a name
    #[arg(long, value_name = "FILE", help_heading = "Analysis")]
    timers: Option<PathBuf>,

    /// Hold so many connections at a time, at 768 bytes each [default: what fits into a quarter of the memory, live at most 1048576]
    #[arg(long, value_name = "COUNT", help_heading = "Analysis", value_parser = clap::value_parser!(u32).range(1..))]
    max_connections: Option<u32>,

    /// Use at most so many processors for a large file, with the same output [default: all; more than 2 are of no use yet]
    #[arg(long, value_name = "COUNT", help_heading = "Analysis", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,

    /// Only resets of these causes or classes, of these hosts (ADDR or ADDR:PORT), this certain; of each kind any will do
    #[arg(long, value_name = "WHAT,...", value_delimiter = ',', value_parser = TermParser, hide_possible_values = true,
        help_heading = "Choice")]
    only: Vec<Term>,

    /// No resets that any of these fits
    #[arg(long, value_name = "WHAT,...", value_delimiter = ',', value_parser = TermParser, hide_possible_values = true,
        help_heading = "Choice")]
    not: Vec<Term>,

    /// The output format [default: text]
    #[arg(long, value_name = "FORMAT", help_heading = "Output")]
    format: Option<FormatName>,

    #[command(flatten)]
    writing: WritingArguments,

    #[command(flatten)]
    agent: AgentArguments,

    #[command(flatten)]
    extcap: ExtcapArguments,

    #[command(flatten)]
    cuts: CutArguments,

    /// The same as --format json
    #[arg(long, help_heading = "Output", conflicts_with = "format")]
    json: bool,

    /// Do not show on a terminal how far the reading of files is
    #[arg(long, help_heading = "Output")]
    no_progress: bool,

    /// JSON with the names of other systems, one object a reset
    #[arg(long, value_name = "STYLE", help_heading = "Output")]
    json_style: Option<JsonStyleName>,

    /// End with status 3 where there is a reset of one of these causes or classes; any: where there is a reset
    #[arg(long, value_name = "ID[,ID...]", help_heading = "Output", value_parser = WantedParser, value_delimiter = ',',
        hide_possible_values = true)]
    fail_on: Vec<Wanted>,

    /// Print the number of resets by class and cause only
    #[arg(long = "count", help_heading = "Output", conflicts_with_all = ["json", "format", "json_style"])]
    count_only: bool,

    /// Say less: one line a reset; -qq also without summary and the lines on standard error
    #[arg(short = 'q', action = ArgAction::Count, help_heading = "Output")]
    quiet: u8,

    /// Say more: every segment kept, what spoke against the other classes, and each reset of a pattern; -vv how each verdict
    /// was composed, and what another capture would decide
    #[arg(short = 'v', action = ArgAction::Count, help_heading = "Output")]
    verbose: u8,

    /// Show the first resets of each cause at each service, or of each as said here, and count the others; none: show all
    /// [default: service; with -q or -v none]
    #[arg(long, value_name = "WHAT", help_heading = "Choice")]
    group_by: Option<Grouping>,

    /// Show so many resets at most, and count the others
    #[arg(long, value_name = "COUNT", help_heading = "Choice", value_parser = clap::value_parser!(u64).range(1..))]
    max_resets: Option<u64>,

    /// Draw each reset's connection as a ladder between its two ends, instead of listing its segments
    #[arg(long, help_heading = "Output", conflicts_with_all = ["json", "count_only"])]
    ladder: bool,

    /// Also write a report: one HTML page that explains every event to anybody, at the end of the run
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    report: Option<PathBuf>,

    /// Use colour; auto: on a terminal, unless NO_COLOR or CLICOLOR=0 is set
    #[arg(long, value_name = "WHEN", help_heading = "Output", default_value = "auto")]
    color: When,

    /// Write each finding at once, also into a pipe or file
    #[arg(short = 'l', help_heading = "Output")]
    line_buffered: bool,

    /// Time: -t none, -tt since 1970, -ttt since the line before, -tttt with date, -ttttt since the first line
    #[arg(short = 't', action = ArgAction::Count, help_heading = "Segments")]
    time: u8,

    /// Times in UTC
    #[arg(long, help_heading = "Segments")]
    utc: bool,

    /// Times in nanoseconds
    #[arg(long, help_heading = "Segments", overrides_with = "micro")]
    nano: bool,

    /// Times in microseconds (the default)
    #[arg(long, help_heading = "Segments", overrides_with = "nano")]
    micro: bool,

    /// Absolute sequence numbers
    #[arg(short = 'S', help_heading = "Segments")]
    absolute_numbers: bool,

    /// VLAN ids and tunnels around the reset
    #[arg(short = 'e', help_heading = "Segments")]
    link_header: bool,

    /// Frame numbers
    #[arg(short = '#', help_heading = "Segments")]
    frame_numbers: bool,

    /// Also names of hosts and services, as far as the system's resolver knows them within a second or two
    #[arg(long, help_heading = "Output", conflicts_with_all = ["numeric", "count_only"])]
    names: bool,

    /// Accepted for the habit: addresses and ports are numbers, unless --names asks for names beside them
    #[arg(short = 'n', action = ArgAction::Count, help_heading = "Segments")]
    numeric: u8,

    /// Explain a cause or class of the catalogue, by its id; list: all ids
    #[arg(long, value_name = "ID", value_parser = TopicParser, hide_possible_values = true,
        conflicts_with_all = ["files", "list_of_files", "interface", "list"])]
    explain: Option<Topic>,

    /// Compare two outputs of --json: what is new, more, fewer or gone, by cause and service port
    #[arg(long, num_args = 2, value_names = ["BEFORE", "AFTER"],
        conflicts_with_all = ["files", "list_of_files", "interface", "list", "explain", "filter", "filter_file", "count_only"])]
    diff: Option<Vec<PathBuf>>,

    /// Write the manual, or completions for a shell
    #[arg(long, value_name = "WHAT", hide = true, exclusive = true)]
    generate: Option<Generated>,

    /// Print help
    #[arg(short = 'h', long, action = ArgAction::HelpShort)]
    help: Option<bool>,

    /// Print version
    #[arg(long, action = ArgAction::Version)]
    version: Option<bool>,
}

const EXAMPLES: &str = "\
Examples:
  rstscan -r capture.pcapng                    explain every reset in a capture
  rstscan -r one.pcap -r two.pcap port 12345   two files as one, connections of one port
  rstscan --client-side a.pcap --server-side b.pcap   captured at both ends: who sent each reset, or where it was made
  rstscan -i eth0 host 192.0.2.7               explain resets as they happen; end with Ctrl-C
  rstscan -i eth0 -i wlan0 tcp                 two interfaces, merged by time; any is all of them
  rstscan -i eth0 --kernel                     also why this host's kernel says it reset, and which process did
  rstscan -i any --watch                       a view of it, as top has one of processes
  rstscan -i any --json -o resets.json --metrics :9101   left running: lines for logs, counts for Prometheus
  tcpdump -i eth0 -U -w - tcp | rstscan -r -   read from standard input
  rstscan --follow -r growing.pcap             explain resets as another program writes them
  rstscan -q -r capture.pcap                   one line a reset
  rstscan --ladder -r capture.pcap             each connection drawn between its two ends
  rstscan -r capture.pcap -w why.pcapng        the reset connections for Wireshark, with comments
  rstscan --json -r capture.pcap | jq .cause   one JSON object a reset
  rstscan --only forged,certain -r a.pcap      what is certainly forged
  rstscan --not no-listener -r a.pcap          all but refused connections
  rstscan --report page.html -r capture.pcap   also a page to send to anybody
  rstscan --format csv -r capture.pcap         a table of the resets; markdown for tickets
  rstscan --fail-on any -r load-test.pcap      status 3 if there is a reset, for tests
  rstscan --diff before.json after.json        what changed between two outputs of --json
  rstscan --explain lost-state                 what a cause means and what to do; list: all causes

Exit status: 0 done, 1 could not read or write, 2 wrong usage, 3 found what --fail-on names.";

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Grouping {
    /// The cause, and which side sent them
    Cause,
    /// Also the service
    Service,
    /// Also the client
    Pair,
    /// Show each
    None,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum When {
    Auto,
    Always,
    Never,
}

impl Config {
    /// From the arguments and the environment of this process.
    ///
    /// # Errors
    ///
    /// Wrong usage, or a call for help or version: to be printed by [`clap::Error::exit`].
    pub fn from_env() -> Result<Self, clap::Error> {
        Self::from_arguments(Arguments::try_parse()?, &Surroundings::here())
    }

    /// Whether standard output is for something else than what is found.
    pub fn prints_nothing(&self) -> bool {
        self.agent.output.is_none() && self.writing.as_ref().is_some_and(|writing| writing.alone)
    }

    /// Whether a capture is written to files.
    pub fn makes_files(&self) -> bool {
        self.writing.as_ref().is_some_and(Writing::makes_files)
    }

    /// The file of the output, where that is opened again while the run goes on.
    pub fn reopens(&self) -> Option<&Path> {
        self.agent.output.as_deref().filter(|_| self.style.format.is_lines())
    }

    /// Whether commands are run beside.
    pub fn runs_commands(&self) -> bool {
        self.writing.as_ref().is_some_and(|writing| writing.after.is_some())
    }

    fn from_arguments(mut arguments: Arguments, surroundings: &Surroundings) -> Result<Self, clap::Error> {
        let wrong = |(kind, text): (ErrorKind, &str)| Arguments::command().error(kind, text);
        let agent = arguments.agent.agent(surroundings);
        arguments.quiet += arguments.agent.quiet(&agent);
        let mut style = style(&arguments, &surroundings.of_output(agent.output.is_some()))?;
        agent.fits(&style).map_err(wrong)?;
        let mut writing = arguments.writing.writing(surroundings.terminal).map_err(wrong)?;
        let mut question = None;
        match arguments.extcap.take().map_err(wrong)? {
            Some(Extcap::Question(asked)) => question = Some(asked),
            Some(Extcap::Capture(capture)) => {
                style.quiet = style.quiet.max(2);
                writing = Some(capture.writing);
                arguments.capture.interface = vec![capture.interface];
                arguments.filter.extend(capture.filter);
            }
            None => {}
        }
        let filter = filter(&mut arguments);
        let input = match question {
            Some(question) => Input::Extcap(question),
            None => input(&mut arguments, &style, writing.is_some())?,
        };
        let kernel = asks_kernel(&arguments, &input)?;
        if let Some(writing) = &mut writing {
            writing.meanwhile = matches!(input, Input::Live(_) | Input::Followed(_));
            writing.utc = arguments.utc;
        }
        Ok(Self {
            settle_ns: arguments.settle.unwrap_or_else(|| settles(&input)),
            input,
            filter,
            writing,
            timers: arguments.timers,
            max_connections: arguments.max_connections.map(|count| count as usize),
            jobs: arguments.jobs.map(usize::from),
            progress: !agent.watch && surroundings.takes_progress() && !arguments.no_progress && arguments.quiet < 2,
            count: arguments.count,
            report: arguments.report,
            line_buffered: arguments.line_buffered,
            selection: Selection::new(arguments.only, arguments.not),
            style,
            names: arguments.names,
            fail_on: arguments.fail_on,
            kernel,
            rights: arguments.rights.rights(),
            agent,
            shard: arguments.cuts.shard,
        })
    }
}

/// How long resets are held unless told otherwise, in nanoseconds.
fn settles(input: &Input) -> i64 {
    if matches!(input, Input::Live(_)) { SETTLE_LIVE_NS } else { SETTLE_FILES_NS }
}

/// Whether the kernel is asked, which knows nothing of the resets in a file.
fn asks_kernel(arguments: &Arguments, input: &Input) -> Result<bool, clap::Error> {
    if arguments.kernel && !matches!(input, Input::Live(_) | Input::Monitor(_)) {
        let text = "--kernel needs -i INTERFACE: the kernel is asked while it sends resets";
        return Err(Arguments::command().error(ErrorKind::ArgumentConflict, text));
    }
    Ok(arguments.kernel)
}

/// Where frames come from, or what is wanted instead of them.
fn input(arguments: &mut Arguments, style: &Style, writes: bool) -> Result<Input, clap::Error> {
    Ok(if arguments.rights.is_monitor() {
        Input::Monitor(arguments.rights.take_instance())
    } else if let Some(topic) = arguments.explain {
        Input::Explain(topic)
    } else if let Some(what) = arguments.generate {
        Input::Generate(what)
    } else if let Some(outputs) = arguments.diff.take() {
        compared(outputs, style)?
    } else if let Some(outputs) = arguments.cuts.fold.take() {
        Input::Fold(cuts::folded(outputs, std::mem::take(&mut arguments.filter), style)?)
    } else if let Some(points) =
        arguments.points.take(&mut arguments.files).map_err(|(kind, text)| Arguments::command().error(kind, text))?
    {
        Input::Points(points)
    } else if arguments.capture.list {
        Input::ListInterfaces
    } else if !arguments.capture.interface.is_empty() {
        let lists = arguments.capture.list_link_types;
        let options = arguments.capture.options(writes);
        if lists { Input::ListLinkTypes(options) } else { Input::Live(options) }
    } else if let Some(list) = arguments.list_of_files.take() {
        Input::List(list)
    } else if arguments.follow {
        Input::Followed(followed(std::mem::take(&mut arguments.files))?)
    } else if arguments.files.is_empty() {
        let text = "say what to read: -r FILE or -i INTERFACE (rstscan -D lists interfaces)";
        return Err(Arguments::command().error(ErrorKind::MissingRequiredArgument, text));
    } else {
        arguments.cuts.input(std::mem::take(&mut arguments.files))
    })
}

/// The filter, wherever it is written.
fn filter(arguments: &mut Arguments) -> Option<FilterText> {
    match arguments.filter_file.take() {
        _ if arguments.cuts.fold.is_some() => None,
        Some(file) => Some(FilterText::File(file)),
        None if arguments.filter.is_empty() => None,
        None => Some(FilterText::Words(arguments.filter.join(" "))),
    }
}

/// The one file that can be followed.
fn followed(mut files: Vec<PathBuf>) -> Result<PathBuf, clap::Error> {
    let (kind, text) = match (files.pop(), files.is_empty()) {
        (None, _) => (ErrorKind::MissingRequiredArgument, "--follow needs -r FILE"),
        (Some(_), false) => (ErrorKind::ArgumentConflict, "--follow reads one file only"),
        (Some(file), true) if file.as_os_str() == "-" => {
            (ErrorKind::ArgumentConflict, "--follow needs the name of a file: a pipe is read until its writer ends")
        }
        (Some(file), true) => return Ok(file),
    };
    Err(Arguments::command().error(kind, text))
}

/// The two outputs to compare.
fn compared(outputs: Vec<PathBuf>, style: &Style) -> Result<Input, clap::Error> {
    let native = style.format == Format::Text || (style.format == Format::Json && style.json == JsonStyle::Native);
    let text = match <[PathBuf; 2]>::try_from(outputs) {
        Ok(both) if both.iter().all(|path| path.as_os_str() == "-") => "standard input can be one of the outputs only",
        Ok([before, after]) if native => return Ok(Input::Diff(before, after)),
        _ => "--diff prints text or --json",
    };
    Err(Arguments::command().error(ErrorKind::ArgumentConflict, text))
}

/// A file has no reader who waits.
const SETTLE_FILES_NS: i64 = 3_000_000_000;
/// Someone is looking on: most of what follows a reset does so within a round trip or one retransmission.
const SETTLE_LIVE_NS: i64 = 1_000_000_000;

fn style(arguments: &Arguments, surroundings: &Surroundings) -> Result<Style, clap::Error> {
    let (format, json) = output::chosen(arguments, surroundings)?;
    if format != Format::Text && (arguments.group_by.is_some() || arguments.max_resets.is_some()) {
        let text = "--group-by and --max-resets are for the text output; --only and --not choose for every output";
        return Err(Arguments::command().error(ErrorKind::ArgumentConflict, text));
    }
    if arguments.names && !(format == Format::Text || (format == Format::Json && json == JsonStyle::Native)) {
        let text = "--names is for the text output and --json";
        return Err(Arguments::command().error(ErrorKind::ArgumentConflict, text));
    }
    let time = match arguments.time {
        0 => TimeStyle::Clock,
        1 => TimeStyle::None,
        2 => TimeStyle::Epoch,
        3 => TimeStyle::Delta,
        4 => TimeStyle::DateTime,
        _ => TimeStyle::SinceFirst,
    };
    Ok(Style {
        format,
        json,
        color: surroundings.color(arguments.color),
        width: surroundings.columns.filter(|_| surroundings.terminal),
        quiet: arguments.quiet,
        verbose: arguments.verbose,
        group_by: arguments.group_by.map(|grouping| match grouping {
            Grouping::Cause => GroupBy::Cause,
            Grouping::Service => GroupBy::Service,
            Grouping::Pair => GroupBy::Pair,
            Grouping::None => GroupBy::None,
        }),
        max_resets: arguments.max_resets,
        ascii: surroundings.is_ascii(),
        time,
        utc: arguments.utc,
        nano: arguments.nano,
        absolute_numbers: arguments.absolute_numbers,
        link_header: arguments.link_header,
        ladder: arguments.ladder,
        frame_numbers: arguments.frame_numbers,
    })
}

/// Seconds, also fractions of one, as nanoseconds.
fn seconds() -> impl TypedValueParser<Value = i64> {
    clap::builder::StringValueParser::new().try_map(|text| match text.parse::<f64>() {
        Ok(seconds) if (0.0..=86_400.0).contains(&seconds) => Ok((seconds * 1e9).round() as i64),
        _ => Err("not a number of seconds from 0 to 86400"),
    })
}
