//! Whether objects from volunteers equal those of a local build.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::base::disk::{Disk, RealDisk};
use crate::setup::trial::elf::{self, Section};

/// The largest file that is compared.
const LIMIT: u64 = 1 << 30;

/// How two objects compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// They are the same bytes.
    Identical,
    /// Only debug information differs: code, data, relocations and symbols are the same.
    DebugInfo,
    /// More differs: what.
    Differs(String),
}

/// What comparing two build trees found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    /// How many objects are the same bytes.
    pub identical: usize,
    /// How many differ in debug information only.
    pub debug_only: usize,
    /// How many dependency files are the same bytes.
    pub dependency_files: usize,
    /// What differs, and how; objects and dependency files.
    pub differing: Vec<(PathBuf, String)>,
}

impl Comparison {
    /// How many objects were compared.
    pub(super) fn objects(&self) -> usize {
        let is_object = |(path, _): &&(PathBuf, String)| !is_dependency_file(path);
        self.identical + self.debug_only + self.differing.iter().filter(is_object).count()
    }

    fn add(&mut self, path: &Path, verdict: Verdict) {
        match verdict {
            Verdict::Identical if is_dependency_file(path) => self.dependency_files += 1,
            Verdict::Identical => self.identical += 1,
            Verdict::DebugInfo => self.debug_only += 1,
            Verdict::Differs(what) => self.differing.push((path.to_owned(), what)),
        }
    }
}

fn is_dependency_file(path: &Path) -> bool {
    path.extension().is_some_and(|suffix| suffix == "d")
}

/// Compares every object and dependency file below two directories.
///
/// # Errors
///
/// What listing or reading met.
pub(super) fn trees(distributed: &Path, local: &Path) -> io::Result<Comparison> {
    let mut comparison = Comparison::default();
    let mut paths = BTreeSet::new();
    collect(distributed, Path::new(""), &mut paths)?;
    collect(local, Path::new(""), &mut paths)?;
    for path in paths {
        let (ours, theirs) = (distributed.join(&path), local.join(&path));
        let verdict = match (ours.exists(), theirs.exists()) {
            (true, true) => {
                let (ours, theirs) = (RealDisk.read(&ours, LIMIT)?, RealDisk.read(&theirs, LIMIT)?);
                objects(&ours, &theirs)
            }
            (true, false) => Verdict::Differs("a local build does not make it".to_owned()),
            (false, _) => Verdict::Differs("only the local build made it".to_owned()),
        };
        comparison.add(&path, verdict);
    }
    Ok(comparison)
}

/// The objects and dependency files below `top/below`, by their path from `top`.
fn collect(top: &Path, below: &Path, found: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(top.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            collect(top, &path, found)?;
        } else if path.extension().is_some_and(|suffix| suffix == "o" || suffix == "d") {
            found.insert(path);
        }
    }
    Ok(())
}

/// Compares two objects.
pub(super) fn objects(ours: &[u8], local: &[u8]) -> Verdict {
    if ours == local {
        return Verdict::Identical;
    }
    let (Some(our_sections), Some(local_sections)) = (elf::sections(ours), elf::sections(local))
    else {
        return Verdict::Differs("its bytes differ".to_owned());
    };
    let (our_code, local_code) = (that_matter(&our_sections), that_matter(&local_sections));
    let names = |sections: &[&Section<'_>]| -> Vec<Vec<u8>> {
        sections.iter().map(|section| section.name.to_vec()).collect()
    };
    if names(&our_code) != names(&local_code) {
        return Verdict::Differs("it has other sections".to_owned());
    }
    let differing = our_code.iter().zip(&local_code).find(|(ours, local)| {
        (ours.kind, ours.flags, ours.size, ours.content)
            != (local.kind, local.flags, local.size, local.content)
    });
    if let Some((section, _)) = differing {
        return Verdict::Differs(format!("its {} differs", String::from_utf8_lossy(section.name)));
    }
    if elf::symbols(ours, &our_sections) != elf::symbols(local, &local_sections) {
        return Verdict::Differs("its symbols differ".to_owned());
    }
    Verdict::DebugInfo
}

/// The sections that debug information has no part in; symbols and names are compared apart.
fn that_matter<'a, 'b>(sections: &'b [Section<'a>]) -> Vec<&'b Section<'a>> {
    let tables: [&[u8]; 3] = [b".symtab", b".strtab", b".shstrtab"];
    sections.iter().filter(|s| !tables.contains(&s.name) && !is_debug(s.name)).collect()
}

