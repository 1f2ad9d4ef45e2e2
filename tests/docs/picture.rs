//! The picture of the terminal: what the program writes there, drawn as SVG.
//!
//! `UPDATE_EXPECT=1 cargo test --test docs` draws it anew.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex};

use rstscan::report::{Context, Style, sink};

use super::{EXAMPLES, captures, root};

const PICTURE: &str = "docs/pictures/terminal.svg";
const CAPTURE: &str = "half-open-connection.pcap";
/// Columns of the terminal.
const WIDTH: usize = 100;
/// A cell of the terminal, and what is around all of them, in pixels.
const CELL: (f64, f64) = (8.4, 18.0);
const MARGIN: f64 = 16.0;
/// The bar of the window above them.
const BAR: f64 = 30.0;

/// What a program writes to, kept.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics with it").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a terminal is given for the command in the picture, up to the summary.
fn written() -> String {
    LazyLock::force(&EXAMPLES);
    let style = Style { color: true, width: Some(WIDTH), utc: true, ladder: true, ..Style::default() };
    let (kept, context) = (Kept::default(), Context::default());
    let mut sink = sink(style, Box::new(kept.clone()));
    let findings = rstscan::open(captures().join(CAPTURE)).expect("the capture is there");
    sink.begin(&context).expect("memory can be written to");
    for finding in findings {
        sink.finding(&context, &finding.expect("the capture is whole")).expect("memory can be written to");
    }
    let bytes = kept.0.lock().expect("nobody panics with it").clone();
    String::from_utf8(bytes).expect("it is text")
}

/// A piece of a line that looks the same throughout: its attributes as in `ESC [ ... m`, and its text.
fn pieces(line: &str) -> Vec<(&str, &str)> {
    let mut pieces = Vec::new();
    for (at, part) in line.split("\x1b[").enumerate() {
        let (look, text) = if at == 0 { ("0", part) } else { part.split_once('m').expect("a colour ends") };
        if !text.is_empty() {
            pieces.push((look, text));
        }
    }
    pieces
}

/// The attributes as those of SVG.
fn painted(look: &str) -> String {
    let codes: Vec<&str> = look.split(';').collect();
    let mut attributes = String::new();
    if codes.contains(&"1") {
        attributes.push_str(" font-weight=\"bold\"");
    }
    if codes.contains(&"2") {
        attributes.push_str(" fill=\"#8b949e\"");
    }
    if let Some(["38", "5", number]) = codes.windows(3).next_back() {
        let place = number.parse::<u8>().expect("a number of a colour") - 16;
        let [red, green, blue] =
            [place / 36, place / 6 % 6, place % 6].map(|step| if step == 0 { 0 } else { 55 + 40 * step });
        // A little nearer to white, as letters are thinner here than in a terminal.
        let [red, green, blue] = [red, green, blue].map(|level| level + (255 - level) / 4);
        write!(attributes, " fill=\"#{red:02x}{green:02x}{blue:02x}\"").expect("memory can be written to");
    }
    attributes
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The lines as a window; each piece has its place and its width, whatever font there is.
fn drawn(lines: &[String]) -> String {
    let width = 2.0 * MARGIN + WIDTH as f64 * CELL.0;
    let height = BAR + 2.0 * MARGIN + lines.len() as f64 * CELL.1;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"14\" fill=\"#e6edf3\">\n\
         <title>rstscan in a terminal</title>\n\
         <rect x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\" fill=\"#0d1117\" stroke=\"#6e7681\"/>\n",
        width - 1.0,
        height - 1.0
    );
    for (at, colour) in ["#ff5f57", "#febc2e", "#28c840"].into_iter().enumerate() {
        let x = MARGIN + 6.0 + 20.0 * at as f64;
        writeln!(svg, "<circle cx=\"{x}\" cy=\"18\" r=\"6\" fill=\"{colour}\"/>").expect("memory can be written to");
    }
    for (row, line) in lines.iter().enumerate() {
        let y = BAR + MARGIN + (row as f64 + 0.75) * CELL.1;
        let mut column = 0;
        for (look, text) in pieces(line) {
            let (blank, shown) = (text.len() - text.trim_start().len(), text.trim());
            let (x, columns) = (MARGIN + (column + blank) as f64 * CELL.0, shown.chars().count());
            column += text.chars().count();
            if columns > 0 {
                let (looks, length, shown) = (painted(look), columns as f64 * CELL.0, escaped(shown));
                writeln!(
                    svg,
                    "<text x=\"{x:.1}\" y=\"{y:.1}\" textLength=\"{length:.1}\" lengthAdjust=\"spacingAndGlyphs\" \
                     xml:space=\"preserve\"{looks}>{shown}</text>"
                )
                .expect("memory can be written to");
            }
        }
    }
    svg + "</svg>\n"
}

#[test]
fn the_picture_of_the_terminal_is_what_the_program_writes_there() {
    let command = format!("\x1b[1m$ rstscan --ladder -r {CAPTURE}\x1b[0m");
    let written = written();
    let lines: Vec<String> =
        [command.as_str()].into_iter().chain(written.trim_end().lines()).map(str::to_owned).collect();
    let picture = drawn(&lines);
    let path = root().join(PICTURE);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        return File::create(path)
            .and_then(|mut file| file.write_all(picture.as_bytes()))
            .expect("pictures are writable");
    }
    assert!(fs::read_to_string(path).is_ok_and(|there| there == picture), "{PICTURE} shows something else by now");
}
