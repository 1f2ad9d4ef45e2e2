//! The options of a program that is left running.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;

use super::Surroundings;
use crate::report::{Format, Style};

/// What a program does beside that is left running.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Agent {
    /// Where it is asked for its metrics.
    pub metrics: Option<SocketAddr>,
    /// The file that the output goes to, instead of standard output.
    pub output: Option<PathBuf>,
    /// How many resets a minute are written that are nothing new.
    pub sample: Option<u32>,
    /// Whether the run is shown in the terminal as it goes on.
    pub watch: bool,
}

impl Agent {
    /// Whether SIGHUP is a wish to open the output again.
    pub fn hangup_reopens(&self) -> bool {
        self.metrics.is_some() || self.output.is_some()
    }

    /// Whether this goes with an output in this style.
    pub(super) fn fits(&self, style: &Style) -> Result<(), (ErrorKind, &'static str)> {
        if self.watch && cfg!(not(feature = "watch")) {
            let text = "built without --watch (the feature `watch`: cargo build --release --features watch)";
            return Err((ErrorKind::ArgumentConflict, text));
        }
        if self.watch && self.output.is_none() && style.format != Format::Text {
            let text = "--watch shows the resets in the terminal: give the other output a file with -o";
            return Err((ErrorKind::ArgumentConflict, text));
        }
        let text =
            "--sample is for --json and --format csv: the text output folds what is alike (--group-by, --max-resets)";
        match self.sample {
            Some(_) if !matches!(style.format, Format::Json | Format::Csv) => Err((ErrorKind::ArgumentConflict, text)),
            _ => Ok(()),
        }
    }
}

/// The arguments, as typed.
#[derive(clap::Args, Debug)]
pub(super) struct AgentArguments {
    /// Count for Prometheus, at http://ADDRESS:PORT/metrics; :PORT is that of 127.0.0.1
    #[arg(long, value_name = "[ADDRESS]:PORT", help_heading = "Agent", value_parser = address(),
        conflicts_with_all = ["list", "explain", "diff", "client_side", "server_side", "join"])]
    metrics: Option<SocketAddr>,

    /// Write the output into a file: with -i and --follow behind what it holds, else in its place; opened again at SIGHUP, for logrotate
    #[arg(short = 'o', long, value_name = "FILE", help_heading = "Agent", conflicts_with_all = ["list", "explain", "diff"])]
    output: Option<PathBuf>,

    /// Of --json and csv write the first reset of each kind, and so many a minute of the others; all are counted
    #[arg(long, value_name = "COUNT", help_heading = "Agent", value_parser = clap::value_parser!(u32),
        conflicts_with_all = ["list", "explain", "diff"])]
    sample: Option<u32>,

    /// Show in the terminal what resets there are, as top shows processes: rates by cause, services, clients, the latest
    /// verdicts; ? for keys. Without a terminal one line a reset
    #[arg(long, help_heading = "Output", conflicts_with_all = ["list", "explain", "diff", "client_side", "server_side", "join", "count_only", "quiet"])]
    watch: bool,
}

impl AgentArguments {
    /// How much less is to be said where there is no terminal for a view.
    pub(super) fn quiet(&self, agent: &Agent) -> u8 {
        u8::from(self.watch && !agent.watch)
    }

    /// What they ask for; a view only where there is a terminal for it.
    pub(super) fn agent(&self, surroundings: &Surroundings) -> Agent {
        let watch = self.watch && surroundings.shows_views();
        let output = self.output.clone().filter(|path| path.as_os_str() != "-");
        Agent { metrics: self.metrics, output, sample: self.sample, watch }
    }
}

/// An address and a port, or a port alone, which is one of this host only.
fn address() -> impl TypedValueParser<Value = SocketAddr> {
    clap::builder::StringValueParser::new().try_map(|text| {
        if cfg!(not(feature = "metrics")) {
            return Err("built without metrics (the feature `metrics`: cargo build --release --features metrics)");
        }
        let here = |port: u16| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let port = text.strip_prefix(':').or_else(|| text.strip_prefix("localhost:")).unwrap_or(&text);
        let typed = port.parse().map(here).or_else(|_| text.parse());
        typed.map_err(|_| "not an address and a port: 9101, :9101, 192.0.2.7:9101, [2001:db8::7]:9101, 0.0.0.0:9101")
    })
}
