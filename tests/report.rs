//! The report: what is in the file, and what a real browser makes of it.
//!
//! The browser is Chromium, driven through its own WebDriver (Debian: `chromium` and `chromium-driver`); where either is missing, these
//! tests say so and check nothing. `RSTSCAN_WRITE_PICTURES=1 cargo test --test report pictures` makes the picture in `docs/pictures` anew.

#[path = "report/browser.rs"]
mod browser;
#[path = "report/captures.rs"]
mod captures;
#[path = "report/page.rs"]
mod page;
#[allow(dead_code, unused_imports, reason = "shared with tests/cases.rs, which uses all of it")]
mod script;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A folder for a capture and its report.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().expect("a folder for temporary files"))
    }

    /// A capture file.
    fn capture(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).expect("a temporary file");
        path
    }

    /// The report that is written of a capture.
    fn report(&self, capture: &Path) -> PathBuf {
        let page = self.0.path().join("report.html");
        let ended = rstscan(&["--utc", "-qq", "--report", text(&page), "-r", text(capture)]);
        assert!(ended.status.success(), "{ended:?}");
        page
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of UTF-8")
}

/// Runs the program in the root of the package.
fn rstscan(words: &[&str]) -> Output {
    command(words).output().expect("the program runs")
}

fn command(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rstscan"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(words).stdin(Stdio::null());
    command
}

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name)
}
