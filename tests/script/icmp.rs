//! ICMP errors of scripts: how they are written, and their bytes.

use std::fmt;

use etherparse::{IpHeaders, PacketBuilderStep};
use rstscan::tcp::Complaint;

use super::Number;
use super::options::number;
use super::parse::Words;
use super::wire::{Sent, packet};

/// An ICMP error as written.
#[derive(Clone, PartialEq, Debug)]
pub struct Icmp {
    /// What it says.
    pub complaint: Complaint,
    /// The MTU it names.
    pub mtu: Option<u16>,
    /// What it quotes.
    pub quote: Quote,
}

/// Which segment is quoted, and how much of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Quote {
    /// The segment, counted as expectations count.
    pub frame: u64,
    /// How many bytes of TCP are quoted, where not all.
    pub cut: Option<usize>,
    /// The sequence number, where it is not the segment's.
    pub seq: Option<Number>,
}

/// An ICMP error with what it quotes.
#[derive(Clone, PartialEq, Debug)]
pub struct Sending {
    /// What it says.
    pub complaint: Complaint,
    /// The MTU it names.
    pub mtu: Option<u16>,
    /// How many bytes of TCP are quoted, where not all.
    pub cut: Option<usize>,
    /// The quoted segment.
    pub quoted: Box<Sent>,
}

impl Words<'_> {
    /// What follows `icmp`.
    pub fn icmp(&mut self) -> Result<Icmp, String> {
        let id = self.next("a complaint")?;
        let complaint = Complaint::from_id(id).ok_or_else(|| format!("`{id}` is no complaint"))?;
        let mut mtu = None;
        if !self.rest.trim_start().starts_with('[') {
            match self.next("a quotation")? {
                "mtu" => mtu = Some(number(self.next("mtu")?)?),
                other => return Err(format!("`{other}` is no field of an ICMP error")),
            }
        }
        let mut words = Words { rest: self.until('[', ']')? };
        let frame = words.next("the quoted segment")?;
        let frame =
            number(frame.strip_prefix('#').ok_or_else(|| format!("a segment is quoted as `#1`, not `{frame}`"))?)?;
        let mut quote = Quote { frame, cut: None, seq: None };
        while !words.rest.trim_start().is_empty() {
            match words.next("a field")? {
                "cut" => quote.cut = Some(number(words.next("cut")?)?),
                "seq" => quote.seq = Some(words.number()?),
                other => return Err(format!("`{other}` is no field of a quotation")),
            }
        }
        match self.rest.trim() {
            "" => Ok(Icmp { complaint, mtu, quote }),
            rest => Err(format!("`{rest}` stands behind the quotation")),
        }
    }
}

impl fmt::Display for Icmp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "icmp {}", self.complaint)?;
        if let Some(mtu) = self.mtu {
            write!(f, " mtu {mtu}")?;
        }
        write!(f, " [#{}", self.quote.frame)?;
        if let Some(cut) = self.quote.cut {
            write!(f, " cut {cut}")?;
        }
        match self.quote.seq {
            Some(seq) => write!(f, " seq {}]", super::format::one(seq)),
            None => f.write_str("]"),
        }
    }
}

impl Sending {
    /// Writes the whole frame.
    pub fn write(&self, before: PacketBuilderStep<IpHeaders>, bytes: &mut Vec<u8>, is_ipv6: bool) {
        let mut quoted = packet(&self.quoted, is_ipv6);
        let ip_header = if is_ipv6 { 40 } else { 20 };
        quoted.truncate(self.cut.map_or(quoted.len(), |cut| ip_header + cut));
        let [mtu_hi, mtu_lo] = self.mtu.unwrap_or(0).to_be_bytes();
        let rest = [0, 0, mtu_hi, mtu_lo];
        let (kind, code) = if is_ipv6 { v6(self.complaint) } else { v4(self.complaint) };
        let written = match is_ipv6 {
            true => before.icmpv6_raw(kind, code, rest).write(bytes, &quoted),
            false => before.icmpv4_raw(kind, code, rest).write(bytes, &quoted),
        };
        written.expect("a quotation fits into a frame");
    }
}

/// Type and code (RFC 792, RFC 1812).
fn v4(complaint: Complaint) -> (u8, u8) {
    match complaint {
        Complaint::NetUnreachable => (3, 0),
        Complaint::HostUnreachable => (3, 1),
        Complaint::ProtocolUnreachable => (3, 2),
        Complaint::PortUnreachable => (3, 3),
        Complaint::TooBig => (3, 4),
        Complaint::Prohibited => (3, 13),
        Complaint::SourceQuench => (4, 0),
        Complaint::TimeExceeded => (11, 0),
        Complaint::FragmentsMissing => (11, 1),
        Complaint::ParameterProblem => (12, 0),
    }
}

/// Type and code (RFC 4443).
fn v6(complaint: Complaint) -> (u8, u8) {
    match complaint {
        Complaint::NetUnreachable => (1, 0),
        Complaint::Prohibited => (1, 1),
        Complaint::HostUnreachable => (1, 3),
        Complaint::PortUnreachable => (1, 4),
        Complaint::TooBig => (2, 0),
        Complaint::TimeExceeded => (3, 0),
        Complaint::FragmentsMissing => (3, 1),
        Complaint::ParameterProblem => (4, 0),
        Complaint::ProtocolUnreachable => (4, 1),
        Complaint::SourceQuench => panic!("IPv6 has no source quench: `only ipv4`"),
    }
}
