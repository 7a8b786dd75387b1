//! Alerts that devices report by HL7 v2: whose they are, by the same rules as for values, and what is kept of those that
//! cannot be placed.

use super::{
    core::{self, Core},
    group::Group as Batch,
    place::{Whose, left_behind, whose},
    unplaced::{self, Named},
    ward::WardRun,
};
use crate::{
    backend::intake::Tally,
    domain::{BedId, DeviceId, LimitsSaid, Millis, PatientId, ReportedLimits, Timestamp, VitalCode, WardId},
    engine::{Input, IntakeFault},
    ingest::{
        Decoded, Reading, Refused, Resolver, Sender, Way,
        hl7::{AlertReading, Group},
    },
    protocol::{IntakeReport, Rejection, RejectionCode},
};
use std::collections::{BTreeMap, BTreeSet};

/// Limits of a device that came with a value.
pub(super) struct Limited {
    named: Option<PatientId>,
    vital: VitalCode,
    said: LimitsSaid,
}

/// The limits of devices that came with the values of a message, in the order of these.
pub(super) fn limits_of(groups: &[Group]) -> Vec<Option<ReportedLimits>> {
    groups.iter().flat_map(|group| group.values.iter().map(|value| value.limits)).collect()
}

/// Those that came with values that were placed.
pub(super) fn limited(placed: &Decoded, limits: &[Option<ReportedLimits>], skew: Millis) -> Vec<Limited> {
    let of = |(read, limits): (&Result<Reading, Refused>, &Option<ReportedLimits>)| {
        let reading = read.as_ref().ok()?;
        let since = reading.observed_at - skew;
        let said = LimitsSaid { device: reading.device.clone(), limits: (*limits)?, since };
        Some(Limited { named: reading.named_patient.clone(), vital: reading.vital, said })
    };
    placed.iter().zip(limits).filter_map(of).collect()
}

/// Of whom something came: the device, and the patient that the message names.
type From = (DeviceId, Option<PatientId>);

/// An alert that was refused, with of whom it came, if its sender may speak for it.
type NotTaken = (Refused, Option<From>);

/// One alert, and what its message names.
struct Came {
    read: Result<Box<AlertReading>, Refused>,
    named: Named,
}

impl Core {
    /// Tells the ward what limits its devices say they have, where that is news.
    pub(super) fn limits_said(&mut self, sender: &DeviceId, limited: Vec<Limited>, now: Timestamp) {
        let at = self.moment(now);
        let Some(run) = self.ward_of_device.get(sender).and_then(|ward| self.wards.get_mut(ward)) else { return };
        for Limited { named, vital, said } in limited {
            let patient = {
                let mut resolver = Resolver::new(run.engine.census(), &Sender(sender.clone()));
                resolver.whose(&said.device, named.as_ref(), said.since).map(|(_, patient)| patient)
            };
            let Ok(patient) = patient else { continue };
            if run.engine.is_other_limit(&patient, vital, &said) {
                run.input(Input::LimitsSaid { patient, vital, said }, at);
            }
        }
    }

    /// Takes in the alerts of a message.
    pub(super) fn alerts(
        &mut self,
        sender: &DeviceId,
        groups: Vec<Group>,
        now: Timestamp,
        batch: &mut Batch,
    ) -> IntakeReport {
        let at = self.moment(now);
        let ward = self.ward_of_device.get(sender).filter(|ward| self.wards.contains_key(*ward)).cloned();
        let mut report = IntakeReport::default();
        if let Some(run) = ward.as_ref().and_then(|ward| self.wards.get_mut(ward)) {
            if run.engine.misses(sender, at.now) {
                run.input(Input::Heard { device: sender.clone() }, at);
            }
            core::heard(run, &mut self.seen_kept, sender, at, batch);
        }
        let mut newest = None;
        let mut told_ahead = BTreeSet::new();
        let mut index = 0;
        for group in groups {
            for came in self.place_alerts(ward.as_ref(), sender, &group, now, batch) {
                let taken = match came.read {
                    Ok(alert) => self.alert(ward.as_ref(), sender, *alert, now, &mut newest, &mut report),
                    Err(refused) => Err(Box::new((refused, None))),
                };
                if let Err(not_taken) = taken {
                    let (mut refused, device) = *not_taken;
                    refused.rejection.index = index;
                    self.not_taken(
                        ward.as_ref(),
                        sender,
                        &refused,
                        (device, came.named),
                        (&mut told_ahead, now),
                        batch,
                    );
                    core::refuse(refused, (sender, None), now, &mut report, batch);
                }
                index += 1;
            }
        }
        batch.tallies.push(Tally::of(sender, now).with(&report, newest));
        report
    }

