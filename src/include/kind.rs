//! What is remembered for units that search alike: their macros, and what each file includes.
//!
//! An answer is a walk over what is known ([`Kind::known`]), which many threads do at once. What it
//! lacks is worked out in small steps ([`Kind::advance`]), one thread at a time, and the files that
//! it wants are read in between, by each thread for itself ([`Flight::read`]).

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::disk::{Disk, EntryKind, Stamp};
use crate::include::CannotTell;
use crate::include::harvest::Harvests;
use crate::include::leads::{Input, Leads, Marks, Scanned};
use crate::include::macros::Macros;
use crate::include::names::{Name, Names};
use crate::include::reduce::{Reduced, Wanted, define};
use crate::include::search::{Commanded, Search};
use crate::include::tree::{Place, Tree, is_fresh};

/// The most files that one unit may open.
const MOST_FILES: usize = 50_000;
/// A unit whose files have more bytes is given up.
pub const MOST_BYTES: u64 = 512 << 20;
/// So many files are worked on before other threads have their turn.
const SLICE: usize = 64;
/// So many files' computed includes.
const FEW: usize = 4;

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

/// A unit of the kind.
#[derive(Clone, Copy, Debug)]
pub struct Unit<'a> {
    /// Its source, absolute.
    pub source: &'a Path,
    /// The current directory, absolute.
    pub cwd: &'a Path,
    /// What its command line says.
    pub commanded: &'a Commanded,
    /// Whether its language reads trigraphs.
    pub reads_trigraphs: bool,
}

/// A file as one path leads to it.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) path: Arc<Path>,
    /// The file as answers have it.
    input: Option<Arc<Input>>,
    stamp: Option<Stamp>,
    is_fresh: bool,
    /// It is to be read, for the first time or again.
    is_unread: bool,
    /// It is to be worked on.
    pub(super) is_queued: bool,
    /// Its computed includes are to be worked on.
    pub(super) is_deferred: bool,
    pub(super) reduced: Arc<Reduced>,
    /// Steps that have had their effect, by number.
    pub(super) done: Vec<bool>,
    /// Why the file cannot be followed.
    trouble: Option<CannotTell>,
    /// Directories that its way depends on.
    places: Vec<Place>,
    pub(super) leads: Leads,
}

impl Node {
    fn is_settled(&self) -> bool {
        !self.is_unread && !self.is_queued && !self.is_deferred
    }
}

/// Everything that is remembered for one kind of unit.
#[derive(Debug)]
pub struct Kind {
    pub(super) search: Search,
    pub(super) macros: Macros,
    /// `-D` of all units so far: those names are always defined.
    always: Option<HashSet<Name>>,
    pub(super) tree: Tree,
    pub(super) nodes: Vec<Node>,
    by_path: HashMap<Arc<Path>, usize>,
    /// Files to look at again once more is known of a macro.
    pub(super) watchers: HashMap<Name, Vec<usize>>,
    pub(super) harvests: Harvests,
    queue: VecDeque<usize>,
    deferred: VecDeque<usize>,
    /// What names mean in the directories that are searched for all files alike.
    pub(super) lookups: HashMap<Wanted, Arc<Leads>>,
    /// What commands of a directory include by themselves.
    firsts: HashMap<First, Arc<Leads>>,
    pub(super) absent: Vec<Arc<Path>>,
    pub(super) absent_by_path: HashMap<Arc<Path>, usize>,
}

/// A command's directory, and the files that it includes.
type First = (PathBuf, Vec<Vec<u8>>);

/// A request on its way.
#[derive(Debug, Default)]
pub struct Flight {
    /// Files that have been read, or found as they were, since the request came.
    checked: Marks,
    checked_places: Marks,
    /// Files that are not what they were.
    changed: Vec<usize>,
    /// Directories whose answers would be other ones.
    changed_places: Vec<Place>,
    /// Files to be read.
    wanted: Vec<(usize, Arc<Path>)>,
    /// Files that have been read.
    read: Vec<(usize, Read)>,
    /// How large they are together.
    bytes: u64,
}

