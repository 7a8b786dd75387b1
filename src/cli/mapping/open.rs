//! `wardwatch mapping open`.

use super::{
    MappingArgs, counted, inert, read,
    tryout::{HowArgs, Tried, show, try_all},
};
use crate::{
    cli::{FAILED, admin, screen::LookArgs},
    domain::VitalTable,
    ingest::medtech::{
        DeviceMapping,
        lint::{Finding, LintRules, Severity, Side, lint, vitals_of},
        transform::FhirMapping,
    },
    seam::{Clock, OsClock},
    tui::{
        core::{Contents, Desk, DeskLine, Entry, Mark},
        run::{self, Ending},
        term::Console,
        view,
    },
};
use anyhow::bail;
use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Work on two mappings on a screen: what is wrong with them, and what they make of messages. Files that change are read
/// again at once
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    mappings: MappingArgs,
    /// Messages, each a file with one JSON value, bare or in an envelope (Body, Properties, SystemProperties)
    #[arg(value_name = "MESSAGE")]
    messages: Vec<PathBuf>,
    #[command(flatten)]
    how: HowArgs,
    #[command(flatten)]
    look: LookArgs,
    /// Configuration file: it may define vitals
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Lines of a file that are shown before and after the place of a finding.
const LINES_AROUND: usize = 3;

/// Shows the desk until the person leaves.
pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    let vitals = admin::plain_config(args.config.as_deref())?.vitals()?;
    if let Some(path) = files(args).find(|path| *path == Path::new("-")) {
        bail!("{} cannot be looked at again: give it as a file", path.display());
    }
    if let Some(path) = files(args).find(|path| std::fs::metadata(path).is_ok_and(|meta| !meta.is_file())) {
        bail!("{} is no plain file: it cannot be looked at again", path.display());
    }
    let Some(look) = args.look.prepare()? else {
        bail!("a screen needs a terminal: `wardwatch mapping lint` and `wardwatch mapping try` do without");
    };
    let mut seen = Vec::new();
    let source = |forced: bool| {
        let now = stamps(args);
        let changed = forced || now != seen;
        seen = now;
        changed.then(|| contents(args, &vitals))
    };
    let ending = crate::cli::runtime()?.block_on(async {
        let draw = |desk: &Desk, area, buffer: &mut _| view::draw_desk(desk, &look, area, buffer);
        run::run_desk(Console::open()?, source, draw).await.map_err(anyhow::Error::from)
    })?;
    Ok(if ending == Ending::Failed { FAILED } else { 0 })
}

fn files(args: &Args) -> impl Iterator<Item = &PathBuf> {
    [&args.mappings.device, &args.mappings.fhir].into_iter().chain(&args.messages)
}

/// When each file was last written, and how long it is.
fn stamps(args: &Args) -> Vec<Option<(SystemTime, u64)>> {
    let stamp = |path: &PathBuf| {
        let meta = std::fs::metadata(path).ok()?;
        Some((meta.modified().ok()?, meta.len()))
    };
    files(args).map(stamp).collect()
}

/// Reads everything, and says what came of it.
fn contents(args: &Args, vitals: &VitalTable) -> Contents {
    let title = inert(&format!("{} + {}", name_of(&args.mappings.device), name_of(&args.mappings.fhir)));
    let read_at = OsClock.wall().utc().format("%H:%M:%S UTC").to_string();
    let (mut entries, summary) = match read(&args.mappings.device).and_then(|d| Ok((d, read(&args.mappings.fhir)?))) {
        Err(e) => (vec![unread(&format!("{e:#}"))], "not read".to_owned()),
        Ok((device, fhir)) => looked_at(args, &device, &fhir, vitals),
    };
    entries.sort_by_key(|entry| std::cmp::Reverse(rank(entry.mark)));
    Contents { title, summary, entries, read_at }
}

/// What does not work stands first; the order within is that of the files.
const fn rank(mark: Mark) -> u8 {
    match mark {
        Mark::Wrong => 3,
        Mark::Warning => 2,
        Mark::Note => 0,
        Mark::Good => 1,
    }
}

fn unread(why: &str) -> Entry {
    Entry { mark: Mark::Wrong, title: inert(why), lines: vec![DeskLine::Wrong(inert(why))] }
}

