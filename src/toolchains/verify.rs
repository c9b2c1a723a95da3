//! Trying a toolchain out: it compiles, and what comes out is looked at.
//!
//! Its programs may be anything that stands under a compiler's name. They run as the user whom
//! distccd becomes, with little in their environment, within a time, and may print so much and no
//! more.

use std::fs::{self, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::unistd::{Gid, Uid, User, chown};

use crate::base::capture::{Captured, capture};
use crate::base::replace;
use crate::targets;
use crate::toolchains::Toolchain;
use crate::toolchains::fault::{Fault, NoStart, Weight};
use crate::toolchains::object::{self, Made, printable};
use crate::toolchains::program::{why_no_program, why_not_started};

/// A compiler with a cold disk takes some seconds.
const LIMIT: Duration = Duration::from_secs(30);
/// The most that a program may print; all macros of a compiler are some 20 KiB.
const MOST_OUTPUT: u64 = 1 << 20;
/// The most of an object that is read; ours have a KiB.
const MOST_OBJECT: u64 = 8 << 20;
/// Users whom compilers are run as by root, the first that exists: those whom distccd becomes.
const USERS: [&str; 3] = ["distcc", "distccd", "nobody"];
/// gcc of Arch Linux ARM, and of the distccd-alarm packages in the AUR (15.2.1.20260216).
const USUAL_GCC: u32 = 15;
/// The most candidates that are tried.
const MOST_TRIED: usize = 12;
/// Shows the C library, if there is one.
const LIBRARY: &str = "#ifdef __has_include\n#if __has_include(<features.h>)\n\
                       #include <features.h>\n#endif\n#endif\n";
/// What is compiled: it passes numbers of each kind.
const C: &str = "double scale(double by, float also, long long count)\n\
                 { return by * also + (double) count; }\n";
const CXX: &str = "template <class T> struct By { T by; T of(T n) const { return n * by; } };\n\
                   double scale(double n) { return By<double>{3}.of(n); }\n";

/// A toolchain that was tried.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The toolchain.
    pub toolchain: Toolchain,
    /// Version of its C compiler: `gcc 15.2.1`.
    pub version: Option<String>,
    /// What its objects are.
    pub made: Option<Made>,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
}

impl Tried {
    /// Nothing is known of `toolchain` but where it is.
    pub fn untried(toolchain: Toolchain) -> Self {
        Self { toolchain, version: None, made: None, faults: Vec::new() }
    }

    /// The worst of what is wrong with it.
    pub fn weight(&self) -> Option<Weight> {
        self.faults.iter().map(Fault::weight).max()
    }

    /// Whether it can serve.
    pub fn serves(&self) -> bool {
        self.weight() != Some(Weight::Fault)
    }
}

/// Tries those of `toolchains`, in their order, until one is without fault, and puts the best
/// first. Those that are left are not part of it.
pub fn best_first(toolchains: Vec<Toolchain>) -> Vec<Tried> {
    let mut tried = Vec::new();
    for toolchain in toolchains.into_iter().take(MOST_TRIED) {
        let one = verify(toolchain);
        let is_good = one.weight() < Some(Weight::Warning);
        tried.push(one);
        if is_good {
            break;
        }
    }
    tried.sort_by_key(Tried::weight);
    tried
}

/// Has `toolchain` compile C and C++.
pub fn verify(toolchain: Toolchain) -> Tried {
    Trial::new(toolchain, LIMIT).run()
}

/// A toolchain being tried.
struct Trial {
    tried: Tried,
    limit: Duration,
    /// Who runs its programs, if not we.
    user: Option<(String, Uid, Gid)>,
}

/// The trial need not go on: what was found says enough.
struct Enough;

impl Trial {
    fn new(toolchain: Toolchain, limit: Duration) -> Self {
        let tried = Tried::untried(toolchain);
        let is_root = Uid::effective().is_root();
        let find = |name: &&str| User::from_name(name).ok().flatten();
        let user = USERS.iter().find_map(find).filter(|_| is_root);
        let user = user.map(|user| (user.name, user.uid, user.gid));
        Self { tried, limit, user }
    }

    fn run(mut self) -> Tried {
        if let Err(error) = self.try_in_directory() {
            let why = NoStart::Other(format!("no directory to try it in: {error}"));
            self.blame(Fault::NoStart(self.tried.toolchain.dir.clone(), why));
        }
        self.tried
    }

