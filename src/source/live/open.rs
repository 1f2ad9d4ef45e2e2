//! Opening an interface with libpcap.

use std::fs;
use std::path::Path;
use std::time::Duration;

use pcap::{Active, Capture, Linktype, Precision, TimestampType};
use rustix::io::{FdFlags, fcntl_setfd};

use super::super::filter::libpcap_words;
use super::super::{Clock, Direction, LiveOptions, SourceError};
use crate::frame::LinkType;

/// How long the kernel keeps a partly filled block of the ring.
pub(super) const BLOCK_TIMEOUT: Duration = Duration::from_millis(100);

/// Linux stamps frames in nanoseconds; elsewhere libpcap may refuse and would stamp in microseconds unasked.
const PRECISION: Precision = if cfg!(target_os = "linux") { Precision::Nano } else { Precision::Micro };
/// In nano precision libpcap keeps nanoseconds in the field for microseconds.
pub(super) const NANOS_PER_UNIT: u32 = if cfg!(target_os = "linux") { 1 } else { 1_000 };

/// Opens an interface as the options say, with its filter.
pub(super) fn capture(interface: &str, options: &LiveOptions) -> Result<Capture<Active>, SourceError> {
    let mut capture = active(interface, options)?;
    if let Some(name) = &options.link_type {
        let unknown = |error| SourceError::Libpcap(format!("-y {name}: {}", libpcap_words(error)));
        Linktype::from_name(name).and_then(|link| capture.set_datalink(link)).map_err(unknown)?;
    } else if interface == "any" {
        // The second version of the cooked header names the interface; an old libpcap has the first one only.
        let _ = capture.set_datalink(Linktype(i32::from(LinkType::LINUX_SLL2.0)));
    }
    let direction = match options.direction {
        Direction::Both => None,
        Direction::In => Some(pcap::Direction::In),
        Direction::Out => Some(pcap::Direction::Out),
    };
    if let Some(direction) = direction {
        capture.direction(direction).map_err(refused)?;
    }
    if let Some(filter) = &options.filter {
        let wrong = |error| SourceError::Filter { filter: filter.clone(), reason: libpcap_words(error) };
        capture.filter(filter, true).map_err(wrong)?;
    }
    // No command that is run beside has the socket.
    fcntl_setfd(&capture, FdFlags::CLOEXEC).map_err(|error| SourceError::Io(error.into()))?;
    capture.setnonblock().map_err(refused)
}

/// Opens an interface, as the options say of the interface itself.
pub(super) fn active(interface: &str, options: &LiveOptions) -> Result<Capture<Active>, SourceError> {
    let buffer = i32::try_from(u64::from(options.buffer_kib) * 1024).unwrap_or(i32::MAX);
    let clock = clock(interface, options.clock)?;
    Capture::from_device(interface)
        .map(|capture| {
            let capture = capture
                // Never of `any`: libpcap warns of it, which the binding takes for an error.
                .promisc(options.promiscuous && interface != "any")
                .snaplen(i32::try_from(options.snap_len).unwrap_or(i32::MAX))
                .buffer_size(buffer)
                .timeout(BLOCK_TIMEOUT.as_millis() as i32)
                .immediate_mode(options.immediate)
                .precision(PRECISION);
            let capture = if options.monitor { capture.rfmon(true) } else { capture };
            match clock {
                Some(clock) => capture.tstamp_type(clock),
                None => capture,
            }
        })
        .and_then(Capture::open)
        .map_err(|error| cannot_open(interface, error))
}

/// How libpcap calls a clock. It would go on with the kernel's where an interface has none, and the binding does not tell.
fn clock(interface: &str, clock: Clock) -> Result<Option<TimestampType>, SourceError> {
    let wanted = match clock {
        Clock::Host => return Ok(None),
        Clock::Adapter => TimestampType::Adapter,
        Clock::AdapterUnsynced => TimestampType::AdapterUnsynced,
    };
    let clocks = Path::new("/sys/class/net").join(interface).join("device/ptp");
    let has_one = fs::read_dir(clocks).is_ok_and(|mut clocks| clocks.next().is_some());
    match has_one || !cfg!(target_os = "linux") {
        true => Ok(Some(wanted)),
        false => {
            Err(SourceError::Libpcap(format!("{interface}: the adapter has no clock of its own, only -j host works")))
        }
    }
}

/// libpcap tells the kinds of failure apart by number, of which the binding keeps only the text.
fn cannot_open(interface: &str, error: pcap::Error) -> SourceError {
    let reason = libpcap_words(error);
    let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    if says(&["not permitted", "ermission", "CAP_NET_RAW"]) {
        SourceError::Permission { interface: interface.to_owned(), reason }
    } else if says(&["No such device", "doesn't exist"]) {
        SourceError::NoInterface(interface.to_owned())
    } else {
        SourceError::Libpcap(format!("{interface}: {reason}"))
    }
}

pub(super) fn refused(error: pcap::Error) -> SourceError {
    SourceError::Libpcap(libpcap_words(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refusal(words: &str, expected: &str) {
        assert_eq!(cannot_open("eth9", pcap::Error::PcapError(words.to_owned())).to_string(), expected);
    }

    #[test]
    fn kinds_of_failure() {
        let no_rights = "no permission to capture on eth9 (socket: Operation not permitted)";
        check_refusal("socket: Operation not permitted", no_rights);
        check_refusal("No such device exists", "eth9: no such interface (rstscan -D lists them)");
        check_refusal("something else", "eth9: something else");
    }
}
