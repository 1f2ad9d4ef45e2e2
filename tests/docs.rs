//! The documents say what is so: their commands run and print what is printed there, the catalogue has every class and
//! cause, and links lead somewhere.
//!
//! In the documents a `sh` block holds commands, and a `console` block commands after `$ ` with their standard output.
//! Those that call `rstscan`, and need no rights, are run here, in a folder with a capture of every packet script:
//! `refused.pcap` is `tests/cases/closed-port/refused.pkt`. The folder stays, as `target/tmp/captures`; it also shows
//! `samples/`.
//!
//! `UPDATE_EXPECT=1 cargo test --test docs` rewrites the outputs; read the diff before you commit it.

#[allow(dead_code, unused_imports, reason = "shared with tests/cases.rs, which uses all of it")]
mod script;

mod schema;

#[path = "docs/examples.rs"]
mod examples;
#[path = "docs/json.rs"]
mod json;
#[path = "docs/picture.rs"]
mod picture;

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex};

use rstscan::classify::{Cause, Class};
use rstscan::decode::Skip;
use rstscan::pattern::{KNOWN, Timer};
use rstscan::report::{COLUMNS, Column};
use rstscan::track::{Endpoint, Incarnation, Record};
use script::{Encapsulation, IpVersion};

/// Those at the top.
const DOCUMENTS: [&str; 2] = ["README.md", "ARCHITECTURE.md"];
/// What marks a cause that no rule gives.
const RESERVED: &str = "Reserved: no rule yet.";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The documents, and all in `docs/`.
fn documents() -> impl Iterator<Item = String> {
    let folder =
        fs::read_dir(root().join("docs")).expect("docs is readable").map(|entry| entry.expect("docs is readable"));
    let names = folder.map(|entry| format!("docs/{}", entry.file_name().to_string_lossy()));
    DOCUMENTS.map(String::from).into_iter().chain(names.filter(|name| name.ends_with(".md")))
}

fn lines_of(document: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(document)).expect("documents are readable");
    text.lines().map(str::to_owned).collect()
}

fn report(errors: &[String]) {
    assert!(errors.is_empty(), "{} offences\n{}", errors.len(), errors.join("\n"));
}

/// A packet script: its path from the root of the package, and the causes that its resets get.
struct Example {
    path: String,
    causes: BTreeSet<Cause>,
}

/// Every packet script, each also written to [`captures`] as a capture of its name.
static EXAMPLES: LazyLock<Vec<Example>> = LazyLock::new(|| {
    fs::create_dir_all(captures()).expect("target is writable");
    // Left from an earlier run, it leads to the same place.
    let _ = std::os::unix::fs::symlink(root().join("samples"), captures().join("samples"));
    let mut paths = Vec::new();
    collect(&root().join("tests/cases"), "pkt", &mut paths);
    let examples = paths.iter().map(|path| example(path)).collect();
    for (name, capture) in [("before", "keepalive-races"), ("after", "linger-zero"), ("rows.1", "refused")] {
        let json = fs::File::create(captures().join(format!("{name}.json"))).expect("target is writable");
        let mut program = Command::new(env!("CARGO_BIN_EXE_rstscan"));
        program.args(["--json", "-qq", "-r", &format!("{capture}.pcap")]).current_dir(captures());
        assert!(program.stdout(json).status().is_ok_and(|status| status.success()), "{name} is written");
    }
    examples
});

fn captures() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("captures")
}

fn collect(folder: &Path, extension: &str, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("folders are readable") {
        let path = entry.expect("folders are readable").path();
        if path.is_dir() {
            collect(&path, extension, paths);
        } else if path.extension().is_some_and(|own| own == extension) {
            paths.push(path);
        }
    }
}

