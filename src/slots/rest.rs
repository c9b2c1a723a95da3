//! A volunteer that failed rests for a while: no client of this state directory asks it.
//!
//! Source: the C distcc 3.4 writes one byte to `lock/backoff_tcp_HOST_PORT_0`; the file's mtime is
//! the time of the failure. `DISTCC_BACKOFF_PERIOD=0` switches resting off.

use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::base::replace;

/// Whether the volunteer whose file is `name` in `dir` still rests at `now`.
pub fn is_resting(dir: &Path, name: &str, period: Duration, now: SystemTime) -> bool {
    if period.is_zero() {
        return false;
    }
    let Ok(failed) = std::fs::metadata(dir.join(name)).and_then(|meta| meta.modified()) else {
        return false;
    };
    // A file from the future (a clock was set back) must not keep a volunteer away for long.
    now.duration_since(failed).map_or_else(|ahead| ahead.duration() < period, |age| age < period)
}

/// Sends the volunteer to rest from now on.
///
/// # Errors
///
/// What writing the file met; the volunteer is then simply asked again.
pub fn let_rest(dir: &Path, name: &str) -> io::Result<()> {
    replace::write(&dir.join(name), b"x", 0o666)
}

/// Ends the rest of the volunteer, if it has one.
pub fn wake(dir: &Path, name: &str) {
    // No file, no rest; and a file that cannot be removed ends by its age.
    drop(std::fs::remove_file(dir.join(name)));
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_secs(60);

    #[test]
    fn volunteer_rests_for_the_period_and_no_longer() {
        let dir = tempfile::tempdir().unwrap();
        let name = "backoff_tcp_h_3632_0";
        let now = SystemTime::now();
        assert!(!is_resting(dir.path(), name, PERIOD, now));
        let_rest(dir.path(), name).unwrap();
        assert!(is_resting(dir.path(), name, PERIOD, now));
        assert!(!is_resting(dir.path(), name, PERIOD, now + Duration::from_secs(120)));
        assert!(!is_resting(dir.path(), name, Duration::ZERO, now));
        wake(dir.path(), name);
        assert!(!is_resting(dir.path(), name, PERIOD, now));
    }

    #[test]
    fn clock_set_back_does_not_keep_a_volunteer_away_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let name = "backoff_tcp_h_3632_0";
        let_rest(dir.path(), name).unwrap();
        let long_ago = SystemTime::now() - Duration::from_secs(100_000);
        assert!(!is_resting(dir.path(), name, PERIOD, long_ago));
    }
}
