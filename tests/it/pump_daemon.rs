//! Our daemon as a volunteer of pump clients.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use makepkg_distcc::protocol::reply::Reply;

use crate::support::pump::{PumpRequest, read_reply};
use crate::volunteer::{Place, Volunteer};

/// What the log says where compiles see the client's own paths.
const IN_PLACE: &str = "pump: compiles see the client's own paths";

/// A daemon where that is so; `None`, after saying so, on a machine that does not allow it.
#[expect(clippy::print_stderr, reason = "a test's own output")]
fn in_place() -> Option<Volunteer> {
    let volunteer = start(&["-j", "4"]);
    if volunteer.place.log().contains(IN_PLACE) {
        return Some(volunteer);
    }
    eprintln!("skipped: {}", volunteer.place.log());
    None
}

/// A daemon that changes paths.
fn moved() -> Volunteer {
    let volunteer = start(&["-j", "4", "--sandbox=off"]);
    assert!(!volunteer.place.log().contains(IN_PLACE));
    volunteer
}

fn start(options: &[&str]) -> Volunteer {
    Place::new().start_as(options, |command| {
        command.env("LC_ALL", "C");
    })
}

/// A small project of several directories.
struct Project {
    dir: tempfile::TempDir,
}

impl Project {
    fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("pump-").tempdir().unwrap();
        let project = Self { dir };
        for (name, text) in [
            (
                "src/a.c",
                "#include <stdio.h>\n#include <deep.h>\n#include \"h.h\"\n\
                         const char *file = __FILE__;\nint main(void) { return f(puts(H)); }\n",
            ),
            ("src/h.h", "#define H \"h\"\nstatic inline int f(int x) { return x + DEEP; }\n"),
            ("inc/deep.h", "#define DEEP 3\nstatic const char *deep = __FILE__;\n"),
            (
                "src/b.cc",
                "#include <vector>\n#include <string>\n#include \"../inc/deep.h\"\n\
                          int g(std::vector<std::string> v) { return v.size() + DEEP; }\n",
            ),
            ("src/bad.c", "#include \"h.h\"\nint x = y;\nint z = DEEPER(1;\n"),
        ] {
            let path = project.dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            write(&path, text);
        }
        std::os::unix::fs::symlink("../inc", project.dir.path().join("src/link")).unwrap();
        project
    }

    fn src(&self) -> PathBuf {
        self.dir.path().join("src")
    }

    /// Runs a compile here.
    fn local(&self, argv: &str) -> Output {
        let words: Vec<&str> = argv.split_whitespace().collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).current_dir(self.src()).env_clear().env("PATH", "/usr/bin:/bin");
        command.env("PWD", self.src()).env("LC_ALL", "C").output().unwrap()
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.src().join(name)).unwrap()
    }
}

fn write(path: &Path, text: &str) {
    std::io::Write::write_all(&mut fs::File::create(path).unwrap(), text.as_bytes()).unwrap();
}