fn example(path: &Path) -> Example {
    let text = fs::read_to_string(path).expect("scripts are readable");
    let script = script::parse(&text).unwrap_or_else(|error| panic!("{}:{error}", path.display()));
    let capture = script::segments(&script).unwrap_or_else(|error| panic!("{}:{error}", path.display()));
    let encapsulation =
        if script.only() == Some(IpVersion::V6) { Encapsulation::Ipv6 } else { Encapsulation::Ethernet };
    let file = captures().join(path.with_extension("pcap").file_name().expect("a file"));
    fs::write(file, script::pcap(&capture, encapsulation)).expect("target is writable");
    let judged = script::judge(&capture, encapsulation);
    Example {
        path: path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned(),
        causes: judged.iter().map(|judged| judged.finding.verdict.cause).collect(),
    }
}

/// The fenced blocks of a document in one language: the lines between the fences.
fn blocks(lines: &[String], language: &str) -> Vec<Range<usize>> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, bool)> = None;
    for (at, line) in lines.iter().enumerate() {
        let Some(info) = line.strip_prefix("```") else { continue };
        match open.take() {
            None => open = Some((at + 1, info == language)),
            Some((start, true)) => blocks.push(start..at),
            Some((_, false)) => {}
        }
    }
    blocks
}

/// A command and the lines of its output in a document.
struct Shown {
    command: String,
    output: Range<usize>,
}

/// The commands of a `console` block.
fn shown(lines: &[String], block: Range<usize>) -> Vec<Shown> {
    let mut shown: Vec<Shown> = Vec::new();
    for at in block {
        match (lines[at].strip_prefix("$ "), shown.last_mut()) {
            (Some(command), _) => shown.push(Shown { command: command.to_owned(), output: at + 1..at + 1 }),
            (None, Some(last)) => last.output.end = at + 1,
            (None, None) => panic!("a console block begins with a command: {}", lines[at]),
        }
    }
    shown
}

/// Whether a command calls the program, and needs neither network nor rights.
fn is_runnable(command: &str) -> bool {
    let calls = stages(command).iter().any(|stage| stage.trim_start().starts_with("rstscan "));
    calls && !command.contains("sudo ")
}

/// The stages of a pipeline; a bar between single quotes is none of the shell's.
fn stages(command: &str) -> Vec<&str> {
    let mut quoted = false;
    let is_pipe = |c: char| {
        quoted ^= c == '\'';
        c == '|' && !quoted
    };
    command.split(is_pipe).collect()
}

/// A program of the pipeline that is not there.
fn missing_program(command: &str) -> Option<&str> {
    let there = |word: &&str| {
        let found = Command::new("sh").arg("-c").arg(format!("command -v {word}")).stdout(Stdio::null()).status();
        found.is_ok_and(|status| status.success())
    };
    let first_words = stages(command).into_iter().skip(1).filter_map(|stage| stage.split_whitespace().next());
    first_words.into_iter().find(|word| !there(word))
}

