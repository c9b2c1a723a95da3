//! Man pages, completions and README against the programs: what one says, the others say too.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::CommandFactory;
use clap_complete::Shell;
use makepkg_distcc::compiler::options::stays::Stays;
use makepkg_distcc::setup::completions::generate;

/// The programs whose options are in the man page's section OPTIONS, with what shows them.
const PROGRAMS: [(&str, &str, &[&str]); 6] = [
    ("distcc", env!("CARGO_BIN_EXE_distcc"), &["--help"]),
    ("distcc-agent", env!("CARGO_BIN_EXE_distcc-agent"), &["--help"]),
    ("distccd", env!("CARGO_BIN_EXE_distccd"), &["--help"]),
    ("distcc-setup", SETUP, &["--help"]),
    ("pump", env!("CARGO_BIN_EXE_pump"), &["--help"]),
    ("update-distcc-symlinks", env!("CARGO_BIN_EXE_update-distcc-symlinks"), &["--help"]),
];

const SETUP: &str = env!("CARGO_BIN_EXE_distcc-setup");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    let text = std::fs::read_to_string(&path);
    text.map_err(|error| format!("{}: {error}", path.display())).unwrap()
}

/// A man page's source without fonts and escapes.
fn man(page: &str) -> String {
    let text = read(format!("man/{page}.1"));
    ["\\fB", "\\fI", "\\fP", "\\fR"]
        .iter()
        .fold(text.replace("\\-", "-"), |text, font| text.replace(font, ""))
}

/// The text between a heading and the next.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let start = page.find(&format!("\n.SH {heading}\n"));
    let start = start.or_else(|| page.find(&format!("\n.SH \"{heading}\"\n"))).unwrap() + 1;
    let rest = &page[start..];
    &rest[..rest[1..].find("\n.SH ").map_or(rest.len(), |at| at + 1)]
}

/// The options among the words of a line.
fn options_in(line: &str) -> impl Iterator<Item = String> {
    let is_option = |word: &&str| {
        let name = word.trim_start_matches('-');
        let dashes = word.len() - name.len();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        name.chars().all(plain) && matches!((dashes, name.len()), (1, 1) | (2, 2..))
    };
    line.split([' ', ',', '=', '[', ']', '"']).filter(is_option).map(str::to_owned)
}

/// The options that `--help` lists: those at the beginning of a line.
fn options_of_help(program: &str, arguments: &[&str]) -> BTreeSet<String> {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}");
    let help = String::from_utf8(output.stdout).unwrap();
    let listed = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    listed.flat_map(|line| options_in(line.split("  ").next().unwrap_or(line))).collect()
}

/// The options that a man page describes: those in the tags of its section OPTIONS.
fn options_of_man(page: &str) -> BTreeSet<String> {
    let page = man(page);
    if !page.contains("\n.SH OPTIONS\n") {
        return BTreeSet::new();
    }
    let mut lines = section(&page, "OPTIONS").lines();
    let mut found = BTreeSet::new();
    while let Some(line) = lines.next() {
        if line == ".TP" {
            found.extend(options_in(lines.next().unwrap()));
        }
    }
    found
}

#[test]
fn man_pages_and_help_list_the_same_options() {
    for (name, program, help) in PROGRAMS {
        let in_help = options_of_help(program, help);
        assert!(in_help.len() >= 4, "{name}: {in_help:?}");
        assert_eq!(options_of_man(name), in_help, "{name}");
    }
}

/// The commands of `distcc-setup` that people see.
fn setup_commands() -> Vec<String> {
    let command = makepkg_distcc::setup::cli::command();
    let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
    shown.map(|command| command.get_name().to_owned()).collect()
}

/// What a command of `distcc-setup` can be told to do: `enable` of `chroot`.
fn actions_of(command: &str) -> Vec<String> {
    let setup = makepkg_distcc::setup::cli::command();
    let actions = setup.find_subcommand(command).unwrap().get_subcommands();
    actions.map(|action| action.get_name().to_owned()).collect()
}

#[test]
fn every_command_of_distcc_setup_has_a_page_with_its_options() {
    let overview = man("distcc-setup");
    for command in setup_commands() {
        let name = format!("distcc-setup-{command}");
        let page = man(&name);
        assert!(section(&page, "NAME").contains(&format!("\n{name} - ")), "{name}");
        assert!(overview.contains(&format!(".BR {command} \", see \" {name} (1)")), "{command}");
        let mut in_help = options_of_help(SETUP, &[&command, "--help"]);
        for action in actions_of(&command) {
            in_help.extend(options_of_help(SETUP, &[&command, &action, "--help"]));
        }
        in_help.retain(|option| option != "-h" && option != "--help");
        assert_eq!(options_of_man(&name), in_help, "{name}");
    }
}

