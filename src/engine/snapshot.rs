//! The engine's state as bytes, so that a start need not replay from the beginning.

use super::{
    Engine, EngineConfig,
    battery::BatteriesKept,
    device::{DeviceKept, DeviceState},
    gateway::GatewayState,
    limits::OverridesKept,
    observe::arm_series,
    patients::PatientSeries,
    reported::SaidKept,
    response::ResponsesKept,
    scores::ScoresKept,
    series::{Series, SeriesState},
    watching::WatchingKept,
};
use crate::{
    alarm::TechnicalMachine,
    domain::{Alert, AlertId, Category, Census, DeviceId, Handovers, PatientId, Timestamp},
    quality::Beside,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the snapshot format. A program that raises it goes on reading the versions before, so that open alerts are
/// carried over an upgrade; a newer version is refused.
pub const SNAPSHOT_VERSION: u16 = 1;

/// A snapshot that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The bytes are no snapshot.
    #[error("the engine snapshot cannot be read")]
    Decode(#[from] rmp_serde::decode::Error),
    /// The state cannot be written.
    #[error("the engine snapshot cannot be written")]
    Encode(#[from] rmp_serde::encode::Error),
    /// Another version wrote it.
    #[error("the engine snapshot has version {found}; this program reads {SNAPSHOT_VERSION}")]
    Version {
        /// Its version.
        found: u16,
    },
    /// It speaks of a vital that the site no longer defines.
    #[error("the engine snapshot speaks of the vital {vital}, which this site does not define")]
    UnknownVital {
        /// The vital.
        vital: crate::domain::VitalCode,
    },
}

#[derive(Serialize, Deserialize)]
struct Snapshot {
    version: u16,
    now: Timestamp,
    started: bool,
    census: Census,
    patients: Vec<(PatientId, Category, Vec<SeriesState>)>,
    devices: BTreeMap<DeviceId, DeviceKept>,
    alerts: Vec<Alert>,
    last_alert: AlertId,
    clock_step_until: Option<Timestamp>,
    #[serde(default)]
    responses: ResponsesKept,
    /// In the order of the patients.
    #[serde(default)]
    beside: Vec<Beside>,
    /// In the order of the patients.
    #[serde(default)]
    scores: Vec<ScoresKept>,
    #[serde(default)]
    limits: OverridesKept,
    /// Gateways that are lost.
    #[serde(default)]
    gateways: BTreeMap<DeviceId, TechnicalMachine>,
    #[serde(default)]
    watching: WatchingKept,
    #[serde(default)]
    handovers: Handovers,
    /// What devices said of alerts of their own.
    #[serde(default)]
    said: SaidKept,
    /// When gateways with a watchdog were last heard.
    #[serde(default)]
    watchdogs: BTreeMap<DeviceId, Timestamp>,
    /// What devices said last of batteries that are not full.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    batteries: BatteriesKept,
}

impl Engine {
    /// The state as bytes.
    ///
    /// # Errors
    /// If it cannot be encoded.
    pub fn snapshot(&self) -> Result<Vec<u8>, SnapshotError> {
        let patients = self.patients.iter().map(|p| {
            let series = p.series.iter().map(|s| s.state.clone()).collect();
            (p.patient.clone(), p.category, series)
        });
        let snapshot = Snapshot {
            version: SNAPSHOT_VERSION,
            now: self.now,
            started: self.started,
            census: self.census.clone(),
            patients: patients.collect(),
            devices: self.devices.iter().map(|(id, d)| (id.clone(), d.kept.clone())).collect(),
            alerts: self.alerts.values().cloned().collect(),
            last_alert: self.last_alert,
            clock_step_until: self.clock_step_until,
            responses: self.responses.kept.clone(),
            beside: self.patients.iter().map(|p| p.beside.clone()).collect(),
            scores: self.patients.iter().map(|p| p.scores.kept.clone()).collect(),
            limits: self.limits.kept.clone(),
            gateways: self.gateways.iter().map(|(id, g)| (id.clone(), g.lost.clone())).collect(),
            watching: self.watching.kept,
            handovers: self.desk.kept.clone(),
            said: self.reported.kept.clone(),
            watchdogs: self.watchdogs.kept(),
            batteries: self.batteries.clone(),
        };
        Ok(rmp_serde::to_vec_named(&snapshot)?)
    }

    /// An engine as it was when the snapshot was taken.
    ///
    /// # Errors
    /// If the bytes are no snapshot of this version, or speak of vitals that are not defined.
    pub fn restore(config: EngineConfig, bytes: &[u8]) -> Result<Self, SnapshotError> {
        let snapshot: Snapshot = rmp_serde::from_slice(bytes)?;
        if snapshot.version != SNAPSHOT_VERSION {
            return Err(SnapshotError::Version { found: snapshot.version });
        }
        let mut engine = Self::new(config);
        engine.now = snapshot.now;
        engine.started = snapshot.started;
        engine.census = snapshot.census;
        engine.last_alert = snapshot.last_alert;
        engine.clock_step_until = snapshot.clock_step_until;
        engine.alerts = snapshot.alerts.into_iter().map(|alert| (alert.key.clone(), alert)).collect();
        let mut beside = snapshot.beside.into_iter();
        let mut scores = snapshot.scores.into_iter();
        engine.limits.kept = snapshot.limits;
        engine.arm_limits();
        engine.desk.kept = snapshot.handovers;
        engine.arm_handovers();
        for (patient, category, states) in snapshot.patients {
            let place = engine.restore_patient(&patient, category, beside.next().unwrap_or_default(), states)?;
            if let (Some(found), Some(kept)) = (engine.patients.get_mut(place), scores.next()) {
                found.scores.kept = kept;
                engine.restore_scores(place);
            }
        }
        for (device, kept) in snapshot.devices {
            engine.devices.insert(device.clone(), DeviceState { kept, ..DeviceState::default() });
            engine.arm_device(&device);
        }
        for (gateway, lost) in snapshot.gateways {
            engine.gateways.insert(gateway.clone(), GatewayState::restored(lost));
            engine.arm_gateway(&gateway);
        }
        engine.restore_said(snapshot.said);
        engine.restore_watchdogs(snapshot.watchdogs);
        engine.batteries = snapshot.batteries;
        engine.watching.kept = snapshot.watching;
        engine.arm_watching();
        engine.arm_clock_step();
        engine.restore_responses(snapshot.responses);
        Ok(engine)
    }

    /// Adds a patient of the snapshot and says the place.
    fn restore_patient(
        &mut self,
        patient: &PatientId,
        category: Category,
        beside: Beside,
        states: Vec<SeriesState>,
    ) -> Result<usize, SnapshotError> {
        let mut found = PatientSeries::new(patient.clone(), category);
        found.beside = beside;
        for state in states {
            let unknown = SnapshotError::UnknownVital { vital: state.vital };
            let def = self.config.vitals.get(state.vital).ok_or(unknown)?.clone();
            let limits = self.limits.kept.in_force(&self.config.profiles, patient, category, state.vital);
            let rules = self.rules_pool.share(&def, limits);
            let mut restored = Series::new(rules, state.device.clone(), None);
            restored.state = state;
            found.add(restored);
        }
        let place = self.patients.add(found);
        for series in self.patients.get_mut(place).into_iter().flat_map(|found| &mut found.series) {
            arm_series(&mut self.timers, (place, patient), series);
        }
        Ok(place)
    }
}
