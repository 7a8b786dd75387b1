//! What a request asks for: who, what, and how it wants to be answered.

use super::{super::answer::bearer, read::patient_of, reply::Reply};
use crate::{
    access::Session,
    audit::{Act, LeafActor, LeafDraft, Outcome},
    backend::{
        app::{App, denied},
        entries::{Interaction, Need},
        relation::principal_of,
    },
    domain::{Coverage, DeviceId, PatientId},
    fhir::{Issue, IssueCode, ResourceKind},
    rights::{Object, Relation, Verb, decide},
    store::StoredResource,
};
use axum::http::{HeaderMap, StatusCode, header};
use std::{collections::BTreeSet, sync::Arc};

/// Who asks.
#[derive(Clone)]
pub(super) enum Caller {
    /// A device or gateway.
    Device(DeviceId),
    /// A person.
    Person(Box<Session>),
}

/// What somebody may see of what is stored.
#[derive(Debug, Clone)]
pub(super) struct Sight {
    /// Only what this device sent.
    pub(super) own: Option<DeviceId>,
    /// Only what is of these patients, and devices that are nobody's.
    patients: Option<Arc<BTreeSet<PatientId>>>,
}

impl Sight {
    /// Whether a patient is among those who may be seen.
    pub(super) fn of(&self, patient: &PatientId) -> bool {
        self.patients.as_ref().is_none_or(|patients| patients.contains(patient))
    }

    /// Whether a resource may be seen.
    pub(super) fn sees(&self, stored: &StoredResource) -> bool {
        if self.own.as_ref().is_some_and(|own| stored.source != *own) {
            return false;
        }
        match patient_of(stored) {
            Some(patient) => self.of(&patient),
            None => self.patients.is_none() || stored.kind == ResourceKind::Device,
        }
    }

    /// Whether all that is stored may be seen.
    pub(super) const fn is_whole(&self) -> bool {
        self.patients.is_none()
    }
}

/// How much of a resource goes back to who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Return {
    Minimal,
    Representation,
    Outcome,
}

/// What the headers say besides.
#[derive(Debug, Clone)]
pub(super) struct Prefer {
    pub(super) returns: Return,
    /// Whether parameters that are not known are errors.
    pub(super) strict: bool,
}

impl Caller {
    pub(super) fn of(app: &App, headers: &HeaderMap) -> Result<Self, Reply> {
        let token = bearer(headers)?;
        if let Ok(device) = app.device(&token) {
            return Ok(Self::Device(device));
        }
        let session = app.session(&token).map_err(super::super::answer::ProblemAnswer::from)?;
        Ok(Self::Person(Box::new(session)))
    }

    /// The device; people do not send measurements.
    pub(super) async fn sender(&self, app: &App) -> Result<&DeviceId, Reply> {
        match self {
            Self::Device(device) => Ok(device),
            Self::Person(session) => {
                Err(refuse(app, session, "fhir_write", "only devices and gateways send resources").await)
            }
        }
    }

    /// What this one may read by an interaction: a device what it sent itself, a person what is of the account's wards.
    pub(super) async fn reader(&self, app: &App, interaction: Interaction) -> Result<Sight, Reply> {
        let session = match self {
            Self::Device(device) => return Ok(Sight { own: Some(device.clone()), patients: None }),
            Self::Person(session) => session,
        };
        let principal = principal_of(session);
        let (object, patients) = match &session.user.coverage {
            Coverage::All => (Object::Ward(Relation::Ward), None),
            Coverage::Wards(wards) => {
                let hubs = wards.iter().filter_map(|ward| app.hub.ward(ward));
                let patients: BTreeSet<PatientId> = hubs.flat_map(|hub| hub.patients()).collect();
                let relation = if wards.is_empty() { Relation::None } else { Relation::Assigned };
                (Object::Ward(relation), Some(Arc::new(patients)))
            }
        };
        let wanted = match interaction.need() {
            Need::Verb(verb) => verb,
            _ => Verb::ReadHistory,
        };
        for verb in [wanted, Verb::SeeNames] {
            if let Some(why) = decide(&principal, verb, object).denial() {
                return Err(refuse(app, session, "fhir_read", &why.to_string()).await);
            }
        }
        app.touch(&session.record.id);
        Ok(Sight { own: None, patients })
    }

    /// Writes that a person asked for patients who are not of the account's wards, be they on another or nowhere: the answer
    /// tells neither.
    pub(super) async fn kept_out(
        &self,
        app: &App,
        sight: &Sight,
        named: impl IntoIterator<Item = PatientId>,
    ) -> Result<(), Reply> {
        let Self::Person(session) = self else { return Ok(()) };
        let others: BTreeSet<PatientId> = named.into_iter().filter(|patient| !sight.of(patient)).collect();
        if others.is_empty() {
            return Ok(());
        }
        let others: Vec<PatientId> = others.into_iter().collect();
        Ok(app.record(denied(session, "fhir_read", None, &others), Vec::new()).await?)
    }

    /// Writes that patients were read, and waits until it is durable.
    pub(super) async fn audit(
        &self,
        app: &App,
        act: Act,
        patients: impl Iterator<Item = PatientId>,
    ) -> Result<(), Reply> {
        let actor = match self {
            Self::Device(device) => LeafActor::Device { device: device.clone() },
            Self::Person(session) => LeafActor::from(&session.actor()),
        };
        let mut patients: Vec<PatientId> = patients.collect();
        patients.sort();
        patients.dedup();
        let leaf =
            |patient| LeafDraft { patient: Some(patient), ..LeafDraft::new(actor.clone(), act, Outcome::Success) };
        let leaves: Vec<LeafDraft> = patients.into_iter().map(leaf).collect();
        if leaves.is_empty() { Ok(()) } else { Ok(app.record(leaves, Vec::new()).await?) }
    }
}

