//! Computed includes: every file's name that macros may stand for.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use std::sync::Arc;

use crate::include::macros::{Macro, Macros};
use crate::include::names::{Name, Names};
use crate::include::reduce::{Wanted, wanted};
use crate::include::token::{Kind, Token, tokens};

/// The most steps of an expansion.
pub const MOST_STEPS: usize = 50_000;
/// So many steps cost less than to find another way.
pub const FEW_STEPS: usize = 5_000;
/// The most results of one expansion, and levels of macros in arguments.
const MOST_RESULTS: usize = 4096;
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
/// [`TooMany`], if it takes more than so many `steps` for one.
pub fn possible(
    text: &[u8],
    macros: &Macros,
    names: &Names,
    asked: &mut Vec<Name>,
    steps: usize,
) -> Result<BTreeSet<Vec<u8>>, TooMany> {
    let input = tokens(text, names).into_iter().map(Live::from).collect();
    let mut expansion = Expansion { macros, names, asked: HashSet::new(), left: steps };
    let ends = expansion.run(input, &Choices::new(), 0);
    asked.extend(expansion.asked);
    let mut found = BTreeSet::new();
    for (tokens, _) in ends? {
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
        if live.space && spaced && !text.is_empty() {
            text.push(b' ');
        }
        text.extend_from_slice(&live.token.text);
    }
    text
}

/// A token with the macros that it must not be expanded by any more.
#[derive(Clone, Debug)]
struct Live {
    token: Rc<Token>,
    /// Whether blanks stand before it.
    space: bool,
    hidden: Option<Rc<Hidden>>,
}

/// A macro, and others.
#[derive(Debug)]
struct Hidden {
    name: Name,
    others: Option<Rc<Self>>,
    /// Differs for different macros in it, as good as always.
    sum: u64,
}

impl Hidden {
    fn new(name: Name, others: Option<Rc<Self>>) -> Self {
        let mut hasher = DefaultHasher::new();
        (name, others.as_ref().map(|others| others.sum)).hash(&mut hasher);
        Self { name, others, sum: hasher.finish() }
    }
}

impl From<Token> for Live {
    fn from(token: Token) -> Self {
        Self { space: token.space, token: Rc::new(token), hidden: None }
    }
}

impl Live {
    fn may_be(&self, name: Name) -> bool {
        let mut hidden = &self.hidden;
        while let Some(one) = hidden {
            if one.name == name {
                return false;
            }
            hidden = &one.others;
        }
        true
    }

    fn is(&self, sign: &[u8]) -> bool {
        self.token.is(sign)
    }
}

/// Which definition of each macro was taken, `None` for none: at one place a macro has one.
type Choices = Vec<(Name, Option<usize>)>;
/// One way to expand, and what it took.
type End = (Vec<Live>, Choices);

/// What many ways lead to; those that come to the same are one.
#[derive(Default)]
struct Ends {
    ends: Vec<End>,
    known: HashMap<Vec<u8>, usize>,
}

impl Ends {
    fn add(&mut self, (tokens, choices): End) -> Result<(), TooMany> {
        let mut key = Vec::new();
        for live in &tokens {
            key.extend_from_slice(&live.token.text);
            // No token has this byte, and what is hidden matters.
            key.extend([0, u8::from(live.space)]);
            key.extend(live.hidden.as_ref().map_or(0, |hidden| hidden.sum).to_le_bytes());
        }
        if let Some((_, known)) = self.known.get(&key).and_then(|&at| self.ends.get_mut(at)) {
            // What only one of the two ways took, decides nothing.
            known.retain(|choice| choices.contains(choice));
            return Ok(());
        }
        self.known.insert(key, self.ends.len());
        self.ends.push((tokens, choices));
        if self.ends.len() > MOST_RESULTS { Err(TooMany) } else { Ok(()) }
    }
}

struct Expansion<'a> {
    macros: &'a Macros,
    names: &'a Names,
    asked: HashSet<Name>,
    /// Steps that are left.
    left: usize,
}

