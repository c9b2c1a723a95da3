//! Whether a file may be edited that was not named, because it overrides what is to be written.

use crate::arch::configuration::Position;
use crate::setup::apply::ask;
use crate::setup::configure::ConfigureOptions;

/// Whether it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::setup) enum Consent {
    /// It was said on the command line, or nothing will be written anyway.
    Given,
    /// Whoever sits at the terminal says it.
    Ask,
    /// There is nobody to say it.
    Missing,
}

impl Consent {
    /// What `options` and the terminal say.
    pub(in crate::setup) fn of(options: &ConfigureOptions) -> Self {
        if options.overrides || options.dry_run {
            Self::Given
        } else if !options.yes && ask::can_ask() {
            Self::Ask
        } else {
            Self::Missing
        }
    }

    /// Whether `position`, which sets `variable`, may be edited.
    pub(in crate::setup) fn allows(
        self,
        position: &Position,
        variable: &str,
        source: &str,
    ) -> bool {
        match self {
            Self::Given => true,
            Self::Missing => false,
            Self::Ask => {
                let place = format!("{}:{}", position.file.display(), position.line);
                let question = format!(
                    "{place} is read later, and sets {variable} as well:\n    {source}\n\
                     Change it there, too?"
                );
                ask::confirm(&question, true)
            }
        }
    }
}
