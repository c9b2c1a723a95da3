//! What the journal's reasons mean to a person: whether there is something to do, and what.

/// What a reason to compile here is to a person; the first is what to look at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// Something is wrong with the configuration or with volunteers.
    Act,
    /// Flags of the build keep the unit here.
    Flags,
    /// A unit that is well where it is.
    Fine,
    /// No unit: a link, a test of configure, a question to the compiler.
    NoUnit,
}

/// The class of a reason, by its counter. Those of options, and any that later versions have, keep
/// units here.
pub(super) fn class(counter: &str) -> Class {
    match counter {
        "native" | "compiler-mismatch" | "volunteer-failed" | "all-resting" | "no-volunteer"
        | "no-hosts" | "plain-lto" | "output-failed" | "refused-by-stock" => Class::Act,
        "host-is-localhost"
        | "diagnostics"
        | "preprocessor-failed"
        | "compile-failed"
        | "language"
        | "language-name"
        | "source-from-stdin"
        | "output-to-stdout"
        | "assembler-reads-file"
        | "precompiled-header" => Class::Fine,
        "cpp-only" | "link" | "no-source" | "linker-input" | "conftest" | "information"
        | "dry-run" | "print-dependencies" | "syntax-only" | "missing-value" | "self-test"
        | "nested" | "compiler-name" | "several-sources" | "analyze" => Class::NoUnit,
        _ => Class::Flags,
    }
}

/// What to do about a reason, as words that follow `to mend it:`; `None` where there is nothing.
pub(super) fn remedy(counter: &str) -> Option<&'static str> {
    Some(match counter {
        "native" => "sudo distcc-setup configure --march=replace",
        "compiler-mismatch" | "volunteer-failed" | "all-resting" | "no-volunteer"
        | "refused-by-stock" => "distcc-setup doctor",
        "no-hosts" => "sudo distcc-setup configure",
        "plain-lto" => "write -flto=auto instead of -flto",
        "output-failed" => "look at the disk that the build writes to: df",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compiler::options::stays::Stays;

    #[test]
    fn what_is_to_be_done_is_said_where_something_is() {
        let all = [
            "native",
            "compiler-mismatch",
            "volunteer-failed",
            "all-resting",
            "no-volunteer",
            "no-hosts",
            "plain-lto",
            "output-failed",
            "refused-by-stock",
            "link",
            "conftest",
            "diagnostics",
            "coverage",
        ];
        for counter in all {
            assert_eq!(class(counter) == Class::Act, remedy(counter).is_some(), "{counter}");
        }
    }

    #[test]
    fn reasons_of_options_exist() {
        let counters: Vec<_> = Stays::ALL.iter().map(|stays| stays.counter()).collect();
        for counter in ["native", "plain-lto", "precompiled-header", "information", "analyze"] {
            assert!(counters.contains(&counter), "{counter}");
        }
    }
}
