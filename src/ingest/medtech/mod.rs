//! Device mappings of the MedTech service: a message of any shape becomes measurements by a mapping that the site writes.
//!
//! Files written for Microsoft's MedTech service work unchanged. The rules, and where wardwatch departs from them, are in
//! `docs/mapping.md`. Everything here is pure: mapping and message come in as text, measurements or a named error go out.
//! A measurement knows no patient and no vital of ours yet; [`MedtechIntake`] makes readings of it.

mod errors;
mod expression;
mod extract;
mod fault;
mod fields;
pub mod identity;
mod intake;
pub mod jmes;
pub mod json;
pub mod jsonpath;
pub mod lint;
mod load;
mod mapping;
mod measurement;
mod observations;
mod scalar;
mod template;
mod time;
mod trace;
pub mod transform;
pub mod workbench;

pub use errors::{ERRORS_KEPT_MAX, LoadError, LoadErrors};
pub use expression::{Expression, ExpressionError, ExpressionFault, Language, Located};
pub use fault::{Fault, FaultKind, Field, Unusable};
pub use intake::{MappingError, MappingFile, MedtechDecoded, MedtechIntake, Observations};
pub use jmes::Arithmetic;
pub use json::{Json, JsonError, JsonValue, Member, Position};
pub use load::{Loaded, TEMPLATES_MAX, VALUES_MAX};
pub use mapping::{Compat, DeviceMapping, MEASUREMENTS_MAX, Normalised};
pub use measurement::{Measurement, PARTITIONS, Property, partition};
pub use observations::{Draft, Made, MakeFault, Mapped, Measured, Observer, Owner, Undrafted};
pub use template::{DeviceTemplate, MATCHED_TOKEN, TemplateKind, ValueTemplate};
pub use trace::{ExpressionTrace, Found, MatchTrace, TemplateTrace, Trace};
pub use transform::naming::resource_id;
