//! How to capture on interfaces, and what was lost there.

/// How to capture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LiveOptions {
    /// The names of the interfaces, one at least; `any` is all of them. Each is an input of its own.
    pub interfaces: Vec<String>,
    /// Bytes kept of each frame.
    pub snap_len: u32,
    /// Size of the kernel's ring for each interface, in KiB. As much may wait to be analysed.
    pub buffer_kib: u32,
    /// Whether to ask for frames that are addressed to others.
    pub promiscuous: bool,
    /// Whether a Wi-Fi interface is to show all that it hears (monitor mode), with the headers of IEEE 802.11.
    pub monitor: bool,
    /// Whether each frame is handed over as it comes: at once, but with fewer frames in the ring.
    pub immediate: bool,
    /// Which frames, seen from this host.
    pub direction: Direction,
    /// Whose clock stamps the frames.
    pub clock: Clock,
    /// How frames are to begin, by libpcap's name of the link type; `None`: as the interface has it.
    pub link_type: Option<String>,
    /// A filter in the language of pcap-filter(7).
    pub filter: Option<String>,
}

/// Frames that this host receives, that it sends, or both.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Direction {
    /// Those that it receives.
    In,
    /// Those that it sends.
    Out,
    /// Both.
    #[default]
    Both,
}

/// Whose clock stamps the frames, as pcap-tstamp(7) has them for Linux.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Clock {
    /// The kernel's.
    #[default]
    Host,
    /// The network adapter's, set by that of the system.
    Adapter,
    /// The network adapter's own.
    AdapterUnsynced,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self {
            interfaces: Vec::new(),
            snap_len: Self::SNAP_LEN,
            buffer_kib: Self::BUFFER_KIB,
            promiscuous: true,
            monitor: false,
            immediate: false,
            direction: Direction::Both,
            clock: Clock::Host,
            link_type: None,
            filter: None,
        }
    }
}

impl LiveOptions {
    /// Enough for the headers with all their options, and for the first line of a request or a TLS server name.
    ///
    /// Short on purpose: the ring holds the more frames the less is kept of each, and a frame that the ring had no room for
    /// may be the one that explains a reset.
    pub const SNAP_LEN: u32 = 2048;
    /// The longest snapshot that libpcap takes, which is what tcpdump means by `-s 0`.
    pub const SNAP_LEN_MAX: u32 = 262_144;
    /// 64 MiB.
    pub const BUFFER_KIB: u32 = 64 * 1024;
}

/// What was counted during a capture, over all its interfaces.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Drops {
    /// Frames that passed the filter.
    pub received: u64,
    /// Of these, frames for which the kernel's ring had no room.
    pub by_kernel: u64,
    /// Frames that the interface or its driver dropped.
    pub by_interface: u64,
    /// Frames taken from the ring for which the queue to the analysis had no room.
    pub by_queue: u64,
}
