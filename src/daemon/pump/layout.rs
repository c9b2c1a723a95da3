//! Which of the volunteer's directories stand beside the client's, where a compile sees the
//! client's own paths; nothing here looks at the machine.

use crate::daemon::pump::plan::{Entry, Node, Plan, is_below};

/// The directory at the root of a compile that is ours; the others are in it.
pub const OURS: &str = ".distccd";
/// Where the machine's root stands until it is given up.
pub const OLD: &str = ".distccd/old";
/// The client's tree once more, for what something else stands above.
pub const CLIENT: &str = ".distccd/client";
/// A directory with nothing in it.
pub const EMPTY: &str = ".distccd/empty";
/// Where a job writes.
pub const WORK: &str = ".distccd/tmp";
/// Devices that a compiler may open.
pub const DEVICES: [&str; 3] = ["dev/null", "dev/zero", "dev/urandom"];

/// A directory of the volunteer's with programs, libraries or settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Area {
    /// Its path, without the slash in front.
    pub path: Vec<u8>,
    /// It is a link, with this text: `/lib` where `/usr` has all.
    pub link: Option<Vec<u8>>,
    /// Nothing of a client's can be below it.
    pub reserved: bool,
}

impl Area {
    /// Of a path below this one, the first directory whose name starts with `include`, or the path
    /// itself if that is one.
    pub fn include_dir<'a>(&self, path: &'a [u8]) -> Option<&'a [u8]> {
        let rest = path.get(self.path.len() + 1..)?;
        let mut end = self.path.len();
        for part in rest.split(|&byte| byte == b'/') {
            end += 1 + part.len();
            if part.starts_with(b"include") {
                return path.get(..end);
            }
        }
        None
    }
}

/// Where a path stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing<'a> {
    /// Among the client's own.
    Free,
    /// A device that every compile has.
    Device,
    /// Where nothing of a client's may be.
    Reserved,
    /// It is an area.
    At(&'a Area),
    /// It is in an area.
    Below(&'a Area),
}

/// All areas.
#[derive(Clone, Debug)]
pub struct Layout {
    /// None of them is below another.
    pub areas: Vec<Area>,
    /// The text of the volunteer's link of that path, if it has one.
    pub read_link: fn(&[u8]) -> Option<Vec<u8>>,
}

impl Layout {
    /// Where `path` stands.
    pub fn standing(&self, path: &[u8]) -> Standing<'_> {
        let is_at_or_below = |dir: &str| path == dir.as_bytes() || is_below(path, dir.as_bytes());
        if is_at_or_below(OURS) || is_at_or_below("proc") {
            return Standing::Reserved;
        }
        if DEVICES.iter().any(|device| is_at_or_below(device)) {
            return Standing::Device;
        }
        let found = self
            .areas
            .iter()
            .find(|area| path == area.path.as_slice() || is_below(path, &area.path));
        match found {
            None => Standing::Free,
            Some(area) if area.reserved => Standing::Reserved,
            Some(area) if area.path == path => Standing::At(area),
            Some(area) => Standing::Below(area),
        }
    }

    /// Whether the volunteer has this very link.
    pub fn has_link(&self, path: &[u8], text: &[u8]) -> bool {
        (self.read_link)(path).is_some_and(|own| own == text)
    }

    /// What every tree has: places for the volunteer's directories, and its links.
    pub fn skeleton(&self) -> impl Iterator<Item = (Vec<u8>, Node)> {
        let areas = self.areas.iter().map(|area| {
            let node = match &area.link {
                Some(text) => Node::Link { text: text.clone(), own: false },
                None => Node::Dir,
            };
            (area.path.clone(), node)
        });
        let dirs = [OLD, CLIENT, EMPTY, WORK, "proc"].into_iter();
        let dirs = dirs.map(|dir| (dir.as_bytes().to_vec(), Node::Dir));
        let devices = DEVICES.into_iter();
        let devices = devices.map(|device| (device.as_bytes().to_vec(), Node::file(Vec::new())));
        areas.chain(dirs).chain(devices)
    }
}

/// What a tree needs in one area.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Header directories that the client has its own of.
    pub headers: Vec<Vec<u8>>,
    /// Directories that must be there.
    pub dirs: Vec<Vec<u8>>,
    /// Something else stands among what the volunteer has.
    pub merge: bool,
}

impl Needs {
    /// What `plan` needs in `area`.
    pub fn of(plan: &Plan, area: &Area) -> Self {
        let mut needs = Self::default();
        let start = plan.entries.partition_point(|entry| entry.path <= area.path);
        let below = plan.entries.get(start..).unwrap_or_default().iter();
        // What lies between, such as `usr-x`, sorts before `usr/`.
        for Entry { path, node } in below {
            if !path.starts_with(&area.path) {
                break;
            }
            if !is_below(path, &area.path) {
                continue;
            }
            match (area.include_dir(path), node) {
                (Some(dir), Node::Dir) if dir == path.as_slice() => needs.headers.push(dir.into()),
                (Some(dir), _) if dir == path.as_slice() => needs.merge = true,
                (Some(_), _) => {}
                (None, Node::Dir) => needs.dirs.push(path.clone()),
                (None, _) => needs.merge = true,
            }
        }
        needs
    }
}

#[cfg(test)]
impl Layout {
    /// A machine with all in `/usr`.
    pub fn of_tests() -> Self {
        let area = |path: &str, link: Option<&str>, reserved| Area {
            path: path.as_bytes().to_vec(),
            link: link.map(|text| text.as_bytes().to_vec()),
            reserved,
        };
        let areas = vec![
            area("usr", None, false),
            area("lib", Some("usr/lib"), false),
            area("etc", None, true),
        ];
        Self { areas, read_link: |path| (path == b"usr/lib64").then(|| b"lib".to_vec()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::request::{SentContent, SentFile, SentTree};

    #[test]
    fn header_directories_are_the_outermost() {
        let layout = Layout::of_tests();
        let usr = layout.areas.first().unwrap();
        let found = |path: &str| usr.include_dir(path.as_bytes()).map(<[u8]>::to_vec);
        assert_eq!(found("usr/include/c++/include/x"), Some(b"usr/include".to_vec()));
        assert_eq!(found("usr/lib/gcc/include-fixed/x"), Some(b"usr/lib/gcc/include-fixed".into()));
        assert_eq!(found("usr/lib/gcc/x.h"), None);
        assert_eq!(found("usr"), None);
    }

    #[test]
    fn only_what_the_volunteer_may_lack_has_to_be_merged() {
        let layout = Layout::of_tests();
        let needs = |names: &[&str]| {
            let file = |name: &&str| SentFile {
                name: name.as_bytes().to_vec(),
                content: SentContent::File(Vec::new()),
            };
            let files = names.iter().map(file).collect();
            let tree = SentTree { cwd: b"/w".to_vec(), files };
            let plan = Plan::new(tree, Some(&layout), &|_| false).unwrap();
            Needs::of(&plan, layout.areas.first().unwrap())
        };
        let headers = needs(&["/usr/include/a.h", "/usr-x/b.h", "/usr/lib/x/include/sys/c.h"]);
        assert_eq!(headers.headers, [b"usr/include".to_vec(), b"usr/lib/x/include".to_vec()]);
        assert_eq!(headers.dirs, [b"usr/lib".to_vec(), b"usr/lib/x".to_vec()]);
        assert!(!headers.merge);
        assert!(needs(&["/usr/lib/x/d.h"]).merge);
        assert_eq!(needs(&["/w/a.c"]), Needs::default());
    }
}
