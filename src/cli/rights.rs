//! The options about the rights that a run keeps.

use std::path::PathBuf;

/// What a run gives up before it looks at a frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rights {
    /// The user that a live capture begun as root runs on as; `root`: it stays what it is.
    pub user: String,
}

/// The arguments, as typed.
#[derive(clap::Args, Debug)]
pub(super) struct RightsArguments {
    /// Begun as root: run on as this user once the interface is open, with no capability left; root: stay root
    #[arg(short = 'Z', value_name = "USER", help_heading = "Capture", default_value = "nobody")]
    user: String,

    #[arg(long, hide = true)]
    monitor: bool,

    #[arg(long, hide = true, value_name = "FOLDER", requires = "monitor")]
    instance: Option<PathBuf>,
}

impl RightsArguments {
    /// What they ask for.
    pub(super) fn rights(self) -> Rights {
        Rights { user: self.user }
    }

    /// Whether another run started this one.
    pub(super) fn is_monitor(&self) -> bool {
        self.monitor
    }

    pub(super) fn take_instance(&mut self) -> Option<PathBuf> {
        self.instance.take()
    }
}