#[test]
fn every_program_has_a_man_page_that_names_it() {
    for entry in std::fs::read_dir(root().join("src/bin")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let page = man(name);
        assert!(section(&page, "NAME").contains(&format!("\n{name} - ")), "{name}");
    }
}

#[test]
fn man_has_no_fault_to_find_in_the_man_pages() {
    if Command::new("man").arg("--version").output().is_err() {
        return;
    }
    for entry in std::fs::read_dir(root().join("man")).unwrap() {
        let path = entry.unwrap().path();
        let mut man = Command::new("man");
        man.args(["--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"]).arg(&path);
        let output = man.env("MANWIDTH", "80").env("LC_ALL", "C").output().unwrap();
        assert!(output.status.success(), "{}", path.display());
        let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(complaints, "", "{}", path.display());
    }
}

#[test]
fn every_variable_we_read_is_in_a_man_page() {
    let names = PROGRAMS.iter().map(|(name, ..)| (*name).to_owned());
    let commands = setup_commands().into_iter().map(|command| format!("distcc-setup-{command}"));
    let pages: Vec<_> = names.chain(commands).map(|name| man(&name)).collect();
    let source = read("src/base/env.rs");
    let variables: Vec<_> =
        source.split("Var(\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(variables.len() > 20, "{variables:?}");
    for variable in variables {
        assert!(pages.iter().any(|page| page.contains(variable)), "{variable}");
    }
}

#[test]
fn every_reason_to_stay_here_is_in_the_man_page() {
    let page = man("distcc");
    let listed: BTreeSet<_> = section(&page, "WHAT STAYS HERE")
        .lines()
        .take_while(|line| !line.starts_with(".SS"))
        .filter_map(|line| line.strip_prefix(".B "))
        .filter(|name| !name.contains(' '))
        .map(str::to_owned)
        .collect();
    let reasons = read("src/compiler/reason.rs");
    let names = reasons.split_once("pub fn counter").unwrap().1;
    let names = names.split_once("\n    }\n").unwrap().0;
    let other = names.split("=> \"").skip(1).map(|rest| rest.split('"').next().unwrap());
    let by_option = Stays::ALL.iter().map(|stays| stays.counter());
    let known: BTreeSet<_> = other.chain(by_option).map(str::to_owned).collect();
    let differing: Vec<_> = listed.symmetric_difference(&known).collect();
    assert!(differing.is_empty(), "man/distcc.1, WHAT STAYS HERE: {differing:?} is not in both");
}

/// The clap programs, by name.
fn clap_programs() -> [(&'static str, clap::Command); 3] {
    [
        ("update-distcc-symlinks", makepkg_distcc::tools::symlinks::Cli::command()),
        ("distcc-setup", makepkg_distcc::setup::cli::command()),
        ("distccd", makepkg_distcc::daemon::cli::command()),
    ]
}

fn completion_file(shell: Shell, program: &str) -> PathBuf {
    let name = match shell {
        Shell::Zsh => format!("_{program}"),
        Shell::Fish => format!("{program}.fish"),
        _ => format!("{program}.bash"),
    };
    root().join("completions").join(name)
}

/// `UPDATE_COMPLETIONS=1` writes the files anew.
#[test]
fn completions_are_those_of_the_clap_types() {
    let update = std::env::vars_os().any(|(name, _)| name == "UPDATE_COMPLETIONS");
    for (program, mut command) in clap_programs() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let made = generate(shell, &mut command, program).into_bytes();
            let path = completion_file(shell, program);
            if update {
                makepkg_distcc::base::replace::write(&path, &made, 0o666).unwrap();
            }
            let kept = std::fs::read(&path).unwrap_or_default();
            assert!(
                made == kept,
                "{}: run UPDATE_COMPLETIONS=1 cargo test completions_are",
                path.display()
            );
        }
    }
}

/// The programs whose completions are written by hand.
const BY_HAND: [(&str, &str); 4] = [
    ("pump", env!("CARGO_BIN_EXE_pump")),
    ("distcc", env!("CARGO_BIN_EXE_distcc")),
    ("lsdistcc", env!("CARGO_BIN_EXE_lsdistcc")),
    ("distccmon-text", env!("CARGO_BIN_EXE_distccmon-text")),
];

