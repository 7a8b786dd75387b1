//! Scores against published and public rows: `$WARDWATCH_SHARED/conformance/scores`, by default `../shared`.
//!
//! `news2.json`: all rows. `other.json`: rows with all inputs of a score have its parts and total; rows with a missing input
//! come out incomplete; scores that are not built are named. An input that is not understood is a failure, so that no row
//! comes out incomplete by a misreading. Prints how many ran.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a test fails by panicking"
)]

use serde_json::Value;
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::ExitCode,
};
use wardwatch::{
    domain::{
        Consciousness, ScoreBasis, ScoreItem, ScoreKind, ScoreResult, ScoreRisk, ScoreValue, Spo2Scale, Timestamp,
    },
    score::{self, Inputs, NOT_BUILT, news2},
};

/// The rows with a date of birth were written about then; they give no date of their own.
const ROWS_WRITTEN: (i32, u32, u32) = (2016, 12, 31);

/// What became of one row.
enum Row {
    Passed,
    /// An input is missing, and there is no total.
    Incomplete,
    NotBuilt(String),
    Failed(String),
}

#[derive(Default)]
struct Tally {
    passed: usize,
    incomplete: usize,
    failed: Vec<String>,
    not_built: BTreeMap<String, usize>,
}

impl Tally {
    fn add(&mut self, name: &str, row: Row) {
        match row {
            Row::Passed => self.passed += 1,
            Row::Incomplete => self.incomplete += 1,
            Row::NotBuilt(score) => *self.not_built.entry(score).or_default() += 1,
            Row::Failed(why) => self.failed.push(format!("{name}: {why}")),
        }
    }

    fn ran(&self) -> usize {
        self.passed + self.incomplete + self.failed.len()
    }
}

fn main() -> ExitCode {
    let named = std::env::var_os("WARDWATCH_SHARED");
    let shared = named.clone().map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let folder = shared.join("conformance/scores");
    if named.is_none() && !folder.is_dir() {
        println!("scores_conformance: {} is not there: skipped", folder.display());
        return ExitCode::SUCCESS;
    }
    let mut tally = Tally::default();
    for (file, judge) in [("news2.json", news2_row as fn(&Value) -> Row), ("other.json", other_row)] {
        run(&folder.join(file), judge, &mut tally);
    }
    for (score, rows) in &tally.not_built {
        let why = NOT_BUILT.iter().find(|(name, _)| score.starts_with(name)).map_or("", |(_, why)| why);
        println!("not built: {score}, {rows} rows: {why}");
    }
    for failed in &tally.failed {
        println!("FAILED {failed}");
    }
    println!("{} rows ran, {} of them incomplete as they should be", tally.ran(), tally.incomplete);
    println!("{} passed, {} failed", tally.passed + tally.incomplete, tally.failed.len());
    if tally.failed.is_empty() && tally.ran() > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run(file: &Path, judge: fn(&Value) -> Row, tally: &mut Tally) {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(e) => {
            println!("{}: {e}", file.display());
            return;
        }
    };
    let before = tally.ran();
    let rows: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    for row in rows["cases"].as_array().unwrap_or_else(|| panic!("{}: no cases", file.display())) {
        let name = format!("{} {}", row["score"].as_str().unwrap_or("NEWS2"), row["id"].as_str().unwrap_or("?"));
        tally.add(&name, judge(row));
    }
    println!("{}: {} rows ran", file.display(), tally.ran() - before);
}

fn made(kind: ScoreKind, inputs: &Inputs) -> ScoreResult {
    score::of(kind, inputs, ScoreBasis::Charted, Timestamp::from_ms(0))
}

/// Compares what came with what was wanted, and says all differences.
fn verdict(differences: &[String]) -> Row {
    if differences.is_empty() { Row::Passed } else { Row::Failed(differences.join("; ")) }
}

fn differs<T: PartialEq + std::fmt::Debug>(what: &str, came: &T, wanted: &T, differences: &mut Vec<String>) {
    if came != wanted {
        differences.push(format!("{what} is {came:?}, not {wanted:?}"));
    }
}

