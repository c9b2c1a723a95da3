//! `distcc-setup chroot enable`.

use std::fs::File;
use std::path::Path;

use nix::fcntl::Flock;
use nix::unistd::Uid;

use crate::arch::chroots::{BuildRoot, RootError};
use crate::arch::packages;
use crate::base::exit::Exit;
use crate::setup::addresses::Family;
use crate::setup::apply::apply_error::{self, ApplyError};
use crate::setup::apply::change::ChangeSet;
use crate::setup::apply::state::Locked;
use crate::setup::apply::{ask, diff};
use crate::setup::chroot::client::{self, Client, ClientError, ClientPlan, PACKAGE, Wish};
use crate::setup::chroot::copied::{Copied, CopyError};
use crate::setup::chroot::hosts::{Found, Places, SourceError};
use crate::setup::chroot::lock::{self, LockError};
use crate::setup::chroot::look::{self, Look, Values};
use crate::setup::chroot::pacman::{Accounts, PacmanError};
use crate::setup::chroot::record::{ClientRecord, Record, Store};
use crate::setup::chroot::restore::Restore;
use crate::setup::chroot::select::{self, SelectError};
use crate::setup::chroot::{DECLINED, ERROR, EnableOptions, tell};
use crate::setup::configure::consent::Consent;
use crate::setup::configure::draft::{Draft, DraftError};
use crate::setup::configure::drop_in::Author;
use crate::setup::configure::hosts::HostsError;
use crate::setup::configure::place::Place;
use crate::setup::configure::plan::{Plan, PlanError, Planner};
use crate::setup::configure::target::Target;
use crate::setup::configure::wanted::Wanted;
use crate::setup::configure::{ConfigureOptions, March};
use crate::setup::settings::{Settings, SettingsError};
use crate::setup::subject::Subject;
use crate::setup::{complain, screen};

/// Why a root is not enabled, or disabled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum Stop {
    #[error(transparent)]
    Select(#[from] SelectError),
    #[error(transparent)]
    Root(#[from] RootError),
    #[error("a chroot belongs to root, and so does what is written into it: {0}")]
    NotRoot(String),
    #[error("{0} is on a file system that is mounted read-only: see `findmnt -T {0}`")]
    ReadOnly(String),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Hosts(#[from] HostsError),
    #[error("{0}")]
    Place(String),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error(transparent)]
    Pacman(#[from] PacmanError),
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error(
        "installing the client has changed the configuration, and what was shown is not what would \
         be written now: the client is installed, nothing else was written (run the command again)"
    )]
    Moved,
    #[error(
        "stdin is no terminal, so nobody can be asked; nothing was changed (--yes changes without \
         asking, --dry-run only shows)"
    )]
    NobodyToAsk,
}

impl From<DraftError> for Stop {
    fn from(error: DraftError) -> Self {
        Self::Plan(error.into())
    }
}

impl Stop {
    /// Says it.
    pub(super) fn tell(&self) -> Exit {
        complain(&self.to_string());
        if let Self::Apply(error) | Self::Plan(PlanError::Draft(DraftError::Apply(error))) = self {
            error.advice().iter().for_each(|advice| complain(advice));
        }
        match self {
            Self::Select(SelectError::Declined) => DECLINED,
            _ => ERROR,
        }
    }
}

/// Does it.
pub(super) fn run(options: &EnableOptions) -> Exit {
    let roots = match select::to_change(&options.which.roots, "enable", !options.yes) {
        Ok(roots) => roots,
        Err(error) => return Stop::from(error).tell(),
    };
    let mut worst = Exit::OK;
    for root in roots {
        let exit = enable(&root, options).unwrap_or_else(|stop| stop.tell());
        worst = Exit(worst.0.max(exit.0));
    }
    worst
}

fn enable(root: &BuildRoot, options: &EnableOptions) -> Result<Exit, Stop> {
    select::told(root).iter().for_each(|text| screen::write(&format!("{text}\n")));
    root.ensure_usable()?;
    let store = Store::of(&root.dir);
    let done = enable_with(root, &store, options);
    if matches!(store.load(), Ok(None)) {
        // Nothing was done: not even the directory with the lock is left.
        drop(store.forget());
    }
    done
}

