//! The files of a configuration as they would be, and what makepkg would make of them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::{MetadataExt, lchown, symlink};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::arch::configuration::{Configuration, Origin};
use crate::arch::evaluate::{self, OtherUser};
use crate::base::dirs::temp_dir;
use crate::base::replace;
use crate::setup::apply::apply_error::ApplyError;
use crate::setup::apply::change::{Change, ChangeSet, Seen};
use crate::setup::subject::Subject;

/// The directory of the copies that has the system's files.
const SYSTEM: &str = "system";
/// The one that has the user's own file.
const USER: &str = "user";
/// Variables by which a file finds others that are beside it.
const WHERE_IT_IS: [&str; 2] = ["BASH_SOURCE", "MAKEPKG_CONF"];
/// The directory of the copies that stands for what is yet to be installed.
const PROGRAMS: &str = "bin";
/// A program that does nothing.
const STAND_IN: &str = "/usr/bin/true";

/// All files that makepkg reads, and what is to be written into them.
#[derive(Clone, Debug)]
pub(in crate::setup) struct Draft<'a> {
    subject: &'a Subject,
    /// As they are, in the order of names; those that are to be made are among them.
    seen: BTreeMap<PathBuf, Seen>,
    /// The user's own file, if makepkg reads one, or will.
    users: Option<PathBuf>,
    /// New contents.
    written: Contents,
    /// What has been worked out: a configuration is a program, which may take its time, and leave
    /// traces each time that it runs.
    known: Rc<RefCell<Vec<(Contents, Configuration)>>>,
}

/// Files' contents by name.
type Contents = BTreeMap<PathBuf, Vec<u8>>;

/// Why a configuration cannot be worked out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(in crate::setup) enum DraftError {
    /// A file cannot be read.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// makepkg could not read it either, with what would be written or without.
    #[error("{0}")]
    Evaluate(String),
    /// The copies cannot be made.
    #[error(
        "the changes cannot be tried out in {dir}: {error} (TMPDIR may name another directory)",
        dir = .0.display(),
        error = .1
    )]
    Copy(PathBuf, #[source] io::Error),
}

impl<'a> Draft<'a> {
    /// Reads the files of `subject`, and `more`, which may be one that is not there yet.
    ///
    /// # Errors
    ///
    /// What reading them met.
    pub(in crate::setup) fn read(
        subject: &'a Subject,
        more: Option<&Path>,
    ) -> Result<Self, ApplyError> {
        let users = subject.request().user_files.then(|| subject.user_file()).flatten();
        let users = users.filter(|file| file.exists() || more == Some(file));
        let mut paths = vec![subject.file.clone()];
        if subject.makepkg.reads_drop_ins {
            paths.extend(drop_ins(&subject.drop_in_dir())?);
        }
        paths.extend(users.clone());
        paths.extend(more.map(Path::to_owned));
        let mut seen = BTreeMap::new();
        for path in paths {
            if users.as_ref() == Some(&path) {
                ensure_readable_for(subject.user.as_ref(), &path)?;
            }
            seen.insert(path.clone(), Seen::read(&path)?);
        }
        if seen.get(&subject.file).is_some_and(|main| main.content.is_none()) {
            let error = rustix::io::Errno::NOENT.into();
            return Err(ApplyError::Unreadable(subject.file.clone(), error));
        }
        Ok(Self { subject, seen, users, written: Contents::new(), known: Rc::default() })
    }

