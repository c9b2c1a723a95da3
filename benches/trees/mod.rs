//! Real source trees, made ready to compile, and the commands of their units.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A tree.
pub(crate) struct Tree {
    /// Its name.
    pub(crate) name: &'static str,
    /// Where its commands run.
    pub(crate) dir: PathBuf,
    /// One for each unit, without `-o`, the source last.
    pub(crate) commands: Vec<Vec<String>>,
}

/// Those of `names` that Debian gives us: sources are kept in `target/bench-src`.
pub(crate) fn trees(names: &[&'static str]) -> Vec<Tree> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = project.join("target/bench-src");
    let fetched = Command::new("bash")
        .arg(project.join("benches/fetch-sources"))
        .arg(&sources)
        .args(names)
        .status();
    if !fetched.is_ok_and(|status| status.success()) {
        println!("some sources cannot be fetched");
    }
    let mut trees = Vec::new();
    for &name in names {
        let dir = sources.join(name);
        if !dir.is_dir() {
            continue;
        }
        let (dir, mut commands) = match name {
            "redis" => redis(&dir),
            "git" => (dir.clone(), git(&dir)),
            "leveldb" => (dir.clone(), leveldb(&dir)),
            "rocksdb" => (dir.clone(), dry_run(&dir, &["static_lib"])),
            "boost1.74" => (dir.clone(), boost(&dir)),
            "linux" => (dir.clone(), linux(&dir)),
            other => panic!("{other}: no such tree"),
        };
        // Some sources are made by rules that have not run.
        commands.retain(|words| words.last().is_some_and(|source| dir.join(source).exists()));
        match commands.is_empty() {
            true => println!("{name}: no unit"),
            false => trees.push(Tree { name, dir, commands }),
        }
    }
    trees
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn redis(dir: &Path) -> (PathBuf, Vec<Vec<String>>) {
    let flags = words(
        "gcc -std=c11 -O2 -D_GNU_SOURCE -DREDIS_STATIC= -DUSE_JEMALLOC -I../deps/hiredis \
         -I../deps/linenoise -I../deps/lua/src -I../deps/hdr_histogram -I../deps/jemalloc/include \
         -w -c",
    );
    let dir = dir.join("src");
    // What its configure would make of a header.
    let header = dir.join("../deps/jemalloc/include/jemalloc/jemalloc.h");
    if !header.exists() {
        fs::write(header, "#define JEMALLOC_VERSION_MAJOR 5\n#define JEMALLOC_VERSION_MINOR 3\n")
            .expect("a header");
    }
    let release = dir.join("release.h");
    if !release.exists() {
        let text = "#define REDIS_GIT_SHA1 \"0\"\n#define REDIS_GIT_DIRTY \"0\"\n\
                    #define REDIS_BUILD_ID \"0\"\n#define REDIS_BUILD_ID_RAW \"0\"\n";
        fs::write(release, text).expect("a header");
    }
    let commands = units(&flags, below(&dir, &["."], ".c"));
    (dir, commands)
}

fn git(dir: &Path) -> Vec<Vec<String>> {
    make(dir, &["command-list.h", "config-list.h", "hook-list.h"]);
    dry_run(dir, &["V=1", "git"])
}

fn leveldb(dir: &Path) -> Vec<Vec<String>> {
    let flags = words("g++ -c -std=c++17 -O2 -I. -Iinclude -DLEVELDB_PLATFORM_POSIX=1 -w");
    let mut sources = below(dir, &["db", "table", "util", "helpers/memenv"], ".cc");
    sources.retain(|name| !name.contains("test") && !name.contains("windows"));
    units(&flags, sources)
}

/// Units of the libraries' own tests, which have most computed includes.
fn boost(dir: &Path) -> Vec<Vec<String>> {
    let headers = dir.join("headers");
    if !headers.exists() {
        let script = "mkdir headers.new && for dir in libs/*/include libs/*/*/include; do \
                      cp -al \"$dir/.\" headers.new/; done && mv headers.new headers";
        let status = Command::new("sh").args(["-c", script]).current_dir(dir).status();
        assert!(status.is_ok_and(|status| status.success()), "boost's headers in one place");
    }
    let flags = words("g++ -c -std=c++17 -O2 -Iheaders -w");
    let mut libs: Vec<String> = fs::read_dir(dir.join("libs"))
        .expect("boost's libraries")
        .flatten()
        .map(|entry| format!("libs/{}/test", entry.file_name().display()))
        .filter(|name| dir.join(name).is_dir())
        .collect();
    libs.sort();
    let libs: Vec<&str> = libs.iter().map(String::as_str).collect();
    let sources = below(dir, &libs, ".cpp");
    units(&flags, sources.into_iter().step_by(12))
}

fn linux(dir: &Path) -> Vec<Vec<String>> {
    if !dir.join("include/generated/autoconf.h").exists() {
        make(dir, &["defconfig"]);
    }
    make(dir, &["prepare"]);
    dry_run(dir, &["V=1", "vmlinux"])
}

fn units(flags: &[String], sources: impl IntoIterator<Item = String>) -> Vec<Vec<String>> {
    let unit = |source: String| flags.iter().cloned().chain([source]).collect();
    sources.into_iter().map(unit).collect()
}

/// Files directly in some directories below `dir`, whose names end so.
fn below(dir: &Path, dirs: &[&str], suffix: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in dirs {
        let entries = fs::read_dir(dir.join(part)).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name().into_string().expect("plain names"));
        let mut names: Vec<String> = names.filter(|name| name.ends_with(suffix)).collect();
        names.sort();
        let place = |name| if *part == "." { name } else { format!("{part}/{name}") };
        found.extend(names.into_iter().map(place));
    }
    found
}

fn make(dir: &Path, words: &[&str]) {
    let made = Command::new("make")
        .arg("-s")
        .args(words)
        .current_dir(dir)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !made.is_ok_and(|status| status.success()) {
        println!("{}: make {} fails", dir.display(), words.join(" "));
    }
}

/// The compiles that make would run.
fn dry_run(dir: &Path, words: &[&str]) -> Vec<Vec<String>> {
    let shown = Command::new("make")
        .args(["-n", "-k"])
        .args(words)
        .current_dir(dir)
        .stderr(Stdio::null())
        .output()
        .expect("make");
    let text = String::from_utf8_lossy(&shown.stdout);
    let mut commands = Vec::new();
    for part in text.lines().flat_map(|line| line.split("; ")).flat_map(|line| line.split("&& ")) {
        let part = part.trim();
        if !["gcc ", "g++ ", "cc "].iter().any(|name| part.starts_with(name)) {
            continue;
        }
        let Ok(words) = shell_words::split(part) else { continue };
        commands.extend(unit(&words));
    }
    commands
}

/// The command without what it writes, the source last; `None` if it is no compile of C or C++.
fn unit(words: &[String]) -> Option<Vec<String>> {
    let is_source = |word: &String| [".c", ".cc", ".cpp"].iter().any(|end| word.ends_with(end));
    let mut kept: Vec<String> = Vec::new();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "-o" | "-MF" | "-MQ" | "-MT" => drop(rest.next()),
            "-MMD" | "-MD" | "-MP" | "-march=native" => {}
            text if text.starts_with("-Wp,-MMD") => {}
            "cc" => kept.push("gcc".to_owned()),
            _ => kept.push(word.clone()),
        }
    }
    let at = kept.iter().rposition(is_source)?;
    let source = kept.remove(at);
    kept.push(source);
    kept.contains(&"-c".to_owned()).then_some(kept)
}
