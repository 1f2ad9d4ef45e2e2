//! `docs/examples.md`, written from packet scripts: what is printed of a finding of each cause.

use std::cell::RefCell;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;

use rstscan::analyzer::Finding;
use rstscan::classify::Cause;
use rstscan::report::{Context, Format, Style, TimeStyle, sink};

use super::script::{self, Encapsulation, IpVersion};
use super::{EXAMPLES, difference, id_of, lines_of, report, root, sections};

const HEAD: &str = "# Examples of verdicts

One finding for each cause of [the catalogue](verdicts.md), as `rstscan --utc` prints it; of a reset that follows from another, as with `-v`.
Each is about the packet script that it names, and is what the program says of that script today.
`rstscan --explain CAUSE` shows the entry of the catalogue with its example.
";

/// What a sink has written.
#[derive(Clone, Default)]
struct Written(Rc<RefCell<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn printed(finding: &Finding) -> String {
    let written = Written::default();
    let verbose = u8::from(finding.verdict.follows.is_some());
    let style = Style { format: Format::Text, time: TimeStyle::Clock, utc: true, verbose, ..Style::default() };
    sink(style, Box::new(written.clone())).finding(&Context::default(), finding).expect("memory takes everything");
    let bytes = written.0.take();
    String::from_utf8(bytes).expect("text").trim_end().to_owned()
}

/// The comment that a packet script begins with, without the lines of a fixed form (`tests/scenarios.rs`).
fn comment(text: &str) -> String {
    const MARKS: [&str; 4] = ["scenario ", "fits ", "near miss of ", "deciding segment missing for "];
    let lines = text.lines().map_while(|line| line.strip_prefix("//")).map(str::trim);
    lines.filter(|line| !MARKS.iter().any(|mark| line.starts_with(mark))).collect::<Vec<_>>().join(" ")
}

/// The section of a cause: of the first example that the catalogue names.
fn section(cause: Cause, path: &str) -> String {
    let text = fs::read_to_string(root().join(path)).expect("scripts are readable");
    let script = script::parse(&text).expect("scripts are well formed");
    let capture = script::segments(&script).expect("scripts are well formed");
    let encapsulation =
        if script.only() == Some(IpVersion::V6) { Encapsulation::Ipv6 } else { Encapsulation::Ethernet };
    let judged = script::judge(&capture, encapsulation);
    let finding = judged.iter().find(|judged| judged.finding.verdict.cause == cause).expect("it gets its cause");
    let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy();
    let block = printed(&finding.finding);
    format!("\n## `{cause}`\n\n[{name}](../{path}): {}\n\n```text\n{block}\n```\n", comment(&text))
}

#[test]
fn every_cause_has_the_example_that_the_program_prints() {
    let catalogue = lines_of("docs/verdicts.md");
    let mut text = HEAD.to_owned();
    for (title, said) in sections(&catalogue, "###") {
        let Some(cause) = id_of(&title).and_then(Cause::from_id) else { continue };
        let places = EXAMPLES.iter().filter_map(|example| Some((said.find(&example.path)?, &example.path)));
        text.extend(places.min().map(|(_, path)| section(cause, path)));
    }
    let document = "docs/examples.md";
    let (shown, printed) = (lines_of(document), text.lines().map(str::to_owned).collect::<Vec<_>>());
    let mut errors = Vec::from_iter(difference(&shown, &printed));
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(root().join(document), text).expect("documents are writable");
        errors.clear();
    }
    report(&errors);
}
