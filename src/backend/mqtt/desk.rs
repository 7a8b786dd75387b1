//! What a message says: from topic and payload to what the pipeline is asked.

use super::link::Published;
use crate::{
    backend::{
        app::App,
        config::{MqttConfig, MqttPayload},
        http::decode_rules,
    },
    domain::{DeviceId, Lapse, Timestamp, text::clean},
    ingest::{
        BodyForm, Decoded, Refused, TopicPattern, Way, decode_body, device_of, hold_to_topic,
        medtech::{Mapped, MedtechDecoded},
        sparkplug::{self, Missed, Rebirth, Session, Taken, Topic},
    },
    store::DeadLetter,
};
use bytes::Bytes;
use std::{fmt::Write, sync::Arc};

/// What is to be done for a message, in this order.
#[derive(Default)]
pub(super) struct Steps {
    /// Devices that are gone, or of which messages are missing.
    pub(super) lapse: Option<(Lapse, Vec<DeviceId>)>,
    /// What it says.
    pub(super) says: Says,
    /// Whether messages before it are missing.
    pub(super) gap: bool,
    /// An edge node that is to be asked to be born again.
    pub(super) rebirth: Option<Rebirth>,
}

/// What a message says.
#[derive(Default)]
pub(super) enum Says {
    /// Nothing for us.
    #[default]
    Nothing,
    /// Values, be they none: the gateway was heard.
    Values { topic: Option<DeviceId>, before: Option<Timestamp>, decoded: Decoded, mapped: Option<Box<Mapped>> },
    /// Nothing that can be used: it is kept.
    Unusable(DeadLetter),
}

/// What the payloads of a source are.
enum Payload {
    Native,
    Medtech,
    Sparkplug(Box<(sparkplug::Source, Session)>),
}

/// The desk of one source.
pub(super) struct Desk {
    pub(super) app: Arc<App>,
    pub(super) name: String,
    pub(super) device: DeviceId,
    payload: Payload,
    patterns: Vec<TopicPattern>,
    message_bytes: usize,
}

impl Desk {
    pub(super) fn new(app: Arc<App>, name: &str, config: &MqttConfig) -> Result<Self, String> {
        let payload = match config.payload {
            MqttPayload::Native => Payload::Native,
            MqttPayload::Medtech => Payload::Medtech,
            MqttPayload::Sparkplug => {
                Payload::Sparkplug(Box::new((config.sparkplug(&app.vitals)?, Session::default())))
            }
        };
        Ok(Self {
            app,
            name: name.to_owned(),
            device: config.device.clone(),
            payload,
            patterns: config.patterns()?,
            message_bytes: config.message_bytes,
        })
    }

    /// Reads a message.
    pub(super) async fn read(&mut self, message: &Published) -> Steps {
        if message.too_long {
            let detail = format!("the payload is longer than {} bytes: see message_bytes", self.message_bytes);
            return self.unusable(message, &detail, "");
        }
        if let Payload::Sparkplug(_) = self.payload {
            return self.sparkplug(message);
        }
        // Who clears a retained message publishes nothing in its place.
        if message.payload.is_empty() {
            return Steps::default();
        }
        let device = match device_of(&self.patterns, &message.topic) {
            Ok(device) => device,
            Err(why) => return self.unusable(message, &why, ""),
        };
        let measured_by = device.clone().unwrap_or_else(|| self.device.clone());
        let (decoded, way) = match self.payload {
            Payload::Medtech => (self.medtech(message.payload.clone(), measured_by).await, Way::Mapped),
            Payload::Native | Payload::Sparkplug(_) => {
                let rules = decode_rules(&self.app, &measured_by);
                let decoded = decode_body(&message.payload, BodyForm::Json, rules).map_err(|e| e.to_string());
                (decoded.map(|decoded| (decoded, None)), Way::Own)
            }
        };
        match decoded {
            Ok((mut decoded, mut mapped)) => {
                if let Some(device) = &device {
                    hold_to_topic(&mut decoded, device);
                    if let Some(mapped) = &mut mapped {
                        mapped.hold_to_topic(device, &mut decoded);
                    }
                }
                let before = message.retained.then(|| self.said_at_the_latest(&decoded));
                Steps { says: Says::Values { topic: device, before, decoded, mapped }, ..Steps::default() }
            }
            Err(why) => self.unusable(message, &why, &way.with_topic(device.as_ref())),
        }
    }

