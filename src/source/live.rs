//! Live capture through libpcap.

use std::borrow::Cow;
use std::fmt;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pcap::{Active, Capture, ConnectionStatus, Device, IfFlags, Linktype, Packet, Precision};

use super::filter::libpcap_words;
use super::original::{Beside, Description, Original, Originals, interface_option, push_option};
use super::pipe::{PATIENCE, wait};
use super::{Drops, LiveOptions, Next, Source, SourceError};
use crate::frame::{Frame, FrameNo, LinkType, Timestamp};

/// A capture on an interface.
///
/// The kernel hands over its ring block by block, a partly filled one after 100 ms: verdicts come promptly without the
/// immediate mode, in which Linux gives each frame a slot of the whole snapshot length and so the ring very few of them.
pub struct Live {
    capture: Capture<Active>,
    /// The same socket, to wait on while `capture` lends a frame out.
    socket: OwnedFd,
    wake: OwnedFd,
    link: LinkType,
    announced: bool,
    frames: u64,
    /// Set by [`Source::stop`].
    last: Option<LastCall>,
    options: LiveOptions,
    /// The frame handed out last, for those who write it again.
    kept: Option<Kept>,
}

/// A frame that libpcap's buffer may have no more.
#[derive(Default)]
struct Kept {
    time: Timestamp,
    wire_len: u32,
    data: Vec<u8>,
}

/// What still counts after a stop.
#[derive(Clone, Copy)]
struct LastCall {
    /// No frame captured after this.
    until: Timestamp,
    /// Not longer than this.
    deadline: Instant,
}

/// How long the kernel keeps a partly filled block of the ring.
const BLOCK_TIMEOUT: Duration = Duration::from_millis(100);

/// Linux stamps frames in nanoseconds; elsewhere libpcap may refuse and would stamp in microseconds unasked.
const PRECISION: Precision = if cfg!(target_os = "linux") { Precision::Nano } else { Precision::Micro };

impl Live {
    /// Starts to capture. `wake` is watched while waiting for frames; when it can be read, the wait is over.
    ///
    /// # Errors
    ///
    /// The interface does not exist, the rights are missing, the filter is wrong, or libpcap cannot do what was asked.
    pub fn open(options: &LiveOptions, wake: OwnedFd) -> Result<Self, SourceError> {
        let buffer = i32::try_from(u64::from(options.buffer_kib) * 1024).unwrap_or(i32::MAX);
        let capture = Capture::from_device(options.interface.as_str())
            .map(|capture| {
                capture
                    // Never of `any`: libpcap warns of it, which the binding takes for an error.
                    .promisc(options.promiscuous && options.interface != "any")
                    .snaplen(i32::try_from(options.snap_len).unwrap_or(i32::MAX))
                    .buffer_size(buffer)
                    .timeout(BLOCK_TIMEOUT.as_millis() as i32)
                    .precision(PRECISION)
            })
            .and_then(Capture::open)
            .map_err(|error| cannot_open(&options.interface, error))?;
        Self::start(capture, options, wake)
    }

    fn start(mut capture: Capture<Active>, options: &LiveOptions, wake: OwnedFd) -> Result<Self, SourceError> {
        if options.interface == "any" {
            // The second version of the cooked header names the interface; an old libpcap has the first one only.
            let _ = capture.set_datalink(Linktype(i32::from(LinkType::LINUX_SLL2.0)));
        }
        if let Some(filter) = &options.filter {
            capture
                .filter(filter, true)
                .map_err(|error| SourceError::Filter { filter: filter.clone(), reason: libpcap_words(error) })?;
        }
        let link = LinkType((capture.get_datalink().0 & 0xffff) as u16);
        let capture = capture.setnonblock().map_err(refused)?;
        let socket = capture.as_fd().try_clone_to_owned()?;
        let options = options.clone();
        Ok(Self { capture, socket, wake, link, announced: false, frames: 0, last: None, options, kept: None })
    }

