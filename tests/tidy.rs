//! The house rules as code: who may use what, how long files and functions may be, and what the core never does.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// Which modules a top-level module may reach through `crate::`, as ARCHITECTURE.md draws it.
/// A module that is not listed may use every other: it belongs to the program.
const ARROWS: [(&str, &[&str]); 12] = [
    ("frame", &[]),
    ("tcp", &["frame"]),
    ("source", &["frame"]),
    ("decode", &["frame", "tcp"]),
    ("track", &["frame", "tcp"]),
    ("classify", &["frame", "tcp", "track"]),
    ("settle", &["frame", "tcp", "track"]),
    ("analyzer", &["frame", "tcp", "decode", "track", "classify", "settle"]),
    ("pattern", &["frame", "tcp", "classify", "analyzer"]),
    ("join", &["frame", "tcp", "track", "classify", "analyzer"]),
    ("kernel", &["frame", "tcp", "classify", "analyzer"]),
    ("report", &["frame", "tcp", "classify", "analyzer", "pattern", "join"]),
];

/// The modules that do no I/O, print nothing and never panic.
const CORE: [&str; 9] = ["frame", "tcp", "decode", "track", "classify", "settle", "analyzer", "pattern", "join"];

/// What the core never does, outside its tests.
const MACROS: [&str; 10] =
    ["panic", "todo", "unimplemented", "unreachable", "println", "print", "eprintln", "eprint", "dbg", "assert"];
const METHODS: [&str; 2] = ["unwrap", "expect"];

/// Which files may name a library.
const USERS: [(&str, &[&str]); 5] = [
    ("pcap", &["src/source/live.rs", "src/source/live/", "src/source/filter.rs"]),
    ("etherparse", &["src/decode/"]),
    ("colored", &["src/report/palette.rs"]),
    ("landlock", &["src/run/rights/paths.rs"]),
    ("seccompiler", &["src/run/rights/calls.rs"]),
];

const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 50;
const MATCH_LINES: usize = 80;
const PARAMETERS: usize = 4;

/// One source file without its unit tests.
struct Source {
    /// The files that it declares as unit tests.
    tests: Vec<String>,
    /// From the root of the package, with `/`.
    path: String,
    text: String,
    file: syn::File,
}

impl Source {
    fn read(root: &Path, path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("source files are readable");
        let mut file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let path = path.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
        let folder = path.trim_end_matches("/mod.rs").trim_end_matches("/lib.rs").trim_end_matches(".rs");
        let tests = file.items.iter().filter(|item| is_test(attributes(item)));
        let tests = tests.filter_map(|item| test_file(item, folder)).collect();
        file.items.retain(|item| !is_test(attributes(item)));
        Self { tests, path, text, file }
    }

    /// The module path: `src/tcp/seq.rs` is `["tcp", "seq"]`, `src/lib.rs` is `[]`.
    fn module(&self) -> Vec<&str> {
        let inner = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        inner.split('/').filter(|part| !["mod", "lib", "main"].contains(part)).collect()
    }

    fn top(&self) -> &str {
        self.module().first().copied().unwrap_or("")
    }

    fn is_core(&self) -> bool {
        CORE.contains(&self.top())
    }

    fn tokens(&self) -> Vec<Token> {
        let mut tokens = Vec::new();
        flatten(self.file.to_token_stream(), &mut tokens);
        tokens
    }

    fn at(&self, line: usize, text: &str) -> String {
        format!("{}:{line}: {text}", self.path)
    }
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        _ => &[],
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg") && attribute.to_token_stream().to_string().replace(' ', "") == "#[cfg(test)]"
    })
}

/// The file of a test module that is not written inline.
fn test_file(item: &syn::Item, folder: &str) -> Option<String> {
    match item {
        syn::Item::Mod(module) if module.content.is_none() => Some(format!("{folder}/{}.rs", module.ident)),
        _ => None,
    }
}

/// A word or a mark of the source, groups opened up.
struct Token {
    text: String,
    line: usize,
}

fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    proc_macro2::Delimiter::Parenthesis => ("(", ")"),
                    proc_macro2::Delimiter::Brace => ("{", "}"),
                    proc_macro2::Delimiter::Bracket => ("[", "]"),
                    proc_macro2::Delimiter::None => ("", ""),
                };
                tokens.push(Token { text: open.into(), line });
                flatten(group.stream(), tokens);
                tokens.push(Token { text: close.into(), line: group.span_close().start().line });
            }
            TokenTree::Literal(_) => tokens.push(Token { text: "\"\"".into(), line }),
            other => tokens.push(Token { text: other.to_string(), line }),
        }
    }
}

