//! Resources of FHIR: whose an Observation is, whether everything that is asked for can be, and then all of it at once.
//!
//! First everything is checked and nothing is changed; what is refused then leaves no trace but a dead letter and, of a
//! wrong patient, a safety event. A resource and the samples and events that it causes are in one group, and so in one
//! transaction.

mod place;
mod recent;
mod wanted;

pub(super) use recent::RecentResources;
pub use wanted::{Observed, RefusalKind, ResourceKept, ResourceRefusal, ResourceReport, ResourceWrite, ResourceWrites};

use self::{
    place::Place,
    recent::{Facts, Held, Recent},
};
use super::{
    core::{Core, heard, one},
    group::{Group, Waiting},
    job::{JobError, Reply},
    tail::Standing as Before,
    ward::{Moment, Taken},
};
use crate::{
    audit::{Act, LeafActor, LeafDraft, Outcome},
    backend::intake::Tally,
    domain::{
        Actor, Assignment, Command, Desired, Device, DeviceId, DeviceKind, Observation, PatientId, Timestamp,
        VitalCode, WardId,
    },
    engine::{Input, IntakeFault},
    fhir::{
        ResourceKind, id_of,
        index::index,
        json,
        search::{Filter, Sort, SortKey, TokenValue},
    },
    ingest::{
        FUTURE_TOLERANCE, Refused, Way,
        fhir::{Standing, VitalValue, device_named},
    },
    protocol::{IntakeReport, Rejection, RejectionCode},
    store::{DeadLetter, ResourceQuery, ResourceRow, StoreError, StoreReader, StoredResource},
};
use std::collections::{BTreeMap, BTreeSet};

/// Most resources of one sender and identifier that a conditional create looks at; beyond it they are several.
const MATCHES_MAX: usize = 16;
/// Most devices of a ward up to which resources add further ones.
const DEVICES_MAX: usize = 2_000;

/// What will be done for one resource.
enum Step {
    /// It is there already.
    Exists(ResourceKept),
    /// It is kept.
    Keep(Keep),
}

/// What will be done for a resource that is kept.
#[derive(Default)]
struct Keep {
    version: u64,
    patient: Option<PatientId>,
    join: Option<Join>,
    values: Vec<Observation>,
    /// Whether the values are taken out.
    strike: bool,
    holds: Vec<Held>,
}

impl Step {
    /// The time of the newest value in it.
    fn newest(&self) -> Option<Timestamp> {
        match self {
            Self::Exists(_) => None,
            Self::Keep(keep) => keep.values.iter().map(|o| o.observed_at).max(),
        }
    }
}

/// A device that joins the ward, or is assigned, for a resource.
struct Join {
    device: DeviceId,
    is_new: bool,
    assignment: Assignment,
}

/// Why checking ends.
enum Stop {
    Refused(Box<(ResourceRefusal, Option<IntakeFault>)>),
    Store(StoreError),
}