/// Refuses a person and writes it down.
async fn refuse(app: &App, session: &Session, code: &'static str, why: &str) -> Reply {
    match app.record(denied(session, code, None, &[]), Vec::new()).await {
        Ok(()) => Reply::error(StatusCode::FORBIDDEN, IssueCode::Forbidden, "http.Authorization", why),
        Err(e) => e.into(),
    }
}

/// A header as text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

impl Prefer {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let all: Vec<&str> = headers.get_all("prefer").iter().filter_map(|v| v.to_str().ok()).collect();
        let has = |wanted: &str| {
            all.iter().flat_map(|v| v.split([',', ';'])).any(|part| part.trim().eq_ignore_ascii_case(wanted))
        };
        let returns = if has("return=minimal") {
            Return::Minimal
        } else if has("return=OperationOutcome") {
            Return::Outcome
        } else {
            Return::Representation
        };
        Self { returns, strict: has("handling=strict") }
    }
}

/// Whether the answer can be had as it is asked for: JSON is all there is.
pub(super) fn check_accept(headers: &HeaderMap, query: &[(String, String)]) -> Result<(), Reply> {
    let wrong = |place: &str, seen: &str| {
        let seen: String = crate::domain::text::clean(seen).chars().take(80).collect();
        let detail = format!("{seen:?} is not served: application/fhir+json of FHIR 4.0 is");
        Reply::error(StatusCode::NOT_ACCEPTABLE, IssueCode::NotSupported, place, detail)
    };
    if let Some((_, format)) = query.iter().find(|(name, _)| name == "_format") {
        // A plus comes as a blank where it was not escaped.
        return if is_json(&format.replace(' ', "+")) { Ok(()) } else { Err(wrong("http._format", format)) };
    }
    let Some(accept) = text(headers, "accept") else { return Ok(()) };
    let any = |media: &str| matches!(media, "" | "*/*" | "application/*" | "text/*");
    let good = accept.split(',').any(|part| {
        let media = part.split(';').next().unwrap_or_default().trim();
        any(media) || is_json(part)
    });
    if good { Ok(()) } else { Err(wrong("http.Accept", accept)) }
}

/// Whether a body of this type can be read.
pub(super) fn check_content_type(headers: &HeaderMap) -> Result<(), Reply> {
    let Some(seen) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let seen = seen.to_str().unwrap_or_default();
    if is_json(seen) {
        return Ok(());
    }
    let seen: String = crate::domain::text::clean(seen).chars().take(80).collect();
    let detail = format!("{seen:?} is not taken: send application/fhir+json of FHIR 4.0");
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    Err(Reply::error(status, IssueCode::NotSupported, "http.Content-Type", detail))
}

fn is_json(media: &str) -> bool {
    let mut parts = media.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
    let known = matches!(kind.as_str(), "application/fhir+json" | "application/json" | "text/json" | "json");
    let version = parts.find_map(|p| p.strip_prefix("fhirVersion=")).map(|v| v.trim_matches('"'));
    known && version.is_none_or(|version| version == "4.0" || version == "4.0.1")
}

/// The version of a header such as `W/"3"`.
pub(super) fn version_of(tag: &str, header: &str) -> Result<u64, Reply> {
    let plain = tag.trim().trim_start_matches("W/").trim_matches('"');
    plain.parse().map_err(|_| {
        let issue = Issue::error(IssueCode::Value, format!("http.{header}"), "a version such as W/\"3\" is wanted");
        Reply::outcome(StatusCode::BAD_REQUEST, vec![issue])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use rstest::rstest;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        headers
    }

    #[rstest]
    #[case("application/fhir+json; fhirVersion=4.0", true)]
    #[case("application/json;charset=utf-8", true)]
    #[case("application/fhir+json; fhirVersion=5.0", false)]
    #[case("application/fhir+xml", false)]
    #[case("text/plain", false)]
    fn json_of_r4_is_taken(#[case] media: &str, #[case] good: bool) {
        assert_eq!(check_content_type(&headers("content-type", media)).is_ok(), good);
        assert_eq!(check_accept(&headers("accept", media), &[]).is_ok(), good);
    }

    #[test]
    fn one_of_several_is_enough_and_a_parameter_counts_first() {
        let both = headers("accept", "application/fhir+xml, */*;q=0.1");
        assert!(check_accept(&both, &[]).is_ok());
        let format = |text: &str| [("_format".to_owned(), text.to_owned())];
        assert!(check_accept(&both, &format("xml")).is_err());
        assert!(check_accept(&headers("accept", "application/fhir+xml"), &format("application/fhir json")).is_ok());
    }

    #[test]
    fn versions_and_preferences_are_read() {
        assert_eq!(version_of("W/\"3\"", "If-Match").unwrap(), 3);
        assert!(version_of("three", "If-Match").is_err());
        let prefer = Prefer::of(&headers("prefer", "handling=strict; return=minimal"));
        assert_eq!((prefer.returns, prefer.strict), (Return::Minimal, true));
    }
}
