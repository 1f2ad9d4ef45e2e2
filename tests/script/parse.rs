//! Reads scripts.

use rstscan::tcp::Flags;

use super::options::number;
use super::{Around, Detail, Expect, IpVersion, Line, Number, Packet, Says, Script, Spoiled, TcpOption};

/// Reads a script.
///
/// # Errors
///
/// `line: what is wrong there`, the line counted from 1.
pub fn parse(text: &str) -> Result<Script, String> {
    let mut script = Script::default();
    for (index, line) in text.lines().enumerate() {
        read_line(&mut script, index, line).map_err(|error| format!("{}: {error}", index + 1))?;
    }
    Ok(script)
}

fn read_line(script: &mut Script, index: usize, line: &str) -> Result<(), String> {
    if line.starts_with([' ', '\t']) && !line.trim().is_empty() {
        let Some(Line { at, says: Says::Expect(expect) }) = script.lines.last_mut() else {
            return Err("an indented line belongs below a `=>` line".into());
        };
        at.end = index + 1;
        expect.details.push(Detail::parse(line)?);
        return Ok(());
    }
    let says = match line.split_whitespace().next() {
        None => Says::Text(String::new()),
        Some(word) if word.starts_with("//") => Says::Text(line.to_string()),
        Some(word) if word.starts_with('+') => Says::Packet(packet(line)?),
        Some("=>") if line[2..].trim() == "none" => Says::NoReset,
        Some("=>") => Says::Expect(Expect::parse(&line[2..])?),
        Some(_) => header(line)?,
    };
    if let Says::Expect(expect) = &says {
        let frames = script.packets().count() as u64;
        if expect.frame == 0 || expect.frame > frames {
            return Err(format!("there is no segment #{} above", expect.frame));
        }
    }
    script.lines.push(Line { at: index..index + 1, says });
    Ok(())
}

fn header(line: &str) -> Result<Says, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    Ok(match words.as_slice() {
        ["host", name, address] => {
            Says::Host(name.to_string(), address.parse().map_err(|_| format!("`{address}` is no IPv4 address:port"))?)
        }
        ["isn", name, isn] => Says::Isn(name.to_string(), number(isn)?),
        ["only", "ipv4"] => Says::Only(IpVersion::V4),
        ["only", "ipv6"] => Says::Only(IpVersion::V6),
        _ => return Err(format!("`{}` is neither a segment (+time), `=>`, `//`, host, isn nor only", words[0])),
    })
}

fn packet(line: &str) -> Result<Packet, String> {
    let mut words = Words { rest: line };
    let gap_ns = decimal(words.next("a time")?.trim_start_matches('+'), 1_000_000_000)?;
    let from = words.next("the sender")?.to_string();
    words.expect(">")?;
    let to = words.next("the receiver")?.to_string();
    let letters = words.next("flags")?;
    if letters == "icmp" {
        return Ok(Packet { icmp: Some(words.icmp()?), ..empty(gap_ns, from, to) });
    }
    let flags = Flags::parse(letters).ok_or_else(|| format!("`{letters}` are not tcpdump's flags"))?;
    let (seq, len) = words.range()?;
    let mut packet = Packet { flags, seq, len, ..empty(gap_ns, from, to) };
    while !words.rest.trim_start().is_empty() {
        words.field(&mut packet)?;
    }
    verify(&packet)?;
    Ok(packet)
}

/// A packet of which nothing else is said.
fn empty(gap_ns: i64, from: String, to: String) -> Packet {
    Packet {
        gap_ns,
        from,
        to,
        flags: Flags::default(),
        seq: Number::Relative(0),
        len: 0,
        ack: None,
        win: None,
        options: Vec::new(),
        ttl: None,
        id: None,
        tos: None,
        label: None,
        cut: None,
        sum: None,
        around: None,
        in_tunnel: false,
        payload: None,
        icmp: None,
    }
}

fn verify(packet: &Packet) -> Result<(), String> {
    if packet.flags.ack() != packet.ack.is_some() {
        return Err("`ack` is there if and only if the flags have `.`".into());
    }
    match &packet.payload {
        Some(text) if text.len() != packet.len as usize => {
            Err(format!("the payload has {} bytes, the numbers say {}", text.len(), packet.len))
        }
        _ => Ok(()),
    }
}

