//! The daemons of this machine: the ordinary one, and one for each foreign target; what their units
//! and files are called.

use std::fs;
use std::path::Path;

use crate::base::disk::{Disk, RealDisk};
use crate::targets::Target;
use crate::toolchains;

/// Where units are, below the root, in the order in which systemd looks. Source: systemd.unit(5).
const UNIT_DIRS: [&str; 5] = [
    "etc/systemd/system",
    "run/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
];
/// Where systemd keeps what starts at boot, below the root.
const WANTS: &str = "etc/systemd/system/multi-user.target.wants";
/// A longer file is no unit.
const MOST_BYTES: u64 = 1 << 16;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Daemon {
    /// The foreign target that it is for; `None` for the ordinary one.
    pub target: Option<&'static Target>,
    /// Its options, below the root: `etc/conf.d/distccd-armv7h`.
    pub file: String,
    /// Its unit: `distccd@armv7h.service`.
    pub unit: String,
    /// Its port where its options name none.
    pub port: u16,
    /// Whether the unit tells distccd the target, so that the options need not.
    pub knows_target: bool,
}

impl Daemon {
    /// The ordinary one.
    pub(super) fn standard() -> Self {
        Self {
            target: None,
            file: "etc/conf.d/distccd".to_owned(),
            unit: "distccd.service".to_owned(),
            port: 3632,
            knows_target: true,
        }
    }

    /// That of `target`: by the unit that is enabled below `root`, else by one of its own that a
    /// package has, else by our template.
    ///
    /// A machine's own target is the ordinary daemon's, if its clients look for it at that port.
    pub(super) fn of(target: &'static Target, root: &Path) -> Self {
        let standard = Self::standard();
        if target.port == standard.port && toolchains::of_this_machine() == Some(target) {
            return standard;
        }
        let own = units(target);
        let is_enabled = |unit: &&String| is_enabled(root, unit);
        let named = || own.iter().take(2).find(|unit| text_of(root, unit).is_some());
        let unit = own.iter().find(is_enabled).or_else(named).or(own.last());
        let unit = unit.cloned().unwrap_or_default();
        let daemon = target.daemon();
        let tells = |text: &str| {
            let words = |line: &str| {
                line.starts_with("ExecStart=")
                    && (line.contains("--target") || line.contains(&format!("/{daemon} ")))
            };
            text.lines().any(words)
        };
        let knows_target = text_of(root, &unit).map_or(unit.contains('@'), |text| tells(&text));
        let file = format!("etc/conf.d/{daemon}");
        Self { target: Some(target), file, unit, port: target.port, knows_target }
    }

    /// The log that its package has: `/tmp/distccd-armv7h.log`.
    pub(super) fn log_file(&self) -> String {
        let name = self.target.map_or("distccd".to_owned(), Target::daemon);
        format!("/tmp/{name}.log")
    }

    /// The heading of its file, if that is made anew.
    pub(super) fn heading(&self) -> String {
        let unit = &self.unit;
        format!(
            "# Options of distccd(1), for {unit}. One line; systemd splits it at blanks, and no\n\
             # shell reads it.\n"
        )
    }

    /// Whether it starts at boot.
    pub(super) fn is_enabled(&self, root: &Path) -> bool {
        is_enabled(root, &self.unit)
    }

    /// Whether its unit is there at all.
    pub(super) fn is_installed(&self, root: &Path) -> bool {
        text_of(root, &self.unit).is_some()
    }
}

/// The units that a target may have, ours last.
fn units(target: &Target) -> [String; 3] {
    let name = target.name;
    [
        format!("distccd-{name}.service"),
        format!("distccd-alarm-{name}.service"),
        format!("distccd@{name}.service"),
    ]
}

/// The units of `target` that start at boot.
pub(super) fn enabled_units(target: &Target, root: &Path) -> Vec<String> {
    units(target).into_iter().filter(|unit| is_enabled(root, unit)).collect()
}

/// Whether it starts at boot.
fn is_enabled(root: &Path, unit: &str) -> bool {
    fs::symlink_metadata(root.join(WANTS).join(unit)).is_ok()
}

/// What a unit's file says; that of its template, if it is made of one.
fn text_of(root: &Path, unit: &str) -> Option<String> {
    let template = unit.split_once('@').map(|(name, _)| format!("{name}@.service"));
    let name = template.as_deref().unwrap_or(unit);
    let files = UNIT_DIRS.iter().map(|dir| root.join(dir).join(name));
    let is_file = |path: &std::path::PathBuf| fs::metadata(path).is_ok_and(|meta| meta.is_file());
    let file = files.into_iter().find(is_file)?;
    let bytes = RealDisk.read(&file, MOST_BYTES).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::base::replace;
    use crate::targets::by_name;

    fn root(units: &[(&str, &str)], enabled: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("usr/lib/systemd/system");
        fs::create_dir_all(&dir).unwrap();
        fs::create_dir_all(root.path().join(WANTS)).unwrap();
        for (name, exec) in units {
            let text = format!("[Service]\nExecStart={exec}\n");
            replace::write(&dir.join(name), text.as_bytes(), 0o644).unwrap();
        }
        for unit in enabled {
            symlink("/nowhere", root.path().join(WANTS).join(unit)).unwrap();
        }
        root
    }

    fn of(target: &str, root: &tempfile::TempDir) -> (String, bool) {
        let daemon = Daemon::of(by_name(target).unwrap(), root.path());
        (daemon.unit, daemon.knows_target)
    }

    #[test]
    fn the_unit_is_the_one_that_is_there() {
        let ours = ("distccd@.service", "/usr/bin/distccd --daemon --target %i $DISTCC_ARGS");
        let named = ("distccd-armv7h.service", "/usr/bin/distccd --daemon --target armv7h $X");
        let aur = ("distccd-armv8.service", "/usr/bin/distccd --no-detach --daemon $DISTCC_ARGS");
        let alias = ("distccd-alarm-armv5.service", "/usr/bin/distccd-armv5 --daemon $DISTCC_ARGS");
        let unit = |name: &str, knows| (name.to_owned(), knows);
        let bare = root(&[], &[]);
        assert_eq!(of("armv7h", &bare), unit("distccd@armv7h.service", true));
        let all = root(&[ours, named, aur, alias], &[]);
        assert_eq!(of("armv7h", &all), unit("distccd-armv7h.service", true));
        assert_eq!(of("armv8", &all), unit("distccd-armv8.service", false));
        assert_eq!(of("armv5", &all), unit("distccd-alarm-armv5.service", true));
        assert_eq!(of("armv6h", &all), unit("distccd@armv6h.service", true));
        let chosen = root(&[ours, named], &["distccd@armv7h.service"]);
        assert_eq!(of("armv7h", &chosen), unit("distccd@armv7h.service", true));
    }
}
