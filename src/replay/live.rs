//! A recording sent to a server as a gateway would send it: paced, stamped, and each sample until it is acknowledged.
//!
//! The spacing of the recording is divided by the speed; each sample is stamped with the time at which it is due. After a
//! cut the samples that were not acknowledged go first, as they were (a server stores none twice), and the rest of the
//! recording is moved by the length of the cut.

use super::recording::{Recording, Sample};
use crate::{
    access::Secret,
    client::{Delays, Endpoint, SendError, Sender},
    domain::{DeviceId, Millis, Timestamp, VitalCode},
    ingest::native::{INTERVAL_MAX, INTERVAL_MIN},
    protocol::{OBSERVATIONS_PER_MESSAGE_MAX, RejectionCode},
    seam::{Clock, Entropy},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::time::sleep;

/// Samples that are due within this time are sent together, in milliseconds.
const BATCH_MS: i64 = 50;

/// How a recording is sent.
#[derive(Debug, Clone)]
pub struct LiveOptions {
    /// The server.
    pub endpoint: Endpoint,
    /// The token of the gateway that sends for all devices of the recording.
    pub token: Secret,
    /// How much faster than recorded; 1 is as recorded.
    pub speed: f64,
    /// Whether to begin again at the end, for ever.
    pub again: bool,
    /// Where in the recording to begin, from second 0.
    pub from: Millis,
    /// When the beginning is due; now if absent.
    pub due: Option<Timestamp>,
}

/// How far the sending has come.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LiveProgress {
    /// Samples that were acknowledged.
    pub sent: u64,
    /// Samples of one pass, counted from where it began.
    pub total: u64,
    /// Acknowledged as stored before.
    pub duplicate: u64,
    /// Not taken, by reason.
    pub rejected: BTreeMap<RejectionCode, u64>,
    /// The first rejection, in words.
    pub first_rejection: Option<String>,
    /// How late the last samples went out, in milliseconds.
    pub lag_ms: i64,
    /// Why the link is lost, while it is.
    pub lost: Option<String>,
}

/// Why the sending has ended before the recording.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The server will not have this sender.
    #[error("{0}")]
    Refused(String),
}

struct Live<'a> {
    options: &'a LiveOptions,
    clock: Arc<dyn Clock>,
    delays: Delays,
    sender: Option<Sender>,
    progress: LiveProgress,
    stated: BTreeSet<(DeviceId, VitalCode)>,
    stamped: BTreeMap<(DeviceId, VitalCode), Timestamp>,
    intervals: BTreeMap<(DeviceId, VitalCode), Millis>,
    /// Wall time of second 0 of the recording at the present speed; later after each cut.
    base: Timestamp,
}

/// Sends a recording until it ends, or for ever. `report` is called after each acknowledgement and when the link is lost
/// or found.
///
/// # Errors
/// If the server refuses the token.
pub async fn send(
    recording: &Recording,
    options: &LiveOptions,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    mut report: impl FnMut(&LiveProgress),
) -> Result<LiveProgress, LiveError> {
    let begin = options.due.unwrap_or_else(|| clock.wall());
    let mut live = Live {
        options,
        base: begin - scaled(options.from, options.speed),
        clock,
        delays: Delays::new(entropy),
        sender: None,
        progress: LiveProgress { total: count_from(recording, options.from), ..LiveProgress::default() },
        stated: BTreeSet::new(),
        stamped: BTreeMap::new(),
        intervals: intervals_of(recording),
    };
    let end = if options.again { Millis(i64::MAX / 2) } else { recording.span().end };
    let mut batch: Vec<Sample> = Vec::new();
    for sample in recording.window(options.from, end) {
        let due = live.due(&sample, recording.plan.zero);
        let full = batch.len() >= OBSERVATIONS_PER_MESSAGE_MAX;
        let first_due = batch.first().map(|first| live.due(first, recording.plan.zero));
        if full || first_due.is_some_and(|first| due.since(first).0 > BATCH_MS) {
            live.pass_on(&std::mem::take(&mut batch), recording.plan.zero, &mut report).await?;
        }
        batch.push(sample);
    }
    live.pass_on(&batch, recording.plan.zero, &mut report).await?;
    Ok(live.progress)
}

/// The samples of one pass that begins at `from`.
fn count_from(recording: &Recording, from: Millis) -> u64 {
    let span = recording.span();
    if from <= span.first { recording.count() } else { recording.window(from, span.end).count() as u64 }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "spans stay far below 2^52 ms")]
fn scaled(span: Millis, speed: f64) -> Millis {
    Millis((span.0 as f64 / speed).round() as i64)
}

fn intervals_of(recording: &Recording) -> BTreeMap<(DeviceId, VitalCode), Millis> {
    let devices = recording.plan.placements.iter().map(|p| &p.device);
    devices.flat_map(|d| d.intervals_ms.iter().map(|(vital, ms)| ((d.id.clone(), *vital), *ms))).collect()
}

