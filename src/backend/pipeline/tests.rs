//! The pipeline over the real store, and over one that fails.

use super::*;
use crate::{
    audit::{Act, LeafActor, LeafDraft, Outcome},
    domain::{
        Actor, AlertId, Assignment, Bed, BreakGlass, Category, Cause, Command, Desired, Device, DeviceId, DeviceKind,
        EmergencyReason, Event, EventBody, Marks, Millis, Mode, Patient, PersonName, Quality, Refusal, Role,
        VitalTable, Ward, vital::SPO2,
    },
    ingest::Reading,
    protocol::{IntakeReport, RejectionCode},
    seam::{ManualClock, OsClock, OsEntropy},
    store::{
        Batch, DataFolder,
        sqlite::{SqliteStore, StoreParts},
    },
};
use std::sync::atomic::{AtomicBool, AtomicUsize};

mod staff;
mod technical;

/// Remembers what it is told.
#[derive(Default)]
struct Memory {
    recorded: Mutex<Vec<(u64, Event)>>,
    unrecorded: Mutex<Vec<Event>>,
    states: Mutex<Vec<StoreState>>,
    rebuilt: AtomicUsize,
    /// The open alerts when the engines were last built from the store.
    alerts: Mutex<Vec<String>>,
}

impl Outlet for Memory {
    fn recorded(&self, news: Vec<WardNews>, _: &[AccessChange], committed: &Committed) {
        let mut recorded = self.recorded.lock().unwrap();
        // That a device was heard is news, and nothing to keep.
        for ward in news.into_iter().filter(|ward| !ward.events.is_empty()) {
            let first = committed.wards.iter().find(|w| w.ward == ward.ward).unwrap().first_seq;
            recorded.extend((first..).zip(ward.events));
        }
    }
    fn unrecorded(&self, news: Vec<WardNews>) {
        self.unrecorded.lock().unwrap().extend(news.into_iter().flat_map(|w| w.events));
    }
    fn rebuilt(&self, engines: &mut dyn Iterator<Item = (&WardId, &Engine)>) {
        let open =
            engines.flat_map(|(_, e)| e.alerts().map(|a| format!("#{} {}", a.id, a.key.code)).collect::<Vec<_>>());
        *self.alerts.lock().unwrap() = open.collect();
        self.rebuilt.fetch_add(1, SeqCst);
    }
    fn store_state(&self, state: StoreState, _: &str) {
        self.states.lock().unwrap().push(state);
    }
    fn committed(&self, _: Timestamp, _: &[Tally], _: usize, _: u64) {}
}

/// A store that fails when it is told to.
struct Faulty {
    inner: SqliteStore,
    full: Arc<AtomicBool>,
    /// The next batch with anything of a ward has a row that the database refuses.
    refusing: Arc<AtomicBool>,
    broken: Arc<AtomicBool>,
    /// While a test holds it, a commit waits.
    gate: Arc<Mutex<()>>,
    /// Turns of deleting.
    expired: Arc<AtomicUsize>,
}

impl Store for Faulty {
    fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError> {
        drop(self.gate.lock().unwrap());
        let error = |code| rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        if self.broken.load(SeqCst) {
            return Err(StoreError::Database(error(rusqlite::ffi::SQLITE_IOERR_FSYNC)));
        }
        if self.full.load(SeqCst) {
            return Err(StoreError::Full(error(rusqlite::ffi::SQLITE_FULL)));
        }
        if !batch.wards.is_empty() && self.refusing.swap(false, SeqCst) {
            return Err(StoreError::Constraint(error(rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY)));
        }
        self.inner.commit(batch)
    }
    fn checkpoint(&mut self, always: bool) -> Result<Option<String>, StoreError> {
        self.inner.checkpoint(always)
    }
    fn expire(&mut self, now: Timestamp, retention: &Retention) -> Result<bool, StoreError> {
        self.expired.fetch_add(1, SeqCst);
        self.inner.expire(now, retention)
    }
    fn audit_fault(&self) -> Option<&str> {
        self.inner.audit_fault()
    }
    fn audit_size(&self) -> u64 {
        self.inner.audit_size()
    }
}

