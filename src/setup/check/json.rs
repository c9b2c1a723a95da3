//! Findings as JSON; distcc-setup-check(1) describes it, and what is there stays there.

use serde::Serialize;

use crate::setup::check::Report;
use crate::setup::rules::finding::{Finding, Severity};

/// Rises when a key goes or changes its meaning; new ones may come at any time.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Whole<'a> {
    version: u32,
    errors: usize,
    warnings: usize,
    notes: usize,
    silenced: usize,
    findings: Vec<One<'a>>,
}

#[derive(Serialize)]
struct One<'a> {
    rule: &'a str,
    severity: Severity,
    place: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_column: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    message: &'a str,
    help: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replacement: Option<&'a str>,
}

/// All of the report.
pub(super) fn render(report: &Report) -> String {
    let whole = Whole {
        version: VERSION,
        errors: report.count(Severity::Error),
        warnings: report.count(Severity::Warning),
        notes: report.count(Severity::Note),
        silenced: report.silenced,
        findings: report.findings.iter().map(one).collect(),
    };
    // Numbers and text can always be written.
    serde_json::to_string_pretty(&whole).unwrap_or_default() + "\n"
}

fn one(finding: &Finding) -> One<'_> {
    let spot = finding.place.in_file();
    One {
        rule: finding.rule,
        severity: finding.severity,
        place: &finding.place.name,
        file: spot.map(|spot| spot.file.display().to_string()),
        line: spot.map(|spot| spot.line),
        column: spot.map(|spot| spot.column),
        end_column: spot.map(|spot| spot.column + spot.width),
        text: finding.place.spot.as_ref().map(|spot| spot.text.as_str()),
        message: &finding.message,
        help: finding.advice(),
        command: finding.command.as_deref(),
        replacement: finding.replacement.as_deref(),
    }
}