/// The source files of a folder, without those that hold nothing but unit tests.
fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    collect(&root.join(folder), &mut paths);
    paths.sort();
    let mut sources: Vec<Source> = paths.iter().map(|path| Source::read(root, path)).collect();
    let tests: Vec<String> = sources.iter().flat_map(|source| source.tests.clone()).collect();
    sources.retain(|source| !tests.contains(&source.path));
    sources
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("folders are readable") {
        let path = entry.expect("folders are readable").path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

fn report(errors: &[String]) {
    assert!(errors.is_empty(), "{} offences\n{}", errors.len(), errors.join("\n"));
}

/// The root modules that a file names through `crate::` or through enough `super::`, with the line.
fn roots_named(source: &Source) -> Vec<(String, usize)> {
    let tokens = source.tokens();
    let mut roots = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let follows_path = index >= 1 && tokens[index - 1].text == ":";
        if follows_path || !["crate", "super"].contains(&token.text.as_str()) {
            continue;
        }
        if let Some(after) = past_root(&tokens, index, source.module().len()) {
            roots.extend(first_segments(&tokens, after));
        }
    }
    roots
}

/// Where the path goes on after it has reached the root of the crate; `None` if it does not reach it.
fn past_root(tokens: &[Token], start: usize, depth: usize) -> Option<usize> {
    let colons = |at: usize| tokens.get(at..at + 2).is_some_and(|pair| pair.iter().all(|token| token.text == ":"));
    let mut at = start;
    let mut up = 0;
    while tokens.get(at)?.text == "super" && colons(at + 1) {
        up += 1;
        at += 3;
    }
    if up > 0 {
        return (up >= depth).then_some(at);
    }
    colons(at + 1).then_some(at + 3)
}

/// The next word of a path, or each first word of a `{...}` list.
fn first_segments(tokens: &[Token], start: usize) -> Vec<(String, usize)> {
    let Some(first) = tokens.get(start) else { return Vec::new() };
    if first.text != "{" {
        return vec![(first.text.clone(), first.line)];
    }
    let mut words = Vec::new();
    let mut depth = 0_usize;
    let mut fresh = true;
    for token in &tokens[start..] {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," => {}
            _ if depth == 1 && fresh => words.push((token.text.clone(), token.line)),
            _ => {}
        }
        fresh = depth == 1 && matches!(token.text.as_str(), "{" | ",");
        if depth == 0 {
            break;
        }
    }
    words
}

#[test]
fn arrows_go_one_way() {
    let mut errors = Vec::new();
    for source in sources("src") {
        let Some((_, allowed)) = ARROWS.iter().find(|(module, _)| *module == source.top()) else { continue };
        for (root, line) in roots_named(&source) {
            if root != source.top() && !allowed.contains(&root.as_str()) {
                errors.push(source.at(line, &format!("{} may not use crate::{root}", source.top())));
            }
        }
    }
    report(&errors);
}

#[test]
fn libraries_have_few_users() {
    let mut errors = Vec::new();
    for source in sources("src") {
        let tokens = source.tokens();
        for (index, token) in tokens.iter().enumerate() {
            let begins_path = index == 0 || tokens[index - 1].text != ":";
            let goes_on = tokens.get(index + 1).is_some_and(|next| next.text == ":")
                && tokens.get(index + 2).is_some_and(|next| next.text == ":");
            let Some((library, users)) = USERS.iter().find(|(library, _)| *library == token.text) else { continue };
            if begins_path && goes_on && !users.iter().any(|user| source.path.starts_with(user)) {
                errors.push(source.at(token.line, &format!("only {} may use {library}", users.join(", "))));
            }
        }
    }
    report(&errors);
}

#[test]
fn the_core_neither_panics_nor_prints() {
    let mut errors = Vec::new();
    for source in sources("src").iter().filter(|source| source.is_core()) {
        let tokens = source.tokens();
        for window in tokens.windows(3) {
            let [before, word, after] = window else { continue };
            let method = before.text == "." && METHODS.contains(&word.text.as_str()) && after.text == "(";
            let macro_call = MACROS.contains(&word.text.as_str()) && after.text == "!";
            if method || macro_call {
                errors.push(source.at(word.line, &format!("`{}` in the core", word.text)));
            }
        }
    }
    report(&errors);
}

#[test]
fn unsafe_is_in_one_place() {
    let place = "src/track/prefetch.rs";
    let (mut errors, mut there) = (Vec::new(), 0);
    for source in sources("src") {
        for token in source.tokens().iter().filter(|token| token.text == "unsafe") {
            match source.path == place {
                true => there += 1,
                false => errors.push(source.at(token.line, "`unsafe`")),
            }
        }
    }
    report(&errors);
    assert_eq!(there, 2, "one for each kind of processor");
}

