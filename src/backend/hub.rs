//! The present state of each ward, for those who watch, and the news as they happen.
//!
//! The writer thread applies and sends under one lock; whoever subscribes takes snapshot and receiver under the same
//! lock, so nothing falls between. Events go through a bounded broadcast: a watcher who falls behind by more than
//! [`EVENT_QUEUE_CAPACITY`] is told so and reads what it missed from the journal. Vitals have no queue at all: each value
//! has a version, and a watcher takes what is newer than its last look.

use super::{
    intake::{IntakeCounts, Tally},
    metrics::Metrics,
    pipeline::{Outlet, WardNews},
};
use crate::{
    access::Directory,
    alarm::Profiles,
    domain::{
        Census, DeviceId, Event, Freshness, Marks, Millis, Mode, Observation, Patient, PatientId, Quality, Reported,
        SequencedEvent, Timestamp, VitalCode, VitalTable, Ward, WardId,
    },
    engine::{Engine, SeriesKey},
    protocol::{StoreState, VitalsUpdate, WardHead, WardView},
    store::{AccessChange, Committed, StoreReader, TwinRecord},
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
};
use tokio::sync::{broadcast, watch};

/// Most events that wait for a watcher; one that falls further behind reads them from the journal.
pub const EVENT_QUEUE_CAPACITY: usize = 1_024;
/// Values older than this are not shown after a start.
const NEWEST_SINCE: Millis = Millis::from_mins(24 * 60);

/// One piece of news of a ward.
#[derive(Debug, Clone)]
pub enum News {
    /// An entry of the journal.
    Event(Arc<SequencedEvent>),
    /// An event that could not be recorded.
    Unrecorded(Arc<Event>),
    /// The view was made anew: take a snapshot.
    Rebuilt,
}

/// What is known of a device beside the census.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceLife {
    /// When it was last heard, in engine time; after a start up to a minute before.
    pub seen_at: Option<Timestamp>,
    /// What it last said of itself.
    pub reported: Option<Reported>,
}

/// The present state of a ward.
struct WardState {
    view: WardView,
    /// All devices and their whole timelines; a view has only what a terminal needs at once.
    census: Census,
    lives: BTreeMap<DeviceId, DeviceLife>,
    head: u64,
    version: u64,
    versions: BTreeMap<PatientId, BTreeMap<VitalCode, u64>>,
}

/// A ward as watchers reach it.
pub struct WardHub {
    state: RwLock<WardState>,
    news: broadcast::Sender<News>,
    watchers: AtomicUsize,
}

/// A terminal that watches all of a ward, for as long as this lives.
pub struct Attendance(Arc<WardHub>);

impl Drop for Attendance {
    fn drop(&mut self) {
        self.0.watchers.fetch_sub(1, SeqCst);
    }
}

/// What a watcher begins with.
pub struct Subscription {
    /// The ward as it is at `head`.
    pub view: WardView,
    /// The last event that is in it.
    pub head: u64,
    /// The version of the newest value in it.
    pub version: u64,
    /// What happens from here on.
    pub news: broadcast::Receiver<News>,
}

