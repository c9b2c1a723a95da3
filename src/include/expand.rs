//! Computed includes: every file's name that macros may stand for.

use std::collections::BTreeSet;

use crate::include::condition::arguments;
use crate::include::macros::{Macro, Macros};
use crate::include::names::{Name, Names};
use crate::include::reduce::{Wanted, wanted};
use crate::include::token::{Kind, Token, tokens};

/// The most results of one expansion, steps on the way there, and levels of macros in arguments.
const MOST_RESULTS: usize = 1024;
const MOST_STEPS: usize = 100_000;
const MOST_DEPTH: usize = 24;
const MOST_TOKENS: usize = 4096;

/// There are more ways to expand it than anybody can try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

/// All names that `text`, behind `#include`, may stand for. What is no file's name in the end would
/// be an error of the compile, and is left out. The macros that decide it are added to `asked`.
///
/// # Errors
///
/// [`TooMany`].
pub fn possible(
    text: &[u8],
    macros: &Macros,
    names: &Names,
    asked: &mut Vec<Name>,
) -> Result<BTreeSet<Vec<u8>>, TooMany> {
    let input = tokens(text, names).into_iter().map(|token| Live { token, hidden: Vec::new() });
    let mut expansion = Expansion { macros, names, asked, steps: 0 };
    let ends = expansion.run(input.collect(), &Choices::new(), 0)?;
    let mut found = BTreeSet::new();
    for (tokens, _) in ends {
        for spaced in [true, false] {
            found.insert(spell(&tokens, spaced));
        }
    }
    Ok(found)
}

/// The file that an expansion's text names.
pub fn named(text: &[u8]) -> Option<Wanted> {
    wanted(text).filter(|wanted| !matches!(wanted, Wanted::Computed(..)))
}

fn spell(tokens: &[Live], spaced: bool) -> Vec<u8> {
    let mut text = Vec::new();
    for live in tokens {
        if live.token.space && spaced && !text.is_empty() {
            text.push(b' ');
        }
        text.extend_from_slice(&live.token.text);
    }
    text
}

/// A token with the macros that it must not be expanded by any more.
#[derive(Clone, Debug)]
struct Live {
    token: Token,
    hidden: Vec<Name>,
}

/// Which definition of each macro was taken, `None` for none: at one place a macro has one.
type Choices = Vec<(Name, Option<usize>)>;
/// One way to expand, and what it took.
type End = (Vec<Live>, Choices);

struct Expansion<'a> {
    macros: &'a Macros,
    names: &'a Names,
    asked: &'a mut Vec<Name>,
    steps: usize,
}

/// A way that is not at its end.
struct State {
    out: Vec<Live>,
    /// What is left, backwards.
    rest: Vec<Live>,
    choices: Choices,
}

