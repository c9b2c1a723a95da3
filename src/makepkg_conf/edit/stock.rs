//! The stock file's comments: the commented assignment that waits to be uncommented, and the lines
//! that describe a variable.

use crate::makepkg_conf::document::{Assignment, Comment, Document};
use crate::makepkg_conf::edit::scalar::{assign, in_stock_style};
use crate::makepkg_conf::edited::Splice;

/// The last line of the comment that describes a variable in the file that pacman ships.
const DESCRIPTIONS: [(&str, &str); 2] = [
    ("DISTCC_HOSTS", "-- specify a space-delimited list of hosts running in the DistCC cluster."),
    ("MAKEFLAGS", "-- Make Flags: change this for DistCC/SMP systems"),
];

/// Where the comments of a file that does not set `name` ask for it to be set.
pub(super) fn place(document: &Document, name: &str, value: &str) -> Option<Vec<Splice>> {
    let below = |comment: &Comment| {
        let line = format!("\n{name}={}", in_stock_style(value));
        vec![Splice::insert(comment.span.end, line)]
    };
    let mut comments = document.comments().iter().rev().filter(|one| stands_alone(document, one));
    if let Some((comment, twin)) =
        comments.clone().find_map(|one| Some((one, twin(document, one, name)?)))
    {
        let stock = twin.assignment.flags().iter().all(|flag| flag.text.starts_with("-j"));
        return Some(if stock { twin.uncommented(value) } else { below(comment) });
    }
    let (_, description) = DESCRIPTIONS.iter().find(|(described, _)| *described == name)?;
    let describes = |comment: &&Comment| {
        let text = document.source(&comment.span);
        let text = text.trim_ascii_end();
        text.ends_with(description.as_bytes())
    };
    comments.find(describes).map(below)
}

/// Whether a comment has its line for itself, and a command could stand there.
fn stands_alone(document: &Document, comment: &Comment) -> bool {
    let line = document.line_span(document.line_of(comment.span.start));
    let before = document.source(&(line.start..comment.span.start));
    comment.free && before.iter().all(|byte| b" \t".contains(byte))
}

/// A commented assignment.
struct Twin {
    /// Where the line's text begins behind `#` and blanks.
    start: usize,
    /// Where `#` stands.
    comment: usize,
    /// Places in it are counted from `start`.
    assignment: Assignment,
}

/// The assignment of `name` that `comment` is, if it is nothing but that.
fn twin(document: &Document, comment: &Comment, name: &str) -> Option<Twin> {
    let line = document.source(&comment.span);
    let text = line.get(1..)?.trim_ascii_start();
    let inner = Document::parse(text);
    let [assignment] = inner.assignments() else { return None };
    let rest = text.get(assignment.command.end..)?;
    let ends = rest.iter().find(|byte| !b" \t".contains(byte)).is_none_or(|byte| *byte == b'#');
    let plain = assignment.name == name
        && assignment.command.start == 0
        && assignment.command.end == assignment.span.end
        && assignment.subscript.is_none()
        && !assignment.append
        && !assignment.nested;
    let fine = ends && plain && inner.problem().is_none() && inner.last_place() == text.len();
    let start = comment.span.end - text.len();
    fine.then(|| Twin { start, comment: comment.span.start, assignment: assignment.clone() })
}

impl Twin {
    /// Takes the `#` away, and sets `value`.
    fn uncommented(&self, value: &str) -> Vec<Splice> {
        let mut splices = vec![Splice::new(self.comment..self.start, "")];
        splices.extend(assign(&self.assignment, value).map(|splice| {
            let span = splice.span.start + self.start..splice.span.end + self.start;
            Splice { span, ..splice }
        }));
        splices
    }
}
