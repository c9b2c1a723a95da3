//! What is remembered for units that search alike: their macros, and what each file includes.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::disk::{Disk, EntryKind, Stamp};
use crate::include::CannotTell;
use crate::include::clock;
use crate::include::condition::outcome;
use crate::include::expand::{named, possible};
use crate::include::leads::{Absent, Input, Leads, Scanned};
use crate::include::macros::Macros;
use crate::include::names::{Name, Names};
use crate::include::reduce::{Action, Reduced, Wanted, define};
use crate::include::search::{Commanded, Search};
use crate::include::tree::{Tree, is_fresh, path};

/// The most files that one unit may open.
const MOST_FILES: usize = 50_000;

/// Reads a file and reduces it, or takes what was remembered of it.
pub trait Files {
    /// The file at `path`, whose stamp is `stamp`.
    ///
    /// # Errors
    ///
    /// Why it cannot be read.
    fn reduced(&self, path: &Path, stamp: Stamp) -> Result<Arc<Reduced>, String>;
}

/// What a request needs of the world.
#[derive(Clone, Copy)]
pub struct World<'a> {
    /// Where files are.
    pub disk: &'a dyn Disk,
    /// How they are read.
    pub files: &'a dyn Files,
    /// All identifiers.
    pub names: &'a Names,
    /// The time, in nanoseconds since 1970.
    pub now: i128,
}

/// A file as one path leads to it.
#[derive(Debug)]
struct Node {
    path: PathBuf,
    /// The file as answers have it.
    input: Option<Arc<Input>>,
    stamp: Option<Stamp>,
    is_fresh: bool,
    reduced: Arc<Reduced>,
    /// Steps that have had their effect, by index.
    done: Vec<bool>,
    /// Why the file cannot be followed.
    trouble: Option<CannotTell>,
    leads: Leads,
}

/// Everything that is remembered for one kind of unit.
#[derive(Debug)]
pub struct Kind {
    search: Search,
    macros: Macros,
    /// `-D` of all units so far: those names are always defined.
    always: Option<HashSet<Name>>,
    tree: Tree,
    nodes: Vec<Node>,
    by_path: HashMap<PathBuf, usize>,
    /// Files to look at again once more is known of a macro.
    watchers: HashMap<Name, Vec<usize>>,
    queue: VecDeque<usize>,
}

impl Kind {
    /// Nothing is known yet but what the compiler defines.
    pub fn new(search: Search, macros: Macros) -> Self {
        Self {
            search,
            macros,
            always: None,
            tree: Tree::default(),
            nodes: Vec::new(),
            by_path: HashMap::new(),
            watchers: HashMap::new(),
            queue: VecDeque::new(),
        }
    }

    /// What the unit's compile may open.
    ///
    /// # Errors
    ///
    /// [`CannotTell`].
    pub fn scan(
        &mut self,
        source: &Path,
        cwd: &Path,
        commanded: &Commanded,
        reads_trigraphs: bool,
        world: &World<'_>,
    ) -> Result<Scanned, CannotTell> {
        if self.tree.refresh(world.disk, world.now) {
            self.forget_edges();
        }
        if let Some(define) = commanded.defines.iter().find(|text| clock::is_named(text)) {
            return Err(CannotTell::ClockOption(String::from_utf8_lossy(define).into_owned()));
        }
        self.command(commanded, world);
        let mut first = Leads { to: vec![self.node(source, world)], ..Leads::default() };
        let forced = commanded.forced.iter().map(|name| Wanted::Quoted(name.as_slice().into()));
        let implied = Wanted::Angled((*b"stdc-predef.h").into());
        for wanted in forced.chain([implied]) {
            // The command's own words are none of a file's: whoever sends them, can change them.
            first.add(Leads { absolute: None, ..self.candidates(&wanted, cwd, world) });
        }
        let mut checked = HashSet::new();
        loop {
            self.settle(world);
            let reached = self.reach(&first.to)?;
            let mut is_same = true;
            for &at in &reached {
                if checked.insert(at) && self.is_changed(at, world) {
                    self.read(at, world);
                    is_same = false;
                }
            }
            if is_same {
                return self.answer(&first, &reached, reads_trigraphs);
            }
        }
    }

