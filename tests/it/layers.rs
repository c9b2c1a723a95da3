//! The rules that keep the source tree readable: floors, imports, sizes, and what is not written.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Modules by floor; a module may name modules of lower floors.
const FLOORS: [&[&str]; 4] = [
    &["base"],
    &["compiler", "hosts", "include", "makepkg_conf", "protocol", "schedule", "targets"],
    &["arch", "masquerade", "net", "progress", "slots", "toolchains"],
    &["agent", "client", "daemon", "monitor", "setup", "tools"],
];

/// The only imports within one floor.
const SIDEWAYS: [(&str, &str); 2] = [("schedule", "hosts"), ("include", "compiler")];

/// What pure code (floor 1) may use of `base`.
const PURE_BASE: [&str; 2] = ["disk", "exit"];

/// What pure code (floor 1) never names: the machine and its clock.
const IMPURE: [&str; 10] = [
    "std::net",
    "std::process",
    "std::env",
    "std::fs",
    "Instant::now",
    "SystemTime",
    "nix::",
    "rustix::",
    "socket2::",
    "libc::",
];

/// Crates that the client must not load: it starts once per translation unit.
const NOT_IN_CLIENT: [&str; 9] =
    ["clap", "regex", "toml", "serde", "serde_json", "duct", "which", "mdns_sd", "jiff"];

/// Macros of `base::log` that live at the crate's root.
const LOG_MACROS: [&str; 6] = ["critical", "error", "warning", "notice", "info", "debug"];

const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 100;
const COLUMNS: usize = 100;
const UNSAFE_BLOCKS: usize = 12;

/// One file of `src/`.
struct Source {
    /// Path below `src/`.
    path: String,
    /// All of it.
    text: String,
}

impl Source {
    /// What is before the unit tests at the end of the file.
    fn code(&self) -> &str {
        self.text.split("\n#[cfg(test)]\nmod ").next().unwrap()
    }

    /// The same without comments and without what stands in string literals.
    fn bare_code(&self) -> String {
        bare(self.code())
    }

    /// The module of the first level that the file belongs to; `bin` for programs.
    fn module(&self) -> &str {
        self.path.split(['/', '.']).next().unwrap()
    }

    fn floor(&self) -> Option<usize> {
        floor_of(self.module())
    }
}

fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().position(|modules| modules.contains(&module))
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(files.len() > 10, "src/ was not found");
    let mut sources: Vec<Source> = files
        .iter()
        .map(|file| Source {
            path: file.strip_prefix(&root).unwrap().to_str().unwrap().to_owned(),
            text: std::fs::read_to_string(file).unwrap(),
        })
        .collect();
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Takes comments and the insides of string and character literals out of `code`.
fn bare(code: &str) -> String {
    let mut out = String::new();
    let mut rest = code;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
        } else if let Some(after) = raw_string(rest) {
            out.push_str("\"\"");
            rest = after;
        } else if c == '"' {
            out.push_str("\"\"");
            rest = after_string(&rest[1..]);
        } else if let Some(after) = character(rest) {
            out.push_str("' '");
            rest = after;
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

fn raw_string(text: &str) -> Option<&str> {
    let after = text.strip_prefix('r')?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(&body[body.find(&end)? + end.len()..])
}

fn after_string(body: &str) -> &str {
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == '"' {
            return &body[at + 1..];
        }
    }
    ""
}

fn character(text: &str) -> Option<&str> {
    let body = text.strip_prefix('\'')?;
    if let Some(escape) = body.strip_prefix('\\') {
        let end = escape[1..].find('\'')?;
        return Some(&escape[1 + end + 1..]);
    }
    let c = body.chars().next()?;
    body[c.len_utf8()..].strip_prefix('\'')
}

/// Every `crate::a::b` of the code as (`a`, `b`), groups in braces taken apart.
fn crate_paths(code: &str, root: &str) -> Vec<(String, String)> {
    let mut paths = Vec::new();
    for (at, _) in code.match_indices(root) {
        let preceding = code[..at].chars().next_back();
        if preceding.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        for path in expand(&code[at + root.len()..]) {
            let mut words = path.split("::").map(|word| word.trim().to_owned());
            let first = words.next().unwrap_or_default();
            paths.push((first, words.next().unwrap_or_default()));
        }
    }
    paths
}

/// The paths of a `use` tree, or the one path of an expression, that begins `text`.
fn expand(text: &str) -> Vec<String> {
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '*';
    let head: String = text.chars().take_while(|&c| is_path(c)).collect();
    let Some(body) = text[head.len()..].strip_prefix('{') else {
        return vec![head];
    };
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in body.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                parts.push(body[start..at].trim());
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    parts.flat_map(expand).map(|part| format!("{head}{part}")).collect()
}

