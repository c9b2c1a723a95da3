//! The option tables: one row per option, or per family of options with one prefix.
//!
//! [`find`] looks a word up in the table of the compiler's family and in the common one, and takes
//! the row with the longer name. What no row knows is for nobody to guess: it stays here, and a
//! volunteer refuses it.

mod clang;
mod common;
mod gcc;
pub mod shape;
pub mod stays;

use crate::compiler::options::shape::Row;
use crate::compiler::unit::Family;

/// The row for `word`, the one with the longest name that fits.
pub fn find(family: Family, word: &[u8]) -> Option<&'static Row> {
    let own = match family {
        Family::Gcc => gcc::ROWS,
        Family::Clang => clang::ROWS,
    };
    match (search(own, word), search(common::ROWS, word)) {
        (Some(own), Some(common)) if own.name.len() < common.name.len() => Some(common),
        (own, common) => own.or(common),
    }
}

/// What follows the row's name in `word`.
pub fn rest<'a>(row: &Row, word: &'a [u8]) -> &'a [u8] {
    word.get(row.name.len()..).unwrap_or_default()
}

/// Searches by halves for the last name not after `key`; where that name is no prefix of the word,
/// only prefixes of what both share are left to look for.
fn search(rows: &'static [Row], word: &[u8]) -> Option<&'static Row> {
    let mut key = word;
    while !key.is_empty() {
        let end = rows.partition_point(|row| row.name.as_bytes() <= key);
        let row = rows.get(end.checked_sub(1)?)?;
        let name = row.name.as_bytes();
        let shared = name.iter().zip(key).take_while(|(left, right)| left == right).count();
        if shared < name.len() {
            key = key.get(..shared)?;
        } else if row.shape.fits(rest(row, word)) {
            return Some(row);
        } else {
            key = key.get(..name.len().checked_sub(1)?)?;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::shape::{Kind, Shape};
    use super::stays::Stays;
    use super::*;

    fn name(family: Family, word: &str) -> Option<&'static str> {
        find(family, word.as_bytes()).map(|row| row.name)
    }

    #[test]
    fn every_table_is_sorted_and_has_no_name_twice() {
        for rows in [common::ROWS, gcc::ROWS, clang::ROWS] {
            for pair in rows.windows(2) {
                assert!(pair[0].name < pair[1].name, "{} {}", pair[0].name, pair[1].name);
            }
        }
    }

    #[test]
    fn every_name_is_an_option_and_finds_itself() {
        for (family, rows) in [(Family::Gcc, gcc::ROWS), (Family::Clang, clang::ROWS)] {
            for row in rows.iter().chain(common::ROWS) {
                assert!(row.name.starts_with('-') && row.name.len() > 1, "{}", row.name);
                assert_eq!(name(family, row.name), Some(row.name));
            }
        }
    }

    #[test]
    fn search_agrees_with_a_walk_over_all_rows() {
        let words = [
            "-",
            "-z",
            "-fopt-info-vec=x",
            "-fopt-info",
            "-Wp,-D",
            "-W",
            "-isystemx",
            "-include-pchx",
            "-MDx",
            "-MJx",
            "-mllvmx",
            "-mllvm=x",
            "--",
            "--std=c99",
            "-std",
            "",
            "-I",
            "-I-",
            "-I-x",
            "-dA",
            "-dAp",
            "-march=native",
            "-march=nativex",
            "-gz",
            "-xc",
        ];
        for rows in [common::ROWS, gcc::ROWS, clang::ROWS] {
            for word in words.iter().copied().chain(rows.iter().map(|row| row.name)) {
                let walked = rows
                    .iter()
                    .filter(|row| word.starts_with(row.name))
                    .filter(|row| row.shape.fits(&word.as_bytes()[row.name.len()..]))
                    .max_by_key(|row| row.name.len())
                    .map(|row| row.name);
                assert_eq!(search(rows, word.as_bytes()).map(|row| row.name), walked, "{word}");
            }
        }
    }

    #[test]
    fn longest_name_wins_and_flags_have_no_joined_value() {
        assert_eq!(name(Family::Gcc, "-fopt-info-vec"), Some("-fopt-info"));
        assert_eq!(name(Family::Clang, "-include-pch"), Some("-include-pch"));
        assert_eq!(name(Family::Gcc, "-includex.h"), Some("-include"));
        assert_eq!(name(Family::Gcc, "-march=native"), Some("-march=native"));
        assert_eq!(name(Family::Gcc, "-march=nativeX"), Some("-march="));
        assert_eq!(name(Family::Gcc, "-MDx"), Some("-M"));
        assert_eq!(name(Family::Gcc, "-Xclang"), None);
        assert_eq!(name(Family::Gcc, "--plugin=x"), None);
    }

    #[test]
    fn separate_values_are_known() {
        let row = find(Family::Gcc, b"-aux-info").unwrap();
        assert_eq!((row.shape, row.kind), (Shape::Either, Kind::Stays(Stays::AuxInfo)));
        assert!(row.shape.takes_next(b"") && !row.shape.takes_next(b"x"));
    }

    #[test]
    fn every_reason_to_stay_has_its_own_counter_in_kebab_case() {
        let counters: std::collections::BTreeSet<_> =
            Stays::ALL.iter().map(|stays| stays.counter()).collect();
        assert_eq!(counters.len(), Stays::ALL.len());
        for counter in counters {
            assert!(counter.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'));
        }
    }
}
