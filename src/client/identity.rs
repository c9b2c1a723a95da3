//! Whether a volunteer's compiler is ours: probes of the local compiler, and what was found out
//! about volunteers, kept in `DISTCC_DIR/compilers`.

use std::fmt::Write as _;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use crate::base::disk::{Disk, RealDisk};
use crate::base::{dirs, replace};
use crate::client::call::Call;
use crate::client::settings::Mismatch;
use crate::compiler::mismatch::{self, Verdict};
use crate::compiler::object::{self, ObjectIdentity};
use crate::compiler::rewrite;
use crate::compiler::unit::TranslationUnit;
use crate::hosts::spec::HostSpec;

/// A volunteer whose compiler differed is asked again after this time: it may have been updated.
const ASK_AGAIN: Duration = Duration::from_secs(3600);

/// The first gcc whose `-fdirectives-only` reads raw strings and comments as the compiler does.
const FIRST_UNEXPANDED: u32 = 11;

/// More than this is no file of ours.
const MOST_BYTES: u64 = 64 * 1024;

/// The local compiler as one unit uses it.
#[derive(Debug)]
pub struct Identity {
    dir: PathBuf,
    /// What decides it: the compiler's file, and the flags that select a target.
    key: Vec<u8>,
}

impl Identity {
    /// Names the compiler that `unit` would be compiled by here; `None` where it is not found or
    /// there is no state directory to remember anything in.
    pub fn of(call: &Call, unit: &TranslationUnit) -> Option<Self> {
        let path = call.find(&unit.compiler)?;
        let real = std::fs::canonicalize(&path).ok()?;
        let meta = std::fs::metadata(&real).ok()?;
        let mut key = real.as_os_str().as_bytes().to_vec();
        let stamp = [meta.size(), meta.ino(), meta.mtime().cast_unsigned(), meta.dev()];
        for number in stamp {
            key.extend_from_slice(&number.to_le_bytes());
        }
        // A cross compiler is one file under several names; clang's name selects its target.
        key.extend_from_slice(unit.compiler.as_bytes());
        key.push(0);
        key.extend_from_slice(&rewrite::probe_key(unit));
        Some(Self { dir: dirs::state_dir()?.join("compilers"), key })
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
    ) -> Result<(), String> {
        let ours = match self.local(call, unit) {
            Ok(Some(ours)) => ours,
            Ok(None) => return Ok(()),
            Err(error) => {
                crate::info!("the local compiler could not be probed: {error}");
                return Ok(());
            }
        };
        let theirs = object::identify(output);
        let (refused, how) = match mismatch::compare(&ours, theirs.as_ref()) {
            Verdict::Same => {
                self.confirm(host, &ours);
                return Ok(());
            }
            Verdict::Foreign(how) => (true, how),
            Verdict::Close(how) => {
                (policy == Mismatch::Refuse || (policy == Mismatch::ByRisk && unit.lto), how)
            }
            Verdict::Different(how) => (matches!(policy, Mismatch::Refuse | Mismatch::ByRisk), how),
        };
        // There may be none.
        drop(std::fs::remove_file(self.confirmation(host)));
        if refused {
            self.refuse(host, &how);
            return Err(how);
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

    /// What the local compiler says of itself: from the cache, else by compiling an empty unit.
    fn local(&self, call: &Call, unit: &TranslationUnit) -> io::Result<Option<ObjectIdentity>> {
        let path = self.dir.join(format!("local_{:016x}", fnv1a(&self.key)));
        let cached = RealDisk.read(&path, MOST_BYTES).ok();
        if let Some(identity) = cached.and_then(|text| read(&text, &self.key)) {
            return Ok(Some(identity));
        }
        let Some(identity) = self.probe(call, unit)? else { return Ok(None) };
        replace::write(&path, print(&identity, &self.key).as_bytes(), 0o666)?;
        Ok(Some(identity))
    }

    fn probe(&self, call: &Call, unit: &TranslationUnit) -> io::Result<Option<ObjectIdentity>> {
        let dir = dirs::state_subdir("compilers")?;
        let probe = Scrap(dir.join(format!("probe-{}.tmp", std::process::id())));
        let argv = rewrite::probe(unit, probe.0.as_os_str());
        let Some(mut command) = call.command(&argv) else { return Ok(None) };
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if !command.status()?.success() {
            return Ok(None);
        }
        Ok(object::identify(&RealDisk.read(&probe.0, MOST_BYTES)?))
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

/// The cache's form: the key and the comments in hexadecimal, one a line.
fn print(identity: &ObjectIdentity, key: &[u8]) -> String {
    let ObjectIdentity { class, endian, machine, flags, comments } = identity;
    let mut text = format!("{}\n{class} {endian} {machine} {flags}\n", hex(key));
    for comment in comments {
        text.push_str(&hex(comment));
        text.push('\n');
    }
    text
}

fn read(text: &[u8], key: &[u8]) -> Option<ObjectIdentity> {
    let mut lines = std::str::from_utf8(text).ok()?.lines();
    if unhex(lines.next()?)? != key {
        return None;
    }
    let mut numbers = lines.next()?.split(' ');
    let identity = ObjectIdentity {
        class: numbers.next()?.parse().ok()?,
        endian: numbers.next()?.parse().ok()?,
        machine: numbers.next()?.parse().ok()?,
        flags: numbers.next()?.parse().ok()?,
        comments: lines.map(unhex).collect::<Option<_>>()?,
    };
    Some(identity)
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
            machine: 62,
            flags: 0,
            comments: vec![b"GCC: (GNU) 16.1.1".to_vec(), vec![0xff, b'\n']],
        };
        let text = print(&identity, b"key\n");
        assert_eq!(read(text.as_bytes(), b"key\n"), Some(identity));
        assert_eq!(read(text.as_bytes(), b"other"), None);
        assert_eq!(read(b"6b\n1 2", b"k"), None);
        assert_eq!(read(b"", b""), None);
    }

    #[test]
    fn fnv_is_the_published_function() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
    }
}
