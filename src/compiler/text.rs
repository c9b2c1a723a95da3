//! C source text as its lexer sees it: comments, strings and spliced lines are stepped over whole.

/// A place in a text.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    /// All of it.
    pub text: &'a [u8],
    /// Where we are.
    pub at: usize,
}

impl<'a> Reader<'a> {
    /// The byte so far ahead.
    pub fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    /// What has not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Whether the rest begins with one of these.
    pub fn starts(&self, any: &[&[u8]]) -> bool {
        any.iter().any(|start| self.rest().starts_with(start))
    }

    /// Goes on to behind the `#` of the next directive; whether there is one. What stands in
    /// comments, strings and raw strings is none, nor is a `#` within a line.
    ///
    /// To be called at the start of the text, or on the line of a directive.
    pub fn to_directive(&mut self) -> bool {
        let mut fresh = self.at == 0;
        while let Some(byte) = self.peek(0) {
            match byte {
                b'\n' => fresh = true,
                b' ' | b'\t' | b'\r' | 0x0b | 0x0c => {}
                b'/' if self.comment() => continue,
                b'\\' if self.splice() => continue,
                b'#' | b'%' | b'?' if fresh && self.starts(&[b"#", b"%:", b"??="]) => {
                    self.at += match byte {
                        b'#' => 1,
                        b'%' => 2,
                        _ => 3,
                    };
                    return true;
                }
                b'R' if self.raw_string() => {
                    fresh = false;
                    continue;
                }
                b'"' | b'\'' => {
                    self.quoted(byte);
                    fresh = false;
                    continue;
                }
                _ => fresh = false,
            }
            self.at += 1;
        }
        false
    }

    /// Skips a comment, if one begins here.
    pub fn comment(&mut self) -> bool {
        let rest = self.rest();
        if rest.starts_with(b"/*") {
            let end = memchr::memmem::find(rest.get(2..).unwrap_or_default(), b"*/");
            self.at += end.map_or(rest.len(), |end| end + 4);
            return true;
        }
        if !rest.starts_with(b"//") {
            return false;
        }
        // A line comment goes on behind a splice.
        for end in memchr::memchr_iter(b'\n', rest) {
            let line = rest.get(..end).unwrap_or_default();
            if !line.trim_ascii_end().ends_with(b"\\") {
                self.at += end;
                return true;
            }
        }
        self.at = self.text.len();
        true
    }

    /// Skips a backslash and the end of its line, if that is what stands here.
    pub fn splice(&mut self) -> bool {
        let rest = self.rest();
        let blanks = rest.iter().skip(1).take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
        let length = 1 + blanks.count();
        let spliced = rest.get(length) == Some(&b'\n');
        if spliced {
            self.at += length + 1;
        }
        spliced
    }

    /// Skips a string or character; it ends at its line's end at the latest.
    pub fn quoted(&mut self, quote: u8) {
        // A digit separator (1'000) is no character.
        let before = self.at.checked_sub(1).and_then(|at| self.text.get(at));
        self.at += 1;
        if quote == b'\'' && before.is_some_and(u8::is_ascii_alphanumeric) {
            return;
        }
        while let Some(byte) = self.peek(0) {
            match byte {
                b'\n' => return,
                b'\\' => {
                    if !self.splice() {
                        self.at += 2;
                    }
                }
                _ => {
                    self.at += 1;
                    if byte == quote {
                        return;
                    }
                }
            }
        }
    }

    /// Skips a raw string, if one begins here.
    pub fn raw_string(&mut self) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.text.get(at).copied());
        let prefix = matches!(before, Some(b'u' | b'U' | b'L' | b'8'));
        let word = before.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let Some(rest) = self.rest().strip_prefix(b"R\"") else { return false };
        if word && !prefix {
            return false;
        }
        let Some(open) = rest.iter().take(17).position(|&byte| byte == b'(') else { return false };
        let mut end = vec![b')'];
        end.extend_from_slice(rest.get(..open).unwrap_or_default());
        end.push(b'"');
        let found = memchr::memmem::find(rest, &end);
        self.at += found.map_or(rest.len() + 2, |found| 2 + found + end.len());
        true
    }
}
