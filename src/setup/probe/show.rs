//! Tables, sentences and commands, made to fit a terminal.

use crate::compiler::mismatch;

/// The width that everything fits into; wider terminals get no wider tables.
pub const WIDTH: usize = 80;

/// Rows below headings, columns as wide as what is in them; what is too wide for the line is taken
/// from the widest column. The last column is not filled up.
pub fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let widths = widths(headings, rows);
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::new();
        for (cell, &width) in cells.zip(&widths) {
            let cell = cut(cell, width);
            line += &cell;
            line.extend(std::iter::repeat_n(' ', width + 2 - cell.chars().count()));
        }
        format!("{}\n", line.trim_end())
    };
    let mut text = line(&mut headings.iter().copied());
    for row in rows {
        text += &line(&mut row.iter().map(String::as_str));
    }
    text
}

fn widths(headings: &[&str], rows: &[Vec<String>]) -> Vec<usize> {
    let cells = |at: usize| {
        let heading = headings.get(at).map_or(0, |heading| heading.chars().count());
        rows.iter()
            .filter_map(|row| row.get(at))
            .map(|cell| cell.chars().count())
            .fold(heading, usize::max)
    };
    let mut widths: Vec<usize> = (0..headings.len()).map(cells).collect();
    let gaps = 2 * headings.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > WIDTH {
        match widths.iter_mut().max() {
            Some(widest) if *widest > 8 => *widest -= 1,
            _ => break,
        }
    }
    widths
}

/// The text, with a sign for what is left out.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// A text broken at blanks, each line with `indent` blanks before it.
pub fn wrapped(text: &str, indent: usize) -> String {
    let margin = " ".repeat(indent);
    let (mut out, mut line) = (String::new(), String::new());
    for word in text.split_whitespace() {
        let longer = line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && indent + longer > WIDTH {
            out += &format!("{margin}{line}\n");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    format!("{out}{margin}{line}\n")
}

/// A whole sentence of one that reads on from a colon; `names` keep their small letters.
pub fn sentence(text: &str, names: &[&str]) -> String {
    let named = names.iter().any(|name| !name.is_empty() && text.starts_with(name));
    let mut signs = text.chars();
    match signs.next() {
        Some(first) if !named => format!("{}{}.", first.to_uppercase(), signs.as_str()),
        _ => format!("{text}."),
    }
}

/// A command to be copied: one that is too long for a line goes on after `&& \`.
pub fn command(text: &str, indent: usize) -> String {
    let margin = " ".repeat(indent);
    match indent + text.chars().count() > WIDTH {
        true => format!("{margin}{}\n", text.replace(" && ", &format!(" && \\\n{margin}  "))),
        false => format!("{margin}{text}\n"),
    }
}

/// A compiler's own words with the number first: `12.2.0 (Debian 12.2.0-14)`.
pub fn version(words: &str) -> String {
    let words = words.split(", ").next().unwrap_or(words);
    let words = words.strip_prefix("GCC: ").unwrap_or(words);
    if let Some((distributor, number)) =
        words.strip_prefix('(').and_then(|rest| rest.split_once(") "))
    {
        return match distributor {
            "GNU" => number.to_owned(),
            _ => format!("{number} ({distributor})"),
        };
    }
    match words.split_once("clang version ") {
        Some((distributor, number)) if !distributor.trim().is_empty() => {
            format!("{number} ({})", distributor.trim())
        }
        Some((_, number)) => number.to_owned(),
        None => words.to_owned(),
    }
}

/// A local compiler, in a word or two: `gcc 12.2.0 (Debian 12.2.0-14)`.
pub fn named_version(name: &str, identity: &crate::compiler::object::ObjectIdentity) -> String {
    format!("{name} {}", version(&mismatch::listed(identity)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_takes_from_its_widest_column_what_the_line_lacks() {
        let rows = vec![
            vec!["a".to_owned(), "x".repeat(100), "end".to_owned()],
            vec!["bbbb".to_owned(), "y".to_owned(), String::new()],
        ];
        let text = table(&["ONE", "TWO", "THREE"], &rows);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert!(text.lines().nth(1).unwrap().ends_with("x…  end"), "{text}");
        assert_eq!(text.lines().nth(2), Some("bbbb  y"));
    }

    #[test]
    fn sentences_are_broken_at_blanks_and_commands_after_their_joints() {
        let text = wrapped(&"word ".repeat(40), 2);
        assert!(text.lines().all(|line| line.len() <= WIDTH && line.starts_with("  word")));
        let long = format!("sudo {} && sudo b", "a".repeat(90));
        assert_eq!(command(&long, 4), format!("    sudo {} && \\\n      sudo b\n", "a".repeat(90)));
        assert_eq!(command("a && b", 4), "    a && b\n");
    }

    #[test]
    fn versions_begin_with_their_number() {
        assert_eq!(version("GCC: (GNU) 15.2.1 20250813"), "15.2.1 20250813");
        assert_eq!(version("GCC: (Debian 12.2.0-14) 12.2.0"), "12.2.0 (Debian 12.2.0-14)");
        assert_eq!(version("Debian clang version 14.0.6"), "14.0.6 (Debian)");
        assert_eq!(version("clang version 22.1.3"), "22.1.3");
        assert_eq!(version("tcc 0.9"), "tcc 0.9");
    }
}
