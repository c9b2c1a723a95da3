//! `makepkg.conf.d/distcc.conf`, written anew.

use crate::makepkg_conf::document::{Document, Value};
use crate::makepkg_conf::quote::quote;

/// Its name in the directory.
pub(in crate::setup) const NAME: &str = "distcc.conf";

/// The command that writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::setup) enum Author {
    /// `configure`, on whichever system.
    Configure,
    /// `chroot enable`, in a build root.
    Chroot,
}

impl Author {
    /// What it says of itself, as comments.
    fn comment(self) -> &'static str {
        match self {
            Self::Configure => {
                "\
# Written by `distcc-setup configure`; `distcc-setup undo` takes it back.
# makepkg reads this after makepkg.conf and before a user's own file. It has no
# effect where distcc is not installed, such as in a chroot.
"
            }
            Self::Chroot => {
                "\
# Written by `distcc-setup chroot enable`; `distcc-setup chroot disable` takes it
# back. makepkg reads this after makepkg.conf, in the chroot and, while devtools
# fetches sources, on the host. It has no effect where distcc is not installed.
"
            }
        }
    }
}

/// The whole text. `makeflags` is the value of MAKEFLAGS, with its `-j`; `arrays` are those of the
/// two variables that other files have made arrays, of which an assignment would change but the
/// first element.
///
/// The condition lets makepkg work where the client is missing: in a chroot, and on the machine
/// that evaluates a chroot's files. With it false, as with it true, the last status is 0, which
/// makepkg insists on.
pub(in crate::setup) fn text(
    author: Author,
    hosts: &str,
    makeflags: &str,
    arrays: &[&str],
) -> String {
    let unset = match arrays {
        [] => String::new(),
        arrays => format!("\tunset {}\n", arrays.join(" ")),
    };
    format!(
        "\
#!/hint/bash
#
# distcc.conf: makepkg builds with distcc
#
{}
if type -p distcc >/dev/null; then
{unset}\tBUILDENV+=(distcc)
\tDISTCC_HOSTS={}
\tMAKEFLAGS={}
fi
",
        author.comment(),
        quoted(hosts),
        quoted(makeflags),
    )
}

/// Whether a drop-in sets nothing, as the one that the package brings: comments and empty lines.
pub(in crate::setup) fn is_inert(text: &[u8]) -> bool {
    text.split(|&byte| byte == b'\n').all(|line| {
        let line = line.trim_ascii();
        line.is_empty() || line.starts_with(b"#")
    })
}

/// The MAKEFLAGS of a drop-in that is to the byte as we write it; `None` for any other.
pub(in crate::setup) fn makeflags_of(found: &[u8]) -> Option<String> {
    let document = Document::parse(found);
    let literal = |name: &str| match &document.of(name).next()?.value {
        Value::Scalar(word) => word.literal(),
        Value::Array { .. } => None,
    };
    let makeflags = literal("MAKEFLAGS")?;
    let hosts = literal("DISTCC_HOSTS")?;
    let is_by = |author: Author| text(author, &hosts, &makeflags, &[]).as_bytes() == found;
    [Author::Configure, Author::Chroot].into_iter().any(is_by).then_some(makeflags)
}

/// A value in quotes, needed or not, as stock files have them.
pub(in crate::setup) fn quoted(value: &str) -> String {
    let quoted = quote(value);
    match quoted.starts_with(['"', '\'', '$']) {
        true => quoted,
        false => format!("\"{quoted}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_known_again_and_only_untouched() {
        for author in [Author::Configure, Author::Chroot] {
            let text = text(author, "10.0.0.1/8 [fd00::7]", "-j24 -l\"8\"", &[]);
            assert_eq!(makeflags_of(text.as_bytes()).as_deref(), Some("-j24 -l\"8\""));
            assert_eq!(makeflags_of((text + "\n").as_bytes()), None);
        }
        assert_eq!(makeflags_of(b"# nothing\n"), None);
        assert!(is_inert(b"# nothing\n\n\t# more") && !is_inert(b"#\ntrue\n"));
    }
}
