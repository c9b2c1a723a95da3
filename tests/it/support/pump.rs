//! Requests of pump mode, made by hand or from what a compiler says that it reads.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use makepkg_distcc::protocol::limits::Limits;
use makepkg_distcc::protocol::lzo;
use makepkg_distcc::protocol::reply::{Reply, ReplyDecoder};
use makepkg_distcc::protocol::version::Version;

use crate::volunteer::packet;

/// What is sent under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// A file's bytes, packed when they are sent.
    File(Vec<u8>),
    /// Bytes that are sent as they are.
    Packed(Vec<u8>),
    /// A link's text.
    Link(Vec<u8>),
}

/// A request in protocol 3.
#[derive(Clone, Debug)]
pub struct PumpRequest {
    cwd: Vec<u8>,
    argv: Vec<String>,
    files: Vec<(Vec<u8>, Sent)>,
}

impl PumpRequest {
    /// One without files.
    pub fn new(cwd: &str, argv: &str) -> Self {
        let argv = argv.split_whitespace().map(str::to_owned).collect();
        Self { cwd: cwd.as_bytes().to_vec(), argv, files: Vec::new() }
    }

    /// The compile `argv` of a program with all that it reads, run in `cwd` by this machine's
    /// compiler, which is asked what that is.
    pub fn of_command(cwd: &Path, argv: &str) -> Self {
        let mut request = Self::new(cwd.to_str().unwrap(), argv);
        let mut tree = Real::default();
        tree.pass(cwd, Path::new("."));
        for file in inputs(cwd, &request.argv) {
            tree.pass(cwd, &file);
        }
        request.files = tree.0.into_iter().collect();
        request
    }

    /// Another command with the files of `other`.
    pub fn of_parts(cwd: &str, argv: &str, other: &Self) -> Self {
        Self { files: other.files.clone(), ..Self::new(cwd, argv) }
    }

    /// Adds a file.
    pub fn file(mut self, name: &str, content: &str) -> Self {
        self.files.push((name.as_bytes().to_vec(), Sent::File(content.as_bytes().to_vec())));
        self
    }

    /// Adds a file of these very bytes.
    pub fn packed(mut self, name: &str, bytes: Vec<u8>) -> Self {
        self.files.push((name.as_bytes().to_vec(), Sent::Packed(bytes)));
        self
    }

    /// Adds a link.
    pub fn link(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.as_bytes().to_vec(), Sent::Link(text.as_bytes().to_vec())));
        self
    }

    /// Adds a link that stands for the volunteer's own directory.
    pub fn own(self, dir: &str) -> Self {
        let up = "../".repeat(20 + dir.matches('/').count());
        self.link(dir, &format!("{up}{}", &dir[1..]))
    }

    /// Adds a directory that must exist.
    pub fn dir(self, dir: &str) -> Self {
        let name = format!("{dir}/forcing_technique_271828");
        self.packed(&name, Vec::new())
    }

    /// The same without the files that `which` says.
    pub fn without(mut self, which: impl Fn(&str) -> bool) -> Self {
        self.files.retain(|(name, _)| !which(std::str::from_utf8(name).unwrap()));
        self
    }

    /// Its bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = b"DIST00000003".to_vec();
        bytes.extend(packet("CDIR", &self.cwd));
        bytes.extend(format!("ARGC{:08x}", self.argv.len()).into_bytes());
        for word in &self.argv {
            bytes.extend(packet("ARGV", word.as_bytes()));
        }
        bytes.extend(format!("NFIL{:08x}", self.files.len()).into_bytes());
        for (name, sent) in &self.files {
            bytes.extend(packet("NAME", name));
            bytes.extend(match sent {
                Sent::File(content) => packet("FILE", &lzo::compress(content)),
                Sent::Packed(content) => packet("FILE", content),
                Sent::Link(text) => packet("LINK", text),
            });
        }
        bytes
    }
}

/// A whole reply in protocol 3.
#[track_caller]
pub fn read_reply(bytes: &[u8]) -> Reply {
    let mut decoder = ReplyDecoder::new(Version::Pump, &Limits::default());
    match decoder.push(bytes) {
        Ok(Some(reply)) => reply,
        other => panic!("{other:?} of {}", bytes.escape_ascii()),
    }
}

/// The files that a compile reads, as its compiler names them.
fn inputs(cwd: &Path, argv: &[String]) -> Vec<PathBuf> {
    let mut command = Command::new(&argv[0]);
    let mut words = argv[1..].iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-c" | "-S" | "-MD" | "-MMD" | "-MP" | "-Wp,-MD,a.d" => {}
            "-o" | "-MF" | "-MT" | "-MQ" => drop(words.next()),
            word => drop(command.arg(word)),
        }
    }
    let out = command.arg("-M").current_dir(cwd).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = out.stdout.as_slice();
    let colon = text.windows(2).position(|pair| pair == b": ").unwrap();
    text[colon + 2..]
        .split(|byte| byte.is_ascii_whitespace())
        .filter(|word| !word.is_empty() && word != b"\\")
        .map(|word| PathBuf::from(OsString::from_vec(word.to_vec())))
        .collect()
}

/// What is on this machine's disk, links as links.
#[derive(Default)]
struct Real(BTreeMap<Vec<u8>, Sent>);

impl Real {
    /// Adds all that `path` passes.
    fn pass(&mut self, from: &Path, path: &Path) -> PathBuf {
        let mut at = if path.is_absolute() { PathBuf::from("/") } else { from.to_owned() };
        for part in path.components() {
            match part {
                Component::RootDir | Component::Prefix(_) | Component::CurDir => {}
                Component::ParentDir => {
                    self.add_dir(&at);
                    at.pop();
                }
                Component::Normal(name) => {
                    let next = at.join(name);
                    if let Ok(text) = std::fs::read_link(&next) {
                        let text = text.into_os_string().into_vec();
                        self.0.insert(bytes(&next), Sent::Link(text.clone()));
                        at = self.pass(&at, Path::new(&OsString::from_vec(text)));
                    } else {
                        at = next;
                    }
                }
            }
        }
        match std::fs::read(&at) {
            Ok(content) => drop(self.0.insert(bytes(&at), Sent::File(content))),
            Err(_) => self.add_dir(&at),
        }
        at
    }

    fn add_dir(&mut self, dir: &Path) {
        let name = dir.join("forcing_technique_271828");
        self.0.insert(bytes(&name), Sent::Packed(Vec::new()));
    }
}

fn bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_bytes().to_vec()
}