struct Bench {
    folder: DataFolder,
    handle: PipelineHandle,
    threads: Option<PipelineThreads>,
    clock: Arc<EngineClock>,
    reader: Arc<dyn StoreReader>,
    memory: Arc<Memory>,
    full: Arc<AtomicBool>,
    refusing: Arc<AtomicBool>,
    broken: Arc<AtomicBool>,
    gate: Arc<Mutex<()>>,
    expired: Arc<AtomicUsize>,
}

fn nurse(name: &str) -> Actor {
    Actor::User { user: name.parse().unwrap(), name: name.into(), role: Role::Nurse, session: "s".parse().unwrap() }
}

fn ward() -> WardId {
    "w".parse().unwrap()
}

impl Bench {
    fn start(folder: DataFolder) -> Self {
        Self::start_at(folder, Arc::new(OsClock))
    }

    fn start_at(folder: DataFolder, clock: Arc<dyn Clock>) -> Self {
        let parts = StoreParts { clock: clock.clone(), entropy: Arc::new(OsEntropy) };
        let inner = SqliteStore::open(&folder, folder.lock().unwrap(), Mode::Demo, &parts).unwrap();
        let reader: Arc<dyn StoreReader> = Arc::new(inner.reader().unwrap());
        let (full, broken) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let refusing = Arc::new(AtomicBool::new(false));
        let expired = Arc::new(AtomicUsize::new(0));
        let (memory, gate) = (Arc::new(Memory::default()), Arc::new(Mutex::new(())));
        let parts = PipelineParts {
            config: EngineConfig { vitals: Arc::new(VitalTable::builtin()), ..EngineConfig::default() },
            store: Box::new(Faulty {
                inner,
                full: full.clone(),
                refusing: refusing.clone(),
                broken: broken.clone(),
                gate: gate.clone(),
                expired: expired.clone(),
            }),
            reader: reader.clone(),
            clock,
            retention: Retention::default(),
            outlet: memory.clone(),
        };
        let (handle, threads, clock) = start(parts).unwrap();
        Self { folder, handle, threads: Some(threads), clock, reader, memory, full, refusing, broken, gate, expired }
    }

    /// One ward with bed b1, patient p1 and monitor d1 behind gateway gw.
    fn with_ward(folder: DataFolder) -> Self {
        Self::with_ward_at(folder, Arc::new(OsClock))
    }

    fn with_ward_at(folder: DataFolder, clock: Arc<dyn Clock>) -> Self {
        let bench = Self::start_at(folder, clock);
        let by = Actor::Console { uid: 0 };
        let made = Ward { id: ward(), name: "Ward".into(), time_zone: chrono_tz::Tz::UTC };
        bench.handle.ask_blocking(|reply| Job::SetWard { ward: made, by: by.clone(), reply }).unwrap();
        let device = |id: &str, kind, gateway: Option<&str>| Device {
            id: id.parse().unwrap(),
            name: id.into(),
            kind,
            gateway: gateway.map(|g| g.parse().unwrap()),
            intervals_ms: [(SPO2, Millis::from_secs(1))].into(),
            desired: Desired::default(),
        };
        let patient = Patient {
            id: "p1".parse().unwrap(),
            name: PersonName::new("Okafor"),
            category: Category::Adult,
            birth_year: None,
            note: PersonName::default(),
        };
        let start = bench.clock.now() - Millis::from_mins(60);
        for command in [
            Command::SetBed { bed: Bed { id: "b1".parse().unwrap(), label: "1".into() } },
            Command::Admit { patient, bed: "b1".parse().unwrap(), encounter: "e1".parse().unwrap() },
            Command::SetDevice { device: device("gw", DeviceKind::Gateway, None) },
            Command::SetDevice { device: device("d1", DeviceKind::Monitor, Some("gw")) },
            Command::Assign {
                assignment: Assignment {
                    device: "d1".parse().unwrap(),
                    patient: "p1".parse().unwrap(),
                    start,
                    end: None,
                },
            },
        ] {
            assert_eq!(bench.command(command, by.clone()).unwrap().refusal, None);
        }
        bench
    }

