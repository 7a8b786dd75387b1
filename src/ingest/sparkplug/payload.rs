//! The payload, as far as it is read (`sparkplug_b.proto` of Eclipse Tahu). Fields that are not here are passed over.

use prost::{Message, Oneof};

/// Numbers of data types (Sparkplug 3.0.0, 6.4.16).
pub mod datatype {
    /// A signed integer of 8 bits.
    pub const INT8: u32 = 1;
    /// A signed integer of 16 bits.
    pub const INT16: u32 = 2;
    /// A signed integer of 32 bits.
    pub const INT32: u32 = 3;
    /// A signed integer of 64 bits.
    pub const INT64: u32 = 4;
    /// An unsigned integer of 64 bits.
    pub const UINT64: u32 = 8;
    /// A float of 32 bits.
    pub const FLOAT: u32 = 9;
    /// True or false.
    pub const BOOLEAN: u32 = 11;
    /// Text.
    pub const STRING: u32 = 12;
}

/// A message.
#[derive(Clone, PartialEq, Message)]
pub struct Payload {
    /// When it was sent, in ms since 1970.
    #[prost(uint64, optional, tag = "1")]
    pub timestamp: Option<u64>,
    /// What it says.
    #[prost(message, repeated, tag = "2")]
    pub metrics: Vec<Metric>,
    /// Its number, 0 to 255, counted on by each message of the edge node.
    #[prost(uint64, optional, tag = "3")]
    pub seq: Option<u64>,
}

/// One metric.
#[derive(Clone, PartialEq, Message)]
pub struct Metric {
    /// Its name; in data it may be left out if it has an alias.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// Its alias.
    #[prost(uint64, optional, tag = "2")]
    pub alias: Option<u64>,
    /// When it was measured, in ms since 1970.
    #[prost(uint64, optional, tag = "3")]
    pub timestamp: Option<u64>,
    /// The number of its data type; in data it may be left out.
    #[prost(uint32, optional, tag = "4")]
    pub datatype: Option<u32>,
    /// Whether it was held back, and says nothing of now.
    #[prost(bool, optional, tag = "5")]
    pub is_historical: Option<bool>,
    /// Whether there is no value.
    #[prost(bool, optional, tag = "7")]
    pub is_null: Option<bool>,
    /// What is known of it besides, such as its unit.
    #[prost(message, optional, tag = "9")]
    pub properties: Option<PropertySet>,
    /// The value.
    #[prost(oneof = "metric::Value", tags = "10, 11, 12, 13, 14, 15")]
    pub value: Option<metric::Value>,
}

/// Values of metrics.
pub mod metric {
    use super::Oneof;

    /// The value of a metric; others, such as data sets and templates, are passed over.
    #[derive(Clone, PartialEq, Oneof)]
    pub enum Value {
        /// Integers of up to 32 bits, negative ones as two's complement.
        #[prost(uint32, tag = "10")]
        Int(u32),
        /// Integers of 64 bits, and times.
        #[prost(uint64, tag = "11")]
        Long(u64),
        /// A float of 32 bits.
        #[prost(float, tag = "12")]
        Float(f32),
        /// A float of 64 bits.
        #[prost(double, tag = "13")]
        Double(f64),
        /// True or false.
        #[prost(bool, tag = "14")]
        Boolean(bool),
        /// Text.
        #[prost(string, tag = "15")]
        Text(String),
    }
}

/// Properties of a metric: names and values side by side.
#[derive(Clone, PartialEq, Message)]
pub struct PropertySet {
    /// Names.
    #[prost(string, repeated, tag = "1")]
    pub keys: Vec<String>,
    /// Values.
    #[prost(message, repeated, tag = "2")]
    pub values: Vec<PropertyValue>,
}

/// The value of a property.
#[derive(Clone, PartialEq, Message)]
pub struct PropertyValue {
    /// The value, if it is text.
    #[prost(oneof = "property_value::Value", tags = "8")]
    pub value: Option<property_value::Value>,
}

/// Values of properties.
pub mod property_value {
    use super::Oneof;

    /// The value of a property.
    #[derive(Clone, PartialEq, Oneof)]
    pub enum Value {
        /// Text.
        #[prost(string, tag = "8")]
        Text(String),
    }
}

impl PropertySet {
    /// A property that is text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        let at = self.keys.iter().position(|key| key == name)?;
        match &self.values.get(at)?.value {
            Some(property_value::Value::Text(text)) => Some(text),
            None => None,
        }
    }
}