    /// How much is remembered: files and directories.
    pub fn size(&self) -> (usize, usize) {
        (self.nodes.len(), self.tree.len())
    }

    fn answer(
        &self,
        first: &Leads,
        reached: &[usize],
        reads_trigraphs: bool,
    ) -> Result<Scanned, CannotTell> {
        let mut scanned = Scanned::default();
        let nodes: Vec<&Node> = reached.iter().filter_map(|&at| self.nodes.get(at)).collect();
        for node in &nodes {
            if let Some(trouble) = &node.trouble {
                return Err(trouble.clone());
            }
            if node.reduced.has_trigraphs && reads_trigraphs {
                return Err(CannotTell::Trigraphs(node.path.clone()));
            }
            scanned.inputs.extend(node.input.clone());
        }
        let mut absent = HashSet::new();
        for leads in std::iter::once(first).chain(nodes.iter().map(|node| &node.leads)) {
            if let Some(trouble) = &leads.trouble {
                return Err(trouble.clone());
            }
            absent.extend(leads.absent.iter().cloned());
            scanned.absolute = scanned.absolute.or_else(|| leads.absolute.clone());
        }
        scanned.absent.extend(absent);
        scanned.absent.sort_unstable();
        Ok(scanned)
    }

    /// All files that `roots` lead to.
    fn reach(&self, roots: &[usize]) -> Result<Vec<usize>, CannotTell> {
        let mut seen = vec![false; self.nodes.len()];
        let mut reached = Vec::new();
        let mut open: Vec<usize> = roots.iter().rev().copied().collect();
        while let Some(at) = open.pop() {
            let (Some(node), Some(seen)) = (self.nodes.get(at), seen.get_mut(at)) else { continue };
            if std::mem::replace(seen, true) {
                continue;
            }
            reached.push(at);
            open.extend(node.leads.to.iter().rev());
        }
        if reached.len() > MOST_FILES {
            return Err(CannotTell::TooManyFiles(MOST_FILES));
        }
        Ok(reached)
    }

    /// Takes in what the command line says of macros.
    fn command(&mut self, commanded: &Commanded, world: &World<'_>) {
        let mut defined = HashSet::new();
        for text in &commanded.defines {
            if let Some((name, definition)) = define(text, world.names) {
                let is_first = self.always.is_none();
                if self.macros.add(name, &definition, !is_first) {
                    self.touch(name);
                }
                defined.insert(name);
            }
        }
        for text in &commanded.undefines {
            let name = world.names.of(text);
            defined.remove(&name);
            if self.macros.remove(name) {
                self.touch(name);
            }
        }
        let lost: Vec<Name> = match &self.always {
            Some(always) => always.difference(&defined).copied().collect(),
            None => Vec::new(),
        };
        for &name in &lost {
            if self.macros.remove(name) {
                self.touch(name);
            }
        }
        let always = self.always.get_or_insert(defined);
        always.retain(|name| !lost.contains(name));
    }

    fn touch(&mut self, name: Name) {
        if let Some(watchers) = self.watchers.remove(&name) {
            self.queue.extend(watchers);
        }
    }

    /// The file at `path`, read if it was not known.
    fn node(&mut self, path: &Path, world: &World<'_>) -> usize {
        if let Some(&at) = self.by_path.get(path) {
            return at;
        }
        let at = self.nodes.len();
        self.nodes.push(Node {
            path: path.to_owned(),
            input: None,
            stamp: None,
            is_fresh: true,
            reduced: Arc::default(),
            done: Vec::new(),
            trouble: None,
            leads: Leads::default(),
        });
        self.by_path.insert(path.to_owned(), at);
        self.read(at, world);
        at
    }

