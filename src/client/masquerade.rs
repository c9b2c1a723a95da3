//! Finding the real compiler without finding ourselves.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

/// PATH without everything up to and including the masquerade directory.
///
/// `called_as` is `argv[0]`. With a slash in it, the directory is the PATH entry that is equal to
/// its absolute form; without, the first entry that has an executable of that name. `None` where
/// there is no such entry, or nothing follows it: then PATH stays as it is.
///
/// Source: distcc(1) 3.4, "MASQUERADING".
pub fn trimmed_path(
    called_as: &OsStr,
    path: &OsStr,
    cwd: &Path,
    is_executable: impl Fn(&Path) -> bool,
) -> Option<OsString> {
    let entries: Vec<&[u8]> = path.as_bytes().split(|&byte| byte == b':').collect();
    let ours = if called_as.as_bytes().contains(&b'/') {
        let dir = folded(&cwd.join(Path::new(called_as).parent().unwrap_or(Path::new(""))));
        entries.iter().position(|entry| folded(Path::new(OsStr::from_bytes(entry))) == dir)?
    } else {
        entries
            .iter()
            .position(|entry| is_executable(&Path::new(OsStr::from_bytes(entry)).join(called_as)))?
    };
    let rest = entries.get(ours + 1..)?;
    let rest = rest.join(&b':');
    (!rest.is_empty()).then(|| OsString::from_vec(rest))
}

/// `/a/../b` as `/b`, without looking at symbolic links.
fn folded(path: &Path) -> PathBuf {
    let mut folded = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                folded.pop();
            }
            Component::CurDir => {}
            other => folded.push(other),
        }
    }
    folded
}

/// The first executable called `name` in `path` that is not this very program.
///
/// A masquerade directory that stands in PATH under another name is passed over in this way.
pub fn find_compiler(name: &OsStr, path: &OsStr) -> Option<PathBuf> {
    let ourselves = ourselves();
    path.as_bytes().split(|&byte| byte == b':').find_map(|entry| {
        let (candidate, file) = executable(entry, name)?;
        (Some(file) != ourselves).then_some(candidate)
    })
}

/// PATH without the entries in which `name` is this very program, if there are any before the
/// compiler: gcc looks for itself in PATH to find its parts.
pub fn path_without_ourselves(name: &OsStr, path: &OsStr) -> Option<OsString> {
    let ourselves = ourselves()?;
    let (mut kept, mut found, mut passed) = (Vec::new(), false, false);
    for entry in path.as_bytes().split(|&byte| byte == b':') {
        match executable(entry, name).filter(|_| !found) {
            Some((_, file)) if file == ourselves => passed = true,
            other => {
                found |= other.is_some();
                kept.push(entry);
            }
        }
    }
    (passed && found).then(|| OsString::from_vec(kept.join(&b':')))
}

/// Device and inode of this program.
fn ourselves() -> Option<(u64, u64)> {
    std::fs::metadata("/proc/self/exe").ok().map(|meta| (meta.dev(), meta.ino()))
}

/// The executable `name` in a directory of PATH, with its device and inode.
fn executable(entry: &[u8], name: &OsStr) -> Option<(PathBuf, (u64, u64))> {
    let dir = if entry.is_empty() { Path::new(".") } else { Path::new(OsStr::from_bytes(entry)) };
    let candidate = dir.join(name);
    let meta = std::fs::metadata(&candidate).ok()?;
    let runs = meta.is_file() && meta.permissions().mode() & 0o111 != 0;
    runs.then(|| (candidate, (meta.dev(), meta.ino())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trim(called_as: &str, path: &str, executables: &[&str]) -> Option<String> {
        let is_executable = |path: &Path| executables.iter().any(|known| Path::new(known) == path);
        trimmed_path(called_as.as_ref(), path.as_ref(), Path::new("/home/me"), is_executable)
            .map(|path| path.into_string().unwrap())
    }

    #[test]
    fn everything_up_to_the_masquerade_directory_goes() {
        let executables = ["/usr/lib/distcc/bin/gcc", "/usr/bin/gcc"];
        let path = "/opt/bin:/usr/lib/distcc/bin:/usr/bin:/bin";
        assert_eq!(trim("gcc", path, &executables).as_deref(), Some("/usr/bin:/bin"));
        let called_as = "/usr/lib/distcc/bin/gcc";
        assert_eq!(trim(called_as, path, &executables).as_deref(), Some("/usr/bin:/bin"));
        let called_as = "/usr/lib/ccache/../distcc/bin/gcc";
        assert_eq!(trim(called_as, path, &executables).as_deref(), Some("/usr/bin:/bin"));
    }

    #[test]
    fn relative_calls_are_seen_from_the_working_directory() {
        assert_eq!(trim("m/gcc", "/home/me/m:/usr/bin", &[]).as_deref(), Some("/usr/bin"));
    }

    #[test]
    fn path_stays_when_nothing_would_be_left() {
        assert_eq!(trim("gcc", "/usr/bin:/m", &["/m/gcc"]), None);
        assert_eq!(trim("gcc", "/usr/bin", &[]), None);
        assert_eq!(trim("/m/gcc", "/usr/bin:/bin", &[]), None);
    }

    #[test]
    fn links_to_this_program_are_no_compilers() {
        let dir = tempfile::tempdir().unwrap();
        let first = dir.path().join("first");
        let second = dir.path().join("second");
        std::fs::create_dir(&first).unwrap();
        std::fs::create_dir(&second).unwrap();
        let ourselves = std::fs::canonicalize("/proc/self/exe").unwrap();
        std::os::unix::fs::symlink(ourselves, first.join("gcc")).unwrap();
        std::os::unix::fs::symlink("/bin/true", second.join("gcc")).unwrap();
        let path = std::env::join_paths([&first, &second]).unwrap();
        assert_eq!(find_compiler("gcc".as_ref(), &path), Some(second.join("gcc")));
        assert_eq!(find_compiler("g++".as_ref(), &path), None);
        let without = path_without_ourselves("gcc".as_ref(), &path);
        assert_eq!(without.as_deref(), Some(second.as_os_str()));
        assert_eq!(path_without_ourselves("g++".as_ref(), &path), None);
        assert_eq!(path_without_ourselves("gcc".as_ref(), second.as_os_str()), None);
    }
}
