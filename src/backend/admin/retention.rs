//! Removing entries of the audit trail whose time is over.

use super::{
    AdminAnswer, AdminError,
    execute::{Done, leaf, refused},
};
use crate::{
    audit::{Act, LeafDraft, RetentionPlan, retention},
    backend::{
        app::App,
        pipeline::{Job, Record},
    },
    domain::Actor,
};
use std::sync::Arc;

async fn plan_of(app: &App) -> Result<RetentionPlan, AdminError> {
    let reader = Arc::clone(&app.reader);
    let segments = tokio::task::spawn_blocking(move || reader.audit_segments()).await;
    let segments = segments.map_err(refused)?.map_err(refused)?;
    let before = app.clock.wall() - retention::span_of(app.config.audit.retention_years);
    let delivered = app.config.audit.syslog.as_ref().map(|_| app.audit.delivered());
    Ok(retention::plan(&segments, before, delivered))
}

/// Which entries may be removed.
pub(super) async fn plan(app: &App) -> Done {
    let plan = plan_of(app).await?;
    let years = app.config.audit.retention_years;
    Ok(AdminAnswer::Retention { plan, years, has_receiver: app.config.audit.syslog.is_some() })
}

/// Removes them: an entry says so in the transaction that marks them, and then they go a little at a time.
pub(super) async fn retain(app: &App, by: &Actor, upto: u64, archived: bool) -> Done {
    let plan = plan_of(app).await?;
    if upto != plan.upto || plan.upto == plan.from {
        return Err(refused("these are not the entries that may be removed now: look again with --dry-run"));
    }
    if app.config.audit.syslog.is_none() && !archived {
        return Err(refused("no receiver of syslog has these entries, and they were not archived"));
    }
    let entry = LeafDraft { upto: Some(upto), ..leaf(by, Act::AuditRetain) };
    let record = Record { leaves: vec![entry], retain_audit: Some(upto), ..Record::default() };
    app.pipeline.ask(|reply| Job::Record { record, reply }).await.map_err(refused)?;
    Ok(AdminAnswer::Done)
}