#[track_caller]
fn ask(volunteer: &Volunteer, request: &PumpRequest) -> Reply {
    let bytes = volunteer.talk(&request.bytes());
    assert!(!bytes.is_empty(), "no reply\n{}", volunteer.place.log());
    read_reply(&bytes)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn in_place_objects_and_dependency_files_are_those_of_a_local_compile() {
    let Some(volunteer) = in_place() else { return };
    let project = Project::new();
    let dir = project.dir.path().display().to_string();
    for argv in [
        "gcc -g -O2 -Ilink -MD -MF a.d -c a.c -o a.o".to_owned(),
        "gcc -g3 -gz -I../inc -MMD -MP -MF a.d -MT x -c a.c -o a.o".to_owned(),
        format!("gcc -g -I{dir}/inc -MD -MF a.d -c {dir}/src/a.c -o a.o"),
        "gcc -flto -frandom-seed=a -O2 -g -I../inc -Wp,-MD,a.d -c a.c -o a.o".to_owned(),
        "g++ -g -O1 -MD -MF a.d -c b.cc -o a.o".to_owned(),
        "clang -g -gdwarf-5 -O2 -I../inc -MD -MF a.d -c a.c -o a.o".to_owned(),
        "clang++ -g -MD -MF a.d -c b.cc -o a.o".to_owned(),
        "gcc -S -I../inc -fverbose-asm -MD -MF a.d -c a.c -o a.o".to_owned(),
    ] {
        let request = PumpRequest::of_command(&project.src(), &argv);
        let local = project.local(&argv);
        assert!(local.status.success(), "{argv}: {}", text(&local.stderr));
        let reply = ask(&volunteer, &request);
        assert_eq!((reply.status, text(&reply.stderr)), (0, text(&local.stderr)), "{argv}");
        assert!(reply.object == project.read("a.o"), "{argv}: another object");
        assert_eq!(text(&reply.dependencies), text(&project.read("a.d")), "{argv}");
    }
}

#[test]
fn moved_compiles_have_the_clients_paths_in_what_they_give() {
    let volunteer = moved();
    let project = Project::new();
    let dir = project.dir.path().display().to_string();
    for argv in [
        "gcc -g -O2 -I../inc -MD -MF a.d -c a.c -o a.o".to_owned(),
        format!("gcc -g -gz -I{dir}/inc -MMD -MF a.d -MT x -c {dir}/src/a.c -o a.o"),
        format!("clang -g -I{dir}/src/link -MMD -MF a.d -c a.c -o a.o"),
        "g++ -g -O1 -MMD -MF a.d -c b.cc -o a.o".to_owned(),
    ] {
        let request = PumpRequest::of_command(&project.src(), &argv);
        let local = project.local(&argv);
        let of_system = |name: &str| name.starts_with("/usr/") || name.starts_with("/lib");
        let request = request.without(of_system).own("/usr/include");
        let reply = ask(&volunteer, &request);
        assert_eq!((reply.status, text(&reply.stderr)), (0, text(&local.stderr)), "{argv}");
        // Lines are broken by the length of names, which was another.
        let words = |bytes: &[u8]| {
            text(bytes).replace("\\\n", "").split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(words(&reply.dependencies), words(&project.read("a.d")), "{argv}");
        let name = format!("{dir}/src");
        assert!(text(&reply.object).contains(&name) || argv.contains("-gz"), "{argv}");
    }
}

#[test]
fn headers_of_the_system_are_refused_where_they_could_not_be_seen() {
    let request = PumpRequest::new("/w", "gcc -c a.c")
        .file("/w/a.c", "#include <stdio.h>\n")
        .file("/usr/include/stdio.h", "#error the client's\n");
    let reply = ask(&moved(), &request);
    let said = text(&reply.stderr);
    assert!(reply.status == 0x100 && said.contains("/usr/include/stdio.h: the system's"), "{said}");
}

#[test]
fn messages_of_failing_compiles_are_those_of_a_local_one() {
    let project = Project::new();
    let argv = format!(
        "gcc -I{}/inc -c {}/bad.c -o a.o",
        project.dir.path().display(),
        project.src().display()
    );
    let local = project.local(&argv);
    assert!(!local.status.success());
    let request = PumpRequest::of_command(&project.src(), &argv);
    let of_system = |name: &str| name.starts_with("/usr/") || name.starts_with("/lib");
    let own = request.clone().without(of_system).own("/usr/include");
    let volunteers = in_place().map(|volunteer| (volunteer, request));
    for (volunteer, request) in volunteers.into_iter().chain([(moved(), own)]) {
        let reply = ask(&volunteer, &request);
        assert_eq!((reply.status, text(&reply.stderr)), (0x100, text(&local.stderr)));
        assert!(reply.object.is_empty());
    }
}

#[test]
fn headers_of_the_volunteer_are_not_there_unless_the_client_asks_for_them() {
    let Some(volunteer) = in_place() else { return };
    let source = "#if __has_include(<stdio.h>) || __has_include(<stddef.h>)\n#error seen\n#endif\n\
                  int size[sizeof __FILE__ == sizeof \"/home/nobody-here/src/a.c\" ? 1 : -1];\n";
    let argv = "gcc -Wmissing-include-dirs -Werror -I/home/nobody-here/empty -c \
                /home/nobody-here/src/a.c -o a.o";
    let request = PumpRequest::new("/home/nobody-here", argv)
        .file("/home/nobody-here/src/a.c", source)
        .dir("/home/nobody-here/empty");
    let reply = ask(&volunteer, &request);
    assert_eq!((reply.status, text(&reply.stderr)), (0, String::new()));
    let asked = request.clone().own("/usr/include");
    assert!(text(&ask(&volunteer, &asked).stderr).contains("#error seen"));
    // One of the client's own, where this machine has others.
    let own = "#include <stdio.h>\n#include <made/up.h>\nint x = MINE + UP;\n";
    let own = PumpRequest::new("/w", "g++ -c a.cc")
        .file("/w/a.cc", own)
        .file("/usr/include/stdio.h", "#define MINE 1\n")
        .file("/usr/include/made/up.h", "#define UP 2\n");
    assert_eq!(ask(&volunteer, &own).status, 0, "{}", text(&ask(&volunteer, &own).stderr));
    // One in a place that this machine does not have.
    let other =
        PumpRequest::new("/usr/src/pkg", "clang -I/usr/lib/pkg-x/include -I/usr/lib/y -c a.c")
            .file("/usr/src/pkg/a.c", "#include <x.h>\n#include <y.h>\nint x = X + Y;\n")
            .file("/usr/lib/pkg-x/include/x.h", "#define X 1\n")
            .file("/usr/lib/y/y.h", "#define Y 1\n");
    assert_eq!(ask(&volunteer, &other).status, 0, "{}", text(&ask(&volunteer, &other).stderr));
}
