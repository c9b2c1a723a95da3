//! A file reduced to what decides which files a compile opens: includes, macros, and the conditions
//! around them.

use crate::compiler::body;
use crate::compiler::text::Reader;
use crate::include::clock;
use crate::include::names::{Name, Names};
use crate::include::token::{Token, is_word, tokens};

/// A file, reduced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reduced {
    /// What it does, in order.
    pub steps: Vec<Step>,
    /// The groups of conditionals that steps stand in; the first is the whole file.
    pub groups: Vec<Group>,
    /// The conditions that groups depend on.
    pub conditions: Vec<Condition>,
    /// What makes the answer uncertain, whatever the conditions.
    pub oddity: Option<Oddity>,
    /// It has trigraphs, which some language standards read.
    pub has_trigraphs: bool,
    /// It gives itself another name, for `__FILE__` and diagnostics.
    pub is_renamed: bool,
}

/// One directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The group that it stands in.
    pub group: usize,
    /// What it does.
    pub action: Action,
}

/// What a directive does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Opens a file, or asks whether there is one.
    Include(Wanted),
    /// Defines a macro.
    Define(Name, Definition),
    /// Takes a macro away.
    Undef(Name),
    /// Asks for the time.
    Clock,
}

/// A file's name as a directive has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// `"NAME"`.
    Quoted(Box<[u8]>),
    /// `<NAME>`.
    Angled(Box<[u8]>),
    /// Either, of `#include_next`: in a file that was found beside its includer, the directories
    /// for quoted names come next.
    Next(Box<[u8]>),
    /// Macros that stand for one of the others; whether for `#include_next`.
    Computed(Box<[u8]>, bool),
}

impl Wanted {
    /// The same for `#include_next`.
    pub fn into_next(self) -> Self {
        match self {
            Self::Quoted(name) | Self::Angled(name) | Self::Next(name) => Self::Next(name),
            Self::Computed(text, _) => Self::Computed(text, true),
        }
    }
}

/// A macro's definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// What stands in the brackets of one that takes arguments.
    pub parameters: Option<Box<[u8]>>,
    /// What it stands for.
    pub body: Box<[u8]>,
}

/// A part of a file that is read if all of `tests` come out so, and `parent` is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// The group around it; the file itself has itself.
    pub parent: usize,
    /// Conditions by index, and how they must come out.
    pub tests: Vec<(usize, bool)>,
}

/// What stands behind `#if`, `#ifdef` and their kin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Whether the macro is defined.
    Defined(Name),
    /// An expression.
    Expression(Vec<Token>),
}

/// Why no answer can be given for a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Oddity {
    /// The assembler reads a file that it names.
    Assembler,
    /// A module is imported.
    Module,
    /// A comment starts across a spliced line.
    SplicedComment,
    /// Conditionals are nested beyond the limit, or there are too many.
    Depth,
    /// A pragma gives headers other names, or names one that was compiled before.
    Pragma,
}

/// The deepest nesting of conditionals.
const MOST_DEPTH: usize = 1000;
/// The most steps, groups or conditions of one file.
const MOST_STEPS: usize = 1 << 20;

/// Reduces the text of a file.
pub fn reduce(text: &[u8], names: &Names) -> Reduced {
    let mut reduction = Reduction {
        names,
        out: Reduced { groups: vec![Group::default()], ..Reduced::default() },
        open: Vec::new(),
    };
    let mut clocks = clock::places(text).into_iter().peekable();
    let mut reader = Reader { text, at: 0 };
    while reader.to_directive() {
        let line = line(&mut reader);
        while clocks.next_if(|&place| place < reader.at).is_some() {
            reduction.step(Action::Clock);
        }
        reduction.directive(&line);
        if reduction.out.oddity.is_some() {
            return reduction.out;
        }
    }
    clocks.for_each(|_| reduction.step(Action::Clock));
    reduction.out.oddity = oddity(text);
    reduction.out.has_trigraphs = memchr::memmem::find(text, b"??").is_some_and(|_| {
        [b"??/".as_slice(), b"??="].iter().any(|sign| memchr::memmem::find(text, sign).is_some())
    });
    reduction.out
}

