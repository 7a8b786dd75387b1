//! `wardwatch mapping lint`.

use super::{MappingArgs, ModeArg, counted, inert, printable, read};
use crate::{
    cli::{FOUND, admin},
    ingest::medtech::{
        Arithmetic, DeviceMapping,
        lint::{Coverage, Finding, LintRules, Severity, Side, VitalVerdict, lint, vitals_of},
        transform::FhirMapping,
    },
};
use serde_json::{Value, json};
use std::{io::Write, path::PathBuf};

/// Find what is wrong with two mappings, each by itself and together, and which vitals come out of them
///
/// Exit code 0: nothing, or warnings and notes alone. 1: errors, or with --strict warnings. 2: a file cannot be read.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    mappings: MappingArgs,
    /// How devices and patients are going to be found; some mappings work with one way and not with another
    #[arg(long, value_enum, value_name = "MODE")]
    identity: Option<ModeArg>,
    /// Exit code 1 for warnings too
    #[arg(long)]
    strict: bool,
    /// For programs: one JSON object
    #[arg(long)]
    json: bool,
    /// Configuration file: it may define vitals
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Most columns that the names of values take.
const NAME_COLUMNS_MAX: usize = 48;

/// Looks.
pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    let vitals = admin::plain_config(args.config.as_deref())?.vitals()?;
    let device = DeviceMapping::load(&read(&args.mappings.device)?, Arithmetic::default());
    let fhir = FhirMapping::load(&read(&args.mappings.fhir)?);
    let rules = LintRules { identity: args.identity.map(Into::into), vitals: &vitals };
    let findings = lint(Some(&device), Some(&fhir), rules);
    let vitals = vitals_of(&device.mapping, &fhir.0, &vitals);
    let (errors, warnings) = (findings.count(Severity::Error), findings.count(Severity::Warning));
    let mut out = std::io::stdout().lock();
    if args.json {
        let list: Vec<Value> = findings.iter().map(|f| finding_json(args, f)).collect();
        let vitals: Vec<Value> = vitals.iter().map(vital_json).collect();
        let whole = json!({"findings": list, "vitals": vitals, "errors": errors, "warnings": warnings});
        writeln!(out, "{whole}")?;
    } else {
        for finding in findings.iter() {
            write_finding(&mut out, args, finding)?;
        }
        write_vitals(&mut out, &vitals)?;
        let notes = findings.count(Severity::Note);
        writeln!(out, "{}, {}, {}", counted(errors, "error"), counted(warnings, "warning"), counted(notes, "note"))?;
    }
    let found = errors > 0 || (args.strict && warnings > 0);
    Ok(if found { FOUND } else { 0 })
}

fn file(args: &Args, side: Side) -> String {
    args.mappings.of(side).display().to_string()
}

fn write_finding(out: &mut impl Write, args: &Args, finding: &Finding) -> std::io::Result<()> {
    let place = finding.at.map_or(String::new(), |at| format!(":{}:{}", at.line, at.column));
    let (severity, code) = (finding.severity.as_str(), finding.code.as_str());
    let file = file(args, finding.side);
    writeln!(out, "{}", inert(&format!("{file}{place}: {severity} [{code}] {}", finding.message)))?;
    writeln!(out, "    {}", printable(&finding.advice, 4))
}

fn write_vitals(out: &mut impl Write, vitals: &[(Coverage, bool)]) -> std::io::Result<()> {
    if !vitals.is_empty() {
        writeln!(out, "values of the FHIR mapping as vitals:")?;
    }
    let name_of = |covered: &Coverage| inert(&format!("{} / {}", covered.type_name, covered.value_name));
    let width = vitals.iter().map(|(covered, _)| name_of(covered).chars().count()).max().unwrap_or_default();
    for (covered, sent) in vitals {
        let (name, width) = (name_of(covered), width.min(NAME_COLUMNS_MAX));
        let sent = if *sent { "" } else { "; but no device template makes it" };
        writeln!(out, "  {name:<width$} {}{sent}", inert(&covered.verdict.to_string()))?;
    }
    Ok(())
}

fn finding_json(args: &Args, finding: &Finding) -> Value {
    json!({
        "code": finding.code.as_str(),
        "severity": finding.severity.as_str(),
        "mapping": finding.side.as_str(),
        "file": file(args, finding.side),
        "line": finding.at.map(|at| at.line),
        "column": finding.at.map(|at| at.column),
        "message": finding.message,
        "advice": finding.advice,
    })
}

fn vital_json((covered, sent): &(Coverage, bool)) -> Value {
    let vital = match &covered.verdict {
        VitalVerdict::Shown { vital } | VitalVerdict::OtherUnit { vital, .. } => Some(vital.as_str()),
        VitalVerdict::Conflict { .. } | VitalVerdict::Unknown => None,
    };
    json!({
        "type": covered.type_name,
        "value": covered.value_name,
        "verdict": covered.verdict.as_str(),
        "vital": vital,
        "sent": sent,
        "text": covered.verdict.to_string(),
    })
}
