//! Which letters an event causes on a channel. Pure: the ward as it is now says names of beds and people.

use super::links::Links;
use crate::{
    backend::config::ChannelConfig,
    domain::{
        Actor, Alert, AlertClass, AlertId, Cause, ChannelName, ConditionCode, EmergencyOpened, Event, EventBody,
        LoginName, Mode, PatientId, Priority, Response, Side, SystemFault, Timestamp, VitalTable, WardId,
    },
    notify::{Content, Letter, LetterId, Purpose, Recipient, Told},
    protocol::{WardView, words::condition_name},
};
use std::collections::BTreeMap;

/// What letters are written with.
pub(super) struct Desktop<'a> {
    pub(super) site: &'a str,
    pub(super) vitals: &'a VitalTable,
    pub(super) addresses: &'a BTreeMap<String, String>,
    pub(super) links: Option<&'a Links>,
    pub(super) now: Timestamp,
    /// Who is asked and could no longer take an alert of the ward: they are not told of it.
    pub(super) gone: &'a [LoginName],
}

/// The alert that an event asks people about; `None` if it asks nobody.
pub(super) fn asks(event: &Event) -> Option<(&Alert, Cause)> {
    let EventBody::Alert { cause, alert, .. } = &event.body else { return None };
    let so = match cause {
        Cause::Raised | Cause::Worsened | Cause::Returned | Cause::Reminded | Cause::Unpaused => alert.is_audible(),
        Cause::Escalated => alert.is_unacknowledged(),
        Cause::HandedOver => !alert.is_closed(),
        Cause::Held
        | Cause::Resumed
        | Cause::Cleared
        | Cause::Acknowledged
        | Cause::Reset
        | Cause::Accepted
        | Cause::Declined
        | Cause::Paused
        | Cause::Moved
        | Cause::Told
        | Cause::Closed => false,
    };
    so.then_some((alert, *cause))
}

/// The open alerts that ask for somebody now, as if each had just been raised.
pub(super) fn asking(view: &WardView) -> Vec<Event> {
    let asks = view.alerts.values().filter(|alert| alert.is_unacknowledged() && !alert.is_answered());
    let event = |alert: &Alert| {
        let body = EventBody::Alert { cause: Cause::Escalated, alert: alert.clone(), by: None };
        Event::new(alert.raised_at, body)
    };
    asks.map(event).collect()
}

/// Whether an alert still asks for somebody, as it was told of.
pub(super) fn still_asks(view: &WardView, letter: &Letter) -> bool {
    if letter.purpose == Purpose::Emergency {
        return true;
    }
    let Some(alert) = view.alerts.get(&letter.id.alert) else { return false };
    if alert.is_unacknowledged() && !alert.is_answered() {
        return true;
    }
    // A reminder, the end of a pause and a handover ask the one who answered already; until the alert changes.
    let again = matches!(letter.cause, Cause::Reminded | Cause::Unpaused | Cause::HandedOver);
    again && alert.is_as_seen(letter.id.transition) && !alert.is_closed()
}

/// Who is asked: by the rota, by name, or whoever deals with it already.
pub(super) fn asked(alert: &Alert) -> Vec<LoginName> {
    match &alert.response {
        Response::Notified { to } | Response::Escalated { to, .. } => to.clone(),
        Response::Accepted { by: Actor::User { name, .. }, .. } => vec![LoginName::new(name)],
        Response::Accepted { .. } | Response::Declined { .. } | Response::Closed { .. } => Vec::new(),
    }
}

fn is_for(channel: &ChannelConfig, ward: &WardId, alert: &Alert) -> bool {
    channel.priorities.contains(&alert.priority)
        && alert.level >= channel.min_level
        && (channel.wards.is_empty() || channel.wards.contains(ward))
}

/// Whether it is about channels that fail: of that no failing channel needs to be told.
pub(super) fn is_of_channels(alert: &Alert) -> bool {
    alert.key.code == ConditionCode::System(SystemFault::NotifyFailed)
}

/// The letters of an event on a channel, one for each person who is asked; one for the ward if nobody is.
pub(super) fn letters(
    (event, unrecorded): (&Event, bool),
    view: &WardView,
    (name, channel): (&ChannelName, &ChannelConfig),
    desktop: &Desktop<'_>,
) -> Vec<Letter> {
    let Some((alert, cause)) = asks(event) else { return Vec::new() };
    if !is_for(channel, &view.ward.id, alert) {
        return Vec::new();
    }
    let mut people = asked(alert);
    people.retain(|name| !desktop.gone.contains(name));
    let everybody: Vec<Option<LoginName>> =
        if people.is_empty() { vec![None] } else { people.into_iter().map(Some).collect() };
    let letter = |to: Option<LoginName>| {
        let link = to
            .as_ref()
            .filter(|_| !unrecorded)
            .and_then(|to| desktop.links.and_then(|links| links.make((&view.ward.id, alert), to, name, desktop.now)));
        let id = LetterId {
            ward: view.ward.id.clone(),
            alert: alert.id,
            transition: alert.transition,
            emergency: None,
            to: to.clone(),
            unrecorded,
        };
        Letter {
            id,
            site: desktop.site.to_owned(),
            mode: view.mode,
            purpose: Purpose::Alert,
            at: event.at,
            to: to.map(|login| recipient(login, desktop.addresses)),
            ward: view.ward.name.clone(),
            bed: alert.bed.as_ref().map(|bed| view.beds.get(bed).map_or_else(|| bed.to_string(), |b| b.label.clone())),
            priority: alert.priority,
            class: alert.class,
            cause,
            level: alert.level,
            raised_at: alert.raised_at,
            told: (channel.content >= Content::Condition).then(|| told(alert, view, desktop.vitals)),
            name: (channel.content >= Content::Name).then(|| name_of(alert, view)).flatten(),
            link,
            judge_until: None,
            patient: alert.key.patient.clone(),
        }
    };
    everybody.into_iter().map(letter).collect()
}

