//! Colours, and the only user of `colored`. Colour repeats what words and marks say already; without it nothing is lost.

use std::borrow::Cow;

use colored::{ColoredString, Colorize};

use crate::classify::Class;

/// What a piece of text is, as far as its looks go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ink {
    /// As the terminal writes.
    Plain,
    /// Of less weight: labels, gaps, annotations.
    Dim,
    /// Of more weight: the sentence that says what happened.
    Strong,
    /// The accent of a class: the reset's own line.
    Accent(Class),
    /// The accent of a class, stronger: its name.
    Title(Class),
}

/// Colours or does not.
#[derive(Clone, Copy, Debug)]
pub struct Palette {
    color: bool,
}

impl Palette {
    /// A palette that colours if `color` is true. The decision is the caller's: `colored`'s own, which looks at the
    /// environment and at standard output, is overridden.
    pub fn new(color: bool) -> Self {
        if color {
            colored::control::set_override(true);
        }
        Self { color }
    }

    /// `text` in `ink`.
    pub fn paint<'a>(self, ink: Ink, text: &'a str) -> Cow<'a, str> {
        if !self.color || text.trim().is_empty() {
            return Cow::Borrowed(text);
        }
        let painted = match ink {
            Ink::Plain => return Cow::Borrowed(text),
            Ink::Dim => text.dimmed(),
            Ink::Strong => text.bold(),
            Ink::Accent(class) => accented(text, class),
            Ink::Title(class) => accented(text, class).bold(),
        };
        Cow::Owned(painted.to_string())
    }
}

/// One of the terminal's own sixteen colours a class, so that the user's theme keeps them readable. What is not
/// determined has none.
fn accented(text: &str, class: Class) -> ColoredString {
    match class {
        Class::ClosedPort => text.yellow(),
        Class::TimeWaitCollision => text.cyan(),
        Class::AbortiveClose => text.magenta(),
        Class::HalfOpenResponse => text.bright_blue(),
        Class::Forged => text.bright_red(),
        Class::Undetermined => text.normal(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_a_colour_of_its_own() {
        let palette = Palette::new(true);
        let painted: std::collections::HashSet<_> =
            Class::ALL.iter().map(|class| palette.paint(Ink::Accent(*class), "x")).collect();
        assert_eq!(painted.len(), Class::ALL.len());
        assert_eq!(Palette::new(false).paint(Ink::Title(Class::Forged), "x"), "x");
    }
}
