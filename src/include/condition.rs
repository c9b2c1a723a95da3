//! How conditions come out: true, false, or nobody can tell.
//!
//! First each macro that may stand for several things counts as unknown, which settles most. Where
//! it does not, every choice is gone through: at any one place a name stands for one
//! thing, in all of the condition.

use crate::include::arithmetic::{Piece, Truth, character, number, truth};
use crate::include::macros::{Macro, Macros, Meaning};
use crate::include::names::{Name, Names};
use crate::include::reduce::Condition;
use crate::include::token::{Kind, Token, tokens};

/// How deep macros may be nested.
const MOST_DEPTH: usize = 48;
/// How many pieces an expression may grow to.
const MOST_PIECES: usize = 4096;
/// So many choices are gone through.
const MOST_CHOICES: usize = 64;

/// How `condition` comes out everywhere, if it comes out the same everywhere where it is no error.
/// The names that decide it are added to `asked`.
pub fn outcome(
    condition: &Condition,
    macros: &Macros,
    names: &Names,
    asked: &mut Vec<Name>,
) -> Truth {
    let tokens = match condition {
        Condition::Defined(name) => {
            asked.push(*name);
            return is_defined(macros.meaning(*name)).map_or(Truth::Unknown, Truth::Known);
        }
        Condition::Expression(tokens) => tokens,
    };
    let mut evaluate = |choices: Option<&mut Choices>| {
        let (out, hidden) = (Vec::new(), Vec::new());
        let (is_unsigned, is_refused) = (false, false);
        let mut expansion =
            Expansion { macros, names, asked, choices, out, hidden, is_unsigned, is_refused };
        match expansion.expand(tokens, true) {
            Some(()) => truth(&expansion.out, expansion.is_unsigned),
            None if expansion.is_refused => Truth::Refused,
            None => Truth::Unknown,
        }
    };
    let found = evaluate(None);
    if found != Truth::Unknown {
        return found;
    }
    let mut choices = Choices::default();
    let mut found = Truth::Refused;
    for _ in 0..MOST_CHOICES {
        match (evaluate(Some(&mut choices)), found) {
            (Truth::Unknown, _) => break,
            (Truth::Refused, _) => {}
            (Truth::Known(value), Truth::Known(before)) if value != before => break,
            (known, _) => found = known,
        }
        if !choices.advance() {
            return found;
        }
    }
    Truth::Unknown
}

fn is_defined(meaning: Meaning<'_>) -> Option<bool> {
    match meaning {
        Meaning::Absent => Some(false),
        Meaning::Certain(_) | Meaning::Defined => Some(true),
        Meaning::Unsure => None,
    }
}

/// What names stand for, of all that they may stand for.
#[derive(Debug, Default)]
struct Choices {
    /// In the order in which they are met: the name, what is chosen, how many there are.
    made: Vec<(Name, usize, usize)>,
}

impl Choices {
    /// What `name` stands for this time; `None` if nobody can tell.
    fn meaning<'m>(&mut self, name: Name, macros: &'m Macros) -> Option<Meaning<'m>> {
        let definitions = macros.definitions(name)?;
        let absent = usize::from(macros.may_be_absent(name));
        let known = self.made.iter().find(|(known, ..)| *known == name);
        let chosen = known.map(|&(_, chosen, _)| chosen).unwrap_or_else(|| {
            self.made.push((name, 0, definitions.len() + absent));
            0
        });
        match definitions.get(chosen) {
            Some(definition) => Some(Meaning::Certain(definition)),
            None => Some(Meaning::Absent),
        }
    }

    /// Goes on to what has not been tried; whether there is more.
    fn advance(&mut self) -> bool {
        while let Some((_, chosen, all)) = self.made.last_mut() {
            *chosen += 1;
            if chosen < all {
                return true;
            }
            self.made.pop();
        }
        false
    }
}

struct Expansion<'a> {
    macros: &'a Macros,
    names: &'a Names,
    asked: &'a mut Vec<Name>,
    /// What names stand for; without it, what may be several things is unknown.
    choices: Option<&'a mut Choices>,
    out: Vec<Piece>,
    /// Macros that are being expanded.
    hidden: Vec<Name>,
    /// A number says that it is unsigned.
    is_unsigned: bool,
    /// The compiler ends with an error there.
    is_refused: bool,
}

