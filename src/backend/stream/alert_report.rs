//! Answers to requests for the report on a ward's alerts.

use crate::{
    analysis::AlertReporter,
    audit::{Act, LeafActor, LeafDraft, Outcome},
    backend::{app::App, hub::WardHub, pipeline::JobError},
    domain::{Actor, PatientId, Timestamp, WardId},
    protocol::{ALERT_REPORT_SPAN_MAX, AlertReport, HANDOVER_PATIENTS_MAX},
    store::{StoreError, StoreReader, first_event_since},
};
use std::sync::Arc;

/// Events that are read from the journal at once.
const PAGE: u32 = 1_000;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReportError {
    #[error("`to` must be after `from`, by at most {} days", ALERT_REPORT_SPAN_MAX.as_secs() / 86_400)]
    Span,
    #[error("at most {HANDOVER_PATIENTS_MAX} patients in a report")]
    TooManyPatients,
    #[error("patient {0} is not in your subscription")]
    NotSubscribed(PatientId),
    #[error("another report is being made: try again")]
    Busy,
    #[error(transparent)]
    Job(#[from] JobError),
    #[error("the journal could not be read")]
    Store,
}

/// What is to be reported on.
pub(super) struct ReportQuery {
    pub(super) ward: WardId,
    pub(super) hub: Arc<WardHub>,
    pub(super) span: (Timestamp, Timestamp),
}

/// Writes the audit entry, and makes the report when that is durable.
pub(super) async fn make(app: Arc<App>, query: ReportQuery, actor: &Actor) -> Result<AlertReport, ReportError> {
    let (from, to) = query.span;
    if to <= from || to.since(from) > ALERT_REPORT_SPAN_MAX {
        return Err(ReportError::Span);
    }
    let _one_at_a_time = app.reports.try_acquire().map_err(|_| ReportError::Busy)?;
    let leaf = LeafDraft {
        ward: Some(query.ward.clone()),
        ..LeafDraft::new(LeafActor::from(actor), Act::WardAlertReport, Outcome::Success)
    };
    app.record(vec![leaf], Vec::new()).await?;
    let reader = app.reader.clone();
    let read = tokio::task::spawn_blocking(move || read(reader.as_ref(), &query)).await;
    read.map_err(|_| ReportError::Store)?.map_err(|e| {
        tracing::error!(error = %e, "a report of alerts could not be made");
        ReportError::Store
    })
}

/// Reads the journal from the beginning of the span to its end. Blocks while it reads.
fn read(reader: &dyn StoreReader, query: &ReportQuery) -> Result<AlertReport, StoreError> {
    // Who comes or goes after this look is told of by the events that are read after it.
    let view = query.hub.subscribe().view;
    let beds = view.beds.into_values().map(|bed| (bed.id, bed.label)).collect();
    let mut reporter = AlertReporter::of_ward(query.span, view.ward, beds, view.patients.into_keys().collect());
    let mut after = first_event_since(reader, &query.ward, query.span.0)?.saturating_sub(1);
    loop {
        let events = reader.events_after(&query.ward, after, PAGE)?;
        let Some(last) = events.last() else { return Ok(reporter.finish()) };
        events.iter().for_each(|e| reporter.event(&e.event));
        after = last.seq;
    }
}
