//! A moment in the past, as people write it.

use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Timestamp, Zoned};

/// Writes a moment that cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no moment; write how long ago (10m, 2h, 3d, 1h30m), a date or time (2026-11-28, \
     10:30, 2026-11-28T10:30), or @ and seconds since 1970"
)]
pub(super) struct WhenError(String);

/// Units of lengths of time, in seconds.
const UNITS: [(char, i64); 5] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400), ('w', 604_800)];

/// Reads `text`; `now` says what lengths count back from, and in which time zone dates are.
///
/// # Errors
///
/// [`WhenError`] for what is none of the forms.
pub(super) fn read(text: &str, now: &Zoned) -> Result<Timestamp, WhenError> {
    let bad = || WhenError(text.to_owned());
    let trimmed = text.trim();
    if let Some(seconds) = trimmed.strip_prefix('@') {
        return at_second(seconds).ok_or_else(bad);
    }
    if let Some(ago) = length(trimmed) {
        return now.timestamp().checked_sub(ago).map_err(|_| bad());
    }
    if let Ok(moment) = trimmed.parse::<Timestamp>() {
        return Ok(moment);
    }
    let local = local(trimmed, now).ok_or_else(bad)?;
    Ok(local.to_zoned(now.time_zone().clone()).map_err(|_| bad())?.timestamp())
}

/// Seconds since 1970, with or without a fraction.
fn at_second(text: &str) -> Option<Timestamp> {
    let whole = text.split('.').next().unwrap_or(text);
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let fraction = text.get(whole.len()..).unwrap_or_default();
    if whole.is_empty() || !digits(whole) || !digits(fraction.trim_start_matches('.')) {
        return None;
    }
    Timestamp::from_second(whole.parse().ok()?).ok()
}

/// `1h30m`: one or more numbers, each with its unit.
fn length(text: &str) -> Option<SignedDuration> {
    let mut seconds = 0_i64;
    let mut number = None::<i64>;
    for letter in text.chars() {
        if let Some(digit) = letter.to_digit(10) {
            let before = number.unwrap_or(0).checked_mul(10)?;
            number = Some(before.checked_add(i64::from(digit))?);
            continue;
        }
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == letter)?;
        seconds = seconds.checked_add(number.take()?.checked_mul(*unit)?)?;
    }
    (number.is_none() && !text.is_empty()).then(|| SignedDuration::from_secs(seconds))
}

/// A date, a time of today, or both, without a time zone.
fn local(text: &str, now: &Zoned) -> Option<DateTime> {
    if let Ok(date) = text.parse::<Date>()
        && !text.contains(['T', 't', ' ', ':'])
    {
        return Some(date.at(0, 0, 0, 0));
    }
    if let Ok(both) = text.parse::<DateTime>() {
        return Some(both);
    }
    // A bare number might mean anything.
    let time = text.contains(':').then(|| text.parse::<Time>())?;
    Some(now.date().to_datetime(time.ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> Zoned {
        "2026-11-28T12:00:00+01:00[+01:00]".parse().unwrap()
    }

    fn at(text: &str) -> String {
        read(text, &now()).map_or_else(|error| error.to_string(), |moment| moment.to_string())
    }

    #[test]
    fn every_form_that_is_promised_is_read() {
        assert_eq!(at("10m"), "2026-11-28T10:50:00Z");
        assert_eq!(at("2h"), "2026-11-28T09:00:00Z");
        assert_eq!(at("1h30m"), "2026-11-28T09:30:00Z");
        assert_eq!(at("3d"), "2026-11-25T11:00:00Z");
        assert_eq!(at("2w"), "2026-11-14T11:00:00Z");
        assert_eq!(at("0s"), "2026-11-28T11:00:00Z");
        assert_eq!(at("@1700000000"), "2023-11-14T22:13:20Z");
        assert_eq!(at("@1700000000.25"), "2023-11-14T22:13:20Z");
        assert_eq!(at("2026-11-27"), "2026-11-26T23:00:00Z");
        assert_eq!(at("2026-11-27T10:30"), "2026-11-27T09:30:00Z");
        assert_eq!(at("2026-11-27 10:30:05"), "2026-11-27T09:30:05Z");
        assert_eq!(at("2026-11-27T10:30:00Z"), "2026-11-27T10:30:00Z");
        assert_eq!(at("2026-11-27T10:30:00-05:00"), "2026-11-27T15:30:00Z");
        assert_eq!(at(" 10:30 "), "2026-11-28T09:30:00Z");
    }

    #[test]
    fn other_words_are_refused_with_the_forms() {
        insta::assert_snapshot!(at("yesterday"), @"`yesterday` is no moment; write how long ago (10m, 2h, 3d, 1h30m), a date or time (2026-11-28, 10:30, 2026-11-28T10:30), or @ and seconds since 1970");
        for text in ["", "@", "@-1", "@x", "10", "m", "1x", "-5m", "99999999999999999999d", "1.5h"]
        {
            assert!(read(text, &now()).is_err(), "{text}");
        }
        assert!(read("9999999999999d", &now()).is_err());
        assert!(read("@99999999999999", &now()).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fall_over(text in "\\PC*") {
            drop(read(&text, &now()));
        }
    }
}
