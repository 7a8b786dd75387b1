//! What stands before each route: what the table of entries says that it needs.

use super::answer::{ProblemAnswer, bearer, problem};
use crate::{
    access::Session,
    backend::{
        app::{App, denied},
        entries::{Need, Route, code_of},
        relation::principal_of,
    },
    rights::{Denial, Object, Verb, decide},
};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    middleware::Next,
    response::Response,
};
use std::sync::Arc;

/// Lets a request through to its route, if it has what that needs.
pub(super) async fn guard(
    State((app, route)): State<(Arc<App>, Route)>,
    request: Request,
    next: Next,
) -> Result<Response, ProblemAnswer> {
    admit(&app, route, request.headers()).await?;
    Ok(next.run(request).await)
}

async fn admit(app: &App, route: Route, headers: &HeaderMap) -> Result<(), ProblemAnswer> {
    match route.need() {
        Need::Nothing | Need::Secret => Ok(()),
        Need::Verb(Verb::SendObservations) => {
            app.device(&bearer(headers)?)?;
            Ok(())
        }
        Need::Verb(verb) => person(app, headers, verb).await.map(|_| ()),
        Need::Session => {
            app.session(&bearer(headers)?)?;
            Ok(())
        }
        Need::Token | Need::Command => {
            let token = bearer(headers)?;
            if app.device(&token).is_err() {
                app.session(&token)?;
            }
            Ok(())
        }
    }
}

/// The session of a person who may do something that is about no ward. A denial is written down.
pub(super) async fn person(app: &App, headers: &HeaderMap, verb: Verb) -> Result<Session, ProblemAnswer> {
    let session = app.session(&bearer(headers)?)?;
    match decide(&principal_of(&session), verb, Object::Site).denial() {
        None => {
            app.touch(&session.record.id);
            Ok(session)
        }
        Some(denial) => {
            app.record(denied(&session, code_of(verb), None, &[]), Vec::new()).await?;
            Err(denial_problem(denial))
        }
    }
}

/// A denial as an answer.
pub(super) fn denial_problem(denial: Denial) -> ProblemAnswer {
    let (code, title) = match denial {
        Denial::Role => ("role", "Not allowed"),
        Denial::Locked => ("locked", "The session is locked"),
        Denial::OtherDevice => ("other-device", "Another device"),
        Denial::NotYours => ("not-yours", "Not yours"),
        Denial::StepUp => ("step-up", "Prove that it is you"),
    };
    problem(StatusCode::FORBIDDEN, code, title, denial.to_string())
}
