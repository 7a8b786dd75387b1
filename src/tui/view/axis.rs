//! The time axis of charts, in the ward's time.

use super::{pen::Pen, pen::width};
use crate::{
    domain::{Millis, Timestamp},
    tui::words,
};
use chrono::{Offset, Timelike};
use chrono_tz::Tz;
use ratatui::{buffer::Buffer, layout::Rect, style::Style};

/// Steps between two labels, in minutes.
const STEPS: [u32; 12] = [1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720];
/// Columns that a label with its time zone needs.
const LABEL_COLUMNS: i64 = 12;
const MINUTE_MS: i64 = 60_000;

/// A label of the axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tick {
    pub(super) at: Timestamp,
    pub(super) label: String,
}

/// Labels at full local times between `from` and `to`, as many as `columns` have room for. Where the clock is put
/// forward or back the label names the zone that begins to hold, so that an hour that comes twice is told apart.
pub(super) fn ticks(from: Timestamp, to: Timestamp, columns: u16, zone: Tz) -> Vec<Tick> {
    let minutes = to.since(from).0 / MINUTE_MS;
    let room = (i64::from(columns) / LABEL_COLUMNS).max(1);
    let step = STEPS.into_iter().find(|step| minutes / i64::from(*step) <= room).unwrap_or(720);
    // Offsets of time zones are whole quarters of an hour.
    let grain = i64::from(step.min(15)) * MINUTE_MS;
    let first = from.as_ms().div_euclid(grain) * grain;
    let mut offset = offset_of(from, zone);
    let mut ticks = Vec::new();
    let mut at = Timestamp::from_ms(if first < from.as_ms() { first + grain } else { first });
    while at < to {
        let local = at.utc().with_timezone(&zone);
        if (local.hour() * 60 + local.minute()).is_multiple_of(step) {
            let mut label = words::clock_minutes(at, zone);
            if offset_of(at, zone) != offset {
                offset = offset_of(at, zone);
                label = format!("{label} {}", local.format("%Z"));
            }
            ticks.push(Tick { at, label });
        }
        at = at + Millis(grain);
    }
    ticks
}

fn offset_of(at: Timestamp, zone: Tz) -> i32 {
    at.utc().with_timezone(&zone).offset().fix().local_minus_utc()
}

/// The column of a moment among `columns` that stand for `from` to `to`.
pub(super) fn column_of(at: Timestamp, span: (Timestamp, Timestamp), columns: u16) -> Option<u16> {
    let (from, to) = span;
    if at < from || at >= to {
        return None;
    }
    let column = at.since(from).0.checked_mul(i64::from(columns))? / to.since(from).0.max(1);
    u16::try_from(column).ok().filter(|c| *c < columns)
}

/// Draws the labels; `area` is as wide as the plot.
pub(super) fn draw(span: (Timestamp, Timestamp), zone: Tz, style: Style, area: Rect, buffer: &mut Buffer) {
    let mut free = 0;
    for tick in ticks(span.0, span.1, area.width, zone) {
        let Some(column) = column_of(tick.at, span, area.width) else { continue };
        let needed = width(&tick.label) + 1;
        if column < free || column + needed > area.width {
            continue;
        }
        Pen::new(buffer, area, 0).gap(column).put("╵", style).put(&tick.label, style);
        free = column + needed + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    // The clock is put forward at 02:00: 02:00 to 03:00 does not exist.
    #[case("2026-03-28T23:00:00Z", 6, 96, "00:00 01:00 03:00 CEST 04:00 05:00 06:00")]
    #[case("2026-03-28T18:00:00Z", 24, 90, "20:00 00:00 04:00 CEST 08:00 12:00 16:00")]
    // The clock is put back at 03:00: 02:00 to 03:00 comes twice.
    #[case("2026-10-24T23:00:00Z", 4, 60, "01:00 02:00 02:00 CET 03:00")]
    #[case("2026-10-24T18:00:00Z", 24, 90, "20:00 00:00 04:00 CET 08:00 12:00 16:00")]
    fn labels_are_right_over_daylight_saving(
        #[case] from: Timestamp,
        #[case] hours: i64,
        #[case] columns: u16,
        #[case] labels: &str,
    ) {
        let to = from + Millis::from_mins(hours * 60);
        let ticks = ticks(from, to, columns, Tz::Europe__Berlin);
        assert_eq!(ticks.iter().map(|t| t.label.as_str()).collect::<Vec<_>>().join(" "), labels);
        for tick in &ticks {
            assert!(tick.label.starts_with(&words::clock_minutes(tick.at, Tz::Europe__Berlin)));
        }
    }

    #[test]
    fn a_zone_with_a_quarter_of_an_hour_has_full_hours() {
        let from = "2026-03-01T02:00:00Z".parse().unwrap();
        let ticks = ticks(from, from + Millis::from_mins(120), 30, Tz::Asia__Kathmandu);
        assert_eq!(ticks.iter().map(|t| t.label.as_str()).collect::<Vec<_>>(), ["08:00", "09:00"]);
    }

    #[test]
    fn a_moment_has_a_column_only_within_the_span() {
        let (from, to) = (Timestamp::from_ms(1_000), Timestamp::from_ms(2_000));
        let column = |ms| column_of(Timestamp::from_ms(ms), (from, to), 10);
        assert_eq!([column(999), column(1_000), column(1_999), column(2_000)], [None, Some(0), Some(9), None]);
    }
}