fn news2_row(row: &Value) -> Row {
    let of = |key: &str| row["inputs"][key].as_f64();
    let inputs = Inputs {
        rr: of("rr"),
        spo2: of("spo2"),
        scale: if of("scale") == Some(2.0) { Spo2Scale::Two } else { Spo2Scale::One },
        oxygen: row["inputs"]["o2"].as_bool(),
        sbp: of("sbp"),
        hr: of("hr"),
        consciousness: row["inputs"]["acvpu"].as_str().and_then(|s| Consciousness::of_letter(s.chars().next()?)),
        temp: of("temp"),
        age: of("age").map(|age| age as u32),
        pregnant: row["inputs"]["pregnant"].as_bool(),
        adult: true,
        ..Inputs::default()
    };
    let result = made(ScoreKind::News2, &inputs);
    let expected = &row["expected"];
    let total = match &result.value {
        ScoreValue::Complete { total } => *total,
        // A row without an aggregate is one with a missing input, or of a patient whom the score was not made for.
        _ if expected["aggregate"].is_null() => return Row::Incomplete,
        other => return Row::Failed(format!("no total but {other:?}")),
    };
    let mut differences = Vec::new();
    differs("the aggregate", &Some(total), &expected["aggregate"].as_f64(), &mut differences);
    let items = [
        ("rr", ScoreItem::Rr),
        ("spo2", ScoreItem::Spo2),
        ("o2", ScoreItem::Oxygen),
        ("sbp", ScoreItem::Sbp),
        ("hr", ScoreItem::Hr),
        ("consciousness", ScoreItem::Consciousness),
        ("temp", ScoreItem::Temp),
    ];
    for (key, item) in items {
        let wanted = &expected["scores"][key];
        if !wanted.is_null() {
            differs(key, &points(&result, item).map(u64::from), &wanted.as_u64(), &mut differences);
        }
    }
    let risk = result.risk.map(ScoreRisk::as_str);
    for (key, came) in [("risk", risk), ("monitoring", Some(news2::monitoring(total, &result.parts)))] {
        if !expected[key].is_null() {
            differs(key, &came, &expected[key].as_str(), &mut differences);
        }
    }
    if !expected["single_3"].is_null() {
        let single = news2::has_single(&result.parts);
        differs("single_3", &Some(single), &expected["single_3"].as_bool(), &mut differences);
    }
    verdict(&differences)
}

fn points(result: &ScoreResult, item: ScoreItem) -> Option<u8> {
    result.parts.iter().find(|p| p.item == item).and_then(|p| p.points)
}

/// Inputs of the sources that our scores do not look at: what turns the SIRS criteria into sepsis, and urine output.
const NOT_LOOKED_AT: &[&str] = &["urine", "source of infection", "lactic", "organ dysfunction", "hypotension"];

/// The inputs of a row by their names in small letters.
struct Given<'a> {
    inputs: BTreeMap<String, &'a str>,
    /// The names of those that were understood.
    understood: RefCell<BTreeSet<String>>,
}

impl<'a> Given<'a> {
    fn of(row: &'a Value) -> Self {
        let inputs = row["inputs"].as_object().into_iter().flatten();
        let inputs = inputs.filter_map(|(key, value)| Some((key.to_lowercase(), value.as_str()?))).collect();
        Self { inputs, understood: RefCell::default() }
    }

    fn understood(&self, key: &str) {
        self.understood.borrow_mut().insert(key.to_owned());
    }

    /// Inputs that no score has taken and none has to.
    fn not_understood(&self) -> Vec<&str> {
        let understood = self.understood.borrow();
        let foreign = |key: &str| NOT_LOOKED_AT.iter().any(|word| key.contains(word));
        self.inputs.keys().map(String::as_str).filter(|key| !understood.contains(*key) && !foreign(key)).collect()
    }

    /// The first input whose name holds one of these words.
    fn input(&self, words: &[&str]) -> Option<(&str, &'a str)> {
        let found = |word: &&str| self.inputs.iter().find(|(key, _)| key.contains(*word));
        words.iter().find_map(found).map(|(key, value)| (key.as_str(), *value))
    }

    /// A quantity such as `37,Cel`, in the unit that we count in.
    fn number(&self, words: &[&str]) -> Option<f64> {
        let (key, text) = self.input(words)?;
        let (number, unit) = text.split_once(',').unwrap_or((text, ""));
        let number: f64 = number.trim().parse().ok()?;
        self.understood(key);
        Some(match unit.trim() {
            "[degF]" => (number - 32.0) / 1.8,
            "kPa" => number * 7.500_62,
            "/mm3" | "/uL" | "/mm³" | "/µL" => number / 1_000.0,
            _ => number,
        })
    }

    /// A criterion that was answered with yes or no.
    fn criterion(&self, words: &[&str]) -> Option<bool> {
        let (key, text) = self.input(words)?;
        let text = text.to_lowercase();
        let answer = |word: &str| text.split('|').any(|part| part.trim() == word);
        let is = if answer("present") || answer("yes") {
            true
        } else if answer("absent") || answer("no") {
            false
        } else {
            return None;
        };
        self.understood(key);
        Some(is)
    }

    /// A value; where a row answers a criterion, the value nearest to its bound on that side stands for the answer.
    fn criterion_or_number(&self, words: &[&str], met: f64, not: f64) -> Option<f64> {
        match self.criterion(words) {
            Some(is) => Some(if is { met } else { not }),
            None => self.number(words),
        }
    }

