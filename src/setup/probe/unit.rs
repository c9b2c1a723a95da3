//! What volunteers are given to compile: a tiny unit in C or C++, and one that takes a while.

use std::ffi::OsString;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::base::disk::RealDisk;
use crate::base::version;
use crate::compiler::rewrite;
use crate::compiler::scan::{Plan, Surroundings, scan};
use crate::compiler::target::{self, SentNames};
use crate::compiler::unit::TranslationUnit;
use crate::targets;

/// The tiny unit: valid C and C++, needs no header.
pub const TINY: &[u8] = b"int distcc_setup_probe(int n)\n{\n    return n + 1;\n}\n";

/// Functions in the reference unit: gcc takes some 100 ms for them on a machine of the 2020s.
const FUNCTIONS: u32 = 10;
/// Declarations before them, as headers have: some 300 KiB, so that a slow network and a disk that
/// is almost full are felt as in a build.
const DECLARATIONS: u32 = 4000;

/// One of the functions; the words in capitals are numbers.
const FUNCTION: &str = "\
word mixNUMBER(word *t, word n) {
    word a = ODD, b = n, i, k;
    for (i = 0; i < n; i++) {
        for (k = 0; k < 8; k++) {
            a = (a << SHIFT) ^ (a >> BACK) ^ t[(i + k) & 63];
            b += a * ODD + (b ^ k);
            t[(a + k) & 63] ^= b;
        }
        switch (a & 7) {
        case 0: b ^= i; break;
        case 1: b += t[b & 63]; break;
        case 2: a -= b; break;
        case 5: a *= ODD; break;
        case 6: t[i & 63] = a / (b | 1); break;
        default: b = (b >> 3) | (b << 29);
        }
    }
    return a ^ b;
}
";

/// How a compiler is asked for one unit: as the client would ask for it in a build.
#[derive(Clone, Debug)]
pub struct Request {
    unit: TranslationUnit,
    /// The names under which volunteers may know the compiler.
    pub names: SentNames,
}

impl Request {
    /// The compile of a unit by the compiler called `name`, found on `path`, with `flags`; `None`
    /// where the client would never send it anywhere. `foreign` is the triple of a compiler that
    /// is for another machine than this one.
    pub fn new(
        name: &str,
        flags: &[&str],
        path: &[PathBuf],
        foreign: Option<&str>,
    ) -> Option<Self> {
        let argv: Vec<OsString> = std::iter::once(name)
            .chain(["-O2"])
            .chain(flags.iter().copied())
            .chain(["-c", source_name(name), "-o", "distcc-setup-probe.o"])
            .map(OsString::from)
            .collect();
        let around = Surroundings { cwd: Path::new("/"), path, disk: &RealDisk };
        let Plan::Distribute(unit) = scan(&argv, &around) else { return None };
        let machines = version::machines();
        let own = targets::of_triple(version::MACHINE);
        let mut triples: Vec<&str> = machines.iter().map(String::as_str).collect();
        triples.extend(own.iter().map(|own| own.triple).filter(|one| *one != version::MACHINE));
        let names = target::sent_names(&unit, path, &RealDisk, &triples, foreign);
        Some(Self { unit: *unit, names })
    }

    /// The words for a volunteer, by the full name or the plain one.
    pub fn words(&self, plain: bool) -> Vec<OsString> {
        let name = if plain { &self.names.plain } else { &self.names.full };
        let mut words = rewrite::volunteer(&self.unit, name, Path::new("/"));
        self.names.add_target(&mut words);
        words
    }

    /// Whether there are two names to ask by.
    pub fn has_two_names(&self) -> bool {
        self.names.full != self.names.plain
    }
}

/// The name of the source for a compiler: a C++ driver gets C++.
pub fn source_name(compiler: &str) -> &'static str {
    if compiler.contains("++") { "distcc-setup-probe.cc" } else { "distcc-setup-probe.c" }
}

/// The reference unit: always the same text, which an optimiser has some work with.
pub fn reference() -> Vec<u8> {
    let mut text = String::from("typedef unsigned int word;\n");
    for number in 1..=DECLARATIONS {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "extern word declared{number}(const char *name, word *table, word flags{number});"
        );
    }
    for number in 1..=FUNCTIONS {
        let shift = number % 13 + 3;
        let function = FUNCTION
            .replace("NUMBER", &number.to_string())
            .replace("ODD", &format!("{}u", (number * 2_654_435) | 1))
            .replace("SHIFT", &shift.to_string())
            .replace("BACK", &(32 - shift).to_string());
        text += &function;
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(words: &[OsString]) -> String {
        words.join(" ".as_ref()).into_string().unwrap()
    }

    #[test]
    fn volunteers_are_asked_as_in_a_build() {
        let path = [PathBuf::from("/nowhere")];
        let request = Request::new("gcc", &[], &path, None).unwrap();
        let line = "gcc -O2 -c distcc-setup-probe.c -o distcc-setup-probe.o";
        assert_eq!(text(&request.words(true)), line);
        assert!(!request.has_two_names());
        let arm = "arm-unknown-linux-gnueabihf";
        let request = Request::new("gcc", &[], &path, Some(arm)).unwrap();
        assert!(text(&request.words(false)).starts_with("arm-unknown-linux-gnueabihf-gcc -O2 "));
        let request = Request::new("clang++", &["-flto=auto"], &path, None).unwrap();
        let line = format!(
            "clang++ -O2 -flto=auto -c distcc-setup-probe.cc -o distcc-setup-probe.o -target {}",
            version::MACHINE
        );
        assert_eq!(text(&request.words(false)), line);
    }

    #[test]
    fn what_stays_here_in_a_build_is_no_probe() {
        assert!(Request::new("gcc", &["-march=native"], &[], None).is_none());
    }

    #[test]
    fn the_reference_unit_is_as_long_as_units_are() {
        let unit = reference();
        assert!((200_000..500_000).contains(&unit.len()), "{}", unit.len());
        assert_eq!(unit, reference());
    }
}
