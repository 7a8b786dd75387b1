//! The engines of all wards and the way of a job through them. Synchronous; no thread, no channel, no clock of its own.

use super::{
    fhir::RecentResources,
    group::{Group, Waiting},
    job::{Job, JobError, Record, Reply},
    leaves, mapped,
    staff::Staff,
    tail::{Standing, Tails},
    unplaced::{self, Named, NamedOf},
    ward::{Moment, Taken, WardRun},
};
use crate::{
    backend::intake::Tally,
    domain::{
        Actor, CensusError, Command, Device, DeviceId, EventBody, Lapse, Millis, Observation, PatientId, Refusal,
        Reported, SystemFault, Timestamp, Ward, WardId, system::FaultReport,
    },
    engine::{Engine, EngineConfig, Input, IntakeFault},
    ingest::{Decoded, Reading, Refused, Resolver, Sender, Way, medtech::Mapped},
    protocol::{IntakeReport, Rejection, RejectionCode},
    store::{AccessChange, Batch, DeadLetter, StoreError, StoreReader, TwinChange, UnplacedChange},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Wall time that is apart from engine time by more than this has stepped.
pub const CLOCK_STEP_MIN: Millis = Millis::from_secs(1);
/// That a device was heard is kept at most this often; in between it is known in memory alone.
const SEEN_KEPT_EVERY: Millis = Millis::from_secs(60);

/// The engines of all wards.
pub(super) struct Core {
    config: EngineConfig,
    pub(super) reader: Arc<dyn StoreReader>,
    pub(super) wards: BTreeMap<WardId, WardRun>,
    pub(super) ward_of_device: BTreeMap<DeviceId, WardId>,
    pub(super) tails: Tails,
    /// Versions of resources that may still be on their way to the disk.
    pub(super) recent_resources: RecentResources,
    /// When patients last went to another bed, since the start.
    pub(super) moved: BTreeMap<PatientId, Timestamp>,
    /// When it was last kept that a device was heard.
    pub(super) seen_kept: BTreeMap<DeviceId, Timestamp>,
    /// What was said last of each fault of the system: a ward that is made meanwhile is told of it, and engines that are
    /// built anew, whose end of a fault may not have been kept.
    faults: BTreeMap<SystemFault, FaultReport>,
    /// What was said last of each fault that concerns one ward.
    ward_faults: BTreeMap<(WardId, SystemFault), FaultReport>,
    /// Who can have a duty: accounts as far as the rota needs them.
    staff: Staff,
    /// Wards that a terminal watches.
    watched: BTreeSet<WardId>,
    /// The number of the group that is being made.
    group: u64,
    /// How far wall time is ahead of engine time since the last step of the wall clock.
    skew: Millis,
}

impl Core {
    /// The wards as the store has them, each started anew at `now`. What the start causes goes into the first group.
    pub(super) fn load(config: EngineConfig, reader: Arc<dyn StoreReader>, now: Timestamp) -> Result<Self, StoreError> {
        let mut core = Self {
            config,
            reader,
            wards: BTreeMap::new(),
            ward_of_device: BTreeMap::new(),
            tails: Tails::default(),
            recent_resources: RecentResources::default(),
            moved: BTreeMap::new(),
            seen_kept: BTreeMap::new(),
            faults: BTreeMap::new(),
            ward_faults: BTreeMap::new(),
            staff: Staff::default(),
            watched: BTreeSet::new(),
            group: 0,
            skew: Millis::ZERO,
        };
        core.reload(now)?;
        Ok(core)
    }

    /// Forgets the engines and builds them from the store again.
    pub(super) fn reload(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.wards.clear();
        self.ward_of_device.clear();
        self.tails.forget();
        self.recent_resources.forget();
        self.seen_kept.clear();
        self.staff = Staff::of(self.reader.access()?.users);
        // The store is read: it has not failed.
        self.faults.remove(&SystemFault::StoreFailed);
        for record in self.reader.wards()? {
            let ward = record.ward.clone();
            let engine = super::rebuild::rebuild(&self.config, self.reader.as_ref(), &record)?;
            for device in engine.census().devices.keys() {
                let first = self.ward_of_device.entry(device.clone()).or_insert_with(|| ward.id.clone());
                if *first != ward.id {
                    tracing::error!(%device, ward = %ward.id, of = %first, "a device is of two wards: its data go to the first");
                }
            }
            let mut run = WardRun::new(ward.id.clone(), engine, None, now);
            run.restart(ward.clone(), self.moment(now));
            tell(&mut run, &self.faults, self.moment(now));
            for (_, report) in self.ward_faults.iter().filter(|((of, _), _)| *of == ward.id) {
                run.input(Input::Fault(report.clone()), self.moment(now));
            }
            if self.watched.contains(&ward.id) {
                run.input(Input::Watched { watched: true }, self.moment(now));
            }
            self.wards.insert(ward.id, run);
        }
        self.judge_staff(now);
        Ok(())
    }

    /// Takes in changes of accounts: who can no longer have a duty is a gap in the transaction of the change.
    fn staff_changes(&mut self, record: &Record, now: Timestamp) {
        let changed = record.access.iter().filter(|change| self.staff.apply(change)).count();
        if changed > 0 {
            self.judge_staff(now);
        }
    }

    /// Tells each ward who of its rota cannot have a duty, if that has changed.
    fn judge_staff(&mut self, now: Timestamp) {
        let at = self.moment(now);
        for (ward, run) in &mut self.wards {
            let unfit = self.staff.unfit(ward, run.engine.rota(), now);
            if unfit != run.engine.rota().unfit {
                run.input(Input::Unfit { unfit }, at);
            }
        }
    }

    pub(super) const fn moment(&self, now: Timestamp) -> Moment {
        Moment { now, skew: self.skew, group: self.group }
    }

    /// The engines, for the first view of a ward.
    pub(super) fn engines(&self) -> impl Iterator<Item = (&WardId, &Engine)> {
        self.wards.iter().map(|(id, run)| (id, &run.engine))
    }

    /// The earliest time at which an engine wants to be called.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.wards.values().filter_map(|run| run.engine.next_deadline()).min()
    }

    /// Does a job at engine time `now`; its answer waits in the group.
    pub(super) fn take(&mut self, job: Job, now: Timestamp, group: &mut Group) {
        group.jobs += 1;
        match job {
            Job::Observations { sender, decoded, mapped, reply } => {
                let came = Came { mapped: mapped.as_deref(), ..Came::now(Way::Own) };
                self.observations(&sender, decoded, (came, &NamedOf::new()), reply, now, group);
            }
            Job::Published { sender, topic, before, decoded, mapped, reply } => {
                let mapped = mapped.as_deref();
                let came = Came { before, way: Way::Own, topic: topic.as_ref(), sent: true, mapped };
                self.observations(&sender, decoded, (came, &NamedOf::new()), reply, now, group);
            }
            Job::Lapsed { sender, devices, lapse, reply } => {
                self.lapsed(&sender, devices, lapse, now);
                group.waiting.push(Waiting::Done(reply));
            }
            Job::Again { sender, topic, decoded, mapped, received_at, record, reply } => {
                let (before, mapped) = (Some(received_at), mapped.as_deref());
                let came = Came { before, way: Way::Own, topic: topic.as_ref(), sent: false, mapped };
                // What could not be asked of the store stays where it is: the letter has not ended then.
                if self.observations(&sender, decoded, (came, &NamedOf::new()), reply, now, group) {
                    record.join(&mut group.batch);
                }
            }
            Job::Values { sender, groups, reply } => {
                let limits = super::alerts::limits_of(&groups);
                let (decoded, named) = self.place(&sender, groups, now, group);
                let limited = super::alerts::limited(&decoded, &limits, self.skew);
                if self.observations(&sender, decoded, (Came::now(Way::Hl7), &named), reply, now, group) {
                    self.limits_said(&sender, limited, now);
                }
            }
            Job::Alerts { sender, groups, reply } => {
                let report = self.alerts(&sender, groups, now, group);
                group.waiting.push(Waiting::Intake(reply, report));
            }
            Job::Report { device, reported, reply } => {
                self.reported(&device, *reported, now, group);
                group.waiting.push(Waiting::Done(reply));
            }
            Job::Adt { sender, act, payload, reply } => {
                let refused = self.adt(&sender, &act, now, group).err();
                if let Some(why) = &refused {
                    group.batch.dead_letters.push(DeadLetter {
                        at: now,
                        source: sender.to_string(),
                        code: "adt".to_owned(),
                        detail: why.clone(),
                        payload,
                        way: Way::Hl7.as_str().to_owned(),
                    });
                }
                group.tallies.push(Tally { rejected: usize::from(refused.is_some()), ..Tally::of(&sender, now) });
                group.waiting.push(Waiting::Adt(reply, refused));
            }
            Job::Resources { wanted, reply } => self.resources(wanted, reply, now, group),
            Job::Command { ward, command, by, reply } => self.command(&ward, &command, &by, reply, now, group),
            Job::SetWard { ward, by, reply } => {
                group.batch.leaves.push(leaves::ward_set(&ward, &by));
                self.set_ward(ward, now);
                group.waiting.push(Waiting::Done(reply));
            }
            Job::Record { record, reply } => {
                self.emergencies(&record, now);
                self.staff_changes(&record, now);
                group.tallies.extend(record.dead_letters.iter().filter_map(unusable));
                record.join(&mut group.batch);
                group.waiting.push(Waiting::Done(reply));
            }
            Job::Backfill { ward, observations, reply } => {
                group.samples += observations.len();
                self.backfill(&ward, &observations);
                group.waiting.push(Waiting::Done(reply));
            }
            Job::Notified { ward, notice, reply } => {
                let at = self.moment(now);
                if let Some(run) = self.wards.get_mut(&ward) {
                    run.input(Input::Notified(notice), at);
                }
                group.waiting.push(Waiting::Done(reply));
            }
            Job::Fault(report) => self.fault(&report, now),
            Job::WardFault { ward, report } => self.ward_fault(ward, report, now),
            Job::Watched { ward, watched } => self.watched(ward, watched, now),
            Job::Stop { reply } => {
                let skew = self.skew;
                self.wards.values_mut().for_each(|run| run.want_snapshot(skew));
                group.waiting.push(Waiting::Done(reply));
            }
        }
    }

    /// Lets time pass in all engines.
    pub(super) fn tick(&mut self, now: Timestamp) {
        let at = self.moment(now);
        let due = |run: &&mut WardRun| run.engine.next_deadline().is_some_and(|deadline| deadline <= now);
        for run in self.wards.values_mut().filter(due) {
            run.input(Input::Tick, at);
        }
    }

    /// The wall clock stepped: engines are told, and device times are read against the new wall time from now on.
    pub(super) fn clock_stepped(&mut self, skew: Millis, now: Timestamp) {
        let by_ms = skew - self.skew;
        // What the group holds already was read with the old skew.
        let at = self.moment(now);
        for run in self.wards.values_mut() {
            run.input(Input::ClockStepped { by_ms }, at);
        }
        self.skew = skew;
    }

    /// How far wall time is taken to be ahead of engine time.
    pub(super) const fn skew(&self) -> Millis {
        self.skew
    }

    /// Sets the skew that a start finds: the engine has to start ahead of a wall clock that was set back.
    pub(super) const fn set_skew(&mut self, skew: Millis) {
        self.skew = if skew.0.abs() > CLOCK_STEP_MIN.0 { skew } else { Millis::ZERO };
    }

    pub(super) fn fault(&mut self, report: &FaultReport, now: Timestamp) {
        let at = self.moment(now);
        for run in self.wards.values_mut() {
            run.input(Input::Fault(report.clone()), at);
        }
        self.faults.insert(report.fault, report.clone());
    }

    /// A fault that concerns one ward began, changed or ended.
    fn ward_fault(&mut self, ward: WardId, report: FaultReport, now: Timestamp) {
        let at = self.moment(now);
        let Some(run) = self.wards.get_mut(&ward) else { return };
        run.input(Input::Fault(report.clone()), at);
        let key = (ward, report.fault);
        self.ward_faults.insert(key, report);
    }

    /// Tells wards of patients who are opened in emergencies, in the transaction in which they are opened.
    fn emergencies(&mut self, record: &Record, now: Timestamp) {
        let at = self.moment(now);
        for change in &record.access {
            let AccessChange::PutBreakGlass(opened) = change else { continue };
            if let Some(run) = self.wards.get_mut(&opened.ward).filter(|_| opened.is_new()) {
                let patient = opened.patient.clone();
                run.input(Input::EmergencyOpened { patient, opened: opened.told() }, at);
            }
        }
    }

    /// A ward is watched from now on, or no longer.
    fn watched(&mut self, ward: WardId, watched: bool, now: Timestamp) {
        let at = self.moment(now);
        let Some(run) = self.wards.get_mut(&ward) else { return };
        run.input(Input::Watched { watched }, at);
        if watched {
            self.watched.insert(ward);
        } else {
            self.watched.remove(&ward);
        }
    }

    /// Tells the sender's ward what is said of devices behind it.
    fn lapsed(&mut self, sender: &DeviceId, mut devices: Vec<DeviceId>, lapse: Lapse, now: Timestamp) {
        let at = self.moment(now);
        let known = self.ward_of_device.get(sender);
        let Some(run) = known.and_then(|ward| self.wards.get_mut(ward)) else { return };
        let mut resolver = Resolver::new(run.engine.census(), &Sender(sender.clone()));
        devices.retain(|device| resolver.may_send(device));
        if !devices.is_empty() {
            run.input(Input::Lapsed { devices, lapse }, at);
        }
    }

    fn set_ward(&mut self, ward: Ward, now: Timestamp) {
        let at = self.moment(now);
        if let Some(run) = self.wards.get_mut(&ward.id) {
            run.input(Input::WardChanged { ward }, at);
            return;
        }
        let mut run = WardRun::new(ward.id.clone(), Engine::new(self.config.clone()), Some(ward.clone()), now);
        run.input(Input::Start { ward: ward.clone() }, at);
        tell(&mut run, &self.faults, at);
        self.wards.insert(ward.id, run);
    }

    fn backfill(&mut self, ward: &WardId, observations: &[Observation]) {
        let (skew, group) = (self.skew, self.group);
        let Some(run) = self.wards.get_mut(ward) else { return };
        for o in observations {
            match self.tails.of(&o.device, o.vital, self.reader.as_ref()) {
                Ok(tail) => {
                    run.accept(o, tail, Moment { now: o.observed_at, skew, group });
                }
                Err(e) => tracing::error!(error = %e, "the store could not be asked for an earlier value"),
            }
        }
    }

    fn command(
        &mut self,
        ward: &WardId,
        command: &Command,
        by: &Actor,
        reply: Reply<super::CommandOutcome>,
        now: Timestamp,
        group: &mut Group,
    ) {
        if self.is_of_another_ward(ward, command) {
            let refusal = Refusal::Census(CensusError::OtherWard);
            group.batch.leaves.extend(leaves::of(ward, command, by, Some(&refusal), &[]));
            drop(reply.send(Err(JobError::OtherWard)));
            return;
        }
        let Some((index, refusal)) = self.act(ward, command, by, now, group) else {
            drop(reply.send(Err(JobError::UnknownWard)));
            return;
        };
        group.waiting.push(Waiting::Command { reply, ward: ward.clone(), index, refusal });
    }

    /// Whether a command would bring in a patient or device of another ward: two engines that both judge one body would
    /// tell of it twice, and data would reach one of them alone.
    fn is_of_another_ward(&self, ward: &WardId, command: &Command) -> bool {
        let mut others = self.wards.iter().filter(|(other, _)| *other != ward).map(|(_, run)| run.engine.census());
        match command {
            Command::Admit { patient, .. } => others.any(|census| census.stays.contains_key(&patient.id)),
            Command::SetDevice { device } => others.any(|census| census.devices.contains_key(&device.id)),
            _ => false,
        }
    }

    /// Does a command: the place of what came of it among the group's events, and why it was not done. `None` if there is
    /// no such ward.
    pub(super) fn act(
        &mut self,
        ward: &WardId,
        command: &Command,
        by: &Actor,
        now: Timestamp,
        group: &mut Group,
    ) -> Option<(usize, Option<Refusal>)> {
        let at = self.moment(now);
        let run = self.wards.get_mut(ward)?;
        let input = match self.staff.fit(ward, command.clone(), now) {
            Ok(command) => Input::Command { command, by: by.clone() },
            Err(e) => Input::Refused { command: command.clone(), refusal: e.into(), by: by.clone() },
        };
        let first = run.input(input, at);
        let own = run.events().iter().enumerate().skip(first);
        let refused = own.rev().find_map(|(index, event)| match &event.body {
            EventBody::Refused { refusal, .. } => Some((index, refusal.clone())),
            _ => None,
        });
        match (command, &refused) {
            (Command::Transfer { patient, .. }, None) => drop(self.moved.insert(patient.clone(), now)),
            (Command::Discharge { patient, .. }, None) => drop(self.moved.remove(patient)),
            _ => {}
        }
        let last = run.events().len().saturating_sub(1);
        let (index, refusal): (usize, Option<Refusal>) =
            refused.map_or((last, None), |(index, refusal)| (index, Some(refusal)));
        let placed = match command {
            Command::Assign { assignment } => Some(&assignment.device),
            Command::MoveDevice { device, .. } => Some(device),
            _ => None,
        };
        if let (Some(device), None) = (placed, &refusal) {
            group.batch.unplaced.push(UnplacedChange::Placed(device.clone()));
        }
        if let (Command::SetDevice { device }, None) = (command, &refusal) {
            self.ward_of_device.entry(device.id.clone()).or_insert_with(|| ward.clone());
        }
        let own = run.events().get(first..).unwrap_or_default();
        group.batch.leaves.extend(leaves::of(ward, command, by, refusal.as_ref(), own));
        Some((index, refusal))
    }

    /// Takes values in; says whether it could: if the store could not be asked, nothing more of them is done.
    fn observations(
        &mut self,
        sender: &DeviceId,
        decoded: Decoded,
        (came, named): (Came<'_>, &NamedOf),
        reply: Reply<IntakeReport>,
        now: Timestamp,
        group: &mut Group,
    ) -> bool {
        let at = self.moment(now);
        let mut report = IntakeReport::default();
        let known = self.ward_of_device.get(sender);
        let found = known.and_then(|ward| self.wards.get_mut(ward).map(|run| (ward, run)));
        let Some((ward, run)) = found else {
            refuse_unknown(sender, decoded, came, now, &mut report, group);
            group.tallies.push(Tally::of(sender, now).with(&report, None));
            group.waiting.push(Waiting::Intake(reply, report));
            return true;
        };
        let is_word_of_now = came.before.is_none();
        if is_word_of_now {
            if run.engine.misses(sender, at.now) {
                run.input(Input::Heard { device: sender.clone() }, at);
            }
            heard(run, &mut self.seen_kept, sender, at, group);
        }
        let mut last = sender.clone();
        group.samples += decoded.len();
        let mut newest: Option<Timestamp> = None;
        let mut refused = BTreeSet::new();
        let resolved = resolve(run, sender, decoded, came, at);
        run.engine.look_ahead(resolved.iter().flatten());
        for (index, item) in resolved.into_iter().enumerate() {
            let o = match item {
                Ok(o) => o,
                Err(unresolved) => {
                    if let Some(fault) = unresolved.fault {
                        run.input(Input::IntakeFault(fault), at);
                    }
                    if let Some((device, patient)) = unresolved.from.filter(|_| is_word_of_now) {
                        let code = unresolved.refused.rejection.code;
                        let detail = &unresolved.refused.rejection.detail;
                        if run.engine.census().devices.contains_key(&device) && device != last {
                            heard(run, &mut self.seen_kept, &device, at, group);
                            last = device.clone();
                        }
                        if unplaced::waits(run.engine.census(), &device, code) {
                            let said = named.get(&device).cloned().unwrap_or_default();
                            let named = Named { patient: patient.or(said.patient), bed: said.bed };
                            let who = unplaced::Came { device: &device, sender, ward: Some(ward), named };
                            unplaced::note(group, who, &code_of(code), detail, now);
                        }
                    }
                    refused.insert(index);
                    let told = mapped::whole(unresolved.refused, came.mapped, index);
                    refuse(told, (sender, came.topic), now, &mut report, group);
                    continue;
                }
            };
            if is_word_of_now && o.device != last {
                heard(run, &mut self.seen_kept, &o.device, at, group);
                last = o.device.clone();
            }
            match one(run, &mut self.tails, self.reader.as_ref(), &o, at) {
                Ok(Taken::Accepted { late }) => {
                    newest = newest.max(Some(o.observed_at));
                    report.accepted += 1;
                    report.late += usize::from(late);
                }
                Ok(Taken::Duplicate) => report.duplicate += 1,
                Ok(Taken::Refused(code, detail)) => {
                    refused.insert(index);
                    let rejection = Rejection { index, code, detail };
                    let payload = Reading::of(&o, at.skew).as_wire();
                    let told = Refused { rejection, payload, way: came.way, ahead: None };
                    refuse(told, (sender, came.topic), now, &mut report, group);
                }
                Err(e) => {
                    // Without the store nobody knows whether it came before: better a gap than a wrong value.
                    tracing::error!(error = %e, "the store could not be asked for an earlier value");
                    drop(reply.send(Err(JobError::Unrecorded)));
                    return false;
                }
            }
        }
        if let Some(mapped) = came.mapped
            && let Err(e) = self.keep_mapped(mapped, &refused, (sender, came), now, (&mut report, group))
        {
            tracing::error!(error = %e, "the store could not be asked for an earlier Observation");
            drop(reply.send(Err(JobError::Unrecorded)));
            return false;
        }
        if came.sent {
            group.tallies.push(Tally::of(sender, now).with(&report, newest));
        }
        group.waiting.push(Waiting::Intake(reply, report));
        true
    }

    /// Takes in what a device says of itself.
    fn reported(&mut self, device: &DeviceId, reported: Reported, now: Timestamp, group: &mut Group) {
        let at = self.moment(now);
        let Some(run) = self.ward_of_device.get(device).and_then(|ward| self.wards.get_mut(ward)) else { return };
        run.heard(device, at);
        run.reported(device, reported.clone(), at);
        self.seen_kept.insert(device.clone(), now);
        let known = run.engine.census().devices.get(device);
        let works = known.filter(|known| {
            reported.report.applied == Some(known.desired.version) && !known.desired.intervals_ms.is_empty()
        });
        let works = works.cloned().map(Device::applied);
        group.batch.twins.push(TwinChange::Reported { device: device.clone(), reported });
        if let (Some(works), Some(ward)) = (works, self.ward_of_device.get(device).cloned()) {
            let by = Actor::Device { device: device.clone() };
            self.act(&ward, &Command::SetDevice { device: works }, &by, now, group);
        }
    }

    /// Moves what the engines caused into the group, with a snapshot where one is due.
    pub(super) fn close(&mut self, now: Timestamp, group: &mut Group) {
        for (batch, news) in self.wards.values_mut().filter_map(|run| run.close(now)) {
            group.batch.wards.push(batch);
            group.news.push(news);
        }
        // A group that is not handed over does not count: what is on its way to the disk is told by these numbers.
        self.group += u64::from(!group.is_empty());
    }

    /// Moves what the engines caused into the group without anything to keep: the store cannot record.
    pub(super) fn close_unrecorded(&mut self, group: &mut Group) {
        group.batch = Batch::default();
        group.news.extend(self.wards.values_mut().filter_map(WardRun::close_unrecorded));
        self.group += 1;
    }
}

/// A device was heard: news for those who watch devices, and kept now and then.
pub(super) fn heard(
    run: &mut WardRun,
    kept: &mut BTreeMap<DeviceId, Timestamp>,
    device: &DeviceId,
    at: Moment,
    group: &mut Group,
) {
    run.heard(device, at);
    let last = kept.get(device).copied();
    if last.is_none_or(|last| at.now.since(last) >= SEEN_KEPT_EVERY) {
        kept.insert(device.clone(), at.now);
        group.batch.twins.push(TwinChange::Seen { device: device.clone(), at: at.now });
    }
}

/// Tells a ward how it is about faults; what it knows already changes nothing.
fn tell(run: &mut WardRun, faults: &BTreeMap<SystemFault, FaultReport>, at: Moment) {
    for report in faults.values() {
        run.input(Input::Fault(report.clone()), at);
    }
}

pub(super) fn one(
    run: &mut WardRun,
    tails: &mut Tails,
    reader: &dyn StoreReader,
    o: &Observation,
    at: Moment,
) -> Result<Taken, StoreError> {
    let tail = tails.of(&o.device, o.vital, reader)?;
    let standing: Standing = tail.take(o, o.observed_at + at.skew, at.group, reader)?;
    Ok(run.take(o, standing, tail, at))
}

/// How observations came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Came<'a> {
    /// When, if it was not now.
    pub(super) before: Option<Timestamp>,
    /// By which way they would come again. Of HL7 v2 patient and bed have to agree, which our own JSON does not say.
    pub(super) way: Way,
    /// The device that the topic names.
    pub(super) topic: Option<&'a DeviceId>,
    /// Whether its sender sent it now; else people drive it again.
    pub(super) sent: bool,
    /// What Observations of FHIR are made of.
    pub(super) mapped: Option<&'a Mapped>,
}