fn is_debug(name: &[u8]) -> bool {
    let name = [b".rela".as_slice(), b".rel"]
        .iter()
        .find_map(|prefix| name.strip_prefix(*prefix).filter(|rest| rest.starts_with(b".")))
        .unwrap_or(name);
    name.starts_with(b".debug_") || name.starts_with(b".zdebug_")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::base::replace;

    const SOURCE: &str = "#define TWICE(x) ((x) + (x))\n\
                          int kept = 3;\nint twice(int n) { return TWICE(n) + kept; }\n";

    /// What gcc makes of `source` with `flags`.
    fn compiled(source: &str, flags: &[&str]) -> Vec<u8> {
        let dir = tempfile::tempdir().unwrap();
        let (source_path, object) = (dir.path().join("a.c"), dir.path().join("a.o"));
        replace::write(&source_path, source.as_bytes(), 0o666).unwrap();
        let mut gcc = Command::new("gcc");
        gcc.current_dir(dir.path()).args(flags).args(["-c", "-o", "a.o", "a.c"]);
        assert!(gcc.status().unwrap().success());
        RealDisk.read(&object, LIMIT).unwrap()
    }

    #[test]
    fn the_same_compile_is_identical() {
        assert_eq!(objects(&compiled(SOURCE, &[]), &compiled(SOURCE, &[])), Verdict::Identical);
    }

    #[test]
    fn another_directory_changes_debug_information_only() {
        let (one, two) = (compiled(SOURCE, &["-g"]), compiled(SOURCE, &["-g"]));
        assert_eq!(objects(&one, &two), Verdict::DebugInfo);
    }

    #[test]
    fn other_code_is_told_from_other_debug_information() {
        let other = SOURCE.replace("+ (x)", "+ 9 + (x)");
        let verdict = objects(&compiled(SOURCE, &["-g"]), &compiled(&other, &["-g"]));
        assert_eq!(verdict, Verdict::Differs("its .text differs".to_owned()));
    }

    #[test]
    fn other_data_is_a_difference() {
        let other = SOURCE.replace("= 3", "= 4");
        let verdict = objects(&compiled(SOURCE, &["-g"]), &compiled(&other, &["-g"]));
        assert_eq!(verdict, Verdict::Differs("its .data differs".to_owned()));
    }

    #[test]
    fn another_name_is_a_difference() {
        let other = SOURCE.replace("kept", "held");
        let verdict = objects(&compiled(SOURCE, &[]), &compiled(&other, &[]));
        assert_eq!(verdict, Verdict::Differs("its symbols differ".to_owned()));
    }

    #[test]
    fn one_more_section_is_a_difference() {
        let (one, two) = (compiled(SOURCE, &[]), compiled(SOURCE, &["-ffunction-sections"]));
        assert_eq!(objects(&one, &two), Verdict::Differs("it has other sections".to_owned()));
    }

    #[test]
    fn files_that_are_no_objects_are_compared_as_bytes() {
        assert_eq!(objects(b"a.o: a.c", b"a.o: a.c"), Verdict::Identical);
        let verdict = objects(b"a.o: a.c", b"b.o: a.c");
        assert_eq!(verdict, Verdict::Differs("its bytes differ".to_owned()));
    }

    #[test]
    fn relocations_of_debug_sections_are_debug_information() {
        for name in [".debug_info", ".rela.debug_line", ".rel.debug_str", ".zdebug_info"] {
            assert!(is_debug(name.as_bytes()), "{name}");
        }
        for name in [".text", ".rela.text", ".relro", ".comment", ".eh_frame"] {
            assert!(!is_debug(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn trees_are_compared_file_by_file() {
        let dir = tempfile::tempdir().unwrap();
        let (ours, local) = (dir.path().join("ours"), dir.path().join("local"));
        for top in [&ours, &local] {
            std::fs::create_dir_all(top.join("deep")).unwrap();
            replace::write(&top.join("deep/a.o"), b"same", 0o666).unwrap();
            replace::write(&top.join("deep/a.d"), b"a.o: a.c", 0o666).unwrap();
            replace::write(&top.join("note.txt"), top.as_os_str().as_encoded_bytes(), 0o666)
                .unwrap();
        }
        replace::write(&ours.join("b.o"), b"1", 0o666).unwrap();
        replace::write(&local.join("b.o"), b"2", 0o666).unwrap();
        replace::write(&ours.join("stray.o"), b"1", 0o666).unwrap();
        replace::write(&local.join("lost.o"), b"1", 0o666).unwrap();
        let found = trees(&ours, &local).unwrap();
        assert_eq!((found.identical, found.debug_only, found.dependency_files), (1, 0, 1));
        let named: Vec<_> =
            found.differing.iter().map(|(path, _)| path.to_str().unwrap()).collect();
        assert_eq!(named, ["b.o", "lost.o", "stray.o"]);
    }
}
