//! Draws the view: a title, resets over time, causes, services and peers, the latest verdicts, and what keys do.

use std::net::SocketAddr;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Clear, Paragraph};

use super::board::{Recent, Sort, Tally};
use super::view::{Data, Panel, View};
use crate::analyzer::Finding;
use crate::classify::Class;
use crate::report::{self, Context, accent, amount};

/// From this width on there is room for more columns.
const WIDE: u16 = 110;
/// And from this one on for what a verdict says, in a sentence.
const WIDEST: u16 = 150;

const BLOCKS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
const RISING: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

const KEYS: [(&str, &str); 14] = [
    ("up down j k", "choose a row; also PgUp PgDn Home End"),
    ("tab  left right", "from causes to services, clients and verdicts"),
    ("enter", "open the verdict; or show only this cause, service or client"),
    ("/", "show only what fits: causes, classes, certainties, addresses"),
    ("", "lost-state 192.0.2.7:443 !possible   (! leaves out)"),
    ("esc  c", "show everything again"),
    ("s", "sort by number, latest first, by rate"),
    ("p  space", "pause: the view stands still, counting goes on"),
    ("q  ctrl-c", "quit, with the counts of the run"),
    ("", ""),
    ("in a verdict", ""),
    ("l", "as a ladder between the two ends, or as a list of segments"),
    ("n p  left right", "the next verdict, the one before"),
    ("esc  q", "back"),
];

impl View {
    /// Draws everything.
    pub(super) fn draw(&mut self, frame: &mut Frame<'_>, context: &Context) {
        let area = frame.area();
        let [title, body, status] =
            Layout::vertical([Constraint::Length(1), Constraint::Min(0), Constraint::Length(1)]).areas(area);
        self.page = usize::from(body.height).saturating_sub(2).max(1);
        frame.render_widget(Paragraph::new(self.title(title.width)), title);
        if self.opened.is_some() {
            self.draw_opened(frame, body, context);
        } else {
            self.draw_panels(frame, body, context);
        }
        if self.helps {
            draw_help(frame, body);
        }
        frame.render_widget(Paragraph::new(self.status()), status);
    }

