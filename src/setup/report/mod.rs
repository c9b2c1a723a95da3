//! `distcc-setup report`: what was compiled where, and why here, from the client's journal.
//!
//! `when` reads moments, `mark` keeps when builds began, `subject` finds the entries. Their
//! sum (`crate::setup::tally`) is told by `text`, `json` and `html`.

mod html;
mod json;
mod mark;
mod subject;
mod text;
mod timeline;
mod when;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Args;

use crate::base::exit::Exit;
use crate::base::{dirs, replace};
use crate::progress::journal::unix_ms;
use crate::setup::report::subject::Subject;
use crate::setup::screen::{self, Screen};

/// Options of `distcc-setup report`.
#[derive(Args, Debug)]
pub struct ReportOptions {
    /// Only what ended after WHEN: 10m, 2h, 3d ago, a date or time (2026-11-28T10:30), or @SECONDS
    #[arg(long, value_name = "WHEN", conflicts_with = "last_build")]
    pub since: Option<String>,
    /// Only the newest build that makepkg's hook has marked, or the newest of the package NAME
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true)]
    pub last_build: Option<Option<String>>,
    /// Print one line, and up to three more for the worst reasons; nothing if nothing was compiled
    #[arg(long, conflicts_with_all = ["json", "html"])]
    pub line: bool,
    /// Print JSON
    #[arg(long, conflicts_with = "html")]
    pub json: bool,
    /// Write a web page, with a picture of who compiled when, to FILE
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Mark the beginning of a build of NAME, and report nothing
    #[arg(long, value_name = "NAME",
          conflicts_with_all = ["since", "last_build", "line", "json", "html"])]
    pub mark: Option<String>,
    /// The client's state directory, instead of DISTCC_DIR or ~/.distcc
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// Does it.
pub(super) fn run(options: &ReportOptions) -> Exit {
    let done = journal_dir(options).and_then(|dir| match &options.mark {
        Some(name) => leave_mark(&dir, name),
        None => Subject::find(options, &dir).and_then(|subject| tell(options, &subject)),
    });
    match done {
        Ok(()) => Exit::OK,
        Err(problem) => {
            super::complain(&problem);
            Exit::FAILED
        }
    }
}

fn journal_dir(options: &ReportOptions) -> Result<PathBuf, String> {
    let dir = options.dir.clone().or_else(dirs::state_dir);
    let dir = dir.ok_or("neither DISTCC_DIR nor HOME is set; name the directory with --dir")?;
    Ok(dir.join("journal"))
}

fn leave_mark(dir: &Path, name: &str) -> Result<(), String> {
    mark::write(dir, name, unix_ms(SystemTime::now()))
        .map_err(|error| format!("the build cannot be marked in {}: {error}", dir.display()))
}

fn tell(options: &ReportOptions, subject: &Subject) -> Result<(), String> {
    if options.json {
        screen::write(&json::report(subject));
    } else if options.line {
        screen::write(&text::lines(&subject.tally));
    } else if let Some(file) = &options.html {
        let page = html::page(subject);
        replace::write(file, page.as_bytes(), 0o644)
            .map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
    } else if subject.entries.is_empty() {
        Screen::new().print(&nothing(subject));
    } else {
        let mut screen = Screen::new();
        for part in text::parts(subject) {
            screen.report(&part);
        }
    }
    Ok(())
}

/// What to say where the journal has nothing.
fn nothing(subject: &Subject) -> String {
    let dir = subject.dir.display();
    if let Some(mark) = &subject.build {
        return format!("The build of {} has called no compiler through distcc", mark.shown());
    }
    match (subject.since.is_some(), subject.dir.exists()) {
        (true, true) => format!("Nothing was compiled in that time, by the journal in {dir}"),
        _ => format!("Nothing has been compiled, by the journal in {dir}"),
    }
}
