//! Resources of FHIR as they are kept and found.

use crate::{
    domain::{DeviceId, Millis, PatientId, Timestamp},
    fhir::{
        Index, ResourceKind,
        search::{Filter, Sort},
    },
};

/// A version of a resource that is to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceRow {
    /// Its type.
    pub kind: ResourceKind,
    /// Its id.
    pub id: String,
    /// Its version, from 1.
    pub version: u64,
    /// The patient whom it is of.
    pub patient: Option<PatientId>,
    /// Who sent it.
    pub source: DeviceId,
    /// Of a Patient, the identifier by which it is one of ours.
    pub link: Option<String>,
    /// By what it is grouped in `$lastn`.
    pub group: String,
    /// When the version was made, by the wall clock.
    pub updated: Timestamp,
    /// By what it is found.
    pub index: Index,
    /// The resource as it was received.
    pub body: Vec<u8>,
    /// Whether a mapping made it. When a further version that a mapping made takes its place, it goes after
    /// [`MAPPED_VERSIONS_KEPT`].
    pub mapped: bool,
}

/// A version of a resource that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResource {
    /// Its number among all versions of all resources, in the order in which they were kept.
    pub no: u64,
    /// Its type.
    pub kind: ResourceKind,
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: u64,
    /// The patient whom it is of.
    pub patient: Option<PatientId>,
    /// Who sent it.
    pub source: DeviceId,
    /// Of a Patient, the identifier by which it is one of ours.
    pub link: Option<String>,
    /// When the version was made.
    pub updated: Timestamp,
    /// When it was true, in milliseconds since 1970; the smallest number if it has no time.
    pub from_ms: i64,
    /// The resource as it was received.
    pub body: Vec<u8>,
}

/// Where a page begins: behind this resource, among those that were there when the first page was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageStart {
    /// The number of the last version that belongs to the search.
    pub upto: u64,
    /// Sort key and number of the last resource of the page before; `None` at the first page.
    pub after: Option<(i64, u64)>,
}

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceQuery {
    /// Of this type.
    pub kind: ResourceKind,
    /// All of these hold. Patients stand in it by their own identifiers.
    pub filters: Vec<Filter>,
    /// Only what this device sent.
    pub source: Option<DeviceId>,
    /// In this order.
    pub sort: Sort,
    /// At most so many.
    pub limit: usize,
    /// From here on; `None` is from the beginning.
    pub page: Option<PageStart>,
}

/// A page of what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourcePage {
    /// The resources in order.
    pub found: Vec<StoredResource>,
    /// How many there are in all; `None` if there are more than [`TOTAL_MAX`].
    pub total: Option<u64>,
    /// Where the next page begins, if there is one.
    pub next: Option<PageStart>,
}

/// So long the earlier versions of an Observation that a mapping makes are kept. A stream that grows with each message has
/// thousands; a search that has begun still finds its own.
pub const MAPPED_VERSIONS_KEPT: Millis = Millis::from_mins(60);
/// Bytes after which a page ends, though more would fit by number.
pub const PAGE_MAX_BYTES: usize = 8 * 1024 * 1024;
/// Up to so many are counted.
pub const TOTAL_MAX: u64 = 10_000;
