//! How a scenario describes one vital.

use serde::{
    Deserialize, Deserializer,
    de::{self, value::MapAccessDeserializer, value::SeqAccessDeserializer},
};
use std::fmt;

/// A slow drift around the curve.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wander {
    /// Standard deviation, in the vital's unit.
    pub sd: f64,
    /// The time in which it changes, in seconds.
    pub tau_s: f64,
}

/// How a vital behaves, as a scenario writes it: a number, a curve, or a table of these keys.
///
/// What is left out is taken from the scenario's `[vitals.CODE]`. Times are seconds from second 0; spans are
/// `[from, to)`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct VitalScript {
    /// Seconds between two values.
    pub interval_s: Option<f64>,
    /// Seconds between two values before the scenario's `history_until_s`.
    pub history_interval_s: Option<f64>,
    /// Seconds by which the values come after full intervals.
    pub offset_s: Option<f64>,
    /// Standard deviation of single values, in the vital's unit.
    pub noise: Option<f64>,
    /// Slow drift.
    pub wander: Option<Wander>,
    /// `(second, value)`: straight lines between the points, level before the first and after the last.
    pub curve: Option<Vec<(f64, f64)>>,
    /// Spans in which the device sends 0.
    pub zero: Option<Vec<(f64, f64)>>,
    /// Spans in which nothing is sent.
    pub silent: Option<Vec<(f64, f64)>>,
    /// `(from, to, amplitude)`: within the span each value is off by up to the amplitude, at random.
    pub artefact: Option<Vec<(f64, f64, f64)>>,
}

impl VitalScript {
    /// This script, with what it leaves out taken from `defaults`.
    #[must_use]
    pub fn or(self, defaults: Option<&Self>) -> Self {
        let Some(defaults) = defaults.cloned() else { return self };
        Self {
            interval_s: self.interval_s.or(defaults.interval_s),
            history_interval_s: self.history_interval_s.or(defaults.history_interval_s),
            offset_s: self.offset_s.or(defaults.offset_s),
            noise: self.noise.or(defaults.noise),
            wander: self.wander.or(defaults.wander),
            curve: self.curve.or(defaults.curve),
            zero: self.zero.or(defaults.zero),
            silent: self.silent.or(defaults.silent),
            artefact: self.artefact.or(defaults.artefact),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    interval_s: Option<f64>,
    history_interval_s: Option<f64>,
    offset_s: Option<f64>,
    noise: Option<f64>,
    wander: Option<Wander>,
    curve: Option<Curve>,
    zero: Option<Vec<(f64, f64)>>,
    silent: Option<Vec<(f64, f64)>>,
    artefact: Option<Vec<(f64, f64, f64)>>,
}

/// A number stands for a level curve.
struct Curve(Vec<(f64, f64)>);

impl<'de> Deserialize<'de> for Curve {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let script = d.deserialize_any(Visitor { table: false })?;
        Ok(Self(script.curve.unwrap_or_default()))
    }
}

impl<'de> Deserialize<'de> for VitalScript {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(Visitor { table: true })
    }
}

struct Visitor {
    table: bool,
}

fn curve(points: Vec<(f64, f64)>) -> VitalScript {
    VitalScript { curve: Some(points), ..VitalScript::default() }
}

impl<'de> de::Visitor<'de> for Visitor {
    type Value = VitalScript;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or a curve such as [[0, 97], [600, 88]]")?;
        if self.table { f.write_str(", or a table with curve, interval_s, noise …") } else { Ok(()) }
    }

    fn visit_f64<E>(self, value: f64) -> Result<VitalScript, E> {
        Ok(curve(vec![(0.0, value)]))
    }

    #[expect(clippy::cast_precision_loss, reason = "values of vitals are small")]
    fn visit_i64<E>(self, value: i64) -> Result<VitalScript, E> {
        Ok(curve(vec![(0.0, value as f64)]))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, seq: A) -> Result<VitalScript, A::Error> {
        Deserialize::deserialize(SeqAccessDeserializer::new(seq)).map(curve)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<VitalScript, A::Error> {
        if !self.table {
            return Err(de::Error::invalid_type(de::Unexpected::Map, &self));
        }
        let table = Table::deserialize(MapAccessDeserializer::new(map))?;
        Ok(VitalScript {
            interval_s: table.interval_s,
            history_interval_s: table.history_interval_s,
            offset_s: table.offset_s,
            noise: table.noise,
            wander: table.wander,
            curve: table.curve.map(|Curve(points)| points),
            zero: table.zero,
            silent: table.silent,
            artefact: table.artefact,
        })
    }
}
