//! Numbers as people read them.

use std::time::Duration;

/// `1 unit`, `2 units`
pub(super) fn plural(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// How many digits a number has.
pub(super) fn digits(number: usize) -> usize {
    number.to_string().len()
}

/// `1.5 s`
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// `1.5 s`, `2 min 31 s`, `1 h 02 min`
pub(super) fn duration(milliseconds: u64) -> String {
    let time = Duration::from_millis(milliseconds);
    let whole = time.as_secs();
    match whole {
        0..60 => seconds(time),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

/// `999 B`, `12 kB`, `3.4 MB`, `5.6 GB`
pub(super) fn bytes(count: u64) -> String {
    match count {
        0..1000 => format!("{count} B"),
        1000..1_000_000 => format!("{} kB", count / 1000),
        1_000_000..1_000_000_000 => format!("{}.{} MB", count / 1_000_000, count / 100_000 % 10),
        _ => format!("{}.{} GB", count / 1_000_000_000, count / 100_000_000 % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        let shown = [999, 1000, 12_345, 3_456_789, 5_678_000_000].map(bytes);
        assert_eq!(shown, ["999 B", "1 kB", "12 kB", "3.4 MB", "5.6 GB"]);
    }

    #[test]
    fn durations_are_short() {
        let shown = [0, 1549, 60_000, 151_000, 3_720_000].map(duration);
        assert_eq!(shown, ["0.0 s", "1.5 s", "1 min 00 s", "2 min 31 s", "1 h 02 min"]);
    }

    #[test]
    fn one_is_no_plural() {
        assert_eq!((plural(1, "unit"), plural(0, "unit")), ("1 unit".into(), "0 units".into()));
    }
}