/// Fails with all findings at once.
fn none_of(what: &str, findings: &[String]) {
    let list = findings.iter().fold(String::new(), |mut list, finding| {
        writeln!(list, "  {finding}").unwrap();
        list
    });
    assert!(findings.is_empty(), "{what}:\n{list}");
}

#[test]
fn modules_name_lower_floors_only() {
    let mut findings = Vec::new();
    for source in sources() {
        let Some(floor) = source.floor() else { continue };
        for (module, _) in crate_paths(&source.bare_code(), "crate::") {
            let own = module == source.module() || LOG_MACROS.contains(&module.as_str());
            let sideways = SIDEWAYS.contains(&(source.module(), module.as_str()));
            let lower = floor_of(&module).is_some_and(|other| other < floor);
            if !own && !sideways && !lower {
                findings.push(format!("{}: crate::{module}", source.path));
            }
        }
    }
    none_of("imports that point up or sideways", &findings);
}

#[test]
fn every_module_has_a_floor() {
    let findings: Vec<String> = sources()
        .iter()
        .filter(|source| source.floor().is_none() && !["lib", "bin"].contains(&source.module()))
        .map(|source| source.path.clone())
        .collect();
    none_of("modules that no floor lists", &findings);
}

/// Whether `code` has `word`, and not just a longer one that ends in it (`unix::` for `nix::`).
fn names(code: &str, word: &str) -> bool {
    let inside = |at: usize| code[..at].ends_with(|before: char| before.is_alphanumeric());
    code.match_indices(word).any(|(at, _)| !inside(at))
}

#[test]
fn pure_code_names_no_machine() {
    let mut findings = Vec::new();
    for source in sources().iter().filter(|source| source.floor() == Some(1)) {
        let code = source.bare_code();
        for word in IMPURE.iter().filter(|word| names(&code, word)) {
            findings.push(format!("{}: {word}", source.path));
        }
        for (module, part) in crate_paths(&code, "crate::") {
            let logs = LOG_MACROS.contains(&module.as_str());
            if logs || (module == "base" && !PURE_BASE.contains(&part.as_str())) {
                findings.push(format!("{}: crate::{module}::{part}", source.path));
            }
        }
    }
    none_of("pure code that reaches for the machine", &findings);
}

#[test]
fn client_loads_no_heavy_crate() {
    let mut findings = Vec::new();
    for source in sources().iter().filter(|source| source.module() == "client") {
        for name in NOT_IN_CLIENT {
            if !crate_paths(&source.bare_code(), &format!("{name}::")).is_empty() {
                findings.push(format!("{}: {name}", source.path));
            }
        }
    }
    none_of("crates that the client must not use", &findings);
}

#[test]
fn library_exports_modules_only() {
    let findings: Vec<String> = sources()
        .iter()
        .filter(|source| source.bare_code().contains("use crate::*") || is_reexporting_lib(source))
        .map(|source| source.path.clone())
        .collect();
    none_of("names hidden behind a re-export", &findings);
}

fn is_reexporting_lib(source: &Source) -> bool {
    source.path == "lib.rs" && source.bare_code().contains("pub use")
}

#[test]
fn programs_are_a_few_lines() {
    let findings: Vec<String> = sources()
        .iter()
        .filter(|source| source.module() == "bin" && source.text.lines().count() > 15)
        .map(|source| source.path.clone())
        .collect();
    none_of("programs of more than 15 lines", &findings);
}

#[test]
fn every_file_says_what_it_is_for() {
    let findings: Vec<String> = sources()
        .iter()
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| source.path.clone())
        .collect();
    none_of("files that do not begin with `//!`", &findings);
}

#[test]
fn files_stay_short() {
    let long: Vec<String> = sources()
        .iter()
        .map(|source| (source, source.code().lines().count()))
        .filter(|&(_, lines)| lines > FILE_LINES)
        .map(|(source, lines)| format!("{}: {lines} lines", source.path))
        .collect();
    none_of("files of more than 500 lines, tests apart", &long);
}

/// Name and length of every function, told by the indentation that rustfmt gives.
fn functions(code: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = code.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indent = line.len() - line.trim_start().len();
        let closing = format!("{}}}", " ".repeat(indent));
        let one_line = line.ends_with('}') || line.ends_with(';');
        let length = lines[at..].iter().position(|line| *line == closing).map_or(1, |n| n + 1);
        found.push((name, if one_line { 1 } else { length }));
    }
    found
}

