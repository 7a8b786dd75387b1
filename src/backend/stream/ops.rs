//! Answers to what ops ask: how the intake does, and what is done with dead letters.

use crate::{
    backend::{
        app::App,
        letters::{self, LetterError},
        pipeline::JOB_QUEUE_CAPACITY,
    },
    domain::{Actor, Remark},
    protocol::{
        LetterQuery, OPS_LETTER_COUNTS_MAX, OPS_SOURCES_MAX, OpsReport, PipelineView, ServerMessage, StoreState,
    },
    store::StoreError,
};
use std::sync::Arc;

/// What is asked about dead letters.
pub(super) enum Asked {
    Page(LetterQuery),
    Retry(u64),
    Drop(u64, Remark),
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[error("the dead letters could not be counted")]
pub(super) struct NotCounted;

/// How the intake does now. It names no patient, so that no entry of the audit trail is due.
pub(super) async fn report(app: &App) -> Result<OpsReport, NotCounted> {
    let reader = Arc::clone(&app.reader);
    let counted = tokio::task::spawn_blocking(move || {
        let kinds = u32::try_from(OPS_LETTER_COUNTS_MAX).unwrap_or(u32::MAX);
        Ok::<_, StoreError>((reader.dead_letter_count()?, reader.dead_letter_counts(kinds)?))
    });
    let counted = counted.await.map_err(|_| NotCounted)?;
    let (letters_open, letters) = counted.map_err(|e| {
        tracing::error!(error = %e, "dead letters could not be counted");
        NotCounted
    })?;
    let at = app.engine_clock.now();
    let intake = app.hub.intake();
    let (sources, more_sources) = intake.sources(at, OPS_SOURCES_MAX);
    let (commits, slowest) = intake.commits(at);
    let pipeline = PipelineView {
        recording: app.hub.store_state() == StoreState::Recording,
        waiting: app.pipeline.waiting(),
        capacity: JOB_QUEUE_CAPACITY,
        commits,
        slowest,
    };
    Ok(OpsReport { at, since: app.started_at, sources, more_sources, pipeline, letters_open, letters })
}

/// Does what is asked about dead letters.
pub(super) async fn answer(app: &App, id: u64, asked: Asked, by: &Actor) -> Result<ServerMessage, LetterError> {
    Ok(match asked {
        Asked::Page(query) => {
            let (letters, more) = letters::page(app, by, query).await?;
            ServerMessage::Letters { id, letters, more }
        }
        Asked::Retry(no) => ServerMessage::Accepted { id, report: letters::retry(app, by, no).await? },
        Asked::Drop(no, reason) => {
            letters::put_aside(app, by, no, &reason).await?;
            ServerMessage::Result { id, done: true, seq: None, refusal: None }
        }
    })
}
