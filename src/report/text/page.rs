//! Lines that fold: each under itself, at the width of the terminal, and never at an unbreakable space.

use crate::report::palette::{Ink, Palette};

/// The column where the text beside a label begins.
const LABEL_WIDTH: usize = 12;
/// The space between columns that are set side by side.
const GUTTER: usize = 3;
/// Lines never fold to less than this, however narrow the terminal.
const MIN_ROOM: usize = 16;

/// Sentences fold at this width even where the terminal is wider: longer lines are hard to follow.
const MEASURE: usize = 120;

/// A space at which no line is broken; written as a plain one.
pub const UNBREAKABLE: char = '\u{a0}';

/// Text under construction.
#[derive(Debug)]
pub struct Page {
    palette: Palette,
    width: Option<usize>,
    text: String,
}

/// A line of a listing, with its mark and number in front and a note behind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// What stands in front; what folds goes under its end.
    pub lead: String,
    /// The line.
    pub body: String,
    /// What is to be said of it.
    pub note: Option<String>,
    /// How it looks.
    pub ink: Ink,
}

impl Page {
    /// An empty page; `width: None` never folds.
    pub fn new(palette: Palette, width: Option<usize>) -> Self {
        Self { palette, width, text: String::new() }
    }

    /// What was written.
    pub fn into_text(self) -> String {
        self.text
    }

    /// An empty line.
    pub fn blank(&mut self) {
        self.text.push('\n');
    }

    /// An empty line, unless it would be the first.
    pub fn separate(&mut self) {
        if !self.text.is_empty() {
            self.blank();
        }
    }

    /// A title with its subtitle, and what belongs to the right margin.
    pub fn heading(&mut self, (ink, title): (Ink, &str), subtitle: &str, right: &str) {
        if right.is_empty() && self.width.is_none_or(|width| columns(title) + 2 + columns(subtitle) <= width) {
            let line = format!("{}  {subtitle}", self.palette.paint(ink, title));
            return self.line(0, Ink::Plain, line.trim_end());
        }
        let left = columns(title) + 2 + columns(subtitle);
        let spare = self.width.map_or(Some(GUTTER), |width| width.min(MEASURE).checked_sub(left + columns(right)));
        match spare {
            Some(spare) if spare >= GUTTER => {
                let left = format!("{}  {subtitle}{:spare$}", self.palette.paint(ink, title), "");
                self.text.push_str(&left);
                self.line(0, Ink::Dim, right);
            }
            _ => {
                self.paragraph(0, ink, title);
                self.paragraph(2, Ink::Plain, subtitle);
                self.paragraph(2, Ink::Dim, right);
            }
        }
    }

    /// Text that folds under its own indent.
    pub fn paragraph(&mut self, indent: usize, ink: Ink, text: &str) {
        for line in fold(text, self.measure(indent)) {
            self.line(indent, ink, &line);
        }
    }

    /// A label and, beside it, one entry a line.
    pub fn labelled(&mut self, label: &str, entries: &[String]) {
        let (room, pad) = (self.measure(LABEL_WIDTH), LABEL_WIDTH - 2);
        let mut label = label;
        for line in entries.iter().flat_map(|entry| fold(entry, room)) {
            let beside = format!("{label:pad$}");
            self.text.push_str("  ");
            self.text.push_str(&self.palette.paint(Ink::Dim, &beside));
            self.line(0, Ink::Plain, &line);
            label = "";
        }
    }

    /// Short pieces, each with its looks, side by side as far as they fit.
    pub fn pieces(&mut self, indent: usize, pieces: &[(Ink, &str)]) {
        let mut used = 0;
        for (ink, piece) in pieces {
            let wide = columns(piece);
            if used > 0 && used + 1 + wide > self.room(indent) {
                self.text.push('\n');
                used = 0;
            }
            let gap = if used == 0 { indent } else { 1 };
            self.text.push_str(&" ".repeat(gap));
            self.text.push_str(&self.palette.paint(*ink, piece));
            used += wide + usize::from(used > 0);
        }
        self.text.push('\n');
    }

    /// Lines with notes; the notes stand in a column of their own where the width allows.
    pub fn listing(&mut self, rows: &[Listed]) {
        let column = self.note_column(rows);
        for row in rows {
            let indent = columns(&row.lead);
            let mut lines = fold(&row.body, self.room(indent)).into_iter().peekable();
            let mut lead = row.lead.clone();
            while let Some(line) = lines.next() {
                let note = row.note.as_deref().filter(|_| lines.peek().is_none());
                self.text.push_str(&self.palette.paint(row.ink, &lead));
                self.noted(indent, (row.ink, &line), (note, column));
                lead = " ".repeat(indent);
            }
        }
    }

