//! What travels between the model's hosts, and its bytes.

use rstscan::classify::Class;

pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const RST: u8 = 4;
pub const PSH: u8 = 8;
pub const ACK: u8 = 16;

/// Why the model sent a RST: the first class is the truth, the others are as true to those who define it otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Truth {
    pub classes: &'static [Class],
    pub why: &'static str,
}

/// A segment in its IPv4 packet.
#[derive(Clone, Copy, Debug)]
pub struct Packet {
    /// Whether the client host sent it.
    pub from_client: bool,
    /// The client's port; the server's is always the same.
    pub port: u16,
    pub flags: u8,
    pub seq: u32,
    pub ack: u32,
    pub len: u32,
    pub win: u16,
    pub timestamps: Option<(u32, u32)>,
    pub id: u16,
    pub ttl: u8,
    /// Whether a TIME-WAIT or FIN-WAIT-2 bucket made it.
    pub lingering: bool,
    /// What the model knows, for RSTs.
    pub truth: Option<Truth>,
}

pub const SERVER_PORT: u16 = 80;

impl Packet {
    pub fn has(&self, flags: u8) -> bool {
        self.flags & flags == flags
    }

    pub fn seq_len(&self) -> u32 {
        self.len + u32::from(self.has(SYN)) + u32::from(self.has(FIN))
    }

    pub fn end(&self) -> u32 {
        self.seq.wrapping_add(self.seq_len())
    }

    /// Its bytes from the IPv4 header on.
    pub fn bytes(&self) -> Vec<u8> {
        let options = self.options();
        let header = 20 + options.len();
        let total = 20 + header + self.len as usize;
        let (client, server) = ([192, 0, 2, 10], [198, 51, 100, 20]);
        let (from, to) = if self.from_client { (client, server) } else { (server, client) };
        let (source, target) = if self.from_client { (self.port, SERVER_PORT) } else { (SERVER_PORT, self.port) };
        let mut bytes = vec![0x45, 0];
        bytes.extend((total as u16).to_be_bytes());
        bytes.extend(self.id.to_be_bytes());
        bytes.extend([0x40, 0, self.ttl, 6, 0, 0]);
        bytes.extend(from);
        bytes.extend(to);
        bytes.extend(source.to_be_bytes());
        bytes.extend(target.to_be_bytes());
        bytes.extend(self.seq.to_be_bytes());
        bytes.extend(self.ack.to_be_bytes());
        bytes.extend([(header as u8 / 4) << 4, self.flags]);
        bytes.extend(self.win.to_be_bytes());
        bytes.extend([0, 0, 0, 0]);
        bytes.extend(options);
        bytes.resize(total, b'x');
        bytes
    }

    fn options(&self) -> Vec<u8> {
        let mut options = Vec::new();
        if self.has(SYN) {
            options.extend([2, 4, 0x05, 0xb4, 1, 3, 3, 7, 1, 1, 4, 2]);
        }
        if let Some((val, echo)) = self.timestamps {
            options.extend([1, 1, 8, 10]);
            options.extend(val.to_be_bytes());
            options.extend(echo.to_be_bytes());
        }
        options
    }
}

impl std::fmt::Display for Packet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let letters: String = [(FIN, 'F'), (SYN, 'S'), (RST, 'R'), (PSH, 'P'), (ACK, '.')]
            .iter()
            .filter(|(bit, _)| self.has(*bit))
            .map(|(_, letter)| *letter)
            .collect();
        let way = if self.from_client { "C > S" } else { "S > C" };
        write!(
            f,
            "{way} {} {letters} {}:{}({}) ack {} win {} id {} ttl {}",
            self.port,
            self.seq,
            self.end(),
            self.len,
            self.ack,
            self.win,
            self.id,
            self.ttl
        )?;
        self.truth.map_or(Ok(()), |truth| write!(f, "   <- {:?} {}", truth.classes, truth.why))
    }
}
