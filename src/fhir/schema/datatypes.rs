//! Data types.

use super::{
    Element,
    Kind::{
        Any, Base64, Boolean, Code, CodeOf, Complex, Date, DateTime, Decimal, Id, Instant, Integer, PositiveInt,
        String, Time, UnsignedInt, Uri, Xhtml,
    },
    Type, many, must, one, pick,
};

/// What every element may have.
pub(super) static ELEMENT: [Element; 2] = [one("id", String), many("extension", Complex(&EXTENSION))];

/// What every part of a resource may have.
pub(super) static BACKBONE: [Element; 3] =
    [one("id", String), many("extension", Complex(&EXTENSION)), many("modifierExtension", Complex(&EXTENSION))];

const fn data(name: &'static str, own: &'static [Element]) -> Type {
    Type { name, own, shared: &ELEMENT }
}

pub(super) static EMPTY: Type = data("Element", &[]);

pub(super) static EXTENSION: Type = data(
    "Extension",
    &[
        must("url", Uri),
        pick("value", "valueBase64Binary", Base64),
        pick("value", "valueBoolean", Boolean),
        pick("value", "valueCanonical", Uri),
        pick("value", "valueCode", Code),
        pick("value", "valueDate", Date),
        pick("value", "valueDateTime", DateTime),
        pick("value", "valueDecimal", Decimal),
        pick("value", "valueId", Id),
        pick("value", "valueInstant", Instant),
        pick("value", "valueInteger", Integer),
        pick("value", "valueMarkdown", String),
        pick("value", "valueOid", Uri),
        pick("value", "valuePositiveInt", PositiveInt),
        pick("value", "valueString", String),
        pick("value", "valueTime", Time),
        pick("value", "valueUnsignedInt", UnsignedInt),
        pick("value", "valueUri", Uri),
        pick("value", "valueUrl", Uri),
        pick("value", "valueUuid", Uri),
        pick("value", "valueAddress", Complex(&ADDRESS)),
        pick("value", "valueAge", Complex(&QUANTITY)),
        pick("value", "valueAnnotation", Complex(&ANNOTATION)),
        pick("value", "valueAttachment", Complex(&ATTACHMENT)),
        pick("value", "valueCodeableConcept", Complex(&CONCEPT)),
        pick("value", "valueCoding", Complex(&CODING)),
        pick("value", "valueContactPoint", Complex(&CONTACT_POINT)),
        pick("value", "valueCount", Complex(&QUANTITY)),
        pick("value", "valueDistance", Complex(&QUANTITY)),
        pick("value", "valueDuration", Complex(&QUANTITY)),
        pick("value", "valueHumanName", Complex(&HUMAN_NAME)),
        pick("value", "valueIdentifier", Complex(&IDENTIFIER)),
        pick("value", "valueMoney", Any),
        pick("value", "valuePeriod", Complex(&PERIOD)),
        pick("value", "valueQuantity", Complex(&QUANTITY)),
        pick("value", "valueRange", Complex(&RANGE)),
        pick("value", "valueRatio", Complex(&RATIO)),
        pick("value", "valueReference", Complex(&REFERENCE)),
        pick("value", "valueSampledData", Complex(&SAMPLED_DATA)),
        pick("value", "valueSignature", Any),
        pick("value", "valueTiming", Any),
        pick("value", "valueContactDetail", Any),
        pick("value", "valueContributor", Any),
        pick("value", "valueDataRequirement", Any),
        pick("value", "valueExpression", Any),
        pick("value", "valueParameterDefinition", Any),
        pick("value", "valueRelatedArtifact", Any),
        pick("value", "valueTriggerDefinition", Any),
        pick("value", "valueUsageContext", Any),
        pick("value", "valueDosage", Any),
        pick("value", "valueMeta", Complex(&META)),
    ],
);

pub(super) static META: Type = data(
    "Meta",
    &[
        one("versionId", Id),
        one("lastUpdated", Instant),
        one("source", Uri),
        many("profile", Uri),
        many("security", Complex(&CODING)),
        many("tag", Complex(&CODING)),
    ],
);

