//! Names and numbers that we show to people and scripts.

/// The distcc release whose behaviour and bytes we keep; scripts parse it in the banner.
pub const DISTCC: &str = "3.4";

/// Our own version.
pub const OURS: &str = env!("CARGO_PKG_VERSION");

/// The machine that this build is for, as distcc's banner names it.
pub const MACHINE: &str = concat!(env!("DISTCC_MACHINE"), "");

/// The names by which gcc may know [`MACHINE`]: its own, and the form without a vendor that Debian
/// and distcc 3.4 use.
pub fn machines() -> [String; 2] {
    [MACHINE.to_owned(), MACHINE.replace("-pc-", "-").replace("-unknown-", "-")]
}

/// The TCP port of `distccd` where none is given.
pub const DEFAULT_PORT: u16 = 3632;

/// The TCP port of the statistics page where none is given.
pub const DEFAULT_STATS_PORT: u16 = 3633;

/// The banner of `--version`: line 1 and 2 in the form that scripts and distcc's own test suite
/// expect (reference: `^distcc [\w.-]+ [.\w-]+$`, then the protocols).
pub fn banner(program: &str) -> String {
    format!(
        "{program} {DISTCC} {MACHINE}\n  (protocols 1, 2 and 3) (default port {DEFAULT_PORT})\n  \
         makepkg-distcc {OURS}\n"
    )
}
