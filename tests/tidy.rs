//! Reads the source tree and holds what the compiler cannot: who may import whom, how long a line,
//! a function and a file may be, where the clock is read, and which words are not left lying about.
//! docs/ARCHITECTURE.md gives the reasons.

use std::fmt;
use std::path::{Path, PathBuf};

/// Which top-level modules each may name. `sim` is in nobody's list: it costs the program nothing.
const IMPORTS: [(&str, &[&str]); 15] = [
    ("time", &[]),
    ("wire", &["time"]),
    ("engine", &["wire", "time"]),
    ("transport", &[]),
    ("chat", &["engine", "wire", "time"]),
    ("store", &["chat", "wire"]),
    ("files", &["chat", "engine", "wire"]),
    ("ui", &["chat", "files", "engine", "wire", "time"]),
    // Of the loop it uses the clock.
    ("web", &["chat", "ui", "runtime", "time"]),
    ("runtime", &["engine", "transport", "wire", "time"]),
    ("sim", &["engine", "wire", "time", "chat"]),
    // The checker knows the format of a trace and nothing of the protocol.
    ("trace", &[]),
    ("verify", &["trace"]),
    (
        "cli",
        &[
            "time",
            "wire",
            "engine",
            "transport",
            "chat",
            "store",
            "files",
            "ui",
            "web",
            "runtime",
            "trace",
            "verify",
        ],
    ),
    ("main", &["time", "wire", "engine", "transport", "chat", "store", "ui", "runtime", "cli"]),
];
/// These keep their state to themselves: one owner, one thread.
const UNSHARED: [&str; 3] = ["wire", "engine", "chat"];
const SHARING: [&str; 6] = ["Arc", "Rc", "Mutex", "RwLock", "RefCell", "OnceLock"];
/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 7] = ["util", "utils", "helper", "helpers", "manager", "common", "misc"];
/// Counts allocations, which takes a trait that is unsafe. Nothing else may be.
const UNSAFE_IN: &str = "tests/alloc.rs";
const CLOCK: &str = "src/runtime/clock.rs";
const MAX_COLUMNS: usize = 100;
const MAX_FUNCTION: usize = 70;
const MAX_FILE: usize = 600;

#[test]
fn the_tree_is_tidy() {
    let files = sources();
    assert!(files.len() > 10, "only {} files were found", files.len());
    let findings: Vec<String> = files.iter().flat_map(check).map(|f| f.to_string()).collect();
    assert!(findings.is_empty(), "\n{}\n{} findings", findings.join("\n"), findings.len());
}

struct Source {
    /// From the package's root, with `/`.
    path: String,
    text: String,
    /// The text with comments and literals blanked: same lines, same offsets in characters.
    code: String,
}

struct Finding {
    path: String,
    line: usize,
    rule: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.rule)
    }
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned(), code: blanked(text) }
    }

    /// The top-level module that the file belongs to, of those in `src`.
    fn layer(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        inside.split('/').next()?.split('.').next()
    }

    fn finding(&self, line: usize, rule: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, rule: rule.into() }
    }

    fn line_of(&self, offset: usize) -> usize {
        1 + self.code[..offset].matches('\n').count()
    }

    /// Line numbers, from 1, at which `word` stands alone in the code.
    fn lines_with(&self, word: &str) -> Vec<usize> {
        words(&self.code, word).map(|offset| self.line_of(offset)).collect()
    }
}

fn check(file: &Source) -> Vec<Finding> {
    const RULES: [fn(&Source) -> Vec<Finding>; 10] = [
        imports,
        sharing,
        names,
        module_doc,
        columns,
        functions,
        file_length,
        leftovers,
        sleeps,
        clock_reads,
    ];
    RULES.iter().flat_map(|rule| rule(file)).collect()
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for folder in ["src", "tests", "examples", "benches"] {
        rust_files(&root.join(folder), &mut paths);
    }
    paths.sort();
    paths.iter().map(|path| source(root, path)).collect()
}

