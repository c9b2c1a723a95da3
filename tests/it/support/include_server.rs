//! An include server that speaks as distcc's own does: a mirror of packed files, and names in it.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use makepkg_distcc::protocol::include_server::{Decoder, FORCED, Request, encode_reply};
use makepkg_distcc::protocol::limits::Limits;
use makepkg_distcc::protocol::lzo;
use tempfile::TempDir;

/// What an include server does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// Names the unit's files.
    Honestly,
    /// Says that it cannot tell.
    Nothing,
    /// Hangs up.
    HangsUp,
    /// Names files that are not there.
    Lies,
    /// Sends what is no reply.
    Garbage,
}

/// A server on a socket called `socket`, in a directory of its own.
#[derive(Debug)]
pub struct IncludeServer {
    dir: TempDir,
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    acceptor: Option<JoinHandle<()>>,
}

impl IncludeServer {
    /// Starts listening.
    pub fn start(answers: Answers) -> Self {
        // Two components: with `padding`, three.
        let dir = tempfile::Builder::new().prefix("include-server-").tempdir_in("/tmp").unwrap();
        let listener = UnixListener::bind(dir.path().join("socket")).unwrap();
        let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (stopped, count) = (Arc::clone(&stop), Arc::clone(&asked));
        let root = dir.path().join("padding");
        let acceptor = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                count.fetch_add(1, Ordering::Relaxed);
                // The client may have gone.
                drop(serve(stream.unwrap(), answers, &root));
            }
        });
        Self { dir, stop, asked, acceptor: Some(acceptor) }
    }

    /// The value of INCLUDE_SERVER_PORT.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("socket")
    }

    /// The bytes of the file that counts discrepancies.
    pub fn discrepancies(&self) -> usize {
        std::fs::read(self.dir.path().join("discrepancy_counter")).map_or(0, |bytes| bytes.len())
    }

    /// How many requests there were.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for IncludeServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(UnixStream::connect(self.socket()));
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
    }
}

fn serve(mut stream: UnixStream, answers: Answers, root: &Path) -> std::io::Result<()> {
    let mut decoder = Decoder::of_request(&Limits::default());
    let mut buffer = [0; 4096];
    let request = loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        if let Some(request) = decoder.push(&buffer[..count]).unwrap() {
            break request;
        }
    };
    let names = match answers {
        Answers::Honestly => names(&request, root),
        Answers::Nothing => Vec::new(),
        Answers::HangsUp => return Ok(()),
        Answers::Lies => vec!["/tmp/none/padding/none.h.lzo".to_owned()],
        Answers::Garbage => return stream.write_all(b"ARGCzzzzzzzz"),
    };
    stream.write_all(&encode_reply(&names))
}

/// Mirrors what the unit opens, and names it.
fn names(request: &Request, root: &Path) -> Vec<String> {
    let cwd = PathBuf::from(String::from_utf8(request.cwd.clone()).unwrap());
    let mut words =
        request.argv.iter().map(|word| String::from_utf8(word.clone()).unwrap()).skip(1);
    let mut command = Command::new(if is_cxx(request) { "g++" } else { "gcc" });
    while let Some(word) = words.next() {
        match word.as_str() {
            "-c" | "-MD" | "-MMD" | "-MP" => {}
            "-o" | "-MF" | "-MT" | "-MQ" => drop(words.next()),
            _ => drop(command.arg(word)),
        }
    }
    let said = command.arg("-M").current_dir(&cwd).output().unwrap();
    if !said.status.success() {
        return Vec::new();
    }
    let rule = String::from_utf8(said.stdout).unwrap().replace("\\\n", " ");
    let (_, files) = rule.split_once(": ").unwrap();
    let mut names = BTreeSet::new();
    for file in files.split_whitespace().filter(|file| !file.starts_with("/usr/")) {
        mirror(&cwd.join(file), root, &mut names);
    }
    for dir in ["/usr/include", "/usr/lib/gcc/x86_64-linux-gnu/12/include"] {
        let slashes = dir.matches('/').count();
        let text = "../".repeat(20 + slashes) + dir.trim_start_matches('/');
        names.insert(link(root, Path::new(dir), Path::new(&text)));
    }
    names.into_iter().collect()
}

fn is_cxx(request: &Request) -> bool {
    request.argv[0].ends_with(b"++")
}

/// Adds one file, with the links and directories on the way.
fn mirror(file: &Path, root: &Path, names: &mut BTreeSet<String>) {
    let mut at = PathBuf::from("/");
    for part in file.components().skip(1) {
        if at.parent().is_some() {
            names.insert(format!("{}{}/{FORCED}", root.display(), at.display()));
        }
        if part.as_os_str() == ".." {
            at.pop();
            continue;
        }
        at.push(part);
        if at.is_symlink() {
            let real = std::fs::canonicalize(&at).unwrap();
            names.insert(link(root, &at, &real));
            at = real;
        }
    }
    let packed = root.join(format!("{}.lzo", at.strip_prefix("/").unwrap().display()));
    std::fs::create_dir_all(packed.parent().unwrap()).unwrap();
    let text = std::fs::read(&at).unwrap();
    let bytes = if text.is_empty() { Vec::new() } else { lzo::compress(&text) };
    std::fs::write(&packed, bytes).unwrap();
    names.insert(packed.display().to_string());
}

fn link(root: &Path, at: &Path, text: &Path) -> String {
    let path = root.join(at.strip_prefix("/").unwrap());
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    // It may be there from the unit before.
    drop(symlink(text, &path));
    path.display().to_string()
}
