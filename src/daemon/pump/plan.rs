//! What a pump client sent, checked and put in order: the tree that its compile is to see.
//!
//! Nothing here looks at the machine. A [`Plan`] that comes out can be made on disk without
//! following a link: all that is above an entry is a directory of the plan.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

use crate::daemon::pump::layout::{Area, Layout, Standing};
use crate::daemon::summary::printable;
use crate::protocol::request::{SentContent, SentFile, SentTree};

/// The last part of a name that stands for its directory: no file is made.
const FORCED: &[u8] = b"forcing_technique_271828";
/// Linux takes no longer path.
const LONGEST_PATH: usize = 4096;
/// Directories that a client names without sending them count too.
const MOST_ENTRIES: usize = 200_000;
/// Bytes of all paths, likewise.
const MOST_PATHS: usize = 64 << 20;

/// Why a tree is not made; each with the name to blame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Relative, too long, or with a part that is empty, `.`, `..` or holds a NUL.
    #[error("the name {0} is no absolute path that can be made")]
    Name(String),
    /// A link without a text that can be one.
    #[error("the link {0} leads nowhere")]
    Link(String),
    /// Two things under one name, or something below a file or a link.
    #[error("{0} is sent as two things")]
    Clash(String),
    /// A precompiled header is as good as code.
    #[error("{0} is a precompiled header, which is not taken from a client")]
    Precompiled(String),
    /// The volunteer's own directory is asked for, and it is none that compilers may read.
    #[error("the link {0} asks for a directory of this machine that compilers do not read")]
    NotOurs(String),
    /// It might be taken for a part of the volunteer's compilers.
    #[error("{0} would stand among this machine's programs, and is no header")]
    AmongPrograms(String),
    /// More than any compile needs.
    #[error("the tree has too many directories, or too long names")]
    TooMuch,
}

fn shown(path: &[u8]) -> String {
    printable(&[b"/", path].concat())
}

/// What is under a path.
#[derive(Clone, Debug)]
pub enum Node {
    /// A directory.
    Dir,
    /// A file.
    File {
        /// Of the bytes as sent.
        digest: [u8; 32],
        /// The bytes as sent; empty once they are unpacked.
        packed: Vec<u8>,
        /// Bytes unpacked; 0 until then.
        size: u64,
    },
    /// A link, and its text.
    Link {
        /// Where it leads.
        text: Vec<u8>,
        /// To the volunteer's own directory of that path, not to one of the tree.
        own: bool,
    },
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Dir, Self::Dir) => true,
            (Self::File { digest: one, .. }, Self::File { digest: two, .. }) => one == two,
            (Self::Link { text: one, own: a }, Self::Link { text: two, own: b }) => {
                one == two && a == b
            }
            _ => false,
        }
    }
}

impl Node {
    /// A file with these bytes, as they are sent.
    pub fn file(packed: Vec<u8>) -> Self {
        Self::File { digest: blake3::hash(&packed).into(), packed, size: 0 }
    }
}

/// A path and what is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The path, without the slash in front.
    pub path: Vec<u8>,
    /// What is there.
    pub node: Node,
}

/// A tree to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The client's directory, as it was sent.
    pub cwd: Vec<u8>,
    /// All of the tree, each path after those above it.
    pub entries: Vec<Entry>,
    /// The volunteer's own directories that the client asks for, without the slash in front.
    pub own: Vec<Vec<u8>>,
}

impl Plan {
    /// A file of the client's where compilers look for headers by themselves: they find this
    /// machine's instead, unless they are shown another root.
    pub fn shadowed(&self) -> Option<&[u8]> {
        let system: [&[u8]; 2] = [b"usr/include", b"usr/local/include"];
        let is_one = |entry: &&Entry| {
            matches!(entry.node, Node::File { .. })
                && system.iter().any(|dir| is_below(&entry.path, dir))
        };
        self.entries.iter().find(is_one).map(|entry| entry.path.as_slice())
    }

