//! Values written so that bash reads them back.

use crate::makepkg_conf::word::Quoting;

/// Writes `value` as a word that bash reads as exactly that: bare where nothing in it is special,
/// else in double quotes as makepkg.conf has them, else in single ones.
///
/// A NUL, which no variable can hold, is left out.
pub fn quote(value: &str) -> String {
    let value = value.replace('\0', "");
    let styles = [Quoting::Bare, Quoting::Double, Quoting::Single];
    let plain = |quoting: &Quoting| quoted(&value, *quoting).filter(|text| !text.contains('\\'));
    // In double quotes anything can be written.
    styles.iter().find_map(plain).or_else(|| quoted(&value, Quoting::Double)).unwrap_or_default()
}

/// Writes `value` with these quotes; `None` where they cannot hold it.
pub(super) fn quoted(value: &str, quoting: Quoting) -> Option<String> {
    let inside = inside(value, quoting)?;
    Some(match quoting {
        Quoting::Ansi => format!("$'{inside}'"),
        Quoting::Bare if inside.is_empty() => return None,
        Quoting::Bare => inside,
        Quoting::Double => format!("\"{inside}\""),
        Quoting::Single => format!("'{inside}'"),
    })
}

/// Writes `value` to stand inside of these quotes; `None` where they cannot hold it.
pub(super) fn inside(value: &str, quoting: Quoting) -> Option<String> {
    let escape = |special: &[char]| {
        let escaped = value.chars().flat_map(|letter| {
            special.contains(&letter).then_some('\\').into_iter().chain([letter])
        });
        Some(escaped.collect())
    };
    match quoting {
        Quoting::Ansi => escape(&['\\', '\'']),
        Quoting::Bare => value.chars().all(is_plain).then(|| value.to_owned()),
        Quoting::Double => escape(&['$', '`', '"', '\\']),
        Quoting::Single => (!value.contains('\'')).then(|| value.to_owned()),
    }
}

/// Whether a character means itself wherever it stands in a word.
fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "-_./:=,+@%".contains(letter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::makepkg_conf::document::Document;

    #[test]
    fn a_value_is_quoted_as_little_as_it_can_be() {
        let quoted = ["-j44", "", "a b", "$x", "it's $x", "a\\", "~/x", "é", "!distcc", "a\nb"];
        insta::assert_snapshot!(quoted.map(quote).join("\n"), @r#"
        -j44
        ""
        "a b"
        '$x'
        "it's \$x"
        "a\\"
        "~/x"
        "é"
        "!distcc"
        "a
        b"
        "#);
    }

    proptest::proptest! {
        #[test]
        fn a_quoted_value_is_read_back(value in "[ -~\té\n]{0,20}") {
            for quoting in [Quoting::Ansi, Quoting::Bare, Quoting::Double, Quoting::Single] {
                let Some(text) = quoted(&value, quoting) else { continue };
                let document = Document::parse(format!("A={text}\nB=1\n").as_bytes());
                let word = document.last("A").unwrap().value.words()[0].clone();
                proptest::prop_assert_eq!(word.literal().unwrap(), value.clone());
                proptest::prop_assert!(document.last("B").is_some());
            }
        }
    }
}
