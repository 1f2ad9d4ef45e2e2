//! Filters that hide what verdicts need, found by their text.

use std::collections::BTreeSet;
use std::fmt;

/// How a filter hides part of the connections it lets through.
///
/// A verdict rests on what went before the RST in both directions, so a filter should choose connections, not segments.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Narrow {
    /// Only segments with some flags or some bytes in them pass; the test as typed.
    Segments(String),
    /// Only one direction passes; the test as typed.
    Direction(String),
    /// Only frames of some lengths pass; the test as typed.
    Length(String),
}

impl fmt::Display for Narrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Narrow::Segments(test) => {
                write!(f, "the filter picks segments out of their connections (`{test}`): ")?;
                write!(f, "what led to a reset stays unseen; filter by host and port only")
            }
            Narrow::Direction(test) => {
                write!(f, "the filter shows one direction only (`{test}`): ")?;
                write!(f, "what provoked a reset stays unseen; use host, net and port without src and dst")
            }
            Narrow::Length(test) => {
                write!(f, "the filter hides frames by their length (`{test}`): ")?;
                write!(f, "what led to a reset stays unseen; filter by host and port only")
            }
        }
    }
}

/// What the text of a filter gives away of its blind spots; `None` when it seems to let whole connections through.
///
/// Conservative: it warns of plain cases and keeps silent where it does not understand.
pub fn narrowed_by(filter: &str) -> Option<Narrow> {
    let words = words(filter);
    flag_test(&words).or_else(|| one_way(&words)).or_else(|| length_test(&words))
}

/// Whether a filter may have names of hosts, networks, services or protocols in it, which the system's resolver is asked for
/// when it is compiled: a word that the language does not have and that is no address.
pub fn may_name(filter: &str) -> bool {
    let known = |word: &str| {
        KEYWORDS.contains(&word) || !word.starts_with(|first: char| first.is_alphabetic() || first == '\\')
    };
    let is_address =
        |word: &str| word.contains(':') && word.chars().all(|char| char.is_ascii_hexdigit() || ":./".contains(char));
    words(filter).iter().any(|word| !known(word) && !word.contains('[') && !is_address(word))
}

/// Words of pcap-filter(7) that concern what is looked for in captures of TCP. Any other is taken for a name.
const KEYWORDS: [&str; 42] = [
    "and",
    "arp",
    "broadcast",
    "dst",
    "ether",
    "gateway",
    "geneve",
    "greater",
    "host",
    "icmp",
    "icmp6",
    "ifindex",
    "inbound",
    "ip",
    "ip6",
    "len",
    "less",
    "mask",
    "mpls",
    "multicast",
    "net",
    "not",
    "or",
    "outbound",
    "port",
    "portrange",
    "pppoes",
    "proto",
    "rarp",
    "src",
    "tcp",
    "tcp-ack",
    "tcp-fin",
    "tcp-push",
    "tcp-rst",
    "tcp-syn",
    "tcp-urg",
    "tcpflags",
    "type",
    "udp",
    "vlan",
    "vxlan",
];