/// The standard output of a command; `None` where a program of its pipeline is missing.
fn run(command: &str) -> Result<Option<String>, String> {
    LazyLock::force(&EXAMPLES);
    if let Some(program) = missing_program(command) {
        println!("skipped, no {program}: {command}");
        return Ok(None);
    }
    let folder = Path::new(env!("CARGO_BIN_EXE_rstscan")).parent().expect("the program is in a folder");
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(captures()).env("PATH", path).env("TZ", "UTC").stdin(Stdio::null());
    shell.env("LC_ALL", "C.UTF-8");
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        shell.env_remove(variable);
    }
    let output = shell.output().map_err(|error| error.to_string())?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() || stderr.contains("rstscan: ") {
        return Err(format!("`{command}`: {}: {stderr}", output.status));
    }
    Ok(Some(String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// Held by who rewrites documents: two tests may have something to say about one.
static WRITING: Mutex<()> = Mutex::new(());

#[test]
fn commands_run() {
    let mut errors = Vec::new();
    let mut count = 0;
    for document in &documents().collect::<Vec<_>>() {
        let lines = lines_of(document);
        for line in blocks(&lines, "sh").into_iter().flatten().filter(|line| is_runnable(&lines[*line])) {
            count += 1;
            errors.extend(run(&lines[line]).err().map(|error| format!("{document}:{}: {error}", line + 1)));
        }
    }
    report(&errors);
    assert!(count > 0, "the documents show commands");
}

#[test]
fn outputs_are_what_the_program_prints() {
    let _writing = WRITING.lock();
    let mut errors = Vec::new();
    for document in &documents().collect::<Vec<_>>() {
        let mut lines = lines_of(document);
        let blocks = blocks(&lines, "console").into_iter();
        let all: Vec<Shown> = blocks.flat_map(|block| shown(&lines, block)).collect();
        // From the end, so that places stay right where an output is rewritten.
        for Shown { command, output } in all.into_iter().rev().filter(|shown| is_runnable(&shown.command)) {
            let place = format!("{document}:{}", output.start);
            match run(&command) {
                Ok(None) => {}
                Err(error) => errors.push(format!("{place}: {error}")),
                Ok(Some(printed)) => {
                    let printed: Vec<String> = printed.trim_end().lines().map(str::to_owned).collect();
                    errors.extend(difference(&lines[output.clone()], &printed).map(|text| format!("{place}: {text}")));
                    lines.splice(output, printed);
                }
            }
        }
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            fs::write(root().join(document), lines.join("\n") + "\n").expect("documents are writable");
            errors.clear();
        }
    }
    report(&errors);
}

/// The first line in which what is shown differs from what is printed.
fn difference(shown: &[String], printed: &[String]) -> Option<String> {
    let line = |lines: &[String], at: usize| lines.get(at).cloned().unwrap_or_else(|| "(nothing)".to_owned());
    let at = (0..shown.len().max(printed.len())).find(|at| shown.get(*at) != printed.get(*at))?;
    Some(format!("the document has\n  {}\nthe program prints\n  {}", line(shown, at), line(printed, at)))
}

/// The sections of a document at one level: title and text, subsections included.
fn sections(lines: &[String], level: &str) -> Vec<(String, String)> {
    let mut sections: Vec<(String, String)> = Vec::new();
    for line in lines {
        match (line.strip_prefix(level), sections.last_mut()) {
            (Some(title), _) if title.starts_with(' ') => sections.push((title.trim().to_owned(), String::new())),
            (_, Some((_, text))) => text.extend([line.as_str(), "\n"]),
            (_, None) => {}
        }
    }
    sections
}

/// What stands in backticks in a title.
fn id_of(title: &str) -> Option<&str> {
    title.strip_prefix('`')?.strip_suffix('`')
}

#[test]
fn the_catalogue_has_every_class_and_every_cause_in_order() {
    let lines = lines_of("docs/verdicts.md");
    let ids = |level: &str| -> Vec<String> {
        sections(&lines, level).iter().filter_map(|(title, _)| id_of(title)).map(str::to_owned).collect()
    };
    assert_eq!(ids("##"), Class::ALL.iter().map(|class| class.id()).collect::<Vec<_>>());
    assert_eq!(ids("###"), Cause::ALL.iter().map(|cause| cause.id()).collect::<Vec<_>>());
}

#[test]
fn each_cause_of_the_catalogue_says_all_there_is_to_say() {
    let lines = lines_of("docs/verdicts.md");
    let mut errors = Vec::new();
    for (title, text) in sections(&lines, "###") {
        let parts: &[&str] = match text.contains(RESERVED) {
            true => &["**Means.**"],
            false => &["**Means.**", "**Seen by.**", "**Looks the same.**", "**Do.**", "**Example.**"],
        };
        errors.extend(parts.iter().filter(|part| !text.contains(**part)).map(|part| format!("{title}: no {part}")));
    }
    report(&errors);
}

#[test]
fn examples_of_the_catalogue_get_its_causes_and_nothing_gets_a_reserved_one() {
    let lines = lines_of("docs/verdicts.md");
    let mut errors = Vec::new();
    for (title, text) in sections(&lines, "###") {
        let Some(cause) = id_of(&title).and_then(Cause::from_id) else { continue };
        let named = EXAMPLES.iter().filter(|example| text.contains(&example.path));
        let wrong = named.clone().filter(|example| !example.causes.contains(&cause));
        errors.extend(wrong.map(|example| format!("{title}: {} gets {:?}", example.path, example.causes)));
        let given = EXAMPLES.iter().find(|example| example.causes.contains(&cause));
        let without = text.contains(RESERVED);
        match given {
            Some(given) if without => errors.push(format!("{title}: no example named, yet {} gets it", given.path)),
            _ if !without && named.count() == 0 => errors.push(format!("{title}: names no example")),
            _ => {}
        }
    }
    report(&errors);
}

#[cfg(target_pointer_width = "64")]
#[test]
fn every_reason_of_a_skip_is_in_guide_and_schema() {
    let (guide, schema) = (lines_of("docs/guide.md").join("\n"), lines_of("docs/schema.json").join("\n"));
    let missing = |skip: &Skip| {
        let id = skip.id();
        !guide.contains(&format!("| `{id}` |")) || !schema.contains(&format!("\"{id}\""))
    };
    let errors: Vec<String> = Skip::ALL.into_iter().filter(missing).map(|skip| skip.id().to_owned()).collect();
    report(&errors);
}

#[test]
fn every_known_timer_is_in_the_guide() {
    let rows: Vec<String> = lines_of("docs/guide.md");
    let row = |timer: &Timer| {
        let source = timer.source.expect("a known timer is documented");
        format!("| {} | [{}]({source}) |", timer.idle_ns / 1_000_000_000, timer.name)
    };
    report(&KNOWN.iter().map(row).filter(|row| !rows.contains(row)).collect::<Vec<_>>());
}

/// Each of the thirty is in the index, has an answer that is run, and says what to change.
#[test]
fn every_situation_can_be_found_and_has_its_answer() {
    let lines = lines_of("docs/situations.md");
    let all = sections(&lines, "##");
    assert_eq!(all.len(), 30);
    let mut errors = Vec::new();
    for ((title, text), number) in all.iter().zip(1..) {
        let listed = format!(" | [{title}](#{}) |", anchor(title));
        let own: Vec<String> = text.lines().map(str::to_owned).collect();
        let commands: Vec<Shown> = blocks(&own, "console").into_iter().flat_map(|block| shown(&own, block)).collect();
        let is_run = |shown: &Shown| is_runnable(&shown.command) && !shown.output.is_empty();
        let checks = [
            (title.starts_with(&format!("{number}. ")), "has another number"),
            (lines.iter().any(|line| line.ends_with(&listed)), "is not in the index"),
            (!commands.is_empty() && commands.iter().all(is_run), "has no command with an answer"),
            (text.contains("\n**Change.** "), "does not say what to change"),
        ];
        errors.extend(checks.iter().filter(|(holds, _)| !holds).map(|(_, what)| format!("{title} {what}")));
    }
    report(&errors);
}

/// What the README shows of the library is an example that compiles.
#[test]
fn the_library_is_shown_as_it_is() {
    let example = lines_of("examples/findings.rs");
    let readme = lines_of("README.md");
    let shown: Vec<String> = blocks(&readme, "rust").into_iter().flatten().map(|line| readme[line].clone()).collect();
    assert!(!shown.is_empty() && example.ends_with(&shown), "{shown:#?}");
}

/// The table of columns is that of the program; `UPDATE_EXPECT=1` rewrites it.
#[test]
fn columns_are_those_of_the_program() {
    let _writing = WRITING.lock();
    let mut lines = lines_of("docs/formats.md");
    let head = lines.iter().position(|line| line == "| column | type | meaning |").expect("there is a table");
    let end = lines[head..].iter().position(|line| !line.starts_with('|')).map_or(lines.len(), |len| head + len);
    let row = |column: &Column| format!("| `{}` | {} | {} |", column.name, column.value.kind(), column.meaning);
    let rows: Vec<String> = COLUMNS.iter().map(row).collect();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        lines.splice(head + 2..end, rows);
        fs::write(root().join("docs/formats.md"), lines.join("\n") + "\n").expect("documents are writable");
        return;
    }
    report(&difference(&lines[head + 2..end], &rows).into_iter().collect::<Vec<_>>());
}

