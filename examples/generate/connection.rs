//! Connections: what each does next, and how it ends.

use crate::Random;

/// How a connection ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// FIN from both sides.
    Close,
    /// It never begins: the SYN is refused.
    ClosedPort,
    /// The client aborts.
    Abort,
    /// The server closes, the client sends more.
    DataAfterClose,
    /// The server forgets the connection, the client sends more.
    LostState,
    /// The server closes first, and a SYN with lower numbers meets its TIME-WAIT.
    TimeWait,
}

impl Ending {
    /// The endings with a reset, as verdicts name them.
    pub const RESETS: [(Ending, &'static str); 5] = [
        (Ending::ClosedPort, "closed-port/no-listener"),
        (Ending::Abort, "abortive-close/linger-zero"),
        (Ending::DataAfterClose, "abortive-close/data-after-close"),
        (Ending::LostState, "half-open-response/lost-state"),
        (Ending::TimeWait, "time-wait-collision/syn-reset-by-client"),
    ];

    /// Three connections in a hundred for each kind of reset.
    fn draw(random: &mut Random) -> Ending {
        let kind = random.below(100) as usize / 3;
        Self::RESETS.get(kind).map_or(Ending::Close, |(ending, _)| *ending)
    }
}

/// What a connection does next.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Syn,
    SynAck,
    HandshakeAck,
    /// One side's data; then the other's ACK.
    Data {
        from_client: bool,
    },
    DataAck {
        from_client: bool,
    },
    /// The side that closes first, the other, and the last ACK.
    FirstFin,
    SecondFin,
    LastAck,
    /// The ACK of a FIN whose receiver goes on sending.
    FinAck,
    /// A segment that draws a reset, and the reset.
    Trigger,
    Reset,
    /// A SYN into TIME-WAIT, and the old ACK it draws.
    LowSyn,
    OldAck,
    Done,
}

/// One side of a connection.
#[derive(Clone, Copy)]
pub struct Side {
    pub next: u32,
    pub id: u16,
}

/// One connection on its way.
pub struct Connection {
    pub number: u64,
    pub ipv6: bool,
    pub timestamps: bool,
    pub ending: Ending,
    pub step: Step,
    /// Frames still to be spent on data.
    pub left: u64,
    pub client: Side,
    pub server: Side,
    /// How long the segment was that has to be sent again.
    pub lost: Option<usize>,
    /// What the server acknowledged when it went into TIME-WAIT.
    pub old_ack: u32,
    /// Whether the ending was played, and what follows is an ordinary close.
    pub ended: bool,
}

/// A segment to be written.
pub struct Segment {
    pub from_client: bool,
    pub flags: &'static str,
    pub seq: u32,
    pub ack: u32,
    pub len: usize,
    pub window: u16,
    /// Made without a socket: no options, identification 0.
    pub bare: bool,
}

impl Connection {
    pub fn new(number: u64, frames: u64, random: &mut Random) -> Self {
        let ending = Ending::draw(random);
        let jitter = random.below(frames.max(1));
        Self {
            number,
            ipv6: random.below(10) == 0,
            // With timestamps Linux would recognise the new SYN as newer and recycle its TIME-WAIT.
            timestamps: ending != Ending::TimeWait && random.below(10) != 0,
            ending,
            step: Step::Syn,
            left: if ending == Ending::ClosedPort { 0 } else { (frames / 2 + jitter).saturating_sub(6) },
            client: Side { next: random.number() as u32, id: random.number() as u16 },
            server: Side { next: random.number() as u32, id: random.number() as u16 },
            lost: None,
            old_ack: 0,
            ended: ending == Ending::Close,
        }
    }

    /// The next segment, and the step after it.
    pub fn advance(&mut self, random: &mut Random) -> Segment {
        match self.step {
            Step::Syn | Step::LowSyn => self.open(),
            Step::SynAck => {
                let segment = self.send(false, "S.", 0);
                self.server.next = self.server.next.wrapping_add(1);
                self.then(Step::HandshakeAck, segment)
            }
            Step::HandshakeAck => {
                let segment = self.send(true, ".", 0);
                self.then(self.after_data(true), segment)
            }
            Step::Data { from_client } => self.data(from_client, random),
            Step::DataAck { from_client } => {
                let segment = self.send(from_client, ".", 0);
                self.then(self.after_data(from_client), segment)
            }
            Step::FirstFin | Step::SecondFin | Step::LastAck | Step::FinAck => self.close(),
            Step::Trigger | Step::Reset | Step::OldAck | Step::Done => self.refuse(random),
        }
    }

    fn open(&mut self) -> Segment {
        let lower = self.step == Step::LowSyn;
        let segment = self.send(true, "S", 0);
        let segment = Segment { ack: 0, window: 64240, ..segment };
        self.client.next = self.client.next.wrapping_add(1);
        let refused = self.ending == Ending::ClosedPort;
        self.then(
            if lower {
                Step::OldAck
            } else if refused {
                Step::Reset
            } else {
                Step::SynAck
            },
            segment,
        )
    }