impl Stop {
    fn refused(refusal: ResourceRefusal, fault: Option<IntakeFault>) -> Self {
        Self::Refused(Box::new((refusal, fault)))
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

type Checked<T> = Result<T, Stop>;

fn refuse<T>(kind: RefusalKind, expression: &str, detail: impl Into<String>) -> Checked<T> {
    // The index is put in by whoever goes through the resources.
    let refusal = ResourceRefusal { index: 0, kind, expression: expression.to_owned(), detail: detail.into() };
    Err(Stop::refused(refusal, None))
}

fn refuse_values<T>(code: RejectionCode, expression: &str, detail: impl Into<String>) -> Checked<T> {
    refuse(RefusalKind::Values(code), expression, detail)
}

const SUBJECT: &str = "Observation.subject";
const DEVICE: &str = "Observation.device";
const ENCOUNTER: &str = "Observation.encounter";
const STATUS: &str = "Observation.status";
const EFFECTIVE: &str = "Observation.effective";

impl Core {
    /// Keeps resources, all or none.
    pub(super) fn resources(
        &mut self,
        wanted: ResourceWrites,
        reply: Reply<Result<ResourceReport, ResourceRefusal>>,
        now: Timestamp,
        group: &mut Group,
    ) {
        let at = self.moment(now);
        let ward = self.ward_of_device.get(&wanted.sender).cloned();
        if let Some(run) = ward.as_ref().and_then(|ward| self.wards.get_mut(ward)) {
            if run.engine.misses(&wanted.sender, at.now) {
                run.input(Input::Heard { device: wanted.sender.clone() }, at);
            }
            heard(run, &mut self.seen_kept, &wanted.sender, at, group);
        }
        match self.check(ward.as_ref(), &wanted, at) {
            Ok(steps) => {
                let newest = steps.iter().filter_map(Step::newest).max();
                let sender = wanted.sender.clone();
                let report = self.keep(ward.as_ref(), wanted, steps, now, group);
                group.tallies.push(Tally::of(&sender, now).with(&report.intake, newest));
                group.waiting.push(Waiting::Resources(reply, Ok(report)));
            }
            Err(Stop::Refused(refused)) => {
                let (refusal, fault) = *refused;
                let run = ward.as_ref().and_then(|ward| self.wards.get_mut(ward));
                if let (Some(run), Some(fault)) = (run, fault) {
                    run.input(Input::IntakeFault(fault), at);
                }
                let letter = letter(&wanted, &refusal, now);
                group.tallies.push(Tally { rejected: usize::from(letter.is_some()), ..Tally::of(&wanted.sender, now) });
                group.batch.dead_letters.extend(letter);
                group.waiting.push(Waiting::Resources(reply, Err(refusal)));
            }
            Err(Stop::Store(e)) => {
                tracing::error!(error = %e, "the store could not be asked for what is there");
                drop(reply.send(Err(JobError::Unrecorded)));
            }
        }
    }

    /// Whether all of it can be, and what has to be done for it. Changes nothing that is kept.
    fn check(&mut self, ward: Option<&WardId>, wanted: &ResourceWrites, at: Moment) -> Checked<Vec<Step>> {
        self.recent_resources.prune(at.group);
        let Some(ward) = ward else {
            let detail = format!("device {} is not known: add it with `wardwatch device add`", wanted.sender);
            return refuse_values(RejectionCode::UnknownDevice, "http.Authorization", detail);
        };
        each_once(&wanted.writes)?;
        let mut seen = BTreeMap::new();
        let mut joining = BTreeMap::new();
        let mut identifiers = BTreeSet::new();
        let mut steps = Vec::with_capacity(wanted.writes.len());
        for (index, write) in wanted.writes.iter().enumerate() {
            let step = self.step(ward, wanted, write, (&mut seen, &mut joining, &mut identifiers), at);
            steps.push(step.map_err(|stop| match stop {
                Stop::Refused(mut refused) => {
                    refused.0.index = index;
                    Stop::Refused(refused)
                }
                store @ Stop::Store(_) => store,
            })?);
        }
        Ok(steps)
    }

    fn step(
        &mut self,
        ward: &WardId,
        wanted: &ResourceWrites,
        write: &ResourceWrite,
        (seen, joining, identifiers): (
            &mut Seen,
            &mut BTreeMap<DeviceId, PatientId>,
            &mut BTreeSet<(ResourceKind, String)>,
        ),
        at: Moment,
    ) -> Checked<Step> {
        let mut again = write.observed.as_ref().is_some_and(|observed| observed.again);
        if let Some(token) = &write.if_none_exist {
            let measured = write.observed.as_ref().map(|_| write.index.is_measured());
            let (found, passed_over) = self.existing(write.kind, (token, measured), &wanted.sender)?;
            again |= passed_over;
            if let Some(expected) = &write.expected
                && found.as_ref().map(|(kept, _)| &kept.id) != expected.as_ref()
            {
                let detail = "a resource with this identifier came or went just now: try again";
                return refuse(RefusalKind::Version, "http.If-None-Exist", detail);
            }
            if let Some((kept, facts)) = found {
                return match facts.differs(write) {
                    None => Ok(Step::Exists(kept)),
                    Some((place, what)) => {
                        let detail = format!(
                            "{}/{} has this identifier and another {what}: nothing is kept; give each its own identifier",
                            write.kind, kept.id
                        );
                        refuse(RefusalKind::AnotherMatch, place, detail)
                    }
                };
            }
            if !identifiers.insert((write.kind, format!("{token:?}"))) {
                let detail = "the same If-None-Exist stands twice in one transaction";
                return refuse(RefusalKind::SeveralMatches, "http.If-None-Exist", detail);
            }
        }
        let version = self.next_version(write)?;
        let Some(observed) = &write.observed else {
            return Ok(Step::Keep(Keep { version, patient: write.patient.clone(), ..Keep::default() }));
        };
        self.in_time(write, observed, &wanted.sender, at)?;
        let whose = self.whose(ward, wanted, observed, joining, at)?;
        if let (Some(patient), Some(of)) = (&whose.patient, &observed.encounter_of)
            && patient != of
            && observed.standing != Standing::WasWrong
        {
            let detail = format!("the Encounter is of patient {of}, the Observation of {patient}: nothing is kept");
            return refuse_values(RejectionCode::WrongPatient, ENCOUNTER, detail);
        }
        let mut values = Vec::new();
        let mut holds = Vec::new();
        let strike = observed.standing == Standing::WasWrong;
        if let (Some(patient), Some(sent_at)) = (&whose.patient, observed.at)
            && !(strike && write.former.is_none())
        {
            for value in &observed.values {
                let o = Observation {
                    patient: patient.clone(),
                    device: whose.device.clone(),
                    vital: value.vital,
                    value: value.value,
                    text: value.text.clone(),
                    observed_at: sent_at - at.skew,
                    received_at: at.now,
                    correction: false,
                    interval: None,
                };
                let held = ((o.device.clone(), o.vital, sent_at), o.value);
                if strike && self.stands_elsewhere(wanted, write, &held) {
                    continue;
                }
                values.extend(self.value(o, value, (observed, again), seen, at)?);
                if !strike {
                    holds.push(held);
                }
            }
        }
        Ok(Step::Keep(Keep { version, patient: whose.patient, join: whose.join, values, strike, holds }))
    }

    /// The resource that this sender made with an identifier, if there is exactly one. Of Observations, `measured` says
    /// whether one that was measured is meant: then those that say that nothing was are passed over, and it is said whether
    /// there are any. Where nothing was measured, one that says so comes before all others.
    fn existing(
        &self,
        kind: ResourceKind,
        (token, measured): (&TokenValue, Option<bool>),
        sender: &DeviceId,
    ) -> Checked<(Option<(ResourceKept, Facts)>, bool)> {
        let has = |recent: &&Recent| {
            recent.kind == kind
                && recent.source == *sender
                && recent.facts.index.tokens.iter().filter(|t| t.param == "identifier").any(|t| {
                    token.code.as_ref() == Some(&t.code) && token.system.as_ref().is_none_or(|s| *s == t.system)
                })
        };
        let recent = self.recent_resources.all.iter().filter(has);
        let mut found: BTreeMap<String, (ResourceKept, Facts)> =
            recent.map(|r| (r.kept.id.clone(), (r.kept.clone(), r.facts.clone()))).collect();
        let query = ResourceQuery {
            kind,
            filters: vec![Filter::Tokens(&["identifier"], vec![token.clone()])],
            source: Some(sender.clone()),
            sort: Sort { key: SortKey::Updated, descending: false },
            limit: MATCHES_MAX,
            page: None,
        };
        for stored in self.reader.search_resources(&query)?.found {
            let facts = self.facts(&stored)?;
            let kept =
                ResourceKept { id: stored.id.clone(), version: stored.version, updated: stored.updated, existed: true };
            found.entry(stored.id).or_insert((kept, facts));
        }
        let several = found.len() >= MATCHES_MAX;
        let mut passed_over = false;
        if let Some(measured) = measured {
            let alike = |facts: &Facts| facts.index.is_measured() == measured;
            let has_alike = found.values().any(|(_, facts)| alike(facts));
            let before = found.len();
            if measured || has_alike {
                found.retain(|_, (_, facts)| alike(facts));
            }
            passed_over = found.len() < before;
        }
        match (found.len(), found.pop_first()) {
            (0 | 1, first) if !several => {
                Ok((first.map(|(_, (kept, facts))| (ResourceKept { existed: true, ..kept }, facts)), passed_over))
            }
            _ => refuse(RefusalKind::SeveralMatches, "http.If-None-Exist", "several resources have this identifier"),
        }
    }

    /// What a stored resource is about.
    fn facts(&self, stored: &StoredResource) -> Result<Facts, StoreError> {
        let root = json::read(&stored.body).ok();
        let named = root.as_ref().filter(|_| stored.kind == ResourceKind::Observation).and_then(device_named);
        let knows = |device: &DeviceId| self.ward_of_device.contains_key(device);
        let called = |id: &str| self.ward_of_device.keys().find(|device| id_of(device.as_str()) == id).cloned();
        Ok(Facts {
            index: root.map(|root| index(stored.kind, &root)).unwrap_or_default(),
            link: stored.link.clone(),
            patient: stored.patient.clone(),
            device: named.map(|id| device_of(self.reader.as_ref(), (knows, called), &id)).transpose()?.flatten(),
        })
    }

    /// The number of the version, if the one that it takes the place of is the present one.
    fn next_version(&self, write: &ResourceWrite) -> Checked<u64> {
        let Some(former) = write.former else { return Ok(1) };
        let same = |r: &&Recent| r.kind == write.kind && r.kept.id == write.id;
        let recent = self.recent_resources.all.iter().rev().find(same).map(|r| r.kept.version);
        let present = match recent {
            Some(version) => Some(version),
            None => self.reader.resource(write.kind, &write.id, None)?.map(|stored| stored.version),
        };
        match present {
            Some(present) if present == former => Ok(present + 1),
            Some(present) => {
                let detail = format!("the present version is {present}, not {former}: read it and try again");
                refuse(RefusalKind::Version, "http.If-Match", detail)
            }
            None => refuse(RefusalKind::NotFound, "http.url", "there is no such resource"),
        }
    }

    /// Whose an Observation is, and by which device.
    fn whose(
        &self,
        ward: &WardId,
        wanted: &ResourceWrites,
        observed: &Observed,
        joining: &mut BTreeMap<DeviceId, PatientId>,
        at: Moment,
    ) -> Checked<Whose> {
        let Some(census) = self.wards.get(ward).map(|run| run.engine.census()) else {
            return refuse_values(RejectionCode::UnknownDevice, "http.Authorization", "the sender's ward is gone");
        };
        if observed.of_device {
            return Ok(Whose { patient: None, device: wanted.sender.clone(), join: None });
        }
        let place = Place { census, ward, wanted, observed, elsewhere: &self.ward_of_device };
        let device = place.device()?;
        let moment = observed.at.unwrap_or(at.now + at.skew) - at.skew;
        let owner = joining.get(&device).or_else(|| census.patient_of(&device, moment));
        if let (Some(owner), Some(named)) = (owner, &observed.patient)
            && owner != named
        {
            return Err(place.wrong_patient(&device, named, moment));
        }
        if let Some(owner) = owner {
            return Ok(Whose { patient: Some(owner.clone()), device, join: None });
        }
        let join = place.join(&device, moment)?;
        if let Some(join) = &join {
            joining.insert(device.clone(), join.assignment.patient.clone());
        }
        Ok(Whose { patient: observed.patient.clone(), device, join })
    }

    /// Nothing is taken that lies ahead of the clock, whether it has values or not: it would stand before what is true now.
    fn in_time(&self, write: &ResourceWrite, observed: &Observed, sender: &DeviceId, at: Moment) -> Checked<()> {
        let begins = || write.index.span.map(|(from, _)| from);
        let is_new = observed.standing != Standing::WasWrong;
        let Some(sent_at) = observed.at.or_else(begins).filter(|_| is_new) else { return Ok(()) };
        let wall = at.now + at.skew;
        if sent_at.since(wall) <= FUTURE_TOLERANCE {
            return Ok(());
        }
        let detail = format!(
            "{sent_at} is {} s ahead of the server's clock ({wall}); at most {} s are allowed: check the device's clock",
            sent_at.since(wall).as_secs(),
            FUTURE_TOLERANCE.as_secs()
        );
        let refusal = ResourceRefusal {
            index: 0,
            kind: RefusalKind::Values(RejectionCode::InTheFuture),
            expression: EFFECTIVE.to_owned(),
            detail,
        };
        let device = observed.device.clone().filter(|d| self.ward_of_device.contains_key(d));
        let device = device.unwrap_or_else(|| sender.clone());
        let fault = IntakeFault::ClockAhead { device, observed_at: sent_at - at.skew };
        // Only what a device measured says that its clock is wrong.
        Err(Stop::refused(refusal, Some(fault).filter(|_| !observed.values.is_empty())))
    }

    /// Whether another Observation stands for the same value, so that it is not taken out with this one.
    fn stands_elsewhere(&self, wanted: &ResourceWrites, write: &ResourceWrite, held: &Held) -> bool {
        let other = |kind: ResourceKind, id: &str| kind == ResourceKind::Observation && id != write.id;
        let recent = || self.recent_resources.all.iter().rev().filter(|r| other(r.kind, &r.kept.id));
        let stands = |id: &str| {
            if let Some(observed) = wanted.writes.iter().find(|w| w.id == id).and_then(|w| w.observed.as_ref()) {
                let same = |v: &VitalValue| v.vital == held.0.1 && is_same(v.value, held.1);
                return observed.standing != Standing::WasWrong && observed.values.iter().any(same);
            }
            recent().find(|r| r.kept.id == id).is_none_or(|newest| newest.holds.contains(held))
        };
        let twins = write.observed.iter().flat_map(|o| &o.twins).filter(|(vital, _)| *vital == held.0.1);
        let on_their_way = recent().filter(|r| r.holds.contains(held)).map(|r| r.kept.id.as_str());
        twins.map(|(_, id)| id.as_str()).chain(on_their_way).any(stands)
    }

    /// What has to be done for a value; nothing if it is there already.
    fn value(
        &mut self,
        mut o: Observation,
        value: &VitalValue,
        (observed, again): (&Observed, bool),
        seen: &mut Seen,
        at: Moment,
    ) -> Checked<Option<Observation>> {
        let key = (o.device.clone(), o.vital, o.observed_at);
        let sent_at = o.observed_at + at.skew;
        let tail = self.tails.of(&o.device, o.vital, self.reader.as_ref())?;
        let mut before = tail.look(&o, sent_at, at.group, self.reader.as_ref())?;
        if let Some(same_job) = seen.get(&key) {
            before =
                if is_same(*same_job, o.value) { Before::Duplicate } else { Before::Conflict { stored: *same_job } };
        }
        let former = observed.former.get(&o.vital).copied();
        if observed.standing == Standing::WasWrong {
            // What another resource has put in its place since is that one's value.
            return Ok((former.is_some() && before == Before::Duplicate).then_some(o));
        }
        if former.is_some_and(|former| is_same(former, o.value)) {
            return Ok(None);
        }
        let replaces =
            |stored| former.map_or(observed.standing == Standing::Replaces, |former| is_same(former, stored));
        match before {
            Before::Conflict { stored } if replaces(stored) => o.correction = true,
            Before::Struck { .. } => o.correction = again || observed.standing == Standing::Replaces,
            Before::Conflict { stored } => {
                let (device, vital, refused) = (o.device, o.vital, o.value);
                let todo = match former {
                    Some(_) => "another Observation has corrected it since: update that one",
                    None => "send status corrected if it replaces it",
                };
                let detail =
                    format!("{vital} of {device} at {sent_at} is stored as {stored}, {refused} was refused: {todo}");
                let refusal = ResourceRefusal {
                    index: 0,
                    kind: RefusalKind::Values(RejectionCode::Conflict),
                    expression: value.expression.clone(),
                    detail,
                };
                let fault = IntakeFault::Conflict { device, vital, observed_at: sent_at, stored, refused };
                return Err(Stop::refused(refusal, Some(fault)));
            }
            Before::New | Before::Duplicate | Before::Correction { .. } | Before::NothingToCorrect => {}
        }
        seen.insert(key, o.value);
        Ok(Some(o))
    }

    /// Does what was checked.
    fn keep(
        &mut self,
        ward: Option<&WardId>,
        wanted: ResourceWrites,
        steps: Vec<Step>,
        now: Timestamp,
        group: &mut Group,
    ) -> ResourceReport {
        let at = self.moment(now);
        let mut report = ResourceReport::default();
        let Some(ward) = ward else { return report };
        for (write, step) in wanted.writes.into_iter().zip(steps) {
            let Keep { version, patient, join, values, strike, holds } = match step {
                Step::Exists(kept) => {
                    report.kept.push(kept);
                    continue;
                }
                Step::Keep(keep) => keep,
            };
            if let Some(join) = join {
                self.join_for_resource(ward, &wanted.sender, join, now, group);
            }
            group.samples += values.len();
            for o in &values {
                self.take_value(ward, o, strike, at, &mut report.intake);
            }
            if let (Some(o), Some(run)) = (values.first(), self.wards.get_mut(ward)) {
                heard(run, &mut self.seen_kept, &o.device, at, group);
            }
            let kept = ResourceKept { id: write.id.clone(), version, updated: now + at.skew, existed: false };
            let device = write.observed.as_ref().and_then(|observed| observed.device.clone());
            // An Observation that is new is one value more, as by every other way in; everything else is an act.
            if write.kind != ResourceKind::Observation || version > 1 {
                let act = if version > 1 { Act::ResourceUpdate } else { Act::ResourceCreate };
                let actor = LeafActor::Device { device: wanted.sender.clone() };
                let leaf = LeafDraft::new(actor, act, Outcome::Success);
                group.batch.leaves.push(LeafDraft { ward: Some(ward.clone()), patient: patient.clone(), ..leaf });
            }
            let row = ResourceRow {
                kind: write.kind,
                id: write.id,
                version,
                patient,
                source: wanted.sender.clone(),
                link: write.link,
                group: write.group,
                updated: kept.updated,
                index: write.index,
                body: write.body,
                mapped: false,
            };
            self.recent_resources.note(at.group, &row, (device, None), holds);
            group.batch.resources.push(row);
            report.kept.push(kept);
        }
        report
    }

    fn join_for_resource(&mut self, ward: &WardId, sender: &DeviceId, join: Join, now: Timestamp, group: &mut Group) {
        let by = Actor::Device { device: sender.clone() };
        if join.is_new {
            let device = Device {
                id: join.device,
                name: String::new(),
                kind: DeviceKind::Monitor,
                gateway: Some(sender.clone()),
                intervals_ms: BTreeMap::new(),
                desired: Desired::default(),
            };
            self.act(ward, &Command::SetDevice { device }, &by, now, group);
        }
        self.act(ward, &Command::Assign { assignment: join.assignment }, &by, now, group);
    }

    fn take_value(&mut self, ward: &WardId, o: &Observation, strike: bool, at: Moment, intake: &mut IntakeReport) {
        let Some(run) = self.wards.get_mut(ward) else { return };
        if strike {
            run.strike(o, at);
            match self.tails.of(&o.device, o.vital, self.reader.as_ref()) {
                Ok(tail) => tail.strike(o.value, o.observed_at + at.skew, at.group),
                Err(e) => tracing::error!(error = %e, "the store could not be asked for an earlier value"),
            }
            return;
        }
        match one(run, &mut self.tails, self.reader.as_ref(), o, at) {
            Ok(Taken::Accepted { late }) => {
                intake.accepted += 1;
                intake.late += usize::from(late);
            }
            Ok(Taken::Duplicate) => intake.duplicate += 1,
            Ok(Taken::Refused(code, detail)) => {
                // It was looked at a moment ago, and nothing came between.
                tracing::error!(detail, "a value that was checked was refused");
                intake.reject(Rejection { index: 0, code, detail });
            }
            Err(e) => tracing::error!(error = %e, "the store could not be asked for an earlier value"),
        }
    }
}

/// Values of the same job, by device, vital and time.
type Seen = BTreeMap<(DeviceId, VitalCode, Timestamp), f64>;

/// Whose an Observation is, and what has to be done before its values can be taken.
struct Whose {
    patient: Option<PatientId>,
    device: DeviceId,
    join: Option<Join>,
}

/// Two updates of one resource would both be its next version: which of them is the present one?
fn each_once(writes: &[ResourceWrite]) -> Checked<()> {
    let mut changed = BTreeSet::new();
    for (index, write) in writes.iter().enumerate().filter(|(_, write)| write.former.is_some()) {
        if !changed.insert((write.kind, write.id.as_str())) {
            let detail =
                format!("{}/{} stands twice in one transaction: send each resource once", write.kind, write.id);
            let expression = format!("{}.id", write.kind);
            let refusal = ResourceRefusal { index, kind: RefusalKind::Version, expression, detail };
            return Err(Stop::refused(refusal, None));
        }
    }
    Ok(())
}

/// The device that `Device/ID` means: one of ours of that name, or of whose name the id is made; else the one of ours that a
/// stored resource has among its identifiers, if it is one; else one of that name that is not known yet.
///
/// # Errors
/// If the store cannot be read.
pub(in crate::backend) fn device_of(
    reader: &dyn StoreReader,
    (knows, named): (impl Fn(&DeviceId) -> bool, impl Fn(&str) -> Option<DeviceId>),
    id: &str,
) -> Result<Option<DeviceId>, StoreError> {
    let own: Option<DeviceId> = id.parse().ok();
    if own.as_ref().is_some_and(&knows) {
        return Ok(own);
    }
    if let Some(device) = id.starts_with("sha-").then(|| named(id)).flatten() {
        return Ok(Some(device));
    }
    let Some(stored) = reader.resource(ResourceKind::Device, id, None)? else { return Ok(own) };
    let root = json::read(&stored.body);
    let values = root.as_ref().map(|root| root.list("identifier")).unwrap_or_default();
    let known = values.iter().filter_map(|i| i.text_of("value")?.parse().ok()).filter(knows);
    let known: Vec<DeviceId> = known.collect();
    match known.as_slice() {
        [one] => Ok(Some(one.clone())),
        _ => Ok(own),
    }
}

/// The dead letter of what was refused because of its values.
fn letter(wanted: &ResourceWrites, refusal: &ResourceRefusal, now: Timestamp) -> Option<DeadLetter> {
    let RefusalKind::Values(code) = refusal.kind else { return None };
    let code = serde_json::to_value(code).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
    let body = wanted.writes.get(refusal.index).map(|write| write.body.as_slice()).unwrap_or_default();
    Some(DeadLetter {
        at: now,
        source: wanted.sender.to_string(),
        code,
        detail: refusal.detail.clone(),
        payload: Refused::payload(body),
        way: Way::Fhir.as_str().to_owned(),
    })
}

#[expect(clippy::float_cmp, reason = "the same value again is the same number again")]
fn is_same(a: f64, b: f64) -> bool {
    a == b
}