/// A way that is not at its end.
#[derive(Clone, Default)]
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
        let mut ends = Ends::default();
        while let Some(state) = open.pop() {
            if let Some(end) = self.go(state, depth, &mut open)? {
                ends.add(end)?;
            }
            if open.len() > MOST_RESULTS {
                return Err(TooMany);
            }
        }
        Ok(ends.ends)
    }

    /// Goes one way up to its end, or to where it parts.
    fn go(
        &mut self,
        mut state: State,
        depth: usize,
        open: &mut Vec<State>,
    ) -> Result<Option<End>, TooMany> {
        loop {
            self.left = self.left.checked_sub(1).ok_or(TooMany)?;
            if state.out.len() + state.rest.len() > MOST_TOKENS {
                return Err(TooMany);
            }
            let Some(live) = state.rest.pop() else { return Ok(Some((state.out, state.choices))) };
            let Some(name) = live.token.name().filter(|name| live.may_be(*name)) else {
                state.out.push(live);
                continue;
            };
            self.asked.insert(name);
            let macros = self.macros;
            let definitions = macros.definitions(name).ok_or(TooMany)?;
            if definitions.is_empty() {
                // A name without any definition needs no choice.
                state.out.push(live);
                continue;
            }
            let chosen = state.choices.iter().find(|(known, _)| *known == name).map(|(_, at)| *at);
            // A name of a file that has a macro's name and arguments in it is not meant.
            let is_called = state.rest.last().is_some_and(|next| next.is(b"("))
                && definitions.iter().all(|definition| definition.takes_arguments());
            let absent = (!is_called && macros.may_be_absent(name)).then_some(None);
            let all = (0..definitions.len()).map(Some).chain(absent);
            let ways: Vec<Option<usize>> = chosen.map_or_else(|| all.collect(), |way| vec![way]);
            let mut next = Vec::new();
            let last = ways.len().saturating_sub(1);
            for (at, way) in ways.into_iter().enumerate() {
                // The last one needs no copy.
                let mut one = if at == last { std::mem::take(&mut state) } else { state.clone() };
                if chosen.is_none() {
                    one.choices.push((name, way));
                }
                let definition = way.and_then(|at| definitions.get(at));
                self.expand(one, &live, name, definition, depth, &mut next)?;
            }
            match next.pop() {
                Some(only) if next.is_empty() => state = only,
                last => {
                    open.extend(next.into_iter().chain(last));
                    return Ok(None);
                }
            }
        }
    }

    /// Goes on with one definition of a name: once for each way to expand its arguments.
    fn expand(
        &mut self,
        mut state: State,
        live: &Live,
        name: Name,
        definition: Option<&Arc<Macro>>,
        depth: usize,
        next: &mut Vec<State>,
    ) -> Result<(), TooMany> {
        let called = definition.and_then(|definition| match definition.takes_arguments() {
            true => given(&state.rest).map(|(given, left)| (definition, given, left)),
            false => Some((definition, Vec::new(), state.rest.len())),
        });
        let Some((definition, given, left)) = called else {
            state.out.push(live.clone());
            next.push(state);
            return Ok(());
        };
        state.rest.truncate(left);
        let body = &definition.read(self.names).1;
        let mut ways = self.arguments(definition, given, &state.choices, depth)?;
        let last = ways.pop();
        for (values, choices) in ways {
            let mut one = state.clone();
            one.rest.extend(self.place(body, &values, live, name).into_iter().rev());
            next.push(State { choices, ..one });
        }
        if let Some((values, choices)) = last {
            state.rest.extend(self.place(body, &values, live, name).into_iter().rev());
            next.push(State { choices, ..state });
        }
        Ok(())
    }

    /// Each way to expand the arguments, with the parameters that they are for.
    fn arguments(
        &mut self,
        definition: &Macro,
        mut given: Vec<Vec<Live>>,
        choices: &Choices,
        depth: usize,
    ) -> Result<Vec<(Vec<Value>, Choices)>, TooMany> {
        let (parameters, body) = definition.read(self.names);
        if definition.is_variadic() && given.len() > parameters.len() {
            let comma = Token { kind: Kind::Sign, text: (*b",").into(), space: false };
            let rest = given.split_off(parameters.len().saturating_sub(1));
            given.push(rest.join(&Live::from(comma)));
        }
        let mut ways = vec![(Vec::<Value>::new(), choices.clone())];
        for (parameter, raw) in parameters.iter().zip(given) {
            if !is_expanded(*parameter, body) {
                for (values, _) in &mut ways {
                    let (raw, expanded) = (raw.clone(), Vec::new());
                    values.push(Value { parameter: *parameter, raw, expanded });
                }
                continue;
            }
            let mut next = Vec::new();
            for (values, choices) in ways {
                for (expanded, choices) in self.run(raw.clone(), &choices, depth + 1)? {
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
        let hidden = Some(Rc::new(Hidden::new(name, called.hidden.clone())));
        let live = |token: Token| Live { hidden: hidden.clone(), ..Live::from(token) };
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
                    true => {
                        let hide = |one: &Live| Live { hidden: hidden.clone(), ..one.clone() };
                        value.raw.iter().map(hide).collect()
                    }
                    false => value.expanded.clone(),
                }
            } else {
                vec![live(token.clone())]
            };
            if let Some(first) = piece.first_mut() {
                first.space = token.space;
            }
            if pasting && let (Some(last), false) = (out.last_mut(), piece.is_empty()) {
                let first = piece.remove(0);
                let text = [&*last.token.text, &*first.token.text].concat();
                let pasted = tokens(&text, self.names);
                if let [one] = pasted.as_slice() {
                    *last = Live { space: last.space, ..live(one.clone()) };
                } else {
                    // No single token: the two stay side by side, which spells the same.
                    out.push(Live { space: false, ..first });
                }
            }
            pasting = false;
            out.extend(piece);
        }
        if let Some(first) = out.first_mut() {
            first.space = called.space;
        }
        out
    }
}

