//! What a person sees: lines, and on a terminal one line below them that changes.

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use crate::base::env;

/// Standard output, as we use it.
#[derive(Debug)]
pub(super) struct Screen {
    terminal: bool,
    /// Whether headings are bold.
    bold: bool,
    /// Whether a status line is shown, to be taken away before anything else is printed.
    shown: bool,
    last: String,
}

impl Screen {
    /// Standard output; a status line is only shown on a terminal.
    pub(super) fn new() -> Self {
        let terminal = io::stdout().is_terminal();
        let bold = terminal && env::NO_COLOR.get_nonempty().is_none();
        Self { terminal, bold, shown: false, last: String::new() }
    }

    /// Whether a person looks on.
    pub(super) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Prints whole lines.
    pub(super) fn print(&mut self, text: &str) {
        self.clear();
        let end = if text.ends_with('\n') { "" } else { "\n" };
        write(&format!("{text}{end}"));
    }

    /// Prints a part of the report, after an empty line. What begins a line is a heading.
    pub(super) fn report(&mut self, text: &str) {
        let bold = |line: &str| match self.bold && !line.starts_with(' ') {
            true => format!("\x1b[1m{line}\x1b[m\n"),
            false => format!("{line}\n"),
        };
        let text: String = text.lines().map(bold).collect();
        self.print(&format!("\n{text}"));
    }

    /// Replaces the status line, on a terminal.
    pub(super) fn status(&mut self, text: &str) {
        if !self.terminal || text == self.last {
            return;
        }
        text.clone_into(&mut self.last);
        write(&format!("\r\x1b[K{}", cut(text, columns())));
        self.shown = true;
    }

    /// Says what takes a while now: in the status line, or where there is none, in a line that
    /// stays.
    pub(super) fn step(&mut self, text: &str) {
        match self.terminal {
            true => self.status(text),
            false => self.print(text),
        }
    }

    /// Takes the status line away.
    pub(super) fn clear(&mut self) {
        if self.shown {
            write("\r\x1b[K");
            self.shown = false;
        }
        self.last.clear();
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.clear();
    }
}

/// How many columns the terminal has.
fn columns() -> usize {
    rustix::termios::tcgetwinsize(io::stdout()).map_or(80, |size| match size.ws_col {
        0 => 80,
        columns => usize::from(columns),
    })
}

/// What the first failure to write to standard output was.
static FAILED: OnceLock<io::Error> = OnceLock::new();

/// Writes to standard output at once.
pub(super) fn write(text: &str) {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // A reader that has gone away has read enough, and stops nobody's build.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            // Only the first one counts.
            drop(FAILED.set(error));
        }
        _ => {}
    }
}

/// Why not all of the output is where it was to go, such as a full disk.
pub(super) fn failure() -> Option<&'static io::Error> {
    FAILED.get()
}

/// The text, shortened so that the cursor stays on its line.
pub(super) fn cut(text: &str, columns: usize) -> String {
    let room = columns.saturating_sub(1);
    if text.chars().count() <= room {
        return text.to_owned();
    }
    text.chars().take(room.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_line_never_fills_the_last_column() {
        assert_eq!(cut("12345678", 9), "12345678");
        assert_eq!(cut("123456789", 9), "1234567…");
        assert_eq!(cut("anything", 0), "…");
    }
}
