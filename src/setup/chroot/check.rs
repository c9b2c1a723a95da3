//! `distcc-setup chroot check`: the rules of `check`, for each root.

use clap::Args;

use crate::base::exit::Exit;
use crate::setup::check::{self, CheckOptions, Format};
use crate::setup::chroot::enable::Stop;
use crate::setup::chroot::{ERROR, RootOptions, select};
use crate::setup::subject::SubjectOptions;
use crate::setup::{complain, screen};

/// Options of `distcc-setup chroot check`.
#[derive(Args, Clone, Debug, Default)]
pub struct ChrootCheckOptions {
    /// Which roots.
    #[command(flatten)]
    pub which: RootOptions,
    /// Do not ask the volunteers
    #[arg(long)]
    pub offline: bool,
    /// How to print what is found; json and sarif are for one root
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
    /// End with exit code 1 if there are warnings
    #[arg(long)]
    pub strict: bool,
}

/// Does it.
pub(super) fn run(options: &ChrootCheckOptions) -> Exit {
    let roots = match select::all(&options.which.roots, "check") {
        Ok(roots) => roots,
        Err(error) => return Stop::from(error).tell(),
    };
    let is_text = options.format == Format::Text;
    if matches!(options.format, Format::Json | Format::Sarif) && roots.len() > 1 {
        complain("JSON and SARIF are for one chroot: name it");
        return ERROR;
    }
    let mut worst = Exit::OK;
    for (at, root) in roots.iter().enumerate() {
        if is_text {
            let gap = if at > 0 { "\n" } else { "" };
            screen::write(&format!("{gap}{}\n\n", root.dir.display()));
        }
        let exit = match root.ensure_usable() {
            Err(error) => Stop::from(error).tell(),
            Ok(()) => check::run(&CheckOptions {
                subject: SubjectOptions { config: None, chroot: Some(root.dir.clone()) },
                offline: options.offline,
                format: options.format,
                strict: options.strict,
                ..CheckOptions::default()
            }),
        };
        worst = Exit(worst.0.max(exit.0));
    }
    worst
}
