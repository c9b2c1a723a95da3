//! Why an option keeps a compile here.

/// What an option does that a volunteer cannot do for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stays {
    /// The compiler reads this machine's processor.
    Native,
}

impl Stays {
    /// The rest of a sentence that starts with the option.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Native => "each volunteer would read this as its own processor",
        }
    }

    /// The name that counters use.
    pub fn counter(self) -> &'static str {
        match self {
            Self::Native => "native",
        }
    }
}
