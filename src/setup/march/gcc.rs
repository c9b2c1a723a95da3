//! GCC: the words that its driver makes of a native flag, and its list of what is on.

use crate::setup::march::ask::State;

/// The words for the machine on the line that calls cc1, as flags for the driver.
///
/// cc1 takes `--param NAME=VALUE` in two words; one word is safer in an array of a shell.
pub(super) fn machine_words(passed: &[String]) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = passed.iter().skip(1);
    while let Some(word) = rest.next() {
        match word.as_str() {
            "--param" => words.extend(rest.next().map(|value| format!("--param={value}"))),
            "-imultiarch" | "-dumpbase" | "-dumpbase-ext" | "-o" => drop(rest.next()),
            text if text.starts_with("-m") || text.starts_with("--param=") => {
                words.push(word.clone());
            }
            _ => {}
        }
    }
    words
}

/// The lines of `-Q --help=target --help=params`: an option and its value, with white space
/// between.
pub(super) fn read_state(text: &str) -> State {
    let options = text.lines().filter_map(|line| line.strip_prefix("  -"));
    let pair = |line: &str| {
        let mut words = line.split_whitespace();
        Some((format!("-{}", words.next()?), words.collect::<Vec<_>>().join(" ")))
    };
    options.filter_map(pair).collect()
}

/// The name under which the state has the flag `word`; `None` for one that has a value.
pub(super) fn name_in_state(word: &str) -> Option<String> {
    let rest = word.strip_prefix("-m").filter(|rest| !rest.contains('='))?;
    Some(format!("-m{}", rest.strip_prefix("no-").unwrap_or(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_cc1_become_words_of_the_driver() {
        let passed = shell_words::split(
            "/lib/cc1 -quiet -imultiarch -mx x.c -march=znver3 -mno-sha --param l1-cache-size=32 \
             -dumpbase -mfile -mtune=znver3",
        );
        assert_eq!(
            machine_words(&passed.unwrap()).join(" "),
            "-march=znver3 -mno-sha --param=l1-cache-size=32 -mtune=znver3"
        );
    }

    #[test]
    fn the_list_of_options_is_read_whatever_it_is_aligned_with() {
        let text = "The following options are target specific:\n  -mavx  \t\t[enabled]\n  \
                    -march=  \t\tznver3\n  -mcpu=\t\n\n  Known valid arguments:\n    a b\n";
        let state = read_state(text);
        assert_eq!((state["-mavx"].as_str(), state["-march="].as_str()), ("[enabled]", "znver3"));
        assert_eq!(state.len(), 3);
    }

    #[test]
    fn on_and_off_are_one_name() {
        assert_eq!(name_in_state("-mno-avx").as_deref(), Some("-mavx"));
        assert_eq!(name_in_state("-mavx").as_deref(), Some("-mavx"));
        assert_eq!(name_in_state("-mtune=x"), None);
    }
}