    /// Decodes beside the server's other work: a message may take a while.
    async fn medtech(&self, body: Bytes, measured_by: DeviceId) -> Result<(Decoded, Option<Box<Mapped>>), String> {
        let app = Arc::clone(&self.app);
        let made = tokio::task::spawn_blocking(move || {
            let mappings = app.mappings.get().ok_or("the configuration names no mappings ([medtech])")?;
            let rules = decode_rules(&app, &measured_by);
            mappings.intake().decode(&body, BodyForm::Json, rules).map_err(|e| e.to_string())
        });
        let made = made.await.map_err(|_| "the message could not be decoded: see the server's log".to_owned())?;
        let MedtechDecoded { decoded, messages, unmatched, measurements, mapped, .. } = made?;
        self.app.hub.metrics().medtech(messages, unmatched, measurements);
        Ok((decoded, mapped))
    }

    fn sparkplug(&mut self, message: &Published) -> Steps {
        if message.retained {
            let why = "a retained message of Sparkplug may be of any time: its aliases and its number say nothing now";
            return self.unusable(message, why, Way::Sparkplug.as_str());
        }
        let Payload::Sparkplug(parts) = &mut self.payload else { return Steps::default() };
        let (source, session) = (&parts.0, &mut parts.1);
        let rules = decode_rules(&self.app, &self.device);
        let taken = Topic::parse(&message.topic)
            .and_then(|topic| session.take(topic, &message.payload, message.dup, source, rules));
        match taken {
            Ok(Taken { decoded, historical, lapse, gap, rebirth, is_ours, .. }) => {
                let before = (historical && !decoded.is_empty()).then(|| self.said_at_the_latest(&decoded));
                let values = Says::Values { topic: None, before, decoded, mapped: None };
                Steps { lapse, says: if is_ours { values } else { Says::Nothing }, gap, rebirth }
            }
            Err(why) => self.unusable(message, &why, Way::Sparkplug.as_str()),
        }
    }

    /// The broker lost what it kept for us: of whom messages may be missing, and who is to be asked.
    pub(super) fn missed(&mut self) -> Missed {
        let now = self.app.engine_clock.now();
        match &mut self.payload {
            Payload::Sparkplug(parts) => parts.1.missed(&parts.0, now),
            Payload::Native | Payload::Medtech => Missed::default(),
        }
    }

    /// What may be old is said to have come when its newest value was measured: it is no word of now.
    fn said_at_the_latest(&self, decoded: &Decoded) -> Timestamp {
        let newest = decoded.iter().flatten().map(|reading| reading.observed_at).max();
        newest.unwrap_or(Timestamp::MIN).min(self.app.engine_clock.now())
    }

    fn unusable(&self, message: &Published, why: &str, way: &str) -> Steps {
        let payload = match self.payload {
            Payload::Sparkplug(_) => Refused::payload(hex(&message.payload).as_bytes()),
            Payload::Native | Payload::Medtech => Refused::payload(&message.payload),
        };
        let letter = DeadLetter {
            at: self.app.engine_clock.now(),
            source: self.device.to_string(),
            code: "mqtt".to_owned(),
            detail: format!("{why} (topic {:?})", clean(&message.topic)),
            payload,
            way: way.to_owned(),
        };
        Steps { says: Says::Unusable(letter), ..Steps::default() }
    }
}

/// Bytes as text, as far as a dead letter keeps them.
fn hex(bytes: &[u8]) -> String {
    let kept = bytes.get(..Refused::PAYLOAD_MAX_BYTES / 2).unwrap_or(bytes);
    kept.iter().fold(String::with_capacity(kept.len() * 2), |mut text, byte| {
        // Writing to a text does not fail.
        let written = write!(text, "{byte:02x}");
        debug_assert!(written.is_ok());
        text
    })
}
