//! What is shown, and what keys do to it. No terminal is needed for either.

use std::collections::VecDeque;
use std::rc::Rc;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::board::{Board, Sort};
use super::opened::Opened;
use crate::analyzer::{Finding, Level};
use crate::frame::Timestamp;
use crate::report::{Selection, Style, Term};

/// What is known of the run.
#[derive(Clone, Debug)]
pub(super) struct Data {
    /// All resets so far.
    pub all: Board,
    /// Those that fit the filter, if there is one; of those that came before it the latest only.
    pub chosen: Option<Board>,
    /// The latest findings, the newest first, each with its number.
    pub kept: VecDeque<(u64, Rc<Finding>)>,
    /// The latest capture time; of a live capture the time of day.
    pub now: Timestamp,
    pub first: Option<Timestamp>,
    pub frames: u64,
    pub connections: u64,
    pub dropped: u64,
}

impl Data {
    /// So many findings can be opened.
    pub(super) const KEPT: usize = 1000;

    /// What is to be shown.
    pub(super) fn board(&self) -> &Board {
        self.chosen.as_ref().unwrap_or(&self.all)
    }
}

/// The parts of the view that rows are chosen in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Panel {
    Causes,
    Services,
    Peers,
    Verdicts,
}

impl Panel {
    const ALL: [Panel; 4] = [Panel::Causes, Panel::Services, Panel::Peers, Panel::Verdicts];

    pub(super) fn index(self) -> usize {
        match self {
            Self::Causes => 0,
            Self::Services => 1,
            Self::Peers => 2,
            Self::Verdicts => 3,
        }
    }

    fn next(self, step: usize) -> Self {
        Self::ALL.get((self.index() + step) % Self::ALL.len()).copied().unwrap_or(self)
    }
}

/// What a key asks of the run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wish {
    /// Nothing.
    GoOn,
    /// An end.
    Quit,
}

/// The view.
pub(super) struct View {
    /// The interface or the files.
    pub input: String,
    pub live: bool,
    pub style: Style,
    pub data: Data,
    /// What is shown while it is paused.
    frozen: Option<Box<Data>>,
    pub filter: String,
    selection: Selection,
    pub focus: Panel,
    /// The chosen row of each panel but the last.
    pub rows: [usize; 3],
    /// The chosen verdict; `None`: the newest, whichever that is.
    pub verdict: Option<u64>,
    pub sort: Sort,
    /// A filter that is being typed.
    pub entry: Option<String>,
    pub message: Option<String>,
    pub opened: Option<Opened>,
    pub helps: bool,
    /// Whether nothing more will come.
    pub ended: bool,
    counted: u64,
    /// Rows that a key for a page goes by.
    pub page: usize,
}

impl View {
    pub(super) fn new(input: String, live: bool, style: Style) -> Self {
        let data = Data {
            all: Board::new(live),
            chosen: None,
            kept: VecDeque::new(),
            now: Timestamp::default(),
            first: None,
            frames: 0,
            connections: 0,
            dropped: 0,
        };
        Self {
            input,
            live,
            style,
            data,
            frozen: None,
            filter: String::new(),
            selection: Selection::default(),
            focus: Panel::Verdicts,
            rows: [0; 3],
            verdict: None,
            sort: if live { Sort::Rate } else { Sort::Total },
            entry: None,
            message: None,
            opened: None,
            helps: false,
            ended: false,
            counted: 0,
            page: 10,
        }
    }

    /// What is to be shown.
    pub(super) fn shown(&self) -> &Data {
        self.frozen.as_deref().unwrap_or(&self.data)
    }

    pub(super) fn is_paused(&self) -> bool {
        self.frozen.is_some()
    }

    /// One more reset.
    pub(super) fn see(&mut self, finding: &Finding) {
        self.data.all.add(finding);
        if let Some(chosen) = self.data.chosen.as_mut().filter(|_| self.selection.wants(finding)) {
            chosen.add(finding);
        }
        self.counted += 1;
        self.data.kept.push_front((self.counted, Rc::new(finding.clone())));
        self.data.kept.truncate(Data::KEPT);
    }

