//! The laboratory bench: a client, a server, and the wire or the router between them.

use std::any::Any;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::thread;
use std::time::Duration;

use crate::capture::Capture;
use crate::namespace::{Namespace, sweep};
use crate::segment::Segment;
use crate::sockets::{Connection, Listener};
use crate::wait::wait_until;

/// What varies between runs of one scenario.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Setting {
    /// IPv6 instead of IPv4.
    pub ipv6: bool,
    /// TCP timestamps (RFC 7323).
    pub timestamps: bool,
    /// Window scaling (RFC 7323).
    pub window_scaling: bool,
    /// A router stands between the two, so that the capture at the client sees the server's TTL one lower.
    pub routed: bool,
    /// The client, not the server, is the side that resets, where a scenario leaves the choice.
    pub client_resets: bool,
    /// Where the frames are recorded.
    pub capture_at_server: bool,
    /// Captured bytes of a frame.
    pub snap_length: i32,
    /// Largest IP packet of every link, in bytes.
    pub mtu: u16,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            ipv6: false,
            timestamps: true,
            window_scaling: true,
            routed: false,
            client_resets: false,
            capture_at_server: false,
            snap_length: 65_535,
            mtu: 1500,
        }
    }
}

/// One end host.
#[derive(Debug)]
pub struct Host {
    /// Its namespace.
    pub namespace: Namespace,
    /// Its address in the family of the setting.
    pub address: IpAddr,
}

/// The two hosts, the way between them and the recording of it.
#[derive(Debug)]
pub struct Bench {
    /// Opens connections.
    pub client: Host,
    /// Accepts them.
    pub server: Host,
    /// Forwards between them, if the setting has one.
    pub router: Option<Namespace>,
    /// What was asked for.
    pub setting: Setting,
    /// Everything TCP seen on the wire at the capture point.
    pub capture: Capture,
    /// Ends after the recording.
    kept: Mutex<Vec<Box<dyn Any + Send>>>,
}

/// The name of the network interface of either host.
pub const INTERFACE: &str = "eth0";

impl Bench {
    /// Builds the hosts and starts the recording.
    pub fn build(setting: Setting) -> io::Result<Self> {
        static SWEPT: Once = Once::new();
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        SWEPT.call_once(|| drop(sweep()));
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let client = Namespace::create(number, "client")?;
        let server = Namespace::create(number, "server")?;
        let router = if setting.routed { Some(Namespace::create(number, "router")?) } else { None };
        for host in [&client, &server] {
            quiet_tcp(host, setting)?;
        }
        match &router {
            None => {
                wire((&client, INTERFACE), (&server, INTERFACE), setting.mtu)?;
                address(&client, INTERFACE, "192.168.1.108/24", "fd00:1::108/64")?;
                address(&server, INTERFACE, "192.168.1.109/24", "fd00:1::109/64")?;
            }
            Some(router) => route(&client, router, &server, setting.mtu)?,
        }
        let (client_address, server_address) = addresses(setting);
        let point = if setting.capture_at_server { &server } else { &client };
        let capture = Capture::start(point, INTERFACE, setting.snap_length)?;
        let bench = Self {
            client: Host { namespace: client, address: client_address },
            server: Host { namespace: server, address: server_address },
            router,
            setting,
            capture,
            kept: Mutex::default(),
        };
        bench.wait_for_link()?;
        Ok(bench)
    }

    /// Lets sockets live as long as the bench, so that their end is not part of the recording.
    pub fn keep_until_the_end(&self, sockets: impl Any + Send) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(sockets));
    }

    /// Listens at the server.
    pub fn listen(&self, port: u16) -> io::Result<Listener> {
        self.server.listen(port)
    }

    /// The address of a server port.
    pub fn server_at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.server.address, port)
    }

    /// Connects a client to a fresh listener on `port`; both ends of the connection, the client's first. The listener is gone.
    pub fn establish(&self, port: u16) -> io::Result<(Connection, Connection)> {
        let listener = self.listen(port)?;
        let client = self.client.connect(self.server_at(port))?;
        let server = listener.accept()?;
        self.wait_for_handshake(port)?;
        Ok((client, server))
    }

    /// Waits until the third segment of a handshake with `port` is on record.
    fn wait_for_handshake(&self, port: u16) -> io::Result<()> {
        self.capture.wait_for(port, |segments| segments.iter().any(|s| s.dst.port() == port && s.is_pure_ack()))
    }

    /// As [`Bench::establish`], in the order (the side that resets, its peer).
    pub fn establish_roles(&self, port: u16) -> io::Result<(Connection, Connection)> {
        let (client, server) = self.establish(port)?;
        Ok(if self.setting.client_resets { (client, server) } else { (server, client) })
    }

    /// Sends until the peer has shut its window.
    pub fn fill(&self, port: u16, sender: &Connection) -> io::Result<()> {
        let is_shut = |s: &Segment| s.window == 0 && s.is_pure_ack();
        sender.send_until(|| self.capture.segments(port).iter().rev().take(20).any(is_shut))
    }

    /// The hosts in the order (the side that resets, its peer).
    pub fn roles(&self) -> (&Host, &Host) {
        if self.setting.client_resets { (&self.client, &self.server) } else { (&self.server, &self.client) }
    }

    /// Cuts or mends the server's link.
    pub fn server_link(&self, up: bool) -> io::Result<()> {
        self.server.namespace.ip(&["link", "set", INTERFACE, if up { "up" } else { "down" }])?;
        if up {
            if let Some(gateway) = self.router.as_ref().map(|_| ("10.0.2.1", "fd00:2::1")) {
                default_route(&self.server.namespace, gateway)?;
            }
            self.wait_for_link()?;
        }
        Ok(())
    }

    /// Gives segments that follow a reset at once the time to be recorded.
    pub fn settle(&self) {
        thread::sleep(Duration::from_millis(50));
    }

    /// Waits until a datagram goes from client to server and back: links are up and neighbours known, without a TCP segment sent.
    fn wait_for_link(&self) -> io::Result<()> {
        let bind = |host: &Host| host.namespace.enter(|| std::net::UdpSocket::bind((host.address, 9)));
        let (client, server) = (bind(&self.client)?, bind(&self.server)?);
        let once = Duration::from_millis(20);
        client.set_read_timeout(Some(once))?;
        server.set_read_timeout(Some(once))?;
        let mut room = [0; 8];
        wait_until("a datagram to make the round trip", || {
            if client.send_to(b"ping", (self.server.address, 9)).is_err() {
                thread::sleep(once);
                return false;
            }
            server.recv_from(&mut room).is_ok_and(|(_, from)| server.send_to(b"pong", from).is_ok())
                && client.recv_from(&mut room).is_ok()
        })
    }
}

