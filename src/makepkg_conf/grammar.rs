//! How bash puts words together to commands, as far as it takes to know which assignments there
//! are and whether they surely run.
//!
//! Source: bash's manual, "Shell Grammar"; corner cases tried with bash 5.2.

use crate::makepkg_conf::document::Found;
use crate::makepkg_conf::parser::{Parser, Result, ends_word};
use crate::makepkg_conf::syntax_error::Fault;

/// Words that end a list of commands where a command could begin.
const CLOSING: [&[u8]; 8] = [b"then", b"elif", b"else", b"fi", b"do", b"done", b"esac", b"}"];

/// Reads a whole text.
pub(super) fn read(text: &[u8]) -> Found {
    let readable = memchr::memchr(0, text).unwrap_or(text.len());
    let mut parser = Parser::new(text.get(..readable).unwrap_or_default());
    let mut problem = parser.list().and_then(|()| match parser.peek() {
        Some(_) => parser.unexpected(),
        None => Ok(()),
    });
    if problem.is_ok() && readable < text.len() {
        problem = Err(parser.fault(readable, Fault::Nul));
    }
    let open_end = parser.open_end || !parser.here_documents.is_empty();
    let open = open_end.then_some(parser.statement);
    let last_place = [parser.ends, open].into_iter().flatten().min();
    let before = |start: &&usize| last_place.is_none_or(|place| **start < place);
    let last_command = parser.doing_more.iter().filter(before).max().copied();
    Found { last_place, last_command, problem: problem.err(), ..parser.found }
}

impl<'t> Parser<'t> {
    /// Reads commands up to what cannot begin one: a closing word or parenthesis, or the end.
    pub(super) fn list(&mut self) -> Result<()> {
        let mut fresh = true;
        loop {
            self.between_commands(fresh);
            if self.at_end_of_list() {
                return Ok(());
            }
            if self.nested == 0 && self.apart == 0 {
                self.statement = self.at;
            }
            self.and_or()?;
            self.blanks();
            fresh = match self.peek() {
                Some(b';') if !self.at_end_of_list() => {
                    self.at += 1;
                    true
                }
                Some(b'&') => {
                    self.at += 1;
                    true
                }
                Some(b'\n' | b'#') | None => false,
                Some(_) if self.at_end_of_list() => false,
                Some(_) => return self.unexpected(),
            };
        }
    }

    fn at_end_of_list(&self) -> bool {
        match self.peek() {
            None | Some(b')') => true,
            Some(b';') => matches!(self.rest().get(1), Some(b';' | b'&')),
            Some(_) => CLOSING.contains(&self.reserved()),
        }
    }

