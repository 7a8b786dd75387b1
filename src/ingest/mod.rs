//! From bytes to readings, and from readings to observations.
//!
//! One file per format. Decoders are pure: they are handed bytes and tables, read no file and no socket and know no
//! clock; what they cannot use they count and name. Who is measured is looked up afterwards in a read-only census, in one
//! place ([`resolve`]), so that no decoder can put a value into the wrong chart. Called by `replay` and `backend`.

pub mod channel;
pub mod csv;
pub mod fhir;
pub mod hl7;
pub mod medtech;
pub mod native;
mod reading;
pub mod resolve;
pub mod sparkplug;
mod text;
mod topic;

pub use channel::{Channel, Scaling};
pub use csv::{CsvDecoder, CsvReading, CsvReport};
pub use native::{BodyError, BodyForm, DecodeRules, Decoded, FUTURE_TOLERANCE, decode_body, decode_item};
pub use reading::{Reading, Refused, Way};
pub use resolve::{Resolver, Sender};
pub use text::value_text;
pub use topic::{TopicPattern, device_of, hold_to_topic};
