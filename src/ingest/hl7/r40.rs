//! ORU^R40: alerts of devices, as IHE PCD-04 profiles them and as older and plainer senders do.
//!
//! A group (OBR) of the profile has one row for what happened and one for each attribute of it. Older senders put priority
//! and kind into OBX-8 of the first row; a row of their own wins. A group without such a row is plain: each of its values
//! with a flag is an alert.

use super::{
    message::Location,
    oru::{Group, Unusable, Walk, check_named},
    range,
    source::Source,
    time::{self, Zone},
    tokens::{Segment, Separators, pieces},
    value::{Fault, Reader},
    words::{self, Beyond, Flags, Row},
};
use crate::{
    domain::{
        AlertClass, DeviceAlertCode, DeviceId, EpisodeId, PatientId, Priority, ReportedAlert, ReportedPhase,
        ReportedQuiet, ReportedState, Timestamp, VitalDef, text::clean,
    },
    ingest::{
        native::DecodeRules,
        reading::{Refused, Way},
    },
    protocol::{Rejection, RejectionCode},
};

/// Most rows of one group.
const ROWS_MAX: usize = 1_000;

/// What a device says of an alert of its own, before it is known whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertReading {
    /// The device that says it.
    pub device: DeviceId,
    /// The patient that the message names; to be checked, never believed.
    pub named_patient: Option<PatientId>,
    /// What it says.
    pub said: ReportedAlert,
}

/// An alert of a device, or why it cannot be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The alert.
    pub read: Result<Box<AlertReading>, Refused>,
    /// Where it stands.
    pub location: Location,
}

/// One row of a group with its number in the message.
type Numbered<'m> = (u32, Segment<'m>);

/// The groups of a message.
pub(super) fn groups<'m>(
    segments: impl Iterator<Item = Segment<'m>>,
    separators: Separators,
    source: &Source,
    rules: DecodeRules<'_>,
    zone: Zone,
) -> Result<Vec<Group>, Unusable> {
    let mut walk = Walk::new(Reader { separators, source, rules, zone });
    let mut open: Option<Open<'m>> = None;
    let (mut obr, mut obx, mut told) = (0, 0, 0);
    for segment in segments {
        match segment.name() {
            "PID" => {
                close(&mut walk, open.take(), &mut told)?;
                walk.patient(&segment);
            }
            "PV1" => {
                close(&mut walk, open.take(), &mut told)?;
                walk.bed(&segment);
            }
            "OBR" => {
                close(&mut walk, open.take(), &mut told)?;
                obr += 1;
                open = Some(Open { obr: segment, number: obr, rows: Vec::new() });
            }
            "OBX" => {
                obx += 1;
                walk.note_monitor(&segment, monitor_of(&segment));
                let nobody =
                    || (100, Location::new("OBX", obx, 0), "a row without a group: send OBR before it".to_owned());
                let open = open.as_mut().ok_or_else(nobody)?;
                if open.rows.len() >= ROWS_MAX {
                    let text = format!("more than {ROWS_MAX} rows in one group");
                    return Err((102, Location::new("OBX", obx, 0), text));
                }
                open.rows.push((obx, segment));
            }
            _ => check_named(&segment)?,
        }
    }
    close(&mut walk, open, &mut told)?;
    Ok(walk.groups)
}

/// A group whose rows are being read.
struct Open<'m> {
    obr: Segment<'m>,
    number: u32,
    rows: Vec<Numbered<'m>>,
}

fn monitor_of<'m>(obx: &Segment<'m>) -> &'m str {
    pieces(obx.field(4), '.').next().unwrap_or_default()
}

/// Makes the alerts of a group.
fn close<'m>(walk: &mut Walk<'_, 'm>, open: Option<Open<'m>>, told: &mut usize) -> Result<(), Unusable> {
    let Some(open) = open else { return Ok(()) };
    if is_watchdog(&open, walk.reader.separators) {
        return Ok(());
    }
    for (location, read) in alerts(walk, &open) {
        let index = *told;
        *told += 1;
        if *told > walk.reader.rules.max_items {
            let text = format!("more than {} alerts in one message", walk.reader.rules.max_items);
            return Err((102, location, text));
        }
        let payload = || {
            let lines: Vec<&str> =
                [open.obr.line].into_iter().chain(open.rows.iter().map(|(_, row)| row.line)).collect();
            Refused::payload(lines.join("\r").as_bytes())
        };
        let read = read.map(Box::new).map_err(|(fault, device)| {
            let location = Location { field: fault.field, ..location };
            Refused {
                rejection: Rejection { index, code: fault.code, detail: format!("{location}: {}", fault.detail) },
                payload: payload(),
                way: Way::Hl7,
                ahead: fault.ahead.zip(device).map(|(at, device)| (device, at)),
            }
        });
        if let Some(group) = walk.group() {
            group.alerts.push(Told { read, location });
        }
    }
    Ok(())
}

