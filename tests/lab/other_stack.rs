//! A second real stack: smoltcp in user space on a TAP device of the client's host. No kernel makes its resets.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use rstscan::tcp::{Flags, SeqNum};
use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::phy::{Medium, TunTapInterface};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

use crate::agreement::Agreement;
use crate::bench::{Host, INTERFACE, Setting};
use crate::capture::Capture;
use crate::craft::Crafted;
use crate::kernel::Trace;
use crate::namespace::Namespace;
use crate::scenarios::abort::ABORT;
use crate::segment::Segment;
use crate::sockets::Connection;
use crate::truth::{Expected, Scenario, check_shape, disagreements, labels, verdicts};
use crate::{may_run, retry};

const STACK: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 109);

/// What the stack's thread is to do next.
type Order = Box<dyn FnOnce(&mut SocketSet<'static>) + Send>;

/// The kernel's host and the stack behind its wire.
struct Wire<'a> {
    client: &'a Host,
    capture: &'a Capture,
    orders: Sender<Order>,
}

/// One way to make the stack reset: what the wire and the program must show, and how it is done.
struct Experiment {
    name: &'static str,
    port: u16,
    shape: &'static str,
    resets: &'static [Expected],
    run: fn(&Wire, u16) -> io::Result<()>,
}

const EXPERIMENTS: &[Experiment] = &[
    Experiment {
        name: "smoltcp-closed-port",
        port: 9301,
        shape: "> S, < R.",
        resets: &[Expected::only("closed-port", &["no-listener"]).by_other()],
        run: |wire, port| match wire.client.connect(wire.at(port)) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => wire.capture.wait_for_resets(port, 1),
            Err(error) => Err(error),
            Ok(_) => Err(io::Error::other("connected to a port that had to refuse")),
        },
    },
    Experiment {
        name: "smoltcp-abort",
        port: 9302,
        shape: "> S, < S., > P., < ., < R.",
        resets: &[Expected::only("abortive-close", ABORT).by_other()],
        run: |wire, port| {
            let _client = wire.established(port)?;
            wire.order(tcp::Socket::abort)?;
            wire.capture.wait_for_resets(port, 1)
        },
    },
    Experiment {
        name: "smoltcp-forgets",
        port: 9303,
        shape: "> S, < S., > P., < R",
        resets: &[Expected::only("half-open-response", &["lost-state"]).by_other()],
        run: |wire, port| {
            let client = wire.established(port)?;
            wire.tell(Box::new(|sockets| *sockets = SocketSet::new(Vec::new())))?;
            thread::sleep(Duration::from_millis(50));
            client.send(b"still there?")?;
            wire.capture.wait_for_resets(port, 1)
        },
    },
    Experiment {
        name: "smoltcp-gives-up",
        port: 9304,
        shape: "> S, < S., < P., < P., < R.",
        resets: &[Expected::only("abortive-close", &["user-timeout", "abort", "linger-zero", "unread-data"]).by_other()],
        run: |wire, port| {
            let _client = wire.established(port)?;
            let deaf = format!("tcp sport {port} tcp flags & rst == 0 drop");
            let _deaf = wire.client.namespace.filter("input", &deaf)?;
            wire.order(|socket| {
                socket.set_timeout(Some(smoltcp::time::Duration::from_millis(2500)));
                // What does not fit is not needed.
                let _ = socket.send_slice(b"an answer nobody hears");
            })?;
            wire.capture.wait_for_resets(port, 1)
        },
    },
    Experiment {
        name: "smoltcp-stray-ack",
        port: 9305,
        shape: "> ., < R",
        resets: &[Expected::or("half-open-response", &["closed-port", "undetermined"], &[]).by_other()],
        run: |wire, port| wire.probe(port, Flags::ACK),
    },
    // RFC 9293 section 3.5.2 wants an ACK in the answer to a segment without one; this stack leaves it out.
    Experiment {
        name: "smoltcp-fin-probe",
        port: 9306,
        shape: "> F, < R",
        resets: &[Expected::or("closed-port", &["half-open-response", "undetermined"], &[]).by_other()],
        run: |wire, port| wire.probe(port, Flags::FIN),
    },
    Experiment {
        name: "smoltcp-accepts-after-close",
        port: 9307,
        shape: "> S, < F., > P., < .",
        resets: &[],
        run: |wire, port| {
            let client = wire.established(port)?;
            wire.order(tcp::Socket::close)?;
            client.receive_to_end()?;
            client.send(b"one more thing")?;
            let fin = |segments: &[Segment]| segments.iter().position(|s| s.src.port() == port && s.flags.fin());
            wire.capture.wait_for(port, |segments| {
                fin(segments).is_some_and(|at| segments[at + 1..].iter().any(|s| s.src.port() == port))
            })
        },
    },
];

