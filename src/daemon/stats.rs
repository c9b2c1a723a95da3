//! Counters, and what has been going on in the last quarter of an hour.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::daemon::summary::{Outcome, Summary};

/// The averages look back so many minutes.
const MINUTES: usize = 15;

/// What is counted; shared by all threads.
#[derive(Debug)]
pub struct Stats {
    counts: Mutex<Counts>,
}

/// The numbers at one moment.
#[derive(Clone, Debug)]
pub struct Counts {
    /// Connections accepted.
    pub accepted: u64,
    /// Visits by how they ended, in the order of [`Outcome::ALL`].
    pub outcomes: [u64; Outcome::ALL.len()],
    /// The longest compile: source, compiler, time.
    pub longest: Option<(String, String, Duration)>,
    /// Process groups of the compiles that run now.
    pub running: BTreeSet<i32>,
    /// Compiles that run now.
    active: u32,
    /// Compile time (of all compiles together) of the minute that is not over.
    busy: Duration,
    /// When `busy` was last brought up to date.
    since: Instant,
    minute_began: Instant,
    /// Mean compiles at a time, and compiles ended, in each whole minute; the last one last.
    minutes: VecDeque<(f64, u64)>,
    /// Compiles that ended in the minute that is not over.
    ended: u64,
    /// Sectors moved, and when they were counted.
    pub sectors: Option<(u64, Instant)>,
}

impl Default for Stats {
    fn default() -> Self {
        let now = Instant::now();
        let counts = Counts {
            accepted: 0,
            outcomes: [0; Outcome::ALL.len()],
            longest: None,
            running: BTreeSet::new(),
            active: 0,
            busy: Duration::ZERO,
            since: now,
            minute_began: now,
            minutes: VecDeque::new(),
            ended: 0,
            sectors: None,
        };
        Self { counts: Mutex::new(counts) }
    }
}

impl Stats {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Numbers are never half written.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A client was let in.
    pub fn accepted(&self) {
        self.counts().accepted += 1;
    }

    /// A compile starts.
    pub fn started(&self) {
        let mut counts = self.counts();
        counts.advance(Instant::now());
        counts.active += 1;
    }

    /// A compile is over.
    pub fn ended(&self) {
        let mut counts = self.counts();
        counts.advance(Instant::now());
        counts.active = counts.active.saturating_sub(1);
        counts.ended += 1;
    }

    /// The process group `pid` is a compile that runs, or runs no more.
    pub fn runs(&self, pid: i32, does: bool) {
        let mut counts = self.counts();
        if does {
            counts.running.insert(pid);
        } else {
            counts.running.remove(&pid);
        }
    }

    /// A visit is over.
    pub fn told(&self, summary: &Summary) {
        let mut counts = self.counts();
        let place = Outcome::ALL.iter().position(|outcome| *outcome == summary.outcome);
        if let Some(count) = place.and_then(|place| counts.outcomes.get_mut(place)) {
            *count += 1;
        }
        if let Some((compiler, source)) = &summary.unit {
            let longer = counts.longest.as_ref().is_none_or(|(.., time)| *time < summary.time);
            if summary.outcome == Outcome::CompileOk && longer {
                counts.longest = Some((source.clone(), compiler.clone(), summary.time));
            }
        }
    }

    /// The numbers now.
    pub fn now(&self) -> Counts {
        let mut counts = self.counts();
        counts.advance(Instant::now());
        counts.clone()
    }

    /// Remembers the sectors that the disks have moved; gives those since the last time, a second.
    pub fn sectors_per_second(&self, sectors: u64) -> Option<u64> {
        let mut counts = self.counts();
        let now = Instant::now();
        let before = counts.sectors.replace((sectors, now));
        let (before, when) = before?;
        let millis = u64::try_from(now.duration_since(when).as_millis()).ok()?.max(1);
        Some(sectors.saturating_sub(before).saturating_mul(1000) / millis)
    }
}

impl Counts {
    /// Brings the averages up to `now`.
    fn advance(&mut self, now: Instant) {
        const MINUTE: Duration = Duration::from_secs(60);
        if now.duration_since(self.minute_began) > MINUTE * 20 {
            // Nothing of what came before is within the window.
            self.minutes.clear();
            self.minutes.extend([(f64::from(self.active), 0); MINUTES]);
            (self.minute_began, self.since, self.busy) = (now, now, Duration::ZERO);
        }
        while let Some(end) = self.minute_began.checked_add(MINUTE).filter(|end| *end <= now) {
            self.busy += end.saturating_duration_since(self.since) * self.active;
            self.minutes.push_back((self.busy.as_secs_f64() / 60.0, self.ended));
            if self.minutes.len() > MINUTES {
                self.minutes.pop_front();
            }
            self.busy = Duration::ZERO;
            self.ended = 0;
            (self.minute_began, self.since) = (end, end);
        }
        self.busy += now.saturating_duration_since(self.since) * self.active;
        self.since = now;
    }

    /// Mean compiles at a time over the last `minutes` whole minutes.
    pub fn mean_active(&self, minutes: usize) -> f64 {
        let last = self.minutes.iter().rev().take(minutes);
        let (sum, count) =
            last.fold((0.0, 0_u32), |(sum, count), (mean, _)| (sum + mean, count + 1));
        if count == 0 { 0.0 } else { sum / f64::from(count) }
    }

    /// Compiles that ended in the last `minutes` minutes, the one that is not over included.
    pub fn compiles(&self, minutes: usize) -> u64 {
        let whole = self.minutes.iter().rev().take(minutes.saturating_sub(1));
        self.ended + whole.map(|(_, ended)| ended).sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::exit::Exit;

    #[test]
    fn visits_are_counted_by_how_they_ended() {
        let stats = Stats::default();
        let mut summary =
            Summary::without_compile(Outcome::RejBadReq, Exit::PROTOCOL_ERROR, Duration::ZERO);
        stats.told(&summary);
        stats.told(&summary);
        summary.outcome = Outcome::CompileOk;
        summary.unit = Some(("gcc".to_owned(), "a.c".to_owned()));
        summary.time = Duration::from_millis(30);
        stats.told(&summary);
        summary.unit = Some(("gcc".to_owned(), "quick.c".to_owned()));
        summary.time = Duration::from_millis(20);
        stats.told(&summary);
        let counts = stats.now();
        assert_eq!(counts.outcomes, [2, 0, 2, 0, 0, 0, 0]);
        assert_eq!(counts.longest.unwrap().0, "a.c");
    }

    #[test]
    fn averages_are_those_of_whole_minutes() {
        let stats = Stats::default();
        let mut counts = stats.now();
        let start = counts.minute_began;
        let at = |seconds| start + Duration::from_secs(seconds);
        counts.active = 2;
        counts.advance(at(30));
        counts.active = 0;
        counts.ended = 2;
        counts.advance(at(61));
        assert!((counts.mean_active(1) - 1.0).abs() < 0.1, "{}", counts.mean_active(1));
        assert_eq!((counts.compiles(1), counts.compiles(2)), (0, 2));
        counts.advance(at(125));
        assert!((counts.mean_active(2) - 0.5).abs() < 0.1);
        counts.advance(at(100_000));
        assert_eq!(counts.minutes.len(), MINUTES);
        assert_eq!(counts.compiles(15), 0);
    }
}