/// Whether a group says no more than that its sender is alive.
fn is_watchdog(open: &Open<'_>, separators: Separators) -> bool {
    let of_row = |row: &Segment<'_>| {
        words::is_watchdog(row.field(3), separators)
            || (words::facet(row) == Some("1") && words::is_watchdog(row.field(5), separators))
    };
    let is_other = |row: &Segment<'_>| matches!(words::row(row, separators), Ok(Row::Event)) && !of_row(row);
    let mut rows = open.rows.iter().map(|(_, row)| row);
    words::is_watchdog(open.obr.field(4), separators) || (rows.clone().any(of_row) && !rows.any(is_other))
}

type Read = Result<AlertReading, (Fault, Option<DeviceId>)>;

/// The alerts of a group, each with its place.
fn alerts<'m>(walk: &mut Walk<'_, 'm>, open: &Open<'m>) -> Vec<(Location, Read)> {
    let separators = walk.reader.separators;
    let mut rows = Vec::with_capacity(open.rows.len());
    for (number, row) in &open.rows {
        match words::row(row, separators) {
            Ok(kind) => rows.push((kind, *number, *row)),
            Err(why) => {
                let fault = Fault::new(3, RejectionCode::Malformed, format!("OBX-3: {why}"));
                return vec![(Location::new("OBX", *number, 3), Err((fault, None)))];
            }
        }
    }
    let events = rows.iter().filter(|(kind, ..)| *kind == Row::Event).count();
    let several;
    let parts: Vec<Part<'_, 'm>> = if events > 0 {
        several = events > 1;
        by_event(&rows).map(|rows| Part { rows, subject: None }).collect()
    } else {
        let is_alert = |row: &Segment<'_>| !row.field(5).is_empty() && !row.field(8).is_empty();
        let plain: Vec<_> = rows.iter().filter(|(kind, _, row)| *kind == Row::Plain && is_alert(row)).collect();
        several = plain.len() > 1;
        plain.into_iter().map(|(_, number, row)| Part { rows: &rows, subject: Some((*number, *row)) }).collect()
    };
    if parts.is_empty() {
        let detail = "the group names no alert: neither an event nor a value with a flag (OBX-8)".to_owned();
        let fault = Fault::new(4, RejectionCode::Malformed, detail);
        return vec![(Location::new("OBR", open.number, 4), Err((fault, None)))];
    }
    parts.into_iter().map(|part| one(walk, open, &part, several)).collect()
}

/// The rows of one alert. Of a plain group all rows are shared, and one of them is the alert's own.
struct Part<'r, 'm> {
    rows: &'r [(Row, u32, Segment<'m>)],
    subject: Option<Numbered<'m>>,
}

/// Divides the rows of a group: with each further event begins another alert.
fn by_event<'r, 'm>(rows: &'r [(Row, u32, Segment<'m>)]) -> impl Iterator<Item = &'r [(Row, u32, Segment<'m>)]> {
    let starts = rows.iter().enumerate().filter(|(_, (kind, ..))| *kind == Row::Event).map(|(at, _)| at);
    let starts: Vec<usize> = starts.collect();
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([rows.len()]).collect();
    let begins: Vec<usize> = [0].into_iter().chain(starts.into_iter().skip(1)).collect();
    begins.into_iter().zip(ends).filter_map(|(from, to)| rows.get(from..to))
}

