//! Live capture through libpcap: a thread for each interface takes frames from the kernel, the analysis takes them from a queue.

mod chunk;
mod counts;
mod device;
mod front;
mod open;
mod queue;
mod reader;

use std::borrow::Cow;
use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

pub use counts::LiveCounts;
pub use device::{interface_name, interface_names, interfaces, link_types};

use self::front::{Choice, Front, choose};
use self::open::BLOCK_TIMEOUT;
use self::queue::{LastCall, Queue};
use self::reader::Reader;
use super::at_hand::AtHand;
use super::original::{Beside, Description, Original, Originals, interface_option, push_option};
use super::pipe::PATIENCE;
use super::{Drops, LiveOptions, Next, Source, SourceError};
use crate::frame::{LinkType, Loss};

/// A capture on one or more interfaces, each an input with frame numbers of its own, merged by time.
///
/// The kernel hands over its ring block by block, a partly filled one after 100 ms: verdicts come promptly without the
/// immediate mode, in which Linux gives each frame a slot of the whole snapshot length and so the ring very few of them.
pub struct Live {
    queue: Arc<Queue>,
    /// Those whose threads are still to be started: whoever opens a capture may want to give up rights before.
    waiting: Vec<Reader>,
    threads: Vec<JoinHandle<()>>,
    fronts: Vec<Front>,
    /// How many interfaces were announced.
    announced: usize,
    /// Whether the latest one was asked for since.
    told: bool,
    /// The place of the interface last heard of.
    at: usize,
    options: LiveOptions,
}

/// What comes next of all interfaces.
enum Step {
    /// A frame of this one.
    Give(usize),
    Lost(Loss),
    Failed(SourceError),
    Idle,
    End,
}

impl Live {
    /// Opens all interfaces: the kernel keeps frames for them from now on. `wake` is watched while waiting for frames; when it
    /// can be read, the wait is over.
    ///
    /// Threads are started with the first call of [`Source::next`].
    ///
    /// # Errors
    ///
    /// An interface does not exist, the rights are missing, the filter is wrong, or libpcap cannot do what was asked.
    pub fn open(options: &LiveOptions, wake: OwnedFd) -> Result<Self, SourceError> {
        let room = usize::try_from(u64::from(options.buffer_kib) * 1024).unwrap_or(usize::MAX);
        let queue = Arc::new(Queue::new(options.interfaces.len(), room));
        let (mut waiting, mut fronts) = (Vec::new(), Vec::new());
        for (lane, interface) in options.interfaces.iter().enumerate() {
            let capture = open::capture(interface, options)?;
            let link = LinkType((capture.get_datalink().0 & 0xffff) as u16);
            fronts.push(Front::new(u16::try_from(lane).unwrap_or(u16::MAX), link));
            waiting.push(Reader::new(capture, wake.try_clone()?, (&queue, lane))?);
        }
        let options = options.clone();
        Ok(Self { queue, waiting, threads: Vec::new(), fronts, announced: 0, told: true, at: 0, options })
    }

    /// The counters of this capture, which go on while it does.
    pub fn counts(&self) -> Arc<LiveCounts> {
        Arc::clone(&self.queue.counts)
    }

    /// Ends the capture: what it has come to.
    pub fn close(&mut self) -> Drops {
        self.queue.close();
        for thread in self.threads.drain(..) {
            // One that panicked has said so.
            let _ = thread.join();
        }
        self.queue.counts.drops()
    }

    /// The name of the interface last heard of.
    pub fn interface(&self) -> &str {
        self.options.interfaces.get(self.at).map_or("", String::as_str)
    }

    /// How this captures.
    pub fn options(&self) -> &LiveOptions {
        &self.options
    }

    /// Whether [`interface`](Live::interface) has just been announced, once.
    pub fn is_opened(&mut self) -> bool {
        !std::mem::replace(&mut self.told, true)
    }

    /// What was lost and not said yet.
    pub fn lost(&mut self) -> Option<Loss> {
        self.queue.lock().losses.pop_front()
    }

