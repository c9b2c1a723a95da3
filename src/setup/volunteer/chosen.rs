//! Which toolchain is to serve a target, and why that one.

use std::path::{Path, PathBuf};

use crate::setup::volunteer::arguments::Arguments;
use crate::setup::volunteer::env_file;
use crate::targets::{self, Target};
use crate::toolchains::fault::Weight;
use crate::toolchains::verify::{self, Tried};
use crate::toolchains::{self, Toolchain, places, sources};

/// `DIR`, or `TARGET=DIR`: where a person says that a toolchain is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The only target that it is meant for.
    pub target: Option<&'static Target>,
    /// Where it is, or below which directory.
    pub dir: PathBuf,
}

impl Given {
    /// Reads it as an option has it.
    ///
    /// # Errors
    ///
    /// A sentence: no target of that name, or no path from the root.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let (target, dir) = match text.split_once('=') {
            Some((name, dir)) if !name.contains('/') => (Some(read_target(name)?), dir),
            _ => (None, text),
        };
        match dir.starts_with('/') {
            true => Ok(Self { target, dir: dir.into() }),
            false => Err(format!("`{dir}` is no path from the root; write /opt/x-tools7h")),
        }
    }
}

/// Reads a target's name.
///
/// # Errors
///
/// A sentence with those that there are.
pub(super) fn read_target(name: &str) -> Result<&'static Target, String> {
    let names = || targets::TARGETS.map(|target| target.name).join(", ");
    targets::by_name(name).ok_or_else(|| format!("`{name}` is no target; there are {}", names()))
}

/// The toolchain for a target.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    /// What was tried, the best first; in an image nothing is tried.
    pub tried: Vec<Tried>,
    /// Where there are others, which were not tried.
    pub others: Vec<PathBuf>,
    /// Whether distccd finds it without being told.
    pub is_default: bool,
}

impl Chosen {
    /// The best toolchain for `target`: one that a person named, else one that the file `old` has
    /// served so far, or any that is found.
    ///
    /// # Errors
    ///
    /// Sentences: there is none, or none that serves, and what to install.
    pub(super) fn find(
        target: &'static Target,
        given: &[Given],
        old: &str,
        root: &Path,
    ) -> Result<Self, String> {
        let candidates = candidates(target, given, old, root)?;
        let mut tried = match root == Path::new("/") {
            true => verify::best_first(candidates.clone()),
            // Programs of another system may not start here, and say nothing of those who will.
            false => candidates.iter().take(1).map(|one| Tried::untried(one.clone())).collect(),
        };
        let Some(best) = tried.first() else {
            return Err(format!(
                "there is no toolchain for {0} on this machine; install {1}; one that is elsewhere \
                 is named by --toolchain DIR",
                target.name,
                sources::advice(target)
            ));
        };
        if !best.serves() {
            return Err(no_good(target, &tried));
        }
        let is_best = |one: &Toolchain| one.dir == best.toolchain.dir;
        // It looks on its PATH first; and where there is but one, its search ends at that.
        let is_default = match on_path(target, old, root).first() {
            Some(first) => is_best(first),
            None => {
                let known = toolchains::native(target).filter(|_| root == Path::new("/"));
                let found = toolchains::find(target, root);
                let all: Vec<_> = known.into_iter().chain(found).collect();
                !all.is_empty() && all.iter().all(is_best)
            }
        };
        let is_tried = |dir: &PathBuf| tried.iter().any(|one| one.toolchain.dir == *dir);
        let mut others: Vec<PathBuf> = candidates.into_iter().map(|one| one.dir).collect();
        others.retain(|dir| !is_tried(dir));
        tried.truncate(4);
        Ok(Self { tried, others, is_default })
    }

    /// The directory of the best one.
    pub(super) fn dir(&self) -> Option<&Path> {
        self.tried.first().map(|best| best.toolchain.dir.as_path())
    }

