//! `distcc-setup chroot disable`.

use std::path::PathBuf;

use crate::arch::chroots::{BuildRoot, ROOT};
use crate::arch::packages;
use crate::base::exit::Exit;
use crate::setup::apply::run::Run;
use crate::setup::apply::{ask, diff};
use crate::setup::chroot::client::ClientError;
use crate::setup::chroot::enable::{Stop, hold};
use crate::setup::chroot::look::{Look, Values};
use crate::setup::chroot::pacman::Pacman;
use crate::setup::chroot::record::{ClientRecord, Record, Store};
use crate::setup::chroot::restore::Restore;
use crate::setup::chroot::{DECLINED, DisableOptions, ERROR, select, tell};
use crate::setup::{complain, screen};

/// Does it.
pub(super) fn run(options: &DisableOptions) -> Exit {
    let mut named = options.which.roots.clone();
    if let Err(stop) = forget_gone(&mut named, options) {
        return stop.tell();
    }
    if named.is_empty() && !options.which.roots.is_empty() {
        return Exit::OK;
    }
    let roots = match select::to_change(&named, "disable", !options.yes) {
        Ok(roots) => roots,
        Err(error) => return Stop::from(error).tell(),
    };
    let mut worst = Exit::OK;
    for root in roots {
        let exit = disable(&root, options).unwrap_or_else(|stop| stop.tell());
        worst = Exit(worst.0.max(exit.0));
    }
    worst
}

/// Forgets roots that are not there any more, and takes them out of `named`.
fn forget_gone(named: &mut Vec<PathBuf>, options: &DisableOptions) -> Result<(), Stop> {
    let mut there = Vec::new();
    for dir in std::mem::take(named) {
        let absolute = std::path::absolute(&dir).unwrap_or_else(|_| dir.clone());
        let names = [absolute.join(ROOT), absolute];
        let mut records = names.iter().filter(|name| !name.exists()).map(|name| Store::of(name));
        let found = records.find(|store| store.load().is_ok_and(|record| record.is_some()));
        match found.filter(|_| BuildRoot::find(&dir).is_err()) {
            None => there.push(dir),
            Some(_) if options.dry_run => {}
            Some(store) => {
                store.forget()?;
                screen::write(&format!(
                    "{} is not there any more, and is forgotten: nothing is to be taken back.\n",
                    dir.display()
                ));
            }
        }
    }
    *named = there;
    Ok(())
}

fn disable(root: &BuildRoot, options: &DisableOptions) -> Result<Exit, Stop> {
    select::told(root).iter().for_each(|text| screen::write(&format!("{text}\n")));
    let store = Store::of(&root.dir);
    if store.load()?.is_none() {
        screen::write(&tell::never_enabled(&Look::at(root.clone())));
        return Ok(Exit::OK);
    }
    root.ensure_usable()?;
    let _held = if options.dry_run { None } else { Some(hold(root)?) };
    let locked = if options.dry_run { None } else { Some(store.runs.lock()?) };
    let Some(record) = store.load()? else { return Ok(Exit::OK) };
    let runs = store.runs.runs()?;
    let untouched = Values::of(&root.dir).is_ok_and(|values| values.is_untouched());
    let mut restore = Restore::of(&runs, untouched)?;
    if !restore.conflicts.is_empty() && !options.force {
        complain(&tell::refusal(&restore));
        return Ok(ERROR);
    }
    restore.force(&runs)?;
    let removal = Removal::of(&record, root);
    screen::write(&diff::of_all(&restore.set, diff::has_colours()));
    screen::write(&tell::before_disable(&restore, &removal));
    let Some(locked) = locked else { return Ok(Exit::OK) };
    restore.set.ensure_writable()?;
    if !options.yes && !ask::can_ask() {
        return Err(Stop::NobodyToAsk);
    }
    if !options.yes && !ask::confirm("Do this?", true) {
        screen::write("Nothing was changed.\n");
        return Ok(DECLINED);
    }
    let kept = restore.keep()?;
    locked.write(&restore.set)?;
    runs.iter().rev().for_each(|run| drop(run.remove_dirs()));
    let left = remove_client(&record, root, &store)?;
    let mut told = tell::after_disable(&restore, &kept, &removal, &left);
    told += &tell::stale(&Look::at(root.clone()));
    drop(locked);
    store.forget()?;
    screen::write(&told);
    Ok(Exit::OK)
}

/// What becomes of the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Removal {
    /// It was there before.
    Stays,
    /// It is gone already.
    Gone,
    /// pacman removes this package.
    Package(String),
    /// The files that were copied are removed.
    Files,
}

impl Removal {
    fn of(record: &Record, root: &BuildRoot) -> Self {
        match &record.client {
            ClientRecord::Before => Self::Stays,
            gone if super::client::is_gone(gone, &root.dir) => Self::Gone,
            ClientRecord::Package(name) => Self::Package(name.clone()),
            ClientRecord::Copied(_) => Self::Files,
        }
    }
}

/// Removes the client, if it came by us; then the users that came with it. Gives what stays.
fn remove_client(record: &Record, root: &BuildRoot, store: &Store) -> Result<Vec<String>, Stop> {
    let mut left = Vec::new();
    match &record.client {
        ClientRecord::Before => {}
        ClientRecord::Package(name) => {
            if packages::installed(&root.dir, name).is_some() {
                let pacman = Pacman::find().ok_or(ClientError::NoPacman)?;
                pacman.remove(&root.dir, name)?;
            }
        }
        ClientRecord::Copied(copied) => {
            let kept = copied.remove(&root.dir);
            left.extend(kept.iter().map(|path| path.display().to_string()));
        }
    }
    let accounts = store.accounts();
    for run in accounts.runs()?.iter().rev() {
        left.extend(put_back(run, store)?);
    }
    Ok(left)
}

/// Puts the accounts back, unless others have been made or changed since.
fn put_back(run: &Run, store: &Store) -> Result<Vec<String>, Stop> {
    let restore = Restore::of(std::slice::from_ref(run), false)?;
    let accounts = store.accounts();
    let locked = accounts.lock()?;
    if restore.conflicts.is_empty() {
        locked.write(&restore.set)?;
        return Ok(Vec::new());
    }
    // One of them without the others would be worse than all of them.
    Ok(restore.conflicts.iter().map(|conflict| conflict.name()).collect())
}