impl WardHub {
    fn read(&self) -> std::sync::RwLockReadGuard<'_, WardState> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, WardState> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ward as it is, and what happens from here on, without a gap between.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        let state = self.read();
        Subscription { view: state.view.clone(), head: state.head, version: state.version, news: self.news.subscribe() }
    }

    /// Counts a terminal that watches all of the ward.
    #[must_use]
    pub fn attend(self: &Arc<Self>) -> Attendance {
        self.watchers.fetch_add(1, SeqCst);
        Attendance(self.clone())
    }

    /// Whether any terminal watches all of the ward.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.watchers.load(SeqCst) > 0
    }

    /// The values newer than `version`, of all patients or of some, with the version reached.
    #[must_use]
    pub fn vitals_after(&self, version: u64, only: Option<&[PatientId]>) -> (u64, Vec<VitalsUpdate>) {
        let state = self.read();
        if state.version == version {
            return (version, Vec::new());
        }
        let wanted = |patient: &PatientId| only.is_none_or(|only| only.contains(patient));
        let mut updates = Vec::new();
        for (patient, versions) in state.versions.iter().filter(|(patient, _)| wanted(patient)) {
            let Some(held) = state.view.patients.get(patient) else { continue };
            let newer = versions.iter().filter(|(_, v)| **v > version);
            let vitals: Vec<_> = newer.filter_map(|(vital, _)| held.vitals.get(vital).cloned()).collect();
            if !vitals.is_empty() {
                updates.push(VitalsUpdate { patient: patient.clone(), vitals });
            }
        }
        (state.version, updates)
    }

    /// What happens from here on.
    #[must_use]
    pub fn news(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }

    /// Looks at the ward as it is, without a copy of it.
    pub fn look<T>(&self, at: impl FnOnce(&WardView) -> T) -> T {
        at(&self.read().view)
    }

    /// Looks at the devices as they are: who is where, what is known of each, which alerts are open.
    pub fn look_at_devices<T>(&self, at: impl FnOnce(&Census, &BTreeMap<DeviceId, DeviceLife>, &WardView) -> T) -> T {
        let state = self.read();
        at(&state.census, &state.lives, &state.view)
    }

    /// Looks at the census as it is, without a copy of it.
    pub fn look_at_census<T>(&self, at: impl FnOnce(&Census) -> T) -> T {
        at(&self.read().census)
    }

    /// The number of the last event.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.read().head
    }

    /// The ward itself.
    #[must_use]
    pub fn ward(&self) -> Ward {
        self.read().view.ward.clone()
    }

    /// The patients present.
    #[must_use]
    pub fn patients(&self) -> Vec<PatientId> {
        self.read().view.patients.keys().cloned().collect()
    }
}

impl WardState {
    fn apply(&mut self, event: &Event) {
        self.census.apply(event);
        self.view.apply(event);
    }

    fn hear(&mut self, news: &mut WardNews) {
        for (device, at) in std::mem::take(&mut news.heard) {
            self.lives.entry(device).or_default().seen_at = Some(at);
        }
        for (device, reported) in std::mem::take(&mut news.reported) {
            self.lives.entry(device).or_default().reported = Some(reported);
        }
    }

    fn observe(&mut self, o: &Observation, belief: (Quality, Marks), freshness: Freshness) {
        if self.view.observe(o, belief, freshness) {
            self.version += 1;
            match self.versions.get_mut(&o.patient) {
                Some(versions) => {
                    versions.insert(o.vital, self.version);
                }
                None => {
                    self.versions.insert(o.patient.clone(), [(o.vital, self.version)].into());
                }
            }
        }
    }
}

/// All wards, and everything that watchers and requests ask for at once.
pub struct Hub {
    mode: Mode,
    vitals: Arc<VitalTable>,
    profiles: Arc<Profiles>,
    reader: Arc<dyn StoreReader>,
    wards: RwLock<BTreeMap<WardId, Arc<WardHub>>>,
    directory: RwLock<Directory>,
    metrics: Arc<Metrics>,
    store_state: AtomicU8,
    store_why: Mutex<String>,
    audit_size: AtomicU64,
    /// Counts changes of who may do what.
    access: watch::Sender<u64>,
    intake: Mutex<IntakeCounts>,
}

impl Hub {
    /// A hub without wards.
    #[must_use]
    pub fn new(
        mode: Mode,
        (vitals, profiles): (Arc<VitalTable>, Arc<Profiles>),
        reader: Arc<dyn StoreReader>,
        directory: Directory,
        metrics: Arc<Metrics>,
        audit_size: u64,
    ) -> Self {
        metrics.recording(true);
        metrics.audit(audit_size);
        Self {
            mode,
            vitals,
            profiles,
            reader,
            wards: RwLock::new(BTreeMap::new()),
            directory: RwLock::new(directory),
            metrics,
            store_state: AtomicU8::new(0),
            store_why: Mutex::new(String::new()),
            audit_size: AtomicU64::new(audit_size),
            access: watch::Sender::new(0),
            intake: Mutex::default(),
        }
    }

