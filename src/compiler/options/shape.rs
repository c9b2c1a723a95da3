//! One row of an option table: how an option's value follows, and what the option is there for.

use crate::compiler::options::stays::Stays;

/// How the value follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// There is none: the word is the option's name.
    Flag,
    /// In the same word, perhaps empty.
    Joined,
    /// In the next word.
    Separate,
    /// In the same word; if nothing is left there, in the next one.
    Either,
}

impl Shape {
    /// Whether an option of this shape may be written as a word with `rest` after the name.
    pub fn fits(self, rest: &[u8]) -> bool {
        match self {
            Self::Flag | Self::Separate => rest.is_empty(),
            Self::Joined | Self::Either => true,
        }
    }

    /// Whether the next word belongs to a word with `rest` after the name.
    pub fn takes_next(self, rest: &[u8]) -> bool {
        match self {
            Self::Flag | Self::Joined => false,
            Self::Separate => true,
            Self::Either => rest.is_empty(),
        }
    }
}

/// What an option is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Read by the preprocessor alone.
    Cpp,
    /// Read by preprocessor and compiler, or by the driver both times; no file is behind its value.
    Both,
    /// Read after preprocessing only.
    Backend,
    /// For the linker.
    Link,
    /// A prefix that many options share (`-f`, `-m`); known to be harmless unless the value looks
    /// like a file's name.
    Family,
    /// `-c`.
    Compile,
    /// `-S`.
    Assemble,
    /// `-E`.
    Preprocess,
    /// `-o`.
    Output,
    /// `-x`.
    Language,
    /// `-MD`, `-MMD`: a dependency file, with or without the system's headers.
    DependencyFile,
    /// `-MF`.
    DependencyName,
    /// `-MT`, `-MQ`.
    DependencyTarget,
    /// `-MP`, `-MG`.
    DependencyShape,
    /// `-Wp,`: options for the preprocessor, parted by commas.
    PassToCpp,
    /// `-Xpreprocessor`: one option for the preprocessor.
    PassOneToCpp,
    /// `-Wa,`: options for the assembler, parted by commas.
    PassToAssembler,
    /// `-Xassembler`: one option for the assembler.
    PassOneToAssembler,
    /// `-Xclang`: one option for clang's inner compiler.
    PassToClang,
    /// `-mllvm`: one option for LLVM.
    PassToLlvm,
    /// `-specs`: a file that may name any program.
    Specs,
    /// Keeps the compile here.
    Stays(Stays),
}

/// One option, or all options with one prefix.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The option with its dashes, and with `=` where that is part of it.
    pub name: &'static str,
    /// How its value follows.
    pub shape: Shape,
    /// What it is there for.
    pub kind: Kind,
}

/// Makes a row.
pub const fn row(name: &'static str, shape: Shape, kind: Kind) -> Row {
    Row { name, shape, kind }
}
