//! Whether a volunteer's compiler is ours: probes of the local compiler, and what was found out
//! about volunteers, kept in `DISTCC_DIR/compilers`.

use std::cell::OnceCell;
use std::fmt::Write as _;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crate::base::disk::{Disk, RealDisk};
use crate::base::{dirs, replace, version};
use crate::client::call::Call;
use crate::client::settings::Mismatch;
use crate::compiler::mismatch::{self, Verdict};
use crate::compiler::object::{self, ObjectIdentity};
use crate::compiler::rewrite;
use crate::compiler::unit::TranslationUnit;
use crate::hosts::spec::{DEFAULT_PORT, HostSpec, Transport};
use crate::targets::{self, FloatAbi, Target, service};

/// A volunteer whose compiler differed is asked again after this time: it may have been updated.
const ASK_AGAIN: Duration = Duration::from_secs(3600);

/// The first gcc whose `-fdirectives-only` reads raw strings and comments as the compiler does.
const FIRST_UNEXPANDED: u32 = 11;

/// More than this is no file of ours.
const MOST_BYTES: u64 = 64 * 1024;

/// More files than these are too many: a few for each compiler, its flags and each volunteer.
const MOST_FILES: usize = 1024;

/// An object that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// How it differs from a local one.
    pub how: String,
    /// Whether DISTCC_COMPILER_MISMATCH can let it pass: not where it is for another machine.
    pub can_be_allowed: bool,
}

/// The local compiler as one unit uses it.
#[derive(Debug)]
pub struct Identity {
    dir: PathBuf,
    /// What decides it: the compiler's file, and the flags that select a target.
    key: Vec<u8>,
    /// What [`Self::local`] found, once it has been asked.
    local: OnceCell<Option<Local>>,
}

impl Identity {
    /// Names the compiler that `unit` would be compiled by here; `None` where it is not found or
    /// there is no state directory to remember anything in.
    pub fn of(call: &Call, unit: &TranslationUnit) -> Option<Self> {
        let path = call.find(&unit.compiler)?;
        let real = std::fs::canonicalize(&path).ok()?;
        let meta = std::fs::metadata(&real).ok()?;
        let mut key = file_key(&real, &meta);
        // A cross compiler is one file under several names; clang's name selects its target.
        key.extend_from_slice(unit.compiler.as_bytes());
        key.push(0);
        key.extend_from_slice(&rewrite::probe_key(unit));
        let dir = dirs::state_dir()?.join("compilers");
        Some(Self { dir, key, local: OnceCell::new() })
    }

    /// What decides it.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// Whether `host` is known to have another compiler.
    pub fn is_refused(&self, host: &HostSpec) -> bool {
        replace::is_younger(&self.refusal(host), ASK_AGAIN)
    }

    /// Whether `host` is known to have this very compiler, and it is one that can take text whose
    /// macros are not expanded yet.
    pub fn takes_unexpanded(&self, host: &HostSpec) -> bool {
        self.confirmation(host).exists() && !replace::is_younger(&self.trouble(), ASK_AGAIN)
    }

    /// Notes that such a text could not be compiled on a volunteer, and the expanded one here
    /// could.
    pub fn note_trouble(&self) {
        if let Err(error) = replace::write(&self.trouble(), b"", 0o666) {
            crate::info!("{}: {error}", self.dir.display());
        }
    }

    fn trouble(&self) -> PathBuf {
        self.dir.join(format!("expand_{:016x}", fnv1a(&self.key)))
    }

    fn confirmation(&self, host: &HostSpec) -> PathBuf {
        let name = format!("same_{}_{:016x}", host.lock_name(), fnv1a(&self.key));
        self.dir.join(name.replace('/', "_"))
    }

    /// Remembers that `host` has the compiler `ours`, where that tells anything.
    fn confirm(&self, host: &HostSpec, ours: &ObjectIdentity) {
        let path = self.confirmation(host);
        if !mismatch::is_gcc_from(ours, FIRST_UNEXPANDED) || path.exists() {
            return;
        }
        if let Err(error) = replace::write(&path, b"", 0o666) {
            crate::info!("{}: {error}", path.display());
        }
    }

    fn refusal(&self, host: &HostSpec) -> PathBuf {
        let name = format!("other_{}_{:016x}", host.lock_name(), fnv1a(&self.key));
        self.dir.join(name.replace('/', "_"))
    }

