//! Capture files of every format, byte by byte, with the connection on Ethernet.

use crate::bytes::{frame, tag};
use crate::connection::packets;
use crate::table::{Entry, Packed, Tshark};

/// One captured frame.
#[derive(Clone)]
pub struct Frame {
    /// Nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// All its bytes.
    pub bytes: Vec<u8>,
}

/// Byte order and magic number of a pcap file; pcapng needs the order only.
#[derive(Clone, Copy)]
pub struct Layout {
    big_endian: bool,
    magic: u32,
}

const ETHERNET: u32 = 1;
const RAW: u32 = 101;
const LINUX_SLL: u32 = 113;

impl Layout {
    /// Little-endian with microseconds.
    pub const MICROS: Layout = Layout { big_endian: false, magic: 0xa1b2_c3d4 };
    const NANOS: Layout = Layout { big_endian: false, magic: 0xa1b2_3c4d };
    /// Alexey Kuznetzov's format: eight bytes more a record.
    const MODIFIED: Layout = Layout { big_endian: false, magic: 0xa1b2_cd34 };

    fn swapped(self) -> Self {
        Self { big_endian: !self.big_endian, ..self }
    }

    fn u16(self, value: u16) -> [u8; 2] {
        if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn u32(self, value: u32) -> [u8; 4] {
        if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn words(self, values: &[u32]) -> Vec<u8> {
        values.iter().flat_map(|value| self.u32(*value)).collect()
    }

    /// A pcap file.
    pub fn pcap(self, link: u32, frames: &[Frame]) -> Vec<u8> {
        let header =
            [&self.u32(self.magic)[..], &self.u16(2), &self.u16(4), &self.words(&[0, 0, 65535, link])].concat();
        let records = frames.iter().map(|frame| {
            let (seconds, nanos) = (small(frame.time_ns / 1_000_000_000), small(frame.time_ns % 1_000_000_000));
            let ticks = if self.magic == Layout::NANOS.magic { nanos } else { nanos / 1_000 };
            let len = length(&frame.bytes);
            let extra: &[u8] = if self.magic == Layout::MODIFIED.magic { &[1, 0, 0, 0, 8, 0, 0, 0] } else { &[] };
            [&self.words(&[seconds, ticks, len, len])[..], extra, &frame.bytes].concat()
        });
        [header].into_iter().chain(records).flatten().collect()
    }

    /// A pcapng block.
    fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let body = padded(body);
        let len = length(&body) + 12;
        [&self.words(&[kind, len])[..], &body, &self.u32(len)].concat()
    }

    fn section(self) -> Vec<u8> {
        let version = [self.u16(1), self.u16(0)].concat();
        self.block(0x0a0d_0d0a, &[&self.u32(0x1a2b_3c4d)[..], &version, &[0xff; 8]].concat())
    }

    fn option(self, code: u16, value: &[u8]) -> Vec<u8> {
        let len = u16::try_from(value.len()).expect("a short option");
        [&self.u16(code)[..], &self.u16(len), &padded(value)].concat()
    }

    /// An interface with the resolution of `clock` and its offset, where that is not 0.
    fn interface(self, link: u32, clock: Clock) -> Vec<u8> {
        let offset = if self.big_endian { clock.offset.to_be_bytes() } else { clock.offset.to_le_bytes() };
        let offset = if clock.offset == 0 { Vec::new() } else { self.option(14, &offset) };
        let options = [self.option(9, &[clock.resolution]), offset, self.option(0, &[])].concat();
        self.block(
            1,
            &[&self.u16(u16::try_from(link).expect("16 bits"))[..], &[0, 0], &self.u32(65535), &options].concat(),
        )
    }

    /// An enhanced packet block with a comment.
    fn enhanced(self, interface: u32, clock: Clock, frame: &Frame) -> Vec<u8> {
        let (ticks, len) = (clock.ticks(frame.time_ns), length(&frame.bytes));
        let head = self.words(&[interface, small(ticks >> 32), small(ticks & 0xffff_ffff), len, len]);
        let options = [self.option(1, b"as captured"), self.option(0, &[])].concat();
        self.block(6, &[head, padded(&frame.bytes), options].concat())
    }

    /// The obsolete packet block.
    fn old_packet(self, interface: u16, clock: Clock, frame: &Frame) -> Vec<u8> {
        let (ticks, len) = (clock.ticks(frame.time_ns), length(&frame.bytes));
        let head = self.words(&[small(ticks >> 32), small(ticks & 0xffff_ffff), len, len]);
        self.block(2, &[&self.u16(interface)[..], &self.u16(0), &head, &frame.bytes].concat())
    }

    fn simple(self, frame: &Frame) -> Vec<u8> {
        self.block(3, &[&self.u32(length(&frame.bytes))[..], &frame.bytes].concat())
    }
}

/// The clock of a pcapng interface.
#[derive(Clone, Copy)]
struct Clock {
    /// As `if_tsresol`: a power of 10, or with bit 7 a power of 2.
    resolution: u8,
    /// As `if_tsoffset`: seconds.
    offset: i64,
}

impl Clock {
    const MICROS: Clock = Clock { resolution: 6, offset: 0 };
    const NANOS: Clock = Clock { resolution: 9, offset: 0 };
    /// 1024 ticks a second.
    const BINARY: Clock = Clock { resolution: 0x8a, offset: 0 };
    /// Milliseconds since September 2001.
    const SINCE_2001: Clock = Clock { resolution: 3, offset: 1_000_000_000 };

