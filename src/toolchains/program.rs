//! Why a program does not start here.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::errno::Errno;

use crate::compiler::mismatch::machine_name;
use crate::compiler::object as elf;
use crate::toolchains::fault::NoStart;
use crate::toolchains::object::printable;

/// As much of a program's head as has its loader's name.
const HEAD: u64 = 64 << 10;

/// Why a program did not start: `error` is what the system said, `user` is who was to run it, if
/// another than we are.
pub(super) fn why_not_started(program: &Path, error: &io::Error, user: Option<&str>) -> NoStart {
    let errno = error.raw_os_error().map(Errno::from_raw);
    let meta = fs::metadata(program);
    match errno {
        Some(Errno::ENOENT) if meta.is_ok() => match loader(program) {
            Some(loader) => NoStart::NoLoader(loader),
            None => NoStart::Other(error.to_string()),
        },
        Some(Errno::ENOENT) => NoStart::Missing,
        Some(Errno::ENOEXEC) => why_no_program(program).unwrap_or(NoStart::NoProgram),
        Some(Errno::EACCES) => {
            let is_executable = meta.is_ok_and(|meta| meta.permissions().mode() & 0o111 != 0);
            match user.and_then(|user| Some((closed_dir(program)?, user.to_owned()))) {
                Some((dir, user)) => NoStart::Closed { dir, user },
                None if !is_executable => NoStart::NotExecutable(program.display().to_string()),
                None => NoStart::Other(error.to_string()),
            }
        }
        _ => NoStart::Other(error.to_string()),
    }
}

/// The outermost directory above `program` that others than its owner cannot pass.
fn closed_dir(program: &Path) -> Option<String> {
    let real = fs::canonicalize(program).ok()?;
    let mut dirs: Vec<&Path> = real.ancestors().skip(1).collect();
    dirs.reverse();
    let is_closed =
        |dir: &&&Path| fs::metadata(dir).is_ok_and(|meta| meta.permissions().mode() & 0o001 == 0);
    dirs.iter().find(is_closed).map(|dir| dir.display().to_string())
}

/// The first bytes of a program.
fn head(program: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(program).ok()?.take(HEAD).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Why a program that failed is none for this machine, if it is none: what the system cannot run
/// is given to a shell (execvp(3)), which only finds fault with it.
pub(super) fn why_no_program(program: &Path) -> Option<NoStart> {
    let bytes = head(program)?;
    let ours = elf::identify(&head(Path::new("/proc/self/exe"))?)?;
    match elf::identify(&bytes).filter(|identity| identity.class != 0) {
        _ if bytes.starts_with(b"#!") => None,
        None => Some(NoStart::NoProgram),
        // These processors run programs of their smaller kin.
        Some(it) if matches!((ours.machine, it.machine), (62, 3) | (183, 40)) => None,
        Some(it) if it.machine == ours.machine => None,
        Some(it) => Some(NoStart::OtherMachine(machine_name(&it))),
    }
}

/// What loads a program: the interpreter of a script, or that of an ELF file.
fn loader(program: &Path) -> Option<String> {
    let bytes = head(program)?;
    let found = match bytes.strip_prefix(b"#!") {
        Some(line) => line.trim_ascii_start().split(u8::is_ascii_whitespace).next()?,
        None => elf::loader(&bytes)?,
    };
    Some(printable(found))
}
