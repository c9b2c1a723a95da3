//! What each file of a kind does, as far as the macros that are known let it.

use std::collections::{BTreeSet, HashSet};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::base::disk::EntryKind;
use crate::include::CannotTell;
use crate::include::arithmetic::Truth;
use crate::include::condition::outcome;
use crate::include::expand::{FEW_STEPS, MOST_STEPS, TooMany, named, possible};
use crate::include::kind::{Kind, Unit, World};
use crate::include::leads::{Absent, Leads};
use crate::include::names::Name;
use crate::include::reduce::{Action, Reduced, Wanted};
use crate::include::tree::path;

/// The macro by which files include themselves.
const OWN_NAME: &[u8] = b"__FILE__";

impl Kind {
    /// Has each step of a file that may be reached take effect; computed includes only where
    /// `with_computed`, or else they are put off until more is known of their macros.
    pub(super) fn work(&mut self, at: usize, with_computed: bool, world: &World<'_>) {
        let Some(node) = self.nodes.get_mut(at) else { return };
        match with_computed {
            true => node.is_deferred = false,
            false => node.is_queued = false,
        }
        let reduced = Arc::clone(&node.reduced);
        // What it is asked for while it is worked on, is asked for again.
        let mut done = std::mem::take(&mut node.done);
        let mut leads = std::mem::take(&mut node.leads);
        let alive = self.alive(at, &reduced, world);
        // Some files have the same one hundreds of times.
        let mut computed = HashSet::new();
        for (step, done) in reduced.steps.iter().zip(&mut done) {
            if *done || !alive.get(step.group).copied().unwrap_or(true) {
                continue;
            }
            *done = match &step.action {
                Action::Define(name, definition) => {
                    if self.macros.add(*name, definition, true) {
                        self.touch(*name, world.names);
                    }
                    true
                }
                Action::Undef(name) => {
                    if self.macros.remove(*name) {
                        self.touch(*name, world.names);
                    }
                    // A later definition elsewhere must not hide it.
                    true
                }
                Action::Include(Wanted::Computed(..)) if !with_computed => {
                    self.defer(at);
                    false
                }
                Action::Include(wanted @ Wanted::Computed(..)) if !computed.insert(wanted) => false,
                Action::Include(wanted) => self.include(at, wanted, &mut leads, world),
                Action::Clock => {
                    let file = self.nodes.get(at).map(|node| node.path.to_path_buf());
                    leads.trouble = leads.trouble.or(file.map(CannotTell::Clock));
                    true
                }
            };
        }
        leads.tidy();
        if let Some(node) = self.nodes.get_mut(at) {
            (node.done, node.leads) = (done, leads);
        }
    }

    /// Which groups of a file may be read; looked at again when more is known of what decides it.
    fn alive(&mut self, at: usize, reduced: &Reduced, world: &World<'_>) -> Vec<bool> {
        let mut outcomes: Vec<Option<Truth>> = vec![None; reduced.conditions.len()];
        let mut alive = vec![true; reduced.groups.len()];
        for (index, group) in reduced.groups.iter().enumerate().skip(1) {
            let mut is_alive = alive.get(group.parent).copied().unwrap_or(true);
            for &(condition, so) in &group.tests {
                if !is_alive {
                    break;
                }
                let Some(slot) = outcomes.get_mut(condition) else { continue };
                if slot.is_none() {
                    let Some(condition) = reduced.conditions.get(condition) else { continue };
                    let mut asked = Vec::new();
                    let found = outcome(condition, &self.macros, world.names, &mut asked);
                    if found != Truth::Unknown {
                        self.watch(at, asked);
                    }
                    *slot = Some(found);
                }
                // Behind an error there is no compile.
                is_alive = [Some(Truth::Unknown), Some(Truth::Known(so))].contains(slot);
            }
            if let Some(slot) = alive.get_mut(index) {
                *slot = is_alive;
            }
        }
        alive
    }

