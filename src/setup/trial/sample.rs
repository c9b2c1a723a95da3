//! The sample project, carried inside the program so that `try` works anywhere.

use std::fs::DirBuilder;
use std::io;
use std::path::Path;

use crate::base::replace;

/// A file of the sample: its path below the sample's top, and its content.
type Source = (&'static str, &'static str);

macro_rules! sources {
    ($($path:literal,)*) => {
        &[$(($path, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sample/", $path))),)*]
    };
}

/// Every file of `sample/`; a test compares the list with the directory.
const FILES: &[Source] = sources![
    "Makefile",
    "check/check.h",
    "check/codes.c",
    "check/containers.c",
    "check/main.c",
    "check/numbers.c",
    "check/reading.c",
    "check/text.c",
    "checkxx/algebra.cpp",
    "checkxx/expect.hpp",
    "checkxx/games.cpp",
    "checkxx/main.cpp",
    "checkxx/structures.cpp",
    "gen/maketables.c",
    "kit/arena.c",
    "kit/arena.h",
    "kit/base64.c",
    "kit/base64.h",
    "kit/bigint.c",
    "kit/bigint.h",
    "kit/bitset.c",
    "kit/bitset.h",
    "kit/chance.c",
    "kit/chance.h",
    "kit/crc32.c",
    "kit/crc32.h",
    "kit/csv.c",
    "kit/csv.h",
    "kit/date.c",
    "kit/date.h",
    "kit/distance.c",
    "kit/distance.h",
    "kit/expr.c",
    "kit/expr.h",
    "kit/glob.c",
    "kit/glob.h",
    "kit/hashmap.c",
    "kit/hashmap.h",
    "kit/ini.c",
    "kit/ini.h",
    "kit/json.c",
    "kit/json.h",
    "kit/matrix.c",
    "kit/matrix.h",
    "kit/pqueue.c",
    "kit/pqueue.h",
    "kit/primes.c",
    "kit/primes.h",
    "kit/ring.c",
    "kit/ring.h",
    "kit/roman.c",
    "kit/roman.h",
    "kit/runs.c",
    "kit/runs.h",
    "kit/sha256.c",
    "kit/sha256.h",
    "kit/sort.c",
    "kit/sort.h",
    "kit/strbuf.c",
    "kit/strbuf.h",
    "kit/token.c",
    "kit/token.h",
    "kit/trie.c",
    "kit/trie.h",
    "kit/utf8.c",
    "kit/utf8.h",
    "kit/wrap.c",
    "kit/wrap.h",
    "kitxx/calc.cpp",
    "kitxx/calc.hpp",
    "kitxx/collatz.cpp",
    "kitxx/collatz.hpp",
    "kitxx/diff.cpp",
    "kitxx/diff.hpp",
    "kitxx/format.cpp",
    "kitxx/format.hpp",
    "kitxx/graph.cpp",
    "kitxx/graph.hpp",
    "kitxx/interpolate.cpp",
    "kitxx/interpolate.hpp",
    "kitxx/intervals.cpp",
    "kitxx/intervals.hpp",
    "kitxx/life.cpp",
    "kitxx/life.hpp",
    "kitxx/lru.hpp",
    "kitxx/polynomial.hpp",
    "kitxx/ranking.cpp",
    "kitxx/ranking.hpp",
    "kitxx/rational.cpp",
    "kitxx/rational.hpp",
    "kitxx/schedule.cpp",
    "kitxx/schedule.hpp",
    "kitxx/shapes.cpp",
    "kitxx/shapes.hpp",
    "kitxx/statistics.cpp",
    "kitxx/statistics.hpp",
    "kitxx/sudoku.cpp",
    "kitxx/sudoku.hpp",
    "kitxx/treap.hpp",
    "kitxx/units.cpp",
    "kitxx/units.hpp",
    "kitxx/words.cpp",
    "kitxx/words.hpp",
];

/// Writes the sample into `dir`, which is made.
///
/// # Errors
///
/// What making a directory or a file met.
pub(super) fn unpack(dir: &Path) -> io::Result<()> {
    for (path, content) in FILES {
        let path = dir.join(path);
        if let Some(parent) = path.parent() {
            DirBuilder::new().recursive(true).create(parent)?;
        }
        replace::write(&path, content.as_bytes(), 0o666)?;
    }
    Ok(())
}

/// How many translation units the sample has; the generator, which is compiled and linked in one
/// call, is none of them.
pub(super) fn units() -> usize {
    let is_unit = |path: &str| path.ends_with(".c") || path.ends_with(".cpp");
    FILES.iter().filter(|(path, _)| is_unit(path) && !path.starts_with("gen/")).count()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true if path.ends_with("sample/build") => {}
                true => walk(&path, found),
                false => found.push(path),
            }
        }
    }

    #[test]
    fn every_file_of_the_directory_is_carried() {
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample");
        let mut on_disk = Vec::new();
        walk(&top, &mut on_disk);
        on_disk.sort();
        let mut carried: Vec<_> = FILES.iter().map(|(path, _)| top.join(path)).collect();
        carried.sort();
        assert_eq!(on_disk, carried);
    }

    #[test]
    fn files_stay_short_enough_to_read() {
        for (path, content) in FILES {
            assert!(content.lines().count() <= 120, "{path}");
        }
    }

    #[test]
    fn a_few_dozen_units_are_unpacked() {
        let dir = tempfile::tempdir().unwrap();
        unpack(dir.path()).unwrap();
        assert!((30..=60).contains(&units()), "{}", units());
        assert!(dir.path().join("kit/arena.c").is_file());
        assert!(dir.path().join("gen/maketables.c").is_file());
    }
}