    /// What the kernel counted so far.
    ///
    /// # Errors
    ///
    /// The kernel does not tell.
    pub fn drops(&mut self) -> Result<Drops, SourceError> {
        let stat = self.capture.stats().map_err(refused)?;
        Ok(Drops {
            received: u64::from(stat.received),
            by_kernel: u64::from(stat.dropped),
            by_interface: u64::from(stat.if_dropped),
        })
    }
}

impl Source for Live {
    fn next(&mut self) -> Result<Next<'_>, SourceError> {
        if !self.announced {
            self.announced = true;
            return Ok(Next::Interface(self.link));
        }
        match self.capture.next_packet() {
            Ok(packet) => {
                let time = time(&packet);
                if self.last.is_some_and(|last| time > last.until) {
                    return Ok(Next::End);
                }
                self.frames += 1;
                let no = FrameNo::new(0, self.frames);
                if let Some(kept) = &mut self.kept {
                    (kept.time, kept.wire_len) = (time, packet.header.len);
                    kept.data.clear();
                    kept.data.extend_from_slice(packet.data);
                }
                Ok(Next::Frame(Frame { no, time, link: self.link, data: packet.data, wire_len: packet.header.len }))
            }
            Err(pcap::Error::TimeoutExpired) => {
                let Some(last) = self.last else {
                    wait(self.socket.as_fd(), Some(self.wake.as_fd()), PATIENCE)?;
                    return Ok(Next::Idle);
                };
                let patience = last.deadline.saturating_duration_since(Instant::now());
                let more = !patience.is_zero() && wait(self.socket.as_fd(), None, patience)?;
                Ok(if more { Next::Idle } else { Next::End })
            }
            Err(error) => Err(refused(error)),
        }
    }

    fn stop(&mut self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.last.get_or_insert(LastCall {
            until: Timestamp::new(now.as_secs() as i64, now.subsec_nanos()),
            deadline: Instant::now() + 2 * BLOCK_TIMEOUT,
        });
    }
}

impl Originals for Live {
    fn keep_originals(&mut self) {
        self.kept = Some(Kept::default());
    }

    fn original(&self) -> Option<Original<'_>> {
        let Kept { time, wire_len, data } = self.kept.as_ref()?;
        let no = FrameNo::new(0, self.frames);
        Some(Original {
            frame: Frame { no, time: *time, link: self.link, data, wire_len: *wire_len },
            interface: 0,
            ticks: u64::try_from(time.as_nanos()).ok()?,
            timeless: false,
            big_endian: false,
            options: Cow::default(),
        })
    }

    fn description(&self) -> Option<Description> {
        let LiveOptions { interface, snap_len, filter, .. } = &self.options;
        let mut options = Vec::new();
        push_option(&mut options, false, (interface_option::NAME, interface.as_bytes()));
        push_option(&mut options, false, (interface_option::TIME_RESOLUTION, &[9]));
        if let Some(filter) = filter {
            // The first byte says in which language.
            let text = [&[0], filter.as_bytes()].concat();
            push_option(&mut options, false, (interface_option::FILTER, &text));
        }
        Some(Description { input: 0, interface: 0, link: self.link, snap_len: *snap_len, big_endian: false, options })
    }

    fn beside(&mut self) -> Vec<Beside> {
        Vec::new()
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("link", &self.link).field("frames", &self.frames).finish_non_exhaustive()
    }
}

/// The interfaces of this host, one a line, laid out as `tcpdump -D` does.
///
/// # Errors
///
/// libpcap cannot list them.
pub fn interfaces() -> Result<String, SourceError> {
    let devices = Device::list().map_err(refused)?;
    Ok(devices.iter().zip(1..).map(|(device, number)| describe(number, device)).collect())
}

/// The names of the interfaces of this host, with libpcap's descriptions where it has some.
///
/// # Errors
///
/// libpcap cannot list them.
pub fn interface_names() -> Result<Vec<(String, Option<String>)>, SourceError> {
    let devices = Device::list().map_err(refused)?;
    Ok(devices.into_iter().map(|device| (device.name, device.desc)).collect())
}