    /// Checks `tree`, which is to be made at the client's own paths if there is a `layout`.
    /// `readable` says of a path whether it is a directory that compilers here may read.
    ///
    /// # Errors
    ///
    /// [`Refused`].
    pub fn new(
        tree: SentTree,
        layout: Option<&Layout>,
        readable: &dyn Fn(&[u8]) -> bool,
    ) -> Result<Self, Refused> {
        let mut maker = Maker { layout, readable, nodes: BTreeMap::new(), own: Vec::new() };
        let mut dirs = vec![checked(&tree.cwd)?.to_vec()];
        for SentFile { name, content } in tree.files {
            let path = checked(&name)?;
            match split(path) {
                (dir, last) if last == FORCED => dirs.push(dir.to_vec()),
                _ => maker.add(path, content)?,
            }
        }
        for dir in dirs {
            maker.add_dir(dir)?;
        }
        maker.add_parents()?;
        if let Some(layout) = layout {
            for (path, node) in layout.skeleton() {
                maker.nodes.insert(path, node);
            }
        }
        maker.add_parents()?;
        let mut entries: Vec<_> =
            maker.nodes.into_iter().map(|(path, node)| Entry { path, node }).collect();
        entries.retain(|entry| !entry.path.is_empty());
        Ok(Self { cwd: tree.cwd, entries, own: maker.own })
    }
}

struct Maker<'a> {
    layout: Option<&'a Layout>,
    readable: &'a dyn Fn(&[u8]) -> bool,
    nodes: BTreeMap<Vec<u8>, Node>,
    own: Vec<Vec<u8>>,
}

impl Maker<'_> {
    fn add(&mut self, path: &[u8], content: SentContent) -> Result<(), Refused> {
        if path.is_empty() {
            return Err(Refused::Name(shown(path)));
        }
        let of_code = |part: &[u8]| part.ends_with(b".gch") || part.ends_with(b".pch");
        if path.split(|&byte| byte == b'/').any(of_code) {
            return Err(Refused::Precompiled(shown(path)));
        }
        let node = match content {
            SentContent::File(packed) => Node::file(packed),
            SentContent::Link(text) => match self.link(path, text)? {
                Some(node) => node,
                None => return Ok(()),
            },
        };
        if !self.may_stand(path, &node)? {
            return Ok(());
        }
        match self.nodes.entry(path.to_vec()) {
            Slot::Vacant(slot) => drop(slot.insert(node)),
            Slot::Occupied(slot) if *slot.get() == node => {}
            Slot::Occupied(_) => return Err(Refused::Clash(shown(path))),
        }
        Ok(())
    }

    /// A link, unless it only asks for a directory of ours, in place.
    fn link(&mut self, path: &[u8], text: Vec<u8>) -> Result<Option<Node>, Refused> {
        if text.is_empty() || text.contains(&0) || text.len() >= LONGEST_PATH {
            return Err(Refused::Link(shown(path)));
        }
        let (up, rest) = climbs(&text);
        let depth = path.iter().filter(|&&byte| byte == b'/').count();
        if up > depth && rest == path {
            if !(self.readable)(path) {
                return Err(Refused::NotOurs(shown(path)));
            }
            self.own.push(path.to_vec());
            let text = [b"/", path].concat();
            return Ok(self.layout.is_none().then_some(Node::Link { text, own: true }));
        }
        if self.layout.is_none() && up > depth {
            // Above the root is the root.
            return Ok(Some(Node::Link { text: [b"/", rest].concat(), own: false }));
        }
        Ok(Some(Node::Link { text, own: false }))
    }

    /// Whether an entry is made, where the tree shares its paths with this machine's programs.
    fn may_stand(&self, path: &[u8], node: &Node) -> Result<bool, Refused> {
        let Some(layout) = self.layout else { return Ok(true) };
        match layout.standing(path) {
            Standing::Free => Ok(true),
            // The client's own is as good.
            Standing::Device => Ok(false),
            Standing::Reserved => Err(Refused::AmongPrograms(shown(path))),
            // What compilers need to start goes before.
            Standing::At(Area { link: Some(_), .. }) if matches!(node, Node::Link { .. }) => {
                Ok(false)
            }
            Standing::At(_) => Err(Refused::AmongPrograms(shown(path))),
            Standing::Below(Area { link: Some(_), .. }) => Err(Refused::AmongPrograms(shown(path))),
            Standing::Below(area) => match node {
                _ if area.include_dir(path).is_some() || is_header(path) => Ok(true),
                Node::Link { text, .. } if layout.has_link(path, text) => Ok(false),
                _ => Err(Refused::AmongPrograms(shown(path))),
            },
        }
    }

    /// A directory that must be there, if only by way of a link.
    fn add_dir(&mut self, path: Vec<u8>) -> Result<(), Refused> {
        if self.is_below_link(&path) {
            return Ok(());
        }
        if let Some(layout) = self.layout {
            match layout.standing(&path) {
                Standing::Free => {}
                Standing::Below(area) if area.link.is_none() => {}
                _ => return Ok(()),
            }
        }
        match self.nodes.get(&path) {
            None => drop(self.nodes.insert(path, Node::Dir)),
            Some(Node::Dir | Node::Link { .. }) => {}
            Some(Node::File { .. }) => return Err(Refused::Clash(shown(&path))),
        }
        Ok(())
    }

    fn is_below_link(&self, path: &[u8]) -> bool {
        let is_link = |above: &[u8]| {
            matches!(self.nodes.get(above), Some(Node::Link { .. }))
                || self.own.iter().any(|own| own == above)
        };
        is_link(path) || parents(path).any(is_link)
    }

    /// All that is above an entry is a directory.
    fn add_parents(&mut self) -> Result<(), Refused> {
        let mut missing: BTreeMap<Vec<u8>, Node> = BTreeMap::new();
        let mut bytes = 0;
        for path in self.nodes.keys() {
            if self.own.iter().any(|own| is_below(path, own)) {
                return Err(Refused::Clash(shown(path)));
            }
            for above in parents(path) {
                match self.nodes.get(above) {
                    Some(Node::Dir) => break,
                    Some(_) => return Err(Refused::Clash(shown(path))),
                    None if missing.contains_key(above) => break,
                    None => drop(missing.insert(above.to_vec(), Node::Dir)),
                }
                bytes += above.len();
                if bytes > MOST_PATHS || missing.len() + self.nodes.len() > MOST_ENTRIES {
                    return Err(Refused::TooMuch);
                }
            }
        }
        self.nodes.append(&mut missing);
        Ok(())
    }
}

