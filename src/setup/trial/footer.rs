//! The terminal's last line, kept for us while a command of the user's scrolls above it.

use std::io::{self, IsTerminal};

use crate::setup::screen::{cut, write};

/// A terminal with fewer lines is left to the command.
const LEAST_ROWS: u16 = 6;

/// The last line; given back when dropped.
#[derive(Debug)]
pub(super) struct Footer {
    /// How many lines and columns the terminal had when the line was set aside.
    size: Option<(u16, u16)>,
    last: String,
}

impl Footer {
    /// Sets the last line aside, where there is a terminal that can do so.
    pub(super) fn open() -> Self {
        let mut footer = Self { size: None, last: String::new() };
        if let Some(size) = size() {
            // A new line first, so that what stands on the last one moves up.
            write(&format!("\n\x1b[A{}", set_aside(size.0)));
            footer.size = Some(size);
        }
        footer
    }

    /// Shows `text` in the line.
    pub(super) fn show(&mut self, text: &str) {
        let Some(before) = self.size else { return };
        let Some(now) = size() else { return };
        if now == before && text == self.last {
            return;
        }
        let again = if now == before { String::new() } else { set_aside(now.0) };
        write(&format!("{again}{}", at_last_line(now.0, &cut(text, usize::from(now.1)))));
        self.size = Some(now);
        text.clone_into(&mut self.last);
    }
}

impl Drop for Footer {
    fn drop(&mut self) {
        if let Some((rows, _)) = self.size {
            write(&format!("{}\x1b7\x1b[r\x1b8", at_last_line(rows, "")));
        }
    }
}

/// Makes all lines but the last one scroll, and leaves the cursor where it is.
fn set_aside(rows: u16) -> String {
    format!("\x1b7\x1b[1;{}r\x1b8", rows.saturating_sub(1))
}

/// Writes the last line anew, and leaves the cursor where it is.
fn at_last_line(rows: u16, text: &str) -> String {
    format!("\x1b7\x1b[{rows};1H\x1b[K{text}\x1b8")
}

/// Lines and columns of a terminal that is large enough.
fn size() -> Option<(u16, u16)> {
    let out = io::stdout();
    if !out.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(out).ok()?;
    (size.ws_row >= LEAST_ROWS && size.ws_col > 0).then_some((size.ws_row, size.ws_col))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_is_put_back_whatever_is_written() {
        for text in [set_aside(24), at_last_line(24, "[3]")] {
            assert!(text.starts_with("\x1b7") && text.ends_with("\x1b8"), "{text:?}");
        }
        assert!(set_aside(24).contains("[1;23r"));
        assert!(at_last_line(24, "[3]").contains("[24;1H"));
    }
}
