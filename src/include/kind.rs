//! What is remembered for units that search alike: their macros, and what each file includes.

use std::collections::{HashMap, HashSet, VecDeque};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::disk::{Disk, EntryKind, Stamp};
use crate::include::CannotTell;
use crate::include::condition::outcome;
use crate::include::expand::{named, possible};
use crate::include::macros::Macros;
use crate::include::names::{Name, Names};
use crate::include::reduce::{Action, Reduced, Wanted, define};
use crate::include::search::{Commanded, Search};
use crate::include::tree::{Tree, Way, is_fresh, path};

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
    way: Way,
    stamp: Option<Stamp>,
    is_fresh: bool,
    reduced: Arc<Reduced>,
    /// Steps that have had their effect, by index.
    done: Vec<bool>,
    /// What it may include, by index.
    edges: Vec<usize>,
    /// Why the file cannot be followed.
    trouble: Option<CannotTell>,
    /// Why one of its includes cannot.
    include_trouble: Option<CannotTell>,
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

/// A file that a unit may open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// The path by which the compile opens it.
    pub path: &'a Path,
    /// Where that leads.
    pub way: &'a Way,
    /// Its state when it was read.
    pub stamp: Stamp,
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

    /// Every file that the unit may open, the source first.
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
    ) -> Result<Vec<Found<'_>>, CannotTell> {
        if self.tree.refresh(world.disk, world.now) {
            self.forget_edges();
        }
        self.command(commanded, world);
        let mut roots = vec![self.node(source, world)];
        let forced = commanded.forced.iter().map(|name| Wanted::Quoted(name.as_slice().into()));
        let implied = Wanted::Angled((*b"stdc-predef.h").into());
        for wanted in forced.chain([implied]) {
            let (found, trouble) = self.candidates(&wanted, cwd, world);
            if let Some(trouble) = trouble {
                return Err(trouble);
            }
            roots.extend(found);
        }
        let mut checked = HashSet::new();
        loop {
            self.settle(world);
            let reached = self.reach(&roots)?;
            let mut is_same = true;
            for &at in &reached {
                if checked.insert(at) && self.is_changed(at, world) {
                    self.read(at, world);
                    is_same = false;
                }
            }
            if is_same {
                return self.answer(&reached, reads_trigraphs);
            }
        }
    }

    /// How much is remembered: files and directories.
    pub fn size(&self) -> (usize, usize) {
        (self.nodes.len(), self.tree.len())
    }

    fn answer(
        &self,
        reached: &[usize],
        reads_trigraphs: bool,
    ) -> Result<Vec<Found<'_>>, CannotTell> {
        let mut found = Vec::with_capacity(reached.len());
        for node in reached.iter().filter_map(|&at| self.nodes.get(at)) {
            if let Some(trouble) = node.trouble.as_ref().or(node.include_trouble.as_ref()) {
                return Err(trouble.clone());
            }
            if node.reduced.has_trigraphs && reads_trigraphs {
                return Err(CannotTell::Trigraphs(node.path.clone()));
            }
            if let Some(stamp) = node.stamp {
                found.push(Found { path: &node.path, way: &node.way, stamp });
            }
        }
        Ok(found)
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
            open.extend(node.edges.iter().rev());
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
            way: Way::default(),
            stamp: None,
            is_fresh: true,
            reduced: Arc::default(),
            done: Vec::new(),
            edges: Vec::new(),
            trouble: None,
            include_trouble: None,
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
            node.edges.clear();
            node.include_trouble = None;
            node.reduced = reduced;
            self.queue.push_back(at);
        }
        node.trouble = trouble;
        match self.tree.way(world.disk, &node.path) {
            Some(way) => node.way = way,
            None if node.trouble.is_none() => {
                node.trouble = Some(CannotTell::File(node.path.clone(), "it is gone".to_owned()));
            }
            None => {}
        }
    }

    /// Directories have changed: what names lead to is looked up again.
    fn forget_edges(&mut self) {
        for (at, node) in self.nodes.iter_mut().enumerate() {
            node.edges.clear();
            node.include_trouble = None;
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
            self.add_edges(at, wanted, &dir, world);
            return true;
        };
        let mut asked = Vec::new();
        match possible(text, &self.macros, world.names, &mut asked) {
            Ok(found) => {
                for wanted in found.iter().filter_map(|text| named(text)) {
                    let wanted = match wanted {
                        Wanted::Angled(name) if *is_next => Wanted::Quoted(name),
                        other => other,
                    };
                    self.add_edges(at, &wanted, &dir, world);
                }
                self.watch(at, asked);
                false
            }
            Err(_) => {
                let text = String::from_utf8_lossy(text).into_owned();
                if let Some(node) = self.nodes.get_mut(at) {
                    node.include_trouble = Some(CannotTell::Computed(node.path.clone(), text));
                }
                true
            }
        }
    }

    fn add_edges(&mut self, at: usize, wanted: &Wanted, dir: &Path, world: &World<'_>) {
        let (found, trouble) = self.candidates(wanted, dir, world);
        let Some(node) = self.nodes.get_mut(at) else { return };
        for to in found {
            if !node.edges.contains(&to) {
                node.edges.push(to);
            }
        }
        if trouble.is_some() {
            node.include_trouble = trouble;
        }
    }

    /// Every file that a name may mean for a file in `dir`; and a precompiled header in its place.
    fn candidates(
        &mut self,
        wanted: &Wanted,
        dir: &Path,
        world: &World<'_>,
    ) -> (Vec<usize>, Option<CannotTell>) {
        let (name, is_quoted) = match wanted {
            Wanted::Quoted(name) => (name, true),
            Wanted::Angled(name) => (name, false),
            Wanted::Computed(..) => return (Vec::new(), None),
        };
        if name.is_empty() || name.contains(&0) {
            return (Vec::new(), None);
        }
        let name = path(name).to_owned();
        let mut dirs: Vec<PathBuf> = Vec::new();
        if is_quoted {
            dirs.push(dir.to_owned());
            dirs.extend(self.search.quote.iter().cloned());
        }
        dirs.extend(self.search.angled.iter().cloned());
        dirs.extend(self.search.embed.iter().cloned());
        if name.is_absolute() {
            dirs = vec![PathBuf::from("/")];
        }
        let mut compiled = name.clone().into_os_string();
        compiled.push(".gch");
        let (mut found, mut trouble) = (Vec::new(), None);
        for dir in dirs {
            if self.tree.look(world.disk, &dir, Path::new(&compiled)).is_some() {
                trouble = Some(CannotTell::Precompiled(dir.join(&compiled)));
            }
            match self.tree.look(world.disk, &dir, &name) {
                None | Some(EntryKind::Dir) => {}
                Some(_) => {
                    let mut full = dir.into_os_string();
                    if !full.as_bytes().ends_with(b"/") && !name.is_absolute() {
                        full.push("/");
                    }
                    let full = match name.is_absolute() {
                        true => name.clone(),
                        false => {
                            full.push(&name);
                            PathBuf::from(full)
                        }
                    };
                    let at = self.node(&full, world);
                    if !found.contains(&at) {
                        found.push(at);
                    }
                }
            }
        }
        (found, trouble)
    }
}