#[test]
fn sizes_are_those_of_the_types() {
    let sizes = [
        ("| `Incarnation` |", size_of::<Incarnation>()),
        ("| of which each `Endpoint` |", size_of::<Endpoint>()),
        ("| `Record`, one kept segment |", size_of::<Record>()),
    ];
    let lines = lines_of("ARCHITECTURE.md");
    for (row, size) in sizes {
        let row = format!("{row} {size} |");
        assert!(lines.contains(&row), "ARCHITECTURE.md lacks {row}");
    }
}

/// The table of arrows is the one that `tests/tidy.rs` checks.
#[test]
fn arrows_are_those_of_the_tidy_test() {
    let lines = lines_of("ARCHITECTURE.md");
    let tidy = lines_of("tests/tidy.rs");
    let arrows =
        tidy.iter().skip_while(|line| !line.starts_with("const ARROWS")).skip(1).take_while(|line| *line != "];");
    for arrow in arrows {
        let words: Vec<String> = arrow.split('"').skip(1).step_by(2).map(|word| format!("`{word}`")).collect();
        let (module, used) = words.split_first().expect("an arrow begins with its module");
        let row = format!("| {module} | {} |", used.join(", ")).replace("|  |", "| |");
        assert!(lines.contains(&row), "ARCHITECTURE.md lacks {row}");
    }
}

