//! Several files as one source, in the order of time.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::input;
use super::progress::Meter;
use super::signals::Signals;
use crate::frame::{Frame, FrameNo, LinkType, Timestamp};
use crate::source::{AtHand, Beside, CaptureFile, Description, Next, Original, Originals, Source, SourceError};

/// The frames of several files, merged by time; frames of one file stay in its order.
///
/// A file is opened when time has come to its first frame, so that of rotated files few are open at once. After an error the
/// other files can be read on.
pub(super) struct Merge {
    signals: Arc<Signals>,
    meter: Meter,
    /// Not open yet, in the order in which they will be.
    waiting: VecDeque<Waiting>,
    open: Vec<Open>,
    /// Place of the open file last read from.
    at: usize,
    /// Whether only one file is left, and greeted.
    passes: bool,
    /// The file that could not be opened.
    refused: Option<PathBuf>,
    greeting: Option<PathBuf>,
    keeps_originals: bool,
}

struct Waiting {
    path: PathBuf,
    input: u16,
    /// When it starts; where that is not known it is opened once all files before it are read.
    first: Option<Timestamp>,
}

struct Open {
    path: PathBuf,
    file: CaptureFile<Box<dyn Read + Send>>,
    greeted: bool,
    /// Its next frame.
    head: Head,
    /// Whether `head` has one that was not handed out yet.
    ready: bool,
}

/// A frame that waits for those of other files.
struct Head {
    no: FrameNo,
    time: Timestamp,
    link: LinkType,
    wire_len: u32,
    data: Vec<u8>,
}

/// What to do next.
enum Step {
    /// Open the first of the waiting files.
    Open,
    /// Read on in this file, whose next frame is not known.
    Read(usize),
    /// Hand out the head of this file.
    Give(usize),
    /// One file is left: what it has next needs no comparison.
    Pass,
    End,
}

impl Merge {
    /// All of these files, each with its place as the number of its input.
    ///
    /// They are put in order by the times of their first frames. Where one of them is a pipe they are read one after the
    /// other as given: a pipe cannot be looked into without waiting for it.
    /// `meter` counts what is read of them, apart from these times.
    pub(super) fn new(files: &[PathBuf], signals: &Arc<Signals>, meter: Meter) -> Self {
        let regular = |path: &PathBuf| std::fs::metadata(path).is_ok_and(|data| data.is_file());
        let by_time = files.len() > 1 && files.iter().all(|path| regular(path) || !path.exists() && !is_stdin(path));
        let first = |path: &PathBuf| if by_time { first_time(path, signals) } else { None };
        let mut waiting: Vec<Waiting> =
            (0..).zip(files).map(|(input, path)| Waiting { path: path.clone(), input, first: first(path) }).collect();
        // What cannot be read comes last, so that it keeps nothing waiting.
        waiting.sort_by_key(|file| (file.first.is_none(), file.first));
        let waiting = VecDeque::from(waiting);
        Self {
            signals: Arc::clone(signals),
            meter,
            waiting,
            open: Vec::new(),
            at: 0,
            passes: false,
            refused: None,
            greeting: None,
            keeps_originals: false,
        }
    }

    /// With the numbers of the inputs counted from here on.
    pub(super) fn numbered_from(mut self, first: u16) -> Self {
        for file in &mut self.waiting {
            file.input = file.input.saturating_add(first);
        }
        self
    }

    /// After an error: gives up the file that it is of, and says which.
    pub(super) fn abandon(&mut self) -> PathBuf {
        self.greeting = None;
        self.refused.take().unwrap_or_else(|| self.open.remove(self.at).path)
    }

    /// Whether a signal asks for an end.
    pub(super) fn is_stopped(&self) -> bool {
        self.signals.stopped()
    }

    /// The file last read from.
    pub(super) fn path(&self) -> Option<&Path> {
        self.open.get(self.at).map(|open| open.path.as_path())
    }

    /// The file whose reading has just begun, once.
    pub(super) fn greeting(&mut self) -> Option<PathBuf> {
        self.greeting.take()
    }

    fn step(&self) -> Step {
        if let ([only], true) = (&self.open[..], self.waiting.is_empty())
            && !only.ready
        {
            return Step::Pass;
        }
        if let Some(unknown) = self.open.iter().position(|open| !open.ready) {
            return Step::Read(unknown);
        }
        // Of equal times the first: it was opened first.
        let earliest = self.open.iter().enumerate().min_by_key(|(_, open)| open.head.time);
        match (earliest, self.waiting.front()) {
            (None, None) => Step::End,
            (None, Some(_)) => Step::Open,
            (Some((_, open)), Some(next)) if next.first.is_some_and(|first| first < open.head.time) => Step::Open,
            (Some((at, _)), _) => Step::Give(at),
        }
    }