impl Came<'_> {
    const fn now(way: Way) -> Self {
        Self { before: None, way, topic: None, sent: true, mapped: None }
    }
}

struct Unresolved {
    refused: Refused,
    /// The device that it came from and the patient that it names, if its sender may speak for it.
    from: Option<(DeviceId, Option<PatientId>)>,
    fault: Option<IntakeFault>,
}

/// Looks up whose the readings are.
fn resolve(
    run: &WardRun,
    sender: &DeviceId,
    decoded: Decoded,
    came: Came<'_>,
    at: Moment,
) -> Vec<Result<Observation, Box<Unresolved>>> {
    let mut resolver = Resolver::new(run.engine.census(), &Sender(sender.clone()));
    let mut ahead = BTreeSet::new();
    let resolve = |(index, item): (usize, Result<Reading, Refused>)| {
        let mut reading = match item {
            Ok(reading) => reading,
            Err(refused) => {
                let fault = clock_ahead(&refused, &mut resolver, &mut ahead, at);
                return Err(Box::new(Unresolved { refused, from: None, fault }));
            }
        };
        let sent_at = reading.observed_at;
        // Device times follow the wall clock; the engine's time may be apart from it after a step.
        reading.observed_at = reading.observed_at - at.skew;
        resolver.resolve(&reading, came.before.unwrap_or(at.now)).map_err(|why| {
            let rejection = Rejection { index, code: why.code, detail: why.detail };
            let named = reading.named_patient.clone().filter(|_| why.code == RejectionCode::WrongPatient);
            let device = reading.device.clone();
            let fault = named.map(|named| IntakeFault::WrongPatient { device, named, observed_at: sent_at });
            let from = (why.code != RejectionCode::OtherDevice)
                .then(|| (reading.device.clone(), reading.named_patient.clone()));
            // As it was sent: it may be driven again when the clocks are apart by something else.
            let sent = Reading { observed_at: sent_at, ..reading };
            let refused = Refused { rejection, payload: sent.as_wire(), way: came.way, ahead: None };
            Box::new(Unresolved { refused, from, fault })
        })
    };
    decoded.into_iter().enumerate().map(resolve).collect()
}

