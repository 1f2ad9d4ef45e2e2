//! Many connections at a time, in one order or another.

use std::collections::BTreeMap;
use std::io;

use crate::capture::Capture;
use crate::connection::{Connection, Mixture};
use crate::ending::Pause;
use crate::random::Random;

/// How much of it there is.
#[derive(Clone, Copy)]
pub struct Amount {
    /// Connections under way at the end are finished first.
    pub frames: u64,
    pub connections: u64,
    /// How many connections are open at once, at most.
    pub open: usize,
}

/// All connections, and the file they are written to.
pub struct Traffic<'a> {
    capture: &'a mut Capture,
    random: &'a mut Random,
    mixture: Mixture,
    amount: Amount,
    /// The most between two frames that have nothing to do with each other, and the least before an answer.
    pace_ns: u64,
    /// Of one frame in so many, another protocol's follows.
    noise_every: u64,
    /// Frames that the connections so far will take, about.
    promised: u64,
    /// Connections that go on as soon as there is room for them in the capture.
    ready: Vec<Connection>,
    /// Those that go on at a certain time.
    waiting: BTreeMap<(u64, u64), Connection>,
}

impl<'a> Traffic<'a> {
    pub fn new(capture: &'a mut Capture, random: &'a mut Random, mixture: Mixture, amount: Amount) -> Self {
        let (ready, waiting) = (Vec::new(), BTreeMap::new());
        let pace_ns = if mixture.timeless { 1_000 } else { 10_000 };
        Self { capture, random, mixture, amount, pace_ns, noise_every: 50, promised: 0, ready, waiting }
    }

    /// Now this connection goes on, now that one.
    pub fn mixed(mut self) -> io::Result<()> {
        loop {
            while self.ready.len() + self.waiting.len() < self.amount.open.max(1) && self.has_more() {
                let connection = self.begin();
                self.ready.push(connection);
            }
            let Some(mut connection) = self.next() else { break };
            self.play(&mut connection)?;
            self.put_back(connection);
            self.capture.time_ns += self.random.below(self.pace_ns);
            if self.random.below(self.noise_every) == 0 {
                self.capture.noise()?;
            }
        }
        while self.capture.contents.frames < self.amount.frames {
            self.capture.time_ns += self.random.below(self.pace_ns);
            self.capture.noise()?;
        }
        Ok(())
    }

    /// Every connection makes its first step before any makes its second one, and so on.
    pub fn in_rounds(mut self) -> io::Result<()> {
        // A prime, so that neighbours in time are none in number.
        const STRIDE: usize = 1_000_003;
        while self.has_more() {
            let connection = self.begin();
            self.ready.push(connection);
        }
        let mut connections = std::mem::take(&mut self.ready);
        let stride = if connections.len().is_multiple_of(STRIDE) { 1 } else { STRIDE };
        let mut index = 0;
        while connections.iter().any(|connection| !connection.is_over()) {
            for _ in 0..connections.len() {
                index = (index + stride) % connections.len();
                self.play(&mut connections[index])?;
                self.capture.time_ns += self.random.below(self.pace_ns);
            }
        }
        connections.iter().for_each(|connection| self.count(connection));
        Ok(())
    }

    fn has_more(&self) -> bool {
        self.capture.contents.connections < self.amount.connections
    }

    /// The next connection, with its share of the frames that no other has.
    fn begin(&mut self) -> Connection {
        let number = self.capture.contents.connections;
        // The noise, and the segments that are sent again.
        let others = if self.mixture.timeless { 0 } else { self.amount.frames / self.noise_every * 5 / 4 };
        let wanted = self.amount.frames - others;
        let share = wanted.saturating_sub(self.promised) / (self.amount.connections - number).max(1);
        // Some are long, some short.
        let own = if self.mixture.timeless { share } else { share / 2 + self.random.below(share.max(1)) };
        let connection = Connection::new(number, own, &self.mixture, self.random);
        self.promised += connection.frames_ahead();
        self.capture.contents.connections += 1;
        connection
    }

    /// Writes one connection's next segment, and what follows it at once.
    fn play(&mut self, connection: &mut Connection) -> io::Result<()> {
        loop {
            let Some(segment) = connection.advance(&self.mixture, self.random) else { return Ok(()) };
            self.capture.segment(&segment)?;
            if connection.pause() != Pause::None {
                return Ok(());
            }
            self.capture.time_ns += self.pace_ns + self.random.below(4 * self.pace_ns);
        }
    }

    fn put_back(&mut self, connection: Connection) {
        if connection.is_over() {
            return self.count(&connection);
        }
        match connection.pause() {
            Pause::Milliseconds(milliseconds) => {
                let due = self.capture.time_ns + u64::from(milliseconds) * 1_000_000;
                self.waiting.insert((due, connection.number), connection);
            }
            Pause::Turns | Pause::None => self.ready.push(connection),
        }
    }

    fn count(&mut self, connection: &Connection) {
        connection.ending.resets.iter().for_each(|reset| self.capture.contents.add(reset));
    }

    /// Whose turn it is: that of one whose time has come, or else of any. Where nothing else happens, the time comes at once.
    fn next(&mut self) -> Option<Connection> {
        if let Some(first) = self.waiting.first_entry() {
            let (due, _) = *first.key();
            if due <= self.capture.time_ns || self.ready.is_empty() {
                self.capture.time_ns = self.capture.time_ns.max(due);
                return Some(first.remove());
            }
        }
        let any = self.random.below(self.ready.len() as u64) as usize;
        (any < self.ready.len()).then(|| self.ready.swap_remove(any))
    }
}
