//! Full compiler names: what to ask a volunteer for, so that it takes the right compiler.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::base::disk::Disk;
use crate::compiler::language::base_name;
use crate::compiler::unit::{Family, TranslationUnit, family_of};

/// The names to ask for, the best first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentNames {
    /// With the target triple, where this machine has the compiler under such a name.
    pub full: OsString,
    /// The bare name as it was called; for a volunteer that does not list the full name.
    pub plain: OsString,
    /// The value of `-target` to add, for clang without one.
    pub clang_target: Option<OsString>,
}

impl SentNames {
    /// Adds to a command line for a volunteer what makes its compiler take our machine for target.
    pub fn add_target(&self, words: &mut Vec<OsString>) {
        if let Some(target) = &self.clang_target {
            words.extend([OsString::from("-target"), target.clone()]);
        }
    }
}

/// Finds the names for the unit's compiler on `path` (masquerade directories left out).
///
/// As distcc 3.4 does it: `cc` and `c++` by the program that they are a link to; clang by its bare
/// name and a `-target`; gcc by `TRIPLE-NAME` for the first of `triples` that `path` has it under.
/// A name with a slash is left alone, except that its `plain` form is the base name.
///
/// `foreign` is the triple of a compiler that is for another machine than this one, under a name
/// of this machine's own: no name on `path` says what it is.
pub fn sent_names(
    unit: &TranslationUnit,
    path: &[PathBuf],
    disk: &dyn Disk,
    triples: &[&str],
    foreign: Option<&str>,
) -> SentNames {
    let bare = OsStr::from_bytes(base_name(&unit.compiler)).to_owned();
    if bare != unit.compiler {
        return SentNames { full: unit.compiler.clone(), plain: bare, clang_target: None };
    }
    let name = real_name(&bare, path, disk).unwrap_or(bare);
    if is_versioned(&name, &["clang", "clang++"]) {
        let has_target = unit.words.iter().any(|word| {
            word.text == "-target" || word.starts_with("--target") || word.text == "-arch"
        });
        let triple = foreign.or(triples.first().copied());
        let clang_target = triple.filter(|_| !has_target).map(OsString::from);
        return SentNames { full: name.clone(), plain: name, clang_target };
    }
    if !is_versioned(&name, &["gcc", "g++", "cc", "c++"]) {
        return SentNames { full: name.clone(), plain: name, clang_target: None };
    }
    let full = match foreign {
        Some(triple) => Some(prefixed(triple, &name)),
        None => {
            let mut names = triples.iter().map(|triple| prefixed(triple, &name));
            names.find(|full| on_path(full, path, disk).is_some())
        }
    };
    SentNames { full: full.unwrap_or_else(|| name.clone()), plain: name, clang_target: None }
}

/// Whose options a compiler reads: told by its name, and for `cc` and `c++` by the program that
/// they are a link to.
pub fn family(compiler: &OsStr, path: &[PathBuf], disk: &dyn Disk) -> Family {
    let real = real_name(compiler, path, disk);
    family_of(real.as_deref().unwrap_or(compiler))
}

/// `gcc`, `g++`, `clang` or `clang++` for a `cc` or `c++` that is a link to it, perhaps by way of
/// `/etc/alternatives`.
fn real_name(compiler: &OsStr, path: &[PathBuf], disk: &dyn Disk) -> Option<OsString> {
    let known = match base_name(compiler) {
        b"cc" => ["gcc", "clang"],
        b"c++" => ["g++", "clang++"],
        _ => return None,
    };
    let found = if compiler.as_bytes().contains(&b'/') {
        PathBuf::from(compiler)
    } else {
        on_path(compiler, path, disk)?
    };
    let mut target = disk.link_target(&found)?;
    if target.starts_with("/etc/alternatives") {
        target = disk.link_target(&target)?;
    }
    let name = target.file_name()?;
    known.into_iter().find(|known| name == *known).map(OsString::from)
}

/// Directories of PATH without those that hold nothing but links to us.
pub fn search_path(path: &OsStr) -> Vec<PathBuf> {
    path.as_bytes()
        .split(|&byte| byte == b':')
        .map(|entry| PathBuf::from(OsStr::from_bytes(entry)))
        .filter(|entry| !is_masquerade(entry))
        .collect()
}

/// The first executable called `name` on `path`.
pub fn on_path(name: &OsStr, path: &[PathBuf], disk: &dyn Disk) -> Option<PathBuf> {
    path.iter()
        .filter(|dir| !is_masquerade(dir))
        .map(|dir| dir.join(name))
        .find(|file| disk.is_executable(file))
}

fn is_masquerade(dir: &Path) -> bool {
    dir.as_os_str().as_bytes().windows(6).any(|part| part == b"distcc")
}

/// Whether `name` is one of `names`, perhaps with `-VERSION` after it.
fn is_versioned(name: &OsStr, names: &[&str]) -> bool {
    names.iter().any(|known| {
        name.as_bytes()
            .strip_prefix(known.as_bytes())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"-"))
    })
}

