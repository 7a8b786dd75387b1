//! The condition layer of a limit alarm: from values of one series to "it is so" and "it is over".
//!
//! Delays count in the device's time between values; after the last value the rest of the delay runs in engine time.
//! So a backlog that arrives at once is judged by its own times, and a value that stands (one a minute, say) is judged
//! when its delay is over, not a minute later. A delay begins with a value beyond the limit and starts again only after a
//! value clearly within, by the hysteresis; but only a value that is itself beyond the limit raises. A step with a depth
//! budget is over earlier if depth times duration has added up to the budget. Row numbers are those of `docs/alerts.md`.

use super::resting::{Resting, Rests};
use crate::domain::{
    InopReason, LimitSide, LimitStep, Millis, Priority, Side, Timestamp, VitalLimits,
    limits::{beyond, depth, worse},
};
use serde::{Deserialize, Serialize};

/// How long values must be valid again before a held condition is judged anew (row 16).
pub const VALID_AGAIN_AFTER: Millis = Millis::from_secs(5);

/// A stretch of values beyond a limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Violation {
    /// First time beyond the limit, by the device's clock.
    pub since: Timestamp,
    /// The value furthest out.
    pub worst: f64,
}

/// What became of the condition.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// Row 3: it lasted for its delay.
    Raised {
        /// The step's priority.
        priority: Priority,
        /// When it began.
        since: Timestamp,
        /// The limit of the step.
        limit: f64,
        /// The delay of the step.
        delay: Millis,
    },
    /// Row 4: it went beyond the second step.
    Worsened {
        /// The step's priority.
        priority: Priority,
        /// The limit of the step.
        limit: f64,
        /// The delay of the step.
        delay: Millis,
    },
    /// Row 2: it was over before its delay.
    SuppressedByDelay(Violation),
    /// Row 15, while pending: the signal was lost before the delay.
    SuppressedByQuality(Violation),
    /// While pending, its limits were changed: by the new ones it is no violation.
    SuppressedByLimits(Violation),
    /// Row 15: it can no longer be judged; held.
    Held(InopReason),
    /// Row 16: it can be judged again and is still so.
    Resumed,
    /// Row 8: it is over.
    Cleared,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Default)]
#[serde(tag = "phase", rename_all = "snake_case")]
enum Phase {
    #[default]
    Absent,
    Pending(Violation),
    Present {
        priority: Priority,
    },
    Inop {
        priority: Priority,
        reason: InopReason,
        valid_since: Option<Timestamp>,
    },
}

/// What a violation of one step has added up to: depth beyond the limit times duration (the SatSeconds idea).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Default)]
struct Depth {
    /// Unit × milliseconds so far.
    sum: f64,
    /// Units beyond the limit by which the last value goes on adding, at least [`DEPTH_MIN`]; 0 while it is not beyond.
    rate: f64,
}

/// Less than one unit beyond the limit counts as one: the delay is `budget / max(1, depth)`.
const DEPTH_MIN: f64 = 1.0;
/// A budget counts in seconds, a sum in milliseconds.
const MS_PER_S: f64 = 1_000.0;

impl Depth {
    const NONE: Self = Self { sum: 0.0, rate: 0.0 };

    const fn is_none(&self) -> bool {
        self.sum == 0.0 && self.rate == 0.0
    }

    /// The last value has stood for this long.
    fn stood(&mut self, span: Millis) {
        self.sum += self.rate * ms(span);
    }

    /// Whether the budget of a step is used up.
    fn is_spent(&self, step: &LimitStep) -> bool {
        step.depth_budget.is_some_and(|budget| self.sum >= budget * MS_PER_S)
    }

    /// How long the last value has to stand until the budget is used up, if it ever is: the least whole number of
    /// milliseconds.
    fn rest(&self, step: &LimitStep) -> Option<Millis> {
        let missing = step.depth_budget? * MS_PER_S - self.sum;
        if self.rate < DEPTH_MIN {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "a float becomes the nearest whole number that there is")]
        let whole = Millis((missing / self.rate).ceil().max(0.0) as i64);
        // The quotient may have been rounded down to a number at which the sum falls short by its last digit.
        let reached = Self { sum: self.sum + self.rate * ms(whole), ..*self }.is_spent(step);
        Some(if reached { whole } else { whole + Millis(1) })
    }
}

#[expect(clippy::cast_precision_loss, reason = "spans of time are far below 2^53 ms")]
const fn ms(span: Millis) -> f64 {
    span.0 as f64
}

/// What a machine keeps while something goes on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Default)]
struct Course {
    phase: Phase,
    /// Since when beyond the first step, and not clearly within since.
    warning_since: Option<Timestamp>,
    /// Since when beyond the second step, and not clearly within it since.
    extreme_since: Option<Timestamp>,
    /// Since when in the band of the first step: no longer beyond it, not clearly within it.
    #[serde(default)]
    band_since: Option<Timestamp>,
    /// Whether the last value is in the band of the second step.
    #[serde(default)]
    in_extreme_band: bool,
    /// Since when clearly within.
    within_since: Option<Timestamp>,
    /// Time of the last value, by the device's clock.
    last_observed: Timestamp,
    /// Engine time of the last value.
    last_at: Timestamp,
    /// Engine time at which something falls due if no value comes.
    due: Option<Timestamp>,
    /// What the violation of the first step adds up to.
    #[serde(default, skip_serializing_if = "Depth::is_none")]
    warning_depth: Depth,
    /// What the violation of the second step adds up to.
    #[serde(default, skip_serializing_if = "Depth::is_none")]
    extreme_depth: Depth,
    /// Whether the last value is beyond the first step.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    beyond: bool,
    /// How often values went beyond again since it was last asked, see [`LimitMachine::take_again`].
    #[serde(default, skip_serializing_if = "crate::domain::alert::is_zero")]
    again: u32,
}

