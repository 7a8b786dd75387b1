//! What is known of edge nodes and their devices, message by message.

use super::{
    BD_SEQ_METRIC,
    payload::{Metric, Payload, metric::Value},
    topic::{Kind, Topic},
    value::{Def, Held, Source, read},
};
use crate::{
    domain::{DeviceId, Lapse, Millis, Timestamp, VitalTable, text::clean},
    ingest::{DecodeRules, Decoded, Refused, Way, native::Fault},
    protocol::{Rejection, RejectionCode},
};
use prost::Message;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Write,
    sync::Arc,
};

/// Most edge nodes of a source.
const NODES_MAX: usize = 1_000;
/// Most devices of an edge node.
const DEVICES_MAX: usize = 1_000;
/// Longest name of a metric, in bytes.
const NAME_MAX_BYTES: usize = 256;
/// An edge node is asked at most this often to be born again.
const REBIRTH_EVERY: Millis = Millis::from_secs(10);
/// Edge nodes that are asked at once after a lost session; others are asked with their next message.
const REBIRTHS_AT_ONCE: usize = 32;
/// Numbers of messages are counted from 0 to one less.
const SEQ_MODULUS: u64 = 256;

/// An edge node that is to be asked to be born again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebirth {
    /// Its group.
    pub group: String,
    /// Its name.
    pub edge: String,
}

/// What a message says.
#[derive(Debug, Default)]
pub struct Taken {
    /// The readings, and what could not be used.
    pub decoded: Decoded,
    /// Metrics that are no vital of ours.
    pub ignored: usize,
    /// Vitals that are said to have no value.
    pub no_value: usize,
    /// Whether all readings were held back: they are no word of now.
    pub historical: bool,
    /// Devices that are gone, or of which messages are missing.
    pub lapse: Option<(Lapse, Vec<DeviceId>)>,
    /// Whether messages before it are missing.
    pub gap: bool,
    /// Set if its edge node is to be asked to be born again.
    pub rebirth: Option<Rebirth>,
    /// Whether it is a word of an edge node: commands and states of hosts are none.
    pub is_ours: bool,
}

/// What is to be done when nobody knows which messages were missed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Missed {
    /// Devices of which messages may be missing.
    pub devices: Vec<DeviceId>,
    /// Edge nodes that are to be asked to be born again.
    pub rebirths: Vec<Rebirth>,
}

/// All edge nodes of a source.
#[derive(Debug, Default)]
pub struct Session {
    nodes: BTreeMap<String, Node>,
}

/// What is known of an edge node.
#[derive(Debug, Default)]
struct Node {
    born: Option<Born>,
    /// The devices of which something came since the node was gone, whether their birth is known or not.
    seen: BTreeSet<String>,
    asked_at: Option<Timestamp>,
}

/// An edge node that was born.
#[derive(Debug)]
struct Born {
    bd_seq: Option<u64>,
    seq: u64,
    /// Whether messages are missing since: aliases may mean something else.
    gap: bool,
    own: Metrics,
    /// By the name in topics; each is among those that are seen.
    devices: BTreeMap<String, Metrics>,
}

/// The metrics that a birth describes.
#[derive(Debug, Default)]
struct Metrics {
    by_name: HashMap<String, Arc<Def>>,
    /// `None` if two metrics have the same alias.
    by_alias: HashMap<u64, Option<Arc<Def>>>,
}

impl Metrics {
    fn of(payload: &Payload, source: &Source, vitals: &VitalTable) -> Self {
        let mut metrics = Self::default();
        for metric in &payload.metrics {
            let Some(name) = metric.name.as_deref().filter(|name| name.len() <= NAME_MAX_BYTES) else { continue };
            let def = Arc::new(Def::of(metric, name, source, vitals));
            if let Some(alias) = metric.alias {
                let known = metrics.by_alias.entry(alias).or_insert_with(|| Some(def.clone()));
                if known.as_ref().is_some_and(|known| known.name != name) {
                    *known = None;
                }
            }
            metrics.by_name.insert(name.to_owned(), def);
        }
        metrics
    }
}

