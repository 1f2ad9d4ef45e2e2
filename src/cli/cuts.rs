//! The options that cut the work into pieces.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory};

use super::Arguments;
use crate::report::{Format, JsonStyle, Style};
use crate::tcp::Shard;

/// What goes with files that are read once, as they are, by each piece.
const OTHERS: [&str; 9] =
    ["interface", "list", "follow", "client_side", "server_side", "join", "explain", "diff", "watch"];

/// The options, as typed.
#[derive(Args, Debug)]
pub(super) struct CutArguments {
    /// Decide one part of the connections only, 1/4 to 4/4: as many runs over the same files, whose rows --fold puts together
    #[arg(long, value_name = "K/N", help_heading = "Cuts", conflicts_with_all = OTHERS)]
    pub(super) shard: Option<Shard>,

    /// Put outputs of --json together, of shards or of captures one after the other: what the resets have in common, and the
    /// counts; -q also a line for each, --json the rows again. - is standard input
    #[arg(long, value_name = "ROWS", num_args = 0.., help_heading = "Cuts",
        conflicts_with_all = ["files", "list_of_files", "shard", "filter_file", "write", "report", "only", "not", "names",
            "metrics", "sample", "count", "kernel"], conflicts_with_all = OTHERS)]
    pub(super) fold: Option<Vec<PathBuf>>,
}

/// The outputs to be put together; other options may stand between them.
pub(super) fn folded(
    mut outputs: Vec<PathBuf>,
    others: Vec<String>,
    style: &Style,
) -> Result<Vec<PathBuf>, clap::Error> {
    outputs.extend(others.into_iter().map(PathBuf::from));
    let native = match style.format {
        Format::Json => style.json == JsonStyle::Native,
        format => matches!(format, Format::Text | Format::Count),
    };
    let (kind, text) = match outputs.iter().filter(|path| path.as_os_str() == "-").count() {
        _ if outputs.is_empty() => (ErrorKind::MissingRequiredArgument, "--fold needs outputs of --json"),
        0 | 1 if native && !style.ladder => return Ok(outputs),
        0 | 1 => (ErrorKind::ArgumentConflict, "--fold prints text, --json or --count"),
        _ => (ErrorKind::ArgumentConflict, "standard input can be one of the outputs only"),
    };
    Err(Arguments::command().error(kind, text))
}
