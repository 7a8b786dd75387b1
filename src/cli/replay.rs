//! `wardwatch replay`.

use super::{FOUND, admin, reach::TrustArgs, terminal};
use crate::{
    alarm::ResponsePolicy,
    client::Endpoint,
    domain::{Millis, Timestamp},
    engine::EngineConfig,
    replay::{
        self, Expectations, Options, Recording,
        expect::check,
        live::{LiveOptions, LiveProgress},
    },
    seam::{Clock, OsClock, OsEntropy},
};
use anyhow::{Context, anyhow, bail};
use std::{
    io::{BufWriter, IsTerminal, Write},
    path::PathBuf,
    sync::Arc,
};

/// Time between two looks at the progress, in milliseconds, on a terminal and elsewhere.
const PROGRESS_INTERVAL_MS: (i64, i64) = (100, 10_000);

/// Which recording.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct SourceArgs {
    /// A scenario (TOML), a CSV file (time_s,channel,value), or a folder of CSV files
    path: PathBuf,
    /// The moment that second 0 of a CSV stands for [default: 2000-01-01T00:00:00Z]
    #[arg(long, value_name = "TIME")]
    start: Option<Timestamp>,
    /// Expected seconds between two values of each vital of a CSV [default: the median spacing]
    #[arg(long, value_name = "SECONDS")]
    interval: Option<f64>,
    /// Seed of simulated vitals [default: the scenario's own]
    #[arg(long)]
    seed: Option<u64>,
    /// Configuration file: it may define vitals
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

impl SourceArgs {
    fn options(&self) -> anyhow::Result<Options> {
        let seconds = self.interval.map(|s| {
            #[expect(clippy::cast_possible_truncation, reason = "bounded by the test before it")]
            let ms = (s * 1000.0) as i64;
            if (0.01..=86_400.0).contains(&s) {
                Ok(Millis(ms))
            } else {
                Err(anyhow!("--interval is between 0.01 and 86400"))
            }
        });
        Ok(Options {
            vitals: Arc::new(admin::plain_config(self.config.as_deref())?.vitals()?),
            start: self.start,
            interval: seconds.transpose()?,
            seed: self.seed,
        })
    }

    /// Reads the recording.
    pub(super) fn load(&self) -> anyhow::Result<Recording> {
        Ok(replay::load(&self.path, &self.options()?)?)
    }
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum ReportFormat {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// Play recordings and scenarios: through an engine alone, or to a server as a gateway would
///
/// To a server it begins where a scenario says that its live part begins (live_from_s): what is before is history, for
/// the demonstration alone. --offline and --expect play all of it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    /// Through an engine alone, as fast as it goes: journal entries as NDJSON on standard output
    #[arg(long, conflicts_with_all = ["to", "speed", "again", "token_file"])]
    offline: bool,
    /// With --offline: instead of the journal, a report: every violation accounted for, danger events, alarm load; exit 1
    /// if something is not accounted for or a danger event lost its alert
    #[arg(long, requires = "offline", conflicts_with = "expect")]
    report: bool,
    /// With --report: how it is written
    #[arg(long, value_enum, default_value_t, requires = "report")]
    format: ReportFormat,
    /// With --report: the journal too, as NDJSON into this file
    #[arg(long, value_name = "FILE", requires = "report")]
    events: Option<PathBuf>,
    /// To this server
    #[arg(long, value_name = "URL", requires = "token_file", required_unless_present = "offline")]
    to: Option<Endpoint>,
    #[command(flatten)]
    trust: TrustArgs,
    /// The gateway's token
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// How much faster than recorded
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    speed: f64,
    /// Begin again at the end, for ever
    #[arg(long = "loop")]
    again: bool,
    /// Compare the alerts that came with those expected in FILE; exit 1 if they differ
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
    /// With --expect and --to: the token of a session that may watch the ward
    #[arg(long, value_name = "FILE", requires = "to", requires = "expect")]
    watch_token_file: Option<PathBuf>,
}

/// Shows progress on standard error, now and then.
struct Shown {
    clock: OsClock,
    terminal: bool,
    last: Option<Millis>,
    began: Millis,
}

impl Shown {
    fn new() -> Self {
        let clock = OsClock;
        Self { clock, terminal: std::io::stderr().is_terminal(), last: None, began: clock.boot() }
    }

    /// Writes the text if the last one is old enough, or if it must be seen.
    fn show(&mut self, must: bool, text: impl FnOnce(f64) -> String) {
        let now = self.clock.boot();
        let every = if self.terminal { PROGRESS_INTERVAL_MS.0 } else { PROGRESS_INTERVAL_MS.1 };
        if !must && self.last.is_some_and(|last| (now - last).0 < every) {
            return;
        }
        self.last = Some(now);
        let text = text((now - self.began).as_secs_f64().max(0.001));
        if self.terminal {
            terminal::overwrite(&text);
        } else {
            terminal::note(&text);
        }
    }

