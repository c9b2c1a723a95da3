//! Preprocessing tokens: what conditions, macro bodies and computed includes are made of.

use crate::include::names::{Name, Names};

/// One token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// As it was written.
    pub text: Box<[u8]>,
    /// Whether blanks stand before it.
    pub space: bool,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An identifier.
    Name(Name),
    /// A number, as the preprocessor reads it.
    Number,
    /// A string or a character.
    Quoted,
    /// An operator, a bracket, or anything else.
    Sign,
}

impl Token {
    /// Whether it is this operator or bracket.
    pub fn is(&self, sign: &[u8]) -> bool {
        self.kind == Kind::Sign && *self.text == *sign
    }

    /// The identifier, if it is one.
    pub fn name(&self) -> Option<Name> {
        match self.kind {
            Kind::Name(name) => Some(name),
            _ => None,
        }
    }
}

/// Operators of two signs that conditions and bodies have.
const PAIRS: [&[u8; 2]; 9] = [b"&&", b"||", b"==", b"!=", b"<=", b">=", b"<<", b">>", b"##"];

/// Cuts text without comments and spliced lines into tokens.
pub fn tokens(text: &[u8], names: &Names) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut space = false;
    while let Some(&first) = rest.first() {
        if first.is_ascii_whitespace() || first == 0x0b {
            (rest, space) = (rest.get(1..).unwrap_or_default(), true);
            continue;
        }
        let (length, is_name) = length(rest, first);
        let (text, after) = rest.split_at(length.min(rest.len()));
        let kind = match first {
            _ if is_name => Kind::Name(names.of(text)),
            b'0'..=b'9' => Kind::Number,
            b'.' if text.len() > 1 => Kind::Number,
            b'"' | b'\'' => Kind::Quoted,
            _ if text.ends_with(b"\"") || text.ends_with(b"'") => Kind::Quoted,
            _ => Kind::Sign,
        };
        tokens.push(Token { kind, text: text.into(), space });
        (rest, space) = (after, false);
    }
    tokens
}

/// Whether a byte may stand within an identifier.
pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// How long the token at the start of `rest` is, and whether it is an identifier.
fn length(rest: &[u8], first: u8) -> (usize, bool) {
    let word = |rest: &[u8]| rest.iter().take_while(|&&byte| is_word(byte)).count();
    match first {
        b'"' | b'\'' => (quoted(rest), false),
        b'0'..=b'9' => (number(rest), false),
        b'.' if rest.get(1).is_some_and(u8::is_ascii_digit) => (number(rest), false),
        first if is_word(first) => {
            let length = word(rest);
            let prefix = rest.get(..length).unwrap_or_default();
            let after = rest.get(length..).unwrap_or_default();
            let is_prefix = matches!(prefix, b"L" | b"u" | b"U" | b"u8");
            match after.first() {
                Some(b'"' | b'\'') if is_prefix => (length + quoted(after), false),
                _ => (length, true),
            }
        }
        _ if PAIRS.iter().any(|pair| rest.starts_with(*pair)) => (2, false),
        _ => (1, false),
    }
}

fn quoted(rest: &[u8]) -> usize {
    let quote = rest.first().copied();
    let mut at = 1;
    while let Some(&byte) = rest.get(at) {
        at += if byte == b'\\' { 2 } else { 1 };
        if Some(byte) == quote {
            break;
        }
    }
    at.min(rest.len())
}

fn number(rest: &[u8]) -> usize {
    let mut before = 0;
    let part = |&&byte: &&u8| {
        let exponent = matches!(before, b'e' | b'E' | b'p' | b'P') && matches!(byte, b'+' | b'-');
        before = byte;
        is_word(byte) || byte == b'.' || exponent || byte == b'\''
    };
    rest.iter().take_while(part).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(text: &str) -> String {
        let names = Names::default();
        let tokens = tokens(text.as_bytes(), &names);
        let one = |token: &Token| String::from_utf8_lossy(&token.text).into_owned();
        tokens.iter().map(one).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn tokens_are_those_of_the_language() {
        assert_eq!(texts("a ## b_1"), "a|##|b_1");
        assert_eq!(texts("defined(X)&&!Y>=0x1FuL"), "defined|(|X|)|&&|!|Y|>=|0x1FuL");
        assert_eq!(texts(r#"L"a\"b" 'c' u8"x" 1.5e+3 .5"#), r#"L"a\"b"|'c'|u8"x"|1.5e+3|.5"#);
        assert_eq!(texts("<sys/types.h>"), "<|sys|/|types|.|h|>");
        assert_eq!(texts("\"no end"), "\"no end");
    }

    proptest! {
        #[test]
        fn nothing_but_blanks_is_lost(text in proptest::collection::vec(any::<u8>(), 0..80)) {
            let names = Names::default();
            let all: Vec<u8> =
                tokens(&text, &names).iter().flat_map(|token| token.text.to_vec()).collect();
            let blank = |byte: &&u8| !byte.is_ascii_whitespace() && **byte != 0x0b;
            let bare = |text: &[u8]| text.iter().filter(blank).copied().collect::<Vec<u8>>();
            prop_assert_eq!(bare(&all), bare(&text));
        }
    }
}