/// The rules that a machine judges by.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// Which side it watches.
    pub side: Side,
    /// The limits of the vital.
    pub limits: &'a VitalLimits,
}

impl Rules<'_> {
    const fn steps(&self) -> &LimitSide {
        self.limits.side(self.side)
    }
}

/// The condition layer of one side of one series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct LimitMachine(Resting<Course>);

impl LimitMachine {
    /// When [`LimitMachine::fire`] is to be called if no value comes before.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        self.0.get()?.due
    }

    /// Whether the condition is present or held.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.0.get().is_some_and(|course| matches!(course.phase, Phase::Present { .. } | Phase::Inop { .. }))
    }

    /// Whether nothing is going on.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.0.get().is_none_or(Course::is_idle)
    }

    /// The violation that waits for its delay, if one does.
    #[must_use]
    pub fn pending_violation(&self) -> Option<Violation> {
        match self.0.get()?.phase {
            Phase::Pending(violation) => Some(violation),
            _ => None,
        }
    }

    /// How often values went beyond the first step again, after values that were not or a loss of the signal, while the
    /// condition waited for its delay or lasted: violations of their own that were told of already. Counts from the last
    /// call on.
    pub fn take_again(&mut self) -> u32 {
        self.0.change(|course| std::mem::take(&mut course.again))
    }

    /// A valid value: `observed` by the device's clock, `at` in engine time.
    pub fn value(&mut self, rules: Rules<'_>, value: f64, observed: Timestamp, at: Timestamp) -> Option<Outcome> {
        // Most values are within while nothing goes on: nothing is made for them.
        if self.0.get().is_none() && !rules.steps().violated(rules.side, value) {
            return None;
        }
        self.0.change(|course| course.value(rules, value, observed, at))
    }

    /// The vital cannot be judged from now on.
    pub fn inop(&mut self, reason: InopReason) -> Option<Outcome> {
        self.0.change(|course| course.inop(reason))
    }

    /// What was due at `deadline` happens, the last value standing.
    pub fn fire(&mut self, rules: Rules<'_>, deadline: Timestamp) -> Option<Outcome> {
        self.0.change(|course| course.fire(rules, deadline))
    }

    /// The limits are other than before: the value that stands, measured at `observed`, is judged anew at `at`, and only
    /// if it can be judged.
    ///
    /// A violation that is one by the new limits too goes on counting from its beginning; one that is none any more is
    /// over. A raised condition ends as always, within for the clear delay.
    pub fn rejudge(&mut self, rules: Rules<'_>, value: f64, observed: Timestamp, at: Timestamp) -> Option<Outcome> {
        self.0.change(|course| course.rejudge(rules, value, observed, at))
    }

    /// The clock of the device was set by this much: what counts in its time is moved along.
    pub fn shift(&mut self, by: Millis) {
        self.0.change(|course| course.shift(by));
    }
}

impl Rests for Course {
    fn rests(&self) -> bool {
        self.is_idle() && self.again == 0
    }
}

