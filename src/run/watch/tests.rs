//! The view without a terminal: what it shows at three sizes, and what keys do.
//!
//! `UPDATE_EXPECT=1 cargo test --lib watch` rewrites what is to be shown; read the diff.

use std::path::Path;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::view::{Data, Panel, View, Wish};
use crate::analyzer::{Analyzer, Finding, Options};
use crate::frame::Timestamp;
use crate::report::{Context, Style, fixtures};

fn style() -> Style {
    Style { utc: true, ..Style::default() }
}

fn context() -> Context {
    Context { inputs: vec!["mixed.pcap".to_owned()], ..Context::default() }
}

/// A view of all fixtures, some of them more than once.
fn view(live: bool) -> View {
    let mut view = View::new("mixed.pcap".to_owned(), live, style());
    let all = fixtures::all();
    for (number, finding) in all.iter().enumerate() {
        for _ in 0..=number % 3 {
            view.see(finding);
        }
    }
    let times = || all.iter().map(|finding| finding.reset.time);
    let mut level = Analyzer::new(Options::default()).level();
    (level.first, level.last) = (times().min(), times().max());
    (level.frames, level.connections) = (1234, 56);
    view.advance(&level, level.last.filter(|_| live));
    view
}

fn lines(view: &mut View, (width, height): (u16, u16)) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let context = context();
    terminal.draw(|frame| view.draw(frame, &context)).unwrap();
    let buffer = terminal.backend().buffer();
    let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..height).map(line).collect()
}

fn press(view: &mut View, codes: &[KeyCode]) {
    for code in codes {
        assert_eq!(view.key(KeyEvent::new(*code, KeyModifiers::NONE)), Wish::GoOn);
    }
}

fn type_in(view: &mut View, words: &str) {
    let codes: Vec<KeyCode> = words.chars().map(KeyCode::Char).collect();
    press(view, &codes);
}

