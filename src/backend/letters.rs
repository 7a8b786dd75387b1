//! Inputs that could not be used: what there is, and driving them again once the cause is mended.
//!
//! A letter that is driven again ends, whatever becomes of it: what cannot be used this time either is a letter of its own,
//! with the reason of now. Nothing is stored twice, for the same value of the same time is a duplicate.

use super::{
    app::App,
    http::decode_rules,
    mappings::Mappings,
    pipeline::{Job, JobError, Record},
};
use crate::{
    audit::{Act, LeafActor, LeafDraft, Outcome},
    domain::{Actor, DeviceId, Remark},
    ingest::{BodyForm, Decoded, Refused, Way, decode_body, hold_to_topic, medtech::Mapped},
    protocol::{IntakeReport, LetterQuery, LetterView, OPS_LETTERS_MAX},
    store::{DeadLetter, DeadLetterEnd, DeadLetterFilter, StoreError, StoredDeadLetter},
};
use std::sync::{Arc, PoisonError};

/// Most letters of one answer.
const LIST_MAX: u32 = 1_000;

/// Most letters that an entry of the trail names by their numbers.
const NAMED_MAX: usize = 100;

/// Why nothing was done with a letter.
#[derive(Debug, thiserror::Error)]
pub(super) enum LetterError {
    /// There is no such letter, or nothing can be done with it.
    #[error("{0}")]
    Refused(String),
    /// What it causes could not be made durable.
    #[error(transparent)]
    Job(#[from] JobError),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn refused(why: impl std::fmt::Display) -> LetterError {
    LetterError::Refused(why.to_string())
}

fn leaf(by: &Actor, act: Act) -> LeafDraft {
    LeafDraft::new(LeafActor::from(by), act, Outcome::Success)
}

/// The newest letters of a kind, with an entry in the audit trail: payloads may name patients.
pub(super) async fn list(
    app: &App,
    by: &Actor,
    filter: DeadLetterFilter,
    limit: u32,
) -> Result<Vec<StoredDeadLetter>, LetterError> {
    let reader = Arc::clone(&app.reader);
    let letters = tokio::task::spawn_blocking(move || reader.dead_letters(&filter, limit.min(LIST_MAX))).await;
    let letters = letters.map_err(refused)??;
    note_read(app, by, &letters).await?;
    Ok(letters)
}

/// Writes into the audit trail who was shown which letters.
async fn note_read(app: &App, by: &Actor, letters: &[StoredDeadLetter]) -> Result<(), LetterError> {
    let numbers: Vec<u64> = letters.iter().map(|stored| stored.no).collect();
    let leaf = LeafDraft { side_text: app.beside("dead_letter", numbered(&numbers)), ..leaf(by, Act::DeadLetterRead) };
    Ok(app.record(vec![leaf], Vec::new()).await?)
}

/// Letters by their numbers, the newest first.
fn numbered(numbers: &[u64]) -> String {
    let text = numbers.iter().take(NAMED_MAX).map(u64::to_string).collect::<Vec<_>>().join(" ");
    if let (Some(last), more @ 1..) = (numbers.last(), numbers.len().saturating_sub(NAMED_MAX)) {
        return format!("{text} and {more} more, the last {last}");
    }
    if text.is_empty() { "none".to_owned() } else { text }
}

/// Letters that wait, for a screen: one more than fits says whether there are older ones.
pub(super) async fn page(app: &App, by: &Actor, query: LetterQuery) -> Result<(Vec<LetterView>, bool), LetterError> {
    let LetterQuery { source, code, before } = query;
    let filter = DeadLetterFilter { ended: false, source, code, before };
    let mut letters = list(app, by, filter, OPS_LETTERS_MAX + 1).await?;
    let most = usize::try_from(OPS_LETTERS_MAX).unwrap_or(usize::MAX);
    let more = letters.len() > most;
    letters.truncate(most);
    let view = |StoredDeadLetter { no, letter, .. }| {
        let DeadLetter { at, source, code, detail, payload, .. } = letter;
        LetterView { no, at, source, code, detail, payload }
    };
    Ok((letters.into_iter().map(view).collect(), more))
}

/// One letter, with an entry in the audit trail.
pub(super) async fn show(app: &App, by: &Actor, no: u64) -> Result<StoredDeadLetter, LetterError> {
    let letter = find(app, no).await?;
    note_read(app, by, std::slice::from_ref(&letter)).await?;
    Ok(letter)
}

/// Ends a letter without driving it again.
pub(super) async fn put_aside(app: &App, by: &Actor, no: u64, reason: &Remark) -> Result<(), LetterError> {
    let _hand = Hand::on(app, no)?;
    let stored = open_letter(app, no).await?;
    let end = DeadLetterEnd { no, how: format!("dropped: {}", reason.as_str()), at: app.engine_clock.now() };
    let leaf = LeafDraft {
        side_text: app.beside("dead_letter", format!("{}; {}", about(&stored), reason.as_str())),
        ..leaf(by, Act::DeadLetterDrop)
    };
    let record = Record { leaves: vec![leaf], dead_letter_ends: vec![end], ..Record::default() };
    app.pipeline.ask(|reply| Job::Record { record, reply }).await?;
    Ok(())
}

/// Drives a letter again.
pub(super) async fn retry(app: &App, by: &Actor, no: u64) -> Result<IntakeReport, LetterError> {
    let _hand = Hand::on(app, no)?;
    let stored = open_letter(app, no).await?;
    let sender: DeviceId = stored
        .letter
        .source
        .parse()
        .map_err(|_| refused(format!("dead letter {no} is not of a device: drop it when its cause is mended")))?;
    let ((decoded, mapped), topic) = decode(app, &sender, &stored.letter).map_err(refused)?;
    let end = DeadLetterEnd { no, how: "retried".to_owned(), at: app.engine_clock.now() };
    let leaf = LeafDraft {
        device: Some(sender.clone()),
        side_text: app.beside("dead_letter", about(&stored)),
        ..leaf(by, Act::DeadLetterRetry)
    };
    let record = Record { leaves: vec![leaf], dead_letter_ends: vec![end], ..Record::default() };
    let received_at = stored.letter.at;
    let report =
        app.pipeline.ask(|reply| Job::Again { sender, topic, decoded, mapped, received_at, record, reply }).await?;
    app.hub.metrics().intake(&report);
    Ok(report)
}

/// What the audit trail keeps of a letter.
fn about(stored: &StoredDeadLetter) -> String {
    format!("{} of {}: {}", stored.no, stored.letter.source, stored.letter.code)
}

/// A letter is in one hand at a time.
struct Hand<'a> {
    app: &'a App,
    no: u64,
}