impl Course {
    const fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Absent)
    }

    fn value(&mut self, rules: Rules<'_>, value: f64, observed: Timestamp, at: Timestamp) -> Option<Outcome> {
        let steps = rules.steps();
        if matches!(self.phase, Phase::Absent) && !steps.violated(rules.side, value) {
            return None;
        }
        self.stand_until(observed, at);
        self.track(rules, value, observed);
        let outcome = match self.phase {
            Phase::Absent => {
                self.phase = Phase::Pending(Violation { since: observed, worst: value });
                self.step_reached(steps).map(|reached| self.raise(reached))
            }
            Phase::Pending(violation) => self.pending(rules, violation, value),
            Phase::Present { priority } => self.present(rules, priority),
            Phase::Inop { priority, reason, valid_since } => {
                let since = valid_since.unwrap_or(observed);
                self.phase = Phase::Inop { priority, reason, valid_since: Some(since) };
                self.valid_again(rules, priority, since)
            }
        };
        self.set_due(rules);
        outcome
    }

    fn inop(&mut self, reason: InopReason) -> Option<Outcome> {
        let outcome = match self.phase {
            Phase::Absent => None,
            Phase::Pending(violation) => {
                self.phase = Phase::Absent;
                Some(Outcome::SuppressedByQuality(violation))
            }
            Phase::Present { priority } => {
                self.phase = Phase::Inop { priority, reason, valid_since: None };
                Some(Outcome::Held(reason))
            }
            Phase::Inop { priority, reason: before, .. } => {
                self.phase = Phase::Inop { priority, reason, valid_since: None };
                (before != reason).then_some(Outcome::Held(reason))
            }
        };
        self.forget_spans();
        // A stop of the server ends no violation: what is beyond after it has been beyond all the time, as far as is known.
        let stopped = reason == InopReason::Awaiting && matches!(self.phase, Phase::Inop { .. });
        self.beyond = self.beyond && stopped;
        self.due = None;
        outcome
    }

    fn fire(&mut self, rules: Rules<'_>, deadline: Timestamp) -> Option<Outcome> {
        if self.due.is_none_or(|due| due > deadline) {
            return None;
        }
        self.stand_until(self.last_observed + deadline.since(self.last_at), deadline);
        let outcome = match self.phase {
            Phase::Pending(_) => self.settle_pending(rules),
            Phase::Present { priority } => self.present(rules, priority),
            Phase::Inop { priority, valid_since: Some(since), .. } => self.valid_again(rules, priority, since),
            Phase::Absent | Phase::Inop { .. } => None,
        };
        self.set_due(rules);
        outcome
    }

    fn rejudge(&mut self, rules: Rules<'_>, value: f64, observed: Timestamp, at: Timestamp) -> Option<Outcome> {
        let observed = match self.phase {
            Phase::Absent => observed,
            _ => self.last_observed + at.since(self.last_at),
        };
        self.warning_depth = Depth::NONE;
        self.extreme_depth = Depth::NONE;
        match self.phase {
            Phase::Pending(violation) if !rules.steps().violated(rules.side, value) => {
                self.phase = Phase::Absent;
                self.forget_spans();
                self.beyond = false;
                self.due = None;
                Some(Outcome::SuppressedByLimits(violation))
            }
            _ => self.value(rules, value, observed, at),
        }
    }

    fn shift(&mut self, by: Millis) {
        match &mut self.phase {
            Phase::Pending(violation) => violation.since = violation.since + by,
            Phase::Inop { valid_since: Some(since), .. } => *since = *since + by,
            Phase::Absent | Phase::Present { .. } | Phase::Inop { valid_since: None, .. } => {}
        }
        let spans = [&mut self.warning_since, &mut self.extreme_since, &mut self.band_since, &mut self.within_since];
        for since in spans.into_iter().flatten() {
            *since = *since + by;
        }
        self.last_observed = self.last_observed + by;
    }

    /// The last value has stood until now.
    fn stand_until(&mut self, observed: Timestamp, at: Timestamp) {
        let span = observed.since(self.last_observed).max(Millis::ZERO);
        self.warning_depth.stood(span);
        self.extreme_depth.stood(span);
        self.last_observed = observed;
        self.last_at = at;
    }

    fn track(&mut self, rules: Rules<'_>, value: f64, observed: Timestamp) {
        let (steps, hysteresis) = (rules.steps(), rules.limits.hysteresis);
        let extreme = steps.extreme.is_some_and(|s| beyond(rules.side, value, s.limit));
        let out_of_extreme = steps.extreme.is_none_or(|s| s.clearly_within(rules.side, value, hysteresis));
        let beyond_first = steps.violated(rules.side, value);
        let is_again = beyond_first && !self.beyond && !self.is_idle();
        self.again = self.again.saturating_add(u32::from(is_again));
        self.beyond = beyond_first;
        let violated = beyond_first || extreme;
        let within = steps.clearly_within(rules.side, value, hysteresis);
        let keep = |is: bool, since: Option<Timestamp>| is.then(|| since.unwrap_or(observed));
        self.warning_since = keep(violated || (self.warning_since.is_some() && !within), self.warning_since);
        self.extreme_since = keep(extreme || (self.extreme_since.is_some() && !out_of_extreme), self.extreme_since);
        self.band_since = keep(!violated && !within, self.band_since);
        self.in_extreme_band = self.extreme_since.is_some() && !extreme;
        self.within_since = keep(within, self.within_since);
        let depth_of = |step: Option<LimitStep>, value: f64, before: Depth, runs: bool| match step {
            Some(step) if runs => {
                let depth = depth(rules.side, value, step.limit);
                Depth { rate: if depth > 0.0 { depth.max(DEPTH_MIN) } else { 0.0 }, ..before }
            }
            _ => Depth::NONE,
        };
        // Beyond the second limit the second step counts: the first one goes on as it does at that limit.
        let up_to_extreme = steps.extreme.filter(|_| extreme).map_or(value, |step| step.limit);
        self.warning_depth = depth_of(steps.warning, up_to_extreme, self.warning_depth, self.warning_since.is_some());
        self.extreme_depth = depth_of(steps.extreme, value, self.extreme_depth, self.extreme_since.is_some());
    }

    fn pending(&mut self, rules: Rules<'_>, violation: Violation, value: f64) -> Option<Outcome> {
        self.phase = Phase::Pending(Violation { worst: worse(rules.side, violation.worst, value), ..violation });
        self.settle_pending(rules)
    }

    /// Raised when its delay is over and the last value is beyond; dropped when within, or in the band for too long.
    fn settle_pending(&mut self, rules: Rules<'_>) -> Option<Outcome> {
        let Phase::Pending(violation) = self.phase else { return None };
        let band_over =
            self.band_since.is_some_and(|since| self.last_observed.since(since) >= self.band_delay(rules.steps()));
        if self.within_since.is_some() || band_over {
            return self.end_pending(violation);
        }
        self.step_reached(rules.steps()).map(|reached| self.raise(reached))
    }

    fn end_pending(&mut self, violation: Violation) -> Option<Outcome> {
        self.phase = Phase::Absent;
        self.forget_spans();
        Some(Outcome::SuppressedByDelay(violation))
    }

    fn present(&mut self, rules: Rules<'_>, priority: Priority) -> Option<Outcome> {
        if self.within_long_enough(rules) {
            self.phase = Phase::Absent;
            self.forget_spans();
            return Some(Outcome::Cleared);
        }
        let reached = self.step_reached(rules.steps()).filter(|reached| reached.priority > priority)?;
        self.phase = Phase::Present { priority: reached.priority };
        Some(Outcome::Worsened { priority: reached.priority, limit: reached.limit, delay: reached.delay })
    }

    fn valid_again(&mut self, rules: Rules<'_>, priority: Priority, since: Timestamp) -> Option<Outcome> {
        if self.last_observed.since(since) < VALID_AGAIN_AFTER {
            return None;
        }
        self.phase = Phase::Present { priority };
        if self.within_long_enough(rules) {
            self.phase = Phase::Absent;
            self.forget_spans();
            return Some(Outcome::Cleared);
        }
        Some(Outcome::Resumed)
    }

    /// Since when beyond the first step; `None` while the last value is not.
    fn beyond_warning(&self) -> Option<Timestamp> {
        self.warning_since.filter(|_| self.band_since.is_none())
    }

    /// Since when beyond the second step; `None` while the last value is not.
    fn beyond_extreme(&self) -> Option<Timestamp> {
        self.extreme_since.filter(|_| !self.in_extreme_band)
    }

    /// The highest step whose delay is over and that the last value is beyond.
    fn step_reached(&self, steps: &LimitSide) -> Option<Reached> {
        let over = |step: Option<LimitStep>, since: Option<Timestamp>, depth: Depth| {
            let (step, since) = (step?, since?);
            let reached = Reached { priority: step.priority, limit: step.limit, delay: step.delay };
            (self.last_observed.since(since) >= step.delay || depth.is_spent(&step)).then_some(reached)
        };
        over(steps.extreme, self.beyond_extreme(), self.extreme_depth)
            .or_else(|| over(steps.warning, self.beyond_warning(), self.warning_depth))
    }

    fn raise(&mut self, reached: Reached) -> Outcome {
        let since = match self.phase {
            Phase::Pending(violation) => violation.since,
            _ => self.last_observed,
        };
        self.phase = Phase::Present { priority: reached.priority };
        Outcome::Raised { priority: reached.priority, since, limit: reached.limit, delay: reached.delay }
    }

    fn within_long_enough(&self, rules: Rules<'_>) -> bool {
        self.within_since.is_some_and(|since| self.last_observed.since(since) >= rules.limits.clear_delay)
    }

    /// How long a pending violation may stay in the band: the longer of the two delays.
    fn band_delay(&self, steps: &LimitSide) -> Millis {
        let delay = |step: Option<LimitStep>| step.map_or(Millis::ZERO, |s| s.delay);
        delay(steps.warning).max(delay(steps.extreme))
    }

    const fn forget_spans(&mut self) {
        self.warning_since = None;
        self.extreme_since = None;
        self.band_since = None;
        self.in_extreme_band = false;
        self.within_since = None;
        self.warning_depth = Depth::NONE;
        self.extreme_depth = Depth::NONE;
    }

    /// Sets the engine time at which the last value, standing, changes something.
    fn set_due(&mut self, rules: Rules<'_>) {
        let steps = rules.steps();
        let rest = |since: Option<Timestamp>, span: Millis| {
            since.map(|s| self.last_at + (span - self.last_observed.since(s)).max(Millis::ZERO))
        };
        let step = |step: Option<LimitStep>, since: Option<Timestamp>, depth: Depth| {
            let (step, since) = (step?, since?);
            let spent = depth.rest(&step).map(|span| self.last_at + span);
            rest(Some(since), step.delay).into_iter().chain(spent).min()
        };
        let candidates = match self.phase {
            Phase::Absent => [None; 2],
            Phase::Pending(_) if self.band_since.is_some() => [rest(self.band_since, self.band_delay(steps)), None],
            Phase::Pending(_) => {
                let warning = step(steps.warning, self.beyond_warning(), self.warning_depth);
                [warning, step(steps.extreme, self.beyond_extreme(), self.extreme_depth)]
            }
            Phase::Present { priority } => {
                let higher = steps.extreme.filter(|s| s.priority > priority);
                let higher = step(higher, self.beyond_extreme(), self.extreme_depth);
                [higher, rest(self.within_since, rules.limits.clear_delay)]
            }
            Phase::Inop { valid_since, .. } => [rest(valid_since, VALID_AGAIN_AFTER), None],
        };
        self.due = candidates.into_iter().flatten().min();
    }
}