impl Session {
    /// Takes a message; `dup` says that the broker may have delivered it before.
    ///
    /// # Errors
    /// Why nothing of it can be used. It harms no other message.
    pub fn take(
        &mut self,
        topic: Topic<'_>,
        payload: &[u8],
        dup: bool,
        source: &Source,
        rules: DecodeRules<'_>,
    ) -> Result<Taken, String> {
        if topic.kind == Kind::Other {
            return Ok(Taken::default());
        }
        let payload = Payload::decode(payload).map_err(|e| format!("the payload is no Sparkplug B: {e}"))?;
        if payload.metrics.len() > rules.max_items {
            return Err(format!("the payload holds more than {} metrics", rules.max_items));
        }
        let device = source.device(topic.edge, topic.device)?;
        let key = format!("{}/{}", topic.group, topic.edge);
        if !self.nodes.contains_key(&key) && self.nodes.len() >= NODES_MAX {
            return Err(format!("there are more than {NODES_MAX} edge nodes: divide them over several sources"));
        }
        let node = self.nodes.entry(key).or_default();
        let mut taken = Taken { is_ours: true, ..Taken::default() };
        node.turn(topic, &payload, dup, source, rules, &mut taken)?;
        if !matches!(topic.kind, Kind::NodeDeath | Kind::DeviceDeath) {
            node.readings(topic, &payload, (&device, source, rules), &mut taken);
        }
        if node.wants_birth(topic) && node.may_be_asked(rules.now) {
            taken.rebirth = Some(Rebirth { group: topic.group.to_owned(), edge: topic.edge.to_owned() });
        }
        Ok(taken)
    }

    /// The broker lost what it kept for us: of each edge node messages may be missing.
    pub fn missed(&mut self, source: &Source, now: Timestamp) -> Missed {
        let mut missed = Missed::default();
        for (key, node) in &mut self.nodes {
            // No level of a topic holds a slash.
            let Some((group, edge)) = key.split_once('/') else { continue };
            if let Some(born) = &mut node.born {
                born.gap = true;
            }
            let devices = all(Lapse::Missed, edge, node.seen.iter().cloned(), source);
            missed.devices.extend(devices.into_iter().flat_map(|(_, devices)| devices));
            if node.born.is_some() && missed.rebirths.len() < REBIRTHS_AT_ONCE && node.may_be_asked(now) {
                missed.rebirths.push(Rebirth { group: group.to_owned(), edge: edge.to_owned() });
            }
        }
        missed
    }
}

impl Node {
    /// What the message changes in what is known: births, deaths, its number.
    fn turn(
        &mut self,
        topic: Topic<'_>,
        payload: &Payload,
        dup: bool,
        source: &Source,
        rules: DecodeRules<'_>,
        taken: &mut Taken,
    ) -> Result<(), String> {
        let bd_seq = || payload.metrics.iter().find(|m| m.name.as_deref() == Some(BD_SEQ_METRIC)).and_then(whole);
        match topic.kind {
            Kind::NodeBirth => {
                let bd_seq = bd_seq();
                if self.born.take().is_some_and(|born| born.bd_seq != bd_seq) {
                    // It was gone meanwhile, and nobody said so.
                    taken.lapse = all(Lapse::Missed, topic.edge, std::mem::take(&mut self.seen), source);
                }
                let (own, seq) = (Metrics::of(payload, source, rules.vitals), payload.seq.unwrap_or_default());
                self.born = Some(Born { bd_seq, seq, gap: false, own, devices: BTreeMap::new() });
            }
            Kind::NodeDeath => {
                let said = bd_seq();
                // The will of an earlier connection may come after the birth of this one.
                let own = |born: &Born| said.is_none() || born.bd_seq.is_none() || said == born.bd_seq;
                // Where no birth is known, no number speaks against it.
                if self.born.as_ref().is_none_or(own) {
                    self.born = None;
                    taken.lapse = all(Lapse::Gone, topic.edge, std::mem::take(&mut self.seen), source);
                }
            }
            Kind::DeviceBirth | Kind::DeviceDeath | Kind::DeviceData | Kind::NodeData => {
                self.count(topic, payload.seq, dup, source, taken);
                let Some(name) = topic.device else { return Ok(()) };
                if topic.kind == Kind::DeviceDeath {
                    self.seen.remove(name);
                    if let Some(born) = &mut self.born {
                        born.devices.remove(name);
                    }
                    taken.lapse = of(Lapse::Gone, [source.device(topic.edge, Some(name))]);
                    return Ok(());
                }
                if !self.seen.contains(name) {
                    if self.seen.len() >= DEVICES_MAX {
                        return Err(format!("the edge node has more than {DEVICES_MAX} devices"));
                    }
                    self.seen.insert(name.to_owned());
                }
                if let Some(born) = self.born.as_mut().filter(|_| topic.kind == Kind::DeviceBirth) {
                    born.devices.insert(name.to_owned(), Metrics::of(payload, source, rules.vitals));
                }
            }
            Kind::Other => {}
        }
        Ok(())
    }