    fn data(&mut self, from_client: bool, random: &mut Random) -> Segment {
        let again = self.lost.take();
        let len = again.unwrap_or_else(|| 1 + random.below(104) as usize);
        let segment = self.send(from_client, "P.", len);
        self.left = self.left.saturating_sub(2);
        // One in a hundred is lost beyond the capture point and sent again.
        if again.is_none() && random.below(100) == 0 {
            self.lost = Some(len);
        } else {
            let side = if from_client { &mut self.client } else { &mut self.server };
            side.next = side.next.wrapping_add(len as u32);
            self.step = Step::DataAck { from_client: !from_client };
        }
        segment
    }

    /// Who speaks next, or how the connection ends.
    fn after_data(&self, from_client: bool) -> Step {
        match (self.left, self.ended, self.ending) {
            (1.., ..) => Step::Data { from_client },
            (0, true, _) => Step::FirstFin,
            // The client aborts when all it sent was acknowledged and all it received was answered.
            (0, false, Ending::Abort) if from_client => Step::Data { from_client },
            (0, false, Ending::Abort) => Step::Reset,
            (0, false, Ending::LostState) => Step::Trigger,
            (0, false, _) => Step::FirstFin,
        }
    }

    /// The server closes first where its own close is the point, else the client.
    fn close(&mut self) -> Segment {
        let server_first = !self.ended && matches!(self.ending, Ending::DataAfterClose | Ending::TimeWait);
        let first = !server_first;
        match self.step {
            Step::FirstFin => {
                let goes_on = self.ending == Ending::DataAfterClose && !self.ended;
                self.fin(first, if goes_on { Step::FinAck } else { Step::SecondFin })
            }
            Step::SecondFin => self.fin(!first, Step::LastAck),
            Step::FinAck => {
                let segment = self.send(!first, ".", 0);
                self.then(Step::Trigger, segment)
            }
            _ => {
                let segment = self.send(first, ".", 0);
                let collides = self.ending == Ending::TimeWait && !self.ended;
                self.old_ack = self.client.next;
                if collides {
                    self.client.next = self.client.next.wrapping_sub(1_000_000);
                }
                self.then(if collides { Step::LowSyn } else { Step::Done }, segment)
            }
        }
    }

    fn fin(&mut self, from_client: bool, then: Step) -> Segment {
        let segment = self.send(from_client, "F.", 0);
        let side = if from_client { &mut self.client } else { &mut self.server };
        side.next = side.next.wrapping_add(1);
        self.then(then, segment)
    }

    /// The reset and what draws it.
    fn refuse(&mut self, random: &mut Random) -> Segment {
        match (self.step, self.ending) {
            (Step::Trigger, _) => {
                let segment = self.send(true, "P.", 1 + random.below(60) as usize);
                self.then(Step::Reset, segment)
            }
            (Step::OldAck, _) => {
                let segment = Segment { ack: self.old_ack, bare: true, ..self.send(false, ".", 0) };
                self.then(Step::Reset, segment)
            }
            (_, Ending::ClosedPort) => {
                let segment = Segment { seq: 0, window: 0, bare: true, ..self.send(false, "R.", 0) };
                self.then(Step::Done, segment)
            }
            (_, Ending::Abort) => {
                let segment = self.send(true, "R.", 0);
                self.then(Step::Done, segment)
            }
            (_, Ending::TimeWait) => {
                let segment = Segment { seq: self.old_ack, ..self.bare_reset(true) };
                // The SYN is repeated at once, connects with new server numbers, and the connection closes in order.
                self.client.next = self.client.next.wrapping_sub(1);
                self.server.next = random.number() as u32;
                self.ended = true;
                self.then(Step::Syn, segment)
            }
            _ => {
                let segment = self.bare_reset(false);
                self.then(Step::Done, segment)
            }
        }
    }

    fn bare_reset(&mut self, from_client: bool) -> Segment {
        Segment { ack: 0, window: 0, bare: true, ..self.send(from_client, "R", 0) }
    }

    fn send(&mut self, from_client: bool, flags: &'static str, len: usize) -> Segment {
        let (from, to) = if from_client { (self.client, self.server) } else { (self.server, self.client) };
        Segment { from_client, flags, seq: from.next, ack: to.next, len, window: 502, bare: false }
    }

    fn then(&mut self, step: Step, segment: Segment) -> Segment {
        self.step = step;
        segment
    }

    /// How many frames a connection that has not begun will take, about.
    pub fn frames_ahead(&self) -> u64 {
        match self.ending {
            Ending::ClosedPort => 2,
            Ending::TimeWait => self.left + 15,
            _ => self.left + 6,
        }
    }

    /// Whether the next segment follows at once, as an answer of a kernel does.
    pub fn hurries(&self) -> bool {
        matches!(self.step, Step::Reset | Step::OldAck | Step::SynAck)
    }
}
