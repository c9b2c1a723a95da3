//! From a question to its answer.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::agent::arena::{Arena, Trouble};
use crate::agent::compilers::{Compilers, Environment, value};
use crate::agent::mirror::Mirror;
use crate::agent::tree::{self, Pieces, Wanted};
use crate::base::disk::RealDisk;
use crate::base::{clock, env};
use crate::compiler::scan::{Plan, Surroundings, scan};
use crate::compiler::target::search_path;
use crate::compiler::unit::TranslationUnit;
use crate::include::scanner::{Request, Scanner};
use crate::include::search;
use crate::include::tree::Tree as Ways;
use crate::protocol::agent::{Answer, Form, Question, Tree};
use crate::protocol::include_server;

/// A unit whose files change while they are read is looked at so often.
const TRIES: u32 = 5;

/// A compile, as a client describes it.
struct Asked {
    form: Form,
    cwd: PathBuf,
    environment: Environment,
    argv: Vec<OsString>,
}

/// What is remembered for all clients.
#[derive(Debug, Default)]
pub struct Agent {
    scanner: Scanner,
    compilers: Compilers,
    ways: Mutex<Ways>,
    arena: Mutex<Option<Arc<Arena>>>,
    mirror: Mutex<Option<Mirror>>,
}

impl Agent {
    /// The answer to a client of ours, and where its packets lie.
    pub fn answer(&self, question: Question) -> (Answer, Option<Arc<Arena>>) {
        let asked = Asked {
            form: question.form,
            cwd: path(question.cwd),
            environment: question.environment.iter().filter_map(|text| variable(text)).collect(),
            argv: question.argv.into_iter().map(OsString::from_vec).collect(),
        };
        match self.tree(&asked) {
            Ok((tree, arena)) => (Answer::Tree(tree), Some(arena)),
            Err(why) => (Answer::CannotTell(why), None),
        }
    }

    fn tree(&self, asked: &Asked) -> Result<(Tree, Arc<Arena>), String> {
        self.tried(asked, |pieces| {
            let arena = self.arena()?;
            let parts = match arena.gather(&pieces.pieces) {
                Err(Trouble::Full) => {
                    self.leave(&arena);
                    // What is there already does not help a unit that fills an arena by itself.
                    let arena = self.arena()?;
                    return arena.gather(&pieces.pieces).map(|parts| (parts, arena));
                }
                other => other?,
            };
            Ok((parts, arena))
        })
        .map(|(pieces, (parts, arena))| {
            let count = u32::try_from(pieces.pieces.len()).unwrap_or(u32::MAX);
            let Pieces { system, absent, .. } = pieces;
            (Tree { count, parts, system, absent }, arena)
        })
    }

    /// The answer to a client of distcc's own: names below the mirror; none where nobody can tell.
    pub fn names(&self, request: include_server::Request) -> Result<Vec<OsString>, String> {
        let own = [env::PATH, env::HOME, env::TMPDIR];
        let own = own.into_iter().filter_map(|name| Some((name.0.into(), name.get()?)));
        let asked = Asked {
            form: Form::Stock,
            cwd: path(request.cwd),
            environment: own.collect(),
            argv: request.argv.into_iter().map(OsString::from_vec).collect(),
        };
        let mut mirror = self.mirror.lock().unwrap_or_else(PoisonError::into_inner);
        let named = self.tried(&asked, |pieces| match mirror.as_mut() {
            Some(mirror) => mirror.show(&pieces.pieces),
            None => {
                let failed = |error: std::io::Error| {
                    Trouble::Failed(PathBuf::from("the mirror"), error.to_string())
                };
                let base = env::DISTCC_CLIENT_TMP.get_nonempty();
                let new = Mirror::new(base.as_deref())
                    .inspect_err(|error| crate::warning!("files for other clients: {error}"))
                    .map_err(failed)?;
                mirror.insert(new).show(&pieces.pieces)
            }
        });
        named.map(|(_, names)| names)
    }

