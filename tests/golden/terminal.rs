//! A terminal of a given width, to run the program in.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// What is printed on terminals: the ending of its file, the columns, and the locale.
pub const SHOWN: [(&str, u16, &str); 4] = [
    (super::TERMINALS[0], 80, "C.UTF-8"),
    (super::TERMINALS[1], 120, "C.UTF-8"),
    (super::TERMINALS[2], 200, "C.UTF-8"),
    (super::TERMINALS[3], 80, "C"),
];

/// What is printed of a capture on a terminal of so many columns, without colour.
pub fn shown(capture: &str, columns: u16, locale: &str) -> String {
    let (here, there) = pair(columns);
    let mut command = Command::new(env!("CARGO_BIN_EXE_rstscan"));
    command.args(["--utc", "--color", "never", "-r", capture]).env("LC_ALL", locale);
    command.stdin(Stdio::null()).stdout(there).stderr(Stdio::null());
    let mut child = command.spawn().expect("the program runs");
    // The command holds the other end open, and so nothing would end.
    drop(command);
    let text = all_of(here);
    assert!(child.wait().expect("the program ends").success(), "{text}");
    text.replace("\r\n", "\n")
}

/// Both ends of a terminal.
fn pair(columns: u16) -> (OwnedFd, OwnedFd) {
    let here = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&here).expect("a terminal of ours");
    unlockpt(&here).expect("a terminal that can be opened");
    let name = ptsname(&here, Vec::new()).expect("a terminal with a name");
    let path = Path::new(name.to_str().expect("UTF-8"));
    let there = open(path, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("the other end");
    tcsetwinsize(&there, Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).expect("a width");
    (here, there)
}

/// All that is written to a terminal: once nobody has its other end open, reading it is an error on Linux.
fn all_of(terminal: OwnedFd) -> String {
    let (mut file, mut bytes, mut buffer) = (File::from(terminal), Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = file.read(&mut buffer) {
        bytes.extend(&buffer[..count]);
    }
    String::from_utf8(bytes).expect("UTF-8")
}
