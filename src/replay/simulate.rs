//! The simulator: a vital as a function of time.
//!
//! Every value follows from the seed, the patient, the vital and the time alone. So a window is drawn without what came
//! before it, a further patient or vital changes nobody else, and the same scenario gives the same numbers on every
//! machine: only additions, multiplications and roundings are used, no function of a mathematical library.

use super::{recording::Span, script::VitalScript};
use crate::domain::{Millis, PatientId, Sampling, VitalCode, VitalDef, liveness::CONTINUOUS_INTERVAL};
use rand_core::Rng;
use rand_pcg::Pcg32;
use std::sync::Arc;

/// Shortest and longest interval, in seconds.
const INTERVAL_S: std::ops::RangeInclusive<f64> = 0.1..=86_400.0;
/// Standard deviations, in the unit of the vital.
const SPREAD: std::ops::RangeInclusive<f64> = 0.0..=1_000.0;
const SPREAD_WANTED: &str = "a standard deviation from 0 to 1000 is wanted, in the unit of the vital";
/// Most seconds that a scenario may last: 30 days.
pub(super) const DURATION_MAX_S: f64 = 2_592_000.0;

/// A key of a script with which nothing can be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ScriptFault {
    pub(super) key: &'static str,
    pub(super) problem: &'static str,
}

/// What all vitals of a scenario share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    pub(super) seed: u64,
    pub(super) span: Span,
    pub(super) history_until: Option<Millis>,
}

/// The values of one vital of one patient, as a function of time.
#[derive(Debug, Clone)]
pub struct VitalSim {
    def: Arc<VitalDef>,
    span: Span,
    interval: Millis,
    /// Interval of the history, and until when it holds.
    history: Option<(Millis, Millis)>,
    offset: Millis,
    curve: Vec<(Millis, f64)>,
    noise_sd: f64,
    wander_sd: f64,
    wander_tau: Millis,
    zero: Vec<(Millis, Millis)>,
    silent: Vec<(Millis, Millis)>,
    artefact: Vec<(Millis, Millis, f64)>,
    noise: Stream,
    wander: Stream,
    motion: Stream,
}

impl VitalSim {
    pub(super) fn new(
        def: Arc<VitalDef>,
        script: &VitalScript,
        patient: &PatientId,
        device_silent: &[(f64, f64)],
        setting: Setting,
    ) -> Result<Self, ScriptFault> {
        let usual = (def.sampling == Sampling::Continuous).then_some(CONTINUOUS_INTERVAL.as_secs_f64());
        let interval_s = script.interval_s.or(usual);
        let interval_s = interval_s.ok_or(fault("interval_s", "a vital that is measured now and then needs one"))?;
        let interval = checked_interval("interval_s", interval_s)?;
        let history = script.history_interval_s.map(|s| checked_interval("history_interval_s", s)).transpose()?;
        let wander = script.wander.map_or((0.0, 1.0), |w| (w.sd, w.tau_s));
        let silent = checked_spans("silent", script.silent.as_deref().unwrap_or_default())?;
        let artefact = script.artefact.as_deref().unwrap_or_default();
        let artefact_spans: Vec<(f64, f64)> = artefact.iter().map(|(from, to, _)| (*from, *to)).collect();
        let artefact_spans = checked_spans("artefact", &artefact_spans)?;
        let amplitudes = artefact.iter().map(|(.., amplitude)| *amplitude);
        if !amplitudes.clone().all(f64::is_finite) {
            return Err(fault("artefact", "an amplitude is a number in the unit of the vital"));
        }
        let stream = |purpose| Stream::new(setting.seed, patient, def.code, purpose);
        Ok(Self {
            span: setting.span,
            interval,
            history: history.zip(setting.history_until),
            offset: millis(checked(
                "offset_s",
                script.offset_s.unwrap_or(0.0),
                0.0..=86_400.0,
                "seconds from 0 to 86400 are wanted",
            )?),
            curve: checked_curve(script.curve.as_deref().unwrap_or_default(), &def)?,
            noise_sd: checked("noise", script.noise.unwrap_or(0.0), SPREAD, SPREAD_WANTED)?,
            wander_sd: checked("wander.sd", wander.0, SPREAD, SPREAD_WANTED)?,
            wander_tau: millis(checked(
                "wander.tau_s",
                wander.1,
                1.0..=86_400.0,
                "seconds from 1 to 86400 are wanted",
            )?),
            zero: checked_spans("zero", script.zero.as_deref().unwrap_or_default())?,
            silent: [silent, checked_spans("silent", device_silent)?].concat(),
            artefact: artefact_spans.into_iter().zip(amplitudes).map(|((from, to), a)| (from, to, a)).collect(),
            noise: stream("noise"),
            wander: stream("wander"),
            motion: stream("artefact"),
            def,
        })
    }