fn looked_at(args: &Args, device_text: &[u8], fhir_text: &[u8], vitals: &VitalTable) -> (Vec<Entry>, String) {
    let device = DeviceMapping::load(device_text, args.how.arithmetic());
    let fhir = FhirMapping::load(fhir_text);
    let rules = LintRules { identity: args.how.identity(), vitals };
    let findings = lint(Some(&device), Some(&fhir), rules);
    let text_of = |side: Side| match side {
        Side::Device => device_text,
        Side::Fhir => fhir_text,
    };
    let mut entries: Vec<Entry> = findings.iter().map(|f| found(args, f, text_of(f.side))).collect();
    entries.push(as_vitals(&device.mapping, &fhir.0, vitals));
    let [errors, warnings, notes] =
        [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")]
            .map(|(severity, what)| counted(findings.count(severity), what));
    let counts = format!("{errors}, {warnings}, {notes}");
    if !device.errors.is_empty() || !fhir.1.is_empty() {
        let summary = format!("{counts} · a mapping does not load: messages are not tried");
        return (entries, summary);
    }
    let messages = args.messages.iter().map(|path| (path.display().to_string(), read(path)));
    let tried = try_all((&device.mapping, &fhir.0), messages, &args.how);
    let failed = tried.iter().filter(|message| !message.faults().is_empty()).count();
    entries.extend(tried.iter().map(message));
    (entries, format!("{counts} · {}, {failed} with a fault", counted(tried.len(), "message")))
}

/// A file without its folders: what tells files of one desk apart.
fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// A finding with the lines of the file around it.
fn found(args: &Args, finding: &Finding, text: &[u8]) -> Entry {
    let mark = match finding.severity {
        Severity::Error => Mark::Wrong,
        Severity::Warning => Mark::Warning,
        Severity::Note => Mark::Note,
    };
    let path = args.mappings.of(finding.side);
    let file = name_of(path);
    let place = finding.at.map_or(String::new(), |at| format!(":{}", at.line));
    let title = inert(&format!("{file}{place} {}: {}", finding.code.as_str(), finding.message));
    let mut lines = vec![
        DeskLine::Strong(inert(&finding.message)),
        DeskLine::Plain(inert(&finding.advice)),
        DeskLine::Plain(String::new()),
        DeskLine::Dim(inert(&format!("{} {}", path.display(), finding.at.map_or(String::new(), |at| at.to_string())))),
    ];
    if let Some(at) = finding.at {
        let at = usize::try_from(at.line).unwrap_or(usize::MAX);
        lines.extend(around(text, at));
    }
    Entry { mark, title, lines }
}

/// The lines of a file around one of them, each with its number.
fn around(text: &[u8], line: usize) -> Vec<DeskLine> {
    let text = String::from_utf8_lossy(text);
    let numbered = (1..).zip(text.lines()).skip(line.saturating_sub(LINES_AROUND + 1)).take(2 * LINES_AROUND + 1);
    let shown = numbered.map(|(number, content)| {
        let spaces = content.chars().take_while(|c| c.is_whitespace()).count();
        let row = format!("{number:>5} {}{}", " ".repeat(spaces), inert(content));
        if number == line { DeskLine::Strong(row) } else { DeskLine::Dim(row) }
    });
    shown.collect()
}

/// Which vitals come out of the values of the FHIR mapping.
fn as_vitals(device: &DeviceMapping, fhir: &FhirMapping, vitals: &VitalTable) -> Entry {
    let covered = vitals_of(device, fhir, vitals);
    let line = |(covered, sent): &(crate::ingest::medtech::lint::Coverage, bool)| {
        let sent = if *sent { "" } else { "; but no device template makes it" };
        let (of, value) = (&covered.type_name, &covered.value_name);
        DeskLine::Plain(inert(&format!("{of} / {value}: {}{sent}", covered.verdict)))
    };
    Entry { mark: Mark::Note, title: "values as vitals".to_owned(), lines: covered.iter().map(line).collect() }
}

/// A message with every step of it.
fn message(tried: &Tried) -> Entry {
    let faults = tried.faults();
    let mut steps = Vec::new();
    // Writing into memory does not fail.
    drop(show::write(&mut steps, tried));
    let steps = String::from_utf8_lossy(&steps).into_owned();
    let (path, rest) = steps.split_once('\n').unwrap_or((&steps, ""));
    let file = name_of(Path::new(path));
    let title = match faults.first() {
        Some(fault) => format!("{file}: {}", inert(fault)),
        None => format!("{file}: {}", tried.made()),
    };
    let step = |line: &str| {
        let text = line.to_owned();
        let start = line.trim_start();
        if ["failed", "no measurement", "no Observation", "not kept", "no template"]
            .iter()
            .any(|s| start.starts_with(s))
        {
            DeskLine::Wrong(text)
        } else if start.starts_with("Observation") || start.starts_with("measurement") {
            DeskLine::Strong(text)
        } else {
            DeskLine::Plain(text)
        }
    };
    let mark = if faults.is_empty() { Mark::Good } else { Mark::Wrong };
    Entry { mark, title, lines: rest.lines().map(step).collect() }
}
