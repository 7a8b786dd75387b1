//! How a change of limits is written: `spo2.low=88`, `spo2.delay=15s`; and spans of time: `90s`, `10m`, `24h`, `7d`.

use super::{LimitValue, LimitsChange, Millis, StepName, VitalCode};
use std::{collections::BTreeMap, str::FromStr};

/// A span of time as people write it: a number with `ms`, `s`, `m`, `h` or `d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Millis);

/// A text that is no span of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a span of time: a number with ms, s, m, h or d is wanted, such as 15s or 24h")]
pub struct SpanError(String);

impl FromStr for Span {
    type Err = SpanError;
    fn from_str(text: &str) -> Result<Self, SpanError> {
        let error = || SpanError(text.chars().take(40).collect());
        let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).ok_or_else(error)?;
        let (number, unit) = text.split_at_checked(digits).ok_or_else(error)?;
        let ms = match unit {
            "ms" => 1.0,
            "s" => 1_000.0,
            "m" => 60_000.0,
            "h" => 3_600_000.0,
            "d" => 86_400_000.0,
            _ => return Err(error()),
        };
        let number: f64 = number.parse().map_err(|_| error())?;
        #[expect(clippy::cast_possible_truncation, reason = "a float becomes the nearest whole number that there is")]
        Ok(Self(Millis((number * ms).round() as i64)))
    }
}

/// One setting of a limit or delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitSetting {
    /// The vital.
    pub vital: VitalCode,
    /// What is different.
    pub change: LimitsChange,
}

/// A text that is no setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// Not of the form.
    #[error("{0:?} is not of the form VITAL.KEY=VALUE, such as spo2.low=88 or spo2.delay=15s")]
    Form(String),
    /// An unknown key.
    #[error("{0:?} is not low, low_extreme, high, high_extreme, delay or extreme_delay")]
    Key(String),
    /// Not a number.
    #[error("{0:?} is not a limit: a number is wanted")]
    Value(String),
    /// Not a delay.
    #[error(transparent)]
    Delay(#[from] SpanError),
    /// Two settings of one key that differ.
    #[error("{vital}.{key} is given twice, with different values: say it once")]
    Twice {
        /// The vital.
        vital: VitalCode,
        /// The key.
        key: &'static str,
    },
}

impl FromStr for LimitSetting {
    type Err = SettingError;
    fn from_str(text: &str) -> Result<Self, SettingError> {
        let short = |text: &str| text.chars().take(40).collect::<String>();
        let form = || SettingError::Form(short(text));
        let (name, value) = text.split_once('=').ok_or_else(form)?;
        let (vital, key) = name.split_once('.').ok_or_else(form)?;
        let vital = vital.parse().map_err(|_| form())?;
        let mut change = LimitsChange::default();
        match key {
            "delay" => change.delay = Some(value.parse::<Span>()?.0),
            "extreme_delay" => change.extreme_delay = Some(value.parse::<Span>()?.0),
            _ => {
                let step = StepName::ALL.into_iter().find(|step| step.as_str() == key);
                let step = step.ok_or_else(|| SettingError::Key(short(key)))?;
                change.set_step(step, LimitValue::from_str(value).map_err(|_| SettingError::Value(short(value)))?);
            }
        }
        Ok(Self { vital, change })
    }
}

/// Settings together, by vital.
///
/// # Errors
/// If two of them contradict each other.
pub fn together(settings: &[LimitSetting]) -> Result<BTreeMap<VitalCode, LimitsChange>, SettingError> {
    let mut all: BTreeMap<VitalCode, LimitsChange> = BTreeMap::new();
    for LimitSetting { vital, change } in settings {
        let before = all.entry(*vital).or_default();
        if let Some(key) = contradicted(before, change) {
            return Err(SettingError::Twice { vital: *vital, key });
        }
        *before = change.over(before);
    }
    Ok(all)
}

/// A key of which two changes say different things.
fn contradicted(one: &LimitsChange, other: &LimitsChange) -> Option<&'static str> {
    let delays = [("delay", one.delay, other.delay), ("extreme_delay", one.extreme_delay, other.extreme_delay)];
    let differs = |a: Option<LimitValue>, b: Option<LimitValue>| a.zip(b).is_some_and(|(a, b)| a != b);
    let step = StepName::ALL.into_iter().find(|step| differs(one.step(*step), other.step(*step)));
    let delay = delays.into_iter().find(|(_, a, b)| a.zip(*b).is_some_and(|(a, b)| a != b));
    step.map(StepName::as_str).or(delay.map(|(key, ..)| key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("15s", Some(15_000))]
    #[case("1.5s", Some(1_500))]
    #[case("250ms", Some(250))]
    #[case("10m", Some(600_000))]
    #[case("24h", Some(86_400_000))]
    #[case("7d", Some(604_800_000))]
    #[case("15", None)]
    #[case("s", None)]
    #[case("-1s", None)]
    #[case("1..5s", None)]
    #[case("1w", None)]
    #[case("", None)]
    fn spans_have_a_unit(#[case] text: &str, #[case] expected: Option<i64>) {
        assert_eq!(text.parse::<Span>().ok().map(|span| span.0.0), expected);
    }

    #[rstest]
    #[case("spo2.low=88", "{\"low\":88.0}")]
    #[case("hr.high_extreme=150.5", "{\"high_extreme\":150.5}")]
    #[case("spo2.delay=15s", "{\"delay_ms\":15000}")]
    #[case("rr.extreme_delay=500ms", "{\"extreme_delay_ms\":500}")]
    fn settings_are_read(#[case] text: &str, #[case] expected: &str) {
        let setting: LimitSetting = text.parse().unwrap();
        assert_eq!(serde_json::to_string(&setting.change).unwrap(), expected);
    }

    #[rstest]
    #[case("spo2.low", "VITAL.KEY=VALUE")]
    #[case("spo2=88", "VITAL.KEY=VALUE")]
    #[case("SpO2.low=88", "VITAL.KEY=VALUE")]
    #[case("spo2.lwo=88", "lwo")]
    #[case("spo2.low=nan", "a number is wanted")]
    #[case("spo2.low=inf", "a number is wanted")]
    #[case("spo2.delay=15", "span of time")]
    fn what_is_no_setting_is_refused(#[case] text: &str, #[case] says: &str) {
        let error = text.parse::<LimitSetting>().unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }

    #[test]
    fn settings_of_a_vital_are_one_change_and_two_that_differ_are_refused() {
        let all = |texts: &[&str]| {
            together(&texts.iter().map(|s| s.parse().unwrap()).collect::<Vec<LimitSetting>>())
                .map_err(|e| e.to_string())
        };
        let good = all(&["spo2.low=88", "hr.low=45", "spo2.delay=15s", "spo2.low=88.0"]).unwrap();
        let spo2 = good[&crate::domain::vital::SPO2];
        assert_eq!((good.len(), spo2.low.map(LimitValue::get), spo2.delay), (2, Some(88.0), Some(Millis(15_000))));
        let twice = |key: &str| Err(format!("{key} is given twice, with different values: say it once"));
        assert_eq!(all(&["spo2.low=86", "hr.low=45", "spo2.low=89"]), twice("spo2.low"));
        assert_eq!(all(&["hr.extreme_delay=5s", "hr.extreme_delay=6s"]), twice("hr.extreme_delay"));
    }
}
