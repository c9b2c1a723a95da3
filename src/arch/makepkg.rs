//! Which makepkg is installed below a root directory, and how it reads its configuration.

use std::path::{Path, PathBuf};

use crate::base::disk::{Disk, RealDisk};

/// Where pacman keeps makepkg's library, below the root.
pub const LIBRARY: &str = "usr/share/makepkg";
/// makepkg's configuration, below the root.
pub const CONFIG: &str = "etc/makepkg.conf";
/// Our hook for makepkg, below the root: it exports every DISTCC_… and makes DISTCC_DIR.
pub const HOOK: &str = "usr/share/makepkg/buildenv/zz-distcc.sh";
/// Where the program is, below the root.
const PROGRAM: &str = "usr/bin/makepkg";
/// A longer program or library file is none of pacman's.
const LARGEST_FILE: u64 = 1 << 20;

/// The installed makepkg, as far as it differs from others of its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Makepkg {
    /// As in `makepkg --version`; `None` where none is installed.
    pub version: Option<String>,
    /// Whether `FILE.d/*.conf` are read after FILE (from pacman 6.1 on; true where none is
    /// installed).
    pub reads_drop_ins: bool,
    /// Whether `FILE.d` without any `*.conf` ends every run (pacman 6.1 and 7.0).
    pub needs_a_drop_in: bool,
}

impl Makepkg {
    /// Looks below `root`, which is `/` or a chroot's directory.
    pub fn find(root: &Path) -> Self {
        let read = |path: PathBuf| {
            let bytes = RealDisk.read(&path, LARGEST_FILE).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let version = version_of(&read(root.join(PROGRAM)));
        let library = read(root.join(LIBRARY).join("util/config.sh"));
        Self::from_texts(version, &library)
    }

    /// Judges by the text of `util/config.sh`, which is where makepkg reads its files.
    fn from_texts(version: Option<String>, library: &str) -> Self {
        let mut code = library.lines().filter(|line| !line.trim_start().starts_with('#'));
        let reads = library.is_empty()
            || code.clone().any(|line| line.contains(".d/") || line.contains(".d\""));
        let checks = library.is_empty()
            || code.any(|line| line.contains("nullglob") || line.contains("compgen"));
        let at_least_7_1 = version.as_deref().is_none_or(|version| is_at_least(version, (7, 1)));
        Self { version, reads_drop_ins: reads, needs_a_drop_in: reads && !checks && !at_least_7_1 }
    }

    /// Whether the version is at least `major.minor`; true where none is installed.
    pub fn is_at_least(&self, major: u32, minor: u32) -> bool {
        self.version.as_deref().is_none_or(|version| is_at_least(version, (major, minor)))
    }
}

/// The value of `makepkg_version` in the program's text.
fn version_of(program: &str) -> Option<String> {
    let line = program.lines().find_map(|line| line.split_once("makepkg_version=").map(|s| s.1))?;
    let value = line.trim_matches(|letter| matches!(letter, '\'' | '"' | ' '));
    (!value.is_empty()).then(|| value.to_owned())
}

fn is_at_least(version: &str, wanted: (u32, u32)) -> bool {
    let mut numbers = version.split(|letter: char| !letter.is_ascii_digit());
    let mut next = || numbers.next().and_then(|digits| digits.parse().ok()).unwrap_or(0);
    (next(), next()) >= wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_programs_own() {
        assert_eq!(version_of("declare -r makepkg_version='6.0.2'\n").unwrap(), "6.0.2");
        assert_eq!(version_of("declare -r makepkg_version=\"7.1.0.r9\"").unwrap(), "7.1.0.r9");
        assert_eq!(version_of("#!/bin/sh\n"), None);
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(is_at_least("10.0", (7, 1)));
        assert!(is_at_least("7.1.0.r9.g54d9411", (7, 1)));
        assert!(!is_at_least("7.0.0", (7, 1)));
        assert!(is_at_least("6.0.2", (6, 0)));
    }

    #[test]
    fn drop_ins_are_read_where_the_library_says_so() {
        let old = "\tsource_safe \"$MAKEPKG_CONF\"\n# not.d/ here\n";
        assert!(!Makepkg::from_texts(Some("6.0.2".to_owned()), old).reads_drop_ins);
        let new = "\tfor c in \"$MAKEPKG_CONF.d\"/*.conf; do\n\t\tsource_safe \"$c\"\n";
        let makepkg = Makepkg::from_texts(Some("7.0.0".to_owned()), new);
        assert!(makepkg.reads_drop_ins && makepkg.needs_a_drop_in);
        let checked = format!("\tcompgen -G \"$MAKEPKG_CONF.d\"/'*.conf' >/dev/null\n{new}");
        let makepkg = Makepkg::from_texts(Some("7.0.0.r6".to_owned()), &checked);
        assert!(makepkg.reads_drop_ins && !makepkg.needs_a_drop_in);
        let none = Makepkg::from_texts(None, "");
        assert!(none.reads_drop_ins && !none.needs_a_drop_in);
    }
}
