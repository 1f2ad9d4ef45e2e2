//! The interfaces of this host: their list, their names, their link types.

use pcap::{ConnectionStatus, Device, IfFlags, Linktype};

use super::super::{LiveOptions, SourceError};
use super::open::{self, refused};

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

/// The link types that an interface can have, laid out as `tcpdump -L` does.
///
/// # Errors
///
/// As for [`Live::open`](super::Live::open).
pub fn link_types(options: &LiveOptions) -> Result<String, SourceError> {
    let mut text = String::new();
    for interface in &options.interfaces {
        let capture = open::active(interface, options)?;
        text.push_str(&format!("Data link types for {interface} (use option -y to set):\n"));
        text.extend(capture.list_datalinks().map_err(refused)?.into_iter().map(link_type));
    }
    Ok(text)
}

fn link_type(link: Linktype) -> String {
    let name = link.get_name().unwrap_or_else(|_| format!("DLT {}", link.0));
    let description = link.get_description().map(|text| format!(" ({text})")).unwrap_or_default();
    format!("  {name}{description}\n")
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
}
