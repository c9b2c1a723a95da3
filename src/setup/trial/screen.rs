//! What a person sees: lines, and on a terminal one line below them that changes.

use std::io::{self, IsTerminal, Write};

/// Standard output, as we use it.
#[derive(Debug)]
pub(super) struct Screen {
    terminal: bool,
    /// Whether a status line is shown, to be taken away before anything else is printed.
    shown: bool,
    last: String,
}

impl Screen {
    /// Standard output; a status line is only shown on a terminal.
    pub(super) fn new() -> Self {
        Self { terminal: io::stdout().is_terminal(), shown: false, last: String::new() }
    }

    /// Whether a person looks on.
    pub(super) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Prints whole lines.
    pub(super) fn print(&mut self, text: &str) {
        self.clear();
        let end = if text.ends_with('\n') { "" } else { "\n" };
        self.write(&format!("{text}{end}"));
    }

    /// Replaces the status line; where there is no terminal, a new text is a line of its own.
    pub(super) fn status(&mut self, text: &str) {
        if text == self.last {
            return;
        }
        text.clone_into(&mut self.last);
        if self.terminal {
            let text = cut(text, columns());
            self.write(&format!("\r\x1b[K{text}"));
            self.shown = true;
        } else {
            self.write(&format!("{text}\n"));
        }
    }

    /// Takes the status line away.
    pub(super) fn clear(&mut self) {
        if self.shown {
            self.write("\r\x1b[K");
            self.shown = false;
        }
        self.last.clear();
    }

    #[expect(clippy::unused_self, reason = "one screen, one writer")]
    fn write(&mut self, text: &str) {
        let mut out = io::stdout().lock();
        // A reader that has gone away stops nobody's build.
        drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
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

/// The text, shortened so that the cursor stays on its line.
fn cut(text: &str, columns: usize) -> String {
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
