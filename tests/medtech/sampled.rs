//! Stages sampled-data-build, sampled-data-merge, sampled-data-parse.

use super::compare::{Verdict, holds, instant, understood};
use serde_json::{Value, json};
use wardwatch::{
    fhir::Period,
    ingest::medtech::{
        Json,
        transform::{
            period_ticks,
            sampled::{self, TimedValue},
        },
    },
};

pub(crate) fn build(case: &Json) -> Verdict {
    let case = case.to_value();
    let input = &case["input"];
    understood(&case["expected"], &["data"])?;
    let over = Period { start: instant(&input["start"])?, end: instant(&input["end"])? };
    let built = sampled::build(&timed(&input["values"])?, over, ticks(input)?).map_err(|e| e.to_string())?;
    holds("data", &case["expected"]["data"], &built.into())
}

pub(crate) fn merge(case: &Json) -> Verdict {
    let case = case.to_value();
    understood(&case["expected"], &["values"])?;
    let merged = sampled::merge(timed(&case["input"]["existing"])?, timed(&case["input"]["new"])?);
    same(&case["expected"]["values"], &merged)
}

pub(crate) fn parse(case: &Json) -> Verdict {
    let case = case.to_value();
    let input = &case["input"];
    understood(&case["expected"], &["values"])?;
    let data = input["data"].as_str().ok_or("no data")?;
    let parsed = sampled::parse(data, instant(&input["start"])?, ticks(input)?).map_err(|e| e.to_string())?;
    same(&case["expected"]["values"], &parsed)
}

fn ticks(input: &Value) -> Result<i64, String> {
    let period = input["periodMs"].to_string().parse().map_err(|e| format!("{e}"))?;
    period_ticks(&period).ok_or_else(|| "no period".to_owned())
}

fn timed(list: &Value) -> Result<Vec<TimedValue>, String> {
    let one = |v: &Value| Ok((instant(&v["time"])?, v["value"].as_str().unwrap_or_default().to_owned()));
    list.as_array().into_iter().flatten().map(one).collect()
}

pub(crate) fn same(wanted: &Value, came: &[TimedValue]) -> Verdict {
    let came: Value = came.iter().map(|(at, value)| json!({"time": at.to_string(), "value": value})).collect();
    holds("values", wanted, &came)
}
