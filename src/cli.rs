//! What the user typed, and what it means: arguments and environment become a [`Config`].

mod extcap;
#[cfg(test)]
mod tests;
mod writing;

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal};
use std::path::PathBuf;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, ArgAction, Command, CommandFactory, Parser, ValueEnum, error::ErrorKind};

pub use extcap::{EXTCAP_PREFIX, ExtcapQuestion};
pub use writing::Writing;

use self::extcap::{Extcap, ExtcapArguments};
use self::writing::WritingArguments;
use crate::report::{Format, Style, TimeStyle, Topic};
use crate::source::LiveOptions;

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
    /// Stop after so many frames.
    pub count: Option<u64>,
    /// Write a capture, too.
    pub writing: Option<Writing>,
    /// Write each finding at once.
    pub line_buffered: bool,
    /// How the output is to look.
    pub style: Style,
}

/// Where the frames come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// Files; `-` is standard input.
    Files(Vec<PathBuf>),
    /// The files whose names are in this one, one a line; `-` is standard input.
    List(PathBuf),
    /// One file that grows.
    Followed(PathBuf),
    /// An interface.
    Live(LiveOptions),
    /// Nowhere: the interfaces are listed instead.
    ListInterfaces,
    /// Nowhere: the catalogue of verdicts is asked.
    Explain(Topic),
    /// Nowhere: Wireshark asks what can be captured.
    Extcap(ExtcapQuestion),
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
    override_usage = "rstscan [OPTIONS] -r FILE... [FILTER...]\n       rstscan [OPTIONS] -V LIST [FILTER...]\n       rstscan [OPTIONS] -i INTERFACE [FILTER...]\n       rstscan --explain ID",
    next_line_help = false
)]
struct Arguments {
    /// Read a capture, pcap or pcapng, also compressed with gzip, zstd, lz4 or xz; - is standard input. Several are merged by time
    #[arg(short = 'r', value_name = "FILE", help_heading = "Input", conflicts_with_all = ["interface", "list"])]
    files: Vec<PathBuf>,

    /// Read the captures whose names are in a file, one a line; - is standard input
    #[arg(short = 'V', value_name = "LIST", help_heading = "Input", conflicts_with_all = ["files", "interface", "list"])]
    list_of_files: Option<PathBuf>,

    /// Go on when the file ends, with what is written to it then, until Ctrl-C; also when another file takes its name
    #[arg(long, help_heading = "Input", conflicts_with_all = ["list_of_files", "interface", "list"])]
    follow: bool,

    /// Capture on an interface: a name, a number from -D, or any
    #[arg(short = 'i', value_name = "INTERFACE", help_heading = "Input", conflicts_with = "list")]
    interface: Option<String>,

    /// List the interfaces to capture on
    #[arg(short = 'D', help_heading = "Input")]
    list: bool,

    /// Only frames that match, in the language of pcap-filter(7); better choose connections than segments
    #[arg(value_name = "FILTER", help_heading = "Input", conflicts_with = "filter_file")]
    filter: Vec<String>,

    /// Read the filter from a file
    #[arg(short = 'F', value_name = "FILE", help_heading = "Input")]
    filter_file: Option<PathBuf>,

    /// Stop after so many frames
    #[arg(short = 'c', value_name = "COUNT", help_heading = "Input", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,

