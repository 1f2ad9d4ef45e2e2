//! What a host does with a segment, by the state of its socket (RFC 9293 3.10.7 as Linux does it).

use super::host::Host;
use super::packet::{ACK, FIN, Packet, RST, SYN, Truth};
use super::reasons::*;
use super::socket::{Fate, Reply, State, distance};

/// What a host wants done after it has taken something.
#[derive(Debug, Default)]
pub struct Outcome {
    pub send: Vec<Packet>,
    /// The connection was established.
    pub connected: bool,
    /// Data arrived.
    pub data: bool,
    /// The peer's FIN arrived.
    pub eof: bool,
    /// A SYN was answered by something else: Linux repeats it soon.
    pub refused: bool,
}

impl Host {
    pub fn receive(&mut self, packet: &Packet) -> Outcome {
        let mut outcome = Outcome::default();
        if !self.up {
            return outcome;
        }
        let port = packet.port;
        let Some(socket) = self.sockets.get(&port) else {
            outcome.send.extend(self.without_socket(packet));
            return outcome;
        };
        let (state, orphan) = (socket.state, socket.orphan);
        match state {
            State::SynSent => outcome = self.in_syn_sent(packet),
            State::SynReceived => outcome = self.in_syn_received(packet),
            State::TimeWait => outcome.send.extend(self.in_time_wait(packet)),
            State::FinWait2 if orphan => outcome.send.extend(self.in_fin_wait_bucket(packet)),
            _ => outcome = self.in_connection(packet),
        }
        outcome
    }

    /// RFC 9293 3.5.2: built from the segment alone.
    fn refuse(&mut self, packet: &Packet, truth: Truth) -> Option<Packet> {
        if packet.has(RST) {
            return None;
        }
        self.id = self.id.wrapping_add(1).max(1);
        let id = if self.windows { self.id } else { 0 };
        let base = Packet { truth: Some(truth), id, ..self.plain(packet.port, RST) };
        Some(match packet.has(ACK) {
            true => Packet { seq: packet.ack, ..base },
            false => Packet { flags: RST | ACK, ack: packet.end(), ..base },
        })
    }

    fn without_socket(&mut self, packet: &Packet) -> Option<Packet> {
        if packet.has(SYN) && !packet.has(ACK) {
            if self.client || !self.listening {
                return self.refuse(packet, NO_LISTENER);
            }
            let iss = self.rng.next() as u32;
            return self.accept(packet, iss);
        }
        if !packet.has(ACK) && !self.client && self.listening {
            return None;
        }
        let truth = match self.fates.get(&packet.port) {
            _ if packet.lingering => ASSASSINATION,
            None => UNKNOWN,
            Some(Fate::Rebooted) => REBOOTED,
            Some(Fate::Reset(truth)) => *truth,
            Some(Fate::Killed) => KILLED,
            Some(Fate::ForgotClosed) => FORGOT_CLOSED,
            Some(Fate::Closed) => CLOSED,
            Some(Fate::Orphaned) => ORPHANED,
            Some(Fate::GaveUp) => GAVE_UP,
            Some(Fate::Abandoned) if packet.has(SYN) => ABANDONED,
            Some(Fate::Abandoned) => ABANDONED_OLD,
        };
        self.refuse(packet, truth)
    }

    fn accept(&mut self, packet: &Packet, iss: u32) -> Option<Packet> {
        let mut socket = self.socket(State::SynReceived, iss, packet.seq.wrapping_add(1));
        socket.timestamps &= packet.timestamps.is_some();
        socket.peer_stamp = packet.timestamps.map_or(0, |(val, _)| val);
        self.sockets.insert(packet.port, socket);
        self.segment(packet.port, SYN | ACK, (iss, 0))
    }

    fn in_syn_sent(&mut self, packet: &Packet) -> Outcome {
        let mut outcome = Outcome::default();
        let port = packet.port;
        let Some(socket) = self.sockets.get_mut(&port) else { return outcome };
        let right = packet.has(ACK) && packet.ack == socket.nxt;
        if packet.has(RST) {
            if right {
                self.bury(port, Fate::Killed);
            }
            return outcome;
        }
        if packet.has(ACK) && !right {
            let truth = match packet.has(SYN) {
                true => STALE_SYN_ACK,
                false if packet.lingering => TIME_WAIT_ACK,
                false if packet.seq_len() > 0 => DISCOVERY_BY_DATA,
                false if matches!(self.fates.get(&port), Some(Fate::Reset(_))) => DISCOVERY_BY_LATE_ACK,
                false => DISCOVERY,
            };
            outcome.send.extend(self.refuse(packet, truth));
            outcome.refused = true;
            return outcome;
        }
        if packet.has(SYN | ACK) {
            socket.state = State::Established;
            socket.una = packet.ack;
            socket.rcv = packet.seq.wrapping_add(1);
            socket.retries = 0;
            socket.timestamps &= packet.timestamps.is_some();
            socket.peer_stamp = packet.timestamps.map_or(0, |(val, _)| val);
            outcome.connected = true;
            outcome.send.extend(self.ack(port));
        }
        outcome
    }