#[derive(Debug, Clone, Copy)]
struct Reached {
    priority: Priority,
    limit: f64,
    delay: Millis,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Priority::{High, Medium};
    use proptest::prelude::*;

    fn t(ms: i64) -> Timestamp {
        Timestamp::from_ms(ms)
    }

    /// SpO2: below 90 for 10 s is medium, below 80 for 5 s is high, over at 92 for 5 s.
    fn spo2() -> VitalLimits {
        let step =
            |limit, priority, s| Some(LimitStep { limit, priority, delay: Millis::from_secs(s), depth_budget: None });
        VitalLimits {
            low: LimitSide { warning: step(90.0, Medium, 10), extreme: step(80.0, High, 5) },
            high: LimitSide::default(),
            hysteresis: 2.0,
            clear_delay: Millis::from_secs(5),
        }
    }

    /// Feeds one value a second with timers in between, as the engine does, and lists what came of it with its time.
    fn run(values: &[f64]) -> Vec<(i64, Outcome)> {
        run_by(&spo2(), values)
    }

    /// More than this falls due for no machine within a second.
    const FIRES_MAX: usize = 10;

    fn run_by(limits: &VitalLimits, values: &[f64]) -> Vec<(i64, Outcome)> {
        let rules = Rules { side: Side::Low, limits };
        let mut machine = LimitMachine::default();
        let mut out = Vec::new();
        for (second, value) in (0_i64..).zip(values) {
            let now = t(second * 1000);
            let mut fires = 0;
            while let Some(due) = machine.due().filter(|due| *due <= now) {
                let outcome = machine.fire(rules, due);
                out.extend(outcome.map(|o| (due.as_ms(), o)));
                fires += 1;
                assert!(fires <= FIRES_MAX, "what was due has happened");
            }
            let outcome = if value.is_nan() {
                machine.inop(InopReason::NotMeasured)
            } else {
                machine.value(rules, *value, now, now)
            };
            out.extend(outcome.map(|o| (now.as_ms(), o)));
        }
        out
    }

    fn repeat(parts: &[(f64, usize)]) -> Vec<f64> {
        parts.iter().flat_map(|(value, n)| std::iter::repeat_n(*value, *n)).collect()
    }

    const RAISED_90: Outcome =
        Outcome::Raised { priority: Medium, since: Timestamp::from_ms(5_000), limit: 90.0, delay: Millis(10_000) };

