//! What compilers say of a unit, and whether a volunteer's may say it in place of ours.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// A unit of which every compiler has something to say, with [`TALKATIVE`] among the
/// options: with quotes, with lines of the source, and with a proposal.
pub const TALKED_OF: &str = "int talked_of(int a)\n{\n\tint b;\n\tif (a = 1)\n\t\treturn 2;\n}\n";
/// The option that has it said.
pub const TALKATIVE: &str = "-Wall";

/// Whether what a volunteer's compiler printed may be what ours would print, had it the same source
/// before it: nothing in it is of the program's name, of the volunteer itself, or of a temporary
/// file. `programs` are the names by which it was called there and is called here.
pub fn may_be_ours(text: &[u8], programs: [&OsStr; 2]) -> bool {
    let base = |name: &OsStr| {
        let bytes = name.as_bytes();
        let at = bytes.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
        bytes.get(at..).unwrap_or_default().to_vec()
    };
    let names = programs.map(base);
    // Where a line begins, perhaps behind a change of colour.
    let begins = |at: usize| {
        let before = at.checked_sub(1).and_then(|at| text.get(at));
        before.is_none_or(|byte| b"\nmK".contains(byte))
    };
    let speaks =
        |name: &[u8]| !name.is_empty() && memchr::memmem::find_iter(text, name).any(begins);
    let is_said_by = |name: &Vec<u8>| speaks(&[name, &b":"[..]].concat());
    !names.iter().any(is_said_by)
        && !speaks(b"distccd")
        && !speaks(b"clang")
        && memchr::memmem::find(text, b"/.distccd/").is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volunteers_own_words_are_told_from_those_about_a_source() {
        let ours = |text: &str| {
            may_be_ours(text.as_bytes(), [OsStr::new("x-gcc"), OsStr::new("/usr/bin/cc")])
        };
        assert!(ours("a.cc:1:2: warning: unused [-Wunused]\n  1 | int gcc: 2;\n"));
        assert!(ours("In file included from acc: x\ncc1: warning: no directory\n"));
        assert!(!ours("a.c:1: warning: x\ncc: warning: -s is not used\n"));
        assert!(!ours("\x1b[01m\x1b[Kx-gcc:\x1b[m\x1b[K warning: x\n"));
        assert!(!ours("distccd: no terminal: no such device\na.c:1: warning: x\n"));
        assert!(!ours("clang: warning: argument unused\n"));
        assert!(!ours("/.distccd/tmp/ccXXXXXX.s: Assembler messages:\n"));
    }
}
