//! Resources.

use super::{
    Element,
    Kind::{
        Any, Base64, Boolean, Code, CodeOf, Complex, Date, DateTime, Decimal, Id, Instant, Integer, PositiveInt,
        Resource, String, Time, UnsignedInt, Uri,
    },
    Type,
    datatypes::{
        ADDRESS, ANNOTATION, ATTACHMENT, BACKBONE, CODING, CONCEPT, CONTACT_POINT, EXTENSION, HUMAN_NAME, IDENTIFIER,
        META, NARRATIVE, PERIOD, QUANTITY, RANGE, RATIO, REFERENCE, SAMPLED_DATA,
    },
    many, must, one, pick,
};

/// The type of a resource that this server takes.
#[must_use]
pub(in crate::fhir) fn resource(name: &str) -> Option<&'static Type> {
    [&OBSERVATION, &PATIENT, &DEVICE, &ENCOUNTER, &BUNDLE].into_iter().find(|t| t.name == name)
}

static DOMAIN_RESOURCE: [Element; 9] = [
    one("resourceType", Code),
    one("id", Id),
    one("meta", Complex(&META)),
    one("implicitRules", Uri),
    one("language", Code),
    one("text", Complex(&NARRATIVE)),
    many("contained", Resource),
    many("extension", Complex(&EXTENSION)),
    many("modifierExtension", Complex(&EXTENSION)),
];

const fn whole(name: &'static str, own: &'static [Element]) -> Type {
    Type { name, own, shared: &DOMAIN_RESOURCE }
}

const fn part(name: &'static str, own: &'static [Element]) -> Type {
    Type { name, own, shared: &BACKBONE }
}

const GENDER: &[&str] = &["male", "female", "other", "unknown"];

static OBSERVATION: Type = whole(
    "Observation",
    &[
        must(
            "status",
            CodeOf(&[
                "registered",
                "preliminary",
                "final",
                "amended",
                "corrected",
                "cancelled",
                "entered-in-error",
                "unknown",
            ]),
        ),
        many("category", Complex(&CONCEPT)),
        must("code", Complex(&CONCEPT)),
        one("subject", Complex(&REFERENCE)),
        pick("effective", "effectiveDateTime", DateTime),
        pick("value", "valueQuantity", Complex(&QUANTITY)),
        one("device", Complex(&REFERENCE)),
        many("component", Complex(&COMPONENT)),
        many("identifier", Complex(&IDENTIFIER)),
        many("basedOn", Complex(&REFERENCE)),
        many("partOf", Complex(&REFERENCE)),
        many("focus", Complex(&REFERENCE)),
        one("encounter", Complex(&REFERENCE)),
        pick("effective", "effectivePeriod", Complex(&PERIOD)),
        pick("effective", "effectiveTiming", Any),
        pick("effective", "effectiveInstant", Instant),
        one("issued", Instant),
        many("performer", Complex(&REFERENCE)),
        pick("value", "valueCodeableConcept", Complex(&CONCEPT)),
        pick("value", "valueString", String),
        pick("value", "valueBoolean", Boolean),
        pick("value", "valueInteger", Integer),
        pick("value", "valueRange", Complex(&RANGE)),
        pick("value", "valueRatio", Complex(&RATIO)),
        pick("value", "valueSampledData", Complex(&SAMPLED_DATA)),
        pick("value", "valueTime", Time),
        pick("value", "valueDateTime", DateTime),
        pick("value", "valuePeriod", Complex(&PERIOD)),
        one("dataAbsentReason", Complex(&CONCEPT)),
        many("interpretation", Complex(&CONCEPT)),
        many("note", Complex(&ANNOTATION)),
        one("bodySite", Complex(&CONCEPT)),
        one("method", Complex(&CONCEPT)),
        one("specimen", Complex(&REFERENCE)),
        many("referenceRange", Complex(&REFERENCE_RANGE)),
        many("hasMember", Complex(&REFERENCE)),
        many("derivedFrom", Complex(&REFERENCE)),
    ],
);

static COMPONENT: Type = part(
    "Observation.component",
    &[
        must("code", Complex(&CONCEPT)),
        pick("value", "valueQuantity", Complex(&QUANTITY)),
        pick("value", "valueCodeableConcept", Complex(&CONCEPT)),
        pick("value", "valueString", String),
        pick("value", "valueBoolean", Boolean),
        pick("value", "valueInteger", Integer),
        pick("value", "valueRange", Complex(&RANGE)),
        pick("value", "valueRatio", Complex(&RATIO)),
        pick("value", "valueSampledData", Complex(&SAMPLED_DATA)),
        pick("value", "valueTime", Time),
        pick("value", "valueDateTime", DateTime),
        pick("value", "valuePeriod", Complex(&PERIOD)),
        one("dataAbsentReason", Complex(&CONCEPT)),
        many("interpretation", Complex(&CONCEPT)),
        many("referenceRange", Complex(&REFERENCE_RANGE)),
    ],
);

