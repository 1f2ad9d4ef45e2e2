//! Two hosts, the path between them, and a capture point on it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rstscan::classify::Class;

use super::host::Host;
use super::packet::{ACK, Packet, RST, Truth};
use super::reasons::ABORT;
use super::rng::Rng;
use super::socket::State;

pub const MS: i64 = 1_000_000;
pub const SECOND: i64 = 1_000 * MS;

/// Right number and TTL: only what the pretended sender says later can tell.
const FORGED_WELL: Truth = Truth {
    classes: &[Class::Forged, Class::AbortiveClose, Class::HalfOpenResponse, Class::ClosedPort, Class::Undetermined],
    why: "forged without a trace",
};
const FORGED: Truth = Truth { classes: &[Class::Forged], why: "forged" };

#[derive(Clone, Copy, Debug)]
pub enum Action {
    Connect(u32),
    Send(u32),
    Close,
    Abort,
    ShutDown,
    StopReading,
    Probe,
}

#[derive(Clone, Copy, Debug)]
pub enum Event {
    Arrive(Packet),
    Act {
        client: bool,
        port: u16,
        action: Action,
    },
    Retransmit {
        client: bool,
        port: u16,
        generation: u64,
    },
    DelayedAck {
        client: bool,
        port: u16,
        generation: u64,
    },
    Expire {
        client: bool,
        port: u16,
        generation: u64,
    },
    Crash {
        client: bool,
    },
    Boot {
        client: bool,
    },
    Listen(bool),
    Overflow(bool),
    Link(bool),
    /// Somebody in the middle sends RSTs in the name of the client or the server.
    Forge {
        client: bool,
        port: u16,
    },
}

/// How the path and the programs behave.
#[derive(Clone, Copy, Debug)]
pub struct Conditions {
    /// One way, from each host to the capture point.
    pub delays: [i64; 2],
    pub jitter: i64,
    /// Of 100 packets, lost before and after the capture point.
    pub loss: [u64; 2],
    /// Of 100 packets, doubled by the network.
    pub doubled: u64,
    /// Of 100 requests, answered.
    pub answers: u64,
    /// Of 100 ends of file, answered with an abort.
    pub aborts_at_eof: u64,
}

pub struct World {
    pub now: i64,
    pub rng: Rng,
    pub client: Host,
    pub server: Host,
    pub conditions: Conditions,
    queue: BinaryHeap<Reverse<(i64, u64)>>,
    events: Vec<Event>,
    pub captured: Vec<(i64, Packet)>,
    link: bool,
}

impl World {
    pub fn new(mut rng: Rng, conditions: Conditions) -> Self {
        let (client, server) = (Host::new(true, Rng::new(rng.next())), Host::new(false, Rng::new(rng.next())));
        Self {
            now: 0,
            rng,
            client,
            server,
            conditions,
            queue: BinaryHeap::new(),
            events: Vec::new(),
            captured: Vec::new(),
            link: true,
        }
    }

    pub fn at(&mut self, time: i64, event: Event) {
        self.queue.push(Reverse((time, self.events.len() as u64)));
        self.events.push(event);
    }

    fn host(&mut self, client: bool) -> &mut Host {
        if client { &mut self.client } else { &mut self.server }
    }

