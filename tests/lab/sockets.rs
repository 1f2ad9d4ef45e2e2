//! Real sockets inside a host, with every wait bounded and the ways to end a connection named.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
use std::time::Duration;

use nix::libc;
use nix::sys::socket::setsockopt;
use nix::{setsockopt_impl, sockopt_impl};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::bench::Host;
use crate::wait::{PATIENCE, wait_until};

sockopt_impl!(
    /// How long FIN-WAIT-2 lasts after close(), in seconds.
    Linger2,
    SetOnly,
    libc::IPPROTO_TCP,
    libc::TCP_LINGER2,
    i32
);

/// A listening socket.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
}

/// One end of an established connection. Dropping it closes it in the ordinary way.
#[derive(Debug)]
pub struct Connection {
    socket: Socket,
}

impl Host {
    /// A TCP socket inside this host, bound to `port` (0: any).
    fn socket(&self, port: u16) -> io::Result<Socket> {
        self.socket_at(SocketAddr::new(self.address, port), Protocol::TCP)
    }

    fn socket_at(&self, local: SocketAddr, protocol: Protocol) -> io::Result<Socket> {
        self.namespace.enter(|| {
            let socket = Socket::new(Domain::for_address(local), Type::STREAM, Some(protocol))?;
            socket.set_reuse_address(true)?;
            socket.bind(&local.into())?;
            Ok(socket)
        })
    }

    /// Listens on a port.
    pub fn listen(&self, port: u16) -> io::Result<Listener> {
        self.listen_with_backlog(port, 64)
    }

    /// Listens on a port with room for `backlog + 1` connections that nobody has accepted.
    pub fn listen_with_backlog(&self, port: u16, backlog: i32) -> io::Result<Listener> {
        let socket = self.socket(port)?;
        socket.listen(backlog)?;
        Ok(Listener { socket })
    }

    /// Listens on a port of its loopback address.
    pub fn listen_on_loopback(&self, port: u16) -> io::Result<Listener> {
        let address = if self.address.is_ipv6() { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() };
        let socket = self.socket_at(SocketAddr::new(address, port), Protocol::TCP)?;
        socket.listen(1)?;
        Ok(Listener { socket })
    }

    /// Listens for Multipath TCP.
    pub fn listen_multipath(&self, port: u16) -> io::Result<Listener> {
        let socket = self.socket_at(SocketAddr::new(self.address, port), Protocol::MPTCP)?;
        socket.listen(4)?;
        Ok(Listener { socket })
    }

    /// Connects by Multipath TCP.
    pub fn connect_multipath(&self, to: SocketAddr) -> io::Result<Connection> {
        let socket = self.socket_at(SocketAddr::new(self.address, 0), Protocol::MPTCP)?;
        socket.connect_timeout(&to.into(), PATIENCE)?;
        Connection::ready(socket)
    }

    /// Sends a SYN with data in it (Fast Open) and does not wait for what comes back.
    pub fn start_connecting_with(&self, bytes: &[u8], to: SocketAddr) -> io::Result<Connection> {
        let socket = self.socket(0)?;
        socket.set_nonblocking(true)?;
        match socket.send_to_with_flags(bytes, &to.into(), libc::MSG_FASTOPEN) {
            Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
            _ => Ok(Connection { socket }),
        }
    }

    /// Starts to connect with a mark (IPv4 TOS, IPv6 traffic class) on every packet.
    pub fn start_connecting_marked(&self, mark: u32, to: SocketAddr) -> io::Result<Connection> {
        let socket = self.socket(0)?;
        if self.address.is_ipv6() { socket.set_tclass_v6(mark) } else { socket.set_tos_v4(mark) }?;
        socket.set_nonblocking(true)?;
        match socket.connect(&to.into()) {
            Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
            _ => Ok(Connection { socket }),
        }
    }

    /// Destroys the sockets of a local port, as an administrator does with `ss -K`.
    pub fn destroy(&self, port: u16) -> io::Result<()> {
        self.namespace.exec("ss", &["-K", "-t", "sport", "=", &format!(":{port}")]).map(drop)
    }

    /// Connects from a port the kernel chooses.
    pub fn connect(&self, to: SocketAddr) -> io::Result<Connection> {
        self.connect_from(0, to)
    }

    /// Connects from `port`, which another connection may have used just before.
    pub fn connect_from(&self, port: u16, to: SocketAddr) -> io::Result<Connection> {
        self.connect_at(SocketAddr::new(self.address, port), to)
    }

