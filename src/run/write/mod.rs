//! Back into Wireshark: frames with comments on them, as pcapng.
//!
//! What matters is known only once a reset is explained. Files are read a second time for it; of an input that cannot be
//! read twice frames are held until then.

mod after;
mod block;
mod capture;
mod files;
mod held;
mod name;
mod notes;
mod numbers;
mod spool;

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

pub(super) use after::After;
pub(super) use files::{WriteError, make};

use self::capture::Capture;
use self::files::{Files, is_standard};
use self::held::{Chosen, Hold, Line};
use self::notes::Notes;
use self::numbers::Numbers;
use self::spool::Spool;
use super::merge::Merge;
use super::now;
use super::progress::Meter;
use super::rights::Monitor;
use super::signals::Signals;
use crate::analyzer::Finding;
use crate::cli::Writing;
use crate::frame::Timestamp;
use crate::report::Context;
use crate::source::{Filter, Next, Originals, Source};

/// Writes a capture beside what is reported.
pub(super) struct Writer {
    capture: Capture,
    notes: Notes,
    all_packets: bool,
    /// Whether the name of the first file depends on the time of the first frame.
    waits_for_time: bool,
    plan: Plan,
    /// The latest time of a frame, or that of a clock where none comes.
    now: Timestamp,
}

/// When frames are written.
enum Plan {
    /// Once all resets are known, from these files.
    Again(Vec<PathBuf>),
    /// As they come.
    Meanwhile(Hold),
}

/// What the second pass has to know of the first.
pub(super) struct FirstPass<'a> {
    pub(super) filter: Option<&'a Filter>,
    pub(super) signals: &'a Arc<Signals>,
    /// How many frames it analysed.
    pub(super) frames: u64,
}

impl Writer {
    /// For frames of these files, where they can be read twice, or of what else is read with `settle_ns` until resets are explained.
    pub(super) fn new(writing: &Writing, inputs: &[PathBuf], settle_ns: i64) -> Result<Self, WriteError> {
        let twice = !writing.meanwhile && inputs.iter().all(|path| is_read_twice(path));
        let mut files = Files::new(writing.clone(), inputs);
        if writing.seconds.is_none() {
            files.prepare()?;
        }
        let plan = match (twice, writing.all_packets) {
            (true, _) => Plan::Again(inputs.to_vec()),
            (false, true) => Plan::Meanwhile(Hold::All(Line::new(settle_ns))),
            (false, false) => {
                let folder = spool_folder(&writing.file);
                let spool = Spool::new(&folder, Spool::CAPACITY).map_err(|error| {
                    WriteError::new(format!("cannot make a temporary file in {}", folder.display()), error)
                })?;
                Plan::Meanwhile(Hold::Some(Box::new(Chosen::new(spool, settle_ns))))
            }
        };
        let numbers = (!files.rotates() && !writing.all_packets).then(Numbers::new);
        Ok(Self {
            capture: Capture::new(files, numbers),
            notes: if twice { Notes::default() } else { Notes::passing() },
            all_packets: writing.all_packets,
            waits_for_time: writing.seconds.is_some(),
            plan,
            now: Timestamp::from_nanos(i64::MIN),
        })
    }

    /// Has another process make the files from here on.
    pub(super) fn leave_files_to(&mut self, monitor: Rc<Monitor>) {
        self.capture.files.leave_to(monitor);
    }

    /// Whether it takes frames as they are analysed.
    pub(super) fn takes_frames(&self) -> bool {
        matches!(self.plan, Plan::Meanwhile(_))
    }

    /// Whether nothing more will be written, because as many files as were asked for are full.
    pub(super) fn is_full(&self) -> bool {
        self.capture.is_full
    }

    /// The time that frames have come to.
    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// Time has come to this.
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    /// Takes note of a reset that is reported.
    pub(super) fn note(&mut self, context: &Context, finding: &Finding) {
        let key = self.notes.add(context, finding);
        if let Plan::Meanwhile(hold) = &mut self.plan {
            hold.matter(key, self.now);
        }
    }

    /// Takes up the interface that a source announced.
    pub(super) fn describe(&mut self, source: &mut impl Originals) -> Result<(), WriteError> {
        self.beside(source)?;
        if let Some(description) = source.description() {
            self.capture.describe(&description)?;
        }
        // So that whoever reads along sees that something is coming.
        if self.takes_frames() && !self.waits_for_time {
            self.capture.begin(now())?;
            self.capture.files.flush()?;
        }
        Ok(())
    }

    /// Takes the frame that a source handed out last.
    pub(super) fn take(&mut self, source: &mut impl Originals) -> Result<(), WriteError> {
        self.beside(source)?;
        let Some(original) = source.original() else { return Ok(()) };
        self.now = self.now.max(original.frame.time);
        let Self { capture, notes, plan, .. } = self;
        match plan {
            Plan::Meanwhile(hold) => hold.take(&original, &mut held::Writing { capture, notes }),
            Plan::Again(_) => held::Writing { capture, notes }.write_at_once(&original),
        }
    }

