//! `wardwatch alerts`.

use super::{admin::SiteArgs, replay::ReportFormat, terminal};
use crate::{
    analysis::{AlertReportText, AlertReporter},
    domain::{Millis, Mode, Timestamp, Ward, WardId},
    protocol::AlertReport,
    seam::{Clock, OsClock},
    store::{StoreReader, sqlite::SqliteReader},
};
use anyhow::{anyhow, bail};
use chrono_tz::Tz;
use std::io::Write;

/// Events that are read from the journal at once.
const PAGE: u32 = 5_000;
/// Longest span of a report, in days.
const SPAN_MAX_DAYS: i64 = 3_660;

/// Look at alerts that came
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Which alerts came, how soon they were answered, what was suppressed, and which beds make most of them
    ///
    /// Reads the data folder, whether a server runs on it or not. Patients are named by their bed alone.
    Report {
        /// How far back: 90m, 12h, 7d
        #[arg(long, value_name = "SPAN", default_value = "7d", value_parser = span)]
        since: Millis,
        /// The ward; all if absent
        #[arg(long, value_name = "WARD")]
        ward: Option<WardId>,
        /// How it is written
        #[arg(long, value_enum, default_value_t)]
        format: ReportFormat,
        #[command(flatten)]
        site: SiteArgs,
    },
}

/// A span such as `90m`, `12h`, `7d`.
pub(super) fn span(text: &str) -> anyhow::Result<Millis> {
    let wrong = || anyhow!("a span such as 90m, 12h or 7d is wanted, at most {SPAN_MAX_DAYS}d");
    let unit = |(unit, minutes): (char, i64)| text.strip_suffix(unit).map(|number| (number, minutes));
    let (number, minutes) = [('m', 1), ('h', 60), ('d', 24 * 60)].into_iter().find_map(unit).ok_or_else(wrong)?;
    let number: i64 = number.parse().map_err(|_| wrong())?;
    let all = number.checked_mul(minutes).filter(|m| (1..=SPAN_MAX_DAYS * 24 * 60).contains(m));
    Ok(Millis::from_mins(all.ok_or_else(wrong)?))
}

/// Does what is asked.
pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    let Command::Report { since, ward, format, site } = &args.command;
    let site = site.existing()?;
    let reader = SqliteReader::open(&site.folder)?;
    let now = OsClock.wall();
    let wards: Vec<Ward> = reader.wards()?.into_iter().map(|record| record.ward).collect();
    if let Some(wanted) = ward.as_ref().filter(|w| wards.iter().all(|known| known.id != **w)) {
        bail!("there is no ward {wanted} in this folder");
    }
    let mode = reader.site()?.mode;
    for ward in wards.iter().filter(|known| ward.as_ref().is_none_or(|wanted| *wanted == known.id)) {
        let report = report(&reader, &ward.id, now - *since, now)?;
        write((&report, ward.time_zone), mode, *format)?;
    }
    if wards.is_empty() {
        terminal::note("there is no ward in this folder");
    }
    Ok(0)
}

/// Writes a report: as text with times where the ward is, as JSON with those of the server.
pub(super) fn write((report, zone): (&AlertReport, Tz), mode: Mode, format: ReportFormat) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match format {
        ReportFormat::Text => {
            if mode == Mode::Demo {
                writeln!(out, "DEMO")?;
            }
            writeln!(out, "{}", AlertReportText { report, zone })?;
        }
        ReportFormat::Json => writeln!(out, "{}", serde_json::json!({ "mode": mode, "report": report }))?,
    }
    Ok(())
}

fn report(reader: &SqliteReader, ward: &WardId, from: Timestamp, to: Timestamp) -> anyhow::Result<AlertReport> {
    let mut reporter = AlertReporter::new(from, to);
    let mut after = 0;
    loop {
        let events = reader.events_after(ward, after, PAGE)?;
        let Some(last) = events.last().map(|e| e.seq) else { return Ok(reporter.finish()) };
        events.iter().for_each(|e| reporter.event(&e.event));
        after = last;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("90m", Some(90))]
    #[case("12h", Some(720))]
    #[case("7d", Some(10_080))]
    #[case("3660d", Some(5_270_400))]
    #[case("3661d", None)]
    #[case("0m", None)]
    #[case("-1h", None)]
    #[case("7", None)]
    #[case("d", None)]
    #[case("", None)]
    #[case("7\u{434}", None)]
    #[case("9999999999999999999d", None)]
    fn a_span_has_a_number_and_a_unit(#[case] text: &str, #[case] minutes: Option<i64>) {
        assert_eq!(span(text).ok(), minutes.map(Millis::from_mins));
    }
}
