//! The options that cut the work into pieces.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory};

use super::{Arguments, Input};
use crate::report::{Format, JsonStyle, Style};
use crate::tcp::Shard;

/// What goes with files that are read once, as they are, by each piece.
const OTHERS: [&str; 9] =
    ["interface", "list", "follow", "client_side", "server_side", "join", "explain", "diff", "watch"];

/// What goes with files all of whose frames are for the output.
const PIECES: [&str; 3] = ["list_of_files", "write", "count"];

/// One piece of a capture that is cut into files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece {
    /// What came before: read for what it shows only.
    pub before: Vec<PathBuf>,
    /// The piece.
    pub files: Vec<PathBuf>,
    /// What came after: read for what follows the last resets of the piece.
    pub after: Vec<PathBuf>,
}

impl Piece {
    /// All that is read, in the order of the capture.
    pub fn all(&self) -> Vec<PathBuf> {
        [&self.before[..], &self.files, &self.after].concat()
    }
}

/// A capture of a point, in a run that takes up what the run before has left.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chain {
    /// What the run before has left.
    pub before: Option<PathBuf>,
    /// The capture.
    pub files: Vec<PathBuf>,
    /// Where what is known at the end goes.
    pub after: Option<PathBuf>,
}

impl Chain {
    /// All that is read.
    pub fn all(&self) -> Vec<PathBuf> {
        self.files.iter().chain(&self.before).cloned().collect()
    }
}

/// The options, as typed.
#[derive(Args, Debug)]
pub(super) struct CutArguments {
    /// Decide one part of the connections only, 1/4 to 4/4: as many runs over the same files, whose rows --fold puts together
    #[arg(long, value_name = "K/N", help_heading = "Cuts", conflicts_with_all = OTHERS)]
    pub(super) shard: Option<Shard>,

    /// Read these files before those of -r, for what they show of connections, hosts and ports; report nothing of them
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Cuts", requires = "files", conflicts_with_all = PIECES,
        conflicts_with_all = OTHERS)]
    pub(super) warm_up: Vec<PathBuf>,

    /// Read these files after those of -r, for what follows the last resets there; report nothing of them
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Cuts", requires = "files", conflicts_with_all = PIECES,
        conflicts_with_all = OTHERS)]
    pub(super) read_on: Vec<PathBuf>,

    /// Leave all that is known at the end in this file, for a run over the capture that comes next: resets that wait for what
    /// follows them are reported there
    #[arg(long, value_name = "FILE", help_heading = "Cuts", requires = "files", conflicts_with_all = ["warm_up", "read_on"],
        conflicts_with_all = PIECES, conflicts_with_all = OTHERS)]
    pub(super) state_out: Option<PathBuf>,

    /// Go on from what a run over the capture before has left (--state-out), as if it were one run over both
    #[arg(long, value_name = "FILE", help_heading = "Cuts", requires = "files", conflicts_with_all = ["warm_up", "read_on"],
        conflicts_with_all = PIECES, conflicts_with_all = OTHERS)]
    pub(super) state_in: Option<PathBuf>,

    /// Put outputs of --json together, of shards or of captures one after the other: what the resets have in common, and the
    /// counts; -q also a line for each, --json the rows again. - is standard input
    #[arg(long, value_name = "ROWS", num_args = 0.., help_heading = "Cuts",
        conflicts_with_all = ["files", "list_of_files", "shard", "warm_up", "read_on", "state_in", "state_out", "filter_file", "write", "report", "only", "not", "names",
            "metrics", "sample", "count", "kernel"], conflicts_with_all = OTHERS)]
    pub(super) fold: Option<Vec<PathBuf>>,
}

impl CutArguments {
    /// These files, as a piece of a longer capture if they are one.
    pub(super) fn input(&mut self, files: Vec<PathBuf>) -> Input {
        if self.state_in.is_some() || self.state_out.is_some() {
            return Input::Chain(Chain { before: self.state_in.take(), files, after: self.state_out.take() });
        }
        if self.warm_up.is_empty() && self.read_on.is_empty() {
            return Input::Files(files);
        }
        let (before, after) = (std::mem::take(&mut self.warm_up), std::mem::take(&mut self.read_on));
        Input::Piece(Piece { before, files, after })
    }
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