    /// The last line of a row, and its note beside it, or under it if there is no room.
    fn noted(&mut self, indent: usize, (ink, line): (Ink, &str), (note, column): (Option<&str>, usize)) {
        let Some(note) = note else { return self.line(0, ink, line) };
        let note_ink = if ink == Ink::Plain { Ink::Dim } else { ink };
        let used = indent + columns(line);
        let pad = column.max(used + GUTTER) - used;
        if self.width.is_none_or(|width| used + pad + columns(note) <= width) {
            self.text.push_str(&self.palette.paint(ink, line));
            self.line(pad, note_ink, &note.replace(UNBREAKABLE, " "));
        } else {
            self.line(0, ink, line);
            self.paragraph(indent, note_ink, note);
        }
    }

    /// Where notes begin: behind the longest line, or right behind each line (0) where that leaves no room.
    fn note_column(&self, rows: &[Listed]) -> usize {
        let longest = rows.iter().map(|row| columns(&row.lead) + columns(&row.body)).max().unwrap_or(0) + GUTTER;
        let notes = rows.iter().filter_map(|row| row.note.as_deref()).map(columns).max().unwrap_or(0);
        if self.width.is_none_or(|width| longest + notes <= width) { longest } else { 0 }
    }

    fn line(&mut self, indent: usize, ink: Ink, text: &str) {
        self.text.push_str(&" ".repeat(indent));
        self.text.push_str(&self.palette.paint(ink, text));
        self.text.push('\n');
    }

    /// The columns behind an indent that a sentence may fill.
    fn measure(&self, indent: usize) -> usize {
        self.room(indent).min(self.width.map_or(usize::MAX, |_| MEASURE.saturating_sub(indent).max(MIN_ROOM)))
    }

    /// The columns behind an indent.
    pub fn room(&self, indent: usize) -> usize {
        self.width.map_or(usize::MAX, |width| width.saturating_sub(indent).max(MIN_ROOM))
    }
}

/// Columns that `text` takes: characters, since all words here are of single width.
pub fn columns(text: &str) -> usize {
    text.chars().count()
}

/// Breaks `text` at spaces, and words that are too long anywhere.
pub fn fold(text: &str, room: usize) -> Vec<String> {
    if columns(text) <= room {
        return vec![text.replace(UNBREAKABLE, " ")];
    }
    let mut lines = vec![String::new()];
    for word in words(text).iter().flat_map(|word| pieces(word, room)) {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(&word),
            Some(line) if columns(line) + 1 + columns(&word) <= room => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

/// The words of `text`; a number keeps what follows it, which may be its unit.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut after_number = false;
    for word in text.split(' ') {
        match words.last_mut().filter(|_| after_number) {
            Some(number) => number.extend([UNBREAKABLE.to_string().as_str(), word]),
            None => words.push(word.to_owned()),
        }
        after_number = !word.is_empty() && word.chars().all(|c| c.is_ascii_digit() || c == '.');
    }
    words
}

fn pieces(word: &str, room: usize) -> Vec<String> {
    let letters: Vec<char> = word.chars().map(|c| if c == UNBREAKABLE { ' ' } else { c }).collect();
    letters.chunks(room).map(|piece| piece.iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_keeps_every_word_and_the_width() {
        assert_eq!(fold("one two three", 7), ["one two", "three"]);
        assert_eq!(fold("one two three", 13), ["one two three"]);
        assert_eq!(fold("abcdefghij k", 4), ["abcd", "efgh", "ij k"]);
        assert_eq!(fold("", 4), [""]);
        assert_eq!(fold("win\u{a0}10 len\u{a0}3", 8), ["win 10", "len 3"]);
        assert_eq!(fold("win\u{a0}10", 80), ["win 10"]);
        assert_eq!(fold("after 1.5 ms", 10), ["after", "1.5 ms"]);
    }

    #[test]
    fn notes_stand_in_a_column_beside_or_below() {
        let row = |body: &str, note: Option<&str>| Listed {
            lead: "  #1 ".to_owned(),
            body: body.to_owned(),
            note: note.map(str::to_owned),
            ink: Ink::Plain,
        };
        let rows = [row("short", Some("note")), row("rather long", Some("other"))];
        let listed = |width| {
            let mut page = Page::new(Palette::new(false), width);
            page.listing(&rows);
            page.into_text()
        };
        assert_eq!(listed(None), "  #1 short         note\n  #1 rather long   other\n");
        assert_eq!(listed(Some(23)), "  #1 short   note\n  #1 rather long\n     other\n");
    }
}
