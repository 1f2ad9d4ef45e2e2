//! The catalogue of verdicts, laid out as findings are.

use super::page::{Listed, Page, UNBREAKABLE, columns};
use crate::classify::{Cause, Class};
use crate::report::catalogue::{self, Block, Chapter, Section, Topic};
use crate::report::palette::{Ink, Palette};
use crate::report::{Style, words};

/// The labels beside the entries of a cause. The first entry, what the cause means, is its title's sentence.
const LABELS: [(&str, &str); 4] =
    [("Seen by", "seen by"), ("Looks the same", "similar"), ("Do", "do"), ("Example", "example")];
/// The entry that says what a cause means.
const MEANS: &str = "Means";
/// Where the text beside a label begins in what a finding prints.
const LABEL_END: usize = 12;
/// The least space before a note in what a finding prints.
const GUTTER: &str = "   ";

/// What the catalogue says of `topic`.
pub fn explain(topic: Topic, style: &Style) -> String {
    let chapters = catalogue::chapters();
    let mut page = Page::new(Palette::new(style.color), style.width);
    match topic {
        Topic::List => chapters.iter().for_each(|chapter| list(&mut page, chapter)),
        Topic::Class(class) => {
            let own = chapters.iter().filter(|chapter| chapter.class == Some(class));
            own.for_each(|chapter| list(&mut page, chapter));
            letters(&mut page);
        }
        Topic::Cause(cause) => {
            for chapter in &chapters {
                let own = chapter.causes.iter().filter(|section| section.cause == cause);
                own.for_each(|section| section_of(&mut page, (chapter, section)));
            }
            letters(&mut page);
        }
    }
    page.into_text()
}

fn letters(page: &mut Page) {
    page.blank();
    page.paragraph(2, Ink::Dim, &catalogue::letters());
}

/// A chapter: what it is about, and its causes with what they mean.
fn list(page: &mut Page, chapter: &Chapter) {
    page.separate();
    let (ink, title) = title(chapter);
    page.heading((ink, &title), chapter.class.map_or("", Class::id), "");
    if chapter.class.is_some() {
        text(page, &chapter.text);
    }
    page.blank();
    let longest = Cause::ALL.iter().map(|cause| cause.id().len()).max().unwrap_or(0);
    let row = |section: &Section| Listed {
        lead: format!("  {:longest$}  ", section.cause.id()),
        body: section.entry(MEANS).unwrap_or_default().to_owned(),
        note: None,
        ink: Ink::Plain,
    };
    page.listing(&chapter.causes.iter().map(row).collect::<Vec<_>>());
}

fn title(chapter: &Chapter) -> (Ink, String) {
    match chapter.class {
        Some(class) => (Ink::Title(class), words::class(class).to_uppercase()),
        None => (Ink::Strong, chapter.title.to_uppercase()),
    }
}

/// A cause: what it means, what it is seen by, what looks the same, what to do, and an example.
fn section_of(page: &mut Page, (chapter, section): (&Chapter, &Section)) {
    let (ink, title) = title(chapter);
    page.heading((ink, &title), section.cause.id(), "");
    page.paragraph(2, Ink::Strong, section.entry(MEANS).unwrap_or_default());
    text(page, &section.text);
    if LABELS.iter().any(|(name, _)| section.entry(name).is_some()) {
        page.blank();
    }
    for (name, label) in LABELS {
        page.labelled(label, section.entry(name).map(str::to_owned).as_slice());
    }
    if let Some((comment, lines)) = catalogue::example(section.cause) {
        page.labelled("", &[comment]);
        page.blank();
        printed(page, (chapter, &lines));
    }
}

fn text(page: &mut Page, blocks: &[Block]) {
    for block in blocks {
        match block {
            Block::Paragraph(text) => page.paragraph(2, Ink::Plain, text),
            Block::Item(text) => {
                page.listing(&[Listed { lead: "  * ".to_owned(), body: text.clone(), note: None, ink: Ink::Plain }])
            }
            Block::Entry(..) => {}
        }
    }
}