fn enable_with(root: &BuildRoot, store: &Store, options: &EnableOptions) -> Result<Exit, Stop> {
    let _held = if options.dry_run { None } else { Some(hold(root)?) };
    let locked = if options.dry_run { None } else { Some(store.runs.lock()?) };
    let mut work = Work::prepare(root, store, options)?;
    let plan = work.plan()?;
    if plan.changes.is_empty() && matches!(work.client, ClientPlan::Keep(_)) {
        if let Some(locked) = &locked {
            work.keep_record(locked)?;
        }
        screen::write(&tell::nothing_to_do(&work.look, &work.found, &work.client));
        return Ok(Exit::OK);
    }
    screen::write(&tell::before(&work.look, &work.found, &work.client));
    screen::write(&diff::of_all(&plan.changes, diff::has_colours()));
    screen::write(&tell::notes(&work.look, &work.found, work.wanted.jobs));
    let Some(locked) = locked else { return Ok(Exit::OK) };
    plan.changes.ensure_writable()?;
    if !options.yes && !ask::can_ask() {
        return Err(Stop::NobodyToAsk);
    }
    if !options.yes && !ask::confirm("Do this?", true) {
        screen::write("Nothing was changed.\n");
        return Ok(DECLINED);
    }
    work.install()?;
    work.apply(&plan.changes, &locked)?;
    screen::write(&tell::after(&Look::at(root.clone()), &work.wanted));
    Ok(Exit::OK)
}

/// Makes sure that we may write into the root, and that nobody else uses it meanwhile.
///
/// # Errors
///
/// [`Stop`].
pub(super) fn hold(root: &BuildRoot) -> Result<Flock<File>, Stop> {
    if !Uid::effective().is_root() {
        return Err(Stop::NotRoot(apply_error::sudo_command()));
    }
    if root.is_read_only() {
        return Err(Stop::ReadOnly(root.dir.display().to_string()));
    }
    let file = root.lock_file();
    let wait = || {
        screen::write(&format!(
            "Waiting for devtools, which uses {} (Ctrl-C stops waiting) …\n",
            root.dir.display()
        ));
    };
    Ok(lock::exclusive(&file, wait)?)
}

/// All that enabling one root is about.
struct Work<'a> {
    store: &'a Store,
    look: Look,
    record: Record,
    subject: Subject,
    place: Place,
    found: Found,
    wanted: Wanted,
    client: ClientPlan,
}

impl<'a> Work<'a> {
    fn prepare(root: &BuildRoot, store: &'a Store, options: &EnableOptions) -> Result<Self, Stop> {
        let look = Look::at(root.clone());
        let mut record = store.load()?.unwrap_or_else(|| Record::new(&root.dir));
        if client::is_gone(&record.client, &root.dir) {
            record.client = ClientRecord::Before;
        }
        let subject = look::subject(&root.dir);
        let settings = Settings::read(Path::new("/"), subject.home.as_deref())?;
        let family = remember(&mut record, options);
        let places = Places {
            option: options.hosts.as_deref(),
            last: record.hosts.as_deref(),
            settings: &settings,
            home: subject.home.as_deref(),
            root: &root.dir,
        };
        let found = places.find(family)?;
        let jobs = match record.jobs {
            Some(jobs) => jobs,
            None => found.hosts.jobs(settings.job_factor())?,
        };
        let wanted = Wanted { hosts: found.hosts.text.clone(), jobs, march: March::Keep };
        let target = Target { subject, only: None, state: store.runs.clone() };
        let place = Place::choose(&ConfigureOptions::default(), &target).map_err(Stop::Place)?;
        let wish = Wish {
            root: &root.dir,
            client: &look.client,
            record: Some(&record.client),
            file: options.package.as_deref(),
            host: look.host.as_ref(),
        };
        let client = wish.plan()?;
        let subject = target.subject;
        Ok(Self { store, look, record, subject, place, found, wanted, client })
    }

    fn plan(&self) -> Result<Plan, Stop> {
        let draft = Draft::read(&self.subject, self.place.file()).map_err(DraftError::from)?;
        let planner = Planner {
            place: &self.place,
            wanted: &self.wanted,
            // What a later file sets is shown as a change of that file, and asked about.
            consent: Consent::Given,
            author: Author::Chroot,
        };
        Ok(planner.plan(draft)?)
    }

