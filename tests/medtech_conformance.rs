//! MedTech mappings against the cases in `$WARDWATCH_SHARED/conformance/medtech`, by default `../shared`.
//!
//! Each case names its stage; each stage is one function in `tests/medtech/`. What a case expects in words that the stage
//! does not understand is a failure, so that nothing passes by a misreading. Prints how many passed, failed and were not run.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod medtech;

use medtech::{Case, EXCEPTIONS, STAGES};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
};

#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    excepted: usize,
    not_run: usize,
}

fn shared() -> PathBuf {
    let named = std::env::var_os("WARDWATCH_SHARED").map(PathBuf::from);
    named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"))
}

/// The cases, by name. Files that begin with `_` are none.
fn cases(folder: &Path) -> Vec<Case> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let is_case = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.ends_with(".json") && !name.starts_with('_')
    };
    paths.iter().filter(|path| is_case(path)).map(|path| Case::read(path)).collect()
}

fn main() -> ExitCode {
    let folder = shared().join("conformance/medtech");
    let must_run = std::env::var_os("WARDWATCH_SHARED").is_some();
    let mut stages: BTreeMap<String, Tally> = BTreeMap::new();
    let mut wrong = Vec::new();
    for case in cases(&folder) {
        let tally = stages.entry(case.stage.clone()).or_default();
        let Some((_, stage)) = STAGES.iter().find(|(name, _)| *name == case.stage) else {
            tally.not_run += 1;
            continue;
        };
        let excepted = EXCEPTIONS.iter().any(|(name, _)| *name == case.name);
        match (stage(&case), excepted) {
            (Ok(()), false) => tally.passed += 1,
            (Ok(()), true) => wrong.push(format!("{}: listed as an exception, but it passes", case.name)),
            (Err(_), true) => tally.excepted += 1,
            (Err(why), false) => {
                tally.failed += 1;
                wrong.push(format!("{}: {why}", case.name));
            }
        }
    }
    println!("{:24} {:>7} {:>7} {:>9} {:>8}", "stage", "passed", "failed", "excepted", "not run");
    for (stage, tally) in &stages {
        println!("{stage:24} {:>7} {:>7} {:>9} {:>8}", tally.passed, tally.failed, tally.excepted, tally.not_run);
    }
    let ran: usize = stages.values().map(|tally| tally.passed + tally.failed + tally.excepted).sum();
    println!("{ran} cases of {} ran", folder.display());
    for (name, reason) in EXCEPTIONS {
        println!("excepted: {name}: {reason}");
    }
    for line in &wrong {
        println!("WRONG {line}");
    }
    if ran == 0 && must_run {
        println!("WRONG WARDWATCH_SHARED is set, and no case was found in {}", folder.display());
        return ExitCode::FAILURE;
    }
    if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