fn function_name(line: &str) -> Option<String> {
    let mut words = line.trim_start().split(' ').skip_while(|word| {
        word.starts_with("pub")
            || ["in", "const", "unsafe", "async", "extern", "\"C\""].contains(word)
    });
    if words.next()? != "fn" {
        return None;
    }
    let name = words.next()?;
    Some(name.split(['(', '<']).next()?.to_owned())
}

#[test]
fn functions_stay_short() {
    let mut findings = Vec::new();
    for source in sources() {
        for (name, lines) in functions(source.code()) {
            if lines > FUNCTION_LINES {
                findings.push(format!("{}: {name}: {lines} lines", source.path));
            }
        }
    }
    none_of("functions of more than 100 lines", &findings);
}

#[test]
fn code_stays_within_100_columns() {
    let mut findings = Vec::new();
    for source in sources() {
        for (number, line) in source.code().lines().enumerate() {
            let is_log_macro = line.starts_with("macro_rules!");
            if line.chars().count() > COLUMNS && !is_log_macro {
                findings.push(format!("{}:{}", source.path, number + 1));
            }
        }
    }
    none_of("lines of more than 100 columns", &findings);
}

#[test]
fn landed_code_has_no_loose_ends() {
    let mut findings = Vec::new();
    for source in sources() {
        for (number, line) in source.text.lines().enumerate() {
            for word in ["TODO", "FIXME", "XXX", "#[allow", "#![allow"] {
                if line.contains(word) && !line.contains("XXXX") {
                    findings.push(format!("{}:{}: {word}", source.path, number + 1));
                }
            }
        }
        let code = source.bare_code();
        for word in [".unwrap()", "todo!(", "unimplemented!(", "dbg!("] {
            if code.contains(word) {
                findings.push(format!("{}: {word}", source.path));
            }
        }
    }
    none_of("loose ends", &findings);
}

#[test]
fn code_hardly_ever_panics() {
    let mut places = Vec::new();
    let mut lines = 0;
    for source in sources() {
        let code = source.bare_code();
        lines += code.lines().count();
        for word in ["panic!(", "unreachable!(", ".expect(", "assert!(", "assert_eq!("] {
            let count = code.match_indices(word).filter(|(at, _)| is_word_start(&code, *at));
            places.extend(count.map(|_| format!("{}: {word}", source.path)));
        }
    }
    if places.len() > 1 + lines / 2000 {
        none_of("more than one place in 2000 lines that can panic", &places);
    }
}

/// Keeps `debug_assert!(` from counting as `assert!(`.
fn is_word_start(code: &str, at: usize) -> bool {
    code[at..].starts_with('.')
        || !code[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_')
}

#[test]
fn unsafe_code_is_rare_and_low() {
    let mut blocks: BTreeMap<String, usize> = BTreeMap::new();
    let mut findings = Vec::new();
    for source in sources() {
        let count = source.bare_code().matches("unsafe {").count();
        if count == 0 {
            continue;
        }
        if !["base", "daemon"].contains(&source.module()) {
            findings.push(format!("{}: unsafe outside base and daemon", source.path));
        }
        blocks.insert(source.path.clone(), count);
    }
    let total: usize = blocks.values().sum();
    if total >= UNSAFE_BLOCKS {
        findings.push(format!("{total} unsafe blocks: {blocks:?}"));
    }
    none_of("unsafe code", &findings);
}

#[test]
fn reader_of_imports_takes_groups_apart() {
    let code = "use crate::{base::{disk::Disk, exit}, hosts}; let x = crate::net::tcp::connect();";
    let paths = crate_paths(code, "crate::");
    let paths: Vec<String> = paths.iter().map(|(a, b)| format!("{a}/{b}")).collect();
    assert_eq!(paths, ["base/disk", "base/exit", "hosts/", "net/tcp"]);
}

#[test]
fn reader_of_code_skips_comments_and_literals() {
    let code = "a // crate::x\nb(\"crate::y \\\" z\", '\"', r#\"crate::\"w\"#, 'a>) c";
    assert_eq!(bare(code), "a \nb(\"\", ' ', \"\", 'a>) c");
}

#[test]
fn reader_of_functions_counts_their_lines() {
    let code = "pub(crate) const fn a() {\n    1\n}\nimpl X {\n    fn b(\n    ) {\n    }\n}\n";
    assert_eq!(functions(code), [("a".to_owned(), 3), ("b".to_owned(), 3)]);
}
