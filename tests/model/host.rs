//! A host: its sockets, its listener, and the resets it sends, each with the reason for it.

use std::collections::HashMap;

use super::packet::{ACK, FIN, PSH, Packet, RST, SYN, Truth};
use super::reasons::{ABORT, KEEPALIVE, UNREAD};
use super::rng::Rng;
use super::socket::{Fate, Socket, State};

#[derive(Debug)]
pub struct Host {
    pub client: bool,
    pub up: bool,
    pub listening: bool,
    /// Completed handshakes are refused (tcp_abort_on_overflow).
    pub overflows: bool,
    /// A host whose resets carry window 0, no timestamps and the host's own IP ID counter.
    pub windows: bool,
    pub timestamps: bool,
    pub ttl: u8,
    pub sockets: HashMap<u16, Socket>,
    pub fates: HashMap<u16, Fate>,
    pub clock: u32,
    pub id: u16,
    generation: u64,
    pub rng: Rng,
}

impl Host {
    pub fn new(client: bool, mut rng: Rng) -> Self {
        Self {
            client,
            up: true,
            listening: true,
            overflows: false,
            windows: rng.chance(15),
            timestamps: rng.chance(70),
            ttl: 64 - rng.within(0, 12) as u8,
            sockets: HashMap::new(),
            fates: HashMap::new(),
            clock: rng.next() as u32,
            id: rng.next() as u16,
            generation: 0,
            rng,
        }
    }

    pub fn socket(&mut self, state: State, iss: u32, rcv: u32) -> Socket {
        self.generation += 1;
        Socket {
            state,
            iss,
            una: iss,
            nxt: iss.wrapping_add(1),
            rcv,
            unread: 0,
            reads: true,
            orphan: false,
            flying: Vec::new(),
            timestamps: self.timestamps,
            peer_stamp: 0,
            id: self.rng.next() as u16,
            retries: 0,
            generation: self.generation,
            owes_ack: false,
        }
    }

    pub fn plain(&self, port: u16, flags: u8) -> Packet {
        Packet {
            from_client: self.client,
            port,
            flags,
            seq: 0,
            ack: 0,
            len: 0,
            win: 0,
            timestamps: None,
            id: 0,
            ttl: self.ttl,
            lingering: false,
            truth: None,
        }
    }

    /// A segment of a live socket.
    pub fn segment(&mut self, port: u16, flags: u8, (seq, len): (u32, u32)) -> Option<Packet> {
        let clock = self.clock;
        self.id = self.id.wrapping_add(1).max(1);
        let host_id = self.id;
        let windows = self.windows;
        let socket = self.sockets.get_mut(&port)?;
        let lingering = socket.state == State::TimeWait || socket.state == State::FinWait2 && socket.orphan;
        socket.id = socket.id.wrapping_add(1).max(1);
        let echo_id = flags & SYN != 0 && flags & ACK != 0 || lingering;
        let id = if windows {
            host_id
        } else if echo_id {
            0
        } else {
            socket.id
        };
        let (ack, timestamps) = (socket.rcv, socket.timestamps.then_some((clock, socket.peer_stamp)));
        if flags & ACK != 0 {
            socket.owes_ack = false;
        }
        let base = self.plain(port, flags);
        let ack = if flags & ACK != 0 { ack } else { 0 };
        Some(Packet {
            seq,
            ack,
            len,
            win: if flags & SYN != 0 { 64240 } else { 502 },
            timestamps,
            id,
            lingering,
            ..base
        })
    }

    pub fn ack(&mut self, port: u16) -> Option<Packet> {
        let next = self.sockets.get(&port)?.nxt;
        self.segment(port, ACK, (next, 0))
    }

    /// Starts a connect.
    pub fn connect(&mut self, port: u16, iss: u32) -> Option<Packet> {
        if self.sockets.contains_key(&port) || !self.up {
            return None;
        }
        let socket = self.socket(State::SynSent, iss, 0);
        self.sockets.insert(port, socket);
        self.segment(port, SYN, (iss, 0))
    }

    /// Repeats what has not been acknowledged; `None` once the host gives up.
    pub fn retransmit(&mut self, port: u16) -> Option<Packet> {
        let socket = self.sockets.get_mut(&port)?;
        socket.retries += 1;
        if socket.retries > 4 {
            self.bury(port, Fate::GaveUp);
            return None;
        }
        let (state, iss) = (socket.state, socket.iss);
        match state {
            State::SynSent => self.segment(port, SYN, (iss, 0)),
            State::SynReceived => self.segment(port, SYN | ACK, (iss, 0)),
            _ => {
                let (seq, len, fin) = *socket.flying.first()?;
                self.segment(port, if fin { FIN | ACK } else { PSH | ACK }, (seq, len))
            }
        }
    }

