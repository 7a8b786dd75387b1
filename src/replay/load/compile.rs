//! From a scenario to a recording.

use super::{
    FileReport, IntakeReport, Names, Options, Placement, Plan, Recording, ReplayError, START_DEFAULT, Source, Span,
    files, intervals, monitor,
};
use crate::{
    domain::{Bed, Device, EncounterId, Millis, Patient, VitalCode, text},
    replay::{
        scenario::{PatientScript, Scenario},
        script::VitalScript,
        simulate::{DURATION_MAX_S, Setting, VitalSim, millis},
    },
};
use std::{collections::BTreeSet, path::Path};

/// Reads a scenario and what belongs to it.
pub(super) fn load_scenario(path: &Path, options: &Options) -> Result<Recording, ReplayError> {
    compile_text(path, &std::fs::read_to_string(path).map_err(ReplayError::read(path))?, options)
}

pub(super) fn compile_text(path: &Path, text: &str, options: &Options) -> Result<Recording, ReplayError> {
    let scenario: Scenario =
        toml::from_str(text).map_err(|source| ReplayError::Toml { path: path.to_owned(), source: Box::new(source) })?;
    Compiler { path, options, intake: IntakeReport::default(), names: TakenNames::default() }.compile(scenario)
}

struct Compiler<'a> {
    path: &'a Path,
    options: &'a Options,
    intake: IntakeReport,
    names: TakenNames,
}

/// What no two patients may share.
#[derive(Default)]
struct TakenNames {
    patients: BTreeSet<String>,
    beds: BTreeSet<String>,
    devices: BTreeSet<String>,
    stays: Names,
}

