//! A capture as it is written: one section, all interfaces of all inputs, frames as they were.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::block::{Order, kind};
use super::files::{Files, Place, WriteError};
use super::numbers::Numbers;
use crate::frame::{Frame, FrameNo, LinkType, Timestamp};
use crate::source::{Beside, BesideKind, Description, Original};

/// Writes frames, each file with the interfaces that they need.
pub(super) struct Capture {
    pub(super) files: Files,
    /// That of the first input, so that what it has stays as it is.
    order: Option<Order>,
    begun: bool,
    /// What the first input says of itself.
    section: Vec<u8>,
    /// The blocks of all interfaces, by their number in what is written.
    interfaces: Vec<Vec<u8>>,
    /// The number of each interface, by input and by its number there.
    ids: HashMap<(u16, u32), u32>,
    /// The last interface that is described so, for files that have the same one.
    alike: HashMap<Vec<u8>, u32>,
    /// Interfaces that an input has already.
    used: HashSet<(u16, u32)>,
    /// Where `tcp.stream` may differ from that of the inputs.
    pub(super) numbers: Option<Numbers>,
    /// Whether as many files as were asked for are full.
    pub(super) is_full: bool,
    pub(super) frames: u64,
}

/// A frame that is ready to be written, but for its comments.
pub(super) struct Packet {
    pub(super) no: FrameNo,
    pub(super) time: Timestamp,
    pub(super) link: LinkType,
    pub(super) timeless: bool,
    pub(super) block: Vec<u8>,
}

impl Capture {
    pub(super) fn new(files: Files, numbers: Option<Numbers>) -> Self {
        Self {
            files,
            order: None,
            begun: false,
            section: Vec::new(),
            interfaces: Vec::new(),
            ids: HashMap::new(),
            alike: HashMap::new(),
            used: HashSet::new(),
            numbers,
            is_full: false,
            frames: 0,
        }
    }

    fn order(&mut self, big_endian: bool) -> Order {
        *self.order.get_or_insert(Order { big_endian })
    }

    /// Takes an interface up. Two inputs share one if they describe it alike; one input keeps as many as it has.
    pub(super) fn describe(&mut self, description: &Description) -> Result<u32, WriteError> {
        let order = self.order(description.big_endian);
        let place = (description.input, description.interface);
        if let Some(id) = self.ids.get(&place) {
            return Ok(*id);
        }
        let block = order.interface(description);
        let free = |id: &&u32| !self.used.contains(&(description.input, **id));
        let id = match self.alike.get(&block).filter(free) {
            Some(id) => *id,
            None => {
                let id = u32::try_from(self.interfaces.len()).unwrap_or(u32::MAX);
                self.alike.insert(block.clone(), id);
                if self.begun {
                    self.files.write(&block)?;
                }
                self.interfaces.push(block);
                id
            }
        };
        self.used.insert((description.input, id));
        self.ids.insert(place, id);
        Ok(id)
    }

    /// Takes up what is beside frames, as far as it keeps its sense.
    pub(super) fn beside(&mut self, beside: &Beside) -> Result<(), WriteError> {
        let order = self.order(beside.big_endian);
        if beside.big_endian != order.big_endian {
            return Ok(());
        }
        let block = match beside.kind {
            BesideKind::Section => {
                if !self.begun && self.section.is_empty() {
                    self.section = order.lasting(&beside.body);
                }
                return Ok(());
            }
            BesideKind::Names => order.block(kind::NAMES, &beside.body),
            BesideKind::Secrets => order.block(kind::SECRETS, &beside.body),
            BesideKind::Statistics(interface) => {
                let Some(id) = self.ids.get(&(beside.input, interface)) else { return Ok(()) };
                let rest = beside.body.get(4..).unwrap_or_default();
                order.block(kind::STATISTICS, &[&order.u32(*id)[..], rest].concat())
            }
        };
        self.begin(Timestamp::default())?;
        self.files.write(&block)
    }

    /// Makes a frame ready to be written.
    pub(super) fn packet(&mut self, original: &Original<'_>) -> Result<Packet, WriteError> {
        let frame = &original.frame;
        let input = frame.no.input();
        let order = self.order(original.big_endian);
        let interface = match self.ids.get(&(input, original.interface)) {
            Some(id) => *id,
            // Its description could not be read: that it had one is all there is to say.
            None => self.describe(&Description {
                input,
                interface: original.interface,
                link: frame.link,
                snap_len: 0,
                big_endian: original.big_endian,
                options: Vec::new(),
            })?,
        };
        let block = order.packet(interface, original);
        Ok(Packet { no: frame.no, time: frame.time, link: frame.link, timeless: original.timeless, block })
    }

    /// Writes a frame with these comments, into the next file if it is time for that.
    pub(super) fn write(&mut self, mut packet: Packet, comments: &[String]) -> Result<(), WriteError> {
        let Some(order) = self.order.filter(|_| !self.is_full) else { return Ok(()) };
        if self.begin(packet.time)? == Place::Same {
            match self.files.place(packet.time)? {
                Place::Same => {}
                Place::Next => self.header()?,
                Place::None => {
                    self.is_full = true;
                    return Ok(());
                }
            }
        }
        let mut stream = None;
        if let Some(numbers) = &mut self.numbers {
            let (data, wire_len) = order.contents(&packet.block);
            let frame = Frame { no: packet.no, time: packet.time, link: packet.link, data, wire_len };
            numbers.push(&frame);
            stream = if comments.is_empty() { None } else { numbers.stream(&frame) };
        }
        let comments: Vec<Cow<'_, str>> = comments.iter().map(|text| located(text, stream)).collect();
        order.finish(&mut packet.block, packet.timeless, comments.iter().map(AsRef::as_ref));
        self.frames += 1;
        self.files.write(&packet.block)
    }

    /// Makes the first file, if there is none.
    pub(super) fn begin(&mut self, time: Timestamp) -> Result<Place, WriteError> {
        if std::mem::replace(&mut self.begun, true) {
            return Ok(Place::Same);
        }
        self.files.begin(time)?;
        self.header()?;
        Ok(Place::Next)
    }

    /// What a file begins with.
    fn header(&mut self) -> Result<(), WriteError> {
        let order = self.order(false);
        self.files.write(&order.section(&self.section))?;
        self.interfaces.iter().try_for_each(|block| self.files.write(block))
    }
}

/// The comment on a RST, with `tcp.stream` of the file that it is written to where that is another than in what was read.
fn located(text: &str, stream: Option<u64>) -> Cow<'_, str> {
    let read = text.strip_suffix('.').and_then(|text| text.rsplit_once("tcp.stream eq "));
    match (read, stream) {
        (Some((_, read)), Some(stream)) if read.parse() != Ok(stream) => {
            Cow::Owned(format!("{} there, tcp.stream eq {stream} in this file.", text.trim_end_matches('.')))
        }
        _ => Cow::Borrowed(text),
    }
}
