//! `wardwatch limits try`.

use super::super::{
    FOUND,
    admin::{self, SiteArgs},
    terminal,
};
use crate::{
    analysis::{Comparison, Trial},
    backend::{config::Config, pipeline::rebuild},
    domain::{
        Category, LimitSetting, Millis, PatientId, Span, Timestamp, VitalCode, VitalLimits, WardId,
        limit_setting::together,
    },
    engine::{Engine, EngineConfig, Input, InputBlock},
    replay,
    store::{StoreReader, WardRecord, sqlite::SqliteReader},
};
use anyhow::{Context, anyhow, bail};
use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Try other limits on data that came: which alerts would have come, and which would not
///
/// Runs a patient's stored values, or a recording, through the engine twice: by the limits as they are now, and by those
/// that are tried. Nothing is changed. Exit code 1: an event of at least 60 s beyond a danger limit (SpO2 < 85, HR < 40 or
/// > 150, mean pressure < 55) would lose its alert.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    site: SiteArgs,
    /// A recording instead of stored data: a CSV file, a folder or a scenario
    #[arg(long, value_name = "PATH", conflicts_with_all = ["data", "ward"])]
    recording: Option<PathBuf>,
    /// The patient; of a recording, the only one if absent
    #[arg(long, value_name = "ID")]
    patient: Option<PatientId>,
    /// The ward, if there are several
    #[arg(long, value_name = "ID")]
    ward: Option<WardId>,
    /// What is tried: VITAL.low, low_extreme, high, high_extreme, delay or extreme_delay; may be given several times
    #[arg(long, value_name = "VITAL.KEY=VALUE", required = true)]
    set: Vec<LimitSetting>,
    /// From how long before the last value on, such as 24h [default: all that is kept]
    #[arg(long, value_name = "SPAN")]
    since: Option<Span>,
    /// For people or for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

/// What is run: the trial, and its inputs in order.
struct Made {
    trial: Trial,
    inputs: Vec<(Timestamp, Input)>,
    /// What is to be known of where they come from.
    note: String,
}

/// Tries.
pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    let made = match &args.recording {
        Some(path) => of_recording(args, path)?,
        None => of_folder(args)?,
    };
    let Made { trial, mut inputs, note } = made;
    if let (Some(Span(span)), Some((last, _))) = (args.since, inputs.last()) {
        let from = *last - span;
        inputs.retain(|(at, _)| *at >= from);
    }
    let comparison = trial.run(inputs.into_iter())?;
    let mut out = std::io::stdout().lock();
    match args.format {
        Format::Text => write!(out, "{note}\n{comparison}")?,
        Format::Json => {
            let mut json = serde_json::to_value(&comparison)?;
            if let Some(object) = json.as_object_mut() {
                object.insert("note".to_owned(), note.into());
                object.insert("danger_would_lose".to_owned(), comparison.would_lose().into());
            }
            writeln!(out, "{json}")?;
        }
    }
    Ok(verdict(&comparison))
}

fn verdict(comparison: &Comparison) -> u8 {
    if comparison.values == 0 {
        terminal::note("no values of this patient in that time");
    }
    if comparison.would_lose() > 0 { FOUND } else { 0 }
}

fn engine_config(config: &Config) -> anyhow::Result<EngineConfig> {
    let (vitals, profiles) = (Arc::new(config.vitals()?), Arc::new(config.profiles()?));
    Ok(EngineConfig { vitals, profiles, ..EngineConfig::default() })
}

fn of_recording(args: &Args, path: &Path) -> anyhow::Result<Made> {
    let config = engine_config(&admin::plain_config(args.site.config())?)?;
    let options = replay::Options { vitals: config.vitals.clone(), ..replay::Options::default() };
    let recording = replay::load(path, &options)?;
    let all = &recording.plan.placements;
    let placement = match &args.patient {
        Some(patient) => all.iter().find(|p| p.patient.id == *patient),
        None if all.len() == 1 => all.first(),
        None => {
            bail!("there are several patients: say which with --patient ({})", named(all.iter().map(|p| &p.patient.id)))
        }
    };
    let placement = placement.ok_or_else(|| anyhow!("the recording has no such patient"))?;
    let limits = config.profiles.of(placement.patient.category).vitals.clone();
    let inputs = recording.samples_of(&placement.patient.id);
    let inputs = inputs.map(|sample| (sample.at, Input::Observation(sample.observation(sample.at)))).collect();
    let note = format!("DEMO · recording {} · patient {}", recording.plan.name, placement.patient.id);
    let trial = Trial {
        ward: recording.plan.ward.clone(),
        patient: placement.patient.clone(),
        limits,
        changes: together(&args.set)?,
        devices: BTreeMap::from([(placement.device.id.clone(), placement.device.clone())]),
        config,
    };
    Ok(Made { trial, inputs, note })
}

