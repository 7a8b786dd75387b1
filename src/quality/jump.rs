//! A value far from the one before, until others confirm it.

use crate::domain::{
    Millis, Timestamp, VitalCode,
    vital::{HR, PULSE, SPO2},
};
use serde::{Deserialize, Serialize};

/// A jump is looked for among values within this span; slower data have no gate.
pub const JUMP_WITHIN: Millis = Millis::from_secs(2);
/// A jump is confirmed by so many values there…
const CONFIRMED_BY: u8 = 3;
/// …among so many, the first one included.
const CONFIRMED_AMONG: u8 = 5;
/// A jump that is not confirmed yet delays the first step of an alert for no longer than five values at 1 Hz take.
pub const JUMP_HOLDS_MAX: Millis = Millis::from_secs(4);

/// How far apart two values within [`JUMP_WITHIN`] must be to be a jump, in the vital's unit; `None` if it has no gate.
#[must_use]
pub fn jump_step(vital: VitalCode) -> Option<f64> {
    match vital {
        HR | PULSE => Some(30.0),
        SPO2 => Some(8.0),
        _ => None,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Point {
    value: f64,
    at: Timestamp,
}

/// A jump that waits to be confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Open {
    from: f64,
    up: bool,
    there: u8,
    seen: u8,
}

/// The gate of one series.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Jump {
    /// The last value that is no jump.
    last: Option<Point>,
    /// One before it, about a second or more.
    base: Option<Point>,
    open: Option<Open>,
}

impl Jump {
    /// A valid value measured `gap` after the one before: whether it is a jump that is not confirmed.
    pub fn value(&mut self, step: f64, value: f64, gap: Option<Millis>, at: Timestamp) -> bool {
        if gap.is_none_or(|gap| !(Millis::ZERO..=JUMP_WITHIN).contains(&gap)) {
            *self = Self::default();
        }
        if let Some(open) = self.open {
            return self.wait(open, step, value, at);
        }
        let near = |point: &Point| at.since(point.at) <= JUMP_WITHIN;
        let from = [self.last, self.base].into_iter().flatten().filter(near).find(|p| (value - p.value).abs() > step);
        match from {
            Some(from) => self.open(from.value, value),
            None => self.accept(value, at),
        }
    }

    fn wait(&mut self, open: Open, step: f64, value: f64, at: Timestamp) -> bool {
        let there = (value - open.from).abs() > step;
        if there && open.up != (value > open.from) {
            return self.open(open.from, value);
        }
        let open = Open { seen: open.seen + 1, there: open.there + u8::from(there), ..open };
        let over = open.seen >= CONFIRMED_AMONG;
        self.open = (!over).then_some(open);
        if !there {
            return self.accept(value, at);
        }
        if open.there >= CONFIRMED_BY {
            *self = Self::default();
            return self.accept(value, at);
        }
        // The last of the five, but not the third: it may be the first of a new jump.
        if over { self.open(open.from, value) } else { true }
    }

    fn open(&mut self, from: f64, value: f64) -> bool {
        self.open = Some(Open { from, up: value > from, there: 1, seen: 1 });
        true
    }

    fn accept(&mut self, value: f64, at: Timestamp) -> bool {
        let stands = |base: &Point| {
            let newer = self.last.map_or(at, |last| last.at);
            newer.since(base.at) < Millis::from_secs(1)
        };
        self.base = self.base.filter(stands).or(self.last);
        self.last = Some(Point { value, at });
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    /// `*` for each value that is an unconfirmed jump.
    fn marks(step: f64, gap: i64, values: &[f64]) -> String {
        let mut jump = Jump::default();
        let said = values.iter().zip(0_i64..).map(|(value, i)| {
            let since_last = (i > 0).then_some(Millis(gap));
            jump.value(step, *value, since_last, Timestamp::from_ms(i * gap))
        });
        said.map(|is| if is { '*' } else { '.' }).collect()
    }

    #[rstest]
    #[case::on_the_step(&[80., 110., 110.], "...")]
    #[case::beyond_it(&[80., 111., 80.], ".*.")]
    #[case::down(&[80., 49., 80.], ".*.")]
    #[case::in_two_seconds(&[80., 96., 112., 112.], "..**")]
    #[case::not_in_three(&[80., 91., 101., 112., 123.], ".....")]
    #[case::confirmed_by_the_third(&[80., 120., 121., 119., 120.], ".**..")]
    #[case::confirmed_by_three_of_five(&[80., 120., 80., 120., 80., 120., 120.], ".*.*...")]
    #[case::two_of_five_and_back(&[80., 120., 120., 80., 80., 80., 81., 80.], ".**.....")]
    #[case::the_fifth_may_be_a_new_jump(&[80., 120., 80., 80., 80., 120., 120., 120.], ".*...**.")]
    #[case::the_other_way(&[80., 120., 40., 80.], ".**.")]
    #[case::back_from_a_confirmed_level(&[80., 120., 120., 120., 80., 80., 80., 80.], ".**.**..")]
    fn rates(#[case] values: &[f64], #[case] expected: &str) {
        assert_eq!(marks(30.0, 1_000, values), expected);
    }

    #[rstest]
    #[case(2_000, ".**..")]
    #[case(2_001, ".....")]
    #[case(60_000, ".....")]
    fn slow_data_have_no_gate(#[case] gap: i64, #[case] expected: &str) {
        assert_eq!(marks(30.0, gap, &[80.0, 120.0, 120.0, 120.0, 120.0]), expected);
    }

    #[test]
    fn each_gated_vital_has_its_step() {
        let steps = [HR, PULSE, SPO2, crate::domain::vital::RR].map(jump_step);
        assert_eq!(steps, [Some(30.0), Some(30.0), Some(8.0), None]);
        assert_eq!(marks(8.0, 1_000, &[97.0, 89.0, 97.0]), "...");
        assert_eq!(marks(8.0, 1_000, &[97.0, 88.0, 97.0]), ".*.");
    }

    proptest! {
        #[test]
        fn a_level_that_stays_is_confirmed_by_its_third_value(
            before in prop::collection::vec(60_u8..200, 0..60), level in 60_u8..200,
        ) {
            let mut values: Vec<f64> = before.into_iter().map(f64::from).collect();
            values.extend([f64::from(level); 6]);
            let said = marks(30.0, 1_000, &values);
            prop_assert!(said.ends_with("..."), "{said}");
        }
    }
}