    /// The files' names.
    pub(in crate::setup) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.seen.keys().map(PathBuf::as_path)
    }

    /// The file that makepkg reads first.
    pub(in crate::setup) fn main_file(&self) -> &Path {
        &self.subject.file
    }

    /// Whether `path` is one of them.
    pub(in crate::setup) fn has(&self, path: &Path) -> bool {
        self.seen.contains_key(path)
    }

    /// Whether `path` is the user's own file.
    pub(in crate::setup) fn is_users(&self, path: &Path) -> bool {
        self.users.as_deref() == Some(path)
    }

    /// A file's text as it would be; `None` where there would be none.
    pub(in crate::setup) fn text(&self, path: &Path) -> Option<&[u8]> {
        let written = self.written.get(path).map(Vec::as_slice);
        written.or_else(|| self.seen.get(path)?.content.as_deref())
    }

    /// Puts `text` into a file of the draft.
    pub(in crate::setup) fn write(&mut self, path: &Path, text: Vec<u8>) {
        self.written.insert(path.to_owned(), text);
    }

    /// What makepkg would make of it.
    ///
    /// # Errors
    ///
    /// [`DraftError`].
    pub(in crate::setup) fn evaluate(&self) -> Result<Configuration, DraftError> {
        let known =
            self.known.borrow().iter().find(|(written, _)| *written == self.written).cloned();
        if let Some((_, configuration)) = known {
            return Ok(configuration);
        }
        let configuration = self.evaluate_those(|_| true)?;
        self.known.borrow_mut().push((self.written.clone(), configuration.clone()));
        Ok(configuration)
    }

    /// What makepkg would make of the files that it reads before `file`, which is a drop-in.
    ///
    /// # Errors
    ///
    /// [`DraftError`].
    pub(in crate::setup) fn evaluate_before(
        &self,
        file: &Path,
    ) -> Result<Configuration, DraftError> {
        let order = self.evaluate()?.files;
        let before: Vec<_> = order.into_iter().take_while(|one| one != file).collect();
        self.evaluate_those(|one| before.iter().any(|path| path == one))
    }

    /// Copies the files to a place of their own, where bash reads them.
    fn evaluate_those(&self, wanted: impl Fn(&Path) -> bool) -> Result<Configuration, DraftError> {
        let user = self.subject.user.as_ref();
        let bad = |error| DraftError::Copy(temp_dir(), error);
        let top = tempfile::Builder::new().prefix("distcc-setup-").tempdir_in(temp_dir());
        let top = top.map_err(bad)?;
        let mut copies = Copies { top: top.path().to_owned(), user, originals: BTreeMap::new() };
        let mut request = self.subject.request();
        request.file = copies.name(&self.subject.file, SYSTEM);
        let dir = request.file.with_file_name(with_d(&self.subject.file));
        for (path, _) in self.seen.iter().filter(|(path, _)| wanted(path)) {
            let Some(text) = self.text(path) else { continue };
            let copy = if *path == self.subject.file {
                request.file.clone()
            } else if self.is_users(path) {
                let copy = copies.name(path, USER);
                request.user_file = Some(copy.clone());
                copy
            } else {
                dir.join(path.file_name().unwrap_or_default())
            };
            copies.put(path, &copy, text).map_err(bad)?;
        }
        if self.paths().filter_map(|path| self.text(path)).any(asks_where_it_is) {
            copies.link_neighbours(|path| self.has(path)).map_err(bad)?;
        }
        // Never the user's real file in place of a copy that was left out.
        request.user_files = false;
        request.last_on_path = Some(copies.client().map_err(bad)?);
        evaluate::evaluate(&request)
            .map(|read| copies.rename(read))
            .map_err(|error| DraftError::Evaluate(copies.rename_in(&error.to_string())))
    }

    /// Makes sure that root writes nothing for a user that is not that user's.
    ///
    /// # Errors
    ///
    /// [`ApplyError::NotTheirs`].
    pub(in crate::setup) fn ensure_theirs(&self) -> Result<(), ApplyError> {
        let (Some(user), Some(path)) = (&self.subject.user, &self.users) else { return Ok(()) };
        let is_changed = self.written.contains_key(path);
        match std::fs::metadata(path) {
            Ok(meta) if is_changed && meta.uid() != user.uid => {
                Err(ApplyError::NotTheirs(path.clone(), user.name.clone()))
            }
            _ => Ok(()),
        }
    }

    /// What is to be done to the files, and all that it rests on.
    pub(in crate::setup) fn changes(&self) -> ChangeSet {
        let mut set = ChangeSet::default();
        for (path, seen) in &self.seen {
            match self.written.get(path).filter(|text| seen.content.as_ref() != Some(text)) {
                None => set.rests_on.push(seen.clone()),
                Some(text) => {
                    set.changes.push(Change::new(seen.clone(), text.clone()));
                }
            }
        }
        set
    }
}

/// Makes sure that root reads nothing for `user` that this user may not read: the user's own file
/// may be a link.
fn ensure_readable_for(user: Option<&OtherUser>, path: &Path) -> Result<(), ApplyError> {
    let (Some(user), Ok(meta)) = (user, std::fs::metadata(path)) else { return Ok(()) };
    match meta.uid() == user.uid || meta.mode() & 0o004 != 0 {
        true => Ok(()),
        false => Err(ApplyError::NotTheirs(path.to_owned(), user.name.clone())),
    }
}