    /// A ward.
    #[must_use]
    pub fn ward(&self, ward: &WardId) -> Option<Arc<WardHub>> {
        self.wards.read().unwrap_or_else(PoisonError::into_inner).get(ward).cloned()
    }

    /// All wards.
    #[must_use]
    pub fn wards(&self) -> Vec<Ward> {
        self.wards.read().unwrap_or_else(PoisonError::into_inner).values().map(|hub| hub.ward()).collect()
    }

    /// All wards, each with whether any terminal watches it.
    #[must_use]
    pub fn watched(&self) -> Vec<(WardId, bool)> {
        let wards = self.wards.read().unwrap_or_else(PoisonError::into_inner);
        wards.iter().map(|(ward, hub)| (ward.clone(), hub.is_watched())).collect()
    }

    /// The ward that has a device.
    #[must_use]
    pub fn ward_of_device(&self, device: &DeviceId) -> Option<Arc<WardHub>> {
        let wards = self.wards.read().unwrap_or_else(PoisonError::into_inner);
        wards.values().find(|hub| hub.read().census.devices.contains_key(device)).cloned()
    }

    /// Another ward than this one that has a device, if this one has it not.
    #[must_use]
    pub fn elsewhere(&self, ward: &WardId, device: &DeviceId) -> Option<WardId> {
        let has = |hub: &Arc<WardHub>| hub.read().census.devices.contains_key(device);
        self.other_ward(ward, has)
    }

    /// Another ward than this one in which a patient is, if that patient is not in this one.
    #[must_use]
    pub fn stays_elsewhere(&self, ward: &WardId, patient: &PatientId) -> Option<WardId> {
        let has = |hub: &Arc<WardHub>| hub.read().view.patients.contains_key(patient);
        self.other_ward(ward, has)
    }

    /// A patient who is on a ward.
    #[must_use]
    pub fn patient(&self, patient: &PatientId) -> Option<Patient> {
        let wards = self.wards.read().unwrap_or_else(PoisonError::into_inner);
        wards.values().find_map(|hub| hub.read().view.patients.get(patient).map(|held| held.patient.clone()))
    }

    /// The patients of all wards.
    #[must_use]
    pub fn all_patients(&self) -> Vec<Patient> {
        let wards = self.wards.read().unwrap_or_else(PoisonError::into_inner);
        wards
            .values()
            .flat_map(|hub| hub.read().view.patients.values().map(|p| p.patient.clone()).collect::<Vec<_>>())
            .collect()
    }

    /// Whether a device was ever added to a ward.
    #[must_use]
    pub fn knows_device(&self, device: &DeviceId) -> bool {
        let wards = self.wards.read().unwrap_or_else(PoisonError::into_inner);
        wards.values().any(|hub| hub.read().census.devices.contains_key(device))
    }

    /// The first device of any ward of which this holds.
    #[must_use]
    pub fn device_of(&self, holds: impl Fn(&DeviceId) -> bool) -> Option<DeviceId> {
        let wards = self.wards.read().unwrap_or_else(PoisonError::into_inner);
        wards.values().find_map(|hub| hub.read().census.devices.keys().find(|device| holds(device)).cloned())
    }

    fn other_ward(&self, ward: &WardId, has: impl Fn(&Arc<WardHub>) -> bool) -> Option<WardId> {
        let wards = self.wards.read().unwrap_or_else(PoisonError::into_inner);
        if wards.get(ward).is_some_and(&has) {
            return None;
        }
        wards.iter().find(|(_, hub)| has(hub)).map(|(id, _)| id.clone())
    }

    /// Where the journals end.
    #[must_use]
    pub fn heads(&self) -> Vec<WardHead> {
        let wards = self.wards.read().unwrap_or_else(PoisonError::into_inner);
        wards.iter().map(|(ward, hub)| WardHead { ward: ward.clone(), seq: hub.head() }).collect()
    }