impl<'m> Part<'_, 'm> {
    fn row(&self, wanted: Row) -> Option<Numbered<'m>> {
        self.rows.iter().find(|(kind, ..)| *kind == wanted).map(|(_, number, row)| (*number, *row))
    }

    fn field(&self, wanted: Row) -> &'m str {
        self.row(wanted).map_or("", |(_, row)| row.field(5))
    }

    /// The row with the value that the alert is about: facet 2, else the first of a plain kind.
    fn measured(&self) -> Option<Segment<'m>> {
        if let Some((_, row)) = self.subject {
            return Some(row);
        }
        let plain = || self.rows.iter().filter(|(kind, ..)| *kind == Row::Plain).map(|(.., row)| *row);
        let is_value = |row: &Segment<'_>| !row.field(5).is_empty() || !row.field(7).is_empty();
        plain().find(|row| words::facet(row) == Some("2")).or_else(|| plain().find(is_value))
    }
}

/// One alert.
fn one<'m>(walk: &mut Walk<'_, 'm>, open: &Open<'m>, part: &Part<'_, 'm>, several: bool) -> (Location, Read) {
    let (number, row) = part.subject.or_else(|| part.row(Row::Event)).unwrap_or((open.number, open.obr));
    let location = Location::new(if row.name() == "OBR" { "OBR" } else { "OBX" }, number, 5);
    let device = match walk.device(monitor_of(&row)) {
        Ok(device) => device,
        Err(fault) => return (location, Err((fault, None))),
    };
    if let Some(why) = &walk.bad_patient {
        let fault = Fault::new(3, RejectionCode::WrongPatient, format!("PID-3: {why}"));
        return (location, Err((fault, None)));
    }
    let named_patient = walk.groups.last().and_then(|group| group.patient.clone());
    let read = match said(&walk.reader, open, part, (row, several)) {
        Ok(said) => Ok(AlertReading { device, named_patient, said }),
        Err(fault) => Err((fault, Some(device))),
    };
    (location, read)
}

