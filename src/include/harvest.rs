//! Computed includes that can be expanded in more ways than can be tried: every header's name that
//! stands in any macro that the expansion may come by.
//!
//! What an `#include` is made of in the end starts with `<` or is a string, and each of these
//! stands in the directive or in the body of a macro whose name the expansion meets, at a place
//! where all before it may vanish. The name was written there, or pasted of what was written there.
//! So it is enough to follow names, and macros whose names are made of them. Strings that `#` makes
//! and names whose `<` and `>` are not in one place are not found so: then nobody can tell. Only
//! `(A < B)` is taken for the comparison that it is.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::include::expand::{MOST_STEPS, TooMany, possible};
use crate::include::macros::Macros;
use crate::include::names::{Name, Names};
use crate::include::token::{Kind, Token, tokens};

/// The most macros that one expansion may come by, and header names in them.
const MOST_MACROS: usize = 20_000;
const MOST_FOUND: usize = 4096;
/// A macro within so many others may stand for nothing.
const MOST_DEPTH: usize = 4;

/// What an expansion may come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Harvest {
    /// Texts, as a directive has them: `<NAME>` or `"NAME"`.
    pub found: BTreeSet<Vec<u8>>,
    /// The names that it may meet. A macro that is new, or has a new definition, and begins with
    /// one of these may change it.
    pub met: Vec<Name>,
}

/// Every header's name that `text`, behind `#include`, may lead to.
///
/// # Errors
///
/// [`TooMany`].
pub fn harvest(text: &[u8], macros: &mut Macros, names: &Names) -> Result<Harvest, TooMany> {
    macros.index(names);
    let mut meeting = Meeting::new(macros, names);
    meeting.body(&[], &tokens(text, names), false)?;
    meeting.follow()?;
    let mut found = meeting.found;
    for text in meeting.angled {
        let possible = possible(&text, macros, names, &mut Vec::new(), MOST_STEPS)?;
        // A call that is not closed may take in the `>`.
        if possible.iter().any(|text| !is_balanced(text)) {
            return Err(TooMany);
        }
        found.extend(possible);
        if found.len() > MOST_FOUND {
            return Err(TooMany);
        }
    }
    Ok(Harvest { found, met: meeting.met })
}

/// What has been met so far.
struct Meeting<'a> {
    macros: &'a Macros,
    names: &'a Names,
    met: Vec<Name>,
    known: HashSet<Name>,
    /// Numbers, which names may be pasted with.
    numbers: HashSet<Box<[u8]>>,
    /// Whether any body pastes.
    pastes: bool,
    /// Strings.
    found: BTreeSet<Vec<u8>>,
    /// From `<` to `>`, not expanded yet.
    angled: BTreeSet<Vec<u8>>,
}

impl<'a> Meeting<'a> {
    fn new(macros: &'a Macros, names: &'a Names) -> Self {
        Self {
            macros,
            names,
            met: Vec::new(),
            known: HashSet::new(),
            numbers: HashSet::new(),
            pastes: false,
            found: BTreeSet::new(),
            angled: BTreeSet::new(),
        }
    }

    /// Follows all names until nothing is new.
    fn follow(&mut self) -> Result<(), TooMany> {
        let (mut read, mut pasted) = (0, 0);
        // Macros that begin with a name that was met.
        let mut longer: BTreeSet<Name> = BTreeSet::new();
        loop {
            if let Some(&name) = self.met.get(read) {
                read += 1;
                for definition in self.macros.definitions(name).ok_or(TooMany)? {
                    let (parameters, body) = definition.read(self.names);
                    self.body(parameters, body, definition.takes_arguments())?;
                }
            } else if let Some(&name) = self.met.get(pasted).filter(|_| self.pastes) {
                pasted += 1;
                longer.extend(self.macros.starting_with(&self.names.text(name)));
            } else {
                // What is no paste of what was met so far may be one of what will be.
                let (made, rest) = longer.into_iter().partition(|&name| self.is_made(name));
                longer = rest;
                made.into_iter().for_each(|name| self.meet(name));
                if read == self.met.len() {
                    return Ok(());
                }
            }
            if self.met.len() > MOST_MACROS || self.found.len() > MOST_FOUND {
                return Err(TooMany);
            }
        }
    }

