//! Edits of any makepkg.conf that bash accepts: made up from bash's grammar, changed from the
//! fixtures, or strewn together from tokens.

use std::path::Path;
use std::process::{Command, Stdio};

use makepkg_distcc::arch::configuration::Configuration;
use makepkg_distcc::arch::evaluate::EvaluateError;
use makepkg_distcc::makepkg_conf::document::Document;
use makepkg_distcc::makepkg_conf::makeflags::{self, Jobs};
use makepkg_distcc::makepkg_conf::quote::quote;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::BoxedStrategy;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::makepkg_conf::{CASES, Lab, assert_agrees, fixtures, name, settle};

/// How many texts each test tries, the same in each run. CONF_CASES asks for so many, others in
/// each run.
const TEXTS: u32 = 100;

fn runner() -> TestRunner {
    let asked = std::env::var("CONF_CASES").ok().map(|count| count.parse().unwrap());
    let cases = asked.unwrap_or(TEXTS);
    let config =
        Config { cases, failure_persistence: None, max_shrink_iters: 300, ..Config::default() };
    match asked {
        Some(_) => TestRunner::new(config),
        None => {
            let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
            TestRunner::new_with_rng(config, rng)
        }
    }
}

fn text(strategy: impl Strategy<Value = Vec<String>> + 'static, between: &str) -> Text {
    let between = between.to_owned();
    strategy.prop_map(move |parts| parts.join(&between)).boxed()
}

type Text = BoxedStrategy<String>;

fn one_of(texts: &'static [&'static str]) -> Text {
    select(texts).prop_map(str::to_owned).boxed()
}

/// A part of a word, in each way that bash has to write one.
fn piece() -> Text {
    one_of(&[
        "a",
        "-O2",
        "-march=native",
        "-j4",
        "-j",
        "8",
        "=",
        "x#y",
        "{}",
        "!",
        "distcc",
        ":",
        "~",
        "é",
        "\"\"",
        "''",
        "\"-j 3 -k\"",
        "' -j7'",
        "\"a # b\"",
        "\"\\\"\\$\\`\\\\ \\x\"",
        "\"a'b\"",
        "'a\"b'",
        "$'\\t\\'\\x41'",
        "$'\\n'",
        "$\"l\"",
        "\\ ",
        "\\#",
        "\\\"",
        "\\'",
        "\\\\",
        "\\$",
        "\\\n",
        "\"-k \\\n-l\"",
        "$X",
        "\"$X\"",
        "${X}",
        "${X:-a}",
        "\"${X:-b c}\"",
        "\"${X:-\"}\"}\"",
        "${X#'}'}",
        "\"${X%'}'}\"",
        "${X/a/\\}}",
        "${#X}",
        "${X[0]}",
        "\"${X+'}'}\"",
        "$(echo y)",
        "\"$(echo \"z )\")\"",
        "`echo w`",
        "\"`echo \\\"v\\\"`\"",
        "$((1 + (2)))",
        "$[3]",
        "$(: # )\n)",
        "$( (:) )",
        "$(case x in x) echo u;; esac)",
        "$(cat <<E\n)\nE\n)",
        "$,",
        "\"$\"",
        "@",
        "%",
        "^",
        ",",
    ])
}

fn scalar() -> Text {
    text(prop::collection::vec(piece(), 0..4), "")
}

fn element() -> Text {
    prop_oneof![
        3 => one_of(&["!distcc", "distcc", "color", "!lto", "lto", "check", "!sign"]),
        2 => one_of(&["'!distcc'", "\"!distcc\"", "\\!distcc", "!'distcc'", "$'!lto'", "\"lto\"", "l\\to"]),
        1 => one_of(&["\"${X[@]}\"", "$X", "{a,b}", "[2]=c", "*.none", "x#", "!", "dist\\\ncc"]),
        1 => (piece(), piece()).prop_map(|(one, other)| format!("{one}{other}")),
    ]
    .boxed()
}

