//! Breaks text into lines.

/// The text in lines of at most `width` letters, if its words allow; all lines but the first begin
/// with `indent`. What stands between backquotes stays together where that fits in a line.
pub(in crate::setup) fn wrap(text: &str, width: usize, indent: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in words(text, width.saturating_sub(indent.len())) {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            out.push('\n');
            out.push_str(indent);
            column = indent.chars().count();
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(&word);
        column += length;
    }
    out
}

/// The words of a text, those between backquotes as one.
fn words(text: &str, longest: usize) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut open = false;
    for word in text.split_whitespace() {
        let quotes = word.matches('`').count();
        match words.last_mut().filter(|_| open) {
            Some(last) if last.chars().count() + word.chars().count() < longest => {
                last.push(' ');
                last.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
        open ^= quotes % 2 == 1;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_long_as_they_may_be() {
        assert_eq!(wrap("one two three four", 9, "  "), "one two\n  three\n  four");
        assert_eq!(wrap("exactly ten", 11, ""), "exactly ten");
        assert_eq!(wrap("averylongword x", 5, ""), "averylongword\nx");
        assert_eq!(wrap("", 5, " "), "");
    }

    #[test]
    fn what_is_quoted_stays_together() {
        assert_eq!(wrap("now write `a b c` here", 14, ""), "now write\n`a b c` here");
        assert_eq!(wrap("`a b c d e f g h`", 6, ""), "`a b c\nd e f\ng h`");
    }
}