    fn command(&self, command: Command, by: Actor) -> Result<CommandOutcome, JobError> {
        self.handle.ask_blocking(|reply| Job::Command { ward: ward(), command, by, reply })
    }

    fn send(&self, readings: Vec<Reading>) -> Result<IntakeReport, JobError> {
        let decoded = readings.into_iter().map(Ok).collect();
        self.handle.ask_blocking(|reply| Job::Observations {
            sender: "gw".parse().unwrap(),
            decoded,
            mapped: None,
            reply,
        })
    }

    /// Ends without a snapshot, as a kill does.
    fn kill(self) -> DataFolder {
        drop(self.handle);
        self.threads.unwrap().join();
        self.folder
    }

    fn stop(mut self) -> DataFolder {
        self.handle.ask_blocking(|reply| Job::Stop { reply }).unwrap();
        self.threads.take().unwrap().join();
        self.folder.clone()
    }

    fn codes(report: &IntakeReport) -> Vec<RejectionCode> {
        report.rejections.iter().map(|r| r.code).collect()
    }

    fn wait_for(&self, what: &str, so: impl Fn(&Memory) -> bool) {
        let clock = OsClock;
        let until = clock.boot() + Millis::from_secs(20);
        while !so(&self.memory) {
            assert!(clock.boot() < until, "waited in vain for {what}");
            std::thread::yield_now();
        }
    }
}

fn folder() -> (tempfile::TempDir, DataFolder) {
    let dir = tempfile::tempdir().unwrap();
    let folder = DataFolder::make(&dir.path().join("data")).unwrap();
    (dir, folder)
}

fn reading(at: Timestamp, value: f64) -> Reading {
    Reading {
        device: "d1".parse().unwrap(),
        named_patient: None,
        vital: SPO2,
        value,
        text: None,
        observed_at: at,
        correction: false,
        interval: None,
    }
}

#[test]
fn the_same_value_again_is_a_duplicate_and_another_is_a_conflict() {
    let (_dir, folder) = folder();
    let bench = Bench::with_ward(folder);
    let now = bench.clock.now();
    let report = bench.send(vec![reading(now, 97.0), reading(now, 97.0), reading(now, 96.0)]).unwrap();
    assert_eq!((report.accepted, report.duplicate, report.rejected), (1, 1, 1));
    assert_eq!(Bench::codes(&report), [RejectionCode::Conflict]);
    let report = bench.send(vec![reading(now, 97.0), reading(now, 95.0)]).unwrap();
    assert_eq!((report.duplicate, report.rejected), (1, 1), "across requests too");
    let correction = Reading { correction: true, ..reading(now, 95.0) };
    let report = bench.send(vec![correction, reading(now, 95.0)]).unwrap();
    assert_eq!((report.accepted, report.duplicate), (1, 1));
    let nothing = Reading { correction: true, ..reading(now - Millis(5), 95.0) };
    assert_eq!(Bench::codes(&bench.send(vec![nothing]).unwrap()), [RejectionCode::NothingToCorrect]);
    let raised: Vec<String> = bench
        .memory
        .recorded
        .lock()
        .unwrap()
        .iter()
        .filter_map(|(_, e)| match &e.body {
            EventBody::Alert { cause: Cause::Raised, alert, .. } => Some(alert.key.code.to_string()),
            EventBody::Corrected { old, new, .. } => Some(format!("{old} to {new}")),
            _ => None,
        })
        .collect();
    assert_eq!(raised, ["device.conflict", "97 to 95"]);
    let folder = bench.stop();
    let bench = Bench::start(folder);
    let report = bench.send(vec![reading(now, 95.0), reading(now, 97.0)]).unwrap();
    assert_eq!((report.duplicate, Bench::codes(&report)), (1, vec![RejectionCode::Conflict]), "and across a restart");
    bench.stop();
}

