//! Sentences with gaps: `{name}` is filled in; `[...]` is left out when one of its gaps has nothing to be filled with.

/// Fills the gaps of `template`. A gap outside of brackets that `value` does not know stays.
pub fn fill(template: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut text = String::with_capacity(template.len() * 2);
    for (index, part) in template.split(['[', ']']).enumerate() {
        let optional = index % 2 == 1;
        match fill_part(part, &value) {
            Ok(filled) => text.push_str(&filled),
            Err(_) if optional => {}
            Err(filled) => text.push_str(&filled),
        }
    }
    text
}

/// The filled part; as an error if a gap had no value.
fn fill_part(part: &str, value: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut complete = true;
    let mut text = String::new();
    for (index, piece) in part.split(['{', '}']).enumerate() {
        if index % 2 == 0 {
            text.push_str(piece);
            continue;
        }
        match value(piece) {
            Some(filling) => text.push_str(&filling),
            None => {
                complete = false;
                text.push_str(&format!("{{{piece}}}"));
            }
        }
    }
    if complete { Ok(text) } else { Err(text) }
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn gaps_are_filled_and_optional_parts_left_out() {
        let value = |name: &str| (name == "who").then(|| "the [::1]:80 {server}".to_owned());
        assert_eq!(fill("{who} spoke", value), "the [::1]:80 {server} spoke");
        assert_eq!(fill("a[ by {who}][ at {when}].", value), "a by the [::1]:80 {server}.");
        assert_eq!(fill("[{who}{when}]at {when}", value), "at {when}");
        assert_eq!(fill("plain", value), "plain");
    }
}