    /// The vital.
    #[must_use]
    pub fn code(&self) -> VitalCode {
        self.def.code
    }

    /// The interval outside the history: the one that the device states.
    #[must_use]
    pub const fn interval(&self) -> Millis {
        self.interval
    }

    /// The interval at a time, if the vital has a history with another one.
    #[must_use]
    pub fn interval_at(&self, at: Millis) -> Option<Millis> {
        self.history.map(|(interval, until)| if at < until { interval } else { self.interval })
    }

    /// The time of the first value in `[from, to)`.
    #[must_use]
    pub fn next(&self, from: Millis, to: Millis) -> Option<Millis> {
        let mut from = from.max(Millis::ZERO);
        loop {
            let due = self.due(from);
            if due >= to {
                return None;
            }
            let position = self.span.position(due);
            match self.silent.iter().find(|(begin, end)| (*begin..*end).contains(&position)) {
                Some((_, end)) => from = due + (*end - position).max(Millis(1)).min(self.span.end - position),
                None => return Some(due),
            }
        }
    }

    /// The times of all values in `[from, to)`.
    pub fn times(&self, from: Millis, to: Millis) -> impl Iterator<Item = Millis> {
        std::iter::successors(self.next(from, to), move |at| self.next(*at + Millis(1), to))
    }

    /// The value at a time: at display precision and within the plausible range, or 0 where the device sends 0.
    #[must_use]
    pub fn value(&self, at: Millis) -> f64 {
        let position = self.span.position(at);
        if self.zero.iter().any(|(from, to)| (*from..*to).contains(&position)) {
            return 0.0;
        }
        let mut value = self.on_curve(position);
        let tick = at.0.unsigned_abs();
        if self.noise_sd > 0.0 {
            value += self.noise_sd * self.noise.normal(tick);
        }
        if self.wander_sd > 0.0 {
            value += self.wander_sd * self.drift(tick);
        }
        for (from, to, amplitude) in &self.artefact {
            if (*from..*to).contains(&position) {
                value += amplitude * self.motion.uniform(tick);
            }
        }
        let scale = (0..self.def.decimals).fold(1.0, |scale, _| scale * 10.0);
        let rounded = (value * scale).round() / scale;
        rounded.clamp(*self.def.plausible.start(), *self.def.plausible.end())
    }

    /// The first time at or after `from` at which a value is due.
    fn due(&self, from: Millis) -> Millis {
        match self.history {
            Some((interval, until)) if from < until => {
                let due = on_grid(from, interval, self.offset);
                if due < until { due } else { on_grid(until, self.interval, self.offset) }
            }
            _ => on_grid(from, self.interval, self.offset),
        }
    }

    fn on_curve(&self, at: Millis) -> f64 {
        let after = self.curve.partition_point(|(time, _)| *time <= at);
        let before = after.checked_sub(1).and_then(|i| self.curve.get(i));
        match (before, self.curve.get(after)) {
            (Some((t0, v0)), Some((t1, v1))) => {
                let part = (at - *t0).as_secs_f64();
                v0 + (v1 - v0) * (part / (*t1 - *t0).as_secs_f64())
            }
            (Some((_, value)), None) | (None, Some((_, value))) => *value,
            (None, None) => 0.0,
        }
    }

    /// A smooth curve through a random height every `wander_tau`.
    fn drift(&self, tick: u64) -> f64 {
        let tau = self.wander_tau.0.unsigned_abs().max(1);
        let (knot, rest) = (tick / tau, tick % tau);
        let part = millis_f64(rest) / millis_f64(tau);
        let smooth = part * part * (3.0 - 2.0 * part);
        let (left, right) = (self.wander.normal(knot), self.wander.normal(knot + 1));
        left + (right - left) * smooth
    }
}

