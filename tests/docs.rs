//! Compares the numbers of docs/PROTOCOL.md with the source, so that the page cannot fall behind:
//! each constant that it names, as `` `file::NAME` = value ``, has that value, and each length of
//! time that the engine, the runtime and the transports are ruled by has its row. And the tests
//! that docs/COMPLAINTS.md names are there.

use std::fs;
use std::path::{Path, PathBuf};

const PAGE: &str = "docs/PROTOCOL.md";
/// Every length of time in here must be on the page.
const TIMED: [&str; 3] = ["src/engine", "src/runtime", "src/transport"];

#[test]
fn the_protocol_page_names_the_values_of_the_source() {
    let page = read(PAGE);
    let sources = sources();
    let claims = claims(&page);
    assert!(claims.len() > 50, "only {} constants are named", claims.len());
    let mut faults: Vec<String> =
        claims.iter().filter_map(|claim| fault(claim, &sources)).collect();
    faults.extend(unnamed(&claims, &sources));
    assert!(faults.is_empty(), "{PAGE}:\n{}", faults.join("\n"));
}

/// What the page says of one constant.
struct Claim {
    /// `folder::file::NAME`, as much of it as is needed to tell files apart.
    name: String,
    value: String,
}

/// A source file: its path without `.rs` or `/mod.rs`, and its text without tests.
struct Source {
    module: String,
    text: String,
}

/// A number, or a length of time in microseconds.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Value {
    Number(f64),
    Micros(f64),
}

fn claims(page: &str) -> Vec<Claim> {
    let parts = page.split('`').collect::<Vec<_>>();
    let named = parts.windows(2).filter(|pair| pair[0].contains("::") && !pair[0].contains(' '));
    named
        .filter_map(|pair| {
            let value = pair[1].strip_prefix(" = ")?;
            Some(Claim { name: pair[0].to_owned(), value: value.to_owned() })
        })
        .collect()
}

/// What is wrong with a claim.
fn fault(claim: &Claim, sources: &[Source]) -> Option<String> {
    let name = &claim.name;
    let mut found = sources.iter().filter_map(|source| definition(source, name));
    let (Some(written), None) = (found.next(), found.next()) else {
        return Some(format!("{name}: not found, or in more than one file"));
    };
    let Some(value) = evaluate(&written) else {
        return Some(format!("{name}: cannot read `{written}`"));
    };
    (stated(&claim.value) != Some(value))
        .then(|| format!("{name}: `{written}` in the source, and here {:.20}", claim.value))
}

/// The expression that defines `name`, if this is its file.
fn definition(source: &Source, name: &str) -> Option<String> {
    let (module, name) = name.rsplit_once("::")?;
    let module = module.replace("::", "/");
    if !format!("/{}", source.module).ends_with(&format!("/{module}")) {
        return None;
    }
    let constant = format!("const {name}: ");
    let field = format!("{name}: ");
    source.text.lines().map(str::trim).find_map(|line| match line.split_once(&constant) {
        Some((_, rest)) => rest.split_once(" = ")?.1.strip_suffix(';').map(str::to_owned),
        None => line.strip_prefix(&field)?.strip_suffix(',').map(str::to_owned),
    })
}

/// Lengths of time that the page does not name.
fn unnamed(claims: &[Claim], sources: &[Source]) -> Vec<String> {
    let mut missing = Vec::new();
    for source in sources.iter().filter(|s| TIMED.iter().any(|t| s.module.starts_with(t))) {
        for line in source.text.lines() {
            let Some((_, rest)) = line.split_once("const ") else { continue };
            let Some((name, _)) = rest.split_once(": Duration = ") else { continue };
            let is_it = |claim: &Claim| {
                claim.name.ends_with(&format!("::{name}"))
                    && definition(source, &claim.name).is_some()
            };
            if !claims.iter().any(is_it) {
                missing.push(format!("{}::{name} has no row", source.module));
            }
        }
    }
    missing
}

/// The value of an expression in the source; only as much of Rust as constants need.
fn evaluate(written: &str) -> Option<Value> {
    const UNITS: [(&str, f64); 3] =
        [("from_micros", 1.0), ("from_millis", 1e3), ("from_secs", 1e6)];
    for (unit, micros) in UNITS {
        let inside = written.strip_prefix("Duration::").and_then(|call| call.strip_prefix(unit));
        if let Some(inside) = inside {
            let inside = inside.strip_prefix('(')?.strip_suffix(')')?;
            return Some(Value::Micros(number(inside)? * micros));
        }
    }
    let parts: Vec<&str> = written.split(' ').collect();
    if let [left, sign, right] = parts[..] {
        let (left, right) = (number(left)?, number(right)?);
        return match sign {
            "<<" => Some(Value::Number(left * right.exp2())),
            "*" => Some(Value::Number(left * right)),
            "/" => Some(Value::Number(left / right)),
            _ => None,
        };
    }
    number(written).map(Value::Number)
}

