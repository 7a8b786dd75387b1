//! Resources of FHIR: whose an Observation is, whether everything that is asked for can be, and then all of it at once.
//!
//! First everything is checked and nothing is changed; what is refused then leaves no trace but a dead letter and, of a
//! wrong patient, a safety event. A resource and the samples and events that it causes are in one group, and so in one
//! transaction.

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
        Actor, Assignment, Census, Command, Desired, Device, DeviceId, DeviceKind, Observation, PatientId, Timestamp,
        VitalCode, WardId,
    },
    engine::{Input, IntakeFault},
    fhir::{
        self, Index, ResourceKind, id_of,
        index::index,
        json,
        search::{Filter, Sort, SortKey, TokenValue},
    },
    ingest::{
        FUTURE_TOLERANCE, Refused, Resolver, Sender, Way,
        fhir::{Standing, VitalValue, device_named},
    },
    protocol::{IntakeReport, Rejection, RejectionCode},
    store::{DeadLetter, ResourceQuery, ResourceRow, StoreError, StoreReader, StoredResource},
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Most resources of one sender and identifier that a conditional create looks at; beyond it they are several.
const MATCHES_MAX: usize = 16;
/// Most devices of a ward up to which resources add further ones.
const DEVICES_MAX: usize = 2_000;

/// What an Observation says for the ward, with the names of the census.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The patient that it names.
    pub patient: Option<PatientId>,
    /// The device that it names.
    pub device: Option<DeviceId>,
    /// Whether it is of a device itself and of no patient.
    pub of_device: bool,
    /// When.
    pub at: Option<Timestamp>,
    /// What is done with its values.
    pub standing: Standing,
    /// Its values.
    pub values: Vec<VitalValue>,
    /// The values of the version that it takes the place of, as far as they were ones.
    pub former: BTreeMap<VitalCode, f64>,
    /// The other Observations that say the same of the same device and time, by the vital.
    pub twins: Vec<(VitalCode, String)>,
    /// Whether it stood for no measurement before, and does now: a value that was taken out is one again.
    pub again: bool,
}

/// A version of a resource that somebody wants kept.
#[derive(Debug, Clone)]
pub struct ResourceWrite {
    /// Its type.
    pub kind: ResourceKind,
    /// Its id.
    pub id: String,
    /// The version that it takes the place of; `None` makes a new resource.
    pub former: Option<u64>,
    /// Makes it only if no resource has this identifier.
    pub if_none_exist: Option<TokenValue>,
    /// In a transaction, the resource that its sender was told to find, or that none would be found: others refer to it.
    pub expected: Option<Option<String>>,
    /// By what it is found.
    pub index: Index,
    /// Of a Patient, the identifier by which it is one of ours.
    pub link: Option<String>,
    /// The patient whom it is of, if it is no Observation.
    pub patient: Option<PatientId>,
    /// By what it is grouped.
    pub group: String,
    /// The resource as it came.
    pub body: Vec<u8>,
    /// What it says for the ward.
    pub observed: Option<Observed>,
}

/// Resources that are kept all or none.
#[derive(Debug)]
pub struct ResourceWrites {
    /// Who sends them.
    pub sender: DeviceId,
    /// The oldest time at which a value is kept.
    pub oldest: Timestamp,
    /// The resources, in order.
    pub writes: Vec<ResourceWrite>,
}

/// What became of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceKept {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: u64,
    /// When the version was made, by the wall clock.
    pub updated: Timestamp,
    /// Whether it was there before: a conditional create that made nothing.
    pub existed: bool,
}

/// What became of all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResourceReport {
    /// Each resource, in order.
    pub kept: Vec<ResourceKept>,
    /// What became of the values.
    pub intake: IntakeReport,
}

/// Why a resource is not kept, in kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// Its values cannot be used.
    Values(RejectionCode),
    /// Another version is there.
    Version,
    /// Nothing is there.
    NotFound,
    /// Several resources have the identifier.
    SeveralMatches,
    /// The resource that has the identifier is about something else.
    AnotherMatch,
}

/// Why nothing is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceRefusal {
    /// Which of the resources.
    pub index: usize,
    /// What kind.
    pub kind: RefusalKind,
    /// The element.
    pub expression: String,
    /// Why, for people.
    pub detail: String,
}

/// A version that may still be on its way to the disk.
#[derive(Debug)]
struct Recent {
    group: u64,
    kind: ResourceKind,
    kept: ResourceKept,
    source: DeviceId,
    facts: Facts,
    /// The values that it stands for.
    holds: Vec<Held>,
}

/// A value by its device, vital and time of the wall clock.
pub(super) type Held = ((DeviceId, VitalCode, Timestamp), f64);

/// What a resource is about, as far as one that is sent again has to be about the same.
#[derive(Debug, Clone)]
struct Facts {
    index: Index,
    link: Option<String>,
    patient: Option<PatientId>,
    device: Option<DeviceId>,
}