/// A file's state, and its content or why it cannot be read.
type Read = (Option<Stamp>, Result<Arc<Reduced>, String>);

impl Flight {
    /// Reads the files that are wanted.
    pub fn read(&mut self, world: &World<'_>) {
        for (at, path) in std::mem::take(&mut self.wanted) {
            if self.is_too_large() {
                return;
            }
            // The stamp first: what is written while the file is read shows the next time.
            let stamp = world.disk.stamp(&path);
            let reduced = match &stamp {
                Ok(stamp) if stamp.kind == EntryKind::File => world.files.reduced(&path, *stamp),
                Ok(_) => Err("it is no regular file".to_owned()),
                Err(error) => Err(error.to_string()),
            };
            self.bytes += stamp.as_ref().map_or(0, |stamp| stamp.size);
            self.read.push((at, (stamp.ok(), reduced)));
        }
    }

    /// Whether the files that were read are larger than those of a unit may be.
    pub fn is_too_large(&self) -> bool {
        self.bytes > MOST_BYTES
    }
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
            harvests: Harvests::default(),
            queue: VecDeque::new(),
            deferred: VecDeque::new(),
            lookups: HashMap::new(),
            firsts: HashMap::new(),
            absent: Vec::new(),
            absent_by_path: HashMap::new(),
        }
    }

    /// What the unit may open, if everything is known and is as it was; or else notes in `flight`
    /// what has changed.
    pub fn known(
        &self,
        unit: &Unit<'_>,
        flight: &mut Flight,
        world: &World<'_>,
    ) -> Option<Result<Scanned, CannotTell>> {
        if !self.has_taken(unit.commanded, world) {
            return None;
        }
        let &source = self.by_path.get(unit.source)?;
        let first = self.firsts.get(&first_of(unit))?;
        let reached = match self.reach(source, first) {
            Ok(reached) => reached,
            Err(error) => return Some(Err(error)),
        };
        let mut places = Marks::default();
        places.extend(&first.places);
        for &at in &reached {
            let node = self.nodes.get(at).filter(|node| node.is_settled())?;
            places.extend(&node.leads.places);
            places.extend(&node.places);
        }
        for place in places.iter() {
            if !flight.checked_places.has(place) && self.tree.is_other(world.disk, place, world.now)
            {
                flight.changed_places.push(place);
            }
            flight.checked_places.mark(place);
        }
        for &at in &reached {
            if flight.checked.mark(at) && self.is_changed(at, world) {
                flight.changed.push(at);
            }
        }
        let is_same = flight.changed.is_empty() && flight.changed_places.is_empty();
        is_same.then(|| self.answer(first, &reached, unit.reads_trigraphs))
    }

    /// Goes on with what an answer for the unit lacks.
    pub fn advance(&mut self, unit: &Unit<'_>, flight: &mut Flight, world: &World<'_>) {
        self.tree.set_now(world.now);
        self.forget(std::mem::take(&mut flight.changed_places), world);
        for at in std::mem::take(&mut flight.changed) {
            if let Some(node) = self.nodes.get_mut(at) {
                node.is_unread = true;
            }
        }
        for (at, read) in std::mem::take(&mut flight.read) {
            flight.checked.mark(at);
            self.install(at, read, world);
        }
        self.command(unit.commanded, world);
        let source = self.node(unit.source);
        let key = first_of(unit);
        let first = match self.firsts.get(&key) {
            Some(first) => Arc::clone(first),
            None => {
                let first = Arc::new(self.first(unit, world));
                self.firsts.insert(key, Arc::clone(&first));
                first
            }
        };
        for _ in 0..SLICE {
            let Some(at) = self.queue.pop_front() else { break };
            self.work(at, false, world);
        }
        for at in self.reach(source, &first).unwrap_or_default() {
            let node = self.nodes.get(at).filter(|node| node.is_unread);
            flight.wanted.extend(node.map(|node| (at, Arc::clone(&node.path))));
        }
        for _ in 0..FEW {
            if !self.queue.is_empty() || !flight.wanted.is_empty() {
                return;
            }
            let Some(at) = self.deferred.pop_front() else { return };
            self.work(at, true, world);
        }
    }

    /// How much is remembered: files, and directories.
    pub fn size(&self) -> (usize, usize) {
        (self.nodes.len(), self.tree.len())
    }

    fn answer(
        &self,
        first: &Leads,
        reached: &[usize],
        reads_trigraphs: bool,
    ) -> Result<Scanned, CannotTell> {
        let mut scanned =
            Scanned { inputs: Vec::with_capacity(reached.len()), ..Scanned::default() };
        let mut absent = Marks::default();
        let mut lead = |leads: &Leads| {
            absent.extend(&leads.absent);
            scanned.absolute = scanned.absolute.take().or_else(|| leads.absolute.clone());
            leads.trouble.clone().map_or(Ok(()), Err)
        };
        lead(first)?;
        for node in reached.iter().filter_map(|&at| self.nodes.get(at)) {
            if let Some(trouble) = &node.trouble {
                return Err(trouble.clone());
            }
            if node.reduced.has_trigraphs && reads_trigraphs {
                return Err(CannotTell::Trigraphs(node.path.to_path_buf()));
            }
            lead(&node.leads)?;
            scanned.inputs.extend(node.input.clone());
        }
        let absent = absent.iter().filter_map(|missing| self.absent.get(missing));
        scanned.absent = absent.cloned().collect();
        Ok(scanned)
    }

    /// All files that a unit leads to, as far as is known.
    fn reach(&self, source: usize, first: &Leads) -> Result<Vec<usize>, CannotTell> {
        let mut seen = Marks::default();
        let mut reached = Vec::new();
        let mut open: Vec<usize> = first.to.iter().rev().copied().collect();
        open.push(source);
        while let Some(at) = open.pop() {
            let Some(node) = self.nodes.get(at) else { continue };
            if !seen.mark(at) {
                continue;
            }
            reached.push(at);
            open.extend(node.leads.to.iter().rev().filter(|&&to| !seen.has(to)));
        }
        if reached.len() > MOST_FILES {
            return Err(CannotTell::TooManyFiles(MOST_FILES));
        }
        Ok(reached)
    }

    /// Whether nothing in the command line is new.
    fn has_taken(&self, commanded: &Commanded, world: &World<'_>) -> bool {
        let Some(always) = &self.always else { return false };
        let mut defined = HashSet::new();
        for text in &commanded.defines {
            if let Some((name, definition)) = define(text, world.names) {
                if !self.macros.has(name, &definition) {
                    return false;
                }
                defined.insert(name);
            }
        }
        for text in &commanded.undefines {
            let name = world.names.of(text);
            defined.remove(&name);
            if !self.macros.may_be_absent(name) {
                return false;
            }
        }
        always.is_subset(&defined)
    }

    /// Takes in what the command line says of macros.
    fn command(&mut self, commanded: &Commanded, world: &World<'_>) {
        let mut defined = HashSet::new();
        for text in &commanded.defines {
            if let Some((name, definition)) = define(text, world.names) {
                let is_first = self.always.is_none();
                if self.macros.add(name, &definition, !is_first) {
                    self.touch(name, world.names);
                }
                defined.insert(name);
            }
        }
        for text in &commanded.undefines {
            let name = world.names.of(text);
            defined.remove(&name);
            if self.macros.remove(name) {
                self.touch(name, world.names);
            }
        }
        let lost: Vec<Name> = match &self.always {
            Some(always) => always.difference(&defined).copied().collect(),
            None => Vec::new(),
        };
        for &name in &lost {
            if self.macros.remove(name) {
                self.touch(name, world.names);
            }
        }
        let always = self.always.get_or_insert(defined);
        always.retain(|name| !lost.contains(name));
    }

    /// More is known of a macro.
    pub(super) fn touch(&mut self, name: Name, names: &Names) {
        for at in self.watchers.remove(&name).unwrap_or_default() {
            self.queue(at);
        }
        for at in self.harvests.touch(name, names) {
            self.defer(at);
        }
    }

    fn queue(&mut self, at: usize) {
        if let Some(node) = self.nodes.get_mut(at)
            && !std::mem::replace(&mut node.is_queued, true)
        {
            self.queue.push_back(at);
        }
    }

    /// Has the computed includes of a file worked on later.
    pub(super) fn defer(&mut self, at: usize) {
        if let Some(node) = self.nodes.get_mut(at)
            && !std::mem::replace(&mut node.is_deferred, true)
        {
            self.deferred.push_back(at);
        }
    }

    /// The file at `path`.
    pub(super) fn node(&mut self, path: &Path) -> usize {
        if let Some(&at) = self.by_path.get(path) {
            return at;
        }
        let at = self.nodes.len();
        let path: Arc<Path> = path.into();
        self.by_path.insert(Arc::clone(&path), at);
        self.nodes.push(Node {
            path,
            input: None,
            stamp: None,
            is_fresh: true,
            is_unread: true,
            is_queued: false,
            is_deferred: false,
            reduced: Arc::default(),
            done: Vec::new(),
            trouble: None,
            places: Vec::new(),
            leads: Leads::default(),
        });
        at
    }

    /// Whether the file is not what was read.
    fn is_changed(&self, at: usize, world: &World<'_>) -> bool {
        let Some(node) = self.nodes.get(at) else { return false };
        node.is_fresh || world.disk.stamp(&node.path).ok() != node.stamp
    }

    /// Takes in what was read.
    fn install(&mut self, at: usize, read: Read, world: &World<'_>) {
        drop(self.tree.take_used());
        let Some(node) = self.nodes.get_mut(at) else { return };
        let way = self.tree.way(world.disk, &node.path);
        node.places = self.tree.take_used();
        let (stamp, reduced) = read;
        node.stamp = stamp;
        node.is_fresh = stamp.is_some_and(|stamp| is_fresh(&stamp, world.now));
        node.is_unread = false;
        let path = node.path.to_path_buf();
        let (reduced, mut trouble) = match reduced {
            Ok(reduced) => {
                let oddity = reduced.oddity;
                (reduced, oddity.map(|oddity| CannotTell::Content(path.clone(), oddity)))
            }
            Err(why) => (Arc::default(), Some(CannotTell::File(path.clone(), why))),
        };
        if way.is_none() && trouble.is_none() {
            trouble = Some(CannotTell::File(path.clone(), "it is gone".to_owned()));
        }
        let input = way.zip(stamp).map(|(way, stamp)| Input { path, way, stamp });
        if node.input.as_deref() != input.as_ref() {
            node.input = input.map(Arc::new);
        }
        node.trouble = trouble;
        if !Arc::ptr_eq(&node.reduced, &reduced) || node.done.len() != reduced.steps.len() {
            node.done = vec![false; reduced.steps.len()];
            node.leads = Leads::default();
            node.reduced = reduced;
            self.queue(at);
        }
    }

    /// Directories have changed: what names in them lead to is looked up again.
    fn forget(&mut self, changed: Vec<Place>, world: &World<'_>) {
        if changed.is_empty() {
            return;
        }
        let mut marks = Marks::default();
        for place in changed {
            marks.mark(place);
            self.tree.forget(world.disk, place);
        }
        let is_hit = |places: &[Place]| places.iter().any(|&place| marks.has(place));
        self.lookups.retain(|_, leads| !is_hit(&leads.places));
        self.firsts.retain(|_, leads| !is_hit(&leads.places));
        let mut again = Vec::new();
        for (at, node) in self.nodes.iter_mut().enumerate() {
            // Where it leads to may be another file.
            node.is_unread |= is_hit(&node.places);
            if is_hit(&node.leads.places) {
                node.leads = Leads::default();
                node.done.fill(false);
                again.push(at);
            }
        }
        again.into_iter().for_each(|at| self.queue(at));
    }
}

fn first_of(unit: &Unit<'_>) -> First {
    (unit.cwd.to_owned(), unit.commanded.forced.clone())
}