fn describe(number: u32, device: &Device) -> String {
    let flags = &device.flags.if_flags;
    let names = [
        (IfFlags::UP, "Up"),
        (IfFlags::RUNNING, "Running"),
        (IfFlags::LOOPBACK, "Loopback"),
        (IfFlags::WIRELESS, "Wireless"),
    ];
    let mut states: Vec<&str> =
        names.into_iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, name)| name).collect();
    if states.is_empty() {
        states.push("none");
    }
    match (&device.flags.connection_status, flags.contains(IfFlags::WIRELESS)) {
        (ConnectionStatus::Connected, true) => states.push("Associated"),
        (ConnectionStatus::Disconnected, true) => states.push("Not associated"),
        (ConnectionStatus::Connected, false) => states.push("Connected"),
        (ConnectionStatus::Disconnected, false) => states.push("Disconnected"),
        (ConnectionStatus::Unknown | ConnectionStatus::NotApplicable, _) => {}
    }
    let description = device.desc.as_ref().map(|text| format!(" ({text})")).unwrap_or_default();
    let unknown = flags.is_empty() && device.flags.connection_status == ConnectionStatus::Unknown;
    let states = if unknown { String::new() } else { format!(" [{}]", states.join(", ")) };
    format!("{number}.{}{description}{states}\n", device.name)
}

/// The name of an interface, which may be given by its number in the list.
///
/// # Errors
///
/// There is no interface of that number, or libpcap cannot list them.
pub fn interface_name(typed: &str) -> Result<String, SourceError> {
    let Ok(number) = typed.parse::<usize>() else { return Ok(typed.to_owned()) };
    let devices = Device::list().map_err(refused)?;
    if devices.iter().any(|device| device.name == typed) {
        return Ok(typed.to_owned());
    }
    let device = number.checked_sub(1).and_then(|index| devices.into_iter().nth(index));
    device.map(|device| device.name).ok_or_else(|| SourceError::NoInterface(typed.to_owned()))
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

fn refused(error: pcap::Error) -> SourceError {
    SourceError::Libpcap(libpcap_words(error))
}

/// The time of a frame; in nano precision libpcap keeps nanoseconds in the field for microseconds.
#[allow(clippy::unnecessary_cast, reason = "the fields are narrower on other systems")]
fn time(packet: &Packet<'_>) -> Timestamp {
    let nanos_per_unit = if PRECISION == Precision::Nano { 1 } else { 1_000 };
    let stamp = packet.header.ts;
    Timestamp::new(stamp.tv_sec as i64, 0).plus((stamp.tv_usec as i64).saturating_mul(nanos_per_unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pcap::DeviceFlags;

    #[track_caller]
    fn check(flags: IfFlags, connection_status: ConnectionStatus, desc: Option<&str>, expected: &str) {
        let flags = DeviceFlags { if_flags: flags, connection_status };
        let device = Device { name: "x0".into(), desc: desc.map(str::to_owned), addresses: Vec::new(), flags };
        assert_eq!(describe(3, &device), expected);
    }

    /// As tcpdump 4.99 prints them.
    #[test]
    fn interfaces_are_listed_as_by_tcpdump() {
        use ConnectionStatus::{Connected, Disconnected, NotApplicable, Unknown};
        let up = IfFlags::UP | IfFlags::RUNNING;
        check(up, Connected, None, "3.x0 [Up, Running, Connected]\n");
        check(up | IfFlags::LOOPBACK, NotApplicable, None, "3.x0 [Up, Running, Loopback]\n");
        check(up, NotApplicable, Some("All of them"), "3.x0 (All of them) [Up, Running]\n");
        check(IfFlags::empty(), Disconnected, None, "3.x0 [none, Disconnected]\n");
        check(IfFlags::empty(), NotApplicable, None, "3.x0 [none]\n");
        check(IfFlags::empty(), Unknown, None, "3.x0\n");
        check(IfFlags::WIRELESS, Unknown, None, "3.x0 [Wireless]\n");
        check(up | IfFlags::WIRELESS, Connected, None, "3.x0 [Up, Running, Wireless, Associated]\n");
    }

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