/// What is said.
fn said(
    reader: &Reader<'_>,
    open: &Open<'_>,
    part: &Part<'_, '_>,
    (row, several): (Segment<'_>, bool),
) -> Result<ReportedAlert, Fault> {
    let separators = reader.separators;
    let flags = words::flags(row.field(8), separators);
    let measured = part.measured();
    let about = About::of(reader, part, measured.as_ref());
    let (event, text) = named(reader, part, &row, flags, &about);
    let code = DeviceAlertCode::new(&event, &about.source);
    let state = ReportedState::of_word(coded(part.field(Row::State), separators));
    let phase = phase(part.field(Row::Phase), (state, flags), separators)?;
    let (episode, linked) = episode(&open.obr, &code, several, separators);
    let observed_at = when(reader, open, part, (&row, phase))?;
    let own = coded(part.field(Row::Priority), separators);
    let kind = coded(part.field(Row::Kind), separators);
    Ok(ReportedAlert {
        code,
        text,
        episode,
        linked,
        phase,
        state,
        quiet: ReportedQuiet::of_word(coded(part.field(Row::Quiet), separators)),
        priority: words::priority(own).or(flags.priority.filter(|_| own.is_empty())).unwrap_or(Priority::Medium),
        class: words::class(kind).or(flags.class).unwrap_or(AlertClass::Physiological),
        value: about.value,
        limits: about.limits,
        observed_at,
    })
}

/// The word of an attribute, which is a plain text or the first component that says something.
fn coded(field: &str, separators: Separators) -> &str {
    let field = separators.first(field);
    pieces(field, separators.component).find(|part| !part.is_empty()).unwrap_or_default()
}

/// What an alert is about.
struct About {
    /// The short code of a vital, the name of something else, or nothing.
    source: String,
    /// As people call it.
    label: String,
    value: Option<String>,
    limits: Option<String>,
}

impl About {
    fn of(reader: &Reader<'_>, part: &Part<'_, '_>, measured: Option<&Segment<'_>>) -> Self {
        let separators = reader.separators;
        let named = separators.first(part.field(Row::Source));
        let vital = |field: &str| reader.source.codes.vital(field, separators);
        let found = measured.and_then(|row| vital(row.field(3))).or_else(|| vital(named));
        let value = measured.and_then(|row| value_shown(reader, row, vital(row.field(3))?));
        let limits = measured.and_then(|row| limits_shown(reader, row, vital(row.field(3))));
        let (source, label) = match found {
            Some(def) => (def.code.to_string(), def.label.to_string()),
            None if !named.is_empty() => {
                let name = words::event_name(named, separators);
                let label = words::plain_words(&name);
                (name, label)
            }
            None => {
                let row = measured.filter(|row| words::facet(row) == Some("2"));
                let name = row.map(|row| words::event_name(separators.first(row.field(3)), separators));
                let name = name.unwrap_or_default();
                let label = words::plain_words(&name);
                (name, label)
            }
        };
        Self { source, label: clean(&separators.unescape(&label)), value, limits }
    }
}

/// The value of a row in the unit of its vital, or with its own unit if that is not known: never one beside the other's.
fn value_shown(reader: &Reader<'_>, row: &Segment<'_>, def: &VitalDef) -> Option<String> {
    let separators = reader.separators;
    let raw = separators.first(row.field(5)).trim();
    let (comparison, raw) = if row.field(2) == "SN" { structured(raw, separators)? } else { ("", raw) };
    let number: f64 = raw.parse().ok().filter(|n: &f64| n.is_finite())?;
    if reader.source.sentinels.contains(&number) {
        return None;
    }
    let [word, any] = own_unit(row, separators);
    let (number, unit) = match reader.source.codes.conversion(row.field(6), def, separators) {
        Ok(conversion) if conversion.is_same() => {
            let ours = if any.is_empty() { "" } else { &*def.unit };
            (raw.to_owned(), if word.is_empty() { ours } else { word })
        }
        Ok(conversion) => (range::converted(raw, def, conversion)?, &*def.unit),
        Err(_) => (raw.to_owned(), any),
    };
    Some(clean(format!("{comparison}{number} {unit}").trim_end()))
}

/// The limits of a row, by the rule for its value.
fn limits_shown(reader: &Reader<'_>, row: &Segment<'_>, def: Option<&VitalDef>) -> Option<String> {
    let separators = reader.separators;
    let conversion = def.map(|def| reader.source.codes.conversion(row.field(6), def, separators).map(|how| (def, how)));
    match conversion {
        Some(Ok(how)) => range::limits(row.field(7), separators, how).map(|limits| limits.to_string()),
        Some(Err(_)) => {
            let limits = range::as_sent(row.field(7), separators)?;
            let [_, unit] = own_unit(row, separators);
            Some(clean(format!("{limits} {unit}").trim_end()))
        }
        None => range::as_sent(row.field(7), separators).map(|limits| limits.to_string()),
    }
}

/// The unit of a row as it came: the word that people read, and whatever there is, the word first.
fn own_unit<'m>(row: &Segment<'m>, separators: Separators) -> [&'m str; 2] {
    let unit = separators.first(row.field(6));
    let unit = [separators.component(unit, 2), separators.component(unit, 1)];
    // A code of MDC tells nobody anything.
    let is_word = |unit: &&str| !unit.is_empty() && unit.parse::<u32>().is_err() && !unit.starts_with("MDC_");
    let word = unit.iter().rev().copied().find(is_word).unwrap_or_default();
    let any = unit.iter().copied().find(|unit| !unit.is_empty()).unwrap_or_default();
    [word, if word.is_empty() { any } else { word }]
}

/// The comparison and the number of a structured number; `None` if it is a range, a ratio or no number.
fn structured(raw: &str, separators: Separators) -> Option<(&str, &str)> {
    let mut parts = pieces(raw, separators.component).map(str::trim);
    let (first, second) = (parts.next()?, parts.next().unwrap_or_default());
    let is_more = parts.any(|part| !part.is_empty());
    match first {
        _ if is_more => None,
        "" | "=" => Some(("", second)),
        "<" | ">" | "<=" | ">=" => Some((first, second)),
        number => second.is_empty().then_some(("", number)),
    }
}

