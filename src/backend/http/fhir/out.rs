//! Bundles that go out. Resources stand in them as they are: numbers keep their digits.

use super::reply::Reply;
use serde::Serialize;
use serde_json::value::RawValue;

/// A Bundle.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OutBundle {
    resource_type: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) total: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) link: Vec<OutLink>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) entry: Vec<OutEntry>,
}

/// A link of a Bundle.
#[derive(Debug, Serialize)]
pub(super) struct OutLink {
    pub(super) relation: &'static str,
    pub(super) url: String,
}

/// An entry of a Bundle.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OutEntry {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) full_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resource: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) search: Option<OutSearch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) request: Option<OutRequest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response: Option<OutResponse>,
}

/// Why an entry was found.
#[derive(Debug, Serialize)]
pub(super) struct OutSearch {
    pub(super) mode: &'static str,
}

/// What made a version.
#[derive(Debug, Serialize)]
pub(super) struct OutRequest {
    pub(super) method: &'static str,
    pub(super) url: String,
}

/// What became of an entry.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OutResponse {
    pub(super) status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) etag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_modified: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) outcome: Option<Box<RawValue>>,
}

impl OutBundle {
    pub(super) const fn new(kind: &'static str) -> Self {
        Self { resource_type: "Bundle", kind, total: None, link: Vec::new(), entry: Vec::new() }
    }

    pub(super) fn into_reply(self) -> Reply {
        serde_json::to_vec(&self).map_or_else(|_| Reply::failed(), |body| Reply::json(axum::http::StatusCode::OK, body))
    }
}

/// JSON as it stands.
pub(super) fn raw(body: Vec<u8>) -> Option<Box<RawValue>> {
    RawValue::from_string(String::from_utf8(body).ok()?).ok()
}