    /// Users, sessions and tokens.
    pub fn directory(&self) -> std::sync::RwLockReadGuard<'_, Directory> {
        self.directory.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Users, sessions and tokens, for changes that are not kept.
    pub fn directory_mut(&self) -> std::sync::RwLockWriteGuard<'_, Directory> {
        self.directory.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells of each change of who may do what, once it is in force.
    #[must_use]
    pub fn access_changes(&self) -> watch::Receiver<u64> {
        self.access.subscribe()
    }

    /// Whether the server can record.
    #[must_use]
    pub fn store_state(&self) -> StoreState {
        if self.store_state.load(SeqCst) == 0 { StoreState::Recording } else { StoreState::Unrecorded }
    }

    /// Why the server cannot record.
    #[must_use]
    pub fn store_why(&self) -> String {
        self.store_why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Entries of the audit trail.
    #[must_use]
    pub fn audit_size(&self) -> u64 {
        self.audit_size.load(SeqCst)
    }

    /// What came from whom, and what became of it.
    pub(super) fn intake(&self) -> MutexGuard<'_, IntakeCounts> {
        self.intake.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The figures.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Live or demo.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    fn make_ward(&self, ward: &Ward) -> Arc<WardHub> {
        let view = WardView::new(ward.clone(), self.mode, &self.vitals, |category| self.profiles.of(category));
        let state = WardState {
            view,
            census: Census::default(),
            lives: BTreeMap::new(),
            head: 0,
            version: 0,
            versions: BTreeMap::new(),
        };
        let hub = Arc::new(WardHub {
            state: RwLock::new(state),
            news: broadcast::Sender::new(EVENT_QUEUE_CAPACITY),
            watchers: AtomicUsize::new(0),
        });
        self.wards.write().unwrap_or_else(PoisonError::into_inner).insert(ward.id.clone(), hub.clone());
        hub
    }

    /// Takes in the newest stored values, so that a screen shows them with their age, unconfirmed.
    fn fill_vitals(&self, ward: &WardId, state: &mut WardState, now: Timestamp) {
        let rows = match self.reader.newest_samples(ward, now - NEWEST_SINCE) {
            Ok(rows) => rows,
            Err(e) => {
                tracing::error!(error = %e, "the newest values could not be read");
                return;
            }
        };
        for (SeriesKey { patient, device, vital }, kept) in rows {
            let Some(def) = self.vitals.get(vital) else { continue };
            let observation = Observation {
                patient,
                device,
                vital,
                value: kept.value,
                text: kept.text,
                observed_at: kept.observed_at,
                received_at: kept.received_at,
                correction: false,
                interval: None,
            };
            state.observe(&observation, (kept.quality, kept.marks), Freshness::of_sampling(def.sampling));
        }
        for vital in state.view.patients.values_mut().flat_map(|p| p.vitals.values_mut()) {
            vital.confirmed = false;
        }
    }

    /// Takes in what is kept of the lives of devices; what is known in memory is newer.
    fn fill_lives(&self, state: &mut WardState) {
        let records = match self.reader.twins() {
            Ok(records) => records,
            Err(e) => {
                tracing::error!(error = %e, "what devices said of themselves could not be read");
                return;
            }
        };
        for TwinRecord { device, seen_at, reported } in records {
            if state.census.devices.contains_key(&device) {
                let life = state.lives.entry(device).or_default();
                life.seen_at = life.seen_at.max(seen_at);
                life.reported = life.reported.take().or(reported);
            }
        }
    }

    fn apply(&self, news: &WardNews) -> Option<Arc<WardHub>> {
        match (self.ward(&news.ward), &news.made) {
            (Some(hub), _) => Some(hub),
            (None, Some(made)) => Some(self.make_ward(made)),
            (None, None) => None,
        }
    }

    fn count_alerts(&self) {
        let wards: Vec<Arc<WardHub>> =
            self.wards.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        let states: Vec<_> = wards.iter().map(|hub| hub.read()).collect();
        self.metrics.alerts(states.iter().flat_map(|state| state.view.alerts.values()));
    }
}

/// Whether a change may take something from an open connection, or give it.
const fn changes_rights(change: &AccessChange) -> bool {
    !matches!(change, AccessChange::TouchSession { .. } | AccessChange::SetFailures { .. })
}

impl Outlet for Hub {
    fn recorded(&self, news: Vec<WardNews>, access: &[AccessChange], committed: &Committed) {
        if !access.is_empty() {
            let mut directory = self.directory_mut();
            access.iter().for_each(|change| directory.apply(change));
            drop(directory);
            if access.iter().any(changes_rights) {
                self.access.send_modify(|changes| *changes = changes.wrapping_add(1));
            }
        }
        self.audit_size.store(committed.audit_size, SeqCst);
        self.metrics.audit(committed.audit_size);
        let mut any_event = false;
        for mut ward in news {
            let Some(hub) = self.apply(&ward) else { continue };
            let first = committed.wards.iter().find(|w| w.ward == ward.ward).map_or(0, |w| w.first_seq);
            any_event |= !ward.events.is_empty();
            self.metrics.events(ward.events.len());
            let mut state = hub.write();
            state.hear(&mut ward);
            for (seq, event) in (first..).zip(ward.events) {
                state.apply(&event);
                state.head = seq;
                let event = SequencedEvent { ward: ward.ward.clone(), seq, event };
                // No watcher is no error.
                drop(hub.news.send(News::Event(Arc::new(event))));
            }
            ward.vitals.iter().for_each(|(o, belief, freshness)| state.observe(o, *belief, *freshness));
        }
        if any_event {
            self.count_alerts();
        }
    }