    #[test]
    fn nothing_fires_before_it_is_due_and_what_is_overdue_does() {
        let limits = spo2();
        let rules = Rules { side: Side::Low, limits: &limits };
        let mut machine = LimitMachine::default();
        assert_eq!(machine.value(rules, 85.0, t(0), t(0)), None);
        assert_eq!(machine.due(), Some(t(10_000)));
        assert_eq!(machine.fire(rules, t(9_999)), None);
        assert_eq!(machine.due(), Some(t(10_000)));
        assert!(matches!(machine.fire(rules, t(12_000)), Some(Outcome::Raised { .. })));
    }

    #[test]
    fn one_unit_beyond_uses_up_a_budget_second_by_second() {
        let mut limits = spo2();
        if let Some(step) = &mut limits.low.warning {
            step.depth_budget = Some(4.5);
        }
        for value in [89.0, 89.9] {
            let raised = run_by(&limits, &[value; 8]);
            assert_eq!(raised.first().map(|(at, _)| *at), Some(4_500), "{value}: a unit at the least");
        }
        // In the band nothing adds up.
        let rules = Rules { side: Side::Low, limits: &limits };
        let mut machine = LimitMachine::default();
        machine.value(rules, 89.0, t(0), t(0));
        machine.value(rules, 91.0, t(1_000), t(1_000));
        assert_eq!(machine.due(), Some(t(11_000)), "the violation is dropped when the band lasts");
    }

    #[test]
    fn the_worst_value_of_a_dip_is_kept() {
        let dip = Violation { since: t(1_000), worst: 82.0 };
        assert_eq!(run(&[97.0, 88.0, 82.0, 86.0, 97.0]), [(4_000, Outcome::SuppressedByDelay(dip))]);
    }

    #[test]
    fn row_2_a_dip_shorter_than_the_delay_is_suppressed() {
        let dip = Violation { since: t(5_000), worst: 84.0 };
        assert_eq!(run(&repeat(&[(95.0, 5), (84.0, 9), (95.0, 30)])), [(14_000, Outcome::SuppressedByDelay(dip))]);
    }

    #[test]
    fn row_3_and_8_a_lasting_dip_is_raised_and_cleared() {
        let out = run(&repeat(&[(95.0, 5), (85.0, 20), (95.0, 30)]));
        assert_eq!(out, [(15_000, RAISED_90), (30_000, Outcome::Cleared)]);
    }

    #[test]
    fn a_value_on_the_limit_is_within_it() {
        assert_eq!(run(&repeat(&[(90.0, 60)])), []);
    }

    #[test]
    fn row_4_worse_beyond_the_second_limit() {
        let out = run(&repeat(&[(95.0, 5), (85.0, 20), (79.0, 20)]));
        let worse = Outcome::Worsened { priority: High, limit: 80.0, delay: Millis(5_000) };
        assert_eq!(out, [(15_000, RAISED_90), (30_000, worse)]);
    }

    #[test]
    fn a_deep_dip_is_high_from_the_start() {
        let out = run(&repeat(&[(95.0, 5), (70.0, 20)]));
        let raised = Outcome::Raised { priority: High, since: t(5_000), limit: 80.0, delay: Millis(5_000) };
        assert_eq!(out, [(10_000, raised)]);
    }

    #[test]
    fn inside_the_hysteresis_band_the_alert_stays() {
        let out = run(&repeat(&[(95.0, 5), (85.0, 20), (91.0, 600)]));
        assert_eq!(out, [(15_000, RAISED_90)]);
    }

    #[test]
    fn a_pending_dip_that_lingers_in_the_band_does_not_wait_for_ever() {
        let mut values = repeat(&[(95.0, 5), (89.0, 2), (91.0, 60), (89.0, 3), (95.0, 10)]);
        let dips = run(&values).len();
        assert_eq!(dips, 2, "each short dip is suppressed on its own");
        values.extend(repeat(&[(89.0, 11)]));
        assert_eq!(run(&values).len(), 3);
    }

    fn first(values: &[f64]) -> Option<(i64, Outcome)> {
        run(values).first().copied()
    }

    #[test]
    fn a_value_just_inside_the_limit_does_not_restart_the_delay() {
        let raised = |priority, limit, delay| Outcome::Raised {
            priority,
            since: Timestamp::from_ms(0),
            limit,
            delay: Millis::from_secs(delay),
        };
        let on_the_limit = [89.0, 89.0, 90.0].repeat(10);
        assert_eq!(first(&on_the_limit), Some((10_000, raised(Medium, 90.0, 10))));
        let one_in_five = [75.0, 75.0, 75.0, 75.0, 90.5].repeat(10);
        assert_eq!(first(&one_in_five), Some((10_000, raised(Medium, 90.0, 10))));
        let around_the_second = [79.0, 79.0, 80.0].repeat(10);
        assert_eq!(first(&around_the_second), Some((5_000, raised(High, 80.0, 5))));
        let worse: Vec<f64> = [vec![85.0; 12], [79.0, 81.0].repeat(10)].concat();
        let worsened = Outcome::Worsened { priority: High, limit: 80.0, delay: Millis(5_000) };
        assert_eq!(run(&worse)[1..], [(17_000, worsened)]);
    }

    #[test]
    fn nothing_is_raised_by_a_value_that_is_within_the_limit() {
        // The delay is over while the value stands in the band: the next value beyond raises, not this one.
        let out = run(&repeat(&[(89.0, 8), (91.0, 6), (89.0, 1), (91.0, 60)]));
        let raised = Outcome::Raised {
            priority: Medium,
            since: Timestamp::from_ms(0),
            limit: 90.0,
            delay: Millis::from_secs(10),
        };
        assert_eq!(out, [(14_000, raised)]);
    }

