//! Findings as lines, one each: `PLACE: RULE: what is wrong; what to do`.

use crate::setup::facts::place::Place;
use crate::setup::rules::finding::Finding;

/// A line for each finding.
pub(super) fn render(findings: &[Finding]) -> String {
    findings.iter().map(|finding| line(finding) + "\n").collect()
}

fn line(finding: &Finding) -> String {
    let Finding { rule, message, .. } = finding;
    let text = format!("{}: {rule}: {message}; {}", place(&finding.place), finding.advice());
    // Names of files may hold anything.
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// `FILE:LINE`, or the name.
fn place(place: &Place) -> String {
    match place.in_file() {
        Some(spot) => format!("{}:{}", place.name, spot.line),
        None => place.name.clone(),
    }
}