impl Expansion<'_> {
    fn run(
        &mut self,
        input: Vec<Live>,
        choices: &Choices,
        depth: usize,
    ) -> Result<Vec<End>, TooMany> {
        if depth > MOST_DEPTH {
            return Err(TooMany);
        }
        let rest = input.into_iter().rev().collect();
        let mut open = vec![State { out: Vec::new(), rest, choices: choices.clone() }];
        let mut ends = Vec::new();
        while let Some(mut state) = open.pop() {
            self.steps += 1;
            let size = state.out.len() + state.rest.len();
            if self.steps > MOST_STEPS || size > MOST_TOKENS || open.len() > MOST_RESULTS {
                return Err(TooMany);
            }
            let Some(live) = state.rest.pop() else {
                ends.push((state.out, state.choices));
                if ends.len() > MOST_RESULTS {
                    return Err(TooMany);
                }
                continue;
            };
            match live.token.name().filter(|name| !live.hidden.contains(name)) {
                Some(name) => self.branch(&state, &live, name, depth, &mut open)?,
                None => {
                    state.out.push(live);
                    open.push(state);
                }
            }
        }
        Ok(ends)
    }

    /// Goes on with each definition that `name` may have.
    fn branch(
        &mut self,
        state: &State,
        live: &Live,
        name: Name,
        depth: usize,
        open: &mut Vec<State>,
    ) -> Result<(), TooMany> {
        self.asked.push(name);
        let macros = self.macros;
        let definitions = macros.definitions(name).ok_or(TooMany)?;
        let chosen = state.choices.iter().find(|(known, _)| *known == name).map(|(_, at)| *at);
        let all = (0..definitions.len()).map(Some);
        let absent = macros.may_be_absent(name).then_some(None);
        let ways: Vec<Option<usize>> = match chosen {
            Some(way) => vec![way],
            None => all.chain(absent).collect(),
        };
        for way in ways {
            let mut choices = state.choices.clone();
            // A name without any definition needs no choice.
            if chosen.is_none() && !definitions.is_empty() {
                choices.push((name, way));
            }
            let definition = way.and_then(|at| definitions.get(at));
            let keep = |choices: Choices| {
                let mut out = state.out.clone();
                out.push(live.clone());
                State { out, rest: state.rest.clone(), choices }
            };
            let Some(definition) = definition else {
                open.push(keep(choices));
                continue;
            };
            if !definition.takes_arguments() {
                let body = &definition.read(self.names).1;
                let body = self.place(body, &[], live, name);
                open.push(State {
                    out: state.out.clone(),
                    rest: before(&state.rest, body),
                    choices,
                });
                continue;
            }
            let forwards: Vec<Token> =
                state.rest.iter().rev().map(|live| live.token.clone()).collect();
            let Some((given, behind)) = arguments(&forwards) else {
                open.push(keep(choices));
                continue;
            };
            let rest = state.rest.get(..behind.len()).unwrap_or_default();
            for (values, choices) in self.arguments(definition, &given, &choices, depth)? {
                let body = &definition.read(self.names).1;
                let body = self.place(body, &values, live, name);
                open.push(State { out: state.out.clone(), rest: before(rest, body), choices });
            }
        }
        Ok(())
    }

    /// Each way to expand the arguments, with the parameters that they are for.
    fn arguments(
        &mut self,
        definition: &Macro,
        given: &[&[Token]],
        choices: &Choices,
        depth: usize,
    ) -> Result<Vec<(Vec<Value>, Choices)>, TooMany> {
        let (parameters, _) = definition.read(self.names);
        let mut given: Vec<Vec<Token>> = given.iter().map(|tokens| tokens.to_vec()).collect();
        if definition.is_variadic() && given.len() > parameters.len() {
            let comma = Token { kind: Kind::Sign, text: (*b",").into(), space: false };
            let rest = given.split_off(parameters.len().saturating_sub(1));
            given.push(rest.join(&comma));
        }
        let mut ways = vec![(Vec::<Value>::new(), choices.clone())];
        for (parameter, raw) in parameters.iter().zip(given) {
            let mut next = Vec::new();
            for (values, choices) in ways {
                let input = raw.iter().cloned().map(|token| Live { token, hidden: Vec::new() });
                for (expanded, choices) in self.run(input.collect(), &choices, depth + 1)? {
                    let mut values = values.clone();
                    values.push(Value { parameter: *parameter, raw: raw.clone(), expanded });
                    next.push((values, choices));
                    if next.len() > MOST_RESULTS {
                        return Err(TooMany);
                    }
                }
            }
            ways = next;
        }
        Ok(ways)
    }

    /// A body with its arguments in place, quoted and pasted.
    fn place(&self, body: &[Token], values: &[Value], called: &Live, name: Name) -> Vec<Live> {
        let mut hidden = called.hidden.clone();
        hidden.push(name);
        let live = |token: Token| Live { token, hidden: hidden.clone() };
        let value = |token: &Token| {
            let name = token.name()?;
            values.iter().find(|value| value.parameter == name)
        };
        let mut out: Vec<Live> = Vec::new();
        let mut pasting = false;
        let mut at = 0;
        while let Some(token) = body.get(at) {
            at += 1;
            if token.is(b"##") {
                pasting = !out.is_empty();
                continue;
            }
            let quoted = body.get(at).and_then(value).filter(|_| token.is(b"#"));
            let is_pasted = body.get(at).is_some_and(|next| next.is(b"##"));
            let mut piece: Vec<Live> = if let Some(quoted) = quoted {
                at += 1;
                vec![live(quote(&quoted.raw, token.space))]
            } else if let Some(value) = value(token) {
                match pasting || is_pasted {
                    true => value.raw.iter().cloned().map(live).collect(),
                    false => value.expanded.clone(),
                }
            } else {
                vec![live(token.clone())]
            };
            if let Some(first) = piece.first_mut() {
                first.token.space = token.space;
            }
            if pasting && let (Some(last), false) = (out.last_mut(), piece.is_empty()) {
                let first = piece.remove(0);
                let text = [&*last.token.text, &*first.token.text].concat();
                let space = last.token.space;
                let pasted = tokens(&text, self.names);
                if let [one] = pasted.as_slice() {
                    last.token = Token { space, ..one.clone() };
                } else {
                    // No single token: the two stay side by side, which spells the same.
                    out.push(Live { token: Token { space: false, ..first.token }, ..first });
                }
            }
            pasting = false;
            out.extend(piece);
        }
        if let Some(first) = out.first_mut() {
            first.token.space = called.token.space;
        }
        out
    }
}

