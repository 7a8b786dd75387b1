//! The HTTP side: routes, and how requests are answered.

mod ack;
mod answer;
mod approvals;
mod audit;
mod enrol;
mod fhir;
mod guard;
mod health;
mod medtech;
mod observations;
mod origin;
mod own;
mod session;
mod twin;

pub use answer::{Answer, ProblemAnswer, bearer, problem};
pub use observations::decode_rules;

use super::{
    app::App,
    entries::{Need, Route},
    stream,
};
use axum::{
    Router,
    middleware::from_fn_with_state,
    routing::{MethodRouter, any, delete, get, post, put},
};
use std::sync::Arc;

/// All routes of the server: those of the table of entries, each behind what it needs, and nothing else.
pub fn router(app: Arc<App>) -> Router {
    let all = Route::ALL.into_iter().fold(Router::new(), |router, route| {
        let handler = match route.need() {
            Need::Nothing | Need::Secret => handler(route),
            Need::Token | Need::Session | Need::Verb(_) | Need::Command => {
                handler(route).route_layer(from_fn_with_state((Arc::clone(&app), route), guard::guard))
            }
        };
        router.route(route.path(), handler)
    });
    all.fallback(answer::not_found)
        .method_not_allowed_fallback(answer::method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(&app), origin::check))
        .with_state(app)
}

/// What answers at a route.
fn handler(route: Route) -> MethodRouter<Arc<App>> {
    match route {
        Route::Login => post(session::login),
        Route::Logout => post(session::logout),
        Route::StepUp => post(own::step_up),
        Route::Sessions => get(own::sessions),
        Route::EndSession => delete(own::end),
        Route::FactorBegin => post(own::begin_factor),
        Route::FactorConfirm => put(own::confirm_factor),
        Route::FactorRemove => delete(own::remove_factor),
        Route::Approvals => get(approvals::list),
        Route::Approve => post(approvals::approve),
        Route::EndApproval => delete(approvals::end),
        Route::Enrol => post(enrol::enrol),
        Route::Observations => post(observations::post),
        Route::Medtech => post(medtech::post),
        Route::TwinRead => get(twin::read),
        Route::TwinReport => put(twin::report),
        Route::Stream => get(stream::upgrade),
        Route::AuditKey => get(audit::key),
        Route::AuditCheckpoint => get(audit::checkpoint),
        Route::AuditCosigned => post(audit::cosigned),
        Route::AuditHashes => post(audit::hashes),
        Route::AckShow => get(ack::show),
        Route::Acknowledge => post(ack::acknowledge),
        Route::Fhir | Route::FhirBase | Route::FhirPath => any(fhir::any),
        Route::Healthz => get(health::healthz),
        Route::Readyz => get(health::readyz),
        Route::Metrics => get(health::metrics),
    }
}
