//! Every capture: its name, its bytes and what is expected of it.

use rstscan::frame::LinkType;

use crate::connection::{Packet, packets};
use crate::formats::{Frame, Layout, formats};
use crate::{links, tunnels};

/// One capture.
pub struct Entry {
    /// The file in `tests/captures`.
    pub file: String,
    /// The `encap` layers of the reset, with spaces between them.
    pub layers: &'static str,
    /// How tshark finds the reset.
    pub tshark: Tshark,
    /// What the generator makes: not compressed.
    pub bytes: Vec<u8>,
    /// How the file holds these bytes.
    pub packed: Packed,
    /// It is there for its file format: its frames are plain Ethernet frames.
    pub is_of_a_format: bool,
}

/// How tshark finds the segments of a capture.
#[derive(Clone, Copy)]
pub enum Tshark {
    /// As it is installed.
    ByDefault,
    /// With these arguments.
    With(&'static [&'static str]),
    /// Not at all, for this reason.
    Cannot(&'static str),
}

/// How a file is compressed. Compressors change from version to version, so only what they hold is compared.
#[derive(Clone, Copy)]
pub enum Packed {
    Not,
    #[cfg(feature = "compress")]
    With(fn(&[u8]) -> Vec<u8>),
}

/// A way to put an IP packet into a frame.
pub struct Wrap {
    pub name: &'static str,
    pub link: LinkType,
    pub layers: &'static str,
    pub tshark: Tshark,
    pub wrap: fn(&Packet) -> Vec<u8>,
}

impl Wrap {
    pub fn with_layers(self, layers: &'static str) -> Self {
        Self { layers, ..self }
    }

    pub fn with_tshark(self, tshark: Tshark) -> Self {
        Self { tshark, ..self }
    }

    /// A pcap file with the connection.
    fn entry(&self) -> Entry {
        let frames: Vec<Frame> =
            packets().iter().map(|packet| Frame { time_ns: packet.time_ns, bytes: (self.wrap)(packet) }).collect();
        Entry {
            file: format!("{}.pcap", self.name),
            layers: self.layers,
            tshark: self.tshark,
            bytes: Layout::MICROS.pcap(u32::from(self.link.0), &frames),
            packed: Packed::Not,
            is_of_a_format: false,
        }
    }
}

/// All captures: one for each format, each link layer and each tunnel.
pub fn entries() -> Vec<Entry> {
    let wraps = [
        links::lengths(),
        links::tags(),
        links::labels(),
        links::link_types(),
        links::wide(),
        links::behind_notes(),
        links::wireless(),
        tunnels::in_ip(),
        tunnels::generic_routing(),
        tunnels::in_udp_datagrams(),
    ];
    formats().into_iter().chain(wraps.iter().flatten().map(Wrap::entry)).collect()
}