static REFERENCE_RANGE: Type = part(
    "Observation.referenceRange",
    &[
        one("low", Complex(&QUANTITY)),
        one("high", Complex(&QUANTITY)),
        one("type", Complex(&CONCEPT)),
        many("appliesTo", Complex(&CONCEPT)),
        one("age", Complex(&RANGE)),
        one("text", String),
    ],
);

static PATIENT: Type = whole(
    "Patient",
    &[
        many("identifier", Complex(&IDENTIFIER)),
        one("active", Boolean),
        many("name", Complex(&HUMAN_NAME)),
        many("telecom", Complex(&CONTACT_POINT)),
        one("gender", CodeOf(GENDER)),
        one("birthDate", Date),
        pick("deceased", "deceasedBoolean", Boolean),
        pick("deceased", "deceasedDateTime", DateTime),
        many("address", Complex(&ADDRESS)),
        one("maritalStatus", Complex(&CONCEPT)),
        pick("multipleBirth", "multipleBirthBoolean", Boolean),
        pick("multipleBirth", "multipleBirthInteger", Integer),
        many("photo", Complex(&ATTACHMENT)),
        many("contact", Complex(&PATIENT_CONTACT)),
        many("communication", Complex(&PATIENT_COMMUNICATION)),
        many("generalPractitioner", Complex(&REFERENCE)),
        one("managingOrganization", Complex(&REFERENCE)),
        many("link", Complex(&PATIENT_LINK)),
    ],
);

static PATIENT_CONTACT: Type = part(
    "Patient.contact",
    &[
        many("relationship", Complex(&CONCEPT)),
        one("name", Complex(&HUMAN_NAME)),
        many("telecom", Complex(&CONTACT_POINT)),
        one("address", Complex(&ADDRESS)),
        one("gender", CodeOf(GENDER)),
        one("organization", Complex(&REFERENCE)),
        one("period", Complex(&PERIOD)),
    ],
);

static PATIENT_COMMUNICATION: Type =
    part("Patient.communication", &[must("language", Complex(&CONCEPT)), one("preferred", Boolean)]);

static PATIENT_LINK: Type = part(
    "Patient.link",
    &[must("other", Complex(&REFERENCE)), must("type", CodeOf(&["replaced-by", "replaces", "refer", "seealso"]))],
);

static DEVICE: Type = whole(
    "Device",
    &[
        many("identifier", Complex(&IDENTIFIER)),
        one("definition", Complex(&REFERENCE)),
        many("udiCarrier", Complex(&UDI_CARRIER)),
        one("status", CodeOf(&["active", "inactive", "entered-in-error", "unknown"])),
        many("statusReason", Complex(&CONCEPT)),
        one("distinctIdentifier", String),
        one("manufacturer", String),
        one("manufactureDate", DateTime),
        one("expirationDate", DateTime),
        one("lotNumber", String),
        one("serialNumber", String),
        many("deviceName", Complex(&DEVICE_NAME)),
        one("modelNumber", String),
        one("partNumber", String),
        one("type", Complex(&CONCEPT)),
        many("specialization", Complex(&SPECIALIZATION)),
        many("version", Complex(&DEVICE_VERSION)),
        many("property", Complex(&PROPERTY)),
        one("patient", Complex(&REFERENCE)),
        one("owner", Complex(&REFERENCE)),
        many("contact", Complex(&CONTACT_POINT)),
        one("location", Complex(&REFERENCE)),
        one("url", Uri),
        many("note", Complex(&ANNOTATION)),
        many("safety", Complex(&CONCEPT)),
        one("parent", Complex(&REFERENCE)),
    ],
);

static UDI_CARRIER: Type = part(
    "Device.udiCarrier",
    &[
        one("deviceIdentifier", String),
        one("issuer", Uri),
        one("jurisdiction", Uri),
        one("carrierAIDC", Base64),
        one("carrierHRF", String),
        one("entryType", CodeOf(&["barcode", "rfid", "manual", "card", "self-reported", "unknown"])),
    ],
);

static DEVICE_NAME: Type = part(
    "Device.deviceName",
    &[
        must("name", String),
        must(
            "type",
            CodeOf(&[
                "udi-label-name",
                "user-friendly-name",
                "patient-reported-name",
                "manufacturer-name",
                "model-name",
                "other",
            ]),
        ),
    ],
);

static SPECIALIZATION: Type =
    part("Device.specialization", &[must("systemType", Complex(&CONCEPT)), one("version", String)]);

static DEVICE_VERSION: Type = part(
    "Device.version",
    &[one("type", Complex(&CONCEPT)), one("component", Complex(&IDENTIFIER)), must("value", String)],
);

static PROPERTY: Type = part(
    "Device.property",
    &[must("type", Complex(&CONCEPT)), many("valueQuantity", Complex(&QUANTITY)), many("valueCode", Complex(&CONCEPT))],
);

const ENCOUNTER_STATUS: &[&str] = &[
    "planned",
    "arrived",
    "triaged",
    "in-progress",
    "onleave",
    "finished",
    "cancelled",
    "entered-in-error",
    "unknown",
];