/// What the text as a whole tells.
fn oddity(text: &[u8]) -> Option<Oddity> {
    let has = |what: &[u8]| memchr::memmem::find(text, what).is_some();
    if body::reads_file(text).is_some() {
        return Some(Oddity::Assembler);
    }
    if has(b"/\\\n*") || has(b"/\\\r\n*") || has(b"/\\\n/") {
        return Some(Oddity::SplicedComment);
    }
    if has(b"@import") && !clock::words(text, &[b"@import"]).is_empty() {
        return Some(Oddity::Module);
    }
    let named = [b"GCC dependency".as_slice(), b"pch_preprocess", b"include_alias"];
    (has(b"_Pragma") && named.iter().any(|name| has(name))).then_some(Oddity::Pragma)
}

/// The rest of a directive's line: comments are a blank, spliced lines one line, strings whole, and
/// the name in `<>` is left as it is.
fn line(reader: &mut Reader<'_>) -> Vec<u8> {
    let mut line = Vec::new();
    let mut angled = None;
    while let Some(byte) = reader.peek(0) {
        let start = reader.at;
        let copied = match byte {
            b'\n' => break,
            b'\\' if reader.splice() => continue,
            b'/' if angled != Some(true) && reader.comment() => {
                line.push(b' ');
                continue;
            }
            b'R' if reader.raw_string() => true,
            b'"' | b'\'' if angled != Some(true) => {
                reader.quoted(byte);
                true
            }
            _ => false,
        };
        if !copied {
            match byte {
                // Only a name that is the first thing behind the directive's word.
                b'<' if angled.is_none() && opens_name(&line) => angled = Some(true),
                b'>' if angled == Some(true) => angled = Some(false),
                _ => {}
            }
            reader.at += 1;
        }
        line.extend_from_slice(reader.text.get(start..reader.at).unwrap_or_default());
    }
    line
}

/// Whether what has been read of a line ends where a header's name may begin.
fn opens_name(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let opening = [b"include".as_slice(), b"include_next", b"import", b"embed"];
    opening.contains(&line) || line.ends_with(b"__has_include(") || line.ends_with(b"_next(")
}

struct Reduction<'a> {
    names: &'a Names,
    out: Reduced,
    /// Conditionals that are not closed yet.
    open: Vec<Open>,
}

struct Open {
    /// The group around it.
    parent: usize,
    /// Conditions of the groups so far: all must have come out false.
    failed: Vec<usize>,
    /// The group that we are in.
    group: usize,
}