    fn blame(&mut self, fault: Fault) {
        if !self.tried.faults.contains(&fault) {
            self.tried.faults.push(fault);
        }
    }

    /// Makes a directory for its user, and tries it there.
    fn try_in_directory(&mut self) -> io::Result<()> {
        // The outer one is ours, so that the user cannot put another in the place of the inner one.
        let outer = tempfile::Builder::new().prefix("distcc-setup-").tempdir()?;
        fs::set_permissions(outer.path(), Permissions::from_mode(0o755))?;
        let dir = outer.path().join("unit");
        fs::create_dir(&dir)?;
        for (name, text) in [("library.c", LIBRARY), ("unit.c", C), ("unit.cc", CXX)] {
            let path = dir.join(name);
            replace::write(&path, text.as_bytes(), 0o644)?;
            fs::set_permissions(path, Permissions::from_mode(0o644))?;
        }
        if let Some((_, uid, gid)) = self.user {
            chown(&dir, Some(uid), Some(gid))?;
        }
        // What there is to say is among the faults.
        let _ = self.try_all(&dir);
        Ok(())
    }

    fn try_all(&mut self, dir: &Path) -> Result<(), Enough> {
        let toolchain = self.tried.toolchain.clone();
        let find =
            |name: &str, other: &str| toolchain.program(name).or_else(|| toolchain.program(other));
        let Some(c) = find("gcc", "clang") else {
            self.blame(Fault::NoC(toolchain.dir));
            return Err(Enough);
        };
        self.ask_target(&c, dir)?;
        self.ask_macros(&c, dir)?;
        let made = self.compile(&c, "unit.c", dir)?;
        self.judge(&c, made)?;
        match find("g++", "clang++") {
            None => self.blame(Fault::NoCxx(toolchain.dir)),
            Some(cxx) => {
                let made = self.compile(&cxx, "unit.cc", dir)?;
                if !made.is_for(toolchain.target) {
                    return Err(self.other_objects(&cxx, &made));
                }
            }
        }
        Ok(())
    }

    /// What the compiler says that it is for.
    fn ask_target(&mut self, c: &Path, dir: &Path) -> Result<(), Enough> {
        let said = self.output(c, &["-dumpmachine"], dir)?;
        let triple = printable(said.trim_ascii());
        let target = self.tried.toolchain.target;
        let is_triple = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        if !triple.contains('-') || !triple.chars().all(is_triple) {
            self.blame(Fault::NoTriple(c.to_owned(), triple));
            return Err(Enough);
        }
        if !targets::of_triple(&triple).contains(&target) {
            let wanted = target.triple.to_owned();
            self.blame(Fault::OtherTarget { program: c.to_owned(), says: triple, wanted });
            return Err(Enough);
        }
        Ok(())
    }