#[test]
fn a_message_for_the_wrong_patient_is_refused_and_raises_a_safety_alert() {
    let (_dir, folder) = folder();
    let bench = Bench::with_ward(folder);
    let wrong = Reading { named_patient: Some("p2".parse().unwrap()), ..reading(bench.clock.now(), 97.0) };
    let report = bench.send(vec![wrong]).unwrap();
    assert_eq!(Bench::codes(&report), [RejectionCode::WrongPatient]);
    let recorded = bench.memory.recorded.lock().unwrap().clone();
    let safety = recorded.iter().any(|(_, e)| matches!(&e.body, EventBody::Alert { alert, .. } if alert.key.code.to_string() == "device.wrong_patient"));
    assert!(safety);
    let d1: DeviceId = "d1".parse().unwrap();
    assert_eq!(bench.reader.newest(&d1, SPO2).unwrap(), None, "nothing is stored");
    assert_eq!(bench.reader.dead_letter_count().unwrap(), 1);
    bench.stop();
}

#[test]
fn numbers_are_dense_and_a_restart_goes_on() {
    let (_dir, folder) = folder();
    let bench = Bench::with_ward(folder);
    let now = bench.clock.now();
    for s in 0..9 {
        bench.send(vec![reading(now - Millis::from_secs(9 - s), 70.0)]).unwrap();
    }
    let seqs: Vec<u64> = bench.memory.recorded.lock().unwrap().iter().map(|(seq, _)| *seq).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    let last = *seqs.last().unwrap();
    let command = Command::Acknowledge { alert: AlertId(1), transition: 1 };
    let (first, second) = (bench.command(command.clone(), nurse("anna")), bench.command(command, nurse("ben")));
    assert_eq!(first.unwrap(), CommandOutcome { seq: last + 1, refusal: None });
    assert!(
        matches!(second.unwrap().refusal, Some(Refusal::AlreadyAcknowledged { owner, .. }) if owner.label() == "anna")
    );
    let audit =
        |b: &Bench| b.reader.leaves(0, 1000).unwrap().iter().filter(|l| l.leaf.contains("alert.acknowledge")).count();
    assert_eq!(audit(&bench), 2, "each command leaves one entry, done or refused");
    let folder = bench.stop();
    let bench = Bench::start(folder);
    bench.wait_for("the start to be recorded", |m| !m.recorded.lock().unwrap().is_empty());
    let recorded = bench.memory.recorded.lock().unwrap().clone();
    assert_eq!(recorded[0].0, last + 3);
    assert!(matches!(recorded[0].1.body, EventBody::EngineStarted { down_since: Some(_), .. }));
    bench.stop();
}