    fn refuse(&self, host: &HostSpec, how: &str) {
        let noted = dirs::state_subdir("compilers").and_then(|_| {
            replace::write(&self.refusal(host), format!("{how}\n").as_bytes(), 0o666)
        });
        if let Err(error) = noted {
            crate::info!("cannot remember the compiler of {}: {error}", host.text);
        }
    }

    /// Compares an object (or assembly) from `host` with what the local compiler makes.
    ///
    /// # Errors
    ///
    /// How they differ, where `policy` does not allow it; the volunteer is then remembered.
    pub fn check(
        &self,
        call: &Call,
        unit: &TranslationUnit,
        host: &HostSpec,
        output: &[u8],
        policy: Mismatch,
    ) -> Result<(), Refused> {
        let Some(ours) = self.local(call, unit) else { return Ok(()) };
        let theirs = object::identify(output);
        let verdict = mismatch::compare(&ours.identity, theirs.as_ref());
        let can_be_allowed = !matches!(verdict, Verdict::Foreign(_));
        let (refused, how) = match verdict {
            Verdict::Same => {
                self.confirm(host, &ours.identity);
                return Ok(());
            }
            Verdict::Foreign(how) => (true, how + &right_service(ours, host)),
            Verdict::Close(how) => {
                (policy == Mismatch::Refuse || (policy == Mismatch::ByRisk && unit.lto), how)
            }
            Verdict::Different(how) => (matches!(policy, Mismatch::Refuse | Mismatch::ByRisk), how),
        };
        // There may be none.
        drop(std::fs::remove_file(self.confirmation(host)));
        if refused {
            self.refuse(host, &how);
            return Err(Refused { how, can_be_allowed });
        }
        if policy != Mismatch::Allow {
            self.warn_once(host, &how);
        }
        Ok(())
    }

    /// Warns of a difference that is let pass, once an hour for each volunteer.
    fn warn_once(&self, host: &HostSpec, how: &str) {
        let path = self.refusal(host).with_extension("warned");
        if replace::is_younger(&path, ASK_AGAIN) {
            return;
        }
        crate::warning!("{}: {how}; its objects are used all the same", host.text);
        if let Err(error) = replace::write(&path, format!("{how}\n").as_bytes(), 0o666) {
            crate::info!("{}: {error}", path.display());
        }
    }

    /// The triple of the local compiler, where it compiles for another machine than this one: a
    /// cross compiler under a native name.
    pub fn foreign_triple(&self, call: &Call, unit: &TranslationUnit) -> Option<&str> {
        self.local(call, unit)?.foreign.as_deref()
    }

    /// What the local compiler says of itself: from the cache, else by compiling an empty unit.
    fn local(&self, call: &Call, unit: &TranslationUnit) -> Option<&Local> {
        let look = || {
            self.look(call, unit).unwrap_or_else(|error| {
                crate::info!("the local compiler could not be probed: {error}");
                None
            })
        };
        self.local.get_or_init(look).as_ref()
    }

    fn look(&self, call: &Call, unit: &TranslationUnit) -> io::Result<Option<Local>> {
        let path = self.dir.join(format!("local_{:016x}", fnv1a(&self.key)));
        let cached = RealDisk.read(&path, MOST_BYTES).ok();
        if let Some(local) = cached.and_then(|text| read(&text, &self.key)) {
            return Ok(Some(local));
        }
        let Some(identity) = self.probe(call, unit)? else { return Ok(None) };
        let foreign = match is_foreign(&identity) {
            true => ask_triple(call, unit)?,
            false => None,
        };
        let local = Local { identity, foreign };
        replace::write(&path, print(&local, &self.key).as_bytes(), 0o666)?;
        prune(&self.dir);
        Ok(Some(local))
    }

    fn probe(&self, call: &Call, unit: &TranslationUnit) -> io::Result<Option<ObjectIdentity>> {
        let dir = dirs::state_subdir("compilers")?;
        let probe = Scrap(dir.join(format!("probe-{}.tmp", replace::unique())));
        let argv = rewrite::probe(unit, probe.0.as_os_str());
        let Some(mut command) = call.command(&argv) else { return Ok(None) };
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if !command.status()?.success() {
            return Ok(None);
        }
        Ok(object::identify(&RealDisk.read(&probe.0, MOST_BYTES)?))
    }
}

