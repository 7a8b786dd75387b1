//! `wardwatch mapping try`.

pub(super) mod show;

use super::{ArithmeticArg, CompatArg, MappingArgs, ModeArg, counted, read};
use crate::{
    cli::FOUND,
    domain::Timestamp,
    ingest::medtech::{
        Arithmetic, Compat, DeviceMapping, Json, LoadErrors, Trace,
        identity::{Directory, Entry, IdentityMode, IdentityRules},
        transform::FhirMapping,
        workbench::{Observed, Workbench},
    },
    seam::{Clock, OsClock},
};
use anyhow::bail;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
    str::FromStr,
};

/// Show what two mappings make of messages, step by step: which template matched what, what each expression gave, which
/// Observations come of it or why not
///
/// Nothing is stored. Exit code 0: each message gave Observations and nothing failed. 1: not so. 2: a file cannot be read,
/// or a mapping does not load.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    mappings: MappingArgs,
    /// Messages, each a file with one JSON value, bare or in an envelope (Body, Properties, SystemProperties); - is
    /// standard input
    #[arg(value_name = "MESSAGE", required = true)]
    messages: Vec<PathBuf>,
    #[command(flatten)]
    how: HowArgs,
    /// For programs: one JSON object
    #[arg(long)]
    json: bool,
}

/// How messages are tried.
#[derive(Debug, clap::Args)]
pub(super) struct HowArgs {
    /// How devices and patients are found [default: not at all, and Observations are made without them]
    #[arg(long, value_enum, value_name = "MODE")]
    identity: Option<ModeArg>,
    /// A device that is known, and its patient; may be given several times
    #[arg(long, value_name = "DEVICE=PATIENT", requires = "identity")]
    known: Vec<Known>,
    /// An encounter that is known; may be given several times
    #[arg(long, value_name = "ID", requires = "identity")]
    encounter: Vec<String>,
    /// The system of the identifiers of devices
    #[arg(long, value_name = "URI", requires = "identity")]
    device_system: Option<String>,
    /// Whether faults of Microsoft's service are kept
    #[arg(long, value_enum, default_value = "safe")]
    compat: CompatArg,
    /// How JMESPath functions count
    #[arg(long, value_enum, default_value = "medtech")]
    arithmetic: ArithmeticArg,
}

impl HowArgs {
    pub(super) fn arithmetic(&self) -> Arithmetic {
        self.arithmetic.into()
    }

    pub(super) fn identity(&self) -> Option<IdentityMode> {
        self.identity.map(Into::into)
    }
}

/// A device and its patient.
#[derive(Debug, Clone)]
struct Known {
    device: String,
    patient: String,
}

impl FromStr for Known {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((device, patient)) if !device.is_empty() && !patient.is_empty() => {
                Ok(Self { device: device.to_owned(), patient: patient.to_owned() })
            }
            _ => Err("DEVICE=PATIENT is wanted".to_owned()),
        }
    }
}

/// What `--json` writes.
#[derive(Serialize)]
struct Whole<'a> {
    messages: Vec<show::MessageJson<'a>>,
    faults: Vec<FaultCount<'a>>,
}

#[derive(Serialize)]
struct FaultCount<'a> {
    text: &'a str,
    messages: usize,
}

/// A message and what became of it.
pub(super) struct Tried {
    file: String,
    outcome: Result<Outcome, String>,
}

pub(super) struct Outcome {
    trace: Trace,
    observed: Vec<Observed>,
}

impl Tried {
    /// What failed, in words.
    pub(super) fn faults(&self) -> Vec<String> {
        match &self.outcome {
            Err(fault) => vec![fault.clone()],
            Ok(outcome) => {
                let made = &outcome.trace.normalised;
                let nothing = made.measurements.is_empty() && made.faults.is_empty();
                let faults = made.faults.iter().map(ToString::to_string);
                let observed = outcome.observed.iter().filter_map(|o| o.fault.as_ref().map(ToString::to_string));
                let nothing = nothing.then(|| "no template matches the message: nothing comes of it".to_owned());
                faults.chain(observed).chain(nothing).collect()
            }
        }
    }
}

