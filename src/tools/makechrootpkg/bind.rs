//! A directory in the syntax of systemd-nspawn's `--bind=`, which is what makechrootpkg makes of
//! the value of its `-d`, unchanged.
//!
//! Source: systemd-nspawn(1): `SOURCE[:DESTINATION[:OPTIONS]]`, where a backslash makes a colon one
//! of a path; so it does for itself.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path};

/// The client's state directory in a build root: the home of devtools' build user is `/build`.
pub(super) const INSIDE: &str = "/build/.distcc";

/// The value of `-d` that binds `dir` to [`INSIDE`].
pub(super) fn option(dir: &Path) -> OsString {
    let mut value = Vec::new();
    for byte in dir.as_os_str().as_bytes() {
        if matches!(byte, b':' | b'\\') {
            value.push(b'\\');
        }
        value.push(*byte);
    }
    value.push(b':');
    value.extend_from_slice(INSIDE.as_bytes());
    OsString::from_vec(value)
}

/// Whether the value of a `-d`, `-D` or `-t` puts something at [`INSIDE`].
pub(super) fn is_inside(value: &OsStr, has_source: bool) -> bool {
    let parts = split(value.as_bytes());
    let (first, second) = (parts.first(), parts.get(1).filter(|part| !part.is_empty()));
    let destination = if has_source { second.or(first) } else { first };
    destination.is_some_and(|found| {
        let plain = |path: &Path| -> Vec<OsString> {
            path.components()
                .filter(|part| matches!(part, Component::Normal(_)))
                .map(|part| part.as_os_str().to_owned())
                .collect()
        };
        plain(Path::new(OsStr::from_bytes(found))) == plain(Path::new(INSIDE))
    })
}

/// The parts between colons, without backslashes that only protect.
fn split(value: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = vec![Vec::new()];
    let mut bytes = value.iter();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b':' => {
                parts.push(Vec::new());
                continue;
            }
            b'\\' => bytes.next().unwrap_or(byte),
            other => other,
        };
        if let Some(part) = parts.last_mut() {
            part.push(*byte);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn colons_and_backslashes_of_a_path_are_protected() {
        let option = |path: &str| option(Path::new(path)).into_string().unwrap();
        assert_eq!(option("/home/me/.distcc"), "/home/me/.distcc:/build/.distcc");
        assert_eq!(option("/a b/c:d\\e"), "/a b/c\\:d\\\\e:/build/.distcc");
    }

    #[test]
    fn what_is_mounted_at_our_place_is_seen() {
        let inside = |value: &str| is_inside(OsStr::new(value), true);
        for ours in [
            "/x:/build/.distcc",
            "/x:/build//.distcc/",
            "/x:/build/.distcc:norbind",
            "/a\\:b:/build/.distcc",
            "/build/.distcc",
            "/build/.distcc::",
        ] {
            assert!(inside(ours), "{ours}");
        }
        for other in ["/x", "/build/.distcc:/y", "/x:/build", "/x\\:/build/.distcc", "", "/x:"] {
            assert!(!inside(other), "{other}");
        }
        assert!(is_inside(OsStr::new("/build/.distcc:size=1g"), false));
        assert!(!is_inside(OsStr::new("/tmp:/build/.distcc"), false));
    }

    proptest! {
        #[test]
        fn whatever_the_path_it_comes_out_as_it_went_in(path in "/[ -~\u{e4}\n]{0,40}") {
            let value = option(Path::new(&path));
            let parts = split(value.as_bytes());
            prop_assert_eq!(parts, [path.as_bytes(), INSIDE.as_bytes()]);
            prop_assert!(is_inside(&value, true));
        }
    }
}
