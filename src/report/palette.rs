//! Colours, and the only user of `colored`. Colour repeats what words and marks say already; without it nothing is lost.

use std::borrow::Cow;

use colored::{Color, ColoredString, Colorize};

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

/// A colour a class, in the middle between black and white, so that it can be read on both; what is not determined has
/// none. Themes do not change these, as they do the first sixteen: yellow and cyan vanish on white in many of them.
fn accented(text: &str, class: Class) -> ColoredString {
    accent(class).map_or_else(|| text.normal(), |number| text.color(Color::AnsiColor(number)))
}

/// The class's number among the 256 colours of terminals; what is not determined has none.
pub fn accent(class: Class) -> Option<u8> {
    match class {
        Class::ClosedPort => Some(130),
        Class::TimeWaitCollision => Some(30),
        Class::AbortiveClose => Some(163),
        Class::HalfOpenResponse => Some(27),
        Class::Forged => Some(196),
        Class::Undetermined => None,
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

    /// The luminance of one of the 216 colours of the cube, as WCAG 2.2 defines it.
    fn luminance(number: u8) -> f64 {
        let place = number - 16;
        let level = |step: u8| if step == 0 { 0.0 } else { f64::from(55 + 40 * u32::from(step)) / 255.0 };
        let linear = |level: f64| if level <= 0.04045 { level / 12.92 } else { ((level + 0.055) / 1.055).powf(2.4) };
        let [red, green, blue] = [place / 36, place / 6 % 6, place % 6].map(|step| linear(level(step)));
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// WCAG 2.2 asks for a contrast of 3 for large text; with 4 it may be small, too.
    #[test]
    fn accents_can_be_read_on_black_and_on_white() {
        for class in Class::ALL {
            let Some(number) = accent(*class) else { continue };
            let (on_black, on_white) = ((luminance(number) + 0.05) / 0.05, 1.05 / (luminance(number) + 0.05));
            assert!(on_black >= 3.9 && on_white >= 3.9, "{class}: {on_black:.1} on black, {on_white:.1} on white");
        }
    }
}