impl Tried {
    /// What came of it, counted.
    pub(super) fn made(&self) -> String {
        let outcome = self.outcome.as_ref().ok();
        let observations = outcome.map_or(0, |o| o.observed.iter().filter(|o| o.fault.is_none()).count());
        let measurements = outcome.map_or(0, |o| o.trace.normalised.measurements.len());
        let lost: usize = outcome.map_or(0, |o| o.observed.iter().map(|o| o.lost.len()).sum());
        let lost = if lost == 0 { String::new() } else { format!(", {} lost", counted(lost, "value")) };
        format!("{}, {}{lost}", counted(measurements, "measurement"), counted(observations, "Observation"))
    }
}

/// Tries each message, and keeps what the ones before have made.
pub(super) fn try_all(
    (device, fhir): (&DeviceMapping, &FhirMapping),
    messages: impl Iterator<Item = (String, anyhow::Result<Vec<u8>>)>,
    how: &HowArgs,
) -> Vec<Tried> {
    let compat: Compat = how.compat.into();
    let device_system = how.device_system.as_deref();
    let rules = how.identity().map(|mode| IdentityRules { mode, device_system, compat });
    let mut bench = Workbench::new(fhir, rules, compat, directory(how));
    let now = OsClock.wall();
    let tried = messages.map(|(file, read)| {
        let outcome = read.map_err(|e| format!("{e:#}")).and_then(|m| try_one(device, &mut bench, &m, compat, now));
        Tried { file, outcome }
    });
    tried.collect()
}

/// Tries.
pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    let device = DeviceMapping::load(&read(&args.mappings.device)?, args.how.arithmetic());
    sound(&args.mappings.device, &device.errors)?;
    let (fhir, errors) = FhirMapping::load(&read(&args.mappings.fhir)?);
    sound(&args.mappings.fhir, &errors)?;
    let messages = args.messages.iter().map(|path| Ok((path.display().to_string(), Ok(read(path)?))));
    let messages: Vec<_> = messages.collect::<anyhow::Result<_>>()?;
    let tried = try_all((&device.mapping, &fhir), messages.into_iter(), &args.how);
    let faults = by_fault(&tried);
    let mut out = std::io::stdout().lock();
    if args.json {
        let messages = tried.iter().map(show::MessageJson::from).collect();
        let faults = faults.iter().map(|(text, messages)| FaultCount { text, messages: *messages }).collect();
        writeln!(out, "{}", serde_json::to_string(&Whole { messages, faults })?)?;
    } else {
        for message in &tried {
            show::write(&mut out, message)?;
        }
        show::write_summary(&mut out, &tried, &faults)?;
    }
    Ok(if faults.is_empty() { 0 } else { FOUND })
}

fn try_one(
    device: &DeviceMapping,
    bench: &mut Workbench<'_>,
    message: &[u8],
    compat: Compat,
    now: Timestamp,
) -> Result<Outcome, String> {
    let message = Json::read(message).map_err(|fault| format!("the message is no JSON: {fault}"))?;
    let trace = device.trace(&message, compat);
    let observed = bench.observe(&trace.normalised.measurements, now);
    Ok(Outcome { trace, observed })
}

fn sound(path: &Path, errors: &LoadErrors) -> anyhow::Result<()> {
    if !errors.is_empty() {
        bail!("{} does not load:\n{errors}", path.display());
    }
    Ok(())
}

/// What is known before the first message.
fn directory(args: &HowArgs) -> Directory {
    let mut directory = Directory::default();
    for known in &args.known {
        let patient = Entry::named(&known.patient, None, None);
        let reference = format!("Patient/{}", patient.id);
        if !directory.patients.contains(&patient) {
            directory.patients.push(patient);
        }
        directory.devices.push(Entry::named(&known.device, args.device_system.as_deref(), Some(reference)));
    }
    directory.encounters = args.encounter.iter().map(|id| Entry::named(id, None, None)).collect();
    directory
}

/// How many messages each fault has, in the order in which they came.
fn by_fault(tried: &[Tried]) -> Vec<(String, usize)> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut sums: Vec<(String, usize)> = Vec::new();
    for fault in tried.iter().flat_map(Tried::faults) {
        let place = *places.entry(fault.clone()).or_insert(sums.len());
        match sums.get_mut(place) {
            Some((_, count)) => *count += 1,
            None => sums.push((fault, 1)),
        }
    }
    sums
}
