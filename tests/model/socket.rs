//! One end of a connection: RFC 9293's states as Linux keeps them.

use super::packet::{ACK, FIN, Packet, RST, SYN, Truth};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    SynSent,
    SynReceived,
    Established,
    FinWait1,
    FinWait2,
    Closing,
    TimeWait,
    CloseWait,
    LastAck,
}

impl State {
    /// Whether a FIN may still be sent from here.
    pub fn is_open(self) -> bool {
        matches!(self, State::Established | State::CloseWait)
    }
}

/// What a host does with a segment.
#[derive(Clone, Copy, Debug)]
pub enum Reply {
    /// Nothing more.
    Nothing,
    /// An ACK at once: a challenge, or a duplicate.
    AckNow,
    /// An ACK, now or with the next data.
    Ack,
    /// A RST built from the segment alone; the socket is gone.
    RefuseAndDie(Truth),
    /// The socket is gone.
    Die(Fate),
}

/// How a socket that is gone had ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// The host restarted.
    Rebooted,
    /// It sent a RST for this reason.
    Reset(Truth),
    /// Any of these after its own FIN.
    ForgotClosed,
    /// The peer's RST, or somebody's in its name.
    Killed,
    /// Both sides had closed.
    Closed,
    /// Closed by this side alone, and forgotten after a minute.
    Orphaned,
    /// Retransmitted into silence.
    GaveUp,
    /// The program did not wait for its connect.
    Abandoned,
}

#[derive(Clone, Debug)]
pub struct Socket {
    pub state: State,
    pub iss: u32,
    pub una: u32,
    pub nxt: u32,
    pub rcv: u32,
    /// Bytes received and not read.
    pub unread: u32,
    /// Whether the program reads at once.
    pub reads: bool,
    /// The program has closed it.
    pub orphan: bool,
    /// Segments not acknowledged yet: first number, length, FIN.
    pub flying: Vec<(u32, u32, bool)>,
    pub timestamps: bool,
    pub peer_stamp: u32,
    pub id: u16,
    pub retries: u32,
    /// Distinguishes timers of this socket from those of its predecessors.
    pub generation: u64,
    /// An ACK is owed.
    pub owes_ack: bool,
}

pub fn distance(to: u32, from: u32) -> i32 {
    to.wrapping_sub(from) as i32
}

const WINDOW: i32 = 65_000;

impl Socket {
    pub fn fin_acked(&self) -> bool {
        self.una == self.nxt
    }

    /// Takes a segment in one of the synchronised states (RFC 9293 3.10.7.4).
    pub fn receive(&mut self, packet: &Packet) -> Reply {
        let offset = distance(packet.seq, self.rcv);
        let in_window = (0..WINDOW).contains(&offset) || (offset < 0 && distance(packet.end(), self.rcv) > 0);
        if packet.has(RST) {
            return match offset {
                0 => Reply::Die(Fate::Killed),
                1..WINDOW => Reply::AckNow,
                _ => Reply::Nothing,
            };
        }
        if packet.has(SYN) || !in_window {
            return Reply::AckNow;
        }
        if !packet.has(ACK) {
            return Reply::Nothing;
        }
        if distance(packet.ack, self.nxt) > 0 {
            return Reply::AckNow;
        }
        if let Some((val, _)) = packet.timestamps {
            self.peer_stamp = val;
        }
        if let Some(reply) = self.acknowledge(packet.ack) {
            return reply;
        }
        if packet.seq_len() == 0 {
            return Reply::Nothing;
        }
        if offset > 0 {
            return Reply::AckNow;
        }
        self.take(packet)
    }

    /// Takes data and FIN that come in order.
    fn take(&mut self, packet: &Packet) -> Reply {
        let fresh = distance(packet.seq.wrapping_add(packet.len), self.rcv).max(0) as u32;
        if fresh > 0 && self.orphan {
            return Reply::RefuseAndDie(super::reasons::DATA_AFTER_CLOSE);
        }
        self.rcv = self.rcv.wrapping_add(fresh);
        if !self.reads {
            self.unread += fresh;
        }
        if packet.has(FIN) {
            self.rcv = self.rcv.wrapping_add(1);
            self.state = match self.state {
                State::Established => State::CloseWait,
                State::FinWait1 => State::Closing,
                State::FinWait2 => State::TimeWait,
                other => other,
            };
            return Reply::AckNow;
        }
        Reply::Ack
    }

    fn acknowledge(&mut self, ack: u32) -> Option<Reply> {
        if distance(ack, self.una) <= 0 {
            return None;
        }
        self.una = ack;
        self.retries = 0;
        self.flying.retain(|(seq, len, fin)| distance(seq.wrapping_add(*len + u32::from(*fin)), ack) > 0);
        if !self.fin_acked() {
            return None;
        }
        match self.state {
            State::FinWait1 => self.state = State::FinWait2,
            State::Closing => self.state = State::TimeWait,
            State::LastAck => return Some(Reply::Die(Fate::Closed)),
            _ => {}
        }
        None
    }
}