    fn meet(&mut self, name: Name) {
        if self.known.insert(name) {
            self.met.push(name);
        }
    }

    /// Whether a name can be pasted of names and numbers that were met. Numbers may be counted.
    fn is_made(&self, name: Name) -> bool {
        let text = self.names.text(name);
        // Whether the text up to here can be.
        let mut made = vec![false; text.len() + 1];
        made.first_mut().into_iter().for_each(|made| *made = true);
        for end in 1..=text.len() {
            let is_made = (0..end).any(|start| {
                let part = text.get(start..end).unwrap_or_default();
                made.get(start).is_some_and(|made| *made) && self.is_met(part)
            });
            made.get_mut(end).into_iter().for_each(|made| *made = is_made);
        }
        made.last().is_some_and(|made| *made)
    }

    fn is_met(&self, text: &[u8]) -> bool {
        text.iter().all(u8::is_ascii_digit)
            || self.names.known(text).is_some_and(|name| self.known.contains(&name))
            || self.numbers.contains(text)
    }

    /// Takes in a body, or the directive itself.
    fn body(
        &mut self,
        parameters: &[Name],
        body: &[Token],
        takes_arguments: bool,
    ) -> Result<(), TooMany> {
        let is_parameter =
            |token: &Token| token.name().is_some_and(|name| parameters.contains(&name));
        // Of brackets that are open, whether they hold a call's arguments.
        let mut brackets = Vec::new();
        for (at, token) in body.iter().enumerate() {
            let behind = body.get(at + 1..).unwrap_or_default();
            let before = |by: usize| at.checked_sub(by).and_then(|at| body.get(at));
            let is_first = || {
                before(1).is_none_or(|token| is_parameter(token) || self.ends(token))
                    // What is pasted may be a macro.
                    || before(2).is_some_and(|token| token.is(b"##"))
            };
            match token.kind {
                Kind::Name(name) if !is_parameter(token) => self.meet(name),
                Kind::Number => drop(self.numbers.insert(token.text.clone())),
                Kind::Quoted if token.text.starts_with(b"\"") && is_first() => {
                    self.found.insert(token.text.to_vec());
                }
                Kind::Sign if token.is(b"##") => self.pastes = true,
                Kind::Sign if token.is(b"(") => {
                    brackets.push(before(1).is_some_and(|token| token.name().is_some()));
                }
                Kind::Sign if token.is(b")") => drop(brackets.pop()),
                Kind::Sign
                    if token.is(b"#")
                        && takes_arguments
                        && behind.first().is_some_and(is_parameter)
                        && is_first() =>
                {
                    return Err(TooMany);
                }
                Kind::Sign if token.is(b"<") && is_first() => {
                    let parts = [b"<".as_slice(), b",", b"(", b")", b"##"];
                    let comes_apart = |token: &Token| {
                        parts.iter().any(|sign| token.is(sign)) || is_parameter(token)
                    };
                    let length = behind.iter().position(|token| token.is(b">"));
                    let name = length.and_then(|length| behind.get(..=length));
                    match name.filter(|name| !name.iter().any(comes_apart)) {
                        Some(name) => drop(self.angled.insert(spell(name))),
                        // An operator between two operands, in brackets that are no call's.
                        None if brackets.last() == Some(&false)
                            && before(1).is_some_and(|token| token.name().is_some()) => {}
                        None => return Err(TooMany),
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether nothing may be left of all that ends with this token: an argument begins behind it,
    /// or it is a macro, or the end of one.
    fn ends(&self, token: &Token) -> bool {
        let signs = [b"(".as_slice(), b",", b")", b"##"];
        signs.iter().any(|sign| token.is(sign))
            || token.name().is_some_and(|name| self.may_vanish(name, 0))
    }

    /// Whether a macro may stand for nothing.
    fn may_vanish(&self, name: Name, depth: usize) -> bool {
        let Some(definitions) = self.macros.definitions(name) else { return true };
        depth > MOST_DEPTH
            || definitions.iter().any(|definition| {
                let (parameters, body) = definition.read(self.names);
                let mut brackets = 0_usize;
                let (mut vanishes, mut may_open) = (true, false);
                for token in body {
                    match token.kind {
                        // What is pasted may be a macro again.
                        Kind::Sign if token.is(b"##") => return true,
                        Kind::Sign if token.is(b"(") => brackets += 1,
                        // A macro may end in a call that this one closes.
                        Kind::Sign if token.is(b")") && brackets == 0 => vanishes |= may_open,
                        Kind::Sign if token.is(b")") => brackets -= 1,
                        // Whatever is an argument may have no use.
                        _ if brackets > 0 => {}
                        Kind::Name(name) => {
                            may_open = true;
                            vanishes = vanishes
                                && (parameters.contains(&name) || self.may_vanish(name, depth + 1));
                        }
                        Kind::Number | Kind::Quoted => vanishes = false,
                        Kind::Sign => vanishes &= token.is(b","),
                    }
                }
                // What comes behind a bracket that is not closed is an argument.
                vanishes || brackets > 0
            })
    }
}

/// Whether every bracket that is opened is closed.
fn is_balanced(text: &[u8]) -> bool {
    let open = text.iter().fold(0_usize, |open, byte| match byte {
        b'(' => open + 1,
        b')' => open.saturating_sub(1),
        _ => open,
    });
    open == 0
}

/// What stands behind a `<`, with it.
fn spell(rest: &[Token]) -> Vec<u8> {
    let mut text = b"<".to_vec();
    for token in rest {
        if token.space {
            text.push(b' ');
        }
        text.extend_from_slice(&token.text);
    }
    text
}

/// Harvests that are remembered, by the text behind `#include`.
#[derive(Debug, Default)]
pub struct Harvests {
    all: Vec<Remembered>,
    by_text: HashMap<Box<[u8]>, usize>,
    /// Which harvests met a name.
    met_by: HashMap<Name, Vec<usize>>,
}

#[derive(Debug, Default)]
struct Remembered {
    /// `None` if more is known of its macros by now.
    harvest: Option<Result<Harvest, TooMany>>,
    /// The files that need it.
    files: Vec<usize>,
}

impl Harvests {
    /// Whether `text` had to be harvested before.
    pub fn has(&self, text: &[u8]) -> bool {
        self.by_text.contains_key(text)
    }

    /// What `text` may lead to, for the file with this number.
    ///
    /// # Errors
    ///
    /// [`TooMany`].
    pub fn take(
        &mut self,
        text: &[u8],
        file: usize,
        macros: &mut Macros,
        names: &Names,
    ) -> Result<&BTreeSet<Vec<u8>>, TooMany> {
        let next = self.all.len();
        let at = *self.by_text.entry(text.into()).or_insert(next);
        if at == next {
            self.all.push(Remembered::default());
        }
        let remembered = self.all.get_mut(at).ok_or(TooMany)?;
        if !remembered.files.contains(&file) {
            remembered.files.push(file);
        }
        if remembered.harvest.is_none() {
            let harvest = harvest(text, macros, names);
            for name in harvest.iter().flat_map(|harvest| &harvest.met) {
                let met_by = self.met_by.entry(*name).or_default();
                if !met_by.contains(&at) {
                    met_by.push(at);
                }
            }
            remembered.harvest = Some(harvest);
        }
        match &remembered.harvest {
            Some(Ok(harvest)) => Ok(&harvest.found),
            _ => Err(TooMany),
        }
    }

    /// More is known of a macro: the files that must be looked at again.
    pub fn touch(&mut self, name: Name, names: &Names) -> Vec<usize> {
        let mut files = Vec::new();
        if self.all.is_empty() {
            return files;
        }
        let text = names.text(name);
        let met = (1..=text.len())
            .filter_map(|length| names.known(text.get(..length)?))
            .filter_map(|name| self.met_by.get(&name));
        for &at in met.flatten() {
            let Some(remembered) = self.all.get_mut(at) else { continue };
            if remembered.harvest.take_if(|harvest| harvest.is_ok()).is_some() {
                files.extend_from_slice(&remembered.files);
            }
        }
        files
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;
    use crate::include::expand::named;
    use crate::include::reduce::define;

    fn table(lines: &[&str], names: &Names) -> Macros {
        let mut macros = Macros::new(b"", names);
        for line in lines {
            let (name, definition) = define(line.as_bytes(), names).unwrap();
            macros.add(name, &definition, true);
        }
        macros
    }

    fn all(text: &str, lines: &[&str]) -> Result<String, TooMany> {
        let names = Names::default();
        let harvest = harvest(text.as_bytes(), &mut table(lines, &names), &names)?;
        let found = harvest.found.iter().map(|text| String::from_utf8_lossy(text).into_owned());
        Ok(found.collect::<Vec<_>>().join(" | "))
    }

    /// As Boost's preprocessor library iterates.
    const BOOST: [&str; 9] = [
        "CAT(a, b) CAT_I(a, b)",
        "CAT_I(a, b) a ## b",
        "ITERATE() CAT(ITERATE_, INC(DEPTH()))",
        "ITERATE_1 <iter/forward1.hpp>",
        "ITERATE_2 <iter/forward2.hpp>",
        "DEPTH() 0",
        "INC(x) INC_ ## x",
        "INC_0 1",
        "OTHER <other.h>",
    ];

    #[test]
    fn names_in_every_macro_that_may_be_met_are_found() {
        let iterated = "<iter/forward1.hpp> | <iter/forward2.hpp>";
        assert_eq!(all("ITERATE()", &BOOST).unwrap(), iterated);
        let array = ["FILE ELEM(2, PARAMS)", "PARAMS (3, (0, 9, \"own.hpp\"))", "ELEM(n, x) x"];
        assert_eq!(all("FILE", &array).unwrap(), "\"own.hpp\"");
        let parts = ["FILE <DIR/NAME.h>", "DIR a", "DIR b", "NAME x"];
        assert_eq!(all("FILE", &parts[..1]).unwrap(), "<DIR/NAME.h>");
        let found = all("FILE", &parts).unwrap();
        assert!(found.contains("<a/x.h>") && found.contains("<b/x.h>"), "{found}");
        assert_eq!(all("NONE", &BOOST).unwrap(), "");
        // A name that is longer is none that is pasted; what comes after a word is no header.
        let more = ["ITERATE_STR STR(x)", "STR(x) #x", "PARAMS N", "N0 template<class>", "N 1"];
        let more = [&more[..], &["template extern template"]].concat();
        let lines = [&BOOST[..], &more].concat();
        assert_eq!(all("ITERATE() PARAMS", &lines).unwrap(), iterated);
    }

    #[test]
    fn what_is_made_elsewhere_is_given_up() {
        assert_eq!(all("STR(a)", &["STR(x) #x"]), Err(TooMany));
        assert_eq!(all("A", &["A B(<) C >", "B(x) x"]), Err(TooMany));
        assert_eq!(all("A(x)", &["A(x) <x.h>"]), Err(TooMany));
        assert_eq!(all("A", &["A N < 3", "N(x) x"]), Err(TooMany));
        assert_eq!(all("A", &["A (N < 3) ? 1 : (N > 0)", "N(x) x"]).unwrap(), "");
        assert_eq!(all("A", &["A (<) N (a>)", "N(x) x"]), Err(TooMany));
        assert_eq!(all("A", &["A <a/b.h>", "b B(1)"]).unwrap(), "<a/B(1).h> | <a/b.h>");
        assert_eq!(all("A", &["A <a ## b>"]), Err(TooMany));
        assert_eq!(all("A1<a.h>", &["F(x) ", "B F(", "A1 B>)"]).unwrap(), "<a.h>");
        assert_eq!(all("A1<A/C>)", &["F(x) x >", "A1 F("]).unwrap(), "<A/C>");
        assert_eq!(all("<A/C>)", &["A1 S(", "C )A1", "S(x) x"]), Err(TooMany));
    }

    #[test]
    fn a_new_macro_has_the_files_looked_at_again() {
        let names = Names::default();
        let mut macros = table(&BOOST, &names);
        let mut harvests = Harvests::default();
        assert_eq!(harvests.take(b"ITERATE()", 7, &mut macros, &names).unwrap().len(), 2);
        for line in ["UNKNOWN 1", "IT 1", "ITERATE_3 <iter/forward3.hpp>"] {
            let (name, definition) = define(line.as_bytes(), &names).unwrap();
            macros.add(name, &definition, true);
            let again = harvests.touch(name, &names);
            assert_eq!(!again.is_empty(), line.starts_with("ITERATE_"), "{line}");
        }
        assert_eq!(harvests.take(b"ITERATE()", 7, &mut macros, &names).unwrap().len(), 3);
    }

    /// Directives and bodies, of what decides something.
    fn texts() -> impl Strategy<Value = String> {
        let parts = [
            "A", "B", "C", "AB", "A1", "F(", "G(", "S(", ")", ",", "##", "#x", "x", "y", "<", ">",
            "<a.h>", "\"b.h\"", "c.h", "1", "<A/C>",
        ];
        let part = (prop::sample::select(parts.to_vec()), prop::bool::ANY);
        prop::collection::vec(part, 0..7).prop_map(|parts| {
            let spaced =
                |(part, space): (&str, bool)| part.to_owned() + ["", " "][usize::from(space)];
            parts.into_iter().map(spaced).collect()
        })
    }

    proptest! {
        // Always the same: by chance, one in a million may be something that no header does.
        #![proptest_config(ProptestConfig {
            cases: 2000,
            rng_seed: RngSeed::Fixed(1),
            ..ProptestConfig::default()
        })]

        #[test]
        fn nothing_that_can_be_expanded_is_missed(
            text in texts(),
            bodies in prop::collection::vec((0..8_usize, texts()), 0..9),
        ) {
            let heads = ["A", "B", "C", "AB", "A1", "F(x)", "G(x, y)", "S(x)"];
            let lines: Vec<String> =
                bodies.iter().map(|(at, body)| format!("{} {body}", heads[*at])).collect();
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let names = Names::default();
            let mut macros = table(&lines, &names);
            let possible = possible(text.as_bytes(), &macros, &names, &mut Vec::new(), MOST_STEPS);
            let harvest = harvest(text.as_bytes(), &mut macros, &names);
            if let (Ok(possible), Ok(harvest)) = (possible, harvest) {
                let found: Vec<_> = harvest.found.iter().filter_map(|text| named(text)).collect();
                // `<<` and `<=` are operators, where macros made them.
                let is_operator = |text: &[u8]| text.starts_with(b"<<") || text.starts_with(b"<=");
                // Files whose names hold a macro and its arguments are not meant.
                let is_call = |text: &[u8]| {
                    text.windows(2).any(|pair| matches!(pair, [b'F' | b'G' | b'S', b'(']))
                };
                let possible = possible.iter().filter(|text| !is_operator(text) && !is_call(text));
                for wanted in possible.filter_map(|text| named(text)) {
                    prop_assert!(found.contains(&wanted), "{wanted:?} of {text} with {lines:?}");
                }
            }
        }
    }
}