/// Every source file has its place in the list of ARCHITECTURE.md: by its path, by its name beside another, or by its folder.
#[test]
fn every_source_has_a_place() {
    let text = lines_of("ARCHITECTURE.md").join("\n");
    let mut paths = Vec::new();
    collect(&root().join("src"), "rs", &mut paths);
    let mut errors = Vec::new();
    for path in paths {
        let path = path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
        let name = path.rsplit('/').next().unwrap_or_default();
        let mut folders = path.match_indices('/').map(|(at, _)| &path[..=at]).filter(|folder| *folder != "src/");
        let known = text.contains(&format!("`{path}`"))
            || text.contains(&format!("`{name}`"))
            || folders.any(|folder| text.contains(&format!("`{folder}`")));
        let apart = path == "src/lib.rs" || ["tests.rs", "testing.rs", "properties.rs"].contains(&name);
        let apart = apart || ["fixtures.rs", "sample.rs", "mod.rs"].contains(&name);
        errors.extend((!known && !apart).then(|| format!("{path}: ARCHITECTURE.md does not say what it is for")));
    }
    report(&errors);
}

/// The targets of the links in a line.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

/// The anchor that a heading gets.
fn anchor(title: &str) -> String {
    let kept = title.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// Whether a link of `document` leads somewhere; links to other sites are not followed.
fn leads_somewhere(document: &str, link: &str) -> bool {
    if link.contains("://") {
        return true;
    }
    let (path, place) = link.split_once('#').unwrap_or((link, ""));
    let folder = root().join(document).parent().expect("in a folder").to_owned();
    let target = if path.is_empty() { root().join(document) } else { folder.join(path) };
    if place.is_empty() {
        return target.exists();
    }
    let text = fs::read_to_string(target).unwrap_or_default();
    let titles = text.lines().filter(|line| line.starts_with('#')).map(|line| anchor(line.trim_start_matches('#')));
    titles.into_iter().any(|title| title == place)
}

#[test]
fn links_lead_somewhere() {
    let mut errors = Vec::new();
    for document in &documents().collect::<Vec<_>>() {
        for (line, number) in lines_of(document).iter().zip(1..) {
            let broken = links(line).filter(|link| !leads_somewhere(document, link));
            errors.extend(broken.map(|link| format!("{document}:{number}: {link}")));
        }
    }
    report(&errors);
}
