//! The command line of makechrootpkg, as far as we must understand it.
//!
//! Source: devtools 1.5 reads it with getopts: letters that may share a dash, values joined or
//! apart, until `--` or the first word without a dash. A letter that we do not know is one without
//! a value; makechrootpkg ends with its usage there.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::tools::makechrootpkg::bind;

/// The letters that take a value.
const WITH_VALUE: &[u8] = b"rIlDdUxt";
/// Our package, and others that have a client: `makepkg-distcc-0.1.0-1-x86_64.pkg.tar.zst`.
const CLIENT_PACKAGE: &str = "distcc";

/// What the command line says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    /// `-h`.
    pub(super) asks_for_help: bool,
    /// `-U USER`: who runs makepkg.
    pub(super) user: Option<OsString>,
    /// Whether something is mounted at our place already.
    pub(super) binds_state: bool,
    /// `-r DIR`.
    dir: Option<PathBuf>,
    /// `-l COPY`.
    copy: Option<PathBuf>,
    /// `-c` or `-T`: the copy is made anew.
    is_fresh: bool,
    /// The files of `-I`.
    installed: Vec<PathBuf>,
}

impl Words {
    /// Reads the words behind the program's name.
    pub(super) fn read(args: &[OsString]) -> Self {
        let mut words = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let letters = match arg.as_bytes() {
                b"--" | b"-" => break,
                [b'-', letters @ ..] => letters,
                _ => break,
            };
            for (at, letter) in letters.iter().enumerate() {
                if !takes_value(*letter) {
                    words.flag(*letter);
                    continue;
                }
                let joined = letters.get(at + 1..).filter(|rest| !rest.is_empty());
                let value = joined.map(OsStr::from_bytes).or_else(|| args.next().map(|v| &**v));
                if let Some(value) = value {
                    words.value(*letter, value);
                }
                break;
            }
        }
        words
    }

    fn flag(&mut self, letter: u8) {
        match letter {
            b'h' => self.asks_for_help = true,
            b'c' | b'T' => self.is_fresh = true,
            _ => {}
        }
    }

    fn value(&mut self, letter: u8, value: &OsStr) {
        match letter {
            b'r' => self.dir = Some(value.into()),
            b'l' => self.copy = Some(value.into()),
            b'U' => self.user = Some(value.to_owned()),
            b'I' => self.installed.push(value.into()),
            b'd' | b'D' => self.binds_state |= bind::is_inside(value, true),
            b't' => self.binds_state |= bind::is_inside(value, false),
            _ => {}
        }
    }

    /// The root directory of the build: the working copy if that is used as it is, else what it is
    /// made from. `copy` is the name of the copy if no word names it. `None` where nothing is built
    /// or there is no such directory, which makechrootpkg says itself.
    pub(super) fn root_of_build(&self, copy: &OsStr) -> Option<PathBuf> {
        let dir = self.dir.as_ref().filter(|_| Path::new("PKGBUILD").is_file())?;
        let copy = dir.join(self.copy.as_deref().unwrap_or(Path::new(copy)));
        let root = if copy.is_dir() && !self.is_fresh { copy } else { dir.join("root") };
        std::fs::canonicalize(root).ok()
    }

    /// Whether `-I` installs a package with a client.
    pub(super) fn installs_client(&self) -> bool {
        let names = self.installed.iter().filter_map(|file| file.file_name()?.to_str());
        names.into_iter().any(|name| name.contains(CLIENT_PACKAGE))
    }
}

fn takes_value(letter: u8) -> bool {
    WITH_VALUE.contains(&letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Words {
        let words = shell_words::split(line).unwrap();
        Words::read(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn letters_share_a_dash_and_values_are_joined_or_apart() {
        let expected = Words {
            user: Some("me".into()),
            dir: Some("/x".into()),
            copy: Some("two".into()),
            is_fresh: true,
            installed: vec!["a.pkg".into(), "b.pkg".into()],
            ..Words::default()
        };
        assert_eq!(read("-cur /x -U me -ltwo -Ia.pkg -I b.pkg"), expected);
        assert_eq!(read("-c -u -r/x -Ume -nCl two -I a.pkg -Ib.pkg -- -h"), expected);
    }

    #[test]
    fn what_makepkg_gets_is_not_ours_to_read() {
        for line in ["-- -h -d x:/build/.distcc", "MAKEFLAGS=-j4 -h", "- -h", "-r -h", "-d"] {
            let words = read(line);
            assert!(!words.asks_for_help && !words.binds_state, "{line}");
        }
    }

    #[test]
    fn a_mount_at_our_place_is_found_by_any_letter() {
        for line in [
            "-d /s:/build/.distcc",
            "-cd/s:/build/.distcc",
            "-D /s:/build/.distcc/",
            "-t /build/.distcc:size=10m",
        ] {
            assert!(read(line).binds_state, "{line}");
        }
        assert!(!read("-d /s -t /tmp -r /build/.distcc").binds_state);
    }

    #[test]
    fn a_package_with_a_client_is_known_by_its_name() {
        assert!(read("-I ../makepkg-distcc-0.1.0-1-x86_64.pkg.tar.zst").installs_client());
        assert!(!read("-I /distcc/hello-1-1-any.pkg.tar.zst").installs_client());
    }
}