impl Reduction<'_> {
    fn group(&self) -> usize {
        self.open.last().map_or(0, |open| open.group)
    }

    fn directive(&mut self, line: &[u8]) {
        let line = line.trim_ascii();
        let length = line.iter().take_while(|&&byte| is_word(byte)).count();
        let (word, rest) = line.split_at(length);
        let rest = rest.trim_ascii();
        match word {
            b"include" | b"import" | b"embed" => self.include(rest),
            b"include_next" => self.include_next(rest),
            b"define" => self.define(rest),
            b"undef" => {
                if let Some(name) = self.first_name(rest) {
                    self.step(Action::Undef(name));
                }
            }
            b"if" => self.enter(|reduction| reduction.expression(rest)),
            b"ifdef" => self.enter(|reduction| (reduction.defined(rest), true)),
            b"ifndef" => self.enter(|reduction| (reduction.defined(rest), false)),
            b"elif" => self.next(|reduction| Some(reduction.expression(rest))),
            b"elifdef" => self.next(|reduction| Some((reduction.defined(rest), true))),
            b"elifndef" => self.next(|reduction| Some((reduction.defined(rest), false))),
            b"else" => self.next(|_| None),
            b"endif" => drop(self.open.pop()),
            b"pragma" => self.pragma(rest),
            // A number alone leaves the name as it is.
            b"line" => self.out.is_renamed |= !rest.iter().all(u8::is_ascii_digit),
            word => self.out.is_renamed |= word.iter().all(u8::is_ascii_digit) && !rest.is_empty(),
        }
        let too_many = self.out.steps.len().max(self.out.groups.len()) > MOST_STEPS;
        if self.open.len() > MOST_DEPTH || too_many {
            self.out.oddity = Some(Oddity::Depth);
        }
    }

    fn step(&mut self, action: Action) {
        let group = self.group();
        self.out.steps.push(Step { group, action });
    }

    fn include(&mut self, rest: &[u8]) {
        if let Some(wanted) = wanted(rest) {
            self.step(Action::Include(wanted));
        }
    }

    fn include_next(&mut self, rest: &[u8]) {
        if let Some(wanted) = wanted(rest) {
            self.step(Action::Include(wanted.into_next()));
        }
    }

    fn define(&mut self, rest: &[u8]) {
        if let Some((name, definition)) = define(rest, self.names) {
            self.step(Action::Define(name, definition));
        }
    }

    fn pragma(&mut self, rest: &[u8]) {
        let mut words = rest.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let first = words.next();
        let second = if first == Some(b"GCC") { words.next() } else { first };
        let is_alias = first.is_some_and(|word| word.starts_with(b"include_alias"));
        match second {
            Some(b"dependency") => {
                let at = memchr::memmem::find(rest, b"dependency").unwrap_or_default();
                self.include(rest.get(at + 10..).unwrap_or_default().trim_ascii());
            }
            Some(b"pch_preprocess") => self.out.oddity = Some(Oddity::Pragma),
            _ if is_alias => self.out.oddity = Some(Oddity::Pragma),
            Some(b"clang")
                if words.next().is_some_and(|word| word == b"module")
                    && memchr::memmem::find(rest, b"import").is_some() =>
            {
                self.out.oddity = Some(Oddity::Module);
            }
            _ => {}
        }
    }

    fn first_name(&self, text: &[u8]) -> Option<Name> {
        let length = text.iter().take_while(|&&byte| is_word(byte)).count();
        (length > 0).then(|| self.names.of(text.get(..length).unwrap_or_default()))
    }

    fn defined(&mut self, rest: &[u8]) -> usize {
        let condition = match self.first_name(rest) {
            Some(name) => Condition::Defined(name),
            None => Condition::Expression(Vec::new()),
        };
        self.out.conditions.push(condition);
        self.out.conditions.len() - 1
    }

    fn expression(&mut self, rest: &[u8]) -> (usize, bool) {
        for (asked, is_next) in has_include(rest) {
            if is_next { self.include_next(asked) } else { self.include(asked) }
        }
        let expression = tokens(rest, self.names);
        self.out.conditions.push(Condition::Expression(expression));
        (self.out.conditions.len() - 1, true)
    }

    /// Opens a conditional.
    fn enter(&mut self, condition: impl FnOnce(&mut Self) -> (usize, bool)) {
        let parent = self.group();
        let (condition, positive) = condition(self);
        self.out.groups.push(Group { parent, tests: vec![(condition, positive)] });
        let group = self.out.groups.len() - 1;
        // `#ifndef` fails where its name is defined.
        let failed = vec![condition << 1 | usize::from(positive)];
        self.open.push(Open { parent, failed, group });
    }

    /// Goes on to the next group of the innermost conditional.
    fn next(&mut self, condition: impl FnOnce(&mut Self) -> Option<(usize, bool)>) {
        let Some(mut open) = self.open.pop() else { return };
        // An `#elif` asks, as far as __has_include goes, what its parent's group may ask.
        let around = Open { parent: open.parent, failed: Vec::new(), group: open.parent };
        self.open.push(around);
        let condition = condition(self);
        self.open.pop();
        let mut tests: Vec<_> =
            open.failed.iter().map(|failed| (failed >> 1, failed & 1 == 0)).collect();
        tests.extend(condition);
        self.out.groups.push(Group { parent: open.parent, tests });
        open.group = self.out.groups.len() - 1;
        open.failed
            .extend(condition.map(|(condition, positive)| condition << 1 | usize::from(positive)));
        self.open.push(open);
    }
}

