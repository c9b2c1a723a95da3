//! Has bash read makepkg's configuration, in the order and in the way makepkg does.
//!
//! A configuration is a program: it may loop, print, exit, or start others. So a `shell` of its own
//! runs it, whose script, `evaluate.bash`, writes `records` of what it did. This makes values of
//! them, or an error.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::OFlag;

use crate::arch::configuration::{Configuration, Position};
use crate::arch::records::Reading;
use crate::arch::shell::{Ended, MOST_PRINTED, Shell};

/// Time for all files; bash needs some milliseconds.
pub const TIME_LIMIT: Duration = Duration::from_secs(5);

/// Which files to read, and as whom.
#[derive(Clone, Debug)]
pub struct Request {
    /// The first file: `/etc/makepkg.conf`, or what `--config` or MAKEPKG_CONF names.
    pub file: PathBuf,
    /// Whether `FILE.d/*.conf` are read too ([`crate::arch::makepkg::Makepkg::reads_drop_ins`]).
    pub drop_ins: bool,
    /// Whether the user's own file is read last: makepkg does so only for `/etc/makepkg.conf`.
    pub user_files: bool,
    /// What is read in place of the user's own file: a copy of what it will be.
    pub user_file: Option<PathBuf>,
    /// A directory to look for programs in after all of PATH: a configuration may ask whether one
    /// is there that is yet to be installed.
    pub last_on_path: Option<PathBuf>,
    /// The user who would run makepkg, where that is not us.
    pub user: Option<OtherUser>,
    /// How long all of it may take.
    pub limit: Duration,
}

/// Another user than the one we run as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherUser {
    /// The number.
    pub uid: u32,
    /// The number of the main group.
    pub gid: u32,
    /// The name.
    pub name: String,
    /// The home directory.
    pub home: PathBuf,
}

impl Request {
    /// The files of `file` alone and its drop-ins, read by us.
    pub fn new(file: impl Into<PathBuf>, drop_ins: bool) -> Self {
        let file = file.into();
        Self {
            file,
            drop_ins,
            user_files: false,
            user_file: None,
            last_on_path: None,
            user: None,
            limit: TIME_LIMIT,
        }
    }
}

/// Why a configuration cannot be read; makepkg cannot read it either, but for the last two.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// It is not there, or may not be read.
    #[error("{file} cannot be read: {error}", file = .0.display(), error = .1)]
    Unreadable(PathBuf, #[source] io::Error),
    /// bash does not understand it: file, line, and what bash says.
    #[error("{file}:{1}: {2}", file = .0.display())]
    Syntax(PathBuf, usize, String),
    /// Its last command failed, which makepkg takes for a failure of the whole file.
    #[error(
        "{file}: its last command fails (status {1}), and makepkg stops there; end the file with a \
         command that succeeds, such as `true`",
        file = .0.display()
    )]
    LastCommand(PathBuf, i32),
    /// It ends the shell that reads it.
    #[error(
        "{file}: it ends the shell that reads it (`exit`, `exec`, `set -e` or `set -u`), and \
         makepkg with it",
        file = .0.display()
    )]
    Exits(PathBuf),
    /// It does not come to an end.
    #[error(
        "{file}: reading it takes more than {1:?}; makepkg would wait as long (does it loop, ask, \
         or use the network?)",
        file = .0.display()
    )]
    TooLong(PathBuf, Duration),
    /// It prints without end.
    #[error(
        "{file}: it prints more than {MOST_PRINTED} bytes while it is read",
        file = .0.display()
    )]
    Prints(PathBuf),
    /// bash could not be run, or its answer could not be read.
    #[error("bash cannot be run to read {file}: {error}", file = .0.display(), error = .1)]
    Bash(PathBuf, #[source] io::Error),
}