    fn title(&self, width: u16) -> Line<'static> {
        let data = self.shown();
        let board = data.board();
        let mut words = vec![
            format!("{} in {}", amount::counted(board.resets, "reset"), amount::counted(board.events, "event")),
            amount::counted(data.connections, "connection"),
            amount::counted(data.frames, "frame"),
        ];
        if data.dropped > 0 {
            words.insert(1, format!("{} dropped", data.dropped));
        }
        let state = match (self.is_paused(), self.ended, self.live) {
            (true, _, _) => "paused".to_owned(),
            (_, true, _) => "at its end".to_owned(),
            (_, _, true) => report::clock(data.now, &self.style),
            (_, _, false) => "reading".to_owned(),
        };
        let left = format!(" rstscan  {}  {state}", cut(&self.input, usize::from(width) / 3));
        let room = usize::from(width).saturating_sub(left.chars().count() + 3);
        while words.len() > 1 && words.join("  ").chars().count() > room {
            words.pop();
        }
        let style = Style::new().add_modifier(Modifier::REVERSED);
        Line::styled(
            format!(
                "{left:<rest$}{} ",
                words.join("  "),
                rest = usize::from(width).saturating_sub(words.join("  ").chars().count() + 1)
            ),
            style,
        )
    }

    fn status(&self) -> Line<'static> {
        if let Some(entry) = &self.entry {
            let why = self.message.as_ref().map(|why| format!("   {why}")).unwrap_or_default();
            return Line::from(format!(" show only: {entry}_{why}"));
        }
        if let Some(message) = &self.message {
            return Line::styled(format!(" {message}"), Style::new().add_modifier(Modifier::BOLD));
        }
        let keys = if self.opened.is_some() {
            "esc back  n next  p previous  l ladder or list  up down scroll"
        } else {
            "q quit  enter open  / filter  s sort  p pause  tab next part  ? help"
        };
        let filter = (!self.filter.is_empty()).then(|| format!(" only {} (esc: all) ", self.filter));
        let filter = filter.map(|text| Span::styled(text, Style::new().add_modifier(Modifier::REVERSED)));
        Line::from_iter(filter.into_iter().chain([Span::styled(format!(" {keys}"), dim())]))
    }

    fn draw_opened(&mut self, frame: &mut Frame<'_>, area: Rect, context: &Context) {
        let Self { opened: Some(opened), style, .. } = self else { return };
        let [_, area] = Layout::horizontal([Constraint::Length(1), Constraint::Min(0)]).areas(area);
        let text = opened.text(context, style, usize::from(area.width)).clone();
        opened.scroll = opened.scroll.min(text.lines.len().saturating_sub(usize::from(area.height)));
        let from = u16::try_from(opened.scroll).unwrap_or(u16::MAX);
        frame.render_widget(Paragraph::new(text).scroll((from, 0)), area);
    }

    fn draw_panels(&mut self, frame: &mut Frame<'_>, area: Rect, context: &Context) {
        let height = area.height;
        if height < 12 {
            return self.draw_verdicts(frame, area, context);
        }
        let roomy = height >= 30;
        let over_time = if roomy { 5 } else { 3 };
        let (rest, space) = (height - over_time, u16::from(roomy));
        let board = self.shown().board();
        let (causes, hosts) = (board.causes.len(), board.services.len().max(board.peers.len()));
        // As many rows as there is something to show in, so that the verdicts get the others.
        let rows = |count: usize, share: u16| {
            let wanted = u16::try_from(count.max(4)).unwrap_or(u16::MAX).saturating_add(1);
            wanted.min(rest * share / 100)
        };
        let [timeline, causes, tables, verdicts] = Layout::vertical([
            Constraint::Length(over_time),
            Constraint::Length(rows(causes, 32)),
            Constraint::Length(rows(hosts, 27)),
            Constraint::Min(0),
        ])
        .spacing(space)
        .areas(area);
        let [services, peers] = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).spacing(2).areas(tables);
        self.draw_timeline(frame, timeline);
        self.draw_causes(frame, causes);
        self.draw_services(frame, services);
        self.draw_peers(frame, peers);
        self.draw_verdicts(frame, verdicts, context);
    }

    fn draw_timeline(&self, frame: &mut Frame<'_>, area: Rect) {
        let width = usize::from(area.width).saturating_sub(2);
        let (marks, seconds) = self.shown().board().timeline.marks(width);
        let most = marks.iter().copied().max().unwrap_or(0);
        let each = amount::duration(seconds.saturating_mul(1_000_000_000));
        let details = format!("a mark is {each}, the highest {}", amount::counted(most, "reset"));
        let rows = area.height.saturating_sub(1);
        let mut lines = vec![heading("RESETS OVER TIME", &details, (area.width, false))];
        for row in (0..rows).rev() {
            let bar: String = marks.iter().map(|count| self.rising(*count, most, (row, rows))).collect();
            // What has just happened stands at the right.
            let room = if self.live { width } else { marks.len() };
            lines.push(Line::from(format!(" {bar:>room$}")));
        }
        frame.render_widget(Paragraph::new(lines), area);
    }

    /// The part of a bar that lies in a row; the lowest is row 0.
    fn rising(&self, count: u64, most: u64, (row, rows): (u16, u16)) -> char {
        let full = u64::from(rows) * 8;
        let height = if most == 0 { 0 } else { (count * full).div_ceil(most) };
        let here = height.saturating_sub(u64::from(row) * 8).min(8);
        match self.style.ascii {
            true if here > 3 => '#',
            true if here > 0 => '.',
            true => ' ',
            false => RISING.get(here as usize).copied().unwrap_or(' '),
        }
    }

    fn draw_causes(&mut self, frame: &mut Frame<'_>, area: Rect) {
        let focused = self.focus == Panel::Causes;
        let data = self.shown();
        let causes = data.board().causes(self.sort, data.now);
        let chosen = within(self.rows[0], causes.len());
        let wide = area.width >= WIDE;
        let most = causes.iter().map(|(_, tally)| self.weight(tally, data)).fold(0.0, f64::max);
        let bar = usize::from(area.width).saturating_sub(if wide { 90 } else { 45 });
        let rows = causes.iter().map(|((class, cause), tally)| {
            let share = if most > 0.0 { self.weight(tally, data) / most } else { 0.0 };
            let mut spans = vec![
                Span::styled(format!(" {:<23}", cause.id()), self.ink(*class)),
                Span::raw(format!("{:>8}/s {:>8} ", rate(self.rate(tally, data)), tally.resets)),
                Span::styled(format!("{:<bar$}", self.bar(share, bar)), self.ink(*class)),
            ];
            if wide {
                let events = amount::counted(tally.events, "event");
                let last = report::clock(tally.last, &self.style);
                spans.push(Span::styled(format!(" {:<20} {events:>12}  {last}", class.id()), dim()));
            }
            Line::from(spans)
        });
        let lines = listed(rows.collect(), (chosen, focused), area.height.saturating_sub(1));
        let over = if self.live {
            format!("{}; a second, over the last {} s", self.sort.words(), Recent::SECONDS)
        } else {
            format!("{}; a second, on average", self.sort.words())
        };
        let mut all = vec![heading("CAUSES", &over, (area.width, focused))];
        all.extend(lines);
        frame.render_widget(Paragraph::new(all), area);
        self.rows[0] = chosen;
    }

    fn draw_services(&mut self, frame: &mut Frame<'_>, area: Rect) {
        let data = self.shown();
        let services = data.board().services.sorted(self.sort, data.now);
        let rows = services.iter().map(|(end, tally)| (end.to_string(), *tally)).collect();
        let chosen = self.draw_tallies(frame, area, (Panel::Services, "SERVICES", rows));
        self.rows[1] = chosen;
    }

    fn draw_peers(&mut self, frame: &mut Frame<'_>, area: Rect) {
        let data = self.shown();
        let peers = data.board().peers.sorted(self.sort, data.now);
        let rows = peers.iter().map(|(host, tally)| (host.to_string(), *tally)).collect();
        let chosen = self.draw_tallies(frame, area, (Panel::Peers, "CLIENTS", rows));
        self.rows[2] = chosen;
    }

    /// A table of names and counts; the row that is chosen in it.
    fn draw_tallies(
        &self,
        frame: &mut Frame<'_>,
        area: Rect,
        (panel, title, tallies): (Panel, &str, Vec<(String, &Tally)>),
    ) -> usize {
        let focused = self.focus == panel;
        let data = self.shown();
        let chosen = within(self.rows.get(panel.index()).copied().unwrap_or_default(), tallies.len());
        let room = usize::from(area.width).saturating_sub(2);
        let wide = area.width >= WIDE / 2;
        let widest = tallies.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let count = tallies.iter().map(|(_, tally)| digits(tally.resets)).max().unwrap_or(0);
        let name = widest.min(room.saturating_sub(count + if wide { 33 } else { 9 }));
        let rows = tallies.iter().map(|(full, tally)| {
            let (class, cause) = tally.what;
            let mut spans = vec![Span::raw(format!(" {:<name$} {:>count$}", cut_front(full, name), tally.resets))];
            if wide {
                spans.push(Span::raw(format!(" {:>7}/s", rate(self.rate(tally, data)))));
            }
            let used: usize = spans.iter().map(Span::width).sum();
            let cause = cut(cause.id(), usize::from(area.width).saturating_sub(used + 1));
            spans.push(Span::styled(format!(" {cause}"), self.ink(class)));
            Line::from(spans)
        });
        let mut all = vec![heading(title, &format!("{}, with the latest cause", tallies.len()), (area.width, focused))];
        all.extend(listed(rows.collect(), (chosen, focused), area.height.saturating_sub(1)));
        frame.render_widget(Paragraph::new(all), area);
        chosen
    }

    fn draw_verdicts(&self, frame: &mut Frame<'_>, area: Rect, context: &Context) {
        let focused = self.focus == Panel::Verdicts;
        let chosen = self.verdict_row();
        let height = usize::from(area.height.saturating_sub(1));
        let from = scrolled(chosen, height);
        let findings: Vec<&Finding> = self.verdicts().skip(from).take(height).map(|(_, finding)| &**finding).collect();
        let wide = area.width >= WIDE;
        let frame_no = |finding: &&Finding| finding.reset.frame.to_string().len();
        let number_width = findings.iter().map(frame_no).max().unwrap_or(0);
        let cause = findings.iter().map(|finding| finding.verdict.cause.id().len()).max().unwrap_or(0);
        let ends = findings.iter().map(|finding| ends(finding).len()).max().unwrap_or(0);
        let rows = findings.iter().map(|finding| {
            let verdict = &finding.verdict;
            let time = report::clock(finding.reset.time, &self.style);
            let number =
                if wide { format!("{:<number_width$} ", finding.reset.frame.to_string()) } else { String::new() };
            let mut spans = vec![
                Span::styled(format!(" {time} {number}"), dim()),
                Span::styled(format!("{:<cause$} ", verdict.cause.id()), self.ink(verdict.class)),
                Span::raw(format!("{:<8} ", verdict.certainty.id())),
                Span::raw(format!("{:<ends$}", self::ends(finding))),
            ];
            if wide {
                spans.push(Span::styled(format!("  {:<17}  ", verdict.effect.on_peer.id()), dim()));
            }
            if area.width >= WIDEST {
                spans.push(Span::raw(report::sentence(context, finding)));
            }
            Line::from(spans)
        });
        let of = if self.verdicts().count() >= Data::KEPT {
            format!("the latest {}", Data::KEPT)
        } else {
            "newest first".to_owned()
        };
        let mut all = vec![heading("VERDICTS", &of, (area.width, focused))];
        all.extend(listed(rows.collect(), (chosen.saturating_sub(from), focused), area.height.saturating_sub(1)));
        frame.render_widget(Paragraph::new(all), area);
    }

    /// What the bars of causes compare.
    fn weight(&self, tally: &Tally, data: &Data) -> f64 {
        if self.sort == Sort::Rate { self.rate(tally, data) } else { tally.resets as f64 }
    }

    /// Resets a second: of late where time goes on, else over the whole input.
    fn rate(&self, tally: &Tally, data: &Data) -> f64 {
        if self.live {
            return tally.recent(data.now);
        }
        let span = data.first.map_or(0, |first| data.now.since(first));
        tally.resets as f64 / (span as f64 / 1e9).max(1.0)
    }

    fn bar(&self, share: f64, room: usize) -> String {
        let eighths = (share * room as f64 * 8.0).round() as usize;
        let eighths = if share > 0.0 { eighths.max(1) } else { 0 };
        if self.style.ascii {
            return "#".repeat(eighths.div_ceil(8));
        }
        let part = (eighths % 8).checked_sub(1).and_then(|part| BLOCKS.get(part));
        "█".repeat(eighths / 8).chars().chain(part.copied()).collect()
    }

    /// The colour of a class, where there are colours.
    fn ink(&self, class: Class) -> Style {
        match accent(class).filter(|_| self.style.color) {
            Some(number) => Style::new().fg(Color::Indexed(number)),
            None => Style::new(),
        }
    }
}