impl Facts {
    fn tokens(index: &Index, params: &[&str]) -> BTreeSet<(&'static str, String, String)> {
        let of_these = index.tokens.iter().filter(|t| params.contains(&t.param));
        of_these.map(|t| (t.param, t.system.clone(), t.code.clone())).collect()
    }

    /// In what a resource is about something else, if it is.
    fn differs(&self, write: &ResourceWrite) -> Option<(&'static str, &'static str)> {
        const WHAT: [&str; 2] = ["code", "component-code"];
        let Some(observed) = &write.observed else {
            let is_another = write.kind == ResourceKind::Patient && self.link != write.link;
            return is_another.then_some(("Patient.identifier", "identifier of a patient here"));
        };
        if self.index.is_measured() != write.index.is_measured() {
            return Some((STATUS, "status"));
        }
        let other = |params: &[&str]| Self::tokens(&self.index, params) != Self::tokens(&write.index, params);
        if observed.patient.is_some() && observed.patient != self.patient {
            return Some((SUBJECT, "patient"));
        }
        if observed.device != self.device {
            return Some((DEVICE, "device"));
        }
        if self.index.span != write.index.span {
            return Some((EFFECTIVE, "time"));
        }
        other(&WHAT).then_some(("Observation.code", "code"))
    }
}

/// Groups that may be on their way to the disk: the one being made and the one being written.
const GROUPS_IN_FLIGHT: u64 = 2;

/// An Observation that may still be on its way to the disk.
#[derive(Debug)]
struct RecentObservation {
    group: u64,
    version: u64,
    /// The Observation, if it was made here and not sent as it is.
    made: Option<fhir::Observation>,
}

/// Versions that may still be on their way to the disk.
#[derive(Debug, Default)]
pub(super) struct RecentResources {
    all: Vec<Recent>,
    /// The present version of each Observation among them, by its id.
    observations: HashMap<String, RecentObservation>,
    /// The group for which the older ones were last forgotten.
    group: u64,
}

impl RecentResources {
    /// Forgets all; the store is the truth again.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Forgets what is on the disk for sure while this group is made.
    pub(super) fn prune(&mut self, group: u64) {
        if self.group != group {
            self.group = group;
            self.all.retain(|recent| recent.group + GROUPS_IN_FLIGHT > group);
            self.observations.retain(|_, recent| recent.group + GROUPS_IN_FLIGHT > group);
        }
    }

    /// The present version of an Observation that may still be on its way, and the Observation if it was made here.
    pub(super) fn observation(&self, id: &str) -> Option<(u64, Option<&fhir::Observation>)> {
        self.observations.get(id).map(|recent| (recent.version, recent.made.as_ref()))
    }

    /// Notes a version that goes into a group, with the device that it names, the Observation if it was made here, and the
    /// values that it stands for.
    pub(super) fn note(
        &mut self,
        group: u64,
        row: &ResourceRow,
        (device, made): (Option<DeviceId>, Option<fhir::Observation>),
        holds: Vec<Held>,
    ) {
        let (version, updated) = (row.version, row.updated);
        if row.kind == ResourceKind::Observation {
            self.observations.insert(row.id.clone(), RecentObservation { group, version, made });
        }
        let kept = ResourceKept { id: row.id.clone(), version, updated, existed: false };
        let facts = Facts { index: row.index.clone(), link: row.link.clone(), patient: row.patient.clone(), device };
        self.all.push(Recent { group, kind: row.kind, kept, source: row.source.clone(), facts, holds });
    }
}

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
        let whose = self.whose(ward, wanted, observed, joining, at)?;
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
        self.in_time(observed, &wanted.sender, at)?;
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

    /// Nothing is judged that lies ahead of the clock.
    fn in_time(&self, observed: &Observed, sender: &DeviceId, at: Moment) -> Checked<()> {
        let Some(sent_at) = observed.at.filter(|_| !observed.values.is_empty()) else { return Ok(()) };
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
        Err(Stop::refused(refusal, Some(IntakeFault::ClockAhead { device, observed_at: sent_at - at.skew })))
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

/// An Observation before the census.
struct Place<'a> {
    census: &'a Census,
    ward: &'a WardId,
    wanted: &'a ResourceWrites,
    observed: &'a Observed,
    elsewhere: &'a BTreeMap<DeviceId, WardId>,
}