/// The first `offset + k × interval` at or after `from`.
fn on_grid(from: Millis, interval: Millis, offset: Millis) -> Millis {
    let step = interval.0.max(1);
    let since = from.0 - offset.0;
    let whole = since.div_euclid(step) + i64::from(since.rem_euclid(step) > 0);
    Millis(offset.0 + whole.max(0) * step)
}

const fn fault(key: &'static str, problem: &'static str) -> ScriptFault {
    ScriptFault { key, problem }
}

/// Seconds as milliseconds; the caller has checked the range.
#[expect(clippy::cast_possible_truncation, reason = "at most 30 days, or saturated")]
pub(super) fn millis(seconds: f64) -> Millis {
    Millis((seconds * 1000.0).round() as i64)
}

#[expect(clippy::cast_precision_loss, reason = "spans stay far below 2^53 ms")]
const fn millis_f64(ms: u64) -> f64 {
    ms as f64
}

fn checked(
    key: &'static str,
    value: f64,
    range: std::ops::RangeInclusive<f64>,
    wanted: &'static str,
) -> Result<f64, ScriptFault> {
    if range.contains(&value) { Ok(value) } else { Err(fault(key, wanted)) }
}

fn checked_interval(key: &'static str, seconds: f64) -> Result<Millis, ScriptFault> {
    if INTERVAL_S.contains(&seconds) {
        Ok(millis(seconds))
    } else {
        Err(fault(key, "seconds from 0.1 to 86400 are wanted"))
    }
}

fn checked_spans(key: &'static str, spans: &[(f64, f64)]) -> Result<Vec<(Millis, Millis)>, ScriptFault> {
    let good = |(from, to): &(f64, f64)| *from >= 0.0 && from < to && *to <= DURATION_MAX_S;
    if !spans.iter().all(good) {
        return Err(fault(key, "spans are [from, to] in seconds from second 0, with from before to"));
    }
    Ok(spans.iter().map(|(from, to)| (millis(*from), millis(*to))).collect())
}

fn checked_curve(points: &[(f64, f64)], def: &VitalDef) -> Result<Vec<(Millis, f64)>, ScriptFault> {
    if points.is_empty() {
        return Err(fault("curve", "at least one point [second, value] is wanted"));
    }
    let points: Vec<(Millis, f64)> = points.iter().map(|(at, value)| (millis(*at), *value)).collect();
    if !points.is_sorted_by(|(a, _), (b, _)| a < b) {
        return Err(fault("curve", "each point must be later than the one before"));
    }
    if !points.iter().all(|(_, value)| def.plausible.contains(value)) {
        return Err(fault("curve", "a value is outside the plausible range of the vital; for a 0 use `zero`"));
    }
    Ok(points)
}

/// Random numbers by position: the number at a position does not depend on which were drawn before.
#[derive(Debug, Clone)]
struct Stream(Pcg32);

/// Draws that one position may take.
const DRAWS: u64 = 2;

impl Stream {
    fn new(seed: u64, patient: &PatientId, vital: VitalCode, purpose: &str) -> Self {
        let text = format!("{seed}\n{patient}\n{vital}\n{purpose}");
        Self(Pcg32::new(fnv1a(FNV_OFFSET, text.as_bytes()), fnv1a(!FNV_OFFSET, text.as_bytes())))
    }

    fn at(&self, position: u64) -> Pcg32 {
        let mut generator = self.0.clone();
        generator.advance(position.wrapping_mul(DRAWS));
        generator
    }

    /// Uniform over [0, 1).
    fn uniform(&self, position: u64) -> f64 {
        f64::from(self.at(position).next_u32()) / 4_294_967_296.0
    }

    /// Nearly normal with mean 0 and standard deviation 1: the sum of four uniform numbers, never beyond 3.5.
    fn normal(&self, position: u64) -> f64 {
        let mut generator = self.at(position);
        let pairs = [generator.next_u32(), generator.next_u32()];
        let sum: u32 = pairs.iter().map(|pair| (pair >> 16) + (pair & 0xFFFF)).sum();
        // Four numbers of 0 to 65535 have mean 131070; one has a standard deviation of 65536 / √12, four of 65536 / √3.
        (f64::from(sum) - 131_070.0) * (1.732_050_807_568_877_2 / 65_536.0)
    }
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a, 64 bits.
fn fnv1a(offset: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(offset, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
