//! Answers to requests for what there is to say at a handover.

use super::alert_report::ReportError;
use crate::{
    analysis::handover::{self, Known, TREND_SLICES, sbar, tells, told_since},
    audit::{Act, LeafActor, LeafDraft, Outcome},
    backend::{app::App, hub::WardHub},
    domain::{Actor, Event, PatientId, Timestamp, WardId},
    protocol::{HANDOVER_PATIENTS_MAX, HandoverReport, PatientView, WardView, handover::HANDOVER_VALUES_FROM},
    store::{StoreError, StoreReader, first_event_since},
};
use std::{collections::BTreeMap, sync::Arc};

/// Events that are read from the journal at once.
const PAGE: u32 = 1_000;

/// Whose report is wanted.
pub(super) struct Wanted {
    pub(super) ward: WardId,
    pub(super) hub: Arc<WardHub>,
    pub(super) patients: Vec<PatientId>,
    /// Whom the asker may look at.
    pub(super) subscribed: Vec<PatientId>,
    pub(super) with_names: bool,
}

/// Writes the audit entries, one for each patient, and makes the report when they are durable.
pub(super) async fn make(
    app: Arc<App>,
    wanted: Wanted,
    (actor, code): (&Actor, Option<&'static str>),
) -> Result<HandoverReport, ReportError> {
    if wanted.patients.len() > HANDOVER_PATIENTS_MAX {
        return Err(ReportError::TooManyPatients);
    }
    if let Some(other) = wanted.patients.iter().find(|p| !wanted.subscribed.contains(p)) {
        return Err(ReportError::NotSubscribed(other.clone()));
    }
    let leaf = |patient: &PatientId| LeafDraft {
        ward: Some(wanted.ward.clone()),
        patient: Some(patient.clone()),
        code,
        ..LeafDraft::new(LeafActor::from(actor), Act::HandoverView, Outcome::Success)
    };
    app.record(wanted.patients.iter().map(leaf).collect(), Vec::new()).await?;
    let _one_at_a_time = app.reports.acquire().await.map_err(|_| ReportError::Busy)?;
    let (reader, now) = (app.reader.clone(), app.engine_clock.now());
    let read = tokio::task::spawn_blocking(move || read(reader.as_ref(), &wanted, now)).await;
    read.map_err(|_| ReportError::Store)?.map_err(|e| {
        tracing::error!(error = %e, "a handover could not be read");
        ReportError::Store
    })
}

/// Reads the journal and the trends. Blocks while it reads.
fn read(reader: &dyn StoreReader, wanted: &Wanted, now: Timestamp) -> Result<HandoverReport, StoreError> {
    let mut view = wanted.hub.subscribe().view;
    if !wanted.with_names {
        view = view.without_names();
    }
    let patients: Vec<&PatientView> =
        view.by_bed().into_iter().filter(|p| wanted.patients.contains(&p.patient.id)).collect();
    let events = journal(reader, wanted, &view, &patients, now)?;
    let mut all = Vec::with_capacity(patients.len());
    for patient in patients {
        let id = &patient.patient.id;
        let span = (now - HANDOVER_VALUES_FROM, now);
        let trends = reader.trends(&wanted.ward, id, &[], span, TREND_SLICES)?;
        let events = events.get(id).map(Vec::as_slice).unwrap_or_default();
        let since = told_since(&view, patient, now);
        all.push(sbar(&Known { ward: &view, patient, now, since, events, trends: &trends }));
    }
    Ok(handover::report(&view, now, all))
}

/// What the journal tells of each patient since the earliest moment that is told of any.
fn journal(
    reader: &dyn StoreReader,
    wanted: &Wanted,
    view: &WardView,
    patients: &[&PatientView],
    now: Timestamp,
) -> Result<BTreeMap<PatientId, Vec<Event>>, StoreError> {
    let mut events: BTreeMap<PatientId, Vec<Event>> =
        patients.iter().map(|p| (p.patient.id.clone(), Vec::new())).collect();
    let Some(since) = patients.iter().map(|p| told_since(view, p, now)).min() else { return Ok(events) };
    let mut after = first_event_since(reader, &wanted.ward, since)?.saturating_sub(1);
    loop {
        let page = reader.events_after(&wanted.ward, after, PAGE)?;
        let Some(last) = page.last().map(|e| e.seq) else { return Ok(events) };
        for event in page.into_iter().map(|e| e.event).filter(tells) {
            let of = event.patient().and_then(|patient| events.get_mut(patient));
            if let Some(of) = of {
                of.push(event);
            }
        }
        after = last;
    }
}
