//! Draws a ladder in a terminal: times and states at the margins, arrows between two lifelines.

use super::page::{Listed, Page, columns, fold};
use super::segments;
use crate::analyzer::Finding;
use crate::report::ladder::{Arrow, Kind, Ladder, Row, Side};
use crate::report::palette::{Ink, Palette};
use crate::report::time::{self, Stamper};
use crate::report::words::Speaker;
use crate::report::{Context, Style};

/// Columns between the lifelines: never less, and never more.
const LANE: (usize, usize) = (18, 36);
/// Columns between the lifelines where notes stand beside them.
const LANE_BESIDE_NOTES: usize = 26;
/// The space before a note.
const GUTTER: usize = 3;

/// What arrows and lifelines are drawn with.
struct Glyphs {
    lifeline: char,
    /// A lifeline along which something is not drawn.
    broken: char,
    shaft: char,
    /// The shaft of a reset.
    heavy: char,
    /// The shaft of what nobody acknowledged.
    dashed: char,
    left: char,
    right: char,
}

/// All of single width in every locale but those of East Asia, where box drawings have been fixed by habit.
const BOXES: Glyphs =
    Glyphs { lifeline: '│', broken: '┆', shaft: '─', heavy: '━', dashed: '╌', left: '◄', right: '►' };
const ASCII: Glyphs = Glyphs { lifeline: '|', broken: ':', shaft: '-', heavy: '=', dashed: '.', left: '<', right: '>' };

/// Where things stand.
struct Layout {
    /// Widths of frame numbers, times, and the states on the left.
    frame: usize,
    time: usize,
    state: usize,
    lane: usize,
    /// Whether notes stand beside the ladder instead of under their arrows.
    beside: bool,
}

impl Layout {
    fn new(drawn: &[Drawn<'_>], width: Option<usize>) -> Self {
        let widest = |of: fn(&Drawn<'_>) -> usize| drawn.iter().map(of).max().unwrap_or(0);
        let frame = widest(|drawn| columns(&drawn.frame));
        let time = widest(|drawn| columns(&drawn.time));
        let state = widest(|drawn| columns(drawn.arrow.states[0].unwrap_or_default()));
        let right = widest(|drawn| columns(drawn.arrow.states[1].unwrap_or_default()));
        let note = widest(|drawn| columns(&drawn.note()));
        let Some(width) = width else { return Self { frame, time, state, lane: LANE.1, beside: true } };
        // The mark, a space after the number, the time and the state, two lifelines, and the space before the right state.
        let fixed = 2 + frame + 1 + time + 1 + state + 1 + 2 + 1 + right;
        let room = width.saturating_sub(fixed);
        let beside = room >= LANE_BESIDE_NOTES + GUTTER + note;
        let lane = if beside { room - GUTTER - note } else { room };
        Self { frame, time, state, lane: lane.clamp(LANE.0, LANE.1), beside }
    }

    /// The columns before the mark's line reaches the left state.
    fn margin(&self) -> usize {
        2 + self.frame + 1 + self.time + 1
    }

    /// The column of the left lifeline.
    fn lifeline(&self) -> usize {
        self.margin() + self.state + 1
    }
}

/// An arrow with its margin.
struct Drawn<'a> {
    arrow: &'a Arrow,
    frame: String,
    time: String,
    /// The reset's own time of day.
    stamp: Option<String>,
}

impl Drawn<'_> {
    fn notes(&self) -> impl Iterator<Item = &str> {
        self.stamp.as_deref().into_iter().chain(self.arrow.notes.iter().map(String::as_str))
    }

    fn note(&self) -> String {
        self.notes().collect::<Vec<_>>().join(", ")
    }
}

/// The ladder of a finding alone.
pub fn ladder(context: &Context, finding: &Finding, style: &Style) -> String {
    let mut page = Page::new(Palette::new(false), style.width);
    draw(&mut page, (&Speaker::new(context, finding), finding), (style, &mut Stamper::new(style)));
    page.into_text()
}

/// Draws the ladder of a finding.
pub fn draw(page: &mut Page, (speaker, finding): (&Speaker<'_>, &Finding), (style, stamper): (&Style, &mut Stamper)) {
    let ladder = Ladder::new(speaker.context(), finding, style.verbose > 0);
    let glyphs = if style.ascii { &ASCII } else { &BOXES };
    let begin = stamper.stamp(ladder.begin);
    let drawn: Vec<Drawn<'_>> = ladder.arrows().map(|arrow| margin(arrow, finding, (style, stamper))).collect();
    let layout = Layout::new(&drawn, style.width);
    if !begin.is_empty() {
        page.paragraph(2, Ink::Dim, &format!("time since {begin}"));
    }
    names(page, &ladder, (&layout, style.width));
    let mut rows = Vec::new();
    let mut arrows = drawn.iter();
    for row in &ladder.rows {
        match row {
            Row::Gap(text) => rows.extend(gap(text, (&layout, glyphs))),
            Row::Arrow(_) => {
                let Some(drawn) = arrows.next() else { continue };
                let ink = ink(drawn.arrow, finding);
                rows.push(line(drawn, ink, (&layout, glyphs)));
                rows.extend(notes_below(drawn, ink, (&layout, glyphs)));
                rows.extend(segments::comment(speaker, drawn.arrow.frame, layout.lifeline() + 2));
            }
        }
    }
    page.listing(&rows);
}

fn margin<'a>(arrow: &'a Arrow, finding: &Finding, (style, stamper): (&Style, &mut Stamper)) -> Drawn<'a> {
    let is_reset = arrow.kind == Kind::Reset;
    let stamp = is_reset.then(|| stamper.stamp(finding.reset.time)).filter(|stamp| !stamp.is_empty());
    Drawn { arrow, frame: arrow.frame.to_string(), time: time::offset(arrow.after_ns, style.nano), stamp }
}