    #[test]
    fn a_pending_value_that_stands_in_the_band_is_dropped_without_a_further_value() {
        let limits = spo2();
        let rules = Rules { side: Side::Low, limits: &limits };
        let mut machine = LimitMachine::default();
        assert_eq!(machine.value(rules, 89.0, t(0), t(0)), None);
        assert_eq!(machine.value(rules, 91.0, t(5_000), t(5_000)), None);
        assert_eq!(machine.due(), Some(t(15_000)));
        let dip = Violation { since: t(0), worst: 89.0 };
        assert_eq!(machine.fire(rules, t(15_000)), Some(Outcome::SuppressedByDelay(dip)));
        assert!(machine.is_idle() && machine.due().is_none());
    }

    #[test]
    fn row_15_and_16_signal_loss_holds_and_needs_five_valid_seconds() {
        let held = Outcome::Held(InopReason::NotMeasured);
        let nan = f64::NAN;
        let out = run(&repeat(&[(95.0, 5), (85.0, 20), (nan, 10), (85.0, 3), (nan, 2), (85.0, 20)]));
        assert_eq!(out, [(15_000, RAISED_90), (25_000, held), (45_000, Outcome::Resumed)]);
        let out = run(&repeat(&[(95.0, 5), (85.0, 20), (nan, 10), (96.0, 20)]));
        assert_eq!(out, [(15_000, RAISED_90), (25_000, held), (40_000, Outcome::Cleared)]);
    }

    #[test]
    fn row_15_pending_signal_loss_is_suppressed_by_quality() {
        let dip = Violation { since: t(5_000), worst: 85.0 };
        let out = run(&repeat(&[(95.0, 5), (85.0, 4), (f64::NAN, 10)]));
        assert_eq!(out, [(9_000, Outcome::SuppressedByQuality(dip))]);
    }

    /// As [`spo2`], with a depth budget of 50 %·s on the first step.
    fn by_depth() -> VitalLimits {
        let mut limits = spo2();
        if let Some(step) = &mut limits.low.warning {
            step.depth_budget = Some(50.0);
        }
        limits
    }

    fn first_by_depth(values: &[f64]) -> Option<(i64, Outcome)> {
        run_by(&by_depth(), values).first().copied()
    }

    #[rstest::rstest]
    // Less than one beyond counts as one, and up to the fifth the plain delay is shorter.
    #[case(89.9, 10_000)]
    #[case(89.0, 10_000)]
    #[case(85.0, 10_000)]
    #[case(84.9, 9_804)]
    #[case(84.0, 8_334)]
    #[case(82.0, 6_250)]
    #[case(80.0, 5_000)]
    fn the_deeper_the_earlier(#[case] value: f64, #[case] raised_at: i64) {
        let raised = Outcome::Raised { priority: Medium, since: t(0), limit: 90.0, delay: Millis::from_secs(10) };
        assert_eq!(first_by_depth(&repeat(&[(value, 20)])), Some((raised_at, raised)));
    }

    #[test]
    fn beyond_the_second_limit_its_own_delay_holds() {
        let raised = |priority, limit, delay| Outcome::Raised {
            priority,
            since: Timestamp::from_ms(0),
            limit,
            delay: Millis::from_secs(delay),
        };
        // The first step goes on as it does at the second limit, so that both fall due at once: the second is looked at first.
        for value in [79.9, 79.0, 70.0, 20.0] {
            assert_eq!(run_by(&by_depth(), &repeat(&[(value, 20)])), [(5_000, raised(High, 80.0, 5))], "{value}");
        }
        // A site that lets the second step wait for longer hears of the first one before.
        let mut limits = by_depth();
        limits.low.extreme.as_mut().unwrap().delay = Millis::from_secs(8);
        let worse = Outcome::Worsened { priority: High, limit: 80.0, delay: Millis::from_secs(8) };
        let out = run_by(&limits, &repeat(&[(70.0, 20)]));
        assert_eq!(out, [(5_000, raised(Medium, 90.0, 10)), (8_000, worse)]);
    }

