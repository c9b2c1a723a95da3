//! `distcc-setup completions`: shells take what it prints, and offer what there is.

use std::process::Command;

use crate::support::output::Output;

const SETUP: &str = env!("CARGO_BIN_EXE_distcc-setup");

fn completions(words: &[&str]) -> Output {
    Command::new(SETUP).arg("completions").args(words).output().unwrap().into()
}

#[test]
fn what_it_prints_is_the_file_that_packages_install() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("completions");
    for program in ["distcc", "distccd", "update-distcc-symlinks"] {
        for (shell, file) in [
            ("bash", format!("{program}.bash")),
            ("zsh", format!("_{program}")),
            ("fish", format!("{program}.fish")),
        ] {
            let kept = std::fs::read_to_string(dir.join(file)).unwrap();
            assert_eq!(completions(&[shell, program]).success().stdout, kept);
        }
    }
}

#[test]
fn bash_completes_a_command_and_its_options() {
    let script = "eval \"$(\"$0\" completions bash)\"\n\
                  complete -p distcc-setup >&2\n\
                  COMP_WORDS=(distcc-setup tr) COMP_CWORD=1\n\
                  _distcc__setup distcc-setup tr distcc-setup; echo \"${COMPREPLY[*]}\"\n\
                  COMP_WORDS=(distcc-setup try --vol) COMP_CWORD=2\n\
                  _distcc__setup distcc-setup --vol try; echo \"${COMPREPLY[*]}\"";
    let output = Command::new("bash").args(["-c", script, SETUP]).output().unwrap();
    let output = Output::from(output).success();
    assert_eq!(output.stdout, "try\n--volunteers\n", "{output}");
}

#[test]
fn the_program_itself_is_meant_where_none_is_named() {
    for shell in ["bash", "zsh", "fish"] {
        assert_eq!(completions(&[shell]), completions(&[shell, "distcc-setup"]));
    }
    assert_eq!(completions(&["tcsh"]).status, 2);
    assert_eq!(completions(&[]).status, 2);
}