pub(super) static NARRATIVE: Type = data(
    "Narrative",
    &[must("status", CodeOf(&["generated", "extensions", "additional", "empty"])), must("div", Xhtml)],
);

pub(super) static CODING: Type = data(
    "Coding",
    &[
        one("system", Uri),
        one("version", String),
        one("code", Code),
        one("display", String),
        one("userSelected", Boolean),
    ],
);

pub(super) static CONCEPT: Type = data("CodeableConcept", &[many("coding", Complex(&CODING)), one("text", String)]);

pub(super) static IDENTIFIER: Type = data(
    "Identifier",
    &[
        one("use", CodeOf(&["usual", "official", "temp", "secondary", "old"])),
        one("type", Complex(&CONCEPT)),
        one("system", Uri),
        one("value", String),
        one("period", Complex(&PERIOD)),
        one("assigner", Complex(&REFERENCE)),
    ],
);

pub(super) static REFERENCE: Type = data(
    "Reference",
    &[one("reference", String), one("type", Uri), one("identifier", Complex(&IDENTIFIER)), one("display", String)],
);

pub(super) static PERIOD: Type = data("Period", &[one("start", DateTime), one("end", DateTime)]);

pub(super) static QUANTITY: Type = data(
    "Quantity",
    &[
        one("value", Decimal),
        one("comparator", CodeOf(&["<", "<=", ">=", ">"])),
        one("unit", String),
        one("system", Uri),
        one("code", Code),
    ],
);

pub(super) static RANGE: Type = data("Range", &[one("low", Complex(&QUANTITY)), one("high", Complex(&QUANTITY))]);

pub(super) static RATIO: Type =
    data("Ratio", &[one("numerator", Complex(&QUANTITY)), one("denominator", Complex(&QUANTITY))]);

pub(super) static SAMPLED_DATA: Type = data(
    "SampledData",
    &[
        must("origin", Complex(&QUANTITY)),
        must("period", Decimal),
        one("factor", Decimal),
        one("lowerLimit", Decimal),
        one("upperLimit", Decimal),
        must("dimensions", PositiveInt),
        one("data", String),
    ],
);

pub(super) static ATTACHMENT: Type = data(
    "Attachment",
    &[
        one("contentType", Code),
        one("language", Code),
        one("data", Base64),
        one("url", Uri),
        one("size", UnsignedInt),
        one("hash", Base64),
        one("title", String),
        one("creation", DateTime),
    ],
);

pub(super) static ANNOTATION: Type = data(
    "Annotation",
    &[
        pick("author", "authorReference", Complex(&REFERENCE)),
        pick("author", "authorString", String),
        one("time", DateTime),
        must("text", String),
    ],
);

pub(super) static HUMAN_NAME: Type = data(
    "HumanName",
    &[
        one("use", CodeOf(&["usual", "official", "temp", "nickname", "anonymous", "old", "maiden"])),
        one("text", String),
        one("family", String),
        many("given", String),
        many("prefix", String),
        many("suffix", String),
        one("period", Complex(&PERIOD)),
    ],
);

pub(super) static ADDRESS: Type = data(
    "Address",
    &[
        one("use", CodeOf(&["home", "work", "temp", "old", "billing"])),
        one("type", CodeOf(&["postal", "physical", "both"])),
        one("text", String),
        many("line", String),
        one("city", String),
        one("district", String),
        one("state", String),
        one("postalCode", String),
        one("country", String),
        one("period", Complex(&PERIOD)),
    ],
);

pub(super) static CONTACT_POINT: Type = data(
    "ContactPoint",
    &[
        one("system", CodeOf(&["phone", "fax", "email", "pager", "url", "sms", "other"])),
        one("value", String),
        one("use", CodeOf(&["home", "work", "temp", "old", "mobile"])),
        one("rank", PositiveInt),
        one("period", Complex(&PERIOD)),
    ],
);