    /// The age in years when the rows were written.
    fn age(&self) -> Option<u32> {
        if let Some(age) = self.number(&["age"]) {
            return Some(age as u32);
        }
        let (key, born) = self.input(&["birth"])?;
        let mut parts = born.split(['-', 'T']);
        let (year, month, day): (i32, u32, u32) =
            (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        self.understood(key);
        let had_birthday = (ROWS_WRITTEN.1, ROWS_WRITTEN.2) >= (month, day);
        u32::try_from(ROWS_WRITTEN.0 - year - i32::from(!had_birthday)).ok()
    }

    /// ACVPU, with new confusion asked for apart.
    fn consciousness(&self) -> Option<Consciousness> {
        let confused = self.criterion(&["confusion"]) == Some(true);
        let (key, level) = self.input(&["avpu", "consciousness"])?;
        let level = level.to_lowercase();
        let level = [
            ("alert", Consciousness::Alert),
            ("confus", Consciousness::Confusion),
            ("voice", Consciousness::Voice),
            ("pain", Consciousness::Pain),
            ("unresponsive", Consciousness::Unresponsive),
        ]
        .into_iter()
        .find(|(word, _)| level.contains(word))?
        .1;
        self.understood(key);
        Some(if confused { level.max(Consciousness::Confusion) } else { level })
    }
}

/// The number before the first bar or comma of an expected value: `3|local::at0027|…`, `1.50,1`.
fn leading(text: &str) -> Option<f64> {
    text.split(['|', ',']).next()?.trim().parse().ok()
}

fn expected<'a>(row: &'a Value, words: &[&str]) -> Option<&'a str> {
    let all = row["expected"].as_object()?;
    let found = |word: &&str| all.iter().find(|(key, _)| key.to_lowercase().contains(*word));
    words.iter().find_map(found).and_then(|(_, value)| value.as_str())
}

fn other_row(row: &Value) -> Row {
    let name = row["score"].as_str().unwrap_or_default();
    let given = Given::of(row);
    let upper = name.to_uppercase();
    let begins = |with: &str| upper.starts_with(with);
    if begins("MEWS") {
        mews_row(row, &given)
    } else if begins("QSOFA") {
        qsofa_row(row, &given)
    } else if begins("SIRS") {
        sirs_row(row, &given)
    } else if begins("CART") {
        cart_row(row, &given)
    } else if begins("SHOCK") {
        shock_index_row(row, &given)
    } else if begins("ROX") {
        rox_row(row, &given)
    } else {
        Row::NotBuilt(name.to_owned())
    }
}

const RESPIRATION: &[&str] = &["respirat"];

fn rate(given: &Given<'_>) -> Option<f64> {
    let own = |key: &&String| key.contains("pulse") || key.contains("heart") || *key == "rate";
    given.number(&[given.inputs.keys().find(own)?.as_str()])
}

/// What came of a row, with its parts. The total is compared without what our score does not count; a row that comes out
/// incomplete has to lack an input, and has the right points for those that it gives.
fn compare(given: &Given<'_>, result: &ScoreResult, total: Option<f64>, parts: &[(ScoreItem, Option<f64>)]) -> Row {
    let mut differences = Vec::new();
    let not_understood = given.not_understood();
    if !not_understood.is_empty() {
        differences.push(format!("not understood: {}", not_understood.join(", ")));
    }
    for (item, wanted) in parts {
        let came = points(result, *item).map(f64::from);
        if wanted.is_some() && came.is_some() {
            differs(item.label(), &came, wanted, &mut differences);
        }
    }
    match &result.value {
        ScoreValue::Complete { total: came } => differs("the total", &Some(*came), &total, &mut differences),
        ScoreValue::Incomplete { .. } if differences.is_empty() => return Row::Incomplete,
        ScoreValue::Incomplete { .. } => {}
        ScoreValue::NotApplicable { why } => differences.push(format!("no score: {why}")),
    }
    verdict(&differences)
}

fn mews_row(row: &Value, given: &Given<'_>) -> Row {
    let inputs = Inputs {
        rr: given.number(RESPIRATION),
        hr: rate(given),
        sbp: given.number(&["systolic"]),
        temp: given.number(&["temperature"]),
        consciousness: given.consciousness(),
        adult: true,
        ..Inputs::default()
    };
    // Urine output is an item that version 1.2 of this source adds; the published score has none.
    let urine = expected(row, &["urine"]).and_then(leading).unwrap_or(0.0);
    let total = expected(row, &["total"]).and_then(leading).map(|total| total - urine);
    let part = |words| expected(row, words).and_then(leading);
    let parts = [
        (ScoreItem::Rr, part(&["respiratory"])),
        (ScoreItem::Hr, part(&["heart rate"])),
        (ScoreItem::Sbp, part(&["systolic"])),
        (ScoreItem::Temp, part(&["temperature"])),
        (ScoreItem::Consciousness, part(&["consciousness"])),
    ];
    compare(given, &made(ScoreKind::Mews, &inputs), total, &parts)
}

