//! How conditions come out: true, false, or nobody can tell.

use crate::include::macros::{Macro, Macros, Meaning};
use crate::include::names::{Name, Names};
use crate::include::reduce::Condition;
use crate::include::token::{Kind, Token, tokens};

/// How deep macros and brackets may be nested.
const MOST_DEPTH: usize = 48;
/// How many pieces an expression may grow to.
const MOST_PIECES: usize = 4096;

/// How `condition` comes out everywhere, if it comes out the same everywhere. The names that decide
/// it are added to `asked`.
pub fn outcome(
    condition: &Condition,
    macros: &Macros,
    names: &Names,
    asked: &mut Vec<Name>,
) -> Option<bool> {
    match condition {
        Condition::Defined(name) => is_defined(*name, macros, asked),
        Condition::Expression(tokens) => {
            let mut expansion = Expansion {
                macros,
                names,
                asked,
                out: Vec::new(),
                hidden: Vec::new(),
                unsigned: false,
            };
            expansion.expand(tokens, true)?;
            let Expansion { out: pieces, unsigned, .. } = expansion;
            let mut parser =
                Parser { pieces: &pieces, at: 0, depth: 0, far: false, negative: false };
            let value = parser.ternary()?;
            let is_whole = parser.at == parser.pieces.len();
            // How a negative number and an unsigned one compare is not told apart.
            let is_sure = is_whole && !parser.far && !(unsigned && parser.negative);
            value.filter(|_| is_sure).map(|value| value != 0)
        }
    }
}

fn is_defined(name: Name, macros: &Macros, asked: &mut Vec<Name>) -> Option<bool> {
    asked.push(name);
    match macros.meaning(name) {
        Meaning::Absent => Some(false),
        Meaning::Certain(_) | Meaning::Defined => Some(true),
        Meaning::Unsure => None,
    }
}

/// A part of an expanded expression.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// A number, if it is known.
    Value(Option<i128>),
    /// An operator or a bracket.
    Sign(Box<[u8]>),
}

struct Expansion<'a> {
    macros: &'a Macros,
    names: &'a Names,
    asked: &'a mut Vec<Name>,
    out: Vec<Piece>,
    /// Macros that are being expanded.
    hidden: Vec<Name>,
    /// A number says that it is unsigned.
    unsigned: bool,
}

impl Expansion<'_> {
    /// Expands `tokens` to pieces; `None` where that goes too far. The operator `defined` has its
    /// meaning only in what the author wrote in the condition itself.
    fn expand(&mut self, tokens: &[Token], written: bool) -> Option<()> {
        let mut rest = tokens;
        while let Some((token, after)) = rest.split_first() {
            rest = after;
            if self.out.len() > MOST_PIECES || self.hidden.len() > MOST_DEPTH {
                return None;
            }
            let name = match token.kind {
                Kind::Name(name) => name,
                Kind::Number => {
                    self.unsigned |= token.text.contains(&b'u') || token.text.contains(&b'U');
                    self.out.push(Piece::Value(number(&token.text)));
                    continue;
                }
                Kind::Quoted => {
                    self.out.push(Piece::Value(character(&token.text)));
                    continue;
                }
                Kind::Sign => {
                    self.out.push(Piece::Sign(token.text.clone()));
                    continue;
                }
            };
            if *token.text == *b"defined" {
                let (asked, after) = operand(rest)?;
                let known = is_defined(asked, self.macros, self.asked).filter(|_| written);
                self.out.push(Piece::Value(known.map(i128::from)));
                rest = after;
                continue;
            }
            self.asked.push(name);
            rest = self.name(name, rest)?;
        }
        Some(())
    }

    /// Expands one name, with its arguments if it takes some; gives what is left behind it.
    fn name<'t>(&mut self, name: Name, rest: &'t [Token]) -> Option<&'t [Token]> {
        let meaning = match self.hidden.contains(&name) {
            true => Meaning::Absent,
            false => self.macros.meaning(name),
        };
        let called = arguments(rest);
        let behind = called.as_ref().map_or(rest, |(_, behind)| *behind);
        let is_hidden = self.hidden.contains(&name);
        let meaning = match (meaning, self.macros.called(name)) {
            // An undefined name with arguments is an error, whatever stands around it.
            (Meaning::Unsure, Some(only)) if called.is_some() && !is_hidden => {
                Meaning::Certain(only)
            }
            (meaning, _) => meaning,
        };
        match meaning {
            Meaning::Absent if called.is_none() && !is_operator(name, self.names) => {
                self.out.push(Piece::Value(Some(0)));
            }
            Meaning::Certain(found) if !found.takes_arguments() => {
                let body = &found.read(self.names).1;
                self.hidden.push(name);
                self.expand(body, false)?;
                self.hidden.pop();
                return Some(rest);
            }
            Meaning::Certain(found) => match &called {
                Some((arguments, _)) => match self.substitute(found, arguments) {
                    Some(body) => {
                        self.hidden.push(name);
                        self.expand(&body, false)?;
                        self.hidden.pop();
                    }
                    None => self.out.push(Piece::Value(None)),
                },
                None => self.out.push(Piece::Value(Some(0))),
            },
            _ => self.out.push(Piece::Value(None)),
        }
        Some(behind)
    }

    /// The body of `found` with its arguments in place; `None` where it quotes, which conditions
    /// hardly do.
    fn substitute(&self, found: &Macro, arguments: &[&[Token]]) -> Option<Vec<Token>> {
        let (parameters, body) = found.read(self.names);
        if found.is_variadic() || body.iter().any(|token| token.is(b"#")) {
            return None;
        }
        if parameters.len() != arguments.len() && !(parameters.is_empty() && arguments.len() == 1) {
            return None;
        }
        let mut out: Vec<Token> = Vec::new();
        let mut left = None;
        for token in body {
            if token.is(b"##") {
                // What is pasted ends what is there.
                left = Some(out.pop()?);
                continue;
            }
            let start = out.len();
            let at = token.name().and_then(|name| parameters.iter().position(|one| *one == name));
            match at.and_then(|at| arguments.get(at)) {
                Some(argument) => out.extend_from_slice(argument),
                None => out.push(token.clone()),
            }
            if let Some(left) = left.take() {
                self.paste(left, start, &mut out)?;
            }
            if out.len() > MOST_PIECES {
                return None;
            }
        }
        Some(out)
    }

    /// Makes one token of `left` and the one at `at`; `None` where that is none.
    fn paste(&self, left: Token, at: usize, out: &mut [Token]) -> Option<()> {
        let right = out.get_mut(at)?;
        let text = [&*left.text, &*right.text].concat();
        let [pasted] = tokens(&text, self.names).try_into().ok()?;
        *right = Token { space: left.space, ..pasted };
        Some(())
    }
}