    /// The bare word here, to be compared with reserved words.
    fn reserved(&self) -> &'t [u8] {
        let ends = |byte: &u8| ends_word(*byte);
        let rest = self.rest();
        rest.get(..rest.iter().position(ends).unwrap_or(rest.len())).unwrap_or_default()
    }

    /// Steps over the reserved word `word`, if it comes next.
    fn accept_reserved(&mut self, word: &[u8]) -> bool {
        let there = self.reserved() == word;
        self.at += if there { word.len() } else { 0 };
        there
    }

    /// Steps over the reserved word that must follow in what began at `start`.
    fn require(&mut self, start: usize, word: &'static str) -> Result<()> {
        if self.accept_reserved(word.as_bytes()) {
            return Ok(());
        }
        match self.peek() {
            None => Err(self.fault(start, Fault::Open(word))),
            Some(_) => self.unexpected(),
        }
    }

    /// Does `inner`, whose commands may not run, or not exactly once.
    pub(super) fn nest<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.nested += 1;
        let result = self.deeper(inner);
        self.nested -= 1;
        result
    }

    /// Pipelines with `&&` and `||` between them.
    fn and_or(&mut self) -> Result<()> {
        let (first, ends) = (self.found.assignments.len(), self.ends);
        self.pipeline()?;
        loop {
            self.blanks();
            if self.accept(b"&&") || self.accept(b"||") {
                self.newlines();
                self.nest(Self::pipeline)?;
            } else {
                break;
            }
        }
        if self.peek() == Some(b'&') {
            self.runs_apart(first, ends);
        }
        Ok(())
    }

    /// The assignments from the number `first` on turned out to run in a shell of their own.
    fn runs_apart(&mut self, first: usize, ends: Option<usize>) {
        for assignment in self.found.assignments.iter_mut().skip(first) {
            assignment.nested = true;
        }
        self.ends = ends;
    }

    fn pipeline(&mut self) -> Result<()> {
        let (first, ends) = (self.found.assignments.len(), self.ends);
        let mut single = true;
        loop {
            self.command()?;
            self.blanks();
            if self.looking_at(b"||") || !self.accept(b"|") {
                break;
            }
            let _both = self.accept(b"&");
            self.newlines();
            single = false;
        }
        if !single {
            self.runs_apart(first, ends);
        }
        Ok(())
    }

    pub(super) fn command(&mut self) -> Result<()> {
        let start = self.at;
        let word = self.reserved();
        match word {
            b"!" => return self.prefixed(1),
            b"time" => {
                self.at += 4;
                self.blanks();
                let _portable = self.accept_reserved(b"-p");
                return self.prefixed(0);
            }
            b"coproc" => return self.coproc(),
            b"if" => self.nest(Self::conditional)?,
            b"while" | b"until" => {
                self.at += word.len();
                self.nest(|parser| {
                    parser.list()?;
                    parser.loop_body(start)
                })?;
            }
            b"for" | b"select" => {
                self.at += word.len();
                self.nest(|parser| parser.for_loop(start))?;
            }
            b"case" => self.nest(Self::case)?,
            b"function" => return self.function(),
            b"{" => {
                self.at += 1;
                self.nest(Self::list)?;
                self.require(start, "}")?;
            }
            b"[[" => self.test()?,
            _ if self.looking_at(b"((") && self.skip_arithmetic()? => {}
            _ if self.accept(b"(") => {
                self.nest(Self::list)?;
                self.close(start, b")", ")")?;
            }
            _ => return self.simple(),
        }
        self.does_more(start);
        self.redirections()
    }

    /// The command that began at `start` does more than assign.
    pub(super) fn does_more(&mut self, start: usize) {
        if self.apart == 0 {
            self.doing_more.push(start);
        }
    }

    /// A command behind `!` or `time`, which may be missing.
    fn prefixed(&mut self, length: usize) -> Result<()> {
        self.at += length;
        self.blanks();
        match self.peek() {
            None | Some(b'\n' | b';' | b'#' | b')' | b'&' | b'|') => Ok(()),
            Some(_) => self.deeper(Self::command),
        }
    }

    fn coproc(&mut self) -> Result<()> {
        self.at += b"coproc".len();
        self.blanks();
        let before = self.at;
        if !self.name().is_empty() {
            self.blanks();
            let compound: [&[u8]; 9] =
                [b"{", b"if", b"while", b"until", b"for", b"select", b"case", b"[[", b""];
            if !compound.contains(&self.reserved()) || self.at_end_of_list() {
                self.at = before;
            }
        }
        self.nest(Self::command)
    }

    fn redirections(&mut self) -> Result<()> {
        loop {
            self.blanks();
            if !self.redirection()? {
                return Ok(());
            }
        }
    }

    fn conditional(&mut self) -> Result<()> {
        let start = self.at;
        self.at += b"if".len();
        loop {
            self.list()?;
            self.require(start, "then")?;
            self.list()?;
            if !self.accept_reserved(b"elif") {
                break;
            }
        }
        if self.accept_reserved(b"else") {
            self.list()?;
        }
        self.require(start, "fi")
    }

    fn loop_body(&mut self, start: usize) -> Result<()> {
        self.require(start, "do")?;
        self.list()?;
        self.require(start, "done")
    }

    fn for_loop(&mut self, start: usize) -> Result<()> {
        self.blanks();
        if self.looking_at(b"((") {
            if !self.skip_arithmetic()? {
                return self.unexpected();
            }
        } else {
            self.word(false)?;
        }
        self.newlines();
        if self.accept_reserved(b"in") {
            self.words_to_end_of_line()?;
        }
        self.blanks();
        let _semicolon = self.accept(b";");
        self.newlines();
        if self.accept_reserved(b"{") {
            self.list()?;
            return self.require(start, "}");
        }
        self.loop_body(start)
    }

    fn words_to_end_of_line(&mut self) -> Result<()> {
        loop {
            self.blanks();
            if matches!(self.peek(), None | Some(b'#')) || self.word(true)?.span.is_empty() {
                return Ok(());
            }
        }
    }

    fn case(&mut self) -> Result<()> {
        let start = self.at;
        self.at += b"case".len();
        self.blanks();
        self.word(false)?;
        self.newlines();
        self.require(start, "in")?;
        loop {
            self.newlines();
            if self.accept_reserved(b"esac") {
                return Ok(());
            }
            self.patterns(start)?;
            self.list()?;
            let ended = self.accept(b";;&") || self.accept(b";;") || self.accept(b";&");
            if !ended {
                return self.require(start, "esac");
            }
        }
    }

    /// `(a|b)` or `a|b)` of a `case`.
    fn patterns(&mut self, start: usize) -> Result<()> {
        let _open = self.accept(b"(");
        loop {
            self.blanks();
            self.word(false)?;
            self.blanks();
            if !self.accept(b"|") {
                return self.close(start, b")", ")");
            }
        }
    }

    /// `function name { … }`.
    fn function(&mut self) -> Result<()> {
        self.at += b"function".len();
        self.blanks();
        self.word(false)?;
        self.blanks();
        if self.accept(b"(") {
            self.blanks();
            self.close(self.at, b")", ")")?;
        }
        self.newlines();
        self.function_command()
    }

    /// The commands of a function.
    pub(super) fn function_command(&mut self) -> Result<()> {
        self.functions += 1;
        let result = self.nest(Self::command);
        self.functions -= 1;
        result
    }

    /// `[[ … ]]`.
    fn test(&mut self) -> Result<()> {
        let start = self.at;
        self.at += b"[[".len();
        loop {
            let before = self.at;
            self.newlines();
            let parted = self.at > before;
            if parted && self.accept_reserved(b"]]") {
                return Ok(());
            }
            if self.peek().is_none() {
                return Err(self.fault(start, Fault::Open("]]")));
            }
            // Operators and the parentheses of regular expressions are no words.
            if self.word(false)?.span.is_empty() {
                self.at += 1;
                while self.peek() == Some(b'#') {
                    self.at += 1;
                }
            }
        }
    }

    /// Steps over `((…))`; false where it is a subshell within parentheses.
    fn skip_arithmetic(&mut self) -> Result<bool> {
        let Some(end) = self.arithmetic_end(self.at + 2)? else { return Ok(false) };
        self.at = end;
        Ok(true)
    }
}