    /// Whether the file is not what was read.
    fn is_changed(&self, at: usize, world: &World<'_>) -> bool {
        let Some(node) = self.nodes.get(at) else { return false };
        let stamp = world.disk.stamp(&node.path).ok();
        stamp != node.stamp || node.is_fresh
    }

    /// Reads a file anew.
    fn read(&mut self, at: usize, world: &World<'_>) {
        let Some(node) = self.nodes.get_mut(at) else { return };
        let trouble = |why: String| Some(CannotTell::File(node.path.clone(), why));
        // The stamp first: what is written while the file is read shows the next time.
        let stamp = world.disk.stamp(&node.path);
        node.stamp = stamp.as_ref().ok().copied();
        node.is_fresh = node.stamp.is_some_and(|stamp| is_fresh(&stamp, world.now));
        let reduced = match stamp {
            Ok(stamp) if stamp.kind == EntryKind::File => world.files.reduced(&node.path, stamp),
            Ok(_) => Err("it is no regular file".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        let (reduced, trouble) = match reduced {
            Ok(reduced) => {
                let oddity = reduced.oddity;
                let odd = oddity.map(|oddity| CannotTell::Content(node.path.clone(), oddity));
                (reduced, odd)
            }
            Err(why) => (Arc::default(), trouble(why)),
        };
        if !Arc::ptr_eq(&node.reduced, &reduced) || node.done.len() != reduced.steps.len() {
            node.done = vec![false; reduced.steps.len()];
            node.leads = Leads::default();
            node.reduced = reduced;
            self.queue.push_back(at);
        }
        node.trouble = trouble;
        let way = self.tree.way(world.disk, &node.path);
        if way.is_none() && node.trouble.is_none() {
            node.trouble = Some(CannotTell::File(node.path.clone(), "it is gone".to_owned()));
        }
        let input = way.zip(node.stamp);
        node.input =
            input.map(|(way, stamp)| Input { path: node.path.clone(), way, stamp }).map(Arc::new);
    }

    /// Directories have changed: what names lead to is looked up again.
    fn forget_edges(&mut self) {
        for (at, node) in self.nodes.iter_mut().enumerate() {
            node.leads = Leads::default();
            node.done.fill(false);
            node.stamp = None;
            self.queue.push_back(at);
        }
    }

    /// Works until nothing changes any more.
    fn settle(&mut self, world: &World<'_>) {
        while let Some(at) = self.queue.pop_front() {
            self.work(at, world);
        }
    }

    /// Has each step of a file that may be reached take effect.
    fn work(&mut self, at: usize, world: &World<'_>) {
        let Some(node) = self.nodes.get(at) else { return };
        let reduced = Arc::clone(&node.reduced);
        let mut outcomes: Vec<Option<Option<bool>>> = vec![None; reduced.conditions.len()];
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
                    if found.is_some() {
                        self.watch(at, asked);
                    }
                    *slot = Some(found);
                }
                is_alive = slot.flatten().is_none_or(|found| found == so);
            }
            if let Some(slot) = alive.get_mut(index) {
                *slot = is_alive;
            }
        }
        for (index, step) in reduced.steps.iter().enumerate() {
            let is_done = self.nodes.get(at).and_then(|node| node.done.get(index)).copied();
            if is_done != Some(false) || !alive.get(step.group).copied().unwrap_or(true) {
                continue;
            }
            let is_final = match &step.action {
                Action::Define(name, definition) => {
                    if self.macros.add(*name, definition, true) {
                        self.touch(*name);
                    }
                    true
                }
                Action::Undef(name) => {
                    if self.macros.remove(*name) {
                        self.touch(*name);
                    }
                    // A later definition elsewhere must not hide it.
                    true
                }
                Action::Include(wanted) => self.include(at, wanted, world),
                Action::Clock => {
                    self.note(at, CannotTell::Clock);
                    true
                }
            };
            if is_final
                && let Some(done) = self.nodes.get_mut(at).and_then(|node| node.done.get_mut(index))
            {
                *done = true;
            }
        }
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
    fn include(&mut self, at: usize, wanted: &Wanted, world: &World<'_>) -> bool {
        let Some(node) = self.nodes.get(at) else { return true };
        let dir = node.path.parent().unwrap_or(Path::new("/")).to_owned();
        let Wanted::Computed(text, is_next) = wanted else {
            self.add_leads(at, wanted, &dir, world);
            return true;
        };
        let mut asked = Vec::new();
        match possible(text, &self.macros, world.names, &mut asked) {
            Ok(found) => {
                for wanted in found.iter().filter_map(|text| named(text)) {
                    let wanted = if *is_next { wanted.into_next() } else { wanted };
                    self.add_leads(at, &wanted, &dir, world);
                }
                self.watch(at, asked);
                false
            }
            Err(_) => {
                let text = String::from_utf8_lossy(text).into_owned();
                self.note(at, |path| CannotTell::Computed(path, text));
                true
            }
        }
    }