    fn open_next(&mut self) -> io::Result<()> {
        let Some(Waiting { path, input, .. }) = self.waiting.pop_front() else { return Ok(()) };
        let mut file = match input::open(&path, input, &self.signals, &self.meter) {
            Ok(file) => file,
            Err(error) => {
                self.refused = Some(path);
                return Err(error);
            }
        };
        if self.keeps_originals {
            file.keep_originals();
        }
        self.open.push(Open { path, file, greeted: false, head: Head::NONE, ready: false });
        Ok(())
    }

    /// Has the next frame of a file in its head; what comes before that, for the caller to pass on.
    fn read(&mut self, at: usize) -> Result<Option<Next<'static>>, SourceError> {
        let Some(open) = self.open.get_mut(at) else { return Ok(None) };
        self.at = at;
        match open.file.next() {
            Ok(Next::Frame(ref frame)) => {
                open.head.keep(frame);
                open.ready = true;
                Ok(None)
            }
            Ok(Next::Interface(link)) => {
                self.greet(at);
                Ok(Some(Next::Interface(link)))
            }
            Ok(Next::Comment(no, text)) => Ok(Some(Next::Comment(no, text))),
            Ok(Next::Damaged(error)) => Ok(Some(Next::Damaged(error))),
            Ok(Next::Lost(loss)) => Ok(Some(Next::Lost(loss))),
            Ok(Next::Idle) => Ok(Some(Next::Idle)),
            Ok(Next::End) => {
                self.greet(at);
                self.open.remove(at);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    #[inline(never)]
    fn next_of_several(&mut self) -> Result<Next<'_>, SourceError> {
        loop {
            match self.step() {
                Step::Open => self.open_next()?,
                Step::Read(at) => {
                    if let Some(next) = self.read(at)? {
                        return Ok(next);
                    }
                }
                Step::Give(at) => {
                    self.at = at;
                    let open = &mut self.open[at];
                    open.ready = false;
                    return Ok(Next::Frame(open.head.frame()));
                }
                Step::Pass => break,
                Step::End => return Ok(Next::End),
            }
        }
        self.at = 0;
        if !self.open[0].greeted {
            self.greet(0);
        }
        self.passes = true;
        self.open[0].file.next()
    }

    fn greet(&mut self, at: usize) {
        if let Some(open) = self.open.get_mut(at).filter(|open| !open.greeted) {
            open.greeted = true;
            self.greeting = Some(open.path.clone());
        }
    }
}

impl Source for Merge {
    #[inline]
    fn next(&mut self) -> Result<Next<'_>, SourceError> {
        if self.passes && !self.open.is_empty() {
            return self.open[0].file.next();
        }
        self.next_of_several()
    }

    fn at_hand(&mut self) -> AtHand<'_> {
        match self.open.first_mut().filter(|_| self.passes) {
            Some(open) => open.file.at_hand(),
            None => AtHand::None,
        }
    }

    fn stop(&mut self) {
        self.waiting.clear();
        for open in &mut self.open {
            open.file.stop();
        }
    }
}

impl Originals for Merge {
    fn keep_originals(&mut self) {
        self.keeps_originals = true;
    }

    /// A frame that waited as a head is still the one that its file handed out last.
    fn original(&self) -> Option<Original<'_>> {
        self.open.get(self.at)?.file.original()
    }

    fn description(&self) -> Option<Description> {
        self.open.get(self.at)?.file.description()
    }

    fn beside(&mut self) -> Vec<Beside> {
        self.open.get_mut(self.at).map(|open| open.file.beside()).unwrap_or_default()
    }
}

impl Head {
    const NONE: Head =
        Head { no: FrameNo::NONE, time: Timestamp::from_nanos(0), link: LinkType::NULL, wire_len: 0, data: Vec::new() };

    fn keep(&mut self, frame: &Frame<'_>) {
        let Frame { no, time, link, data, wire_len } = *frame;
        self.data.clear();
        self.data.extend_from_slice(data);
        (self.no, self.time, self.link, self.wire_len) = (no, time, link, wire_len);
    }

    fn frame(&self) -> Frame<'_> {
        Frame { no: self.no, time: self.time, link: self.link, data: &self.data, wire_len: self.wire_len }
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// When a file starts, if it has a frame that can be read.
fn first_time(path: &Path, signals: &Signals) -> Option<Timestamp> {
    let mut file = input::open(path, 0, signals, &Meter::default()).ok()?;
    loop {
        match file.next() {
            Ok(Next::Frame(ref frame)) => return Some(frame.time),
            Ok(Next::Interface(_) | Next::Comment(..) | Next::Damaged(_) | Next::Lost(_)) => {}
            Ok(Next::Idle | Next::End) | Err(_) => return None,
        }
    }
}
