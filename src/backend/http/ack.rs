//! `GET` and `POST /v1/ack/{link}`: a person who got a message acknowledges without a session.
//!
//! `GET` shows and changes nothing but that the message counts as read: programs that look at links beforehand must not
//! acknowledge. `POST` acknowledges in the name of the person whom the link is for, if he or she may.

use super::answer::{Answer, ProblemAnswer, json, problem};
use crate::{
    audit::{Act, LeafActor, LeafDraft, Outcome},
    backend::{
        app::App,
        pipeline::{Job, JobError},
        relation::relation_to_ward,
        verb::verb_of,
    },
    domain::{Actor, Command, Notice, NoticeOutcome, PatientId, Refusal, SessionId},
    notify::{AckLink, LinkError},
    rights::{Decision, Object, Principal, Standing, decide},
    store::UserRecord,
};
use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use std::sync::Arc;

/// The session that stands in journal and audit trail for an act by a link.
const LINK_SESSION: &str = "link";

/// What a page says.
#[derive(Debug, Serialize)]
struct Page {
    /// Whether the alert is acknowledged by now.
    acknowledged: bool,
    /// What the alert is, as far as a link may tell.
    alert: String,
    /// What has happened, or what can be done.
    said: String,
    #[serde(skip)]
    can_acknowledge: bool,
    #[serde(skip)]
    status: StatusCode,
}

impl From<LinkError> for ProblemAnswer {
    fn from(error: LinkError) -> Self {
        let status = if error == LinkError::Ended { StatusCode::GONE } else { StatusCode::NOT_FOUND };
        problem(status, "link", "The link is not valid", error.to_string())
    }
}

/// Shows the alert.
pub(super) async fn show(State(app): State<Arc<App>>, headers: HeaderMap, Path(token): Path<String>) -> Answer {
    let (link, first) = open(&app, &token)?;
    if first {
        note(&app, &link, NoticeOutcome::Read).await;
    }
    Ok(answer(&headers, &page(&app, &link)))
}

/// Acknowledges the alert.
pub(super) async fn acknowledge(State(app): State<Arc<App>>, headers: HeaderMap, Path(token): Path<String>) -> Answer {
    let (link, _) = open(&app, &token)?;
    let command = Command::Acknowledge { alert: link.alert, transition: link.transition };
    let user = allowed(&app, &link, &command).await?;
    let by =
        Actor::User { user: user.id, name: user.name, role: user.role, session: SessionId::from_name(LINK_SESSION) };
    let job = |reply| Job::Command { ward: link.ward.clone(), command, by, reply };
    let outcome = app.pipeline.ask(job).await?;
    if let Some(refusal) = outcome.refusal {
        return Ok(answer(&headers, &refused(&app, &link, &refusal)));
    }
    note(&app, &link, NoticeOutcome::Accepted).await;
    let said = format!("acknowledged by {}", link.to);
    let page =
        Page { acknowledged: true, alert: describe(&app, &link), said, can_acknowledge: false, status: StatusCode::OK };
    Ok(answer(&headers, &page))
}

fn open(app: &App, token: &str) -> Result<(AckLink, bool), ProblemAnswer> {
    let links = app.links.as_ref().ok_or(LinkError::Invalid)?;
    let now = app.engine_clock.now();
    let link = links.open(token, now)?;
    let first = links.is_first_look(token, link.until, now);
    Ok((link, first))
}

/// The person of a link, if the account is in force and may do it.
async fn allowed(app: &App, link: &AckLink, command: &Command) -> Result<UserRecord, ProblemAnswer> {
    let user = app.hub.directory().user_by_name(link.to.as_str()).filter(|user| user.enabled).cloned();
    let (verb, code) = verb_of(command);
    let may = |user: &UserRecord| {
        let object = Object::Ward(relation_to_ward(&user.coverage, &link.ward));
        decide(&Principal::of_role(user.role, Standing::FULL), verb, object) == Decision::Allow
    };
    if let Some(user) = user.clone().filter(may) {
        return Ok(user);
    }
    let actor = user.map_or(LeafActor::Unknown, |u| LeafActor::User { user: u.id, role: u.role, session: None });
    let leaf = LeafDraft {
        ward: Some(link.ward.clone()),
        alert: Some(link.alert),
        code: Some(code),
        ..LeafDraft::new(actor, Act::AccessDenied, Outcome::Refused)
    };
    app.record(vec![leaf], Vec::new()).await?;
    let detail = format!("{} may not acknowledge alerts here", link.to);
    Err(problem(StatusCode::FORBIDDEN, "role", "Not allowed", detail))
}