/// What is known of the local compiler.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Local {
    /// What its objects say.
    identity: ObjectIdentity,
    /// Its triple, where that is another machine's.
    foreign: Option<String>,
}

/// This machine's targets, as far as an object can be for them.
fn own_targets(identity: &ObjectIdentity) -> impl Iterator<Item = &'static Target> {
    let float = identity.hard_float;
    targets::of_triple(version::MACHINE).into_iter().filter(move |own| {
        own.elf_machine == identity.machine
            && own
                .float_abi
                .is_none_or(|abi| float.is_none_or(|hard| hard == (abi == FloatAbi::Hard)))
    })
}

/// The target that an object is for.
fn target_of(identity: &ObjectIdentity) -> Option<&'static Target> {
    targets::of_object(identity.machine, identity.hard_float, identity.arm_arch)
}

/// Whether an object is for a known target that is not this machine's.
fn is_foreign(identity: &ObjectIdentity) -> bool {
    target_of(identity).is_some() && own_targets(identity).next().is_none()
}

/// What the local compiler says that it compiles for, if that can be part of a name.
fn ask_triple(call: &Call, unit: &TranslationUnit) -> io::Result<Option<String>> {
    let argv = [unit.compiler.clone(), "-dumpmachine".into()];
    let Some(mut command) = call.command(&argv) else { return Ok(None) };
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output()?;
    let text = String::from_utf8(output.stdout).unwrap_or_default();
    let triple = text.trim();
    let is_known = output.status.success() && !targets::of_triple(triple).is_empty();
    Ok(is_known.then(|| triple.to_owned()))
}

/// The service that compiles for the local compiler's target, for a message; empty where none is
/// known.
fn right_service(ours: &Local, host: &HostSpec) -> String {
    let by_object = target_of(&ours.identity);
    let named = ours.foreign.as_deref().map(targets::of_triple);
    let named = named.unwrap_or_else(|| own_targets(&ours.identity).collect());
    // Options may ask for another ARM than the machine is.
    let by_both = by_object.filter(|target| named.contains(target));
    let target = by_both.or(named.first().copied()).or(by_object);
    let (Some(target), Transport::Tcp { host, port }) = (target, &host.transport) else {
        return String::new();
    };
    // The distccd of an x86-64 machine has no other name there.
    let is_native = target.port == DEFAULT_PORT;
    format!("; {}", service::advice(target, host, *port, is_native))
}

/// What tells the compiler's file from every other, of other root directories included that share
/// this state directory: a copy (rsync) has the size and the time of its original, a snapshot
/// (btrfs) its inode too, and a device's number is given to another file system some day. The time
/// of the last change to the inode, which nobody can set, is in nanoseconds.
fn file_key(real: &Path, meta: &std::fs::Metadata) -> Vec<u8> {
    let mut key = real.as_os_str().as_bytes().to_vec();
    let times = [meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()];
    let times = times.map(i64::cast_unsigned);
    for number in [meta.size(), meta.ino(), meta.dev()].into_iter().chain(times) {
        key.extend_from_slice(&number.to_le_bytes());
    }
    key
}

/// Removes the oldest files where there are too many: each copy of a build root has compilers of
/// its own, and so files here. What is removed too early is found out again.
fn prune(dir: &Path) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    let dated = |entry: io::Result<std::fs::DirEntry>| {
        let entry = entry.ok()?;
        let meta = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
        Some((meta.modified().ok()?, entry.path()))
    };
    let mut files: Vec<_> = entries.filter_map(dated).collect();
    if files.len() <= MOST_FILES {
        return;
    }
    files.sort();
    for (_, path) in files.iter().take(files.len() - MOST_FILES / 2) {
        // Another client may be at it too.
        drop(std::fs::remove_file(path));
    }
}

/// A file that goes when this is dropped.
struct Scrap(PathBuf);

impl Drop for Scrap {
    fn drop(&mut self) {
        // It may never have been made.
        drop(std::fs::remove_file(&self.0));
    }
}