    /// How far the run is; `now` is the time of day of a live capture.
    pub(super) fn advance(&mut self, level: &Level, now: Option<Timestamp>) {
        let data = &mut self.data;
        (data.frames, data.connections) = (level.frames, level.connections);
        let Some(now) = now.or(level.last) else { return };
        data.now = now;
        data.first = level.first;
        data.all.timeline.add(now, 0);
        if let Some(chosen) = &mut data.chosen {
            chosen.timeline.add(now, 0);
        }
    }

    /// The kept findings that are shown, the newest first.
    pub(super) fn verdicts(&self) -> impl Iterator<Item = &(u64, Rc<Finding>)> {
        self.shown().kept.iter().filter(|(_, finding)| self.selection.wants(finding))
    }

    /// The place of the chosen verdict among these.
    pub(super) fn verdict_row(&self) -> usize {
        let Some(chosen) = self.verdict else { return 0 };
        self.verdicts().position(|(number, _)| *number <= chosen).unwrap_or_default()
    }

    pub(super) fn key(&mut self, key: KeyEvent) -> Wish {
        self.message = None;
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        if control && matches!(key.code, KeyCode::Char('c' | 'd')) {
            return Wish::Quit;
        }
        if self.entry.is_some() {
            self.type_filter(key.code);
        } else if self.helps {
            self.helps = false;
        } else if self.opened.is_some() {
            self.key_in_opened(key.code);
        } else if key.code == KeyCode::Char('q') {
            return Wish::Quit;
        } else {
            self.key_in_panels(key.code);
        }
        Wish::GoOn
    }

    fn key_in_panels(&mut self, code: KeyCode) {
        match code {
            KeyCode::Char('?' | 'h') | KeyCode::F(1) => self.helps = true,
            KeyCode::Char('/') => self.entry = Some(self.filter.clone()),
            KeyCode::Char('c') | KeyCode::Esc => self.set_filter(String::new()),
            KeyCode::Char('s') => self.sort = self.sort.next(),
            KeyCode::Char('p' | ' ') => self.pause(),
            KeyCode::Tab | KeyCode::Right => self.focus = self.focus.next(1),
            KeyCode::BackTab | KeyCode::Left => self.focus = self.focus.next(Panel::ALL.len() - 1),
            KeyCode::Enter => self.enter(),
            code => {
                if let Some(row) = moved(self.row(), self.page, code) {
                    self.choose(row);
                }
            }
        }
    }

    fn key_in_opened(&mut self, code: KeyCode) {
        let Some(opened) = &mut self.opened else { return };
        match code {
            KeyCode::Char('q') | KeyCode::Esc | KeyCode::Enter | KeyCode::Backspace => self.opened = None,
            KeyCode::Char('l') => opened.switch(),
            KeyCode::Char('?' | 'h') | KeyCode::F(1) => self.helps = true,
            KeyCode::Char('n') | KeyCode::Right => self.open_beside(1),
            KeyCode::Char('p') | KeyCode::Left => self.open_beside(-1),
            code => {
                if let Some(row) = moved(opened.scroll, self.page, code) {
                    opened.scroll = row;
                }
            }
        }
    }

    /// Opens the verdict that is so many rows further down.
    fn open_beside(&mut self, step: isize) {
        let row = self.verdict_row().saturating_add_signed(step);
        self.choose_verdict(row);
        self.open();
    }

    fn open(&mut self) {
        let row = self.verdict_row();
        let ladder = self.opened.as_ref().is_none_or(|opened| opened.ladder);
        let Some((number, finding)) = self.verdicts().nth(row).cloned() else { return };
        self.verdict = Some(number);
        self.opened = Some(Opened::new(finding, ladder));
    }

    fn pause(&mut self) {
        self.frozen = if self.frozen.is_some() { None } else { Some(Box::new(self.data.clone())) };
    }