/// Lines of text that are neither empty nor a comment.
fn code_lines<'a>(lines: impl Iterator<Item = &'a str>) -> usize {
    lines.map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

#[test]
fn files_are_short() {
    let mut errors = Vec::new();
    for source in ["src", "tests", "examples"].into_iter().flat_map(sources) {
        let before_tests = source.text.split("#[cfg(test)]").next().unwrap_or_default();
        let lines = code_lines(before_tests.lines());
        if lines > FILE_LINES {
            errors.push(source.at(1, &format!("{lines} lines of code, at most {FILE_LINES}")));
        }
    }
    report(&errors);
}

/// Collects the functions that are too long or take too much.
struct Functions<'a> {
    source: &'a Source,
    errors: Vec<String>,
}

impl Functions<'_> {
    fn examine(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let (first, last) = (block.span().start().line, block.span().end().line);
        let lines = code_lines(self.source.text.lines().skip(first - 1).take(last + 1 - first));
        let limit = if is_one_match(block) { MATCH_LINES } else { FUNCTION_LINES };
        let name = &signature.ident;
        if lines > limit {
            self.errors.push(self.source.at(first, &format!("`{name}` has {lines} lines, at most {limit}")));
        }
        let parameters = signature.inputs.iter().filter(|input| matches!(input, syn::FnArg::Typed(_))).count();
        if parameters > PARAMETERS {
            let text = format!("`{name}` has {parameters} parameters, at most {PARAMETERS}");
            self.errors.push(self.source.at(signature.span().start().line, &text));
        }
    }
}

/// Whether the body ends in a `match` that makes up nearly all of it.
fn is_one_match(block: &syn::Block) -> bool {
    let lines = |span: proc_macro2::Span| span.end().line - span.start().line;
    block.stmts.iter().any(|statement| {
        statement.to_token_stream().into_iter().any(|token| token.to_string() == "match")
            && lines(statement.span()) + 8 >= lines(block.span())
    })
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.examine(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.examine(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }
}

#[test]
fn functions_are_short() {
    let mut errors = Vec::new();
    for source in ["src", "tests", "examples"].into_iter().flat_map(sources) {
        let mut functions = Functions { source: &source, errors: Vec::new() };
        functions.visit_file(&source.file);
        errors.append(&mut functions.errors);
    }
    report(&errors);
}

/// What applications say is a hint for readers, which anybody can forge.
#[test]
fn verdicts_know_nothing_of_applications() {
    let knows = |source: &Source| source.text.to_lowercase().contains("heard");
    let sources = sources("src");
    assert!(sources.iter().any(|source| source.path == "src/track/case.rs" && knows(source)));
    let rules = sources.into_iter().filter(|source| source.path.starts_with("src/classify/"));
    let errors: Vec<String> = rules.filter(knows).map(|source| source.path).collect();
    report(&errors);
}

#[test]
fn nothing_is_left_for_later() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let mut errors = Vec::new();
    for source in ["src", "tests", "examples"].into_iter().flat_map(sources) {
        for (line, text) in (1..).zip(source.text.lines()) {
            errors.extend(marks.iter().filter(|mark| text.contains(**mark)).map(|mark| source.at(line, mark)));
        }
    }
    report(&errors);
}

#[test]
fn the_rules_find_what_they_forbid() {
    let source = |path: &str, text: &str| Source {
        tests: Vec::new(),
        path: path.into(),
        text: text.into(),
        file: syn::parse_file(text).expect("valid Rust"),
    };
    let roots = |path: &str, text: &str| -> Vec<String> {
        roots_named(&source(path, text)).into_iter().map(|(root, _)| root).collect()
    };
    assert_eq!(roots("src/tcp/seq.rs", "use crate::{frame::{Frame, FrameNo}, track::Table};"), ["frame", "track"]);
    assert_eq!(roots("src/tcp/seq.rs", "use super::super::track::Table;"), ["track"]);
    assert_eq!(roots("src/tcp/seq.rs", "use super::flags::Flags;"), [""; 0]);
    assert_eq!(roots("src/tcp/seq.rs", "fn f() { dbg!(crate::report::Text::new()); }"), ["report"]);
    assert_eq!(roots("src/frame.rs", "use super::tcp::Flags;"), ["tcp"]);
    let mut functions =
        Functions { source: &source("src/a.rs", "fn f(a: u8, b: u8, c: u8, d: u8, e: u8) {}"), errors: Vec::new() };
    functions.visit_file(&functions.source.file);
    assert_eq!(functions.errors, ["src/a.rs:1: `f` has 5 parameters, at most 4"]);
}
