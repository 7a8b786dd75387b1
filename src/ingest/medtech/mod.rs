//! Device mappings of the MedTech service: a message of any shape becomes measurements by a mapping that the site writes.
//!
//! Files written for Microsoft's MedTech service work unchanged. The rules, and where wardwatch departs from them, are in
//! `docs/mapping.md`. Everything here is pure: mapping and message come in as text, measurements or a named error go out.
//! A measurement knows no patient and no vital of ours yet.

mod errors;
pub mod jmes;
pub mod json;
pub mod jsonpath;
mod scalar;
mod time;

pub use errors::{LoadError, LoadErrors};
pub use json::{Json, JsonError, JsonValue, Member, Position};