    /// Connects from any address and port of this host.
    pub fn connect_at(&self, local: SocketAddr, to: SocketAddr) -> io::Result<Connection> {
        let socket = self.socket_at(local, Protocol::TCP)?;
        socket.connect_timeout(&to.into(), PATIENCE)?;
        Connection::ready(socket)
    }

    /// Sends a SYN and does not wait for what comes back.
    pub fn start_connecting(&self, port: u16, to: SocketAddr) -> io::Result<Connection> {
        let socket = self.socket(port)?;
        socket.set_nonblocking(true)?;
        match socket.connect(&to.into()) {
            Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
            _ => Ok(Connection { socket }),
        }
    }

    /// Sends one hand-made IPv4 or IPv6 TCP segment in this host's name, header and payload as given.
    pub fn send_raw(&self, segment: &[u8], to: SocketAddr) -> io::Result<()> {
        let local = SocketAddr::new(self.address, 0);
        self.namespace.enter(|| {
            let socket = Socket::new(Domain::for_address(local), Type::RAW, Some(Protocol::TCP))?;
            socket.bind(&local.into())?;
            let to = SocketAddr::new(to.ip(), 0);
            socket.send_to(segment, &SockAddr::from(to)).map(drop)
        })
    }
}

impl Listener {
    /// The next connection.
    pub fn accept(&self) -> io::Result<Connection> {
        self.socket.set_nonblocking(true)?;
        let mut accepted = None;
        wait_until("a connection to accept", || {
            accepted = self.socket.accept().ok();
            accepted.is_some()
        })?;
        let (socket, _) = accepted.ok_or(io::ErrorKind::NotConnected)?;
        socket.set_nonblocking(false)?;
        Connection::ready(socket)
    }
}

impl Connection {
    fn ready(socket: Socket) -> io::Result<Self> {
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        socket.set_tcp_nodelay(true)?;
        Ok(Self { socket })
    }

    /// `connect()` to nowhere: the connection is thrown away, the socket stays.
    pub fn disconnect(&self) -> io::Result<()> {
        Ok(rustix::net::connect_unspec(&self.socket)?)
    }

    /// Sets TCP_LINGER2 below 0: no FIN-WAIT-2 after close().
    pub fn without_fin_wait_2(&self) -> io::Result<()> {
        Ok(setsockopt(&self.socket, Linger2, &-1)?)
    }

    /// `shutdown(SHUT_RD)`: reads no more.
    pub fn finish_reading(&self) -> io::Result<()> {
        self.socket.shutdown(Shutdown::Read)
    }

    /// Sends all that there is room for, until `full`.
    pub fn send_until(&self, full: impl Fn() -> bool) -> io::Result<()> {
        wait_until("a full connection", || {
            // No room at this moment is what is waited for.
            let _ = self.send_some(&[b'f'; 16_384]);
            full()
        })
    }

    /// The socket itself, for options.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// The local port.
    pub fn port(&self) -> io::Result<u16> {
        Ok(self.local()?.port())
    }

    /// The local address.
    pub fn local(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()?.as_socket().ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
    }

    /// Writes all of it.
    pub fn send(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.socket).write_all(bytes)
    }

    /// Writes as much as the kernel takes at once; how much that was.
    pub fn send_some(&self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.set_nonblocking(true)?;
        let sent = (&self.socket).write(bytes);
        self.socket.set_nonblocking(false)?;
        sent
    }

    /// Reads exactly `count` bytes.
    pub fn receive(&self, count: usize) -> io::Result<()> {
        (&self.socket).read_exact(&mut vec![0; count])
    }

    /// Waits for bytes and reads all that have arrived.
    pub fn receive_arrived(&self) -> io::Result<()> {
        (&self.socket).read(&mut [0; 65_536]).map(drop)
    }

    /// Reads to the peer's FIN; how many bytes came before it.
    pub fn receive_to_end(&self) -> io::Result<u64> {
        io::copy(&mut &self.socket, &mut io::sink())
    }

    /// Waits until bytes have arrived, and leaves them unread.
    pub fn await_arrival(&self) -> io::Result<()> {
        let mut room = [std::mem::MaybeUninit::uninit(); 1];
        self.socket.peek(&mut room).map(drop)
    }

    /// `shutdown(SHUT_WR)`: sends FIN, goes on receiving.
    pub fn finish_sending(&self) -> io::Result<()> {
        self.socket.shutdown(Shutdown::Write)
    }

    /// `close()`.
    pub fn close(self) {}

    /// `close()` with SO_LINGER on and its timeout zero.
    pub fn abort(self) -> io::Result<()> {
        self.socket.set_linger(Some(Duration::ZERO))
    }
}