/// Whether a file may look for others that are beside it.
fn asks_where_it_is(text: &[u8]) -> bool {
    WHERE_IT_IS.iter().any(|name| memchr::memmem::find(text, name.as_bytes()).is_some())
}

/// `FILE.d`.
fn with_d(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".d");
    name.into()
}

/// The files that makepkg reads there.
fn drop_ins(dir: &Path) -> Result<Vec<PathBuf>, ApplyError> {
    let unreadable = |error| ApplyError::Unreadable(dir.to_owned(), error);
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(unreadable)?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        // As bash's `*.conf`: no hidden files, and no links that lead to nothing.
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        let fits = path.extension() == Some(OsStr::new("conf")) && !name.starts_with(b".");
        if fits && path.exists() {
            files.push(path);
        }
    }
    Ok(files)
}

/// Copies of files in a directory of their own, readable for whoever is to read them.
struct Copies<'a> {
    top: PathBuf,
    user: Option<&'a OtherUser>,
    /// The files' own names by the copies'.
    originals: BTreeMap<PathBuf, PathBuf>,
}

impl Copies<'_> {
    /// The copy's name, in `dir`.
    fn name(&self, path: &Path, dir: &str) -> PathBuf {
        self.top.join(dir).join(path.file_name().unwrap_or_default())
    }

    fn put(&mut self, path: &Path, copy: &Path, text: &[u8]) -> io::Result<()> {
        if let Some(dir) = copy.parent() {
            std::fs::create_dir_all(dir)?;
            self.give(dir)?;
        }
        replace::write(copy, text, 0o600)?;
        self.give(copy)?;
        self.originals.insert(copy.to_owned(), path.to_owned());
        Ok(())
    }

    /// Links to what is beside the files, unless `is_read` says that makepkg reads it itself.
    fn link_neighbours(&mut self, is_read: impl Fn(&Path) -> bool) -> io::Result<()> {
        for (copy, path) in self.originals.clone() {
            let (Some(copies), Some(dir)) = (copy.parent(), path.parent()) else { continue };
            let dir_name = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
            for entry in std::fs::read_dir(dir_name).into_iter().flatten() {
                let name = entry?.file_name();
                let (link, neighbour) = (copies.join(&name), dir.join(&name));
                // What makepkg reads is copied, or left out; so is the directory of the drop-ins.
                if is_read(&neighbour) || name == with_d(&path) || link.symlink_metadata().is_ok() {
                    continue;
                }
                symlink(std::path::absolute(&neighbour)?, &link)?;
                self.originals.insert(link, neighbour);
            }
        }
        Ok(())
    }

    /// A directory with something called `distcc`: a drop-in asks whether the client is there, and
    /// what counts is what it does once it is. It is a link, for nothing in a temporary directory
    /// may be executable.
    fn client(&self) -> io::Result<PathBuf> {
        let dir = self.top.join(PROGRAMS);
        std::fs::create_dir_all(&dir)?;
        symlink(STAND_IN, dir.join("distcc"))?;
        self.give(&dir)?;
        self.give(&self.top)?;
        Ok(dir)
    }

    fn give(&self, path: &Path) -> io::Result<()> {
        match self.user {
            Some(user) => lchown(path, Some(user.uid), Some(user.gid)),
            None => Ok(()),
        }
    }

    /// The configuration with the files' own names.
    fn rename(&self, mut read: Configuration) -> Configuration {
        let rename = |file: &mut PathBuf| {
            if let Some(original) = self.originals.get(file) {
                file.clone_from(original);
            }
        };
        read.files.iter_mut().for_each(rename);
        let positions = read.assignments.iter_mut().map(|(_, position)| position);
        let positions = positions.chain(&mut read.returns);
        for position in positions.chain(read.left_out.iter_mut().map(|(position, _)| position)) {
            rename(&mut position.file);
        }
        read.lost.iter_mut().for_each(|(_, file)| rename(file));
        for variable in read.variables.values_mut() {
            if let Origin::File(position) = &mut variable.origin {
                rename(&mut position.file);
            }
        }
        read
    }

    /// A message with the files' own names.
    fn rename_in(&self, text: &str) -> String {
        self.originals.iter().fold(text.to_owned(), |text, (copy, path)| {
            text.replace(&*copy.to_string_lossy(), &path.to_string_lossy())
        })
    }
}