    fn watch(&mut self, at: usize, asked: Vec<Name>) {
        for name in asked {
            let watchers = self.watchers.entry(name).or_default();
            if !watchers.contains(&at) {
                watchers.push(at);
            }
        }
    }

    /// Adds what an include may open; whether it needs no second look.
    fn include(
        &mut self,
        at: usize,
        wanted: &Wanted,
        leads: &mut Leads,
        world: &World<'_>,
    ) -> bool {
        let Some(node) = self.nodes.get(at) else { return true };
        let file = Arc::clone(&node.path);
        let dir = file.parent().unwrap_or(Path::new("/"));
        let Wanted::Computed(text, is_next) = wanted else {
            self.candidates(wanted, dir, leads, world);
            return true;
        };
        let found = match **text == *OWN_NAME {
            true => self.own_names(at, leads, world),
            false => self.computed(at, text, world),
        };
        let Ok(found) = found else {
            let text = String::from_utf8_lossy(text).into_owned();
            let trouble = CannotTell::Computed(file.to_path_buf(), text);
            leads.trouble = leads.trouble.take().or(Some(trouble));
            return true;
        };
        for wanted in found {
            let wanted = if *is_next { wanted.into_next() } else { wanted };
            self.candidates(&wanted, dir, leads, world);
        }
        false
    }

    /// What a computed include of a file may name; the file is looked at again once that may be
    /// more.
    fn computed(
        &mut self,
        at: usize,
        text: &[u8],
        world: &World<'_>,
    ) -> Result<Vec<Wanted>, TooMany> {
        let all = |found: &BTreeSet<Vec<u8>>| found.iter().filter_map(|text| named(text)).collect();
        let names = world.names;
        let mut asked = Vec::new();
        if !self.harvests.has(text)
            && let Ok(found) = possible(text, &self.macros, names, &mut asked, FEW_STEPS)
        {
            self.watch(at, asked);
            return Ok(all(&found));
        }
        if let Ok(found) = self.harvests.take(text, at, &mut self.macros, names) {
            return Ok(all(found));
        }
        let mut asked = Vec::new();
        let found = possible(text, &self.macros, names, &mut asked, MOST_STEPS)?;
        self.watch(at, asked);
        Ok(all(&found))
    }

    /// What the file's own name may be, as it stands in `__FILE__`: its path, or the end of that
    /// from the current directory on, whichever this is. The path is `leads`' at once.
    fn own_names(
        &mut self,
        at: usize,
        leads: &mut Leads,
        world: &World<'_>,
    ) -> Result<Vec<Wanted>, TooMany> {
        let name = world.names.of(OWN_NAME);
        self.watch(at, vec![name]);
        let node = self.nodes.get(at).ok_or(TooMany)?;
        if node.reduced.is_renamed || self.macros.is_redefined(name) {
            return Err(TooMany);
        }
        // The compiler names a file once more on its way with each turn; `.` makes no difference.
        let parts: Vec<Component<'_>> = node.path.components().collect();
        if parts.contains(&Component::ParentDir) {
            return Err(TooMany);
        }
        leads.to.push(at);
        let ends = (1..parts.len()).filter_map(|start| parts.get(start..));
        let names = ends.map(|parts| parts.iter().collect::<PathBuf>().into_os_string());
        Ok(names.map(|name| Wanted::Quoted(name.as_bytes().into())).collect())
    }

    /// What a command includes by itself.
    pub(super) fn first(&mut self, unit: &Unit<'_>, world: &World<'_>) -> Leads {
        let mut leads = Leads::default();
        for name in &unit.commanded.forced {
            let wanted = Wanted::Quoted(name.as_slice().into());
            self.candidates(&wanted, unit.cwd, &mut leads, world);
        }
        // Such words are none of a file's: whoever sends them, can change them.
        leads.absolute = None;
        let implied = Wanted::Angled((*b"stdc-predef.h").into());
        self.candidates(&implied, unit.cwd, &mut leads, world);
        leads.tidy();
        leads
    }