impl<'a> Hand<'a> {
    fn on(app: &'a App, no: u64) -> Result<Self, LetterError> {
        let free = app.letters_in_hand.lock().unwrap_or_else(PoisonError::into_inner).insert(no);
        if free { Ok(Self { app, no }) } else { Err(refused(format!("somebody is at dead letter {no} now"))) }
    }
}

impl Drop for Hand<'_> {
    fn drop(&mut self) {
        self.app.letters_in_hand.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.no);
    }
}

async fn find(app: &App, no: u64) -> Result<StoredDeadLetter, LetterError> {
    let reader = Arc::clone(&app.reader);
    let found = tokio::task::spawn_blocking(move || reader.dead_letter(no)).await;
    found.map_err(refused)??.ok_or_else(|| refused(format!("there is no dead letter {no}")))
}

async fn open_letter(app: &App, no: u64) -> Result<StoredDeadLetter, LetterError> {
    let found = find(app, no).await?;
    match &found.ended {
        None => Ok(found),
        Some((how, at)) => Err(refused(format!("dead letter {no} has ended at {at} ({how})"))),
    }
}

/// What was decoded, and what Observations are made of.
type Input = (Decoded, Option<Box<Mapped>>);

/// What a kept input says today, by the way it came, and the device that its topic named.
fn decode(app: &App, sender: &DeviceId, letter: &DeadLetter) -> Result<(Input, Option<DeviceId>), String> {
    let payload = &letter.payload;
    if payload.is_empty() {
        return Err("nothing of it is kept: it has to be sent again by its sender".to_owned());
    }
    if payload.len() + CUT_WITHIN > Refused::PAYLOAD_MAX_BYTES {
        return Err(format!(
            "only its first {} bytes are kept: it has to be sent again by its sender",
            Refused::PAYLOAD_MAX_BYTES
        ));
    }
    let unknown = "it does not say by which way it came: it has to be sent again by its sender";
    let (way, topic) = Way::kept(&letter.way).ok_or(unknown)?;
    let (mut decoded, mut mapped) = by_way(app, topic.as_ref().unwrap_or(sender), payload.as_bytes(), way)?;
    if let Some(device) = &topic {
        hold_to_topic(&mut decoded, device);
        if let Some(mapped) = &mut mapped {
            mapped.hold_to_topic(device, &mut decoded);
        }
    }
    Ok(((decoded, mapped), topic))
}

/// A body by the way it came; `measured_by` is the device of what names none.
fn by_way(app: &App, measured_by: &DeviceId, body: &[u8], way: Way) -> Result<Input, String> {
    let rules = decode_rules(app, measured_by);
    match way {
        Way::Own => decode_body(body, BodyForm::Json, rules).map(|decoded| (decoded, None)).map_err(|e| e.to_string()),
        Way::Mapped => {
            let intake = match app.mappings.get().map(Mappings::intake) {
                Some(intake) => intake,
                // No server runs: the mappings are read for this alone.
                None => Mappings::open(&app.config, &app.vitals)
                    .map_err(|e| e.to_string())?
                    .map(|mappings| mappings.intake())
                    .ok_or("the configuration names no mappings any more ([medtech])")?,
            };
            let made = intake.decode(body, BodyForm::Json, rules).map_err(|e| e.to_string())?;
            Ok((made.decoded, made.mapped))
        }
        Way::Fhir => Err("it came by FHIR: its sender has to send it again".to_owned()),
        Way::Hl7 => Err("it came by HL7 v2: its sender has to send it again".to_owned()),
        Way::Sparkplug => {
            Err("it came by Sparkplug: its edge node tells its values anew when it is born again".to_owned())
        }
    }
}

/// A payload that is shorter than its bound by less than this may have been cut at a character.
const CUT_WITHIN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_names_the_letters_that_were_shown_up_to_a_bound() {
        assert_eq!(numbered(&[]), "none");
        assert_eq!(numbered(&[9, 7]), "9 7");
        let many: Vec<u64> = (1..=1_000).rev().collect();
        let text = numbered(&many);
        assert!(text.starts_with("1000 999 ") && text.ends_with(" 901 and 900 more, the last 1"), "{text}");
    }
}