/// The value at the beginning of `text`, as people write it: `1.5 s`, `4 MiB`, `32,768`, `1/128`.
fn stated(text: &str) -> Option<Value> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || ".,/e-".contains(c)));
    let (digits, rest) = text.split_at(end.unwrap_or(text.len()));
    let digits = digits.trim_end_matches(['.', ',']).replace(',', "");
    let amount = match digits.split_once('/') {
        Some((over, under)) => number(over)? / number(under)?,
        None => number(&digits)?,
    };
    let unit = rest.trim_start().split(|c: char| !c.is_alphabetic()).next();
    Some(match unit {
        Some("ms") => Value::Micros(amount * 1e3),
        Some("s") => Value::Micros(amount * 1e6),
        Some("KiB") => Value::Number(amount * 1024.0),
        Some("MiB") => Value::Number(amount * 1024.0 * 1024.0),
        _ => Value::Number(amount),
    })
}

fn number(text: &str) -> Option<f64> {
    text.trim().replace('_', "").parse().ok()
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn sources() -> Vec<Source> {
    let mut paths = Vec::new();
    rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut paths);
    paths.iter().map(|path| source(path)).collect()
}

fn source(path: &Path) -> Source {
    let text = fs::read_to_string(path).expect("sources are readable UTF-8");
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned();
    let inside = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("found below the root");
    let module = inside.to_string_lossy().replace('\\', "/");
    let module = module.trim_end_matches(".rs").trim_end_matches("/mod").to_owned();
    Source { module, text }
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("src can be listed") {
        let path = entry.expect("src can be listed").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
}

// ---- tests that a page names ---------------------------------------------------

#[test]
fn the_complaints_are_answered_by_tests_that_are_there() {
    let page = read("docs/COMPLAINTS.md");
    assert_eq!(page.lines().filter(|line| is_row(line)).count(), 35);
    let gone = gone(&page, &all_code());
    assert!(gone.is_empty(), "docs/COMPLAINTS.md names tests that are not there: {gone:?}");
}

/// Whether it is a row of the table, which begins with its number.
fn is_row(line: &str) -> bool {
    line.strip_prefix("| ").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// The names of tests on a page, sentences in snake case, that are no function of the code.
fn gone<'p>(page: &'p str, code: &str) -> Vec<&'p str> {
    let names = page.split('`').filter(|name| {
        name.matches('_').count() > 2
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    });
    names.filter(|name| !code.contains(&format!("fn {name}("))).collect()
}

/// The text of all Rust files of the package.
fn all_code() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src"), root.join("tests")];
    let mut code = String::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("it can be listed") {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                code += &fs::read_to_string(path).expect("sources are readable UTF-8");
            }
        }
    }
    code
}

#[test]
fn a_test_that_is_not_there_is_found() {
    let page = "`what_is_there_is_found`, `--grep`, `what_is_gone_is_told`";
    assert_eq!(gone(page, "fn what_is_there_is_found() {"), ["what_is_gone_is_told"]);
}

// ---- the test of the test ----------------------------------------------------

fn planted() -> Vec<Source> {
    let text =
        "const WAIT: Duration = Duration::from_millis(1_500);\npub const SIZE: usize = 4 << 20;";
    let config = "pub window: usize,\nwindow: 64 * 1024,";
    let source = |module: &str, text: &str| Source { module: module.into(), text: text.into() };
    vec![source("src/engine/nack", text), source("src/engine/config", config)]
}

fn faults(page: &str) -> Vec<String> {
    let claims = claims(page);
    let wrong = claims.iter().filter_map(|claim| fault(claim, &planted()));
    wrong.chain(unnamed(&claims, &planted())).collect()
}

#[test]
fn a_page_that_agrees_has_no_faults() {
    let page = "`nack::WAIT` = 1.5 s, `engine::nack::SIZE` = 4 MiB, `config::window` = 65,536. On";
    assert_eq!(faults(page), [""; 0]);
}

#[test]
fn a_value_that_changed_a_name_that_went_and_a_timer_without_a_row_are_found() {
    assert_eq!(faults("`nack::WAIT` = 1 s").len(), 1);
    assert_eq!(faults("`nack::WAIT` = 1,500,000").len(), 1, "a time has a unit");
    assert_eq!(faults("`nack::WAIT` = 1500 ms and `nack::SIZE` = 4 KiB").len(), 1);
    assert_eq!(faults("`nack::WAIT` = 1500 ms and `nack::GONE` = 4").len(), 1);
    assert_eq!(faults("`nack::SIZE` = 4,194,304"), ["src/engine/nack::WAIT has no row"]);
}