/// A macro from what stands behind `#define`, or behind `-D` with a blank for its `=`.
pub fn define(rest: &[u8], names: &Names) -> Option<(Name, Definition)> {
    let length = rest.iter().take_while(|&&byte| is_word(byte)).count();
    let (name, after) = rest.split_at(length);
    if name.is_empty() {
        return None;
    }
    let (parameters, body) = match after.strip_prefix(b"(") {
        Some(inner) => {
            let end = inner.iter().position(|&byte| byte == b')')?;
            let (parameters, body) = inner.split_at(end);
            (Some(parameters.into()), body.get(1..).unwrap_or_default())
        }
        None => (None, after),
    };
    let definition = Definition { parameters, body: body.trim_ascii().into() };
    Some((names.of(name), definition))
}

/// The file that stands behind a directive that opens one; `None` for nothing.
pub fn wanted(rest: &[u8]) -> Option<Wanted> {
    let inner = |close: u8| {
        let inner = rest.get(1..).unwrap_or_default();
        let end = inner.iter().position(|&byte| byte == close)?;
        Some(inner.get(..end).unwrap_or_default().into())
    };
    match rest.first()? {
        b'"' => inner(b'"').map(Wanted::Quoted),
        b'<' => inner(b'>').map(Wanted::Angled),
        _ => Some(Wanted::Computed(rest.into(), false)),
    }
}