    fn ticks(self, time_ns: u64) -> u64 {
        let second: u128 = 1_000_000_000;
        let ns = u128::from(time_ns) - u128::try_from(self.offset).expect("a time in the past") * second;
        let power = u32::from(self.resolution & 0x7f);
        let each = if self.resolution & 0x80 == 0 { 10_u128.pow(power) } else { 2_u128.pow(power) };
        assert_eq!(ns * each % second, 0, "this clock can tell the times of the connection");
        u64::try_from(ns * each / second).expect("64 bits of ticks")
    }
}

fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn small(value: u64) -> u32 {
    u32::try_from(value).expect("32 bits")
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("a small capture")
}

/// The connection on Ethernet.
fn on_ethernet() -> Vec<Frame> {
    packets().iter().map(|packet| Frame { time_ns: packet.time_ns, bytes: frame(packet) }).collect()
}

/// One capture a format.
pub fn formats() -> Vec<Entry> {
    let mut entries = Vec::from(pcap_formats());
    entries.extend(pcapng_formats());
    #[cfg(feature = "compress")]
    entries.extend(packed::formats(&Layout::MICROS.pcap(ETHERNET, &on_ethernet())));
    entries
}

fn entry(file: &str, bytes: Vec<u8>) -> Entry {
    Entry {
        file: file.to_owned(),
        layers: "",
        tshark: Tshark::ByDefault,
        bytes,
        packed: Packed::Not,
        is_of_a_format: true,
    }
}

// scenario 110
fn pcap_formats() -> [Entry; 7] {
    let frames = on_ethernet();
    let with_checksum: Vec<Frame> =
        frames.iter().map(|frame| Frame { bytes: [&frame.bytes[..], &[0xfc; 4]].concat(), ..frame.clone() }).collect();
    [
        entry("micros.pcap", Layout::MICROS.pcap(ETHERNET, &frames)),
        entry("micros-swapped.pcap", Layout::MICROS.swapped().pcap(ETHERNET, &frames)),
        entry("nanos.pcap", Layout::NANOS.pcap(ETHERNET, &frames)),
        entry("nanos-swapped.pcap", Layout::NANOS.swapped().pcap(ETHERNET, &frames)),
        entry("modified.pcap", Layout::MODIFIED.pcap(ETHERNET, &frames)),
        entry("modified-swapped.pcap", Layout::MODIFIED.swapped().pcap(ETHERNET, &frames)),
        // Bit 26 says that the uppermost four bits are the length of the checksum, in units of 16 bits.
        entry("fcs.pcap", Layout::MICROS.pcap(0x2400_0000 | ETHERNET, &with_checksum)),
    ]
}

fn pcapng_formats() -> Vec<Entry> {
    let (little, big) = (Layout::MICROS, Layout::MICROS.swapped());
    let frames = on_ethernet();
    let one = |layout: Layout, clock: Clock| {
        let packets = frames.iter().map(|frame| layout.enhanced(0, clock, frame));
        [layout.section(), layout.interface(ETHERNET, clock)].into_iter().chain(packets).collect::<Vec<_>>().concat()
    };
    let simple = frames.iter().zip(0..).map(|(frame, at)| match at {
        2 => little.simple(frame),
        _ => little.enhanced(0, Clock::NANOS, frame),
    });
    let simple = [little.section(), little.interface(ETHERNET, Clock::NANOS)].into_iter().chain(simple);
    let old = frames.iter().map(|frame| big.old_packet(0, Clock::MICROS, frame));
    let old = [big.section(), big.interface(ETHERNET, Clock::MICROS)].into_iter().chain(old);
    vec![
        entry("micros.pcapng", one(little, Clock::MICROS)),
        entry("nanos-swapped.pcapng", one(big, Clock::NANOS)),
        entry("binary-clock.pcapng", one(little, Clock::BINARY)),
        entry("offset-clock.pcapng", one(big, Clock::SINCE_2001)),
        entry("simple-packet.pcapng", simple.flatten().collect()),
        entry("old-packet.pcapng", old.flatten().collect()),
        entry("sections.pcapng", sections()),
        entry("interfaces.pcapng", interfaces()),
        entry("other-blocks.pcapng", other_blocks()),
    ]
}

/// Two sections with unlike byte orders, link types and clocks.
fn sections() -> Vec<u8> {
    let (little, big) = (Layout::MICROS, Layout::MICROS.swapped());
    let on_ethernet = on_ethernet();
    let raw = packets().into_iter().map(|packet| Frame { time_ns: packet.time_ns, bytes: packet.four });
    let first = on_ethernet[..3].iter().map(|frame| big.enhanced(0, Clock::NANOS, frame));
    let second = raw.skip(3).map(|frame| little.enhanced(0, Clock::BINARY, &frame));
    let first = [big.section(), big.interface(ETHERNET, Clock::NANOS)].into_iter().chain(first);
    let second = [little.section(), little.interface(RAW, Clock::BINARY)].into_iter().chain(second);
    first.chain(second).flatten().collect()
}

/// Three interfaces with unlike link types and clocks in one section, used in turn.
// scenario 109
fn interfaces() -> Vec<u8> {
    let layout = Layout::MICROS;
    let clocks = [Clock::MICROS, Clock::BINARY, Clock::SINCE_2001];
    let links = [ETHERNET, RAW, LINUX_SLL];
    let described = links.iter().zip(clocks).map(|(link, clock)| layout.interface(*link, clock));
    let frames = packets().into_iter().zip((0..links.len()).cycle()).map(|(packet, interface)| {
        let bytes = match links[interface] {
            RAW => packet.four,
            LINUX_SLL => [&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0], &packet.four[..]].concat(),
            _ => frame(&packet),
        };
        let number = u32::try_from(interface).expect("one of three");
        layout.enhanced(number, clocks[interface], &Frame { time_ns: packet.time_ns, bytes })
    });
    [layout.section()].into_iter().chain(described).chain(frames).flatten().collect()
}