fn source(root: &Path, path: &Path) -> Source {
    let text = std::fs::read_to_string(path).expect("sources are readable UTF-8");
    let inside = path.strip_prefix(root).expect("found below the root");
    Source::new(&inside.to_string_lossy().replace('\\', "/"), &text)
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.expect("folders are readable").path()) {
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

// ---- the rules ---------------------------------------------------------------

fn imports(file: &Source) -> Vec<Finding> {
    let Some(layer) = file.layer().filter(|layer| *layer != "lib") else { return Vec::new() };
    let Some((_, allowed)) = IMPORTS.iter().find(|(name, _)| *name == layer) else {
        return vec![file.finding(1, format!("import rule: `{layer}` is not in tests/tidy.rs"))];
    };
    let root = ["crate::", "mcast_chat::"].iter().flat_map(|root| named(&file.code, root));
    let outside = root.filter(|(_, name)| name != layer && !allowed.contains(&name.as_str()));
    let own_root = outside.filter(|(_, name)| layer != "main" || is_layer(name));
    let mut findings: Vec<Finding> = own_root
        .map(|(at, name)| {
            file.finding(file.line_of(at), format!("import rule: {layer} may not use {name}"))
        })
        .collect();
    findings.extend(file.code.match_indices("super::super::").map(|(at, _)| {
        file.finding(file.line_of(at), "import rule: write crate:: instead of super::super::")
    }));
    findings
}

fn is_layer(name: &str) -> bool {
    IMPORTS.iter().any(|(layer, _)| *layer == name)
}

/// What follows each `root` (`crate::`) in the code: one name, or several in braces.
fn named(code: &str, root: &str) -> Vec<(usize, String)> {
    let mut names = Vec::new();
    for at in words(code, root.trim_end_matches(':')).filter(|at| code[*at..].starts_with(root)) {
        let rest = &code[at + root.len()..];
        match rest.strip_prefix('{') {
            None => names.push((at, identifier(rest))),
            Some(group) => names.extend(first_names(group).into_iter().map(|name| (at, name))),
        }
    }
    names
}

/// The first name of each path in a `{…}` of a `use`, from after the brace.
fn first_names(group: &str) -> Vec<String> {
    let mut names = Vec::new();
    let (mut depth, mut fresh) = (0, true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            _ if c.is_alphabetic() && fresh => {
                names.push(identifier(&group[at..]));
                fresh = false;
            }
            _ => {}
        }
    }
    names
}

fn identifier(text: &str) -> String {
    text.trim_start().chars().take_while(|c| is_word(*c)).collect()
}

fn sharing(file: &Source) -> Vec<Finding> {
    if !file.layer().is_some_and(|layer| UNSHARED.contains(&layer)) {
        return Vec::new();
    }
    let found = SHARING.iter().flat_map(|w| file.lines_with(w).into_iter().map(move |l| (l, w)));
    found.map(|(line, word)| file.finding(line, format!("no {word} in a pure layer"))).collect()
}

fn names(file: &Source) -> Vec<Finding> {
    let empty = file.path.split(['/', '.']).find(|part| EMPTY_NAMES.contains(part));
    empty.map(|part| file.finding(1, format!("`{part}` is no name"))).into_iter().collect()
}

fn module_doc(file: &Source) -> Vec<Finding> {
    if file.text.starts_with("//! ") {
        return Vec::new();
    }
    vec![file.finding(1, "a file begins with its module doc")]
}

fn columns(file: &Source) -> Vec<Finding> {
    let lines = file.text.lines().enumerate();
    let long = lines.map(|(i, line)| (i, line.chars().count())).filter(|(_, n)| *n > MAX_COLUMNS);
    long.map(|(i, n)| file.finding(i + 1, format!("{n} columns, at most {MAX_COLUMNS}"))).collect()
}

fn functions(file: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for at in words(&file.code, "fn") {
        let Some(body) = body_of(&file.code, at) else { continue };
        let first = file.line_of(at);
        let length = file.line_of(body.end) - first + 1;
        if length > MAX_FUNCTION {
            findings.push(
                file.finding(first, format!("function of {length} lines, at most {MAX_FUNCTION}")),
            );
        }
    }
    findings
}