/// Reads what `request` names.
///
/// # Errors
///
/// [`EvaluateError`], with the file that is at fault.
pub fn evaluate(request: &Request) -> Result<Configuration, EvaluateError> {
    ensure_readable(&request.file)
        .map_err(|error| EvaluateError::Unreadable(request.file.clone(), error))?;
    let bash = |error| EvaluateError::Bash(request.file.clone(), error);
    let mut shell = Shell::start(request).map_err(bash)?;
    let ended = shell.listen(request.limit).map_err(bash)?;
    drop(shell.child);
    let [records, output, errors] = shell.heard;
    let mut reading = Reading::default();
    reading.take(&records);
    let at = || reading.current.clone().unwrap_or_else(|| request.file.clone());
    let errors = String::from_utf8_lossy(&errors).into_owned();
    match ended {
        Ended::Late => Err(EvaluateError::TooLong(at(), request.limit)),
        Ended::Loud => Err(EvaluateError::Prints(at())),
        Ended::ByItself => {
            let syntax = || syntax_error(&errors, &reading.configuration.files);
            let fine = reading.complete && reading.failed.is_none();
            if let Some((file, line, what)) = (!fine).then(syntax).flatten() {
                return Err(EvaluateError::Syntax(file, line, what));
            }
            match reading.failed {
                Some((file, status)) => Err(EvaluateError::LastCommand(file, status)),
                None if !reading.complete => Err(EvaluateError::Exits(at())),
                None => {
                    let mut configuration = reading.configuration;
                    let errors = without_syntax_errors(&errors, &mut configuration);
                    configuration.printed = String::from_utf8_lossy(&output).into_owned() + &errors;
                    Ok(configuration)
                }
            }
        }
    }
}

/// Whether bash could read it: a directory can be opened, and nothing more. A pipe without a writer
/// does not keep us; it is bash that has a time limit.
fn ensure_readable(file: &Path) -> io::Result<()> {
    let file = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(file)?;
    match file.metadata()?.is_dir() {
        true => Err(rustix::io::Errno::ISDIR.into()),
        false => Ok(()),
    }
}

/// What bash says of a file that it cannot parse: `FILE: line N: syntax error …`.
fn syntax_error(errors: &str, files: &[PathBuf]) -> Option<(PathBuf, usize, String)> {
    errors.lines().find_map(|line| {
        let (file, number, what) = complaint(line, files)?;
        is_syntax(what).then(|| (file.clone(), number, what.to_owned()))
    })
}

fn is_syntax(what: &str) -> bool {
    let starts = ["syntax error", "unexpected EOF", "unexpected end of file"];
    starts.iter().any(|start| what.starts_with(start))
}

/// Takes a line of bash's own apart: `FILE: line N: what`.
fn complaint<'a, 'f>(line: &'a str, files: &'f [PathBuf]) -> Option<(&'f PathBuf, usize, &'a str)> {
    // A drop-in's name begins with that of the file that it belongs to.
    let (file, rest) = files.iter().find_map(|file| {
        Some((file, line.strip_prefix(&*file.to_string_lossy())?.strip_prefix(": line ")?))
    })?;
    let (number, what) = rest.split_once(": ")?;
    Some((file, number.parse().ok()?, what))
}