/// Captures of several link types in one pcapng file, an interface each.
pub fn joined(captures: &[Vec<(u16, i64, Vec<u8>)>]) -> Vec<u8> {
    let layout = Layout::MICROS;
    let links = captures.iter().filter_map(|frames| Some(u32::from(frames.first()?.0)));
    let described = links.map(|link| layout.interface(link, Clock::NANOS));
    let packets = captures.iter().zip(0..).flat_map(|(frames, interface)| {
        frames.iter().map(move |(_, time, bytes)| {
            let time_ns = u64::try_from(*time).expect("a time after 1970");
            layout.enhanced(interface, Clock::NANOS, &Frame { time_ns, bytes: bytes.clone() })
        })
    });
    [layout.section()].into_iter().chain(described).chain(packets).flatten().collect()
}

/// Names, statistics and secrets between the packets, and blocks of a vendor behind them: Wireshark counts such a block
/// as a frame.
fn other_blocks() -> Vec<u8> {
    let layout = Layout::MICROS;
    let address = [&layout.u16(1)[..], &layout.u16(8), &[192, 0, 2, 10], b"abc\0", &[0; 4]].concat();
    let secrets = [&layout.words(&[0x544c_534b, 4])[..], b"key\n"].concat();
    let vendor = [&layout.u32(32473)[..], &tag(1, 2)].concat();
    let names_and_such = [(4, address), (5, layout.words(&[0, 0, 0])), (10, secrets)];
    let vendors = [(0xbad, vendor), (0x4000_0bad, vec![7; 9])];
    let block = |(kind, body): &(u32, Vec<u8>)| layout.block(*kind, body);
    let frames = on_ethernet();
    let packets = frames.iter().map(|frame| layout.enhanced(0, Clock::MICROS, frame));
    let between = names_and_such.iter().cycle().map(block);
    let mixed = packets.zip(between).flat_map(|(packet, other)| [packet, other]);
    let head = [layout.section(), layout.interface(ETHERNET, Clock::MICROS)];
    head.into_iter().chain(mixed).chain(vendors.iter().map(block)).flatten().collect()
}

#[cfg(feature = "compress")]
mod packed {
    use std::io::Write;

    use super::{Entry, Packed, Tshark};

    /// The capture in every compression.
    pub fn formats(bytes: &[u8]) -> Vec<Entry> {
        let entry = |file: &str, tshark: Tshark, pack: fn(&[u8]) -> Vec<u8>| Entry {
            file: file.to_owned(),
            layers: "",
            tshark,
            bytes: bytes.to_vec(),
            packed: Packed::With(pack),
            is_of_a_format: true,
        };
        vec![
            entry("gzip.pcap.gz", Tshark::ByDefault, gzip),
            entry("gzip-members.pcap.gz", Tshark::ByDefault, |bytes| {
                let (first, second) = bytes.split_at(bytes.len() / 2);
                [gzip(first), gzip(second)].concat()
            }),
            entry("zstd.pcap.zst", Tshark::ByDefault, |bytes| zstd::encode_all(bytes, 0).expect("memory takes all")),
            entry("lz4.pcap.lz4", Tshark::ByDefault, |bytes| {
                let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
                encoder.write_all(bytes).expect("memory takes all");
                encoder.finish().expect("memory takes all")
            }),
            entry("xz.pcap.xz", Tshark::Cannot("it does not read xz"), |bytes| {
                let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 6);
                encoder.write_all(bytes).expect("memory takes all");
                encoder.finish().expect("memory takes all")
            }),
        ]
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).expect("memory takes all");
        encoder.finish().expect("memory takes all")
    }
}
