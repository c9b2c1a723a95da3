//! What each macro may stand for, over all units of one kind.
//!
//! Order is not kept: a macro has every definition that any file gives it, so that what is certain
//! here is certain at every place. The table only ever grows.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Arc, OnceLock};

use crate::include::names::{Name, Names};
use crate::include::reduce::{Definition, define};
use crate::include::token::{Token, tokens};

/// More definitions of one macro are not told apart.
const MOST_DEFINITIONS: usize = 1024;

/// Names that the compiler itself gives a meaning, which differs from place to place: those that
/// stand for text, in which a header's name may be made.
const TEXTS: [&str; 9] = [
    "__BASE_FILE__",
    "__COUNTER__",
    "__DATE__",
    "__FILE_NAME__",
    "__FILE__",
    "__INCLUDE_LEVEL__",
    "__LINE__",
    "__TIMESTAMP__",
    "__TIME__",
];

/// The others.
const QUESTIONS: [&str; 17] = [
    "__building_module",
    "__has_attribute",
    "__has_builtin",
    "__has_c_attribute",
    "__has_constexpr_builtin",
    "__has_cpp_attribute",
    "__has_declspec_attribute",
    "__has_embed",
    "__has_extension",
    "__has_feature",
    "__has_include",
    "__has_include_next",
    "__has_warning",
    "__is_identifier",
    "__is_target_arch",
    "__is_target_os",
    "true",
];

/// A definition, read when it is first needed.
#[derive(Debug)]
pub struct Macro {
    /// As it was written.
    pub definition: Definition,
    read: OnceLock<(Vec<Name>, Vec<Token>)>,
}

impl Macro {
    /// Whether it takes arguments.
    pub fn takes_arguments(&self) -> bool {
        self.definition.parameters.is_some()
    }

    /// Its parameters (`__VA_ARGS__`, or the name before `...`, for the rest), and its body.
    pub fn read(&self, names: &Names) -> &(Vec<Name>, Vec<Token>) {
        self.read.get_or_init(|| {
            let parameters = self.definition.parameters.as_deref().unwrap_or_default();
            let parameters = parameters.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
            let parameters = parameters.filter(|name| !name.is_empty()).map(|name| match name {
                b"..." => names.of(b"__VA_ARGS__"),
                _ => names.of(name.strip_suffix(b"...").unwrap_or(name).trim_ascii()),
            });
            (parameters.collect(), tokens(&self.definition.body, names))
        })
    }

    /// Whether its last parameter takes all arguments that are left.
    pub fn is_variadic(&self) -> bool {
        self.definition.parameters.as_deref().is_some_and(|text| text.ends_with(b"..."))
    }
}

/// What is known of one macro.
#[derive(Clone, Debug, Default)]
struct Known {
    definitions: Vec<Arc<Macro>>,
    /// At some place it is not defined.
    maybe_absent: bool,
    /// There are more definitions than are kept.
    is_open: bool,
}

/// What a macro stands for.
#[derive(Clone, Copy, Debug)]
pub enum Meaning<'a> {
    /// It is defined nowhere.
    Absent,
    /// It is defined so everywhere.
    Certain(&'a Arc<Macro>),
    /// It is defined, in one of several ways.
    Defined,
    /// Nobody can tell.
    Unsure,
}

/// All macros of one kind of unit.
#[derive(Clone, Debug, Default)]
pub struct Macros {
    known: HashMap<Name, Known>,
    built_in: Vec<Name>,
    texts: Vec<Name>,
    /// All of them, in the order in which they came.
    order: Vec<Name>,
    /// The first `indexed` of them by their text.
    by_text: BTreeMap<Arc<[u8]>, Name>,
    indexed: usize,
}

impl Macros {
    /// What the compiler defines by itself: the lines that it prints for `-dM -E`.
    pub fn new(predefined: &[u8], names: &Names) -> Self {
        let mut macros = Self::default();
        for line in predefined.split(|&byte| byte == b'\n') {
            let Some(rest) = line.strip_prefix(b"#define ") else { continue };
            if let Some((name, definition)) = define(rest.trim_ascii_start(), names) {
                macros.add(name, &definition, false);
            }
        }
        let all = TEXTS.iter().chain(&QUESTIONS).map(|name| names.of(name.as_bytes()));
        macros.built_in = all.collect();
        macros.texts = TEXTS.map(|name| names.of(name.as_bytes())).to_vec();
        macros
    }

