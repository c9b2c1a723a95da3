//! Questions to a person at a terminal.

use std::io::{self, BufRead, IsTerminal, Write};

/// Whether somebody is there to answer.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal()
}

/// Asks a question that yes or no answers; nothing but Enter is `default`. The end of the input,
/// as by Ctrl-D, is a no.
pub(crate) fn confirm(question: &str, default: bool) -> bool {
    let choice = if default { "[Y/n]" } else { "[y/N]" };
    loop {
        let Some(answer) = line(&format!("{question} {choice} ")) else { return false };
        match answer.to_lowercase().as_str() {
            "" => return default,
            "y" | "yes" => return true,
            "n" | "no" => return false,
            _ => say("Answer y or n.\n"),
        }
    }
}

/// Asks for a line of text; `None` at the end of the input.
pub(crate) fn line(question: &str) -> Option<String> {
    say(question);
    let mut answer = String::new();
    match io::stdin().lock().read_line(&mut answer) {
        Ok(count) if count > 0 => Some(answer.trim().to_owned()),
        _ => {
            say("\n");
            None
        }
    }
}

/// Questions go to stderr: stdout may be a file that takes the diff.
fn say(text: &str) {
    let mut out = io::stderr().lock();
    // A terminal that takes no question gives no answer either.
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}
