//! Simple commands: assignments, words and redirections up to an operator.
//!
//! Source: bash's manual, "Simple Commands" and "Arrays"; corner cases tried with bash 5.2.

use std::ops::Range;

use crate::makepkg_conf::document::{Assignment, Prefix, Value};
use crate::makepkg_conf::parser::{Parser, Result, ends_word, is_name, is_name_start};
use crate::makepkg_conf::syntax_error::Fault;
use crate::makepkg_conf::word::{Content, Quoting, Word};

/// The left side of an assignment.
struct Head {
    name: String,
    subscript: Option<Range<usize>>,
    append: bool,
}

/// A command while it is read.
#[derive(Default)]
struct Simple {
    start: usize,
    /// Where its last word ends.
    end: usize,
    /// Words and redirections.
    elements: usize,
    told_by: usize,
    /// Words that are no assignments.
    words: usize,
    prefix: Option<Prefix>,
    /// `declare -g`.
    is_global: bool,
    /// What follows the first word, as far as it is plain.
    names: Vec<String>,
}

impl Parser<'_> {
    /// Steps over a redirection, if there is one.
    pub(super) fn redirection(&mut self) -> Result<bool> {
        let before = self.at;
        if self.accept(b"{") {
            let named = !self.name().is_empty() && self.accept(b"}");
            self.at = if named { self.at } else { before };
        } else {
            while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                self.at += 1;
            }
        }
        let substitution = self.looking_at(b"<(") || self.looking_at(b">(");
        const OPERATORS: [&[u8]; 14] = [
            b"<<<", b"&>>", b"<<-", b"<<", b"<&", b"<>", b">>", b">&", b">|", b"&>", b"<", b">",
            b"", b"",
        ];
        let operator = OPERATORS.into_iter().find(|operator| self.looking_at(operator));
        let operator = operator.unwrap_or_default();
        let both = operator.starts_with(b"&");
        if operator.is_empty() || substitution || (both && self.at > before) {
            self.at = before;
            return Ok(false);
        }
        self.at += operator.len();
        self.blanks();
        match operator {
            b"<<" | b"<<-" => self.here_document_start(operator == b"<<-")?,
            _ => {
                if self.word(true)?.span.is_empty() {
                    return self.unexpected();
                }
            }
        }
        Ok(true)
    }

    /// Assignments, words and redirections up to an operator.
    pub(super) fn simple(&mut self) -> Result<()> {
        let first = self.found.assignments.len();
        let mut command = Simple { start: self.at, end: self.at, ..Simple::default() };
        loop {
            self.blanks();
            match self.peek() {
                None | Some(b'\n' | b';' | b'|' | b')' | b'#') => break,
                Some(b'&') if !self.looking_at(b"&>") => break,
                Some(b'(') if command.words == 1 && self.found.assignments.len() == first => {
                    return self.function_body();
                }
                _ => {}
            }
            let assigns = command.words == 0 || command.prefix.is_some();
            let found = self.redirection()? || (assigns && self.assignment(command.prefix)?);
            if !found {
                self.command_word(&mut command, first)?;
            }
            command.end = self.at;
            command.elements += 1;
            if command.elements == 1 + usize::from(command.prefix.is_some()) {
                command.told_by = self.at;
            }
        }
        if command.elements == 0 {
            return self.unexpected();
        }
        if command.words > 0 && command.prefix.is_none() {
            self.does_more(command.start);
        }
        self.finish(command, first);
        Ok(())
    }

    /// Reads a word of a command; its assignments begin with the number `first`.
    fn command_word(&mut self, command: &mut Simple, first: usize) -> Result<()> {
        let start = self.at;
        let word = self.word(true)?;
        if word.span.is_empty() {
            return self.unexpected();
        }
        let text = word.literal().unwrap_or_default();
        if command.words == 0 {
            command.prefix = declares(&word);
            // What stands before a command is set for that command only.
            self.found.assignments.truncate(first);
            if self.ends_the_file(&word) {
                self.ends = Some(start);
            }
        } else {
            command.is_global |= text.starts_with('-') && text.contains('g');
            command.names.push(text);
        }
        command.words += 1;
        Ok(())
    }

    /// Completes the assignments from the number `first` on, which are those of `command`.
    fn finish(&mut self, command: Simple, first: usize) {
        if self.apart > 0 {
            self.found.assignments.truncate(first);
            return;
        }
        let declares = matches!(command.prefix, Some(Prefix::Declare | Prefix::Local));
        let is_local = declares && !command.is_global;
        let mut names = command.names;
        for assignment in self.found.assignments.iter_mut().skip(first) {
            assignment.command = command.start..command.end;
            assignment.told_by = command.told_by;
            assignment.nested |= is_local;
            names.push(assignment.name.clone());
        }
        if is_local && self.functions == 0 {
            self.found.local.extend(names.into_iter().map(|name| (name, command.start)));
        }
    }

    /// Whether nothing runs any more behind a command that begins with `word`.
    fn ends_the_file(&self, word: &Word) -> bool {
        let surely = self.nested == 0 && self.apart == 0 && self.ends.is_none();
        surely && matches!(word.literal().as_deref(), Some("return" | "exit"))
    }

    /// `() { … }` behind a function's name.
    fn function_body(&mut self) -> Result<()> {
        let start = self.at;
        self.at += 1;
        self.blanks();
        self.close(start, b")", ")")?;
        self.newlines();
        self.function_command()
    }

    /// Reads `NAME=value`, if there is one.
    fn assignment(&mut self, prefix: Option<Prefix>) -> Result<bool> {
        let start = self.at;
        let Some(head) = self.head()? else {
            self.at = start;
            return Ok(false);
        };
        let value = match self.array()? {
            Some(array) => array,
            None => Value::Scalar(self.word(false)?),
        };
        self.found.assignments.push(Assignment {
            name: head.name,
            span: start..self.at,
            command: start..self.at,
            told_by: self.at,
            append: head.append,
            subscript: head.subscript,
            prefix: prefix.unwrap_or(Prefix::None),
            nested: self.nested > 0 || self.ends.is_some(),
            value,
        });
        Ok(true)
    }

    /// Steps over `NAME=`, `NAME+=` or `NAME[…]=`; where it is none, somewhere.
    fn head(&mut self) -> Result<Option<Head>> {
        let mut name = Vec::new();
        if !self.peek().is_some_and(is_name_start) {
            return Ok(None);
        }
        while let Some(byte) = self.peek() {
            if is_name(byte) {
                name.push(byte);
                self.at += 1;
            } else if !self.continuation() {
                break;
            }
        }
        let mut subscript = None;
        if self.accept(b"[") {
            let start = self.at;
            // Where this does not end, it was none.
            match self.matched(b'[', b']') {
                Err(error) if error.fault == Fault::Depth => return Err(error),
                Err(_) => return Ok(None),
                Ok(()) => subscript = Some(start..self.at - 1),
            }
        }
        let append = self.looking_at(b"+=");
        self.at += usize::from(append);
        let name = String::from_utf8_lossy(&name).into_owned();
        Ok(self.accept(b"=").then_some(Head { name, subscript, append }))
    }

    /// Reads `(…)`, if that is what is assigned.
    fn array(&mut self) -> Result<Option<Value>> {
        let start = self.at;
        if !self.accept(b"(") {
            return Ok(None);
        }
        let mut elements = Vec::new();
        loop {
            self.newlines();
            if self.accept(b")") {
                break;
            }
            let element = self.element()?;
            if element.span.is_empty() {
                return self.close(start, b")", ")").and_then(|()| self.unexpected());
            }
            elements.push(element);
        }
        let span = start..self.at;
        if self.peek().is_none_or(ends_word) {
            return Ok(Some(Value::Array { span, elements }));
        }
        // bash makes one word of `(…)x`, which hardly anybody wants; a carriage return does it.
        let array = self.expansion(start, Quoting::Bare);
        let mut word = self.word(false)?;
        word.span.start = start;
        word.pieces.insert(0, array);
        Ok(Some(Value::Scalar(word)))
    }

    /// Reads an element of an array; `[a b]=c` is one.
    fn element(&mut self) -> Result<Word> {
        let start = self.at;
        if !self.accept(b"[") {
            return self.word(true);
        }
        if let Err(error) = self.matched(b'[', b']') {
            if error.fault == Fault::Depth {
                return Err(error);
            }
            self.at = start;
            return self.word(true);
        }
        let subscript = self.expansion(start, Quoting::Bare);
        let mut word = self.word(true)?;
        word.span.start = start;
        word.pieces.insert(0, subscript);
        Ok(word)
    }
}

/// What a command's first word says of the assignments among its other words.
fn declares(word: &Word) -> Option<Prefix> {
    let [piece] = word.pieces.as_slice() else { return None };
    match &piece.content {
        Content::Text(text) => match text.as_slice() {
            b"declare" | b"typeset" => Some(Prefix::Declare),
            b"export" => Some(Prefix::Export),
            b"local" => Some(Prefix::Local),
            b"readonly" => Some(Prefix::Readonly),
            _ => None,
        },
        _ => None,
    }
}
