//! What `setup.toml` wants, in a word, for makepkg's hooks.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::base::env;
use crate::base::exit::Exit;
use crate::setup::settings::{Native, Settings};
use crate::setup::{complain, screen};

/// The first word with which hooks call this program; it is no people's business, so neither help
/// nor completions show it.
pub(super) const POLICY: &str = "__policy";

/// Prints what becomes of a build with a flag such as `-march=native`: `reject` or `warn`.
///
/// `words` are what follows [`POLICY`]: the word `native`.
pub(super) fn run(words: &[OsString]) -> Exit {
    if words != ["native"] {
        complain("a policy is one of: native");
        return Exit::BAD_ARGUMENTS;
    }
    let home = env::HOME.get_nonempty().map(PathBuf::from);
    match Settings::read(Path::new("/"), home.as_deref()) {
        Ok(settings) => {
            screen::write(&format!("{}\n", word(settings.native())));
            Exit::OK
        }
        Err(error) => {
            complain(&error.to_string());
            Exit::FAILED
        }
    }
}

/// The policy as `setup.toml` spells it.
fn word(native: Native) -> &'static str {
    match native {
        Native::Reject => "reject",
        Native::Warn => "warn",
    }
}
