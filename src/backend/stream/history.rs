//! Answers to history queries.

use crate::{
    audit::{Act, LeafActor, LeafDraft, Outcome},
    backend::{app::App, pipeline::JobError},
    domain::{Actor, Millis, PatientId},
    protocol::{HISTORY_PATIENTS_MAX, HISTORY_POINTS_MAX, History, HistoryQuery, PatientHistory},
};

/// Most alerts of one patient in one answer.
const ALERTS_MAX: u32 = 1_000;
/// What a subscription shows of the past by itself: the hour behind its sparklines. A query that asks for no more, and
/// for no alerts, is part of that view; any other leaves an audit entry of its own.
pub(super) const SUBSCRIPTION_SHOWS: Millis = Millis::from_mins(65);

/// Why a query is not answered.
#[derive(Debug, thiserror::Error)]
pub(super) enum QueryError {
    #[error("at most {HISTORY_PATIENTS_MAX} patients in a query")]
    TooManyPatients,
    #[error("at most {HISTORY_POINTS_MAX} points, at least 1")]
    Points,
    #[error("`to` must be after `from`")]
    Span,
    #[error("patient {0} is not in your subscription")]
    NotSubscribed(PatientId),
    #[error(transparent)]
    Job(#[from] JobError),
    #[error("the history could not be read")]
    Store,
}

/// Checks a query and writes its audit entries, and waits until they are durable.
pub(super) async fn admit(
    app: &App,
    query: &HistoryQuery,
    subscribed: &[PatientId],
    (actor, code): (&Actor, Option<&'static str>),
) -> Result<(), QueryError> {
    if query.patients.len() > HISTORY_PATIENTS_MAX {
        return Err(QueryError::TooManyPatients);
    }
    if query.points == 0 || query.points > HISTORY_POINTS_MAX {
        return Err(QueryError::Points);
    }
    if query.to <= query.from {
        return Err(QueryError::Span);
    }
    if let Some(other) = query.patients.iter().find(|p| !subscribed.contains(p)) {
        return Err(QueryError::NotSubscribed(other.clone()));
    }
    let oldest_shown = app.engine_clock.now() - SUBSCRIPTION_SHOWS;
    if query.alerts || query.from < oldest_shown {
        let leaf = |patient: &PatientId| LeafDraft {
            ward: Some(query.ward.clone()),
            patient: Some(patient.clone()),
            code,
            ..LeafDraft::new(LeafActor::from(actor), Act::PatientHistory, Outcome::Success)
        };
        app.record(query.patients.iter().map(leaf).collect(), Vec::new()).await?;
    }
    Ok(())
}

/// Reads what a query asks for. Blocks while it reads.
pub(super) fn read(app: &App, query: &HistoryQuery) -> Result<History, QueryError> {
    let span = (query.from, query.to);
    let failed = |e: crate::store::StoreError| {
        tracing::error!(error = %e, "a history could not be read");
        QueryError::Store
    };
    let mut patients = Vec::with_capacity(query.patients.len());
    for patient in &query.patients {
        let trends = app.reader.trends(&query.ward, patient, &query.vitals, span, query.points).map_err(failed)?;
        let alerts = if query.alerts {
            app.reader.alerts(&query.ward, patient, span, ALERTS_MAX).map_err(failed)?
        } else {
            Vec::new()
        };
        patients.push(PatientHistory { patient: patient.clone(), trends, alerts });
    }
    Ok(History { ward: query.ward.clone(), from: query.from, to: query.to, patients })
}
