//! Source languages: from a suffix or `-x` to a language, its preprocessed form, and whether it
//! may travel.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// A language that may travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// C.
    C,
    /// C++.
    Cxx,
    /// Objective-C.
    ObjectiveC,
    /// Objective-C++.
    ObjectiveCxx,
}

impl Language {
    /// What `-x` calls a source of this language.
    pub fn name(self) -> &'static str {
        match self {
            Self::C => "c",
            Self::Cxx => "c++",
            Self::ObjectiveC => "objective-c",
            Self::ObjectiveCxx => "objective-c++",
        }
    }

    /// What `-x` calls its preprocessed form.
    pub fn preprocessed_name(self) -> &'static str {
        match self {
            Self::C => "cpp-output",
            Self::Cxx => "c++-cpp-output",
            Self::ObjectiveC => "objective-c-cpp-output",
            Self::ObjectiveCxx => "objective-c++-cpp-output",
        }
    }

    /// The suffix of its preprocessed form, with the dot.
    pub fn preprocessed_suffix(self) -> &'static str {
        match self {
            Self::C => ".i",
            Self::Cxx => ".ii",
            Self::ObjectiveC => ".mi",
            Self::ObjectiveCxx => ".mii",
        }
    }

    /// What a C++ driver (`g++`) makes of a source whose suffix says C.
    #[must_use]
    pub fn in_cxx_driver(self) -> Self {
        if self == Self::C { Self::Cxx } else { self }
    }
}

/// A language and whether the source is preprocessed already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// The language.
    pub language: Language,
    /// No preprocessor is needed.
    pub preprocessed: bool,
}

impl Form {
    /// What `-x` calls it.
    pub fn name(self) -> &'static str {
        if self.preprocessed { self.language.preprocessed_name() } else { self.language.name() }
    }
}

const fn source(language: Language) -> Form {
    Form { language, preprocessed: false }
}

const fn output(language: Language) -> Form {
    Form { language, preprocessed: true }
}

/// The form that `-x NAME` asks for, if it may travel.
pub fn by_name(name: &[u8]) -> Option<Form> {
    Some(match name {
        b"c" => source(Language::C),
        b"c++" => source(Language::Cxx),
        b"objective-c" => source(Language::ObjectiveC),
        b"objective-c++" => source(Language::ObjectiveCxx),
        b"cpp-output" | b"c-cpp-output" => output(Language::C),
        b"c++-cpp-output" => output(Language::Cxx),
        b"objective-c-cpp-output" | b"objc-cpp-output" => output(Language::ObjectiveC),
        b"objective-c++-cpp-output" | b"objc++-cpp-output" => output(Language::ObjectiveCxx),
        _ => return None,
    })
}

/// The form that a file's suffix says, if distcc 3.4 would distribute it (and so accept it).
pub fn by_suffix(file: &OsStr) -> Option<Form> {
    Some(match suffix(file)? {
        b"c" => source(Language::C),
        b"cc" | b"cpp" | b"cxx" | b"cp" | b"c++" | b"C" => source(Language::Cxx),
        b"m" => source(Language::ObjectiveC),
        b"mm" | b"M" => source(Language::ObjectiveCxx),
        b"i" => output(Language::C),
        b"ii" => output(Language::Cxx),
        b"mi" => output(Language::ObjectiveC),
        b"mii" => output(Language::ObjectiveCxx),
        _ => return None,
    })
}

/// What follows the last dot of a file's name; `None` without a dot or with nothing after it.
pub fn suffix(file: &OsStr) -> Option<&[u8]> {
    let name = base_name(file);
    let dot = name.iter().rposition(|&byte| byte == b'.')?;
    name.get(dot + 1..).filter(|suffix| !suffix.is_empty())
}

/// What follows the last slash.
pub fn base_name(file: &OsStr) -> &[u8] {
    file.as_bytes().rsplit(|&byte| byte == b'/').next().unwrap_or_default()
}

/// The base name without its suffix: `t` for `dir/t.c`, and all of a name that has no dot.
pub fn stem(file: &OsStr) -> &[u8] {
    let name = base_name(file);
    let dot = name.iter().rposition(|&byte| byte == b'.').unwrap_or(name.len());
    name.get(..dot).unwrap_or(name)
}