/// What one parameter stands for.
#[derive(Clone, Debug)]
struct Value {
    parameter: Name,
    raw: Vec<Token>,
    expanded: Vec<Live>,
}

fn before(rest: &[Live], body: Vec<Live>) -> Vec<Live> {
    let mut all = rest.to_vec();
    all.extend(body.into_iter().rev());
    all
}

/// What `#PARAMETER` makes of an argument.
fn quote(raw: &[Token], space: bool) -> Token {
    let mut text = vec![b'"'];
    for (at, token) in raw.iter().enumerate() {
        if at > 0 && token.space {
            text.push(b' ');
        }
        for &byte in &*token.text {
            if token.kind == Kind::Quoted && matches!(byte, b'"' | b'\\') {
                text.push(b'\\');
            }
            text.push(byte);
        }
    }
    text.push(b'"');
    Token { kind: Kind::Quoted, text: text.into(), space }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::include::reduce::define;

    fn all(text: &str, certain: &[&str], unsure: &[&str]) -> Result<String, TooMany> {
        let names = Names::default();
        let mut macros = Macros::new(b"", &names);
        for (lines, maybe) in [(certain, false), (unsure, true)] {
            for line in lines {
                let (name, definition) = define(line.as_bytes(), &names).unwrap();
                macros.add(name, &definition, maybe);
            }
        }
        let found = possible(text.as_bytes(), &macros, &names, &mut Vec::new())?;
        let found = found.iter().map(|text| String::from_utf8_lossy(text).into_owned());
        Ok(found.collect::<Vec<_>>().join(" | "))
    }

    #[test]
    fn names_are_quoted_pasted_and_looked_up_again() {
        let boost = [
            "CAT(a, b) CAT_I(a, b)",
            "CAT_I(a, b) a ## b",
            "STR(x) STR_I(x)",
            "STR_I(x) #x",
            "DEPTH() 2",
            "ITERATE() CAT(ITERATE_, DEPTH())",
            "ITERATE_1 <wrong.hpp>",
            "ITERATE_2 <boost/iterate.hpp>",
            "HEADER vector30.hpp",
            "SELF SELF",
        ];
        let name = |text| all(text, &boost, &[]).unwrap();
        assert_eq!(name("ITERATE()"), "<boost/iterate.hpp>");
        assert_eq!(name("STR(boost/mpl/HEADER)"), "\"boost/mpl/vector30.hpp\"");
        assert_eq!(name("<a/CAT(b, c).h>"), "<a/bc.h>");
        assert_eq!(name("SELF"), "SELF");
        assert_eq!(name("CAT"), "CAT");
    }

    #[test]
    fn every_definition_is_tried_and_one_place_has_one() {
        let unsure = ["N 1", "N 2", "FILE <x.h>"];
        assert_eq!(all("<N/N>", &[], &unsure).unwrap(), "<1/1> | <2/2> | <N/N>");
        assert_eq!(all("FILE", &[], &unsure).unwrap(), "<x.h> | FILE");
        assert_eq!(named(b"<x.h>"), Some(Wanted::Angled((*b"x.h").into())));
        assert_eq!(named(b"FILE"), None);
    }

    #[test]
    fn what_has_too_many_ways_is_given_up() {
        let many: Vec<String> =
            (0..12).flat_map(|at| [format!("M{at} a"), format!("M{at} b")]).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let text: Vec<String> = (0..12).map(|at| format!("M{at}")).collect();
        assert_eq!(all(&text.join(" "), &many, &[]), Err(TooMany));
        let deep = ["F(x) F2(F2(x))", "F2(x) F3(F3(x))", "F3(x) F4(F4(x))", "F4(x) x x x x"];
        // It ends, one way or the other.
        drop(all("F(F(F(1)))", &deep, &[]));
    }

    proptest! {
        #[test]
        fn any_text_comes_to_an_end(text in "([ABCFG<>\"#(), ]|##){0,30}") {
            let certain = ["A B", "B \"x.h\"", "C(x, y) x ## y", "F(...) #__VA_ARGS__"];
            drop(all(&text, &certain, &["G A", "G(x) C(x, B)"]));
        }
    }
}
