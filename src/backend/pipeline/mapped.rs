//! The Observations of FHIR that a mapping makes: kept in the transaction of the readings of the same message.
//!
//! Whose one is says the assignment of its device at its time, as for a reading. A value that was refused as a reading is in
//! no Observation. What is kept carries no values for the wards: they went there as readings already, and are judged once.

use super::{
    core::{Came, Core, code_of, heard, refuse},
    group::Group,
    unplaced::{self, Named},
};
use crate::{
    domain::{DeviceId, Timestamp, text::clean},
    engine::{Input, IntakeFault},
    fhir::{Observation, ResourceKind, written},
    ingest::{
        Refused, Resolver, Sender, Way,
        medtech::{Draft, Made, Mapped, Measured, Measurement, Owner, resource_id, transform::save::Saved},
    },
    protocol::{IntakeReport, Rejection, RejectionCode},
    store::{ResourceRow, StoreError},
};
use std::collections::BTreeSet;

/// Who sent it, and the device that its topic named.
type From<'a> = (&'a DeviceId, Option<&'a DeviceId>);

/// A measurement whose device measures nobody, or somebody else than it names.
struct Refusal {
    code: RejectionCode,
    detail: String,
    fault: Option<IntakeFault>,
}

impl Core {
    /// Makes the Observations of what was measured and puts them into the group.
    ///
    /// # Errors
    /// If the store cannot be asked for those that are there: nothing of them is kept then.
    pub(super) fn keep_mapped(
        &mut self,
        mapped: &Mapped,
        refused: &BTreeSet<usize>,
        (sender, came): (&DeviceId, Came<'_>),
        now: Timestamp,
        (report, group): (&mut IntakeReport, &mut Group),
    ) -> Result<(), StoreError> {
        let at = self.moment(now);
        let from = (sender, came.topic);
        self.recent_resources.prune(at.group);
        let whose = self.whose_mapped(mapped, refused, (sender, came), now, (report, group));
        report.fhir.measurements += whose.len();
        for draft in mapped.observer.drafts(whose) {
            report.fhir.groups += 1;
            let draft = match draft {
                Ok(draft) => draft,
                Err(none) => {
                    let why = (none.type_name.as_str(), &none.device, none.fault.to_string());
                    not_made(mapped, why, &none.messages, from, now, (report, group));
                    continue;
                }
            };
            let id = resource_id(&draft.identifier());
            let made = match self.present(&id)? {
                Present::Changed => {
                    Err("its sender has changed the Observation by FHIR: nothing is merged into it, and \
                                         it has to be changed so again"
                        .to_owned())
                }
                Present::None => made(mapped, &draft, None, now + at.skew).map(|made| (made, 1)),
                Present::Made(version, there) => {
                    made(mapped, &draft, Some(*there), now + at.skew).map(|made| (made, version + 1))
                }
            };
            match made {
                Ok((made, version)) => self.keep_made((id, version), &draft, made, sender, now, (report, group)),
                Err(why) => {
                    let why = (draft.type_name(), &draft.device, why);
                    not_made(mapped, why, &draft.messages, from, now, (report, group));
                }
            }
        }
        Ok(())
    }

    /// The measurements of which Observations are made, each with whose it is. The others are refused.
    fn whose_mapped(
        &mut self,
        mapped: &Mapped,
        refused: &BTreeSet<usize>,
        (sender, came): (&DeviceId, Came<'_>),
        now: Timestamp,
        (report, group): (&mut IntakeReport, &mut Group),
    ) -> Vec<(Measurement, Owner)> {
        let at = self.moment(now);
        let is_word_of_now = came.before.is_none();
        let found = self.ward_of_device.get(sender).and_then(|ward| self.wards.get_mut(ward).map(|run| (ward, run)));
        let Some((ward, run)) = found else { return Vec::new() };
        let mut resolver = Resolver::new(run.engine.census(), &Sender(sender.clone()));
        let found: Vec<(&Measured, Result<Owner, Refusal>)> = mapped
            .measured
            .iter()
            .map(|measured| {
                let Measured { device, named_patient, at: sent_at, message, .. } = measured;
                let owner = resolver.whose(device, named_patient.as_ref(), *sent_at - at.skew);
                let owner = owner.map(|(device, patient)| (patient, device.clone(), *message));
                let refusal = owner.map_err(|why| {
                    let named = named_patient.clone().filter(|_| why.code == RejectionCode::WrongPatient);
                    let wrong =
                        |named| IntakeFault::WrongPatient { device: device.clone(), named, observed_at: *sent_at };
                    Refusal { code: why.code, detail: why.detail, fault: named.map(wrong) }
                });
                (measured, refusal)
            })
            .collect();
        let mut whose = Vec::with_capacity(found.len());
        for (measured, owner) in found {
            let shown = measured.readings.iter().any(Option::is_some);
            match owner {
                Ok(owner) => {
                    if is_word_of_now && !shown {
                        heard(run, &mut self.seen_kept, &owner.1, at, group);
                    }
                    whose.extend(measured.without(refused).map(|rest| (rest, owner)));
                }
                // Its readings say so already.
                Err(_) if shown => {}
                Err(Refusal { code, detail, fault }) => {
                    if let Some(fault) = fault {
                        run.input(Input::IntakeFault(fault), at);
                    }
                    if is_word_of_now && unplaced::waits(run.engine.census(), &measured.device, code) {
                        let named = Named { patient: measured.named_patient.clone(), bed: None };
                        let who = unplaced::Came { device: &measured.device, sender, ward: Some(ward), named };
                        unplaced::note(group, who, &code_of(code), &detail, now);
                    }
                    let rejection = Rejection { index: next_index(report), code, detail };
                    refuse(letter(mapped, measured.message, rejection), (sender, came.topic), now, report, group);
                }
            }
        }
        whose
    }

    /// The present version of an Observation, be it on its way to the disk.
    fn present(&self, id: &str) -> Result<Present, StoreError> {
        if let Some((version, made)) = self.recent_resources.observation(id) {
            return Ok(made.map_or(Present::Changed, |made| Present::Made(version, Box::new(made.clone()))));
        }
        let Some(stored) = self.reader.resource(ResourceKind::Observation, id, None)? else { return Ok(Present::None) };
        Ok(written(&stored.body).map_or(Present::Changed, |made| Present::Made(stored.version, Box::new(made))))
    }

    fn keep_made(
        &mut self,
        (id, version): (String, u64),
        draft: &Draft<'_>,
        made: Made,
        sender: &DeviceId,
        now: Timestamp,
        (report, group): (&mut IntakeReport, &mut Group),
    ) {
        match made.saved {
            Saved::Created => report.fhir.created += 1,
            Saved::Updated => report.fhir.updated += 1,
            Saved::Unchanged => {
                report.fhir.unchanged += 1;
                return;
            }
        }
        let at = self.moment(now);
        let row = ResourceRow {
            kind: ResourceKind::Observation,
            id,
            version,
            patient: Some(draft.patient.clone()),
            source: sender.clone(),
            link: None,
            group: made.group,
            updated: now + at.skew,
            index: made.index,
            body: made.body,
            mapped: true,
        };
        let made = (Some(draft.device.clone()), Some(made.observation));
        self.recent_resources.note(at.group, &row, made, Vec::new());
        group.batch.resources.push(row);
    }
}

/// What is there of an Observation.
enum Present {
    /// Nothing.
    None,
    /// A version that was made here.
    Made(u64, Box<Observation>),
    /// A version that its sender has changed.
    Changed,
}

fn made(mapped: &Mapped, draft: &Draft<'_>, there: Option<Observation>, now: Timestamp) -> Result<Made, String> {
    mapped.observer.make(draft, there, now).map_err(|fault| fault.to_string())
}

/// Tells of an Observation that cannot be made. Each of its messages is kept: all of them have to come again.
fn not_made(
    mapped: &Mapped,
    (type_name, device, why): (&str, &DeviceId, String),
    messages: &BTreeSet<usize>,
    (sender, topic): From<'_>,
    now: Timestamp,
    (report, group): (&mut IntakeReport, &mut Group),
) {
    let detail = clean(&format!("no Observation is made of type {type_name:?} of device {device}: {why}"));
    for message in messages {
        let rejection = Rejection { index: next_index(report), code: RejectionCode::Mapping, detail: detail.clone() };
        refuse(letter(mapped, *message, rejection), (sender, topic), now, report, group);
    }
}

/// Refuses what has no readings that say so, of a sender that is not known.
pub(super) fn refuse_all(
    mapped: &Mapped,
    (sender, topic): From<'_>,
    now: Timestamp,
    report: &mut IntakeReport,
    group: &mut Group,
) {
    for measured in mapped.measured.iter().filter(|measured| measured.readings.iter().all(Option::is_none)) {
        let detail = format!("device {sender} is not known: add it with `wardwatch device add`");
        let rejection = Rejection { index: next_index(report), code: RejectionCode::UnknownDevice, detail };
        refuse(letter(mapped, measured.message, rejection), (sender, topic), now, report, group);
    }
}

/// The place of a refusal behind all readings and those before it.
const fn next_index(report: &IntakeReport) -> usize {
    report.accepted + report.duplicate + report.rejected
}

fn letter(mapped: &Mapped, message: usize, rejection: Rejection) -> Refused {
    let payload = mapped.messages.get(message).cloned().unwrap_or_default();
    Refused { rejection, payload, way: Way::Mapped, ahead: None }
}

/// The refusal of a reading, with its whole message as the payload where that fits: driven again, the Observation comes too.
pub(super) fn whole(refused: Refused, mapped: Option<&Mapped>, index: usize) -> Refused {
    if refused.way == Way::Mapped {
        return refused;
    }
    let of = |m: &&Measured| m.readings.contains(&Some(index));
    let message = mapped.and_then(|mapped| mapped.messages.get(mapped.measured.iter().find(of)?.message));
    match message.filter(|message| message.len() + CUT_WITHIN <= Refused::PAYLOAD_MAX_BYTES) {
        Some(message) => Refused { payload: message.clone(), way: Way::Mapped, ..refused },
        None => refused,
    }
}

/// A message that is shorter than the bound by less than this may have been cut at a character.
const CUT_WITHIN: usize = 4;