    fn in_syn_received(&mut self, packet: &Packet) -> Outcome {
        let mut outcome = Outcome::default();
        let port = packet.port;
        let Some(socket) = self.sockets.get_mut(&port) else { return outcome };
        let (iss, rcv) = (socket.iss, socket.rcv);
        if packet.has(RST) {
            if packet.seq == rcv {
                self.bury(port, Fate::Killed);
            }
        } else if packet.has(SYN) {
            match packet.seq.wrapping_add(1) == rcv {
                true => outcome.send.extend(self.segment(port, SYN | ACK, (iss, 0))),
                false => outcome.send.extend(self.refuse(packet, CONFLICT)),
            }
        } else if packet.has(ACK) && packet.ack != iss.wrapping_add(1) {
            outcome.send.extend(self.refuse(packet, BAD_ACK));
        } else if packet.has(ACK) && self.overflows {
            outcome.send.extend(self.refuse(packet, OVERFLOW));
            self.bury(port, Fate::Reset(OVERFLOW));
        } else if packet.has(ACK) {
            socket.state = State::Established;
            socket.una = packet.ack;
            socket.retries = 0;
            let more = self.in_connection(packet);
            return Outcome { connected: true, ..more };
        }
        outcome
    }

    /// Linux tcp_timewait_state_process.
    fn in_time_wait(&mut self, packet: &Packet) -> Option<Packet> {
        let socket = self.sockets.get(&packet.port)?;
        let (nxt, rcv) = (socket.nxt, socket.rcv);
        let newer = distance(packet.seq, rcv) > 0;
        if packet.has(RST) {
            if packet.seq == rcv {
                self.bury(packet.port, Fate::Closed);
            }
            return None;
        }
        if packet.has(SYN) && !packet.has(ACK) && newer && !self.client && self.listening {
            return self.accept(packet, nxt.wrapping_add(65537));
        }
        if packet.seq_len() == 0 && packet.seq == rcv {
            return None;
        }
        self.ack(packet.port)
    }

    /// The same for its FIN-WAIT-2 substate.
    fn in_fin_wait_bucket(&mut self, packet: &Packet) -> Option<Packet> {
        let socket = self.sockets.get_mut(&packet.port)?;
        let offset = distance(packet.seq, socket.rcv);
        let beyond = distance(packet.end(), socket.rcv) > 0;
        if !(0..65_000).contains(&offset) && !beyond {
            return if packet.has(RST) { None } else { self.ack(packet.port) };
        }
        if packet.has(RST) {
            self.bury(packet.port, Fate::Killed);
            return None;
        }
        if packet.has(SYN) && offset >= 0 {
            self.bury(packet.port, Fate::Reset(FIN_WAIT_SYN));
            return self.refuse(packet, FIN_WAIT_SYN);
        }
        if !packet.has(ACK) || packet.seq_len() == 0 || !beyond {
            return None;
        }
        if packet.has(FIN) && packet.end() == socket.rcv.wrapping_add(1) {
            socket.rcv = packet.end();
            socket.state = State::TimeWait;
            return self.ack(packet.port);
        }
        self.bury(packet.port, Fate::Reset(DATA_AFTER_CLOSE));
        self.refuse(packet, DATA_AFTER_CLOSE)
    }

    fn in_connection(&mut self, packet: &Packet) -> Outcome {
        let mut outcome = Outcome::default();
        let port = packet.port;
        let Some(socket) = self.sockets.get_mut(&port) else { return outcome };
        let before = (socket.rcv, socket.state);
        let reply = socket.receive(packet);
        outcome.data = packet.len > 0 && socket.rcv != before.0;
        outcome.eof = socket.state == State::CloseWait && before.1 != State::CloseWait;
        match reply {
            Reply::Nothing => {}
            Reply::Ack => socket.owes_ack = true,
            Reply::AckNow => outcome.send.extend(self.ack(port)),
            Reply::RefuseAndDie(truth) => {
                self.bury(port, Fate::Reset(truth));
                outcome.send.extend(self.refuse(packet, truth));
            }
            Reply::Die(fate) => self.bury(port, fate),
        }
        outcome
    }
}