#[test]
fn a_failed_disk_stops_acknowledging_and_judging_goes_on() {
    let (_dir, folder) = folder();
    let bench = Bench::with_ward(folder);
    let now = bench.clock.now() - Millis::from_secs(9);
    bench.send(vec![reading(now, 97.0)]).unwrap();
    bench.broken.store(true, SeqCst);
    assert_eq!(bench.send(vec![reading(now + Millis(1), 70.0)]), Err(JobError::Unrecorded));
    bench.wait_for("the standing alert", |m| {
        m.unrecorded.lock().unwrap().iter().any(|e| matches!(&e.body, EventBody::Alert { alert, .. } if alert.key.code.to_string() == "system.store_failed"))
    });
    for s in 2..9 {
        assert_eq!(bench.send(vec![reading(now + Millis::from_secs(s), 70.0)]), Err(JobError::Unrecorded));
    }
    bench.wait_for("the patient's alert, unrecorded", |m| {
        m.unrecorded
            .lock()
            .unwrap()
            .iter()
            .any(|e| matches!(&e.body, EventBody::Alert { alert, .. } if alert.key.code.to_string() == "spo2.low"))
    });
    bench.broken.store(false, SeqCst);
    assert_eq!(
        bench.send(vec![reading(now + Millis::from_secs(9), 97.0)]),
        Err(JobError::Unrecorded),
        "an fsync is never retried"
    );
    assert_eq!(*bench.memory.states.lock().unwrap(), [StoreState::Unrecorded]);
    let head = bench.reader.head(&ward()).unwrap();
    drop(bench.handle);
    bench.threads.unwrap().join();
    let bench = Bench::start(bench.folder);
    let report = bench.send(vec![reading(now, 97.0), reading(now + Millis(1), 70.0)]).unwrap();
    assert_eq!((report.duplicate, report.accepted), (1, 1), "what was acknowledged is there, the rest is not");
    bench.wait_for("the start", |m| m.recorded.lock().unwrap().first().is_some_and(|(seq, _)| *seq == head + 1));
    bench.stop();
}

#[test]
fn a_full_disk_recovers_by_itself_and_loses_nothing_acknowledged() {
    let (_dir, folder) = folder();
    let bench = Bench::with_ward(folder);
    let now = bench.clock.now();
    bench.send(vec![reading(now, 97.0)]).unwrap();
    let head = bench.reader.head(&ward()).unwrap();
    bench.full.store(true, SeqCst);
    assert_eq!(bench.send(vec![reading(now + Millis(1), 70.0)]), Err(JobError::Unrecorded));
    bench.full.store(false, SeqCst);
    bench.wait_for("recording again", |m| m.states.lock().unwrap().last() == Some(&StoreState::Recording));
    let report = bench.send(vec![reading(now, 97.0), reading(now + Millis(1), 70.0)]).unwrap();
    assert_eq!((report.duplicate, report.accepted), (1, 1));
    let seqs: Vec<u64> = bench.memory.recorded.lock().unwrap().iter().map(|(seq, _)| *seq).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "no number was given to what was not kept");
    assert!(seqs.len() as u64 > head);
    assert_eq!(bench.memory.rebuilt.load(SeqCst), 2);
    bench.stop();
}

/// What is sent while the database refuses a row, and whether the trail speaks of it.
fn sent_and_refused(bench: &Bench, at: Timestamp) {
    let audited = bench.reader.leaves(0, 1000).unwrap().len();
    bench.refusing.store(true, SeqCst);
    assert_eq!(bench.send(vec![reading(at, 70.0)]), Err(JobError::Unrecorded));
    let leaves = bench.reader.leaves(0, 1000).unwrap();
    let own = leaves.iter().skip(audited).filter(|l| !l.leaf.contains("recovered")).count();
    assert_eq!((own, bench.reader.dead_letter_count().unwrap()), (0, 0), "nothing is kept of it");
    let device: DeviceId = "d1".parse().unwrap();
    assert_eq!(bench.reader.sample(&device, SPO2, at).unwrap(), None);
}

#[test]
fn after_a_refused_row_the_next_message_is_kept() {
    let (_dir, folder) = folder();
    let bench = Bench::with_ward(folder);
    let now = bench.clock.now();
    bench.send(vec![reading(now, 97.0)]).unwrap();
    sent_and_refused(&bench, now + Millis(1));
    let report = bench.send(vec![reading(now, 97.0), reading(now + Millis(1), 70.0)]).unwrap();
    assert_eq!((report.duplicate, report.accepted), (1, 1), "what was acknowledged is there, the rest comes again");
    let seqs: Vec<u64> = bench.memory.recorded.lock().unwrap().iter().map(|(seq, _)| *seq).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "no number was given to what was not kept");
    assert_eq!(*bench.memory.states.lock().unwrap(), [StoreState::Unrecorded, StoreState::Recording]);
    assert_eq!(bench.memory.rebuilt.load(SeqCst), 2, "the engines are as the store is");
    bench.stop();
}

