//! Two threads for files of which only some connections are followed: one reads and looks at every frame, the other one follows
//! connections, decides and prints.
//!
//! What goes from one to the other are values in the order of the capture, so what comes out is the same as with one thread.

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::inputs::Inputs;
use super::merge::Merge;
use super::{Halt, Run};
use crate::analyzer::{Chunk, Front};
use crate::frame::{FrameNo, LinkType, Loss};
use crate::source::{AtHand, Next, Source, SourceError};

/// So many chunks are under way at most, each of a quarter of a megabyte or little more.
const UNDER_WAY: usize = 8;

/// Whether there are several processors, and it is allowed to use them. The system's files that tell are not there in the
/// sandbox.
pub(super) fn several(wanted: Option<usize>) -> bool {
    wanted.unwrap_or_else(|| thread::available_parallelism().map_or(1, NonZero::get)) > 1
}

/// What the reading thread tells.
enum Told {
    /// What is to be followed of the frames up to now, and how many these were in all.
    Chunk(Chunk, u64),
    /// An interface, and what to say of an input whose reading began.
    Interface(LinkType, Option<Greeting>),
    Comment(FrameNo, String),
    Lost(Loss),
    /// Damage in the input of this name, which was passed over.
    Damaged(String, SourceError),
    /// This file cannot be read on.
    Failed(PathBuf, SourceError),
    /// All is read, with what to say of an input that had no interface.
    Ended(Option<Greeting>),
}

/// What is said of an input whose link type is not known yet: the words before and after that.
type Greeting = (String, String);

/// Nobody listens any more: the run is over.
struct Unheard;

impl Run {
    /// All frames of files into the analyzer, with one thread or `several`.
    pub(super) fn pump_files(&mut self, mut merge: Merge, several: bool) -> anyhow::Result<()> {
        if several
            && self.takes_all()
            && !self.agent.takes_findings()
            && let Some(front) = self.analyzer.split()
        {
            return self.pump_apart(merge, front);
        }
        loop {
            match self.pump(&mut merge) {
                Ok(()) => return Ok(()),
                Err(halt) => self.survive(halt, || merge.abandon())?,
            }
        }
    }

    /// As [`pump`](Run::pump), with a thread of its own for `front`.
    fn pump_apart(&mut self, merge: Merge, front: Box<Front>) -> anyhow::Result<()> {
        let (teller, told) = sync_channel(UNDER_WAY);
        let (giver, spare) = sync_channel(UNDER_WAY);
        let reader = Reader { merge, front, chunk: Chunk::default(), frames: 0, teller, spare };
        thread::scope(|scope| {
            let reading = scope.spawn(|| reader.read());
            let listened = self.listen(told, &giver);
            if let Ok(front) = reading.join() {
                self.analyzer.join(front);
            }
            listened
        })
    }

    /// Takes what is told until all is read. The receiver goes with it, so that the reader ends, too, where this cannot go on.
    fn listen(&mut self, told: Receiver<Told>, giver: &SyncSender<Chunk>) -> anyhow::Result<()> {
        for told in told {
            if self.signals.has_news() {
                self.heed_wishes()?;
            }
            match told {
                Told::Chunk(mut chunk, frames) => {
                    while self.analyzer.take(&mut chunk) {
                        self.report()?;
                    }
                    chunk.clear();
                    // Where there are enough of them, one less.
                    _ = giver.try_send(chunk);
                    self.frames = frames;
                    self.report()?;
                }
                Told::Interface(link, greeting) => {
                    self.greet_with(greeting);
                    self.interface(link)?;
                }
                Told::Comment(frame, text) => _ = self.comment(frame, text),
                Told::Lost(loss) => _ = self.lost(&loss),
                Told::Damaged(name, error) => _ = self.damaged(&name, &error),
                Told::Failed(path, error) => self.survive(Halt::Source(error), || path)?,
                Told::Ended(greeting) => self.greet_with(greeting),
            }
        }
        self.begin_unbegun()?;
        Ok(())
    }

    fn greet_with(&mut self, greeting: Option<Greeting>) {
        self.greeting = greeting.or(self.greeting.take());
    }
}

/// The reading thread.
struct Reader {
    merge: Merge,
    front: Box<Front>,
    chunk: Chunk,
    frames: u64,
    teller: SyncSender<Told>,
    /// Chunks to be filled again.
    spare: Receiver<Chunk>,
}

impl Reader {
    /// Reads to the end, or until nobody listens.
    fn read(mut self) -> Box<Front> {
        // Whoever no longer listens knows why.
        if self.read_all().is_ok() {
            self.front.finish_to(&mut self.chunk);
            let greeting = self.merge.opened();
            _ = self.hand_on().and_then(|()| self.tell(Told::Ended(greeting)));
        }
        self.front
    }

    fn read_all(&mut self) -> Result<(), Unheard> {
        let mut stopping = false;
        loop {
            if !stopping && self.merge.is_stopped() {
                stopping = true;
                self.merge.stop();
            }
            match self.merge.next() {
                Ok(Next::Frame(ref frame)) => {
                    self.front.push_to(frame, &mut self.chunk);
                    self.frames += 1;
                    self.frames += match self.merge.at_hand() {
                        AtHand::None => 0,
                        AtHand::Pcap(mut records) => self.front.push_all_to(&mut records, &mut self.chunk),
                        AtHand::PcapNg(mut blocks) => self.front.push_all_to(&mut blocks, &mut self.chunk),
                    };
                    if self.chunk.is_full() {
                        self.hand_on()?;
                    }
                }
                Ok(Next::Interface(link)) => {
                    let greeting = self.merge.opened();
                    self.tell_in_order(Told::Interface(link, greeting))?;
                }
                Ok(Next::Comment(frame, text)) => self.tell_in_order(Told::Comment(frame, text))?,
                Ok(Next::Lost(loss)) => self.tell_in_order(Told::Lost(loss))?,
                Ok(Next::Damaged(error)) => {
                    let name = self.merge.name();
                    self.tell_in_order(Told::Damaged(name, error))?;
                }
                Ok(Next::Idle) => {}
                Ok(Next::End) => return Ok(()),
                Err(error) => {
                    let path = self.merge.abandon();
                    self.tell_in_order(Told::Failed(path, error))?;
                }
            }
        }
    }

    fn tell(&mut self, told: Told) -> Result<(), Unheard> {
        self.teller.send(told).map_err(|_| Unheard)
    }

    /// Tells something that comes after all frames before it.
    fn tell_in_order(&mut self, told: Told) -> Result<(), Unheard> {
        self.hand_on()?;
        self.tell(told)
    }

    /// Hands on what was kept.
    fn hand_on(&mut self) -> Result<(), Unheard> {
        let next = self.spare.try_recv().unwrap_or_default();
        let chunk = std::mem::replace(&mut self.chunk, next);
        self.tell(Told::Chunk(chunk, self.frames))
    }
}
