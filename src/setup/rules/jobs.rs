//! What both rules about the number behind `-j` compare, and say.

use crate::makepkg_conf::makeflags::{Jobs, jobs, with_jobs};
use crate::setup::facts::Facts;
use crate::setup::rules::Rule;
use crate::setup::rules::finding::Finding;
use crate::setup::words::plural;

/// The number behind `-j`, and the one that fits the slots.
pub(super) struct Compared {
    /// As MAKEFLAGS has it.
    pub(super) count: usize,
    /// So many times the slots as is wanted.
    pub(super) right: usize,
    makeflags: String,
    wanted: u32,
}

impl Compared {
    /// Both numbers, where both are known.
    pub(super) fn of(facts: &Facts) -> Option<Self> {
        let makeflags = facts.configuration.text("MAKEFLAGS").unwrap_or_default();
        let Jobs::Number(count) = jobs(&makeflags) else { return None };
        let wanted = facts.right_jobs()?;
        Some(Self { count: count as usize, right: wanted as usize, makeflags, wanted })
    }

    /// What `rule` says of them: how many jobs there are for how many slots, and behind that what
    /// `follows`.
    pub(super) fn finding(&self, facts: &Facts, rule: &Rule, follows: &str) -> Finding {
        let count = self.count;
        let slots = self.right / facts.settings.job_factor() as usize;
        let (jobs, slots) = (plural(count, "job"), plural(slots, "slot"));
        let message = format!("-j{count} starts {jobs} at a time for {slots}; {follows}");
        let write = with_jobs(&self.makeflags, self.wanted);
        let help = format!("write `{write}`, or run: distcc-setup configure");
        rule.finding(facts.place_of_jobs(), message, help)
    }
}