/// The name of the event, and the device's words for it.
fn named(reader: &Reader<'_>, part: &Part<'_, '_>, row: &Segment<'_>, flags: Flags, about: &About) -> (String, String) {
    let separators = reader.separators;
    let words_of = |raw: &str| clean(&separators.unescape(raw));
    let own = words_of(part.field(Row::Text));
    let code = separators.first(row.field(3));
    let value = separators.first(row.field(5));
    if part.subject.is_some() {
        // A value with a flag, or a text.
        let side = flags.side.unwrap_or(Beyond::Somehow);
        let is_number = row.field(2) == "SN" || separators.component(value, 1).trim().parse::<f64>().is_ok();
        let known = reader.source.codes.vital(row.field(3), separators).is_some();
        let name = if known { side.event().to_owned() } else { words::event_name(code, separators) };
        let said = if is_number {
            format!("{} {}", about.label, side.word())
        } else {
            words_of(value_text(value, separators))
        };
        let said = if is_number && about.label.is_empty() { words::plain_words(&name) } else { said };
        return (name, if own.is_empty() { clean(&said) } else { own });
    }
    let mut event = words::event_name(code, separators);
    let any = event.eq_ignore_ascii_case(words::ANY_EVENT) || event == words::ANY_EVENT_NUMBER.to_string();
    let is_coded = value.contains(separators.component);
    let mut said = String::new();
    if any && !value.is_empty() {
        event = words::event_name(value, separators);
        let original = words_of(separators.component(value, ORIGINAL_TEXT));
        said = if is_coded { original } else { words_of(value) };
    } else if !is_coded {
        said = words_of(value);
    }
    if said.is_empty() {
        said = clean(format!("{} {}", about.label, words::plain_words(&event)).trim());
    }
    (event, if own.is_empty() { said } else { own })
}

/// The component of a coded value that has the words as they were.
const ORIGINAL_TEXT: usize = 9;

/// The words of a value: those of a coded one, else all of it.
fn value_text(value: &str, separators: Separators) -> &str {
    let name = separators.component(value, 2);
    if name.is_empty() { separators.component(value, 1) } else { name }
}

/// Which moment it tells of. Who says nothing of it says that it is so, or that all is well.
fn phase(
    field: &str,
    (state, flags): (Option<ReportedState>, Flags),
    separators: Separators,
) -> Result<ReportedPhase, Fault> {
    let field = separators.first(field);
    if field.is_empty() {
        let well = flags.normal && flags.side.is_none() && state != Some(ReportedState::Active);
        let over = well || matches!(state, Some(ReportedState::Inactive));
        return Ok(if over { ReportedPhase::End } else { ReportedPhase::Continue });
    }
    pieces(field, separators.component).find_map(ReportedPhase::of_word).ok_or_else(|| {
        let detail = format!("{:?} is no phase of an event: start, continue, update or end is wanted", clean(field));
        Fault::new(5, RejectionCode::Malformed, detail)
    })
}

/// What links the messages of an episode: the first message that this one names (OBR-29), else its own name (OBR-3,
/// OBR-2), else what it is about.
fn episode(obr: &Segment<'_>, code: &DeviceAlertCode, several: bool, separators: Separators) -> (EpisodeId, bool) {
    let parent = separators.first(obr.field(29));
    let parent = [2, 1].map(|n| separators.plain(separators.component(parent, n)).trim());
    let own = [3, 2].map(|n| separators.plain(separators.component(separators.first(obr.field(n)), 1)).trim());
    let is_there = |text: &&&str| !text.is_empty();
    let found = parent.iter().find(is_there);
    let name = found.or_else(|| own.iter().find(is_there)).copied();
    let name = match name {
        Some(name) if several => format!("{name}/{code}"),
        Some(name) => name.to_owned(),
        None => code.to_string(),
    };
    (EpisodeId::new(&name), found.is_some())
}

/// When: OBX-14 of the phase, of the event or of any row; of an end OBR-8; else OBR-7.
fn when(
    reader: &Reader<'_>,
    open: &Open<'_>,
    part: &Part<'_, '_>,
    (row, phase): (&Segment<'_>, ReportedPhase),
) -> Result<Timestamp, Fault> {
    let own = part.row(Row::Phase).map_or("", |(_, row)| row.field(14));
    let any = || part.rows.iter().map(|(.., row)| row.field(14)).find(|at| !at.is_empty());
    let end = || (phase == ReportedPhase::End).then(|| open.obr.field(8));
    let candidates = [Some(own), Some(row.field(14)), any(), end(), Some(open.obr.field(7))];
    let text = candidates.into_iter().flatten().find(|at| !at.is_empty()).unwrap_or_default();
    let at = time::parse(text, reader.zone).ok_or_else(|| {
        let detail = if text.is_empty() {
            "there is no time: send OBX-14, or OBR-7 for the group".to_owned()
        } else {
            format!("{:?} is no time to the minute: send YYYYMMDDHHMMSS with an offset such as +0100", clean(text))
        };
        Fault::new(14, RejectionCode::BadTime, detail)
    })?;
    reader.in_time(at, "the alert").map(|()| at)
}

#[cfg(test)]
mod tests;
