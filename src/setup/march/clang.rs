//! Clang: the words that its driver makes of a native flag, and the features that its code names.

use crate::setup::march::ask::State;

/// Features that every processor of x86-64 has, so that no flag of the driver is for them.
const BASELINE: [&str; 4] = ["64bit", "cmov", "cx8", "x87"];

/// The words for the machine on the line that calls `-cc1`, as flags for the driver. `flag` tells
/// under which name the processor goes: `-march=native` or `-mcpu=native`.
///
/// A feature without a flag gets one all the same, which the driver then does not know.
pub(super) fn machine_words(passed: &[String], flag: &str) -> Vec<String> {
    let processor = if flag.starts_with("-mcpu") { "-mcpu" } else { "-march" };
    let mut words = Vec::new();
    for pair in passed.windows(2) {
        let [option, value] = pair else { continue };
        match option.as_str() {
            "-target-cpu" => words.push(format!("{processor}={value}")),
            "-tune-cpu" => words.push(format!("-mtune={value}")),
            "-target-feature" => words.extend(feature(value)),
            _ => {}
        }
    }
    words
}

/// `+avx` is `-mavx`, `-avx` is `-mno-avx`.
fn feature(text: &str) -> Option<String> {
    if let Some(name) = text.strip_prefix('+') {
        return (!BASELINE.contains(&name)).then(|| format!("-m{name}"));
    }
    text.strip_prefix('-').map(|name| format!("-mno-{name}"))
}

/// The attributes of the function in LLVM's code: the processor, and each feature that is on.
pub(super) fn read_state(text: &str) -> State {
    let mut state = State::new();
    let Some(line) = text.lines().find(|line| line.starts_with("attributes #")) else {
        return state;
    };
    for name in ["target-cpu", "tune-cpu"] {
        if let Some(value) = attribute(line, name) {
            state.insert(name.to_owned(), value.to_owned());
        }
    }
    let features = attribute(line, "target-features").unwrap_or_default();
    let on = features.split(',').filter_map(|feature| feature.strip_prefix('+'));
    for name in on.filter(|name| !BASELINE.contains(name)) {
        state.insert(format!("-m{name}"), "on".to_owned());
    }
    state
}

/// The value of `"NAME"="VALUE"`.
fn attribute<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.split_once(&format!("\"{name}\"=\""))?.1.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_become_flags() {
        let passed = shell_words::split(
            "clang -cc1 -target-cpu k8 -target-feature +64bit -target-feature +avx \
             -target-feature -sha -tune-cpu k9",
        )
        .unwrap();
        assert_eq!(
            machine_words(&passed, "-march=native"),
            ["-march=k8", "-mavx", "-mno-sha", "-mtune=k9"]
        );
        assert_eq!(machine_words(&passed, "-mcpu=native")[0], "-mcpu=k8");
    }

    #[test]
    fn what_is_off_is_as_good_as_not_named() {
        let text =
            "attributes #0 = { \"target-cpu\"=\"k8\" \"target-features\"=\"+64bit,+avx,-sha\" }";
        let state = read_state(text);
        assert_eq!(state.keys().collect::<Vec<_>>(), ["-mavx", "target-cpu"]);
        assert!(read_state("").is_empty());
    }
}
