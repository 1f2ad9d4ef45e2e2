//! The options of a live capture, with the letters and the sense that they have for tcpdump.

use clap::ValueEnum;

use crate::source::{Clock, Direction, LiveOptions};

/// The arguments, as typed.
#[derive(clap::Args, Debug)]
pub(super) struct CaptureArguments {
    /// Capture on an interface: a name, a number from -D, or any. Several are merged by time
    #[arg(short = 'i', value_name = "INTERFACE", help_heading = "Input", conflicts_with = "list")]
    pub(super) interface: Vec<String>,

    /// List the interfaces to capture on
    #[arg(short = 'D', help_heading = "Input")]
    pub(super) list: bool,

    /// Keep so many bytes of each frame, for the buffer to hold more of them [default: 2048, with -w 262144; 0: 262144]
    #[arg(short = 's', value_name = "BYTES", help_heading = "Capture",
        value_parser = clap::value_parser!(u32).range(..=i64::from(LiveOptions::SNAP_LEN_MAX)))]
    snap_len: Option<u32>,

    /// Size of the kernel's buffer in KiB, for each interface; as much may wait for the analysis
    #[arg(short = 'B', value_name = "KIB", help_heading = "Capture", default_value_t = LiveOptions::BUFFER_KIB,
        value_parser = clap::value_parser!(u32).range(1..=2_097_151))]
    buffer_kib: u32,

    /// Do not put the interface into promiscuous mode
    #[arg(short = 'p', help_heading = "Capture")]
    no_promiscuous: bool,

    /// Put a Wi-Fi interface into monitor mode
    #[arg(short = 'I', help_heading = "Capture", requires = "interface")]
    monitor: bool,

    /// Only frames that this host receives, or sends
    #[arg(short = 'Q', value_name = "DIRECTION", help_heading = "Capture", requires = "interface")]
    direction: Option<DirectionName>,

    /// Take each frame as it comes, not many at a time: sooner, but fewer fit into the buffer
    #[arg(long, help_heading = "Capture", requires = "interface")]
    immediate_mode: bool,

    /// Capture with this link type, one that -L lists
    #[arg(short = 'y', value_name = "LINKTYPE", help_heading = "Capture", requires = "interface")]
    link_type: Option<String>,

    /// List the link types of the interface
    #[arg(short = 'L', help_heading = "Capture", requires = "interface")]
    pub(super) list_link_types: bool,

    /// The clock that stamps frames [default: host]
    #[arg(short = 'j', value_name = "CLOCK", help_heading = "Capture", requires = "interface")]
    clock: Option<ClockName>,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum DirectionName {
    In,
    Out,
    Inout,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
#[value(rename_all = "snake_case")]
enum ClockName {
    /// That of the kernel
    Host,
    /// That of the network adapter, set by the system's
    Adapter,
    /// That of the network adapter
    AdapterUnsynced,
}

impl CaptureArguments {
    /// How to capture; who writes frames wants them whole.
    pub(super) fn options(&mut self, writes: bool) -> LiveOptions {
        LiveOptions {
            interfaces: std::mem::take(&mut self.interface),
            snap_len: match self.snap_len {
                Some(0) => LiveOptions::SNAP_LEN_MAX,
                Some(bytes) => bytes,
                None if writes => LiveOptions::SNAP_LEN_MAX,
                None => LiveOptions::SNAP_LEN,
            },
            buffer_kib: self.buffer_kib,
            promiscuous: !self.no_promiscuous,
            monitor: self.monitor,
            immediate: self.immediate_mode,
            direction: match self.direction {
                None | Some(DirectionName::Inout) => Direction::Both,
                Some(DirectionName::In) => Direction::In,
                Some(DirectionName::Out) => Direction::Out,
            },
            clock: match self.clock {
                None | Some(ClockName::Host) => Clock::Host,
                Some(ClockName::Adapter) => Clock::Adapter,
                Some(ClockName::AdapterUnsynced) => Clock::AdapterUnsynced,
            },
            link_type: self.link_type.take(),
            filter: None,
        }
    }
}
