//! Small captures as bytes, for tests.

/// The byte order and the resolution of a pcap file.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    pub(super) big_endian: bool,
    pub(super) magic: u32,
}

impl Layout {
    pub(super) fn u16(self, value: u16) -> [u8; 2] {
        if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    pub(super) fn u32(self, value: u32) -> [u8; 4] {
        if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    pub(super) fn u64(self, value: u64) -> [u8; 8] {
        if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    /// The header of a pcap file.
    pub(super) fn pcap(self, link: u32) -> Vec<u8> {
        let words = [0, 0, 65535, link].map(|word| self.u32(word)).concat();
        [&self.u32(self.magic)[..], &self.u16(2), &self.u16(4), &words].concat()
    }

    /// A record of a pcap file.
    pub(super) fn record(self, time: (u32, u32), wire_len: u32, data: &[u8]) -> Vec<u8> {
        let modified = if self.magic == 0xa1b2_cd34 { 8 } else { 0 };
        let words = [time.0, time.1, data.len() as u32, wire_len].map(|word| self.u32(word)).concat();
        [&words[..], &vec![0xee; modified], data].concat()
    }

    /// A pcapng block around its body.
    pub(super) fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let padding = body.len().next_multiple_of(4) - body.len();
        let length = self.u32((body.len() + padding + 12) as u32);
        [&self.u32(kind)[..], &length, body, &vec![0; padding], &length].concat()
    }

    /// A pcapng section header.
    pub(super) fn section(self) -> Vec<u8> {
        let body =
            [&self.u32(0x1a2b_3c4d)[..], &self.u16(1), &self.u16(0), &self.u64(u64::MAX), &self.option(1, b"hello")]
                .concat();
        self.block(0x0a0d_0d0a, &body)
    }

    /// A pcapng option.
    pub(super) fn option(self, code: u16, value: &[u8]) -> Vec<u8> {
        let padding = value.len().next_multiple_of(4) - value.len();
        [&self.u16(code)[..], &self.u16(value.len() as u16), value, &vec![0; padding]].concat()
    }

    /// A pcapng interface description.
    pub(super) fn interface(self, link: u16, snap_len: u32, options: &[u8]) -> Vec<u8> {
        let body = [&self.u16(link)[..], &[0, 0], &self.u32(snap_len), options, &[0; 4]].concat();
        self.block(1, &body)
    }

    /// A pcapng enhanced packet block with an option after the packet.
    pub(super) fn enhanced(self, interface: u32, ticks: u64, data: &[u8]) -> Vec<u8> {
        let mut body = self.packet_head(&self.u32(interface), ticks, data);
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend(self.option(2, &[0, 0, 0, 1]));
        self.block(6, &body)
    }

    /// A pcapng enhanced packet block with these options.
    pub(super) fn enhanced_with(self, options: &[u8], data: &[u8]) -> Vec<u8> {
        let mut body = self.packet_head(&self.u32(0), 0, data);
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend(options);
        self.block(6, &body)
    }

    /// An obsolete pcapng packet block.
    pub(super) fn old_packet(self, interface: u16, ticks: u64, data: &[u8]) -> Vec<u8> {
        let interface_and_drops = [self.u16(interface), self.u16(0xffff)].concat();
        self.block(2, &self.packet_head(&interface_and_drops, ticks, data))
    }

    fn packet_head(self, first: &[u8], ticks: u64, data: &[u8]) -> Vec<u8> {
        let length = data.len() as u32;
        let words = [(ticks >> 32) as u32, ticks as u32, length, length + 7].map(|word| self.u32(word)).concat();
        [first, &words, data].concat()
    }

    /// A pcapng simple packet block.
    pub(super) fn simple(self, wire_len: u32, data: &[u8]) -> Vec<u8> {
        self.block(3, &[&self.u32(wire_len)[..], data].concat())
    }
}

/// Little-endian, microseconds.
pub(super) const LITTLE: Layout = Layout { big_endian: false, magic: 0xa1b2_c3d4 };
/// Big-endian, microseconds.
pub(super) const BIG: Layout = Layout { big_endian: true, magic: 0xa1b2_c3d4 };

/// A SYN between 10.0.0.1 and 10.0.0.2 on Ethernet, checksums zero.
#[cfg(feature = "live")]
pub(super) fn ethernet_tcp(from: u16, to: u16) -> Vec<u8> {
    let mut frame = vec![0; 12];
    frame.extend([0x08, 0x00]);
    frame.extend([0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    frame.extend(from.to_be_bytes());
    frame.extend(to.to_be_bytes());
    frame.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xfa, 0xf0, 0, 0, 0, 0]);
    frame
}
