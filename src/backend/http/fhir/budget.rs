//! What the entries of a batch may cost together.

use super::{
    Asked,
    asked::{Caller, Return},
    check_rate, one,
    reply::Reply,
};
use crate::{backend::app::App, fhir::IssueCode};
use axum::http::{Method, StatusCode};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::Semaphore;

/// Most bytes that the entries of a batch answer with, together.
pub(super) const BATCH_ANSWER_MAX_BYTES: usize = 16 * 1024 * 1024;
/// Reading entries of a batch that are in hand at once, in their order: each may hold a page.
const BATCH_READS_AT_ONCE: usize = 1;

/// What is left for the entries of a batch.
pub(super) struct Budget {
    bytes: AtomicUsize,
    reads: Semaphore,
}

impl Budget {
    pub(super) const fn new() -> Self {
        Self { bytes: AtomicUsize::new(BATCH_ANSWER_MAX_BYTES), reads: Semaphore::const_new(BATCH_READS_AT_ONCE) }
    }

    /// Answers an entry. What is sent is kept whatever was read before, and told in short when nothing is left; what is
    /// read is refused then.
    pub(super) async fn entry(&self, app: &Arc<App>, caller: &Caller, wanted: Asked) -> Reply {
        if let Caller::Device(device) = caller
            && let Err(too_fast) = check_rate(app, device)
        {
            return too_fast.into();
        }
        let is_write = wanted.method == Method::PUT || wanted.method == Method::POST && wanted.path.len() == 1;
        if is_write { self.write(app, caller, wanted).await } else { self.read(app, caller, &wanted).await }
    }

    async fn read(&self, app: &Arc<App>, caller: &Caller, wanted: &Asked) -> Reply {
        let Ok(_permit) = self.reads.acquire().await else { return Reply::failed() };
        if self.is_spent() {
            return too_costly();
        }
        let reply = Box::pin(one(app, caller, wanted)).await;
        if self.spend(&reply) { reply } else { too_costly() }
    }

    async fn write(&self, app: &Arc<App>, caller: &Caller, mut wanted: Asked) -> Reply {
        if self.is_spent() {
            wanted.prefer.returns = Return::Minimal;
        }
        let reply = Box::pin(one(app, caller, &wanted)).await;
        // It is done, and its status stays; errors are short and stay too.
        if self.spend(&reply) || reply.is_outcome { reply } else { Reply { body: None, ..reply } }
    }

    fn is_spent(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) == 0
    }

    /// Whether the answer could be paid for; if not, nothing is left for others either.
    fn spend(&self, reply: &Reply) -> bool {
        let cost = reply.body.as_ref().map_or(0, Vec::len);
        let left = |left: usize| Some(left.saturating_sub(cost));
        let before = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).unwrap_or_default();
        before >= cost
    }
}

fn too_costly() -> Reply {
    let detail = format!(
        "the answers of this batch are longer than {BATCH_ANSWER_MAX_BYTES} bytes together: ask for less, or in several \
         batches"
    );
    Reply::error(StatusCode::PAYLOAD_TOO_LARGE, IssueCode::TooCostly, "http", detail)
}