impl Live<'_> {
    fn due(&self, sample: &Sample, zero: Timestamp) -> Timestamp {
        self.base + scaled(sample.at.since(zero), self.options.speed)
    }

    /// Waits until samples are due, stamps them, and sends them until they are acknowledged.
    async fn pass_on(
        &mut self,
        samples: &[Sample],
        zero: Timestamp,
        report: &mut impl FnMut(&LiveProgress),
    ) -> Result<(), LiveError> {
        let Some(last) = samples.last() else { return Ok(()) };
        let due = self.due(last, zero);
        self.wait_until(due, report).await?;
        let items: Vec<String> = samples.iter().map(|sample| self.stamp(sample, zero)).collect();
        let cut_at = self.clock.boot();
        let mut cut = false;
        loop {
            self.connect(report).await?;
            let Some(sender) = &mut self.sender else { continue };
            match sender.send(&items).await {
                Ok(answer) => {
                    self.progress.sent += items.len() as u64;
                    self.progress.duplicate += answer.duplicate as u64;
                    for rejection in answer.rejections {
                        *self.progress.rejected.entry(rejection.code).or_default() += 1;
                        self.progress.first_rejection.get_or_insert(rejection.detail);
                    }
                    break;
                }
                Err(e) => {
                    cut = true;
                    self.lost(&e, report).await?;
                }
            }
        }
        if cut {
            self.base = self.base + (self.clock.boot() - cut_at);
        }
        self.progress.lag_ms = self.clock.wall().since(self.due(last, zero)).0.max(0);
        report(&self.progress);
        Ok(())
    }

    /// Waits until a time, hearing the server meanwhile; a link that is lost is made anew at once.
    async fn wait_until(&mut self, due: Timestamp, report: &mut impl FnMut(&LiveProgress)) -> Result<(), LiveError> {
        loop {
            let wait = due.since(self.clock.wall()).0;
            let Ok(wait) = u64::try_from(wait) else { return Ok(()) };
            if wait == 0 {
                return Ok(());
            }
            let pause = sleep(Duration::from_millis(wait));
            let Some(sender) = &mut self.sender else {
                pause.await;
                continue;
            };
            let lost = tokio::select! {
                () = pause => continue,
                lost = sender.idle() => lost,
            };
            self.lost(&lost, report).await?;
        }
    }

    async fn connect(&mut self, report: &mut impl FnMut(&LiveProgress)) -> Result<(), LiveError> {
        while self.sender.is_none() {
            match Sender::connect(&self.options.endpoint, &self.options.token).await {
                Ok(sender) => {
                    self.sender = Some(sender);
                    self.delays.succeeded();
                    self.stated.clear();
                    self.progress.lost = None;
                }
                Err(e) => self.lost(&e, report).await?,
            }
        }
        Ok(())
    }

    async fn lost(&mut self, error: &SendError, report: &mut impl FnMut(&LiveProgress)) -> Result<(), LiveError> {
        self.sender = None;
        match error {
            SendError::Refused(why) => Err(LiveError::Refused(why.clone())),
            SendError::Lost(why) => {
                self.progress.lost = Some(why.clone());
                report(&self.progress);
                sleep(Duration::from_millis(self.delays.failed())).await;
                Ok(())
            }
        }
    }

    /// A sample as the server takes it, stamped with the time at which it is due; times of a series always go up.
    fn stamp(&mut self, sample: &Sample, zero: Timestamp) -> String {
        let key = (sample.device.clone(), sample.vital);
        let due = self.due(sample, zero);
        let at = self.stamped.get(&key).map_or(due, |last| due.max(*last + Millis(1)));
        self.stamped.insert(key.clone(), at);
        let new = self.stated.insert(key.clone());
        let interval = sample.interval.or_else(|| self.intervals.get(&key).copied());
        let value = sample
            .text
            .as_deref()
            .filter(|t| is_json_number(t))
            .map_or_else(|| sample.value.to_string(), str::to_owned);
        let mut item = format!(
            r#"{{"device":"{}","vital":"{}","value":{value},"observed_at":"{at}""#,
            sample.device, sample.vital
        );
        if let Some(interval) = interval.filter(|_| new || sample.interval.is_some()) {
            let ms = scaled(interval, self.options.speed).0.clamp(INTERVAL_MIN.0, INTERVAL_MAX.0);
            item.push_str(&format!(r#","interval_ms":{ms}"#));
        }
        item.push('}');
        item
    }
}

/// Whether the text of a value may stand in JSON as it is.
fn is_json_number(text: &str) -> bool {
    serde_json::from_str::<serde_json::Number>(text).is_ok()
}