fn ink(arrow: &Arrow, finding: &Finding) -> Ink {
    if arrow.kind == Kind::Reset { Ink::Accent(finding.verdict.class) } else { Ink::Plain }
}

/// The names of the lifelines above them; on lines of their own where one does not hold both.
fn names(page: &mut Page, ladder: &Ladder, (layout, width): (&Layout, Option<usize>)) {
    let [client, server] = ladder.names();
    let (left, right) = (layout.lifeline(), layout.lifeline() + layout.lane + 1);
    let middle = left + layout.lane / 2;
    let first = middle.saturating_sub(columns(&client)).min(left);
    let second = (right + 1).saturating_sub(columns(&server)).max(middle + 2);
    let fits = width.is_none_or(|width| second + columns(&server) <= width);
    if first >= 2 && first + columns(&client) < second && fits {
        let pad = second - columns(&client) - first;
        page.paragraph(first, Ink::Plain, &format!("{client}{:pad$}{server}", ""));
    } else {
        page.paragraph(first.max(2), Ink::Plain, &client);
        page.paragraph((right + 1).saturating_sub(columns(&server)).max(2), Ink::Plain, &server);
    }
}

fn line(drawn: &Drawn<'_>, ink: Ink, (layout, glyphs): (&Layout, &Glyphs)) -> Listed {
    let arrow = drawn.arrow;
    let mark = match arrow.kind {
        Kind::Reset => '>',
        _ if arrow.decides => '*',
        _ => ' ',
    };
    let Layout { frame, time, state, .. } = *layout;
    let [left, right] = arrow.states.map(Option::unwrap_or_default);
    let bar = glyphs.lifeline;
    let lead = format!("{mark} {:<frame$} {:>time$} ", drawn.frame, drawn.time);
    let body = format!("{left:>state$} {bar}{}{bar} {right}", shaft(arrow, layout.lane, glyphs));
    let note = Some(drawn.note()).filter(|note| layout.beside && !note.is_empty());
    Listed { lead, body: body.trim_end().to_owned(), note, ink }
}

/// The arrow itself, over the whole lane; that of a third party begins on the way.
fn shaft(arrow: &Arrow, lane: usize, glyphs: &Glyphs) -> String {
    let stroke = match arrow.kind {
        Kind::Reset | Kind::OtherReset => glyphs.heavy,
        _ if arrow.is_lost => glyphs.dashed,
        _ => glyphs.shaft,
    };
    let origin = if arrow.is_foreign { lane / 4 } else { 0 };
    let label = format!(" {} ", arrow.label);
    let strokes = lane.saturating_sub(origin + 1 + columns(&label));
    let (before, after) = (strokes / 2, strokes - strokes / 2);
    let repeat = |stroke: char, count: usize| stroke.to_string().repeat(count);
    let (blank, before, after) = (" ".repeat(origin), repeat(stroke, before), repeat(stroke, after));
    match arrow.side {
        Side::Client => format!("{blank}{before}{label}{after}{}", glyphs.right),
        Side::Server => format!("{}{after}{label}{before}{blank}", glyphs.left),
    }
}

/// What is not drawn, between broken lifelines.
fn gap(text: &str, (layout, glyphs): (&Layout, &Glyphs)) -> Vec<Listed> {
    let lines = fold(&format!("... {text}"), layout.lane);
    lines.iter().map(|line| between(line, glyphs.broken, (layout, Ink::Dim))).collect()
}

/// Notes under their arrow, where there is no room beside it.
fn notes_below(drawn: &Drawn<'_>, ink: Ink, (layout, glyphs): (&Layout, &Glyphs)) -> Vec<Listed> {
    if layout.beside {
        return Vec::new();
    }
    let ink = if ink == Ink::Plain { Ink::Dim } else { ink };
    let lines = drawn.notes().flat_map(|note| fold(note, layout.lane));
    lines.map(|line| between(&line, glyphs.lifeline, (layout, ink))).collect()
}

fn between(text: &str, lifeline: char, (layout, ink): (&Layout, Ink)) -> Listed {
    let Layout { state, lane, .. } = *layout;
    let body = format!("{:state$} {lifeline}{text:^lane$}{lifeline}", "");
    Listed { lead: " ".repeat(layout.margin()), body, note: None, ink }
}
