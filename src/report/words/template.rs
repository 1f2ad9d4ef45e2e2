//! Sentences with gaps: `{name}` is filled in; `[...]` is left out when one of its gaps has nothing to be filled with.

/// A part of a template.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part<'a> {
    /// As it stands.
    Text(&'a str),
    /// The name of a gap.
    Gap(&'a str),
    /// What follows is said only if all of its gaps are filled.
    Open,
    /// To here.
    Close,
}

/// The parts of a template.
pub fn parts(template: &str) -> impl Iterator<Item = Part<'_>> {
    let optional = split(template, [b'[', b']']).enumerate();
    optional.flat_map(|(index, part)| {
        let edge = |edge| (index % 2 == 1).then_some(edge);
        let pieces = split(part, [b'{', b'}']).enumerate();
        let pieces = pieces.map(|(index, piece)| if index % 2 == 0 { Part::Text(piece) } else { Part::Gap(piece) });
        edge(Part::Open).into_iter().chain(pieces.filter(|piece| *piece != Part::Text(""))).chain(edge(Part::Close))
    })
}

/// Appends the parts of a template to `text`. `gap` appends what fills the gap of a name, or nothing, and then gives `None`.
/// A gap outside of brackets that it does not know stays.
pub fn fill<'a>(
    text: &mut String,
    parts: impl Iterator<Item = Part<'a>>,
    gap: impl Fn(&mut String, &str) -> Option<()>,
) {
    let (mut before, mut complete) = (text.len(), true);
    for part in parts {
        match part {
            Part::Text(said) => text.push_str(said),
            Part::Gap(name) if gap(text, name).is_none() => {
                complete = false;
                text.extend(["{", name, "}"]);
            }
            Part::Gap(_) => {}
            Part::Open => (before, complete) = (text.len(), true),
            Part::Close if !complete => text.truncate(before),
            Part::Close => {}
        }
    }
}

/// What lies between these marks.
fn split(text: &str, [open, close]: [u8; 2]) -> impl Iterator<Item = &str> {
    let mut from = 0;
    memchr::memchr2_iter(open, close, text.as_bytes()).chain([text.len()]).map(move |to| {
        let piece = text.get(from..to).unwrap_or_default();
        from = to + 1;
        piece
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn gaps_are_filled_and_optional_parts_left_out() {
        let gap = |text: &mut String, name: &str| (name == "who").then(|| text.push_str("the [::1]:80 {server}"));
        let fill = |template| {
            let mut text = String::from("> ");
            super::fill(&mut text, super::parts(template), gap);
            text
        };
        assert_eq!(fill("{who} spoke"), "> the [::1]:80 {server} spoke");
        assert_eq!(fill("a[ by {who}][ at {when}]."), "> a by the [::1]:80 {server}.");
        assert_eq!(fill("[{who}{when}]at {when}"), "> at {when}");
        assert_eq!(fill("plain"), "> plain");
        assert_eq!(fill("[–{who}]–"), "> –the [::1]:80 {server}–");
    }
}