fn array() -> Text {
    let gap = one_of(&[" ", " ", "\n", "\n\t", "  ", " # c )\n", "\n# c\n  ", " \\\n ", "\t"]);
    let edge = one_of(&["", "", " ", "\n", "\n  ", "# c\n", "\\\n"]);
    let elements = prop::collection::vec((element(), gap), 0..5);
    let end = one_of(&["", "", " ", "\n", " # c\n"]);
    (edge, elements, end)
        .prop_map(|(edge, elements, end)| {
            let inner: Vec<_> = elements.into_iter().map(|(one, gap)| one + &gap).collect();
            format!("({edge}{}{end})", inner.concat())
        })
        .boxed()
}

fn assignment() -> Text {
    let arrays = one_of(&["BUILDENV", "BUILDENV", "OPTIONS"]);
    let scalars = one_of(&["MAKEFLAGS", "DISTCC_HOSTS", "CFLAGS", "CXXFLAGS", "LDFLAGS", "X"]);
    let operator = || prop_oneof![4 => Just("="), 1 => Just("+=")];
    prop_oneof![
        4 => (arrays, operator(), array()).prop_map(|(name, is, value)| format!("{name}{is}{value}")),
        4 => (scalars.clone(), operator(), scalar())
            .prop_map(|(name, is, value)| format!("{name}{is}{value}")),
        1 => one_of(&["CXXFLAGS=\"$CFLAGS -g\"", "OPTIONS[1]=lto", "BUILDENV[9]='!distcc'",
            "MAKEFLAGS=(-j2)", "BUILDENV=distcc", "MAKEFLAGS=\"-j$(nproc) -l$(nproc)\""]),
    ]
    .boxed()
}

/// A command; those of `inner` may stand in it.
fn compound(inner: Text) -> Text {
    let some = || text(prop::collection::vec(inner.clone(), 1..3), "\n");
    let forms = [
        ("if true; then\n", "\nfi"),
        ("if false; then\n", "\nelse :\nfi"),
        ("if [[ a == b || ! -e /none ]]; then # c\n  ", "\nfi # c"),
        ("{ ", "\n}"),
        ("(", "\n)"),
        ("f() {\n", "\n}\nf"),
        ("function g {\n", "\n}"),
        ("for x in 1 2; do\n", "\ndone"),
        ("for ((x = 0; x < 2; x++)); do ", "\ndone"),
        ("while false; do ", "\ndone"),
        ("case a in\n  a|b) ", "\n;;\n  *) : ;&\nesac"),
        ("case b in (a) ", "\nesac"),
        ("true && ", ""),
        ("false || ", ""),
        ("! ", ""),
        ("true |\n", ""),
        ("", " &&\n  true"),
        ("", " | true"),
        ("", " &"),
        ("", " 2>/dev/null"),
    ];
    (select(forms.to_vec()), some()).prop_map(|((a, b), inner)| format!("{a}{inner}{b}")).boxed()
}

/// A line or more of a configuration. `effects`: also such as set variables in other ways.
fn statement(effects: bool) -> Text {
    let list = text(prop::collection::vec(assignment(), 1..3), " ");
    let simple = prop_oneof![
        6 => assignment(),
        1 => list,
        1 => assignment().prop_map(|one| format!("export {one}")),
        1 => (assignment(), assignment()).prop_map(|(one, other)| format!("{one}; {other}")),
        1 => one_of(&[
            ":", ": \"a\" # b", "[[ a =~ ^(a|b)#?$ ]]", "((1))", "echo x >/dev/null",
            "cat >/dev/null <<E\nMAKEFLAGS=-j9\n\\\nE\nE", "cat >/dev/null <<-'E'\n\tBUILDENV=(\\\n\tE",
            "read -r Y <<<\"a ' b\"", "x() ( : )", "declare -g X=\"a b\"", "X=(a b)", "Y=1 :",
        ]),
    ];
    let comment = one_of(&[
        "",
        "",
        "# BUILDENV=(!distcc)",
        "#MAKEFLAGS=\"-j2\"",
        "  #DISTCC_HOSTS=\"\" # c",
        "#DISTCC_HOSTS=\"a b\"",
        "#-- Make Flags: change this for DistCC/SMP systems",
        "# it's \"quoted",
        "#CFLAGS=-O1 \\",
        "\t",
    ]);
    let with_comment = (simple, one_of(&["", "", "", " # c", "\t#c'", " ;", "  "]));
    let with_comment = with_comment.prop_map(|(one, comment)| one + &comment).boxed();
    let effect = one_of(&[
        "unset MAKEFLAGS",
        "unset BUILDENV",
        "eval 'MAKEFLAGS=-j5'",
        "printf -v DISTCC_HOSTS x",
        ": \"${MAKEFLAGS:=-j6}\"",
        "read -ra BUILDENV <<<'!distcc x'",
        "declare MAKEFLAGS=-j3",
        "declare -a BUILDENV",
        "typeset DISTCC_HOSTS=q",
        "source /dev/null",
        "[[ a == a ]] || return 0",
    ]);
    let simple = prop_oneof![6 => with_comment.clone(), 3 => comment].boxed();
    let inner =
        compound(prop_oneof![4 => with_comment.clone(), 1 => compound(with_comment)].boxed());
    prop_oneof![8 => simple, 3 => inner, u32::from(effects) * 2 => effect].boxed()
}

