//! `settings-unknown-rule`: a rule is silenced that does not exist.

use crate::setup::facts::Facts;
use crate::setup::facts::place::Place;
use crate::setup::facts::silence;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule, by_id};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "settings-unknown-rule",
    severity: Severity::Warning,
    group: Group::Settings,
    in_hook: false,
    summary: "a silenced rule does not exist",
    why: "What is silenced under a wrong name goes on to be said.",
    mend: "Write the rule's id as findings show it. distcc-setup check --list has them all.",
    example: "silence = [\"march-native\"]",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let message = |id: &str| format!("there is no rule `{id}` to be silenced");
    let help = "write an id that this lists: distcc-setup check --list";
    let known = |id: &str| by_id(id).is_some();
    let in_settings = facts.settings.silence.iter().filter(|id| !known(id));
    let in_settings =
        in_settings.map(|id| RULE.finding(Place::named("setup.toml"), message(id), help));
    let in_comments = facts
        .all_texts()
        .flat_map(|text| silence::comments(text).into_iter().map(move |comment| (text, comment)));
    let in_comments = in_comments.filter(|(_, comment)| !known(&comment.rule));
    let in_comments = in_comments.map(|(text, comment)| {
        let spot = text.spot(comment.range.clone(), &comment.range);
        RULE.finding(spot.into(), message(&comment.rule), help)
    });
    in_settings.chain(in_comments).collect()
}
