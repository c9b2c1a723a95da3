//! What changes in a file, as people are used to see it.

use std::io::{self, IsTerminal};
use std::path::Path;

use similar::{ChangeTag, TextDiff};

use crate::base::env;
use crate::setup::apply::change::ChangeSet;

/// Lines shown around a change.
const CONTEXT: usize = 3;

/// Whether what goes to standard output may have colours.
pub(crate) fn has_colours() -> bool {
    io::stdout().is_terminal() && env::NO_COLOR.get_nonempty().is_none()
}

/// All changes as unified diffs.
pub(crate) fn of_all(set: &ChangeSet, colours: bool) -> String {
    let one = |change: &crate::setup::apply::change::Change| {
        unified(change.path(), change.old.content.as_deref(), change.new.as_deref(), colours)
    };
    set.changes.iter().map(one).collect()
}

/// The unified diff of `old` and `new`; `None` is no file. Bytes that are no text, and control
/// characters, are shown as escapes: they are not to reach a terminal.
pub(crate) fn unified(
    path: &Path,
    old: Option<&[u8]>,
    new: Option<&[u8]>,
    colours: bool,
) -> String {
    let paint = |code: &str, text: &str| match colours {
        true => format!("\x1b[{code}m{text}\x1b[m\n"),
        false => format!("{text}\n"),
    };
    let name = |content: Option<&[u8]>| match content {
        Some(_) => escaped(path.to_string_lossy().as_bytes()),
        None => "/dev/null".to_owned(),
    };
    let mut out = paint("1", &format!("--- {}", name(old)));
    out += &paint("1", &format!("+++ {}", name(new)));
    let (old, new) = (escaped(old.unwrap_or_default()), escaped(new.unwrap_or_default()));
    let diff = TextDiff::from_lines(&old, &new);
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        out += &paint("36", &hunk.header().to_string());
        for line in hunk.iter_changes() {
            let text = line.value().strip_suffix('\n').unwrap_or(line.value());
            match line.tag() {
                ChangeTag::Equal => out += &format!(" {text}\n"),
                ChangeTag::Delete => out += &paint("31", &format!("-{text}")),
                ChangeTag::Insert => out += &paint("32", &format!("+{text}")),
            }
            if line.missing_newline() {
                out += "\\ No newline at end of file\n";
            }
        }
    }
    out
}

/// The text, with everything that is no text as an escape.
pub(crate) fn escaped(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\n' | '\t' => out.push(letter),
                control if control.is_control() => out.extend(control.escape_default()),
                letter => out.push(letter),
            }
        }
        for byte in chunk.invalid() {
            out += &format!("\\x{byte:02x}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(old: Option<&[u8]>, new: Option<&[u8]>) -> String {
        unified("/etc/makepkg.conf".as_ref(), old, new, false)
    }

    #[test]
    fn a_changed_line_is_shown_among_its_neighbours() {
        let old = b"1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        let new = b"1\n2\n3\n4\nfive\n6\n7\n8\n9\n";
        insta::assert_snapshot!(diff(Some(old), Some(new)), @r"
        --- /etc/makepkg.conf
        +++ /etc/makepkg.conf
        @@ -2,7 +2,7 @@
         2
         3
         4
        -5
        +five
         6
         7
         8
        ");
    }

    #[test]
    fn a_file_that_is_made_or_removed_is_all_lines() {
        insta::assert_snapshot!(diff(None, Some(b"a\nb")), @r"
        --- /dev/null
        +++ /etc/makepkg.conf
        @@ -0,0 +1,2 @@
        +a
        +b
        \ No newline at end of file
        ");
        insta::assert_snapshot!(diff(Some(b"a\n"), None), @r"
        --- /etc/makepkg.conf
        +++ /dev/null
        @@ -1 +0,0 @@
        -a
        ");
    }

    #[test]
    fn what_would_command_a_terminal_does_not_reach_it() {
        let shown = diff(Some(b"caf\xe9\x1b[31m\r\n"), Some("caf\u{e9}\u{9b}2J\n".as_bytes()));
        assert!(shown.contains("-caf\\xe9\\u{1b}[31m\\r\n"), "{shown}");
        assert!(shown.contains("+caf\u{e9}\\u{9b}2J\n"), "{shown}");
    }

    #[test]
    fn colours_are_there_if_asked_for() {
        let shown = unified("f".as_ref(), Some(b"a\n"), Some(b"b\n"), true);
        assert!(shown.contains("\x1b[31m-a\x1b[m\n\x1b[32m+b\x1b[m\n"), "{shown:?}");
    }
}