/// Where the braces of the item that begins at `at` are; none if it ends in `;`, as in a trait.
fn body_of(code: &str, at: usize) -> Option<std::ops::Range<usize>> {
    let mut depth = 0;
    let mut start = None;
    for (offset, c) in code[at..].char_indices() {
        match c {
            '(' | '[' if start.is_none() => depth += 1,
            ')' | ']' if start.is_none() => depth -= 1,
            ';' if start.is_none() && depth == 0 => return None,
            '{' if start.is_none() && depth == 0 => {
                start = Some(at + offset);
                depth = 1;
            }
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if let (Some(start), '}', 0) = (start, c, depth) {
            return Some(start..at + offset);
        }
    }
    None
}

fn file_length(file: &Source) -> Vec<Finding> {
    if file.path.starts_with("tests/") {
        return Vec::new();
    }
    let tests: usize = file.code.match_indices("#[cfg(test)]").map(|(at, _)| item(file, at)).sum();
    let length = file.text.lines().count() - tests;
    if length <= MAX_FILE {
        return Vec::new();
    }
    vec![file.finding(1, format!("file of {length} lines without tests, at most {MAX_FILE}"))]
}

/// Lines of the item whose attribute stands at `at`.
fn item(file: &Source, at: usize) -> usize {
    let after = at + "#[cfg(test)]".len();
    body_of(&file.code, after).map_or(2, |body| file.line_of(body.end) - file.line_of(at) + 1)
}

fn leftovers(file: &Source) -> Vec<Finding> {
    let mut in_code = ["unsafe", "todo", "unimplemented", "dbg"].map(|w| (w, file.lines_with(w)));
    if file.path == UNSAFE_IN {
        in_code[0].1.clear();
    }
    let notes = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")].map(|word| {
        let lines = file.text.lines().enumerate();
        (word, lines.filter(|(_, l)| l.contains(word)).map(|(i, _)| i + 1).collect())
    });
    let mut findings: Vec<Finding> = in_code
        .into_iter()
        .chain(notes)
        .flat_map(|(word, lines): (&str, Vec<usize>)| lines.into_iter().map(move |l| (l, word)))
        .map(|(line, word)| file.finding(line, format!("`{word}` is left in")))
        .collect();
    findings.extend(file.code.match_indices("#[ignore").map(|(at, _)| {
        file.finding(file.line_of(at), "a test is switched off: mend it or delete it")
    }));
    findings
}

/// Sleeping hopes that something will have happened; waiting for a condition knows. Where there is
/// no condition to wait for, a comment `// sleep: reason` on the line or the one above says why.
fn sleeps(file: &Source) -> Vec<Finding> {
    let lines: Vec<&str> = file.text.lines().collect();
    let excused = |line: usize| {
        lines[line.saturating_sub(2)..line].iter().any(|text| text.contains("// sleep: "))
    };
    let calls = words(&file.code, "sleep").filter(|at| file.code[at + 5..].starts_with('('));
    let unexcused = calls.map(|at| file.line_of(at)).filter(|line| !excused(*line));
    unexcused.map(|line| file.finding(line, "sleeps without a `// sleep: reason`")).collect()
}

fn clock_reads(file: &Source) -> Vec<Finding> {
    if !file.path.starts_with("src/") || file.path == CLOCK {
        return Vec::new();
    }
    let reads = ["Instant::now", "SystemTime::now", ".elapsed()"];
    let found = reads.iter().flat_map(|read| file.code.match_indices(read));
    found
        .map(|(at, _)| file.finding(file.line_of(at), format!("only {CLOCK} reads the clock")))
        .collect()
}

// ---- reading Rust, as far as needed --------------------------------------------

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Byte offsets at which `word` stands alone.
fn words<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = usize> + 't {
    text.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = text[..*at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

/// `text` with what is inside comments, strings and character literals turned to spaces.
fn blanked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let inert = inert(rest, out.chars().next_back());
        let length = inert.unwrap_or(c.len_utf8());
        let (taken, after) = rest.split_at(length);
        if inert.is_some() {
            out.extend(taken.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        } else {
            out.push(c);
        }
        rest = after;
    }
    out
}

/// How many bytes of comment or literal `rest` begins with; `before` is the character ahead of it.
fn inert(rest: &str, before: Option<char>) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(rest.find("*/").map_or(rest.len(), |end| end + 2));
    }
    if let Some(inside) = rest.strip_prefix('"') {
        return Some(1 + quoted(inside, '"'));
    }
    if let Some(inside) = rest.strip_prefix('\'') {
        let mut chars = inside.chars();
        let literal = chars.next() == Some('\\') || chars.next() == Some('\'');
        return literal.then(|| 1 + quoted(inside, '\''));
    }
    let hashes = rest.strip_prefix('r')?;
    let count = hashes.len() - hashes.trim_start_matches('#').len();
    if before.is_some_and(|c| is_word(c) && c != 'b') || !hashes[count..].starts_with('"') {
        return None;
    }
    let close = format!("\"{}", "#".repeat(count));
    let inside = 2 + count;
    Some(rest[inside..].find(&close).map_or(rest.len(), |end| inside + end + close.len()))
}

/// Bytes up to and with the `quote` that ends a literal, backslashes heeded.
fn quoted(inside: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    inside.len()
}

// ---- the rules can fail ---------------------------------------------------------

/// The findings for `text` as the file `path`, with a module doc ahead of it (so the text begins on
/// line 2).
fn found(path: &str, text: &str) -> Vec<String> {
    let file = Source::new(path, &format!("//! Doc.\n{text}"));
    check(&file).iter().map(Finding::to_string).collect()
}