/// Records that a message was read or answered.
async fn note(app: &App, link: &AckLink, outcome: NoticeOutcome) {
    let patient: Option<PatientId> = app
        .hub
        .ward(&link.ward)
        .and_then(|ward| ward.look(|view| view.alerts.get(&link.alert).and_then(|alert| alert.key.patient.clone())));
    app.hub.metrics().notice(outcome.as_str());
    let notice = Notice {
        alert: link.alert,
        emergency: None,
        transition: link.transition,
        patient,
        channel: link.channel.clone(),
        to: Some(link.to.clone()),
        outcome,
    };
    let ward = link.ward.clone();
    let told: Result<(), JobError> = app.pipeline.ask(|reply| Job::Notified { ward, notice, reply }).await;
    if let Err(e) = told {
        tracing::warn!(error = %e, "that a message was read could not be recorded");
    }
}

/// Bed and priority, no more: whoever holds the link has no session.
fn describe(app: &App, link: &AckLink) -> String {
    let demo = if app.hub.mode() == crate::domain::Mode::Demo { "DEMO " } else { "" };
    let found = app.hub.ward(&link.ward).and_then(|ward| {
        ward.look(|view| {
            let alert = view.alerts.get(&link.alert)?;
            let bed =
                alert.bed.as_ref().map(|id| view.beds.get(id).map_or_else(|| id.to_string(), |b| b.label.clone()));
            let place = bed.map_or_else(|| view.ward.name.clone(), |bed| crate::notify::bed_words(&bed));
            Some(format!("{} {} {place}", alert.priority.mark(), alert.priority.as_str().to_uppercase()))
        })
    });
    format!("{demo}{}", found.unwrap_or_else(|| format!("alert {}", link.alert)))
}

fn page(app: &App, link: &AckLink) -> Page {
    let standing = app.hub.ward(&link.ward).and_then(|ward| {
        ward.look(|view| {
            view.alerts
                .get(&link.alert)
                .map(|a| (a.is_as_seen(link.transition), a.is_unacknowledged(), a.owner().cloned()))
        })
    });
    let (acknowledged, can_acknowledge, said) = match standing {
        None => (false, false, "this alert is over".to_owned()),
        Some((true, true, _)) => (false, true, format!("not acknowledged; you act as {}", link.to)),
        Some((_, false, Some(owner))) => (true, false, format!("acknowledged by {}", owner.label())),
        Some((_, unacknowledged, _)) => {
            (!unacknowledged, false, "this alert has changed since: open the newest message, or sign in".to_owned())
        }
    };
    Page { acknowledged, alert: describe(app, link), said, can_acknowledge, status: StatusCode::OK }
}

fn refused(app: &App, link: &AckLink, refusal: &Refusal) -> Page {
    let acknowledged = matches!(refusal, Refusal::AlreadyAcknowledged { .. });
    let status = StatusCode::CONFLICT;
    Page { acknowledged, alert: describe(app, link), said: refusal.to_string(), can_acknowledge: false, status }
}

/// A page for browsers, JSON for programs that ask for it.
fn answer(headers: &HeaderMap, page: &Page) -> Response {
    let wants = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if wants.contains("application/json") {
        return json(page.status, page);
    }
    let mut response = (page.status, html(page)).into_response();
    let headers = response.headers_mut();
    let set = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"),
    ];
    for (name, value) in set {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn html(page: &Page) -> String {
    let button = if page.can_acknowledge {
        "<form method=\"post\"><button style=\"font-size:1.5em;padding:1em 2em\">Acknowledge</button></form>"
    } else {
        ""
    };
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>wardwatch</title><body style=\"font-family:sans-serif;margin:2em\">\
         <h1>{}</h1><p>{}</p>{button}<p>wardwatch is not a primary alarm source: look at the bedside monitor.</p></body>\
         </html>",
        escape(&page.alert),
        escape(&page.said)
    )
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_shows_labels_as_text() {
        let page = Page {
            acknowledged: false,
            alert: "*** HIGH <script>".to_owned(),
            said: "a & 'b'".to_owned(),
            can_acknowledge: true,
            status: StatusCode::OK,
        };
        let html = html(&page);
        assert!(html.contains("&lt;script&gt;") && html.contains("a &amp; &#39;b&#39;"), "{html}");
        assert!(html.contains("method=\"post\""));
        assert!(!super::html(&Page { can_acknowledge: false, ..page }).contains("<form"));
    }
}
