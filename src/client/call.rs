//! The command we were asked to run: its words, its PATH, how to start it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::base::disk::{Disk, RealDisk};
use crate::base::env;
use crate::client::masquerade;

/// One call of a compiler through distcc.
#[derive(Debug)]
pub struct Call {
    /// The words; the first is the compiler as it was called.
    pub argv: Vec<OsString>,
    /// Where we were called.
    pub cwd: PathBuf,
    /// PATH for the compiler: trimmed when we masquerade, and without us in any case.
    pub path: OsString,
    /// How deep distcc is nested already; 0 is not at all.
    pub depth: u32,
    path_trimmed: bool,
    path_changed: bool,
}

impl Call {
    /// Puts together a call: `called_as` is the program's own `argv[0]`.
    pub fn new(argv: Vec<OsString>, called_as: &OsStr, masquerade: bool) -> Self {
        let cwd = std::env::current_dir().unwrap_or_default();
        let path = env::PATH.get().unwrap_or_else(|| OsString::from("/usr/bin:/bin"));
        let is_executable = |path: &Path| RealDisk.is_executable(path);
        let trimmed = masquerade
            .then(|| masquerade::trimmed_path(called_as, &path, &cwd, is_executable))
            .flatten();
        let depth = env::SAFEGUARD.get().map_or(0, |level| {
            level.to_str().and_then(|level| level.parse().ok()).unwrap_or(1).max(1)
        });
        let path_trimmed = trimmed.is_some();
        let path = trimmed.unwrap_or(path);
        let bare = argv.first().filter(|compiler| !compiler.as_bytes().contains(&b'/'));
        let passed = bare.and_then(|name| masquerade::path_without_ourselves(name, &path));
        let path_changed = path_trimmed || passed.is_some();
        Self { argv, cwd, path: passed.unwrap_or(path), depth, path_trimmed, path_changed }
    }

    /// The current directory as compilers name it: `$PWD` where that is the current directory.
    pub fn named_cwd(&self) -> PathBuf {
        let place = |path: &Path| path.metadata().map(|meta| (meta.dev(), meta.ino())).ok();
        let named = env::PWD.get_nonempty().map(PathBuf::from).filter(|path| path.is_absolute());
        named
            .filter(|path| path.as_os_str() != self.cwd.as_os_str())
            .filter(|path| place(path).is_some_and(|named| Some(named) == place(&self.cwd)))
            .unwrap_or_else(|| self.cwd.clone())
    }

    /// Whether distcc has called itself without getting any further.
    pub fn is_recursive(&self) -> bool {
        self.depth > u32::from(self.path_trimmed)
    }

    /// The compiler's file: PATH is searched for a bare name, and for the last part of a path that
    /// leads nowhere.
    pub fn find(&self, compiler: &OsStr) -> Option<PathBuf> {
        if !compiler.as_bytes().contains(&b'/') {
            return masquerade::find_compiler(compiler, &self.path);
        }
        if RealDisk.is_executable(Path::new(compiler)) {
            return Some(PathBuf::from(compiler));
        }
        masquerade::find_compiler(Path::new(compiler).file_name()?, &self.path)
    }

    /// A command for `argv`, in the environment that a compiler of ours gets; `None` where the
    /// compiler is not to be found.
    pub fn command(&self, argv: &[OsString]) -> Option<Command> {
        let (compiler, words) = argv.split_first()?;
        let mut command = Command::new(self.find(compiler)?);
        command.arg0(compiler).args(words);
        for (name, value) in self.changes() {
            command.env(name, value);
        }
        Some(command)
    }

    /// What differs between our environment and that of the programs we start.
    pub fn changes(&self) -> Vec<(OsString, OsString)> {
        let level = (self.depth + 1).min(9).to_string();
        let mut changes = vec![(OsString::from(env::SAFEGUARD.0), OsString::from(level))];
        if self.path_changed {
            changes.push((OsString::from(env::PATH.0), self.path.clone()));
        }
        changes
    }

    /// The command as one line, for messages.
    pub fn line(argv: &[OsString]) -> String {
        shell_words::join(argv.iter().map(|word| word.to_string_lossy()))
    }
}
