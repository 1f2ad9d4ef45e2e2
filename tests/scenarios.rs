//! `docs/scenarios.md` and the tests name each other: every scenario has a test with its verdict, and every cause a packet
//! script that fits, a near miss, and one that lacks the segment which decides.
//!
//! `UPDATE_EXPECT=1 cargo test --test scenarios` rewrites the verdicts in the catalogue; read the diff before you commit it.
//!
//! Packet scripts say what they are in lines of their own, other tests in comments: `// scenario 19`, and
//! `// fits syn-conflict`, `// near miss of syn-conflict`, `// deciding segment missing for syn-conflict`.

#[allow(dead_code, unused_imports, reason = "shared with tests/cases.rs, which uses all of it")]
mod script;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use rstscan::classify::{Cause, Certainty, Class, Verdict};
use script::{Encapsulation, IpVersion};

/// How many scenarios there are.
const SCENARIOS: u32 = 122;
/// Causes without a rule, as `docs/verdicts.md` says why.
const RESERVED: [Cause; 1] = [Cause::Truncated];
/// Causes that say what the capture lacks: a script that fits is one that lacks the deciding segment.
const LACKING: [Cause; 3] = [Cause::StartsMidConnection, Cause::TriggerMissing, Cause::OneSided];

/// What a packet script is to a cause.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Kind {
    /// A reset of it has the cause.
    Fits,
    /// Much the same, and no reset of it has the cause.
    NearMiss,
    /// As one that fits, without the segment that tells: the cause is at most possible.
    Lacks,
}

