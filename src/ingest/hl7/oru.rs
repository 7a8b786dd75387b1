//! ORU^R01: values, by whose they are.

use super::{
    message::Location,
    r40::Told,
    range,
    source::Source,
    time::Zone,
    tokens::{Segment, Separators, pieces},
    value::{self, Fault, Reader, Span},
};
use crate::{
    domain::{BedId, DeviceId, PatientId, ReportedLimits, Timestamp, VitalCode},
    ingest::{
        native::DecodeRules,
        reading::{Reading, Refused, Way},
    },
    protocol::{Rejection, RejectionCode},
};

/// Most monitors that one message may contain (first number of OBX-4).
const MONITORS_MAX: usize = 256;

/// A value, or why it cannot be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// The value. Its patient is the one that the message names; the device may be one of our own making.
    pub read: Result<Reading, Refused>,
    /// Where it stands.
    pub location: Location,
    /// The limits by which the device itself alarms, if it says.
    pub limits: Option<ReportedLimits>,
}

/// The values of one patient or bed, in their order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Group {
    /// The patient that PID-3 names.
    pub patient: Option<PatientId>,
    /// The bed that PV1-3 names.
    pub bed: Option<BedId>,
    /// The values.
    pub values: Vec<Observed>,
    /// Alerts of devices.
    pub alerts: Vec<Told>,
    /// Vitals of which the monitor says that it has no value.
    pub no_value: Vec<VitalCode>,
    /// Rows with a value whose code is none of a vital here.
    pub ignored: usize,
}

/// The time that was read last.
#[derive(Default)]
pub(super) struct Found<'m> {
    pub(super) time_text: &'m str,
    pub(super) time: Option<Timestamp>,
}

/// What cannot be used of a whole message: the number of table 0357, where, what.
pub(super) type Unusable = (u16, Location, String);

/// Where the reading of a message has come to.
pub(super) struct Walk<'a, 'm> {
    pub(super) reader: Reader<'a>,
    pub(super) groups: Vec<Group>,
    /// Set once a value may not be used because the patient's identifier is none.
    pub(super) bad_patient: Option<String>,
    span: Span<'m>,
    /// Devices by the first number of OBX-4.
    monitors: Vec<(&'m str, DeviceId)>,
    /// The device that stands for the bed or patient of the group, once a row needed it.
    stand_in: Option<DeviceId>,
    /// How many PID, OBR and OBX were seen.
    seen: (u32, u32, u32),
    last: Found<'m>,
    /// How many values the message has.
    values: usize,
}

/// The groups of a message.
pub(super) fn groups<'m>(
    segments: impl Iterator<Item = Segment<'m>>,
    separators: Separators,
    source: &Source,
    rules: DecodeRules<'_>,
    zone: Zone,
) -> Result<Vec<Group>, Unusable> {
    let mut walk = Walk::new(Reader { separators, source, rules, zone });
    for segment in segments {
        match segment.name() {
            "PID" => walk.patient(&segment),
            "PV1" => walk.bed(&segment),
            "OBR" => {
                walk.seen.1 += 1;
                walk.span = Span { from: segment.field(7), to: segment.field(8) };
            }
            "OBX" => walk.value(&segment)?,
            _ => check_named(&segment)?,
        }
    }
    Ok(walk.groups)
}

/// Refuses a second message within the first: what stands behind its header may be of another sender and patient.
pub(super) fn check_header(segment: &Segment<'_>) -> Result<(), Unusable> {
    if segment.line.starts_with("MSH") {
        let text = "a second header within a message: send each message in a frame of its own".to_owned();
        return Err((100, Location::new("MSH", 2, 1), text));
    }
    Ok(())
}

/// Refuses a line that is no segment, and a second message within the first.
pub(super) fn check_named(segment: &Segment<'_>) -> Result<(), Unusable> {
    check_header(segment)?;
    if segment.is_named() {
        return Ok(());
    }
    let text = format!("a line begins with {:?}, which is no segment", crate::domain::text::clean(segment.name()));
    Err((100, Location::WHOLE, text))
}

