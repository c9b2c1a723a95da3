//! Where the text of a configuration stops being understood, and why.

/// What cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// More constructs within each other than are followed.
    Depth,
    /// A NUL byte: bash drops it, and what stands around it grows together.
    Nul,
    /// Something begins and does not end; holds what would end it.
    Open(&'static str),
    /// A word or an operator that cannot stand here.
    Unexpected,
}

/// Reading ended before the text did. bash is the judge of a file; this is only how far we got.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {}", .fault.sentence())]
pub struct SyntaxError {
    /// Where it stands, in bytes from the text's start.
    pub offset: usize,
    /// The line of that, from 1.
    pub line: usize,
    /// What it is.
    pub fault: Fault,
}

impl Fault {
    /// What is wrong, to follow a place.
    pub fn sentence(self) -> String {
        match self {
            Self::Depth => "it is nested too deeply to be followed".to_owned(),
            Self::Nul => "it holds a NUL byte, which no text has".to_owned(),
            Self::Open(end) => format!("it is not closed: `{end}` is missing"),
            Self::Unexpected => "this cannot stand here in bash".to_owned(),
        }
    }
}