impl Kind {
    /// All, with the words before the cause's id.
    const ALL: [(Kind, &'static str); 3] =
        [(Kind::Fits, "fits "), (Kind::NearMiss, "near miss of "), (Kind::Lacks, "deciding segment missing for ")];
}

/// A test that says of itself what it is for.
struct Marked {
    /// From the root of the package.
    path: String,
    scenarios: BTreeSet<u32>,
    kinds: Vec<(Kind, String)>,
    /// The verdicts of a packet script; `None` for other tests.
    verdicts: Option<Vec<Verdict>>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn catalogue() -> PathBuf {
    root().join("docs/scenarios.md")
}

fn report(errors: &[String]) {
    assert!(errors.is_empty(), "{} offences\n{}", errors.len(), errors.join("\n"));
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("folders are readable") {
        let path = entry.expect("folders are readable").path();
        match path.extension().and_then(|extension| extension.to_str()) {
            _ if path.is_dir() => collect(&path, paths),
            Some("pkt" | "rs") if !path.ends_with("scenarios.rs") => paths.push(path),
            _ => {}
        }
    }
}

fn marked() -> Vec<Marked> {
    let mut paths = Vec::new();
    collect(&root().join("tests"), &mut paths);
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Marked {
    let text = fs::read_to_string(path).expect("tests are readable");
    let comments = || text.lines().filter_map(|line| line.trim_start().strip_prefix("// "));
    let kind = |comment: &str| {
        let of = |(kind, words): &(Kind, &str)| Some((*kind, comment.strip_prefix(words)?.to_owned()));
        Kind::ALL.iter().find_map(of).filter(|(_, id)| !id.contains(' '))
    };
    Marked {
        path: path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned(),
        scenarios: comments().filter_map(|comment| comment.strip_prefix("scenario ")?.parse().ok()).collect(),
        kinds: comments().filter_map(kind).collect(),
        verdicts: path.extension().is_some_and(|extension| extension == "pkt").then(|| verdicts(path, &text)),
    }
}

fn verdicts(path: &Path, text: &str) -> Vec<Verdict> {
    let located = |error| format!("{}:{error}", path.display());
    let script = script::parse(text).map_err(located).expect("a script");
    let capture = script::segments(&script).map_err(located).expect("a script");
    let plain = if script.only() == Some(IpVersion::V6) { Encapsulation::Ipv6 } else { Encapsulation::Ethernet };
    script::judge(&capture, plain).into_iter().map(|judged| judged.finding.verdict).collect()
}

/// A row of `docs/scenarios.md`: number, what happens, verdicts, tests.
struct Row {
    /// The line of the document, from 0.
    line: usize,
    number: u32,
    verdicts: String,
    tests: BTreeSet<String>,
}

fn rows() -> Vec<Row> {
    let text = fs::read_to_string(catalogue()).expect("docs/scenarios.md is readable");
    let cells = |line: &str| -> Vec<String> { line.split('|').map(|cell| cell.trim().to_owned()).collect() };
    let row = |(at, line): (usize, &str)| match cells(line).as_slice() {
        [_, number, _, verdicts, tests, _] => {
            let links = tests.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            let tests = links.map(|link| link.trim_start_matches("../").to_owned()).collect();
            Some(Row { line: at, number: number.parse().ok()?, verdicts: verdicts.clone(), tests })
        }
        _ => None,
    };
    text.lines().enumerate().filter_map(row).collect()
}

#[test]
fn every_scenario_is_in_the_catalogue_once_and_in_order() {
    let numbers: Vec<u32> = rows().iter().map(|row| row.number).collect();
    assert_eq!(numbers, (1..=SCENARIOS).collect::<Vec<_>>());
}

#[test]
fn catalogue_and_tests_name_each_other() {
    let mut marks: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    for test in marked() {
        for number in &test.scenarios {
            marks.entry(*number).or_default().insert(test.path.clone());
        }
    }
    let mut errors = Vec::new();
    for row in rows() {
        let marked = marks.remove(&row.number).unwrap_or_default();
        let only = |here: &BTreeSet<String>, there: &BTreeSet<String>, what: &str| -> Vec<String> {
            here.difference(there).map(|path| format!("scenario {}: {what} {path}", row.number)).collect()
        };
        errors.extend(only(&row.tests, &marked, "not marked in"));
        errors.extend(only(&marked, &row.tests, "docs/scenarios.md does not name"));
        errors.extend(row.tests.is_empty().then(|| format!("scenario {}: no test", row.number)));
    }
    errors.extend(marks.keys().map(|number| format!("there is no scenario {number}")));
    report(&errors);
}

/// What the scripts of a row say of their resets, as the catalogue writes it; `None` where it names no script. What merely
/// follows from another reset is left out.
fn given(row: &Row, tests: &[Marked]) -> Option<String> {
    let scripts = tests.iter().filter(|test| row.tests.contains(&test.path));
    let mut verdicts = scripts.filter_map(|test| test.verdicts.as_ref()).peekable();
    verdicts.peek()?;
    let events = verdicts.flatten().filter(|verdict| verdict.follows.is_none());
    let written = |verdict: &Verdict| format!("`{}/{}` {}", verdict.class, verdict.cause, verdict.certainty);
    let given: BTreeSet<String> = events.map(written).collect();
    Some(if given.is_empty() { "no reset".into() } else { Vec::from_iter(given).join(", ") })
}

#[test]
fn the_verdicts_of_the_catalogue_are_those_of_its_scripts() {
    let tests = marked();
    let mut lines: Vec<String> =
        fs::read_to_string(catalogue()).expect("readable").lines().map(str::to_owned).collect();
    let mut errors = Vec::new();
    for row in rows() {
        if let Some(given) = given(&row, &tests).filter(|given| *given != row.verdicts) {
            errors.push(format!("scenario {}: told {}, given {given}", row.number, row.verdicts));
            lines[row.line] = lines[row.line].replace(&format!("| {} |", row.verdicts), &format!("| {given} |"));
        }
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(catalogue(), lines.join("\n") + "\n").expect("writable");
        errors.clear();
    }
    report(&errors);
}

#[test]
fn every_cause_has_scripts_of_every_kind() {
    let tests = marked();
    let mut errors = Vec::new();
    for cause in Cause::ALL.iter().filter(|cause| !RESERVED.contains(cause)) {
        for (kind, words) in Kind::ALL {
            let named = tests.iter().any(|test| test.kinds.contains(&(kind, cause.id().to_owned())));
            let needless = kind == Kind::Lacks && LACKING.contains(cause);
            errors.extend((!named && !needless).then(|| format!("no script says `// {words}{cause}`")));
        }
    }
    report(&errors);
}

#[test]
fn scripts_are_of_the_kind_that_they_say() {
    let mut errors = Vec::new();
    for test in marked() {
        for (kind, id) in &test.kinds {
            let Some(cause) = Cause::from_id(id) else {
                errors.push(format!("{}: `{id}` is no cause", test.path));
                continue;
            };
            let verdicts = test.verdicts.iter().flatten().filter(|verdict| verdict.cause == cause);
            let best = verdicts.map(|verdict| verdict.certainty).max();
            let holds = match kind {
                Kind::Fits => best.is_some(),
                Kind::NearMiss => best.is_none(),
                Kind::Lacks => best.is_none_or(|certainty| certainty == Certainty::Possible),
            };
            errors.extend((!holds).then(|| format!("{}: {kind:?} {cause}: {best:?}", test.path)));
        }
    }
    report(&errors);
}

#[test]
fn every_class_has_scripts() {
    let tests = marked();
    let verdicts = || tests.iter().filter_map(|test| test.verdicts.as_ref()).flatten();
    for class in Class::ALL {
        assert!(verdicts().any(|verdict| verdict.class == *class), "{class}");
    }
}