    fn row(&self) -> usize {
        self.rows.get(self.focus.index()).copied().unwrap_or_else(|| self.verdict_row())
    }

    fn choose(&mut self, row: usize) {
        match self.rows.get_mut(self.focus.index()) {
            Some(chosen) => *chosen = row,
            None => self.choose_verdict(row),
        }
    }

    fn choose_verdict(&mut self, row: usize) {
        let last = self.verdicts().count().saturating_sub(1);
        let number = self.verdicts().nth(row.min(last)).map(|(number, _)| *number);
        self.verdict = if row == 0 { None } else { number };
    }

    /// Opens a verdict, or adds what the chosen row is to the filter.
    fn enter(&mut self) {
        let (data, row) = (self.shown(), self.row());
        let (board, now) = (data.board(), data.now);
        let term = match self.focus {
            Panel::Verdicts => return self.open(),
            Panel::Causes => board.causes(self.sort, now).get(row).map(|((_, cause), _)| cause.to_string()),
            Panel::Services => board.services.sorted(self.sort, now).get(row).map(|(end, _)| end.to_string()),
            Panel::Peers => board.peers.sorted(self.sort, now).get(row).map(|(host, _)| host.to_string()),
        };
        let Some(term) = term else { return };
        if !self.filter.split(' ').any(|word| word == term) {
            self.set_filter(format!("{} {term}", self.filter));
        }
    }

    fn type_filter(&mut self, code: KeyCode) {
        let Some(entry) = &mut self.entry else { return };
        match code {
            KeyCode::Esc => self.entry = None,
            KeyCode::Backspace => _ = entry.pop(),
            KeyCode::Char(letter) if entry.len() < 200 => entry.push(letter),
            KeyCode::Enter => {
                let entry = self.entry.take().unwrap_or_default();
                self.set_filter(entry);
            }
            _ => {}
        }
    }

    /// Shows only what fits these words; `!` before one leaves out what does.
    fn set_filter(&mut self, words: String) {
        let selection = match parse(&words) {
            Ok(selection) => selection,
            Err(word) => {
                self.message = Some(format!("no class, cause, certainty or address: {word}"));
                self.entry = Some(words);
                return;
            }
        };
        self.filter = words.split_whitespace().collect::<Vec<_>>().join(" ");
        self.selection = selection;
        (self.rows, self.verdict) = ([0; 3], None);
        let (selection, live) = (&self.selection, self.live);
        for data in self.frozen.as_deref_mut().into_iter().chain([&mut self.data]) {
            data.chosen = (!selection.is_all()).then(|| {
                let mut board = Board::new(live);
                let wanted = data.kept.iter().rev().filter(|(_, finding)| selection.wants(finding));
                wanted.for_each(|(_, finding)| board.add(finding));
                board
            });
        }
    }
}

/// The row that a key leads to; `None` for other keys.
fn moved(row: usize, page: usize, code: KeyCode) -> Option<usize> {
    Some(match code {
        KeyCode::Up | KeyCode::Char('k') => row.saturating_sub(1),
        KeyCode::Down | KeyCode::Char('j') => row.saturating_add(1),
        KeyCode::PageUp => row.saturating_sub(page),
        KeyCode::PageDown => row.saturating_add(page),
        KeyCode::Home | KeyCode::Char('g') => 0,
        KeyCode::End | KeyCode::Char('G') => usize::MAX,
        _ => return None,
    })
}

/// What these words choose; the first one that says nothing, if there is one.
fn parse(words: &str) -> Result<Selection, String> {
    let (mut only, mut not) = (Vec::new(), Vec::new());
    for word in words.split([' ', ',']).filter(|word| !word.is_empty()) {
        let (terms, bare) = match word.strip_prefix('!') {
            Some(bare) => (&mut not, bare),
            None => (&mut only, word),
        };
        terms.push(Term::parse(bare).ok_or_else(|| word.to_owned())?);
    }
    Ok(Selection::new(only, not))
}
