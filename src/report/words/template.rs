//! Sentences with gaps: `{name}` is filled in; `[...]` is left out when one of its gaps has nothing to be filled with.

/// Appends `template` to `text`. `gap` appends what fills the gap of a name, or nothing, and then gives `None`. A gap outside
/// of brackets that it does not know stays.
pub fn fill(text: &mut String, template: &str, gap: impl Fn(&mut String, &str) -> Option<()>) {
    for (index, part) in split(template, [b'[', b']']).enumerate() {
        let optional = index % 2 == 1;
        let before = text.len();
        let complete = fill_part(text, part, &gap);
        if optional && !complete {
            text.truncate(before);
        }
    }
}

/// Whether each gap was filled.
fn fill_part(text: &mut String, part: &str, gap: impl Fn(&mut String, &str) -> Option<()>) -> bool {
    let mut complete = true;
    for (index, piece) in split(part, [b'{', b'}']).enumerate() {
        if index % 2 == 0 {
            text.push_str(piece);
        } else if gap(text, piece).is_none() {
            complete = false;
            text.extend(["{", piece, "}"]);
        }
    }
    complete
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
            super::fill(&mut text, template, gap);
            text
        };
        assert_eq!(fill("{who} spoke"), "> the [::1]:80 {server} spoke");
        assert_eq!(fill("a[ by {who}][ at {when}]."), "> a by the [::1]:80 {server}.");
        assert_eq!(fill("[{who}{when}]at {when}"), "> at {when}");
        assert_eq!(fill("plain"), "> plain");
        assert_eq!(fill("[–{who}]–"), "> –the [::1]:80 {server}–");
    }
}