#[test]
fn one_refused_row_after_another_stops_recording_until_a_restart() {
    let (_dir, folder) = folder();
    let clock = ManualClock::at(OsClock.wall());
    let bench = Bench::with_ward_at(folder, Arc::new(clock.clone()));
    let now = bench.clock.now();
    // Those that are long ago do not count.
    for turn in 0..4 {
        sent_and_refused(&bench, now + Millis(turn));
        assert_eq!(bench.send(vec![reading(now + Millis(turn), 97.0)]).unwrap().accepted, 1);
        clock.advance(REFUSED_WITHIN);
    }
    for turn in 0..2 {
        sent_and_refused(&bench, now + Millis(10 + turn));
        assert_eq!(bench.send(vec![reading(now + Millis(10 + turn), 97.0)]).unwrap().accepted, 1);
    }
    sent_and_refused(&bench, now + Millis(20));
    clock.advance(Millis::from_mins(60));
    assert_eq!(bench.send(vec![reading(now + Millis(20), 97.0)]), Err(JobError::Unrecorded), "it is not tried again");
    assert_eq!(bench.memory.states.lock().unwrap().last(), Some(&StoreState::Unrecorded));
    let bench = Bench::start(bench.kill());
    assert_eq!(bench.send(vec![reading(now + Millis(20), 97.0)]).unwrap().accepted, 1);
    bench.stop();
}

fn raised(bench: &Bench, code: &str) -> bool {
    let recorded = bench.memory.recorded.lock().unwrap();
    recorded.iter().any(|(_, e)| matches!(&e.body, EventBody::Alert { cause: Cause::Raised, alert, .. } if alert.key.code.to_string() == code))
}

#[test]
fn open_alerts_outlive_one_kill_after_another() {
    let (_dir, folder) = folder();
    let clock = ManualClock::at(OsClock.wall());
    let bench = Bench::with_ward_at(folder, Arc::new(clock.clone()));
    let now = bench.clock.now();
    bench.send((0..4).map(|s| reading(now - Millis::from_secs(4 - s), 70.0)).collect()).unwrap();
    // Not yet 5 s long: it is raised by a timer, and so is the silence of the device.
    clock.advance(Millis::from_secs(30));
    bench.wait_for("the silence", |_| raised(&bench, "device.lost"));
    assert!(raised(&bench, "spo2.low"));
    let mut folder = bench.kill();
    for kill in 1..=3 {
        let bench = Bench::start_at(folder, Arc::new(clock.clone()));
        assert_eq!(*bench.memory.alerts.lock().unwrap(), ["#1 spo2.low", "#2 device.lost"], "kill {kill}");
        bench.wait_for("the start to be recorded", |m| !m.recorded.lock().unwrap().is_empty());
        clock.advance(Millis::from_secs(1));
        folder = bench.kill();
    }
}

#[test]
fn what_is_on_its_way_to_the_disk_is_not_forgotten_while_nothing_else_happens() {
    let (_dir, folder) = folder();
    let clock = ManualClock::at(OsClock.wall());
    let bench = Bench::with_ward_at(folder, Arc::new(clock.clone()));
    let now = bench.clock.now();
    let gate = bench.gate.clone();
    let (first, second) = std::thread::scope(|scope| {
        let held = gate.lock().unwrap();
        let first = scope.spawn(|| bench.send(vec![reading(now, 97.0)]));
        // The engine thread looks up every half second: several groups are made for nothing meanwhile.
        let until = OsClock.boot() + Millis(1_800);
        while OsClock.boot() < until {
            std::thread::yield_now();
        }
        let second = scope.spawn(|| bench.send(vec![reading(now, 97.0), reading(now, 96.0)]));
        let until = OsClock.boot() + Millis(200);
        while OsClock.boot() < until {
            std::thread::yield_now();
        }
        drop(held);
        (first.join().unwrap().unwrap(), second.join().unwrap().unwrap())
    });
    assert_eq!((first.accepted, second.accepted, second.duplicate, second.rejected), (1, 0, 1, 1));
    bench.stop();
}

