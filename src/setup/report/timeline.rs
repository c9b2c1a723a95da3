//! How many slots were taken at each moment, as a curve.

use std::fmt::Write;

use crate::setup::tally::Interval;

/// How many parts the time is divided into.
const PARTS: u32 = 600;
/// The height of the picture in its own units.
const HEIGHT: f64 = 100.0;

/// The average number of `intervals` that ran in each of the equal parts of `span`.
pub(super) fn averages(intervals: &[Interval], span: Interval) -> Vec<f64> {
    let (from, to) = span;
    let length = to.saturating_sub(from).max(1) as f64 / f64::from(PARTS);
    let mut parts = vec![0.0; PARTS as usize];
    let starts = intervals.iter().map(|(start, _)| (*start, 1.0));
    let ends = intervals.iter().map(|(_, end)| (*end, -1.0));
    let mut events: Vec<(u64, f64)> = starts.chain(ends).collect();
    events.sort_unstable_by_key(|event| event.0);
    let (mut before, mut running) = (0.0, 0.0);
    for (time, change) in events {
        let now = time.saturating_sub(from) as f64 / length;
        spread(&mut parts, before, now, running);
        (before, running) = (now, running + change);
    }
    parts
}

/// Adds `running` to the parts between `start` and `end`, to the first and last by their share.
fn spread(parts: &mut [f64], start: f64, end: f64, running: f64) {
    if running <= 0.0 {
        return;
    }
    for (at, part) in (0_u32..).map(f64::from).zip(parts) {
        let inside = end.min(at + 1.0) - start.max(at);
        if inside > 0.0 {
            *part += running * inside;
        }
    }
}

/// The area below the curve as an SVG picture; `most` is its full height.
pub(super) fn picture(averages: &[f64], most: f64) -> String {
    let mut path = format!("M0 {HEIGHT}");
    let mut last = f64::NAN;
    for (at, average) in averages.iter().enumerate() {
        let height = HEIGHT - HEIGHT * (average / most.max(1.0)).clamp(0.0, 1.0);
        if (height - last).abs() > 0.05 || last.is_nan() {
            // Writing to a string cannot fail.
            let _ = write!(path, "H{at}V{height:.1}");
            last = height;
        }
    }
    let width = averages.len();
    format!(
        "<svg viewBox=\"0 0 {width} {HEIGHT}\" preserveAspectRatio=\"none\">\
         <path d=\"{path}H{width}V{HEIGHT}Z\"/></svg>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_add_up_to_what_ran() {
        let parts = averages(&[(0, 300), (150, 600)], (0, 600));
        assert_eq!(parts.len(), 600);
        assert_eq!((parts[0], parts[200], parts[400]), (1.0, 2.0, 1.0));
        assert!((parts.iter().sum::<f64>() - 750.0).abs() < 1e-6);
    }

    #[test]
    fn intervals_shorter_than_a_part_count_by_their_share() {
        let parts = averages(&[(0, 5)], (0, 6000));
        assert!((parts[0] - 0.5).abs() < 1e-9, "{}", parts[0]);
        assert_eq!(parts[1], 0.0);
    }

    #[test]
    fn moments_that_cannot_be_are_no_trouble() {
        averages(&[(0, u64::MAX), (u64::MAX, u64::MAX)], (0, u64::MAX));
        averages(&[(7, 7)], (7, 7));
        assert_eq!(averages(&[], (0, 0)).len(), 600);
    }

    #[test]
    fn a_picture_has_a_step_for_each_change_only() {
        let svg = picture(&[1.0, 1.0, 2.0, 0.0], 2.0);
        insta::assert_snapshot!(svg, @r#"<svg viewBox="0 0 4 100" preserveAspectRatio="none"><path d="M0 100H0V50.0H2V0.0H3V100.0H4V100Z"/></svg>"#);
    }
}
