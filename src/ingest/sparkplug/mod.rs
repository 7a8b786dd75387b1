//! Sparkplug B (Eclipse Sparkplug 3.0.0): from topic and payload of a message to readings, and to what is known of edge nodes
//! and their devices.
//!
//! A birth says which metric has which alias; data name a metric by its alias alone. An alias is believed only while no
//! message of its edge node is missing: after a gap it may stand for something else, so data by alias are refused until the
//! node is born again, which it is asked for. What a death says holds at once. Pure: bytes and a time in, readings out.

mod payload;
mod session;
mod topic;
mod value;

pub use payload::{Metric, Payload, PropertySet, PropertyValue, datatype, metric, property_value};
pub use session::{Missed, Rebirth, Session, Taken};
pub use topic::{Kind, NAMESPACE, Topic};
pub use value::{Source, UNIT_PROPERTY};

/// The metric of a command that asks an edge node to be born again.
pub const REBIRTH_METRIC: &str = "Node Control/Rebirth";
/// The metric of births and deaths that says to which connection of the edge node they belong.
pub const BD_SEQ_METRIC: &str = "bdSeq";

#[cfg(test)]
mod tests;
