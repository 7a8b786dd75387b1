//! The intake in words.

use super::thousands;
use crate::{
    domain::Millis,
    protocol::{OpsReport, PipelineView, SourceView},
};

/// How long something lay behind: `40 ms`, `3.2 s`, `12 min`, `5 h`, `3 d`; with a minus what is ahead.
#[must_use]
pub fn lag(lag: Millis) -> String {
    let ms = lag.0.unsigned_abs();
    let sign = if lag.0 < 0 { "-" } else { "" };
    match ms {
        0..1_000 => format!("{sign}{ms} ms"),
        1_000..60_000 => format!("{sign}{}.{} s", ms / 1_000, ms % 1_000 / 100),
        60_000..7_200_000 => format!("{sign}{} min", ms / 60_000),
        7_200_000..172_800_000 => format!("{sign}{} h", ms / 3_600_000),
        _ => format!("{sign}{} d", ms / 86_400_000),
    }
}

/// The way from a message to the disk, in pieces: what waits, and how long it takes.
#[must_use]
pub fn pipeline(view: &PipelineView) -> String {
    let PipelineView { waiting, capacity, commits, slowest, .. } = *view;
    let waits = format!("{} of {} wait", thousands(to_u64(waiting)), thousands(to_u64(capacity)));
    let done = if commits == 0 {
        "nothing stored in the last minute".to_owned()
    } else {
        format!("{} commits/min, slowest {}", thousands(commits), lag(slowest))
    };
    format!("{waits} · {done}")
}

/// All senders together: `3 senders, 1,440 values/min`.
#[must_use]
pub fn totals(report: &OpsReport) -> String {
    let values: u64 = report.sources.iter().map(|s| s.minute.values).sum();
    let senders = report.sources.len() + report.more_sources;
    let s = if senders == 1 { "" } else { "s" };
    format!("{senders} sender{s}, {} values/min", thousands(values))
}

/// The least and the most lag of the last minute: `40 ms … 2.1 s`; `–` if nothing was stored in it.
#[must_use]
pub fn lags(source: &SourceView) -> String {
    match source.minute.lag_ms {
        None => "–".to_owned(),
        Some((least, most)) if lag(least) == lag(most) => lag(most),
        Some((least, most)) => format!("{} … {}", lag(least), lag(most)),
    }
}

fn to_u64(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(0, "0 ms")]
    #[case(999, "999 ms")]
    #[case(3_250, "3.2 s")]
    #[case(-2_500, "-2.5 s")]
    #[case(720_000, "12 min")]
    #[case(18_000_000, "5 h")]
    #[case(400_000_000, "4 d")]
    fn lag_is_short(#[case] ms: i64, #[case] text: &str) {
        assert_eq!(lag(Millis(ms)), text);
    }
}