    fn start(&mut self) -> Result<(), SourceError> {
        for reader in self.waiting.drain(..) {
            self.threads.push(thread::Builder::new().name("capture".to_owned()).spawn(move || reader.run())?);
        }
        Ok(())
    }

    /// What comes next, after a wait if need be.
    #[inline(never)]
    fn step(&mut self) -> Step {
        let deadline = Instant::now() + PATIENCE;
        let until = self.queue.last_call.get().map(|last| last.until);
        let mut state = self.queue.lock();
        loop {
            if let Some(loss) = state.losses.pop_front() {
                return Step::Lost(loss);
            }
            for (lane, front) in self.fronts.iter_mut().enumerate() {
                if let Some(error) = front.refresh(&mut state, lane, until) {
                    self.at = lane;
                    return Step::Failed(error);
                }
            }
            match choose(&self.fronts) {
                Choice::Give(lane) => return Step::Give(lane),
                Choice::End => return Step::End,
                Choice::Unknown => {}
            }
            let patience = deadline.saturating_duration_since(Instant::now());
            if patience.is_zero() || state.was_woken() {
                return Step::Idle;
            }
            state = self.queue.wait(state, patience);
        }
    }
}

impl Source for Live {
    fn next(&mut self) -> Result<Next<'_>, SourceError> {
        if let Some(front) = self.fronts.get(self.announced) {
            self.at = self.announced;
            self.announced += 1;
            self.told = false;
            let link = front.link;
            self.start()?;
            return Ok(Next::Interface(link));
        }
        let step = match choose(&self.fronts) {
            Choice::Give(lane) => Step::Give(lane),
            Choice::Unknown | Choice::End => self.step(),
        };
        match step {
            Step::Give(lane) => {
                self.at = lane;
                Ok(self.fronts.get_mut(lane).and_then(Front::give).map_or(Next::Idle, Next::Frame))
            }
            Step::Lost(loss) => Ok(Next::Lost(loss)),
            Step::Failed(error) if self.fronts.iter().all(Front::is_over) => Err(error),
            Step::Failed(error) => Ok(Next::Damaged(error)),
            Step::Idle => Ok(Next::Idle),
            Step::End => Ok(Next::End),
        }
    }

    fn at_hand(&mut self) -> AtHand<'_> {
        match &mut self.fronts[..] {
            [only] if self.queue.last_call.get().is_none() => only.at_hand(),
            _ => AtHand::None,
        }
    }

    fn stop(&mut self) {
        let last = LastCall { until: reader::now(), deadline: Instant::now() + 2 * BLOCK_TIMEOUT };
        let last = self.queue.last_call.get_or_init(|| last);
        self.fronts.iter_mut().for_each(|front| front.end_at(last.until));
    }
}

impl Originals for Live {
    fn keep_originals(&mut self) {}

    fn original(&self) -> Option<Original<'_>> {
        let frame = self.fronts.get(self.at)?.given()?;
        let ticks = u64::try_from(frame.time.as_nanos()).ok()?;
        Some(Original { frame, interface: 0, ticks, timeless: false, big_endian: false, options: Cow::default() })
    }

    fn description(&self) -> Option<Description> {
        let LiveOptions { snap_len, filter, .. } = &self.options;
        let front = self.fronts.get(self.at)?;
        let mut options = Vec::new();
        push_option(&mut options, false, (interface_option::NAME, self.interface().as_bytes()));
        push_option(&mut options, false, (interface_option::TIME_RESOLUTION, &[9]));
        if let Some(filter) = filter {
            // The first byte says in which language.
            let text = [&[0], filter.as_bytes()].concat();
            push_option(&mut options, false, (interface_option::FILTER, &text));
        }
        let (input, link, snap_len) = (front.input, front.link, *snap_len);
        Some(Description { input, interface: 0, link, snap_len, big_endian: false, options })
    }

    fn beside(&mut self) -> Vec<Beside> {
        Vec::new()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("interfaces", &self.options.interfaces).finish_non_exhaustive()
    }
}