impl<'a> Expansion<'a> {
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
                    self.is_unsigned |= token.text.contains(&b'u') || token.text.contains(&b'U');
                    self.out.push(Piece::Value(number(&token.text)));
                    continue;
                }
                Kind::Quoted => {
                    self.out.push(Piece::Value(character(&token.text)));
                    continue;
                }
                // An assertion, `#machine(arm)`, which gcc knows by itself.
                Kind::Sign if token.is(b"#") => return None,
                Kind::Sign => {
                    self.out.push(Piece::Sign(token.text.clone()));
                    continue;
                }
            };
            if *token.text == *b"defined" {
                let (asked, after) = operand(rest)?;
                let known = is_defined(self.meaning(asked)).filter(|_| written);
                self.out.push(Piece::Value(known.map(i128::from)));
                rest = after;
                continue;
            }
            rest = self.name(name, rest)?;
        }
        Some(())
    }

    /// What a name stands for.
    fn meaning(&mut self, name: Name) -> Meaning<'a> {
        if !self.asked.contains(&name) {
            self.asked.push(name);
        }
        match self.macros.meaning(name) {
            meaning @ (Meaning::Unsure | Meaning::Defined) => {
                let choices = self.choices.as_mut().filter(|_| !self.macros.is_built_in(name));
                choices.and_then(|choices| choices.meaning(name, self.macros)).unwrap_or(meaning)
            }
            meaning => meaning,
        }
    }

    /// Expands one name, with its arguments if it takes some; gives what is left behind it.
    fn name<'t>(&mut self, name: Name, rest: &'t [Token]) -> Option<&'t [Token]> {
        let is_hidden = self.hidden.contains(&name);
        let meaning = match is_hidden {
            true => Meaning::Absent,
            false => self.meaning(name),
        };
        let called = arguments(rest);
        let behind = called.as_ref().map_or(rest, |(_, behind)| *behind);
        // An undefined name with arguments is an error, whatever stands around it.
        let meaning = match (meaning, self.macros.called(name)) {
            (meaning, _) if is_hidden || called.is_none() => meaning,
            (Meaning::Unsure, Some(only)) => Meaning::Certain(only),
            (Meaning::Absent, _) if !may_be_built_in(name, self.names) => {
                self.is_refused = true;
                return None;
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

/// Whether compilers may give the name a meaning, with arguments.
fn may_be_built_in(name: Name, names: &Names) -> bool {
    let text = names.text(name);
    let is_question = [&b"__has_"[..], b"__is_"].iter().any(|start| text.starts_with(start));
    is_question || is_operator(name, names)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::include::reduce::define;
    use crate::include::token::tokens;

    /// Macros: `certain` everywhere, `unsure` perhaps.
    fn truth_of(expression: &str, certain: &[&str], unsure: &[&str]) -> Truth {
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

    fn come_out(expression: &str, certain: &[&str], unsure: &[&str]) -> Option<bool> {
        match truth_of(expression, certain, unsure) {
            Truth::Known(value) => Some(value),
            Truth::Unknown | Truth::Refused => None,
        }
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
        assert_eq!(come_out("F(1)", &[], &["F(x) 1", "F(y) y"]), Some(true));
        assert_eq!(come_out("F(1)", &[], &["F (1)"]), None);
        assert_eq!(come_out("FLAGS", &[], &boost), Some(false));
        assert_eq!(come_out("P(1, 2) == 12", &["P(a, b) a ## b"], &[]), Some(true));
        assert_eq!(come_out("P(, 2) == 2", &["P(a, b) a ## b"], &[]), None);
    }

    #[test]
    fn at_one_place_a_name_stands_for_one_thing() {
        let levels = ["LEVEL 0", "LEVEL 1", "MODE x", "MODE y"];
        for (expression, expected) in [
            ("LEVEL > 1", Some(false)),
            ("LEVEL > 0", None),
            ("LEVEL == LEVEL && LEVEL < 2", Some(true)),
            ("defined LEVEL && !defined LEVEL", Some(false)),
            ("defined(LEVEL) || !LEVEL", Some(true)),
            // Neither `x` nor `y` is defined.
            ("MODE", Some(false)),
            ("MODE == x", Some(true)),
        ] {
            assert_eq!(come_out(expression, &[], &levels), expected, "{expression}");
        }
        assert_eq!(come_out("LEVEL", &["LEVEL 1"], &["LEVEL 2"]), Some(true));
        let boost = [
            "WORKAROUND(symbol, test) ((symbol ## _GUARD + 0 == 0) && (symbol != 0) && \
             (1 % (( (symbol test) ) + 1)))",
            "WORKAROUND(symbol, test) 0",
            "OPEN (",
            "TESTED(value) > value) ?(-1): OPEN 1",
            "TESTED(value) != ((value)-(value))",
            "MSVC_GUARD 1",
            "MSVC_GUARD 0",
            "GCC 4",
        ];
        assert_eq!(come_out("WORKAROUND(MSVC, TESTED(1300))", &[], &boost), Some(false));
        assert_eq!(come_out("WORKAROUND(GCC, TESTED(1300))", &[], &boost), None);
        // Too many to go through.
        let many: Vec<String> = (0..200).map(|number| format!("MANY {number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(come_out("MANY < 200", &[], &many), None);
        assert_eq!(come_out("__LINE__ == __LINE__", &[], &[]), None);
    }

    #[test]
    fn an_error_need_not_be_followed() {
        let macros = ["OPEN (", "QUOTE(x) #x", "SURE(x) x", "TWICE 1", "TWICE 2"];
        assert_eq!(come_out("OPEN 1)", &[], &macros), Some(true));
        for expression in ["MISSING(1)", "0 && MISSING(1)", "OPEN 1", "1 1", "SURE", "TWICE )"] {
            let found = truth_of(expression, &[], &macros);
            assert!(matches!(found, Truth::Refused | Truth::Known(false)), "{expression}");
        }
        assert_eq!(truth_of("MISSING(1)", &[], &macros), Truth::Refused);
        let deep = format!("{}1", "(".repeat(100));
        for expression in [
            deep.as_str(),
            "OPEN 1, 0)",
            "1, 0",
            "#cpu(x86)",
            "OPEN #cpu(x86))",
            "OPEN QUOTE(1))",
            "__has_whatever(1)",
            "1 and (1)",
            "__LINE__ 1",
            "1 / 0",
        ] {
            assert_eq!(truth_of(expression, &[], &macros), Truth::Unknown, "{expression}");
        }
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