    pub fn send(&mut self, port: u16, bytes: u32) -> Vec<Packet> {
        let mut sent = Vec::new();
        let mut left = bytes;
        while left > 0 {
            let Some(socket) = self.sockets.get_mut(&port).filter(|socket| socket.state.is_open() && !socket.orphan)
            else {
                break;
            };
            let len = left.min(1448);
            let seq = socket.nxt;
            socket.flying.push((seq, len, false));
            socket.nxt = seq.wrapping_add(len);
            left -= len;
            sent.extend(self.segment(port, PSH | ACK, (seq, len)));
        }
        sent
    }

    /// Sends FIN where that may still be done.
    pub fn shut_down(&mut self, port: u16) -> Option<Packet> {
        let socket = self.sockets.get_mut(&port).filter(|socket| socket.state.is_open())?;
        socket.state = if socket.state == State::Established { State::FinWait1 } else { State::LastAck };
        let seq = socket.nxt;
        socket.flying.push((seq, 0, true));
        socket.nxt = seq.wrapping_add(1);
        self.segment(port, FIN | ACK, (seq, 0))
    }

    /// close(): a RST where data lies unread (RFC 2525 2.17), else FIN; in SYN-SENT nothing.
    pub fn close(&mut self, port: u16) -> Option<Packet> {
        let socket = self.sockets.get_mut(&port)?;
        match socket.state {
            State::SynSent => {
                self.bury(port, Fate::Abandoned);
                None
            }
            State::SynReceived => None,
            _ if socket.unread > 0 => self.abort(port, UNREAD),
            _ => {
                socket.orphan = true;
                self.shut_down(port)
            }
        }
    }

    /// Destroys a live socket (Linux tcp_need_reset).
    pub fn abort(&mut self, port: u16, truth: Truth) -> Option<Packet> {
        let socket = self.sockets.get(&port)?;
        let (state, seq) = (socket.state, socket.nxt);
        let resets = matches!(state, State::Established | State::FinWait1 | State::FinWait2 | State::CloseWait);
        if !resets || socket.orphan && truth == ABORT {
            return None;
        }
        let packet = self.segment(port, RST | ACK, (seq, 0));
        self.bury(port, Fate::Reset(truth));
        let windows = self.windows;
        packet.map(|packet| Packet {
            truth: Some(truth),
            win: if windows { 0 } else { 502 },
            timestamps: packet.timestamps.filter(|_| !windows),
            lingering: false,
            ..packet
        })
    }

    /// A keepalive probe; after three that stayed unanswered a RST.
    pub fn probe(&mut self, port: u16) -> Option<Packet> {
        let socket = self.sockets.get_mut(&port).filter(|socket| socket.state.is_open() && socket.flying.is_empty())?;
        socket.retries += 1;
        if socket.retries > 3 {
            return self.abort(port, KEEPALIVE);
        }
        let seq = socket.nxt.wrapping_sub(1);
        self.segment(port, ACK, (seq, 0))
    }

    pub fn bury(&mut self, port: u16, fate: Fate) {
        let had_closed =
            |socket: Socket| !socket.state.is_open() && !matches!(socket.state, State::SynSent | State::SynReceived);
        let closed = self.sockets.remove(&port).is_some_and(had_closed);
        let forgot = closed && matches!(fate, Fate::Rebooted | Fate::Killed);
        let fate = if forgot { Fate::ForgotClosed } else { fate };
        self.fates.insert(port, fate);
    }

    /// Everything is forgotten in silence.
    pub fn crash(&mut self) {
        self.up = false;
        let ports: Vec<u16> = self.sockets.keys().copied().collect();
        for port in ports {
            self.bury(port, Fate::Rebooted);
        }
    }

    /// FIN-WAIT-2 of an orphan, or TIME-WAIT, is over.
    pub fn expire(&mut self, port: u16) {
        let fate = match self.sockets.get(&port).map(|socket| (socket.state, socket.orphan)) {
            Some((State::TimeWait, _)) => Fate::Closed,
            Some((State::FinWait2, true)) => Fate::Orphaned,
            _ => return,
        };
        self.bury(port, fate);
    }
}
