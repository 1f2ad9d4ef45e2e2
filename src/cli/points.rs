//! The options that name captures at several points on the way of the same connections.

use std::path::PathBuf;

use clap::Args;
use clap::error::ErrorKind;

use crate::classify::Role;

/// What conflicts with captures at several points: they are read more than once, each with its own numbers.
const OTHERS: [&str; 8] = ["list_of_files", "interface", "list", "follow", "explain", "diff", "count", "write"];

/// A point and the files that were captured there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PointFiles {
    /// Which end of the connections it is near to, where that was said.
    pub side: Option<Role>,
    /// Its files; several are merged by time.
    pub files: Vec<PathBuf>,
}

/// The options, as typed.
#[derive(Args, Debug)]
pub struct PointArguments {
    /// A capture made at the client, to be joined with that of --server-side: which resets were truly sent, and which were
    /// made or lost between the two; given again, one more file of that side
    #[arg(long, value_name = "FILE", help_heading = "Input", requires = "server_side", conflicts_with_all = OTHERS)]
    client_side: Vec<PathBuf>,

    /// The capture made at the server
    #[arg(long, value_name = "FILE", help_heading = "Input", requires = "client_side", conflicts_with_all = OTHERS)]
    server_side: Vec<PathBuf>,

    /// Take each -r FILE as a capture at a point of its own on the way of the same connections, in any order, instead of merging
    /// them
    #[arg(long, help_heading = "Input", conflicts_with_all = ["client_side", "server_side"], conflicts_with_all = OTHERS)]
    join: bool,
}

impl PointArguments {
    /// The points, if there are to be some; `files` are those of `-r`.
    ///
    /// # Errors
    ///
    /// They are not two or more files.
    pub fn take(&mut self, files: &mut Vec<PathBuf>) -> Result<Option<Vec<PointFiles>>, (ErrorKind, &'static str)> {
        let sides = [(Role::Client, &mut self.client_side), (Role::Server, &mut self.server_side)];
        let points: Vec<PointFiles> = match self.join {
            true => files.drain(..).map(|file| PointFiles { side: None, files: vec![file] }).collect(),
            false => sides.map(|(side, files)| PointFiles { side: Some(side), files: std::mem::take(files) }).into(),
        };
        if points.iter().all(|point| point.files.is_empty()) && !self.join {
            return Ok(None);
        }
        if !files.is_empty() {
            return Err((
                ErrorKind::ArgumentConflict,
                "-r FILE does not go with --client-side and --server-side: --join takes several -r",
            ));
        }
        if points.len() < 2 {
            return Err((ErrorKind::MissingRequiredArgument, "--join needs -r FILE twice or more"));
        }
        if points.iter().flat_map(|point| &point.files).any(|file| file.as_os_str() == "-") {
            return Err((
                ErrorKind::ArgumentConflict,
                "captures of several points are read more than once: give files, not -",
            ));
        }
        Ok(Some(points))
    }
}
