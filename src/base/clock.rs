//! The time that is now, since 1970.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time; nothing where the clock is set before 1970.
pub fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The same in seconds, as files of ours keep it.
pub fn seconds() -> u64 {
    now().as_secs()
}

/// The same in nanoseconds, as files have it for their last change.
pub fn nanoseconds() -> i128 {
    i128::try_from(now().as_nanos()).unwrap_or(i128::MAX)
}