    /// Has the record say what was asked for, where there is one already.
    fn keep_record(&self, _locked: &Locked<'_>) -> Result<(), Stop> {
        match self.store.load()? {
            Some(old) if old != self.record => Ok(self.store.save(&self.record)?),
            _ => Ok(()),
        }
    }

    fn install(&mut self) -> Result<(), Stop> {
        let root = self.look.root.dir.clone();
        let before = self.store.load()?;
        match &self.client {
            ClientPlan::Keep(_) => return Ok(()),
            ClientPlan::Install { pacman, file, .. } => {
                if let ClientRecord::Copied(copied) = &self.record.client {
                    // pacman would find them in its way.
                    copied.remove(&root);
                    self.record.client = ClientRecord::Before;
                }
                let was_there = matches!(self.look.client, Client::Package(_));
                let accounts = Accounts::read(&root)?;
                if !was_there {
                    // Before it is done: whoever is stopped in the middle can still take it back.
                    self.record.client = ClientRecord::Package(PACKAGE.to_owned());
                    self.store.save(&self.record)?;
                    // Those of a root that stood here before.
                    drop(std::fs::remove_dir_all(self.store.accounts().dir));
                }
                let done = pacman.install(&root, file);
                self.keep_accounts(accounts.changed()?)?;
                if let Err(error) = done {
                    self.never_mind(before.as_ref())?;
                    return Err(error.into());
                }
            }
            ClientPlan::Copy(package) => {
                if let ClientRecord::Copied(copied) = &self.record.client {
                    copied.remove(&root);
                }
                self.record.client = ClientRecord::Copied(Copied::copy(package, &root)?);
                self.store.save(&self.record)?;
            }
        }
        Ok(client::ensure_runs(&root)?)
    }

    /// Has the record say again what it said `before`, where nothing has been installed.
    fn never_mind(&self, before: Option<&Record>) -> Result<(), Stop> {
        match before {
            _ if packages::installed(&self.look.root.dir, PACKAGE).is_some() => Ok(()),
            Some(record) => Ok(self.store.save(record)?),
            None => Ok(self.store.forget()?),
        }
    }

    fn keep_accounts(&self, set: ChangeSet) -> Result<(), Stop> {
        if !set.is_empty() {
            self.store.accounts().lock()?.note(&set, "the package's own users")?;
        }
        Ok(())
    }

    /// Writes what was shown, if it is still that.
    fn apply(&self, shown: &ChangeSet, locked: &Locked<'_>) -> Result<(), Stop> {
        let plan = self.plan()?;
        let new = |set: &ChangeSet| -> Vec<_> {
            set.changes.iter().map(|one| (one.path().to_owned(), one.new.clone())).collect()
        };
        if new(&plan.changes) != new(shown) {
            return Err(Stop::Moved);
        }
        self.forget_what_is_gone(locked)?;
        self.store.save(&self.record)?;
        if !plan.changes.is_empty() {
            locked.apply(&plan.changes, &command())?;
        }
        Ok(())
    }

    /// Forgets runs of a root that stood here before, or of files that archbuild has replaced:
    /// nothing of them is left to take back.
    fn forget_what_is_gone(&self, locked: &Locked<'_>) -> Result<(), Stop> {
        let untouched = Values::of(&self.look.root.dir).is_ok_and(|values| values.is_untouched());
        let runs = self.store.runs.runs()?;
        if untouched && Restore::of(&runs, true)?.set.is_empty() {
            runs.iter().for_each(|run| locked.forget(run));
        }
        Ok(())
    }
}

/// Has `record` say what `options` ask for, and what they said last time where they do not.
fn remember(record: &mut Record, options: &EnableOptions) -> Family {
    if options.hosts.is_some() {
        record.hosts.clone_from(&options.hosts);
        record.jobs = None;
        record.family = None;
    }
    if let Some(jobs) = options.jobs {
        record.jobs = Some(jobs.get());
    }
    match options.family() {
        Family::Any => {}
        Family::V4 => record.family = Some(4),
        Family::V6 => record.family = Some(6),
    }
    match record.family {
        Some(4) => Family::V4,
        Some(6) => Family::V6,
        _ => Family::Any,
    }
}

/// This command, as one would type it.
pub(super) fn command() -> String {
    let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    let words: Vec<String> = std::iter::once("distcc-setup".to_owned()).chain(words).collect();
    shell_words::join(&words)
}