impl Wire<'_> {
    /// A port of the stack.
    fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(STACK), port)
    }

    /// Has the stack carry out an order, and returns when it has.
    fn tell(&self, order: Order) -> io::Result<()> {
        let (done, told) = channel();
        let order: Order = Box::new(move |sockets| {
            order(sockets);
            // Who no longer waits for it need not know.
            _ = done.send(());
        });
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        self.orders.send(order).map_err(|_| gone())?;
        told.recv().map_err(|_| gone())
    }

    /// Tells the stack what to do with its only socket.
    fn order(&self, work: impl FnOnce(&mut tcp::Socket<'static>) + Send + 'static) -> io::Result<()> {
        let order: Order = Box::new(move |sockets| {
            let only = sockets.iter().map(|(handle, _)| handle).next();
            if let Some(handle) = only {
                work(sockets.get_mut(handle));
            }
        });
        self.tell(order)
    }

    /// A connection of the kernel with the stack, one segment of data sent and acknowledged.
    fn established(&self, port: u16) -> io::Result<Connection> {
        let listen: Order = Box::new(move |sockets| {
            let buffer = || tcp::SocketBuffer::new(vec![0; 4096]);
            let mut socket = tcp::Socket::new(buffer(), buffer());
            if socket.listen(port).is_ok() {
                sockets.add(socket);
            }
        });
        self.tell(listen)?;
        let client = self.client.connect(self.at(port))?;
        client.send(b"a question")?;
        self.capture
            .wait_for(port, |segments| segments.last().is_some_and(|s| s.src.port() == port && s.is_pure_ack()))?;
        Ok(client)
    }

    /// Sends a hand-made segment and waits for the answer.
    fn probe(&self, port: u16, flags: Flags) -> io::Result<()> {
        let (src, dst) = (SocketAddr::new(self.client.address, 45_001), self.at(port));
        let ack = SeqNum(if flags.ack() { 7_000 } else { 0 });
        self.client.send(&Crafted { src, dst, flags, seq: SeqNum(5_000), ack, options: &[], payload: b"" })?;
        self.capture.wait_for_resets(port, 1)
    }
}

/// The stack, until nobody can order anything more. It cannot leave its thread.
fn stack(orders: Receiver<Order>) -> io::Result<()> {
    let mut device = TunTapInterface::new(INTERFACE, Medium::Ethernet)?;
    let config = Config::new(EthernetAddress([2, 0, 0, 0, 0, 9]).into());
    let mut interface = Interface::new(config, &mut device, Instant::now());
    let address = IpCidr::new(IpAddress::Ipv4(STACK), 24);
    let mut room = Ok(());
    interface.update_ip_addrs(|addresses| room = addresses.push(address));
    room.map_err(|_| io::ErrorKind::OutOfMemory)?;
    let mut sockets = SocketSet::new(Vec::new());
    loop {
        interface.poll(Instant::now(), &mut device, &mut sockets);
        match orders.recv_timeout(Duration::from_millis(1)) {
            Ok(order) => order(&mut sockets),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

#[test]
fn another_stack_is_explained() {
    if !may_run() {
        return;
    }
    if let Err(error) = host() {
        // Written past the test harness, which would keep it to itself.
        let _ = writeln!(io::stderr(), "another stack skipped, it needs a TAP device: {error}");
        return;
    }
    let trace = Trace::start_or_say();
    let mut agreement = Agreement::default();
    let mut wrong = Vec::new();
    for experiment in EXPERIMENTS {
        let said = retry(experiment.name, || play(experiment, trace.as_ref(), &mut agreement));
        wrong.extend(said.err().map(|error| format!("{}: {error}", experiment.name)));
    }
    agreement.say("another stack");
    wrong.extend(agreement.wrong);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn play(experiment: &Experiment, trace: Option<&Trace>, agreement: &mut Agreement) -> io::Result<()> {
    let &Experiment { name, port, shape, resets, run } = experiment;
    let scenario = Scenario::new((name, port), shape, resets, |_, _| Ok(()));
    let client = host()?;
    let mut capture = Capture::start(&client.namespace, INTERFACE, 65_535)?;
    let (sender, orders) = channel();
    thread::scope(|scope| {
        let namespace = &client.namespace;
        let stack = scope.spawn(move || namespace.enter(move || stack(orders)));
        let wire = Wire { client: &client, capture: &capture, orders: sender };
        // The device has a carrier once the stack has opened it: what is sent before that is lost.
        let done = wire.tell(Box::new(|_| ())).and_then(|()| run(&wire, port));
        drop(wire);
        thread::sleep(Duration::from_millis(50));
        done.and(stack.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })?;
    check_shape(&scenario, Setting::default(), &capture.segments(port))?;
    let recording = capture.finish();
    let labels = labels(&recording, &[&scenario])?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join(format!("{name}.pcap"));
    recording.write(&file)?;
    let verdicts = verdicts(&file)?;
    if let Some(trace) = trace {
        agreement.compare(name, (&recording, &labels), (&verdicts, &trace.events()?));
    }
    let wrong = disagreements(&labels, &verdicts);
    if wrong.is_empty() { Ok(()) } else { Err(io::Error::other(wrong.join("; "))) }
}

/// The kernel's host with a TAP device for its interface.
fn host() -> io::Result<Host> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let namespace = Namespace::create(NUMBER.fetch_add(1, Ordering::Relaxed), "tap")?;
    namespace.ip(&["tuntap", "add", "dev", INTERFACE, "mode", "tap"])?;
    namespace.ip(&["address", "add", "192.168.1.108/24", "dev", INTERFACE])?;
    namespace.ip(&["link", "set", INTERFACE, "up"])?;
    Ok(Host { namespace, address: IpAddr::V4(Ipv4Addr::new(192, 168, 1, 108)) })
}
