//! What is doubtful about a value, and what follows from it: a mark, a technical alert, at most a moment's delay.

use super::{Engine, patients::PatientSeries, series::Series};
use crate::{
    alarm::TechnicalOutcome,
    domain::{LimitSide, Marks, Quality, Side, Timestamp, VitalLimits, limits::beyond},
    quality::{FlatlineChange, JUMP_HOLDS_MAX},
};

/// What was found.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Doubt {
    pub(super) marks: Marks,
    pub(super) flatline: Option<TechnicalOutcome>,
}

impl Engine {
    /// Looks at a present value of the series, before it is judged.
    pub(super) fn doubt(&mut self, at: (usize, usize), value: f64, quality: Quality, observed: Timestamp) -> Doubt {
        let Some(PatientSeries { beside, series, .. }) = self.patients.get_mut(at.0) else { return Doubt::default() };
        let Some(series) = series.get_mut(at.1) else { return Doubt::default() };
        let valid = quality == Quality::Valid;
        let mut doubt = series.doubt(value, valid, observed);
        if let Some(part) = series.rules.gates.part {
            let marks = beside.take(part, valid.then_some(value), &series.state.device, observed);
            doubt.marks = doubt.marks.and(marks);
        }
        doubt
    }
}

impl Series {
    /// What its own course says of a value.
    fn doubt(&mut self, value: f64, valid: bool, observed: Timestamp) -> Doubt {
        let gap = self.state.last.map(|last| observed.since(last.observed_at));
        let mut doubt = Doubt::default();
        if self.rules.gates.flatline {
            let same = self.state.last.is_some_and(|last| last.value.to_bits() == value.to_bits());
            let flatline = &mut self.state.flatline;
            let change = if valid { flatline.value(same, gap, observed) } else { flatline.end() };
            doubt.flatline = change.map(outcome);
            doubt.marks = Marks::FLATLINE.when(flatline.is_flat());
        }
        if let Some(step) = self.rules.gates.jump_step.filter(|_| valid) {
            doubt.marks = doubt.marks.and(Marks::JUMP.when(self.state.jump.value(step, value, gap, observed)));
        }
        doubt
    }

    /// No more values come: the run of equal ones is over.
    pub(super) fn end_flatline(&mut self) -> Option<TechnicalOutcome> {
        self.state.flatline.end().map(outcome)
    }
}

const fn outcome(change: FlatlineChange) -> TechnicalOutcome {
    match change {
        FlatlineChange::Began { since } => TechnicalOutcome::Raised { since },
        FlatlineChange::Ended => TechnicalOutcome::Cleared,
    }
}

/// The limits by which a jump that is not confirmed yet is judged: its first step waits until five values may have come,
/// but not beyond the extreme limit. The delay counts from the first value all the same, and nothing is left out.
pub(super) fn until_confirmed(limits: VitalLimits, side: Side, value: f64) -> VitalLimits {
    let hold = |steps: LimitSide| {
        let extreme = steps.extreme.is_some_and(|step| beyond(side, value, step.limit));
        let warning = steps.warning.map(|mut step| {
            step.delay = step.delay.max(JUMP_HOLDS_MAX);
            step
        });
        if extreme { steps } else { LimitSide { warning, ..steps } }
    };
    match side {
        Side::Low => VitalLimits { low: hold(limits.low), ..limits },
        Side::High => VitalLimits { high: hold(limits.high), ..limits },
    }
}