    /// Keep so many bytes of each frame, for the buffer to hold more of them [default: 2048, with -w 262144; 0: 262144]
    #[arg(short = 's', value_name = "BYTES", help_heading = "Capture",
        value_parser = clap::value_parser!(u32).range(..=i64::from(LiveOptions::SNAP_LEN_MAX)))]
    snap_len: Option<u32>,

    /// Size of the kernel's buffer in KiB
    #[arg(short = 'B', value_name = "KIB", help_heading = "Capture", default_value_t = LiveOptions::BUFFER_KIB,
        value_parser = clap::value_parser!(u32).range(1..=2_097_151))]
    buffer_kib: u32,

    /// Do not put the interface into promiscuous mode
    #[arg(short = 'p', help_heading = "Capture")]
    no_promiscuous: bool,

    /// Let what follows a reset within this time count [default: 3 for files, 1 live]
    #[arg(long, value_name = "SECONDS", help_heading = "Analysis", value_parser = seconds())]
    settle: Option<i64>,

    /// Compare the idle times of reset connections with these timers, too: one a line, seconds and a name
    #[arg(long, value_name = "FILE", help_heading = "Analysis")]
    timers: Option<PathBuf>,

    #[command(flatten)]
    writing: WritingArguments,

    #[command(flatten)]
    extcap: ExtcapArguments,

    /// The output format
    #[arg(long, value_name = "FORMAT", help_heading = "Output", default_value = "text")]
    format: FormatName,

    /// The same as --format json
    #[arg(long, help_heading = "Output", conflicts_with = "format")]
    json: bool,

    /// Print the number of resets by class and cause only
    #[arg(long = "count", help_heading = "Output", conflicts_with_all = ["json", "format"])]
    count_only: bool,

    /// Say less: one line a reset; -qq also without summary and the lines on standard error
    #[arg(short = 'q', action = ArgAction::Count, help_heading = "Output")]
    quiet: u8,

    /// Say more: every segment kept, what spoke against the other classes, and each reset of a pattern; -vv how each verdict
    /// was composed, and what another capture would decide
    #[arg(short = 'v', action = ArgAction::Count, help_heading = "Output")]
    verbose: u8,

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

    /// Accepted for the habit: addresses and ports are always numbers
    #[arg(short = 'n', action = ArgAction::Count, help_heading = "Segments")]
    numeric: u8,

    /// Explain a cause or class of the catalogue, by its id; list: all ids
    #[arg(long, value_name = "ID", value_parser = TopicParser, hide_possible_values = true,
        conflicts_with_all = ["files", "list_of_files", "interface", "list"])]
    explain: Option<Topic>,

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
  rstscan -i eth0 host 192.0.2.7               explain resets as they happen; end with Ctrl-C
  tcpdump -i eth0 -U -w - tcp | rstscan -r -   read from standard input
  rstscan --follow -r growing.pcap             explain resets as another program writes them
  rstscan -q -r capture.pcap                   one line a reset
  rstscan -r capture.pcap -w why.pcapng        the reset connections for Wireshark, with comments
  rstscan --json -r capture.pcap | jq .cause   one JSON object a reset
  rstscan --explain lost-state                 what a cause means and what to do; list: all causes

Exit status: 0 done, 1 something could not be read or written, 2 wrong usage.";

#[derive(ValueEnum, Clone, Copy, Debug)]
enum FormatName {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum When {
    Auto,
    Always,
    Never,
}

/// What the environment says that matters to the output.
#[derive(Clone, Debug, Default)]
struct Surroundings {
    no_color: Option<OsString>,
    clicolor: Option<OsString>,
    clicolor_force: Option<OsString>,
    term: Option<OsString>,
    /// Whether standard output is a terminal, and its columns where known.
    terminal: bool,
    columns: Option<usize>,
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
        self.writing.as_ref().is_some_and(|writing| writing.alone)
    }

    fn from_arguments(mut arguments: Arguments, surroundings: &Surroundings) -> Result<Self, clap::Error> {
        let mut style = style(&arguments, surroundings);
        let wrong = |(kind, text): (ErrorKind, &str)| Arguments::command().error(kind, text);
        let mut writing = arguments.writing.writing(surroundings.terminal).map_err(wrong)?;
        let mut question = None;
        match arguments.extcap.take().map_err(wrong)? {
            Some(Extcap::Question(asked)) => question = Some(asked),
            Some(Extcap::Capture(capture)) => {
                style.quiet = style.quiet.max(2);
                writing = Some(capture.writing);
                arguments.interface = Some(capture.interface);
                arguments.filter.extend(capture.filter);
            }
            None => {}
        }
        let filter = filter(&mut arguments);
        let input = if let Some(question) = question {
            Input::Extcap(question)
        } else if let Some(topic) = arguments.explain {
            Input::Explain(topic)
        } else if arguments.list {
            Input::ListInterfaces
        } else if let Some(interface) = arguments.interface.take() {
            Input::Live(live(&arguments, interface, writing.is_some()))
        } else if let Some(list) = arguments.list_of_files {
            Input::List(list)
        } else if arguments.follow {
            Input::Followed(followed(arguments.files)?)
        } else if arguments.files.is_empty() {
            let text = "say what to read: -r FILE or -i INTERFACE (rstscan -D lists interfaces)";
            return Err(Arguments::command().error(ErrorKind::MissingRequiredArgument, text));
        } else {
            Input::Files(arguments.files)
        };
        let settle = if matches!(input, Input::Live(_)) { SETTLE_LIVE_NS } else { SETTLE_FILES_NS };
        if let Some(writing) = &mut writing {
            writing.meanwhile = matches!(input, Input::Live(_) | Input::Followed(_));
            writing.utc = arguments.utc;
        }
        Ok(Self {
            input,
            filter,
            writing,
            settle_ns: arguments.settle.unwrap_or(settle),
            timers: arguments.timers,
            count: arguments.count,
            line_buffered: arguments.line_buffered,
            style,
        })
    }
}

