//! `makepkg.conf.d/distcc.conf`, written anew.

use crate::makepkg_conf::document::{Document, Value};
use crate::makepkg_conf::quote::quote;

/// Its name in the directory.
pub(super) const NAME: &str = "distcc.conf";

/// The whole text. `makeflags` is the value of MAKEFLAGS, with its `-j`; `arrays` are those of the
/// two variables that other files have made arrays, of which an assignment would change but the
/// first element.
///
/// The condition lets makepkg work where the client is missing: in a chroot, and on the machine
/// that evaluates a chroot's files. With it false, as with it true, the last status is 0, which
/// makepkg insists on.
pub(super) fn text(hosts: &str, makeflags: &str, arrays: &[&str]) -> String {
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
# Written by `distcc-setup configure`; `distcc-setup undo` takes it back.
# makepkg reads this after makepkg.conf and before a user's own file. It has no
# effect where distcc is not installed, such as in a chroot.

if type -p distcc >/dev/null; then
{unset}\tBUILDENV+=(distcc)
\tDISTCC_HOSTS={}
\tMAKEFLAGS={}
fi
",
        quoted(hosts),
        quoted(makeflags),
    )
}

/// Whether a drop-in sets nothing, as the one that the package brings: comments and empty lines.
pub(super) fn is_inert(text: &[u8]) -> bool {
    text.split(|&byte| byte == b'\n').all(|line| {
        let line = line.trim_ascii();
        line.is_empty() || line.starts_with(b"#")
    })
}

/// The MAKEFLAGS of a drop-in that is to the byte as we write it; `None` for any other.
pub(super) fn makeflags_of(found: &[u8]) -> Option<String> {
    let document = Document::parse(found);
    let literal = |name: &str| match &document.of(name).next()?.value {
        Value::Scalar(word) => word.literal(),
        Value::Array { .. } => None,
    };
    let makeflags = literal("MAKEFLAGS")?;
    (text(&literal("DISTCC_HOSTS")?, &makeflags, &[]).as_bytes() == found).then_some(makeflags)
}

/// A value in quotes, needed or not, as stock files have them.
pub(super) fn quoted(value: &str) -> String {
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
        let text = text("10.0.0.1/8 [fd00::7]", "-j24 -l\"8\"", &[]);
        assert_eq!(makeflags_of(text.as_bytes()).as_deref(), Some("-j24 -l\"8\""));
        assert_eq!(makeflags_of((text + "\n").as_bytes()), None);
        assert_eq!(makeflags_of(b"# nothing\n"), None);
        assert!(is_inert(b"# nothing\n\n\t# more") && !is_inert(b"#\ntrue\n"));
    }
}