/// Names that C++ reads as operators.
fn is_operator(name: Name, names: &Names) -> bool {
    const OPERATORS: [&[u8]; 8] =
        [b"and", b"bitand", b"bitor", b"compl", b"not", b"not_eq", b"or", b"xor"];
    OPERATORS.iter().any(|operator| names.of(operator) == name)
}

/// What `defined` is asked about.
fn operand(rest: &[Token]) -> Option<(Name, &[Token])> {
    match rest {
        [open, name, close, behind @ ..] if open.is(b"(") && close.is(b")") => {
            Some((name.name()?, behind))
        }
        [name, behind @ ..] => Some((name.name()?, behind)),
        [] => None,
    }
}

/// Arguments in brackets, and what is behind them.
type Call<'t> = (Vec<&'t [Token]>, &'t [Token]);

/// The arguments in the brackets that `rest` begins with, and what is behind them.
pub fn arguments(rest: &[Token]) -> Option<Call<'_>> {
    let inner = rest.split_first().filter(|(open, _)| open.is(b"("))?.1;
    let mut arguments = Vec::new();
    let (mut start, mut depth) = (0, 0_usize);
    for (at, token) in inner.iter().enumerate() {
        if token.is(b"(") {
            depth += 1;
        } else if token.is(b")") && depth > 0 {
            depth -= 1;
        } else if (token.is(b",") || token.is(b")")) && depth == 0 {
            arguments.push(inner.get(start..at)?);
            start = at + 1;
            if token.is(b")") {
                return Some((arguments, inner.get(start..)?));
            }
        }
    }
    None
}

/// The value of an integer; `None` for other numbers.
fn number(text: &[u8]) -> Option<i128> {
    let text: String =
        text.iter().filter(|&&byte| byte != b'\'').map(|&byte| byte as char).collect();
    let text = text.to_ascii_lowercase();
    let digits = text.trim_end_matches(['u', 'l', 'z']);
    let value = if let Some(hex) = digits.strip_prefix("0x") {
        i128::from_str_radix(hex, 16)
    } else if let Some(binary) = digits.strip_prefix("0b") {
        i128::from_str_radix(binary, 2)
    } else if digits.len() > 1 && digits.starts_with('0') {
        i128::from_str_radix(digits, 8)
    } else {
        digits.parse()
    };
    value.ok().filter(|value| *value <= i128::from(u64::MAX))
}

/// The value of a plain character.
fn character(text: &[u8]) -> Option<i128> {
    match text {
        [b'\'', byte, b'\''] if byte.is_ascii() && *byte != b'\\' => Some(i128::from(*byte)),
        _ => None,
    }
}