/// What `__has_include(…)` and its kin ask for in a condition.
/// and whether each is a `_next`.
fn has_include(text: &[u8]) -> Vec<(&[u8], bool)> {
    let kin = [
        (b"__has_include".as_slice(), false),
        (b"__has_include_next", true),
        (b"__has_embed", false),
    ];
    let mut asked = Vec::new();
    for (at, is_next) in kin.iter().flat_map(|(name, is_next)| {
        memchr::memmem::find_iter(text, name).map(move |at| (at + name.len(), *is_next))
    }) {
        let rest = text.get(at..).unwrap_or_default().trim_ascii_start();
        let Some(inner) = rest.strip_prefix(b"(") else { continue };
        let inner = inner.trim_ascii_start();
        let close = match inner.first() {
            Some(b'"') => inner.iter().skip(1).position(|&byte| byte == b'"').map(|at| at + 2),
            Some(b'<') => inner.iter().position(|&byte| byte == b'>').map(|at| at + 1),
            _ => inner.iter().position(|&byte| byte == b')'),
        };
        asked.extend(close.and_then(|close| inner.get(..close)).map(|name| (name, is_next)));
    }
    asked
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The reduction of a text, a step a line, each behind the conditions that it needs.
    fn shown(text: &str) -> String {
        let names = Names::default();
        let reduced = reduce(text.as_bytes(), &names);
        let mut lines = Vec::new();
        for step in &reduced.steps {
            let mut tests = Vec::new();
            let mut group = step.group;
            while group != 0 {
                let of = &reduced.groups[group];
                tests.extend(
                    of.tests.iter().map(|(at, so)| format!("{}{at}", if *so { "" } else { "!" })),
                );
                group = of.parent;
            }
            let text = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
            let action = match &step.action {
                Action::Include(Wanted::Quoted(name)) => format!("\"{}\"", text(name)),
                Action::Include(Wanted::Angled(name)) => format!("<{}>", text(name)),
                Action::Include(Wanted::Next(name)) => format!("next {}", text(name)),
                Action::Include(Wanted::Computed(name, _)) => format!("= {}", text(name)),
                Action::Define(_, definition) => format!("define {}", text(&definition.body)),
                Action::Undef(_) => "undef".to_owned(),
                Action::Clock => "clock".to_owned(),
            };
            lines.push(format!("[{}] {action}", tests.join(" ")));
        }
        lines.extend(reduced.oddity.map(|oddity| format!("{oddity:?}")));
        lines.join("\n")
    }

    #[test]
    fn conditions_guard_what_stands_in_their_groups() {
        let text = "#include <a>\n#if A\n#include <b>\n#ifdef B\n# include \"c\"\n#else\n\
                    #include MACRO(x)\n#endif\n#elif C\n#include <d>\n#else\n#undef X\n#endif\n\
                    #ifndef G\n#define G 1 /* one */ + \\\n 2\n#endif\n";
        insta::assert_snapshot!(shown(text), @r#"
        [] <a>
        [0] <b>
        [1 0] "c"
        [!1 0] = MACRO(x)
        [!0 2] <d>
        [!0 !2] undef
        [!3] define 1   +  2
        "#);
    }

    #[test]
    fn comments_strings_and_splices_hide_and_show_directives() {
        let text = "/*\n#include <no>\n*/ #include <yes//1.h> // x\n\"\\\n#include <no>\"\n\
                    R\"(\n#include <no>\n)\";\n#in\\\nclude <yes2> /* \n */ \n%: import \"yes3\"\n\
                    char q = '\"';\n#include <yes4>\n#error don't\n#include <yes5>\n";
        insta::assert_snapshot!(shown(text), @r#"
        [] <yes//1.h>
        [] <yes2>
        [] "yes3"
        [] <yes4>
        [] <yes5>
        "#);
    }

    #[test]
    fn files_that_are_asked_for_count_as_opened() {
        let text = "#if defined __has_include && __has_include(<a/b.h>) || __has_include(\"c\")\n\
                    #elif __has_include_next(<d>)\n#endif\n#pragma GCC dependency \"e\" text\n\
                    #embed <f> limit(3)\n#if __has_include(M)\n#endif\n";
        insta::assert_snapshot!(shown(text), @r#"
        [] <a/b.h>
        [] "c"
        [] next d
        [] "e"
        [] <f>
        [] = M
        "#);
    }

    #[test]
    fn the_time_is_asked_for_within_the_conditions_around() {
        let text = "#if A\n#define NOW __DATE__\n#else\n__TIME__ /* __TIME__ */\n#endif\n\
                    #ifdef X\n#endif\n\"__TIME__\" __TIMESTAMP__";
        insta::assert_snapshot!(shown(text), @r"
        [0] clock
        [0] define __DATE__
        [!0] clock
        [] clock
        ");
    }

    #[test]
    fn what_no_scanner_can_follow_is_an_oddity() {
        assert_eq!(shown("asm(\".incbin \\\"x\\\"\");"), "Assembler");
        assert_eq!(shown("@import Foundation;"), "Module");
        assert_eq!(shown("#pragma include_alias(\"a\", \"b\")"), "Pragma");
        assert_eq!(shown("/\\\n* #include <x> */"), "SplicedComment");
        assert_eq!(shown(&"#if A\n".repeat(1001)), "Depth");
    }

    proptest! {
        #[test]
        fn any_text_is_reduced(text in proptest::collection::vec(any::<u8>(), 0..400)) {
            drop(reduce(&text, &Names::default()));
        }

        #[test]
        fn text_of_directives_is_reduced(text in "(#(if|elif|else|endif|include|define|pragma) ?|[<>\"'()/*\\\\\nAR _]){0,60}") {
            drop(reduce(text.as_bytes(), &Names::default()));
        }
    }
}