/// The letters about an emergency on a channel, one for each of `people` whom it reaches; one for whoever the channel tells
/// without a name if it reaches nobody.
pub(super) fn emergency_letters(
    (at, patient, opened): (Timestamp, &PatientId, &EmergencyOpened),
    view: &WardView,
    channel: &ChannelConfig,
    people: &[LoginName],
    desktop: &Desktop<'_>,
) -> Vec<Letter> {
    if !channel.emergencies || !(channel.wards.is_empty() || channel.wards.contains(&view.ward.id)) {
        return Vec::new();
    }
    let shown = view.patients.get(patient);
    let bed = shown.map(|p| view.beds.get(&p.bed).map_or_else(|| p.bed.to_string(), |bed| bed.label.clone()));
    let name = shown.map(|p| p.patient.name.as_str().to_owned()).filter(|name| !name.is_empty());
    let told =
        Told { code: "emergency.opened".to_owned(), words: format!("opened by {}: {}", opened.user, opened.reason) };
    let letter = |to: Option<Recipient>| Letter {
        id: LetterId {
            ward: view.ward.id.clone(),
            alert: AlertId(0),
            transition: 0,
            emergency: Some(opened.emergency.clone()),
            to: to.as_ref().map(|to| to.login.clone()),
            unrecorded: false,
        },
        site: desktop.site.to_owned(),
        mode: view.mode,
        purpose: Purpose::Emergency,
        at,
        to,
        ward: view.ward.name.clone(),
        bed: bed.clone(),
        priority: Priority::Medium,
        class: AlertClass::Technical,
        cause: Cause::Raised,
        level: 1,
        raised_at: at,
        told: (channel.content >= Content::Condition).then(|| told.clone()),
        name: name.clone().filter(|_| channel.content >= Content::Name),
        link: None,
        judge_until: Some(opened.due),
        patient: Some(patient.clone()),
    };
    // An e-mail without an address would fail, and with it the channel.
    let needs_address = channel.email.as_ref().is_some_and(|email| email.to.is_empty());
    let reached = people.iter().map(|login| recipient(login.clone(), desktop.addresses));
    let reached: Vec<Recipient> = reached.filter(|to| !needs_address || to.email.is_some()).collect();
    if reached.is_empty() && !needs_address {
        return vec![letter(None)];
    }
    reached.into_iter().map(Some).map(letter).collect()
}

fn recipient(login: LoginName, addresses: &BTreeMap<String, String>) -> Recipient {
    let own = |(name, _): &(&String, &String)| name.eq_ignore_ascii_case(login.as_str());
    let email = addresses.iter().find(own).map(|(_, address)| address.clone());
    Recipient { login, email }
}

fn name_of(alert: &Alert, view: &WardView) -> Option<String> {
    let patient = view.patients.get(alert.key.patient.as_ref()?)?;
    let name = patient.patient.name.as_str();
    (!name.is_empty()).then(|| name.to_owned())
}

/// What is wrong, in words: `SpO2 low 84 % (limit 85)`, or what the condition is called and what is known besides. The code
/// stands apart, for programs.
fn told(alert: &Alert, view: &WardView, vitals: &VitalTable) -> Told {
    let code = alert.key.code.to_string();
    let words = match alert.key.code {
        ConditionCode::Limit(vital, side) => vitals.get(vital).map(|def| {
            let side = if side == Side::Low { "low" } else { "high" };
            let value = alert.value.map(|v| format!(" {} {}", def.format(v), def.unit)).unwrap_or_default();
            let limit = alert.limit.map(|v| format!(" (limit {})", def.format(v))).unwrap_or_default();
            format!("{} {side}{value}{limit}", def.label)
        }),
        ConditionCode::NotMeasured(vital) => vitals.get(vital).map(|def| format!("{} not measured", def.label)),
        ConditionCode::Stale(vital) => vitals.get(vital).map(|def| format!("{} no longer comes", def.label)),
        _ => None,
    };
    // What a device said of a patient may tell who it is.
    let detail = alert.detail.as_ref().filter(|_| alert.key.code != ConditionCode::WrongPatient);
    let name = || match (alert.key.code, alert.value) {
        (ConditionCode::Score(kind), Some(total)) => format!("{kind} {total}"),
        (of, _) => condition_name(of, view),
    };
    let plain = || detail.map_or_else(name, |detail| format!("{}: {detail}", name()));
    Told { words: words.unwrap_or_else(plain), code }
}

/// A letter that tries whether a channel works.
#[must_use]
pub fn test_letter(
    (site, mode): (&str, Mode),
    ward: (WardId, String),
    to: Option<LoginName>,
    addresses: &BTreeMap<String, String>,
    at: Timestamp,
) -> Letter {
    // The time makes every test another letter, so that no receiver drops it as a double.
    let transition = u32::try_from(at.as_ms().rem_euclid(1_000_000_000)).unwrap_or_default();
    let id =
        LetterId { ward: ward.0, alert: AlertId(0), transition, emergency: None, to: to.clone(), unrecorded: false };
    Letter {
        id,
        site: site.to_owned(),
        mode,
        purpose: Purpose::Test,
        at,
        to: to.map(|login| recipient(login, addresses)),
        ward: ward.1,
        bed: None,
        priority: Priority::Low,
        class: AlertClass::Technical,
        cause: Cause::Raised,
        level: 1,
        raised_at: at,
        told: None,
        name: None,
        link: None,
        judge_until: None,
        patient: None,
    }
}

#[cfg(test)]
mod tests;
