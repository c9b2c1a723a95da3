//! What bash replaces: `$NAME`, `${…}`, `$(…)`, `$((…))` and backquotes, each stepped over whole.
//!
//! Source: bash's manual, "Shell Expansions"; corner cases tried with bash 5.2.

use crate::makepkg_conf::parser::{Parser, Result, is_name_start};
use crate::makepkg_conf::syntax_error::Fault;

impl Parser<'_> {
    /// Steps over what `$` or a backquote begins; false where a `$` stands for itself.
    pub(super) fn skip_expansion(&mut self) -> Result<bool> {
        if self.accept(b"`") {
            return self.backquotes().map(|()| true);
        }
        if self.looking_at(b"$((")
            && let Some(end) = self.arithmetic_end(self.at + 3)?
        {
            self.at = end;
            return Ok(true);
        }
        if self.accept(b"$(") {
            return self.substitution().map(|()| true);
        }
        if self.accept(b"${") {
            return self.deeper(Self::braces).map(|()| true);
        }
        if self.accept(b"$[") {
            return self.matched(b'[', b']').map(|()| true);
        }
        self.at += 1;
        match self.peek() {
            Some(byte) if is_name_start(byte) => {
                self.name();
                Ok(true)
            }
            Some(byte) if byte.is_ascii_digit() || b"@*#?-$!".contains(&byte) => {
                self.at += 1;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Steps over the commands of `` `…` `` and the closing mark.
    fn backquotes(&mut self) -> Result<()> {
        let start = self.at - 1;
        while let Some(byte) = self.peek() {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'`' {
                return Ok(());
            }
        }
        self.at = self.text.len();
        Err(self.fault(start, Fault::Open("`")))
    }

    /// Steps over the commands of `$(…)` and the closing parenthesis.
    pub(super) fn substitution(&mut self) -> Result<()> {
        let start = self.at;
        let waiting = std::mem::take(&mut self.here_documents);
        self.apart += 1;
        let result = self.deeper(Self::list);
        self.apart -= 1;
        result?;
        // Those of the substitution come first, as bash 5.2 reads them.
        self.here_documents.extend(waiting);
        self.close(start, b")", ")")
    }

    /// Where the arithmetic ends that begins at `start`, behind `((`; `None` where it is none but
    /// a subshell within parentheses.
    pub(super) fn arithmetic_end(&mut self, start: usize) -> Result<Option<usize>> {
        if let Some(end) = self.arithmetic.get(&start) {
            return Ok(*end);
        }
        let (before, comments) = (self.at, self.found.comments.len());
        self.at = start;
        let result = self.matched(b'(', b')');
        let end = (result.is_ok() && self.looking_at(b")")).then_some(self.at + 1);
        self.at = before;
        self.found.comments.truncate(comments);
        if let Err(error) = result
            && error.fault == Fault::Depth
        {
            return Err(error);
        }
        self.arithmetic.insert(start, end);
        Ok(end)
    }

    /// Steps over everything up to the `close` that belongs to an `open` just read.
    pub(super) fn matched(&mut self, open: u8, close: u8) -> Result<()> {
        let start = self.at;
        let mut level = 0_usize;
        self.deeper(|parser| {
            while let Some(byte) = parser.peek() {
                if byte == close {
                    parser.at += 1;
                    match level.checked_sub(1) {
                        None => return Ok(()),
                        Some(outer) => level = outer,
                    }
                } else {
                    level += usize::from(byte == open);
                    parser.skip_one()?;
                }
            }
            Err(parser.fault(start, Fault::Open(if close == b')' { ")" } else { "]" })))
        })
    }

    /// Steps over one byte, or over the quotes or the expansion that begin here.
    fn skip_one(&mut self) -> Result<()> {
        let start = self.at;
        match self.peek() {
            Some(b'\\') => self.at = self.text.len().min(start + 2),
            Some(b'\'') => self.single(&mut Vec::new())?,
            Some(b'"') => self.double(&mut Vec::new(), 1)?,
            Some(b'$') if self.looking_at(b"$'") => self.ansi(&mut Vec::new())?,
            Some(b'$' | b'`') => {
                self.skip_expansion()?;
                self.at = self.at.max(start + 1);
            }
            _ => self.at += 1,
        }
        Ok(())
    }

    /// Steps over the rest of `${…}`. Quotes quote in there, even where it stands in double quotes.
    fn braces(&mut self) -> Result<()> {
        let start = self.at;
        if matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'|')) {
            return self.commands_in_braces();
        }
        while let Some(byte) = self.peek() {
            if byte == b'}' {
                self.at += 1;
                return Ok(());
            }
            self.skip_one()?;
        }
        Err(self.fault(start, Fault::Open("}")))
    }

    /// `${ commands; }` and `${|commands;}`, from bash 5.3 on.
    fn commands_in_braces(&mut self) -> Result<()> {
        let start = self.at;
        let _bar = self.accept(b"|");
        self.apart += 1;
        let result = self.list();
        self.apart -= 1;
        result?;
        self.close(start, b"}", "}")
    }
}