fn qsofa_row(row: &Value, given: &Given<'_>) -> Row {
    let of = |words: &[&str], met, not| given.criterion_or_number(words, met, not);
    let inputs = Inputs {
        rr: of(RESPIRATION, 22.0, 21.0),
        sbp: of(&["systolic"], 100.0, 101.0),
        gcs: of(&["mentation", "glasgow", "gcs"], 14.0, 15.0),
        adult: true,
        ..Inputs::default()
    };
    let result = made(ScoreKind::Qsofa, &inputs);
    let row_of_total = compare(given, &result, expected(row, &["total"]).and_then(leading), &[]);
    match (row_of_total, expected(row, &["risk"]).and_then(leading)) {
        (Row::Passed, Some(high)) if (high == 1.0) != (result.risk == Some(ScoreRisk::High)) => {
            Row::Failed(format!("the risk is {:?}", result.risk))
        }
        (row, _) => row,
    }
}

fn sirs_row(row: &Value, given: &Given<'_>) -> Row {
    let of = |words: &[&str], met, not| given.criterion_or_number(words, met, not);
    let inputs = Inputs {
        temp: of(&["temp"], 38.1, 38.0),
        hr: of(&["heart rate"], 91.0, 90.0),
        rr: of(RESPIRATION, 21.0, 20.0),
        paco2: given.number(&["paco"]),
        wbc: of(&["wbc", "white"], 12.1, 12.0),
        bands: given.number(&["bands", "immature"]),
        adult: true,
        ..Inputs::default()
    };
    let result = made(ScoreKind::Sirs, &inputs);
    let total = expected(row, &["total"]).and_then(leading);
    let met = expected(row, &["result"]).map(|text| !text.to_lowercase().contains("not met"));
    match compare(given, &result, total, &[]) {
        Row::Passed if met.is_some_and(|met| met != (result.risk == Some(ScoreRisk::High))) => {
            Row::Failed(format!("the criteria are {:?}", result.risk))
        }
        row => row,
    }
}

fn cart_row(row: &Value, given: &Given<'_>) -> Row {
    let inputs = Inputs {
        rr: given.number(RESPIRATION),
        hr: given.number(&["heart rate", "pulse"]),
        dbp: given.number(&["diastolic"]),
        age: given.age(),
        adult: true,
        ..Inputs::default()
    };
    let part = |words| expected(row, words).and_then(leading);
    let age = row["expected"].as_object().and_then(|all| all.get("Age")).and_then(Value::as_str).and_then(leading);
    let parts = [
        (ScoreItem::Rr, part(&["respiratory"])),
        (ScoreItem::Hr, part(&["heart rate"])),
        (ScoreItem::Dbp, part(&["diastolic"])),
        (ScoreItem::Age, age),
    ];
    let result = made(ScoreKind::Cart, &inputs);
    let high = part(&["risk of"]);
    match compare(given, &result, part(&["cart score"]), &parts) {
        Row::Passed if high.is_some_and(|high| (high == 1.0) != (result.risk == Some(ScoreRisk::High))) => {
            Row::Failed(format!("the risk is {:?}", result.risk))
        }
        row => row,
    }
}

/// An index, compared at the decimals that the row gives.
fn index_row(given: &Given<'_>, result: &ScoreResult, wanted: Option<&str>) -> Row {
    let Some(came) = result.total() else { return compare(given, result, None, &[]) };
    let Some(text) = wanted.and_then(|w| w.split([',', '|']).next()) else {
        return Row::Failed("the row gives no index".to_owned());
    };
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.trim().len());
    let mut differences = Vec::new();
    differs("the index", &format!("{came:.decimals$}").as_str(), &text.trim(), &mut differences);
    verdict(&differences)
}

fn shock_index_row(row: &Value, given: &Given<'_>) -> Row {
    let inputs = Inputs {
        hr: given.number(&["heart rate", "pulse"]),
        sbp: given.number(&["systolic"]),
        adult: true,
        ..Inputs::default()
    };
    index_row(given, &made(ScoreKind::ShockIndex, &inputs), expected(row, &["shock index"]))
}

fn rox_row(row: &Value, given: &Given<'_>) -> Row {
    let inputs = Inputs {
        spo2: given.number(&["spo2", "saturation"]),
        fio2: given.number(&["fio2", "inspired"]),
        rr: given.number(RESPIRATION),
        high_flow: Some(true),
        adult: true,
        ..Inputs::default()
    };
    index_row(given, &made(ScoreKind::Rox, &inputs), expected(row, &["rox"]))
}