    /// Takes up what is beside the frames of a source.
    pub(super) fn beside(&mut self, source: &mut impl Originals) -> Result<(), WriteError> {
        source.beside().iter().try_for_each(|beside| self.capture.beside(beside))
    }

    /// Writes what can wait no longer.
    pub(super) fn pass(&mut self) -> Result<(), WriteError> {
        let Self { capture, notes, plan: Plan::Meanwhile(hold), now, .. } = self else { return Ok(()) };
        hold.pass(*now, &mut held::Writing { capture, notes })
    }

    /// Hands over what was written so far.
    pub(super) fn flush(&mut self) -> Result<(), WriteError> {
        self.capture.files.flush()
    }

    /// Writes all that is left to write, and says what there is now.
    pub(super) fn finish(mut self, first: &FirstPass<'_>) -> Result<String, WriteError> {
        let Self { capture, notes, plan, .. } = &mut self;
        match plan {
            Plan::Meanwhile(hold) => hold.finish(&mut held::Writing { capture, notes })?,
            Plan::Again(files) => {
                let mut merge = Merge::new(&std::mem::take(files), first.signals, Meter::default());
                self.again(&mut merge, first)?;
            }
        }
        self.capture.begin(now())?;
        self.capture.files.close()?;
        Ok(self.words())
    }

    /// Reads files once more, as far as they were read before.
    fn again(&mut self, merge: &mut Merge, first: &FirstPass<'_>) -> Result<(), WriteError> {
        merge.keep_originals();
        let mut left = first.frames;
        while left > 0 && !self.is_full() {
            let (described, wanted) = match merge.next() {
                Ok(Next::Frame(ref frame)) => {
                    let passes = first.filter.is_none_or(|filter| filter.matches(frame));
                    left -= u64::from(passes);
                    (false, passes && (self.all_packets || self.notes.matters(frame)))
                }
                Ok(Next::Interface(_)) => (true, false),
                Ok(Next::Comment(..) | Next::Damaged(_) | Next::Lost(_) | Next::Idle) => (false, false),
                Ok(Next::End) => break,
                // Of what cannot be read the first pass has told.
                Err(_) => {
                    merge.abandon();
                    (false, false)
                }
            };
            if described {
                self.describe(merge)?;
            }
            if wanted {
                self.take(merge)?;
            }
        }
        self.beside(merge)
    }

    /// What was written, and what its connections are called there.
    fn words(&mut self) -> String {
        let Self { capture, notes, plan, .. } = self;
        let frames = capture.frames;
        let mut text = format!("wrote {frames} frame{}", if frames == 1 { "" } else { "s" });
        if !self.all_packets && !notes.is_passing() {
            let connections = notes.connections();
            text.push_str(&format!(" of {connections} connection{}", if connections == 1 { "" } else { "s" }));
        }
        text.push_str(&match capture.files.made {
            0 | 1 => format!(" to {}", capture.files.name()),
            made => format!(" to {made} files, the last {}", capture.files.name()),
        });
        if let Some(numbers) = capture.numbers.take() {
            text.push_str(&renumbered(&numbers.finish(notes)));
        }
        if notes.omitted > 0 {
            text.push_str(&format!("; the comments of {} resets found no room", notes.omitted));
        }
        if let Plan::Meanwhile(hold) = plan
            && let beheaded @ 1.. = hold.beheaded()
        {
            text.push_str(&format!("; of {beheaded} connections the first frames were not held any more"));
        }
        text
    }
}

/// Which number a connection has in what was written.
fn renumbered(moved: &[(u64, u64)]) -> String {
    if moved.is_empty() {
        return String::new();
    }
    let each: Vec<String> =
        moved.iter().take(Numbers::TOLD).map(|(here, there)| format!("tcp.stream eq {here} is {there}")).collect();
    let more = if moved.len() > Numbers::TOLD { ", and so on" } else { "" };
    format!("; in it {}{more}", each.join(", "))
}

/// Whether a file has the same frames when it is read again; one that is not there has none.
fn is_read_twice(path: &Path) -> bool {
    !is_standard(path) && std::fs::metadata(path).map_or(true, |data| data.is_file())
}

/// Frames are held where the user has room for what is written of them.
fn spool_folder(file: &Path) -> PathBuf {
    let special = is_standard(file) || std::fs::metadata(file).is_ok_and(|data| !data.is_file());
    match file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        _ if special => std::env::temp_dir(),
        Some(folder) => folder.to_owned(),
        None => PathBuf::from("."),
    }
}