    /// The alerts of a group, each with the patient whom it is said to be of. Devices join as they do with values.
    fn place_alerts(
        &mut self,
        ward: Option<&WardId>,
        sender: &DeviceId,
        group: &Group,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Vec<Came> {
        let skew = self.moment(now).skew;
        let named = || Named { patient: group.patient.clone(), bed: group.bed.clone() };
        let whom = ward
            .and_then(|ward| self.wards.get(ward))
            .map_or(Whose::Unsaid, |run| whose(run.engine.census(), group, &self.moved, now));
        let read = || group.alerts.iter().filter_map(|told| told.read.as_ref().ok());
        if let (Some(ward), Whose::Contradiction { named, since, .. }) = (ward, &whom) {
            let first = read().find(|alert| alert.said.observed_at - skew >= *since);
            if let Some(first) = first {
                self.contradiction(ward, (&first.device, first.said.observed_at), named, now);
            }
        } else if let (Some(ward), false) = (ward, matches!(whom, Whose::Empty(_))) {
            let mut devices = BTreeMap::<DeviceId, Vec<Timestamp>>::new();
            for alert in read() {
                devices.entry(alert.device.clone()).or_default().push(alert.said.observed_at - skew);
            }
            for (device, times) in devices {
                self.join(ward, sender, (device, &times), &whom, now, batch);
            }
        }
        let mut placed = Vec::with_capacity(group.alerts.len());
        for told in &group.alerts {
            let read = match &told.read {
                Ok(alert) => {
                    let mut alert = alert.clone();
                    match self.contradicts(ward, &alert, &whom, skew) {
                        Some(detail) => {
                            let who = unplaced::Came { device: &alert.device, sender, ward, named: named() };
                            if matches!(whom, Whose::Contradiction { .. }) {
                                unplaced::note(batch, who, "wrong_patient", &detail, now);
                            }
                            Err(refused(&alert, RejectionCode::WrongPatient, detail))
                        }
                        None => {
                            if let Whose::InBed(patient, since) = &whom
                                && alert.said.observed_at - skew >= *since
                            {
                                alert.named_patient = Some(patient.clone());
                            }
                            Ok(alert)
                        }
                    }
                }
                Err(refused) => Err(refused.clone()),
            };
            placed.push(Came { read, named: named() });
        }
        placed
    }

    /// What is wrong with whom an alert is said to be of, if anything.
    fn contradicts(&self, ward: Option<&WardId>, alert: &AlertReading, whom: &Whose, skew: Millis) -> Option<String> {
        match whom {
            Whose::Contradiction { since, detail, .. } => {
                (alert.said.observed_at - skew >= *since).then(|| detail.clone())
            }
            Whose::Empty(bed) => self.beside(ward, &alert.device, bed),
            Whose::Unsaid | Whose::Named(_) | Whose::InBed(..) => None,
        }
    }

    fn beside(&self, ward: Option<&WardId>, device: &DeviceId, bed: &BedId) -> Option<String> {
        left_behind(self.wards.get(ward?)?.engine.census(), device, bed)
    }

    /// Takes in one alert; why not, and of which device, if it is nobody's.
    fn alert(
        &mut self,
        ward: Option<&WardId>,
        sender: &DeviceId,
        alert: AlertReading,
        now: Timestamp,
        newest: &mut Option<Timestamp>,
        report: &mut IntakeReport,
    ) -> Result<(), Box<NotTaken>> {
        let at = self.moment(now);
        let Some(run) = ward.and_then(|ward| self.wards.get_mut(ward)) else {
            let detail = format!("device {sender} is not known: add it with `wardwatch device add`");
            let from = Some((alert.device.clone(), alert.named_patient.clone()));
            return Err(Box::new((refused(&alert, RejectionCode::UnknownDevice, detail), from)));
        };
        // Device times follow the wall clock; the engine's time may be apart from it after a step.
        let observed_at = alert.said.observed_at - at.skew;
        let whose = {
            let mut resolver = Resolver::new(run.engine.census(), &Sender(sender.clone()));
            resolver.whose(&alert.device, alert.named_patient.as_ref(), observed_at).map(|(_, patient)| patient)
        };
        let patient = match whose {
            Ok(patient) => patient,
            Err(why) => {
                let from = (why.code != RejectionCode::OtherDevice)
                    .then(|| (alert.device.clone(), alert.named_patient.clone()));
                if let Some(named) = alert.named_patient.clone().filter(|_| why.code == RejectionCode::WrongPatient) {
                    let (device, observed_at) = (alert.device.clone(), alert.said.observed_at);
                    run.input(Input::IntakeFault(IntakeFault::WrongPatient { device, named, observed_at }), at);
                }
                return Err(Box::new((refused(&alert, why.code, why.detail), from)));
            }
        };
        let AlertReading { device, mut said, .. } = alert;
        said.observed_at = observed_at;
        *newest = (*newest).max(Some(observed_at));
        if run.engine.knows_said(&device, &said) {
            report.duplicate += 1;
        } else {
            report.accepted += 1;
            run.input(Input::Said { patient, device: device.clone(), said: Box::new(said) }, at);
        }
        run.heard(&device, at);
        Ok(())
    }

    /// Tells people of an alert that was not taken: its device waits for somebody, or its clock is ahead.
    fn not_taken(
        &mut self,
        ward: Option<&WardId>,
        sender: &DeviceId,
        refused: &Refused,
        (from, said): (Option<From>, Named),
        (told, now): (&mut BTreeSet<DeviceId>, Timestamp),
        batch: &mut Batch,
    ) {
        let at = self.moment(now);
        let run: Option<&mut WardRun> = ward.and_then(|ward| self.wards.get_mut(ward));
        let Rejection { code, detail, .. } = &refused.rejection;
        let Some((device, patient)) = from else {
            if let Some(run) = run {
                let fault = {
                    let mut resolver = Resolver::new(run.engine.census(), &Sender(sender.clone()));
                    core::clock_ahead(refused, &mut resolver, told, at)
                };
                if let Some(fault) = fault {
                    run.input(Input::IntakeFault(fault), at);
                }
            }
            return;
        };
        let waits = match &run {
            Some(run) => unplaced::waits(run.engine.census(), &device, *code),
            None => true,
        };
        if let Some(run) = run.filter(|run| run.engine.census().devices.contains_key(&device)) {
            core::heard(run, &mut self.seen_kept, &device, at, batch);
        }
        if waits {
            let named = Named { patient: patient.or(said.patient), bed: said.bed };
            let who = unplaced::Came { device: &device, sender, ward, named };
            unplaced::note(batch, who, &core::code_of(*code), detail, now);
        }
    }
}

/// An alert that is refused, with what it says for people: only its sender sends it again.
fn refused(alert: &AlertReading, code: RejectionCode, detail: String) -> Refused {
    let said = &alert.said;
    Refused {
        rejection: Rejection { index: 0, code, detail },
        payload: format!(
            "device {} {} {:?} {:?} of {} at {}",
            alert.device,
            said.code,
            said.phase,
            said.text,
            said.episode.as_str(),
            said.observed_at
        ),
        way: Way::Hl7,
        ahead: None,
    }
}