static ENCOUNTER: Type = whole(
    "Encounter",
    &[
        many("identifier", Complex(&IDENTIFIER)),
        must("status", CodeOf(ENCOUNTER_STATUS)),
        many("statusHistory", Complex(&STATUS_HISTORY)),
        must("class", Complex(&CODING)),
        many("classHistory", Complex(&CLASS_HISTORY)),
        many("type", Complex(&CONCEPT)),
        one("serviceType", Complex(&CONCEPT)),
        one("priority", Complex(&CONCEPT)),
        one("subject", Complex(&REFERENCE)),
        many("episodeOfCare", Complex(&REFERENCE)),
        many("basedOn", Complex(&REFERENCE)),
        many("participant", Complex(&PARTICIPANT)),
        many("appointment", Complex(&REFERENCE)),
        one("period", Complex(&PERIOD)),
        one("length", Complex(&QUANTITY)),
        many("reasonCode", Complex(&CONCEPT)),
        many("reasonReference", Complex(&REFERENCE)),
        many("diagnosis", Complex(&DIAGNOSIS)),
        many("account", Complex(&REFERENCE)),
        one("hospitalization", Complex(&HOSPITALIZATION)),
        many("location", Complex(&LOCATION)),
        one("serviceProvider", Complex(&REFERENCE)),
        one("partOf", Complex(&REFERENCE)),
    ],
);

static STATUS_HISTORY: Type =
    part("Encounter.statusHistory", &[must("status", CodeOf(ENCOUNTER_STATUS)), must("period", Complex(&PERIOD))]);

static CLASS_HISTORY: Type =
    part("Encounter.classHistory", &[must("class", Complex(&CODING)), must("period", Complex(&PERIOD))]);

static PARTICIPANT: Type = part(
    "Encounter.participant",
    &[many("type", Complex(&CONCEPT)), one("period", Complex(&PERIOD)), one("individual", Complex(&REFERENCE))],
);

static DIAGNOSIS: Type = part(
    "Encounter.diagnosis",
    &[must("condition", Complex(&REFERENCE)), one("use", Complex(&CONCEPT)), one("rank", PositiveInt)],
);

static HOSPITALIZATION: Type = part(
    "Encounter.hospitalization",
    &[
        one("preAdmissionIdentifier", Complex(&IDENTIFIER)),
        one("origin", Complex(&REFERENCE)),
        one("admitSource", Complex(&CONCEPT)),
        one("reAdmission", Complex(&CONCEPT)),
        many("dietPreference", Complex(&CONCEPT)),
        many("specialCourtesy", Complex(&CONCEPT)),
        many("specialArrangement", Complex(&CONCEPT)),
        one("destination", Complex(&REFERENCE)),
        one("dischargeDisposition", Complex(&CONCEPT)),
    ],
);

static LOCATION: Type = part(
    "Encounter.location",
    &[
        must("location", Complex(&REFERENCE)),
        one("status", CodeOf(&["planned", "active", "reserved", "completed"])),
        one("physicalType", Complex(&CONCEPT)),
        one("period", Complex(&PERIOD)),
    ],
);

static BUNDLE: Type = Type {
    name: "Bundle",
    own: &[
        one("identifier", Complex(&IDENTIFIER)),
        must(
            "type",
            CodeOf(&[
                "document",
                "message",
                "transaction",
                "transaction-response",
                "batch",
                "batch-response",
                "history",
                "searchset",
                "collection",
            ]),
        ),
        one("timestamp", Instant),
        one("total", UnsignedInt),
        many("link", Complex(&BUNDLE_LINK)),
        many("entry", Complex(&BUNDLE_ENTRY)),
        one("signature", Any),
    ],
    shared: &[
        one("resourceType", Code),
        one("id", Id),
        one("meta", Complex(&META)),
        one("implicitRules", Uri),
        one("language", Code),
    ],
};

static BUNDLE_LINK: Type = part("Bundle.link", &[must("relation", String), must("url", Uri)]);

// What an entry holds is checked for itself: one that is wrong harms no other of a batch.
static BUNDLE_ENTRY: Type = part(
    "Bundle.entry",
    &[
        many("link", Complex(&BUNDLE_LINK)),
        one("fullUrl", Uri),
        one("resource", Any),
        one("search", Complex(&BUNDLE_SEARCH)),
        one("request", Complex(&BUNDLE_REQUEST)),
        one("response", Complex(&BUNDLE_RESPONSE)),
    ],
);

static BUNDLE_SEARCH: Type =
    part("Bundle.entry.search", &[one("mode", CodeOf(&["match", "include", "outcome"])), one("score", Decimal)]);

static BUNDLE_REQUEST: Type = part(
    "Bundle.entry.request",
    &[
        must("method", CodeOf(&["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"])),
        must("url", Uri),
        one("ifNoneMatch", String),
        one("ifModifiedSince", Instant),
        one("ifMatch", String),
        one("ifNoneExist", String),
    ],
);

static BUNDLE_RESPONSE: Type = part(
    "Bundle.entry.response",
    &[
        must("status", String),
        one("location", Uri),
        one("etag", String),
        one("lastModified", Instant),
        one("outcome", Any),
    ],
);
