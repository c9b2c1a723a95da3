//! Warnings in pump mode: those of a volunteer of ours are shown if they are to the byte what a
//! local compile prints, in the client's language and for its terminal; else one is done here.

use std::process::Command;
use std::time::{Duration, SystemTime};

use makepkg_distcc::base::terminal;
use makepkg_distcc::progress::journal::{Outcome, Pump};
use makepkg_distcc::progress::journal_read::read_since;

use crate::pump::Client;
use crate::support::farm::{Farm, Run};
use crate::support::output::{Output, without_temp_names};
use crate::support::pump::{PumpRequest, read_reply};
use crate::support::volunteer::{Options, Side};
use crate::volunteer::Place;

/// Long enough for any compile here.
const LIMIT: Duration = Duration::from_secs(120);

/// A unit that each compiler warns of: with quotes, in a header, and in a line that is wider than
/// most terminals.
fn prepare(farm: &Farm) {
    farm.write("warns.h", "static inline int minor(int a) { int unused; return a; }\n");
    let wide = "1 + ".repeat(60);
    let text = format!(
        "#include \"warns.h\"\n#define TWICE(x) ((x) + (x))\n\
         char *name(int a) {{ if (a = 2) return TWICE(a); return 0; }}\n\
         int wide(int a) {{ return {wide}({wide}({wide}\"text\")); }} // ü\n\
         int none(void) {{ }}\n"
    );
    farm.write("warns.c", &text);
    farm.write(
        "warns.cc",
        "#include \"warns.h\"\nint none(long b) { unsigned u = 0; if (u < b) {} }\n",
    );
}

fn farm(options: &Options) -> Farm {
    let mut farm = Farm::new();
    farm.start(options);
    prepare(&farm);
    farm
}

fn client<'a>(farm: &'a Farm, command: &str) -> Run<'a> {
    Client::with_agent(farm).run(farm, command)
}

/// Where the units went, oldest first: `remote`, or the reason for a compile here.
fn outcomes(farm: &Farm) -> Vec<String> {
    let entries = read_since(&farm.path("distcc/journal"), SystemTime::UNIX_EPOCH);
    let outcome = |outcome| match outcome {
        Outcome::Remote { .. } => "remote".to_owned(),
        Outcome::Local { counter, .. } => counter,
    };
    assert!(entries.iter().all(|entry| entry.pump == Pump::Used), "{entries:#?}");
    entries.into_iter().map(|entry| outcome(entry.outcome)).collect()
}

const COMMANDS: [&str; 7] = [
    "gcc -Wall -Wextra -c warns.c",
    "gcc -Wall -fdiagnostics-color=always -c warns.c",
    "gcc -Wall -fmessage-length=50 -fno-diagnostics-show-caret -c warns.c",
    "g++ -Wall -Wextra -c warns.cc",
    "cc -Wall -c $PWD/warns.c",
    "clang -Wall -Wextra -c warns.c",
    "clang++ -Wall -fcolor-diagnostics -c warns.cc",
];

#[test]
fn warnings_of_our_volunteer_are_those_of_a_local_compile() {
    let farm = farm(&Options::new(Side::Ours));
    let mut units = 0;
    for locale in ["C", "C.UTF-8", "xx_XX.UTF-8"] {
        for command in COMMANDS {
            let local = farm.local(command).env("LC_ALL", locale).output();
            assert!(local.stderr.contains("warning"), "{local}");
            let ours = client(&farm, command).env("LC_ALL", locale).output();
            assert_eq!(ours, local, "{locale}: {command}");
            units += 1;
        }
    }
    assert_eq!(outcomes(&farm), vec!["remote"; units]);
    farm.assert_no_litter();
}

/// Runs it with standard error on a terminal of this size, and standard input too where it `reads`;
/// what it printed there.
fn on_terminal(run: Run<'_>, size: (u16, u16), reads: bool) -> String {
    let inner = run.into_command();
    let mut command = Command::new("/bin/sh");
    let script = if reads { "exec \"$0\" \"$@\" <&2" } else { "exec \"$0\" \"$@\"" };
    command.args(["-c", script]).arg(inner.get_program()).args(inner.get_args()).env_clear();
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(inner.get_current_dir().unwrap());
    let (status, text) = terminal::capture(command, size, LIMIT, 1 << 20).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(status.success(), "{status}: {text}");
    text
}

