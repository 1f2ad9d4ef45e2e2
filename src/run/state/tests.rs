//! What is read back of a file, whatever became of it.

use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;
use crate::analyzer::{Analyzer, Options};

fn terms() -> Terms {
    let (shard, filter) = (Shard::new(2, 3), Some(b"port 80".to_vec()));
    let compressed = cfg!(feature = "compress");
    Terms { settle_ns: 3_000_000_000, max_connections: 1 << 10, shard, filter, compressed }
}

fn inputs() -> Inputs {
    let comment = (FrameNo::new(0, 7), "odd".to_owned());
    Inputs { names: vec!["a.pcap".to_owned(), "b\u{e9}.pcap".to_owned()], comments: vec![comment] }
}

/// The state of an analyzer that has seen nothing, in a file.
fn written(folder: &Path) -> PathBuf {
    let path = folder.join("state");
    let options = Options { max_connections: 1 << 10, ..Options::default() };
    let state = Analyzer::new(options).into_state().unwrap();
    StateFile::prepare(&path, &[]).unwrap().write(&terms(), (&inputs(), &state)).unwrap();
    path
}

fn taken(path: &Path) -> anyhow::Result<(Terms, Inputs)> {
    let reader = StateReader::open(path)?;
    let terms = reader.terms.clone();
    reader.read().map(|(inputs, _)| (terms, inputs))
}

#[track_caller]
fn refused(path: &Path, bytes: &[u8], expected: &str) {
    fs::write(path, bytes).unwrap();
    let error = format!("{:#}", taken(path).unwrap_err());
    assert!(error.contains(expected) && !error.contains('\n'), "{error}");
}

#[test]
fn what_is_written_is_read_back_and_for_its_user_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path());
    assert_eq!(taken(&path).unwrap(), (terms(), inputs()));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn not_a_bit_of_it_may_be_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path());
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        refused(&path, &bytes, "");
        refused(&path, &whole[..at], "");
    }
    refused(&path, &[&whole[..], b"x"].concat(), DAMAGED);
    refused(&path, &[&whole[..whole.len() - 32], &[0; 64]].concat(), DAMAGED);
}

#[test]
fn other_files_and_other_versions_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path());
    let whole = fs::read(&path).unwrap();
    let end = whole.iter().position(|byte| *byte == b'\n').unwrap();
    refused(&path, b"", "is no state of rstscan");
    refused(&path, &[0; 4096], "is no state of rstscan");
    for (line, left_by) in
        [("rstscan state 99 7.0.0", "rstscan 7.0.0 (format 99)"), ("rstscan state 1 \x1b[2J", "\\u{1b}[2J")]
    {
        refused(&path, &[line.as_bytes(), &whole[end..]].concat(), left_by);
    }
    let error = StateReader::open(folder.path()).err().unwrap();
    assert_eq!(error.to_string(), "is no regular file");
}

/// What claims to be long takes no more memory than there are bytes.
#[test]
fn lengths_are_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path());
    let whole = fs::read(&path).unwrap();
    let end = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let plain = Terms { compressed: false, ..terms() };
    let claims = [&whole[..end], &postcard::to_stdvec(&plain).unwrap(), &[0xff; 9], &[1]].concat();
    refused(&path, &[&claims[..], &Sha256::digest(&claims)].concat(), DAMAGED);
}

#[test]
fn what_has_the_name_stays_unless_it_is_a_state_that_may_go() {
    let folder = tempfile::tempdir().unwrap();
    let [capture, link] = ["a.pcap", "link"].map(|name| folder.path().join(name));
    fs::write(&capture, "frames").unwrap();
    symlink(&capture, &link).unwrap();
    let why = |path: &Path| format!("{:#}", StateFile::prepare(path, std::slice::from_ref(&capture)).err().unwrap());
    assert!(why(&capture).ends_with("is what is being read"));
    assert!(why(&link).ends_with("is a symbolic link; name the file that it leads to"));
    assert!(why(folder.path()).ends_with("is no regular file"));
    assert!(why(&folder.path().join("nowhere/s")).starts_with("cannot write"));
    drop(StateFile::prepare(&folder.path().join("new"), &[]).unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left of what was not written");
}

/// A state of one layout read as another would be nonsense that fits together: what is written down, and the number that it goes by.
#[test]
fn another_layout_has_another_number() {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schema/state.txt");
    let parts = [layout::of::<Terms>("terms"), layout::of::<InputsWritten>("inputs"), layout::of::<State>("state")];
    let layout = format!("format {FORMAT}\n{}", parts.concat());
    let listed = fs::read_to_string(&list).unwrap();
    if layout == listed {
        return;
    }
    let number = listed.lines().next().and_then(|line| line.strip_prefix("format ")?.parse().ok()).unwrap_or(0);
    let old: Vec<&str> = listed.lines().collect();
    let new: Vec<&str> = layout.lines().skip(1).filter(|line| !old.contains(line)).collect();
    assert!(FORMAT > number, "a state holds something else than before: raise FORMAT in src/run/state.rs\n{new:#?}");
    assert!(
        std::env::var_os("UPDATE_EXPECT").is_some(),
        "list what format {FORMAT} holds: UPDATE_EXPECT=1 cargo test another_layout, and read the diff"
    );
    fs::write(&list, layout).unwrap();
}
