//! How distcc was called: with one of its own options, with a command, or as a compiler.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::compiler::language;

/// What a call of distcc asks for. Source: reference client of 3.4, by experiment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invocation {
    /// `distcc --help`.
    Help,
    /// `distcc --version`.
    Version,
    /// `distcc --show-hosts`: one host spec a line.
    ShowHosts,
    /// `distcc -j`: the sum of all slots.
    Slots,
    /// `distcc --scan-includes COMMAND…`.
    ScanIncludes(Vec<OsString>),
    /// `distcc --explain COMMAND…`: the plan, without carrying it out.
    Explain(Vec<OsString>),
    /// `distcc`, or an option of ours without the command it needs.
    MissingOperand,
    /// A command to run.
    Compile {
        /// The command; the first word is the compiler as it was called (its base name where
        /// distcc masquerades as it, `cc` where none was named).
        argv: Vec<OsString>,
        /// We were called by the compiler's name.
        masquerade: bool,
    },
}

/// Reads the words that distcc was started with, its own name first.
pub fn read(argv: &[OsString]) -> Invocation {
    let Some((name, operands)) = argv.split_first() else {
        return Invocation::MissingOperand;
    };
    let base = language::base_name(name);
    if !base.windows(6).any(|part| part == b"distcc") {
        let compiler = OsStr::from_bytes(base).to_owned();
        return compile(compiler, operands, true);
    }
    let Some((first, rest)) = operands.split_first() else {
        return Invocation::MissingOperand;
    };
    match first.as_bytes() {
        b"--help" => Invocation::Help,
        b"--version" => Invocation::Version,
        b"--show-hosts" => Invocation::ShowHosts,
        b"-j" => Invocation::Slots,
        b"--scan-includes" | b"--explain" if rest.is_empty() => Invocation::MissingOperand,
        b"--scan-includes" => Invocation::ScanIncludes(command(rest)),
        b"--explain" => Invocation::Explain(command(rest)),
        _ => Invocation::Compile { argv: command(operands), masquerade: false },
    }
}

/// The command with `cc` put before it where it does not start with a compiler.
fn command(operands: &[OsString]) -> Vec<OsString> {
    let implicit = operands.first().is_some_and(|first| {
        first.as_bytes().starts_with(b"-")
            || first.as_bytes().ends_with(b".o")
            || language::by_suffix(first).is_some()
    });
    let compiler = implicit.then(|| OsString::from("cc"));
    compiler.into_iter().chain(operands.iter().cloned()).collect()
}

fn compile(compiler: OsString, operands: &[OsString], masquerade: bool) -> Invocation {
    let argv = std::iter::once(compiler).chain(operands.iter().cloned()).collect();
    Invocation::Compile { argv, masquerade }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    fn compiles(line: &str, expected: &str, masquerade: bool) {
        let argv = words(expected);
        assert_eq!(read(&words(line)), Invocation::Compile { argv, masquerade }, "{line}");
    }

    #[test]
    fn own_options_are_read_in_the_first_place_only() {
        assert_eq!(read(&words("distcc --help")), Invocation::Help);
        assert_eq!(read(&words("/usr/bin/distcc --version")), Invocation::Version);
        assert_eq!(read(&words("distcc --show-hosts")), Invocation::ShowHosts);
        assert_eq!(read(&words("distcc -j")), Invocation::Slots);
        compiles("distcc gcc --version", "gcc --version", false);
        compiles("distcc --bogus", "cc --bogus", false);
    }

    #[test]
    fn call_without_a_command_misses_its_operand() {
        for line in ["", "distcc", "distcc --scan-includes", "distcc --explain"] {
            assert_eq!(read(&words(line)), Invocation::MissingOperand, "{line}");
        }
    }

    #[test]
    fn command_without_a_compiler_is_for_cc() {
        compiles("distcc -c x.c", "cc -c x.c", false);
        compiles("distcc x.c -c", "cc x.c -c", false);
        compiles("distcc x.o -o x", "cc x.o -o x", false);
        assert_eq!(
            read(&words("distcc --scan-includes -c x.c")),
            Invocation::ScanIncludes(words("cc -c x.c"))
        );
    }

    #[test]
    fn any_other_name_than_distcc_is_a_masquerade() {
        compiles("gcc -c x.c", "gcc -c x.c", true);
        compiles("/usr/lib/distcc/bin/g++ x.cc -c", "g++ x.cc -c", true);
        compiles("gcc", "gcc", true);
        compiles("distcc-3.4 gcc -c x.c", "gcc -c x.c", false);
    }
}
