//! The options with which Wireshark asks and runs programs that capture for it (extcap(4)).

use std::path::PathBuf;

use clap::error::ErrorKind;

use super::Writing;

/// What Wireshark wants to know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ExtcapQuestion {
    /// Which interfaces there are.
    Interfaces,
    /// The link types of this one.
    LinkTypes(String),
    /// What can be chosen before a capture.
    Choices,
    /// What is wrong with a filter for this interface.
    Filter(String, String),
}

/// What Wireshark asks for.
pub(super) enum Extcap {
    Question(ExtcapQuestion),
    Capture(ExtcapCapture),
}

/// A capture for Wireshark.
pub(super) struct ExtcapCapture {
    pub(super) interface: String,
    pub(super) writing: Writing,
    pub(super) filter: Option<String>,
}

/// The arguments, as Wireshark gives them.
#[derive(clap::Args, Debug)]
pub(super) struct ExtcapArguments {
    #[arg(long, hide = true)]
    extcap_interfaces: bool,

    #[arg(long, hide = true, value_name = "VERSION")]
    extcap_version: Option<String>,

    #[arg(long, hide = true, value_name = "NAME")]
    extcap_interface: Option<String>,

    #[arg(long, hide = true)]
    extcap_dlts: bool,

    #[arg(long, hide = true)]
    extcap_config: bool,

    #[arg(long, hide = true, requires_all = ["extcap_interface", "fifo"])]
    capture: bool,

    #[arg(long, hide = true, value_name = "PIPE")]
    fifo: Option<PathBuf>,

    #[arg(long, hide = true, value_name = "FILTER")]
    extcap_capture_filter: Option<String>,

    #[arg(long, hide = true)]
    extcap_only_resets: bool,
}

/// The names of interfaces begin with this, to be told from those that Wireshark captures on itself.
pub const EXTCAP_PREFIX: &str = "rstscan-";

impl ExtcapArguments {
    /// What Wireshark asks for, if it does.
    pub(super) fn take(&mut self) -> Result<Option<Extcap>, (ErrorKind, &'static str)> {
        if self.extcap_interfaces {
            return Ok(Some(Extcap::Question(ExtcapQuestion::Interfaces)));
        }
        let Some(name) = &self.extcap_interface else { return Ok(None) };
        let unknown = (ErrorKind::InvalidValue, "no such extcap interface: --extcap-interfaces lists them");
        let interface = name.strip_prefix(EXTCAP_PREFIX).filter(|name| !name.is_empty()).ok_or(unknown)?.to_owned();
        let filter = self.extcap_capture_filter.take().filter(|filter| !filter.is_empty());
        let question = match (self.fifo.take().filter(|_| self.capture), filter) {
            (Some(fifo), filter) => {
                // Nobody but Wireshark reads, and it shows what comes on standard error as a failure.
                let all_packets = !self.extcap_only_resets;
                let writing = Writing { all_packets, alone: true, ..Writing::to(fifo) };
                return Ok(Some(Extcap::Capture(ExtcapCapture { interface, writing, filter })));
            }
            _ if self.extcap_dlts => ExtcapQuestion::LinkTypes(interface),
            _ if self.extcap_config => ExtcapQuestion::Choices,
            (None, Some(filter)) => ExtcapQuestion::Filter(interface, filter),
            (None, None) => {
                let text = "--extcap-interface needs --extcap-dlts, --extcap-config or --capture";
                return Err((ErrorKind::MissingRequiredArgument, text));
            }
        };
        Ok(Some(Extcap::Question(question)))
    }
}