    /// Adds a definition; whether anything is new. A macro that was not known before may be absent
    /// where `maybe_absent`.
    pub fn add(&mut self, name: Name, definition: &Definition, maybe_absent: bool) -> bool {
        let order = &mut self.order;
        let known = self.known.entry(name).or_insert_with(|| {
            order.push(name);
            Known { maybe_absent, ..Known::default() }
        });
        if known.is_open || known.definitions.iter().any(|known| known.definition == *definition) {
            return false;
        }
        if known.definitions.len() >= MOST_DEFINITIONS {
            known.is_open = true;
        } else {
            let definition = definition.clone();
            known.definitions.push(Arc::new(Macro { definition, read: OnceLock::new() }));
        }
        true
    }

    /// Whether adding this definition would change nothing.
    pub fn has(&self, name: Name, definition: &Definition) -> bool {
        self.known.get(&name).is_some_and(|known| {
            known.is_open || known.definitions.iter().any(|known| known.definition == *definition)
        })
    }

    /// Notes that the macro may be absent somewhere; whether that is new.
    pub fn remove(&mut self, name: Name) -> bool {
        let known = self.known.get_mut(&name);
        known.is_some_and(|known| !std::mem::replace(&mut known.maybe_absent, true))
    }

    /// Makes [`Macros::starting_with`] know all macros.
    pub fn index(&mut self, names: &Names) {
        let new = self.order.get(self.indexed..).unwrap_or_default();
        self.by_text.extend(new.iter().map(|&name| (names.text(name), name)));
        self.indexed = self.order.len();
    }

    /// The macros whose names begin so, as far as they are indexed.
    pub fn starting_with(&self, prefix: &[u8]) -> impl Iterator<Item = Name> {
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let longer = self.by_text.range::<[u8], _>(from);
        longer.take_while(move |(text, _)| text.starts_with(prefix)).map(|(_, name)| *name)
    }

    /// Whether the compiler itself gives the name a meaning, which differs from place to place.
    pub fn is_built_in(&self, name: Name) -> bool {
        self.built_in.contains(&name)
    }

    /// Whether there is a definition of `name` beside what the compiler itself has.
    pub fn is_redefined(&self, name: Name) -> bool {
        self.known.get(&name).is_some_and(|known| known.is_open || !known.definitions.is_empty())
    }

    /// What `name` stands for.
    pub fn meaning(&self, name: Name) -> Meaning<'_> {
        if self.is_built_in(name) {
            return Meaning::Unsure;
        }
        match self.known.get(&name) {
            None => Meaning::Absent,
            Some(known) if known.maybe_absent => Meaning::Unsure,
            Some(known) => match known.definitions.as_slice() {
                [only] if !known.is_open => Meaning::Certain(only),
                _ => Meaning::Defined,
            },
        }
    }

    /// Everything that `name` may stand for; `None` if that is not known.
    pub fn definitions(&self, name: Name) -> Option<&[Arc<Macro>]> {
        let known = self.known.get(&name);
        match known {
            _ if self.texts.contains(&name) => None,
            Some(known) if known.is_open => None,
            Some(known) => Some(&known.definitions),
            None => Some(&[]),
        }
    }

    /// The one definition of `name`, if it takes arguments and there is no other: where the name is
    /// followed by arguments and must stand for something, it stands for this.
    pub fn called(&self, name: Name) -> Option<&Arc<Macro>> {
        match self.definitions(name)? {
            [only] if only.takes_arguments() => Some(only),
            _ => None,
        }
    }

    /// Whether `name` may stand for itself alone.
    pub fn may_be_absent(&self, name: Name) -> bool {
        self.known.get(&name).is_none_or(|known| known.maybe_absent)
    }
}