struct Parser<'a> {
    pieces: &'a [Piece],
    at: usize,
    depth: usize,
    /// A value left the range of signed numbers.
    far: bool,
    /// A value was negative.
    negative: bool,
}

/// A value, if it is known. The outer `Option` of the parser's functions is for what is no
/// expression.
type Value = Option<i128>;

impl Parser<'_> {
    fn sign(&self) -> Option<&[u8]> {
        match self.pieces.get(self.at)? {
            Piece::Sign(sign) => Some(sign),
            Piece::Value(_) => None,
        }
    }

    fn take(&mut self, sign: &[u8]) -> bool {
        let is_next = self.sign() == Some(sign);
        self.at += usize::from(is_next);
        is_next
    }

    fn ternary(&mut self) -> Option<Value> {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return None;
        }
        let condition = self.binary(0)?;
        let value = if self.take(b"?") {
            let yes = self.ternary()?;
            if !self.take(b":") {
                return None;
            }
            let no = self.ternary()?;
            match condition {
                Some(0) => no,
                Some(_) => yes,
                None => yes.filter(|_| yes == no),
            }
        } else {
            condition
        };
        self.depth -= 1;
        Some(value)
    }

    fn binary(&mut self, least: u8) -> Option<Value> {
        let mut left = self.unary()?;
        while let Some((sign, level)) = self.sign().and_then(|sign| {
            let level = level(sign)?;
            (level >= least).then(|| (sign.to_vec(), level))
        }) {
            self.at += 1;
            let right = self.binary(level + 1)?;
            left = apply(&sign, left, right);
            self.check(left);
        }
        Some(left)
    }

    fn unary(&mut self) -> Option<Value> {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return None;
        }
        let value = if self.take(b"!") {
            self.unary()?.map(|value| i128::from(value == 0))
        } else if self.take(b"-") {
            self.unary()?.map(|value| -value)
        } else if self.take(b"+") {
            self.unary()?
        } else if self.take(b"~") {
            self.unary()?.map(|value| !value)
        } else if self.take(b"(") {
            let value = self.ternary()?;
            if !self.take(b")") {
                return None;
            }
            value
        } else {
            let Some(Piece::Value(value)) = self.pieces.get(self.at) else { return None };
            self.at += 1;
            *value
        };
        self.depth -= 1;
        self.check(value);
        Some(value)
    }

    fn check(&mut self, value: Value) {
        let range = i128::from(i64::MIN)..=i128::from(i64::MAX);
        self.far |= value.is_some_and(|value| !range.contains(&value));
        self.negative |= value.is_some_and(|value| value < 0);
    }
}

fn level(sign: &[u8]) -> Option<u8> {
    Some(match sign {
        b"||" => 0,
        b"&&" => 1,
        b"|" => 2,
        b"^" => 3,
        b"&" => 4,
        b"==" | b"!=" => 5,
        b"<" | b">" | b"<=" | b">=" => 6,
        b"<<" | b">>" => 7,
        b"+" | b"-" => 8,
        b"*" | b"/" | b"%" => 9,
        _ => return None,
    })
}

