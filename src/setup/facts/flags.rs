//! The compiler's flags that a build would use, and which of them keep a compile here.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::base::disk::MemoryDisk;
use crate::compiler::options::stays::Stays;
use crate::compiler::reason::Reason;
use crate::compiler::scan::{Plan, Surroundings, scan};
use crate::setup::facts::Facts;

/// The options that can have the value `native`.
const NATIVE_OPTIONS: [&str; 3] = ["-march", "-mtune", "-mcpu"];
/// The most flags of one variable that are reported.
const MOST_REASONS: usize = 32;

/// A flag that keeps units here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalFlag {
    /// The variable that has it.
    pub variable: &'static str,
    /// The flag.
    pub flag: String,
    /// Why.
    pub reason: Reason,
}

/// The variables whose flags reach the compiler of a C or C++ unit, each with that compiler.
pub fn variables(facts: &Facts) -> Vec<(&'static str, &'static str)> {
    let mut all = vec![("CPPFLAGS", "gcc"), ("CFLAGS", "gcc"), ("CXXFLAGS", "g++")];
    if facts.has_option("lto") {
        all.push(("LTOFLAGS", "gcc"));
    }
    if facts.has_option("debug") {
        all.extend([("DEBUG_CFLAGS", "gcc"), ("DEBUG_CXXFLAGS", "g++")]);
    }
    // makepkg sets neither, so only an exported one reaches a build.
    for (variable, compiler) in [("CC", "gcc"), ("CXX", "g++")] {
        if facts.configuration.variables.get(variable).is_some_and(|found| found.exported) {
            all.push((variable, compiler));
        }
    }
    all
}

/// The flags in a variable: its words, less the compiler in CC and CXX.
pub fn words(facts: &Facts, variable: &str) -> Vec<String> {
    let text = facts.configuration.text(variable).unwrap_or_default();
    let skip = usize::from(matches!(variable, "CC" | "CXX"));
    text.split_whitespace().skip(skip).map(str::to_owned).collect()
}

/// Every flag that keeps units here, each once for each of its variables.
pub fn local_flags(facts: &Facts) -> Vec<LocalFlag> {
    if facts.configuration.option("OPTIONS", "buildflags") == Some(false) {
        return Vec::new();
    }
    let of = |(variable, compiler)| {
        let reasons = local_reasons(compiler, words(facts, variable)).into_iter();
        reasons.map(move |(flag, reason)| LocalFlag { variable, flag, reason })
    };
    variables(facts).into_iter().flat_map(of).collect()
}

/// The flags with which the client would compile here, and its reasons.
pub fn local_reasons(compiler: &str, mut flags: Vec<String>) -> Vec<(String, Reason)> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    while found.len() < MOST_REASONS
        && let Some(reason) = reason(compiler, &flags)
    {
        let Some(word) = blamed(&reason).map(|word| word.to_string_lossy().into_owned()) else {
            break;
        };
        let before = flags.len();
        // Some reasons name an option with its value, or all options for an inner program.
        let parts: Vec<&str> = word.split(' ').collect();
        flags.retain(|flag| *flag != word && !parts.contains(&flag.as_str()));
        if flags.len() == before {
            // `-Wa,-a` is named by what is inside.
            flags.retain(|flag| !flag.split(',').any(|part| parts.contains(&part)));
        }
        if seen.insert(word.clone()) {
            found.push((word, reason));
        }
        if flags.len() == before {
            break;
        }
    }
    found
}

fn reason(compiler: &str, flags: &[String]) -> Option<Reason> {
    let words = [compiler].into_iter().chain(flags.iter().map(String::as_str));
    let argv: Vec<OsString> = words.chain(["-c", "x.c"]).map(OsString::from).collect();
    let disk = MemoryDisk::default();
    let around = Surroundings { cwd: Path::new("/"), path: &[], disk: &disk };
    match scan(&argv, &around) {
        Plan::Distribute(_) => None,
        Plan::Local(reason) => Some(reason),
    }
}

/// The word that a reason blames; `-E` has no other.
fn blamed(reason: &Reason) -> Option<&OsStr> {
    match reason {
        Reason::CppOnly => Some(OsStr::new("-E")),
        Reason::Option(_, word)
        | Reason::UnknownOption(word)
        | Reason::MissingValue(word)
        | Reason::LinkerInput(word)
        | Reason::Language(word)
        | Reason::LanguageName(word)
        | Reason::SeveralOutputs(word)
        | Reason::DependencyUnclear(word)
        | Reason::ResponseFile(word)
        | Reason::RefusedByStock(word) => Some(word),
        _ => None,
    }
}

/// Whether the reason is a flag that means this machine's processor.
pub fn is_native(reason: &Reason) -> bool {
    matches!(reason, Reason::Option(Stays::Native, _))
}

/// Whether the reason is `-flto` without a value.
pub fn is_plain_lto(reason: &Reason) -> bool {
    matches!(reason, Reason::Option(Stays::PlainLto, _))
}

/// The native flags in a line of text: option and value joined by `=`, wherever they stand.
pub fn native_in(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("=native") {
        let Some(before) = text.get(..at) else { continue };
        let option = NATIVE_OPTIONS.iter().find(|option| before.ends_with(*option));
        let after = text.get(at + "=native".len()..).and_then(|rest| rest.chars().next());
        let ends = !after.is_some_and(|letter| letter.is_alphanumeric() || "-_+".contains(letter));
        if let Some(option) = option.filter(|_| ends) {
            let start = at - option.len();
            found.push((start, text.get(start..at + "=native".len()).unwrap_or_default()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(text: &str) -> Vec<String> {
        let flags = text.split(' ').map(str::to_owned).collect();
        local_reasons("gcc", flags).into_iter().map(|(flag, _)| flag).collect()
    }

    #[test]
    fn every_flag_that_stays_is_named_once() {
        let arch = "-march=x86-64 -mtune=generic -O2 -pipe -fno-plt -fexceptions \
                    -Wp,-D_FORTIFY_SOURCE=3 -Wformat -Werror=format-security \
                    -fstack-clash-protection -fcf-protection -flto=auto -g";
        assert_eq!(flags(&arch.split_whitespace().collect::<Vec<_>>().join(" ")), [""; 0]);
        let found = flags("-march=native -O2 --coverage -fplugin=x.so --coverage -save-temps");
        assert_eq!(found, ["-march=native", "--coverage", "-fplugin=x.so", "-save-temps"]);
        assert_eq!(flags("-flto -mcpu=native"), ["-flto", "-mcpu=native"]);
    }

    #[test]
    fn odd_words_come_to_an_end() {
        let odd = ["-E -Wa,-a -Xclang -load", "x.o", "@file -o a -o b", "-Wp,-x"];
        for odd in odd {
            assert!(!flags(odd).is_empty(), "{odd}");
        }
    }

    #[test]
    fn native_flags_are_found_in_any_text() {
        let text = "CFLAGS+=' -march=native'; x -mcpu=native2 --with-arch=native -mtune=native";
        let found: Vec<_> = native_in(text).into_iter().map(|(_, flag)| flag).collect();
        assert_eq!(found, ["-march=native", "-mtune=native"]);
    }
}
