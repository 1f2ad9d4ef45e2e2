//! Connections: what each does next.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::ending::{ABRUPT, Ending, HANDSHAKE, Isn, Move, Pause, Side, What};
use crate::random::Random;

/// What connections are made from.
pub struct Mixture {
    /// Of a hundred connections, those that end with a reset.
    pub resets: u64,
    /// How the others end.
    pub otherwise: &'static Ending,
    /// Only endings that do not depend on times.
    pub timeless: bool,
    /// The least and the most bytes of a segment with data.
    pub payload: (u16, u16),
}

impl Mixture {
    fn draw(&self, random: &mut Random) -> &'static Ending {
        if random.below(100) >= self.resets {
            return self.otherwise;
        }
        loop {
            let ending = &ABRUPT[random.below(ABRUPT.len() as u64) as usize];
            if !self.timeless || ending.is_timeless() {
                return ending;
            }
        }
    }

    fn length(&self, random: &mut Random) -> u16 {
        let (least, most) = self.payload;
        least + random.below(u64::from(most - least) + 1) as u16
    }
}

/// One end of a connection.
#[derive(Clone, Copy)]
struct End {
    /// The next number to send.
    next: u32,
    /// The next number that it expects.
    heard: u32,
    /// The last acknowledgment number that it sent.
    said: u32,
    /// Where its last data lies, and how long it is.
    data: (u32, u16),
    id: u16,
}

impl End {
    fn new(random: &mut Random) -> Self {
        let mut number = || random.number() as u32;
        Self { next: number(), heard: number(), said: 0, data: (0, 0), id: number() as u16 }
    }
}

/// How far a connection is.
#[derive(Clone, Copy)]
enum Stage {
    Opening(usize),
    Talk,
    Ending(usize),
}

/// One connection on its way.
pub struct Connection {
    pub number: u64,
    pub ending: &'static Ending,
    ipv6: bool,
    timestamps: bool,
    stage: Stage,
    /// Who sends data, or owes the acknowledgment of it.
    turn: Move,
    /// Frames still to be spent on data.
    left: u64,
    client: End,
    server: End,
}

/// A segment to be written.
pub struct Segment {
    pub source: (IpAddr, u16),
    pub destination: (IpAddr, u16),
    pub flags: &'static str,
    pub seq: u32,
    pub ack: u32,
    pub len: u16,
    pub window: u16,
    pub options: Options,
    /// The identification of IPv4; 0 where there is no socket.
    pub id: u16,
    /// The flow label of IPv6.
    pub label: u32,
    pub ttl: u8,
}

/// The TCP options of a segment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Options {
    None,
    /// The maximum segment size alone, as scanners send it.
    Mss,
    /// Those of an operating system, with timestamps or without.
    Usual {
        timestamps: bool,
    },
}

impl Connection {
    /// A connection that takes about so many frames.
    pub fn new(number: u64, frames: u64, mixture: &Mixture, random: &mut Random) -> Self {
        let ending = mixture.draw(random);
        let talk = if ending.opens { frames.saturating_sub(ending.frames()) } else { 0 };
        Self {
            number,
            ending,
            ipv6: random.below(10) == 0,
            timestamps: ending.timestamps && random.below(10) != 0,
            stage: if ending.opens { Stage::Opening(0) } else { Stage::Ending(0) },
            turn: Move::new(Side::Client, What::Data),
            left: talk / 2 * 2,
            client: End::new(random),
            server: End::new(random),
        }
    }

