//! Whether a volunteer's compiler says what ours would say: tried on a unit of which both have
//! something to say, for the same language and the same kind of terminal, and remembered.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use crate::base::capture::capture;
use crate::base::disk::{Disk, RealDisk};
use crate::base::env::Var;
use crate::base::{dirs, replace, terminal};
use crate::client::attempt::Attempt;
use crate::client::pump::acquaintance::{Acquaintance, short_name};
use crate::client::pump::probe::{self, Probe, Probed};
use crate::client::pump::session;
use crate::client::remote::Errand;
use crate::compiler::pump;
use crate::compiler::talk::{TALKATIVE, TALKED_OF, may_be_ours};
use crate::compiler::unit::Family;
use crate::progress::board::Post;
use crate::protocol::audience::{Audience, HEEDED};

/// How long it is remembered. A volunteer may get other translations meanwhile.
const REMEMBERED: Duration = Duration::from_secs(3600);
/// How long our compiler may take for the unit, and how much it may say.
const LIMIT: Duration = Duration::from_secs(10);
const MOST_BYTES: usize = 64 * 1024;
/// What is remembered of a volunteer that says the same.
const SAME: &[u8] = b"same\n";
const OTHER: &[u8] = b"other\n";

/// For whom our compiler would print; `None` where that cannot be told.
pub fn audience(family: Family) -> Option<Audience> {
    let size = terminal::size(io::stderr());
    // gcc asks the terminal on standard input, and a volunteer's has none there. clang asks none.
    let width = size.filter(|_| family == Family::Gcc).and_then(|_| terminal::size(io::stdin()));
    let width = width.map(|(_, columns)| columns).filter(|columns| *columns > 0);
    let value = |name| match (Var(name).get(), name) {
        (None, "COLUMNS") => width.map(|columns| columns.to_string().into()),
        (value, _) => value,
    };
    let set: Vec<(&str, OsString)> =
        HEEDED.into_iter().filter_map(|name| Some((name, value(name)?))).collect();
    Audience::new(set.iter().map(|(name, value)| (*name, value.as_bytes())), size)
}

/// A volunteer's compiler, and for whom it has printed.
#[derive(Debug)]
pub struct Talk<'a> {
    /// The way to the volunteer.
    pub errand: &'a Errand<'a>,
    /// The name by which it knows the compiler.
    pub name: &'a OsStr,
    /// For whom; `None` where the volunteer has not been told.
    pub audience: Option<Audience>,
}

impl Talk<'_> {
    /// Whether `text`, which it printed, is what our compiler would print.
    pub fn is_ours(
        &self,
        attempt: &Attempt<'_>,
        acquaintance: &Acquaintance<'_>,
        text: &[u8],
        post: &mut Post,
    ) -> bool {
        let Some(audience) = &self.audience else { return false };
        if !may_be_ours(text, [self.name, &attempt.unit.compiler]) {
            return false;
        }
        let Some(compiler) = attempt.compiler_key() else { return false };
        let (language, told) = (attempt.unit.language.name(), audience.encode());
        let key = short_name(&[compiler, language.as_bytes(), told.as_bytes()]);
        let Some(file) = acquaintance.talk_file(&key) else { return false };
        if let Some(known) = known(&file) {
            return known;
        }
        let Ok(_lock) = acquaintance.lock() else { return false };
        // Another client may have been quicker.
        if let Some(known) = known(&file) {
            return known;
        }
        let Some((ours, theirs)) = self.both(attempt, audience, post) else { return false };
        let is_same = !ours.is_empty() && ours == theirs;
        if !is_same {
            crate::info!(
                "{} prints other warnings than this machine: units with any are compiled here",
                self.errand.host.text
            );
        }
        session::note(&file, if is_same { SAME } else { OTHER });
        is_same
    }

    /// What our compiler and the volunteer's say of one unit.
    fn both(
        &self,
        attempt: &Attempt<'_>,
        audience: &Audience,
        post: &mut Post,
    ) -> Option<(Vec<u8>, Vec<u8>)> {
        let dir = std::path::absolute(dirs::state_subdir("volunteers").ok()?).ok()?;
        let path = dir.join("talked-of.c");
        replace::write(&path, TALKED_OF.as_bytes(), 0o666).ok()?;
        let probe = Probe {
            path: &path,
            source: TALKED_OF,
            options: &[TALKATIVE],
            audience: Some(audience),
        };
        let theirs = match probe::compile(attempt, self.errand, self.name, &probe, post) {
            Probed::Done(reply) => reply.stderr,
            _ => return None,
        };
        Some((ours(attempt, audience, &path)?, theirs))
    }
}

/// What our compiler says of the unit at `path`.
fn ours(attempt: &Attempt<'_>, audience: &Audience, path: &Path) -> Option<Vec<u8>> {
    let unit = attempt.unit;
    let mut words = pump::probe(unit, &unit.compiler, path.as_os_str(), "/dev/null");
    words.push(TALKATIVE.into());
    let mut command = attempt.call.command(&words)?;
    command.envs(audience.variables());
    let (status, text) = match audience.terminal() {
        Some(size) => terminal::capture(command, size, LIMIT, MOST_BYTES).ok()?,
        None => {
            let captured = capture(&mut command, LIMIT, MOST_BYTES as u64).ok()?;
            (captured.status, captured.stderr)
        }
    };
    status.success().then_some(text)
}

fn known(file: &Path) -> Option<bool> {
    if !replace::is_younger(file, REMEMBERED) {
        return None;
    }
    let content = RealDisk.read(file, SAME.len() as u64 + 1).ok()?;
    [(SAME, true), (OTHER, false)]
        .into_iter()
        .find_map(|(text, is)| (content == text).then_some(is))
}
