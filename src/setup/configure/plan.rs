//! What to write where, and the proof that makepkg would then have the values wanted.

use std::path::Path;

use crate::arch::configuration::{Configuration, Position, Value};
use crate::makepkg_conf::document::Document;
use crate::makepkg_conf::edit::{self, Absent};
use crate::makepkg_conf::makeflags;
use crate::setup::apply::change::ChangeSet;
use crate::setup::configure::consent::Consent;
use crate::setup::configure::draft::{Draft, DraftError};
use crate::setup::configure::drop_in::Author;
use crate::setup::configure::edits::{self, Put, Spot};
use crate::setup::configure::native::{self, NativeError};
use crate::setup::configure::place::Place;
use crate::setup::configure::wanted::{Setting, Wanted};
use crate::setup::configure::{March, drop_in};

/// More files than this do not override one another in turn.
const MOST_OVERRIDES: usize = 16;

/// How to plan.
#[derive(Clone, Copy, Debug)]
pub(in crate::setup) struct Planner<'a> {
    /// Where to write.
    pub(in crate::setup) place: &'a Place,
    /// What makepkg is to have.
    pub(in crate::setup) wanted: &'a Wanted,
    /// Whether other files may be edited.
    pub(in crate::setup) consent: Consent,
    /// Which command a drop-in names as the one that wrote it.
    pub(in crate::setup) author: Author,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub(in crate::setup) struct Plan {
    /// The files' changes; none if makepkg has all values already.
    pub(in crate::setup) changes: ChangeSet,
    /// What makepkg has now.
    pub(in crate::setup) now: Configuration,
    /// What it will have.
    pub(in crate::setup) then: Configuration,
}

/// Why there is no plan; nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(in crate::setup) enum PlanError {
    /// The configuration cannot be worked out.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// bash cannot read the drop-in with what there is before it.
    #[error(
        "{0}\nso would makepkg with the drop-in, perhaps because a variable is read-only; nothing \
         was\nwritten: use --in-place, which edits each value where it is set"
    )]
    DropIn(String),
    /// What native stands for cannot be found out.
    #[error(transparent)]
    Native(#[from] NativeError),
    /// A file that is read later sets another value: where, that line, and what to write.
    #[error(
        "{file}:{line}: this is read later, and sets {variable}, too\n    {source_line}\n\
         so nothing was written: write `{wanted}` there,\n\
         or use --overrides to have it changed as well",
        file = .position.file.display(),
        line = .position.line
    )]
    Overridden {
        /// Where.
        position: Position,
        /// What is set there.
        variable: &'static str,
        /// The line.
        source_line: String,
        /// What to write.
        wanted: String,
        /// Whether a person was asked and said no.
        declined: bool,
    },
    /// A `return` that runs ends the file before what would be written.
    #[error(
        "{file}:{line}: makepkg stops reading this file here\n    {source_line}\n\
         so what would be written behind it has no effect, and nothing was written:\n\
         take it out, or write this above it, and try again\n    {wanted}",
        file = .position.file.display(),
        line = .position.line
    )]
    EndsEarly {
        /// Where.
        position: Position,
        /// The line.
        source_line: String,
        /// What to write.
        wanted: String,
    },
    /// What was written has no effect.
    #[error(
        "{variable} would still be `{found}` and not have {wanted}: {place} has the last word, and \
         it cannot be edited for that by a program; nothing was written"
    )]
    NoEffect {
        /// The variable.
        variable: &'static str,
        /// Its value.
        found: String,
        /// What it should have.
        wanted: String,
        /// The file that sets it.
        place: String,
    },
}

