//! HL7 v2: from the bytes of one message to what it says.
//!
//! Three kinds are read: values (ORU^R01, as IHE PCD-01 profiles it and as monitors send it in the field), alerts of devices
//! (ORU^R40, IHE PCD-04) and who lies where (ADT). The decoder knows no census: a message says which device measured, which patient and which bed it means; whose
//! the values are is decided behind it.
//!
//! Messages are read in place. `hl7-parser` builds a tree of lists for every field, costs more than 20 times the time
//! that a message may take here, and stops without a word at the first line that it does not know; it is the yardstick
//! in tests instead.

mod ack;
mod adt;
mod charset;
mod codes;
mod header;
mod message;
mod oru;
mod r40;
mod range;
mod source;
mod time;
mod tokens;
mod units;
mod value;
mod words;

pub use ack::{AckKind, Reason, Severity, ack, outcome};
pub use adt::{AdtAct, AdtKind};
pub use charset::{Charset, CharsetError};
pub use codes::CodeTable;
pub(in crate::ingest) use codes::MORE_MDC;
pub use header::{Header, Wanted, When};
pub use message::{Body, Faulty, Location, Message, decode};
pub use oru::{Group, Observed};
pub use r40::{AlertReading, Told};
pub use source::{SENTINELS, Source};
pub use units::{UNITS, Unit, UnitError};

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
