//! Capture filters for frames that are in hand already, compiled by libpcap.

use std::fmt;

use pcap::{BpfProgram, Capture, Linktype};

use super::SourceError;
use crate::frame::{Frame, LinkType};

/// A filter in the language of pcap-filter(7), compiled for each link type that comes up.
///
/// `less`, `greater` and `len` see the captured length, which for cut frames is less than that on the wire.
pub struct Filter {
    text: String,
    programs: Vec<(LinkType, BpfProgram)>,
}

impl Filter {
    /// A filter; its text is checked when it is first compiled.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), programs: Vec::new() }
    }

    /// Makes the filter ready for frames of a link type.
    ///
    /// # Errors
    ///
    /// [`SourceError::Filter`] with libpcap's own words.
    pub fn prepare(&mut self, link: LinkType) -> Result<(), SourceError> {
        if self.programs.iter().any(|(prepared, _)| *prepared == link) {
            return Ok(());
        }
        let program = Capture::dead(data_link(link))
            .and_then(|dead| dead.compile(&self.text, true))
            .map_err(|error| SourceError::Filter { filter: self.text.clone(), reason: libpcap_words(error) })?;
        self.programs.push((link, program));
        Ok(())
    }

    /// Whether the filter lets a frame through. Without [`Filter::prepare`] for its link type it does not.
    pub fn matches(&self, frame: &Frame<'_>) -> bool {
        self.programs.iter().any(|(link, program)| *link == frame.link && program.filter(frame.data))
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filter").field("text", &self.text).finish_non_exhaustive()
    }
}

/// libpcap's message without what the binding puts before it.
pub(super) fn libpcap_words(error: pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(words) => words,
        other => other.to_string(),
    }
}

/// The number that libpcap has for a link type in memory, which for raw IP differs from that in files.
fn data_link(link: LinkType) -> Linktype {
    /// `DLT_RAW` everywhere but on OpenBSD.
    const RAW: i32 = if cfg!(target_os = "openbsd") { 14 } else { 12 };
    match link {
        LinkType::RAW | LinkType::RAW_BSD | LinkType::RAW_OPENBSD => Linktype(RAW),
        LinkType(other) => Linktype(i32::from(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{FrameNo, Timestamp};
    use crate::source::sample;

    fn frame(link: LinkType, data: &[u8]) -> Frame<'_> {
        Frame { no: FrameNo::new(0, 1), time: Timestamp::default(), link, data, wire_len: data.len() as u32 }
    }

    #[track_caller]
    fn check(text: &str, link: LinkType, data: &[u8], passes: bool) {
        let mut filter = Filter::new(text);
        filter.prepare(link).unwrap();
        assert_eq!(filter.matches(&frame(link, data)), passes, "{text}");
    }

    #[test]
    fn each_link_type_has_its_own_program() {
        let ethernet = sample::ethernet_tcp(55100, 12345);
        let raw = &ethernet[14..];
        let null = [&[2, 0, 0, 0], raw].concat();
        for passes in [true, false] {
            let text = if passes { "tcp port 12345" } else { "tcp port 80" };
            check(text, LinkType::ETHERNET, &ethernet, passes);
            check(text, LinkType::RAW, raw, passes);
            check(text, LinkType::RAW_BSD, raw, passes);
            check(text, LinkType::RAW_OPENBSD, raw, passes);
            check(text, LinkType::IPV4, raw, passes);
            check(text, LinkType::NULL, &null, passes);
        }
    }

    #[test]
    fn one_filter_for_several_link_types() {
        let ethernet = sample::ethernet_tcp(1, 2);
        let mut filter = Filter::new("port 2");
        filter.prepare(LinkType::RAW).unwrap();
        assert!(!filter.matches(&frame(LinkType::ETHERNET, &ethernet)));
        filter.prepare(LinkType::ETHERNET).unwrap();
        assert!(filter.matches(&frame(LinkType::ETHERNET, &ethernet)));
        assert!(filter.matches(&frame(LinkType::RAW, &ethernet[14..])));
    }

    #[test]
    fn a_bad_filter_is_refused_with_the_words_of_libpcap() {
        let error = Filter::new("port foo bar").prepare(LinkType::ETHERNET).unwrap_err();
        assert_eq!(error.to_string(), "filter `port foo bar`: unknown port 'foo'");
    }

    #[test]
    fn a_filter_with_a_nul_byte_is_refused() {
        assert!(Filter::new("port\080").prepare(LinkType::ETHERNET).is_err());
    }
}