    /// Adds every file that a name may mean for a file in `dir`; and a precompiled header in its
    /// place.
    fn candidates(&mut self, wanted: &Wanted, dir: &Path, leads: &mut Leads, world: &World<'_>) {
        let (name, is_angled) = match wanted {
            Wanted::Quoted(name) | Wanted::Next(name) => (name, false),
            Wanted::Angled(name) => (name, true),
            Wanted::Computed(..) => return,
        };
        if name.is_empty() || name.contains(&0) {
            return;
        }
        let name = path(name);
        if name.is_absolute() {
            leads.absolute = Some(name.into());
            drop(self.tree.take_used());
            self.look(Path::new("/"), name, leads, world);
            leads.places.extend(self.tree.take_used());
            return;
        }
        let mut is_beside = false;
        if !is_angled {
            drop(self.tree.take_used());
            is_beside = self.look(dir, name, leads, world);
            leads.places.extend(self.tree.take_used());
        }
        let found = match self.lookups.get(wanted) {
            Some(found) => Arc::clone(found),
            None => {
                let found = Arc::new(self.lookup(wanted, name, is_angled, world));
                self.lookups.insert(wanted.clone(), Arc::clone(&found));
                found
            }
        };
        let absent = leads.absent.len();
        leads.add(&found);
        if is_beside && !matches!(wanted, Wanted::Next(_)) {
            // The compiler looks nowhere else.
            leads.absent.truncate(absent);
        }
    }

    /// What a name means in the directories that are searched for all files alike.
    fn lookup(
        &mut self,
        wanted: &Wanted,
        name: &Path,
        is_angled: bool,
        world: &World<'_>,
    ) -> Leads {
        let mut leads = Leads::default();
        let mut absent = Absent::default();
        drop(self.tree.take_used());
        let search = &self.search;
        let quote = if is_angled { &[] } else { search.quote.as_slice() };
        let dirs: Vec<PathBuf> =
            quote.iter().chain(&search.angled).chain(&search.embed).cloned().collect();
        for dir in dirs {
            let system = self.search.system.iter().position(|system| *system == dir);
            if self.look(&dir, name, &mut leads, world) {
                if !matches!(wanted, Wanted::Next(_)) {
                    absent.found(system);
                }
            } else if let Some(system) = system.filter(|_| absent.counts()) {
                let place = self.tree.place(world.disk, Path::new("/"));
                match self.tree.look(world.disk, place, &dir) {
                    Some(_) => absent.missed(system, self.missing(&dir.join(name))),
                    // Where a directory that is not there would be in the order, is not known.
                    None => absent.missed(0, self.missing(&dir)),
                }
            }
        }
        leads.places = self.tree.take_used();
        leads.absent = absent.paths();
        leads.tidy();
        leads
    }

    /// Adds the file `name` in `dir`, if it is there; whether it is.
    fn look(&mut self, dir: &Path, name: &Path, leads: &mut Leads, world: &World<'_>) -> bool {
        let place = self.tree.place(world.disk, dir);
        if self.tree.has_compiled(world.disk, place, name) {
            let mut compiled = dir.join(name).into_os_string();
            compiled.push(".gch");
            let trouble = CannotTell::Precompiled(compiled.into());
            leads.trouble = leads.trouble.take().or(Some(trouble));
        }
        let found = self.tree.look(world.disk, place, name);
        let is_file = found.is_some_and(|kind| kind != EntryKind::Dir);
        if is_file {
            let at = self.node(&dir.join(name));
            leads.to.push(at);
        }
        is_file
    }

    fn missing(&mut self, path: &Path) -> usize {
        if let Some(&known) = self.absent_by_path.get(path) {
            return known;
        }
        let number = self.absent.len();
        let path: Arc<Path> = path.into();
        self.absent.push(Arc::clone(&path));
        self.absent_by_path.insert(path, number);
        number
    }
}