/// Options as they stand in help; those of `lsdistcc` have their value right behind them.
fn options_to_offer(name: &str, program: &str) -> BTreeSet<String> {
    if name != "lsdistcc" {
        return options_of_help(program, &["--help"]);
    }
    let output = Command::new(program).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let lines = help.lines().filter_map(|line| line.strip_prefix("  -"));
    lines.map(|line| format!("-{}", &line[..1])).collect()
}

#[test]
fn completions_written_by_hand_offer_every_option_of_the_help() {
    for (name, program) in BY_HAND {
        let options = options_to_offer(name, program);
        assert!(options.len() > 1, "{name}");
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let path = completion_file(shell, name);
            let text = read(&path);
            for option in &options {
                let offered = match (shell, option.strip_prefix("--")) {
                    (Shell::Fish, Some(long)) => text.contains(&format!("-l {long} ")),
                    (Shell::Fish, None) => text.contains(&format!("-s {} ", &option[1..])),
                    _ => text.contains(option),
                };
                assert!(offered, "{}: {option}", path.display());
            }
        }
    }
}

#[test]
fn shells_can_read_the_completions() {
    for (shell, suffix) in [("bash", ".bash"), ("zsh", "_"), ("fish", ".fish")] {
        if Command::new(shell).arg("--version").output().is_err() {
            continue;
        }
        for entry in std::fs::read_dir(root().join("completions")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if !name.ends_with(suffix) && !name.starts_with(suffix) {
                continue;
            }
            let status = Command::new(shell).arg("-n").arg(&path).status().unwrap();
            assert!(status.success(), "{shell} -n {}", path.display());
        }
    }
}

/// The blocks of commands in a Markdown file, a line each.
fn commands(markdown: &str) -> Vec<&str> {
    let blocks = markdown.split("```").skip(1).step_by(2);
    let shell = blocks.filter_map(|block| block.strip_prefix("sh\n"));
    shell.flat_map(str::lines).map(|line| line.trim_start_matches("$ ")).collect()
}

#[test]
fn the_commands_of_the_readme_exist() {
    let readme = read("README.md");
    let commands = commands(&readme);
    for wanted in ["cargo run --release -- try", "tests/run"] {
        assert!(commands.contains(&wanted), "{wanted} is not in {commands:?}");
    }
    assert!(root().join("tests/run").is_file());
    for command in commands {
        let words = shell_words::split(command).unwrap();
        if let Some(at) = words.iter().position(|word| word == "distcc-setup") {
            let line = words[at..].iter().take_while(|word| *word != "#");
            let parsed = makepkg_distcc::setup::cli::command().try_get_matches_from(line);
            assert!(parsed.is_ok(), "{command}");
        }
    }
}

#[test]
fn the_commands_of_the_how_to_exist() {
    let page = read("man/makepkg-distcc-howto.7").replace("\\-", "-").replace("\\(dq", "\"");
    let lines = page.lines().filter_map(|line| line.strip_prefix(".B "));
    let commands = lines.filter_map(|line| {
        let words = shell_words::split(line).unwrap();
        let at = words.iter().position(|word| word == "distcc-setup")?;
        Some((line, words[at..].to_vec()))
    });
    let commands: Vec<_> = commands.filter(|(_, words)| words.len() > 1).collect();
    assert!(commands.len() > 20, "{commands:?}");
    for (line, words) in commands {
        let parsed = makepkg_distcc::setup::cli::command().try_get_matches_from(words);
        assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
    }
}

#[test]
fn the_readme_knows_how_large_the_sample_is() {
    let dirs = ["kit", "kitxx", "check", "checkxx"].map(|dir| root().join("sample").join(dir));
    let files = dirs.iter().flat_map(|dir| std::fs::read_dir(dir).unwrap());
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let units = names.filter(|name| name.ends_with(".c") || name.ends_with(".cpp")).count();
    let readme = read("README.md");
    assert!(readme.contains(&format!("a sample project of {units} C and C++ files")), "{units}");
    assert!(readme.contains(&format!("{units} units compiled by volunteers")), "{units}");
}

#[test]
fn files_that_the_documents_name_exist() {
    for document in ["README.md", "ARCHITECTURE.md"] {
        let text = read(document);
        let quoted = text.split('`').skip(1).step_by(2);
        let is_ours = |name: &&str| {
            ["src/", "tests/", "man/", "sample/", "benches/", "completions/", "fuzz/", ".ci/"]
                .iter()
                .any(|top| name.starts_with(top))
        };
        for name in quoted.filter(is_ours) {
            assert!(root().join(name).exists(), "{document}: {name}");
        }
    }
}
