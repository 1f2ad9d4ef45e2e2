//! The control bits (RFC 9293 section 3.1), printed with tcpdump's letters.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The eight control bits of a TCP header, FIN lowest.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Flags(pub u8);

impl Flags {
    /// No more data from the sender.
    pub const FIN: Flags = Flags(0x01);
    /// Synchronise sequence numbers.
    pub const SYN: Flags = Flags(0x02);
    /// Reset the connection.
    pub const RST: Flags = Flags(0x04);
    /// Push.
    pub const PSH: Flags = Flags(0x08);
    /// The acknowledgment number means something.
    pub const ACK: Flags = Flags(0x10);
    /// The urgent pointer means something.
    pub const URG: Flags = Flags(0x20);
    /// Explicit congestion notification echo (RFC 3168).
    pub const ECE: Flags = Flags(0x40);
    /// Congestion window reduced (RFC 3168).
    pub const CWR: Flags = Flags(0x80);

    /// Both sets together.
    pub const fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// Whether every bit of `other` is set.
    pub const fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any bit of `other` is set.
    pub const fn any_of(self, other: Flags) -> bool {
        self.0 & other.0 != 0
    }

    /// FIN is set.
    pub const fn fin(self) -> bool {
        self.has(Flags::FIN)
    }

    /// SYN is set.
    pub const fn syn(self) -> bool {
        self.has(Flags::SYN)
    }

    /// RST is set.
    pub const fn rst(self) -> bool {
        self.has(Flags::RST)
    }

    /// ACK is set.
    pub const fn ack(self) -> bool {
        self.has(Flags::ACK)
    }

    /// tcpdump's letters of those that are set, in its order.
    pub fn letters(self) -> impl Iterator<Item = char> {
        LETTERS.iter().filter(move |(bit, _)| self.has(*bit)).map(|(_, letter)| *letter)
    }

    /// From tcpdump's letters (`S`, `F`, `R`, `P`, `.`, `U`, `E`, `W`, or `none`); `None` for any other letter.
    pub fn parse(text: &str) -> Option<Flags> {
        if text == "none" {
            return Some(Flags(0));
        }
        text.chars().try_fold(Flags(0), |flags, letter| {
            LETTERS.iter().find(|(_, known)| *known == letter).map(|(bit, _)| flags.with(*bit))
        })
    }
}

/// tcpdump's order of letters.
const LETTERS: [(Flags, char); 8] = [
    (Flags::FIN, 'F'),
    (Flags::SYN, 'S'),
    (Flags::RST, 'R'),
    (Flags::PSH, 'P'),
    (Flags::ACK, '.'),
    (Flags::URG, 'U'),
    (Flags::ECE, 'E'),
    (Flags::CWR, 'W'),
];

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.pad("none");
        }
        f.pad(&self.letters().collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_tcpdumps() {
        assert_eq!(Flags::RST.with(Flags::ACK).to_string(), "R.");
        assert_eq!(Flags(0xff).to_string(), "FSRP.UEW");
        assert_eq!(Flags(0).to_string(), "none");
    }

    #[test]
    fn what_is_printed_is_read_back() {
        for bits in 0..=255 {
            assert_eq!(Flags::parse(&Flags(bits).to_string()), Some(Flags(bits)));
        }
        assert_eq!(Flags::parse("Sx"), None);
    }
}