fn configuration(effects: bool) -> Text {
    let statements = text(prop::collection::vec(statement(effects), 0..8), "\n");
    let end = one_of(&[
        "\n",
        "\n",
        "\n:\n",
        "",
        "\n:",
        "\n# end",
        " \\\n",
        "\n:\nreturn 0\nMAKEFLAGS=-j1\n",
    ]);
    (statements, end).prop_map(|(statements, end)| statements + &end).boxed()
}

/// Reads a text that may be anything; where only its last command fails, one is added.
fn read(lab: &Lab, text: &mut Vec<u8>) -> Option<Configuration> {
    let read = match lab.read(text) {
        Err(EvaluateError::LastCommand(..)) => {
            text.extend_from_slice(b"\n:\n");
            lab.read(text)
        }
        read => read,
    };
    // For some errors, bash says so and goes on with the next line.
    let fine = |line: &str| !line.contains("syntax error") && !line.contains("bad substitution");
    read.ok().filter(|read| read.left_out.is_empty() && read.printed.lines().all(fine))
}

/// Tries texts of `strategy`. `agrees`: document and bash have to agree on all assignments. Bash has
/// to accept one of `at_least` texts.
fn try_all(strategy: impl Strategy<Value = Vec<u8>>, agrees: bool, at_least: u32) {
    let lab = Lab::new();
    let (tried, accepted) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let strategy = (strategy, 0..CASES.len());
    let outcome = runner().run(&strategy, |(mut text, case)| {
        tried.set(tried.get() + 1);
        if let Some(before) = read(&lab, &mut text) {
            accepted.set(accepted.get() + 1);
            assert_eq!(Document::parse(&text).problem(), None, "{}", text.escape_ascii());
            if agrees {
                assert_agrees(&lab, &text, &before);
            }
            settle(&lab, &text, &before, &CASES[case]);
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    let (tried, accepted): (u32, u32) = (tried.get(), accepted.get());
    assert!(accepted * at_least >= tried, "bash accepted {accepted} of {tried}");
}

#[test]
fn configurations_made_up_from_the_grammar_are_edited_as_bash_wants_it() {
    try_all(configuration(false).prop_map(String::into_bytes), true, 2);
}

#[test]
fn configurations_that_do_more_than_assign_are_edited_as_bash_wants_it() {
    try_all(configuration(true).prop_map(String::into_bytes), false, 2);
}

/// Bash finds no program, and does not write: what a change makes of a command does no harm.
const HARMLESS: &[u8] = b"PATH=/nonexistent\n";

#[test]
fn fixtures_with_a_few_bytes_changed_are_edited_as_bash_wants_it() {
    let harmless = |text: &Vec<u8>| !text.contains(&b'>') && !text.contains(&b'&');
    let files = fixtures().into_iter().filter(|file| !["loops", "unsets"].contains(&name(file)));
    let texts: Vec<Vec<u8>> = files.map(|file| std::fs::read(file).unwrap()).collect();
    let texts: Vec<_> =
        texts.into_iter().filter(harmless).filter(|text| !text.is_empty()).collect();
    let byte = select(b" \t\n\\\"'$`(){}[]#;|=+!~a-\r".to_vec());
    let changes = prop::collection::vec((any::<prop::sample::Index>(), byte, 0..3), 1..4);
    let changed = (select(texts), changes).prop_map(|(mut text, changes)| {
        for (at, byte, kind) in changes {
            let at = at.index(text.len());
            match kind {
                0 => text[at] = byte,
                1 => text.insert(at, byte),
                _ if text.len() > 1 => drop(text.remove(at)),
                _ => {}
            }
        }
        [HARMLESS, &text].concat()
    });
    try_all(changed, false, 8);
}

#[test]
fn strewn_tokens_are_edited_as_bash_wants_it() {
    let token = one_of(&[
        "MAKEFLAGS=",
        "BUILDENV=(",
        "DISTCC_HOSTS+=",
        "CFLAGS=x",
        "=",
        "(",
        ")",
        " ",
        " ",
        "\n",
        "\n",
        ";",
        "#",
        "\"",
        "\"",
        "'",
        "'",
        "\\",
        "$x",
        "${",
        "}",
        "$(",
        "`",
        "-j4",
        "!distcc",
        "distcc",
        "x",
        "{",
        "if",
        "then",
        "fi",
        "||",
        "!",
        "[",
        "]",
        "[[",
        "]]",
        "$((",
        "))",
        "<<<",
        "<<E\n",
        "E\n",
        "export",
        "case",
        "in",
        "esac",
        "\r",
        "\t",
        "~",
        "$'",
        "+=",
        ":",
    ]);
    let tokens = prop::collection::vec(token, 0..12).prop_map(|tokens| tokens.concat());
    try_all(tokens.prop_map(|text| [HARMLESS, text.as_bytes()].concat()), true, 12);
}

#[test]
fn a_quoted_value_is_what_bash_reads() {
    let lab = Lab::new();
    let outcome = runner().run(&"[ -~\té\n]{0,30}", |value: String| {
        let read = lab.read(format!("CFLAGS={}\n", quote(&value)).as_bytes()).unwrap();
        assert_eq!(read.text("CFLAGS").unwrap(), value);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

/// How many jobs GNU make takes from MAKEFLAGS; `None` where it refuses them.
fn jobs_of_make(dir: &Path, makeflags: &str) -> Option<Jobs> {
    std::fs::write(dir.join("Makefile"), "all:;@echo '$(MAKEFLAGS) '\n").unwrap();
    let mut make = Command::new("make");
    make.args(["-f", "Makefile"]).current_dir(dir).env("MAKEFLAGS", makeflags);
    let output = make.stderr(Stdio::null()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    if !output.status.success() {
        return None;
    }
    let word = text.split(' ').find_map(|word| word.strip_prefix("-j"));
    let Some(word) = word else { return Some(Jobs::Missing) };
    Some(if word.is_empty() { Jobs::Unlimited } else { Jobs::Number(word.parse().unwrap()) })
}

#[test]
fn make_runs_the_jobs_that_makeflags_are_read_as() {
    let word = one_of(&[
        "-j4",
        "-j",
        "4",
        "--jobs=5",
        "--jobs",
        "-kj6",
        "-l",
        "-l2.5",
        "8",
        "kj7",
        "k",
        "-k",
        "-Otarget",
        "-O",
        "--load-average=3",
        "--max-load",
        "V=1",
        "-I",
        "/none",
        "--no-print-directory",
        "x",
        "-ij",
        "3x",
        "--include-dir",
        "-s",
        "-d=",
        "sj2",
    ]);
    let words = text(prop::collection::vec(word, 0..5), " ");
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(jobs_of_make(dir.path(), "-l3 -j4"), Some(Jobs::Number(4)));
    let outcome = runner().run(&words, |words| {
        let Some(taken) = jobs_of_make(dir.path(), &words) else { return Ok(()) };
        assert_eq!(taken, makeflags::jobs(&words), "{words}");
        let changed = makeflags::with_jobs(&words, 44);
        let taken = jobs_of_make(dir.path(), &changed);
        assert_eq!(taken, Some(Jobs::Number(44)), "{words}: {changed}");
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