    fn done(&self) {
        if self.terminal && self.last.is_some() {
            terminal::overwrite("");
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn bar(done: u64, total: u64, seconds: f64) -> String {
    let share = if total == 0 { 1.0 } else { (done as f64 / total as f64).min(1.0) };
    let filled: usize = (1..=20).filter(|i| f64::from(*i) <= share * 20.0).count();
    let rate = done as f64 / seconds;
    format!("[{:<20}] {:>3.0} %  {done} of {total} samples, {rate:.0}/s", "#".repeat(filled), share * 100.0)
}

/// Does what is asked.
pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    if !(args.speed.is_finite() && args.speed > 0.0 && args.speed <= 1e6) {
        bail!("--speed is a factor above 0, at most 1000000");
    }
    let expectations = args.expect.as_deref().map(Expectations::read).transpose()?;
    if let (Some(expectations), Some(path)) = (&expectations, &args.expect) {
        expectations.check_vitals(path, args.source.options()?.vitals.as_ref())?;
    }
    let recording = args.source.load()?;
    if recording.count() == 0 {
        terminal::note(&format!("{}: no samples in it", recording.plan.name));
    }
    match &args.to {
        None if args.report => report(args, &recording),
        None => offline(args, &recording, expectations.as_ref()),
        Some(to) => live(args, to, &recording, expectations.as_ref()),
    }
}

/// Nobody answers a recording: it tells of alerts, not of who should have come.
fn offline_config(args: &Args) -> anyhow::Result<EngineConfig> {
    let response = Arc::new(ResponsePolicy::silent());
    let profiles = Arc::new(admin::plain_config(args.source.config.as_deref())?.profiles()?);
    Ok(EngineConfig { vitals: args.source.options()?.vitals, profiles, response, ..EngineConfig::default() })
}

fn offline(args: &Args, recording: &Recording, expectations: Option<&Expectations>) -> anyhow::Result<u8> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut shown = Shown::new();
    let config = offline_config(args)?;
    let outcome = replay::run(recording, config, &mut out, |p| {
        if shown.terminal {
            shown.show(false, |seconds| bar(p.done, p.total, seconds));
        }
    })?;
    out.flush()?;
    shown.done();
    terminal::note(outcome.summary.to_string().trim_end());
    Ok(expectations.map_or(0, |expected| verdict(recording, &outcome.episodes, expected)))
}

fn report(args: &Args, recording: &Recording) -> anyhow::Result<u8> {
    let mut shown = Shown::new();
    let config = offline_config(args)?;
    let report = replay::report::report(recording, &config, |p| {
        if shown.terminal {
            shown.show(false, |seconds| bar(p.done, p.total, seconds));
        }
    })?;
    shown.done();
    if let Some(path) = &args.events {
        let failed = || format!("cannot write {}", path.display());
        let mut file = BufWriter::new(std::fs::File::create(path).with_context(failed)?);
        replay::run(recording, config, &mut file, |_| ()).with_context(failed)?;
    }
    let text = match args.format {
        ReportFormat::Text => report.to_string(),
        ReportFormat::Json => format!("{}\n", report.json()),
    };
    std::io::stdout().write_all(text.as_bytes())?;
    for skipped in &recording.intake.skipped {
        terminal::note(&format!("skipped {}: {}", skipped.path.display(), skipped.why));
    }
    Ok(if report.is_whole() { 0 } else { FOUND })
}

fn verdict(recording: &Recording, episodes: &replay::Episodes, expected: &Expectations) -> u8 {
    let verdict = check(&recording.plan, episodes, expected);
    terminal::note(verdict.to_string().trim_end());
    if verdict.is_good() { 0 } else { FOUND }
}

/// Where the part begins that is played to a server; what is before it is history.
fn live_part(recording: &Recording) -> Millis {
    recording.live_from.unwrap_or(recording.span().first)
}

fn live(args: &Args, to: &Endpoint, recording: &Recording, expectations: Option<&Expectations>) -> anyhow::Result<u8> {
    #[expect(clippy::float_cmp, reason = "1 is exact")]
    if expectations.is_some() && (args.speed != 1.0 || args.again || args.watch_token_file.is_none()) {
        bail!(
            "--expect wants --offline, or --to with --speed 1, without --loop, and --watch-token-file: delays run in \
             wall time, so a faster replay raises other alerts"
        );
    }
    let token_file = args.token_file.as_deref().ok_or_else(|| anyhow!("--to wants --token-file"))?;
    let to = &args.trust.known(to)?;
    let options = LiveOptions {
        endpoint: to.clone(),
        token: terminal::read_token(token_file)?,
        speed: args.speed,
        again: args.again,
        from: if expectations.is_some() { recording.span().first } else { live_part(recording) },
        due: None,
    };
    let watch_token = args.watch_token_file.as_deref().map(terminal::read_token).transpose()?;
    super::runtime()?.block_on(async {
        let watched = match watch_token {
            Some(token) => Some(replay::watch::start(to.clone(), token, recording.plan.ward.id.clone()).await?),
            None => None,
        };
        let begin = OsClock.wall();
        let mut shown = Shown::new();
        let sent = replay::live::send(recording, &options, Arc::new(OsClock), Arc::new(OsEntropy), |p| {
            shown.show(p.lost.is_some(), |seconds| live_text(p, seconds));
        });
        let progress = sent.await?;
        shown.done();
        summarise(&progress);
        let (Some(watched), Some(expected)) = (watched, expectations) else { return Ok(0) };
        let episodes = watched.finish().await?;
        Ok(verdict(&recording.clone().begun_at(begin), &episodes, expected))
    })
}

fn live_text(p: &LiveProgress, seconds: f64) -> String {
    match &p.lost {
        Some(why) => format!("no link: {why}; {} samples acknowledged, trying again", p.sent),
        None => format!("{}, {} ms late", bar(p.sent, p.total, seconds), p.lag_ms),
    }
}

fn summarise(p: &LiveProgress) {
    let rejected: u64 = p.rejected.values().sum();
    terminal::note(&format!("{} samples acknowledged, {} of them before, {rejected} not taken", p.sent, p.duplicate));
    if let Some(first) = &p.first_rejection {
        terminal::note(&format!("the first that was not taken: {first}"));
    }
}