/// The filter, wherever it is written.
fn filter(arguments: &mut Arguments) -> Option<FilterText> {
    match arguments.filter_file.take() {
        Some(file) => Some(FilterText::File(file)),
        None if arguments.filter.is_empty() => None,
        None => Some(FilterText::Words(arguments.filter.join(" "))),
    }
}

/// How to capture; who writes frames wants them whole.
fn live(arguments: &Arguments, interface: String, writes: bool) -> LiveOptions {
    LiveOptions {
        interface,
        snap_len: match arguments.snap_len {
            Some(0) => LiveOptions::SNAP_LEN_MAX,
            Some(bytes) => bytes,
            None if writes => LiveOptions::SNAP_LEN_MAX,
            None => LiveOptions::SNAP_LEN,
        },
        buffer_kib: arguments.buffer_kib,
        promiscuous: !arguments.no_promiscuous,
        filter: None,
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

/// A file has no reader who waits.
const SETTLE_FILES_NS: i64 = 3_000_000_000;
/// Someone is looking on: most of what follows a reset does so within a round trip or one retransmission.
const SETTLE_LIVE_NS: i64 = 1_000_000_000;

impl Surroundings {
    fn here() -> Self {
        let stdout = io::stdout();
        let size = rustix::termios::tcgetwinsize(&stdout).ok();
        Self {
            no_color: std::env::var_os("NO_COLOR"),
            clicolor: std::env::var_os("CLICOLOR"),
            clicolor_force: std::env::var_os("CLICOLOR_FORCE"),
            term: std::env::var_os("TERM"),
            terminal: stdout.is_terminal(),
            columns: size.map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0),
        }
    }

    /// Whether to use colour: the flag beats everything, then a wish for none, then a wish for it, then what the output is.
    fn color(&self, when: When) -> bool {
        let set = |value: &Option<OsString>| value.as_ref().is_some_and(|value| !value.is_empty());
        let is = |value: &Option<OsString>, text: &str| value.as_ref().is_some_and(|value| value == text);
        match when {
            When::Always => true,
            When::Never => false,
            When::Auto if set(&self.no_color) => false,
            When::Auto if set(&self.clicolor_force) && !is(&self.clicolor_force, "0") => true,
            When::Auto => self.terminal && !is(&self.clicolor, "0") && !is(&self.term, "dumb"),
        }
    }
}

fn style(arguments: &Arguments, surroundings: &Surroundings) -> Style {
    let format = match (arguments.count_only, arguments.json, arguments.format) {
        (true, ..) => Format::Count,
        (_, true, _) | (.., FormatName::Json) => Format::Json,
        (.., FormatName::Text) => Format::Text,
    };
    let time = match arguments.time {
        0 => TimeStyle::Clock,
        1 => TimeStyle::None,
        2 => TimeStyle::Epoch,
        3 => TimeStyle::Delta,
        4 => TimeStyle::DateTime,
        _ => TimeStyle::SinceFirst,
    };
    Style {
        format,
        color: surroundings.color(arguments.color),
        width: surroundings.columns.filter(|_| surroundings.terminal),
        quiet: arguments.quiet,
        verbose: arguments.verbose,
        time,
        utc: arguments.utc,
        nano: arguments.nano,
        absolute_numbers: arguments.absolute_numbers,
        link_header: arguments.link_header,
        frame_numbers: arguments.frame_numbers,
    }
}

/// Ids of the catalogue.
#[derive(Clone, Copy, Debug)]
struct TopicParser;

impl TypedValueParser for TopicParser {
    type Value = Topic;

    fn parse_ref(&self, _: &Command, _: Option<&Arg>, value: &OsStr) -> Result<Topic, clap::Error> {
        let id = value.to_string_lossy();
        Topic::from_id(&id).ok_or_else(|| {
            let likeness = |known: &&str| strsim::jaro_winkler(&id, known);
            let nearest = Topic::ids().max_by(|a, b| likeness(a).total_cmp(&likeness(b))).unwrap_or_default();
            let text = format!(
                "no cause or class has the id '{}': perhaps '{nearest}'; --explain list shows all\n",
                id.escape_debug()
            );
            clap::Error::raw(ErrorKind::InvalidValue, text)
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Topic::ids().map(PossibleValue::new)))
    }
}

/// Seconds, also fractions of one, as nanoseconds.
fn seconds() -> impl TypedValueParser<Value = i64> {
    clap::builder::StringValueParser::new().try_map(|text| match text.parse::<f64>() {
        Ok(seconds) if (0.0..=86_400.0).contains(&seconds) => Ok((seconds * 1e9).round() as i64),
        _ => Err("not a number of seconds from 0 to 86400"),
    })
}