fn dim() -> Style {
    Style::new().add_modifier(Modifier::DIM)
}

/// A title over a part of the view; that of the part whose rows are chosen in is marked.
fn heading(title: &str, details: &str, (width, focused): (u16, bool)) -> Line<'static> {
    let mark = if focused { '>' } else { ' ' };
    let room = usize::from(width).saturating_sub(title.len() + 3);
    let bold = Style::new().add_modifier(Modifier::BOLD);
    Line::from(vec![
        Span::styled(format!("{mark}{title}"), bold),
        Span::styled(format!("  {}", cut(details, room)), dim()),
    ])
}

/// The rows that fit, the chosen one among them and marked.
fn listed(rows: Vec<Line<'static>>, (chosen, focused): (usize, bool), height: u16) -> Vec<Line<'static>> {
    let height = usize::from(height);
    let from = scrolled(chosen, height);
    let marked = Style::new().add_modifier(Modifier::REVERSED);
    let rows = rows.into_iter().enumerate().skip(from).take(height);
    rows.map(|(index, row)| if focused && index == chosen { row.patch_style(marked) } else { row }).collect()
}

/// The first row to show, so that the chosen one is seen.
fn scrolled(chosen: usize, height: usize) -> usize {
    (chosen + 1).saturating_sub(height)
}

fn digits(count: u64) -> usize {
    count.to_string().len()
}

fn within(row: usize, rows: usize) -> usize {
    row.min(rows.saturating_sub(1))
}

fn ends(finding: &Finding) -> String {
    let (src, dst): (SocketAddr, SocketAddr) = (finding.reset.tuple.src, finding.reset.tuple.dst);
    format!("{src} > {dst}")
}

/// Resets a second in at most six columns.
fn rate(rate: f64) -> String {
    match rate {
        100.0.. => format!("{rate:.0}"),
        0.1..100.0 => format!("{rate:.1}"),
        0.005..0.1 => format!("{rate:.2}"),
        0.0 => "0".to_owned(),
        _ => "<0.01".to_owned(),
    }
}

/// The beginning of a text.
fn cut(text: &str, room: usize) -> String {
    match text.chars().count() > room {
        true => text.chars().take(room.saturating_sub(2)).chain("..".chars()).collect(),
        false => text.to_owned(),
    }
}

/// The end of a text: of addresses the port.
fn cut_front(text: &str, room: usize) -> String {
    let count = text.chars().count();
    match count > room {
        true => "..".chars().chain(text.chars().skip(count + 2 - room.max(2))).collect(),
        false => text.to_owned(),
    }
}

fn draw_help(frame: &mut Frame<'_>, area: Rect) {
    let lines = KEYS.iter().map(|(key, what)| {
        let bold = Style::new().add_modifier(Modifier::BOLD);
        Line::from(vec![Span::styled(format!(" {key:<17}"), bold), Span::raw(*what)])
    });
    let text = Text::from_iter(std::iter::once(Line::from("")).chain(lines).chain([Line::from("")]));
    let [area] = Layout::vertical([Constraint::Length(KEYS.len() as u16 + 2)]).areas(area);
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(text), area);
}
