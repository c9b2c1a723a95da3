//! A configuration's text with what was found in it: assignments and comments, each with its place.

use std::ops::Range;

use crate::makepkg_conf::grammar;
use crate::makepkg_conf::syntax_error::SyntaxError;
use crate::makepkg_conf::word::{Flag, Word};

/// A file's text, and what stands where. It may hold any bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    text: Vec<u8>,
    line_starts: Vec<usize>,
    found: Found,
}

/// What was found in a text, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) assignments: Vec<Assignment>,
    pub(super) comments: Vec<Comment>,
    /// Where a line can be added so that it runs after all others; `None`: at the end.
    pub(super) last_place: Option<usize>,
    /// Whether the text's last line ends in a backslash, so that what is added continues it.
    pub(super) ends_continued: bool,
    pub(super) problem: Option<SyntaxError>,
    /// Variables that are declared without `-g`, and where: makepkg reads its files in a function,
    /// so these are the function's own and end with it.
    pub(super) local: Vec<(String, usize)>,
    /// Where the last command before `last_place` begins that does more than assign: behind it,
    /// what is assigned at the top level stays so.
    pub(super) last_command: Option<usize>,
}

/// How an assignment is introduced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix {
    /// `declare` or `typeset`.
    Declare,
    /// `export`.
    Export,
    /// `local`.
    Local,
    /// By nothing.
    None,
    /// `readonly`.
    Readonly,
}

/// One `NAME=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The variable.
    pub name: String,
    /// `NAME=value`, in bytes from the text's start.
    pub span: Range<usize>,
    /// The whole simple command that it is part of, `export` and the like included.
    pub command: Range<usize>,
    /// The offset whose line bash tells for the command (LINENO): its first word's end, or its
    /// second's where the first is `export` and the like. Tried with bash 5.2.
    pub told_by: usize,
    /// Whether it is `NAME+=value`.
    pub append: bool,
    /// The text between the brackets of `NAME[…]=value`.
    pub subscript: Option<Range<usize>>,
    /// `export` and the like.
    pub prefix: Prefix,
    /// Whether it may not count. Because it may not run, or not once: it stands in a function, a
    /// condition, a loop, braces, a subshell or a pipeline, behind `&&` or `||`, or behind a
    /// `return`. Or because it is a `declare` without `-g`: makepkg reads its files in a function,
    /// to which such a variable is local.
    pub nested: bool,
    /// What is assigned.
    pub value: Value,
}

/// What is assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `(…)`: the span with both parentheses, and the elements.
    Array {
        /// From `(` to `)`.
        span: Range<usize>,
        /// What stands between.
        elements: Vec<Word>,
    },
    /// One word.
    Scalar(Word),
}

/// A comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// From `#` to the end of the line, which is not in it.
    pub span: Range<usize>,
    /// Whether a command of the top level could stand in its place.
    pub free: bool,
}

impl Document {
    /// Reads `text`. This cannot fail: what is not understood is left alone, and
    /// [`Self::problem`] says where that begins.
    pub fn parse(text: &[u8]) -> Self {
        let found = grammar::read(text);
        let line_starts =
            std::iter::once(0).chain(memchr::memchr_iter(b'\n', text).map(|at| at + 1));
        Self { text: text.to_vec(), line_starts: line_starts.collect(), found }
    }

    /// All of the text.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The text of `span`; nothing where it does not lie within the text.
    pub fn source(&self, span: &Range<usize>) -> &[u8] {
        self.text.get(span.clone()).unwrap_or_default()
    }

    /// Why and where understanding ended before the text did. Nothing is known of what follows.
    pub fn problem(&self) -> Option<&SyntaxError> {
        self.found.problem.as_ref()
    }

    /// Every assignment, in the text's order; none from inside of `$(…)` and the like.
    pub fn assignments(&self) -> &[Assignment] {
        &self.found.assignments
    }

    /// Every comment, in the text's order.
    pub fn comments(&self) -> &[Comment] {
        &self.found.comments
    }