    /// Looks whether messages are missing before this one.
    fn count(&mut self, topic: Topic<'_>, seq: Option<u64>, dup: bool, source: &Source, taken: &mut Taken) {
        let Some(born) = &mut self.born else { return };
        let ahead = seq.map(|seq| (seq % SEQ_MODULUS + SEQ_MODULUS - born.seq % SEQ_MODULUS) % SEQ_MODULUS);
        match ahead {
            Some(1) => {}
            // It came before.
            Some(ahead) if dup && (ahead == 0 || ahead > SEQ_MODULUS / 2) => return,
            _ => {
                taken.gap = true;
                if !born.gap {
                    taken.lapse = all(Lapse::Missed, topic.edge, self.seen.iter().cloned(), source);
                }
                born.gap = true;
            }
        }
        born.seq = seq.unwrap_or(born.seq);
    }

    /// Whether it is time to ask the node to be born again; it counts as asked then.
    fn may_be_asked(&mut self, now: Timestamp) -> bool {
        let is_time = self.asked_at.is_none_or(|at| now.since(at) >= REBIRTH_EVERY);
        if is_time {
            self.asked_at = Some(now);
        }
        is_time
    }

    /// Whether the node has to be born before its data can be used.
    fn wants_birth(&self, topic: Topic<'_>) -> bool {
        match (topic.kind, &self.born) {
            (Kind::NodeDeath | Kind::Other, _) => false,
            (_, None) => true,
            (Kind::DeviceData, Some(born)) => {
                born.gap || topic.device.is_some_and(|name| !born.devices.contains_key(name))
            }
            (_, Some(born)) => born.gap,
        }
    }

