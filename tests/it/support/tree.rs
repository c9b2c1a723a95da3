//! Directories as values: taken down after one run, compared after another.

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

/// What one name in a directory stands for.
#[derive(Clone, PartialEq, Eq)]
pub enum Node {
    /// A directory and its mode.
    Dir(u32),
    /// A regular file: its mode and content.
    File(u32, Vec<u8>),
    /// A symbolic link and its text.
    Link(String),
    /// A device, socket or FIFO.
    Special,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dir(mode) => write!(f, "directory {mode:o}"),
            Self::File(mode, content) => match std::str::from_utf8(content) {
                Ok(text) if text.len() < 2000 => write!(f, "file {mode:o} {text:?}"),
                _ => write!(f, "file {mode:o} of {} bytes", content.len()),
            },
            Self::Link(text) => write!(f, "link to {text}"),
            Self::Special => write!(f, "special file"),
        }
    }
}

/// Every name below a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree(pub BTreeMap<String, Node>);

impl Tree {
    /// Reads the directory `root`.
    pub fn read(root: &Path) -> Self {
        let mut tree = Self::default();
        tree.add(root, "");
        tree
    }

    fn add(&mut self, dir: &Path, prefix: &str) {
        // Whatever goes away while we look has not been left behind.
        for entry in std::fs::read_dir(dir).into_iter().flatten() {
            let entry = entry.unwrap();
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            let Ok(meta) = entry.metadata() else { continue };
            let kind = meta.file_type();
            let mode = meta.permissions().mode() & 0o7777;
            let node = if kind.is_dir() {
                self.add(&entry.path(), &format!("{name}/"));
                Node::Dir(mode)
            } else if kind.is_symlink() {
                Node::Link(
                    std::fs::read_link(entry.path()).unwrap_or_default().to_string_lossy().into(),
                )
            } else if kind.is_fifo() || kind.is_char_device() || kind.is_socket() {
                Node::Special
            } else {
                Node::File(mode, std::fs::read(entry.path()).unwrap_or_default())
            };
            self.0.insert(name, node);
        }
    }

    /// The names of all files.
    pub fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// The objects of a build, but for those of cmake's look at the compiler: they lie in
    /// directories with random names.
    pub fn objects(self) -> Self {
        let is_object = |name: &str| {
            name.ends_with(".o")
                && !["CMakeTmp", "CMakeScratch", "CompilerId"]
                    .iter()
                    .any(|probe| name.contains(probe))
        };
        Self(self.0.into_iter().filter(|(name, _)| is_object(name)).collect())
    }

    /// What differs from `expected`, a line for each name; `same` judges two unequal files.
    pub fn differences(
        &self,
        expected: &Self,
        same: impl Fn(&str, &Node, &Node) -> bool,
    ) -> String {
        let mut lines = String::new();
        for (name, node) in &self.0 {
            match expected.0.get(name) {
                None => lines += &format!("  {name}: not there in a local run: {node:?}\n"),
                Some(other) if other == node || same(name, node, other) => {}
                Some(other) => lines += &format!("  {name}: {node:?}\n    locally: {other:?}\n"),
            }
        }
        for (name, node) in expected.0.iter().filter(|(name, _)| !self.0.contains_key(*name)) {
            lines += &format!("  {name}: missing; locally: {node:?}\n");
        }
        lines
    }
}

/// Whether two objects hold the same code and data, debug information apart.
pub fn same_code(one: &Node, other: &Node) -> bool {
    same_without("objcopy", "--strip-debug", one, other)
}

/// Whether two objects or programs are the same apart from what this option of `objcopy`, which may
/// be another machine's, takes out.
pub fn same_without(objcopy: &str, option: &str, one: &Node, other: &Node) -> bool {
    let (Node::File(mode, one), Node::File(other_mode, other)) = (one, other) else {
        return false;
    };
    mode == other_mode && without(objcopy, option, one) == without(objcopy, option, other)
}

fn without(objcopy: &str, option: &str, object: &[u8]) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("object.o");
    std::fs::write(&path, object).unwrap();
    let status = Command::new(objcopy).arg(option).arg(&path).status().unwrap();
    assert!(status.success(), "{objcopy} failed");
    std::fs::read(&path).unwrap()
}
