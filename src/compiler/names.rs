//! Which programs are compilers that a masquerade directory stands in for, by their names.
//!
//! Source: update-distcc-symlinks of distcc 3.4 and of Debian; the farm in Arch's distcc package;
//! the names that the distccd-alarm packages add for cross compilers.

/// Names that a machine's own compilers go by.
const NATIVE: [&str; 13] = [
    "c++", "c89", "c89-g++", "c89-gcc", "c99", "c99-g++", "c99-gcc", "cc", "clang", "clang++",
    "cpp", "g++", "gcc",
];
/// What follows the triple in a cross compiler's name.
const AFTER_TRIPLE: [&str; 7] = ["c++", "cc", "clang", "clang++", "cpp", "g++", "gcc"];
/// What may have a version after it.
const VERSIONED: [&str; 4] = ["clang", "clang++", "g++", "gcc"];

/// Whether a program called `name` is a compiler whose work can be distributed.
///
/// `gcc_hosts` are the machines that gcc is installed for (the names in `/usr/lib/gcc/`): with one
/// of them before it, as in `avr-gcc`, a name counts although `avr` alone does not look like a
/// triple.
pub fn is_compiler(name: &str, gcc_hosts: &[String]) -> bool {
    if NATIVE.contains(&name) {
        return true;
    }
    let CompilerName { triple, plain, version } = CompilerName::split(name);
    let named = if version.is_some() { &VERSIONED[..] } else { &AFTER_TRIPLE[..] };
    named.contains(&plain)
        && triple
            .is_none_or(|triple| is_triple(triple) || gcc_hosts.iter().any(|host| host == triple))
}

/// The parts of a compiler's name: `arm-linux-gnueabihf-gcc-12` is `arm-linux-gnueabihf`, `gcc` and
/// `12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompilerName<'a> {
    /// The machine that its objects are for.
    pub triple: Option<&'a str>,
    /// What is left without triple and version.
    pub plain: &'a str,
    /// `12`, `15.2.1`.
    pub version: Option<&'a str>,
}

impl<'a> CompilerName<'a> {
    /// Takes a name apart; whether its parts are those of a compiler is not looked at.
    pub fn split(name: &'a str) -> Self {
        let (unversioned, version) = match name.rsplit_once('-') {
            Some((front, version)) if is_version(version) => (front, Some(version)),
            _ => (name, None),
        };
        match unversioned.rsplit_once('-') {
            Some((triple, plain)) => Self { triple: Some(triple), plain, version },
            None => Self { triple: None, plain: unversioned, version },
        }
    }
}

/// `12`, `15.2.1`.
fn is_version(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// `x86_64-linux-gnu`, `arm-none-eabi`: three parts or more, so that `ccache-gcc` or `afl-clang`,
/// which are other programs altogether, stay out.
fn is_triple(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    text.split('-').count() >= 3 && text.split('-').all(part)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is(name: &str) -> bool {
        is_compiler(name, &["avr".to_owned(), "riscv64-elf".to_owned()])
    }

    #[test]
    fn names_of_arch_debian_and_clang_are_known() {
        let arch = "c++ c89 c99 cc clang clang++ cpp g++ gcc x86_64-pc-linux-gnu-g++ \
                    x86_64-pc-linux-gnu-gcc x86_64-pc-linux-gnu-gcc-15.2.1 x86_64-pc-linux-gnu-c++";
        let debian = "c89-gcc c99-gcc gcc-12 g++-12 x86_64-linux-gnu-gcc x86_64-linux-gnu-g++-12 \
                      aarch64-linux-gnu-gcc-12 clang-14 clang++-14";
        let alarm = "aarch64-unknown-linux-gnu-cc aarch64-unknown-linux-gnu-clang++ \
                     armv7l-unknown-linux-gnueabihf-cpp arm-unknown-linux-gnueabi-g++";
        let cross =
            "arm-none-eabi-gcc avr-gcc avr-g++ riscv64-elf-gcc-14.1.0 x86_64-w64-mingw32-gcc";
        for name in [arch, debian, alarm, cross].join(" ").split_whitespace() {
            assert!(is(name), "{name}");
        }
    }

    #[test]
    fn programs_that_only_sound_like_compilers_are_left_alone() {
        let others = "gcc-ar gcc-nm gcc-ranlib gcc-ar-12 x86_64-linux-gnu-gcc-ar gccgo clang-format \
                      clang-tidy clang-cpp clangd clang-format-14 cpp-12 x86_64-linux-gnu-cpp-12 \
                      c++filt ccache ccache-gcc afl-gcc musl-gcc msp430-gcc as ld gfortran \
                      x86_64-linux-gnu-gfortran gcc- gcc-x -gcc --gcc gcc-12-gcc clang-";
        for name in others.split_whitespace() {
            assert!(!is(name), "{name}");
        }
        assert!(!is(""));
    }

    proptest! {
        #[test]
        fn any_name_is_judged(name: String, host: String) {
            is_compiler(&name, &[host]);
        }
    }
}