#[track_caller]
fn check(name: &str, view: &mut View, size: (u16, u16)) {
    let shown = format!("{}\n", lines(view, size).join("\n"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/run/watch/golden").join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &shown).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(shown == expected, "{name} is not as expected:\n{shown}");
}

#[test]
fn what_is_shown_at_three_sizes() {
    for (width, height) in [(80, 24), (120, 40), (200, 50)] {
        check(&format!("{width}x{height}"), &mut view(false), (width, height));
    }
    check("live", &mut view(true), (80, 24));
    let mut opened = view(false);
    press(&mut opened, &[KeyCode::Enter]);
    check("opened", &mut opened, (100, 40));
    let mut helping = view(false);
    press(&mut helping, &[KeyCode::Char('?')]);
    check("help", &mut helping, (80, 24));
}

#[test]
fn every_size_can_be_drawn() {
    for size in [(1, 1), (3, 2), (20, 5), (40, 13), (79, 30), (500, 3)] {
        let mut view = view(true);
        lines(&mut view, size);
        press(&mut view, &[KeyCode::End, KeyCode::Enter]);
        lines(&mut view, size);
        press(&mut view, &[KeyCode::End, KeyCode::Char('?')]);
        lines(&mut view, size);
    }
    lines(&mut View::new(String::new(), true, style()), (80, 24));
}

#[test]
fn a_filter_narrows_all_parts_and_goes_again() {
    let mut view = view(false);
    let all = view.data.board().resets;
    press(&mut view, &[KeyCode::Char('/')]);
    type_in(&mut view, "forged");
    press(&mut view, &[KeyCode::Enter]);
    let forged = view.data.board().resets;
    assert!(forged > 0 && forged < all);
    assert!(view.verdicts().all(|(_, finding)| finding.verdict.class.id() == "forged"));
    view.see(&fixtures::forged());
    view.see(&fixtures::half_open());
    assert_eq!(view.data.board().resets, forged + 1);
    assert!(lines(&mut view, (80, 24))[23].starts_with(" only forged (esc: all)"));
    press(&mut view, &[KeyCode::Esc]);
    assert_eq!(view.data.board().resets, all + 2);
}

#[test]
fn what_cannot_be_understood_can_be_mended() {
    let mut view = view(false);
    press(&mut view, &[KeyCode::Char('/')]);
    type_in(&mut view, "forgd");
    press(&mut view, &[KeyCode::Enter]);
    assert!(lines(&mut view, (80, 24))[23].contains("no class, cause, certainty or address: forgd"));
    press(&mut view, &[KeyCode::Backspace]);
    type_in(&mut view, "ed !possible");
    press(&mut view, &[KeyCode::Enter]);
    assert_eq!(view.filter, "forged !possible");
}

#[test]
fn a_chosen_row_becomes_a_filter() {
    let mut view = view(false);
    press(&mut view, &[KeyCode::Tab, KeyCode::Down, KeyCode::Enter]);
    assert_eq!(view.focus, Panel::Causes);
    let cause = view.filter.clone();
    assert!(view.verdicts().all(|(_, finding)| finding.verdict.cause.id() == cause));
    press(&mut view, &[KeyCode::Tab, KeyCode::Enter, KeyCode::Enter]);
    let service = view.filter.strip_prefix(&format!("{cause} ")).unwrap().to_owned();
    assert!(view.verdicts().all(|(_, finding)| finding.connection.tuple.dst.to_string() == service));
    press(&mut view, &[KeyCode::Char('c')]);
    assert_eq!(view.filter, "");
}

#[test]
fn the_chosen_verdict_stays_while_others_come() {
    let mut view = view(false);
    press(&mut view, &[KeyCode::Down, KeyCode::Down]);
    let before = view.verdict;
    view.see(&fixtures::half_open());
    assert_eq!((view.verdict, view.verdict_row()), (before, 3));
    press(&mut view, &[KeyCode::Home]);
    view.see(&fixtures::half_open());
    assert_eq!((view.verdict, view.verdict_row()), (None, 0));
    press(&mut view, &[KeyCode::End]);
    assert_eq!(view.verdict, Some(1));
}

#[test]
fn a_pause_holds_the_view_and_not_the_counts() {
    let mut view = view(false);
    press(&mut view, &[KeyCode::Char('p')]);
    let before = lines(&mut view, (80, 24));
    assert!(before[0].contains("paused"));
    view.see(&fixtures::half_open());
    assert_eq!(lines(&mut view, (80, 24)), before);
    let held = view.shown().all.resets;
    press(&mut view, &[KeyCode::Char(' ')]);
    assert_eq!(view.shown().all.resets, held + 1);
}

#[test]
fn verdicts_are_leafed_through() {
    let mut view = view(false);
    press(&mut view, &[KeyCode::Enter]);
    let ladder = lines(&mut view, (100, 40));
    press(&mut view, &[KeyCode::Char('l')]);
    assert_ne!(lines(&mut view, (100, 40)), ladder);
    // Some fixtures come three times.
    press(&mut view, &[KeyCode::Char('l')]);
    press(&mut view, &[KeyCode::Char('n'); 3]);
    assert_ne!(lines(&mut view, (100, 40)), ladder);
    press(&mut view, &[KeyCode::Char('p'); 3]);
    assert_eq!(lines(&mut view, (100, 40)), ladder);
    press(&mut view, &[KeyCode::Char('q')]);
    assert!(view.opened.is_none());
    assert_eq!(view.key(KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE)), Wish::Quit);
    assert_eq!(view.key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Wish::Quit);
}

#[test]
fn what_is_kept_has_a_bound() {
    let mut view = View::new(String::new(), true, style());
    let finding = Finding { ..fixtures::half_open() };
    (0..2 * Data::KEPT).for_each(|_| view.see(&finding));
    assert_eq!((view.data.kept.len(), view.data.all.resets), (Data::KEPT, 2 * Data::KEPT as u64));
    assert_eq!(view.verdicts().next().map(|(number, _)| *number), Some(2 * Data::KEPT as u64));
    view.advance(&Analyzer::new(Options::default()).level(), Some(Timestamp::new(1, 0)));
}

#[test]
fn without_unicode_letters_do() {
    let mut view = view(false);
    view.style.ascii = true;
    press(&mut view, &[KeyCode::Enter]);
    let opened = lines(&mut view, (100, 40)).concat();
    press(&mut view, &[KeyCode::Esc]);
    let panels = lines(&mut view, (100, 40)).concat();
    assert!(opened.is_ascii() && panels.is_ascii(), "{opened}{panels}");
}
