//! For whom a compiler prints: the variables and the terminal that decide the words, the colours
//! and the width of its warnings.
//!
//! A pump request to a volunteer of ours may hold a file [`NAME`], which is none of the unit's. It
//! has a line `NAME=VALUE` for each variable, and a line `terminal=ROWS COLUMNS` if standard error
//! is a terminal.

/// The file's name; nothing of a client's can have it.
pub const NAME: &[u8] = b"/.distccd/audience";

/// Variables that compilers heed for what they print. Sources: the manuals of gcc 15 (Environment
/// Variables, Diagnostic Message Formatting Options) and of clang 20, locale(7).
pub const HEEDED: [&str; 15] = [
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "COLORTERM",
    "COLUMNS",
    "GCC_COLORS",
    "GCC_EXTRA_DIAGNOSTIC_OUTPUT",
    "GCC_URLS",
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LC_CTYPE",
    "LC_MESSAGES",
    "NO_COLOR",
    "TERM",
    "TERM_URLS",
];

/// The most bytes of a value: names of locales and terminals are short, lists of colours are not.
const LONGEST_VALUE: usize = 512;
/// The most bytes of the file, unpacked.
pub const MOST_BYTES: usize = 16 * 1024;
/// What the terminal's line begins with: no variable is called so.
const TERMINAL: &str = "terminal";

/// For whom a compiler prints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience {
    /// Names of [`HEEDED`], and values.
    variables: Vec<(&'static str, String)>,
    /// Rows and columns of the terminal on standard error.
    terminal: Option<(u16, u16)>,
}

impl Audience {
    /// One with these variables, of which those that are none of [`HEEDED`] do not count; `None`
    /// where a value is not fit to be sent.
    pub fn new<'a>(
        variables: impl Iterator<Item = (&'a str, &'a [u8])>,
        terminal: Option<(u16, u16)>,
    ) -> Option<Self> {
        let mut audience = Self { variables: Vec::new(), terminal };
        for (name, value) in variables {
            if let Some(name) = HEEDED.into_iter().find(|heeded| *heeded == name) {
                audience.variables.push((name, checked(value)?.to_owned()));
            }
        }
        Some(audience)
    }

    /// The variables.
    pub fn variables(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.variables.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// Rows and columns of the terminal on standard error.
    pub fn terminal(&self) -> Option<(u16, u16)> {
        self.terminal
    }

    /// The file's content.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.variables {
            text += &format!("{name}={value}\n");
        }
        if let Some((rows, columns)) = self.terminal {
            text += &format!("{TERMINAL}={rows} {columns}\n");
        }
        text
    }

    /// Reads the file's content; `None` if it is not one that [`Self::encode`] makes.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let text = str::from_utf8(bytes).ok().filter(|text| text.len() <= MOST_BYTES)?;
        let mut audience = Self::default();
        for line in text.lines() {
            let (name, value) = line.split_once('=')?;
            if name == TERMINAL {
                let (rows, columns) = value.split_once(' ')?;
                audience.terminal = Some((rows.parse().ok()?, columns.parse().ok()?));
                continue;
            }
            let name = HEEDED.into_iter().find(|heeded| *heeded == name)?;
            if audience.variables.iter().any(|(other, _)| *other == name) {
                return None;
            }
            audience.variables.push((name, checked(value.as_bytes())?.to_owned()));
        }
        Some(audience)
    }
}

/// A value without anything that could name a file: no slash, no control character.
fn checked(value: &[u8]) -> Option<&str> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-@=:;,+ ".contains(byte);
    let good = value.len() <= LONGEST_VALUE && value.iter().all(is_plain);
    str::from_utf8(value).ok().filter(|_| good)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(variables: &[(&str, &str)], terminal: Option<(u16, u16)>) -> Option<Audience> {
        let variables = variables.iter().map(|(name, value)| (*name, value.as_bytes()));
        Audience::new(variables, terminal)
    }

    #[test]
    fn what_is_sent_is_read() {
        let colours = "error=01;31:warning=01;35:range1=32:fixit-insert=32";
        let all = [("LC_ALL", "de_DE.UTF-8"), ("GCC_COLORS", colours), ("TERM", ""), ("PATH", "/")];
        for terminal in [None, Some((24, 80)), Some((0, 65535))] {
            let audience = of(&all, terminal).unwrap();
            assert_eq!(audience.variables().count(), 3);
            assert_eq!(Audience::decode(audience.encode().as_bytes()), Some(audience));
        }
    }

    #[test]
    fn values_that_could_name_a_file_are_neither_sent_nor_read() {
        let long = "x".repeat(LONGEST_VALUE + 1);
        for value in ["/etc", "a/../b", "a\nTERM=b", "a\0", "ä", "$HOME", "%n", long.as_str()] {
            assert_eq!(of(&[("LANG", value)], None), None, "{value:?}");
        }
        let bad = ["LANG=/etc\n", "LANG\n", "PATH=a\n", "LANG=a\nLANG=b\n", "terminal=1\n"];
        for text in bad.into_iter().chain(["terminal=1 70000\n", "terminal=-1 5\n", "=\n"]) {
            assert_eq!(Audience::decode(text.as_bytes()), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_audience_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(audience) = Audience::decode(&bytes) {
                prop_assert_eq!(Audience::decode(audience.encode().as_bytes()), Some(audience));
            }
        }

        #[test]
        fn any_lines_are_an_audience_or_none(
            lines in prop::collection::vec("(LANG|TERM|terminal|PATH)=[ -~]{0,12}", 0..5),
        ) {
            if let Some(audience) = Audience::decode(lines.join("\n").as_bytes()) {
                let values: Vec<_> = audience.variables().map(|(_, value)| value).collect();
                prop_assert!(!values.concat().contains('/'));
            }
        }
    }
}