    #[test]
    fn depth_adds_up_over_values_and_not_in_the_band() {
        // 8 for 4 s are 32, nothing for 2 s in the band, 9 for 2 s are 18: 50 at 8 s.
        let values = repeat(&[(82.0, 4), (91.0, 2), (81.0, 2), (89.0, 2)]);
        assert_eq!(first_by_depth(&values).map(|(at, _)| at), Some(8_000));
        // A value clearly within ends it; the next violation begins with nothing.
        let values = repeat(&[(84.0, 8), (92.0, 1), (84.0, 10)]);
        let times: Vec<i64> = run_by(&by_depth(), &values).iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [8_000, 9_000 + 8_334]);
    }

    #[test]
    fn the_budget_of_a_value_that_stands_is_used_up_to_the_millisecond() {
        let limits = by_depth();
        let rules = Rules { side: Side::Low, limits: &limits };
        for tenths in 800..900_u32 {
            let value = f64::from(tenths) / 10.0;
            let mut machine = LimitMachine::default();
            assert_eq!(machine.value(rules, value, t(0), t(0)), None);
            let due = machine.due().unwrap();
            assert_eq!(machine.fire(rules, due + Millis(-1)), None, "{value}: not yet");
            assert!(matches!(machine.fire(rules, due), Some(Outcome::Raised { .. })), "{value} at {due}");
        }
    }

    #[test]
    fn a_second_step_may_have_a_budget_too() {
        let mut limits = spo2();
        limits.low.extreme.as_mut().unwrap().depth_budget = Some(20.0);
        let out = run_by(&limits, &repeat(&[(70.0, 10)]));
        assert!(matches!(out[0], (2_000, Outcome::Raised { priority: High, .. })), "{out:?}");
        let out = run_by(&limits, &repeat(&[(85.0, 12), (75.0, 10)]));
        assert!(matches!(out[1], (16_000, Outcome::Worsened { priority: High, .. })), "{out:?}");
    }

    #[test]
    fn a_machine_of_an_earlier_version_is_read() {
        let limits = by_depth();
        let rules = Rules { side: Side::Low, limits: &limits };
        let mut machine = LimitMachine::default();
        machine.value(rules, 84.0, t(0), t(0));
        let mut kept = serde_json::to_value(&machine).unwrap();
        assert_eq!(serde_json::from_value::<LimitMachine>(kept.clone()).unwrap(), machine);
        kept.as_object_mut().unwrap().retain(|key, _| !key.ends_with("_depth"));
        let mut old: LimitMachine = serde_json::from_value(kept).unwrap();
        assert_eq!(old.value(rules, 84.0, t(1_000), t(1_000)), None);
        assert_eq!(old.due(), Some(t(9_334)), "what came before is not known");
        let idle = serde_json::to_value(LimitMachine::default()).unwrap();
        assert!(!idle.to_string().contains("depth"), "an idle machine is as long as ever: {idle}");
    }

    #[test]
    fn violations_that_raise_none_of_their_own_are_counted() {
        let limits = spo2();
        let rules = Rules { side: Side::Low, limits: &limits };
        let mut machine = LimitMachine::default();
        let mut second = 0;
        let mut counted = |machine: &mut LimitMachine, values: &[f64]| {
            for value in values {
                let now = t(second * 1000);
                if value.is_nan() {
                    machine.inop(InopReason::NotMeasured);
                } else {
                    machine.value(rules, *value, now, now);
                }
                second += 1;
            }
            machine.take_again()
        };
        assert_eq!(counted(&mut machine, &[95.0, 85.0, 84.0]), 0, "the first is no other");
        assert_eq!(counted(&mut machine, &[90.0, 85.0, 91.0, 89.9]), 2, "while its delay runs");
        assert_eq!(counted(&mut machine, &[85.0; 10]), 0);
        assert!(machine.is_raised());
        assert_eq!(
            counted(&mut machine, &[91.0, 85.0, 95.0, 70.0]),
            2,
            "while it lasts, clearly within for a moment too"
        );
        assert_eq!(counted(&mut machine, &[f64::NAN, 70.0, 70.0]), 1, "what is lost in between ends a violation");
        assert_eq!(counted(&mut machine, &[95.0; 10]), 0);
        assert_eq!(counted(&mut machine, &[85.0, 85.0, 95.0, 85.0, f64::NAN, 85.0, 95.0]), 0, "each has its own word");
        assert!(machine.is_idle());
    }

    #[test]
    fn a_violation_that_other_limits_end_begins_anew_with_the_next_value() {
        let mut machine = pending_at_89();
        let wider = with_low(88.0, 10);
        assert!(machine.rejudge(Rules { side: Side::Low, limits: &wider }, 89.0, t(0), t(1_000)).is_some());
        assert_eq!(machine, LimitMachine::default());
    }

    fn pending_at_89() -> LimitMachine {
        let mut machine = LimitMachine::default();
        let limits = spo2();
        assert_eq!(machine.value(Rules { side: Side::Low, limits: &limits }, 89.0, t(0), t(0)), None);
        machine
    }

    fn with_low(limit: f64, delay_s: i64) -> VitalLimits {
        let mut limits = spo2();
        let low = limits.low.warning.as_mut().unwrap();
        (low.limit, low.delay) = (limit, Millis::from_secs(delay_s));
        limits
    }

    #[test]
    fn other_limits_judge_what_stands_at_once() {
        let judge = |limits: &VitalLimits, mut machine: LimitMachine, at| {
            let outcome = machine.rejudge(Rules { side: Side::Low, limits }, 89.0, t(0), t(at));
            (outcome, machine.due().map(Timestamp::as_ms))
        };
        let dip = Violation { since: t(0), worst: 89.0 };
        // Wider, on the limit: it is no violation any more.
        assert_eq!(judge(&with_low(89.0, 10), pending_at_89(), 4_000), (Some(Outcome::SuppressedByLimits(dip)), None));
        // Still one: it goes on counting from its beginning.
        assert_eq!(judge(&with_low(89.5, 10), pending_at_89(), 4_000), (None, Some(10_000)));
        assert_eq!(judge(&with_low(90.0, 15), pending_at_89(), 4_000), (None, Some(15_000)));
        let raised =
            |delay| Outcome::Raised { priority: Medium, since: t(0), limit: 90.0, delay: Millis::from_secs(delay) };
        assert_eq!(judge(&with_low(90.0, 4), pending_at_89(), 4_000).0, Some(raised(4)));
        assert_eq!(judge(&with_low(90.0, 5), pending_at_89(), 4_000), (None, Some(5_000)));
        // Narrower, and nothing was going on: the delay begins.
        assert_eq!(judge(&with_low(89.0, 10), LimitMachine::default(), 4_000), (None, None));
        assert_eq!(judge(&with_low(89.1, 10), LimitMachine::default(), 4_000), (None, Some(14_000)));
    }

    #[test]
    fn a_raised_condition_ends_by_the_clear_delay_of_other_limits() {
        let before = spo2();
        let mut machine = pending_at_89();
        assert!(machine.fire(Rules { side: Side::Low, limits: &before }, t(10_000)).is_some());
        let after = with_low(87.0, 10);
        let rules = Rules { side: Side::Low, limits: &after };
        assert_eq!(machine.rejudge(rules, 89.0, t(0), t(12_000)), None);
        assert_eq!(machine.due(), Some(t(17_000)));
        assert_eq!(machine.fire(rules, t(17_000)), Some(Outcome::Cleared));
        let mut machine = pending_at_89();
        machine.fire(Rules { side: Side::Low, limits: &before }, t(10_000));
        let in_the_band = with_low(88.0, 10);
        assert_eq!(machine.rejudge(Rules { side: Side::Low, limits: &in_the_band }, 89.0, t(0), t(12_000)), None);
        assert_eq!((machine.due(), machine.is_raised()), (None, true));
    }

    #[test]
    fn what_was_added_up_by_other_limits_counts_no_more() {
        let (before, after) = (by_depth(), {
            let mut limits = by_depth();
            limits.low.warning.as_mut().unwrap().limit = 88.0;
            limits
        });
        let mut machine = LimitMachine::default();
        machine.value(Rules { side: Side::Low, limits: &before }, 82.0, t(0), t(0));
        let rules = Rules { side: Side::Low, limits: &after };
        assert_eq!(machine.rejudge(rules, 82.0, t(0), t(6_000)), None);
        assert_eq!(machine.due(), Some(t(10_000)), "the plain delay, from the beginning of the violation");
    }

    proptest! {
        /// Property m: every stretch of values beyond the limit ends as an alert or as suppressed; nothing vanishes.
        #[test]
        fn violations_are_all_accounted_for(values in prop::collection::vec(
            prop_oneof![Just(f64::NAN), (70_u8..100).prop_map(f64::from)], 0..400))
        {
            let mut padded = values.clone();
            padded.extend(repeat(&[(99.0, 30)]));
            let out = run(&padded);
            let mut open = false;
            for (_, outcome) in &out {
                match outcome {
                    Outcome::Raised { .. } => { prop_assert!(!open); open = true; }
                    Outcome::Cleared => { prop_assert!(open); open = false; }
                    Outcome::Worsened { .. } | Outcome::Held(_) | Outcome::Resumed => prop_assert!(open),
                    Outcome::SuppressedByDelay(_)
                    | Outcome::SuppressedByQuality(_)
                    | Outcome::SuppressedByLimits(_) => prop_assert!(!open),
                }
            }
            prop_assert!(!open, "after 30 good seconds nothing is open");
            let any_low = values.iter().any(|v| *v < 90.0);
            prop_assert_eq!(any_low, !out.is_empty(), "a violation leaves a trace, its absence none");
        }

        /// What is let go of while a machine rests changes no answer.
        #[test]
        fn a_machine_that_has_rested_is_as_good_as_one_that_never_does(steps in prop::collection::vec(
            (0_u8..6, 70_u8..100, 0_i64..8_000), 0..300))
        {
            let (limits, wider) = (by_depth(), with_low(85.0, 4));
            let (mut kept, mut machine) = (Course::default(), LimitMachine::default());
            let mut now = t(0);
            for (act, value, span) in steps {
                now = now + Millis(span);
                let value = f64::from(value);
                let rules = Rules { side: Side::Low, limits: &limits };
                let (wanted, said) = match act {
                    0 => (kept.inop(InopReason::Stale), machine.inop(InopReason::Stale)),
                    1 => {
                        let wider = Rules { limits: &wider, ..rules };
                        (kept.rejudge(wider, value, now, now), machine.rejudge(wider, value, now, now))
                    }
                    2 => {
                        kept.shift(Millis(-span));
                        machine.shift(Millis(-span));
                        prop_assert_eq!(std::mem::take(&mut kept.again), machine.take_again());
                        (kept.fire(rules, now), machine.fire(rules, now))
                    }
                    _ => (kept.value(rules, value, now, now), machine.value(rules, value, now, now)),
                };
                prop_assert_eq!(said, wanted);
                prop_assert_eq!((machine.due(), machine.is_idle()), (kept.due, kept.is_idle()));
                let stored = serde_json::to_value(&machine).unwrap();
                prop_assert_eq!(&serde_json::from_value::<LimitMachine>(stored).unwrap(), &machine);
            }
        }

        /// A budget raises earlier or as the delay does, never later; and all violations are accounted for with it too.
        #[test]
        fn depth_is_never_later_than_the_plain_delay(values in prop::collection::vec(
            prop_oneof![Just(f64::NAN), (700_u32..1000).prop_map(|v| f64::from(v) / 10.0)], 0..300), budget in 1_u8..200)
        {
            let mut padded = values;
            padded.extend(repeat(&[(99.0, 30)]));
            let mut limits = spo2();
            limits.low.warning.as_mut().unwrap().depth_budget = Some(f64::from(budget));
            let raised = |out: &[(i64, Outcome)]| -> Vec<i64> {
                out.iter().filter(|(_, o)| matches!(o, Outcome::Raised { .. })).map(|(at, _)| *at).collect()
            };
            let (plain, deep) = (run(&padded), run_by(&limits, &padded));
            // Whenever the plain one is raised, the other is raised then or has been before, and has not ended.
            let mut open = Vec::new();
            let mut began = None;
            for (at, outcome) in &deep {
                match outcome {
                    Outcome::Raised { .. } => { prop_assert!(began.is_none()); began = Some(*at); }
                    Outcome::Cleared => open.push((began.take().unwrap(), *at)),
                    Outcome::SuppressedByDelay(_) | Outcome::SuppressedByQuality(_) => prop_assert!(began.is_none()),
                    _ => prop_assert!(began.is_some()),
                }
            }
            prop_assert!(began.is_none());
            for at in raised(&plain) {
                prop_assert!(open.iter().any(|(from, to)| *from <= at && at < *to), "{at}: {open:?}");
            }
            let any_low = padded.iter().any(|v| *v < 90.0);
            prop_assert_eq!(any_low, !deep.is_empty());
        }

        /// Property a: ten seconds below 90 without a break never pass without an alert.
        #[test]
        fn a_lasting_violation_is_always_raised(before in prop::collection::vec(70_u8..100, 0..100), low in 60_u8..90) {
            let mut values: Vec<f64> = before.into_iter().map(f64::from).collect();
            values.extend(repeat(&[(f64::from(low), 12)]));
            for out in [run(&values), run_by(&by_depth(), &values)] {
                let last_word = out.iter().rev().find(|(_, o)| !matches!(o, Outcome::Worsened { .. }));
                prop_assert!(matches!(last_word, Some((_, Outcome::Raised { .. }))), "{out:?}");
            }
        }
    }
}