fn prefixed(triple: &str, name: &OsStr) -> OsString {
    let mut full = OsString::from(triple);
    full.push("-");
    full.push(name);
    full
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::disk::MemoryDisk;
    use crate::compiler::scan::{Plan, Surroundings, scan};

    const TRIPLES: &[&str] = &["x86_64-pc-linux-gnu", "x86_64-linux-gnu"];

    fn names(line: &str, files: &[&str], links: &[(&str, &str)]) -> (String, String, String) {
        names_for(line, files, links, None)
    }

    fn names_for(
        line: &str,
        files: &[&str],
        links: &[(&str, &str)],
        foreign: Option<&str>,
    ) -> (String, String, String) {
        let disk = MemoryDisk {
            files: files.iter().map(|file| (PathBuf::from(file), Vec::new())).collect(),
            links: links.iter().map(|(from, to)| (from.into(), to.into())).collect(),
        };
        let path = ["/usr/lib/distcc/bin", "/usr/local/bin", "/usr/bin"].map(PathBuf::from);
        let argv: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let around = Surroundings { cwd: Path::new("/w"), path: &path, disk: &disk };
        let Plan::Distribute(unit) = scan(&argv, &around) else { panic!("{line} is local") };
        let names = sent_names(&unit, &path, &disk, TRIPLES, foreign);
        let text = |name: &OsStr| name.to_string_lossy().into_owned();
        let target = names.clang_target.as_deref().map(text).unwrap_or_default();
        (text(&names.full), text(&names.plain), target)
    }

    fn expect(line: &str, files: &[&str], links: &[(&str, &str)], expected: [&str; 3]) {
        let expected = expected.map(str::to_owned).into();
        assert_eq!(names(line, files, links), expected, "{line}");
    }

    #[test]
    fn gcc_gets_the_first_triple_that_path_has() {
        let arch = "/usr/bin/x86_64-pc-linux-gnu-gcc";
        let debian = "/usr/bin/x86_64-linux-gnu-gcc";
        expect("gcc -c t.c", &[arch], &[], ["x86_64-pc-linux-gnu-gcc", "gcc", ""]);
        expect("gcc -c t.c", &[debian], &[], ["x86_64-linux-gnu-gcc", "gcc", ""]);
        expect("gcc -c t.c", &[debian, arch], &[], ["x86_64-pc-linux-gnu-gcc", "gcc", ""]);
        expect("gcc -c t.c", &[], &[], ["gcc", "gcc", ""]);
        expect("gcc-12 -c t.c", &[arch], &[], ["gcc-12", "gcc-12", ""]);
        expect("gccgo -c t.c", &["/usr/bin/x86_64-linux-gnu-gccgo"], &[], ["gccgo", "gccgo", ""]);
    }

    #[test]
    fn compiler_of_another_machine_is_asked_for_by_that_machine() {
        let host = "/usr/bin/x86_64-linux-gnu-gcc";
        let arm = "armv7l-unknown-linux-gnueabihf";
        for name in ["gcc", "g++", "cc", "c++", "gcc-12", "g++-12.2.0"] {
            let (full, plain, _) = names_for(&format!("{name} -c t.c"), &[host], &[], Some(arm));
            assert_eq!((full, plain), (format!("{arm}-{name}"), name.to_owned()));
        }
        let clang = names_for("clang -c t.c", &[host], &[], Some(arm));
        assert_eq!(clang, ("clang".to_owned(), "clang".to_owned(), arm.to_owned()));
        let named = names_for("arm-linux-gnueabihf-gcc -c t.c", &[host], &[], Some(arm));
        assert_eq!(named.0, "arm-linux-gnueabihf-gcc");
    }

    #[test]
    fn masquerade_directories_hold_no_real_compiler() {
        let ours = "/usr/lib/distcc/bin/x86_64-pc-linux-gnu-gcc";
        expect("gcc -c t.c", &[ours], &[], ["gcc", "gcc", ""]);
    }

    #[test]
    fn clang_gets_a_target_unless_it_has_one() {
        expect("clang -c t.c", &[], &[], ["clang", "clang", TRIPLES[0]]);
        expect("clang++-14 -c t.cc", &[], &[], ["clang++-14", "clang++-14", TRIPLES[0]]);
        expect("clang --target=arm-linux-gnueabi -c t.c", &[], &[], ["clang", "clang", ""]);
        expect("clang -target arm-linux-gnueabi -c t.c", &[], &[], ["clang", "clang", ""]);
    }

    #[test]
    fn cc_is_what_it_links_to() {
        let full = "/usr/bin/x86_64-linux-gnu-gcc";
        let direct = ("/usr/bin/cc", "gcc");
        expect("cc -c t.c", &[full], &[direct], ["x86_64-linux-gnu-gcc", "gcc", ""]);
        let alternatives = [
            ("/usr/bin/c++", "/etc/alternatives/c++"),
            ("/etc/alternatives/c++", "/usr/bin/clang++"),
        ];
        expect("c++ -c t.cc", &[], &alternatives, ["clang++", "clang++", TRIPLES[0]]);
        expect("cc -c t.c", &[full], &[], ["cc", "cc", ""]);
        // Arch's c++ is no link, and has a full name of its own.
        let cxx = "/usr/bin/x86_64-pc-linux-gnu-c++";
        expect("c++ -c t.cc", &[cxx], &[], ["x86_64-pc-linux-gnu-c++", "c++", ""]);
    }

    #[test]
    fn name_with_a_slash_is_sent_as_it_is_or_without_its_directory() {
        expect("/usr/bin/gcc -c t.c", &[], &[], ["/usr/bin/gcc", "gcc", ""]);
        expect("../bin/clang -c t.c", &[], &[], ["../bin/clang", "clang", ""]);
    }
}
