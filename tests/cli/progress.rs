//! The line that says how far the reading is: on a terminal only, and never among the findings.

use std::fs::File;
use std::io::Read;
use std::process::{Child, Stdio};
use std::time::Duration;

use nix::pty::{Winsize, openpty};

use super::{Files, frame, rstscan};

/// Three reads of the file, of which all but the first come after the wait.
const RESETS: u32 = 10_000;

/// A capture of resets, one a second, so that each is decided at once.
fn resets(files: &Files) -> String {
    let header = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65535, 1].map(u32::to_le_bytes).concat();
    let reset = |second: u32| {
        let mut record = frame(second, 80, second as u16 | 1);
        record[16 + 14 + 20 + 13] = 0x14;
        record
    };
    files.add("resets.pcap", &[header, (0..RESETS).flat_map(reset).collect()].concat())
}

/// A run on a terminal of its own.
struct OnTerminal {
    child: Child,
    terminal: File,
}

impl OnTerminal {
    fn start(words: &[&str]) -> Self {
        let size = Winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(&size, None).unwrap();
        let mut command = rstscan();
        command.env("TERM", "xterm").args(words).stderr(pty.slave.try_clone().unwrap());
        let child = command.stdout(Stdio::from(pty.slave)).spawn().unwrap();
        Self { child, terminal: File::from(pty.master) }
    }

    /// What came to the terminal. The run cannot end before this is called if it writes much.
    fn end(mut self) -> String {
        let mut bytes = Vec::new();
        // Linux ends a terminal that nobody has open with EIO.
        let _ = self.terminal.read_to_end(&mut bytes);
        assert!(self.child.wait().unwrap().success());
        String::from_utf8(bytes).unwrap()
    }
}

/// What a reader sees: the lines that stayed, and those that were written over.
#[derive(Default)]
struct Screen {
    line: Vec<char>,
    column: usize,
    stayed: Vec<String>,
    gone: Vec<String>,
}

impl Screen {
    fn of(text: &str) -> Self {
        let mut screen = Self::default();
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            if let Some(after) = rest.strip_prefix("\x1b[K") {
                screen.line.truncate(screen.column);
                rest = after;
                continue;
            }
            screen.take(next);
            rest = &rest[next.len_utf8()..];
        }
        screen
    }

    fn take(&mut self, next: char) {
        let whole = || self.line.iter().collect::<String>();
        match next {
            '\r' => {
                self.gone.push(whole());
                self.column = 0;
            }
            '\n' => {
                self.stayed.push(whole());
                self.line.clear();
                self.column = 0;
            }
            _ => {
                self.line.truncate(self.column);
                self.line.push(next);
                self.column += 1;
            }
        }
    }
}

fn is_progress(line: &str) -> bool {
    line.contains(" frames/s, ")
}

#[test]
fn the_line_goes_before_anything_else_is_written() {
    let files = Files::new();
    let run = OnTerminal::start(&["-q", "--color=never", "-r", &resets(&files)]);
    // It waits meanwhile, for nobody reads what it has to say; after a second there is progress to be shown.
    std::thread::sleep(Duration::from_millis(1100));
    let screen = Screen::of(&run.end());
    let shown: Vec<&String> = screen.gone.iter().filter(|line| is_progress(line)).collect();
    assert!(!shown.is_empty(), "{:?}", &screen.gone[..5]);
    assert!(shown.iter().all(|line| line.chars().count() < 100 && line.ends_with(" left")), "{shown:?}");
    assert!(!screen.stayed.iter().any(|line| is_progress(line)));
    assert!(screen.line.is_empty(), "{:?}", screen.line);
    let resets = screen.stayed.iter().filter(|line| line.starts_with('#')).count();
    assert_eq!(resets as u32, RESETS);
}

#[test]
fn short_runs_have_none() {
    let files = Files::new();
    let path = files.add("short.pcap", &super::capture());
    let text = OnTerminal::start(&["-r", &path]).end();
    assert!(text.contains("3 frames") && !text.contains("\x1b[K"), "{text:?}");
}

#[test]
fn it_can_be_turned_off() {
    let files = Files::new();
    let run = OnTerminal::start(&["-q", "--color=never", "--no-progress", "-r", &resets(&files)]);
    std::thread::sleep(Duration::from_millis(1100));
    assert!(!run.end().contains("\x1b[K"));
}

#[test]
fn there_is_none_in_a_pipe() {
    let files = Files::new();
    let mut command = rstscan();
    command.env("TERM", "xterm").args(["-q", "-r", &resets(&files)]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    std::thread::sleep(Duration::from_millis(1100));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stderr).unwrap().lines().count(), 1, "the name of the file");
    assert!(!output.stdout.contains(&b'\r'));
}