/// The cache's form: the key, the numbers, the triple or `-`, and the comments; key and comments in
/// hexadecimal, one a line.
fn print(Local { identity, foreign }: &Local, key: &[u8]) -> String {
    let ObjectIdentity { class, endian, machine, flags, hard_float, arm_arch, comments } = identity;
    let float = hard_float.map_or("-", |hard| if hard { "hard" } else { "soft" });
    let arch = arm_arch.unwrap_or(0);
    let mut text = format!("{}\n{class} {endian} {machine} {flags} {float} {arch}\n", hex(key));
    text.push_str(foreign.as_deref().unwrap_or("-"));
    text.push('\n');
    for comment in comments {
        text.push_str(&hex(comment));
        text.push('\n');
    }
    text
}

fn read(text: &[u8], key: &[u8]) -> Option<Local> {
    let mut lines = std::str::from_utf8(text).ok()?.lines();
    if unhex(lines.next()?)? != key {
        return None;
    }
    let mut numbers = lines.next()?.split(' ');
    let foreign = lines.next().filter(|triple| *triple != "-").map(str::to_owned);
    let identity = ObjectIdentity {
        class: numbers.next()?.parse().ok()?,
        endian: numbers.next()?.parse().ok()?,
        machine: numbers.next()?.parse().ok()?,
        flags: numbers.next()?.parse().ok()?,
        hard_float: match numbers.next()? {
            "hard" => Some(true),
            "soft" => Some(false),
            _ => None,
        },
        arm_arch: Some(numbers.next()?.parse().ok()?).filter(|arch| *arch != 0),
        comments: lines.map(unhex).collect::<Option<_>>()?,
    };
    Some(Local { identity, foreign })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

/// A short name for `bytes` (FNV-1a); whoever reads the file compares the bytes themselves.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_reads_what_it_printed_and_nothing_of_another_compiler() {
        let identity = ObjectIdentity {
            class: 2,
            endian: 1,
            machine: 40,
            flags: 0,
            hard_float: Some(false),
            arm_arch: Some(5),
            comments: vec![b"GCC: (GNU) 16.1.1".to_vec(), vec![0xff, b'\n']],
        };
        for foreign in [None, Some("arm-linux-gnueabi".to_owned())] {
            let local = Local { identity: identity.clone(), foreign };
            let text = print(&local, b"key\n");
            assert_eq!(read(text.as_bytes(), b"key\n"), Some(local));
            assert_eq!(read(text.as_bytes(), b"other"), None);
        }
        assert_eq!(read(b"6b\n1 2", b"k"), None);
        assert_eq!(read(b"", b""), None);
    }

    #[test]
    fn a_compiler_and_its_copy_with_the_same_times_have_different_keys() {
        let dir = tempfile::tempdir().unwrap();
        let (root, copy) = (dir.path().join("root"), dir.path().join("copy"));
        std::fs::create_dir(&root).unwrap();
        replace::write(&root.join("gcc"), b"driver", 0o755).unwrap();
        let mut cp = std::process::Command::new("cp");
        assert!(cp.arg("-a").args([&root, &copy]).status().unwrap().success());
        // As each is called in its own root directory.
        let key = |dir: &Path| {
            file_key(Path::new("/usr/bin/gcc"), &std::fs::metadata(dir.join("gcc")).unwrap())
        };
        assert_eq!(key(&root), key(&root));
        assert_ne!(key(&root), key(&copy));
        // A snapshot has even the inode's number; what is put there later has another time.
        let before = key(&root);
        std::fs::set_permissions(
            root.join("gcc"),
            std::os::unix::fs::PermissionsExt::from_mode(0o755),
        )
        .unwrap();
        assert_ne!(before, key(&root));
    }

    #[test]
    fn too_many_files_lose_the_oldest() {
        let dir = tempfile::tempdir().unwrap();
        let old = std::time::SystemTime::UNIX_EPOCH;
        for number in 0..=MOST_FILES {
            let file = std::fs::File::create(dir.path().join(format!("f{number}"))).unwrap();
            file.set_modified(old + Duration::from_secs(number as u64)).unwrap();
            if number + 1 == MOST_FILES {
                prune(dir.path());
                assert_eq!(dir.path().read_dir().unwrap().count(), MOST_FILES);
            }
        }
        prune(dir.path());
        assert_eq!(dir.path().read_dir().unwrap().count(), MOST_FILES / 2);
        assert!(dir.path().join(format!("f{MOST_FILES}")).exists());
        assert!(!dir.path().join("f0").exists());
    }

    #[test]
    fn fnv_is_the_published_function() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
    }
}