/// What was printed of a finding, folded anew.
fn printed(page: &mut Page, (chapter, lines): (&Chapter, &[&str])) {
    let mut rows = Vec::new();
    for line in lines {
        match row(line, chapter.class) {
            Some(row) => rows.push(row),
            None => {
                page.listing(&std::mem::take(&mut rows));
                reason(page, line);
            }
        }
    }
    page.listing(&rows);
}

/// A line of the listing: a segment, or what is said of those left out.
fn row(line: &str, class: Option<Class>) -> Option<Listed> {
    let body = line.get(2..)?.trim_start();
    if body.starts_with("... ") {
        let lead = " ".repeat(columns(line) - columns(body));
        return Some(Listed { lead, body: body.to_owned(), note: None, ink: Ink::Dim });
    }
    let number = body.strip_prefix('#')?.split(' ').next()?;
    let rest = line.split_once(number)?.1;
    let (segment, note) = rest.trim_start().split_once(GUTTER).unwrap_or((rest.trim_start(), ""));
    let lead = line.get(..line.len() - rest.trim_start().len())?.to_owned();
    let ink = match class.filter(|_| line.starts_with('>')) {
        Some(class) => Ink::Accent(class),
        None => Ink::Plain,
    };
    let note = Some(note.trim_start()).filter(|note| !note.is_empty()).map(str::to_owned);
    Some(Listed { lead, body: unbreakable(segment), note, ink })
}

/// The fields of a segment stay whole where its line folds.
fn unbreakable(segment: &str) -> String {
    let fields = ["Flags", "seq", "ack", "win", "length"];
    fields
        .iter()
        .fold(segment.to_owned(), |text, field| text.replace(&format!("{field} "), &format!("{field}{UNBREAKABLE}")))
}

/// A line under the listing, with its label or without.
fn reason(page: &mut Page, line: &str) {
    match (line.get(..LABEL_END), line.get(LABEL_END..)) {
        (Some(label), Some(text)) if label.starts_with("  ") && (label.ends_with(' ')) => {
            page.labelled(label.trim(), &[text.to_owned()]);
        }
        _ if line.is_empty() => page.blank(),
        _ => page.paragraph(columns(line) - columns(line.trim_start()), Ink::Plain, line.trim_start()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(topic: Topic, width: Option<usize>) -> String {
        explain(topic, &Style { width, ..Style::default() })
    }

    #[test]
    fn every_topic_is_explained_without_markup_and_within_the_width() {
        for id in Topic::ids() {
            let topic = Topic::from_id(id).unwrap();
            let whole = explained(topic, None);
            assert!(whole.lines().count() > 3, "{id}: {whole}");
            assert!(!whole.contains('`') && !whole.contains("**") && !whole.contains("]("), "{id}: {whole}");
            for width in [60, 80, 120] {
                let long = explained(topic, Some(width)).lines().find(|line| columns(line) > width).map(str::to_owned);
                assert_eq!(long, None, "{id} at {width}");
            }
        }
    }

    #[test]
    fn every_entry_of_every_cause_is_printed() {
        for section in catalogue::chapters().iter().flat_map(|chapter| &chapter.causes) {
            let text = explained(Topic::Cause(section.cause), None);
            for block in &section.text {
                let (Block::Paragraph(said) | Block::Item(said) | Block::Entry(_, said)) = block;
                assert!(text.contains(said), "{}: {said}\n{text}", section.cause);
            }
        }
    }

    #[test]
    fn an_example_is_printed_as_the_finding_was() {
        for cause in Cause::ALL {
            let Some((_, lines)) = catalogue::example(*cause) else { continue };
            let text = explained(Topic::Cause(*cause), None);
            assert!(text.contains(&lines.join("\n")), "{cause}:\n{}\n{text}", lines.join("\n"));
        }
    }
}