/// Variables of a person at a terminal.
const PEOPLE: [&[(&str, &str)]; 5] = [
    &[("TERM", "xterm-256color"), ("LC_ALL", "C.UTF-8")],
    &[("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("COLUMNS", "60")],
    &[("TERM", "dumb")],
    &[("TERM", "linux"), ("GCC_COLORS", "error=01;31:warning=01;36")],
    &[("TERM", "screen"), ("GCC_COLORS", ""), ("NO_COLOR", "1"), ("TERM_URLS", "bel")],
];

#[test]
fn warnings_on_a_terminal_have_its_colours_and_its_width() {
    let farm = farm(&Options::new(Side::Ours));
    let (mut units, mut coloured, mut cut) = (0, 0, 0);
    let text = String::from_utf8(farm.read("warns.c")).unwrap();
    let wide = text.lines().nth(3).unwrap().to_owned();
    for (number, person) in PEOPLE.iter().enumerate() {
        for (command, reads) in [
            ("gcc -Wall -Wextra -c warns.c", true),
            ("gcc -Wall -Wextra -c warns.c", false),
            ("clang -Wall -Wextra -c warns.c", true),
        ] {
            let size = (24, if number % 2 == 0 { 80 } else { 133 });
            let set = |run: Run<'_>| {
                let run = person.iter().fold(run, |run, (name, value)| run.env(name, value));
                on_terminal(run, size, reads)
            };
            let local = set(farm.local(command));
            let ours = set(client(&farm, command));
            assert_eq!(ours, local, "{person:?}: {command}");
            units += 1;
            coloured += usize::from(local.contains("\x1b["));
            // Of the wide line, a part is shown.
            cut += usize::from(!local.contains(&wide) && local.contains("1 + 1 + 1"));
        }
    }
    assert_eq!(outcomes(&farm), vec!["remote"; units]);
    assert!(coloured >= 5 && cut >= 5, "{coloured} and {cut} of {units}");
}

#[test]
fn a_volunteer_that_says_it_otherwise_does_not_have_the_word() {
    let mut farm = Farm::new();
    let compilers = farm.compilers("french", "export LC_ALL=C; exec $real \"$@\"");
    farm.start(&Options::new(Side::Ours).path(&compilers));
    prepare(&farm);
    let command = "gcc -Wall -c warns.c";
    for locale in ["C.UTF-8", "C", "C.UTF-8"] {
        let local = farm.local(command).env("LC_ALL", locale).output();
        let ours = client(&farm, command).env("LC_ALL", locale).output();
        assert_eq!(ours, local, "{locale}");
    }
    assert_eq!(outcomes(&farm), ["diagnostics", "remote", "diagnostics"]);
    // It was asked once for each of the two what it says.
    let jobs = farm.volunteers[0].settled_jobs();
    let asked = jobs.iter().filter(|job| format!("{job:?}").contains("talked-of.c")).count();
    assert_eq!(asked, 2, "{jobs:#?}");
}

#[test]
fn what_the_volunteers_own_programs_say_is_said_here() {
    let farm = farm(&Options::new(Side::Ours));
    farm.write("quiet.c", "int quiet(void) { return 0; }\n");
    farm.write("asm.c", "__asm__(\".warning \\\"from the assembler\\\"\");\n");
    for command in [
        "gcc -L. -lm -c quiet.c",
        "gcc -Wall -L. -lm -c warns.c",
        "gcc -c asm.c",
        "clang -Wall -lm -c quiet.c",
        "clang -Wall -lm -L. -Wl,-s -c warns.c",
    ] {
        let local = farm.local(command).output();
        let ours = client(&farm, command).output();
        let said = |output: &Output| without_temp_names(&output.stderr);
        assert_eq!((ours.status, said(&ours)), (local.status, said(&local)), "{command}");
    }
}

#[test]
fn what_a_client_says_of_its_terminal_cannot_do_harm() {
    let volunteer = Place::new().start(&["-j", "2"]);
    let ask = |told: &str| {
        let request = PumpRequest::new("/w", "gcc -Wall -c a.c -o a.o");
        let request = request.file("/w/a.c", "int f(int a) { int b; return a; }\n");
        let reply = volunteer.talk(&request.file("/.distccd/audience", told).bytes());
        (!reply.is_empty()).then(|| read_reply(&reply))
    };
    for bad in [
        "PATH=/tmp\n",
        "LD_PRELOAD=x.so\n",
        "LANG=../../etc\n",
        "LANG=a\nLANG=b\n",
        "terminal=1\n",
        "terminal=99999 99999\n",
        "\0\0\0",
        &"LANG=C\n".repeat(100_000),
    ] {
        assert!(ask(bad).is_none(), "{bad:?}");
    }
    let link = PumpRequest::new("/w", "gcc -c a.c -o a.o").file("/w/a.c", "int f;");
    assert!(volunteer.talk(&link.link("/.distccd/audience", "/etc/passwd").bytes()).is_empty());
    for good in ["", "LANG=nowhere\nLANGUAGE=a:b:c\n", "TERM=xterm\nterminal=65535 0\n"] {
        let reply = ask(good).unwrap();
        assert_eq!(reply.status, 0, "{good:?}");
        assert!(String::from_utf8_lossy(&reply.stderr).contains("unused variable"), "{good:?}");
    }
}