    pub fn run(&mut self, until: i64) {
        while let Some(Reverse((time, index))) = self.queue.pop() {
            if time > until || self.captured.len() > 3000 {
                break;
            }
            self.now = time;
            let clock = (time / MS) as u32;
            self.client.clock = clock.wrapping_add(70_000);
            self.server.clock = clock.wrapping_add(900_000);
            self.happen(self.events[index as usize]);
        }
        self.captured.sort_by_key(|(time, _)| *time);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrive(packet) => self.arrive(&packet),
            Event::Act { client, port, action } => self.act(client, port, action),
            Event::Retransmit { client, port, generation } => self.retransmit(client, port, generation),
            Event::DelayedAck { client, port, generation } => {
                let host = self.host(client);
                if host.sockets.get(&port).is_some_and(|socket| socket.generation == generation && socket.owes_ack) {
                    let ack = host.ack(port);
                    self.transmit(ack);
                }
            }
            Event::Expire { client, port, generation } => {
                let host = self.host(client);
                if host.sockets.get(&port).is_some_and(|socket| socket.generation == generation) {
                    host.expire(port);
                }
            }
            Event::Crash { client } => self.host(client).crash(),
            Event::Boot { client } => self.host(client).up = true,
            Event::Listen(on) => self.server.listening = on,
            Event::Overflow(on) => self.server.overflows = on,
            Event::Link(on) => self.link = on,
            Event::Forge { client, port } => self.forge(client, port),
        }
    }

    fn arrive(&mut self, packet: &Packet) {
        let client = !packet.from_client;
        let outcome = self.host(client).receive(packet);
        self.transmit(outcome.send);
        let port = packet.port;
        let Some(socket) = self.host(client).sockets.get(&port) else { return };
        let (generation, owes, state, orphan) = (socket.generation, socket.owes_ack, socket.state, socket.orphan);
        if outcome.refused {
            self.at(self.now + 11 * MS, Event::Retransmit { client, port, generation });
        }
        if owes {
            let delay = self.rng.pick(&[0, 0, MS, 40 * MS]);
            self.at(self.now + delay, Event::DelayedAck { client, port, generation });
        }
        if state == State::TimeWait || state == State::FinWait2 && orphan {
            self.at(self.now + 60 * SECOND, Event::Expire { client, port, generation });
        }
        if outcome.data && self.rng.chance(self.conditions.answers) && state.is_open() {
            let think = self.rng.pick(&[MS / 10, MS, 30 * MS, SECOND]);
            let bytes = self.rng.pick(&[10, 500, 3000, 30_000]);
            if !client {
                self.at(self.now + think, Event::Act { client, port, action: Action::Send(bytes) });
            }
        }
        if outcome.eof {
            let think = self.rng.pick(&[MS / 10, MS, 100 * MS, 20 * SECOND]);
            let abort = self.rng.chance(self.conditions.aborts_at_eof);
            self.at(
                self.now + think,
                Event::Act { client, port, action: if abort { Action::Abort } else { Action::Close } },
            );
        }
    }

    fn act(&mut self, client: bool, port: u16, action: Action) {
        let now = self.now;
        let host = self.host(client);
        if !host.up {
            return;
        }
        let mut sent: Vec<Packet> = Vec::new();
        match action {
            Action::Connect(iss) => sent.extend(host.connect(port, iss)),
            Action::Send(bytes) => sent = host.send(port, bytes),
            Action::Close => sent.extend(host.close(port)),
            Action::Abort => sent.extend(host.abort(port, ABORT)),
            Action::ShutDown => sent.extend(host.shut_down(port)),
            Action::StopReading => {
                if let Some(socket) = host.sockets.get_mut(&port) {
                    socket.reads = false;
                }
            }
            Action::Probe => {
                let probe = host.probe(port);
                sent.extend(probe);
                if probe.is_some() {
                    self.at(now + SECOND, Event::Act { client, port, action });
                }
            }
        }
        self.transmit(sent);
    }

    fn retransmit(&mut self, client: bool, port: u16, generation: u64) {
        let host = self.host(client);
        let due = host.sockets.get(&port).is_some_and(|socket| {
            let waiting = !socket.flying.is_empty() || matches!(socket.state, State::SynSent | State::SynReceived);
            socket.generation == generation && waiting && host.up
        });
        if due {
            let again = host.retransmit(port);
            self.transmit(again);
        }
    }

    fn transmit(&mut self, packets: impl IntoIterator<Item = Packet>) {
        let mut delay = 0;
        for packet in packets {
            delay += 5_000;
            self.carry(&packet, delay);
            if packet.seq_len() > 0 && !packet.has(RST) {
                let (client, port) = (packet.from_client, packet.port);
                let host = self.host(client);
                let Some((generation, retries)) =
                    host.sockets.get(&port).map(|socket| (socket.generation, socket.retries))
                else {
                    continue;
                };
                let wait = if packet.has(super::packet::SYN) { SECOND } else { 220 * MS };
                self.at(self.now + (wait << retries.min(6)), Event::Retransmit { client, port, generation });
            }
        }
    }

    /// From the sender past the capture point to the receiver.
    fn carry(&mut self, packet: &Packet, after: i64) {
        let conditions = self.conditions;
        let jitter = |rng: &mut Rng| if conditions.jitter > 0 { rng.within(0, conditions.jitter) } else { 0 };
        let [mut near, mut far] = conditions.delays;
        if !packet.from_client {
            std::mem::swap(&mut near, &mut far);
        }
        if !self.link || self.rng.chance(conditions.loss[0]) {
            return;
        }
        let seen = self.now + after + near + jitter(&mut self.rng);
        let copies = 1 + usize::from(self.rng.chance(conditions.doubled));
        for copy in 0..copies {
            let seen = seen + copy as i64 * 300_000;
            self.captured.push((seen, *packet));
            if !self.rng.chance(conditions.loss[1]) {
                let arrival = seen + far + jitter(&mut self.rng);
                self.at(arrival, Event::Arrive(*packet));
            }
        }
    }

    /// RSTs made at the capture point: one with the right number, one with a wrong one, a rising burst, a sweep, or one to each end.
    fn forge(&mut self, client: bool, port: u16) {
        let style = self.rng.within(0, 5);
        let ttl = if self.rng.chance(50) { self.host(client).ttl } else { 47 };
        let offsets: &[u32] = match style {
            0 | 1 => &[0],
            2 => &[700],
            3 => &[0, 1460, 4380],
            _ => &[900, 8000, 16_000, 24_000, 32_000, 40_000],
        };
        let bare = self.rng.chance(50);
        for (at, offset) in offsets.iter().enumerate() {
            self.forge_one((client, port), (*offset, ttl, bare), at as i64 * 100_000);
        }
        if style == 1 {
            self.forge_one((!client, port), (0, ttl, bare), 1000);
        }
    }

    fn forge_one(&mut self, (client, port): (bool, u16), (offset, ttl, bare): (u32, u8, bool), after: i64) {
        let host = self.host(client);
        let own_ttl = host.ttl;
        let Some(socket) = host.sockets.get(&port) else { return };
        let (seq, ack) = (socket.nxt.wrapping_add(offset), socket.rcv);
        let packet = Packet {
            from_client: client,
            port,
            flags: if bare { RST } else { RST | ACK },
            seq,
            ack: if bare { 0 } else { ack },
            len: 0,
            win: 0,
            timestamps: None,
            id: self.rng.next() as u16,
            ttl,
            lingering: false,
            truth: Some(if offset == 0 && ttl == own_ttl { FORGED_WELL } else { FORGED }),
        };
        let seen = self.now + after;
        self.captured.push((seen, packet));
        let [near, far] = self.conditions.delays;
        self.at(seen + if client { far } else { near }, Event::Arrive(packet));
    }
}