#[test]
fn a_good_file_has_no_finding() {
    let good =
        "use crate::wire::Seq;\nuse super::Gap;\n/// See [`crate::runtime`], todo!()\nfn f() {}";
    assert_eq!(found("src/engine/gaps.rs", good), [""; 0]);
}

#[test]
fn a_forbidden_import_is_found_in_every_spelling() {
    for text in [
        "use crate::runtime::Group;",
        "fn f() { let x = crate::runtime::now(); }",
        "use crate::{time, runtime::{self, Group}};",
        "use crate::{\n    wire::{Seq, Session},\n    runtime,\n};",
        "pub use mcast_chat::runtime;",
    ] {
        let findings = found("src/engine/gaps.rs", text);
        assert_eq!(findings.len(), 1, "{text}: {findings:?}");
        assert!(findings[0].contains("engine may not use runtime"), "{findings:?}");
    }
}

#[test]
fn nobody_imports_the_simulator_and_no_path_climbs_around_the_rule() {
    for path in ["src/cli/mod.rs", "src/main.rs", "src/chat/mod.rs", "src/engine/mod.rs"] {
        assert_eq!(found(path, "use mcast_chat::sim::World;").len(), 1, "{path}");
    }
    assert_eq!(found("src/engine/gaps.rs", "use super::super::runtime;").len(), 1);
    assert_eq!(found("src/novel/mod.rs", "").len(), 1);
}

#[test]
fn lengths_are_counted_to_the_line() {
    let function = |lines: usize| format!("fn f() {{\n{}}}\n", "    g();\n".repeat(lines - 2));
    assert_eq!(found("src/wire/a.rs", &function(70)), [""; 0]);
    let long = ["src/wire/a.rs:2: function of 71 lines, at most 70"];
    assert_eq!(found("src/wire/a.rs", &function(71)), long);
    let wide = format!("// {}", "ä".repeat(98));
    assert_eq!(found("src/wire/a.rs", &wide), ["src/wire/a.rs:2: 101 columns, at most 100"]);
    let lines = "const A: u8 = 1;\n".repeat(599);
    assert_eq!(found("src/wire/a.rs", &lines), [""; 0]);
    let more = format!("{lines}const B: u8 = 1;\n");
    assert_eq!(found("src/wire/a.rs", &more).len(), 1);
    let tests = format!("{lines}#[cfg(test)]\nmod tests {{\n    fn f() {{}}\n}}\n");
    assert_eq!(found("src/wire/a.rs", &tests), [""; 0]);
}

#[test]
fn braces_in_literals_and_comments_do_not_count() {
    let text =
        "fn f<'a>(x: &'a [u8; 3]) { g('{', \"}{\", r#\"\"}\"#, b'\\''); /* { */ } // {\nfn h() {}";
    assert_eq!(found("src/wire/a.rs", text), [""; 0]);
    let blank = blanked(text);
    assert_eq!(blank.matches('{').count(), blank.matches('}').count());
}

#[test]
fn leftovers_are_found_and_their_names_in_strings_are_not() {
    let note = concat!("// TO", "DO later");
    for text in ["fn f() { todo!() }", "unsafe fn f() {}", note, "#[ignore]\nfn f() {}"] {
        assert_eq!(found("src/wire/a.rs", text).len(), 1, "{text}");
    }
    assert_eq!(found("src/wire/a.rs", "const A: &str = \"unsafe todo!\";"), [""; 0]);
    assert_eq!(found(UNSAFE_IN, "unsafe fn f() {}"), [""; 0]);
    assert_eq!(found("tests/a.rs", "unsafe fn f() {}").len(), 1);
}

#[test]
fn a_sleep_wants_a_reason() {
    assert_eq!(found("tests/a.rs", "fn f() { thread::sleep(LONG); }").len(), 1);
    let excused = "// sleep: nothing tells when the kernel forgets a port\nsleep(LONG);";
    assert_eq!(found("tests/a.rs", excused), [""; 0]);
}

#[test]
fn the_clock_is_read_in_one_file() {
    let read = "fn f() { let now = std::time::Instant::now(); }";
    assert_eq!(found("src/engine/mod.rs", read).len(), 1);
    assert_eq!(found("src/runtime/mod.rs", read).len(), 1);
    assert_eq!(found(CLOCK, read), [""; 0]);
}

#[test]
fn shared_state_empty_names_and_missing_docs_are_found() {
    assert_eq!(found("src/engine/mod.rs", "use std::sync::Arc;").len(), 1);
    assert_eq!(found("src/runtime/mod.rs", "use std::sync::Arc;"), [""; 0]);
    assert_eq!(found("src/engine/utils.rs", "").len(), 1);
    assert_eq!(check(&Source::new("src/engine/a.rs", "use crate::wire;")).len(), 1);
}
