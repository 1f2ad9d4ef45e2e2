//! The options about the rights that a run keeps.

use std::path::PathBuf;

/// What a run gives up before it looks at a frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rights {
    /// The user that a live capture begun as root runs on as; `root`: it stays what it is. `None`: nobody, if it can.
    pub user: Option<String>,
    /// Whether it may open no files and make no system calls but those it needs.
    pub sandbox: bool,
}

/// The arguments, as typed.
#[derive(clap::Args, Debug)]
pub(super) struct RightsArguments {
    /// A live capture begun as root runs on as this user once all is open, with no capability left; root: it stays root
    /// [default: nobody]
    #[arg(short = 'Z', value_name = "USER", help_heading = "Rights")]
    user: Option<String>,

    /// Do without the sandbox, in which no file can be opened and no system call made that is not needed
    #[arg(long, help_heading = "Rights")]
    no_sandbox: bool,

    #[arg(long = "monitor", hide = true)]
    serves: bool,

    #[arg(long, hide = true, value_name = "FOLDER", requires = "serves")]
    instance: Option<PathBuf>,
}

impl RightsArguments {
    /// What they ask for.
    pub(super) fn rights(self) -> Rights {
        Rights { user: self.user, sandbox: !self.no_sandbox }
    }

    /// Whether another run started this one.
    pub(super) fn is_monitor(&self) -> bool {
        self.serves
    }

    pub(super) fn take_instance(&mut self) -> Option<PathBuf> {
        self.instance.take()
    }
}
