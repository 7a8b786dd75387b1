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
mod tests;