fn addresses(setting: Setting) -> (IpAddr, IpAddr) {
    let v4 = |a, b, c, d| IpAddr::V4(Ipv4Addr::new(a, b, c, d));
    let v6 = |network, host| IpAddr::V6(Ipv6Addr::new(0xfd00, network, 0, 0, 0, 0, 0, host));
    match (setting.ipv6, setting.routed) {
        (false, false) => (v4(192, 168, 1, 108), v4(192, 168, 1, 109)),
        (false, true) => (v4(10, 0, 1, 108), v4(10, 0, 2, 109)),
        (true, false) => (v6(1, 0x108), v6(1, 0x109)),
        (true, true) => (v6(1, 0x108), v6(2, 0x109)),
    }
}

/// A veth pair without checksum or segmentation offload, so that the capture holds what a real wire would carry.
fn wire(left: (&Namespace, &str), right: (&Namespace, &str), mtu: u16) -> io::Result<()> {
    left.0.ip(&["link", "add", left.1, "type", "veth", "peer", "name", right.1, "netns", right.0.name()])?;
    for (namespace, interface) in [left, right] {
        // Without ethtool the captures hold partial checksums and large segments, which rstscan accepts as well.
        let off = ["-K", interface, "tx", "off", "rx", "off", "tso", "off", "gso", "off", "gro", "off"];
        let _ = namespace.exec("ethtool", &off);
        // Addresses of IPv6 survive a cut link as those of IPv4 do.
        namespace.set(&format!("ipv6/conf/{interface}/keep_addr_on_down"), "1")?;
        namespace.ip(&["link", "set", interface, "mtu", &mtu.to_string(), "up"])?;
    }
    Ok(())
}

fn address(namespace: &Namespace, interface: &str, v4: &str, v6: &str) -> io::Result<()> {
    namespace.ip(&["address", "add", v4, "dev", interface])?;
    namespace.ip(&["address", "add", v6, "dev", interface, "nodad"])?;
    Ok(())
}

fn default_route(namespace: &Namespace, (v4, v6): (&str, &str)) -> io::Result<()> {
    namespace.ip(&["route", "replace", "default", "via", v4])?;
    namespace.ip(&["-6", "route", "replace", "default", "via", v6])?;
    Ok(())
}

/// The way from a namespace in the server's place to the client.
pub fn server_route(server: &Namespace) -> io::Result<()> {
    if server.ip(&["-6", "address", "show", "dev", INTERFACE, "scope", "global"])?.is_empty() {
        server.ip(&["route", "replace", "default", "via", "10.0.2.1"]).map(drop)
    } else {
        server.ip(&["-6", "route", "replace", "default", "via", "fd00:2::1"]).map(drop)
    }
}

fn route(client: &Namespace, router: &Namespace, server: &Namespace, mtu: u16) -> io::Result<()> {
    router.set("ipv4/ip_forward", "1")?;
    router.set("ipv6/conf/all/forwarding", "1")?;
    wire((client, INTERFACE), (router, "left"), mtu)?;
    wire((server, INTERFACE), (router, "right"), mtu)?;
    address(router, "left", "10.0.1.1/24", "fd00:1::1/64")?;
    address(router, "right", "10.0.2.1/24", "fd00:2::1/64")?;
    address(client, INTERFACE, "10.0.1.108/24", "fd00:1::108/64")?;
    address(server, INTERFACE, "10.0.2.109/24", "fd00:2::109/64")?;
    default_route(client, ("10.0.1.1", "fd00:1::1"))?;
    default_route(server, ("10.0.2.1", "fd00:2::1"))
}

fn quiet_tcp(host: &Namespace, setting: Setting) -> io::Result<()> {
    host.set("ipv4/tcp_timestamps", if setting.timestamps { "1" } else { "0" })?;
    host.set("ipv4/tcp_window_scaling", if setting.window_scaling { "1" } else { "0" })
}
