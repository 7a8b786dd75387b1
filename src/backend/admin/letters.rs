//! Inputs that could not be used: what there is, and driving them again once the cause is mended.
//!
//! A letter that is driven again ends, whatever becomes of it: what cannot be used this time either is a letter of its own,
//! with the reason of now. Nothing is stored twice, for the same value of the same time is a duplicate.

use super::{
    execute::{Done, allow, leaf, refused},
    request::AdminAnswer,
};
use crate::{
    audit::{Act, LeafDraft},
    backend::{
        app::App,
        http::decode_rules,
        mappings::Mappings,
        pipeline::{Job, Record},
    },
    domain::{Actor, DeviceId, Remark},
    ingest::{BodyForm, Decoded, Refused, decode_body},
    protocol::{IntakeReport, WireObservation},
    rights::Verb,
    store::{DeadLetterEnd, DeadLetterFilter, StoredDeadLetter},
};
use serde_json::value::RawValue;
use std::sync::Arc;

/// Most letters of one answer.
const LIST_MAX: u32 = 1_000;

pub(super) async fn list(app: &App, by: &Actor, filter: DeadLetterFilter, limit: u32) -> Done {
    allow(Verb::ManageDevices)?;
    let reader = Arc::clone(&app.reader);
    let letters = tokio::task::spawn_blocking(move || reader.dead_letters(&filter, limit.min(LIST_MAX))).await;
    let letters = letters.map_err(refused)?.map_err(refused)?;
    app.record(vec![leaf(by, Act::DeadLetterRead)], Vec::new()).await.map_err(refused)?;
    Ok(AdminAnswer::DeadLetters { letters })
}

pub(super) async fn show(app: &App, by: &Actor, no: u64) -> Done {
    allow(Verb::ManageDevices)?;
    let letter = find(app, no).await?;
    app.record(vec![leaf(by, Act::DeadLetterRead)], Vec::new()).await.map_err(refused)?;
    Ok(AdminAnswer::DeadLetters { letters: vec![letter] })
}

pub(super) async fn put_aside(app: &App, by: &Actor, no: u64, reason: &Remark) -> Done {
    allow(Verb::ManageDevices)?;
    open_letter(app, no).await?;
    end(app, no, format!("dropped: {}", reason.as_str()), leaf(by, Act::DeadLetterDrop)).await?;
    Ok(AdminAnswer::Done)
}

pub(super) async fn retry(app: &App, by: &Actor, no: u64) -> Done {
    allow(Verb::ManageDevices)?;
    let stored = open_letter(app, no).await?;
    let sender: DeviceId = stored
        .letter
        .source
        .parse()
        .map_err(|_| refused(format!("dead letter {no} is not of a device: drop it when its cause is mended")))?;
    let decoded = decode(app, &sender, &stored.letter.payload).map_err(refused)?;
    let job = |reply| Job::Observations { sender: sender.clone(), decoded, reply };
    let report = app.pipeline.ask(job).await.map_err(refused)?;
    app.hub.metrics().intake(&report);
    let IntakeReport { accepted, duplicate, rejected, .. } = &report;
    let how = format!("driven again: {accepted} taken, {duplicate} known, {rejected} refused");
    let leaf = LeafDraft { device: Some(sender), ..leaf(by, Act::DeadLetterRetry) };
    end(app, no, how, leaf).await?;
    Ok(AdminAnswer::Retried { report })
}

async fn find(app: &App, no: u64) -> Result<StoredDeadLetter, super::request::AdminError> {
    let reader = Arc::clone(&app.reader);
    let found = tokio::task::spawn_blocking(move || reader.dead_letter(no)).await;
    found.map_err(refused)?.map_err(refused)?.ok_or_else(|| refused(format!("there is no dead letter {no}")))
}

async fn open_letter(app: &App, no: u64) -> Result<StoredDeadLetter, super::request::AdminError> {
    let found = find(app, no).await?;
    match &found.ended {
        None => Ok(found),
        Some((how, at)) => Err(refused(format!("dead letter {no} has ended at {at} ({how})"))),
    }
}

async fn end(app: &App, no: u64, how: String, leaf: LeafDraft) -> Result<(), super::request::AdminError> {
    let end = DeadLetterEnd { no, how, at: app.engine_clock.now() };
    let record = Record { leaves: vec![leaf], dead_letter_ends: vec![end], ..Record::default() };
    app.pipeline.ask(|reply| Job::Record { record, reply }).await.map_err(refused)
}

/// What a kept input is today: our own JSON, or a message for the mappings.
fn decode(app: &App, sender: &DeviceId, payload: &str) -> Result<Decoded, String> {
    if payload.len() + CUT_WITHIN > Refused::PAYLOAD_MAX_BYTES {
        return Err(format!(
            "only its first {} bytes are kept: it has to be sent again by its sender",
            Refused::PAYLOAD_MAX_BYTES
        ));
    }
    let (body, rules) = (payload.as_bytes(), decode_rules(app, sender));
    if is_own(payload) {
        return decode_body(body, BodyForm::Json, rules).map_err(|e| e.to_string());
    }
    let used = app.mappings.get().map(Mappings::intake);
    let intake = match used {
        Some(intake) => intake,
        // No server runs: the mappings are read for this alone.
        None => Mappings::open(&app.config, &app.vitals)
            .map_err(|e| e.to_string())?
            .map(|mappings| mappings.intake())
            .ok_or("it is not our own JSON, and the configuration names no mappings ([medtech])")?,
    };
    intake.decode(body, BodyForm::Json, rules).map(|made| made.decoded).map_err(|e| e.to_string())
}

/// A payload that is shorter than its bound by less than this may have been cut at a character.
const CUT_WITHIN: usize = 4;

/// Whether a payload is one or several observations of our own JSON.
fn is_own(payload: &str) -> bool {
    let is_one = |text: &str| serde_json::from_str::<WireObservation<'_>>(text).is_ok();
    let all = |items: Vec<&RawValue>| !items.is_empty() && items.iter().all(|item| is_one(item.get()));
    is_one(payload)
        || serde_json::from_str(payload).is_ok_and(all)
        || payload.lines().filter(|line| !line.trim().is_empty()).all(is_one)
}