impl Planner<'_> {
    /// What is written. Into a build root's makepkg.conf no MAKEFLAGS is: makechrootpkg deletes
    /// that line in each copy, and appends this machine's value at the end, whatever stands before.
    fn settings(&self) -> &'static [Setting] {
        match (self.author, self.place) {
            (Author::Chroot, Place::Deciding) => &[Setting::BuildEnv, Setting::Hosts],
            _ => &Setting::ALL,
        }
    }

    /// Works it out.
    ///
    /// # Errors
    ///
    /// [`PlanError`].
    pub(in crate::setup) fn plan(&self, mut draft: Draft<'_>) -> Result<Plan, PlanError> {
        let now = draft.evaluate()?;
        let missing: Vec<_> =
            self.settings().iter().copied().filter(|&one| !self.wanted.holds(one, &now)).collect();
        for &setting in &missing {
            match self.place {
                Place::DropIn(_) => {}
                Place::Only(file) => drop(self.edit(&mut draft, file, setting)?),
                Place::Deciding => self.edit_where_it_decides(&mut draft, setting, &now)?,
            }
        }
        if let (Place::DropIn(file), false) = (self.place, missing.is_empty()) {
            self.write_drop_in(&mut draft, file)?;
        }
        for &setting in self.settings() {
            self.edit_overrides(&mut draft, setting)?;
        }
        if self.wanted.march == March::Replace {
            native::replace(&mut draft, self.consent)?;
        }
        let then = draft.evaluate()?;
        self.verify(&draft, &then)?;
        draft.ensure_theirs().map_err(DraftError::from)?;
        Ok(Plan { changes: draft.changes(), now, then })
    }

    /// Writes the drop-in anew, if it is not there, sets nothing, or is just as we write it.
    fn write_drop_in(&self, draft: &mut Draft<'_>, file: &Path) -> Result<(), PlanError> {
        let text = draft.text(file).unwrap_or_default();
        let own = drop_in::makeflags_of(text);
        if own.is_none() && !drop_in::is_inert(text) {
            for &setting in self.settings() {
                self.edit(draft, file, setting)?;
            }
            return Ok(());
        }
        let before = draft.evaluate_before(file)?;
        // The words beside `-j` are those that makepkg would have without this drop-in.
        let set = before.position("MAKEFLAGS").and_then(|_| before.text("MAKEFLAGS"));
        let makeflags = makeflags::with_jobs(&own.or(set).unwrap_or_default(), self.wanted.jobs);
        let is_array = |name: &&str| {
            let value = before.variables.get(*name).map(|variable| &variable.value);
            matches!(value, Some(Value::Array(_)))
        };
        let arrays: Vec<_> = ["DISTCC_HOSTS", "MAKEFLAGS"].into_iter().filter(is_array).collect();
        let text = drop_in::text(self.author, &self.wanted.hosts, &makeflags, &arrays);
        draft.write(file, text.into_bytes());
        match draft.evaluate() {
            Ok(_) => Ok(()),
            Err(DraftError::Evaluate(what)) => Err(PlanError::DropIn(what)),
            Err(error) => Err(error.into()),
        }
    }

    /// Edits the file that sets it last; or makepkg.conf, where nothing but an addition in a later
    /// file does.
    fn edit_where_it_decides(
        &self,
        draft: &mut Draft<'_>,
        setting: Setting,
        now: &Configuration,
    ) -> Result<(), PlanError> {
        let last = now.position(setting.variable()).map(|position| position.file.clone());
        let last = last.filter(|file| draft.has(file) && !draft.is_users(file));
        let main = draft.main_file().to_owned();
        let mut files = match setting {
            Setting::BuildEnv => vec![main.clone()],
            Setting::Hosts | Setting::Jobs => vec![last.clone().unwrap_or_else(|| main.clone())],
        };
        files.extend(last.into_iter().chain([main]));
        files.dedup();
        for file in &files {
            let before = draft.clone();
            self.edit(draft, file, setting)?;
            if self.wanted.holds(setting, &draft.evaluate()?) {
                return Ok(());
            }
            *draft = before;
        }
        Ok(())
    }

    /// Edits files that are read later and set another value, or says where they do.
    fn edit_overrides(&self, draft: &mut Draft<'_>, setting: Setting) -> Result<(), PlanError> {
        for _ in 0..MOST_OVERRIDES {
            let configuration = draft.evaluate()?;
            if self.wanted.holds(setting, &configuration) {
                return Ok(());
            }
            let position = configuration.position(setting.variable());
            let Some(position) = position.filter(|position| draft.has(&position.file)) else {
                return Err(self.no_effect(draft, setting, &configuration));
            };
            let source_line = source_line(draft, position);
            let is_ours = self.place.file() == Some(&position.file);
            if !is_ours && !self.consent.allows(position, setting.variable(), &source_line) {
                return Err(PlanError::Overridden {
                    position: position.clone(),
                    variable: setting.variable(),
                    source_line,
                    wanted: self.assignment(setting, &configuration),
                    declined: self.consent == Consent::Ask,
                });
            }
            if !self.edit(draft, &position.file, setting)? {
                return Err(self.no_effect(draft, setting, &configuration));
            }
        }
        Err(self.no_effect(draft, setting, &draft.evaluate()?))
    }

    /// Puts it into `file`: where it stands now, or, where that has no effect, at the file's end.
    /// Says whether it has one, unless a later file takes it away again.
    fn edit(
        &self,
        draft: &mut Draft<'_>,
        file: &Path,
        setting: Setting,
    ) -> Result<bool, DraftError> {
        // What is read later adds to what was set before.
        let absent = match file == draft.main_file() {
            true => Absent::Define,
            false => Absent::Extend,
        };
        let now = draft.evaluate()?;
        if self.wanted.holds(setting, &now) {
            return Ok(true);
        }
        let found = now.position(setting.variable()).and_then(|_| now.text(setting.variable()));
        let found = found.unwrap_or_default();
        let here = now.position(setting.variable()).filter(|position| position.file == file);
        let here = here.map(|position| Spot::Line(position.line));
        let others = [Spot::Text(edit::Place::There), Spot::Text(edit::Place::AtEnd)];
        for spot in here.into_iter().chain(others) {
            let before = draft.clone();
            let text = draft.text(file).unwrap_or_default();
            let put = Put { setting, wanted: self.wanted, found: &found, absent };
            let edited = edits::edit(text, put, spot);
            if draft.text(file) == Some(&edited) {
                continue;
            }
            draft.write(file, edited);
            // An edit may be one that bash cannot read, as of a variable that is read-only.
            if let Ok(then) = draft.evaluate() {
                let last = then.position(setting.variable());
                let is_last = last.is_none_or(|position| position.file == file);
                if self.wanted.holds(setting, &then) || !is_last {
                    return Ok(true);
                }
            }
            *draft = before;
        }
        Ok(false)
    }

    fn verify(&self, draft: &Draft<'_>, then: &Configuration) -> Result<(), PlanError> {
        let failing = self.settings().iter().copied().find(|&one| !self.wanted.holds(one, then));
        failing.map_or(Ok(()), |setting| Err(self.no_effect(draft, setting, then)))
    }

    /// What a person would write to have `setting`.
    fn assignment(&self, setting: Setting, found: &Configuration) -> String {
        let text = found.text(setting.variable()).unwrap_or_default();
        self.wanted.assignment(setting, &text)
    }

    /// Why `setting` cannot be had.
    fn no_effect(&self, draft: &Draft<'_>, setting: Setting, found: &Configuration) -> PlanError {
        let variable = setting.variable();
        let file = self.place.file().unwrap_or(draft.main_file());
        if let Some(position) = found.returns.iter().find(|position| position.file == file) {
            let missing =
                self.settings().iter().copied().filter(|&one| !self.wanted.holds(one, found));
            let wanted: Vec<_> = missing.map(|one| self.assignment(one, found)).collect();
            return PlanError::EndsEarly {
                position: position.clone(),
                source_line: source_line(draft, position),
                wanted: wanted.join("\n    "),
            };
        }
        let place = match found.position(variable) {
            Some(position) => format!("{}:{}", position.file.display(), position.line),
            None => "the environment".to_owned(),
        };
        PlanError::NoEffect {
            variable,
            found: found.text(variable).unwrap_or_default(),
            wanted: self.wanted.value(setting),
            place,
        }
    }
}

/// The line at a position.
fn source_line(draft: &Draft<'_>, position: &Position) -> String {
    let document = Document::parse(draft.text(&position.file).unwrap_or_default());
    String::from_utf8_lossy(document.line(position.line)).trim().to_owned()
}