impl<'a, 'm> Walk<'a, 'm> {
    pub(super) fn new(reader: Reader<'a>) -> Self {
        Self {
            reader,
            groups: Vec::new(),
            bad_patient: None,
            span: Span::default(),
            monitors: Vec::new(),
            stand_in: None,
            seen: (0, 0, 0),
            last: Found::default(),
            values: 0,
        }
    }

    pub(super) fn group(&mut self) -> Option<&mut Group> {
        if self.groups.is_empty() {
            self.groups.push(Group::default());
        }
        self.groups.last_mut()
    }

    /// Begins with another patient or bed: nothing of the one before holds for it.
    fn begin(&mut self) {
        self.groups.push(Group::default());
        self.bad_patient = None;
        self.span = Span::default();
        self.monitors.clear();
        self.stand_in = None;
    }

    pub(super) fn patient(&mut self, pid: &Segment<'m>) {
        self.seen.0 += 1;
        self.begin();
        match patient_id(pid, self.reader.separators) {
            Ok(patient) => self.group().into_iter().for_each(|group| group.patient.clone_from(&patient)),
            Err(why) => self.bad_patient = Some(why),
        }
    }

    pub(super) fn bed(&mut self, pv1: &Segment<'m>) {
        // A visit without a patient before it begins somebody of its own.
        let used = self.groups.last().is_none_or(|g| !g.values.is_empty() || !g.alerts.is_empty() || g.bed.is_some());
        if used && self.bad_patient.is_none() {
            self.begin();
        }
        // What cannot be one of our beds is none of them: patient or device say whose the values are.
        let bed = self.reader.source.bed(pv1.field(3), self.reader.separators).unwrap_or_default();
        self.stand_in = None;
        if let Some(group) = self.group() {
            group.bed = bed;
        }
    }

    fn value(&mut self, obx: &Segment<'m>) -> Result<(), Unusable> {
        self.seen.2 += 1;
        let number = self.seen.2;
        let path = obx.field(4);
        let monitor = pieces(path, '.').next().unwrap_or_default();
        let own = self.note_monitor(obx, monitor);
        // A row without a value describes a device; one with a facet describes a value.
        let is_facet = pieces(path, '.').nth(4).is_some_and(|facet| facet != "0");
        if is_facet || (obx.field(2).is_empty() && obx.field(5).is_empty()) {
            return Ok(());
        }
        let source = self.reader.source;
        let Some(def) = source.codes.vital(obx.field(3), self.reader.separators) else {
            let ignored = usize::from(!obx.field(5).is_empty());
            self.group().into_iter().for_each(|group| group.ignored += ignored);
            return Ok(());
        };
        let device = own.unwrap_or_else(|| self.device(monitor));
        let (span, mut last) = (self.span, std::mem::take(&mut self.last));
        let numbers = match device {
            Ok(device) => self.reader.numbers(obx, def, span, &mut last).map(|numbers| (device, numbers)),
            Err(fault) => Err(fault),
        };
        self.last = last;
        let correction = obx.field(11) == "C";
        let named = self.groups.last().and_then(|group| group.patient.clone());
        let (device, numbers) = match numbers {
            Ok(found) => found,
            Err(fault) => {
                self.push(Err((fault, None)), obx, number)?;
                return Ok(());
            }
        };
        if numbers.is_empty() {
            self.group().into_iter().for_each(|group| group.no_value.push(def.code));
        }
        for found in numbers {
            let read = match (found, &self.bad_patient) {
                (Ok(_), Some(why)) => {
                    let detail = format!("PID-3: {why}");
                    Err((Fault::new(3, RejectionCode::WrongPatient, detail), None))
                }
                (Ok(found), None) => Ok(Reading {
                    device: device.clone(),
                    named_patient: named.clone(),
                    vital: def.code,
                    value: found.value,
                    text: found.text,
                    observed_at: found.at,
                    correction,
                    interval: None,
                }),
                (Err(fault), _) => Err((fault, Some(&device))),
            };
            self.push(read, obx, number)?;
        }
        Ok(())
    }