    /// How many frames a connection that has not begun will take, but for what is sent again.
    pub fn frames_ahead(&self) -> u64 {
        self.ending.frames() + self.left
    }

    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Ending(at) if at >= self.ending.moves.len())
    }

    /// What passes before the next segment.
    pub fn pause(&self) -> Pause {
        self.next().map_or(Pause::Turns, |step| step.pause)
    }

    fn next(&self) -> Option<Move> {
        match self.stage {
            Stage::Opening(at) => HANDSHAKE.get(at).copied(),
            Stage::Talk => Some(self.turn),
            Stage::Ending(at) => self.ending.moves.get(at).copied(),
        }
    }

    /// The next segment; `None` when it is over.
    pub fn advance(&mut self, mixture: &Mixture, random: &mut Random) -> Option<Segment> {
        let mut step = self.next()?;
        self.stage = match self.stage {
            Stage::Opening(at) if at + 1 < HANDSHAKE.len() => Stage::Opening(at + 1),
            Stage::Ending(at) => Stage::Ending(at + 1),
            Stage::Opening(_) if self.left > 0 => Stage::Talk,
            Stage::Opening(_) => Stage::Ending(0),
            Stage::Talk => {
                step.arrives = self.talk(step, random);
                if self.left > 0 { Stage::Talk } else { Stage::Ending(0) }
            }
        };
        let len = if step.what == What::Data { mixture.length(random) } else { 0 };
        Some(self.make(step, len, random.number() as u32))
    }

    /// Settles what comes after this move of the exchange of data; whether it arrives.
    fn talk(&mut self, step: Move, random: &mut Random) -> bool {
        // One in a hundred is lost beyond the capture point and sent again.
        if step.what == What::Data && random.below(100) == 0 {
            self.turn = Move { what: What::Again, ..step }.after(210);
            return false;
        }
        self.left -= 1;
        self.turn = match (step.what, step.from) {
            (What::Ack, from) => Move::new(from, What::Data),
            (_, Side::Client) => Move::new(Side::Server, What::Ack),
            (_, Side::Server) => Move::new(Side::Client, What::Ack),
        };
        true
    }

    fn make(&mut self, step: Move, len: u16, isn: u32) -> Segment {
        let from_client = step.from == Side::Client;
        let (own, peer) =
            if from_client { (&mut self.client, &mut self.server) } else { (&mut self.server, &mut self.client) };
        let (seq, len) = own.place(step.what, len, isn);
        let (flags, seq, ack) = match step.what {
            What::Syn(_) => ("S", seq, 0),
            What::SynAck => ("S.", seq, own.heard),
            What::Ack | What::BareAck | What::Shut | What::Probe => (".", seq, own.heard),
            What::Data | What::Again => ("P.", seq, own.heard),
            What::Fin => ("F.", seq, own.heard),
            What::Abort | What::Forgery => ("R.", seq, own.heard),
            What::Refusal => ("R.", 0, peer.next),
            What::Answer => ("R", peer.said, 0),
        };
        own.said = ack;
        if step.arrives {
            peer.heard = own.next;
        }
        let bare = matches!(step.what, What::BareAck | What::Refusal | What::Answer);
        // As Linux counts: 0 for a SYN|ACK and for what is made without a socket, else one more than the last.
        let id = if bare || step.what == What::SynAck { 0 } else { own.count() };
        let (client, server) = self.ends();
        Segment {
            source: if from_client { client } else { server },
            destination: if from_client { server } else { client },
            flags,
            seq,
            ack,
            len,
            window: match step.what {
                What::Refusal | What::Answer | What::Shut => 0,
                What::Syn(_) | What::SynAck => 64240,
                _ => 502,
            },
            options: if bare { Options::None } else { Options::Usual { timestamps: self.timestamps } },
            id,
            label: (self.number as u32 & 0xf_ffff).max(1),
            ttl: if step.what == What::Forgery { 57 } else { 64 },
        }
    }

    /// A client has 50000 ports, a server the ports of four services, of which the last has no listener.
    fn ends(&self) -> ((IpAddr, u16), (IpAddr, u16)) {
        let number = self.number;
        let client = (10 << 24) + (number / 50_000) as u32 * 256 + (number % 251) as u32;
        let server = u32::from(Ipv4Addr::new(198, 18, 0, 0)) + (number % 64) as u32;
        let port = if self.ending.listens { [80, 443, 5432][number as usize % 3] } else { 8443 };
        let address = |host: u32| match self.ipv6 {
            true => IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8 << 96) | u128::from(host))),
            false => IpAddr::V4(host.into()),
        };
        ((address(client), 10_000 + (number % 50_000) as u16), (address(server), port))
    }
}

impl End {
    /// The sequence number and the length of what is sent next, with what that takes.
    fn place(&mut self, what: What, len: u16, isn: u32) -> (u32, u16) {
        match what {
            What::Syn(place) => {
                self.next = match place {
                    Isn::New => isn,
                    Isn::Below => self.next.wrapping_sub(1_000_000),
                    Isn::Above => self.next.wrapping_add(1_000),
                    Isn::Same => self.next.wrapping_sub(1),
                };
                (self.take(1), 0)
            }
            What::SynAck => {
                self.next = isn;
                (self.take(1), 0)
            }
            What::Fin => (self.take(1), 0),
            What::Data => {
                self.data = (self.take(u32::from(len)), len);
                self.data
            }
            What::Again => self.data,
            What::Probe => (self.next.wrapping_sub(1), 0),
            _ => (self.next, 0),
        }
    }

    fn take(&mut self, len: u32) -> u32 {
        let seq = self.next;
        self.next = seq.wrapping_add(len);
        seq
    }

    fn count(&mut self) -> u16 {
        self.id = self.id.wrapping_add(1).max(1);
        self.id
    }
}