fn spoiled(name: &str) -> Result<Spoiled, String> {
    let found = Spoiled::ALL.iter().find(|(_, own)| *own == name);
    found.map(|(spoiled, _)| *spoiled).ok_or_else(|| format!("`{name}` is no way to spoil a checksum"))
}

/// What is left of a line.
pub struct Words<'a> {
    pub rest: &'a str,
}

impl<'a> Words<'a> {
    pub fn next(&mut self, what: &str) -> Result<&'a str, String> {
        let text = self.rest.trim_start();
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        self.rest = rest;
        if word.is_empty() { Err(format!("{what} is missing")) } else { Ok(word) }
    }

    fn expect(&mut self, wanted: &str) -> Result<(), String> {
        let word = self.next(wanted)?;
        if word == wanted { Ok(()) } else { Err(format!("`{wanted}` expected, not `{word}`")) }
    }

    /// Up to the closing mark, which is dropped.
    pub fn until(&mut self, open: char, close: char) -> Result<&'a str, String> {
        let text = self.rest.trim_start();
        let inner = text.strip_prefix(open).ok_or_else(|| format!("`{open}` expected"))?;
        let (inner, rest) = inner.split_once(close).ok_or_else(|| format!("`{close}` is missing"))?;
        self.rest = rest;
        Ok(inner)
    }

    fn range(&mut self) -> Result<(Number, u32), String> {
        let mut word = self.next("seq:end(len)")?;
        let mut wrap: fn(u32) -> Number = Number::Relative;
        if word == "abs" {
            wrap = Number::Absolute;
            word = self.next("seq:end(len)")?;
        }
        let shape = || format!("`{word}` is not seq:end(len)");
        let (seq, rest) = word.split_once(':').ok_or_else(shape)?;
        let (end, len) = rest.strip_suffix(')').and_then(|rest| rest.split_once('(')).ok_or_else(shape)?;
        let (seq, end, len): (u32, u32, u32) = (number(seq)?, number(end)?, number(len)?);
        if seq.wrapping_add(len) != end {
            return Err(format!("{seq} and {len} bytes do not end at {end}"));
        }
        Ok((wrap(seq), len))
    }

    pub fn number(&mut self) -> Result<Number, String> {
        match self.next("a number")? {
            "abs" => Ok(Number::Absolute(number(self.next("a number")?)?)),
            word => Ok(Number::Relative(number(word)?)),
        }
    }

    fn field(&mut self, packet: &mut Packet) -> Result<(), String> {
        if self.rest.trim_start().starts_with('<') {
            let options = self.until('<', '>')?;
            packet.options = options.split(',').map(TcpOption::parse).collect::<Result<_, _>>()?;
            return Ok(());
        }
        let name = self.next("a field")?;
        match name {
            "ack" => packet.ack = Some(self.number()?),
            "win" => packet.win = Some(number(self.next(name)?)?),
            "ttl" => packet.ttl = Some(number(self.next(name)?)?),
            "id" => packet.id = Some(number(self.next(name)?)?),
            "tos" => packet.tos = Some(number(self.next(name)?)?),
            "label" => packet.label = Some(number(self.next(name)?)?),
            "cut" => packet.cut = Some(number(self.next(name)?)?),
            "sum" => packet.sum = Some(spoiled(self.next(name)?)?),
            "in" => match self.next(name)? {
                "tunnel" => packet.in_tunnel = true,
                kind => packet.around = Some(Around::parse(kind, || self.next(kind).map(str::to_owned))?),
            },
            "payload" => packet.payload = Some(self.until('"', '"')?.replace("\\r", "\r").replace("\\n", "\n")),
            _ => return Err(format!("`{name}` is no field of a segment")),
        }
        Ok(())
    }
}

/// Reads `1`, `.5`, `-1.25` in units of `unit` (a power of ten).
pub fn decimal(text: &str, unit: i64) -> Result<i64, String> {
    let wrong = || format!("`{text}` is no decimal number that fits here");
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let places = unit.ilog10() as usize;
    if fraction.len() > places || (whole.is_empty() && fraction.is_empty()) {
        return Err(wrong());
    }
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| wrong())? };
    let fraction: i64 = format!("{fraction:0<places$}0").parse().map_err(|_| wrong())?;
    Ok(sign * (whole * unit + fraction / 10))
}
