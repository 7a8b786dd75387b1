//! What the lint says of a mapping.

use crate::ingest::medtech::Position;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Note,
    /// Something is lost or not as it seems.
    Warning,
    /// The mapping does not work.
    Error,
}

/// Which file a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The device mapping.
    Device,
    /// The FHIR mapping.
    Fhir,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FindingCode {
    /// The device mapping cannot be read.
    DeviceMapping,
    /// The FHIR mapping cannot be read.
    FhirMapping,
    /// A type that devices send has no FHIR template.
    TypeNotMapped,
    /// A value that devices send is in no FHIR template of its type.
    ValueNotMapped,
    /// A FHIR template of a type that no device template makes.
    TypeNotSent,
    /// A value of a FHIR template that no device template of its type makes.
    ValueNotSent,
    /// A device template that matches nothing and fails on each message.
    TypeMatchBlank,
    /// Mode `Create`, and no patient is named.
    PatientIdMissing,
    /// Mode `LookupWithEncounter`, and no encounter is named.
    EncounterIdMissing,
    /// Grouped by correlation id, and none is named.
    CorrelationIdMissing,
    /// A period that means nothing.
    PeriodUnknown,
    /// `SampledData` without a usable sample period.
    SamplePeriodMissing,
    /// A stream that would be too long.
    StreamTooLong,
    /// A value that takes one reading, in an Observation that takes several.
    SeveralReadings,
    /// A value or component that nothing can come into.
    NoValueName,
    /// Two values of a template have the same name.
    ValueNameTwice,
    /// Code and name of a value mean different vitals.
    CodeAgainstName,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was found.
    pub code: FindingCode,
    /// How bad it is.
    pub severity: Severity,
    /// Which file it is about.
    pub side: Side,
    /// Where.
    pub at: Option<Position>,
    /// What is wrong. The sentences of Microsoft's validator are kept, so that they can be looked up.
    pub message: String,
    /// What follows from it and what to do, in plain words.
    pub advice: String,
}

impl Severity {
    /// In a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl Side {
    /// In a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Fhir => "fhir",
        }
    }
}

impl FindingCode {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::DeviceMapping,
        Self::FhirMapping,
        Self::TypeNotMapped,
        Self::ValueNotMapped,
        Self::TypeNotSent,
        Self::ValueNotSent,
        Self::TypeMatchBlank,
        Self::PatientIdMissing,
        Self::EncounterIdMissing,
        Self::CorrelationIdMissing,
        Self::PeriodUnknown,
        Self::SamplePeriodMissing,
        Self::StreamTooLong,
        Self::SeveralReadings,
        Self::NoValueName,
        Self::ValueNameTwice,
        Self::CodeAgainstName,
    ];

    /// The code, for programs and exemptions.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DeviceMapping => "device-mapping",
            Self::FhirMapping => "fhir-mapping",
            Self::TypeNotMapped => "type-not-mapped",
            Self::ValueNotMapped => "value-not-mapped",
            Self::TypeNotSent => "type-not-sent",
            Self::ValueNotSent => "value-not-sent",
            Self::TypeMatchBlank => "type-match-blank",
            Self::PatientIdMissing => "patient-id-missing",
            Self::EncounterIdMissing => "encounter-id-missing",
            Self::CorrelationIdMissing => "correlation-id-missing",
            Self::PeriodUnknown => "period-unknown",
            Self::SamplePeriodMissing => "sample-period-missing",
            Self::StreamTooLong => "stream-too-long",
            Self::SeveralReadings => "several-readings",
            Self::NoValueName => "no-value-name",
            Self::ValueNameTwice => "value-name-twice",
            Self::CodeAgainstName => "code-against-name",
        }
    }
}