    /// The assignments of `name`, in the text's order.
    pub fn of<'d, 'n>(
        &'d self,
        name: &'n str,
    ) -> impl DoubleEndedIterator<Item = &'d Assignment> + use<'d, 'n> {
        self.assignments().iter().filter(move |assignment| assignment.name == name)
    }

    /// The last assignment of `name` that is not nested.
    pub fn last(&self, name: &str) -> Option<&Assignment> {
        self.of(name).rev().find(|assignment| !assignment.nested)
    }

    /// The last assignment of `name` in the command that bash tells to be in `line`; else the last
    /// one that lies over that line. (For `NAME=…` alone it is the line in which that ends.)
    pub fn ending_at(&self, name: &str, line: usize) -> Option<&Assignment> {
        // Where the text ends in a backslash, bash has counted a line more.
        let line = line.min(self.line_count());
        let end = |assignment: &&Assignment| self.line_of(assignment.told_by) == line;
        let lies_over = |assignment: &&Assignment| {
            let lines = self.line_of(assignment.span.start)..=self.line_of(assignment.span.end);
            lines.contains(&line)
        };
        self.of(name).rev().find(end).or_else(|| self.of(name).rev().find(lies_over))
    }

    /// Where a line can be added at the top level so that it runs after all others: the text's
    /// end, but for a text that ends early (`return`) or inside of a here-document.
    pub fn last_place(&self) -> usize {
        self.found.last_place.unwrap_or(self.text.len())
    }

    /// Whether the file makes `name` a variable of its own, which ends when the file has been read
    /// (`declare NAME`): makepkg never sees what is assigned to it, but for `declare -g`.
    pub fn is_local(&self, name: &str) -> bool {
        self.local_from(name).is_some()
    }

    /// The start of the first command that makes `name` a variable of the file's own
    /// ([`Self::is_local`]).
    pub fn local_from(&self, name: &str) -> Option<usize> {
        self.found.local.iter().find(|(local, _)| local == name).map(|(_, start)| *start)
    }

    /// The first word of the command that makes `name` a variable of the file's own, if it is
    /// `declare` or the like.
    pub fn local_word(&self, name: &str) -> Option<Range<usize>> {
        let start = self.local_from(name)?;
        let rest = self.source(&(start..self.text.len()));
        let word = ["declare", "typeset", "local"].into_iter().find(|word| {
            let behind = rest.strip_prefix(word.as_bytes()).and_then(|behind| behind.first());
            behind.is_some_and(u8::is_ascii_whitespace)
        })?;
        Some(start..start + word.len())
    }

    /// Whether nothing behind `assignment` can set its variable, as far as the text shows.
    pub(super) fn is_final(&self, assignment: &Assignment) -> bool {
        self.problem().is_none()
            && self.found.last_command.is_none_or(|start| start < assignment.command.start)
            && self.last(&assignment.name) == Some(assignment)
            && !self.is_nested_behind(assignment)
    }

    /// Whether a nested assignment of the same variable stands behind `assignment`.
    pub(super) fn is_nested_behind(&self, assignment: &Assignment) -> bool {
        let range = assignment.span.start + 1..self.last_place();
        let behind = |one: &Assignment| one.nested && range.contains(&one.span.start);
        self.of(&assignment.name).any(behind)
    }

    /// Whether the text's last line ends in a backslash, so that what is added continues it.
    pub(super) fn ends_continued(&self) -> bool {
        self.found.ends_continued
    }

    /// The line of an offset, from 1.
    pub fn line_of(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|&start| start <= offset)
    }

    /// Line and column of an offset, both from 1; the column counts characters.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let line = self.line_of(offset);
        let start = self.line_starts.get(line - 1).copied().unwrap_or(0);
        let before = self.source(&(start..offset.min(self.text.len())));
        (line, String::from_utf8_lossy(before).chars().count() + 1)
    }

    /// How many lines there are; what follows the last line feed counts if it is not empty.
    pub fn line_count(&self) -> usize {
        self.line_starts.len() - usize::from(self.line_starts.last() == Some(&self.text.len()))
    }

    /// Where line `number`, from 1, begins and ends, its line feed not included.
    pub fn line_span(&self, number: usize) -> Range<usize> {
        let start = |index: usize| self.line_starts.get(index).copied();
        let Some(from) = number.checked_sub(1).and_then(start) else { return 0..0 };
        from..start(number).map_or(self.text.len(), |next| next - 1)
    }

    /// Line `number`, from 1, without its line feed; empty where there is none.
    pub fn line(&self, number: usize) -> &[u8] {
        self.source(&self.line_span(number))
    }
}

impl Assignment {
    /// The blank-separated words of its value: of a scalar, or of all elements.
    pub fn flags(&self) -> Vec<Flag> {
        self.value.words().iter().flat_map(Word::flags).collect()
    }
}

impl Value {
    /// Its words: the elements, or the scalar.
    pub fn words(&self) -> &[Word] {
        match self {
            Self::Array { elements, .. } => elements,
            Self::Scalar(word) => std::slice::from_ref(word),
        }
    }