    fn unrecorded(&self, news: Vec<WardNews>) {
        for mut ward in news {
            let Some(hub) = self.apply(&ward) else { continue };
            let mut state = hub.write();
            state.hear(&mut ward);
            for event in ward.events {
                state.apply(&event);
                drop(hub.news.send(News::Unrecorded(Arc::new(event))));
            }
            ward.vitals.iter().for_each(|(o, belief, freshness)| state.observe(o, *belief, *freshness));
        }
        self.count_alerts();
    }

    fn rebuilt(&self, engines: &mut dyn Iterator<Item = (&WardId, &Engine)>) {
        for (id, engine) in engines {
            let Some(ward) = engine.census().ward.clone() else { continue };
            let hub = self.ward(id).unwrap_or_else(|| self.make_ward(&ward));
            let mut state = hub.write();
            state.view = WardView::new(ward, self.mode, &self.vitals, |category| self.profiles.of(category));
            state.view.fill(engine.census(), engine.alerts());
            state.view.fill_responses(engine.pauses(), engine.rota());
            for patient in engine.census().stays.keys() {
                if let Some((chart, scores)) = engine.scores_of(patient) {
                    state.view.fill_scores(patient, chart, scores);
                }
            }
            state.view.fill_handovers(engine.handovers());
            state.view.fill_limits(engine.limit_overrides());
            state.census = engine.census().clone();
            self.fill_lives(&mut state);
            state.head = self.reader.head(id).unwrap_or(state.head);
            state.version += 1;
            self.fill_vitals(id, &mut state, engine.now());
            drop(hub.news.send(News::Rebuilt));
        }
        self.count_alerts();
    }

    fn store_state(&self, state: StoreState, why: &str) {
        why.clone_into(&mut self.store_why.lock().unwrap_or_else(PoisonError::into_inner));
        self.store_state.store(u8::from(state == StoreState::Unrecorded), SeqCst);
        self.metrics.recording(state == StoreState::Recording);
    }

    fn committed(&self, at: Timestamp, tallies: &[Tally], samples: usize, took_us: u64) {
        self.metrics.group(samples, took_us);
        let mut intake = self.intake();
        tallies.iter().for_each(|tally| intake.add(tally));
        intake.committed(at, Millis(i64::try_from(took_us / 1_000).unwrap_or(i64::MAX)));
    }
}