    /// Notes why nobody can tell what a file leads to.
    fn note(&mut self, at: usize, trouble: impl FnOnce(PathBuf) -> CannotTell) {
        if let Some(node) = self.nodes.get_mut(at) {
            let trouble = Some(trouble(node.path.clone()));
            node.leads.add(Leads { trouble, ..Leads::default() });
        }
    }

    fn add_leads(&mut self, at: usize, wanted: &Wanted, dir: &Path, world: &World<'_>) {
        let leads = self.candidates(wanted, dir, world);
        if let Some(node) = self.nodes.get_mut(at) {
            node.leads.add(leads);
        }
    }

    /// Every file that a name may mean for a file in `dir`; and a precompiled header in its place.
    fn candidates(&mut self, wanted: &Wanted, dir: &Path, world: &World<'_>) -> Leads {
        let mut leads = Leads::default();
        let (name, is_angled) = match wanted {
            Wanted::Quoted(name) | Wanted::Next(name) => (name, false),
            Wanted::Angled(name) => (name, true),
            Wanted::Computed(..) => return leads,
        };
        if name.is_empty() || name.contains(&0) {
            return leads;
        }
        let name = path(name).to_owned();
        let mut dirs: Vec<PathBuf> = Vec::new();
        if name.is_absolute() {
            dirs.push(PathBuf::from("/"));
            leads.absolute = Some(name.as_path().into());
        } else {
            if !is_angled {
                dirs.push(dir.to_owned());
                dirs.extend(self.search.quote.iter().cloned());
            }
            dirs.extend(self.search.angled.iter().cloned());
            dirs.extend(self.search.embed.iter().cloned());
        }
        let mut compiled = name.clone().into_os_string();
        compiled.push(".gch");
        let mut absent = Absent::default();
        for dir in dirs {
            if self.tree.look(world.disk, &dir, Path::new(&compiled)).is_some() {
                leads.trouble = Some(CannotTell::Precompiled(dir.join(&compiled)));
            }
            let full = dir.join(&name);
            let system = self.search.system.iter().position(|system| *system == dir);
            match self.tree.look(world.disk, &dir, &name) {
                None | Some(EntryKind::Dir) => {
                    if let Some(place) = system {
                        let is_there = self.tree.look(world.disk, Path::new("/"), &dir).is_some();
                        absent.missed(place, is_there.then_some(&full), &dir);
                    }
                }
                Some(_) => {
                    leads.add(Leads { to: vec![self.node(&full, world)], ..Leads::default() });
                    if !matches!(wanted, Wanted::Next(_)) {
                        absent.found(system);
                    }
                }
            }
        }
        leads.absent = absent.paths();
        leads
    }
}