    /// From its first to its last byte.
    pub fn span(&self) -> Range<usize> {
        match self {
            Self::Array { span, .. } => span.clone(),
            Self::Scalar(word) => word.span.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One line for each assignment: the line that bash tells, marks, name, value as written.
    fn told(text: &str) -> String {
        let document = Document::parse(text.as_bytes());
        let mut lines: Vec<String> = document
            .assignments()
            .iter()
            .map(|one| {
                let line = document.line_of(one.told_by);
                let value = document.source(&one.value.span()).escape_ascii();
                let kind = match one.value {
                    Value::Array { ref elements, .. } => elements.len().to_string(),
                    Value::Scalar(_) => String::new(),
                };
                let nested = if one.nested { "?" } else { "" };
                let append = if one.append { "+" } else { "" };
                format!("{line}{nested} {}{append}={kind}<{value}>", one.name)
            })
            .collect();
        lines.extend(document.problem().map(ToString::to_string));
        lines.join("; ")
    }

    #[test]
    fn assignments_are_found_wherever_bash_sees_them() {
        let cases = [
            "A=1 B=2; C=3 && D=4 || E=5\nF=6 | cat\nG=7 &\n",
            "A=1 command\nexport B=2 C D=(1 2)\ndeclare -a E=(x) F+=y\nreadonly G=$X\n",
            "A[1]=x B+=(1 [2]=3 $(echo \")\") `x`) C=\n",
            "if A=1; then B=2; else C=3; fi; D=4\n",
            "f() { A=1; }\nfunction g { B=2; }\nh() ( C=3 )\nD=4\n",
            "for x in a b; do A=1; done\nfor ((i=0;i<2;i++)); do B=2; done\n\
             while :; do C=3; done\n",
            "case $X in a|b) A=1 ;; (c) B=2 ;& *) C=3; esac; D=4\n",
            "{ A=1; } >x; ( B=2 ); (( C = 3 )); [[ $D =~ ^(a|b)#c$ && 1 -lt 2 ]]; E=5\n",
            "cat <<A <<-'B'\nC=1\nA\n\tD=2\n\tB\nE=3\n",
            "A=$(B=1; case x in x) echo;; esac # )\n)\nC=\"$(D=\")\")\" E=$((1+(2)))\n",
            "A=${B:-'}'} C=\"${D:-'x}'}\" E=\"${F#'}'}\" G=${H[1 2]/a/\\}}\n",
            "#A=1\n# B=2\nC=1#2 # D=3\nE=(a #b)\n# c)\nd#e)\n",
            "A=\"1\\\n2\" \\\n  B=3 \\\n\nC=4\n",
            "A=(1 2)\r\nB=3\r\n",
            "return 0\nA=1\n",
            "true && return\nA=1\n",
            "A=1\nB='2\n",
            "A=1\nB=(1; 2)\n",
            "A=1 )\n",
            "A=1\\",
        ];
        insta::assert_snapshot!(cases.map(told).join("\n"), @r#"
        1 A=<1>; 1 B=<2>; 1 C=<3>; 1? D=<4>; 1? E=<5>; 2? F=<6>; 3? G=<7>
        2 B=<2>; 2 D=2<(1 2)>; 3? E=1<(x)>; 3? F+=<y>; 4 G=<$X>
        1 A=<x>; 1 B+=4<(1 [2]=3 $(echo \")\") `x`)>; 1 C=<>
        1? A=<1>; 1? B=<2>; 1? C=<3>; 1 D=<4>
        1? A=<1>; 2? B=<2>; 3? C=<3>; 4 D=<4>
        1? A=<1>; 2? B=<2>; 3? C=<3>
        1? A=<1>; 1? B=<2>; 1? C=<3>; 1 D=<4>
        1? A=<1>; 1? B=<2>; 1 E=<5>
        6 E=<3>
        2 A=<$(B=1; case x in x) echo;; esac # )\n)>; 3 C=<\"$(D=\")\")\">; 3 E=<$((1+(2)))>
        1 A=<${B:-\'}\'}>; 1 C=<\"${D:-\'x}\'}\">; 1 E=<\"${F#\'}\'}\">; 1 G=<${H[1 2]/a/\\}}>
        3 C=<1#2>; 6 E=2<(a #b)\n# c)\nd#e)>
        2 A=<\"1\\\n2\">; 2 B=<3>; 5 C=<4>
        1 A=<(1 2)\r>; 2 B=<3\r>
        2? A=<1>
        2 A=<1>
        1 A=<1>; line 2: it is not closed: `'` is missing
        1 A=<1>; line 2: this cannot stand here in bash
        1 A=<1>; line 1: this cannot stand here in bash
        1 A=<1\\>
        "#);
    }

    #[test]
    fn places_are_told_in_lines_and_characters() {
        let document = Document::parse("A=1\nB='é' C=2\n".as_bytes());
        let c = document.last("C").unwrap();
        assert_eq!(document.line_column(c.span.start), (2, 7));
        assert_eq!(document.line(2), "B='é' C=2".as_bytes());
        assert_eq!(
            (document.line(3), document.line(9), document.line(0)),
            (&b""[..], &b""[..], &b""[..])
        );
        assert_eq!(document.line_count(), 2);
        assert_eq!(Document::parse(b"").line_count(), 0);
        assert_eq!(Document::parse(b"\nA=1").line_count(), 2);
    }

    #[test]
    fn an_assignment_is_found_by_the_line_that_bash_tells() {
        let document = Document::parse(b"A=1\nA=(\n1\n)\nA=2 \\\n B=3\n");
        let start = |line| document.ending_at("A", line).map(|one| one.span.start);
        assert_eq!(start(1), Some(0));
        assert_eq!(start(2), Some(4));
        assert_eq!(start(4), Some(4));
        assert_eq!(start(5), Some(12));
        assert_eq!(start(6), None);
    }
}