fn apply(sign: &[u8], left: Value, right: Value) -> Value {
    match sign {
        b"&&" => match (left, right) {
            (Some(0), _) | (_, Some(0)) => return Some(0),
            (Some(_), Some(_)) => return Some(1),
            _ => return None,
        },
        b"||" => match (left, right) {
            (Some(0), Some(0)) => return Some(0),
            (Some(one), _) | (_, Some(one)) if one != 0 => return Some(1),
            _ => return None,
        },
        _ => {}
    }
    let (left, right) = (left?, right?);
    let truth = |truth: bool| Some(i128::from(truth));
    match sign {
        b"|" => Some(left | right),
        b"^" => Some(left ^ right),
        b"&" => Some(left & right),
        b"==" => truth(left == right),
        b"!=" => truth(left != right),
        b"<" => truth(left < right),
        b">" => truth(left > right),
        b"<=" => truth(left <= right),
        b">=" => truth(left >= right),
        b"<<" => u32::try_from(right).ok().filter(|by| *by < 63).map(|by| left << by),
        b">>" => u32::try_from(right).ok().filter(|by| *by < 63).map(|by| left >> by),
        b"+" => left.checked_add(right),
        b"-" => left.checked_sub(right),
        b"*" => left.checked_mul(right),
        b"/" => left.checked_div(right),
        b"%" => left.checked_rem(right),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::include::reduce::define;
    use crate::include::token::tokens;

    /// Macros: `certain` everywhere, `unsure` perhaps.
    fn come_out(expression: &str, certain: &[&str], unsure: &[&str]) -> Option<bool> {
        let names = Names::default();
        let mut macros = Macros::new(b"", &names);
        for (lines, maybe) in [(certain, false), (unsure, true)] {
            for line in lines {
                let line = line.replace("\\\n", "");
                let (name, definition) = define(line.as_bytes(), &names).unwrap();
                macros.add(name, &definition, maybe);
            }
        }
        let condition = Condition::Expression(tokens(expression.as_bytes(), &names));
        outcome(&condition, &macros, &names, &mut Vec::new())
    }

    #[test]
    fn arithmetic_is_that_of_the_preprocessor() {
        for (expression, expected) in [
            ("1 + 2 * 3 == 7", true),
            ("(1 + 2) * 3 == 9 && 0x10 == 020 - 0b0", true),
            ("1 ? 0 : 1", false),
            ("10 - 3 - 2 == 5", true),
            ("!0 && ~0 == -1", true),
            ("'a' == 97", true),
            ("201103L >= 199711L", true),
            ("undefined_name", false),
            ("undefined_name || 1 << 3 & 8", true),
            ("1'000 == 1000", true),
        ] {
            assert_eq!(come_out(expression, &[], &[]), Some(expected), "{expression}");
        }
    }

    #[test]
    fn macros_are_looked_through_where_they_are_certain() {
        let certain = ["A 2", "B A + 1", "LIKE(x, y) ((x) < (y))", "EMPTY", "SELF SELF"];
        for (expression, expected) in [
            ("B == 3", true),
            ("LIKE(A, B)", true),
            ("defined(A) && defined B && !defined C", true),
            ("SELF == 0", true),
        ] {
            assert_eq!(come_out(expression, &certain, &[]), Some(expected), "{expression}");
        }
        for expression in [
            "EMPTY",
            "EMPTY == 0",
            "MISSING(1)",
            "LIKE(1)",
            "1 / 0",
            "1 +",
            ")",
            "LIKE(LIKE(1, 2), 1)",
        ] {
            assert_eq!(come_out(expression, &certain, &[]), None, "{expression}");
        }
    }

    #[test]
    fn what_is_called_must_be_defined() {
        let boost = [
            "WORKAROUND(symbol, test) ((symbol ## _GUARD + 0 == 0) && (symbol != 0) && \
             (1 % (( (symbol test) ) + 1)))",
            "FLAGS() (STRICT())",
            "STRICT() 0x0001",
            "EDG() 0x0002",
            "MSVC_GUARD 1",
            "GCC 4",
        ];
        assert_eq!(come_out("WORKAROUND(MSVC, < 1300)", &[], &boost), Some(false));
        assert_eq!(come_out("WORKAROUND(GCC, < 5)", &[], &boost), None);
        assert_eq!(come_out("FLAGS() & EDG()", &[], &boost), Some(false));
        assert_eq!(come_out("~FLAGS() & EDG()", &[], &boost), Some(true));
        // Two definitions; none with arguments; a name alone.
        assert_eq!(come_out("F(1)", &[], &["F(x) 1", "F(y) 0"]), None);
        assert_eq!(come_out("F(1)", &[], &["F (1)"]), None);
        assert_eq!(come_out("FLAGS", &[], &boost), None);
        assert_eq!(come_out("P(1, 2) == 12", &["P(a, b) a ## b"], &[]), Some(true));
        assert_eq!(come_out("P(, 2) == 2", &["P(a, b) a ## b"], &[]), None);
    }

    #[test]
    fn what_is_unsure_stays_so_unless_it_does_not_matter() {
        let unsure = ["U 1"];
        assert_eq!(come_out("U", &[], &unsure), None);
        assert_eq!(come_out("defined U", &[], &unsure), None);
        assert_eq!(come_out("U && 0", &[], &unsure), Some(false));
        assert_eq!(come_out("1 || U > 3", &[], &unsure), Some(true));
        assert_eq!(come_out("__has_include(<x>) && 0", &[], &unsure), Some(false));
        assert_eq!(come_out("__has_include(<x>)", &[], &unsure), None);
        assert_eq!(come_out("U ? 1 : 1", &[], &unsure), Some(true));
        assert_eq!(come_out("defined(__FILE__)", &[], &[]), None);
        assert_eq!(come_out("-1 > 0u", &[], &[]), None);
    }

    proptest! {
        #[test]
        fn any_expression_comes_to_an_end(text in "([0-9]|[-+*/%&|^<>=!~?:(),# ]|[ABCU]|defined ){0,40}") {
            come_out(&text, &["A 1", "B A", "C(x) x + B"], &["U 2"]);
        }
    }
}