    /// What it is, what is to be known of it, and what else there is.
    pub(super) fn text(&self, target: &Target) -> String {
        let Some((best, worse)) = self.tried.split_first() else { return String::new() };
        let mut text = format!("{}: compilers in {}", target.name, shown(&best.toolchain));
        text += &best.version.iter().map(|version| format!(", {version}")).collect::<String>();
        text += &best.made.iter().map(|made| format!(", {made}")).collect::<String>();
        if best.version.is_none() {
            text += " (not tried: nothing in an image is run)";
        }
        text.push('\n');
        for fault in &best.faults {
            let word = if fault.weight() == Weight::Note { "note" } else { "warning" };
            text += &format!("  {word}: {fault}\n");
        }
        for other in worse {
            let why = other.faults.iter().max_by_key(|fault| fault.weight());
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
            text += &format!("  not taken: {}{why}\n", shown(&other.toolchain));
        }
        if !self.others.is_empty() {
            let dirs: Vec<_> = self.others.iter().map(|dir| dir.display().to_string()).collect();
            text += &format!("  also here: {}\n", dirs.join(", "));
        }
        text
    }
}

/// Where the compilers are that distccd with these options takes for `target`; none is tried.
pub(super) fn directory(target: &'static Target, options: &str, root: &Path) -> Option<PathBuf> {
    let found = candidates(target, &[], options, root).ok()?;
    found.into_iter().next().map(|toolchain| toolchain.dir)
}

/// Where its programs are; among others, by their names.
fn shown(toolchain: &Toolchain) -> String {
    let dir = toolchain.dir.display();
    match &toolchain.triple {
        Some(triple) if !toolchain.is_alone => format!("{dir}/{triple}-*"),
        _ => dir.to_string(),
    }
}

/// None of them serves.
fn no_good(target: &Target, tried: &[Tried]) -> String {
    let mut text = format!("no toolchain for {} here can serve:\n", target.name);
    for one in tried {
        let worst = one.faults.iter().filter(|fault| fault.weight() == Weight::Fault);
        text += &worst.map(|fault| format!("  {fault}\n")).collect::<String>();
    }
    text + &format!("mend that, or install {}", sources::advice(target))
}

/// The toolchains that may serve `target`, in the order in which they are tried.
fn candidates(
    target: &'static Target,
    given: &[Given],
    old: &str,
    root: &Path,
) -> Result<Vec<Toolchain>, String> {
    let mine = |given: &&Given| given.target.is_none_or(|other| other == target);
    let below = |dir: &Path| below(root, dir);
    let mut found = Vec::new();
    let mut empty = None;
    for Given { dir, .. } in given.iter().filter(mine) {
        let there = toolchains::at(target, &below(dir));
        if there.is_empty() {
            empty = Some(dir.clone());
        }
        found.extend(there);
    }
    if let Some(dir) = empty.filter(|_| found.is_empty()) {
        return Err(nothing_in(target, &below(&dir)));
    }
    if found.is_empty() {
        let arguments = Arguments::read(&env_file::get(old, "DISTCC_ARGS").unwrap_or_default());
        for dir in arguments.toolchain_dirs(target) {
            found.extend(toolchains::at(target, &below(&dir)));
        }
        found.extend(on_path(target, old, root));
        match root == Path::new("/") {
            true => {
                found.extend(toolchains::native(target));
                found.extend(toolchains::find_with_homes(target));
            }
            false => found.extend(toolchains::find(target, root)),
        }
    }
    // distccd serves the first of a directory.
    let mut seen = Vec::new();
    found.retain(|one| {
        let is_new = !seen.contains(&one.dir);
        seen.push(one.dir.clone());
        is_new
    });
    Ok(found)
}

/// The toolchains in directories that PATH of a daemon's options has; systemd expands nothing.
fn on_path(target: &'static Target, old: &str, root: &Path) -> Vec<Toolchain> {
    let path = env_file::get(old, "PATH").unwrap_or_default();
    let dirs = std::env::split_paths(&path).filter(|dir| dir.is_absolute());
    let found = dirs.flat_map(|dir| toolchains::in_dir(target, &below(root, &dir)));
    found.filter(|one| one.is_alone).collect()
}

fn below(root: &Path, dir: &Path) -> PathBuf {
    root.join(dir.strip_prefix("/").unwrap_or(dir))
}

/// What is in a directory that was to have compilers for `target`.
fn nothing_in(target: &Target, dir: &Path) -> String {
    let text = format!("there are no compilers for {} in or below {}", target.name, dir.display());
    let names = places::compilers(dir);
    match (dir.is_dir(), names.as_slice()) {
        (false, _) => format!("{text}: it is no directory"),
        (true, []) => format!(
            "{text}; it should hold programs as {}-gcc, in itself or in its bin",
            target.triple
        ),
        (true, names) => format!("{text}; there are: {}", names.join(", ")),
    }
}