    /// Version and C library, by what the compiler defines.
    fn ask_macros(&mut self, c: &Path, dir: &Path) -> Result<(), Enough> {
        let said = self.output(c, &["-dM", "-E", "library.c"], dir)?;
        let said = String::from_utf8_lossy(&said);
        let value = |name: &str| {
            let mut all = said.lines().filter_map(|line| line.strip_prefix("#define "));
            all.find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).map(printable_word)
        };
        let number = |name: &str| value(name).and_then(|text| text.parse::<u32>().ok());
        let (kind, parts) = match value("__clang_major__") {
            Some(_) => ("clang", ["__clang_major__", "__clang_minor__", "__clang_patchlevel__"]),
            None => ("gcc", ["__GNUC__", "__GNUC_MINOR__", "__GNUC_PATCHLEVEL__"]),
        };
        let [Some(major), Some(minor), Some(patch)] = parts.map(number) else {
            let said = "it defines no version".to_owned();
            self.blame(Fault::Fails(format!("{} -dM -E", c.display()), said));
            return Err(Enough);
        };
        self.tried.version = Some(format!("{kind} {major}.{minor}.{patch}"));
        let is_arm = self.tried.toolchain.target.name.starts_with("arm");
        let is_native = self.tried.toolchain.triple.is_none();
        if kind == "gcc" && is_arm && !is_native && major < USUAL_GCC {
            self.blame(Fault::Older(format!("{major}.{minor}.{patch}"), USUAL_GCC));
        }
        // Without its headers there is nothing to say: clients send what is preprocessed.
        let other = [
            ("__BIONIC__", "bionic"),
            ("__UCLIBC__", "uClibc"),
            ("__GLIBC__", ""),
            ("_FEATURES_H", "musl"),
        ];
        let library = other.into_iter().find(|(name, _)| {
            let define = format!("#define {name}");
            said.lines().any(|line| line.strip_prefix(&define).is_some_and(is_name_end))
        });
        if let Some((_, name)) = library.filter(|(_, name)| !name.is_empty()) {
            self.blame(Fault::OtherLibrary(c.to_owned(), name));
        }
        Ok(())
    }

    /// Compares the object with what the target needs.
    fn judge(&mut self, c: &Path, made: Made) -> Result<(), Enough> {
        let target = self.tried.toolchain.target;
        if !made.is_for(target) {
            return Err(self.other_objects(c, &made));
        }
        self.tried.made = Some(made.clone());
        let makes = made.arm_version().map(u32::from);
        if let (Some(made), Some(newest)) = (makes, target.arm_arch)
            && made > newest
        {
            let program = c.to_owned();
            self.blame(Fault::NewerProcessor { program, made, target: target.name });
        }
        Ok(())
    }

    fn other_objects(&mut self, program: &Path, made: &Made) -> Enough {
        let wanted = object::wanted(self.tried.toolchain.target);
        self.blame(Fault::OtherObjects {
            program: program.to_owned(),
            made: made.to_string(),
            wanted,
        });
        Enough
    }

    /// Compiles `source`, and reads the object.
    fn compile(&mut self, compiler: &Path, source: &str, dir: &Path) -> Result<Made, Enough> {
        // One that does nothing would leave that of the unit before.
        drop(fs::remove_file(dir.join("unit.o")));
        self.output(compiler, &["-O2", "-c", source, "-o", "unit.o"], dir)?;
        let object = read_object(&dir.join("unit.o"));
        object.as_deref().and_then(Made::read).ok_or_else(|| {
            self.blame(Fault::NoObject(compiler.to_owned()));
            Enough
        })
    }

    /// What a compiler prints if it ends well; if not, finds out why.
    fn output(&mut self, compiler: &Path, words: &[&str], dir: &Path) -> Result<Vec<u8>, Enough> {
        let fault = match self.start(compiler, words, dir) {
            Ok(captured) if captured.status.success() => return Ok(captured.stdout),
            Ok(captured) => self.why_failed(compiler, words, &captured, dir),
            Err(fault) => fault,
        };
        self.blame(fault);
        Err(Enough)
    }

    /// Looks whether a program that the compiler runs is what fails.
    fn why_failed(
        &self,
        compiler: &Path,
        words: &[&str],
        captured: &Captured,
        dir: &Path,
    ) -> Fault {
        if let Some(why) = why_no_program(compiler) {
            return Fault::NoStart(compiler.to_owned(), why);
        }
        let is_cxx = words.contains(&"unit.cc");
        for part in [if is_cxx { "cc1plus" } else { "cc1" }, "as"] {
            let ask = format!("-print-prog-name={part}");
            let Ok(answer) = self.start(compiler, &[&ask], dir) else { break };
            let found = PathBuf::from(printable(answer.stdout.trim_ascii()));
            if !answer.status.success() || found.as_os_str().is_empty() {
                break;
            }
            let why = if !found.is_absolute() {
                "it finds none; install the toolchain again, all of it".to_owned()
            } else {
                match self.start(&found, &["--version"], dir) {
                    Err(Fault::NoStart(path, why)) => {
                        format!("{} does not start: {why}", path.display())
                    }
                    Err(other) => other.to_string(),
                    Ok(captured) if captured.status.success() => continue,
                    Ok(_) => match why_no_program(&found) {
                        Some(why) => format!("{} does not start: {why}", found.display()),
                        None => continue,
                    },
                }
            };
            return Fault::NoPart { compiler: compiler.to_owned(), part: part.to_owned(), why };
        }
        let said = match captured.status.signal() {
            Some(signal) => format!("signal {signal} ends it"),
            None => first_error(&captured.stderr),
        };
        let words: Vec<&str> = words.iter().copied().take(3).collect();
        Fault::Fails(format!("{} {}", compiler.display(), words.join(" ")), said)
    }

    /// The user whom compilers run as, if that is another.
    fn user_name(&self) -> Option<&str> {
        self.user.as_ref().map(|(name, ..)| name.as_str())
    }

    /// Runs a program to its end.
    fn start(&self, program: &Path, words: &[&str], dir: &Path) -> Result<Captured, Fault> {
        let mut command = Command::new(program);
        let path = format!("{}:/usr/bin:/bin", self.tried.toolchain.dir.display());
        command.args(words).current_dir(dir).env_clear();
        command.env("PATH", path).env("LC_ALL", "C").env("TMPDIR", dir).env("HOME", dir);
        if let Some((_, uid, gid)) = &self.user {
            command.gid(gid.as_raw()).uid(uid.as_raw());
        }
        capture(&mut command, self.limit, MOST_OUTPUT).map_err(|error| match error.kind() {
            io::ErrorKind::TimedOut => Fault::Hangs(program.to_owned(), self.limit.as_secs()),
            io::ErrorKind::FileTooLarge => Fault::Floods(program.to_owned()),
            _ => Fault::NoStart(
                program.to_owned(),
                why_not_started(program, &error, self.user_name()),
            ),
        })
    }
}