/// Words, numbers and operators; an accessor such as `tcp[tcpflags]` is one word.
fn words(filter: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut depth = 0_usize;
    for char in filter.chars() {
        depth = match char {
            '[' => depth + 1,
            ']' => depth.saturating_sub(1),
            _ => depth,
        };
        let inside = depth > 0;
        let operator = !inside && matches!(char, '(' | ')' | '!' | '&' | '|' | '=' | '<' | '>');
        if !inside && (operator || char.is_whitespace()) {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
        }
        if operator {
            words.push(char.to_string());
        } else if !char.is_whitespace() {
            word.push(char);
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// A look into the TCP header or beyond, but for the ports.
fn flag_test(words: &[String]) -> Option<Narrow> {
    let inside = |word: &str| word.strip_prefix("tcp[")?.strip_suffix(']').map(str::to_owned);
    let ports = |at: &str| matches!(at, "0:2" | "2:2" | "0:4");
    let test = words.iter().find(|word| inside(word).is_some_and(|at| !ports(&at)))?;
    Some(Narrow::Segments(test.clone()))
}

/// `src X` or `dst X` without its opposite, or a direction of the interface.
fn one_way(words: &[String]) -> Option<Narrow> {
    if let Some(word) = words.iter().find(|word| matches!(word.as_str(), "inbound" | "outbound")) {
        return Some(Narrow::Direction(word.clone()));
    }
    let mut sources = BTreeSet::new();
    let mut destinations = BTreeSet::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let next = |ahead: usize| words.get(at + ahead).map(String::as_str);
        let both = matches!((word.as_str(), next(1), next(2)), ("src", Some("or" | "and"), Some("dst")))
            || matches!((word.as_str(), next(1), next(2)), ("dst", Some("or" | "and"), Some("src")));
        match word.as_str() {
            _ if both => at += 2,
            "src" => drop(sources.insert(operand(&words[at + 1..]))),
            "dst" => drop(destinations.insert(operand(&words[at + 1..]))),
            _ => {}
        }
        at += 1;
    }
    let alone = |own: &BTreeSet<String>, other: &BTreeSet<String>, name: &str| {
        own.difference(other).next().map(|operand| Narrow::Direction(format!("{name} {operand}")))
    };
    alone(&sources, &destinations, "src").or_else(|| alone(&destinations, &sources, "dst"))
}

/// What a direction applies to: up to the next operator. `host` goes without saying.
fn operand(words: &[String]) -> String {
    let ends = |word: &String| matches!(word.as_str(), "and" | "or" | "not" | "(" | ")" | "&" | "|" | "!");
    let own: Vec<&str> = words.iter().take_while(|word| !ends(word)).map(String::as_str).collect();
    own.strip_prefix(&["host"]).unwrap_or(&own).join(" ")
}

fn length_test(words: &[String]) -> Option<Narrow> {
    let at = words.iter().position(|word| matches!(word.as_str(), "less" | "greater" | "len"))?;
    let operand = words.iter().skip(at).take_while(|word| !matches!(word.as_str(), "and" | "or" | ")"));
    Some(Narrow::Length(operand.map(String::as_str).collect::<Vec<_>>().join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn whole(filter: &str) {
        assert_eq!(narrowed_by(filter), None, "{filter}");
    }

    #[track_caller]
    fn segments(filter: &str, test: &str) {
        assert_eq!(narrowed_by(filter), Some(Narrow::Segments(test.to_owned())), "{filter}");
    }

    #[track_caller]
    fn direction(filter: &str, test: &str) {
        assert_eq!(narrowed_by(filter), Some(Narrow::Direction(test.to_owned())), "{filter}");
    }

    #[track_caller]
    fn length(filter: &str, test: &str) {
        assert_eq!(narrowed_by(filter), Some(Narrow::Length(test.to_owned())), "{filter}");
    }

    #[test]
    fn hosts_and_ports_choose_whole_connections() {
        whole("");
        whole("tcp");
        whole("port 12345");
        whole("host 10.0.0.1 and (port 80 or port 443)");
        whole("net 10.0.0.0/8 && not port 22");
        whole("vlan 7 and portrange 1-1024");
        whole("ip[6:2] & 0x1fff = 0 and port 80");
        whole("host srcdst.example");
    }

    #[test]
    fn flags_pick_segments() {
        segments("tcp[tcpflags] & tcp-rst != 0", "tcp[tcpflags]");
        segments("tcp[tcpflags]&(tcp-syn|tcp-fin)!=0", "tcp[tcpflags]");
        segments("port 80 and tcp[13]&4!=0", "tcp[13]");
        segments("port 80 and tcp[ 13 ] = 4", "tcp[13]");
        segments("tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420", "tcp[((tcp[12:1]&0xf0)>>2):4]");
    }

    #[test]
    fn ports_by_offset_are_no_flags() {
        whole("tcp[0:2] = 80 or tcp[2:2] = 80");
    }

    #[test]
    fn one_direction() {
        direction("src host 10.0.0.1", "src 10.0.0.1");
        direction("src 10.0.0.1", "src 10.0.0.1");
        direction("dst port 80", "dst port 80");
        direction("tcp dst port 80", "dst port 80");
        direction("not src net 10.0.0.0/8", "src net 10.0.0.0/8");
        direction("src host a and dst host b", "src a");
        direction("(src a or dst b) and port 80", "src a");
        direction("port 80 and inbound", "inbound");
        direction("outbound", "outbound");
        direction("src", "src ");
    }

    #[test]
    fn both_directions() {
        whole("src or dst host 10.0.0.1");
        whole("dst or src port 80");
        whole("src and dst net 10.0.0.0/8");
        whole("src host a or dst host a");
        whole("src a or dst host a");
        whole("(src a and dst port 80) or (dst a and src port 80)");
        whole("(src a&&dst port 80)||(dst a&&src port 80)");
    }

    #[test]
    fn lengths() {
        length("less 100", "less 100");
        length("port 80 and greater 60", "greater 60");
        length("len <= 66 and tcp", "len < = 66");
    }

    #[test]
    fn names_are_told_from_the_language_and_from_addresses() {
        for without in [
            "",
            "tcp port 80 and host 192.0.2.1",
            "tcp[tcpflags] & (tcp-rst|tcp-syn) != 0 or (ip6 and not net 2001:db8::/32)",
            "host fe80::1 && portrange 1-1024",
            "vlan 7 and ether host 00:11:22:33:44:55",
        ] {
            assert!(!may_name(without), "{without}");
        }
        for with in ["localhost", "port http", "host a", "ip proto \\tcp", "not(src www.example.net)", "net loopback"] {
            assert!(may_name(with), "{with}");
        }
    }

    #[test]
    fn nonsense_is_left_to_the_compiler() {
        whole("[[[");
        whole("]]]");
        whole("tcp[");
    }
}