/// A name without the slash in front, if it can be made as it is written.
fn checked(name: &[u8]) -> Result<&[u8], Refused> {
    let refused = || Refused::Name(printable(name));
    let path = name.strip_prefix(b"/").ok_or_else(refused)?;
    if path.is_empty() {
        return Ok(path);
    }
    let is_bad = |part: &[u8]| part.is_empty() || part == b"." || part == b"..";
    if path.len() >= LONGEST_PATH
        || path.contains(&0)
        || path.split(|&byte| byte == b'/').any(is_bad)
    {
        return Err(refused());
    }
    Ok(path)
}

/// Directory and last part.
pub fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(at) => {
            let (dir, last) = path.split_at(at);
            (dir, last.get(1..).unwrap_or_default())
        }
        None => (&[], path),
    }
}

/// The directories above a path, the nearest first, without the root.
pub fn parents(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::successors(Some(split(path).0), |dir| Some(split(dir).0))
        .take_while(|dir| !dir.is_empty())
}

/// Whether `path` is below `dir`.
pub fn is_below(path: &[u8], dir: &[u8]) -> bool {
    path.strip_prefix(dir).is_some_and(|rest| rest.starts_with(b"/"))
}

/// How many `../` a link begins with, and what follows them.
fn climbs(text: &[u8]) -> (usize, &[u8]) {
    let (mut count, mut rest) = (0, text);
    while let Some(tail) = rest.strip_prefix(b"../") {
        (count, rest) = (count + 1, tail);
    }
    (count, rest)
}