impl Compiler<'_> {
    fn fault(&self, at: &str, problem: impl Into<String>) -> ReplayError {
        ReplayError::Invalid { path: self.path.to_owned(), at: at.to_owned(), problem: problem.into() }
    }

    fn compile(mut self, scenario: Scenario) -> Result<Recording, ReplayError> {
        let duration = self.checked_time("duration_s", scenario.duration_s)?;
        let live_from = self.checked_time("live_from_s", scenario.live_from_s)?;
        let history_until = self.checked_time("history_until_s", scenario.history_until_s)?;
        if scenario.patients.is_empty() {
            return Err(self.fault("patient", "there is none: write at least one [[patient]]"));
        }
        let tables = self.read_tables(&scenario.patients)?;
        let span = self.span(duration, live_from, &tables)?;
        let setting = Setting { seed: self.options.seed.unwrap_or(scenario.seed), span, history_until };
        let mut placements = Vec::new();
        let mut sources = Vec::new();
        for (patient, table) in scenario.patients.into_iter().zip(tables) {
            let source = match table {
                Some(readings) => readings,
                None => Source::Simulated(self.simulated(&patient, &scenario.vitals, setting)?),
            };
            placements.push(self.placement(patient, &source)?);
            sources.push(source);
        }
        let plan = Plan {
            name: text::clean(&scenario.name),
            title: text::clean(&scenario.title),
            ward: scenario.ward,
            placements,
            zero: self.options.start.or(scenario.start).unwrap_or(START_DEFAULT),
        };
        Ok(Recording::new(plan, self.intake, live_from, span, sources))
    }

    fn checked_time(&self, key: &str, seconds: Option<f64>) -> Result<Option<Millis>, ReplayError> {
        match seconds {
            Some(s) if !(0.0..=DURATION_MAX_S).contains(&s) => {
                Err(self.fault(key, format!("seconds from 0 to {DURATION_MAX_S} are wanted")))
            }
            other => Ok(other.map(millis)),
        }
    }

    /// The CSV files of those patients who have one.
    fn read_tables(&mut self, patients: &[PatientScript]) -> Result<Vec<Option<Source>>, ReplayError> {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let mut tables = Vec::new();
        for patient in patients {
            let at = format!("patient {}", patient.id);
            let Some(csv) = &patient.csv else {
                if patient.vitals.is_empty() {
                    return Err(self.fault(&at, "nothing to play: give `csv` or [patient.vitals]"));
                }
                tables.push(None);
                continue;
            };
            if !patient.vitals.is_empty() || !patient.silent.is_empty() {
                return Err(self.fault(&at, "values come from `csv` or from the simulator: leave one of them out"));
            }
            let file = folder.join(csv);
            let (readings, report) = files::read_csv(&file, &self.options.vitals)?;
            if readings.is_empty() {
                return Err(ReplayError::Nothing { path: file });
            }
            self.intake.files.push(FileReport { path: file, report });
            tables.push(Some(Source::Readings(readings)));
        }
        Ok(tables)
    }

    fn span(
        &self,
        duration: Option<Millis>,
        live_from: Option<Millis>,
        tables: &[Option<Source>],
    ) -> Result<Span, ReplayError> {
        let recorded: Vec<Source> = tables.iter().flatten().cloned().collect();
        let recorded_span = super::span_of(&recorded);
        let end = match (duration, recorded_span) {
            (Some(duration), _) => duration,
            (None, Some(span)) if recorded.len() == tables.len() => span.end,
            (None, _) => return Err(self.fault("duration_s", "it is needed where vitals are simulated")),
        };
        let span = Span {
            first: recorded_span.map_or(Millis::ZERO, |s| s.first.min(Millis::ZERO)),
            again_from: live_from.unwrap_or(Millis::ZERO),
            end,
        };
        if span.again_from >= span.end || span.first >= span.end {
            return Err(self.fault("duration_s", "it must be after `live_from_s` and greater than 0"));
        }
        Ok(span)
    }

    fn simulated(
        &self,
        patient: &PatientScript,
        common: &std::collections::BTreeMap<VitalCode, VitalScript>,
        setting: Setting,
    ) -> Result<Vec<VitalSim>, ReplayError> {
        let mut vitals = Vec::new();
        for (code, script) in &patient.vitals {
            let at = format!("patient {}, vital {code}", patient.id);
            let Some(def) = self.options.vitals.get(*code) else {
                return Err(self.fault(&at, "there is no such vital: docs/replay.md lists them"));
            };
            let script = script.clone().or(common.get(code));
            let vital = VitalSim::new(def.clone(), &script, &patient.id, &patient.silent, setting)
                .map_err(|fault| self.fault(&format!("{at}, {}", fault.key), fault.problem))?;
            vitals.push(vital);
        }
        Ok(vitals)
    }

    fn placement(&mut self, patient: PatientScript, source: &Source) -> Result<Placement, ReplayError> {
        let PatientScript { id, bed, bed_label, name, category, birth_year, note, device, .. } = patient;
        let device_id = device.map_or_else(|| format!("mon-{id}"), |d| d.to_string());
        let intervals = match source {
            Source::Readings(readings) => intervals(readings, self.options),
            Source::Simulated(vitals) => vitals.iter().map(|v| (v.code(), v.interval())).collect(),
        };
        let device: Device = monitor(&device_id, intervals);
        let names = &mut self.names;
        let twice = [
            ("id", names.patients.insert(id.to_string()), id.as_str()),
            ("bed", names.beds.insert(bed.to_string()), bed.as_str()),
            ("device", names.devices.insert(device.id.to_string()), device.id.as_str()),
        ]
        .into_iter()
        .find(|(_, new, _)| !new);
        if let Some((what, _, name)) = twice {
            let problem = format!("{what} {name:?} is another patient's already: give each their own");
            return Err(self.fault(&format!("patient {id}"), problem));
        }
        let label = bed_label.map_or_else(|| bed.to_string(), |label| text::clean(&label));
        Ok(Placement {
            encounter: EncounterId::from_name(&self.names.stays.give(&format!("stay-{id}"))),
            patient: Patient { id, name, category, birth_year, note },
            bed: Bed { id: bed, label },
            device,
        })
    }
}