#[test]
fn after_a_step_of_the_clock_the_first_value_is_kept_at_its_own_time() {
    let (_dir, folder) = folder();
    let clock = ManualClock::at(OsClock.wall());
    let bench = Bench::with_ward_at(folder, Arc::new(clock.clone()));
    bench.send(vec![reading(clock.wall(), 97.0)]).unwrap();
    clock.advance(Millis::from_secs(2));
    clock.step_wall(Millis::from_secs(60));
    let at = clock.wall();
    bench.send(vec![reading(at, 96.0)]).unwrap();
    for s in 1..5 {
        clock.advance(Millis::from_secs(1));
        bench.send(vec![reading(clock.wall(), f64::from(90 + s))]).unwrap();
    }
    let device: DeviceId = "d1".parse().unwrap();
    assert_eq!(bench.reader.sample(&device, SPO2, at).unwrap().map(|s| s.value), Some(96.0));
    assert_eq!(bench.send(vec![reading(at, 96.0)]).unwrap().duplicate, 1);
    let correction = Reading { correction: true, ..reading(at, 95.0) };
    assert_eq!(bench.send(vec![correction]).unwrap().accepted, 1);
    let bench = Bench::start_at(bench.kill(), Arc::new(clock.clone()));
    assert_eq!(bench.send(vec![reading(at, 95.0)]).unwrap().duplicate, 1);
    bench.stop();
}

#[test]
fn nothing_is_acknowledged_while_nothing_is_recorded() {
    let (_dir, folder) = folder();
    let bench = Bench::with_ward(folder);
    let now = bench.clock.now();
    bench.send((0..9).map(|s| reading(now - Millis::from_secs(9 - s), 70.0)).collect()).unwrap();
    bench.broken.store(true, SeqCst);
    assert_eq!(bench.send(vec![reading(now, 70.0)]), Err(JobError::Unrecorded));
    bench.wait_for("the standing alert", |m| m.states.lock().unwrap().last() == Some(&StoreState::Unrecorded));
    let acknowledge = Command::Acknowledge { alert: AlertId(1), transition: 1 };
    assert_eq!(bench.command(acknowledge, nurse("anna")), Err(JobError::Unrecorded));
    let by = nurse("anna");
    let other = Ward { id: ward(), name: "Other".into(), time_zone: chrono_tz::Tz::UTC };
    let renamed = bench.handle.ask_blocking(|reply| Job::SetWard { ward: other, by, reply });
    assert_eq!(renamed, Err(JobError::Unrecorded));
    let unrecorded = bench.memory.unrecorded.lock().unwrap();
    let quiet = unrecorded.iter().any(|e| matches!(&e.body, EventBody::Alert { cause: Cause::Acknowledged, .. }));
    assert!(!quiet, "the alert goes on");
}

#[test]
fn an_emergency_that_could_not_be_recorded_is_told_to_nobody() {
    let (_dir, folder) = folder();
    let bench = Bench::with_ward(folder);
    let open = |id: &str| {
        let opened = BreakGlass {
            id: id.parse().unwrap(),
            user: "u1".parse().unwrap(),
            name: "anna".into(),
            session: "s".parse().unwrap(),
            ward: ward(),
            patient: "p1".parse().unwrap(),
            reason: EmergencyReason::Treatment,
            words: "short of breath".parse().unwrap(),
            began: bench.clock.now(),
            ended: None,
            end_noted: false,
            review: None,
        };
        let record = Record { access: vec![AccessChange::PutBreakGlass(opened)], ..Record::default() };
        bench.handle.ask_blocking(|reply| Job::Record { record, reply })
    };
    let is_told = |e: &Event| matches!(e.body, EventBody::EmergencyOpened { .. });
    assert_eq!(open("g1"), Ok(()));
    assert!(bench.memory.recorded.lock().unwrap().iter().any(|(_, e)| is_told(e)));
    bench.broken.store(true, SeqCst);
    // The first is taken while the store is thought to work, the second when it is known not to.
    assert_eq!(open("g2"), Err(JobError::Unrecorded));
    assert_eq!(open("g3"), Err(JobError::Unrecorded));
    bench.send(vec![reading(bench.clock.now(), 70.0)]).unwrap_err();
    assert!(!bench.memory.unrecorded.lock().unwrap().iter().any(is_told));
    bench.kill();
}