    /// Has `take` take the pieces, which are put together again where a file changes meanwhile.
    fn tried<T>(
        &self,
        asked: &Asked,
        mut take: impl FnMut(&Pieces) -> Result<T, Trouble>,
    ) -> Result<(Pieces, T), String> {
        let mut tries = 0;
        loop {
            let pieces = self.pieces(asked)?;
            tries += 1;
            match take(&pieces) {
                Ok(taken) => return Ok((pieces, taken)),
                Err(Trouble::Changed(_)) if tries < TRIES => {}
                Err(trouble) => return Err(trouble.to_string()),
            }
        }
    }

    fn pieces(&self, asked: &Asked) -> Result<Pieces, String> {
        let Asked { form, cwd, environment, argv } = asked;
        if !cwd.is_absolute() {
            return Err(format!("{}: the directory is no absolute path", cwd.display()));
        }
        let is_set =
            |name: &env::Var| value(environment, name.0).is_some_and(|value| !value.is_empty());
        // Other volunteers are told these directories by options.
        let unheeded = env::HEADER_DIRS.into_iter().find(is_set).filter(|_| *form == Form::Stock);
        if let Some(env::Var(name)) = unheeded {
            return Err(format!("{name} is set, which distccd 3.4 does not heed"));
        }
        let path = search_path(value(environment, env::PATH.0).unwrap_or_default());
        let around = Surroundings { cwd, path: &path, disk: &RealDisk };
        let unit = match scan(argv, &around) {
            Plan::Distribute(unit) => unit,
            Plan::Local(reason) => return Err(reason.sentence()),
        };
        if unit.preprocessed {
            return Err("the source is preprocessed".to_owned());
        }
        self.pieces_of(*form, &unit, cwd, environment)
    }

    fn pieces_of(
        &self,
        form: Form,
        unit: &TranslationUnit,
        cwd: &std::path::Path,
        environment: &Environment,
    ) -> Result<Pieces, String> {
        let defaults = self.compilers.defaults(unit, cwd, environment)?;
        let request = Request { unit, cwd, defaults: &defaults, now: clock::nanoseconds() };
        let cannot = |error: crate::include::CannotTell| error.to_string();
        let scanned = self.scanner.scan(&request, &RealDisk).map_err(cannot)?;
        let (search, _) = search::read(unit, cwd, &defaults).map_err(cannot)?;
        let named = value(environment, env::PWD.0).filter(|_| form == Form::InPlace);
        let named = named.map_or(cwd, std::path::Path::new);
        let wanted = Wanted { form, unit, cwd, named, search: &search, scanned: &scanned };
        let mut ways = self.ways.lock().unwrap_or_else(PoisonError::into_inner);
        tree::pieces(&wanted, &mut ways)
    }

    fn arena(&self) -> Result<Arc<Arena>, Trouble> {
        let mut arena = self.arena.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(arena) = arena.as_ref() {
            return Ok(Arc::clone(arena));
        }
        let new = Arena::new();
        let failed = |error: std::io::Error| {
            Trouble::Failed(PathBuf::from("a file in memory"), error.to_string())
        };
        Ok(Arc::clone(arena.insert(Arc::new(new.map_err(failed)?))))
    }

    /// Has the next question begin another arena; clients go on with the one that they have.
    fn leave(&self, full: &Arc<Arena>) {
        let mut arena = self.arena.lock().unwrap_or_else(PoisonError::into_inner);
        if arena.as_ref().is_some_and(|arena| Arc::ptr_eq(arena, full)) {
            *arena = None;
        }
    }

    /// Removes what is on the disk.
    pub fn close(&self) {
        drop(self.mirror.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

fn path(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes))
}

fn variable(text: &[u8]) -> Option<(OsString, OsString)> {
    let at = text.iter().position(|&byte| byte == b'=')?;
    let (name, value) = text.split_at_checked(at)?;
    // What no variable can be is left out.
    let is_one = !name.is_empty() && !text.contains(&0);
    let os = |bytes: &[u8]| std::ffi::OsStr::from_bytes(bytes).to_owned();
    is_one.then(|| (os(name), os(value.get(1..).unwrap_or_default())))
}