/// Moves what bash says of statements that it left out from `errors` to the configuration: of an
/// array that it cannot understand, as `A=(a;b)`, it says so in two lines, the second of which has
/// the text, and reads on.
fn without_syntax_errors(errors: &str, configuration: &mut Configuration) -> String {
    let mut rest = String::new();
    let mut shows_text = None;
    for line in errors.split_inclusive('\n') {
        let told = complaint(line.trim_end_matches('\n'), &configuration.files);
        let told = told.map(|(file, line, what)| (Position { file: file.clone(), line }, what));
        let last = shows_text.take();
        match told {
            Some((position, what)) if is_syntax(what) => {
                shows_text = Some(position.clone());
                configuration.left_out.push((position, what.to_owned()));
            }
            Some((position, what)) if last == Some(position.clone()) && what.starts_with('`') => {}
            _ => rest.push_str(line),
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// Reads `text` as makepkg.conf, with these drop-ins.
    fn read(text: &str, drop_ins: &[(&str, &str)]) -> Result<Configuration, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("makepkg.conf");
        crate::base::replace::write(&file, text.as_bytes(), 0o644).unwrap();
        std::fs::create_dir(dir.path().join("makepkg.conf.d")).unwrap();
        for (name, text) in drop_ins {
            let path = dir.path().join("makepkg.conf.d").join(name);
            crate::base::replace::write(&path, text.as_bytes(), 0o644).unwrap();
        }
        let limit = Duration::from_millis(700);
        let dir_name = dir.path().to_str().unwrap().to_owned();
        evaluate(&Request { limit, ..Request::new(&file, true) })
            .map_err(|error| error.to_string().replace(&dir_name, "ETC"))
    }

    fn places(configuration: &Configuration, name: &str) -> Vec<(String, usize)> {
        let file = |position: &Position| {
            position.file.file_name().unwrap_or_default().to_string_lossy().into_owned()
        };
        let all = configuration.assignments.iter().filter(|(one, _)| one == name);
        all.map(|(_, position)| (file(position), position.line)).collect()
    }

    #[test]
    fn values_come_with_the_line_that_set_them() {
        let text = "CFLAGS=\"-O2 \\\n  -pipe\"\nBUILDENV=(!distcc color\n  # why\n  check)\n\
                    CXXFLAGS=\"$CFLAGS -x\"\nexport FOO=1\nif true; then MAKEFLAGS=\"-j$(echo 4)\"; fi\n";
        let read = read(text, &[]).unwrap();
        assert_eq!(read.text("CFLAGS").unwrap(), "-O2   -pipe");
        assert_eq!(read.text("CXXFLAGS").unwrap(), "-O2   -pipe -x");
        assert_eq!(read.words("BUILDENV"), ["!distcc", "color", "check"]);
        assert_eq!(read.text("MAKEFLAGS").unwrap(), "-j4");
        assert_eq!(places(&read, "CFLAGS"), [("makepkg.conf".to_owned(), 2)]);
        assert_eq!(places(&read, "BUILDENV"), [("makepkg.conf".to_owned(), 5)]);
        assert_eq!(places(&read, "MAKEFLAGS"), [("makepkg.conf".to_owned(), 8)]);
    }

    #[test]
    fn a_drop_in_comes_after_the_file_and_wins() {
        let drop_ins =
            [("b.conf", "MAKEFLAGS=-j44\nBUILDENV+=(distcc)\n"), ("a.conf", "MAKEFLAGS=-j3\n")];
        let read = read("MAKEFLAGS=-j44\nBUILDENV=(!distcc)\n", &drop_ins).unwrap();
        assert_eq!(read.text("MAKEFLAGS").unwrap(), "-j44");
        let place = |file: &str, line| (file.to_owned(), line);
        let expected = [place("makepkg.conf", 1), place("a.conf", 1), place("b.conf", 1)];
        assert_eq!(places(&read, "MAKEFLAGS"), expected);
        assert_eq!(read.option("BUILDENV", "distcc"), Some(true));
        assert_eq!(read.position("BUILDENV").unwrap().line, 2);
        assert_eq!(read.files.len(), 3);
    }

    #[test]
    fn conditions_at_the_top_level_print_nothing() {
        let text = "[[ -d /nonexistent ]] || A=1\n((1)) && B=2\n[ -n x ]\n=x || :\n";
        let read = read(text, &[]).unwrap();
        assert_eq!(read.printed.lines().count(), 1, "{}", read.printed);
        assert!(read.printed.ends_with("=x: command not found\n"), "{}", read.printed);
    }

    #[test]
    fn what_a_file_makes_its_own_is_told() {
        let text = "MAKEFLAGS=-j1\ndeclare MAKEFLAGS=-j2\ndeclare -g CFLAGS=-O2\ntypeset -x \
                    DISTCC_DIR\nf() { local LDFLAGS=x; }\nf\n";
        let read = read(text, &[("a.conf", "CFLAGS=-O3\n")]).unwrap();
        let names: Vec<_> = read.lost.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["MAKEFLAGS", "DISTCC_DIR"]);
        assert_eq!(read.text("MAKEFLAGS").unwrap(), "-j1");
        assert!(read.lost.iter().all(|(_, file)| file.ends_with("makepkg.conf")));
    }

    #[test]
    fn a_return_that_ends_a_file_is_told_and_one_of_a_function_is_not() {
        let text = "f() {\nreturn 0\n}\nf\n[[ -d /nonexistent ]] ||\n  return 0\nCFLAGS=x\n";
        let read = read(text, &[]).unwrap();
        let lines: Vec<_> = read.returns.iter().map(|position| position.line).collect();
        assert_eq!(lines, [6]);
        assert_eq!(read.text("CFLAGS"), None);
    }

    #[test]
    fn an_array_that_bash_leaves_out_is_told_with_its_line() {
        let text = "CFLAGS=a\nBUILDENV=(distcc;color)\necho oops >&2\nOPTIONS=(a\n  b|c)\n:\n";
        let read = read(text, &[("a.conf", "LDFLAGS=(x|y)\n:\n")]).unwrap();
        let told: Vec<_> = read
            .left_out
            .iter()
            .map(|(position, what)| format!("{}: {what}", position.line))
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        2: syntax error near unexpected token `;'
        5: syntax error near unexpected token `|'
        1: syntax error near unexpected token `|'
        ");
        assert_eq!(read.printed, "oops\n");
        assert_eq!(read.text("BUILDENV"), None);
    }

    #[test]
    fn assignments_that_do_not_look_like_ones_are_found_by_their_effect() {
        let text = "printf -v DISTCC_HOSTS '%s' a\n: \"${DISTCC_DIR:=/tmp/x}\"\n\
                    f() { LDFLAGS=y; }\nf\nX=$(CFLAGS=no; echo)\nread -r CXXFLAGS <<<-O3\n";
        let read = read(text, &[]).unwrap();
        assert_eq!(places(&read, "DISTCC_HOSTS"), [("makepkg.conf".to_owned(), 1)]);
        assert_eq!(places(&read, "DISTCC_DIR"), [("makepkg.conf".to_owned(), 2)]);
        assert_eq!(places(&read, "LDFLAGS"), [("makepkg.conf".to_owned(), 3)]);
        assert_eq!(places(&read, "CFLAGS"), []);
        assert_eq!(read.text("CXXFLAGS").unwrap(), "-O3");
    }

    #[test]
    fn exported_variables_are_told_from_others() {
        let read = read("export DISTCC_DIR=/a\nDISTCC_LOG=/b\n", &[]).unwrap();
        assert!(read.variables["DISTCC_DIR"].exported);
        assert!(!read.variables["DISTCC_LOG"].exported);
    }

    #[test]
    fn what_makepkg_could_not_read_is_an_error_that_says_so() {
        let error = |text: &str| read(text, &[]).unwrap_err();
        let texts = [
            "A=1\nBUILDENV=(distcc\n",
            "A='x\n\n",
            "if true; then )\n",
            "A=1\n[[ $A == 2 ]] && B=3\n",
            "exit 0\n",
            "exec true\n",
            "while :; do :; done\n",
            "sleep 100\n",
            "yes\n",
        ];
        insta::assert_snapshot!(texts.map(error).join("\n"), @r"
        ETC/makepkg.conf:2: unexpected EOF while looking for matching `)'
        ETC/makepkg.conf:1: unexpected EOF while looking for matching `''
        ETC/makepkg.conf:1: syntax error near unexpected token `)'
        ETC/makepkg.conf: its last command fails (status 1), and makepkg stops there; end the file with a command that succeeds, such as `true`
        ETC/makepkg.conf: it ends the shell that reads it (`exit`, `exec`, `set -e` or `set -u`), and makepkg with it
        ETC/makepkg.conf: it ends the shell that reads it (`exit`, `exec`, `set -e` or `set -u`), and makepkg with it
        ETC/makepkg.conf: reading it takes more than 700ms; makepkg would wait as long (does it loop, ask, or use the network?)
        ETC/makepkg.conf: reading it takes more than 700ms; makepkg would wait as long (does it loop, ask, or use the network?)
        ETC/makepkg.conf: it prints more than 1048576 bytes while it is read
        ");
    }

    #[test]
    fn a_drop_in_that_bash_cannot_understand_is_named() {
        let error = read("A=1\n", &[("b.conf", "B=2\nif true; then )\n")]).unwrap_err();
        let begin = "ETC/makepkg.conf.d/b.conf:2: syntax error near unexpected token";
        assert!(error.starts_with(begin), "{error}");
    }

    #[test]
    fn what_it_prints_is_kept_and_what_it_starts_is_not_waited_for() {
        let read =
            read("echo hello\necho oops >&2\nsleep 100 &\nread -r CFLAGS\ntrue\n", &[]).unwrap();
        assert_eq!(read.printed, "hello\noops\n");
    }

    #[test]
    fn files_that_makepkg_withstands_are_read_as_it_reads_them() {
        let texts = [
            "exec 10>/dev/null 11>/dev/null",
            "printf() { :; }; shopt() { false; }",
            "trap() { :; }",
            "exec 0<&- 1>&- 2>&-",
            "for fd in {3..20}; do eval \"exec $fd>&-\"; done",
            "IFS=abcdefghijklmnopqrstuvwxyz_:0123456789",
            "set -e; shopt -s failglob nullglob nocasematch",
            "set -C -a +B; set -o posix",
            "cd /; ulimit -n 30; name=1 file=2",
            "[[ ${0##*/} == makepkg && -n $LIBRARY && ${MAKEPKG_CONF##*/} == makepkg.conf ]]; X=$?\n\
             set -e; [[ $X == 0 ]]",
            "set -e; msg2 hello; warning oops",
        ];
        for text in texts {
            let main = format!("{text}\nCFLAGS='-O2 -pipe'\nBUILDENV=(!ccache distcc)\n");
            let read = read(&main, &[("x.conf", "MAKEFLAGS=-j9\n")]);
            let read = read.unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(read.text("CFLAGS").unwrap(), "-O2 -pipe", "{text}");
            assert_eq!(read.words("BUILDENV"), ["!ccache", "distcc"], "{text}");
            assert_eq!(read.position("BUILDENV").unwrap().line, 2 + text.lines().count(), "{text}");
            assert_eq!(places(&read, "MAKEFLAGS"), [("x.conf".to_owned(), 1)], "{text}");
        }
    }

    #[test]
    fn a_name_that_is_no_text_stays_what_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(OsStr::from_bytes(b"caf\xe9 \n.conf"));
        crate::base::replace::write(&file, b"CFLAGS=x\n", 0o644).unwrap();
        let read = evaluate(&Request::new(&file, false)).unwrap();
        assert_eq!(read.position("CFLAGS").unwrap().file, file);
        assert_eq!(read.files, [file]);
    }

    #[test]
    fn what_is_no_file_is_told_from_one_that_fails() {
        let dir = tempfile::tempdir().unwrap();
        let error = evaluate(&Request::new(dir.path(), false)).unwrap_err().to_string();
        assert!(error.contains("cannot be read: Is a directory"), "{error}");
        let pipe = dir.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR).unwrap();
        let limit = Duration::from_millis(200);
        let error = evaluate(&Request { limit, ..Request::new(&pipe, false) }).unwrap_err();
        assert!(matches!(error, EvaluateError::TooLong(..)), "{error}");
    }

    #[test]
    fn a_file_that_is_not_there_is_an_error() {
        let error = evaluate(&Request::new("/nonexistent/makepkg.conf", true)).unwrap_err();
        assert!(error.to_string().starts_with("/nonexistent/makepkg.conf cannot be read"));
    }

    #[test]
    fn another_user_reads_with_his_own_rights_and_home() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let file = dir.path().join("makepkg.conf");
        let text = "CFLAGS=\"$HOME $UID $EUID\"\n";
        crate::base::replace::write(&file, text.as_bytes(), 0o644).unwrap();
        let user =
            OtherUser { uid: 65534, gid: 65534, name: "nobody".into(), home: "/none".into() };
        let read = evaluate(&Request { user: Some(user), ..Request::new(&file, false) }).unwrap();
        assert_eq!(read.text("CFLAGS").unwrap(), "/none 65534 65534");
    }
}