#[test]
fn a_renamed_ward_goes_on_as_it_was() {
    let (_dir, folder) = folder();
    let bench = Bench::with_ward(folder);
    let named = Ward { id: ward(), name: "Other".into(), time_zone: chrono_tz::Tz::UTC };
    let by = nurse("anna");
    bench.handle.ask_blocking(|reply| Job::SetWard { ward: named.clone(), by, reply }).unwrap();
    let recorded = bench.memory.recorded.lock().unwrap().clone();
    assert!(matches!(&recorded.last().unwrap().1.body, EventBody::WardSet { ward } if *ward == named));
    let starts = recorded.iter().filter(|(_, e)| matches!(e.body, EventBody::EngineStarted { .. })).count();
    assert_eq!(starts, 1, "it is no start");
    let bench = Bench::start(bench.kill());
    assert_eq!(bench.reader.wards().unwrap()[0].ward, named);
    bench.stop();
}

#[test]
fn what_is_doubtful_is_kept_with_its_mark() {
    let (_dir, folder) = folder();
    let clock = ManualClock::at(OsClock.wall());
    let bench = Bench::with_ward_at(folder, Arc::new(clock.clone()));
    let from = clock.wall();
    let newest = |bench: &Bench| bench.reader.newest_samples(&ward(), from).unwrap().remove(0).1;
    for (value, marks) in [(97.0, Marks::NONE), (88.0, Marks::JUMP)] {
        clock.advance(Millis::from_secs(1));
        bench.send(vec![reading(clock.wall(), value)]).unwrap();
        assert_eq!((newest(&bench).value, newest(&bench).marks), (value, marks), "among the inputs");
    }
    let bench = Bench::start_at(bench.stop(), Arc::new(clock.clone()));
    let kept = newest(&bench);
    assert_eq!((kept.value, kept.quality, kept.marks), (88.0, Quality::Valid, Marks::JUMP), "in a block");
    bench.stop();
}

/// What is past its time is deleted also while one group comes after another: the writer never has to come to rest for it.
#[test]
fn what_is_past_its_time_goes_also_under_load() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(Timestamp::from_ms(1_790_000_000_000));
    let bench = Bench::start_at(DataFolder::make(&dir.path().join("data")).unwrap(), Arc::new(clock.clone()));
    let done = Arc::new(AtomicBool::new(false));
    let record = || {
        let leaf = LeafDraft::new(LeafActor::System, Act::PolicyProbe, Outcome::Success);
        Record { leaves: vec![leaf], ..Record::default() }
    };
    std::thread::scope(|scope| {
        // Several ask at once, so that there is always a group that waits.
        for _ in 0..4 {
            scope.spawn(|| {
                while !done.load(SeqCst) {
                    let record = record();
                    bench.handle.ask_blocking(|reply| Job::Record { record, reply }).unwrap();
                }
            });
        }
        let by = OsClock.boot() + Millis::from_secs(20);
        while bench.expired.load(SeqCst) < 3 && OsClock.boot() < by {
            clock.advance(Millis::from_secs(30));
            let record = record();
            bench.handle.ask_blocking(|reply| Job::Record { record, reply }).unwrap();
        }
        done.store(true, SeqCst);
    });
    assert!(bench.expired.load(SeqCst) >= 3);
}
