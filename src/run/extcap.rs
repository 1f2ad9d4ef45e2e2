//! What Wireshark asks a program that captures for it: the answers are sentences of extcap(4).

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use crate::cli::{EXTCAP_PREFIX, ExtcapQuestion};
use crate::frame::LinkType;
use crate::source::{Filter, Live, LiveOptions, Next, Source, SourceError, interface_names};

/// Devices of libpcap that carry no TCP.
const OTHER_DEVICES: [&str; 4] = ["bluetooth", "dbus", "nfqueue", "usbmon"];

/// What can be chosen before a capture: an argument of the command line each.
const CHOICES: &str = "\
arg {number=0}{call=--extcap-only-resets}{display=Only connections with a reset}{type=boolflag}{default=false}\
{tooltip=Leaves out every connection that is not reset. The frames of one come together, once its reset is explained}
arg {number=1}{call=--settle}{display=Seconds to wait for what follows a reset}{type=double}{range=0,60}{default=1}\
{tooltip=Frames are shown this long after they came, and one second}
arg {number=2}{call=-s}{display=Bytes kept of each frame}{type=integer}{range=0,262144}{default=262144}
";

/// The answer.
///
/// # Errors
///
/// The interfaces cannot be listed.
pub(super) fn answer(question: &ExtcapQuestion) -> Result<String, SourceError> {
    Ok(match question {
        ExtcapQuestion::Interfaces => interfaces(&interface_names()?),
        ExtcapQuestion::LinkTypes(interface) => link_type(link(interface)),
        ExtcapQuestion::Choices => CHOICES.to_owned(),
        ExtcapQuestion::Filter(interface, filter) => match Filter::new(filter.as_str()).prepare(link(interface)) {
            Ok(()) => String::new(),
            Err(error) => format!("{error}\n"),
        },
    })
}

fn interfaces(names: &[(String, Option<String>)]) -> String {
    let mut text =
        format!("extcap {{version={}}}{{display=rstscan, why TCP connections are reset}}\n", env!("CARGO_PKG_VERSION"));
    for (name, _) in names.iter().filter(|(name, _)| !OTHER_DEVICES.iter().any(|other| name.starts_with(other))) {
        text.push_str(&format!("interface {{value={EXTCAP_PREFIX}{name}}}{{display=rstscan: {name}}}\n"));
    }
    text
}

fn link_type(link: LinkType) -> String {
    let (name, display) = link.name().unwrap_or(("USER0", "unknown"));
    format!("dlt {{number={}}}{{name={name}}}{{display={display}}}\n", link.0)
}

/// How frames of an interface begin. Who may not capture there is told the usual.
fn link(interface: &str) -> LinkType {
    let interfaces = vec![interface.to_owned()];
    let options = LiveOptions { interfaces, buffer_kib: 64, promiscuous: false, ..LiveOptions::default() };
    let wake = UnixStream::pair().map(|(wake, _)| OwnedFd::from(wake));
    let opened = wake.map_err(SourceError::Io).and_then(|wake| Live::open(&options, wake));
    match opened.map(|mut live| live.next().ok().and_then(announced)) {
        Ok(Some(link)) => link,
        _ if interface == "any" => LinkType::LINUX_SLL2,
        _ => LinkType::ETHERNET,
    }
}

fn announced(next: Next<'_>) -> Option<LinkType> {
    match next {
        Next::Interface(link) => Some(link),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_are_named_apart_from_those_of_wireshark() {
        let names = ["eth0", "any", "usbmon1"].map(|name| (name.to_owned(), None));
        let expected = "interface {value=rstscan-eth0}{display=rstscan: eth0}\n\
                        interface {value=rstscan-any}{display=rstscan: any}\n";
        assert!(interfaces(&names).ends_with(expected));
        assert_eq!(interfaces(&names).lines().count(), 3);
    }

    #[test]
    fn link_types_are_named_as_libpcap_names_them() {
        assert_eq!(link_type(LinkType::ETHERNET), "dlt {number=1}{name=EN10MB}{display=Ethernet}\n");
    }

    #[test]
    fn each_choice_has_a_line() {
        assert!(CHOICES.lines().zip(0..).all(|(line, number)| line.starts_with(&format!("arg {{number={number}}}"))));
    }
}