    /// The device that a row names, if it does; it is that of its monitor.
    pub(super) fn note_monitor(&mut self, obx: &Segment<'m>, monitor: &'m str) -> Option<Result<DeviceId, Fault>> {
        let own = value::device(obx.field(18), self.reader.separators);
        if let Some(Ok(device)) = &own
            && !self.monitors.iter().any(|(known, _)| *known == monitor)
            && self.monitors.len() < MONITORS_MAX
        {
            self.monitors.push((monitor, device.clone()));
        }
        own
    }

    /// The device of a row that names none: that of its monitor; else one that stands for the bed, or for the patient.
    pub(super) fn device(&mut self, monitor: &str) -> Result<DeviceId, Fault> {
        if let Some((_, device)) = self.monitors.iter().find(|(known, _)| *known == monitor) {
            return Ok(device.clone());
        }
        if let Some(device) = &self.stand_in {
            return Ok(device.clone());
        }
        let sender = self.reader.rules.sender;
        let group = self.groups.last();
        let bed = group.and_then(|g| g.bed.as_ref()).map(BedId::as_str);
        let Some(name) = bed.or_else(|| group.and_then(|g| g.patient.as_ref()).map(PatientId::as_str)) else {
            return Ok(sender.clone());
        };
        let wrong = |e| Fault::new(18, RejectionCode::UnknownDevice, format!("there is no device, and {e}"));
        let device: DeviceId = format!("{sender}/{name}").parse().map_err(wrong)?;
        self.stand_in = Some(device.clone());
        Ok(device)
    }

    /// The limits of the device in the unit of the vital; none if what unit they have is not known.
    fn limits(&self, obx: &Segment<'m>) -> Option<ReportedLimits> {
        let (codes, separators) = (&self.reader.source.codes, self.reader.separators);
        let def = codes.vital(obx.field(3), separators)?;
        let conversion = codes.conversion(obx.field(6), def, separators).ok()?;
        range::limits(obx.field(7), separators, (def, conversion))
    }

    fn push(
        &mut self,
        read: Result<Reading, (Fault, Option<&DeviceId>)>,
        obx: &Segment<'m>,
        number: u32,
    ) -> Result<(), Unusable> {
        let index = self.values;
        self.values += 1;
        if self.values > self.reader.rules.max_items {
            let text = format!("more than {} values in one message", self.reader.rules.max_items);
            return Err((102, Location::new("OBX", number, 5), text));
        }
        let field = read.as_ref().err().map_or(5, |(fault, _)| fault.field);
        let location = Location::new("OBX", number, field);
        let read = read.map_err(|(fault, device)| Refused {
            rejection: Rejection { index, code: fault.code, detail: format!("{location}: {}", fault.detail) },
            payload: Refused::payload(obx.line.as_bytes()),
            way: Way::Hl7,
            ahead: fault.ahead.zip(device).map(|(at, device)| (device.clone(), at)),
        });
        let limits = if obx.field(7).is_empty() { None } else { self.limits(obx) };
        if let Some(group) = self.group() {
            group.values.push(Observed { read, location, limits });
        }
        Ok(())
    }
}

/// Kinds of identifiers (PID-3.5) in the order in which they are taken.
const ID_KINDS: [&str; 3] = ["MR", "PI", "PT"];

/// The patient that PID-3 names: its medical record number, else its internal identifier, else the first that is there.
pub(super) fn patient_id(pid: &Segment<'_>, separators: Separators) -> Result<Option<PatientId>, String> {
    chosen_id(pid.field(3), separators)
}

/// The patient among the identifiers of a field, by the rule for PID-3.
pub(super) fn chosen_id(field: &str, separators: Separators) -> Result<Option<PatientId>, String> {
    let all = || pieces(field, separators.repetition).filter(|rep| !separators.component(rep, 1).is_empty());
    let of_kind = |kind: &&str| all().find(|rep| separators.component(rep, 5) == *kind);
    let Some(found) = ID_KINDS.iter().find_map(of_kind).or_else(|| all().next()) else { return Ok(None) };
    identifier(separators.component(found, 1), separators).map(Some)
}

/// The identifier of a patient.
fn identifier(text: &str, separators: Separators) -> Result<PatientId, String> {
    separators.unescape(text).trim().parse().map_err(|e: crate::domain::IdError| e.to_string())
}
