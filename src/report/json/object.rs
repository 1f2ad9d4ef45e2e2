//! Objects of JSON, appended to a line key by key: what serde and serde_json write, at a fifth of the price.
//!
//! There may be millions of lines, each with fifty keys. Here a key with its punctuation is one constant, so the compiler
//! makes a store or two of it; texts are written where they will stand, and looked at for something to escape when they
//! are whole. What is rare is left to serde_json.

use serde::Serialize;
use serde_json::Result;

use crate::report::address::push_number;

/// So many bytes are looked at together.
const CHUNK: usize = 32;

/// A key as it stands before a number, and before a text.
#[derive(Clone, Copy)]
pub struct Key {
    pub bare: &'static str,
    pub quoted: &'static str,
}

/// The key of this name.
macro_rules! key {
    ($name:literal) => {
        $crate::report::json::object::Key { bare: concat!("\"", $name, "\":"), quoted: concat!("\"", $name, "\":\"") }
    };
}
pub(super) use key;

/// An object that is being written. Every value leaves a comma behind it; the brace takes the place of the last one.
pub struct Object<'a> {
    line: &'a mut String,
}

impl<'a> Object<'a> {
    /// Appends an object to `line`.
    #[inline]
    pub fn append<T>(line: &'a mut String, write: impl FnOnce(&mut Object<'a>) -> T) -> T {
        line.push('{');
        let mut object = Object { line };
        let written = write(&mut object);
        close(object.line, '}');
        written
    }

    /// A number.
    #[inline(always)]
    pub fn number(&mut self, key: Key, number: impl itoa::Integer) {
        self.line.push_str(key.bare);
        push_number(self.line, number);
        self.line.push(',');
    }

    /// A number that may be unknown, and is absent then.
    #[inline(always)]
    pub fn known_number(&mut self, key: Key, number: Option<impl itoa::Integer>) {
        if let Some(number) = number {
            self.number(key, number);
        }
    }

    /// A number that does not always apply, and is `null` then.
    #[inline(always)]
    pub fn nullable_number(&mut self, key: Key, number: Option<impl itoa::Integer>) {
        match number {
            Some(number) => self.number(key, number),
            None => self.null(key),
        }
    }

    /// Nothing applies.
    #[inline(always)]
    pub fn null(&mut self, key: Key) {
        self.line.push_str(key.bare);
        self.line.push_str("null,");
    }

    /// True or false.
    #[inline(always)]
    pub fn truth(&mut self, key: Key, truth: bool) {
        self.line.push_str(key.bare);
        self.line.push_str(if truth { "true," } else { "false," });
    }

    /// A word in which there is nothing to escape: an id, an address.
    #[inline(always)]
    pub fn word(&mut self, key: Key, word: &str) {
        self.word_by(key, |line| line.push_str(word));
    }

    /// A word that may be unknown, and is absent then.
    #[inline(always)]
    pub fn known_word(&mut self, key: Key, word: Option<&str>) {
        if let Some(word) = word {
            self.word(key, word);
        }
    }

    /// A word that `push` appends.
    #[inline(always)]
    pub fn word_by(&mut self, key: Key, push: impl FnOnce(&mut String)) {
        self.line.push_str(key.quoted);
        push(self.line);
        self.line.push_str("\",");
    }

    /// Whatever text `push` appends.
    #[inline(always)]
    pub fn text(&mut self, key: Key, push: impl FnOnce(&mut String)) {
        self.word_by(key, |line| {
            let from = line.len();
            push(line);
            escape(line, from);
        });
    }

    /// A text that may be unknown, and is absent then.
    #[inline(always)]
    pub fn known_text(&mut self, key: Key, text: Option<&str>) {
        if let Some(text) = text {
            self.text(key, |line| line.push_str(text));
        }
    }

    /// An object within this one.
    #[inline(always)]
    pub fn object(&mut self, key: Key, write: impl FnOnce(&mut Object<'_>)) {
        self.line.push_str(key.bare);
        Object::append(self.line, write);
        self.line.push(',');
    }

    /// A list of objects.
    #[inline(always)]
    pub fn objects<T>(&mut self, key: Key, all: &[T], mut write: impl FnMut(&mut Object<'_>, &T)) {
        self.list(key, all, |line, one| Object::append(line, |object| write(object, one)));
    }

    /// A list of words.
    #[inline(always)]
    pub fn words<T: Copy>(&mut self, key: Key, all: &[T], word: impl Fn(T) -> &'static str) {
        self.list(key, all, |line, one| {
            line.push('"');
            line.push_str(word(*one));
            line.push('"');
        });
    }

    #[inline(always)]
    fn list<T>(&mut self, key: Key, all: &[T], mut push: impl FnMut(&mut String, &T)) {
        self.line.push_str(key.bare);
        self.line.push('[');
        for one in all {
            push(self.line, one);
            self.line.push(',');
        }
        close(self.line, ']');
        self.line.push(',');
    }

    /// What is rare.
    ///
    /// # Errors
    ///
    /// Those of its serializer.
    #[cold]
    pub fn value(&mut self, key: Key, value: &impl Serialize) -> Result<()> {
        self.line.push_str(key.bare);
        self.line.push_str(&serde_json::to_string(value)?);
        self.line.push(',');
        Ok(())
    }
}

#[inline(always)]
fn close(line: &mut String, bracket: char) {
    if line.as_bytes().last() == Some(&b',') {
        line.pop();
    }
    line.push(bracket);
}

/// Escapes what was appended to the line from here on, if that has to be.
#[inline]
fn escape(line: &mut String, from: usize) {
    if !line.as_bytes().get(from..).is_some_and(is_plain) {
        escape_each(line, from);
    }
}

#[cold]
fn escape_each(line: &mut String, from: usize) {
    let text = line.split_off(from);
    // Texts have no errors to give.
    let quoted = serde_json::to_string(&text).unwrap_or_default();
    line.push_str(quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default());
}

/// Whether no byte of a text needs an escape. Chunks overlap where its length is no multiple of theirs.
fn is_plain(text: &[u8]) -> bool {
    match text.last_chunk::<CHUNK>() {
        Some(last) => has_no_escape(text.as_chunks::<CHUNK>().0.as_flattened()) && has_no_escape(last),
        None => has_no_escape(text),
    }
}

/// Looks at all bytes, without stopping at the first that needs an escape: many at once.
#[inline(always)]
fn has_no_escape(text: &[u8]) -> bool {
    // RFC 8259 section 7: quotation mark, reverse solidus and control characters.
    let escaped = |byte: u8| u8::from(byte < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\');
    text.iter().fold(0, |found, byte| found | escaped(*byte)) == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn written(write: impl FnOnce(&mut Object<'_>)) -> Value {
        let mut line = String::from("> ");
        Object::append(&mut line, write);
        serde_json::from_str(line.strip_prefix("> ").unwrap()).unwrap()
    }

    proptest! {
        #[test]
        fn every_text_reads_as_serde_json_writes_it(
            text in prop_oneof!["[ -~]{0,40}", "[a-z]{0,70}", "\\PC{0,40}", ".{0,40}"],
        ) {
            let mut line = String::new();
            Object::append(&mut line, |object| object.text(key!("text"), |line| line.push_str(&text)));
            prop_assert_eq!(line, format!("{{\"text\":{}}}", serde_json::to_string(&text).unwrap()));
        }

        #[test]
        fn numbers_keep_their_value(unsigned: u64, signed: i64, perhaps: Option<u16>) {
            let object = written(|object| {
                object.number(key!("unsigned"), unsigned);
                object.number(key!("signed"), signed);
                object.nullable_number(key!("perhaps"), perhaps);
            });
            prop_assert_eq!(object, json!({ "unsigned": unsigned, "signed": signed, "perhaps": perhaps }));
        }
    }

    #[test]
    fn an_escape_is_found_wherever_it_stands() {
        for len in 1..70 {
            for at in 0..len {
                for byte in 0..0x80 {
                    let mut text = vec![b'x'; len];
                    text[at] = byte;
                    assert_eq!(
                        is_plain(&text),
                        byte >= 0x20 && byte != b'"' && byte != b'\\',
                        "{byte} at {at} of {len}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_unknown_is_absent_and_what_is_empty_is_closed() {
        let object = written(|object| {
            object.known_number(key!("number"), None::<u8>);
            object.known_word(key!("word"), None);
            object.known_text(key!("text"), None);
            object.null(key!("null"));
            object.object(key!("object"), |_| {});
            object.objects(key!("none"), &[] as &[u8], |_, _| {});
            object.objects(key!("two"), &[1, 2], |object, one| object.number(key!("one"), *one));
            object.words(key!("words"), &["a", "b"], |word| word);
            object.truth(key!("truth"), false);
            object.value(key!("value"), &[0.5]).unwrap();
        });
        let expected = json!({
            "null": null, "object": {}, "none": [], "two": [{ "one": 1 }, { "one": 2 }], "words": ["a", "b"],
            "truth": false, "value": [0.5],
        });
        assert_eq!(object, expected);
        assert_eq!(written(|_| {}), json!({}));
    }
}
