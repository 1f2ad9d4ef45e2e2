//! TCP options as scripts write them and as bytes.

use std::fmt;

use super::Number;

/// A TCP option as written between `<` and `>`.
#[derive(Clone, PartialEq, Debug)]
pub enum TcpOption {
    /// Padding.
    Nop,
    /// End of options.
    Eol,
    /// Maximum segment size.
    Mss(u16),
    /// SACK permitted.
    SackOk,
    /// SACK blocks, in the receiver's numbers.
    Sack(Vec<(Number, Number)>),
    /// Window scale.
    Wscale(u8),
    /// Timestamps.
    Ts { val: u32, ecr: u32 },
    /// An MPTCP option (RFC 8684).
    Mptcp(Mptcp),
}

/// The MPTCP options that scripts know.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Mptcp {
    /// MP_CAPABLE of a SYN.
    Capable,
    /// MP_JOIN of a SYN.
    Join,
    /// DSS with a data acknowledgment.
    Dss,
    /// MP_FASTCLOSE.
    Fastclose,
    /// MP_TCPRST with its reason.
    Reset(u8),
}

impl TcpOption {
    /// Reads one option.
    pub fn parse(text: &str) -> Result<TcpOption, String> {
        let mut words = text.split_whitespace();
        let name = words.next().ok_or("an empty option")?;
        let words: Vec<&str> = words.collect();
        Ok(match (name, words.as_slice()) {
            ("nop", []) => TcpOption::Nop,
            ("eol", []) => TcpOption::Eol,
            ("mss", [mss]) => TcpOption::Mss(number(mss)?),
            ("sackOK", []) => TcpOption::SackOk,
            ("sack", blocks) if !blocks.is_empty() => {
                TcpOption::Sack(blocks.iter().map(|block| sack_block(block)).collect::<Result<_, _>>()?)
            }
            ("wscale", [shift]) => TcpOption::Wscale(number(shift)?),
            ("TS", ["val", val, "ecr", ecr]) => TcpOption::Ts { val: number(val)?, ecr: number(ecr)? },
            ("mptcp", ["capable"]) => TcpOption::Mptcp(Mptcp::Capable),
            ("mptcp", ["join"]) => TcpOption::Mptcp(Mptcp::Join),
            ("mptcp", ["dss"]) => TcpOption::Mptcp(Mptcp::Dss),
            ("mptcp", ["fast-close"]) => TcpOption::Mptcp(Mptcp::Fastclose),
            ("mptcp", ["tcprst", reason]) => TcpOption::Mptcp(Mptcp::Reset(number(reason)?)),
            _ => return Err(format!("`{}` is no option that scripts know", text.trim())),
        })
    }

    /// Its bytes; `resolve` turns the numbers of SACK blocks into those on the wire.
    pub fn bytes(&self, resolve: impl Fn(Number) -> u32) -> Vec<u8> {
        match self {
            TcpOption::Nop => vec![1],
            TcpOption::Eol => vec![0],
            TcpOption::Mss(mss) => [&[2, 4], &mss.to_be_bytes()[..]].concat(),
            TcpOption::SackOk => vec![4, 2],
            TcpOption::Sack(blocks) => {
                let mut bytes = vec![5, 2 + 8 * blocks.len() as u8];
                for (start, end) in blocks {
                    bytes.extend(resolve(*start).to_be_bytes());
                    bytes.extend(resolve(*end).to_be_bytes());
                }
                bytes
            }
            TcpOption::Wscale(shift) => vec![3, 3, *shift],
            TcpOption::Ts { val, ecr } => [&[8, 10], &val.to_be_bytes()[..], &ecr.to_be_bytes()[..]].concat(),
            TcpOption::Mptcp(option) => option.bytes(),
        }
    }
}

impl Mptcp {
    fn bytes(self) -> Vec<u8> {
        const KEY: [u8; 8] = [0x5a, 0xa5, 0x5a, 0xa5, 0x5a, 0xa5, 0x5a, 0xa5];
        match self {
            Mptcp::Capable => vec![30, 4, 0x01, 0x81],
            Mptcp::Join => [&[30, 12, 0x10, 0x01], &KEY[..]].concat(),
            Mptcp::Dss => vec![30, 8, 0x20, 0x01, 0, 0, 0, 1],
            Mptcp::Fastclose => [&[30, 12, 0x70, 0x00], &KEY[..]].concat(),
            Mptcp::Reset(reason) => vec![30, 4, 0x80, reason],
        }
    }
}

impl fmt::Display for TcpOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TcpOption::Nop => f.write_str("nop"),
            TcpOption::Eol => f.write_str("eol"),
            TcpOption::Mss(mss) => write!(f, "mss {mss}"),
            TcpOption::SackOk => f.write_str("sackOK"),
            TcpOption::Sack(blocks) => {
                f.write_str("sack")?;
                blocks.iter().try_for_each(|(start, end)| match (start, end) {
                    (Number::Absolute(start), Number::Absolute(end)) => write!(f, " abs:{start}:{end}"),
                    (
                        Number::Relative(start) | Number::Absolute(start),
                        Number::Relative(end) | Number::Absolute(end),
                    ) => {
                        write!(f, " {start}:{end}")
                    }
                })
            }
            TcpOption::Wscale(shift) => write!(f, "wscale {shift}"),
            TcpOption::Ts { val, ecr } => write!(f, "TS val {val} ecr {ecr}"),
            TcpOption::Mptcp(Mptcp::Capable) => f.write_str("mptcp capable"),
            TcpOption::Mptcp(Mptcp::Join) => f.write_str("mptcp join"),
            TcpOption::Mptcp(Mptcp::Dss) => f.write_str("mptcp dss"),
            TcpOption::Mptcp(Mptcp::Fastclose) => f.write_str("mptcp fast-close"),
            TcpOption::Mptcp(Mptcp::Reset(reason)) => write!(f, "mptcp tcprst {reason}"),
        }
    }
}

fn sack_block(text: &str) -> Result<(Number, Number), String> {
    let (wrap, text): (fn(u32) -> Number, &str) = match text.strip_prefix("abs:") {
        Some(rest) => (Number::Absolute, rest),
        None => (Number::Relative, text),
    };
    let (start, end) = text.split_once(':').ok_or_else(|| format!("`{text}` is no SACK block"))?;
    Ok((wrap(number(start)?), wrap(number(end)?)))
}

/// Reads an unsigned number that fits.
pub fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("`{text}` is no number that fits here"))
}