/// Whether a name is a header's or a source's: none that a compiler or its programs read or run
/// without being told to.
fn is_header(path: &[u8]) -> bool {
    const SUFFIXES: [&[u8]; 22] = [
        b"h", b"hh", b"hp", b"hpp", b"hxx", b"h++", b"H", b"HPP", b"inc", b"inl", b"ipp", b"ixx",
        b"tcc", b"tpp", b"txx", b"c", b"cc", b"cpp", b"cxx", b"c++", b"C", b"m",
    ];
    let (_, name) = split(path);
    let dot = name.iter().rposition(|&byte| byte == b'.');
    dot.and_then(|dot| name.get(dot + 1..)).is_some_and(|suffix| SUFFIXES.contains(&suffix))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::lzo;

    fn file(name: &str, text: &str) -> SentFile {
        let content = SentContent::File(lzo::compress(text.as_bytes()));
        SentFile { name: name.as_bytes().to_vec(), content }
    }

    fn link(name: &str, text: &str) -> SentFile {
        let content = SentContent::Link(text.as_bytes().to_vec());
        SentFile { name: name.as_bytes().to_vec(), content }
    }

    fn plan(files: Vec<SentFile>, layout: Option<&Layout>) -> Result<Plan, Refused> {
        let tree = SentTree { cwd: b"/w".to_vec(), files };
        Plan::new(tree, layout, &|path| path.starts_with(b"usr/"))
    }

    fn listed(plan: &Plan) -> String {
        let line = |entry: &Entry| {
            let path = String::from_utf8_lossy(&entry.path).into_owned();
            match &entry.node {
                Node::Dir => path + "/",
                Node::File { .. } => path,
                Node::Link { text, own } => {
                    let own = if *own { " (own)" } else { "" };
                    format!("{path} -> {}{own}", String::from_utf8_lossy(text))
                }
            }
        };
        plan.entries.iter().map(line).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_is_sent_gets_the_directories_above_it() {
        let files = vec![
            file("/w/a.c", "x"),
            file("/s/t/h.h", "y"),
            file("/w/sub/forcing_technique_271828", ""),
            link("/w/inc", "../s/t"),
            file("/w/a.c", "x"),
        ];
        let plan = plan(files, None).unwrap();
        assert_eq!(listed(&plan), "s/ s/t/ s/t/h.h w/ w/a.c w/inc -> ../s/t w/sub/");
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in ["a.c", "", "/", "/w/../x", "/../x", "/w/./x", "/w//x", "/w/x/", "/w/a\0b"] {
            let refused = plan(vec![file(name, "x")], None);
            assert!(matches!(refused, Err(Refused::Name(_))), "{name:?}");
        }
        let long = format!("/{}", "x/".repeat(3000) + "y");
        assert!(plan(vec![file(&long, "x")], None).is_err());
        for cwd in ["w", "", "/w/..", "/a\0"] {
            let tree = SentTree { cwd: cwd.as_bytes().to_vec(), files: Vec::new() };
            assert!(Plan::new(tree, None, &|_| true).is_err(), "{cwd:?}");
        }
    }

    #[test]
    fn a_name_is_one_thing() {
        for files in [
            vec![file("/w/a", "x"), file("/w/a", "y")],
            vec![file("/w/a", "x"), link("/w/a", "y")],
            vec![file("/w/a", "x"), file("/w/a/b", "y")],
            vec![link("/w/a", "/etc"), file("/w/a/passwd", "y")],
            vec![file("/w/a/b", "y"), link("/w/a", "/etc")],
            vec![file("/w", "x")],
            vec![file("/w/a", "x"), file("/w/a/forcing_technique_271828", "")],
            vec![link("/usr/include", "../../../usr/include"), file("/usr/include/x.h", "")],
        ] {
            assert!(matches!(plan(files, None), Err(Refused::Clash(_))));
        }
        let below = vec![link("/w/a", "b"), file("/w/a/forcing_technique_271828", "")];
        assert_eq!(listed(&plan(below, None).unwrap()), "w/ w/a -> b");
    }

    #[test]
    fn links_that_leave_the_root_with_their_own_name_mean_a_directory_of_ours() {
        let up = "../".repeat(22);
        let sent = vec![link("/usr/include", &format!("{up}usr/include"))];
        let made = plan(sent, None).unwrap();
        assert_eq!(listed(&made), "usr/ usr/include -> /usr/include (own) w/");
        assert_eq!(made.own, [b"usr/include".to_vec()]);
        let etc = vec![link("/etc", &format!("{up}etc"))];
        assert!(matches!(plan(etc, None), Err(Refused::NotOurs(_))));
        // Others stay within, as they would at a root.
        let out = plan(vec![link("/w/x", &format!("{up}etc"))], None).unwrap();
        assert_eq!(listed(&out), "w/ w/x -> /etc");
        assert_eq!(listed(&plan(vec![link("/w/x", "../w/y")], None).unwrap()), "w/ w/x -> ../w/y");
    }

    #[test]
    fn nothing_of_a_client_stands_among_programs() {
        let layout = Layout::of_tests();
        for name in [
            "/usr/bin/as",
            "/usr/lib/gcc/x/12/specs",
            "/usr/lib/libc.so.6",
            "/usr/lib/x.o",
            "/lib/x.h",
            "/etc/ld.so.preload",
            "/proc/self/mem",
            "/.distccd/tmp/x.h",
            "/usr",
        ] {
            let refused = plan(vec![file(name, "x")], Some(&layout));
            assert!(matches!(refused, Err(Refused::AmongPrograms(_))), "{name}");
        }
        for name in ["/usr/lib/gcc/x/12/specs", "/usr/lib/gcc", "/usr/bin"] {
            let refused = plan(vec![link(name, "/w/evil.h")], Some(&layout));
            assert!(matches!(refused, Err(Refused::AmongPrograms(_))), "{name}");
        }
        let good = vec![
            file("/usr/include/c++/vector", "x"),
            file("/usr/lib/gcc/x/12/include/stddef.h", "x"),
            file("/usr/lib/perl5/CORE/perl.h", "x"),
            link("/lib", "usr/lib"),
            file("/dev/null", ""),
            file("/dev/shm/a.c", ""),
            link("/usr/lib64", "lib"),
        ];
        let made = listed(&plan(good, Some(&layout)).unwrap());
        for part in ["lib -> usr/lib", "dev/null ", "dev/shm/a.c", "usr/lib/perl5/CORE/perl.h"] {
            assert!(made.contains(part), "{part}: {made}");
        }
        assert!(!made.contains("usr/lib64"), "the volunteer has the same: {made}");
        for name in ["/w/x.h.gch", "/w/x.h.gch/c", "/usr/include/x.pch"] {
            let refused = plan(vec![file(name, "x")], None);
            assert!(matches!(refused, Err(Refused::Precompiled(_))), "{name}");
        }
    }

    #[test]
    fn names_without_end_are_refused() {
        let deep = |index: usize| file(&format!("/w{index}{}", "/x".repeat(2000)), "");
        let refused = plan((0..40).map(deep).collect(), None);
        assert_eq!(refused.unwrap_err(), Refused::TooMuch);
    }

    fn any_file() -> impl Strategy<Value = SentFile> {
        let part = "(usr|include|w|a|lib|\\.\\.|forcing_technique_271828|x\\.h|\\.)?";
        let path = proptest::collection::vec(part, 0..5).prop_map(|parts| parts.join("/"));
        (path.clone(), path, any::<bool>(), 0..30_usize).prop_map(|(name, text, is_link, up)| {
            let name = format!("/{name}");
            if is_link { link(&name, &("../".repeat(up) + &text)) } else { file(&name, &text) }
        })
    }

    proptest! {
        #[test]
        fn whatever_is_sent_what_is_above_an_entry_is_a_directory(
            files in proptest::collection::vec(any_file(), 0..12), in_place in any::<bool>(),
        ) {
            let layout = Layout::of_tests();
            if let Ok(plan) = plan(files, in_place.then_some(&layout)) {
                check(&plan);
            }
        }
    }

    fn check(plan: &Plan) {
        let mut seen = std::collections::BTreeSet::new();
        for entry in &plan.entries {
            let path = &entry.path;
            assert!(checked(&[b"/", path.as_slice()].concat()).is_ok() && !path.is_empty());
            let (dir, _) = split(path);
            assert!(dir.is_empty() || seen.contains(dir), "{}", shown(path));
            if matches!(entry.node, Node::Dir) {
                seen.insert(path.clone());
            }
        }
    }
}
