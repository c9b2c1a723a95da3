//! The flags that mean the processor of the machine that compiles, and the words that matter to
//! what they mean.

/// Sets the processor, and with it whom to tune for.
pub(super) const MARCH: &str = "-march=native";
/// All of them.
const NATIVE: [&str; 3] = [MARCH, "-mtune=native", "-mcpu=native"];

/// Whether each volunteer would read `word` as its own processor.
pub(in crate::setup) fn is_native(word: &str) -> bool {
    NATIVE.contains(&word)
}

/// The words among `words` that say which machine to compile for, each with its value: all that
/// can change what a native flag means.
pub(super) fn machine_words(words: &[String]) -> Vec<String> {
    let mut machine = Vec::new();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "--param" | "-target" => {
                machine.push(word);
                machine.extend(rest.next());
            }
            // Values that look like such words.
            "-include" | "-imacros" | "-Xlinker" | "-Xassembler" | "-Xclang" | "-mllvm" | "-o"
            | "-I" | "-D" => drop(rest.next()),
            text if is_machine_word(text) => machine.push(word),
            _ => {}
        }
    }
    machine.into_iter().cloned().collect()
}

fn is_machine_word(word: &str) -> bool {
    let target = word.starts_with("--target=") || word.starts_with("--param=");
    target || word.starts_with("-m")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_other_options_are_no_machine_words() {
        let words = shell_words::split(
            "-O2 -march=native -include -mfile --param l1-cache-size=3 -o -mx -pipe --param=a=1 \
             -target arm -Xclang -mfoo -m32",
        );
        let machine = machine_words(&words.unwrap()).join(" ");
        assert_eq!(machine, "-march=native --param l1-cache-size=3 --param=a=1 -target arm -m32");
    }

    #[test]
    fn a_name_that_begins_like_native_is_not_native() {
        assert!(is_native("-mtune=native") && !is_native("-march=nativex"));
    }
}
