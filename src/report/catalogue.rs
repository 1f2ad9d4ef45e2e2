//! The catalogue of verdicts as data: `docs/verdicts.md` and `docs/examples.md`, which are part of the program.

use crate::classify::{Cause, Class};

const VERDICTS: &str = include_str!("../../docs/verdicts.md");
const EXAMPLES: &str = include_str!("../../docs/examples.md");

/// What can be explained.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Topic {
    /// Which classes and causes there are.
    List,
    /// A class and its causes.
    Class(Class),
    /// A cause.
    Cause(Cause),
}

impl Topic {
    /// The id of [`Topic::List`].
    const LIST: &'static str = "list";

    /// All ids, in the order of the catalogue.
    pub fn ids() -> impl Iterator<Item = &'static str> {
        let classes = Class::ALL.iter().map(|class| class.id());
        let causes = Cause::ALL.iter().map(|cause| cause.id());
        std::iter::once(Self::LIST).chain(classes).chain(causes)
    }

    /// The topic with this id.
    pub fn from_id(id: &str) -> Option<Topic> {
        if id == Self::LIST {
            return Some(Topic::List);
        }
        Class::from_id(id).map(Topic::Class).or_else(|| Cause::from_id(id).map(Topic::Cause))
    }
}

/// A chapter of the catalogue that has causes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chapter {
    /// Its title.
    pub title: String,
    /// The class that it is about; `None` for the resets whose class is that of another.
    pub class: Option<Class>,
    /// What stands above its causes.
    pub text: Vec<Block>,
    /// Its causes.
    pub causes: Vec<Section>,
}

/// What the catalogue says of a cause.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Section {
    /// Which.
    pub cause: Cause,
    /// What it says.
    pub text: Vec<Block>,
}

/// A piece of text without markup.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Block {
    /// A paragraph.
    Paragraph(String),
    /// An entry of a list.
    Item(String),
    /// An entry that begins with a name in bold: the name, and what stands behind it.
    Entry(String, String),
}

impl Section {
    /// The entry of this name.
    pub fn entry(&self, name: &str) -> Option<&str> {
        self.text.iter().find_map(|block| match block {
            Block::Entry(own, text) if own == name => Some(text.as_str()),
            _ => None,
        })
    }
}

/// The chapters that have causes, in their order.
pub fn chapters() -> Vec<Chapter> {
    parts(VERDICTS, "## ").into_iter().map(chapter).filter(|chapter| !chapter.causes.is_empty()).collect()
}

/// What the letters mean that the catalogue uses.
pub fn letters() -> String {
    let line = VERDICTS.lines().find(|line| line.starts_with("E is the sender"));
    plain(line.unwrap_or_default())
}

/// What the packet script that is the cause's first example is about, and what is printed of it.
pub fn example(cause: Cause) -> Option<(String, Vec<&'static str>)> {
    let (_, text) = parts(EXAMPLES, "## ").into_iter().find(|(title, _)| id_of(title) == Some(cause.id()))?;
    let mut lines = text.lines().skip_while(|line| line.is_empty());
    let comment = plain(lines.next()?.split_once(": ")?.1);
    let printed = lines.skip_while(|line| !line.starts_with("```")).skip(1).take_while(|line| !line.starts_with("```"));
    Some((comment, printed.collect()))
}

fn chapter((title, text): (&str, &str)) -> Chapter {
    let above = text.split("\n### ").next().unwrap_or_default();
    let causes = parts(text, "### ").into_iter().filter_map(|(title, text)| {
        let cause = Cause::from_id(id_of(title)?)?;
        Some(Section { cause, text: blocks(text) })
    });
    let class = id_of(title).and_then(Class::from_id);
    Chapter { title: plain(title), class, text: blocks(above), causes: causes.collect() }
}

/// The parts of `text` under the headings that begin with `mark`: each heading with what follows it.
fn parts<'a>(text: &'a str, mark: &str) -> Vec<(&'a str, &'a str)> {
    let mark = format!("\n{mark}");
    text.split(mark.as_str()).skip(1).filter_map(|part| part.split_once('\n')).collect()
}

/// What stands in backticks in a title.
fn id_of(title: &str) -> Option<&str> {
    title.strip_prefix('`')?.strip_suffix('`')
}

/// The blocks of a text: lines belong together until an empty line or the next entry of a list.
fn blocks(text: &str) -> Vec<Block> {
    let mut pieces: Vec<String> = Vec::new();
    let mut is_open = false;
    for line in text.lines() {
        let begins = line.starts_with("- ") || line.starts_with("* ");
        match pieces.last_mut().filter(|_| is_open && !begins) {
            _ if line.is_empty() => is_open = false,
            Some(piece) => piece.extend([" ", line.trim_start()]),
            None => {
                pieces.push(line.to_owned());
                is_open = true;
            }
        }
    }
    pieces.iter().map(|piece| block(piece)).collect()
}

fn block(piece: &str) -> Block {
    let Some(item) = piece.strip_prefix("- ").or_else(|| piece.strip_prefix("* ")) else {
        return Block::Paragraph(plain(piece));
    };
    match item.strip_prefix("**").and_then(|bold| bold.split_once(".** ")) {
        Some((name, text)) => Block::Entry(name.to_owned(), plain(text)),
        None => Block::Item(plain(item)),
    }
}

/// The text without its markup: of links the words remain, of code and bold the content.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, link)) = rest.split_once('[') {
        plain.push_str(before);
        let parts = link.split_once(']').and_then(|(words, target)| Some((words, target.strip_prefix('(')?)));
        match parts.and_then(|(words, target)| Some((words, target.split_once(')')?.1))) {
            Some((words, after)) => {
                plain.push_str(words);
                rest = after;
            }
            None => {
                plain.push('[');
                rest = link;
            }
        }
    }
    plain.push_str(rest);
    plain.replace('`', "").replace("**", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_lead_to_their_topics() {
        let ids: std::collections::BTreeSet<_> = Topic::ids().collect();
        assert_eq!(ids.len(), 1 + Class::ALL.len() + Cause::ALL.len());
        assert!(ids.iter().all(|id| Topic::from_id(id).is_some()));
        assert_eq!(Topic::from_id("lost-state"), Some(Topic::Cause(Cause::LostState)));
        assert_eq!(Topic::from_id("Forged"), None);
    }

    #[test]
    fn every_cause_and_class_is_found() {
        let chapters = chapters();
        let classes: Vec<Class> = chapters.iter().filter_map(|chapter| chapter.class).collect();
        assert_eq!(classes, Class::ALL);
        let sections = || chapters.iter().flat_map(|chapter| &chapter.causes);
        assert_eq!(sections().map(|section| section.cause).collect::<Vec<_>>(), Cause::ALL);
        let without: Vec<Cause> =
            sections().filter(|section| section.entry("Means").is_none()).map(|section| section.cause).collect();
        assert_eq!(without, []);
        assert!(letters().contains("P its receiver"));
    }

    #[test]
    fn markup_is_taken_off() {
        assert_eq!(plain("`a` of [b c](../d.md#e), **f**; [g] and [h](i)"), "a of b c, f; [g] and h");
        let text = "One.\nTwo.\n\n- **Means.** `x`\n  goes on.\n* item\n- **Do.** y";
        let expected = [
            Block::Paragraph("One. Two.".to_owned()),
            Block::Entry("Means".to_owned(), "x goes on.".to_owned()),
            Block::Item("item".to_owned()),
            Block::Entry("Do".to_owned(), "y".to_owned()),
        ];
        assert_eq!(blocks(text), expected);
    }
}
