//! What many resets have in common, in the text output: a note where folding begins, a table at the end.

use super::page::{Listed, Page};
use crate::frame::FrameNo;
use crate::pattern::{Members, Pattern, What};
use crate::report::palette::Ink;
use crate::report::{Context, Style, words};

/// So many patterns are listed.
const LISTED: usize = 12;

/// Says that resets like this one are only counted from here on.
pub fn note(page: &mut Page, (context, frame): (&Context, FrameNo), (pattern, style): (&Pattern, &Style)) {
    let each = style.unfolding();
    let frame = named(context, frame);
    let summary = words::patterns::summary(&pattern.what);
    let text = match pattern.what {
        What::Benign => format!("{frame} is {summary}. Such resets are only counted ({each} shows each)"),
        _ => {
            format!(
                "{frame} is one more of a pattern: {summary}. From here on these are only counted ({each} shows each)"
            )
        }
    };
    page.paragraph(2, Ink::Dim, &text);
}

/// The patterns of the run; with how many of their resets were not shown, where such were folded.
pub fn write(page: &mut Page, context: &Context, folds: bool) {
    let patterns = context.patterns.all();
    if patterns.is_empty() {
        return;
    }
    let of = if patterns.len() > LISTED { format!(" of {}", patterns.len()) } else { String::new() };
    let head = if folds { "  resets  folded  patterns" } else { "  resets  patterns" };
    page.blank();
    page.paragraph(0, Ink::Dim, &format!("{head}{of}"));
    for Pattern { what, members } in patterns.iter().take(LISTED) {
        let folded = if folds { format!("{:>8}", members.repeats) } else { String::new() };
        let lead = format!("{:>8}{folded}  ", members.resets);
        let indent = lead.len();
        let body = format!("{} ({})", words::patterns::summary(what), frames(context, members));
        page.listing(&[Listed { lead, body, note: None, ink: Ink::Plain }]);
        page.paragraph(indent, Ink::Dim, &words::patterns::advice(what));
    }
}

/// The first frames, and how many more there are.
fn frames(context: &Context, members: &Members) -> String {
    let names: Vec<String> = members.frames.iter().map(|frame| named(context, *frame)).collect();
    let more = members.resets.saturating_sub(names.len() as u64);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
}

/// A frame, with its input where there are several.
pub fn named(context: &Context, frame: FrameNo) -> String {
    match words::input(context, frame).filter(|_| context.inputs.len() > 1) {
        Some(input) => format!("{frame} of {}", words::visible(input)),
        None => frame.to_string(),
    }
}