/// Reads what a compiler left: a file, and neither a link to one that only we may read, nor a pipe.
fn read_object(path: &Path) -> Option<Vec<u8>> {
    use rustix::fs::{Mode, OFlags, open};
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = fs::File::from(open(path, flags, Mode::empty()).ok()?);
    let is_file = file.metadata().ok()?.is_file();
    let mut bytes = Vec::new();
    is_file.then(|| file.take(MOST_OBJECT).read_to_end(&mut bytes).ok())??;
    Some(bytes)
}

/// The line that says what is wrong.
fn first_error(stderr: &[u8]) -> String {
    let lines = || stderr.split(|&byte| byte == b'\n').map(printable);
    let is_error = |line: &String| line.contains("error") || line.contains("sorry");
    let first = lines().find(is_error).or_else(|| lines().find(|line| !line.is_empty()));
    first.unwrap_or_else(|| "it says nothing".to_owned())
}

fn printable_word(text: &str) -> String {
    printable(text.as_bytes())
}

/// Whether a macro's name ends before `rest`.
fn is_name_end(rest: &str) -> bool {
    !rest.starts_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchains::{at, in_dir};

    /// A directory that everybody may enter, with programs.
    fn dir(programs: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        for (name, script) in programs {
            put(&dir.path().join(name), format!("#!/bin/sh\n{script}\n").as_bytes());
        }
        dir
    }

    fn put(path: &Path, content: &[u8]) {
        replace::write(path, content, 0o755).unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }

    /// What is said of the first toolchain for `target` in `dir`.
    fn said(target: &str, dir: &Path, limit: Duration) -> String {
        let target = targets::by_name(target).unwrap();
        let toolchain = in_dir(target, dir).into_iter().next().unwrap();
        let tried = Trial::new(toolchain, limit).run();
        let version = tried.version.clone().unwrap_or_default();
        let made = tried.made.as_ref().map(Made::to_string).unwrap_or_default();
        let lines = tried.faults.iter().map(|fault| format!("\n{:?}: {fault}", fault.weight()));
        let text = format!("{version}; {made}{}", lines.collect::<String>());
        let number = version.split(' ').nth(1).unwrap_or("no number");
        text.replace(number, "VERSION").replace(&dir.display().to_string(), "DIR")
    }

    /// The same for programs.
    fn of(programs: &[(&str, &str)], limit: Duration) -> String {
        said("armv7h", dir(programs).path(), limit)
    }

    /// Whether this machine has Debian's cross compilers.
    fn has_debians() -> bool {
        let names = ["arm-linux-gnueabihf-g++", "arm-linux-gnueabi-g++", "aarch64-linux-gnu-g++"];
        let has = names.iter().all(|name| Path::new("/usr/bin").join(name).exists());
        if !has {
            eprintln!("Debian's cross compilers are not here");
        }
        has
    }

    const GCC: &str = "arm-linux-gnueabihf-gcc";
    const REAL: &str = "exec /usr/bin/arm-linux-gnueabihf-gcc \"$@\"";

    #[test]
    fn debians_cross_compilers_serve_what_they_are_for() {
        if !has_debians() {
            return;
        }
        let all = ["armv7h", "armv5", "armv8", "armv6h"];
        let said = all.map(|target| {
            let said = said(target, Path::new("/usr/bin"), LIMIT);
            format!("{target}: {said}")
        });
        insta::assert_snapshot!(said.join("\n"), @r"
        armv7h: gcc VERSION; 32-bit ARMv7, hard float
        Note: it is gcc VERSION, and Arch Linux ARM has gcc 15: our clients take no objects of another gcc unless DISTCC_COMPILER_MISMATCH lets them, and with -flto none can use them
        armv5: gcc VERSION; 32-bit ARMv5, soft float
        Note: it is gcc VERSION, and Arch Linux ARM has gcc 15: our clients take no objects of another gcc unless DISTCC_COMPILER_MISMATCH lets them, and with -flto none can use them
        armv8: gcc VERSION; 64-bit AArch64
        Note: it is gcc VERSION, and Arch Linux ARM has gcc 15: our clients take no objects of another gcc unless DISTCC_COMPILER_MISMATCH lets them, and with -flto none can use them
        armv6h: gcc VERSION; 32-bit ARMv7, hard float
        Note: it is gcc VERSION, and Arch Linux ARM has gcc 15: our clients take no objects of another gcc unless DISTCC_COMPILER_MISMATCH lets them, and with -flto none can use them
        Fault: DIR/arm-linux-gnueabihf-gcc makes ARMv7 code unless it is told otherwise, which not all machines of armv6h run, so that distccd does not serve them with it
        ");
    }

    #[test]
    fn a_compiler_that_hangs_or_floods_is_stopped() {
        let hangs = of(&[(GCC, "sleep 1000 & wait")], Duration::from_secs(1));
        let floods = of(&[(GCC, "yes")], LIMIT);
        let floods_later =
            of(&[(GCC, &format!("case $1 in -dumpm*) {REAL};; esac; yes >&2"))], LIMIT);
        let all = [hangs, floods, floods_later];
        insta::assert_snapshot!(all.join("\n"), @r"
        ; 
        Fault: DIR/arm-linux-gnueabihf-gcc did not end within 1 s, and was killed; run it by hand to see why
        ; 
        Fault: DIR/arm-linux-gnueabihf-gcc prints more than a compiler would, and was killed; look what is in its place
        ; 
        Fault: DIR/arm-linux-gnueabihf-gcc prints more than a compiler would, and was killed; look what is in its place
        ");
    }

    #[test]
    fn what_only_bears_a_compilers_name_is_none() {
        let garbage = of(&[(GCC, "printf 'a\\033[2J%s' 'b c'")], LIMIT);
        let silent = of(&[(GCC, "exit 0")], LIMIT);
        let killed = of(&[(GCC, "kill -9 $$")], LIMIT);
        let triple = "[ $1 != -dumpmachine ] || echo arm-linux-gnueabihf";
        let lazy = of(&[(GCC, triple)], LIMIT);
        insta::assert_snapshot!([garbage, silent, killed, lazy].join("\n"), @r"
        ; 
        Fault: DIR/arm-linux-gnueabihf-gcc -dumpmachine says `a[2Jb c`, which is no target: is it a compiler?
        ; 
        Fault: DIR/arm-linux-gnueabihf-gcc -dumpmachine says ``, which is no target: is it a compiler?
        ; 
        Fault: `DIR/arm-linux-gnueabihf-gcc -dumpmachine` fails: signal 9 ends it
        ; 
        Fault: `DIR/arm-linux-gnueabihf-gcc -dM -E` fails: it defines no version
        ");
    }

    #[test]
    fn a_program_that_cannot_start_here_is_told_why() {
        let no_loader = dir(&[]);
        put(&no_loader.path().join(GCC), b"#!/nowhere/loader -x\n");
        let mut other = fs::read("/proc/self/exe").unwrap();
        other.truncate(1 << 20);
        // S/390, and little endian: nothing runs that, and no handler of foreign programs takes it.
        other[0x12] = 22;
        let other_machine = dir(&[]);
        put(&other_machine.path().join(GCC), &other);
        let no_program = dir(&[]);
        put(&no_program.path().join(GCC), b"\0\0\0\0 is no program");
        let all = [no_loader, other_machine, no_program];
        let all = all.each_ref().map(|dir| said("armv7h", dir.path(), LIMIT));
        insta::assert_snapshot!(all.join("\n"), @r"
        ; 
        Fault: DIR/arm-linux-gnueabihf-gcc does not start: it needs /nowhere/loader, which is not there: it was made for another system (32-bit programs need lib32-glibc on Arch, libc6-i386 on Debian)
        ; 
        Fault: DIR/arm-linux-gnueabihf-gcc does not start: it is a program for 64-bit S/390; take the toolchain that runs on this machine
        ; 
        Fault: DIR/arm-linux-gnueabihf-gcc does not start: it is no program (exec format error); install the toolchain again
        ");
    }

    #[test]
    fn a_directory_that_the_daemons_user_cannot_enter_is_named() {
        if !Uid::effective().is_root() {
            eprintln!("only root runs compilers as another user");
            return;
        }
        let dir = dir(&[(GCC, REAL)]);
        fs::set_permissions(dir.path(), Permissions::from_mode(0o700)).unwrap();
        let text = said("armv7h", dir.path(), LIMIT);
        assert!(text.contains("DIR is closed to the user "), "{text}");
        assert!(text.contains("move the toolchain to /opt, or run: chmod o+x DIR"), "{text}");
    }

    #[test]
    fn a_compiler_for_other_calls_under_the_right_name_is_found_out() {
        if !has_debians() {
            return;
        }
        let soft = "exec /usr/bin/arm-linux-gnueabi-gcc \"$@\"";
        let honest = of(&[(GCC, soft)], LIMIT);
        let lies =
            format!("[ $1 != -dumpmachine ] || {{ echo arm-linux-gnueabihf; exit; }}; {soft}");
        let lying = of(&[(GCC, &lies)], LIMIT);
        let lies = "[ $1 != -dumpmachine ] || { echo arm-linux-gnueabihf; exit; }; exec gcc \"$@\"";
        let native = of(&[(GCC, lies)], LIMIT);
        let no_cxx = of(&[(GCC, REAL)], LIMIT);
        let soft_cxx = "exec /usr/bin/arm-linux-gnueabi-g++ \"$@\"";
        let mixed = of(&[(GCC, REAL), ("arm-linux-gnueabihf-g++", soft_cxx)], LIMIT);
        let all = [honest, lying, native, no_cxx, mixed].map(|text| {
            let notes = |line: &&str| !line.starts_with("Note");
            text.lines().filter(notes).map(|line| format!("{line}\n")).collect::<String>()
        });
        insta::assert_snapshot!(all.join(""), @r"
        ; 
        Fault: DIR/arm-linux-gnueabihf-gcc is for arm-linux-gnueabi, whatever its name; armv7l-unknown-linux-gnueabihf is asked for
        gcc VERSION; 
        Fault: DIR/arm-linux-gnueabihf-gcc makes objects for 32-bit ARMv5, soft float; those of the target are 32-bit ARM, hard float
        gcc VERSION; 
        Fault: DIR/arm-linux-gnueabihf-gcc makes objects for 64-bit x86-64; those of the target are 32-bit ARM, hard float
        gcc VERSION; 32-bit ARMv7, hard float
        Warning: DIR has no C++ compiler, so that C++ stays with the clients
        gcc VERSION; 32-bit ARMv7, hard float
        Fault: DIR/arm-linux-gnueabihf-g++ makes objects for 32-bit ARMv5, soft float; those of the target are 32-bit ARM, hard float
        ");
    }

    #[test]
    fn an_object_that_is_a_pipe_or_a_link_is_not_waited_for() {
        let pipe = "case $1 in -dumpm*) echo arm-linux-gnueabihf;;
            -dM) echo '#define __GNUC__ 15'; echo '#define __GNUC_MINOR__ 1'
                echo '#define __GNUC_PATCHLEVEL__ 0';;
            *) rm -f unit.o; mkfifo unit.o;; esac";
        let linked = pipe.replace("mkfifo unit.o", "ln -s /proc/self/exe unit.o");
        for script in [pipe, &linked] {
            let text = of(&[(GCC, script)], LIMIT);
            assert!(text.contains("and left no object"), "{text}");
        }
    }

    #[test]
    fn the_best_comes_first() {
        if !has_debians() {
            return;
        }
        let broken = dir(&[(GCC, "exit 1")]);
        let no_cxx = dir(&[(GCC, REAL)]);
        let target = targets::by_name("armv7h").unwrap();
        let dirs = [broken.path(), no_cxx.path(), Path::new("/usr/bin"), broken.path()];
        let found = dirs.iter().flat_map(|dir| at(target, dir).into_iter().take(1)).collect();
        let tried = best_first(found);
        let order: Vec<_> = tried.iter().map(|one| one.toolchain.dir.clone()).collect();
        assert_eq!(order, [dirs[2], dirs[1], dirs[0]]);
        assert!(tried[1].serves() && !tried[2].serves());
    }
}