    fn readings(
        &self,
        topic: Topic<'_>,
        payload: &Payload,
        context: (&DeviceId, &Source, DecodeRules<'_>),
        taken: &mut Taken,
    ) {
        taken.historical = payload.metrics.iter().all(|metric| metric.is_historical == Some(true));
        for metric in &payload.metrics {
            let mut ahead = None;
            let read = self.def(topic, metric, context).and_then(|def| match def.vital {
                Some(vital) => read(metric, (&def, vital), payload.timestamp, context, &mut ahead).map(Some),
                None => Ok(None),
            });
            match read {
                Ok(None) => taken.ignored += 1,
                Ok(Some(Held::NoValue)) => taken.no_value += 1,
                Ok(Some(Held::Reading(reading))) => taken.decoded.push(Ok(reading)),
                Err((code, detail)) => {
                    let index = taken.decoded.len();
                    let detail = format!("{}: {detail}", shown(metric));
                    let rejection = Rejection { index, code, detail };
                    let payload = Refused::payload(told(context.0, metric, payload.timestamp).as_bytes());
                    taken.decoded.push(Err(Refused { rejection, payload, way: Way::Sparkplug, ahead }));
                }
            }
        }
    }

    /// What a metric is: by its name, else by its alias as long as that is certain.
    fn def(
        &self,
        topic: Topic<'_>,
        metric: &Metric,
        (_, source, rules): (&DeviceId, &Source, DecodeRules<'_>),
    ) -> Result<Arc<Def>, Fault> {
        let known = self.born.as_ref().and_then(|born| match topic.device {
            Some(name) => born.devices.get(name),
            None => Some(&born.own),
        });
        if let Some(name) = &metric.name {
            if name.len() > NAME_MAX_BYTES {
                let detail = format!("its name is longer than {NAME_MAX_BYTES} bytes");
                return Err((RejectionCode::Malformed, detail));
            }
            let own = || Arc::new(Def::of(metric, name, source, rules.vitals));
            return Ok(known.and_then(|known| known.by_name.get(name)).cloned().unwrap_or_else(own));
        }
        let unmatched = |detail: &str| Err((RejectionCode::Unmatched, detail.to_owned()));
        let Some(alias) = metric.alias else { return unmatched("it has neither a name nor an alias") };
        let Some(known) = known else {
            return unmatched(
                "no birth of its device is known, so the alias means nothing: the node was asked for one",
            );
        };
        if self.born.as_ref().is_some_and(|born| born.gap) {
            return unmatched(
                "messages before it are missing, so the alias may mean something else: the node was asked to be born again",
            );
        }
        match known.by_alias.get(&alias) {
            Some(Some(def)) => Ok(def.clone()),
            Some(None) => unmatched("the birth gives this alias to two metrics"),
            None => unmatched("the birth has no such alias"),
        }
    }
}

/// An edge node with its devices, as we call them, and what became of them.
fn all(
    lapse: Lapse,
    edge: &str,
    names: impl IntoIterator<Item = String>,
    source: &Source,
) -> Option<(Lapse, Vec<DeviceId>)> {
    // Its own metrics are of the device that is called as it.
    let own = std::iter::once_with(|| source.device(edge, None));
    of(lapse, names.into_iter().map(|name| source.device(edge, Some(&name))).chain(own))
}

fn of(lapse: Lapse, devices: impl IntoIterator<Item = Result<DeviceId, String>>) -> Option<(Lapse, Vec<DeviceId>)> {
    let devices: Vec<DeviceId> = devices.into_iter().flatten().collect();
    (!devices.is_empty()).then_some((lapse, devices))
}

fn whole(metric: &Metric) -> Option<u64> {
    match metric.value {
        Some(Value::Int(n)) => Some(n.into()),
        Some(Value::Long(n)) => Some(n),
        _ => None,
    }
}

/// A metric by its name or alias.
fn shown(metric: &Metric) -> String {
    match (&metric.name, metric.alias) {
        (Some(name), _) => format!("metric {:?}", clean(name.get(..NAME_MAX_BYTES).unwrap_or(name))),
        (None, Some(alias)) => format!("alias {alias}"),
        (None, None) => "a metric".to_owned(),
    }
}

/// What is kept of a metric that could not be used, for people.
fn told(device: &DeviceId, metric: &Metric, sent_at: Option<u64>) -> String {
    let mut text = format!("device {device}, {}", shown(metric));
    let written = match &metric.value {
        Some(Value::Int(n)) => write!(text, " = {n}"),
        Some(Value::Long(n)) => write!(text, " = {n}"),
        Some(Value::Float(n)) => write!(text, " = {n}"),
        Some(Value::Double(n)) => write!(text, " = {n}"),
        Some(Value::Boolean(so)) => write!(text, " = {so}"),
        Some(Value::Text(value)) => write!(text, " = {:?}", clean(value)),
        None => Ok(()),
    };
    let at = metric.timestamp.or(sent_at).and_then(|ms| i64::try_from(ms).ok());
    let timed = at.map_or(Ok(()), |ms| write!(text, " at {}", Timestamp::from_ms(ms)));
    // Writing to a text does not fail.
    debug_assert!(written.is_ok() && timed.is_ok());
    text
}
