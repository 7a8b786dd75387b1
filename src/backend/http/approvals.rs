//! `/v1/approvals`: what one administrator has proposed, and another approves or refuses.

use super::{
    answer::{Answer, ProblemAnswer, json, problem},
    guard::{denial_problem, person},
};
use crate::{
    backend::{
        admin::{self, ApproveError},
        app::App,
        approvals::ApprovalError,
    },
    rights::Verb,
};
use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct Done {
    what: String,
}

impl From<ApproveError> for ProblemAnswer {
    fn from(error: ApproveError) -> Self {
        let text = error.to_string();
        match error {
            ApproveError::Approval(ApprovalError::Unknown(_)) => {
                problem(StatusCode::NOT_FOUND, "no-approval", "No such proposal", text)
            }
            ApproveError::Approval(ApprovalError::SamePerson | ApprovalError::SameSession | ApprovalError::SameKey) => {
                problem(StatusCode::FORBIDDEN, "four-eyes", "Another administrator is wanted", text)
            }
            ApproveError::Approval(_) | ApproveError::Changed(_) | ApproveError::Undone(_) => {
                problem(StatusCode::CONFLICT, "approval", "Not approved", text)
            }
            ApproveError::Given(_) => {
                problem(StatusCode::FORBIDDEN, "given-passphrase", "A passphrase of your own is wanted", text)
            }
            ApproveError::Over(over) => over.into(),
            ApproveError::Denied(denial) => denial_problem(denial),
            ApproveError::Job(job) => job.into(),
        }
    }
}

/// Does something to its end, whether or not the one who asked waits for the answer: what is approved is done.
async fn to_its_end(
    work: impl Future<Output = Result<String, ApproveError>> + Send + 'static,
) -> Result<String, ApproveError> {
    let broken = |_| ApproveError::Undone("the work broke off".to_owned());
    tokio::spawn(work).await.map_err(broken)?
}

/// All open proposals.
pub(super) async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    let session = person(&app, &headers, Verb::ApproveActs).await?;
    Ok(json(StatusCode::OK, &admin::proposals(&app, &session).await))
}

/// Approves one, and does it.
pub(super) async fn approve(State(app): State<Arc<App>>, Path(id): Path<String>, headers: HeaderMap) -> Answer {
    let session = person(&app, &headers, Verb::ApproveActs).await?;
    let what = to_its_end(async move { admin::approve(&app, &session, &id).await }).await?;
    Ok(json(StatusCode::OK, &Done { what }))
}

/// Takes one back, or refuses it.
pub(super) async fn end(State(app): State<Arc<App>>, Path(id): Path<String>, headers: HeaderMap) -> Answer {
    let session = person(&app, &headers, Verb::ApproveActs).await?;
    let what = to_its_end(async move { admin::end(&app, &session, &id).await }).await?;
    Ok(json(StatusCode::OK, &Done { what }))
}