fn named<'a>(ids: impl Iterator<Item = &'a PatientId>) -> String {
    ids.map(PatientId::as_str).collect::<Vec<_>>().join(", ")
}

fn of_folder(args: &Args) -> anyhow::Result<Made> {
    let patient = args.patient.as_ref().context("say whose values: --patient, or --recording PATH")?;
    let site = args.site.existing()?;
    let config = engine_config(&admin::plain_config(site.config.as_deref())?)?;
    // Read beside a server that runs, or none: nothing is written.
    let reader = SqliteReader::open(&site.folder)?;
    let mode = reader.site()?.mode;
    let record = ward_of(&reader, args.ward.as_ref())?;
    let engine = rebuild(&config, &reader, &record)?;
    let stay = engine.census().stays.get(patient);
    let stay = stay.ok_or_else(|| anyhow!("patient {patient} is not on ward {} now", record.ward.id))?;
    let limits = limits_of(&engine, patient, stay.patient.category);
    let inputs = kept(&reader, &record, patient)?;
    let since = inputs.first().map_or_else(String::new, |(at, _)| format!(", kept since {at}"));
    let note = format!("{mode} · ward {} · patient {patient}{since}; {NOW_IS_TODAY}", record.ward.id);
    let devices = engine.census().devices.clone();
    let (ward, patient, changes) = (record.ward, stay.patient.clone(), together(&args.set)?);
    Ok(Made { trial: Trial { config, ward, patient, limits, changes, devices }, inputs, note })
}

fn ward_of(reader: &SqliteReader, named: Option<&WardId>) -> anyhow::Result<WardRecord> {
    let mut wards = reader.wards()?;
    if let Some(ward) = named {
        wards.retain(|record| record.ward.id == *ward);
    }
    let several = wards.len() > 1;
    match wards.into_iter().next() {
        Some(only) if !several => Ok(only),
        Some(_) => bail!("there are several wards: say which with --ward"),
        None => bail!("there is no such ward"),
    }
}

/// The limits of a patient as they are now.
fn limits_of(engine: &Engine, patient: &PatientId, category: Category) -> BTreeMap<VitalCode, VitalLimits> {
    let profile = engine.profile(category);
    profile.vitals.keys().filter_map(|vital| Some((*vital, engine.limits_in_force(patient, *vital)?))).collect()
}

/// The kept inputs that say something of a patient's values.
fn kept(reader: &SqliteReader, record: &WardRecord, patient: &PatientId) -> anyhow::Result<Vec<(Timestamp, Input)>> {
    let mut inputs = Vec::new();
    for (no, bytes) in reader.input_blocks(&record.ward.id, 0)? {
        let block = InputBlock::decode(&bytes).with_context(|| format!("input block {no} cannot be read"))?;
        let some = block.inputs().with_context(|| format!("input block {no} cannot be read"))?;
        inputs.extend(some.into_iter().filter(|(_, input)| match input {
            Input::Observation(o) => o.patient == *patient,
            Input::Start { .. } | Input::ClockStepped { .. } => true,
            _ => false,
        }));
    }
    // What came before the first value of the patient says nothing.
    let first = inputs.iter().position(|(_, input)| matches!(input, Input::Observation(_))).unwrap_or(inputs.len());
    inputs.drain(..first);
    if let Some((last, _)) = inputs.last().cloned()
        && last < record.engine_now
    {
        let ticked = record.engine_now.min(last + SETTLE);
        inputs.push((ticked, Input::Tick));
    }
    Ok(inputs)
}

/// What a comparison with the limits as they are now has to say, for those that held then may have been others.
const NOW_IS_TODAY: &str = "\"now\" are the limits in force today, for older values too";

/// After the last value, delays run out for this long at the most.
const SETTLE: Millis = Millis::from_mins(1);
