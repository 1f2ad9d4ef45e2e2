//! Names of hosts and services, where somebody asked for them.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use crate::analyzer::Finding;

/// The names that are known so far. They come from the network (whoever owns an address says what it is called), so they
/// are told beside the numbers, and nothing in them is taken at its word.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Names {
    hosts: HashMap<IpAddr, String>,
    services: HashMap<u16, String>,
}

/// The names of a finding's ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Named<'a> {
    /// The sender of the reset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub src: Option<&'a str>,
    /// Its receiver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dst: Option<&'a str>,
    /// The service at the server's port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<&'a str>,
}

impl Names {
    /// Takes up the name of a host. What only looks like another address is no name.
    pub fn add_host(&mut self, host: IpAddr, name: &str) {
        let name = name.trim_end_matches('.');
        if !name.is_empty() && name.parse::<IpAddr>().is_err() {
            self.hosts.insert(host, safe(name));
        }
    }

    /// Takes up the name of a service.
    pub fn add_service(&mut self, port: u16, name: &str) {
        if !name.is_empty() && name.parse::<u16>().is_err() {
            self.services.insert(port, safe(name));
        }
    }

    /// Forgets all names.
    pub fn clear(&mut self) {
        self.hosts.clear();
        self.services.clear();
    }

    /// What is known of the ends of a finding, if anything is.
    pub fn of(&self, finding: &Finding) -> Option<Named<'_>> {
        let tuple = &finding.reset.tuple;
        let named = Named {
            src: self.host(tuple.src.ip()),
            dst: self.host(tuple.dst.ip()),
            service: self.service(finding.connection.tuple.dst.port()),
        };
        (named != Named { src: None, dst: None, service: None }).then_some(named)
    }

    /// The sentence about a finding's ends.
    pub fn sentence(&self, finding: &Finding) -> Option<String> {
        let (named, tuple) = (self.of(finding)?, &finding.reset.tuple);
        let port = finding.connection.tuple.dst.port();
        let ends = [(tuple.src, named.src), (tuple.dst, named.dst)];
        let hosts = ends.into_iter().filter_map(|(end, name)| name.map(|name| format!("{} is {name}", end.ip())));
        let service = named.service.map(|name| format!("port {port} is {name}"));
        Some(hosts.chain(service).collect::<Vec<_>>().join(", "))
    }

    /// The names of an end in few words: `www.example.net http`.
    pub fn brief(&self, end: SocketAddr) -> Option<String> {
        let names: Vec<&str> = self.host(end.ip()).into_iter().chain(self.service(end.port())).collect();
        (!names.is_empty()).then(|| names.join(" "))
    }

    /// The name of a host.
    pub fn host(&self, host: IpAddr) -> Option<&str> {
        self.hosts.get(&host).map(String::as_str)
    }

    fn service(&self, port: u16) -> Option<&str> {
        self.services.get(&port).map(String::as_str)
    }
}

/// Letters, digits, dots, hyphens and underscores as they are (names in other scripts come as such), all else escaped: a name
/// must not end a line, colour it, or read like words of this program.
fn safe(name: &str) -> String {
    /// The longest name that DNS has (RFC 1035, section 2.3.4).
    const LONGEST: usize = 253;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let shown = |c: char| if plain(c) { c.to_string() } else { c.escape_unicode().to_string() };
    name.chars().take(LONGEST).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixtures;

    #[test]
    fn ends_are_named_beside_their_numbers() {
        let finding = fixtures::half_open();
        let mut names = Names::default();
        assert_eq!((names.of(&finding), names.sentence(&finding)), (None, None));
        names.add_host("192.168.1.109".parse().unwrap(), "db1.example.net.");
        names.add_service(12345, "netbus");
        let sentence = names.sentence(&finding).unwrap();
        assert_eq!(sentence, "192.168.1.109 is db1.example.net, port 12345 is netbus");
        assert_eq!(names.brief("192.168.1.109:12345".parse().unwrap()).unwrap(), "db1.example.net netbus");
        assert_eq!(names.brief("192.168.1.108:55100".parse().unwrap()), None);
        names.clear();
        assert_eq!(names.of(&finding), None);
    }

    #[test]
    fn names_cannot_deceive() {
        let (host, mut names) = (IpAddr::from([192, 0, 2, 1]), Names::default());
        for lie in ["", ".", "10.0.0.1", "2001:db8::1"] {
            names.add_host(host, lie);
            assert_eq!(names.host(host), None, "{lie}");
        }
        names.add_host(host, "a\u{1b}[31m, 10.0.0.1 is\nb\u{202e}<i>");
        let expected = r"a\u{1b}\u{5b}31m\u{2c}\u{20}10.0.0.1\u{20}is\u{a}b\u{202e}\u{3c}i\u{3e}";
        assert_eq!(names.host(host), Some(expected));
        names.add_host(host, &"x".repeat(100_000));
        assert_eq!(names.host(host).map(str::len), Some(253));
    }
}
