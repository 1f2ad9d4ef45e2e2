//! Writes what [`parse`](super::parse) reads.

use std::fmt;

use super::{Detail, Expect, IpVersion, Number, Packet, Pattern, Says, Script, Spoiled};

const SECOND: i64 = 1_000_000_000;

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{}", line.says))
    }
}

impl fmt::Display for Says {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Says::Text(text) => f.write_str(text),
            Says::Host(name, address) => write!(f, "host {name} {address}"),
            Says::Isn(name, isn) => write!(f, "isn {name} {isn}"),
            Says::Only(IpVersion::V4) => f.write_str("only ipv4"),
            Says::Only(IpVersion::V6) => f.write_str("only ipv6"),
            Says::Packet(packet) => packet.fmt(f),
            Says::Expect(expect) => expect.fmt(f),
            Says::NoReset => f.write_str("=> none"),
        }
    }
}

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gap = format!("+{}", seconds(self.gap_ns));
        if let Some(icmp) = &self.icmp {
            return write!(f, "{gap:<9} {} > {}  {icmp}", self.from, self.to);
        }
        write!(f, "{gap:<9} {} > {}  {:<3} {}", self.from, self.to, self.flags.to_string(), range(self.seq, self.len))?;
        if let Some(ack) = self.ack {
            write!(f, " ack {}", one(ack))?;
        }
        let fields = [
            ("win", self.win.map(u64::from)),
            ("ttl", self.ttl.map(u64::from)),
            ("id", self.id.map(u64::from)),
            ("tos", self.tos.map(u64::from)),
            ("label", self.label.map(u64::from)),
            ("cut", self.cut.map(|bytes| bytes as u64)),
        ];
        for (name, value) in fields {
            if let Some(value) = value {
                write!(f, " {name} {value}")?;
            }
            if name == "win" && !self.options.is_empty() {
                let options: Vec<String> = self.options.iter().map(ToString::to_string).collect();
                write!(f, " <{}>", options.join(","))?;
            }
        }
        if let Some((_, name)) = Spoiled::ALL.iter().find(|(spoiled, _)| Some(*spoiled) == self.sum) {
            write!(f, " sum {name}")?;
        }
        if let Some(around) = self.around {
            write!(f, " in {}", around.text())?;
        }
        if self.in_tunnel {
            f.write_str(" in tunnel")?;
        }
        match &self.payload {
            Some(text) => write!(f, " payload \"{}\"", text.escape_default()),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "=> #{} ", self.frame)?;
        let mut class = None;
        for (index, pattern) in self.verdict.iter().enumerate() {
            let separator = if index == 0 { "" } else { "|" };
            match pattern.cause {
                Some(cause) if class == Some(pattern.class) => write!(f, "{separator}{cause}")?,
                _ => write!(f, "{separator}{pattern}")?,
            }
            class = Some(pattern.class);
        }
        if !self.certainty.is_empty() {
            let ids: Vec<&str> = self.certainty.iter().map(|certainty| certainty.id()).collect();
            write!(f, " {}", ids.join("|"))?;
        }
        self.details.iter().try_for_each(|detail| write!(f, "\n   {detail}"))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cause {
            Some(cause) => write!(f, "{}/{cause}", self.class),
            None => write!(f, "{}", self.class),
        }
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Detail::Answers { frame, after_ns: None } => write!(f, "answers #{frame}"),
            Detail::Answers { frame, after_ns: Some(ns) } => write!(f, "answers #{frame} after {}", duration(*ns)),
            Detail::Unprovoked => f.write_str("answers nothing"),
            Detail::Follows(frame) => write!(f, "follows #{frame}"),
            Detail::Form(form) => write!(f, "form {form}"),
            Detail::Effect(on_peer, saw) => {
                let ids: Vec<&str> = on_peer.iter().map(|on_peer| on_peer.id()).collect();
                write!(f, "effect {}", ids.join("|"))?;
                saw.map_or(Ok(()), |saw| write!(f, " {saw}"))
            }
            Detail::Missing(missing) => write!(f, "missing: {}", missing.words()),
            Detail::Alternative(pattern) => write!(f, "alternative {pattern}"),
            Detail::Evidence(fact, None) => write!(f, "evidence {fact}"),
            Detail::Evidence(fact, Some(frame)) => write!(f, "evidence {fact} #{frame}"),
            Detail::Unsaid(fact) => write!(f, "no evidence {fact}"),
            Detail::LostToSender(count) => write!(f, "bytes lost {count} to sender"),
            Detail::LostToPeer(count) => write!(f, "bytes lost {count} to peer"),
        }
    }
}

fn range(seq: Number, len: u32) -> String {
    match seq {
        Number::Relative(seq) => format!("{seq}:{}({len})", seq.wrapping_add(len)),
        Number::Absolute(seq) => format!("abs {seq}:{}({len})", seq.wrapping_add(len)),
    }
}

pub fn one(number: Number) -> String {
    match number {
        Number::Relative(number) => number.to_string(),
        Number::Absolute(number) => format!("abs {number}"),
    }
}

/// Seconds with as many decimals as they need, and no zero before the point.
fn seconds(ns: i64) -> String {
    let text = decimal(ns, SECOND);
    if ns.abs() < SECOND { text.replacen("0.", ".", 1) } else { text }
}

/// In the unit people would choose, exactly.
fn duration(ns: i64) -> String {
    let (unit, name) = match ns.unsigned_abs() {
        0..1_000 => (1, "ns"),
        1_000..1_000_000 => (1_000, "us"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => (SECOND, "s"),
    };
    format!("{}{name}", decimal(ns, unit))
}

fn decimal(value: i64, unit: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let (whole, rest) = (value.unsigned_abs() / unit.unsigned_abs(), value.unsigned_abs() % unit.unsigned_abs());
    if rest == 0 {
        return format!("{sign}{whole}");
    }
    let digits = unit.to_string().len() - 1;
    let decimals = format!("{rest:0digits$}");
    format!("{sign}{whole}.{}", decimals.trim_end_matches('0'))
}
