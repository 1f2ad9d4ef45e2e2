//! Inputs that a fuzzer found worth keeping: what is true of any input is true of these.
//!
//! `tests/fuzz/` is a package of its own for cargo-fuzz; `docs/fuzzing.md` says how to run it.

#[path = "fuzz/bodies/mod.rs"]
mod bodies;

use std::fs;
use std::path::Path;

/// Tries every kept input of a target; how many there were.
fn replay(target: &str, hold: fn(&[u8])) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let mut paths: Vec<_> =
        fs::read_dir(folder).expect("the corpus").map(|entry| entry.expect("the corpus").path()).collect();
    paths.sort();
    for path in &paths {
        println!("{}", path.display());
        hold(&fs::read(path).expect("an input of the corpus"));
    }
    paths.len()
}

#[test]
fn files_of_any_content() {
    assert!(replay("files", bodies::files::hold) > 0);
}

#[test]
fn frames_of_any_content() {
    assert!(replay("frames", bodies::frames::hold) > 0);
}

#[test]
fn rows_of_any_content() {
    assert!(replay("rows", bodies::rows::hold) > 0);
}

#[test]
fn segments_in_any_order() {
    assert!(replay("stories", bodies::stories::hold) > 0);
}