/// What one parameter stands for.
#[derive(Clone, Debug)]
struct Value {
    parameter: Name,
    raw: Vec<Live>,
    expanded: Vec<Live>,
}

/// Whether a body needs the parameter's argument expanded: not if it only quotes or pastes it, or
/// has no use for it.
fn is_expanded(parameter: Name, body: &[Token]) -> bool {
    body.iter().enumerate().any(|(at, token)| {
        let before = at.checked_sub(1).and_then(|at| body.get(at));
        let is_raw = before.is_some_and(|before| before.is(b"#") || before.is(b"##"))
            || body.get(at + 1).is_some_and(|after| after.is(b"##"));
        token.name() == Some(parameter) && !is_raw
    })
}

/// The arguments in the brackets that follow, where `rest` is backwards; and how much of it is left
/// behind them.
fn given(rest: &[Live]) -> Option<(Vec<Vec<Live>>, usize)> {
    let (open, mut left) = rest.split_last()?;
    if !open.is(b"(") {
        return None;
    }
    let mut arguments = vec![Vec::new()];
    let mut depth = 0_usize;
    while let Some((live, behind)) = left.split_last() {
        left = behind;
        if live.is(b")") && depth == 0 {
            return Some((arguments, left.len()));
        }
        if live.is(b",") && depth == 0 {
            arguments.push(Vec::new());
            continue;
        }
        depth += usize::from(live.is(b"("));
        depth -= usize::from(live.is(b")"));
        arguments.last_mut()?.push(live.clone());
    }
    None
}

/// What `#PARAMETER` makes of an argument.
fn quote(raw: &[Live], space: bool) -> Token {
    let mut text = vec![b'"'];
    for (at, live) in raw.iter().enumerate() {
        if at > 0 && live.space {
            text.push(b' ');
        }
        for &byte in &*live.token.text {
            if live.token.kind == Kind::Quoted && matches!(byte, b'"' | b'\\') {
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
        let found = possible(text.as_bytes(), &macros, &names, &mut Vec::new(), MOST_STEPS)?;
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
            (0..14).flat_map(|at| [format!("M{at} a"), format!("M{at} b")]).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let text: Vec<String> = (0..14).map(|at| format!("M{at}")).collect();
        assert!(all(&text.join(" "), &many, &[]) == Err(TooMany));
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