/// A device whose time lies too far ahead, told once for each message.
pub(super) fn clock_ahead(
    refused: &Refused,
    resolver: &mut Resolver<'_>,
    told: &mut BTreeSet<DeviceId>,
    at: Moment,
) -> Option<IntakeFault> {
    let (device, sent_at) = refused.ahead.clone()?;
    if !resolver.may_send(&device) || !told.insert(device.clone()) {
        return None;
    }
    Some(IntakeFault::ClockAhead { device, observed_at: sent_at - at.skew })
}

/// A code as it goes over the wire.
pub(super) fn code_of(code: RejectionCode) -> String {
    let text = serde_json::to_value(code).ok().and_then(|v| v.as_str().map(str::to_owned));
    text.unwrap_or_default()
}

/// A message of a device of which nothing could be read.
fn unusable(letter: &DeadLetter) -> Option<Tally> {
    let source: DeviceId = letter.source.parse().ok()?;
    Some(Tally { rejected: 1, ..Tally::of(&source, letter.at) })
}

/// Refuses everything of a sender that is on no ward.
fn refuse_unknown(
    sender: &DeviceId,
    decoded: Decoded,
    came: Came<'_>,
    now: Timestamp,
    report: &mut IntakeReport,
    group: &mut Group,
) {
    for (index, item) in decoded.into_iter().enumerate() {
        let device = item.as_ref().ok().map(|reading| (reading.device.clone(), reading.named_patient.clone()));
        let (payload, way) = item.map_or_else(|r| (r.payload, r.way), |reading| (reading.as_wire(), came.way));
        let detail = format!("device {sender} is not known: add it with `wardwatch device add`");
        let rejection = Rejection { index, code: RejectionCode::UnknownDevice, detail };
        if let Some((device, patient)) = device.filter(|_| came.before.is_none()) {
            let named = Named { patient, bed: None };
            let who = unplaced::Came { device: &device, sender, ward: None, named };
            unplaced::note(group, who, "unknown_device", &rejection.detail, now);
        }
        let refused = mapped::whole(Refused { rejection, payload, way, ahead: None }, came.mapped, index);
        refuse(refused, (sender, came.topic), now, report, group);
    }
    if let Some(mapped) = came.mapped {
        mapped::refuse_all(mapped, (sender, came.topic), now, report, group);
    }
}

/// Counts a refused input and keeps it as a dead letter.
pub(super) fn refuse(
    refused: Refused,
    (sender, topic): (&DeviceId, Option<&DeviceId>),
    at: Timestamp,
    report: &mut IntakeReport,
    group: &mut Group,
) {
    let Refused { rejection, payload, way, .. } = refused;
    group.batch.dead_letters.push(DeadLetter {
        at,
        source: sender.to_string(),
        code: code_of(rejection.code),
        detail: rejection.detail.clone(),
        payload,
        way: way.with_topic(topic),
    });
    report.reject(rejection);
}
