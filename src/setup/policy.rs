//! What makepkg's hooks have to know: what `setup.toml` wants, in a word, and what ends a build.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::base::env;
use crate::base::exit::Exit;
use crate::setup::settings::{Native, Settings};
use crate::setup::{check, complain, screen};

/// The first word with which hooks call this program; it is no people's business, so neither help
/// nor completions show it.
pub(super) const POLICY: &str = "__policy";

/// Answers one of the hooks' questions; `words` are what follows [`POLICY`]:
///
/// * `native` prints what becomes of a build with a flag such as `-march=native`: `reject` or
///   `warn`.
/// * `names CONFIG [PKGBUILD]` prints why a build with that makepkg.conf must end, a line each.
pub(super) fn run(words: &[OsString]) -> Exit {
    match words {
        [word] if word == "native" => native(),
        [word, config, rest @ ..] if word == "names" && rest.len() < 2 => {
            let config = Some(config).filter(|config| !config.is_empty()).map(PathBuf::from);
            // One that is not there is makepkg's to complain of.
            let package = rest.first().map(PathBuf::from).filter(|file| file.is_file());
            let lines = check::ending(config, package);
            screen::write(&lines.iter().map(|line| format!("{line}\n")).collect::<String>());
            Exit::OK
        }
        _ => {
            complain("a policy is one of: native; names CONFIG [PKGBUILD]");
            Exit::BAD_ARGUMENTS
        }
    }
}

fn native() -> Exit {
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
