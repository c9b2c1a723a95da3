//! Findings as SARIF 2.1.0, the format in which editors and code hosts take results of checks.
//!
//! Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0".

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::setup::check::Report;
use crate::setup::facts::place::Spot;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{ALL, Rule};

/// Where the format is described for programs.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// All of the report.
pub(super) fn render(report: &Report) -> String {
    let rules: Vec<Value> = ALL.iter().map(rule).collect();
    let results: Vec<Value> = report.findings.iter().map(result).collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "distcc-setup",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{log:#}\n")
}

fn rule(rule: &Rule) -> Value {
    json!({
        "id": rule.id,
        "shortDescription": { "text": rule.summary },
        "fullDescription": { "text": rule.why },
        "help": { "text": format!("{} For example: {}", rule.mend, rule.example) },
        "defaultConfiguration": { "level": level(rule.severity) },
        "properties": { "group": rule.group },
    })
}

fn result(finding: &Finding) -> Value {
    let index = ALL.iter().position(|rule| rule.id == finding.rule).unwrap_or_default();
    let place = &finding.place;
    let location = match place.in_file() {
        Some(spot) => json!({ "physicalLocation": {
            "artifactLocation": { "uri": uri(&spot.file) },
            "region": region(spot),
            "contextRegion": { "startLine": spot.line, "snippet": { "text": spot.text } },
        } }),
        None if Path::new(&place.name).is_absolute() => json!({ "physicalLocation": {
            "artifactLocation": { "uri": uri(Path::new(&place.name)) },
        } }),
        None => json!({ "logicalLocations": [{ "fullyQualifiedName": place.name }] }),
    };
    let text = format!("{}; {}", finding.message, finding.advice());
    let fixes = match (place.in_file(), &finding.replacement) {
        (Some(spot), Some(text)) => vec![fix(spot, &finding.help, text)],
        _ => Vec::new(),
    };
    json!({
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": level(finding.severity),
        "message": { "text": text },
        "locations": [location],
        "fixes": fixes,
    })
}

fn region(spot: &Spot) -> Value {
    let part: String = spot.text.chars().skip(spot.column - 1).take(spot.width).collect();
    json!({
        "startLine": spot.line,
        "startColumn": spot.column,
        "endColumn": spot.column + spot.width,
        "snippet": { "text": part },
    })
}

fn fix(spot: &Spot, help: &str, text: &str) -> Value {
    let region = json!({
        "startLine": spot.line,
        "startColumn": spot.column,
        "endColumn": spot.column + spot.width,
    });
    json!({
        "description": { "text": help },
        "artifactChanges": [{
            "artifactLocation": { "uri": uri(&spot.file) },
            "replacements": [{ "deletedRegion": region, "insertedContent": { "text": text } }],
        }],
    })
}

fn level(severity: Severity) -> &'static str {
    severity.word()
}

/// `file:///etc/makepkg.conf`; a relative path stays one.
///
/// Source: RFC 3986, section 2.3.
fn uri(path: &Path) -> String {
    let mut out = if path.is_absolute() { "file://".to_owned() } else { String::new() };
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(*byte));
            }
            _ => out += &format!("%{byte:02X}"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri(Path::new("/etc/a b/é+.conf")), "file:///etc/a%20b/%C3%A9%2B.conf");
        assert_eq!(uri(Path::new("PKGBUILD")), "PKGBUILD");
    }
}