impl Place<'_> {
    fn sender_is_gateway(&self) -> bool {
        self.census.devices.get(&self.wanted.sender).is_some_and(|d| d.kind == DeviceKind::Gateway)
    }

    /// The device that measured: the one that is named; else of a gateway one that is called after gateway and patient;
    /// else the sender itself.
    fn device(&self) -> Checked<DeviceId> {
        if let Some(device) = &self.observed.device {
            return self.may_send(device).map(|()| device.clone());
        }
        let sender = &self.wanted.sender;
        if !self.sender_is_gateway() {
            return Ok(sender.clone());
        }
        let Some(patient) = &self.observed.patient else {
            let detail = "it names neither a patient nor a device: nobody knows whose it is";
            return refuse_values(RejectionCode::NotAssigned, SUBJECT, detail);
        };
        format!("{sender}/{patient}").parse().or_else(|e| {
            let detail = format!("no device is named, and gateway and patient make no name for one: {e}");
            refuse_values(RejectionCode::UnknownDevice, DEVICE, detail)
        })
    }

    fn may_send(&self, device: &DeviceId) -> Checked<()> {
        if self.census.devices.contains_key(device) {
            let mut resolver = Resolver::new(self.census, &Sender(self.wanted.sender.clone()));
            if resolver.may_send(device) {
                return Ok(());
            }
            let detail = format!("device {device}: this token belongs to another device");
            return refuse_values(RejectionCode::OtherDevice, DEVICE, detail);
        }
        match self.elsewhere.get(device) {
            Some(_) => {
                refuse_values(RejectionCode::OtherDevice, DEVICE, format!("device {device} is not on this ward"))
            }
            None if self.sender_is_gateway() || self.observed.values.is_empty() => Ok(()),
            None => {
                let detail = format!("device {device} is not known: add it with `wardwatch device add`");
                refuse_values(RejectionCode::UnknownDevice, DEVICE, detail)
            }
        }
    }

    fn wrong_patient(&self, device: &DeviceId, named: &PatientId, moment: Timestamp) -> Stop {
        let at = self.observed.at.unwrap_or(moment);
        let detail = format!(
            "device {device} does not measure patient {named} at {at}: nothing is stored; check the device's assignment"
        );
        let fault = IntakeFault::WrongPatient { device: device.clone(), named: named.clone(), observed_at: moment };
        let refusal = ResourceRefusal {
            index: 0,
            kind: RefusalKind::Values(RejectionCode::WrongPatient),
            expression: SUBJECT.to_owned(),
            detail,
        };
        Stop::refused(refusal, Some(fault))
    }

    /// What makes a device measure the patient whom the Observation names, where it measures nobody.
    fn join(&self, device: &DeviceId, moment: Timestamp) -> Checked<Option<Join>> {
        let Some(patient) = &self.observed.patient else {
            let detail = format!("device {device} measures nobody at that time, and no patient is named");
            return refuse_values(RejectionCode::NotAssigned, SUBJECT, detail);
        };
        if !self.census.stays.contains_key(patient) {
            let detail = format!(
                "patient {patient} is not on ward {}: admit the patient by ADT or with `wardwatch patient admit`",
                self.ward
            );
            return refuse_values(RejectionCode::NotAssigned, SUBJECT, detail);
        }
        // What is not judged needs no device.
        if self.observed.values.is_empty() {
            return Ok(None);
        }
        let known = self.census.devices.contains_key(device);
        if !known && self.census.devices.len() >= DEVICES_MAX {
            let detail = format!("the ward has {DEVICES_MAX} devices: add device {device} by hand");
            return refuse_values(RejectionCode::UnknownDevice, DEVICE, detail);
        }
        let spans = self.census.assignments.get(device).map(Vec::as_slice).unwrap_or_default();
        // A device that is called after its patient measures nobody else, whenever it was.
        let own = self.observed.device.is_none() && self.sender_is_gateway();
        self.may_join(device, own, spans)?;
        let free_from = spans.iter().filter_map(|a| a.end).max();
        let first = if own { self.wanted.oldest.min(moment) } else { moment };
        let start = free_from.map_or(first, |end| first.max(end));
        if spans.iter().any(|a| a.end.is_none()) || start > moment {
            let detail = format!("device {device} is assigned to nobody at that time: assign it first");
            return refuse_values(RejectionCode::NotAssigned, DEVICE, detail);
        }
        let assignment = Assignment { device: device.clone(), patient: patient.clone(), start, end: None };
        Ok(Some(Join { device: device.clone(), is_new: !known, assignment }))
    }

    /// Only a gateway knows at whom a device is that measures nobody. What was ended is not begun again by a message, unless
    /// the device is `own`: called after its patient.
    fn may_join(&self, device: &DeviceId, own: bool, spans: &[Assignment]) -> Checked<()> {
        let was_ended = spans.iter().any(|a| a.end.is_some());
        let why = match (self.sender_is_gateway(), was_ended && !own) {
            (false, _) => "a device assigns itself to nobody",
            (true, true) => "it was assigned before, and that has ended",
            (true, false) => return Ok(()),
        };
        let detail = format!(
            "device {device} measures nobody at that time, and {why}: assign it with `wardwatch device assign`"
        );
        refuse_values(RejectionCode::NotAssigned, DEVICE, detail)
    }
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
