//! Rows of any content, as `--fold` and `--diff` read them.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io::{self, Write};
use std::rc::Rc;

use rstscan::pattern::Patterns;
use rstscan::report::{Diff, Fold, Format, Recorded, Style};
use serde_json::Value;

/// Each line is a row or is counted as none. What a fold prints are rows that were read, in the same order when it reads them
/// again; people and a comparison can be told of all of them.
pub fn hold(data: &[u8]) {
    let (folded, malformed) = fold(data, Format::Json);
    let lines: HashSet<&[u8]> = each_line(data).collect();
    let resets: Vec<&[u8]> = each_line(&folded).filter(|line| is_reset(line)).collect();
    assert!(resets.iter().all(|row| lines.contains(row)));
    assert!(resets.len() + malformed <= each_line(data).count());
    let (again, malformed) = fold(&folded, Format::Json);
    assert_eq!((each_line(&again).filter(|line| is_reset(line)).collect::<Vec<_>>(), malformed), (resets, 0));
    fold(data, Format::Text);
    compare(data, &folded);
}

/// What `--fold` prints, and how many lines it could not read.
fn fold(output: &[u8], format: Format) -> (Vec<u8>, usize) {
    let mut fold = Fold::new(format);
    let malformed = fold.read(output).expect("memory is readable").lines as usize;
    let out = Text::default();
    let style = Style { format, ..Style::default() };
    fold.finish(Patterns::default()).write(&style, Box::new(out.clone())).expect("memory takes it");
    (out.0.take(), malformed)
}

fn compare(before: &[u8], after: &[u8]) {
    let [before, after] = [before, after].map(|output| Recorded::read("x".to_owned(), output).expect("memory"));
    let diff = Diff::new(before, after);
    diff.text(true);
    each_line(diff.json().expect("values are JSON").as_bytes()).for_each(|line| drop(parsed(line)));
}

fn is_reset(line: &[u8]) -> bool {
    parsed(line)["type"] == "reset"
}

fn parsed(line: &[u8]) -> Value {
    serde_json::from_slice(line).expect("JSON")
}

/// The lines that are not empty.
fn each_line(output: &[u8]) -> impl Iterator<Item = &[u8]> {
    output.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty())
}

/// An output that can be read after it was written.
#[derive(Clone, Default)]
struct Text(Rc<RefCell<Vec<u8>>>);

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
